"""Draping: a garment in its canonical pose is bent to a body. Owns the warps and the order of the parts; must not know
light, pixels of the person, or where the garment came from.

The torso follows a thin-plate spline through its anchors. A sleeve follows the line shoulder-elbow-wrist: each pixel is
looked up by how far along and how far across that line it lies. Both maps are evaluated on a coarse grid and stretched,
and the images come from a pyramid, so that a fine check does not shimmer when the wearer is far from the camera.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from garment.body import Arm, Body
from garment.build import Build
from garment.garment import TORSO_ANCHORS, Piece
from garment.layer import Layer, LayerPart
from garment.occlusion import CUFF_PAST_WRIST_MM
from garment.pyramid import Level, Pyramid
from utils.geometry import ThinPlate, along_and_across, round_corner

GRID_PX = 6
"""Spacing of the coarse grids on which the warps are evaluated."""
PIVOT_IN_MM, PIVOT_DOWN_MM = 44.0, 34.0
"""The arm's joint, about which the sleeve turns, lies this far inwards of and below the shoulder point."""
_SAMPLES = 17  # of a sleeve's centre line
_ELBOW = _SAMPLES // 2
_END_REACH_MM = 90.0  # how far a sleeve's line goes on beyond its ends
_OVERLAP_MM = (38.0, 66.0)  # beyond the elbow each half of a sleeve fades out between these


@dataclass(frozen=True)
class Drape:
    """A garment laid over one frame, with what the compositor wants to know about how it lies."""

    layer: Layer
    anchors: dict[str, np.ndarray]
    """The torso's anchors in the frame, float32 (2,)."""


def drape(pyramid: Pyramid, body: Body, *, hw: tuple[int, int], build: Build, sharpness: float = 1.25) -> Drape:
    """Lay the garment over a frame of size `hw`; `sharpness` as in Pyramid.level."""
    level = pyramid.level(body.px_per_mm / pyramid.garment.px_per_mm, sharpness=sharpness)
    source, target = _torso_knots(level, body, build)
    warp = ThinPlate(target, source, stiffness=1e-3)
    parts: dict[str, LayerPart | None] = {}
    for name in ("back", "torso"):
        if name in level.pieces:
            parts[name] = _warp_torso(level.pieces[name], level, warp=warp, body=body, hw=hw)
    for side, arm in body.arms.items():
        if f"sleeve_{side}" in level.pieces:
            parts |= _drape_sleeve(level, arm, side=side, body=body, build=build, hw=hw)
    ordered = [parts[name] for name in _order(body) if parts.get(name) is not None]
    return Drape(
        layer=Layer(hw=hw, parts=tuple(part for part in ordered if part is not None)),
        anchors=dict(zip(TORSO_ANCHORS, target[: len(TORSO_ANCHORS)], strict=True)),
    )


