import { describe, expect, it } from "vitest";
import type { Change, Edits } from "../src/fabrics/edits";
import { BadSize, UNTOUCHED, edit, editsOf, fresh, hasEdits, readMm, toGiven } from "../src/fabrics/edits";
import { UNSCALED, answer } from "./fabrics-answer";

const change = (about: string, to: Partial<Edits>): Change => ({ do: "change", about, to });
const size = (width: string, height: string) => ({ width, height });

describe("undo", () => {
  it("takes back a drag as a whole", () => {
    const dragged = [1, 2, 3].reduce(
      (history, x) => edit(history, change("corner 0", { corners: [[x, 0], [9, 0], [9, 9], [0, 9]] })),
      fresh(),
    );
    expect(dragged.now.corners?.[0]).toEqual([3, 0]);
    expect(edit(dragged, { do: "undo" }).now).toEqual(UNTOUCHED);
  });

  it("tells two drags of the same corner apart", () => {
    const corners = (x: number) => ({ corners: [[x, 0], [9, 0], [9, 9], [0, 9]] as const });
    let history = edit(fresh(), change("corner 0", corners(1)));
    history = edit(history, { do: "settle" });
    history = edit(history, change("corner 0", corners(2)));
    expect(edit(history, { do: "undo" }).now.corners?.[0]).toEqual([1, 0]);
  });

  it("does nothing where nothing was done", () => {
    expect(edit(fresh(), { do: "undo" })).toEqual(fresh());
  });

  it("goes back over everything, in turn", () => {
    let history = edit(fresh(), change("swatch size", { swatch: size("1", "") }));
    history = edit(history, change("white", { white: [0, 0, 5, 5] }));
    history = edit(history, { do: "undo" });
    expect(history.now).toMatchObject({ white: null, swatch: size("1", "") });
    expect(edit(history, { do: "undo" }).now).toEqual(UNTOUCHED);
  });
});

describe("what is given", () => {
  it("is only what was said, for a first scan", () => {
    expect(toGiven(UNTOUCHED, null)).toEqual({});
    expect(toGiven({ ...UNTOUCHED, swatch: size("100", "62,5") }, null)).toEqual({ swatch_mm: [100, 62.5] });
  });

  it("takes back what is no longer said, for another one", () => {
    const scanned = answer({ given: { swatch_mm: [100, 60] } });
    const edits = { ...editsOf(scanned), swatch: size("", "") };
    expect(hasEdits(edits, scanned)).toBe(true);
    expect(toGiven(edits, scanned)).toMatchObject({ swatch_mm: null, corners: null });
  });

  it("starts as it was given", () => {
    const scanned = answer({ given: { corners: [[1, 1], [2, 1], [2, 2], [1, 2]], white: [0, 0, 9, 9] } });
    expect(editsOf(scanned)).toMatchObject({ corners: scanned.outline.corners, white: [0, 0, 9, 9] });
    expect(hasEdits(editsOf(scanned), scanned)).toBe(false);
  });

  it("is a repeat in millimetres when the lattice was dragged", () => {
    const edits: Edits = { ...UNTOUCHED, a: [25, 0] };
    expect(toGiven(edits, answer())).toMatchObject({ repeat_mm: [2.5, 4] });
  });

  it("is no repeat when the lattice was dragged and the scale is not known", () => {
    expect(toGiven({ ...UNTOUCHED, a: [25, 0] }, answer(UNSCALED))).toMatchObject({ repeat_mm: null });
  });

  it("makes a scale of a repeat where there is none", () => {
    const given = toGiven({ ...UNTOUCHED, repeat: size("2", "4") }, answer(UNSCALED));
    expect(given.repeat_mm).toBeNull();
    expect(given.swatch_mm?.[0]).toBeCloseTo(40, 6);
    expect(given.swatch_mm?.[1]).toBeCloseTo(40, 6);
    expect(given.corners).toEqual(answer().outline.corners);
  });

  it("leaves the repeat to the scanner where the swatch's size is typed as well", () => {
    const edits = { ...UNTOUCHED, repeat: size("2", "4"), swatch: size("50", "50") };
    expect(toGiven(edits, answer(UNSCALED))).toMatchObject({ repeat_mm: [2, 4], swatch_mm: [50, 50] });
  });

  it.each([
    ["12", "", "both"],
    ["12", "wide", "millimetres"],
    ["0", "5", "millimetres"],
    ["-3", "5", "millimetres"],
  ])("refuses %j by %j in words", (width, height, words) => {
    const attempt = () => toGiven({ ...UNTOUCHED, swatch: size(width, height) }, null);
    expect(attempt).toThrow(BadSize);
    expect(attempt).toThrow(words);
  });
});

it("reads millimetres as people type them", () => {
  expect([" 62,5 ", "62.5", "120", ".5"].map(readMm)).toEqual([62.5, 62.5, 120, 0.5]);
  expect(readMm("")).toBeNull();
  for (const text of ["1e3", "1.2.3", "12mm", "0", "∞"]) expect(readMm(text)).toBeNaN();
});
