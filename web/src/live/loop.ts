/**
 * Exactly one frame in flight. Owns sequence numbers and the question "may the next frame be taken now?"; knows no
 * camera and no socket.
 */

export const FRAME_TIMEOUT_MS = 10_000;
export const REFUSAL_FIRST_MS = 200;
export const REFUSAL_LAST_MS = 3_000;

type Flight = { seq: number; sinceMs: number; sent: boolean };

export class FrameLoop {
  private flight: Flight | null = null;
  private lastSeq = 0;
  private refusals = 0;
  private notBeforeMs = -Infinity;

  /** The number of the frame that may be taken now, or null: one is being encoded or is under way. */
  take(nowMs: number): number | null {
    if (nowMs < this.notBeforeMs) return null;
    if (this.flight && nowMs - this.flight.sinceMs < FRAME_TIMEOUT_MS) return null;
    this.lastSeq += 1;
    this.flight = { seq: this.lastSeq, sinceMs: nowMs, sent: false };
    return this.lastSeq;
  }

  /** Whether the frame, now encoded, may still go out. */
  send(seq: number, nowMs: number): boolean {
    if (this.flight?.seq !== seq || this.flight.sent) return false;
    this.flight = { seq, sinceMs: nowMs, sent: true };
    return true;
  }

  /** The camera had nothing to give: the number is spent, the way is free. */
  drop(seq: number): void {
    if (this.flight?.seq === seq) this.flight = null;
  }

  /** The frame was answered or dropped. Returns its round trip in ms, or null where it is not the one under way. */
  settle(seq: number, nowMs: number): number | null {
    if (!this.flight?.sent || this.flight.seq !== seq) return null;
    const tripMs = nowMs - this.flight.sinceMs;
    this.flight = null;
    this.refusals = 0;
    return tripMs;
  }

  /** The frame was answered with an error: the next one waits a little, and longer each time. */
  refuse(seq: number, nowMs: number): void {
    const refusals = this.refusals;
    if (this.settle(seq, nowMs) === null) return;
    this.notBeforeMs = nowMs + Math.min(REFUSAL_LAST_MS, REFUSAL_FIRST_MS * 2 ** refusals);
    this.refusals = refusals + 1;
  }

  /** The connection is gone and the answer with it. */
  forget(): void {
    this.flight = null;
  }

  /** The newest number given out: numbers beyond it belong to frames that are yet to be taken. */
  get newest(): number {
    return this.lastSeq;
  }
}
