/** Where a scan is: which photo, how far, what came of it, what went wrong. A reducer; nothing chosen is ever lost. */
import type { Stage } from "./api";
import type { Pair, ScanAnswer } from "./answer";
import type { Problem } from "./problem";

export type Photo = {
  /** What was chosen here; null for a scan that was opened by its address. */
  file: Blob | null;
  url: string;
  /** Height and width in pixels, upright. */
  size: Pair;
};

export type Scanning = {
  photo: Photo | null;
  answer: ScanAnswer | null;
  /** Null while nothing is under way. */
  running: Stage | "sending" | null;
  problem: Problem | null;
};

export type ScanEvent =
  | { type: "chosen"; photo: Photo }
  | { type: "refused"; problem: Problem }
  | { type: "started" }
  | { type: "stage"; stage: Stage }
  | { type: "done"; answer: ScanAnswer }
  | { type: "failed"; problem: Problem }
  | { type: "cancelled" }
  | { type: "cleared" };

export const EMPTY: Scanning = { photo: null, answer: null, running: null, problem: null };

export function nextScanning(state: Scanning, event: ScanEvent): Scanning {
  switch (event.type) {
    case "chosen":
      return { ...EMPTY, photo: event.photo };
    case "refused":
      return { ...state, problem: event.problem };
    case "started":
      return state.photo ? { ...state, running: "sending", problem: null } : state;
    case "stage":
      return state.running ? { ...state, running: event.stage } : state;
    case "done": {
      const { photo, size } = { photo: state.photo, size: event.answer.photo.size };
      const shown = photo ? { ...photo, size } : { file: null, url: event.answer.photo.url, size };
      return { photo: shown, answer: event.answer, running: null, problem: null };
    }
    case "failed":
      return { ...state, running: null, problem: event.problem };
    case "cancelled":
      return { ...state, running: null };
    case "cleared":
      return EMPTY;
  }
}

/** In [0, 1]; null before the server has begun. */
export function shareOf(running: Scanning["running"]): number | null {
  return running === null || running === "sending" ? null : running.index / Math.max(1, running.of);
}
