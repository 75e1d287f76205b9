/** The premium picture over HTTP: one still and a wish in, one JPEG out, with the steps on the way to it. */
import { readEvents } from "./events";
import { toJpeg } from "./live/camera";
import type { Wish } from "./live/protocol";
import type { Progress } from "./progress";
import { AGAIN, readStep } from "./progress";

const TIMEOUT_MS = 90_000;
/** The server says something at least every ten seconds, if only that it is still at it. */
const SILENCE_MS = 30_000;
const RETRY_MS = 1_500;
const RETRY_MOST_MS = 5_000;

export type Developed = {
  picture: Blob;
  /** The server made less of it than it usually can, and one sees that. */
  plain: boolean;
};

export type Order = {
  still: Blob;
  wish: Wish;
  token: string | null;
  /** Aborting it closes the connection, upon which the server stops. */
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
};

/** There is no picture. `retryMs` is when another try may help; null where it will not. */
export class CaptureError extends Error {
  constructor(
    message: string,
    readonly retryMs: number | null,
  ) {
    super(message);
  }
}

/** Raises when there is no picture, whatever the reason. What may pass is tried a second time. */
export async function developPicture(order: Order): Promise<Developed> {
  const signal = AbortSignal.any([order.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const attempt = () => request({ ...order, signal });
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof CaptureError) || error.retryMs === null || signal.aborted) throw error;
    order.onProgress(AGAIN);
    await pause(error.retryMs, signal);
    return attempt();
  }
}

async function request(order: Order): Promise<Developed> {
  const form = new FormData();
  form.append("frame", order.still, "frame.jpg");
  for (const [field, value] of Object.entries(order.wish)) form.append(field, String(value));
  const response = await fetch("/virtual-tryon", {
    method: "POST",
    body: form,
    headers: {
      Accept: "text/event-stream, application/json;q=0.9",
      ...(order.token ? { Authorization: `Bearer ${order.token}` } : {}),
    },
    signal: order.signal,
  }).catch(unreachable);
  if (!response.ok) throw await refusal(response);
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("image/")) {
    const degraded = response.headers.get("x-lucy-degraded") === "true";
    const plain = isPlain(response.headers.get("x-lucy-stage"), degraded);
    return { picture: await toJpeg(await response.blob()), plain };
  }
  const streamed = type.startsWith("text/event-stream") && response.body;
  return readAnswer(streamed ? await lastEvent(streamed, order.onProgress) : await response.json());
}

/** Tells of the steps; returns what `done` brings. */
async function lastEvent(body: ReadableStream<Uint8Array>, onProgress: Order["onProgress"]): Promise<unknown> {
  try {
    for await (const { name, data } of readEvents(body, SILENCE_MS)) {
      const payload: unknown = JSON.parse(data);
      if (name === "done") return payload;
      if (name === "error") throw problem(payload);
      const step = name === "step" ? readStep(payload) : null;
      if (step) onProgress(step);
    }
  } catch (error) {
    return unreachable(error);
  }
  throw new CaptureError("the server broke off", RETRY_MS);
}

async function readAnswer(answer: unknown): Promise<Developed> {
  const { image, stage, degraded } = (answer ?? {}) as { image?: unknown; stage?: unknown; degraded?: unknown };
  if (typeof image !== "string") throw new CaptureError("the answer holds no picture", null);
  if (stage === "mirror") throw new CaptureError("nobody was found to dress", null);
  return { picture: await toJpeg(fromBase64(image)), plain: isPlain(stage, degraded === true) };
}

/** An engine's picture that lacks one of its aids is a full picture to whoever is in it. */
function isPlain(stage: unknown, degraded: boolean): boolean {
  return degraded && stage !== "enhanced";
}

async function refusal(response: Response): Promise<CaptureError> {
  const error = problem(await response.json().catch(() => null));
  const waitS = Number(response.headers.get("retry-after"));
  if (error.retryMs === null || !(waitS > 0)) return error;
  return new CaptureError(error.message, Math.min(1000 * waitS, RETRY_MOST_MS));
}

/** What is told of an error alike as the answer's body and as an event. */
function problem(payload: unknown): CaptureError {
  const { code, retryable } = (payload ?? {}) as { code?: unknown; retryable?: unknown };
  return new CaptureError(`the server answered ${String(code)}`, retryable === true ? RETRY_MS : null);
}

/** fetch and its streams raise a TypeError for everything that can happen on the way. */
function unreachable(error: unknown): never {
  throw error instanceof TypeError ? new CaptureError("the server cannot be reached", RETRY_MS) : error;
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, durationMs);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

/** Base64 with or without a `data:` prefix. The type is read from the bytes, not believed. */
export function fromBase64(text: string): Blob {
  const binary = atob(text.replace(/^data:[^,]*,/, ""));
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  return new Blob([bytes], { type: typeOf(bytes) });
}

/** The image type that these bytes announce. */
export function typeOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return "image/jpeg";
  if (bytes[0] === 0x89 && bytes[1] === 0x50) return "image/png";
  if (bytes[8] === 0x57 && bytes[9] === 0x45) return "image/webp";
  return "";
}
