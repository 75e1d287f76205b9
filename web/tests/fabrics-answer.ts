/** A scan's answer for tests: a twill, 40 mm square, photographed straight from above at 10 px/mm. */
import type { ScanAnswer } from "../src/fabrics/answer";

export function answer(part: Partial<ScanAnswer> = {}): ScanAnswer {
  return {
    id: "a1",
    name: "swatch",
    expires_at: "2030-01-01T00:00:00+00:00",
    size_px: 1024,
    size_mm: [20, 20],
    px_per_mm: 10,
    class: "periodic",
    photo: { url: "/api/fabric/scans/a1/photo.jpg", size: [600, 800] },
    outline: { corners: [[100, 50], [500, 50], [500, 450], [100, 450]], source: "found", confidence: 0.9 },
    scale: { source: "card", confidence: 0.92 },
    light: { ratio: 1.4, white_source: "camera", confidence: 0.2 },
    lattice: {
      kind: "periodic",
      a: [20, 0],
      b: [0, 40],
      a_mm: 2,
      b_mm: 4,
      angle_deg: 0,
      confidence: 0.8,
      source: "found",
      repeats: [20, 10],
    },
    flat: { size: [400, 400], to_photo: [[1, 0, 100], [0, 1, 50], [0, 0, 1]], px_per_mm: 10 },
    tile: { corners_flat: [[100, 100], [300, 100], [300, 300], [100, 300]], cells: [10, 5], method: "seams" },
    quality: { overall: 0.9, seam_ratio: 1.02, repeat_excess: 0.1, drift_delta_e: 0.5, sharpness: 0.8, clipped: 0 },
    warnings: [],
    timings_ms: { outline: 100, tile: 300 },
    maps: { albedo: { url: "/a.png" } },
    downloads: {},
    given: {},
    ...part,
  };
}

export const UNSCALED: Partial<ScanAnswer> = { px_per_mm: null, size_mm: null, scale: { source: null, confidence: 0 } };
