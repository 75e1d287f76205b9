import type { Dispatch } from "react";
import { useEffect } from "react";
import type { Event, Screen } from "./machine";

/** Keys that work wherever the focus is: any key wakes, space and enter release the shutter, escape goes back. */
export function useKeys(screen: Screen, countdownS: number, dispatch: Dispatch<Event>): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      const made = eventFor(screen, event.key, countdownS, isControl(event.target));
      if (!made) return;
      event.preventDefault();
      dispatch(made);
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [screen, countdownS, dispatch]);
}

function eventFor(screen: Screen, key: string, seconds: number, onControl: boolean): Event | null {
  if (screen.at === "attract") return isMeant(key) ? { type: "touched" } : null;
  if (key === "Escape") {
    if (screen.at === "countdown" || screen.at === "developing") return { type: "cancelled" };
    if (screen.at === "result") return { type: "back" };
    return screen.at === "consent" ? { type: "left" } : null;
  }
  const release = key === " " || key === "Enter";
  return release && screen.at === "live" && !onControl ? { type: "shutter", seconds } : null;
}

/** Letters, space, enter and arrows: not the keys that move the focus or belong to the browser. */
function isMeant(key: string): boolean {
  return key.length === 1 || key === "Enter" || key.startsWith("Arrow");
}

/** A control answers to these keys itself. */
function isControl(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input") !== null;
}

/** Marks the page while it is used by touch or mouse, so that the focus ring shows to those who steer by keys alone. */
export function useModality(): void {
  useEffect(() => {
    const { dataset } = document.documentElement;
    const byPointer = () => {
      dataset.pointer = "true";
    };
    const byKeys = () => {
      delete dataset.pointer;
    };
    window.addEventListener("pointerdown", byPointer, true);
    window.addEventListener("keydown", byKeys, true);
    return () => {
      window.removeEventListener("pointerdown", byPointer, true);
      window.removeEventListener("keydown", byKeys, true);
    };
  }, []);
}
