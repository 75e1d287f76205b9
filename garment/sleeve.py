"""Sleeves on arms. Owns how a straight strip of cloth follows shoulder, elbow and wrist; must not know the torso.

Each pixel is looked up by how far along and how far across the arm's line it lies. Upper and fore arm are looked up on
their own, so that a forearm can cross the upper arm. Towards the shoulder the look-up passes over to where the sleeve
would hang, so that its seam stays on the torso's armhole whatever the arm does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from garment.armhole import Armhole
from garment.armline import BENDS, CUFF, ELBOW, END_REACH_MM, JOINT, POINTS, ArmLine, arm_line
from garment.body import Arm, Body
from garment.build import Build, Shape
from garment.garment import JOINT_DOWN_MM, JOINT_IN_MM, Piece
from garment.layer import LayerPart
from garment.pyramid import Level
from garment.warp import Grid, box_within, grid_over, look_up, ramp

_UPPER_MM = 300.0  # from the joint to the elbow
_OUTSIDE = 0.6  # of half a sleeve's width: along this line round the elbow the cloth is neither stretched nor bunched
_LOOSENING_MM = 70.0  # from the armhole, over this a sleeve leaves its hold
_BENDING_MM = 40.0  # from the armhole, over this a sleeve bends round a raised shoulder
_BENT, _PULLED = 0.6, 1.45  # share of the arm's turn by which it bends above; radians by which it is pulled below
_FULLER = (0.9, -0.12)  # below and above the line, so much more width of sleeve is seen at the joint of a raised arm
_DEEPER, _ELBOW_MM = 1.5, 75.0  # so much more the folds about a right-angled elbow rise than about a straight one
_SPREAD_MM = 46.0  # beyond the sleeve's edge its cloth may be carried on this far


@dataclass(frozen=True)
class _Sleeve:
    """One sleeve on one arm."""

    piece: Piece
    px_per_mm: float
    """Of the piece."""
    arm: ArmLine
    centre_line: np.ndarray
    """float32 (2 * POINTS, 2): where the bends of the arm's line begin and end in the piece."""
    breadth: np.ndarray
    """float64 (2, 2 * POINTS): factors on the piece's width there, on the left and right of the line in the piece."""
    half_mm: float
    lifted: float
    """Radians by which the upper arm is turned from hanging, towards the right of the picture."""
    armhole: Armhole


def drape_sleeve(
    level: Level, arm: Arm, *, side: str, body: Body, build: Build, shape: Shape, armhole: Armhole, hw: tuple[int, int]
) -> dict[str, LayerPart]:
    """The parts upper_`side` and fore_`side`; what is out of the frame is missing."""
    breadth, outside = build.breadth(shape)
    line = arm_line(arm, scale=body.px_per_mm)
    way_px = line.way_px(outside_px=_OUTSIDE * shape.sleeves * breadth * body.px_per_mm)
    lifted = _lift(line, arm, body, side)
    sleeve = _Sleeve(
        piece=level.pieces[f"sleeve_{side}"],
        px_per_mm=level.px_per_mm,
        arm=line,
        centre_line=_centre_line(level, side, way_px=way_px, shoulder_mm=build.shoulder_mm(side)),
        breadth=breadth * _fullness(side, lifted, way_px, bulk=outside / breadth),
        half_mm=shape.sleeves * outside,
        lifted=lifted,
        armhole=armhole,
    )
    parts = (_upper(sleeve, f"upper_{side}", hw), _fore(sleeve, f"fore_{side}", hw))
    return {part.name: part for part in parts if part is not None}


def _lift(line: ArmLine, arm: Arm, body: Body, side: str) -> float:
    outwards = 1.0 if side == "left" else -1.0
    hanging = math.atan2(*body.down) + outwards * math.atan2(JOINT_IN_MM, _UPPER_MM)
    lifted = (line.heading[JOINT] - hanging + math.pi) % (2 * math.pi) - math.pi
    # An arm that points at the camera turns about another axis than that of the picture.
    length = float(np.hypot(*(arm.elbow - arm.joint))) / (_UPPER_MM * body.px_per_mm)
    return lifted * min(max((length - 0.2) / 0.5, 0.0), 1.0)


