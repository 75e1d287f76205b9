import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Order } from "../src/capture";
import { CaptureError, developPicture } from "../src/capture";
import type { Progress } from "../src/progress";
import { AGAIN, MAKING, announced, readStep, told } from "../src/progress";

const ANSWER = { image: "data:image/jpeg;base64,/9j/", stage: "enhanced", degraded: false };
const RETRYABLE = { code: "engine_restarting", message: "", hint: null, retryable: true };

const event = (name: string, payload: unknown) => `event: ${name}\ndata: ${JSON.stringify(payload)}\n\n`;
const steps = (...done: number[]) => done.map((step) => event("step", { step, of: 4 })).join("");
const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream; charset=utf-8" } });
const json = (payload: unknown, status = 200, headers = {}) =>
  new Response(JSON.stringify(payload), { status, headers: { "content-type": "application/json", ...headers } });

const server = vi.fn<typeof fetch>();
let heard: Progress[] = [];
let abort = new AbortController();

function develop(changes: Partial<Order> = {}) {
  const still = new Blob(["a still"], { type: "image/jpeg" });
  const onProgress = (progress: Progress) => void heard.push(progress);
  return developPicture({ still, wish: { fabric_id: "f", cut: "c" }, token: "t", signal: abort.signal, onProgress, ...changes });
}

