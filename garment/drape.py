"""Draping: a garment in its canonical pose is bent to a body.

Owns the torso's warp and the order of the parts; must not know light, the person's pixels, or the garment's source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from garment.armhole import armhole_of
from garment.body import Body
from garment.build import Build, Shape
from garment.garment import TORSO_ANCHORS, Piece
from garment.layer import Layer, LayerPart
from garment.pyramid import Level, Pyramid
from garment.sleeve import drape_sleeve
from garment.warp import box_within, grid_over, look_up, ramp
from utils.geometry import ThinPlate

_CLOSES_MM = 22.0  # a collar closes on the throat, so far above the pit of the neck, and covers what is worn there
_SPREAD_MM = 34.0
_SHOULDER_SPREAD_MM, _HOOD_MM = 24.0, 50.0  # above the shoulder line, but for so much beside the collar


@dataclass(frozen=True)
class Drape:
    """A garment laid over one frame, with what the compositor wants to know about how it lies."""

    layer: Layer
    anchors: dict[str, np.ndarray]
    """The torso's anchors in the frame, float32 (2,)."""


def drape(pyramid: Pyramid, body: Body, *, hw: tuple[int, int], build: Build, sharpness: float = 1.25) -> Drape:
    """Lay the garment over a frame of size `hw`; `sharpness` as in Pyramid.level."""
    level = pyramid.level(body.px_per_mm / pyramid.px_per_mm, sharpness=sharpness)
    source, target = _torso_knots(level, body, build, pyramid.shape)
    warp = ThinPlate(target, source, stiffness=1e-3)
    parts = _warp_trunk(level, warp=warp, body=body, hw=hw)
    for side, arm in body.arms.items():
        if f"sleeve_{side}" in level.pieces:
            parts |= drape_sleeve(
                level,
                arm,
                side=side,
                body=body,
                build=build,
                shape=pyramid.shape,
                armhole=armhole_of(level, side, warp),
                hw=hw,
            )
    return Drape(
        layer=Layer(hw=hw, parts=tuple(parts[name] for name in _order(body) if name in parts)),
        anchors=dict(zip(TORSO_ANCHORS, target[: len(TORSO_ANCHORS)], strict=True)),
    )


def _order(body: Body) -> list[str]:
    """Names of the parts from back to front."""
    behind = [side for side, arm in body.arms.items() if arm.depth < -0.35]
    before = sorted((side for side in body.arms if side not in behind), key=lambda side: body.arms[side].depth)
    order = ["back"]
    for side in behind:
        order += [f"fore_{side}", f"upper_{side}"]
    order.append("torso")
    order += [f"upper_{side}" for side in before] + [f"fore_{side}" for side in before]
    return order


def _torso_knots(level: Level, body: Body, build: Build, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Points of the torso piece and where they come to lie, both float32 (N, 2), the anchors first."""
    anchors = level.pieces["torso"].anchors
    source = np.array([anchors[name] for name in TORSO_ANCHORS], np.float32)
    mm = (source - anchors["neck"]) / level.px_per_mm
    target = body.place(build.widen(mm, shape))
    target[TORSO_ANCHORS.index("neck")] -= body.down * (body.px_per_mm * _CLOSES_MM)
    seams, bowed = [], []
    for side in ("left", "right"):
        shoulder = body.shoulder_points[side] + build.shoulder_mm(side) @ body.shoulder_axes(side)
        collar = body.neck_sides[side] + build.collar_mm(side) @ body.shoulder_axes(side)
        target[TORSO_ANCHORS.index(f"shoulder_{side}")] = shoulder
        target[TORSO_ANCHORS.index(f"collar_{side}")] = collar
        seams.append(np.add(anchors[f"collar_{side}"], anchors[f"shoulder_{side}"]) / 2)
        bowed.append((collar + shoulder) / 2 + (0.0, build.bow_mm(side)) @ body.shoulder_axes(side))
    # The front's middle line keeps its verticals straight where only the sides have anchors.
    hem = source[TORSO_ANCHORS.index("hem_centre")]
    middle = np.linspace(source[0], hem, 5, dtype=np.float32)[1:-1]
    middle_mm = (middle - anchors["neck"]) / level.px_per_mm
    return np.vstack([source, middle, seams]), np.vstack([target, body.place(middle_mm), bowed])


def _warp_trunk(level: Level, *, warp: ThinPlate, body: Body, hw: tuple[int, int]) -> dict[str, LayerPart]:
    """Torso and back as far as they are in the frame. Both share one canonical picture and so one grid, which reaches
    further beyond the torso than the back does; but each was trimmed on its own."""
    torso = level.pieces["torso"]
    height, width = torso.albedo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - torso.anchors["neck"]
    reach = body.place(corners / level.px_per_mm)
    margin = 0.12 * float(np.ptp(reach[:, 0])) + 30.0 * body.px_per_mm
    box = box_within(reach.min(0) - margin, reach.max(0) + margin, hw)
    if box is None:
        return {}
    grid = grid_over(box)
    in_torso = warp(grid.points)
    looked_up = [look_up(torso, grid, maps=in_torso, name="torso", spread=_spread(in_torso, torso, level))]
    if "back" in level.pieces:
        back = level.pieces["back"]
        shift = np.subtract(back.anchors["neck"], torso.anchors["neck"]).astype(np.float32)
        looked_up.append(look_up(back, grid, maps=in_torso + shift, name="back"))
    return {part.name: part for part in looked_up if part is not None}


def _spread(points: np.ndarray, torso: Piece, level: Level) -> np.ndarray:
    """Where the torso's cloth may be carried on, (M,) ramps: sideways from below the shoulders to above the hem, and
    upwards along the shoulder line."""
    mm = (points - torso.anchors["neck"]) / level.px_per_mm
    in_mm = {
        name: (np.array(torso.anchors[name]) - torso.anchors["neck"]) / level.px_per_mm
        for name in ("armpit_left", "hem_centre", "collar_left", "shoulder_left")
    }
    beside, height = np.abs(mm[:, 0]), mm[:, 1]
    half_mm, hem_mm = in_mm["armpit_left"][0], in_mm["hem_centre"][1]
    sideways = np.minimum(
        ramp(beside, half_mm + _SPREAD_MM, half_mm + _SPREAD_MM - 8.0), ramp(beside, 0.6 * half_mm, 0.6 * half_mm + 8.0)
    )
    down = np.minimum(ramp(height, 60.0, 90.0), ramp(height, hem_mm - 70.0, hem_mm - 100.0))
    (collar_x, collar_y), (shoulder_x, shoulder_y) = in_mm["collar_left"], in_mm["shoulder_left"]
    line = np.interp(beside, [collar_x, shoulder_x], [collar_y, shoulder_y])
    along = np.minimum(ramp(beside, collar_x + 5.0, collar_x + 15.0), ramp(beside, shoulder_x, shoulder_x - 12.0))
    # Nothing beside the collar, where it would dress a hood; and no step where it begins.
    reach = np.interp(beside, [collar_x + _HOOD_MM, shoulder_x - _HOOD_MM], [0.0, _SHOULDER_SPREAD_MM])
    up = np.minimum(ramp(height - line + reach, 0.0, 5.0), ramp(height, 65.0, 60.0))
    return np.maximum(np.minimum(sideways, down), np.minimum(along, up))
