/**
 * The front of a single-breasted jacket, built from a chest: panels, lapels, collar, pockets and sleeves laid on one
 * surface at millimetres. Cloth runs as a cutter lays it: along the front edge in the fronts, along the arm in a sleeve,
 * along the roll line's facing in a lapel.
 */
import type { BufferGeometry } from "three";
import { CylinderGeometry } from "three";
import { sheet } from "./shapes";
import type { Vec3 } from "./shapes";

export type Part = { of: "cloth" | "shirt" | "tie" | "button"; geometry: BufferGeometry };

/** Heights over the hem. */
const [BUTTON, LOWER_BUTTON, POINT, NECK] = [300, 195, 632, 694];
/** Half of the neck's width, and of the shoulders'. */
const NECK_HALF = 74;
/** Height over the hem, half width, half depth of the trunk. */
const TRUNK: readonly [number, number, number][] = [
  [0, 262, 152],
  [120, 250, 146],
  [260, 216, 128],
  [330, 216, 130],
  [470, 246, 140],
  [560, 250, 132],
  [606, 240, 116],
  [634, 212, 100],
  [662, 152, 88],
  [684, 96, 78],
  [700, 76, 72],
  [760, 68, 68],
];
/** Sharper than an ellipse, as a chest is. */
const SQUARENESS = 2.35;

type Curve = (y: number) => number;

export function jacket(): Part[] {
  const parts: Part[] = [];
  const cloth = (geometry: BufferGeometry) => parts.push({ of: "cloth", geometry });
  for (const side of [-1, 1] as const) {
    // The left front, as it is worn, lies over the right one.
    const over = side === 1 ? 3.4 : 0;
    cloth(panel(side, over));
    cloth(back(side));
    cloth(lapel(side, over));
    cloth(collar(side));
    cloth(flap(side));
    cloth(sleeve(side));
  }
  cloth(band());
  cloth(welt());
  cloth(stand());
  parts.push({ of: "shirt", geometry: shirt() });
  for (const side of [-1, 1] as const) parts.push({ of: "shirt", geometry: shirtCollar(side) });
  parts.push({ of: "tie", geometry: tie() }, { of: "tie", geometry: knot() });
  for (const y of [BUTTON, LOWER_BUTTON]) parts.push({ of: "button", geometry: button(y) });
  return parts;
}

/** Where the front's edge runs, in millimetres of cloth beyond the middle: it overlaps, and is cut away below. */
function edge(y: number): number {
  if (y >= BUTTON) return 19;
  const below = (BUTTON - y) / BUTTON;
  return 19 - 62 * below ** 4;
}

/** The line that a lapel rolls along, from the button to the neck's side. */
const roll: Curve = (y) => mix(-19, NECK_HALF + 4, ease((y - BUTTON) / (NECK - BUTTON), 0.94));

/** A point at so many millimetres of cloth from the middle of the front, lifted off the body. */
function on(u: number, y: number, lift: number): Vec3 {
  const [half, deep] = trunkAt(y);
  const angle = Math.sign(u) * angleAt(Math.abs(u), half, deep);
  const [x, z] = around(angle, half + lift, deep + lift);
  return [x, y, z];
}

function around(angle: number, half: number, deep: number): [number, number] {
  const power = 2 / SQUARENESS;
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  return [half * Math.sign(sin) * Math.abs(sin) ** power, deep * Math.sign(cos) * Math.abs(cos) ** power];
}

/** The angle at which the arc from the middle is `u` long, by walking along it. */
function angleAt(u: number, half: number, deep: number): number {
  const step = Math.PI / 180;
  let [walked, angle] = [0, 0];
  let before = around(0, half, deep);
  while (angle < Math.PI) {
    const next = around(angle + step, half, deep);
    const piece = Math.hypot(next[0] - before[0], next[1] - before[1]);
    if (walked + piece >= u) return angle + (step * (u - walked)) / piece;
    [walked, angle, before] = [walked + piece, angle + step, next];
  }
  return Math.PI;
}

