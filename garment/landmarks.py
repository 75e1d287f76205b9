"""Where a tailor would put the pins on a garment photo.

Owns the anchors of a photographed garment, their confidence and their correction; must not know pieces, bodies, files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from garment.garment import TORSO_ANCHORS
from garment.outline import Side, find_sides, stand_upright
from utils.errors import InputError

SIDES = ("left", "right")
CUFF_ANCHORS = ("elbow", "elbow_inner", "cuff", "cuff_outer", "cuff_inner")
"""Per sleeve: on the centre line at the elbow, on the edge towards the body there, the cuff's middle and corners."""
ANCHORS = tuple(f"torso.{name}" for name in TORSO_ANCHORS) + tuple(
    f"sleeve_{side}.{name}" for side in SIDES for name in CUFF_ANCHORS
)
_WORK_PX = 360
_NECK_DROP = 0.15  # of the shoulder width: from the neck's sides down to the pit of the neck
_ARMHOLE = 0.46  # of the shoulder width: depth of an armhole


@dataclass(frozen=True)
class Landmarks:
    """Anchors in pixels of the photo; keys are from ANCHORS. A sleeve that the photo does not show has none."""

    points: dict[str, tuple[float, float]]
    confidence: dict[str, float]
    """In [0, 1], same keys; 1 where a person put the anchor."""


def find_landmarks(alpha: np.ndarray, rgb: np.ndarray) -> Landmarks:
    """Anchors from the silhouette, float32 (h, w), and what lies inside it, uint8 (h, w, 3)."""
    scale = _WORK_PX / max(alpha.shape)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    upright = stand_upright((small > 0.5).astype(np.uint8))
    width, sides = find_sides(upright)
    points: dict[str, tuple[float, float]] = {}
    confidence: dict[str, float] = {}
    for name, side in sides.items():
        sign = 1 if name == "left" else -1
        for key, (u, y, trust) in _side_anchors(name, side, width).items():
            x, y = upright.back(np.array([[upright.axis + sign * u, y]]))[0] / scale
            points[key], confidence[key] = (float(x), float(y)), trust
    for key, y, trust in _centre_anchors(sides, width):
        x, y = upright.back(np.array([[upright.axis, y]]))[0] / scale
        points[key], confidence[key] = (float(x), float(y)), trust
    return Landmarks(points, confidence)


def _side_anchors(name: str, side: Side, width: float) -> dict[str, tuple[float, float, float]]:
    at, trust = side.points, float(np.clip(0.95 - side.cost / 40, 0.3, 0.95))
    guess = 0.5 * trust
    shoulder, hem = at["shoulder"], at["hem"]
    armpit, waist = at["armpit"], at["armpit"]
    if side.apart or "cuff_outer" not in at:
        way = side.between["armpit"]
        middle = way[len(way) // 5 : max(4 * len(way) // 5, len(way) // 5 + 1)]
        waist = middle[int(np.argmin(middle[:, 0]))]
        sure = trust
    else:
        armpit = np.array([shoulder[0] - 0.03 * width, shoulder[1] + _ARMHOLE * width])
        waist = 0.55 * armpit + 0.45 * hem - [0.02 * width, 0]
        sure = guess
    found = {
        "collar": (*at["collar"], trust),
        "shoulder": (*shoulder, trust),
        "armpit": (*armpit, sure),
        "waist": (*waist, sure),
        "hem": (*hem, trust),
    }
    anchors = {f"torso.{key}_{name}": value for key, value in found.items()}
    if "cuff_outer" in at:
        outer, inner = at["cuff_outer"], at.get("cuff_inner", at["armpit"])
        cuff_width = float(np.hypot(*(outer - inner)))
        elbow, elbow_inner = _elbow(side, 0.5 * (0.37 * width + cuff_width))
        sleeve = {
            "elbow": (*elbow, sure),
            "elbow_inner": (*elbow_inner, sure),
            "cuff": (*((outer + inner) / 2), trust),
            "cuff_outer": (*outer, trust),
            "cuff_inner": (*inner, trust),
        }
        anchors |= {f"sleeve_{name}.{key}": value for key, value in sleeve.items()}
    return anchors


def _elbow(side: Side, across: float) -> tuple[np.ndarray, np.ndarray]:
    """The elbow on the centre line and on the edge towards the body, from the outer edge half way down."""
    way = side.between["shoulder"]
    i = round(0.5 * (len(way) - 1))
    outer = way[i]
    if side.apart:
        inside = side.between["cuff_inner"]
        inner = inside[int(np.argmin(np.hypot(*(inside - outer).T)))]
    else:
        along = way[-1] - way[0]
        along = along / max(float(np.hypot(*along)), 1e-6)
        inner = outer + across * np.array([-along[1], along[0]])
    return (outer + inner) / 2, inner


def _centre_anchors(sides: Mapping[str, Side], width: float) -> list[tuple[str, float, float]]:
    collar = float(np.mean([s.points["collar"][1] for s in sides.values()]))
    bottom = float(np.mean([s.between["hem"][-1, 1] for s in sides.values()]))
    trust = float(np.clip(0.9 - sum(s.cost for s in sides.values()) / 80, 0.3, 0.9))
    return [("torso.neck", collar + _NECK_DROP * width, 0.7 * trust), ("torso.hem_centre", bottom, trust)]


def merge_corrections(
    landmarks: Landmarks, corrections: Mapping[str, Sequence[float]], *, hw: tuple[int, int]
) -> Landmarks:
    """Landmarks with some anchors put elsewhere by a person, in pixels of a photo of size `hw`.

    Raises:
        InputError: bad_anchors, naming the first anchor that is unknown, not two finite numbers, outside the photo, or
            on the other side of its counterpart.
    """
    points, confidence = dict(landmarks.points), dict(landmarks.confidence)
    for name, value in corrections.items():
        if name not in ANCHORS:
            raise _bad_anchor(None, "is not an anchor", hint="anchors are " + ", ".join(ANCHORS))
        if len(value) != 2 or not all(isinstance(v, (int, float)) and math.isfinite(v) for v in value):
            raise _bad_anchor(name, "must be two finite numbers, x and y in pixels of the photo")
        x, y = float(value[0]), float(value[1])
        if not (0 <= x <= hw[1] and 0 <= y <= hw[0]):
            raise _bad_anchor(name, "lies outside the photo", hint=f"the photo is {hw[1]} x {hw[0]} pixels")
        points[name], confidence[name] = (x, y), 1.0
    for name in corrections:
        _refuse_crossed(name, points)
    return Landmarks(points, confidence)


def _refuse_crossed(name: str, points: Mapping[str, tuple[float, float]]) -> None:
    """The wearer's left lies on the right of the picture."""
    other = name.replace("left", "right") if "left" in name else name.replace("right", "left")
    if other == name or other not in points:
        return
    left, right = (name, other) if "left" in name else (other, name)
    if points[left][0] <= points[right][0]:
        raise _bad_anchor(
            name, "has crossed its counterpart", hint="left is the wearer's left: it lies on the right of the picture"
        )


def _bad_anchor(name: str | None, why: str, *, hint: str | None = None) -> InputError:
    return InputError("bad_anchors", f"{name or 'a name that was sent'} {why}", hint=hint)
