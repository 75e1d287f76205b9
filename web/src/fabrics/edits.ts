/** What a person corrects before scanning again: corners, sizes, the lattice, something white. Pure, with undo. */
import type { Edit } from "./api";
import type { Box, Pair, Point, ScanAnswer } from "./answer";
import { inverse, length, swatchFromRepeat } from "./geometry";

export type Typed = { width: string; height: string };

export type Edits = {
  /** In pixels of the upright photo; null where the scanner is to find them. */
  corners: readonly Point[] | null;
  white: Box | null;
  swatch: Typed;
  repeat: Typed;
  /** Dragged, in pixels of the flat picture; null where the lattice stays as it was found. */
  a: Point | null;
  b: Point | null;
};

const NONE: Typed = { width: "", height: "" };
export const UNTOUCHED: Edits = { corners: null, white: null, swatch: NONE, repeat: NONE, a: null, b: null };

export type History = {
  now: Edits;
  past: readonly Edits[];
  /** What the last change was about: changes of one drag or one field are undone together. */
  about: string | null;
};

export type Change =
  | { do: "change"; about: string; to: Partial<Edits> }
  /** The drag has ended. */
  | { do: "settle" }
  | { do: "undo" }
  | { do: "start"; from: Edits };

const MOST_PAST = 100;

export function fresh(from: Edits = UNTOUCHED): History {
  return { now: from, past: [], about: null };
}

export function edit(history: History, change: Change): History {
  switch (change.do) {
    case "start":
      return fresh(change.from);
    case "settle":
      return { ...history, about: null };
    case "undo": {
      const before = history.past.at(-1);
      return before ? { now: before, past: history.past.slice(0, -1), about: null } : history;
    }
    case "change": {
      const goesOn = change.about === history.about;
      const past = goesOn ? history.past : [...history.past, history.now].slice(-MOST_PAST);
      return { now: { ...history.now, ...change.to }, past, about: change.about };
    }
  }
}

/** What was given for a scan, ready to be changed. */
export function editsOf({ given, outline }: ScanAnswer): Edits {
  return {
    ...UNTOUCHED,
    corners: given.corners ? outline.corners : null,
    white: given.white ?? null,
    swatch: typed(given.swatch_mm),
    repeat: typed(given.repeat_mm),
  };
}

/** `null` takes back what was given before. Raises a sentence for people where a size makes no sense. */
export function toGiven(edits: Edits, answer: ScanAnswer | null): Edit {
  const swatch_mm = readSize(edits.swatch, "The swatch");
  const repeat_mm = readSize(edits.repeat, "The repeat") ?? draggedMm(edits, answer);
  const all: Edit = { corners: edits.corners, white: edits.white, swatch_mm, repeat_mm };
  const scaled = answer === null ? all : withScale(all, answer);
  if (answer !== null) return scaled;
  return Object.fromEntries(Object.entries(scaled).filter(([, value]) => value !== null));
}

/** Where nothing tells the scale, a repeat of known size does: it measures the swatch. */
function withScale(edit: Edit, { px_per_mm, lattice, outline, flat }: ScanAnswer): Edit {
  const known = px_per_mm !== null || edit.swatch_mm;
  if (known || !edit.repeat_mm || !lattice.a || !lattice.b) return edit;
  const found = { corners: outline.corners, toFlat: inverse(flat.to_photo), a: lattice.a, b: lattice.b };
  return { ...edit, corners: outline.corners, swatch_mm: swatchFromRepeat(edit.repeat_mm, found), repeat_mm: null };
}

function draggedMm({ a, b }: Edits, answer: ScanAnswer | null): Pair | null {
  const { lattice, px_per_mm } = answer ?? {};
  if ((a === null && b === null) || !px_per_mm) return null;
  const [across, down] = [a ?? lattice?.a, b ?? lattice?.b];
  return across && down ? [round(length(across) / px_per_mm), round(length(down) / px_per_mm)] : null;
}

export class BadSize extends Error {}

/** Millimetres as people type them: with a point or a comma. Null where nothing was typed. */
export function readMm(text: string): number | null {
  const plain = text.trim().replace(",", ".");
  if (plain === "") return null;
  const value = /^\d*\.?\d+$/.test(plain) ? Number(plain) : NaN;
  return value > 0 ? value : NaN;
}

export function readSize({ width, height }: Typed, what: string): Pair | null {
  const [across, down] = [readMm(width), readMm(height)];
  if (across === null && down === null) return null;
  if (across === null || down === null) throw new BadSize(`${what} needs both a width and a height.`);
  if (!(across > 0 && down > 0)) throw new BadSize(`${what} is measured in millimetres: 120 or 62.5, say.`);
  return [across, down];
}

export function hasEdits(edits: Edits, answer: ScanAnswer | null): boolean {
  return JSON.stringify(edits) !== JSON.stringify(answer ? editsOf(answer) : UNTOUCHED);
}

function typed(size: Pair | undefined): Typed {
  return size ? { width: String(size[0]), height: String(size[1]) } : NONE;
}

const round = (mm: number) => Math.round(mm * 1000) / 1000;