function arcTo(angle: number, half: number, deep: number): number {
  let [length, before] = [0, around(0, half, deep)];
  for (let n = 1; n <= 90; n += 1) {
    const next = around((angle * n) / 90, half, deep);
    length += Math.hypot(next[0] - before[0], next[1] - before[1]);
    before = next;
  }
  return length;
}

/** Half width and half depth at a height: a curve through TRUNK without corners or waves (Fritsch and Carlson 1980). */
function trunkAt(y: number): [number, number] {
  const last = TRUNK.length - 2;
  const n = Math.min(last, Math.max(0, TRUNK.findIndex(([height]) => height >= y) - 1));
  return [monotone(n, y, 1), monotone(n, y, 2)];
}

function monotone(n: number, y: number, which: 1 | 2): number {
  const [from, to] = [TRUNK[n], TRUNK[n + 1]];
  if (!from || !to) return 0;
  const step = to[0] - from[0];
  const t = Math.min(1, Math.max(0, (y - from[0]) / step));
  const [before, after] = [tangent(n, which) * step, tangent(n + 1, which) * step];
  const [t2, t3] = [t * t, t * t * t];
  return (
    (2 * t3 - 3 * t2 + 1) * from[which] + (t3 - 2 * t2 + t) * before + (3 * t2 - 2 * t3) * to[which] + (t3 - t2) * after
  );
}

function tangent(n: number, which: 1 | 2): number {
  const [left, right] = [slope(n - 1, which), slope(n, which)];
  if (left === null || right === null) return left ?? right ?? 0;
  return left * right <= 0 ? 0 : (2 * left * right) / (left + right);
}

function slope(n: number, which: 1 | 2): number | null {
  const [from, to] = [TRUNK[n], TRUNK[n + 1]];
  return from && to ? (to[which] - from[which]) / (to[0] - from[0]) : null;
}

/** One front, from its edge to the side seam. */
function panel(side: 1 | -1, over: number): BufferGeometry {
  const [columns, rows] = [44, 110];
  return mirrored(side, columns, rows, (even, t) => {
    // Closer together at the edge, which is turned under.
    const s = even ** 1.7;
    const y = mix(hem(s), NECK - 2, t);
    const [half, deep] = trunkAt(y);
    const inner = y > BUTTON ? Math.max(roll(y), -19) : -edge(y);
    const outer = arcTo(0.56 * Math.PI, half, deep);
    const u = mix(inner, Math.max(inner + 1, outer), s);
    const turned = 1 - smooth((u - inner) / 2.4);
    const lift = 5 + over * (1 - smooth((s - 0.02) / 0.3)) + drag(u, y) - (2 + over) * turned;
    return { u, y, lift };
  });
}

/** The foreparts are rounded at the bottom of their edge. */
function hem(s: number): number {
  return 34 * (1 - smooth(s / 0.22)) ** 2;
}

/** Cloth pulls a little at the button, and falls in a soft fold below the chest. */
function drag(u: number, y: number): number {
  const pull = Math.exp(-(((y - BUTTON) / 34) ** 2)) * Math.exp(-(((u - 60) / 70) ** 2));
  const fold = Math.exp(-(((y - 400) / 90) ** 2)) * Math.sin((u - 0.25 * (y - 300)) / 21) * smooth((u - 80) / 60);
  return -2.4 * pull + 0.9 * fold;
}

function back(side: 1 | -1): BufferGeometry {
  return mirrored(side, 30, 60, (s, t) => {
    const y = mix(0, NECK, t);
    const [half, deep] = trunkAt(y);
    return { u: mix(arcTo(0.54 * Math.PI, half, deep), arcTo(0.999 * Math.PI, half, deep), s), y, lift: 4.4 };
  });
}

/** Where the notch is: above it the collar, below it the lapel. */
const GORGE = 594;
const WIDEST = 92;

