import { describe, expect, it } from "vitest";
import { MAKING } from "../src/progress";
import type { Event, Screen } from "../src/screens/machine";
import { ATTRACT, isLive, isMirroring, next } from "../src/screens/machine";

const result = { url: "blob:x", name: "navy.jpg", made: "well" } as const;
const run = (events: Event[], from: Screen = ATTRACT) => events.reduce(next, from);

const LIVE: Screen = { at: "live", note: null };

describe("next", () => {
  it("leads from the invitation to the mirror by way of the consent", () => {
    const touched = run([{ type: "touched" }]);
    expect(touched.at).toBe("consent");
    expect(next(touched, { type: "camera_ready" })).toBe(touched);
    expect(run([{ type: "agreed" }, { type: "camera_ready" }], touched)).toEqual(LIVE);
  });

  it("never opens the camera without consent", () => {
    for (const type of ["agreed", "camera_ready"] as const) expect(next(ATTRACT, { type })).toBe(ATTRACT);
  });

  it("counts down to the picture", () => {
    const events: Event[] = [{ type: "shutter", seconds: 2 }, { type: "second_passed" }];
    expect(run(events, LIVE)).toEqual({ at: "countdown", left: 1 });
    const developing = run([...events, { type: "second_passed" }], LIVE);
    expect(developing).toEqual({ at: "developing", progress: MAKING });
    expect(next(developing, { type: "developed", result })).toEqual({ at: "result", result });
  });

  it("ignores the shutter outside the mirror", () => {
    const counting: Screen = { at: "countdown", left: 3 };
    expect(next(counting, { type: "shutter", seconds: 5 })).toBe(counting);
    expect(next(ATTRACT, { type: "shutter", seconds: 5 })).toBe(ATTRACT);
  });

  it("goes back to the mirror", () => {
    expect(next({ at: "countdown", left: 3 }, { type: "cancelled" })).toEqual(LIVE);
    expect(next({ at: "result", result }, { type: "back" })).toEqual(LIVE);
    expect(next({ at: "result", result }, { type: "retake", seconds: 5 })).toEqual({ at: "countdown", left: 5 });
    const failed: Event = { type: "capture_failed" };
    expect(next({ at: "developing", progress: MAKING }, failed)).toEqual({ at: "live", note: "capture_failed" });
  });

  it("counts the steps of a picture, for as long as it is made", () => {
    const progressed: Event = { type: "progressed", progress: { phase: "steps", step: 2, of: 4 } };
    const developing = next({ at: "developing", progress: MAKING }, progressed);
    expect(developing).toEqual({ at: "developing", progress: progressed.progress });
    expect(next(developing, { type: "cancelled" })).toEqual(LIVE);
    expect(next(LIVE, progressed)).toBe(LIVE);
    expect(next(LIVE, { type: "developed", result })).toBe(LIVE);
  });

  it("drops the note with the next picture", () => {
    const noted: Screen = { at: "live", note: "capture_failed" };
    expect(next(noted, { type: "shutter", seconds: 5 })).toEqual({ at: "countdown", left: 5 });
  });

  it("explains a camera that fails, and tries again", () => {
    const failed: Event = { type: "camera_failed", trouble: "denied" };
    const trouble = next({ at: "starting" }, failed);
    expect(trouble).toEqual({ at: "trouble", trouble: "denied" });
    expect(next(trouble, { type: "agreed" }).at).toBe("starting");
    expect(next(LIVE, { ...failed, trouble: "lost" })).toEqual({ at: "trouble", trouble: "lost" });
  });

  it("does not take a picture away when the camera is lost behind it", () => {
    const shown: Screen = { at: "result", result };
    expect(next(shown, { type: "camera_failed", trouble: "lost" })).toBe(shown);
  });

  it("leaves from everywhere", () => {
    const all: Screen[] = [
      { at: "consent" },
      { at: "starting" },
      { at: "trouble", trouble: "busy" },
      LIVE,
      { at: "countdown", left: 1 },
      { at: "developing", progress: MAKING },
      { at: "result", result },
    ];
    for (const screen of all) expect(next(screen, { type: "left" })).toBe(ATTRACT);
  });
});

it("runs the camera only from the start to the result", () => {
  expect([ATTRACT, { at: "consent" } as const, { at: "trouble", trouble: "lost" } as const].some(isMirroring)).toBe(false);
  expect([LIVE, { at: "result", result } as const].every(isMirroring)).toBe(true);
  expect(isLive({ at: "result", result })).toBe(false);
});
