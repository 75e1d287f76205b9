/** What the scanner found, in a merchandiser's words. Pure. */
import type { ScanAnswer } from "./answer";

const STAGES: Readonly<Record<string, string>> = {
  read: "Reading the photo",
  outline: "Finding the cloth",
  scale: "Measuring its scale",
  light: "Evening out the light",
  repeat: "Looking for the repeat",
  tile: "Cutting a tile that wraps",
  maps: "Reading the relief",
  judge: "Judging the result",
  save: "Putting it away",
};

export const stageWords = (stage: string): string => STAGES[stage] ?? stage;

export const MAPS: Readonly<Record<string, { name: string; what: string }>> = {
  albedo: { name: "Albedo", what: "the colour alone, without light" },
  normal: { name: "Normal", what: "which way the surface faces (OpenGL, +Y up)" },
  height: { name: "Height", what: "the relief, 16 bits" },
  roughness: { name: "Roughness", what: "white is matt, black is glossy" },
  ao: { name: "Occlusion", what: "where light hardly gets between the threads" },
  metalness: { name: "Metalness", what: "black is cloth, white is metal thread" },
  opacity: { name: "Opacity", what: "white is dense" },
  orm: { name: "ORM", what: "occlusion, roughness and metalness in one" },
};

export const DOWNLOADS: Readonly<Record<string, string>> = {
  png_zip: "All maps (PNG, zip)",
  glb: "glTF binary (.glb)",
  u3ma: "U3M archive (.u3ma)",
  u3m_zip: "U3M folder (zip)",
  sheet: "Contact sheet (PNG)",
};

export type Grade = "certain" | "good" | "fair" | "low" | "unknown";

export function gradeOf(confidence: number): Grade {
  if (confidence >= 0.95) return "certain";
  if (confidence >= 0.75) return "good";
  return confidence >= 0.45 ? "fair" : "low";
}

export type Finding = { step: string; found: string; grade: Grade; confidence: number | null };

export function findingsOf(answer: ScanAnswer): Finding[] {
  const { outline, scale, light, lattice, quality } = answer;
  return [
    finding("Corners", OUTLINE[outline.source], outline.confidence),
    scale.source === null
      ? { step: "Scale", found: "unknown: nothing of known size in view", grade: "unknown", confidence: null }
      : finding("Scale", `${SCALE[scale.source]}${scaleFigure(answer)}`, scale.confidence),
    finding("Light", `${light.ratio.toFixed(1)} : 1, evened out; white ${WHITE[light.white_source]}`, light.confidence),
    finding("Repeat", repeatWords(answer), lattice.confidence),
    finding("Tile", tileWords(answer), quality.overall),
  ];
}

const OUTLINE = { given: "as you gave them", found: "found by the edges", frame: "no edge in view: all of it is cloth" };
const SCALE = { given: "from the size you gave", marker: "from the marker", card: "from the bank card", ruler: "from the ruler" };
const WHITE = {
  given: "from the patch you marked",
  chart: "from the colour chart",
  patch: "from something white in view",
  camera: "as the camera saw it",
};

function finding(step: string, found: string, confidence: number): Finding {
  return { step, found, grade: gradeOf(confidence), confidence };
}

function scaleFigure({ px_per_mm }: ScanAnswer): string {
  return px_per_mm === null ? "" : `, ${px_per_mm.toFixed(1)} px/mm`;
}

function repeatWords({ lattice, class: kind }: ScanAnswer): string {
  if (kind === "plain") return "plain: next to nothing to be seen";
  if (kind === "stochastic") return "irregular: it never repeats";
  const [across, down] = lattice.repeats.map((count) => Math.floor(count)) as [number, number];
  const given = lattice.source === "given" ? ", as you gave it" : "";
  if (lattice.a_mm === null || lattice.b_mm === null) return `${across} × ${down} repeats in view${given}`;
  return `${mm(lattice.a_mm)} × ${mm(lattice.b_mm)} mm${given}, ${across} × ${down} in view`;
}

function tileWords({ size_mm, tile }: ScanAnswer): string {
  const [across, down] = tile.cells;
  const cells = across > 0 ? `${across} × ${down} repeat${across * down > 1 ? "s" : ""}` : "blended";
  return size_mm ? `${mm(size_mm[0])} × ${mm(size_mm[1])} mm, ${cells}` : `${cells}, of unknown size`;
}

export type Measure = { name: string; figure: string; what: string };

export function measuresOf({ quality }: ScanAnswer): Measure[] {
  return [
    { name: "Seam", figure: quality.seam_ratio.toFixed(2), what: "1 is invisible" },
    { name: "Repetition", figure: quality.repeat_excess.toFixed(2), what: "0 has no mark that repeats with the tile" },
    { name: "Colour drift", figure: `ΔE ${quality.drift_delta_e.toFixed(1)}`, what: "below 2 is hardly seen" },
    { name: "Sharpness", figure: percent(quality.sharpness), what: "of what the maps could hold" },
    { name: "Burnt out", figure: percent(quality.clipped), what: "of the cloth was too bright" },
  ];
}

export const percent = (share: number): string => `${Math.round(100 * share)} %`;

/** Millimetres with as many digits as can be meant. */
export const mm = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0)).replace(/\.0$/, "");
