"""Sleeves on arms. Owns how a straight strip of cloth follows shoulder, elbow and wrist; must not know the torso.

Each pixel is looked up by how far along and how far across the arm's line it lies. Upper and fore arm are looked up on
their own, so that a forearm can cross the upper arm, and overlap at the elbow, so that a bend leaves no gap.
"""

from __future__ import annotations

import math

import numpy as np

from garment.body import Arm, Body
from garment.build import Build, Shape
from garment.garment import Piece
from garment.layer import LayerPart
from garment.occlusion import CUFF_PAST_WRIST_MM
from garment.pyramid import Level
from garment.warp import box_within, grid_over, look_up
from utils.geometry import along_and_across, round_corner

PIVOT_IN_MM, PIVOT_DOWN_MM = 42.0, 31.0
"""The arm's joint, about which the sleeve turns, lies this far inwards of and below the shoulder point."""
_SAMPLES = 17  # of a sleeve's centre line
_ELBOW = _SAMPLES // 2
_END_REACH_MM = 90.0  # how far a sleeve's line goes on beyond its ends
_OVERLAP_MM = (38.0, 66.0)  # beyond the elbow each half of a sleeve fades out between these
_CAP_MM = 24.0  # over this the sleeve head of a raised arm fades into the shoulder
_SPREAD_MM = 46.0  # beyond the sleeve's edge its cloth may be carried on this far


def drape_sleeve(
    level: Level, arm: Arm, *, side: str, body: Body, build: Build, shape: Shape, hw: tuple[int, int]
) -> dict[str, LayerPart]:
    """The parts upper_`side` and fore_`side`; what is out of the frame is missing."""
    piece = level.pieces[f"sleeve_{side}"]
    scale = body.px_per_mm
    line = _arm_line(arm, scale)
    centre_line = _canonical_line(piece, level, side, rise_mm=build.rise_mm(side))
    breadth = build.breadth(shape)
    half_mm = shape.sleeves * breadth
    reach_px = (0.5 * piece.albedo.shape[1] / level.px_per_mm * breadth + 16.0) * scale
    parts: dict[str, LayerPart] = {}
    for name, samples in (("upper", line[: _ELBOW + 1]), ("fore", line[_ELBOW:])):
        box = box_within(samples.min(0) - reach_px, samples.max(0) + reach_px, hw)
        if box is None:
            continue
        part = _half(
            piece,
            level,
            name=f"{name}_{side}",
            line=line,
            centre_line=centre_line,
            box=box,
            body=body,
            breadth=breadth,
            half_mm=half_mm,
        )
        if part is not None:
            parts[part.name] = part
    return parts


def _arm_line(arm: Arm, scale: float) -> np.ndarray:
    """float32 (_SAMPLES, 2): from the joint round the elbow to the cuff."""
    reach = arm.wrist - arm.elbow
    cuff = arm.wrist + reach * (CUFF_PAST_WRIST_MM * scale / max(float(np.hypot(*reach)), 1e-6))
    return round_corner(arm.joint, arm.elbow, cuff, reach=70.0 * scale, samples=_SAMPLES)


def _canonical_line(piece: Piece, level: Level, side: str, *, rise_mm: float) -> np.ndarray:
    """Where the samples of the arm's line lie in the sleeve's image, float32 (_SAMPLES, 2)."""
    inwards = -PIVOT_IN_MM if side == "left" else PIVOT_IN_MM
    pivot = np.array(piece.anchors["shoulder"]) + np.array([inwards, PIVOT_DOWN_MM + rise_mm]) * level.px_per_mm
    elbow, cuff = np.array(piece.anchors["elbow"]), np.array(piece.anchors["cuff"])
    upper, fore = np.linspace(pivot, elbow, _ELBOW + 1), np.linspace(elbow, cuff, _SAMPLES - _ELBOW)
    return np.vstack([upper[:-1], fore]).astype(np.float32)


def _half(
    piece: Piece,
    level: Level,
    *,
    name: str,
    line: np.ndarray,
    centre_line: np.ndarray,
    box: tuple[int, int, int, int],
    body: Body,
    breadth: float,
    half_mm: float,
) -> LayerPart | None:
    scale = body.px_per_mm
    grid = grid_over(box)
    upper = name.startswith("upper")
    along, across, fade = _along_arm(grid.points, line, scale, upper=upper)
    x, y = (np.interp(along, np.arange(_SAMPLES), centre_line[:, i]).astype(np.float32) for i in (0, 1))
    above_px = np.minimum(along, 0) * _segment_px(line, 0)
    below_px = np.maximum(along - (_SAMPLES - 1), 0) * _segment_px(line, -1)
    y += (above_px + below_px).astype(np.float32) * (level.px_per_mm / scale)
    x += across * (level.px_per_mm / (scale * breadth))
    half_line = line[: _ELBOW + 1] if upper else line[_ELBOW:]
    if upper:
        fade = fade * _cap_fade(-above_px / scale, line, body)
    spread = np.clip((half_mm + _SPREAD_MM - np.abs(across) / scale) / 8.0, 0.0, 1.0) * (fade > 0.6)
    spread *= np.clip(along, 0.0, 1.0) * np.clip(_SAMPLES - 1.5 - along, 0.0, 1.0)
    turn = math.atan2(*(half_line[-1] - half_line[0]))
    return look_up(piece, grid, maps=np.stack([x, y], -1), name=name, spread=spread, fade=fade, turn=turn)


def _along_arm(
    points: np.ndarray, line: np.ndarray, scale: float, *, upper: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each point (M, 2): samples along the arm, pixels across it, and the opacity of this half there.

    Each half goes on straight beyond the elbow, where it fades out: on a straight arm the two agree there, and a bent
    one is rounded off by them.
    """
    half = line[: _ELBOW + 1] if upper else line[_ELBOW:]
    along, across = along_and_across(points, half, end_reach=_END_REACH_MM * scale)
    own_px, other_px = _segment_px(line, _ELBOW - 1), _segment_px(line, _ELBOW)
    if not upper:
        own_px, other_px = other_px, own_px
    past = np.maximum(along - _ELBOW, 0.0) if upper else np.maximum(-along, 0.0)
    fade = np.clip((_OVERLAP_MM[1] - past * own_px / scale) / (_OVERLAP_MM[1] - _OVERLAP_MM[0]), 0.0, 1.0)
    # What lies past the elbow is measured in the other half's samples.
    stretch = past * (own_px / max(other_px, 1e-3) - 1.0)
    return (along + stretch if upper else along + _ELBOW - stretch), across, fade


def _cap_fade(above_mm: np.ndarray, line: np.ndarray, body: Body) -> np.ndarray:
    """A raised arm tucks its sleeve head into the shoulder: opacity by the distance above the joint."""
    direction = line[2] - line[0]
    hanging = float(direction @ body.down) / max(float(np.hypot(*direction)), 1e-6)
    reach_mm = 8.0 + 92.0 * max(0.0, min(1.0, (hanging - 0.3) / 0.5))
    return np.clip((reach_mm + _CAP_MM - above_mm) / _CAP_MM, 0.0, 1.0)


def _segment_px(line: np.ndarray, which: int) -> float:
    step = np.diff(line, axis=0)[which]
    return float(np.hypot(*step))