function lapel(side: 1 | -1, over: number): BufferGeometry {
  // Cut on the facing's own grain: along the roll line.
  const lean = Math.atan2(roll(NECK) - roll(BUTTON), NECK - BUTTON) * 0.5;
  return mirrored(side, 26, 60, (s, t) => {
    const y0 = mix(BUTTON - 4, GORGE, t);
    const inner = roll(y0) - 1;
    const widest = WIDEST * ease(t, 0.62) * (1 - 0.1 * smooth((t - 0.9) / 0.1));
    const u = inner + s * widest;
    // The gorge's seam slopes down towards the notch's point.
    const y = y0 + s * 14 * smooth((t - 0.55) / 0.45);
    const belly = 9.5 * Math.sin(Math.PI * Math.min(1, s / 0.75)) ** 0.8 * (1 - 0.35 * t);
    const lip = s > 0.97 ? 0.2 : 1;
    return { u, y, lift: 5.4 + over + (4.2 + belly * 0.6) * lip * smooth(t / 0.05), grain: lean };
  });
}

function collar(side: 1 | -1): BufferGeometry {
  return mirrored(side, 20, 26, (s, t) => {
    const y0 = mix(GORGE + 5, NECK + 2, t);
    const inner = roll(Math.min(y0, NECK)) - 2;
    const wide = mix(60, 42, smooth(t));
    const u = inner + s * wide;
    const y = y0 + s * mix(20, -26, smooth(t)) - 2 * (1 - t);
    const lip = s > 0.96 ? 0.2 : 1;
    return { u, y, lift: 6 + lip * (5 + 4 * Math.sin(Math.PI * Math.min(1, s / 0.8))), grain: 0.7 };
  });
}

/** The collar around the neck, behind. */
function band(): BufferGeometry {
  return sheet(60, 10, (s, t) => {
    const { x, z, top } = behind(s, 4 + 14 * t * t);
    return { place: [x, top - 42 * t, z], cloth: [s * 320, -42 * t] };
  });
}

/** What one sees of the jacket's inside at the neck. */
function stand(): BufferGeometry {
  return sheet(60, 6, (s, t) => {
    const { x, z, top } = behind(s, 0);
    return { place: [x, top - 50 * (1 - t), z], cloth: [s * 320, 50 * t] };
  });
}

/** Around the neck from one collar's end to the other; it stands highest in the middle of the back. */
function behind(s: number, out: number): { x: number; z: number; top: number } {
  const reach = 0.64 * Math.PI;
  const angle = mix(Math.PI - reach, Math.PI + reach, s);
  const [x, z] = around(angle, NECK_HALF + 10 + out, 74 + out);
  return { x, z: z - 6, top: NECK + 22 - 26 * Math.abs(2 * s - 1) ** 3 };
}

function flap(side: 1 | -1): BufferGeometry {
  return mirrored(side, 24, 10, (s, t) => {
    const rounded = 6 * (1 - smooth(Math.min(s, 1 - s) / 0.09)) ** 2 * (1 - t);
    const u = mix(98, 244, s);
    const y = mix(128 + rounded, 184, t) - 7 * s;
    const lip = Math.min(t / 0.08, 1, s / 0.02, (1 - s) / 0.02);
    return { u, y, lift: 5 + drag(u, y) + 3.2 * Math.max(0, lip) };
  });
}

/** The breast pocket's welt, on the wearer's left. */
function welt(): BufferGeometry {
  return mirrored(1, 16, 6, (s, t) => {
    const u = mix(126, 216, s);
    const y = mix(462, 486, t) + 13 * s;
    const lip = Math.min(t / 0.1, (1 - t) / 0.1, s / 0.03, (1 - s) / 0.03, 1);
    return { u, y, lift: 5 + drag(u, y) + 2.6 * Math.max(0, lip) };
  });
}

