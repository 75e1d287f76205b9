import { describe, expect, it } from "vitest";
import { FRAME_TIMEOUT_MS, FrameLoop, REFUSAL_FIRST_MS, REFUSAL_LAST_MS } from "../src/live/loop";

function underWay(loop: FrameLoop, nowMs: number): number {
  const seq = loop.take(nowMs);
  if (seq === null || !loop.send(seq, nowMs)) throw new Error("the way was not free");
  return seq;
}

describe("FrameLoop", () => {
  it("gives no second frame while one is encoded or under way", () => {
    const loop = new FrameLoop();
    const seq = loop.take(0);
    expect(seq).toBe(1);
    expect(loop.take(1)).toBeNull();
    expect(loop.send(1, 5)).toBe(true);
    expect(loop.take(6)).toBeNull();
    expect(loop.settle(1, 45)).toBe(40);
    expect(loop.take(46)).toBe(2);
  });

  it("sends a frame once", () => {
    const loop = new FrameLoop();
    const seq = underWay(loop, 0);
    expect(loop.send(seq, 1)).toBe(false);
  });

  it("ignores answers to other frames", () => {
    const loop = new FrameLoop();
    underWay(loop, 0);
    expect(loop.settle(99, 1)).toBeNull();
    expect(loop.take(2)).toBeNull();
  });

  it("does not take an answer for a frame that is not sent yet", () => {
    const loop = new FrameLoop();
    loop.take(0);
    expect(loop.settle(1, 1)).toBeNull();
  });

  it("goes on after a frame that is never answered", () => {
    const loop = new FrameLoop();
    const seq = underWay(loop, 0);
    expect(loop.take(FRAME_TIMEOUT_MS - 1)).toBeNull();
    expect(loop.take(FRAME_TIMEOUT_MS)).toBe(seq + 1);
    expect(loop.settle(seq, FRAME_TIMEOUT_MS + 1)).toBeNull();
  });

  it("holds a frame back that was being encoded when the connection went", () => {
    const loop = new FrameLoop();
    const seq = loop.take(0) ?? 0;
    loop.forget();
    expect(loop.send(seq, 1)).toBe(false);
    expect(loop.take(2)).toBe(seq + 1);
  });

  it("frees the way when the camera had nothing", () => {
    const loop = new FrameLoop();
    loop.drop(loop.take(0) ?? 0);
    expect(loop.take(1)).toBe(2);
  });

  it("slows down while frames are refused and recovers with the first answer", () => {
    const loop = new FrameLoop();
    let nowMs = 0;
    const pauses: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      loop.refuse(underWay(loop, nowMs), nowMs);
      let pause = 0;
      while (loop.take(nowMs + pause) === null) pause += 10;
      loop.forget();
      pauses.push(pause);
      nowMs += pause;
    }
    expect(pauses[0]).toBe(REFUSAL_FIRST_MS);
    expect(pauses[1]).toBe(2 * REFUSAL_FIRST_MS);
    expect(pauses.at(-1)).toBe(REFUSAL_LAST_MS);
    loop.settle(underWay(loop, nowMs), nowMs);
    loop.refuse(underWay(loop, nowMs), nowMs);
    expect(loop.take(nowMs + REFUSAL_FIRST_MS)).not.toBeNull();
  });
});
