import { beforeEach, describe, expect, it } from "vitest";
import type { Action } from "../src/live/connection";
import {
  BACKOFF_FIRST_MS,
  BACKOFF_LAST_MS,
  CONNECT_TIMEOUT_MS,
  Connection,
  LEAVE_MS,
  PONG_TIMEOUT_MS,
  SILENCE_MS,
} from "../src/live/connection";
import type { ServerMessage } from "../src/live/protocol";

const wish = { fabric_id: "plain-navy", cut: "sb" };
const ready: ServerMessage = {
  type: "ready",
  session: "s",
  engine: "e",
  limits: { maxFrameBytes: 1000, maxPixels: 2000 },
};
const draining: ServerMessage = { type: "notice", code: "draining", message: "", retryInMs: 3000 };

const verbs = (actions: Action[]) => actions.map((action) => action.do);

let luck = 0;
let connection: Connection;

function open(nowMs = 0): void {
  connection.start(nowMs);
  connection.opened(nowMs);
  connection.received(nowMs, ready);
}

/** Milliseconds until the machine connects again by itself. */
function waitFrom(nowMs: number): number {
  for (let ms = 0; ms <= 60_000; ms += 10) if (verbs(connection.tick(nowMs + ms)).includes("connect")) return ms;
  return Infinity;
}

beforeEach(() => {
  luck = 0;
  connection = new Connection(null, () => luck);
});

describe("greeting", () => {
  it("says hello with what is worn", () => {
    connection.wear(wish);
    expect(connection.start(0)).toEqual([{ do: "connect" }]);
    expect(connection.opened(5)).toEqual([{ do: "send", message: { type: "hello", client: "kiosk", wish } }]);
  });

  it("carries the token where there is one", () => {
    connection = new Connection("secret", () => 0);
    connection.start(0);
    expect(connection.opened(0)).toMatchObject([{ message: { token: "secret" } }]);
  });

  it("is ready and knows the limits only after the server said so", () => {
    connection.start(0);
    connection.opened(0);
    expect(connection.ready).toBe(false);
    connection.received(1, ready);
    expect(connection.ready).toBe(true);
    expect(connection.limits.maxPixels).toBe(2000);
  });

  it("starts once", () => {
    connection.start(0);
    expect(connection.start(1)).toEqual([]);
  });
});

describe("wishes", () => {
  it("are sent at once while open and kept while not", () => {
    expect(connection.wear(wish)).toEqual([]);
    open();
    const other = { garment_id: "g" };
    expect(connection.wear(other)).toEqual([{ do: "send", message: { type: "wish", garment_id: "g" } }]);
    connection.closed(10, 1006);
    connection.tick(10_000);
    expect(connection.opened(10_000)).toMatchObject([{ message: { type: "hello", wish: other } }]);
  });
});

describe("losing the connection", () => {
  it("forgets what was under way and waits", () => {
    open();
    expect(verbs(connection.closed(100, 1006))).toEqual(["forget"]);
    expect(connection.phase).toBe("waiting");
    expect(connection.ready).toBe(false);
  });

  it("waits longer each time, up to a limit, with jitter below the ceiling", () => {
    luck = 0.999;
    connection.start(0);
    const waits: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      connection.closed(0, 1006);
      waits.push(waitFrom(0));
    }
    expect(waits[0]).toBeLessThanOrEqual(BACKOFF_FIRST_MS);
    expect(waits[3]).toBeGreaterThan(7.9 * (waits[0] ?? 0));
    expect(Math.max(...waits)).toBeLessThanOrEqual(BACKOFF_LAST_MS);
    luck = 0;
    connection.closed(0, 1006);
    expect(waitFrom(0)).toBeCloseTo(BACKOFF_LAST_MS / 2, -2);
  });

  it("starts over after a connection that worked", () => {
    luck = 0.999;
    connection.start(0);
    for (let n = 0; n < 5; n += 1) {
      connection.closed(0, 1006);
      waitFrom(0);
    }
    connection.opened(0);
    connection.received(0, ready);
    connection.closed(0, 1006);
    expect(waitFrom(0)).toBeLessThanOrEqual(BACKOFF_FIRST_MS);
  });

  it("keeps its distance from a server that refuses it", () => {
    open();
    connection.closed(0, 1008);
    expect(waitFrom(0)).toBeGreaterThanOrEqual(BACKOFF_LAST_MS / 2);
  });

  it("gives up a connection that does not open", () => {
    connection.start(0);
    expect(connection.tick(CONNECT_TIMEOUT_MS - 1)).toEqual([]);
    expect(verbs(connection.tick(CONNECT_TIMEOUT_MS))).toEqual(["close", "forget"]);
    expect(connection.phase).toBe("waiting");
  });

  it("does not wait when the network is back", () => {
    open();
    connection.closed(0, 1006);
    expect(verbs(connection.hurry(1))).toEqual(["connect"]);
  });
});

describe("silence", () => {
  it("is asked about, and an answer is enough", () => {
    open();
    expect(connection.tick(SILENCE_MS - 1)).toEqual([]);
    expect(connection.tick(SILENCE_MS)).toMatchObject([{ message: { type: "ping" } }]);
    expect(connection.tick(SILENCE_MS + 100)).toEqual([]);
    connection.received(SILENCE_MS + 200, { type: "pong", t: 0 });
    expect(connection.tick(SILENCE_MS + PONG_TIMEOUT_MS)).toEqual([]);
  });

  it("without an answer ends the connection", () => {
    open();
    connection.tick(SILENCE_MS);
    expect(verbs(connection.tick(SILENCE_MS + PONG_TIMEOUT_MS))).toEqual(["close", "forget"]);
  });
});

describe("a draining server", () => {
  it("gets no new wish, and is left when it does not close itself", () => {
    open();
    expect(verbs(connection.received(0, draining))).toEqual(["deliver"]);
    expect(connection.phase).toBe("leaving");
    expect(connection.wear(wish)).toEqual([]);
    expect(verbs(connection.tick(LEAVE_MS))).toEqual(["send", "close", "forget"]);
  });

  it("names the time to come back, and nothing shortens it", () => {
    open();
    connection.received(0, draining);
    connection.closed(100, 1012);
    expect(connection.hurry(200)).toEqual([]);
    expect(waitFrom(100)).toBe(3000);
    connection.opened(4000);
    expect(connection.phase).toBe("open");
  });
});

describe("stopping", () => {
  it("says goodbye and stays away", () => {
    open();
    expect(connection.stop()).toMatchObject([
      { do: "send", message: { type: "bye" } },
      { do: "close", code: 1000 },
      { do: "forget" },
    ]);
    expect(connection.tick(1e9)).toEqual([]);
    expect(connection.closed(1e9, 1000)).toEqual([]);
  });

  it("forgets the wish", () => {
    connection.wear(wish);
    open();
    connection.stop();
    connection.start(0);
    expect(connection.opened(0)).toEqual([{ do: "send", message: { type: "hello", client: "kiosk" } }]);
  });

  it("has nothing to say when it never began", () => {
    expect(connection.stop()).toEqual([]);
  });
});