/** A sleeve hangs from the shoulder's point, a little forward, and narrows to the cuff. */
function sleeve(side: 1 | -1): BufferGeometry {
  const long = 590;
  const geometry = sheet(56, 80, (s, t) => {
    const down = (1 - t) * long;
    const angle = side * (2 * Math.PI * s - Math.PI);
    const taper = mix(72, 52, smooth(down / long));
    const cap = smooth(down / 95);
    const radius = taper * (0.3 + 0.7 * Math.sqrt(cap));
    const elbow = smooth((down - 250) / 340);
    const crease = 1.6 * Math.sin(down / 17 + 1.4 * Math.sin(angle)) * Math.exp(-(((down - 300) / 80) ** 2));
    const x = 208 + 46 * smooth(down / 190) + 8 * elbow;
    const y = POINT - 10 - down * 0.985 - (1 - Math.cos(angle)) * 6 * (1 - cap);
    const z = -10 + 48 * elbow ** 1.4;
    return {
      place: [side * x + (radius + crease) * Math.sin(angle) * 0.92, y, z + (radius + crease) * Math.cos(angle)],
      cloth: [angle * 62, -down],
    };
  });
  return side === -1 ? flipped(geometry) : geometry;
}

function shirt(): BufferGeometry {
  return sheet(60, 60, (s, t) => {
    const y = mix(BUTTON - 30, NECK + 26, t);
    const half = mix(110, 232, smooth((y - 640) / 50));
    const u = mix(-half, half, s);
    return { place: on(u, y, -3), cloth: [u, y] };
  });
}

/** From the fold at the neck down to its point. */
function shirtCollar(side: 1 | -1): BufferGeometry {
  return mirrored(side, 16, 12, (s, t) => {
    const u = mix(mix(40, 5, t), 104, s);
    const y = mix(NECK - 40 + 46 * s ** 0.8, NECK + 27 + 5 * s, t);
    return { u, y, lift: mix(9, 3, t) };
  });
}

function tie(): BufferGeometry {
  return sheet(14, 50, (s, t) => {
    const y = mix(BUTTON + 6, NECK - 14, t);
    const half = mix(40, 15, ease(t, 0.8));
    const u = mix(-half, half, s);
    return { place: on(u, y, mix(-2, 4, smooth(t / 0.3)) + 5 * Math.cos((s - 0.5) * Math.PI) * smooth(t / 0.3)), cloth: [u, y] };
  });
}

function knot(): BufferGeometry {
  return sheet(16, 14, (s, t) => {
    const y = mix(NECK - 30, NECK + 16, t);
    const half = mix(13, 21, t);
    const u = mix(-half, half, s);
    const round = 9 * Math.cos((s - 0.5) * Math.PI) * Math.sin(Math.PI * mix(0.25, 0.8, t));
    return { place: on(u, y, 6 + round), cloth: [u, y] };
  });
}

function button(y: number): BufferGeometry {
  const [x, height, z] = on(0, y, 10.5);
  return new CylinderGeometry(10, 9.4, 3.4, 40).rotateX(Math.PI / 2).translate(x, height, z);
}

type Laid = { u: number; y: number; lift: number; grain?: number };

/** A piece of the wearer's left half, or of the right one. The mirrored piece is sewn from mirrored cloth, as it is cut. */
function mirrored(side: 1 | -1, columns: number, rows: number, at: (s: number, t: number) => Laid): BufferGeometry {
  const geometry = sheet(columns, rows, (s, t) => {
    const { u, y, lift, grain = 0 } = at(s, t);
    const [x, z] = [u * Math.cos(grain) + y * Math.sin(grain), y * Math.cos(grain) - u * Math.sin(grain)];
    return { place: on(side * u, y, lift), cloth: [side * x, z] };
  });
  return side === -1 ? flipped(geometry) : geometry;
}

/** Turns the faces around; the normals with them. */
function flipped(geometry: BufferGeometry): BufferGeometry {
  const index = geometry.getIndex();
  if (!index) return geometry;
  for (let at = 0; at < index.count; at += 3) {
    const [b, c] = [index.getX(at + 1), index.getX(at + 2)];
    index.setX(at + 1, c);
    index.setX(at + 2, b);
  }
  geometry.computeVertexNormals();
  return geometry;
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

function smooth(share: number): number {
  const s = Math.min(1, Math.max(0, share));
  return s * s * (3 - 2 * s);
}

function ease(share: number, power: number): number {
  return Math.min(1, Math.max(0, share)) ** power;
}
