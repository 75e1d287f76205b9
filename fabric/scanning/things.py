"""Things with straight sides that lie beside the swatch: cards, sheets of paper, markers.

Owns finding their outlines; must not know what they are good for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fabric.scanning.findings import Outline
from fabric.scanning.rectify import apply, aspect_of
from fabric.scanning.sides import settle
from utils.images import shrink_to

_SEARCH_PX = 1400
_TWICE_PX = 1.5
_MOST_SETTLED = 24  # of the largest: what is smaller and so many is a pattern
_GAP_PX = 7  # in the edges of all channels together
_SHARE = 0.003, 0.35  # of the photo
_LEAST_POINTS = 80
_SOLID = 0.97
_CLOSED = 0.78  # of the way around a thing that its edge has to be seen
_MARKER_PX = 2000
_REACH_PX = 2.5  # of the search: how far off a side may have been read
_SAME, _PRINTED = 0.8, 0.2  # share of a quadrilateral that a thing has to fill to be it
CARD_MM = 85.60, 53.98
"""ISO/IEC 7810 ID-1: bank cards, identity cards, many customer cards."""
_CORNER_CUT = 3.18 * (math.sqrt(2) - 1) / CARD_MM[0]  # from a card's rounded corner to where its sides would meet
_CUT_RANGE = 0.75, 2.0
_LEAST_CUT_PX = 2.0  # a lens rounds sharp corners by as much


@dataclass(frozen=True)
class Thing:
    """One of them, in pixels of the photo."""

    outline: np.ndarray
    """float64 (N, 2): its convex outline, about a point a pixel of the search."""
    quad: np.ndarray
    """float64 (4, 2), clockwise: where its straight sides meet, or would without rounded corners."""
    marker: int | None = None
    """The number of an ArUco marker (dictionary DICT_4X4_50); None for anything else."""


def find_things(photo: np.ndarray) -> tuple[Thing, ...]:
    """What stands out from its surroundings in lightness or colour in uint8 RGB (H, W, 3), the swatch perhaps too."""
    small, scale = shrink_to(photo, _SEARCH_PX)
    found: list[Thing] = []
    read: list[np.ndarray] = []
    for contour in _contours(small):
        hull = cv2.convexHull(contour)
        area = cv2.contourArea(hull)
        if not _SHARE[0] <= area / small[..., 0].size <= _SHARE[1]:
            continue
        if cv2.contourArea(contour) < _SOLID * area and not _nearly_closed(contour, hull):
            continue
        quad = _straight_sides(hull)
        if quad is None or any(_same(quad, other) for other in read):
            continue
        read.append(quad)
        points, quad = ((part + 0.5) / scale - 0.5 for part in (_dense(hull.reshape(-1, 2).astype(np.float64)), quad))
        found.append(Thing(points, quad))
    found.sort(key=lambda thing: -cv2.contourArea(thing.quad.astype(np.float32)))
    exact = [_settled(photo, thing, reach_px=_REACH_PX / scale) for thing in (*_markers(photo), *found[:_MOST_SETTLED])]
    return (*exact, *found[_MOST_SETTLED:])


def _settled(photo: np.ndarray, thing: Thing, *, reach_px: float) -> Thing:
    """The same thing with its sides where they are in the photo, its outline carried along."""
    quad = settle(photo, thing.quad, reach_px=reach_px)
    carry = cv2.getPerspectiveTransform(thing.quad.astype(np.float32), quad.astype(np.float32))
    return replace(thing, outline=apply(carry, thing.outline), quad=quad)


def beside(things: tuple[Thing, ...], outline: Outline) -> tuple[Thing, ...]:
    """Those that are neither the swatch nor a part of its pattern."""
    return tuple(thing for thing in things if not _is_swatch(thing.quad, outline))


def covers(thing: Thing, corners: np.ndarray) -> bool:
    """Whether a quadrilateral, float32 (4, 2), is that thing's; a marker's has some paper around it."""
    quad = thing.quad.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(quad, corners.astype(np.float32))
    least = _PRINTED if thing.marker is not None else _SAME
    return shared > least * max(cv2.contourArea(quad), cv2.contourArea(corners.astype(np.float32)))


def is_card(thing: Thing, hw: tuple[int, int]) -> bool:
    """Whether a thing in a photo of that size has a card's corners and, seen square on, a card's sides."""
    off = abs(abs(math.log(aspect_of(thing.quad, hw))) - math.log(CARD_MM[0] / CARD_MM[1]))
    return off < 0.08 and has_cards_corners(thing)


def has_cards_corners(thing: Thing) -> bool:
    """Whether the outline keeps as far from where its sides would meet as a card's does, at most corners."""
    sides = np.hypot(*(np.roll(thing.quad, -1, axis=0) - thing.quad).T)
    expected = _CORNER_CUT * (sides.max() + np.sort(sides)[-2]) / 2
    cuts = np.sort([np.hypot(*(thing.outline - corner).T).min() for corner in thing.quad])
    if expected < _LEAST_CUT_PX:
        return False
    return bool(_CUT_RANGE[0] * expected + 0.3 < cuts[1] and cuts[2] < _CUT_RANGE[1] * expected + 1.0)


