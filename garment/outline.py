"""A garment's outline read as a tailor would: collar, shoulder, cuff, armpit, hem, on each side.

Owns the axis of symmetry and the search for named points on the outline; must not know colours, pieces or files.

Each side of the outline, walked from the top centre to the bottom centre, passes its named points in one order. The
best such points are found exactly, by dynamic programming over the outline (a pictorial structure, Felzenszwalb 2005),
for a ladder of shoulder widths and for the ways that sleeves lie: apart from the body, against it, not there at all.
Lengths in the costs are in shoulder widths; `u` grows outwards from the axis, `y` downwards from the top of the collar.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

_SAMPLES = 180  # of one side of the outline
_WIDTHS = np.geomspace(0.34, 0.92, 14)  # shoulder width as a share of the silhouette's height, coat to crop top
_TILT_DEG = 24  # photos are taken no more askew than this

SLEEVED = ("collar", "shoulder", "cuff_outer", "cuff_inner", "armpit", "hem")
MERGED = ("collar", "shoulder", "cuff_outer", "armpit", "hem")
BARE = ("collar", "shoulder", "armpit", "hem")


@dataclass(frozen=True)
class Upright:
    """The silhouette turned until its axis of symmetry is the column `axis`."""

    mask: np.ndarray
    """uint8 (h, w), 0 or 1."""
    axis: float
    matrix: np.ndarray
    """float64 (2, 3): from the given mask's pixels to these."""

    def back(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) of these pixels into those of the mask it was made from."""
        return (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T


@dataclass(frozen=True)
class Side:
    """One side's named points, in pixels of the upright mask but with x counted outwards from the axis."""

    points: dict[str, np.ndarray]
    between: dict[str, np.ndarray]
    """The outline (N, 2) from each named point to the next."""
    apart: bool
    """Whether background shows between sleeve and body all the way up to the armpit."""
    cost: float


def stand_upright(mask: np.ndarray) -> Upright:
    """Turn uint8 (h, w) about its centre until left mirrors right best."""
    h, w = mask.shape
    shrunk = 112 / max(h, w)
    small = cv2.resize(mask * np.float32(1), None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    angles = np.arange(-_TILT_DEG, _TILT_DEG + 1, 3.0)
    best = max(angles, key=lambda a: _mirror_score(small, a)[0])
    best = max(np.arange(best - 2.5, best + 2.6, 0.5), key=lambda a: _mirror_score(small, a)[0])
    side = int(np.hypot(h, w)) + 4
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), best, 1.0)
    matrix[:, 2] += (side / 2 - w / 2, side / 2 - h / 2)
    turned = cv2.warpAffine(mask * np.uint8(255), matrix, (side, side)) > 127
    x, y, bw, bh = cv2.boundingRect(turned.astype(np.uint8))
    matrix[:, 2] -= (x - 3, y - 3)
    turned = np.pad(turned[y : y + bh, x : x + bw], 3).astype(np.uint8)
    return Upright(turned, _mirror_score(turned * np.float32(1), 0.0)[1], matrix)


def _mirror_score(mask: np.ndarray, angle: float) -> tuple[float, float]:
    """How well the mask, turned by `angle` degrees, mirrors itself, and about which column."""
    h, w = mask.shape
    if angle:
        side = int(np.hypot(h, w)) + 2
        matrix = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
        matrix[:, 2] += (side / 2 - w / 2, side / 2 - h / 2)
        mask = cv2.warpAffine(mask, matrix, (side, side))
    depth = np.minimum(cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3), 0.15 * w) / (0.15 * w)
    weight = mask * (0.35 + depth)  # the torso is thick and symmetric, sleeves lie as they fell
    spectrum = np.fft.rfft(weight, 2 * weight.shape[1], axis=1)
    overlap = np.fft.irfft((spectrum * spectrum).sum(0))
    peak = int(np.argmax(overlap))
    return float(overlap[peak] / max(float((weight * weight).sum()), 1e-6)) - 2e-5 * angle * angle, peak / 2


def find_sides(upright: Upright) -> tuple[float, dict[str, Side]]:
    """The shoulder width in pixels and both sides ("right" is the wearer's, on the left of the picture)."""
    walks = {"left": _walk(upright.mask, upright.axis, 1), "right": _walk(upright.mask, upright.axis, -1)}
    height = float(np.ptp(np.nonzero(upright.mask.any(1))[0])) + 1
    tries = []
    for width in _WIDTHS * height:
        sides = {name: _best_side(walk, width) for name, walk in walks.items()}
        tries.append((sum(s.cost for s in sides.values()), width, sides))
    _, width, sides = min(tries, key=lambda t: t[0])
    return width, sides


def _walk(mask: np.ndarray, axis: float, sign: int) -> np.ndarray:
    """(N, 2): the outline from the top centre to the bottom centre on one side; x outwards from the axis."""
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)[:, 0].astype(np.float64)
    outline[:, 0] = sign * (outline[:, 0] - axis)
    central = np.abs(outline[:, 0]) < 1.5
    ys = np.where(central, outline[:, 1], np.nan)
    top, bottom = int(np.nanargmin(ys)), int(np.nanargmax(ys))
    forward = np.roll(outline, -top, axis=0)[: (bottom - top) % len(outline) + 1]
    backward = np.roll(outline[::-1], top + 1, axis=0)[: (top - bottom) % len(outline) + 1]
    line = max(forward, backward, key=lambda way: float(way[:, 0].mean()))
    steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    even = np.linspace(0, steps[-1], max(8 * _SAMPLES, 2))
    dense = np.column_stack([np.interp(even, steps, line[:, 0]), np.interp(even, steps, line[:, 1])])
    kernel = cv2.getGaussianKernel(9, 2.0)
    padded = np.pad(dense, ((4, 4), (0, 0)), mode="edge")
    smooth = np.column_stack([np.convolve(padded[:, i], kernel[:, 0], "valid") for i in (0, 1)])
    return smooth[::8]


