import { describe, expect, it } from "vitest";
import { readPlace } from "../src/fabrics/app";
import type { Colour } from "../src/fabrics/book/colours";
import { ALL, asking, queryOf, turned } from "../src/fabrics/book/colours";
import { changesOf, entryComplaints, entryOf } from "../src/fabrics/book/entry";
import type { Details } from "../src/fabrics/form";
import { BLANK, NEW_FAMILY, complaintsOf, sizeOf, tagsOf, toFamily, toSave } from "../src/fabrics/form";
import { UNSCALED, answer } from "./fabrics-answer";

const good: Details = { ...BLANK, name: "Ink twill", family: "worsted" };
const wrong = (part: Partial<Details>, scanned = answer()) => Object.keys(complaintsOf({ ...good, ...part }, scanned));

describe("the tailor's data", () => {
  it("need a name and a family, and no more", () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ name: "  ", family: "" })).toEqual(["name", "family"]);
  });

  it.each([
    ["name", { name: "x".repeat(81) }],
    ["weight", { weight: "29" }],
    ["weight", { weight: "901" }],
    ["weight", { weight: "280.5" }],
    ["weight", { weight: "heavy" }],
    ["tags", { tags: Array.from({ length: 25 }, (_, n) => `t${n}`).join() }],
    ["tags", { tags: "x".repeat(81) }],
    ["code", { code: "x".repeat(2001) }],
    ["width", { size: { width: "0.5", height: "10" } }],
    ["width", { size: { width: "10", height: "" } }],
    ["width", { size: { width: "2001", height: "10" } }],
  ] as [string, Partial<Details>][])("complain of %s: %j", (field, part) => expect(wrong(part)).toEqual([field]));

  it("ask for the size where the scan could not measure it", () => {
    expect(wrong({}, answer(UNSCALED))).toEqual(["width"]);
    expect(wrong({ size: { width: "20", height: "20,5" } }, answer(UNSCALED))).toEqual([]);
    expect(sizeOf(good, answer(UNSCALED))).toBeNull();
    expect(sizeOf({ ...good, size: { width: "20", height: "20,5" } }, answer())).toEqual([20, 20.5]);
    expect(sizeOf(good, answer())).toEqual([20, 20]);
  });

  it("ask everything of a new family", () => {
    expect(wrong({ family: NEW_FAMILY })).toEqual(["familyName", "familyComposition", "familyWeight"]);
    const newFamily = { name: " Tweed ", use: "suiting" as const, composition: "100% wool", weight: "420" };
    expect(wrong({ family: NEW_FAMILY, newFamily })).toEqual([]);
    expect(toFamily(newFamily)).toEqual({ name: "Tweed", use: "suiting", composition: "100% wool", weight_g_m2: 420 });
  });

  it("leave to the family what was not said", () => {
    expect(toSave(good, "worsted")).toEqual({ family: "worsted", name: "Ink twill", code: "", mill: "", tags: [] });
    const all = { ...good, composition: "Wool, silk", weight: "250", tags: "new, twill,new, ", retired: true, size: { width: "2", height: "3" } };
    expect(toSave(all, "worsted")).toMatchObject({
      composition: "Wool, silk",
      weight_g_m2: 250,
      tags: ["new", "twill"],
      size_mm: [2, 3],
      status: "retired",
    });
  });
});

it("reads tags", () => expect(tagsOf(" a b ,, c,c ")).toEqual(["a b", "c"]));

const colour: Colour = {
  id: "ink",
  name: "Ink",
  family: "worsted",
  code: "L1",
  mill: "Lucy",
  composition: "100% wool",
  weight_g_m2: 280,
  tags: ["dark"],
  mean_hex: "#101020",
  swatch: "/s.png",
  size_mm: [10, 10],
  made: "scanned",
  own: { status: "active", composition: null, weight_g_m2: null },
  status: "active",
  version: 3,
};

describe("editing a colour", () => {
  it("sends only what is different", () => {
    const entry = entryOf(colour);
    expect(changesOf(entry, colour)).toEqual({});
    expect(changesOf({ ...entry, name: "Ink twill ", status: "retired" }, colour)).toEqual({
      name: "Ink twill",
      status: "retired",
    });
    expect(changesOf({ ...entry, weight: "300", tags: "dark,new" }, colour)).toEqual({
      weight_g_m2: 300,
      tags: ["dark", "new"],
    });
  });

  it("gives composition and weight back to the family", () => {
    const own = { ...colour, own: { ...colour.own, composition: "Silk", weight_g_m2: 200 } };
    expect(changesOf({ ...entryOf(own), composition: "", weight: " " }, own)).toEqual({
      composition: null,
      weight_g_m2: null,
    });
  });

  it("keeps to the server's rules", () => {
    expect(entryComplaints({ ...entryOf(colour), name: "", weight: "5" })).toHaveProperty("name");
    expect(Object.keys(entryComplaints({ ...entryOf(colour), name: "", weight: "5" }))).toEqual(["name", "weight"]);
    expect(entryComplaints(entryOf(colour))).toEqual({});
  });
});

describe("asking the book", () => {
  it("says only what matters", () => {
    expect(queryOf(ALL)).toBe("page=1&per_page=50");
    const asked = { ...ALL, q: " ink ", family: "worsted", status: "retired" as const, page: 3 };
    expect(queryOf({ ...asked, sort: { by: "name", descending: true } })).toBe(
      "page=3&per_page=50&q=ink&family=worsted&status=retired&sort=-name",
    );
  });

  it("starts again on the first page when it asks for something else", () => {
    expect(asking({ ...ALL, page: 7 }, { q: "ink" })).toMatchObject({ page: 1, q: "ink" });
  });

  it("turns the order around when asked for it twice", () => {
    const once = turned(ALL.sort, "name");
    expect(once).toEqual({ by: "name", descending: false });
    expect(turned(once, "name")).toEqual({ by: "name", descending: true });
    expect(turned(turned(once, "name"), "code")).toEqual({ by: "code", descending: false });
  });
});

it("finds its place in the address", () => {
  expect(readPlace("")).toEqual({ at: "scan", id: null });
  expect(readPlace("#book")).toEqual({ at: "book" });
  expect(readPlace("#scan/a%20b")).toEqual({ at: "scan", id: "a b" });
});
