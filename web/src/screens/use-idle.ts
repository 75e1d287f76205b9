import type { RefObject } from "react";
import { useEffect, useState } from "react";
import { idleCountdown } from "./idle";

const STIRS = ["pointerdown", "pointermove", "keydown", "wheel"] as const;

type Options = {
  limitMs: number;
  active: boolean;
  /** When the mirror last saw somebody. */
  seenMs: RefObject<number>;
  onLeave: () => void;
};

/** Seconds left before the kiosk goes back to its first screen; null while somebody is there. */
export function useIdle({ limitMs, active, seenMs, onLeave }: Options): number | null {
  const [left, setLeft] = useState<number | null>(null);
  useEffect(() => {
    setLeft(null);
    if (!active) return;
    let stirredMs = performance.now();
    const stir = () => {
      stirredMs = performance.now();
      setLeft(null);
    };
    const look = () => {
      const now = idleCountdown(performance.now() - Math.max(stirredMs, seenMs.current), limitMs);
      setLeft(now);
      if (now === 0) onLeave();
    };
    const timer = window.setInterval(look, 200);
    for (const event of STIRS) window.addEventListener(event, stir, { capture: true, passive: true });
    return () => {
      window.clearInterval(timer);
      for (const event of STIRS) window.removeEventListener(event, stir, { capture: true });
    };
  }, [active, limitMs, seenMs, onLeave]);
  return left;
}
