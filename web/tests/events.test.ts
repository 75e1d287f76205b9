import { describe, expect, it, vi } from "vitest";
import type { ServerEvent } from "../src/events";
import { EventParser, readEvents } from "../src/events";

const bytes = (text: string) => new TextEncoder().encode(text);
const parse = (...pieces: (string | Uint8Array)[]): ServerEvent[] => {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(typeof piece === "string" ? bytes(piece) : piece));
};

const STREAM = 'event: queued\ndata: {}\n\n: still at it\n\nevent: step\ndata: {"step": 1, "of": 4}\n\nevent: done\ndata: "Zoë 👔"\n\n';
const EVENTS = [
  { name: "queued", data: "{}" },
  { name: "step", data: '{"step": 1, "of": 4}' },
  { name: "done", data: '"Zoë 👔"' },
];

describe("EventParser", () => {
  it("reads events and leaves comments out", () => {
    expect(parse(STREAM)).toEqual(EVENTS);
  });

  it("does not mind where the stream is cut, not even inside a character", () => {
    const whole = bytes(STREAM);
    expect(parse(...Array.from(whole, (byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
    for (let at = 0; at <= whole.length; at += 1)
      expect(parse(whole.slice(0, at), whole.slice(at))).toEqual(EVENTS);
  });

  it.each(["\n", "\r\n", "\r"])("takes %j for the end of a line, wherever it is cut", (end) => {
    const whole = bytes(STREAM.replaceAll("\n", end));
    for (let at = 0; at <= whole.length; at += 1)
      expect(parse(whole.slice(0, at), whole.slice(at))).toEqual(EVENTS);
    expect(parse(...Array.from(whole, (byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
  });

  it("reads fields as the standard says", () => {
    expect(parse("data:a\ndata: b\ndata:  c\n\n")).toEqual([{ name: "message", data: "a\nb\n c" }]);
    expect(parse("event: x\n\ndata: y\n\n")).toEqual([{ name: "message", data: "y" }]);
    expect(parse("data\n\n")).toEqual([{ name: "message", data: "" }]);
    expect(parse("id: 7\nretry: 1\nwhat: ever\ndata: y\n\n")).toEqual([{ name: "message", data: "y" }]);
    expect(parse("\ufeffdata: y\n\n")).toEqual([{ name: "message", data: "y" }]);
  });

  it("does not take an event for whole that has not ended", () => {
    expect(parse("event: done\ndata: {}\n")).toEqual([]);
  });

  it.each([
    ["one line", "x".repeat(40)],
    ["many lines", "\ndata: xxxxxxxxx".repeat(8)],
  ])("does not hold an endless event: %s", (_, more) => {
    const parser = new EventParser(64);
    parser.push(bytes("data: "));
    expect(() => {
      for (let piece = 0; piece < 2; piece += 1) parser.push(bytes(more));
    }).toThrow("too large");
  });

  it("forgets the size of events that are over", () => {
    const parser = new EventParser(64);
    for (let event = 0; event < 10; event += 1) expect(parser.push(bytes(`data: ${"x".repeat(30)}\n\n`))).toHaveLength(1);
  });
});

describe("readEvents", () => {
  it("closes the stream when nobody reads on", async () => {
    const cancel = vi.fn();
    const body = new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(bytes(STREAM)), cancel });
    for await (const event of readEvents(body, 1_000)) if (event.name === "step") break;
    expect(cancel).toHaveBeenCalledOnce();
  });

  it("ends when nothing comes any more", async () => {
    vi.useFakeTimers();
    try {
      const cancel = vi.fn();
      const body = new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(bytes("data: a\n\n")), cancel });
      const events = readEvents(body, 1_000);
      expect((await events.next()).value).toEqual({ name: "message", data: "a" });
      const next = events.next();
      await vi.advanceTimersByTimeAsync(999);
      expect(cancel).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(1);
      expect((await next).done).toBe(true);
      expect(cancel).toHaveBeenCalled();
    } finally {
      vi.useRealTimers();
    }
  });
});
