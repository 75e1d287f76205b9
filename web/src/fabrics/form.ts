/** The tailor's data of a new colour: what is asked, and the same rules as the server's, so that it seldom has to say no. */
import type { Pair, ScanAnswer } from "./answer";
import { BadSize, readSize } from "./edits";
import type { Typed } from "./edits";

export type Details = {
  name: string;
  /** Id of a family of the book; NEW_FAMILY for one that is made with it; "" before the choice. */
  family: string;
  newFamily: NewFamily;
  code: string;
  mill: string;
  composition: string;
  weight: string;
  tags: string;
  /** Of the tile, where the scan could not measure it. */
  size: Typed;
  retired: boolean;
};

export type NewFamily = { name: string; use: Use; composition: string; weight: string };
export type Use = "suiting" | "shirting" | "tie";

export const NEW_FAMILY = " new";
export const BLANK: Details = {
  name: "",
  family: "",
  newFamily: { name: "", use: "suiting", composition: "", weight: "" },
  code: "",
  mill: "",
  composition: "",
  weight: "",
  tags: "",
  size: { width: "", height: "" },
  retired: false,
};

export const LONGEST_NAME = 80;
export const MOST_TAGS = 24;
export const WEIGHTS: Pair = [30, 900];
export const SIDES_MM: Pair = [1, 2000];

export type Field =
  | "name" | "family" | "familyName" | "familyComposition" | "familyWeight"
  | "composition" | "weight" | "tags" | "width" | "code" | "mill";
export type Complaints = Partial<Record<Field, string>>;

export function complaintsOf(details: Details, answer: ScanAnswer): Complaints {
  const found: Complaints = {};
  const say = (field: Field, words: string | null) => {
    if (words !== null) found[field] = words;
  };
  say("name", nameComplaint(details.name, "Give it the name that customers will read."));
  if (details.family === "") found.family = "Choose the family it belongs to, or make a new one.";
  if (details.family === NEW_FAMILY) {
    const { name, composition, weight } = details.newFamily;
    say("familyName", nameComplaint(name, "Give the new family a name."));
    if (!composition.trim()) found.familyComposition = "Say what its cloths are made of: 100% wool, say.";
    say("familyWeight", weight.trim() ? weightComplaint(weight) : "Say how heavy its cloths are, in g/m².");
  }
  say("weight", details.weight.trim() ? weightComplaint(details.weight) : null);
  say("tags", tagsComplaint(tagsOf(details.tags)));
  for (const field of ["code", "mill", "composition"] as const)
    if (details[field].length > 2000) found[field] = "That is too long.";
  say("width", sizeComplaint(details.size, answer));
  return found;
}

export function nameComplaint(name: string, missing: string): string | null {
  if (!name.trim()) return missing;
  return name.length > LONGEST_NAME ? `A name has at most ${LONGEST_NAME} letters.` : null;
}

export function weightComplaint(text: string): string | null {
  const [least, most] = WEIGHTS;
  const weight = /^\d+$/.test(text.trim()) ? Number(text) : NaN;
  return weight >= least && weight <= most ? null : `A whole number of g/m², from ${least} to ${most}; 280 is a usual suiting.`;
}

export function tagsOf(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
}

export function tagsComplaint(tags: readonly string[]): string | null {
  if (tags.length > MOST_TAGS) return `At most ${MOST_TAGS} tags.`;
  return tags.some((tag) => tag.length > LONGEST_NAME) ? "A tag is a short word." : null;
}

function sizeComplaint(size: Typed, { size_mm }: ScanAnswer): string | null {
  try {
    const typed = readSize(size, "The tile");
    if (typed === null) return size_mm ? null : "The scan could not measure it: type the tile's width and height.";
    const [least, most] = SIDES_MM;
    return typed.every((side) => side >= least && side <= most) ? null : `From ${least} to ${most} mm a side.`;
  } catch (error) {
    if (error instanceof BadSize) return error.message;
    throw error;
  }
}

/** How large the tile is for the garments: as typed, else as scanned. Null where nobody knows. */
export function sizeOf(details: Details, answer: ScanAnswer): Pair | null {
  if (sizeComplaint(details.size, answer) !== null) return null;
  return readSize(details.size, "The tile") ?? answer.size_mm;
}

/** What is sent to save a scan. `family` is the id, of a new one too. */
export function toSave(details: Details, family: string): Record<string, unknown> {
  const size_mm = readSize(details.size, "The tile");
  return {
    family,
    name: details.name.trim(),
    code: details.code.trim(),
    mill: details.mill.trim(),
    tags: tagsOf(details.tags),
    ...(details.retired ? { status: "retired" } : {}),
    ...(details.composition.trim() ? { composition: details.composition.trim() } : {}),
    ...(details.weight.trim() ? { weight_g_m2: Number(details.weight) } : {}),
    ...(size_mm ? { size_mm } : {}),
  };
}

export function toFamily({ name, use, composition, weight }: NewFamily): Record<string, unknown> {
  return { name: name.trim(), use, composition: composition.trim(), weight_g_m2: Number(weight) };
}

/** The field that a server's complaint is about, where it can be told. */
export function fieldOf(code: string): Field | null {
  const fields: Readonly<Record<string, Field>> = {
    bad_name: "name",
    name_taken: "name",
    bad_weight: "weight",
    bad_size: "width",
    scale_unknown: "width",
    unknown_family: "family",
  };
  return fields[code] ?? null;
}
