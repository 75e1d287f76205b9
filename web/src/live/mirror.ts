/**
 * The live mirror: camera in, pictures out, over the connection, one frame at a time. Owns what the shopper is told
 * about it (Status). Knows no React and no screens.
 */
import type { Scratch } from "./camera";
import { grabJpeg, newScratch, onEveryFrame } from "./camera";
import { Connection } from "./connection";
import { Sizer, cropTo, sendSize } from "./crop";
import { RaisedHand } from "./gesture";
import { FrameLoop } from "./loop";
import { Painter } from "./painter";
import type { Answer, ServerMessage, Wish } from "./protocol";
import { wishKey } from "./protocol";
import { LiveSocket } from "./socket";

const LIVE_QUALITY = 0.8;
const STILL_QUALITY = 0.95;
/** One picture without a person is held back this long: the pose is lost for a moment now and then. */
const BLINK_MS = 250;
/** Without a new picture for this long, or for three times the usual interval, the camera itself is more honest. */
const STALE_MS = 1_500;
const WATCH_MS = 100;
const FALLBACK_MAX_AGE_MS = 10_000;

export type Badge = "connecting" | "composite" | "enhanced" | "waiting" | "no_person" | "reconnecting";

export type Status = {
  badge: Badge;
  /** The enhancer is late or away and this is the plain composite. */
  degraded: boolean;
  /** wishKey of what was asked for and has not been seen yet. */
  pending: string | null;
  /** wishKey of what the server refused. */
  refused: string | null;
  /** How far a raised hand is from taking a picture, in [0, 1]. */
  raised: number;
};

export const AT_REST: Status = { badge: "connecting", degraded: false, pending: null, refused: null, raised: 0 };

export type Surfaces = { video: HTMLVideoElement; canvas: HTMLCanvasElement; stage: HTMLElement };

export type MirrorOptions = {
  url: string;
  token: string | null;
  /** A hand was held up long enough. */
  onRaised: () => void;
  /** The server saw somebody. */
  onSeen: (atMs: number) => void;
};

type Picture = { answer: Answer; atMs: number };

export class Mirror {
  status: Status = AT_REST;

  private readonly loop = new FrameLoop();
  private readonly sizer = new Sizer();
  private readonly hand = new RaisedHand();
  private readonly connection: Connection;
  private readonly socket: LiveSocket;
  private readonly painter: Painter;
  private readonly scratch: Scratch = newScratch();
  private readonly listeners = new Set<() => void>();
  private readonly stoppers: (() => void)[] = [];
  private paused = false;
  private running = false;
  private frames = 0;
  private latest: Picture | null = null;
  private answeredMs = -Infinity;
  private intervalMs = 100;
  private emptySinceMs: number | null = null;
  /** wishKey of what is worn; null before the start. */
  private worn: string | null = null;
  /** The last frame that was taken before the wish changed. */
  private wishAfterSeq = 0;

