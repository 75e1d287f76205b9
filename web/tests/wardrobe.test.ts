import { describe, expect, it } from "vitest";
import type { Wardrobe } from "../src/wardrobe";
import { EMPTY, describe as tell, firstChoice, joinPages, luminance, readCuts, readFamilies, readGarments, toWish } from "../src/wardrobe";

const navy = {
  id: "plain navy",
  name: "Plain navy",
  composition: "100 % wool",
  weight_g_m2: 240,
  tags: ["plain"],
  mean_hex: "#1f2a44",
  size_mm: [10, 10],
  status: "active",
  added_later: 1,
};
const catalog = {
  version: 1,
  families: [
    { id: "worsted", name: "Worsted", use: "suiting", fabrics: [navy, { ...navy, id: "old", status: "inactive" }] },
    { id: "lining", name: "Lining", use: "lining", fabrics: [navy] },
    { id: "bare", name: "Bare", use: "suiting", fabrics: [] },
  ],
};
const wardrobe: Wardrobe = {
  families: readFamilies(catalog),
  cuts: readCuts({ cuts: [{ id: "sb", name: "Single-breasted", thumbnail: "/t.png" }, { id: "db" }] }),
  garments: readGarments({ garments: [{ id: "g1", name: "Tweed coat", thumbnail: null, confidence: 0.9 }] }),
};

describe("reading", () => {
  it("keeps what can be tailored now", () => {
    expect(wardrobe.families.map(({ id }) => id)).toEqual(["worsted"]);
    expect(wardrobe.families[0]?.fabrics.map(({ id }) => id)).toEqual(["plain navy"]);
  });

  it("makes addresses safe and units readable", () => {
    expect(wardrobe.families[0]?.fabrics[0]).toMatchObject({
      swatch: "/api/fabric/plain%20navy/swatch.png",
      weight: "240 g/m²",
      colour: "#1f2a44",
    });
  });

  it("takes the server's address of a swatch, and nobody else's", () => {
    const swatch = (address: string) => {
      const book = { families: [{ ...catalog.families[0], fabrics: [{ ...navy, swatch: address }] }] };
      return readFamilies(book)[0]?.fabrics[0]?.swatch;
    };
    expect(swatch("/api/fabric/plain%20navy/swatch.png?v=1f")).toBe("/api/fabric/plain%20navy/swatch.png?v=1f");
    expect(swatch("https://evil.example/x.png")).toBe("/api/fabric/plain%20navy/swatch.png");
  });

  it("goes on with a family on the next page", () => {
    const [worsted] = readFamilies(catalog);
    if (!worsted) throw new Error("there is one");
    const tweed = { ...worsted, id: "tweed" };
    const joined = joinPages([[worsted], [worsted, tweed]]);
    expect(joined.map(({ id, fabrics }) => [id, fabrics.length])).toEqual([["worsted", 2], ["tweed", 1]]);
  });

  it("does not paint with a colour that is none", () => {
    const odd = { families: [{ ...catalog.families[0], fabrics: [{ ...navy, mean_hex: "url(x)" }] }] };
    expect(readFamilies(odd)[0]?.fabrics[0]?.colour).toMatch(/^#[0-9a-f]{6}$/);
  });

  it.each([null, 5, "x", {}, { families: 3 }, { families: [null] }])("survives %j", (value) => {
    expect(readFamilies(value)).toEqual([]);
    expect(readCuts(value)).toEqual([]);
  });

  it("names a cut without a name by its id", () => {
    expect(wardrobe.cuts).toEqual([
      { id: "sb", name: "Single-breasted", thumbnail: "/t.png" },
      { id: "db", name: "db", thumbnail: null },
    ]);
  });
});

it("measures how light a cloth is", () => {
  expect(luminance("#ffffff")).toBeCloseTo(1, 5);
  expect(luminance("#000000")).toBe(0);
  expect(luminance("#777777")).toBeCloseTo(0.184, 3);
});

describe("choosing", () => {
  it("starts with the first cloth in the first cut", () => {
    expect(toWish(firstChoice(wardrobe))).toEqual({ fabric_id: "plain navy", cut: "sb" });
  });

  it("starts with a garment where there is no cloth, and with nothing where there is nothing", () => {
    expect(toWish(firstChoice({ ...wardrobe, families: [] }))).toEqual({ garment_id: "g1" });
    expect(toWish(firstChoice(EMPTY))).toEqual({ none: true });
  });

  it("lets a garment go before cloth and cut", () => {
    expect(toWish({ fabric: "a", cut: "b", garment: "g1" })).toEqual({ garment_id: "g1" });
  });

  it("describes what is worn", () => {
    const choice = firstChoice(wardrobe);
    expect(tell(wardrobe, choice)).toEqual({ name: "Plain navy", facts: "100 % wool · 240 g/m²" });
    expect(tell(wardrobe, { ...choice, garment: "g1" }).name).toBe("Tweed coat");
    expect(tell(EMPTY, choice).name).toBe("");
  });
});
