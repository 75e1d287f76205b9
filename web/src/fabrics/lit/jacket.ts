/**
 * The front of a single-breasted jacket, built from a chest: panels, lapels, collar, pockets and sleeves laid on one
 * surface at millimetres. Cloth runs as a cutter lays it: along the front edge in the fronts, along the arm in a sleeve,
 * along the roll line's facing in a lapel.
 */
import type { BufferGeometry } from "three";
import { CircleGeometry, Float32BufferAttribute, LatheGeometry, Vector2 } from "three";
import { sheet } from "./shapes";
import type { Laid } from "./trunk";
import { around, arcTo, ease, flipped, mirrored, mix, on, smooth, trunkAt } from "./trunk";

export type Part = { of: "cloth" | "shirt" | "tie" | "button" | "thread" | "shade"; geometry: BufferGeometry };

/** Heights over the hem. */
const [BUTTON, LOWER_BUTTON, POINT, NECK] = [300, 195, 632, 694];
/** Half of the neck's width, and of the shoulders'. */
const NECK_HALF = 74;
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
    for (const geometry of shades(side, over)) parts.push({ of: "shade", geometry });
    for (const down of CUFF_BUTTONS) parts.push(...button(onSleeve(side, CUFF_ANGLE, down, 1.6), 7, side * CUFF_ANGLE));
  }
  cloth(band());
  cloth(welt());
  cloth(stand());
  parts.push({ of: "shirt", geometry: shirt() });
  for (const side of [-1, 1] as const) parts.push({ of: "shirt", geometry: shirtCollar(side) });
  parts.push({ of: "tie", geometry: tie() }, { of: "tie", geometry: knot() });
  for (const y of [BUTTON, LOWER_BUTTON]) parts.push(...button(on(0, y, 10.5), 10, 0));
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
  return 44 * (1 - smooth(s / 0.3)) ** 2;
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
  return mirrored(side, 26, 60, (s, t) => lapelAt(over, s, t));
}

function lapelAt(over: number, s: number, t: number): Laid {
  // Cut on the facing's own grain: along the roll line.
  const lean = Math.atan2(roll(NECK) - roll(BUTTON), NECK - BUTTON) * 0.5;
  const y0 = mix(BUTTON - 4, GORGE, t);
  const inner = roll(y0) - 1;
  const widest = WIDEST * ease(t, 0.62) * (1 - 0.1 * smooth((t - 0.9) / 0.1));
  const u = inner + s * widest;
  // The gorge's seam slopes down towards the notch's point.
  const y = y0 + s * 14 * smooth((t - 0.55) / 0.45);
  const belly = 9.5 * Math.sin(Math.PI * Math.min(1, s / 0.75)) ** 0.8 * (1 - 0.35 * t);
  const lip = s > 0.97 ? 0.2 : 1;
  return { u, y, lift: 5.4 + over + (4.2 + belly * 0.6) * lip * smooth(t / 0.05), grain: lean };
}

function collar(side: 1 | -1): BufferGeometry {
  return mirrored(side, 20, 26, collarAt);
}

function collarAt(s: number, t: number): Laid {
  const y0 = mix(GORGE + 5, NECK + 2, t);
  const inner = roll(Math.min(y0, NECK)) - 2;
  const wide = mix(60, 42, smooth(t));
  const u = inner + s * wide;
  const y = y0 + s * mix(20, -26, smooth(t)) - 2 * (1 - t);
  const lip = s > 0.96 ? 0.2 : 1;
  return { u, y, lift: 6 + lip * (5 + 4 * Math.sin(Math.PI * Math.min(1, s / 0.8))), grain: 0.7 };
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
  return mirrored(side, 24, 10, flapAt);
}

function flapAt(s: number, t: number): Laid {
  const rounded = 6 * (1 - smooth(Math.min(s, 1 - s) / 0.09)) ** 2 * (1 - t);
  const u = mix(98, 244, s);
  const y = mix(128 + rounded, 184, t) - 7 * s;
  const lip = Math.min(t / 0.08, 1, s / 0.02, (1 - s) / 0.02);
  return { u, y, lift: 5 + drag(u, y) + 3.2 * Math.max(0, lip) };
}

/** The breast pocket's welt, on the wearer's left. */
function welt(): BufferGeometry {
  return mirrored(1, 16, 6, weltAt);
}

function weltAt(s: number, t: number): Laid {
  const u = mix(126, 216, s);
  const y = mix(462, 486, t) + 13 * s;
  const lip = Math.min(t / 0.1, (1 - t) / 0.1, s / 0.03, (1 - s) / 0.03, 1);
  return { u, y, lift: 5 + drag(u, y) + 2.6 * Math.max(0, lip) };
}

const SLEEVE = 590;
/** Millimetres down the sleeve; the last is an inch and a half over the cuff. */
const CUFF_BUTTONS = [506, 524, 542];
const CUFF_ANGLE = 0.29 * Math.PI;

/** A sleeve hangs from the shoulder's point, a little forward, and narrows to the cuff. */
function sleeve(side: 1 | -1): BufferGeometry {
  const geometry = sheet(64, 110, (s, t) => {
    const [angle, down] = [2 * Math.PI * s - Math.PI, (1 - t) * SLEEVE];
    return { place: onSleeve(side, angle, down, 0), cloth: [side * angle * 62, -down] };
  });
  return side === -1 ? flipped(geometry) : geometry;
}

