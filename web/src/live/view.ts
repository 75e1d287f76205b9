/**
 * What the shopper sees and is told: the server's picture or the camera's own, and the badge over it. Pure: answers,
 * notices and the time in, a Status out. The one rule: never a picture that pretends to be live and is not.
 */
import type { Answer, Wish } from "./protocol";
import { wishKey } from "./protocol";

/** One picture without a person is held back this long: a pose is lost for a moment now and then. */
export const BLINK_MS = 250;
/** Without a new picture for this long, or for three times the usual interval, the camera itself is more honest. */
export const STALE_MS = 1_500;
/** A server that does not say when something is worn is not waited for any longer than this. */
export const PENDING_MAX_MS = 20_000;

export type Badge =
  | "connecting"
  /** What was wished for is being made up. */
  | "fitting"
  | "composite"
  | "enhanced"
  /** Nothing is worn: this is the camera. */
  | "plain"
  /** Pictures have stopped coming. */
  | "waiting"
  | "no_person"
  /** Somebody is there, but too near or too far out of the picture to be dressed. */
  | "no_body"
  | "reconnecting";

export type Status = {
  badge: Badge;
  /** wishKey of what was asked for and has not been seen yet. */
  pending: string | null;
  /** wishKey of what the server refused. */
  refused: string | null;
  /** How far a raised hand is from taking a picture, in [0, 1]. */
  raised: number;
  /** The server finds hands, so that one may be raised. */
  hands: boolean;
};

export const AT_REST: Status = { badge: "connecting", pending: null, refused: null, raised: 0, hands: false };

export class View {
  status: Status = AT_REST;
  private worn: string | null = null;
  private wishedMs = 0;
  /** The last frame that may still show what was worn before; null until the server says that the wish is worn. */
  private wornAfterSeq: number | null = null;
  private pictures = 0;
  private answeredMs = -Infinity;
  private intervalMs = 100;
  /** Since when answers hold no dressed person, and why. */
  private bare: { sinceMs: number; reason: string | null } | null = null;

  wear(wish: Wish, nowMs: number): void {
    this.worn = "none" in wish ? null : wishKey(wish);
    this.expect(nowMs);
  }

  /** The server wears it from now on: frames after `newestSeq` show it. */
  wearing(newestSeq: number): void {
    this.wornAfterSeq = newestSeq;
  }

  /** The wish could not be fulfilled. */
  refuse(): void {
    if (this.status.pending !== null) this.change({ pending: null, refused: this.status.pending });
  }

  /** A connection is ready: the wish was sent again with it, and frames may be expected. */
  ready(nowMs: number): void {
    this.answeredMs = nowMs;
    this.bare = null;
    this.expect(nowMs);
  }

  /** Whether the answer's picture is to be shown. */
  answered(answer: Answer, nowMs: number): boolean {
    if (Number.isFinite(this.answeredMs)) this.intervalMs += 0.2 * (nowMs - this.answeredMs - this.intervalMs);
    this.answeredMs = nowMs;
    if (this.wornAfterSeq !== null && answer.seq > this.wornAfterSeq) this.change({ pending: null });
    if (answer.stage === "mirror") {
      this.bare = { sinceMs: this.bare?.sinceMs ?? nowMs, reason: answer.reason };
      return false;
    }
    this.bare = null;
    this.pictures += 1;
    this.change({ badge: answer.stage, hands: answer.landmarks !== null });
    return true;
  }

  raise(progress: number): void {
    this.change({ raised: Math.round(progress * 30) / 30 });
  }

  /** After a pause that was wanted. */
  resume(nowMs: number): void {
    this.answeredMs = nowMs;
    this.bare = null;
  }

  /** To be called a few times a second. True when the camera's own picture has to be shown now. */
  tick(nowMs: number, link: { up: boolean; failures: number }): boolean {
    if (this.status.pending !== null && nowMs - this.wishedMs > PENDING_MAX_MS) this.change({ pending: null });
    const badge = this.reasonForCamera(nowMs, link);
    if (badge) this.change({ badge, raised: 0 });
    return badge !== null;
  }

  private reasonForCamera(nowMs: number, link: { up: boolean; failures: number }): Badge | null {
    const started = this.pictures > 0;
    if (!link.up) return started || link.failures > 0 ? "reconnecting" : "connecting";
    if (this.bare && nowMs - this.bare.sinceMs > BLINK_MS) return this.bareBadge(this.bare.reason);
    if (nowMs - this.answeredMs < Math.max(STALE_MS, 3 * this.intervalMs)) return null;
    return started ? "waiting" : "connecting";
  }

  private bareBadge(reason: string | null): Badge {
    if (reason === "no_person" || reason === "no_body") return reason;
    return this.status.pending !== null ? "fitting" : "plain";
  }

  private expect(nowMs: number): void {
    this.wishedMs = nowMs;
    this.wornAfterSeq = null;
    this.change({ pending: this.worn, refused: null });
  }

  private change(part: Partial<Status>): void {
    const keys = Object.keys(part) as (keyof Status)[];
    if (keys.some((key) => this.status[key] !== part[key])) this.status = { ...this.status, ...part };
  }
}
