/**
 * A square of cloth let fall over a ball, by position-based dynamics (Müller et al. 2007): threads keep their length, the
 * cloth resists shearing and bending a little, and nothing goes through the ball or the table. Deterministic.
 */
import type { BufferGeometry } from "three";
import { sheet } from "./shapes";

export type Cloth = { side: number; places: Float32Array };

const SIDE_MM = 300;
const KNOTS = 64;
const BALL_MM = 52;
const TABLE_MM = -78;
const THICK_MM = 1.2;
const STEPS = 170;
const SOLVES = 9;
const FALL_MM = 0.36;
const DAMPING = 0.965;
/** How far a pass of the solver goes towards keeping a distance: threads, across the weave, over two knots. */
const STIFF = { thread: 1, shear: 0.32, bend: 0.1 };

type Tie = { from: number; to: number; lengthMm: number; stiff: number };

export function drape(): BufferGeometry {
  const { side, places } = relaxed();
  const step = SIDE_MM / (side - 1);
  return sheet(side - 1, side - 1, (s, t) => {
    const [column, row] = [Math.round(s * (side - 1)), Math.round(t * (side - 1))];
    const at = 3 * (row * side + column);
    // It fell face up: the cloth's "up" points away from whoever looks.
    return {
      place: [places[at] ?? 0, places[at + 1] ?? 0, places[at + 2] ?? 0],
      cloth: [column * step, row * step],
    };
  });
}

/** Where the knots come to rest. */
export function relaxed(side = KNOTS, steps = STEPS): Cloth {
  const stepMm = SIDE_MM / (side - 1);
  const places = new Float32Array(3 * side * side);
  for (let row = 0; row < side; row += 1)
    for (let column = 0; column < side; column += 1) {
      const at = 3 * (row * side + column);
      const [x, z] = [column * stepMm - SIDE_MM / 2, SIDE_MM / 2 - row * stepMm];
      // A little unevenness decides where the folds go, as it does on a table. The square lies turned, as cloth is thrown.
      const [turnedX, turnedZ] = [0.93 * x - 0.37 * z, 0.37 * x + 0.93 * z];
      places[at] = turnedX + 6;
      places[at + 1] = BALL_MM + 2 + 0.7 * Math.sin(0.045 * turnedX + 1) + 0.7 * Math.cos(0.06 * turnedZ + 0.016 * turnedX);
      places[at + 2] = turnedZ - 4;
    }
  const ties = tiesOf(side, stepMm);
  const before = places.slice();
  for (let step = 0; step < steps; step += 1) {
    fall(places, before);
    for (let pass = 0; pass < SOLVES; pass += 1) {
      for (const tie of ties) keep(places, tie);
      collide(places, before);
    }
  }
  return { side, places };
}

function tiesOf(side: number, stepMm: number): Tie[] {
  const ties: Tie[] = [];
  const kinds: [number, number, number][] = [
    [1, 0, STIFF.thread],
    [0, 1, STIFF.thread],
    [1, 1, STIFF.shear],
    [-1, 1, STIFF.shear],
    [2, 0, STIFF.bend],
    [0, 2, STIFF.bend],
  ];
  for (const [across, up, stiff] of kinds)
    for (let row = 0; row + up < side; row += 1)
      for (let column = Math.max(0, -across); column + across < side && column < side; column += 1) {
        const from = row * side + column;
        ties.push({ from: 3 * from, to: 3 * (from + up * side + across), lengthMm: stepMm * Math.hypot(across, up), stiff });
      }
  return ties;
}

function fall(places: Float32Array, before: Float32Array): void {
  for (let at = 0; at < places.length; at += 1) {
    const now = places[at] ?? 0;
    places[at] = now + DAMPING * (now - (before[at] ?? 0)) - (at % 3 === 1 ? FALL_MM : 0);
    before[at] = now;
  }
}

function keep(places: Float32Array, { from, to, lengthMm, stiff }: Tie): void {
  const x = (places[to] ?? 0) - (places[from] ?? 0);
  const y = (places[to + 1] ?? 0) - (places[from + 1] ?? 0);
  const z = (places[to + 2] ?? 0) - (places[from + 2] ?? 0);
  const now = Math.sqrt(x * x + y * y + z * z) || 1;
  const share = (0.5 * stiff * (now - lengthMm)) / now;
  places[from] = (places[from] ?? 0) + share * x;
  places[from + 1] = (places[from + 1] ?? 0) + share * y;
  places[from + 2] = (places[from + 2] ?? 0) + share * z;
  places[to] = (places[to] ?? 0) - share * x;
  places[to + 1] = (places[to + 1] ?? 0) - share * y;
  places[to + 2] = (places[to + 2] ?? 0) - share * z;
}

/** Out of the ball and the table; what touches them hardly slides. */
function collide(places: Float32Array, before: Float32Array): void {
  const nearest = BALL_MM + THICK_MM;
  for (let at = 0; at < places.length; at += 3) {
    const [x, y, z] = [places[at] ?? 0, places[at + 1] ?? 0, places[at + 2] ?? 0];
    const away = Math.sqrt(x * x + y * y + z * z);
    if (away < nearest && away > 0) {
      const out = nearest / away;
      places[at] = rub(x * out, before[at] ?? 0, 0.35);
      places[at + 1] = y * out;
      places[at + 2] = rub(z * out, before[at + 2] ?? 0, 0.35);
    }
    if ((places[at + 1] ?? 0) < TABLE_MM + THICK_MM) {
      places[at + 1] = TABLE_MM + THICK_MM;
      places[at] = rub(places[at] ?? 0, before[at] ?? 0, 0.5);
      places[at + 2] = rub(places[at + 2] ?? 0, before[at + 2] ?? 0, 0.5);
    }
  }
}

function rub(now: number, before: number, share: number): number {
  return now + share * (before - now);
}

export const TABLE = TABLE_MM;
