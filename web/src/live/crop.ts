/** Which part of the camera's picture is used and how large it is sent. Pure geometry. */

export type Size = { width: number; height: number };
export type Rect = Size & { x: number; y: number };

/** The widest and the narrowest picture that still holds a person with some room. */
const NARROWEST = 9 / 16;
const WIDEST = 16 / 9;

export const LONG_SIDES = [640, 800, 960] as const;

/** The middle of `source` in the aspect (width / height) of the stage: what `object-fit: cover` shows of it. */
export function cropTo(source: Size, aspect: number): Rect {
  const wanted = Math.min(WIDEST, Math.max(NARROWEST, aspect));
  const width = Math.min(source.width, source.height * wanted);
  const height = Math.min(source.height, source.width / wanted);
  return { x: (source.width - width) / 2, y: (source.height - height) / 2, width, height };
}

/** The size a crop is sent at: never enlarged, even, within the server's limit. */
export function sendSize(crop: Size, longSide: number, maxPixels: number): Size {
  const byLongSide = longSide / Math.max(crop.width, crop.height);
  const byPixels = Math.sqrt(maxPixels / (crop.width * crop.height));
  const scale = Math.min(1, byLongSide, byPixels);
  const even = (value: number) => Math.max(16, 2 * Math.floor((value * scale + 0.01) / 2));
  return { width: even(crop.width), height: even(crop.height) };
}

const SAMPLES = 20;
const SETTLE_MS = 4_000;
const QUICK_MS = 75;
const SLOW_MS = 220;

/**
 * How long the long side may be, learned from the round trips: a quick server is sent more pixels, one step at a time,
 * and a step that proved too much is not tried again.
 */
export class Sizer {
  private step = 0;
  private ceiling = LONG_SIDES.length - 1;
  private trips: number[] = [];
  private changedMs: number | null = null;

  get longSide(): number {
    return LONG_SIDES[this.step] ?? LONG_SIDES[0];
  }

  note(tripMs: number, nowMs: number): void {
    this.changedMs ??= nowMs;
    this.trips.push(tripMs);
    if (this.trips.length > SAMPLES) this.trips.shift();
    if (this.trips.length < SAMPLES || nowMs - this.changedMs < SETTLE_MS) return;
    const median = [...this.trips].sort((a, b) => a - b)[SAMPLES / 2] ?? 0;
    if (median < QUICK_MS && this.step < this.ceiling) this.move(this.step + 1, nowMs);
    else if (median > SLOW_MS && this.step > 0) {
      this.ceiling = this.step - 1;
      this.move(this.step - 1, nowMs);
    }
  }

  private move(step: number, nowMs: number): void {
    this.step = step;
    this.trips = [];
    this.changedMs = nowMs;
  }
}