def _centre_line(level: Level, side: str, *, way_px: np.ndarray, shoulder_mm: tuple[float, float]) -> np.ndarray:
    """As _Sleeve has it, for an arm whose cloth has these lengths. The shoulder point lies so far outwards of the
    canonical one and above it."""
    anchors = level.pieces[f"sleeve_{side}"].anchors
    inwards = np.array([-1.0 if side == "left" else 1.0, 1.0]) * level.px_per_mm
    pivot = anchors["shoulder"] + inwards * np.add((JOINT_IN_MM, JOINT_DOWN_MM), shoulder_mm)
    elbow, cuff = np.array(anchors["elbow"]), np.array(anchors["cuff"])
    reach = np.array([0.0, END_REACH_MM * level.px_per_mm])
    elbow_px = way_px[2 * ELBOW : 2 * ELBOW + 2].mean()
    cuff_px, end_px = way_px[2 * CUFF + 1], way_px[-1]
    # Beyond the cuff the forearm's pace is kept: a change of it there would show along the cuff's edge.
    end = cuff + (cuff - elbow) * ((end_px - cuff_px) / max(cuff_px - elbow_px, 1e-6))
    known_px = (way_px[0], way_px[2 * JOINT], elbow_px, cuff_px, end_px)
    known = np.array([pivot - reach, pivot, elbow, cuff, end])
    return np.column_stack([np.interp(way_px, known_px, known[:, k]) for k in (0, 1)]).astype(np.float32)


def _fullness(side: str, lifted: float, way_px: np.ndarray, *, bulk: float) -> np.ndarray:
    """Factors on the width as _Sleeve.breadth has them. A raised arm shows cloth that lies hidden while it hangs; over
    what is worn below the outside is `bulk` times as wide at the elbow."""
    raised = float(_rise(lifted if side == "left" else -lifted, 0.4, 1.5))
    joint, elbow, cuff = way_px[2 * JOINT], way_px[2 * ELBOW], way_px[2 * CUFF]
    towards_body = np.interp(way_px, (joint, elbow), (1.0, 0.0))
    inner, outer = (1.0 + fuller * raised * towards_body for fuller in _FULLER)
    bulky = np.interp(way_px, (joint, elbow, cuff), (0.0, 1.0, 0.0))
    outer = outer * (1.0 + (bulk - 1.0) * bulky)
    return np.array([inner, outer] if side == "left" else [outer, inner])


def _upper(sleeve: _Sleeve, name: str, hw: tuple[int, int]) -> LayerPart | None:
    """Joint to elbow."""
    grid = _grid(sleeve, 0, ELBOW, hw)
    if grid is None:
        return None
    along, across = sleeve.arm.beside(grid.points, 0, ELBOW + 1)
    on_arm = _on_arm(sleeve, along, across)
    along_mm = (on_arm[:, 1] - sleeve.centre_line[2 * JOINT, 1]) / sleeve.px_per_mm
    away_mm = sleeve.armhole.away_mm(sleeve.armhole.hang(grid.points))
    bending = _rise(away_mm, 0.0, _BENDING_MM) * _rise(along_mm, -10.0, 30.0)
    hanging = sleeve.armhole.hang(_lowered(sleeve, grid.points, bending, across))
    loose = _looseness(away_mm, along_mm)
    half = sleeve.arm.half(grid.points, is_fore=False)
    fade = np.minimum(half, _shown(sleeve, along_mm, across, away_mm))
    return look_up(
        sleeve.piece,
        grid,
        maps=hanging + (on_arm - hanging) * loose[:, None],
        name=name,
        spread=np.minimum.reduce([_spread(sleeve, across), fade, ramp(along, JOINT - 0.1, JOINT)]),
        fade=fade,
        turn=sleeve.arm.turn(along) * loose,
        folds=_folds(sleeve, grid.points),
    )


def _fore(sleeve: _Sleeve, name: str, hw: tuple[int, int]) -> LayerPart | None:
    """Elbow to cuff."""
    grid = _grid(sleeve, ELBOW, POINTS - 1, hw)
    if grid is None:
        return None
    along, across = sleeve.arm.beside(grid.points, ELBOW - 1, POINTS - 1)
    fade = sleeve.arm.half(grid.points, is_fore=True)
    return look_up(
        sleeve.piece,
        grid,
        maps=_on_arm(sleeve, along, across),
        name=name,
        spread=np.minimum.reduce([_spread(sleeve, across), fade, ramp(along, CUFF - 0.1, CUFF - 0.225)]),
        fade=fade,
        turn=sleeve.arm.turn(along),
        folds=_folds(sleeve, grid.points),
    )