def shrink_layer(layer: Layer, n: int) -> Layer:
    """Average a layer that was draped at n times the size down to the frame's."""
    hw = (layer.hw[0] // n, layer.hw[1] // n)
    return Layer(hw=hw, parts=tuple(_shrink_part(part, n) for part in layer.parts))


def _shrink_part(part: LayerPart, n: int) -> LayerPart:
    x, y = part.xy
    h, w = part.rgba.shape[:2]
    x0, y0, x1, y1 = x // n, y // n, -(-(x + w) // n), -(-(y + h) // n)
    pad = (y - y0 * n, y1 * n - y - h, x - x0 * n, x1 * n - x - w)
    wh = (x1 - x0, y1 - y0)
    rgba = cv2.copyMakeBorder(part.rgba, *pad, cv2.BORDER_REPLICATE)
    alpha = cv2.extractChannel(rgba, 3)
    # Weighted by opacity, so that what is bled under the edge does not count.
    weight = cv2.add(alpha.astype(np.float32), 0.01)
    premultiplied = cv2.multiply(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), cv2.merge([weight] * 3), dtype=cv2.CV_32F)
    small_weight = cv2.resize(weight, wh, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(premultiplied, wh, interpolation=cv2.INTER_AREA) / small_weight[..., None]
    out = np.dstack([colour + 0.5, small_weight + 0.5])
    relief = None
    if part.relief is not None:
        padded = cv2.copyMakeBorder(part.relief, *pad, cv2.BORDER_REPLICATE)
        relief = cv2.resize(padded, wh, interpolation=cv2.INTER_AREA)
    return LayerPart(name=part.name, xy=(x0, y0), rgba=np.clip(out, 0, 255).astype(np.uint8), relief=relief)


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


def _torso_knots(level: Level, body: Body, build: Build) -> tuple[np.ndarray, np.ndarray]:
    """Points of the torso piece and where they come to lie, both float32 (N, 2), the anchors first."""
    anchors = level.pieces["torso"].anchors
    source = np.array([anchors[name] for name in TORSO_ANCHORS], np.float32)
    mm = (source - anchors["neck"]) / level.px_per_mm
    target = body.place(build.widen(mm))
    for side in ("left", "right"):
        rise = -body.down * (body.px_per_mm * (getattr(build, f"rise_{side}") or 0.0))
        target[TORSO_ANCHORS.index(f"shoulder_{side}")] = body.shoulder_points[side] + rise
        target[TORSO_ANCHORS.index(f"collar_{side}")] = body.neck_sides[side] + 0.6 * rise
    # The front's middle line keeps its verticals straight where only the sides have anchors.
    hem = source[TORSO_ANCHORS.index("hem_centre")]
    middle = np.linspace(source[0], hem, 5, dtype=np.float32)[1:-1]
    middle_mm = (middle - anchors["neck"]) / level.px_per_mm
    return np.vstack([source, middle]), np.vstack([target, body.place(middle_mm)])


def _warp_torso(piece: Piece, level: Level, *, warp: ThinPlate, body: Body, hw: tuple[int, int]) -> LayerPart | None:
    """Torso and back share one canonical picture, but each was trimmed on its own."""
    height, width = piece.albedo.shape[:2]
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) - piece.anchors["neck"]
    reach = body.place(corners / level.px_per_mm)
    margin = 0.12 * float(np.ptp(reach[:, 0])) + 30.0 * body.px_per_mm
    box = _box(reach.min(0) - margin, reach.max(0) + margin, hw)
    if box is None:
        return None
    grid, size = _grid(box)
    shift = np.subtract(piece.anchors["neck"], level.pieces["torso"].anchors["neck"]).astype(np.float32)
    maps = (warp(grid) + shift).reshape(*size, 2)
    return _look_up(piece, level, maps=maps, box=box)


def _drape_sleeve(
    level: Level, arm: Arm, *, side: str, body: Body, build: Build, hw: tuple[int, int]
) -> dict[str, LayerPart | None]:
    """The upper and the fore part of one sleeve, which overlap at the elbow so that a bent arm leaves no gap."""
    piece = level.pieces[f"sleeve_{side}"]
    width = piece.albedo.shape[1]
    scale, breadth = body.px_per_mm, build.sleeves or 1.0
    reach = arm.wrist - arm.elbow
    cuff = arm.wrist + reach * (CUFF_PAST_WRIST_MM * scale / max(float(np.hypot(*reach)), 1e-6))
    line = round_corner(arm.joint, arm.elbow, cuff, reach=70.0 * scale, samples=_SAMPLES)
    centre_line = _canonical_line(piece, level, side, rise_mm=getattr(build, f"rise_{side}") or 0.0)
    half = 0.5 * width / level.px_per_mm * scale * breadth
    box = _box(line.min(0) - half - 4, line.max(0) + half + 4, hw)
    if box is None:
        return {}
    grid, size = _grid(box)
    parts: dict[str, LayerPart | None] = {}
    for name in ("upper", "fore"):
        along, across, fade = _along_arm(grid, line, name, scale)
        x, y = (np.interp(along, np.arange(_SAMPLES), centre_line[:, i]).astype(np.float32) for i in (0, 1))
        beyond_px = np.minimum(along, 0) * _segment_px(line, 0)
        beyond_px += np.maximum(along - (_SAMPLES - 1), 0) * _segment_px(line, -1)
        y += beyond_px.astype(np.float32) * (level.px_per_mm / scale)
        x += across * (level.px_per_mm / (scale * breadth))
        maps = np.stack([x, y], -1).reshape(*size, 2)
        half_line = line[: _ELBOW + 1] if name == "upper" else line[_ELBOW:]
        parts[f"{name}_{side}"] = _look_up(
            piece,
            level,
            maps=maps,
            box=box,
            fade=fade.reshape(size),
            turn=_angle(half_line[0], half_line[-1]),
            name=f"{name}_{side}",
        )
    return parts