def _turning(line: np.ndarray, reach: float) -> np.ndarray:
    """(N,) radians: how much the way bends towards the garment within `reach` pixels; positive where it is convex."""
    step = float(np.hypot(*np.diff(line, axis=0).T).mean())
    k = max(1, round(reach / max(step, 1e-6)))
    index = np.arange(len(line))
    before = line - line[np.maximum(index - k, 0)]
    after = line[np.minimum(index + k, len(line) - 1)] - line
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return np.arctan2(cross, (before * after).sum(1))


def _best_side(line: np.ndarray, width: float) -> Side:
    p = line / width
    p = p - [0.0, p[:, 1].min()]
    fine, sharp, broad = (_turning(line, reach * width) for reach in (0.055, 0.11, 0.24))
    sharp = np.where(np.abs(fine) > np.abs(sharp), fine, sharp)
    ways = [
        _solve(SLEEVED, _unary(p, sharp, broad, "apart"), _pairs(p, "apart"), 0.0),
        _solve(SLEEVED, _unary(p, sharp, broad, "against"), _pairs(p, "against"), 2.0),
        _solve(MERGED, _unary(p, sharp, broad, "against"), _pairs(p, "merged"), 3.0),
        _solve(BARE, _unary(p, sharp, broad, "bare"), _pairs(p, "bare"), 5.0),
    ]
    cost, names, found = min(ways, key=lambda w: w[0])
    ends = [*found, len(line) - 1]
    between = {name: line[i : j + 1] for name, i, j in zip(names, ends, ends[1:], strict=False)}
    points = {name: line[i] for name, i in zip(names, found, strict=True)}
    return Side(points, between, cost is ways[0][0], cost)


def _unary(p: np.ndarray, sharp: np.ndarray, broad: np.ndarray, way: str) -> dict[str, np.ndarray]:
    u, y = p.T
    corner = 5.0 * (1 - np.clip(sharp / 1.2, 0, 1)) ** 2
    cost = {
        "collar": 0.5 * ((u - 0.2) / 0.05) ** 2 + 0.3 * ((y - 0.1) / 0.1) ** 2 - np.clip(np.abs(sharp), 0, 0.9),
        "shoulder": ((u - 0.5) / 0.025) ** 2 + 0.5 * ((y - 0.24) / 0.1) ** 2 - 1.5 * np.clip(broad, 0, 1.2),
        "cuff_outer": corner,
        "cuff_inner": corner,
        "hem": corner + ((u - 0.5) / 0.1) ** 2 + ((y.max() - y) / 0.1) ** 2,
    }
    if way == "against":
        cost["armpit"] = -np.clip(-sharp, 0, 1.5) + ((u - 0.5) / 0.12) ** 2 + 4 * np.clip(0.9 - y, 0, None)
    else:
        cost["armpit"] = -1.2 * np.clip(-sharp, 0, 2.2) + ((u - 0.46) / 0.07) ** 2 + 0.7 * ((y - 0.68) / 0.12) ** 2
    return cost


def _pairs(p: np.ndarray, way: str) -> dict[tuple[str, str], np.ndarray]:
    step = p[None] - p[:, None]
    chord = np.hypot(step[..., 0], step[..., 1]) + 1e-6
    along = np.hypot(*np.diff(p, axis=0).T).mean()
    index = np.arange(len(p))
    order = index[None] - index[:, None]
    never = np.where(order > 0, 0.0, np.inf)
    straight = ((np.clip(order * along / chord, 1, 9) - 1.0) / 0.08) ** 2
    slope = np.degrees(np.arctan2(step[..., 1], step[..., 0]))
    pairs = {
        ("collar", "shoulder"): 0.5 * ((slope - 22) / 12) ** 2 + np.minimum(straight, 9) + never,
        ("armpit", "hem"): 0.5 * np.minimum(straight, 12) + 0.2 * ((slope - 92) / 10) ** 2 + never,
    }
    if way == "bare":
        return pairs | {("shoulder", "armpit"): np.minimum(((chord - 0.5) / 0.12) ** 2, 9) + never}
    long = np.minimum(((chord - 1.32) / 0.25) ** 2, 5) + 0.6 * np.minimum(straight, 12) + never
    cuff = ((chord - 0.3) / 0.08) ** 2 + np.minimum(straight, 9) + never
    inseam = (0.4 * np.minimum(((chord - 0.95) / 0.25) ** 2, 6) + 0.6 * np.minimum(straight, 12)) + never
    notch = (chord / 0.25) ** 2 + never
    if way == "merged":
        return pairs | {("shoulder", "cuff_outer"): long, ("cuff_outer", "armpit"): cuff}
    return pairs | {
        ("shoulder", "cuff_outer"): long,
        ("cuff_outer", "cuff_inner"): cuff,
        ("cuff_inner", "armpit"): inseam if way == "apart" else notch,
    }


def _solve(
    names: tuple[str, ...], unary: dict[str, np.ndarray], pairs: dict[tuple[str, str], np.ndarray], bias: float
) -> tuple[float, tuple[str, ...], list[int]]:
    """The cheapest increasing indices for `names`: Viterbi along the chain."""
    cost, came = unary[names[0]], []
    for pair in pairwise(names):
        total = cost[:, None] + pairs[pair]
        came.append(np.argmin(total, axis=0))
        cost = total.min(axis=0) + unary[pair[1]]
    found = [int(np.argmin(cost))]
    for origin in reversed(came):
        found.append(int(origin[found[-1]]))
    return float(cost.min()) + bias, names, found[::-1]
