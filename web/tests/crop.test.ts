import { describe, expect, it } from "vitest";
import { LONG_SIDES, Sizer, cropTo, sendSize } from "../src/live/crop";

describe("cropTo", () => {
  it("takes the upright middle of a wide picture", () => {
    expect(cropTo({ width: 1440, height: 1080 }, 3 / 4)).toEqual({ x: 315, y: 0, width: 810, height: 1080 });
  });

  it("takes the wide middle of an upright picture", () => {
    expect(cropTo({ width: 1080, height: 1920 }, 4 / 3)).toEqual({ x: 0, y: 555, width: 1080, height: 810 });
  });

  it("never gets narrower than a person with some room, nor wider than a screen", () => {
    expect(cropTo({ width: 1600, height: 1600 }, 0.2).width).toBe(900);
    expect(cropTo({ width: 1600, height: 1600 }, 9).height).toBe(900);
  });
});

describe("sendSize", () => {
  const crop = { width: 810, height: 1080 };

  it("fits the long side, even, in proportion", () => {
    expect(sendSize(crop, 640, Infinity)).toEqual({ width: 480, height: 640 });
  });

  it("never enlarges", () => {
    expect(sendSize({ width: 360, height: 480 }, 960, Infinity)).toEqual({ width: 360, height: 480 });
  });

  it("stays within the server's pixels", () => {
    const { width, height } = sendSize(crop, 960, 200_000);
    expect(width * height).toBeLessThanOrEqual(200_000);
    expect(width * height).toBeGreaterThan(190_000);
  });
});

describe("Sizer", () => {
  const run = (sizer: Sizer, tripMs: number, fromMs: number, forMs: number) => {
    for (let nowMs = fromMs; nowMs <= fromMs + forMs; nowMs += 50) sizer.note(tripMs, nowMs);
  };

  it("sends a quick server more, step by step", () => {
    const sizer = new Sizer();
    run(sizer, 40, 0, 3_000);
    expect(sizer.longSide).toBe(LONG_SIDES[0]);
    run(sizer, 40, 3_050, 3_000);
    expect(sizer.longSide).toBe(LONG_SIDES[1]);
    run(sizer, 40, 6_100, 20_000);
    expect(sizer.longSide).toBe(LONG_SIDES[2]);
  });

  it("takes back a step that was too much, for good", () => {
    const sizer = new Sizer();
    run(sizer, 40, 0, 6_000);
    run(sizer, 400, 6_050, 6_000);
    expect(sizer.longSide).toBe(LONG_SIDES[0]);
    run(sizer, 40, 12_100, 20_000);
    expect(sizer.longSide).toBe(LONG_SIDES[0]);
  });

  it("leaves a steady server alone", () => {
    const sizer = new Sizer();
    run(sizer, 120, 0, 20_000);
    expect(sizer.longSide).toBe(LONG_SIDES[0]);
  });
});
