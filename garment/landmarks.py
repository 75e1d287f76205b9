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
from garment.photos.outline import Side, find_sides
from garment.photos.seam import edge_strength, follow_edge
from garment.photos.symmetry import Upright, stand_upright
from utils.errors import InputError

SIDES = ("left", "right")
CUFF_ANCHORS = ("elbow", "elbow_inner", "cuff", "cuff_outer", "cuff_inner")
"""Per sleeve: on the centre line at the elbow, on the edge towards the body there, the cuff's middle and corners."""
ANCHORS = tuple(f"torso.{name}" for name in TORSO_ANCHORS) + tuple(
    f"sleeve_{side}.{name}" for side in SIDES for name in CUFF_ANCHORS
)
_WORK_PX = 360
_NECK_DROP = 0.158  # of the shoulder width: from the neck's sides down to the pit of the neck
_ARMHOLE = 0.46  # of the shoulder width: depth of an armhole
_DEEPEST = 0.55  # likewise: a gap that ends lower than this does not end in the armpit
_CUFF = 0.29  # likewise: breadth of a cuff
_NECK_SIDE = 0.165  # likewise: from the axis to where the shoulder line meets the neck, under the collar
_ANYTHING = 50.0  # cost of both sides of an outline that could be anything; garments stay below twenty

Trusted = tuple[np.ndarray, float]  # a point and its confidence


@dataclass(frozen=True)
class Landmarks:
    """Anchors in pixels of the photo; keys are from ANCHORS. A sleeve that the photo does not show has none."""

    points: dict[str, tuple[float, float]]
    confidence: dict[str, float]
    """In [0, 1], same keys; 1 where a person put the anchor."""


