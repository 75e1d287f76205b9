/** How far a picture is, and how that is said. Nothing is made up: without steps there is nothing to count. Pure. */

export type Progress =
  /** Under way; nobody counts, or nobody counts yet. */
  | { phase: "making" }
  /** It failed in a way that may pass, and is tried once more. */
  | { phase: "again" }
  /** So many steps are done. */
  | { phase: "steps"; step: number; of: number };

export const MAKING: Progress = { phase: "making" };
export const AGAIN: Progress = { phase: "again" };

/** The payload of a `step` event; null for what cannot be one. */
export function readStep(payload: unknown): Progress | null {
  const { step, of } = (payload ?? {}) as { step?: unknown; of?: unknown };
  if (!Number.isInteger(step) || !Number.isInteger(of)) return null;
  const [done, total] = [step as number, of as number];
  return done >= 0 && total >= 1 && done <= total ? { phase: "steps", step: done, of: total } : null;
}

/** For the eye: every step. */
export function told(progress: Progress): string {
  if (progress.phase === "again") return "Trying once more";
  if (progress.phase === "making") return "";
  return progress.step < progress.of ? `Step ${progress.step} of ${progress.of}` : "The last touches";
}

/** For the ear: only what is worth an interruption. */
export function announced(progress: Progress): string {
  if (progress.phase !== "steps") return progress.phase === "again" ? "Trying once more" : "Making your picture";
  if (progress.step >= progress.of) return "The last touches";
  return progress.step * 2 >= progress.of ? "Half of the steps are done" : "Making your picture";
}
