"""How broad the wearer is where the landmarks do not say.

Owns the ratios read from the silhouette; must not know frames before or after this one (the session settles them).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from garment.body import NECK_HALF_MM, SHOULDER_OUT_MM, SHOULDER_UP_MM, Arm, Body
from garment.outline import Corner, find_corner, find_neck

_HEIGHTS_MM = (0.0, 60.0, 180.0, 380.0, 640.0)
"""From the pit of the neck down: neck, shoulders, chest, waist, hem."""
_LEVELS_MM = {"chest": (130.0, 230.0), "waist": (300.0, 430.0), "hem": (470.0, 600.0)}
"""Where the silhouette is measured for each."""
_EASE_MM = 10.0
_SHOULDER_EASE_MM = 12.0
_BOW_EASE_MM, _BOWED_MM = 4.0, (-6.0, 18.0)  # beyond, the muscles of a neck lift the collar instead
_BELOW_MM, _RISE_STEP_MM = 50.0, 2.0
_PADDING_MM = 2.0  # of a jacket, at the end of the shoulder
_SLEEVE_EASE_MM = 5.0
_NECK_EASE_MM = 3.0
_ARM_CLEARANCE_MM = 70.0  # a row that passes an arm closer than this shows the arm, not the trunk
_COLLAR_LIFT = 0.65  # share of the rise of the shoulder line's middle
_STEP_MM = 6.0
_REACH_MM = 400.0
_NARROWEST, _WIDEST = 0.9, 1.4
_WIDEST_SLEEVE, _WIDEST_OUTSIDE = 1.22, 1.6  # a sleeve that is widened further leaves the armhole; looks a tent
_COUNTS_FOR = dict.fromkeys(("out_left", "out_right", "up_left", "up_right"), 2)
"""So many measurements one of these is worth, and 1 where it is missing: they are taken from joints that the tracker
still looks for in its first frames, and an old one would carry the shoulder off with the joint."""
_FURTHEST_MM = 55.0  # by so much at most a shoulder point is moved


@dataclass(frozen=True)
class Shape:
    """Half widths of a garment in its canonical pose, in millimetres as seen from the front."""

    chest: float
    waist: float
    hem: float
    sleeves: float
    """From the arm's axis to the sleeve's outer edge."""


@dataclass(frozen=True)
class Build:
    """Half widths of the wearer in millimetres, ease included. By default those of whom the built-in cuts fit."""

    chest: float = 212.0
    waist: float = 190.0
    hem: float = 212.0
    sleeves: float = 54.0
    neck_left: float = NECK_HALF_MM
    """From the neck's middle, as the landmarks have it, to its left side."""
    neck_right: float = NECK_HALF_MM
    rise_left: float = 0.0
    """Millimetres by which the middle of the wearer's left shoulder line stands above the canonical one."""
    rise_right: float = 0.0
    bow_left: float = 0.0
    """And above a straight line from where the collar comes to lie to the shoulder point."""
    bow_right: float = 0.0
    out_left: float = 0.0
    """Millimetres by which the wearer's left shoulder point lies further out than the canonical one."""
    out_right: float = 0.0
    up_left: float = 0.0
    """And higher."""
    up_right: float = 0.0

    def widen(self, mm: np.ndarray, shape: Shape) -> np.ndarray:
        """Make a garment's points, float (N, 2) millimetres from the pit of the neck, as broad as the wearer."""
        levels = [_factor(getattr(self, name), getattr(shape, name)) for name in ("chest", "waist", "hem")]
        factor = np.interp(mm[:, 1], _HEIGHTS_MM, [1.0, 1.0, *levels])
        return np.column_stack([mm[:, 0] * factor, mm[:, 1]])

    def breadth(self, shape: Shape) -> tuple[float, float]:
        """The factors on a sleeve's width: at the armhole and towards the body, and along the outside of the arm, which
        alone has to cover a bulky sleeve below."""
        outside = max(self.sleeves / shape.sleeves, _NARROWEST)
        return min(outside, _WIDEST_SLEEVE), min(outside, _WIDEST_OUTSIDE)

    def shoulder_mm(self, side: str) -> tuple[float, float]:
        """How far the shoulder point of "left" or "right" lies outwards of and above the canonical one."""
        return (self.out_left, self.up_left) if side == "left" else (self.out_right, self.up_right)

    def collar_mm(self, side: str) -> tuple[float, float]:
        """How far the collar's side lies outwards of and above the canonical one: a neck's muscles lift it with the
        shoulder line."""
        neck, rise = (self.neck_left, self.rise_left) if side == "left" else (self.neck_right, self.rise_right)
        return neck - NECK_HALF_MM, _COLLAR_LIFT * rise

    def bow_mm(self, side: str) -> float:
        """How far the middle of the shoulder line is bowed up."""
        return self.bow_left if side == "left" else self.bow_right

    def settled(self, now: Measured, *, weight: float) -> Build:
        """Moved towards what was measured by `weight` in [0, 1], as far as it is trusted; what was not seen stays."""
        moved = {}
        for name, before in vars(self).items():
            if (value := getattr(now, name)) is not None:
                share = 1.0 - (1.0 - weight) ** _COUNTS_FOR.get(name, 1)
                moved[name] = before + (value - before) * share * now.trust.get(name, 1.0)
        return replace(self, **moved)


