/** Which screen is shown and what leads from one to the next. Pure: state and event in, state out. */
import type { CameraTrouble } from "../live/camera";
import type { Progress } from "../progress";
import { MAKING } from "../progress";

export type Result = {
  /** An object URL; whoever replaces the result revokes it. */
  url: string;
  name: string;
  /**
   * How it was made: as well as the server can, with less detail than that, or not at all, so that this is the last
   * live picture.
   */
  made: "well" | "plainly" | "live";
};

export type Screen =
  | { at: "attract" }
  | { at: "consent" }
  | { at: "starting" }
  | { at: "trouble"; trouble: CameraTrouble }
  | { at: "live"; note: "capture_failed" | null }
  | { at: "countdown"; left: number }
  | { at: "developing"; progress: Progress }
  | { at: "result"; result: Result };

export type Event =
  | { type: "touched" }
  | { type: "agreed" }
  | { type: "camera_ready" }
  | { type: "camera_failed"; trouble: CameraTrouble }
  | { type: "shutter"; seconds: number }
  | { type: "second_passed" }
  | { type: "cancelled" }
  | { type: "progressed"; progress: Progress }
  | { type: "developed"; result: Result }
  | { type: "capture_failed" }
  | { type: "retake"; seconds: number }
  | { type: "back" }
  | { type: "left" };

export const ATTRACT: Screen = { at: "attract" };
const LIVE: Screen = { at: "live", note: null };

export function next(screen: Screen, event: Event): Screen {
  if (event.type === "left") return ATTRACT;
  if (event.type === "camera_failed" && screen.at !== "attract" && screen.at !== "result")
    return { at: "trouble", trouble: event.trouble };
  switch (screen.at) {
    case "attract":
      return event.type === "touched" ? { at: "consent" } : screen;
    case "consent":
    case "trouble":
      return event.type === "agreed" ? { at: "starting" } : screen;
    case "starting":
      return event.type === "camera_ready" ? LIVE : screen;
    case "live":
      return event.type === "shutter" ? { at: "countdown", left: event.seconds } : screen;
    case "countdown":
      return inCountdown(screen, event);
    case "developing":
      return inDeveloping(screen, event);
    case "result":
      if (event.type === "retake") return { at: "countdown", left: event.seconds };
      return event.type === "back" ? LIVE : screen;
  }
}

function inCountdown(screen: { at: "countdown"; left: number }, event: Event): Screen {
  if (event.type === "cancelled") return LIVE;
  if (event.type !== "second_passed") return screen;
  return screen.left > 1 ? { at: "countdown", left: screen.left - 1 } : { at: "developing", progress: MAKING };
}

function inDeveloping(screen: Screen, event: Event): Screen {
  if (event.type === "progressed") return { at: "developing", progress: event.progress };
  if (event.type === "developed") return { at: "result", result: event.result };
  if (event.type === "cancelled") return LIVE;
  return event.type === "capture_failed" ? { at: "live", note: "capture_failed" } : screen;
}

/** The camera runs on these. */
export function isMirroring(screen: Screen): boolean {
  return ["starting", "live", "countdown", "developing", "result"].includes(screen.at);
}

/** Whether the mirror sends frames: not while a picture is made or looked at. */
export function isLive(screen: Screen): boolean {
  return screen.at === "live" || screen.at === "countdown";
}
