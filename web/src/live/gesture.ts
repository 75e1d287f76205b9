/** A hand held above the head for a moment takes a picture. Pure: landmarks and the time in, progress out. */
import type { Landmark } from "./protocol";

export const HOLD_MS = 1_200;
/** Answers may be this far apart before a raised hand counts as lost. */
const GAP_MS = 800;
const VISIBLE = 0.5;
const NOSE = 0;
const WRISTS = [15, 16] as const;

export class RaisedHand {
  private sinceMs: number | null = null;
  private seenMs = -Infinity;
  /** A hand that has fired has to come down first. */
  private spent = false;

  /** Progress in [0, 1]; 1 is returned once per raised hand. */
  feed(landmarks: Landmark[], nowMs: number): number {
    const up = handIsUp(landmarks);
    if (!up || nowMs - this.seenMs > GAP_MS) this.sinceMs = null;
    if (!up) {
      if (landmarks.length > 0) this.spent = false;
      return 0;
    }
    this.seenMs = nowMs;
    if (this.spent) return 0;
    this.sinceMs ??= nowMs;
    const progress = Math.min(1, (nowMs - this.sinceMs) / HOLD_MS);
    if (progress === 1) this.reset(true);
    return progress;
  }

  reset(spent = false): void {
    this.sinceMs = null;
    this.spent = spent;
  }
}

function handIsUp(landmarks: Landmark[]): boolean {
  const nose = landmarks[NOSE];
  if (!nose || nose[3] < VISIBLE) return false;
  return WRISTS.some((index) => {
    const wrist = landmarks[index];
    return wrist !== undefined && wrist[3] >= VISIBLE && wrist[1] < nose[1];
  });
}
