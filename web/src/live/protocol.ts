/**
 * The messages of `lucy.msgpack.v1` as the kiosk speaks them: types, encoding, tolerant reading.
 * Knows no socket, no clock and no camera. Fields the kiosk has no use for are left alone.
 */
import { decode, encode } from "@msgpack/msgpack";

export const SUBPROTOCOL = "lucy.msgpack.v1";

export type Wish = { fabric_id: string; cut: string } | { garment_id: string } | { none: true };

/** x, y, z, visibility; x and y as shares of the picture's width and height. */
export type Landmark = [number, number, number, number];

export type ClientMessage =
  | { type: "hello"; wish?: Wish; token?: string; client: string }
  | { type: "keyframe"; seq: number; captured_ms: number; frame: Uint8Array }
  | ({ type: "wish" } & Wish)
  | { type: "ping"; t: number }
  | { type: "bye" };

export type Stage = "enhanced" | "composite" | "mirror";

export type Limits = { maxFrameBytes: number; maxPixels: number };

export type Answer = {
  type: "enhanced";
  seq: number;
  capturedMs: number | null;
  image: Uint8Array;
  stage: Stage;
  /** Why less is shown than was wished for. */
  reason: string | null;
  landmarks: Landmark[] | null;
};

export type ServerMessage =
  | { type: "ready"; session: string; engine: string; limits: Limits }
  | Answer
  | { type: "dropped"; seqs: number[]; reason: string }
  | { type: "notice"; code: string; message: string; retryInMs: number | null }
  | { type: "error"; code: string; message: string; retryable: boolean; seq: number | null }
  | { type: "pong"; t: number };

export const NO_LIMITS: Limits = { maxFrameBytes: Infinity, maxPixels: Infinity };

/** One string per wish, for keys and comparisons. */
export function wishKey(wish: Wish): string {
  if ("garment_id" in wish) return `garment ${wish.garment_id}`;
  if ("fabric_id" in wish) return `${wish.cut} in ${wish.fabric_id}`;
  return "none";
}

export function encodeMessage(message: ClientMessage): Uint8Array<ArrayBuffer> {
  return encode(message);
}

/** The message in these bytes, or null where it is none that this page understands. */
export function decodeMessage(bytes: ArrayBuffer | Uint8Array): ServerMessage | null {
  let map: unknown;
  try {
    map = decode(bytes);
  } catch {
    return null;
  }
  return isMap(map) ? readMessage(map) : null;
}

type Fields = Record<string, unknown>;

function readMessage(map: Fields): ServerMessage | null {
  switch (map.type) {
    case "ready":
      return {
        type: "ready",
        session: text(map.session),
        engine: isMap(map.engine) ? text(map.engine.name) : "",
        limits: readLimits(map.limits),
      };
    case "enhanced":
      return readAnswer(map);
    case "dropped":
      return { type: "dropped", seqs: numbers(map.seqs), reason: text(map.reason) };
    case "notice":
      return {
        type: "notice",
        code: text(map.code),
        message: text(map.message),
        retryInMs: number(map.retry_in_ms),
      };
    case "error":
      return {
        type: "error",
        code: text(map.code),
        message: text(map.message),
        retryable: map.retryable === true,
        seq: number(map.seq),
      };
    case "pong":
      return { type: "pong", t: number(map.t) ?? 0 };
    default:
      return null;
  }
}

function readAnswer(map: Fields): Answer | null {
  const seq = number(map.seq);
  if (seq === null || !isStage(map.stage)) return null;
  const image = map.image instanceof Uint8Array ? map.image : new Uint8Array();
  if (image.length === 0 && map.stage !== "mirror") return null;
  return {
    type: "enhanced",
    seq,
    capturedMs: number(map.captured_ms),
    image,
    stage: map.stage,
    reason: text(map.reason) || null,
    landmarks: Array.isArray(map.landmarks) ? map.landmarks.filter(isLandmark) : null,
  };
}

function readLimits(value: unknown): Limits {
  if (!isMap(value)) return NO_LIMITS;
  return {
    maxFrameBytes: number(value.max_frame_bytes) ?? Infinity,
    maxPixels: number(value.max_pixels) ?? Infinity,
  };
}

function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isStage(value: unknown): value is Stage {
  return value === "enhanced" || value === "composite" || value === "mirror";
}

function isLandmark(value: unknown): value is Landmark {
  return Array.isArray(value) && value.length === 4 && value.every((v) => Number.isFinite(v));
}

function number(value: unknown): number | null {
  if (typeof value === "bigint") return Number(value);
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(number).filter((v) => v !== null) : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
