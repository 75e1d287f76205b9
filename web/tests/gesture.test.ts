import { beforeEach, describe, expect, it } from "vitest";
import { HOLD_MS, RaisedHand } from "../src/live/gesture";
import type { Landmark } from "../src/live/protocol";

function person(wristY: number, visibility = 0.9): Landmark[] {
  return Array.from({ length: 33 }, (_, index): Landmark => {
    if (index === 0) return [0.5, 0.3, 0, 0.99];
    if (index === 16) return [0.3, wristY, 0, visibility];
    return [0.5, 0.8, 0, 0.2];
  });
}
const UP = person(0.1);
const DOWN = person(0.9);

let hand: RaisedHand;
beforeEach(() => {
  hand = new RaisedHand();
});

/** Feeds the same pose every 100 ms and returns the progress at the end. */
function hold(landmarks: Landmark[], fromMs: number, forMs: number): number {
  let progress = 0;
  for (let ms = 0; ms <= forMs; ms += 100) progress = hand.feed(landmarks, fromMs + ms);
  return progress;
}

describe("RaisedHand", () => {
  it("fills while the hand is up and fires once", () => {
    expect(hold(UP, 0, HOLD_MS / 2)).toBeCloseTo(0.5, 1);
    expect(hold(UP, HOLD_MS / 2, HOLD_MS / 2)).toBe(1);
    expect(hold(UP, HOLD_MS + 100, 3_000)).toBe(0);
  });

  it("fires again only after the hand came down", () => {
    hold(UP, 0, HOLD_MS);
    hand.feed(DOWN, 2_000);
    expect(hold(UP, 2_100, HOLD_MS)).toBe(1);
  });

  it("starts over when the hand drops in between", () => {
    hold(UP, 0, 1_000);
    hand.feed(DOWN, 1_100);
    expect(hold(UP, 1_200, 600)).toBeCloseTo(0.5, 1);
  });

  it("does not count time in which nothing was seen", () => {
    hand.feed(UP, 0);
    expect(hand.feed(UP, 5_000)).toBe(0);
  });

  it("does not believe a wrist that is hardly visible", () => {
    expect(hold(person(0.1, 0.3), 0, 2_000)).toBe(0);
  });

  it("does nothing without landmarks, and they do not bring a spent hand down", () => {
    expect(hold([], 0, 2_000)).toBe(0);
    hold(UP, 3_000, HOLD_MS);
    hand.feed([], 5_000);
    expect(hold(UP, 5_100, HOLD_MS)).toBe(0);
  });

  it("is spent after a picture was taken in another way", () => {
    hand.reset(true);
    expect(hold(UP, 0, 2_000)).toBe(0);
  });
});
