import { describe, expect, it } from "vitest";
import { fromBase64, typeOf } from "../src/capture";
import { liveUrl, readConfig } from "../src/config";
import { idleCountdown } from "../src/screens/idle";

describe("readConfig", () => {
  it("has quiet defaults", () => {
    expect(readConfig("")).toEqual({ house: "Lucy", idleMs: 60_000, countdownS: 5, token: null });
  });

  it("takes what the address says, within reason", () => {
    expect(readConfig("?house=Smith%20%26%20Sons&idle=2&countdown=3&token=t")).toEqual({
      house: "Smith & Sons",
      idleMs: 2_000,
      countdownS: 3,
      token: "t",
    });
    expect(readConfig("?idle=0&countdown=999")).toMatchObject({ idleMs: 1_000, countdownS: 15 });
    expect(readConfig("?idle=soon&countdown=")).toMatchObject({ idleMs: 60_000, countdownS: 5 });
  });
});

it("speaks to the server that the page came from, as safely as the page", () => {
  expect(liveUrl({ protocol: "http:", host: "shop:5000" })).toBe("ws://shop:5000/ws");
  expect(liveUrl({ protocol: "https:", host: "shop" })).toBe("wss://shop/ws");
});

describe("idleCountdown", () => {
  it("is silent, then counts ten seconds, then is over", () => {
    expect(idleCountdown(49_000, 60_000)).toBeNull();
    expect(idleCountdown(50_000, 60_000)).toBe(10);
    expect(idleCountdown(59_900, 60_000)).toBe(1);
    expect(idleCountdown(60_000, 60_000)).toBe(0);
  });

  it("gives a short limit a notice too", () => {
    expect(idleCountdown(900, 2_000)).toBeNull();
    expect(idleCountdown(1_100, 2_000)).toBe(1);
  });
});

describe("pictures in answers", () => {
  it.each([
    ["image/jpeg", [0xff, 0xd8, 0xff]],
    ["image/png", [0x89, 0x50, 0x4e, 0x47]],
    ["image/webp", [0x52, 0x49, 0x46, 0x46, 0, 0, 0, 0, 0x57, 0x45, 0x42, 0x50]],
    ["", [1, 2, 3]],
  ])("are known by their bytes: %s", (type, bytes) => {
    expect(typeOf(Uint8Array.from(bytes))).toBe(type);
  });

  it("come with or without a data: prefix", async () => {
    const plain = fromBase64("/9j/");
    const prefixed = fromBase64("data:image/png;base64,/9j/");
    expect([...new Uint8Array(await plain.arrayBuffer())]).toEqual([0xff, 0xd8, 0xff]);
    expect(prefixed.type).toBe("image/jpeg");
  });
});
