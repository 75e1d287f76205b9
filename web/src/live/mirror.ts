/**
 * The live mirror: camera in, pictures out, over the connection, one frame at a time. Puts the parts together that
 * decide (Connection, FrameLoop, Sizer, RaisedHand, View) and those that do (camera, socket, Painter). Knows no React.
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
import type { Status } from "./view";
import { AT_REST, View } from "./view";

const LIVE_QUALITY = 0.8;
const STILL_QUALITY = 0.95;
const WATCH_MS = 100;
const FALLBACK_MAX_AGE_MS = 10_000;

export type Surfaces = { video: HTMLVideoElement; canvas: HTMLCanvasElement; stage: HTMLElement };

export type MirrorOptions = {
  url: string;
  token: string | null;
  /** A hand was held up long enough. */
  onRaised: () => void;
  /** The server saw somebody. */
  onSeen: (atMs: number) => void;
};

export class Mirror {
  status: Status = AT_REST;

  private readonly loop = new FrameLoop();
  private readonly sizer = new Sizer();
  private readonly hand = new RaisedHand();
  private readonly view = new View();
  private readonly connection: Connection;
  private readonly socket: LiveSocket;
  private readonly painter: Painter;
  private readonly scratch: Scratch = newScratch();
  private readonly listeners = new Set<() => void>();
  private readonly stoppers: (() => void)[] = [];
  private running = false;
  private paused = false;
  private painted = 0;
  /** wishKey of what is worn; null before the start. */
  private worn: string | null = null;
  /** The newest picture with a jacket in it. */
  private latest: { picture: Blob; atMs: number } | null = null;

  constructor(
    private readonly surfaces: Surfaces,
    private readonly options: MirrorOptions,
  ) {
    this.connection = new Connection(options.token, Math.random);
    this.socket = new LiveSocket(options.url, this.connection, this.receive, () => this.loop.forget());
    this.painter = new Painter(surfaces.canvas, () => {
      this.surfaces.stage.dataset.frames = String((this.painted += 1));
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** A mirror is started once and stopped once. */
  start(wish: Wish): void {
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
    this.scratch.width = this.scratch.height = 1;
  }

  wear(wish: Wish): void {
    const key = wishKey(wish);
    if (key === this.worn) return;
    this.worn = key;
    this.view.wear(wish, performance.now());
    this.socket.perform(this.connection.wear(wish));
    this.publish();
  }

  /** Holds the picture that is on the screen, and sends nothing, until `resume`. */
  pause(): void {
    this.paused = true;
    this.surfaces.video.pause();
    this.hand.reset(true);
    this.view.raise(0);
    this.publish();
  }

  resume(): void {
    this.paused = false;
    this.view.resume(performance.now());
    // Refused while the page is hidden; the browser plays on by itself when it is back.
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
    if (!this.latest || performance.now() - this.latest.atMs > FALLBACK_MAX_AGE_MS) return null;
    return this.latest.picture;
  }

  private readonly watch = () => {
    if (this.paused) return;
    const { phase, ready, failures } = this.connection;
    if (this.view.tick(performance.now(), { up: phase === "open" && ready, failures })) this.painter.hide();
    this.publish();
  };

  private readonly receive = (message: ServerMessage) => {
    const nowMs = performance.now();
    if (message.type === "enhanced") this.answered(message, nowMs);
    else if (message.type === "dropped") message.seqs.forEach((seq) => this.loop.settle(seq, nowMs));
    else if (message.type === "ready") this.view.ready(nowMs);
    else if (message.type === "notice" && message.code === "wearing") this.view.wearing(this.loop.newest);
    else if (message.type === "error" && message.seq !== null) this.loop.refuse(message.seq, nowMs);
    else if (message.type === "error") this.view.refuse();
    this.publish();
  };

  private answered(answer: Answer, nowMs: number): void {
    const tripMs = this.loop.settle(answer.seq, nowMs);
    if (tripMs !== null) this.sizer.note(tripMs, nowMs);
    if (!this.running || this.paused) return;
    if (this.view.answered(answer, nowMs)) this.show(answer, nowMs);
    if (answer.stage !== "mirror" || answer.reason === "no_body") this.options.onSeen(nowMs);
    const raised = this.hand.feed(answer.landmarks ?? [], nowMs);
    this.view.raise(raised);
    if (raised === 1) this.options.onRaised();
  }

  private show(answer: Answer, nowMs: number): void {
    const picture = new Blob([answer.image as Uint8Array<ArrayBuffer>]);
    this.latest = { picture, atMs: nowMs };
    // A picture that cannot be decoded is left out; if none follows, the camera is shown.
    void this.painter.show(answer.seq, picture).catch(() => undefined);
    if (answer.capturedMs !== null)
      this.surfaces.stage.dataset.ageMs = String(Math.round(nowMs - answer.capturedMs));
  }

  private async offer(capturedMs: number): Promise<void> {
    if (this.paused || this.connection.phase !== "open" || !this.connection.ready) return;
    const seq = this.loop.take(performance.now());
    if (seq === null) return;
    const crop = this.crop();
    const size = sendSize(crop, this.sizer.longSide, this.connection.limits.maxPixels);
    const jpeg = await grabJpeg(this.surfaces.video, this.scratch, { crop, size, quality: LIVE_QUALITY });
    const frame = jpeg && new Uint8Array(await jpeg.arrayBuffer());
    if (!frame || frame.length > this.connection.limits.maxFrameBytes) return this.loop.drop(seq);
    if (!this.running || !this.loop.send(seq, performance.now())) return;
    this.socket.send({ type: "keyframe", seq, captured_ms: capturedMs, frame });
  }

  private crop() {
    const { video, stage } = this.surfaces;
    const aspect = stage.clientWidth / Math.max(1, stage.clientHeight);
    return cropTo({ width: video.videoWidth, height: video.videoHeight }, aspect);
  }

  private publish(): void {
    if (this.status === this.view.status) return;
    this.status = this.view.status;
    for (const listener of this.listeners) listener();
  }
}
