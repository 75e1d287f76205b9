"""What a silhouette's outline says of shoulders and neck.

Owns the search for the place where the line of a shoulder turns down into the arm, and for the sides of the neck; must
not know garments, nor frames before or after this one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from garment.body import COLLAR_RISE_MM, UPPER_ARM_MM, Body
from utils.geometry import resample

_FACING = math.radians(45.0)
"""The direction, above outwards, that an outline faces where people see a shoulder end: half-way between its upper line
and the outer side of an arm that hangs."""
_LEVEL = math.radians(70.0)
"""And the direction that the upper line faces: shoulders fall by about twenty degrees."""
_HANGING = math.radians(8.0)  # how far arms that hang stand off; taken for one that points at the camera
_RAISED, _HIGH = math.radians(25.0), math.radians(45.0)
"""An arm that is raised past the first may carry the outline on; one past the second never faces as far down as the
shoulder's end, so that without a drop before it the outline says nothing."""
_DROP, _LIFTS = math.radians(62.0), math.radians(6.0)
"""A drop from the shoulder on to a raised arm faces further down than the first; it is over where the outline faces
up again by the second."""
_COLLAR_MM = 15.0  # an outline so far inwards of the joint may be a collar's
_FAN = np.radians(np.arange(-30.0, 85.0, 3.0))
"""Rays from the joint, above outwards: from the side of the arm to the middle of the shoulder."""
_REACH_MM, _STEP_MM = 180.0, 2.0
_SMOOTH_MM = 12.0  # standard deviation; folds of a sleeve turn within less
_MELT_MM = 4.0  # the corner is where the outline lies within about this of its furthest point
_FLESH_MM = ((12.0, 24.0), (70.0, 84.0))
"""How high over the joint the corner lies: nowhere so below the first, surely so between, and over the last it is a
puffed sleeve, hair or a bag."""
_NECK_REACH_MM, _NECK_STEP_MM, _NECK_ROWS_MM = 120.0, 2.0, 6.0
_SLIM_NECK_MM, _NECK_MM, _HOOD_MM = 50.0, 84.0, 100.0
"""Half a neck: not less than the first; more than the second may be hair or a hood, more than the last is."""


@dataclass(frozen=True)
class Neck:
    """Where a neck is narrowest."""

    sides_mm: dict[str, float]
    """"left" and "right": from the middle between Body.neck_sides, as seen from the front."""
    trust: float
    """In [0, 1]."""


@dataclass(frozen=True)
class Corner:
    """Where the line of a shoulder turns down into the arm."""

    mm: np.ndarray
    """float64 (2,): from the shoulder's joint outwards and up, as seen from the front."""
    facing: np.ndarray
    """float64 (2,): unit vector square to the outline there."""
    slim: float
    """In [0, 1]: that what lies over the joint is a shoulder, and not a puffed sleeve, hair or a bag."""
    trust: float
    """In [0, 1], but for `slim`."""


def find_corner(mask: np.ndarray, body: Body, side: str) -> Corner | None:
    """The corner of the "left" or "right" shoulder in a silhouette, float32 (H, W), NaN where something hides the
    outline; None where too little is seen.

    A round corner has no apex. What stays put when the outline trembles, and is found in the mirror's picture as well,
    is where it reaches furthest in the direction of _FACING. Along an arm that is raised it reaches on and on: there
    the shoulder ends where the outline, on its way from the neck, drops most steeply before it runs along the arm.
    """
    outline = _outline_mm(mask, body, side)
    if len(outline) < 2:
        return None
    arm_normal = _arm_normal(body, side)
    facing, trust = _FACING, _ramp(_HIGH - arm_normal, 0.0, _HIGH - _RAISED)
    if arm_normal > _RAISED and (drop := _drop(outline)) is not None:
        outline, steepest = drop
        facing, trust = max(_FACING, steepest), 1.0
    ahead = np.array([math.cos(facing), math.sin(facing)])
    height = outline @ ahead
    weight = np.exp((height - height.max()) / _MELT_MM)
    corner = weight @ outline / weight.sum()
    (none_mm, low_mm), (high_mm, bulky_mm) = _FLESH_MM
    top_mm = float(corner @ ahead)
    slim = 1.0 - _ramp(top_mm, high_mm, bulky_mm)
    return Corner(corner, ahead, slim, trust * _ramp(top_mm, none_mm, low_mm))