def find_landmarks(alpha: np.ndarray, rgb: np.ndarray) -> Landmarks:
    """Anchors from the silhouette, float32 (h, w), and what lies inside it, uint8 (h, w, 3).

    Raises:
        InputError: no_garment, if the silhouette is not that of a jacket, a shirt or a jumper.
    """
    scale = _WORK_PX / max(alpha.shape)
    small = cv2.resize(alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    upright = stand_upright((small > 0.5).astype(np.uint8))
    width, sides = find_sides(upright)
    if sum(side.cost for side in sides.values()) > _ANYTHING:
        raise InputError(
            "no_garment",
            "what was found does not have the shape of a jacket, a shirt or a jumper",
            hint="show the garment whole, from its front, with sleeves a little apart from the body",
        )
    edges = _upright_edges(rgb, small.shape, upright, width)
    found = _centre_anchors(sides, width)
    likeness = _likeness(sides, width)
    for name, side in sides.items():
        sign = 1 if name == "left" else -1
        # Both sides are read as the wearer's left, with x counted from the axis outwards.
        seen = np.ascontiguousarray(edges[:, ::sign])
        axis = upright.axis if sign > 0 else edges.shape[1] - 1 - upright.axis
        for key, (point, trust) in _side_anchors(name, side, seen, axis, width).items():
            found[key] = (point * (sign, 1), trust * likeness)
    points = upright.back(np.array([p for p, _ in found.values()]) + (upright.axis, 0.0)) / scale
    return Landmarks(
        {key: (float(x), float(y)) for key, (x, y) in zip(found, points, strict=True)},
        {key: round(float(np.clip(trust, 0.05, 0.97)), 3) for key, (_, trust) in found.items()},
    )


def _upright_edges(rgb: np.ndarray, hw: tuple[int, int], upright: Upright, width: float) -> np.ndarray:
    small = cv2.resize(rgb, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    turned = cv2.warpAffine(lab, upright.matrix, upright.mask.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return edge_strength(turned, soft_px=0.012 * width)


def _likeness(sides: Mapping[str, Side], width: float) -> float:
    """How far left and right agree where they should: shoulders, collar and hem mirror each other."""
    gaps = [np.hypot(*(sides["left"].points[k] - sides["right"].points[k])) for k in ("collar", "shoulder", "hem")]
    return float(np.exp(-((np.mean(gaps) / (0.16 * width)) ** 2)))


def _trust(side: Side) -> float:
    """From the cost of the outline's reading: below zero every point is a clear one, at fifteen most are guesses."""
    return float(np.clip(0.95 - max(side.cost, 0) / 30, 0.2, 0.95))


def _side_anchors(name: str, side: Side, edges: np.ndarray, axis: float, width: float) -> dict[str, Trusted]:
    at, trust = side.points, _trust(side)
    inseam, sure = _inseam(side, edges, axis, width)
    armpit = inseam[0]
    waist, waist_sure = _waist(side, armpit, width, trust)
    torso = {
        "collar": (_neck_side(side, width), trust),
        "shoulder": (at["shoulder"], trust),
        "armpit": (armpit, sure * trust),
        "waist": (waist, waist_sure),
        "hem": (at["hem"], trust),
    }
    anchors = {f"torso.{key}_{name}": value for key, value in torso.items()}
    if not side.sleeved:
        return anchors
    outer, inner = at["cuff_outer"], inseam[-1]
    elbow, elbow_inner = _elbow(side, inseam)
    seen = 1.0 if np.array_equal(inner, at.get("cuff_inner", at["fork"])) else 0.6
    sleeve = {
        "elbow": (elbow, (0.4 + 0.6 * sure) * trust),
        "elbow_inner": (elbow_inner, sure * trust),
        "cuff": ((outer + inner) / 2, seen * trust),
        "cuff_outer": (outer, trust),
        "cuff_inner": (inner, seen * trust),
    }
    return anchors | {f"sleeve_{name}.{key}": value for key, value in sleeve.items()}


def _neck_side(side: Side, width: float) -> np.ndarray:
    """Where the shoulder line, carried on under the collar, meets the neck."""
    shoulder = side.points["shoulder"]
    way = side.between["collar"]
    line = way[(way[:, 0] > 0.25 * width) & (way[:, 0] < shoulder[0] - 0.05 * width)]
    if len(line) < 4:
        return side.points["collar"]
    slope = float(np.clip(np.polyfit(line[:, 0], line[:, 1], 1)[0], 0.1, 0.9))
    reach = float(line[:, 0].mean()) - _NECK_SIDE * width
    return np.array([_NECK_SIDE * width, float(line[:, 1].mean()) - slope * reach])


def _inseam(side: Side, edges: np.ndarray, axis: float, width: float) -> tuple[np.ndarray, float]:
    """(N, 2) from the armpit along the sleeve's edge towards the body, down to the cuff; and how surely."""
    shoulder, fork = side.points["shoulder"], side.points["fork"]
    if not side.sleeved:
        return fork[None], 1.0
    free = side.between["cuff_inner"][::-1] if "cuff_inner" in side.points else fork[None]
    if fork[1] - shoulder[1] < _DEEPEST * width:
        return free, 1.0
    hidden = _hidden_cuff(side, width)
    expected = shoulder + [-0.08 * width, _ARMHOLE * width]
    line = np.array([expected, fork if hidden is None else hidden]) + (axis, 0)
    seam, contrast = follow_edge(edges, line, reach_px=0.12 * width)
    seam = seam - (axis, 0)
    if hidden is not None:
        return np.vstack([seam, hidden]), 0.25 + 0.4 * contrast
    return np.vstack([seam, free]), 0.35 + 0.5 * contrast


def _hidden_cuff(side: Side, width: float) -> np.ndarray | None:
    """The cuff's inner corner where it lies on the body: the outline shows only part of the cuff then."""
    outer, inner = side.points["cuff_outer"], side.points.get("cuff_inner", side.points["fork"])
    if np.hypot(*(outer - inner)) > 0.5 * _CUFF * width:
        return None
    way = side.between["shoulder"]
    along = way[-1] - way[len(way) // 2]
    along = along / max(float(np.hypot(*along)), 1e-6)
    return outer + _CUFF * width * np.array([-along[1], along[0]])


def _waist(side: Side, armpit: np.ndarray, width: float, trust: float) -> Trusted:
    """The narrowest place of the visible flank, near its middle if straight; inferred where the sleeve hides it."""
    fork, hem = side.points["fork"], side.points["hem"]
    way = side.between["fork"]
    height = max(float(hem[1] - armpit[1]), 1.0)
    if fork[1] - armpit[1] > 0.45 * height:
        return 0.5 * (armpit + hem) - (0.02 * width, 0), 0.4 * trust
    down = (way[:, 1] - armpit[1]) / height
    cost = way[:, 0] / width + 0.5 * (down - 0.52) ** 2 + np.where((down > 0.15) & (down < 0.85), 0, 9)
    return way[int(np.argmin(cost))], 0.9 * trust


def _elbow(side: Side, inseam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """On the centre line, and on the edge towards the body, square to the outer edge half way down."""
    way = side.between["shoulder"]
    i = round(0.52 * (len(way) - 1))
    outer, along = way[i], way[min(i + 8, len(way) - 1)] - way[max(i - 8, 0)]
    along = along / max(float(np.hypot(*along)), 1e-6)
    beside = np.array([-along[1], along[0]])
    inner = inseam[int(np.argmin(np.abs((inseam - outer) @ along)))]
    across = float(np.clip((inner - outer) @ beside, 1.0, None))
    inner = outer + beside * across
    return (outer + inner) / 2, inner


def _centre_anchors(sides: Mapping[str, Side], width: float) -> dict[str, Trusted]:
    collar = float(np.mean([_neck_side(side, width)[1] for side in sides.values()]))
    fronts = [s.between["hem"] for s in sides.values()]
    bottom = max(float(front[front[:, 0] < 0.12 * width][:, 1].max(initial=front[-1, 1])) for front in fronts)
    trust = float(np.mean([_trust(s) for s in sides.values()]))
    return {
        "torso.neck": (np.array([0.0, collar + _NECK_DROP * width]), 0.8 * trust),
        "torso.hem_centre": (np.array([0.0, bottom]), trust),
    }


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
        if not _is_point(value):
            raise _bad_anchor(name, "must be two finite numbers, x and y in pixels of the photo")
        x, y = float(value[0]), float(value[1])
        if not (0 <= x <= hw[1] and 0 <= y <= hw[0]):
            raise _bad_anchor(name, "lies outside the photo", hint=f"the photo is {hw[1]} x {hw[0]} pixels")
        points[name], confidence[name] = (x, y), 1.0
    for name in corrections:
        _refuse_crossed(name, points)
    return Landmarks(points, confidence)


def _is_point(value: object) -> bool:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return False
    return all(isinstance(v, (int, float)) and math.isfinite(v) for v in value)


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