def _markers(photo: np.ndarray) -> list[Thing]:
    small, scale = shrink_to(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), _MARKER_PX)
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    quads, numbers, _ = cv2.aruco.ArucoDetector(dictionary, parameters).detectMarkers(small)
    corners = [(quad.reshape(4, 2).astype(np.float64) + 0.5) / scale - 0.5 for quad in quads]
    return [
        Thing(_dense(quad), quad, int(number))
        for quad, number in zip(corners, [] if numbers is None else numbers.ravel(), strict=True)
    ]


def _same(quad: np.ndarray, other: np.ndarray) -> bool:
    """Whether two quadrilaterals of the search are one, read from both sides of an edge or in two channels."""
    nearest = np.abs(quad[:, None] - other[None]).sum(axis=2).min(axis=1)
    return bool(nearest.max() < _TWICE_PX)


def _nearly_closed(contour: np.ndarray, hull: np.ndarray) -> bool:
    """Whether an edge runs around nearly all of its hull, and only some gaps keep it from being a closed one."""
    if cv2.arcLength(contour, True) < _CLOSED * cv2.arcLength(hull, True):
        return False
    x, y, w, h = cv2.boundingRect(hull)
    seen = np.zeros((h + 4, w + 4), np.uint8)
    cv2.polylines(seen, [contour - [x - 2, y - 2]], True, 1, thickness=5)
    around = np.round(_dense(hull.reshape(-1, 2).astype(np.float64))).astype(int) - [x - 2, y - 2]
    return float(seen[around[:, 1], around[:, 0]].mean()) > _CLOSED


def _contours(small: np.ndarray) -> list[np.ndarray]:
    found: list[np.ndarray] = []
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 1.0), cv2.COLOR_RGB2Lab)
    edges = [cv2.Canny(lab[..., channel], 14 if channel else 18, 35 if channel else 50) for channel in range(3)]
    # A card that is printed in several colours stands out here by one of them and there by another.
    for seen, gap_px in (*((one, 3) for one in edges), (edges[0] | edges[1] | edges[2], _GAP_PX)):
        closed = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, np.ones((gap_px, gap_px), np.uint8))
        contours, _ = cv2.findContours(closed, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        found += [contour for contour in contours if len(contour) > _LEAST_POINTS]
    return found


def _straight_sides(hull: np.ndarray) -> np.ndarray | None:
    """float64 (4, 2) clockwise: where the straight parts of a rounded rectangle's sides would meet."""
    if len(hull) < 4:
        return None
    rough = cv2.approxPolyN(hull, 4, ensure_convex=True).reshape(4, 2).astype(np.float64)
    if cv2.contourArea(rough.astype(np.float32), oriented=True) < 0:
        rough = rough[::-1].copy()
    outline = _dense(hull.reshape(-1, 2).astype(np.float64))
    lines = []
    for k in range(4):
        start, side = rough[k], rough[(k + 1) % 4] - rough[k]
        length = float(np.hypot(*side))
        if length < 12:
            return None
        along = (outline - start) @ side / length**2
        off = np.abs((outline[:, 0] - start[0]) * side[1] - (outline[:, 1] - start[1]) * side[0]) / length
        near = outline[(along > 0.14) & (along < 0.86) & (off < 0.06 * length + 2)]
        if len(near) < 12:
            return None
        vx, vy, x, y = cv2.fitLine(near.astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01).ravel()
        lines.append(np.array([vy, -vx, vx * y - vy * x]))
        if np.abs(near @ lines[-1][:2] + lines[-1][2]).mean() > 0.008 * length + 0.7:
            return None
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if any(abs(corner[2]) < 1e-9 for corner in corners):
        return None
    return np.array([corner[:2] / corner[2] for corner in corners])


def _dense(points: np.ndarray) -> np.ndarray:
    """Points along a closed polygon, about one a pixel."""
    following = np.roll(points, -1, axis=0)
    steps = np.maximum(1, np.hypot(*(following - points).T).astype(int))
    return np.concatenate(
        [a + (b - a) * np.arange(n)[:, None] / n for a, b, n in zip(points, following, steps, strict=True)]
    )


def _is_swatch(quad: np.ndarray, outline: Outline) -> bool:
    """Whether a quadrilateral is the swatch itself or a part of its pattern."""
    if outline.source == "frame":
        return False
    corners = outline.corners.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(quad.astype(np.float32), corners)
    return shared > 0.3 * min(cv2.contourArea(quad.astype(np.float32)), cv2.contourArea(corners))
