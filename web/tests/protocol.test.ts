import { decode, encode } from "@msgpack/msgpack";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, wishKey } from "../src/live/protocol";

const answer = {
  type: "enhanced",
  seq: 3,
  captured_ms: 12.5,
  image: new Uint8Array([0xff, 0xd8, 1]),
  size: [480, 640],
  stage: "composite",
  degraded: false,
  seed: 0,
  timings_ms: { total: 20 },
};

describe("encodeMessage", () => {
  it("puts the fields of a wish beside its type", () => {
    const bytes = encodeMessage({ type: "wish", fabric_id: "plain-navy", cut: "sb" });
    expect(decode(bytes)).toEqual({ type: "wish", fabric_id: "plain-navy", cut: "sb" });
  });

  it("carries a frame as bin", () => {
    const frame = new Uint8Array([1, 2, 3]);
    const map = decode(encodeMessage({ type: "keyframe", seq: 7, captured_ms: 1.5, frame }));
    expect(map).toEqual({ type: "keyframe", seq: 7, captured_ms: 1.5, frame });
  });
});

describe("decodeMessage", () => {
  it("reads an answer and leaves unknown fields alone", () => {
    const message = decodeMessage(encode({ ...answer, novelty: { deep: [1] } }));
    expect(message).toMatchObject({ type: "enhanced", seq: 3, capturedMs: 12.5, stage: "composite", reason: null });
    expect(message?.type === "enhanced" && message.image).toEqual(answer.image);
  });

  it("keeps the landmarks that are whole", () => {
    const whole = [0.5, 0.4, 0, 0.9];
    const message = decodeMessage(encode({ ...answer, landmarks: [whole, [1, 2], "x"] }));
    expect(message).toMatchObject({ landmarks: [whole] });
  });

  it("needs a picture, but not in the plain mirror", () => {
    expect(decodeMessage(encode({ ...answer, image: null }))).toBeNull();
    expect(decodeMessage(encode({ ...answer, image: null, stage: "mirror" }))).not.toBeNull();
  });

  it("reads the limits, or none", () => {
    const ready = { type: "ready", session: "s", engine: { name: "e", stage: "composite" } };
    const limits = { max_frame_bytes: 100, max_pixels: 2e6, max_in_flight: 2 };
    expect(decodeMessage(encode({ ...ready, limits }))).toMatchObject({
      limits: { maxFrameBytes: 100, maxPixels: 2e6 },
    });
    expect(decodeMessage(encode(ready))).toMatchObject({ limits: { maxPixels: Infinity } });
  });

  it("reads the small messages", () => {
    expect(decodeMessage(encode({ type: "dropped", seqs: [1, 2], reason: "newer_frame" }))).toEqual({
      type: "dropped",
      seqs: [1, 2],
      reason: "newer_frame",
    });
    expect(decodeMessage(encode({ type: "notice", code: "draining", message: "", retry_in_ms: 900 }))).toMatchObject({
      retryInMs: 900,
    });
    expect(decodeMessage(encode({ type: "error", code: "c", message: "m", retryable: true }))).toMatchObject({
      seq: null,
      retryable: true,
    });
    expect(decodeMessage(encode({ type: "pong", t: 5 }))).toEqual({ type: "pong", t: 5 });
  });

  it.each([
    ["broken bytes", new Uint8Array([0xc1])],
    ["a list", encode([1])],
    ["an unknown type", encode({ type: "surprise" })],
    ["an unknown stage", encode({ ...answer, stage: "dream" })],
    ["an answer without a number", encode({ ...answer, seq: "3" })],
  ])("is null for %s", (_, bytes) => {
    expect(decodeMessage(bytes)).toBeNull();
  });
});

describe("wishKey", () => {
  it("tells wishes apart", () => {
    const keys = [
      wishKey({ none: true }),
      wishKey({ garment_id: "a" }),
      wishKey({ fabric_id: "a", cut: "b" }),
      wishKey({ fabric_id: "b", cut: "a" }),
    ];
    expect(new Set(keys).size).toBe(4);
  });
});