beforeEach(() => {
  vi.stubGlobal("fetch", server);
  vi.useFakeTimers();
  server.mockReset();
  heard = [];
  abort = new AbortController();
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("developPicture", () => {
  it("asks for events, and tells of the steps on the way to the picture", async () => {
    server.mockResolvedValue(stream(event("queued", {}) + ": still at it\n\n" + steps(1, 2, 3, 4) + event("done", ANSWER)));
    const { picture, plain } = await develop();
    expect([...new Uint8Array(await picture.arrayBuffer())]).toEqual([0xff, 0xd8, 0xff]);
    expect(plain).toBe(false);
    expect(heard).toEqual([1, 2, 3, 4].map((step) => ({ phase: "steps", step, of: 4 })));
    const [path, init] = server.mock.calls[0] ?? [];
    expect(path).toBe("/virtual-tryon");
    expect(init?.headers).toMatchObject({ Accept: expect.stringMatching(/^text\/event-stream/), Authorization: "Bearer t" });
    expect([...(init?.body as FormData).keys()]).toEqual(["frame", "fabric_id", "cut"]);
  });

  it("takes the plain answer of a server without events", async () => {
    server.mockResolvedValueOnce(json(ANSWER));
    expect((await develop()).picture.size).toBe(3);
    server.mockResolvedValueOnce(new Response(Uint8Array.of(0xff, 0xd8), { headers: { "content-type": "image/jpeg" } }));
    expect((await develop()).picture.size).toBe(2);
    expect(heard).toEqual([]);
  });

  it.each([
    ["composite", true, true],
    ["composite", false, false],
    ["enhanced", true, false],
  ])("says when a picture is plainer than usual: %s, degraded %s", async (stage, degraded, plain) => {
    server.mockResolvedValueOnce(stream(event("done", { ...ANSWER, stage, degraded })));
    expect((await develop()).plain).toBe(plain);
    const headers = { "content-type": "image/jpeg", "x-lucy-stage": stage, "x-lucy-degraded": String(degraded) };
    server.mockResolvedValueOnce(new Response(Uint8Array.of(0xff, 0xd8), { headers }));
    expect((await develop()).plain).toBe(plain);
  });

  it.each([
    ["an error in the stream", () => stream(event("queued", {}) + steps(1) + event("error", RETRYABLE))],
    ["a refusal", () => json(RETRYABLE, 503)],
    ["a stream that breaks off", () => stream(event("queued", {}) + steps(1))],
  ])("tries once more after %s", async (_, answer) => {
    server.mockResolvedValueOnce(answer()).mockResolvedValueOnce(stream(steps(1) + event("done", ANSWER)));
    const developed = develop();
    await vi.runAllTimersAsync();
    expect((await developed).picture.type).toBe("image/jpeg");
    expect(heard.slice(-2)).toEqual([AGAIN, { phase: "steps", step: 1, of: 4 }]);
  });

  it("tries once more when the server cannot be reached, and then no more", async () => {
    server.mockRejectedValue(new TypeError("Failed to fetch"));
    const developed = expect(develop()).rejects.toThrow(CaptureError);
    await vi.runAllTimersAsync();
    await developed;
    expect(server).toHaveBeenCalledTimes(2);
  });

  it("waits as long as it is told, within reason", async () => {
    server.mockImplementation(() => Promise.resolve(json(RETRYABLE, 503, { "retry-after": "3600" })));
    const developed = expect(develop()).rejects.toThrow("engine_restarting");
    await vi.advanceTimersByTimeAsync(4_999);
    expect(server).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(server).toHaveBeenCalledTimes(2);
    await developed;
  });

  it.each([
    ["an error that will not pass", () => stream(event("error", { ...RETRYABLE, retryable: false }))],
    ["a refusal for good", () => json({ code: "bad_wish", retryable: false }, 422)],
    ["a proxy's page", () => new Response("<h1>502</h1>", { status: 502 })],
    ["an answer without a picture", () => stream(event("done", {}))],
    ["a mirror", () => stream(event("done", { ...ANSWER, stage: "mirror" }))],
    ["nonsense", () => stream("data: {\n\n")],
  ])("does not try again after %s", async (_, answer) => {
    server.mockImplementation(() => Promise.resolve(answer()));
    await expect(develop()).rejects.toThrow();
    expect(server).toHaveBeenCalledOnce();
    expect(heard).toEqual([]);
  });

  it("is called off: the connection is closed, and nothing is tried again", async () => {
    const closed = vi.fn();
    server.mockImplementation((_, init) => {
      const body = new ReadableStream<Uint8Array>({
        start: (pieces) => {
          pieces.enqueue(new TextEncoder().encode(steps(1)));
          init?.signal?.addEventListener("abort", () => {
            closed();
            pieces.error(init.signal?.reason);
          });
        },
      });
      return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
    });
    const developed = expect(develop()).rejects.toThrow("aborted");
    await vi.waitUntil(() => heard.length === 1);
    abort.abort();
    await developed;
    expect(closed).toHaveBeenCalledOnce();
    expect(server).toHaveBeenCalledOnce();
  });

  it("is called off between two tries", async () => {
    server.mockImplementation(() => Promise.resolve(json(RETRYABLE, 503)));
    const developed = expect(develop()).rejects.toThrow("aborted");
    await vi.waitUntil(() => heard.length === 1);
    abort.abort();
    await developed;
    expect(server).toHaveBeenCalledOnce();
  });
});

describe("progress", () => {
  it("is read from what can be a step", () => {
    expect(readStep({ step: 2, of: 4 })).toEqual({ phase: "steps", step: 2, of: 4 });
    for (const wrong of [null, {}, { step: 5, of: 4 }, { step: -1, of: 4 }, { step: 0, of: 0 }, { step: "1", of: 4 }])
      expect(readStep(wrong)).toBeNull();
  });

  it("says only what is known", () => {
    expect(told(MAKING)).toBe("");
    expect(told({ phase: "steps", step: 2, of: 4 })).toBe("Step 2 of 4");
    expect(told({ phase: "steps", step: 4, of: 4 })).toBe("The last touches");
    expect(told(AGAIN)).toBe("Trying once more");
  });

  it("interrupts a listener only a few times, however many steps there are", () => {
    const said = Array.from({ length: 51 }, (_, step) => announced({ phase: "steps", step, of: 50 }));
    expect([...new Set([announced(MAKING), ...said])]).toEqual([
      "Making your picture",
      "Half of the steps are done",
      "The last touches",
    ]);
  });
});