@dataclass(frozen=True)
class Measured:
    """What one silhouette says of a Build; None where it says nothing."""

    chest: float | None = None
    waist: float | None = None
    hem: float | None = None
    sleeves: float | None = None
    neck_left: float | None = None
    neck_right: float | None = None
    rise_left: float | None = None
    rise_right: float | None = None
    bow_left: float | None = None
    bow_right: float | None = None
    out_left: float | None = None
    out_right: float | None = None
    up_left: float | None = None
    up_right: float | None = None
    trust: Mapping[str, float] = field(default_factory=dict)
    """By name, in [0, 1]; 1 where it is missing."""


def _factor(wearer_mm: float, garment_mm: float) -> float:
    return float(np.clip(wearer_mm / garment_mm, _NARROWEST, _WIDEST))


_CANONICAL = Build()


def read_build(mask: np.ndarray, body: Body) -> Measured:
    """Measure the silhouette, float32 (H, W) in [0, 1], NaN where something hides the body's outline."""
    halves = _trunk_halves_mm(mask, body)
    widths = {name: _typical(halves[name], ease=_EASE_MM) for name in _LEVELS_MM}
    arms = [half for arm in body.arms.values() for half in _arm_halves_mm(mask, body, arm)]
    # Hanging arms hide the chest and often the hem; they are then taken to follow the waist half-way.
    if (waist := widths["waist"]) is not None:
        for name in ("chest", "hem"):
            if widths[name] is None:
                widths[name] = getattr(_CANONICAL, name) * (0.5 + 0.5 * waist / _CANONICAL.waist)
    sides, trust = {}, {}
    neck = find_neck(mask, body)
    corners = {side: find_corner(mask, body, side) for side in ("left", "right")}
    # Puffed sleeves and long hair come in pairs, even where one of them is not seen to be so.
    slim = min((corner.slim for corner in corners.values() if corner is not None), default=0.0)
    for side in ("left", "right"):
        sides[f"rise_{side}"] = _rise_mm(mask, body, side)
        if (corner := corners[side]) is not None:
            sides[f"out_{side}"], sides[f"up_{side}"] = _shoulder_mm(corner)
            trust |= dict.fromkeys((f"out_{side}", f"up_{side}"), corner.trust * slim)
        if neck is not None:
            sides[f"neck_{side}"] = neck.sides_mm[side] + _NECK_EASE_MM
            trust[f"neck_{side}"] = neck.trust
    measured = Measured(**widths, **sides, sleeves=_typical(arms, ease=_SLEEVE_EASE_MM), trust=trust)
    laid = _CANONICAL.settled(measured, weight=1.0)
    return replace(measured, **{f"bow_{side}": _bow_mm(mask, body, side, laid) for side in ("left", "right")})


def _typical(found: list[float], *, ease: float) -> float | None:
    return float(np.percentile(found, 65)) + ease if len(found) > 1 else None


def _rise_mm(mask: np.ndarray, body: Body, side: str) -> float | None:
    """How much higher the silhouette is than the canonical line from the collar to the shoulder point, by median."""
    found = _heights_mm(mask, body, (body.neck_sides[side], body.shoulder_points[side]), (0.45, 0.6, 0.75))
    # Hair or a hood that lies on the shoulder raises the silhouette: then the canonical line is the better guess.
    typical = float(np.median(list(found.values()))) + _SHOULDER_EASE_MM if len(found) > 1 else math.inf
    return float(np.clip(typical, -14.0, 26.0)) if typical < 45.0 else None


def _bow_mm(mask: np.ndarray, body: Body, side: str, laid: Build) -> float | None:
    """How much higher its middle is than the straight line of a garment that is `laid` so; measured where no hood or
    scarf lies."""
    axes = body.shoulder_axes(side)
    collar = body.neck_sides[side] + laid.collar_mm(side) @ axes
    shoulder = body.shoulder_points[side] + laid.shoulder_mm(side) @ axes
    found = _heights_mm(mask, body, (collar, shoulder), (0.5, 0.6, 0.7, 0.8))
    # Taken for a parabola, which is nowhere so high as in the middle.
    bows = [height / (4.0 * share * (1.0 - share)) for share, height in found.items()]
    return float(np.clip(np.median(bows) + _BOW_EASE_MM, *_BOWED_MM)) if len(bows) > 1 else None


