/** The camera: asking for it, naming what went wrong, taking frames and stills. Keeps no picture. */
import type { Rect, Size } from "./crop";

export type CameraTrouble = "insecure" | "denied" | "missing" | "busy" | "lost";

export class CameraError extends Error {
  constructor(readonly trouble: CameraTrouble) {
    super(trouble);
  }
}

/** 4:3 and large enough that its upright middle is a good picture too; the frames that are sent are smaller. */
const WANTED: MediaTrackConstraints = {
  width: { ideal: 1440 },
  height: { ideal: 1080 },
  frameRate: { ideal: 30 },
  facingMode: { ideal: "user" },
};

export async function openCamera(wanted = WANTED): Promise<MediaStream> {
  if (!window.isSecureContext || !navigator.mediaDevices) throw new CameraError("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
  } catch (error) {
    throw new CameraError(troubleOf(error));
  }
}

export function closeCamera(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

function troubleOf(error: unknown): CameraTrouble {
  const name = error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError") return "denied";
  if (name === "SecurityError") return "insecure";
  if (name === "NotReadableError" || name === "AbortError") return "busy";
  return "missing";
}

export type Scratch = OffscreenCanvas | HTMLCanvasElement;

/** A canvas that is never shown. Safari before 16.4 has no OffscreenCanvas with a 2D context. */
export function newScratch(): Scratch {
  return "OffscreenCanvas" in window ? new OffscreenCanvas(1, 1) : document.createElement("canvas");
}

/** Part of the video's current picture as JPEG, not mirrored. Null while the camera has none. */
export async function grabJpeg(
  video: HTMLVideoElement,
  scratch: Scratch,
  { crop, size, quality }: { crop: Rect; size: Size; quality: number },
): Promise<Blob | null> {
  if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return null;
  if (scratch.width !== size.width) scratch.width = size.width;
  if (scratch.height !== size.height) scratch.height = size.height;
  const context = scratch.getContext("2d", { alpha: false, willReadFrequently: true }) as
    | CanvasRenderingContext2D
    | OffscreenCanvasRenderingContext2D
    | null;
  if (!context) return null;
  context.imageSmoothingQuality = "high";
  context.drawImage(video, crop.x, crop.y, crop.width, crop.height, 0, 0, size.width, size.height);
  return encodeJpeg(scratch, quality);
}

function encodeJpeg(canvas: Scratch, quality: number): Promise<Blob | null> {
  if (!(canvas instanceof HTMLCanvasElement)) return canvas.convertToBlob({ type: "image/jpeg", quality });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}

/** Any picture the browser can read, as JPEG. */
export async function toJpeg(blob: Blob): Promise<Blob> {
  if (blob.type === "image/jpeg") return blob;
  const bitmap = await createImageBitmap(blob);
  const canvas = newScratch();
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d", { alpha: false }) as OffscreenCanvasRenderingContext2D | null;
  context?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return (await encodeJpeg(canvas, 0.95)) ?? blob;
}

/** Calls back once per new camera picture, at most once per painted frame. Returns the way to stop it. */
export function onEveryFrame(video: HTMLVideoElement, callback: (capturedMs: number) => void): () => void {
  if (!("requestVideoFrameCallback" in video)) return onEveryPaint(callback);
  let handle = 0;
  const step = (nowMs: number, metadata: VideoFrameCallbackMetadata) => {
    handle = video.requestVideoFrameCallback(step);
    callback(metadata.captureTime ?? nowMs);
  };
  handle = video.requestVideoFrameCallback(step);
  return () => video.cancelVideoFrameCallback(handle);
}

function onEveryPaint(callback: (capturedMs: number) => void): () => void {
  let handle = 0;
  const step = (nowMs: number) => {
    handle = requestAnimationFrame(step);
    callback(nowMs);
  };
  handle = requestAnimationFrame(step);
  return () => cancelAnimationFrame(handle);
}
