/** The premium picture over HTTP: one still and a wish in, one JPEG out. */
import { toJpeg } from "./live/camera";
import type { Wish } from "./live/protocol";

const TIMEOUT_MS = 90_000;

/** Raises when there is no picture, whatever the reason. */
export async function developPicture(still: Blob, wish: Wish, token: string | null, signal: AbortSignal): Promise<Blob> {
  const form = new FormData();
  form.append("frame", still, "frame.jpg");
  for (const [field, value] of Object.entries(wish)) form.append(field, String(value));
  const response = await fetch("/virtual-tryon", {
    method: "POST",
    body: form,
    headers: { Accept: "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return toJpeg(await readPicture(response));
}

async function readPicture(response: Response): Promise<Blob> {
  const type = response.headers.get("content-type") ?? "";
  if (type.startsWith("image/")) return response.blob();
  const answer = (await response.json()) as { image?: unknown; stage?: unknown };
  if (typeof answer.image !== "string") throw new Error("the answer holds no picture");
  if (answer.stage === "mirror") throw new Error("nobody was found to dress");
  return fromBase64(answer.image);
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
