/**
 * The life of the connection as a state machine without I/O: events in, actions out.
 * Owns when to connect, when to give up, how long to wait and what to say again afterwards. Knows no WebSocket
 * (socket.ts), no frames (loop.ts) and no clock: the time comes in with every event.
 *
 *     resting --start--> connecting --opened--> open --closed, silent--> waiting --its time has come--> connecting
 *                            `------closed, too late------------------------^
 *     open --notice draining--> leaving --closed, or its time has come--> waiting
 */
import type { ClientMessage, Limits, ServerMessage, Wish } from "./protocol";
import { NO_LIMITS } from "./protocol";

export type Phase = "resting" | "connecting" | "open" | "leaving" | "waiting";

export type Action =
  | { do: "connect" }
  | { do: "close"; code: number }
  | { do: "send"; message: ClientMessage }
  /** A message for the page above. */
  | { do: "deliver"; message: ServerMessage }
  /** Frames that were under way will not be answered. */
  | { do: "forget" };

export const CONNECT_TIMEOUT_MS = 8_000;
export const SILENCE_MS = 5_000;
export const PONG_TIMEOUT_MS = 5_000;
export const LEAVE_MS = 2_000;
export const BACKOFF_FIRST_MS = 500;
export const BACKOFF_LAST_MS = 15_000;
/** The server refuses this client or what it says: asking again at once would only be noise. */
const REFUSALS = new Set([1002, 1003, 1007, 1008, 1009]);

export class Connection {
  phase: Phase = "resting";
  limits: Limits = NO_LIMITS;
  /** Whether the server has said `ready` in this connection. */
  ready = false;
  /** Connections that failed in a row. */
  failures = 0;
  private wish: Wish | null = null;
  /** When this phase ends by itself; Infinity where only an event ends it. */
  private deadlineMs = Infinity;
  private heardMs = 0;
  private pingedMs: number | null = null;
  /** What a draining server asked for. */
  private askedWaitMs: number | null = null;

  constructor(
    private readonly token: string | null,
    /** Uniform in [0, 1). */
    private readonly random: () => number,
  ) {}

  start(nowMs: number): Action[] {
    return this.phase === "resting" ? this.connect(nowMs) : [];
  }

  stop(): Action[] {
    const talking = this.phase === "open" || this.phase === "leaving";
    const silent = this.phase === "resting" || this.phase === "waiting";
    this.enter("resting", Infinity);
    this.failures = 0;
    this.askedWaitMs = null;
    this.wish = null;
    const actions: Action[] = talking ? [{ do: "send", message: { type: "bye" } }] : [];
    if (!silent) actions.push({ do: "close", code: 1000 }, { do: "forget" });
    return actions;
  }

  opened(nowMs: number): Action[] {
    if (this.phase !== "connecting") return [];
    this.enter("open", Infinity);
    this.heardMs = nowMs;
    this.pingedMs = null;
    const hello: ClientMessage = { type: "hello", client: "kiosk" };
    if (this.wish) hello.wish = this.wish;
    if (this.token) hello.token = this.token;
    return [{ do: "send", message: hello }];
  }

  closed(nowMs: number, code: number): Action[] {
    if (this.phase === "resting" || this.phase === "waiting") return [];
    this.wait(nowMs, REFUSALS.has(code));
    return [{ do: "forget" }];
  }

  received(nowMs: number, message: ServerMessage): Action[] {
    if (this.phase !== "open" && this.phase !== "leaving") return [];
    this.heardMs = nowMs;
    this.pingedMs = null;
    if (message.type === "ready") {
      this.ready = true;
      this.limits = message.limits;
      this.failures = 0;
    }
    if (message.type === "notice" && message.code === "draining") {
      this.askedWaitMs = message.retryInMs ?? BACKOFF_FIRST_MS;
      if (this.phase === "open") this.enter("leaving", nowMs + Math.min(this.askedWaitMs, LEAVE_MS));
    }
    return [{ do: "deliver", message }];
  }

  wear(wish: Wish): Action[] {
    this.wish = wish;
    return this.phase === "open" ? [{ do: "send", message: { type: "wish", ...wish } }] : [];
  }

  /** To be called a few times a second. */
  tick(nowMs: number): Action[] {
    if (this.phase === "open") return this.listen(nowMs);
    if (nowMs < this.deadlineMs) return [];
    if (this.phase === "waiting") return this.connect(nowMs);
    if (this.phase === "connecting") return this.abandon(nowMs, []);
    return this.abandon(nowMs, [{ do: "send", message: { type: "bye" } }]);
  }

  /** The network is said to be back: no reason to wait any longer. */
  hurry(nowMs: number): Action[] {
    return this.phase === "waiting" && this.askedWaitMs === null ? this.connect(nowMs) : [];
  }

  private listen(nowMs: number): Action[] {
    if (this.pingedMs !== null) return nowMs - this.pingedMs >= PONG_TIMEOUT_MS ? this.abandon(nowMs, []) : [];
    if (nowMs - this.heardMs < SILENCE_MS) return [];
    this.pingedMs = nowMs;
    return [{ do: "send", message: { type: "ping", t: nowMs } }];
  }

  private connect(nowMs: number): Action[] {
    this.enter("connecting", nowMs + CONNECT_TIMEOUT_MS);
    this.askedWaitMs = null;
    return [{ do: "connect" }];
  }

  private abandon(nowMs: number, last: Action[]): Action[] {
    this.wait(nowMs, false);
    return [...last, { do: "close", code: 1000 }, { do: "forget" }];
  }

  private wait(nowMs: number, refused: boolean): void {
    this.enter("waiting", nowMs + this.waitMs(refused));
    this.failures += 1;
  }

  /** Exponential with jitter over its upper half; a server that drains has named the time itself. */
  private waitMs(refused: boolean): number {
    if (this.askedWaitMs !== null) return this.askedWaitMs * (1 + 0.2 * this.random());
    const ceiling = refused ? BACKOFF_LAST_MS : Math.min(BACKOFF_LAST_MS, BACKOFF_FIRST_MS * 2 ** this.failures);
    return ceiling * (0.5 + 0.5 * this.random());
  }

  private enter(phase: Phase, deadlineMs: number): void {
    this.phase = phase;
    this.deadlineMs = deadlineMs;
    if (phase !== "open" && phase !== "leaving") {
      this.ready = false;
      this.limits = NO_LIMITS;
    }
  }
}
