/** What can go wrong, in the server's words where it has any: code, message, and a hint at what to do. */

export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string | null = null,
    readonly retryable = false,
  ) {
    super(message);
  }
}

export const UNREACHABLE = new Problem(
  "unreachable",
  "The server cannot be reached",
  "Check the connection and try again: nothing that you entered is lost.",
  true,
);

/** An answer's body (RFC 9457) or an event's content. */
export function readProblem(body: unknown, status = 0): Problem {
  const told = (body ?? {}) as { code?: unknown; message?: unknown; detail?: unknown; hint?: unknown; retryable?: unknown };
  const message = text(told.message) ?? text(told.detail) ?? `The server answered ${status || "something unexpected"}`;
  return new Problem(text(told.code) ?? `http_${status}`, upper(message), text(told.hint), told.retryable === true);
}

/** Whatever was thrown. fetch and its streams raise a TypeError for everything that can happen on the way. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof TypeError || (error instanceof DOMException && error.name === "TimeoutError")) return UNREACHABLE;
  return new Problem("page_failed", "This page did not understand the server", "Reload the page and try again.");
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function upper(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