def _drop(outline: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The outline, (N, 2) millimetres from the neck on, up to where a drop from the shoulder on to a raised arm ends,
    and the direction that it faces where it is steepest; None where it does not drop."""
    sigma = _SMOOTH_MM / _STEP_MM
    smooth = cv2.GaussianBlur(outline, (1, 0), sigmaX=0.1, sigmaY=sigma, borderType=cv2.BORDER_REPLICATE)
    way = np.gradient(smooth, axis=0)
    facing = np.arctan2(way[:, 0], -way[:, 1])
    start = int(np.argmax(smooth[:, 0] > -_COLLAR_MM))
    steepest = np.minimum.accumulate(facing[start:])
    over = np.flatnonzero((steepest < _DROP) & (facing[start:] > steepest + _LIFTS))
    return (outline[: start + over[0]], float(steepest[over[0]])) if len(over) else None


def find_neck(mask: np.ndarray, body: Body) -> Neck | None:
    """The neck between collar and chin in a silhouette as above; None where a bowed head or hair hides it."""
    middle = (body.neck_sides["left"] + body.neck_sides["right"]) / 2
    joints = (body.arms["left"].joint + body.arms["right"].joint) / 2
    up = (middle - joints) / COLLAR_RISE_MM
    heights = np.arange(_NECK_ROWS_MM, body.chin_mm - COLLAR_RISE_MM, _NECK_ROWS_MM)
    if len(heights) < 3:
        return None
    across = body.shoulders_across * body.px_per_mm
    starts = middle + heights[:, None] * up
    reach_mm = np.arange(0.0, _NECK_REACH_MM, _NECK_STEP_MM)[:, None]
    rows = np.concatenate([starts[:, None] + out * across * reach_mm for out in (1.0, -1.0)])
    edge_mm, found = _edges(mask, rows, step=_NECK_STEP_MM)
    both_mm = np.where(found, edge_mm, np.inf).reshape(2, -1)
    left_mm, right_mm = map(float, both_mm[:, both_mm.sum(axis=0).argmin()])
    half_mm = (left_mm + right_mm) / 2
    if not _SLIM_NECK_MM < half_mm < _HOOD_MM:
        return None
    return Neck({"left": left_mm, "right": right_mm}, 1.0 - _ramp(half_mm, _NECK_MM, _HOOD_MM))


def _outline_mm(mask: np.ndarray, body: Body, side: str) -> np.ndarray:
    """The outline around the joint from the neck to the arm, (N, 2) millimetres outwards and up in even steps; rays
    that leave the frame or end at what hides it are left out."""
    reach_mm = np.arange(0.0, _REACH_MM, _STEP_MM)
    rays = np.column_stack([np.cos(_FAN), np.sin(_FAN)])
    points = body.arms[side].joint + (rays @ body.shoulder_axes(side))[:, None] * reach_mm[:, None]
    edge_mm, found = _edges(mask, points, step=_STEP_MM)
    outline = (rays * edge_mm[:, None])[found][::-1]
    if found.sum() < len(_FAN) // 2:
        return np.zeros((0, 2))
    length_mm = float(np.hypot(*np.diff(outline, axis=0).T).sum())
    return resample(outline, max(2, round(length_mm / _STEP_MM)))


def _edges(mask: np.ndarray, rays: np.ndarray, *, step: float) -> tuple[np.ndarray, np.ndarray]:
    """How far along each ray, (N, M, 2) points that lie a `step` apart, the silhouette ends, and whether it is seen to:
    float (N,) in the unit of `step`, and bool (N,)."""
    # Beyond the frame is neither on the silhouette nor off it.
    inside = cv2.remap(
        mask, rays.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=math.nan
    )
    off = inside < 0.5
    first = off.argmax(axis=1)
    row = np.arange(len(rays))
    before, after = inside[row, first - 1], inside[row, first]
    edge = (first - 1 + (before - 0.5) / np.maximum(before - after, 1e-6)) * step
    return edge, (first > 0) & ~np.isnan(before)


def _arm_normal(body: Body, side: str) -> float:
    """The direction the upper arm's outer side faces, in radians above outwards."""
    arm = body.arms[side]
    out_px, up_px = body.shoulder_axes(side) @ (arm.elbow - arm.joint)
    raised = math.atan2(out_px, -up_px)
    length_mm = float(np.hypot(*(arm.elbow - arm.joint))) / body.px_per_mm
    seen = _ramp(length_mm, 0.3 * UPPER_ARM_MM, 0.7 * UPPER_ARM_MM)
    return float(np.clip(_HANGING + seen * (raised - _HANGING), -0.2, _LEVEL))


def _ramp(value: float, start: float, end: float) -> float:
    return min(max((value - start) / (end - start), 0.0), 1.0)
