"""A garment's outline read as a tailor would: collar, shoulder, cuff, armpit, hem, on each side.

Owns the search for named points on the outline; must not know colours, pieces or files.

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

from garment.photos.symmetry import Upright, stand_upright

_SAMPLES = 180  # of one side of the outline
_WIDTHS = np.geomspace(0.34, 0.92, 14)  # shoulder width as a share of the silhouette's height, coat to crop top
_COARSE = 72  # samples that are enough to tell the collar from the hem
_UNTURNED = 4.0  # by how much a turned photo has to read better than the photo as it is

SLEEVED = ("collar", "shoulder", "cuff_outer", "cuff_inner", "fork", "hem")
MERGED = ("collar", "shoulder", "cuff_outer", "fork", "hem")
BARE = ("collar", "shoulder", "fork", "hem")


@dataclass(frozen=True)
class Side:
    """One side's named points, in pixels of the upright mask but with x counted outwards from the axis.

    The fork is where sleeve and body part on the outline: the armpit, unless the sleeve lies against the body.
    """

    points: dict[str, np.ndarray]
    between: dict[str, np.ndarray]
    """The outline (N, 2) from each named point to the next."""
    cost: float

    @property
    def sleeved(self) -> bool:
        """Whether there is a sleeve."""
        return "cuff_outer" in self.points


def find_sides(upright: Upright, *, samples: int = _SAMPLES) -> tuple[float, dict[str, Side]]:
    """The shoulder width in pixels and both sides ("right" is the wearer's, on the left of the picture)."""
    mask = _opened(upright)
    walks = {name: _walk(mask, upright.axis, sign, samples) for name, sign in (("left", 1), ("right", -1))}
    height = float(np.ptp(np.flatnonzero(mask.any(1)))) + 1
    tries = []
    for width in _WIDTHS[:: _SAMPLES // samples] * height:
        sides = {name: _best_side(walk, width) for name, walk in walks.items()}
        tries.append((sum(s.cost for s in sides.values()), width, sides))
    _, width, sides = min(tries, key=lambda t: t[0])
    better, worse = sorted(sides, key=lambda name: sides[name].cost)
    sides[worse] = _best_side(walks[worse], width, like=sides[better])
    return width, sides


def quarter_turns(mask: np.ndarray) -> int:
    """How often uint8 (h, w) has to be turned by 90 degrees anticlockwise (np.rot90) until the collar is on top."""

    def cost(turns: int) -> float:
        _, sides = find_sides(stand_upright(np.ascontiguousarray(np.rot90(mask, turns))), samples=_COARSE)
        return sum(s.cost for s in sides.values()) + (_UNTURNED if turns else 0.0)

    return min(range(4), key=cost)


def _opened(upright: Upright) -> np.ndarray:
    """The mask with every gap that sleeve and body enclose opened downwards, so that the outline runs through it."""
    mask = upright.mask.copy()
    count, labels, stats, centres = cv2.connectedComponentsWithStats(1 - mask, connectivity=4)
    for i in range(1, count):
        x, y, _, h, area = stats[i]
        if x == 0 or y == 0 or area < 12 or abs(centres[i][0] - upright.axis) < 0.1 * mask.shape[1]:
            continue
        bottom = y + h - 1
        column = int(np.flatnonzero(labels[bottom] == i).mean())
        below = mask[bottom + 1 :, column]
        solid = int(np.argmin(below)) if not below.all() else len(below)
        mask[bottom + 1 : bottom + 1 + solid, max(column - 1, 0) : column + 2] = 0
    return mask


def _walk(mask: np.ndarray, axis: float, sign: int, samples: int) -> np.ndarray:
    """(samples, 2): the outline from the top centre to the bottom centre on one side; x outwards from the axis."""
    outline = max(cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=len)[:, 0].astype(np.float64)
    outline[:, 0] = sign * (outline[:, 0] - axis)
    off = np.abs(outline[:, 0])
    ys = np.where(off <= off.min() + 1.5, outline[:, 1], np.nan)
    top, bottom = int(np.nanargmin(ys)), int(np.nanargmax(ys))
    forward = np.roll(outline, -top, axis=0)[: (bottom - top) % len(outline) + 1]
    backward = np.roll(outline[::-1], top + 1, axis=0)[: (top - bottom) % len(outline) + 1]
    line = max(forward, backward, key=lambda way: float(way[:, 0].mean()))
    fine = _evenly(line, 8 * _SAMPLES)
    kernel = cv2.getGaussianKernel(9, 2.0)[:, 0]
    padded = np.pad(fine, ((4, 4), (0, 0)), mode="edge")
    return _evenly(np.column_stack([np.convolve(padded[:, i], kernel, "valid") for i in (0, 1)]), samples)


def _evenly(line: np.ndarray, count: int) -> np.ndarray:
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    wanted = np.linspace(0, along[-1], count)
    return np.column_stack([np.interp(wanted, along, line[:, i]) for i in (0, 1)])


def _turning(line: np.ndarray, reach: float) -> np.ndarray:
    """(N,) radians: how much the way bends towards the garment within `reach` pixels; positive where it is convex."""
    step = float(np.hypot(*np.diff(line, axis=0).T).mean())
    k = max(1, round(reach / max(step, 1e-6)))
    index = np.arange(len(line))
    before = line - line[np.maximum(index - k, 0)]
    after = line[np.minimum(index + k, len(line) - 1)] - line
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return np.arctan2(cross, (before * after).sum(1))


def _best_side(line: np.ndarray, width: float, *, like: Side | None = None) -> Side:
    """The cheapest reading of a walk; `like` is the other side, which this one should resemble."""
    p = line / width
    p = p - [0.0, p[:, 1].min()]
    fine, sharp, broad = (_turning(line, reach * width) for reach in (0.055, 0.11, 0.24))
    sharp = np.where(np.abs(fine) > np.abs(sharp), fine, sharp)
    unary, pairs = _unary(p, sharp, broad), _pairs(p)
    if like is not None:
        _resemble(unary, pairs, line, like, width)
    apart = {"fork": unary["armpit"], ("cuff_inner", "fork"): pairs["inseam"]}
    against = {"fork": unary["notch"], ("cuff_inner", "fork"): pairs["cuff_on_body"]}
    merged = {"fork": unary["notch"], ("cuff_outer", "fork"): pairs["cuff_outer", "cuff_inner"]}
    bare = {"fork": unary["armpit"], ("shoulder", "fork"): pairs["armhole"]}
    ways = [
        _solve(SLEEVED, unary | pairs | apart, bias=0.0),
        _solve(SLEEVED, unary | pairs | against, bias=2.0),
        _solve(MERGED, unary | pairs | merged, bias=3.0),
        _solve(BARE, unary | pairs | bare, bias=5.0 if like is None or not like.sleeved else 14.0),
    ]
    cost, names, found = min(ways, key=lambda way: way[0])
    ends = [*found, len(line) - 1]
    between = {name: line[i : j + 1] for name, (i, j) in zip(names, pairwise(ends), strict=True)}
    return Side({name: line[i] for name, i in zip(names, found, strict=True)}, between, cost)


def _unary(p: np.ndarray, sharp: np.ndarray, broad: np.ndarray) -> dict:
    """What each sample costs as each named point."""
    u, y = p.T
    corner = 5.0 * (1 - np.clip(sharp / 1.2, 0, 1)) ** 2
    low = y[u < 0.35].max(initial=y[-1])  # a sleeve may hang lower than the hem
    depth = np.clip((y - 0.68) / 0.12, -9, 2.2)  # a gap may close early, it cannot reach above the armpit
    return {
        "collar": 0.6 * ((u - 0.19) / 0.04) ** 2 + 0.3 * ((y - 0.1) / 0.1) ** 2 - np.clip(np.abs(sharp), 0, 0.9),
        "shoulder": ((u - 0.5) / 0.025) ** 2 + 0.5 * ((y - 0.24) / 0.1) ** 2 - 1.5 * np.clip(broad, 0, 1.2),
        "cuff_outer": corner,
        "cuff_inner": corner,
        "hem": corner + ((u - 0.53) / 0.15) ** 2 + ((low - y) / 0.1) ** 2,
        "armpit": -1.2 * np.clip(-sharp, 0, 2.2) + ((u - 0.46) / 0.07) ** 2 + 0.7 * depth**2,
        "notch": -np.clip(-sharp, 0, 1.5) + ((u - 0.5) / 0.12) ** 2 + 4 * np.clip(0.9 - y, 0, None),
    }


def _pairs(p: np.ndarray) -> dict:
    """What each pair of samples, first and second index, costs as two named points that follow each other."""
    step = p[None] - p[:, None]
    chord = np.hypot(step[..., 0], step[..., 1]) + 1e-6
    index = np.arange(len(p))
    order = index[None] - index[:, None]
    never = np.where(order > 0, 0.0, np.inf)
    detour = order * np.hypot(*np.diff(p, axis=0).T).mean() / chord
    straight = ((np.clip(detour, 1, 9) - 1.0) / 0.08) ** 2
    slope = np.degrees(np.arctan2(step[..., 1], step[..., 0]))
    k = max(1, round(0.16 * len(p) / max(float(np.hypot(*np.diff(p, axis=0).T).sum()), 1e-6)))
    came = p - p[np.maximum(index - k, 0)]
    came = came / np.maximum(np.hypot(*came.T), 1e-6)[:, None]
    aside = (came[:, None, 0] * step[..., 1] - came[:, None, 1] * step[..., 0]) / chord
    square = 4.0 * (1 - np.clip(aside / 0.85, 0, 1)) ** 2  # a cuff is cut off square to its sleeve
    nearly = 0.6 * np.minimum(straight, 12)
    return {
        ("collar", "shoulder"): 0.5 * ((slope - 22) / 12) ** 2 + np.minimum(straight, 9) + never,
        ("shoulder", "cuff_outer"): np.minimum(((chord - 1.32) / 0.25) ** 2, 5) + nearly + never,
        ("cuff_outer", "cuff_inner"): ((chord - 0.26) / 0.085) ** 2 + np.minimum(straight, 9) + square + never,
        ("fork", "hem"): 0.8 * nearly + 0.2 * ((slope - 92) / 10) ** 2 + never,
        "inseam": 0.4 * np.minimum(((chord - 0.95) / 0.25) ** 2, 6) + nearly + never,
        "cuff_on_body": (chord / 0.25) ** 2 + never,
        "armhole": np.minimum(((chord - 0.5) / 0.12) ** 2, 9) + np.minimum(straight, 40) + never,
    }


def _resemble(unary: dict, pairs: dict, line: np.ndarray, other: Side, width: float) -> None:
    """Add what it costs to differ from the other side: where the torso's points lie, how long the sleeve is."""
    for name in ("collar", "shoulder", "hem"):
        away = np.hypot(*(line - other.points[name]).T) / width
        unary[name] = unary[name] + 0.5 * np.minimum((away / 0.05) ** 2, 6)
    if other.sleeved:
        length = np.hypot(*(other.points["cuff_outer"] - other.points["shoulder"]))
        mine = np.hypot(line[None, :, 0] - line[:, None, 0], line[None, :, 1] - line[:, None, 1])
        pairs["shoulder", "cuff_outer"] = pairs["shoulder", "cuff_outer"] + np.minimum(
            ((mine - length) / (0.1 * width)) ** 2, 6
        )


def _solve(names: tuple[str, ...], costs: dict, *, bias: float) -> tuple[float, tuple[str, ...], list[int]]:
    """The cheapest increasing indices for `names`: Viterbi along the chain."""
    cost, came = costs[names[0]], []
    for pair in pairwise(names):
        total = cost[:, None] + costs[pair]
        came.append(np.argmin(total, axis=0))
        cost = total.min(axis=0) + costs[pair[1]]
    found = [int(np.argmin(cost))]
    for origin in reversed(came):
        found.append(int(origin[found[-1]]))
    return float(cost.min()) + bias, names, found[::-1]
