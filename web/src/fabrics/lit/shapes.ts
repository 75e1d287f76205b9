/**
 * Surfaces in millimetres whose UV coordinates are millimetres of cloth too (u across, v up), so that one texture matrix
 * shows any cloth on all of them at true scale. No scene, no material.
 */
import { BufferGeometry, Float32BufferAttribute } from "three";

export type Vec3 = readonly [number, number, number];

/**
 * A grid of points as a surface. `at` takes s (left to right) and t (bottom to top) in [0, 1] and returns where the point
 * is in space and in the cloth.
 */
export function sheet(
  columns: number,
  rows: number,
  at: (s: number, t: number) => { place: Vec3; cloth: readonly [number, number] },
): BufferGeometry {
  const [places, cloths, faces]: [number[], number[], number[]] = [[], [], []];
  for (let row = 0; row <= rows; row += 1)
    for (let column = 0; column <= columns; column += 1) {
      const { place, cloth } = at(column / columns, row / rows);
      places.push(...place);
      cloths.push(...cloth);
    }
  for (let row = 0; row < rows; row += 1)
    for (let column = 0; column < columns; column += 1) {
      const here = row * (columns + 1) + column;
      const above = here + columns + 1;
      faces.push(here, here + 1, above + 1, here, above + 1, above);
    }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new Float32BufferAttribute(places, 3));
  geometry.setAttribute("uv", new Float32BufferAttribute(cloths, 2));
  geometry.setIndex(faces);
  geometry.computeVertexNormals();
  return geometry;
}

const BALL_MM = 55;

/**
 * Cloth stretched over a ball: true in the middle, where one looks, and wider only towards the rim (azimuthal equidistant).
 * There is no seam and no pole on the side that is seen.
 */
export function ball(): BufferGeometry {
  const furthest = 0.62 * Math.PI;
  return sheet(128, 96, (s, t) => {
    const [around, away] = [-2 * Math.PI * s, t * furthest];
    const [sin, cos] = [Math.sin(away), Math.cos(away)];
    return {
      place: [BALL_MM * sin * Math.cos(around), BALL_MM * sin * Math.sin(around), BALL_MM * cos],
      cloth: [BALL_MM * away * Math.cos(around), BALL_MM * away * Math.sin(around)],
    };
  });
}
