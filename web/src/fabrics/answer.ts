/** What the scanner answers, as far as this page looks at it. docs/scanner.md explains every field. */
export type Point = readonly [number, number];
export type Pair = readonly [number, number];
export type Box = readonly [number, number, number, number];
export type Kind = "periodic" | "stochastic" | "plain";
export type Rows = readonly (readonly number[])[];

export type Given = {
  corners?: readonly Point[];
  swatch_mm?: Pair;
  repeat_mm?: Pair;
  white?: Box;
};

export type Lattice = {
  kind: Kind;
  a: Point | null;
  b: Point | null;
  a_mm: number | null;
  b_mm: number | null;
  angle_deg: number;
  confidence: number;
  source: "given" | "found";
  repeats: Pair;
};

export type ScanAnswer = {
  id: string;
  name: string;
  expires_at: string | null;
  size_px: number;
  size_mm: Pair | null;
  px_per_mm: number | null;
  class: Kind;
  /** `size` is height and width of the whole photo, in whose pixels all points are; `url` may be smaller. */
  photo: { url: string; size: Pair };
  outline: { corners: readonly Point[]; source: "given" | "found" | "frame"; confidence: number };
  scale: { source: "given" | "marker" | "card" | "ruler" | null; confidence: number };
  light: { ratio: number; white_source: "given" | "chart" | "patch" | "camera"; confidence: number };
  lattice: Lattice;
  flat: { size: Pair; to_photo: Rows; px_per_mm: number | null };
  tile: { corners_flat: readonly Point[]; cells: Pair; method: "seams" | "blend" };
  quality: {
    overall: number;
    seam_ratio: number;
    repeat_excess: number;
    drift_delta_e: number;
    sharpness: number;
    clipped: number;
  };
  warnings: readonly string[];
  timings_ms: Readonly<Record<string, number>>;
  maps: Readonly<Record<string, { url: string }>>;
  downloads: Readonly<Record<string, string>>;
  given: Given;
};

/** Raises where an answer is none: a page that goes on with half of one fails later and less clearly. */
export function readAnswer(value: unknown): ScanAnswer {
  const { id, outline, maps, photo } = (value ?? {}) as Partial<ScanAnswer>;
  if (typeof id !== "string" || !photo?.url || !maps?.albedo || outline?.corners?.length !== 4)
    throw new Error("the answer is no scan");
  return value as ScanAnswer;
}