def _along_arm(
    grid: np.ndarray, line: np.ndarray, name: str, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point of the grid: samples along the arm, pixels across it, and the opacity of this half there.

    Each half goes on straight beyond the elbow, where it fades out: on a straight arm the two agree there, and a bent
    one is rounded off by them.
    """
    upper = name == "upper"
    half = line[: _ELBOW + 1] if upper else line[_ELBOW:]
    along, across = along_and_across(grid, half, end_reach=_END_REACH_MM * scale)
    own_px, other_px = _segment_px(line, _ELBOW - 1), _segment_px(line, _ELBOW)
    if not upper:
        own_px, other_px = other_px, own_px
    past = np.maximum(along - _ELBOW, 0.0) if upper else np.maximum(-along, 0.0)
    fade = np.clip((_OVERLAP_MM[1] - past * own_px / scale) / (_OVERLAP_MM[1] - _OVERLAP_MM[0]), 0.0, 1.0)
    if not upper:
        along = along + _ELBOW
    along = along + np.where(upper, past, -past) * (own_px / max(other_px, 1e-3) - 1.0)
    return along, across, fade


def _canonical_line(piece: Piece, level: Level, side: str, *, rise_mm: float) -> np.ndarray:
    """Where the samples of the arm's line lie in the sleeve's image, float32 (_SAMPLES, 2)."""
    inwards = -PIVOT_IN_MM if side == "left" else PIVOT_IN_MM
    pivot = np.array(piece.anchors["shoulder"]) + np.array([inwards, PIVOT_DOWN_MM + rise_mm]) * level.px_per_mm
    elbow, cuff = np.array(piece.anchors["elbow"]), np.array(piece.anchors["cuff"])
    half = _SAMPLES // 2
    upper, fore = np.linspace(pivot, elbow, half + 1), np.linspace(elbow, cuff, _SAMPLES - half)
    return np.vstack([upper[:-1], fore]).astype(np.float32)


def _segment_px(line: np.ndarray, which: int) -> float:
    step = np.diff(line, axis=0)[which]
    return float(np.hypot(*step))


def _angle(start: np.ndarray, end: np.ndarray) -> float:
    """Radians by which a strip that hung straight down was turned, clockwise on screen negative."""
    dx, dy = end - start
    return math.atan2(dx, dy)


def _box(low: np.ndarray, high: np.ndarray, hw: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 within the frame, or None when nothing of it is in the frame."""
    height, width = hw
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(math.ceil(high[0]), width), min(math.ceil(high[1]), height)
    return (x0, y0, x1, y1) if x1 - x0 > 1 and y1 - y0 > 1 else None


def _grid(box: tuple[int, int, int, int]) -> tuple[np.ndarray, tuple[int, int]]:
    """Centres of GRID_PX cells over the box and one cell around it: float32 (M, 2), and (rows, columns)."""
    x0, y0, x1, y1 = box
    columns, rows = math.ceil((x1 - x0) / GRID_PX) + 2, math.ceil((y1 - y0) / GRID_PX) + 2
    x = x0 + (np.arange(columns, dtype=np.float32) - 0.5) * GRID_PX - 0.5
    y = y0 + (np.arange(rows, dtype=np.float32) - 0.5) * GRID_PX - 0.5
    return np.stack(np.meshgrid(x, y), -1).reshape(-1, 2), (rows, columns)


def _stretch(coarse: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """A coarse grid's values at every pixel of the box."""
    x0, y0, x1, y1 = box
    rows, columns = coarse.shape[:2]
    full = cv2.resize(coarse, (columns * GRID_PX, rows * GRID_PX), interpolation=cv2.INTER_LINEAR)
    return full[GRID_PX : GRID_PX + y1 - y0, GRID_PX : GRID_PX + x1 - x0]


def _look_up(
    piece: Piece,
    level: Level,
    *,
    maps: np.ndarray,
    box: tuple[int, int, int, int],
    fade: np.ndarray | None = None,
    turn: float = 0.0,
    name: str | None = None,
) -> LayerPart | None:
    """Fetch the piece's pixels for a box of the frame, given coarse (rows, columns, 2) positions in the piece."""
    full = np.ascontiguousarray(_stretch(maps.astype(np.float32), box))
    rgba = cv2.remap(piece.albedo, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    relief = cv2.remap(piece.relief, full, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if fade is not None:
        opacity = _stretch(fade.astype(np.float32), box)
        rgba[..., 3] = cv2.multiply(rgba[..., 3], opacity, dtype=cv2.CV_8U)
    if turn:
        relief = _turn_normals(relief, turn)
    return LayerPart(name=name or piece.name, xy=box[:2], rgba=rgba, relief=relief)


def _turn_normals(relief: np.ndarray, turn: float) -> np.ndarray:
    """Turn the normals of a strip with it; +y of a normal is up."""
    c, s = math.cos(turn), math.sin(turn)
    middle = 128.0
    matrix = np.array(
        [
            [c, -s, 0, 0, middle * (1 - c + s)],
            [s, c, 0, 0, middle * (1 - s - c)],
            [0, 0, 1, 0, 0],
            [0, 0, 0, 1, 0],
        ]
    )
    return cv2.transform(relief, matrix)
