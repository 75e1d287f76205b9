/** When nobody is there any more. Pure. */

const NOTICE_MS = 10_000;

/** Seconds left on the "Still there?" notice, null before it is due; 0 when it is time to go. */
export function idleCountdown(idleMs: number, limitMs: number): number | null {
  const noticeMs = Math.min(NOTICE_MS, limitMs / 2);
  const leftMs = limitMs - idleMs;
  if (leftMs <= 0) return 0;
  return leftMs <= noticeMs ? Math.ceil(leftMs / 1000) : null;
}
