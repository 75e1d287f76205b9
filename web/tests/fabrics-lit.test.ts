import { describe, expect, it } from "vitest";
import type { BufferGeometry } from "three";
import { TABLE, relaxed } from "../src/fabrics/lit/drape";
import { jacket } from "../src/fabrics/lit/jacket";
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

/** Of every third number, from this one on. */
function mean(numbers: ArrayLike<number>, from: number): number {
  const own = Array.from(numbers).filter((_, n) => n % 3 === from);
  return own.reduce((sum, value) => sum + value, 0) / own.length;
}

describe("the jacket", () => {
  const parts = jacket();

  it("is made of finite points", () => {
    for (const { geometry } of parts)
      expect(geometry.getAttribute("position").array.every(Number.isFinite)).toBe(true);
  });

  it("turns the faces of both fronts outwards", () => {
    const cloth = parts.filter(({ of }) => of === "cloth").map(({ geometry }) => geometry);
    const fronts = [cloth[0], cloth[6]];
    const halves = fronts.map((geometry) => mean(geometry?.getAttribute("position").array ?? [], 0));
    expect(Math.sign(halves[0] ?? 0)).toBe(-Math.sign(halves[1] ?? 0));
    for (const geometry of fronts) expect(mean(geometry?.getAttribute("normal").array ?? [], 2)).toBeGreaterThan(0.3);
  });

  it("is buttoned, at the cuffs too", () => {
    const heights = parts
      .filter(({ of }) => of === "button")
      .map(({ geometry }) => mean(geometry.getAttribute("position").array, 1));
    expect(heights).toHaveLength(2 + 2 * 3);
    expect(heights.filter((height) => height < 150)).toHaveLength(6);
  });

  it("is darkest where one piece lies on another, and fades from there to nothing", () => {
    const shades = parts.filter(({ of }) => of === "shade");
    expect(shades.length).toBeGreaterThan(10);
    for (const { geometry } of shades) {
      const colour = geometry.getAttribute("color");
      const dark = Array.from({ length: colour.count }, (_, n) => colour.getW(n));
      expect(Math.max(...dark)).toBeLessThan(0.6);
      const outer = dark.filter((_, n) => n % 6 === 5);
      expect(Math.max(...outer)).toBe(0);
    }
  });

  it("shows the cloth at true scale", () => {
    const front = parts[0];
    if (!front) throw new Error("no front");
    const all = stretches(front.geometry);
    expect(share(all, 0.5)).toBeGreaterThan(0.93);
    expect(share(all, 0.5)).toBeLessThan(1.07);
  });
});

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
