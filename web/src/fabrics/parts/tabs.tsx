/** Tabs as the ARIA practices describe them: arrow keys between them, Tab into what they show. */
import type { KeyboardEvent, ReactNode } from "react";
import { useEffect, useId, useRef, useState } from "react";

const FADED_PX = 48;

type Tab = { id: string; name: string; show: () => ReactNode };

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const tab = tabs[chosen];
  const [more, setMore] = useState("");
  const look = () => {
    const { scrollLeft, clientWidth, scrollWidth } = list.current ?? { scrollLeft: 0, clientWidth: 0, scrollWidth: 0 };
    const sides = [scrollLeft > 1 && "left", scrollLeft + clientWidth < scrollWidth - 1 && "right"];
    setMore(sides.filter(Boolean).join(" "));
  };
  useEffect(() => {
    const observer = new ResizeObserver(look);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const strip = list.current;
    const button = strip?.querySelectorAll<HTMLElement>('[role="tab"]')[chosen];
    if (!strip || !button) return;
    // By hand: scrollIntoView would scroll the page as well. The faded edges are no place to stand in.
    const [left, right] = [button.offsetLeft - FADED_PX, button.offsetLeft + button.offsetWidth + FADED_PX];
    strip.scrollLeft = Math.min(Math.max(strip.scrollLeft, right - strip.clientWidth), left);
  }, [chosen]);
  const key = (event: KeyboardEvent) => {
    const to = { ArrowRight: chosen + 1, ArrowLeft: chosen - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + tabs.length) % tabs.length;
    setChosen(next);
    list.current?.querySelectorAll<HTMLElement>('[role="tab"]')[next]?.focus();
  };
  return (
    <>
      <div role="tablist" aria-label={label} ref={list} onKeyDown={key} onScroll={look} className="tabs" data-more={more}>
        {tabs.map(({ id: name, name: words }, n) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${name}`}
            aria-selected={n === chosen}
            aria-controls={`${id}-panel`}
            tabIndex={n === chosen ? 0 : -1}
            onClick={() => setChosen(n)}
          >
            {words}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${tab?.id}`} tabIndex={0} className="panel">
        {tab?.show()}
      </div>
    </>
  );
}
