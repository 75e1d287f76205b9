/**
 * The trunk that a jacket is laid on, in millimetres: where a point of cloth lies on it, and how a piece is cut for one
 * half and sewn for the other. Knows no piece.
 */
import type { BufferGeometry } from "three";
import { sheet } from "./shapes";
import type { Vec3 } from "./shapes";

/** Height over the hem, half width, half depth of the trunk. */
const TRUNK: readonly [number, number, number][] = [
  [0, 262, 152],
  [120, 250, 146],
  [260, 216, 128],
  [330, 216, 130],
  [470, 246, 140],
  [560, 250, 132],
  [606, 240, 116],
  [634, 212, 100],
  [662, 152, 88],
  [684, 96, 78],
  [700, 76, 72],
  [760, 68, 68],
];
/** Sharper than an ellipse, as a chest is. */
const SQUARENESS = 2.35;

/** A point at so many millimetres of cloth from the middle of the front, lifted off the body. */
export function on(u: number, y: number, lift: number): Vec3 {
  const [half, deep] = trunkAt(y);
  const angle = Math.sign(u) * angleAt(Math.abs(u), half, deep);
  const [x, z] = around(angle, half + lift, deep + lift);
  return [x, y, z];
}

export function around(angle: number, half: number, deep: number): [number, number] {
  const power = 2 / SQUARENESS;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return [half * Math.sign(sin) * Math.abs(sin) ** power, deep * Math.sign(cos) * Math.abs(cos) ** power];
}

/** The angle at which the arc from the middle is `u` long, by walking along it. */
function angleAt(u: number, half: number, deep: number): number {
  const step = Math.PI / 180;
  let [walked, angle] = [0, 0];
  let before = around(0, half, deep);
  while (angle < Math.PI) {
    const next = around(angle + step, half, deep);
    const piece = Math.hypot(next[0] - before[0], next[1] - before[1]);
    if (walked + piece >= u) return angle + (step * (u - walked)) / piece;
    [walked, angle, before] = [walked + piece, angle + step, next];
  }
  return Math.PI;
}

export function arcTo(angle: number, half: number, deep: number): number {
  let [length, before] = [0, around(0, half, deep)];
  for (let n = 1; n <= 90; n += 1) {
    const next = around((angle * n) / 90, half, deep);
    length += Math.hypot(next[0] - before[0], next[1] - before[1]);
    before = next;
  }
  return length;
}

/** Half width and half depth at a height: a curve through TRUNK without corners or waves (Fritsch and Carlson 1980). */
export function trunkAt(y: number): [number, number] {
  const last = TRUNK.length - 2;
  const n = Math.min(last, Math.max(0, TRUNK.findIndex(([height]) => height >= y) - 1));
  return [monotone(n, y, 1), monotone(n, y, 2)];
}

function monotone(n: number, y: number, which: 1 | 2): number {
  const [from, to] = [TRUNK[n], TRUNK[n + 1]];
  if (!from || !to) return 0;
  const step = to[0] - from[0];
  const t = Math.min(1, Math.max(0, (y - from[0]) / step));
  const [before, after] = [tangent(n, which) * step, tangent(n + 1, which) * step];
  const [t2, t3] = [t * t, t * t * t];
  return (
    (2 * t3 - 3 * t2 + 1) * from[which] + (t3 - 2 * t2 + t) * before + (3 * t2 - 2 * t3) * to[which] + (t3 - t2) * after
  );
}

function tangent(n: number, which: 1 | 2): number {
  const [left, right] = [slope(n - 1, which), slope(n, which)];
  if (left === null || right === null) return left ?? right ?? 0;
  return left * right <= 0 ? 0 : (2 * left * right) / (left + right);
}

function slope(n: number, which: 1 | 2): number | null {
  const [from, to] = [TRUNK[n], TRUNK[n + 1]];
  return from && to ? (to[which] - from[which]) / (to[0] - from[0]) : null;
}

export type Laid = { u: number; y: number; lift: number; grain?: number };

/** A piece of the wearer's left half, or of the right one. The mirrored piece is sewn from mirrored cloth, as it is cut. */
export function mirrored(side: 1 | -1, columns: number, rows: number, at: (s: number, t: number) => Laid): BufferGeometry {
  const geometry = sheet(columns, rows, (s, t) => {
    const { u, y, lift, grain = 0 } = at(s, t);
    const [x, z] = [u * Math.cos(grain) + y * Math.sin(grain), y * Math.cos(grain) - u * Math.sin(grain)];
    return { place: on(side * u, y, lift), cloth: [side * x, z] };
  });
  return side === -1 ? flipped(geometry) : geometry;
}

/** Turns the faces around; the normals with them. */
export function flipped(geometry: BufferGeometry): BufferGeometry {
  const index = geometry.getIndex();
  if (!index) return geometry;
  for (let at = 0; at < index.count; at += 3) {
    const [b, c] = [index.getX(at + 1), index.getX(at + 2)];
    index.setX(at + 1, c);
    index.setX(at + 2, b);
  }
  geometry.computeVertexNormals();
  return geometry;
}

export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

export function smooth(share: number): number {
  const s = Math.min(1, Math.max(0, share));
  return s * s * (3 - 2 * s);
}

export function ease(share: number, power: number): number {
  return Math.min(1, Math.max(0, share)) ** power;
}
