/** Which screen is shown and what leads from one to the next. Pure: state and event in, state out. */
import type { CameraTrouble } from "../live/camera";

export type Result = {
  /** An object URL; whoever replaces the result revokes it. */
  url: string;
  name: string;
  /** The best way failed and this is the last live picture. */
  fallback: boolean;
};

export type Screen =
  | { at: "attract" }
  | { at: "consent" }
  | { at: "starting" }
  | { at: "trouble"; trouble: CameraTrouble }
  | { at: "live"; note: "capture_failed" | null }
  | { at: "countdown"; left: number }
  | { at: "developing" }
  | { at: "result"; result: Result };

export type Event =
  | { type: "touched" }
  | { type: "agreed" }
  | { type: "camera_ready" }
  | { type: "camera_failed"; trouble: CameraTrouble }
  | { type: "shutter"; seconds: number }
  | { type: "second_passed" }
  | { type: "cancelled" }
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
      if (event.type === "developed") return { at: "result", result: event.result };
      return event.type === "capture_failed" ? { at: "live", note: "capture_failed" } : screen;
    case "result":
      if (event.type === "retake") return { at: "countdown", left: event.seconds };
      return event.type === "back" ? LIVE : screen;
  }
}

function inCountdown(screen: { at: "countdown"; left: number }, event: Event): Screen {
  if (event.type === "cancelled") return LIVE;
  if (event.type !== "second_passed") return screen;
  return screen.left > 1 ? { at: "countdown", left: screen.left - 1 } : { at: "developing" };
}

/** The camera runs on these. */
export function isMirroring(screen: Screen): boolean {
  return ["starting", "live", "countdown", "developing", "result"].includes(screen.at);
}

/** Whether the mirror sends frames: not while a picture is made or looked at. */
export function isLive(screen: Screen): boolean {
  return screen.at === "live" || screen.at === "countdown";
}
