/** The cloths, cuts and garments on offer: fetching them, reading them tolerantly, what is chosen among them. */
import type { Wish } from "./live/protocol";

export type Fabric = {
  id: string;
  name: string;
  composition: string;
  weight: string;
  colour: string;
  swatch: string;
};
export type Family = { id: string; name: string; fabrics: Fabric[] };
export type Cut = { id: string; name: string; thumbnail: string | null };
export type Garment = { id: string; name: string; thumbnail: string | null };
export type Wardrobe = { families: Family[]; cuts: Cut[]; garments: Garment[] };

export type Choice = { fabric: string | null; cut: string | null; garment: string | null };

export const EMPTY: Wardrobe = { families: [], cuts: [], garments: [] };
const PER_PAGE = 500;
const MOST_PAGES = 40;
const HIDDEN = new Set(["inactive", "retired", "failed"]);

/** Raises what fetch raises. Cuts and garments may be missing from a server; the catalog may not. */
export async function fetchWardrobe(token: string | null, signal: AbortSignal): Promise<Wardrobe> {
  const get = async (path: string) => {
    const headers: HeadersInit = token ? { Authorization: `Bearer ${token}` } : {};
    const response = await fetch(path, { signal, headers });
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return (await response.json()) as unknown;
  };
  const [families, cuts, garments] = await Promise.all([
    fetchFamilies(get),
    get("/api/cuts"),
    get("/api/garments").catch(() => ({})),
  ]);
  return { families, cuts: readCuts(cuts), garments: readGarments(garments) };
}

/** Every page of the book; few shops have a second one. */
async function fetchFamilies(get: (path: string) => Promise<unknown>): Promise<Family[]> {
  const first = await get(bookPage(1));
  const rest = Array.from({ length: Math.max(0, countPages(first) - 1) }, (_, n) => get(bookPage(n + 2)));
  return joinPages([first, ...(await Promise.all(rest))].map(readFamilies));
}

function bookPage(page: number): string {
  return `/api/fabric/catalog?use=suiting&per_page=${PER_PAGE}&page=${page}`;
}

function countPages(catalog: unknown): number {
  const pages = isMap(catalog) ? catalog.pages : undefined;
  return typeof pages === "number" && Number.isFinite(pages) ? Math.min(pages, MOST_PAGES) : 1;
}

/** A family goes on where the page before ended. */
export function joinPages(pages: Family[][]): Family[] {
  const families = new Map<string, Family>();
  for (const family of pages.flat()) {
    const fabrics = [...(families.get(family.id)?.fabrics ?? []), ...family.fabrics];
    families.set(family.id, { ...family, fabrics });
  }
  return [...families.values()];
}

/** What the mirror starts with: the first cloth in the first cut, or else the first garment. */
export function firstChoice({ families, cuts, garments }: Wardrobe): Choice {
  const fabric = families[0]?.fabrics[0]?.id ?? null;
  const cut = cuts[0]?.id ?? null;
  const garment = fabric === null || cut === null ? (garments[0]?.id ?? null) : null;
  return { fabric, cut, garment };
}

export function toWish({ fabric, cut, garment }: Choice): Wish {
  if (garment !== null) return { garment_id: garment };
  if (fabric !== null && cut !== null) return { fabric_id: fabric, cut };
  return { none: true };
}

/** Name and a line of facts about what is chosen. */
export function describe(wardrobe: Wardrobe, choice: Choice): { name: string; facts: string } {
  const garment = wardrobe.garments.find(({ id }) => id === choice.garment);
  if (garment) return { name: garment.name, facts: "From the rail" };
  const fabric = wardrobe.families.flatMap(({ fabrics }) => fabrics).find(({ id }) => id === choice.fabric);
  if (!fabric) return { name: "", facts: "" };
  return { name: fabric.name, facts: [fabric.composition, fabric.weight].filter(Boolean).join(" · ") };
}

/** Relative luminance of "#rrggbb", as WCAG defines it. */
export function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

export function readFamilies(catalog: unknown): Family[] {
  return list(catalog, "families")
    .filter((family) => text(family.use) === "suiting")
    .map((family) => ({ id: text(family.id), name: text(family.name), fabrics: readFabrics(family) }))
    .filter(({ fabrics }) => fabrics.length > 0);
}

function readFabrics(family: Fields): Fabric[] {
  return list(family, "fabrics")
    .filter((fabric) => text(fabric.id) !== "" && !HIDDEN.has(text(fabric.status)))
    .map((fabric) => ({
      id: text(fabric.id),
      name: text(fabric.name),
      composition: text(fabric.composition),
      weight: typeof fabric.weight_g_m2 === "number" ? `${Math.round(fabric.weight_g_m2)} g/m²` : "",
      colour: /^#[0-9a-f]{6}$/i.test(text(fabric.mean_hex)) ? text(fabric.mean_hex) : "#2b2a28",
      swatch: readSwatch(fabric),
    }));
}

/** The server's own address changes with the cloth, so that a picture of the old one is never shown. */
function readSwatch(fabric: Fields): string {
  const own = `/api/fabric/${encodeURIComponent(text(fabric.id))}/swatch.png`;
  return text(fabric.swatch).startsWith(own) ? text(fabric.swatch) : own;
}

export function readCuts(answer: unknown): Cut[] {
  return list(answer, "cuts").map(readThing).filter(({ id }) => id !== "");
}

export function readGarments(answer: unknown): Garment[] {
  return list(answer, "garments").map(readThing).filter(({ id }) => id !== "");
}

function readThing(thing: Fields): { id: string; name: string; thumbnail: string | null } {
  return { id: text(thing.id), name: text(thing.name) || text(thing.id), thumbnail: text(thing.thumbnail) || null };
}

type Fields = Record<string, unknown>;

function list(value: unknown, key: string): Fields[] {
  const items = isMap(value) ? value[key] : undefined;
  return Array.isArray(items) ? items.filter(isMap) : [];
}

function isMap(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
