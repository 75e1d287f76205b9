import { describe, expect, it } from "vitest";
import type { Point, Rows } from "../src/fabrics/answer";
import {
  distance,
  draggedStep,
  inverse,
  isQuad,
  latticeLines,
  plus,
  stretch,
  swatchFromRepeat,
  through,
} from "../src/fabrics/geometry";

/** A camera at an angle. */
const TO_PHOTO: Rows = [
  [0.8, 0.1, 120],
  [-0.05, 0.7, 80],
  [1e-4, 2e-4, 1],
];
const SAME: Rows = [[1, 0, 0], [0, 1, 0], [0, 0, 1]];

const near = (found: Point, wanted: Point, digits = 6) => {
  expect(found[0]).toBeCloseTo(wanted[0], digits);
  expect(found[1]).toBeCloseTo(wanted[1], digits);
};

describe("homographies", () => {
  it("come back where they started", () => {
    for (const point of [[0, 0], [640, 20], [3, 977]] as Point[])
      near(through(inverse(TO_PHOTO), through(TO_PHOTO, point)), point);
  });

  it("divide by what makes far things small", () => {
    near(through([[2, 0, 0], [0, 2, 0], [0, 0.01, 1]], [10, 100]), [10, 100]);
  });

  it("without an inverse are refused", () => {
    expect(() => inverse([[1, 2, 3], [2, 4, 6], [0, 0, 1]])).toThrow("no inverse");
  });
});

describe("corners", () => {
  const square: Point[] = [[0, 0], [10, 0], [10, 10], [0, 10]];

  it("go around a cloth", () => expect(isQuad(square)).toBe(true));

  it.each([
    ["crossed", [[0, 0], [10, 10], [10, 0], [0, 10]]],
    ["the other way around", [[0, 0], [0, 10], [10, 10], [10, 0]]],
    ["dented", [[0, 0], [10, 0], [2, 2], [0, 10]]],
    ["two in one place", [[0, 0], [0, 0], [10, 10], [0, 10]]],
  ] as [string, Point[]][])("%s do not", (_, corners) => expect(isQuad(corners)).toBe(false));
});

describe("the lattice's lines", () => {
  const across: Point = [10, 0];
  const down: Point = [0, 20];

  it("part the picture into its cells", () => {
    const lines = latticeLines({ origin: [5, 5], a: across, b: down }, [40, 60], [1, 1]);
    // Across at y = 5, 25, 45; down at x = 5, 15, 25, 35.
    expect(lines).toHaveLength(7);
    for (const [p, q] of lines) expect(distance(p, q)).toBeCloseTo(p[1] === q[1] ? 40 : 60, 9);
  });

  it("end at the picture's edges, however askew", () => {
    const lines = latticeLines({ origin: [-300, 900], a: [7, 3], b: [-2, 11] }, [40, 60], [1, 1]);
    expect(lines.length).toBeGreaterThan(5);
    for (const [x, y] of lines.flat()) {
      expect(x).toBeGreaterThanOrEqual(-1e-9);
      expect(x).toBeLessThanOrEqual(40 + 1e-9);
      expect(y).toBeGreaterThanOrEqual(-1e-9);
      expect(y).toBeLessThanOrEqual(60 + 1e-9);
    }
  });

  it("are thinned out where they are too many", () => {
    const all = latticeLines({ origin: [0, 0], a: [1, 0], b: [0, 1] }, [100, 100], [1, 1]);
    const few = latticeLines({ origin: [0, 0], a: [1, 0], b: [0, 1] }, [100, 100], [10, 10]);
    expect(all).toHaveLength(202);
    expect(few).toHaveLength(22);
  });

  it("are none where the steps run the same way", () => {
    expect(latticeLines({ origin: [0, 0], a: [5, 5], b: [10, 10] }, [40, 60], [1, 1])).toEqual([]);
  });
});

describe("dragging the lattice", () => {
  const origin: Point = [200, 150];
  const step: Point = [6, 0.5];

  it("takes as many steps at once as a hand can hold", () => {
    expect(stretch(origin, step, SAME, 60)).toBe(10);
    expect(stretch(origin, [90, 0], SAME, 60)).toBe(1);
    expect(stretch(origin, [0, 0], SAME, 60)).toBe(1);
  });

  it("leaves the step as it is while the knot is where it was", () => {
    const tip = through(TO_PHOTO, plus(origin, step, 10));
    near(draggedStep(tip, { origin, steps: 10, toFlat: inverse(TO_PHOTO) }), step);
  });

  it("divides what was dragged among the steps", () => {
    const tip = through(TO_PHOTO, plus(origin, [70, 10]));
    near(draggedStep(tip, { origin, steps: 10, toFlat: inverse(TO_PHOTO) }), [7, 1]);
  });
});

it("measures a swatch by a repeat of known size", () => {
  const flat: Point[] = [[0, 0], [200, 0], [200, 100], [0, 100]];
  const corners = flat.map((corner) => through(TO_PHOTO, corner));
  const found = { corners, toFlat: inverse(TO_PHOTO), a: [10, 0] as Point, b: [0, 5] as Point };
  const [width, height] = swatchFromRepeat([4, 3], found);
  expect(width).toBeCloseTo(80, 6);
  expect(height).toBeCloseTo(60, 6);
});