  constructor(
    private readonly surfaces: Surfaces,
    private readonly options: MirrorOptions,
  ) {
    this.connection = new Connection(options.token, Math.random);
    this.socket = new LiveSocket(options.url, this.connection, this.receive, this.forget);
    this.painter = new Painter(surfaces.canvas, () => this.count());
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(wish: Wish): void {
    if (this.running) return;
    this.running = true;
    this.wear(wish);
    this.socket.start();
    this.stoppers.push(onEveryFrame(this.surfaces.video, (capturedMs) => void this.offer(capturedMs)));
    const timer = window.setInterval(this.watch, WATCH_MS);
    this.stoppers.push(() => window.clearInterval(timer));
  }

  /** Ends the session and forgets every picture. */
  stop(): void {
    this.running = false;
    for (const stopper of this.stoppers.splice(0)) stopper();
    this.socket.stop();
    this.painter.clear(this.loop.newest);
    this.latest = null;
    this.worn = null;
    this.scratch.width = this.scratch.height = 1;
    this.publish(AT_REST);
  }

  wear(wish: Wish): void {
    const key = wishKey(wish);
    if (key === this.worn) return;
    this.worn = key;
    this.wishAfterSeq = this.loop.newest;
    this.socket.perform(this.connection.wear(wish));
    const pending = "none" in wish ? null : key;
    this.publish({ ...this.status, pending, refused: null });
  }

  /** Holds the picture that is on the screen, and sends nothing, until `resume`. */
  pause(): void {
    this.paused = true;
    this.surfaces.video.pause();
    this.hand.reset(true);
    this.publish({ ...this.status, raised: 0 });
  }

  resume(): void {
    this.paused = false;
    this.answeredMs = performance.now();
    void this.surfaces.video.play().catch(() => undefined);
  }

  /** The camera's picture in the stage's crop and the camera's own resolution. */
  takeStill(): Promise<Blob | null> {
    const crop = this.crop();
    const size = sendSize(crop, Infinity, Infinity);
    return grabJpeg(this.surfaces.video, newScratch(), { crop, size, quality: STILL_QUALITY });
  }

  /** What the shopper saw last, if that was in a jacket and not long ago. */
  lastPicture(): Blob | null {
    const fresh = this.latest && performance.now() - this.latest.atMs < FALLBACK_MAX_AGE_MS;
    return fresh && this.latest ? toBlob(this.latest.answer) : null;
  }

  private readonly watch = () => {
    if (this.paused) return;
    const badge = this.reasonToReveal(performance.now());
    if (badge) this.reveal(badge);
  };

  /** Why the camera's own picture should be seen now; null while the pictures that come are worth showing. */
  private reasonToReveal(nowMs: number): Badge | null {
    const started = this.frames > 0;
    if (this.connection.phase !== "open" || !this.connection.ready)
      return started || this.connection.failures > 0 ? "reconnecting" : "connecting";
    if (this.emptySinceMs !== null && nowMs - this.emptySinceMs > BLINK_MS) return "no_person";
    if (nowMs - this.answeredMs < Math.max(STALE_MS, 3 * this.intervalMs)) return null;
    return started ? "waiting" : "connecting";
  }

  private reveal(badge: Badge): void {
    this.painter.hide();
    this.latest = badge === "no_person" ? null : this.latest;
    this.publish({ ...this.status, badge, degraded: false, raised: 0 });
  }

  private readonly receive = (message: ServerMessage) => {
    const nowMs = performance.now();
    if (message.type === "enhanced") this.answered(message, nowMs);
    else if (message.type === "dropped") message.seqs.forEach((seq) => this.loop.settle(seq, nowMs));
    else if (message.type === "error") this.refused(message.seq, nowMs);
    else if (message.type === "ready") this.answeredMs = nowMs;
  };

  private readonly forget = () => {
    this.loop.forget();
    this.emptySinceMs = null;
  };

  private refused(seq: number | null, nowMs: number): void {
    if (seq !== null) this.loop.refuse(seq, nowMs);
    const aboutWish = seq === null || seq > this.wishAfterSeq;
    if (aboutWish && this.status.pending !== null)
      this.publish({ ...this.status, pending: null, refused: this.status.pending });
  }

  private answered(answer: Answer, nowMs: number): void {
    const tripMs = this.loop.settle(answer.seq, nowMs);
    if (tripMs !== null) this.sizer.note(tripMs, nowMs);
    if (!this.running || this.paused) return;
    if (Number.isFinite(this.answeredMs)) this.intervalMs += 0.2 * (nowMs - this.answeredMs - this.intervalMs);
    this.answeredMs = nowMs;
    if (answer.stage === "mirror") return this.nobody(nowMs);
    this.emptySinceMs = null;
    this.options.onSeen(nowMs);
    this.latest = { answer, atMs: nowMs };
    void this.painter.show(answer.seq, toBlob(answer)).catch(() => undefined);
    this.tell(answer, nowMs);
  }

  private nobody(nowMs: number): void {
    this.emptySinceMs ??= nowMs;
    this.hand.feed(null, nowMs);
    if (this.status.pending !== null) this.publish({ ...this.status, pending: null });
  }

  private tell(answer: Answer, nowMs: number): void {
    const raised = this.hand.feed(answer.landmarks, nowMs);
    const seen = answer.seq > this.wishAfterSeq;
    this.publish({
      badge: answer.stage === "enhanced" ? "enhanced" : "composite",
      degraded: answer.degraded,
      pending: seen ? null : this.status.pending,
      refused: this.status.refused,
      raised: Math.round(raised * 30) / 30,
    });
    if (answer.capturedMs !== null)
      this.surfaces.stage.dataset.ageMs = String(Math.round(performance.now() - answer.capturedMs));
    if (raised === 1) this.options.onRaised();
  }

  private async offer(capturedMs: number): Promise<void> {
    if (this.paused || this.connection.phase !== "open" || !this.connection.ready) return;
    const seq = this.loop.take(performance.now());
    if (seq === null) return;
    const crop = this.crop();
    const size = sendSize(crop, this.sizer.longSide, this.connection.limits.maxPixels);
    const jpeg = await grabJpeg(this.surfaces.video, this.scratch, { crop, size, quality: LIVE_QUALITY });
    const frame = jpeg && new Uint8Array(await jpeg.arrayBuffer());
    if (!frame) return this.loop.drop(seq);
    if (!this.running || !this.loop.send(seq, performance.now())) return;
    this.socket.send({ type: "keyframe", seq, captured_ms: capturedMs, frame });
  }

  private crop() {
    const { video, stage } = this.surfaces;
    const aspect = stage.clientWidth / Math.max(1, stage.clientHeight);
    return cropTo({ width: video.videoWidth, height: video.videoHeight }, aspect);
  }

  private count(): void {
    this.frames += 1;
    this.surfaces.stage.dataset.frames = String(this.frames);
  }

  private publish(next: Status): void {
    const before = this.status;
    const same = (Object.keys(next) as (keyof Status)[]).every((key) => before[key] === next[key]);
    if (same) return;
    this.status = next;
    for (const listener of this.listeners) listener();
  }
}

function toBlob(answer: Answer): Blob {
  return new Blob([answer.image as Uint8Array<ArrayBuffer>]);
}
