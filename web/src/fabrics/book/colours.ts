/** The colours of the book as the shop's own people see them, and what they change. */
import type { AskAsAdmin } from "../admin";

export type Status = "active" | "retired";

export type Colour = {
  id: string;
  name: string;
  family: string;
  code: string;
  mill: string;
  composition: string;
  weight_g_m2: number;
  tags: readonly string[];
  mean_hex: string;
  swatch: string;
  size_mm: readonly [number, number];
  made: "woven" | "scanned";
  /** Of the family where null. */
  own: { status: Status; composition: string | null; weight_g_m2: number | null };
  status: Status;
  version: number;
};

export const SORTS = ["book", "name", "code", "mill", "weight", "updated"] as const;
export type Sort = { by: (typeof SORTS)[number]; descending: boolean };

export type Asked = { q: string; family: string; status: Status | ""; sort: Sort; page: number };
export const ALL: Asked = { q: "", family: "", status: "", sort: { by: "book", descending: false }, page: 1 };
export const PER_PAGE = 50;

export type Listing = { page: number; pages: number; total: number; colours: Colour[] };

export function queryOf({ q, family, status, sort, page }: Asked): string {
  const query = new URLSearchParams({ page: String(page), per_page: String(PER_PAGE) });
  if (q.trim()) query.set("q", q.trim());
  if (family) query.set("family", family);
  if (status) query.set("status", status);
  if (sort.by !== "book") query.set("sort", `${sort.descending ? "-" : ""}${sort.by}`);
  return query.toString();
}

/** What differs from what is shown starts again on the first page. */
export function asking(now: Asked, part: Partial<Asked>): Asked {
  return { ...now, page: 1, ...part };
}

export function turned(sort: Sort, by: Sort["by"]): Sort {
  return sort.by === by ? { by, descending: !sort.descending } : { by, descending: false };
}

export async function fetchColours(ask: AskAsAdmin, asked: Asked, signal: AbortSignal): Promise<Listing> {
  return (await ask(`/api/admin/colours?${queryOf(asked)}`, { signal })) as Listing;
}

/** Raises Problem: edit_conflict where somebody else was faster. */
export async function editColour(ask: AskAsAdmin, { id, version }: Colour, changes: object): Promise<Colour> {
  const body = JSON.stringify({ ...changes, version });
  return (await ask(`/api/admin/colours/${encodeURIComponent(id)}`, { method: "PATCH", body })) as Colour;
}

export async function fetchColour(ask: AskAsAdmin, id: string): Promise<Colour> {
  return (await ask(`/api/admin/colours/${encodeURIComponent(id)}`)) as Colour;
}
