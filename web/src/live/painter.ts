/**
 * Puts pictures on the canvas that lies over the camera's own picture. Never paints a blank: a new picture is decoded
 * first, then dissolved into the old one, and the canvas shows only while it holds a picture that is worth showing.
 */

const DISSOLVE_MS = 80;
/** Pictures that come faster than this are swapped: a dissolve would only smear them. */
const SWAP_BELOW_MS = 66;

export class Painter {
  private readonly context: CanvasRenderingContext2D;
  private shown: ImageBitmap | null = null;
  /** What the shown picture is being dissolved into; null when that is over. */
  private under: ImageBitmap | null = null;
  private newestSeq = 0;
  private lastMs = -Infinity;
  private raf = 0;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    /** A picture is on the canvas. */
    private readonly painted: (seq: number) => void,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new Error("this browser has no 2D canvas");
    this.context = context;
  }

  /** Decodes off the paint path, then shows it, unless a newer one got there first. */
  async show(seq: number, picture: Blob): Promise<void> {
    const bitmap = await createImageBitmap(picture);
    if (seq <= this.newestSeq) return bitmap.close();
    const nowMs = performance.now();
    const swap = nowMs - this.lastMs < SWAP_BELOW_MS || !this.isShowing || !this.fits(bitmap);
    this.newestSeq = seq;
    this.lastMs = nowMs;
    this.endDissolve();
    this.under = this.shown;
    this.shown = bitmap;
    if (swap) this.swap();
    else this.dissolve(nowMs);
    this.canvas.dataset.shown = "true";
    this.painted(seq);
  }

  /** Lets the camera's own picture through. */
  hide(): void {
    this.canvas.dataset.shown = "false";
  }

  get isShowing(): boolean {
    return this.canvas.dataset.shown === "true";
  }

  /** Forgets every pixel. Pictures still being decoded up to `newestSeq` come too late. */
  clear(newestSeq: number): void {
    this.hide();
    this.endDissolve();
    this.newestSeq = newestSeq;
    this.shown?.close();
    this.shown = null;
    this.canvas.width = this.canvas.height = 1;
  }

  private fits(bitmap: ImageBitmap): boolean {
    return bitmap.width === this.canvas.width && bitmap.height === this.canvas.height;
  }

  private swap(): void {
    this.endDissolve();
    if (!this.shown) return;
    if (!this.fits(this.shown)) {
      this.canvas.width = this.shown.width;
      this.canvas.height = this.shown.height;
    }
    this.draw(this.shown, 1);
  }

  private dissolve(startMs: number): void {
    const step = (nowMs: number) => {
      const share = (nowMs - startMs) / DISSOLVE_MS;
      if (share >= 1 || !this.under || !this.shown) return this.swap();
      this.draw(this.under, 1);
      this.draw(this.shown, Math.max(0, share));
      this.raf = requestAnimationFrame(step);
    };
    this.raf = requestAnimationFrame(step);
  }

  private endDissolve(): void {
    cancelAnimationFrame(this.raf);
    this.under?.close();
    this.under = null;
  }

  private draw(bitmap: ImageBitmap, alpha: number): void {
    this.context.globalAlpha = alpha;
    this.context.drawImage(bitmap, 0, 0);
  }
}
