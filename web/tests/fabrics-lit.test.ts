import { describe, expect, it } from "vitest";
import type { BufferGeometry } from "three";
import { TABLE, relaxed } from "../src/fabrics/lit/drape";
import { ball } from "../src/fabrics/lit/shapes";

/** Millimetres in space for each millimetre of cloth, along every edge between neighbours of a grid. */
function stretches(geometry: BufferGeometry): number[] {
  const [place, cloth, index] = [geometry.getAttribute("position"), geometry.getAttribute("uv"), geometry.getIndex()];
  if (!index) throw new Error("no index");
  const found: number[] = [];
  for (let at = 0; at < index.count; at += 3) {
    const [p, q] = [index.getX(at), index.getX(at + 1)];
    const far = Math.hypot(place.getX(p) - place.getX(q), place.getY(p) - place.getY(q), place.getZ(p) - place.getZ(q));
    const wide = Math.hypot(cloth.getX(p) - cloth.getX(q), cloth.getY(p) - cloth.getY(q));
    if (wide > 0.5) found.push(far / wide);
  }
  return found.sort((a, b) => a - b);
}

const share = (of: number[], at: number) => of[Math.floor(at * (of.length - 1))] ?? NaN;

it("stretches cloth over a ball without changing its scale where one looks", () => {
  const all = stretches(ball());
  expect(share(all, 0.5)).toBeGreaterThan(0.8);
  expect(share(all, 0.95)).toBeLessThan(1.02);
});

describe("the drape", () => {
  const { side, places } = relaxed(32, 120);
  const at = (column: number, row: number) => [...places.subarray(3 * (row * side + column), 3 * (row * side + column) + 3)];

  it("rests over the ball and on the table", () => {
    for (let n = 0; n < places.length; n += 3) {
      expect(Math.hypot(...places.subarray(n, n + 3))).toBeGreaterThan(51.9);
      expect(places[n + 1]).toBeGreaterThanOrEqual(TABLE);
    }
    expect(Math.min(...Array.from({ length: side }, (_, n) => at(n, 0)[1] ?? 0))).toBeLessThan(TABLE + 12);
  });

  it("keeps its threads about as long as they are", () => {
    const long = 300 / (side - 1);
    const threads = Array.from({ length: side * (side - 1) }, (_, n) => {
      const [column, row] = [n % (side - 1), Math.floor(n / (side - 1))];
      const [p, q] = [at(column, row), at(column + 1, row)];
      return Math.hypot(...p.map((value, axis) => value - (q[axis] ?? 0))) / long;
    }).sort((a, b) => a - b);
    expect(share(threads, 0.5)).toBeGreaterThan(0.93);
    expect(share(threads, 0.95)).toBeLessThan(1.12);
  });

  it("falls the same way each time", () => {
    expect(relaxed(16, 20).places).toEqual(relaxed(16, 20).places);
  });
});
