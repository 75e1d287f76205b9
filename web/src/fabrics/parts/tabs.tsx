/** Tabs as the ARIA practices describe them: arrow keys between them, Tab into what they show. */
import type { KeyboardEvent, ReactNode } from "react";
import { useId, useRef, useState } from "react";

type Tab = { id: string; name: string; show: () => ReactNode };

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const tab = tabs[chosen];
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
      <div role="tablist" aria-label={label} ref={list} onKeyDown={key} className="tabs">
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
