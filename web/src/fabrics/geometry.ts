/** Points through homographies, and the lattice of a cloth drawn over its photo. Pure; points are (x, y) in pixels. */
import type { Pair, Point, Rows } from "./answer";

export type Segment = readonly [Point, Point];

export function through(homography: Rows, [x, y]: Point): Point {
  const [u, v, w] = homography.map(([a = 0, b = 0, c = 0]) => a * x + b * y + c) as [number, number, number];
  return [u / w, v / w];
}

/** Raises where there is no inverse. */
export function inverse(rows: Rows): Rows {
  const [[a, b, c], [d, e, f], [g, h, i]] = rows as [number[], number[], number[]] as [Triple, Triple, Triple];
  const [A, B, C] = [e * i - f * h, f * g - d * i, d * h - e * g];
  const determinant = a * A + b * B + c * C;
  if (!(Math.abs(determinant) > 1e-12)) throw new Error("the homography has no inverse");
  const adjugate = [
    [A, c * h - b * i, b * f - c * e],
    [B, a * i - c * g, c * d - a * f],
    [C, b * g - a * h, a * e - b * d],
  ];
  return adjugate.map((row) => row.map((value) => value / determinant));
}

type Triple = [number, number, number];

export const plus = ([x, y]: Point, [u, v]: Point, times = 1): Point => [x + times * u, y + times * v];
export const minus = ([x, y]: Point, [u, v]: Point): Point => [x - u, y - v];
export const length = ([x, y]: Point): number => Math.hypot(x, y);
export const distance = (p: Point, q: Point): number => length(minus(p, q));

export function middle(points: readonly Point[]): Point {
  const sum = points.reduce((total, point) => plus(total, point), [0, 0] as Point);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** Whether the corners go around a cloth: convex, clockwise as they are seen, none on another. */
export function isQuad(corners: readonly Point[]): boolean {
  return corners.every((corner, n) => {
    const [before, after] = [corners[(n + 3) % 4], corners[(n + 1) % 4]] as [Point, Point];
    const [[x, y], [u, v]] = [minus(corner, before), minus(after, corner)];
    return x * v - y * u > 1;
  });
}

export type Grid = { origin: Point; a: Point; b: Point };

/** The lines between the cells, as far as they lie in the flat picture (width, height); every nth where they are many. */
export function latticeLines({ origin, a, b }: Grid, [width, height]: Pair, every: Pair): Segment[] {
  return [...family(origin, a, b, [width, height], every[1]), ...family(origin, b, a, [width, height], every[0])];
}

/** Lines along `along`, one at every nth step of `step`. */
function family(origin: Point, along: Point, step: Point, [width, height]: Pair, every: number): Segment[] {
  const cross = step[0] * along[1] - step[1] * along[0];
  if (Math.abs(cross) < 1e-9) return [];
  const corners: Point[] = [[0, 0], [width, 0], [width, height], [0, height]];
  const steps = corners.map((corner) => {
    const [x, y] = minus(corner, origin);
    return (x * along[1] - y * along[0]) / cross;
  });
  const [first, last] = [Math.ceil(Math.min(...steps) / every), Math.floor(Math.max(...steps) / every)];
  const lines: Segment[] = [];
  for (let n = first; n <= last; n += 1) {
    const line = clipped(plus(origin, step, n * every), along, [width, height]);
    if (line) lines.push(line);
  }
  return lines;
}

/** The part of an endless line in the picture, after Liang and Barsky. */
function clipped(from: Point, along: Point, size: Pair): Segment | null {
  let [enters, leaves] = [-Infinity, Infinity];
  for (const axis of [0, 1] as const) {
    if (Math.abs(along[axis]) < 1e-12) {
      if (from[axis] < 0 || from[axis] > size[axis]) return null;
      continue;
    }
    const [near, far] = [-from[axis] / along[axis], (size[axis] - from[axis]) / along[axis]];
    enters = Math.max(enters, Math.min(near, far));
    leaves = Math.min(leaves, Math.max(near, far));
  }
  return enters < leaves ? [plus(from, along, enters), plus(from, along, leaves)] : null;
}

/** How many steps of the lattice are one stretch of at least `leastPx` in the photo, so that they can be told apart. */
export function stretch(origin: Point, step: Point, toPhoto: Rows, leastPx: number): number {
  const one = distance(through(toPhoto, origin), through(toPhoto, plus(origin, step)));
  return one > 0 ? Math.max(1, Math.ceil(leastPx / one)) : 1;
}

/** The step of a lattice whose nth knot was dragged to `tip` in the photo. */
export function draggedStep(tip: Point, { origin, steps, toFlat }: { origin: Point; steps: number; toFlat: Rows }): Point {
  const [x, y] = minus(through(toFlat, tip), origin);
  return [x / steps, y / steps];
}

/** Width and height in millimetres of the cloth between its corners, when one repeat measures this much. */
export function swatchFromRepeat(
  repeatMm: Pair,
  { corners, toFlat, a, b }: { corners: readonly Point[]; toFlat: Rows; a: Point; b: Point },
): Pair {
  const [p, q, r, s] = corners.map((corner) => through(toFlat, corner)) as [Point, Point, Point, Point];
  const across = (distance(p, q) + distance(s, r)) / 2;
  const down = (distance(p, s) + distance(q, r)) / 2;
  return [(across * repeatMm[0]) / length(a), (down * repeatMm[1]) / length(b)];
}