def _grid(sleeve: _Sleeve, first: int, last: int, hw: tuple[int, int]) -> Grid | None:
    """Around a part of the arm's line; None out of the frame."""
    line = sleeve.arm.points[first : last + 1]
    half_mm = 0.5 * sleeve.piece.albedo.shape[1] / sleeve.px_per_mm
    reach_px = (half_mm * float(sleeve.breadth.max()) + 16.0) * sleeve.arm.scale
    box = box_within(line.min(0) - reach_px, line.max(0) + reach_px, hw)
    return None if box is None else grid_over(box)


def _on_arm(sleeve: _Sleeve, along: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Places in the piece, float32 (M, 2), of cloth that follows the arm."""
    x, y = (np.interp(along, BENDS, sleeve.centre_line[:, i]).astype(np.float32) for i in (0, 1))
    per_px = sleeve.px_per_mm / (sleeve.arm.scale * sleeve.breadth)
    left, right = (np.interp(along, BENDS, narrower) for narrower in per_px)
    # The joint lies inwards of the sleeve's middle; the way there is bowed, so that no stripe is bent at the elbow.
    joint, elbow = sleeve.centre_line[2 * JOINT], sleeve.centre_line[2 * ELBOW]
    t = np.clip((y - joint[1]) / (elbow[1] - joint[1]), 0.0, 1.0)
    x += (elbow[0] - joint[0]) * t * (1.0 - t)
    return np.stack([x + across * np.where(across < 0, left, right).astype(np.float32), y], -1)


def _lowered(sleeve: _Sleeve, points: np.ndarray, bending: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Points (M, 2) above a raised arm turned down about the joint, as far as `bending` in [0, 1] says: there cloth
    bends round the shoulder, while below the arm it is pulled straight, but by no more than _PULLED."""
    above = np.clip(0.5 + across * math.copysign(1.0, sleeve.lifted) / (80.0 * sleeve.arm.scale), 0.0, 1.0)
    below = math.copysign(max(abs(sleeve.lifted) - _PULLED, 0.0), sleeve.lifted)
    turn = (below + _BENT * (sleeve.lifted - below) * above) * bending
    joint, cos, sin = sleeve.arm.points[JOINT], np.cos(turn), np.sin(turn)
    x, y = (points - joint).T
    return (joint + np.column_stack([cos * x - sin * y, sin * x + cos * y])).astype(np.float32)


def _looseness(away_mm: np.ndarray, along_mm: np.ndarray) -> np.ndarray:
    """How far the cloth follows the arm rather than the armhole, (M,) in [0, 1]: more with the distance from the seam,
    and nowhere behind the joint."""
    held = np.exp(-away_mm / _LOOSENING_MM) * _rise(along_mm, 0.8 * _UPPER_MM, 0.2 * _UPPER_MM)
    return ((1.0 - held) * _rise(along_mm, -20.0, 70.0)).astype(np.float32)


def _shown(sleeve: _Sleeve, along_mm: np.ndarray, across: np.ndarray, away_mm: np.ndarray) -> np.ndarray:
    """Opacity at the shoulder, (M,) ramps: behind a raised arm's joint nothing hangs but what the seam holds."""
    high = min(max((abs(sleeve.lifted) - _PULLED) / 0.7, 0.0), 1.0)
    held_mm = np.maximum(along_mm - 5.0, 52.0 - 34.0 * high - away_mm)
    near_mm = 180.0 - 110.0 * high - np.abs(across) / sleeve.arm.scale
    return ramp(np.minimum(held_mm, near_mm), 0.0, 12.0)


def _spread(sleeve: _Sleeve, across: np.ndarray) -> np.ndarray:
    """Where the cloth may be carried on to the sides, (M,) ramps."""
    end_mm = sleeve.half_mm + _SPREAD_MM
    return ramp(np.abs(across) / sleeve.arm.scale, end_mm, end_mm - 8.0)


def _folds(sleeve: _Sleeve, points: np.ndarray) -> np.ndarray | None:
    """How much deeper the folds about a bent elbow are, (M,); None for an arm that is nearly straight."""
    if sleeve.arm.bend < 0.4:
        return None
    away_mm = np.hypot(*(points - sleeve.arm.points[ELBOW]).T) / sleeve.arm.scale
    return 1.0 + _DEEPER * min(sleeve.arm.bend / 1.6, 1.0) * np.exp(-((away_mm / _ELBOW_MM) ** 2))


def _rise(value: np.ndarray | float, start: float, end: float) -> np.ndarray:
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