def _heights_mm(
    mask: np.ndarray, body: Body, line: tuple[np.ndarray, np.ndarray], shares: tuple[float, ...]
) -> dict[float, float]:
    """By share of the way along the line, how far above it the silhouette ends; without those that do not show it."""
    start, end = line
    up = -body.down * body.px_per_mm
    found = {}
    for share in shares:
        foot = start + (end - start) * share - _BELOW_MM * up
        edge = _first_outside(mask, foot + up * np.arange(0.0, 80.0 + _BELOW_MM, _RISE_STEP_MM)[:, None])
        if edge is not None:
            found[share] = _RISE_STEP_MM * edge - _BELOW_MM
    return found


def _shoulder_mm(corner: Corner) -> tuple[float, float]:
    """How far a shoulder point on top of the corner lies outwards of and above the canonical one."""
    away = corner.mm + _PADDING_MM * corner.facing - (SHOULDER_OUT_MM, SHOULDER_UP_MM)
    out, up = away * min(1.0, _FURTHEST_MM / max(float(np.hypot(*away)), 1e-6))
    return float(out), float(up)


def _trunk_halves_mm(mask: np.ndarray, body: Body) -> dict[str, list[float]]:
    """How far the trunk reaches sideways at each level, but for rows where an arm or the frame is in the way."""
    across = np.arange(60.0, _REACH_MM, _STEP_MM)
    heights = [(name, y) for name, (top, bottom) in _LEVELS_MM.items() for y in np.arange(top, bottom + 1, 26.0)]
    rows = [(name, y, side) for name, y in heights for side in (-1.0, 1.0)]
    mm = np.array([np.column_stack([side * across, np.full_like(across, y)]) for _, y, side in rows])
    points = body.place(mm.reshape(-1, 2)).reshape(mm.shape)
    clear_px = _ARM_CLEARANCE_MM * body.px_per_mm
    near_arm = np.zeros(points.shape[:2], bool)
    for arm in body.arms.values():
        for a, b in ((arm.joint, arm.elbow), (arm.elbow, arm.wrist), (arm.wrist, arm.knuckles)):
            near_arm |= _distances(points, a, b) < clear_px
    found: dict[str, list[float]] = {name: [] for name in _LEVELS_MM}
    for (name, _, _), line, blocked in zip(rows, points, near_arm, strict=True):
        edge = _first_outside(mask, line)
        if edge is not None and not blocked[: edge + 1].any():
            found[name].append(float(across[edge]))
    return found


def _arm_halves_mm(mask: np.ndarray, body: Body, arm: Arm) -> list[float]:
    """From the bone to the silhouette, square to it, away from the trunk."""
    halves = []
    middle = body.place(np.array([[0.0, 250.0]]))[0]
    for a, b in ((arm.joint, arm.elbow), (arm.elbow, arm.wrist)):
        bone = b - a
        if np.hypot(*bone) < 110 * body.px_per_mm:
            continue
        square = np.array([-bone[1], bone[0]]) / np.hypot(*bone)
        centre = (a + b) / 2
        outward = square if square @ (centre - middle) > 0 else -square
        steps = np.arange(20.0, 150.0, 4.0)
        edge = _first_outside(mask, centre + outward * (steps * body.px_per_mm)[:, None])
        if edge is not None:
            halves.append(float(steps[edge]))
    return halves


def _first_outside(mask: np.ndarray, points: np.ndarray) -> int | None:
    """Index of the first point (M, 2) that is off the silhouette; None if that is never, at once, or off the frame."""
    height, width = mask.shape
    xy = np.round(points).astype(int)
    inside = (xy >= 0).all(1) & (xy[:, 0] < width) & (xy[:, 1] < height)
    if not inside[0]:
        return None
    last = len(xy) if inside.all() else int(np.argmin(inside))
    values = mask[xy[:last, 1], xy[:last, 0]]
    off = np.flatnonzero(values < 0.5)
    return int(off[0]) if len(off) and off[0] > 0 else None


def _distances(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances of points (..., 2) from the segment a-b."""
    along = b - a
    t = np.clip((points - a) @ along / max(float(along @ along), 1e-6), 0.0, 1.0)
    off = points - a - t[..., None] * along
    return np.hypot(off[..., 0], off[..., 1])