/** `angle` is 0 in front and grows outwards. */
function onSleeve(side: 1 | -1, angle: number, down: number, lift: number): [number, number, number] {
  const cap = smooth(down / 95);
  const radius = mix(70, 52, smooth(down / SLEEVE)) * (0.3 + 0.7 * Math.sqrt(cap)) + lift;
  const elbow = smooth((down - 250) / 340);
  // Where the arm bends cloth is pressed together in front, and drawn smooth over the elbow behind.
  const front = 0.25 + 0.75 * Math.max(0, Math.cos(angle + 0.5));
  const bend = Math.sin(down / 13 + 1.6 * Math.sin(angle)) * Math.exp(-(((down - 285) / 62) ** 2));
  const hang = Math.sin(down / 41 - 1.2 * angle) * Math.exp(-(((down - 150) / 80) ** 2));
  const thick = radius + 2.6 * front * bend + 1.4 * hang;
  const x = 201 + 41 * smooth(down / 210) + 10 * elbow;
  const y = POINT + 6 - down * 0.985 - (1 - Math.cos(angle)) * 6 * (1 - cap);
  const z = -10 + 48 * elbow ** 1.4;
  return [side * (x + thick * Math.sin(angle) * 0.92), y, z + thick * Math.cos(angle)];
}

type Edge = (t: number) => { u: number; y: number };

/**
 * Where light hardly gets: under what lies on top, and in seams. The lamp's own shadow is not enough: an edge that faces
 * it casts none.
 */
function shades(side: 1 | -1, over: number): BufferGeometry[] {
  const under = 5.9 + 0.35 * over;
  const found = [
    shade(side, (t) => lapelAt(over, 0.985, mix(0.04, 1, t)), [15, -5], under, 0.5),
    shade(side, (t) => lapelAt(over, t, 1), [4, 7], under + 0.4, 0.4),
    shade(side, (t) => collarAt(mix(0.3, 0.99, t), 0), [2, -7], under + 0.6, 0.5),
    shade(side, (t) => collarAt(0.99, t), [12, -6], under, 0.4),
    shade(side, (t) => flapAt(mix(0.01, 0.99, t), 0.01), [0, -11], 5.8, 0.5),
    shade(side, (t) => flapAt(0.01, mix(0.06, 1, t)), [-5, 0], 5.8, 0.3),
    shade(side, (t) => flapAt(t, 1), [0, 2], 5.8, 0.55),
    // The dart, from under the chest into the pocket.
    shade(side, (t) => ({ u: 121 + 5 * Math.sin(3 * t), y: mix(186, 452, t) }), [1.6, 0], 5.8, 0.4),
  ];
  if (side === 1)
    found.push(
      shade(1, (t) => weltAt(t, 0.02), [0, -6], 5.8, 0.45),
      shade(1, (t) => weltAt(t, 1), [0, 1.8], 5.8, 0.5),
    );
  // The left front's edge, on the right one.
  else found.push(shade(-1, (t) => ({ u: edge(mix(40, BUTTON, t)) - 2, y: mix(40, BUTTON, t) }), [9, 0], 5.8, 0.45));
  return found;
}

/** A strip along `along`, as dark as `dark` there, that fades `out` millimetres (across, up) away from it. */
function shade(side: 1 | -1, along: Edge, out: readonly [number, number], lift: number, dark: number): BufferGeometry {
  const [columns, rows] = [5, 50];
  const geometry = mirrored(side, columns, rows, (s, t) => {
    const { u, y } = along(t);
    return { u: u + s * out[0], y: y + s * out[1], lift: lift + drag(u, y) };
  });
  const ends = (t: number) => smooth(Math.min(t, 1 - t) / 0.04);
  const rgba = Array.from({ length: (rows + 1) * (columns + 1) }, (_, n) => {
    const [s, t] = [(n % (columns + 1)) / columns, Math.floor(n / (columns + 1)) / rows];
    return [0, 0, 0, dark * (1 - s) ** 1.6 * ends(t)];
  });
  geometry.setAttribute("color", new Float32BufferAttribute(rgba.flat(), 4));
  return geometry;
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

/** Four holes within a rim, as horn buttons are turned. `turn` is where it looks, about the vertical. */
function button(at: readonly [number, number, number], radius: number, turn: number): Part[] {
  const r = radius / 10;
  const profile = [[0, 1.3], [5.6, 1.3], [6.8, 2.4], [9, 2.7], [10, 1.8], [10, -1], [0, -1]] as const;
  const put = (geometry: BufferGeometry) => geometry.rotateY(turn).translate(...at);
  const disc = new LatheGeometry(profile.map(([x, y]) => new Vector2(x * r, y * r)), 40).rotateX(Math.PI / 2);
  const holes = [45, 135, 225, 315].map((degrees) => {
    const angle = (degrees * Math.PI) / 180;
    return new CircleGeometry(1.15 * r, 12).translate(2.6 * r * Math.cos(angle), 2.6 * r * Math.sin(angle), 1.45 * r);
  });
  return [
    { of: "button", geometry: put(disc) },
    ...holes.map((hole) => ({ of: "thread" as const, geometry: put(hole) })),
  ];
}
