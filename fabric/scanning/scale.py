"""How large the cloth is: something of known size in its plane.

Owns finding markers, cards and rulers and measuring with them; must not know what the cloth looks like. A marker or
card is small beside the swatch, so its own perspective is a poor measure of the plane's. Where the swatch's corners are
known they give the perspective, and the thing of known size only what they leave open: the scale, and how long the
swatch is for its width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from fabric.scanning.findings import Given, Outline, Scale
from fabric.scanning.rectify import apply, aspect_of
from fabric.scanning.ruler import find_ruler
from fabric.scanning.things import CARD_MM, Thing, has_cards_corners

MARKERS_MM = dict.fromkeys(range(25), 30.0) | dict.fromkeys(range(25, 50), 50.0)
"""Side of the ArUco markers (dictionary DICT_4X4_50) by id, the whole black square: a marker says its own size."""
_UNKNOWN = Scale(None, None, 0.0)
_FOCALS = 0.65, 0.95  # of phones' main cameras, in long sides of the picture
_UNSURE = 0.06  # logarithm of the aspect's spread that halves the confidence
_ASPECT_OFF = 0.09
_MISFIT_OFF = 0.035  # of the card's length, after the swatch's perspective is taken out
_UNEVEN = 0.16  # logarithm of how wrongly the swatch's own aspect may have been guessed


@dataclass(frozen=True)
class _Known:
    """A rectangle of known size in the photo."""

    corners: np.ndarray
    """float64 (4, 2), clockwise."""
    size_mm: tuple[float, float]
    source: Literal["marker", "card"]
    confidence: float


def read_scale(photo: np.ndarray, outline: Outline, given: Given, *, things: tuple[Thing, ...] = ()) -> Scale:
    """Millimetres in the plane of uint8 RGB `photo`: from the swatch's given size, or from what lies beside it, be it a
    marker or a card among the `things`, or a ruler."""
    if given.swatch_mm is not None:
        return Scale(None, "given", 1.0)
    known = _find_marker(things) or _find_card(things, outline, hw=photo.shape[:2])
    if known is not None:
        return Scale(_plane_of(known, outline, hw=photo.shape[:2]), known.source, known.confidence)
    if outline.source != "frame":
        plane = _swatch_plane(outline, aspect_of(outline.corners.astype(np.float64), photo.shape[:2]))
        ruler = find_ruler(photo, outline, plane)
        if ruler is not None:
            confidence = ruler.confidence / (1.0 + _aspect_spread(outline, photo.shape[:2]) / _UNSURE)
            return Scale(np.diag([1 / ruler.units_per_mm] * 2 + [1.0]) @ plane, "ruler", confidence)
    return _UNKNOWN


def _aspect_spread(outline: Outline, hw: tuple[int, int]) -> float:
    """Logarithm of how differently long the swatch would be for its width under a phone's shortest and longest lens: a
    ruler measures one way only, and leaves that open."""
    corners = outline.corners.astype(np.float64)
    short, long = (aspect_of(corners, hw, usual_focal=focal) for focal in _FOCALS)
    return abs(float(np.log(long / short)))


def _find_marker(things: tuple[Thing, ...]) -> _Known | None:
    """The largest marker whose number says its size."""
    known = [thing for thing in things if thing.marker in MARKERS_MM]
    if not known:
        return None
    largest = max(known, key=lambda thing: cv2.contourArea(thing.quad.astype(np.float32)))
    side_mm = MARKERS_MM[largest.marker]
    return _Known(largest.quad, (side_mm, side_mm), "marker", 0.97)


def _find_card(things: tuple[Thing, ...], outline: Outline, *, hw: tuple[int, int]) -> _Known | None:
    """The quadrilateral that, seen square on, has a card's shape and its rounded corners."""
    best: _Known | None = None
    for thing in things:
        if thing.marker is not None or not has_cards_corners(thing):
            continue
        misfit, size_mm = _card_misfit(thing.quad, outline, hw=hw)
        if misfit < 1.0 and (best is None or 0.95 - 0.3 * misfit > best.confidence):
            best = _Known(thing.quad, size_mm, "card", 0.95 - 0.3 * misfit)
    return best


def _card_misfit(quad: np.ndarray, outline: Outline, *, hw: tuple[int, int]) -> tuple[float, tuple[float, float]]:
    """How far a quadrilateral is from a card, 1 for the worst that passes; and its size as its sides run."""
    long_way, short_way = CARD_MM
    aspect = aspect_of(quad, hw)
    lying = aspect >= 1.0
    size_mm = (long_way, short_way) if lying else (short_way, long_way)
    off = abs(np.log((aspect if lying else 1 / aspect) / (long_way / short_way))) / _ASPECT_OFF
    if outline.source == "frame":
        return float(off), size_mm
    swatch = _swatch_plane(outline, aspect_of(outline.corners.astype(np.float64), hw))
    placed = apply(swatch, quad)
    stretch, shape = _fit_axes(placed, size_mm)
    uneven = abs(np.log(stretch[0] / stretch[1])) / _UNEVEN
    return float(max(off, shape / _MISFIT_OFF, uneven)), size_mm


def _plane_of(known: _Known, outline: Outline, *, hw: tuple[int, int]) -> np.ndarray:
    """Homography from the photo to millimetres."""
    width, height = known.size_mm
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    if outline.source == "frame":
        return cv2.getPerspectiveTransform(known.corners.astype(np.float32), target)
    plane = _swatch_plane(outline, aspect_of(outline.corners.astype(np.float64), hw))
    stretch, _ = _fit_axes(apply(plane, known.corners), known.size_mm)
    return np.diag([stretch[0], stretch[1], 1.0]) @ plane


def _swatch_plane(outline: Outline, aspect: float) -> np.ndarray:
    """Homography from the photo onto a rectangle of that aspect, one unit high."""
    target = np.array([[0, 0], [aspect, 0], [aspect, 1], [0, 1]], np.float32)
    return cv2.getPerspectiveTransform(outline.corners.astype(np.float32), target)


def _fit_axes(placed: np.ndarray, size_mm: tuple[float, float]) -> tuple[np.ndarray, float]:
    """Factors on x and y that make a quadrilateral, float (4, 2), a rectangle of that size as nearly as can be.

    Squared lengths and the right angle are linear in the squared factors. Also returns how far it then is from one, as
    a share of the size.
    """
    width, height = size_mm
    sides = np.roll(placed, -1, axis=0) - placed
    wanted = np.array([width, height, width, height]) ** 2
    diagonals = np.array([placed[2] - placed[0], placed[3] - placed[1]])
    matrix = np.vstack([sides**2, diagonals**2])
    goal = np.concatenate([wanted, [width**2 + height**2] * 2])
    weights = 1.0 / goal
    squared, *_ = np.linalg.lstsq(matrix * weights[:, None], goal * weights, rcond=None)
    if (squared <= 0).any():
        return np.ones(2), 9.0
    lengths = np.sqrt(matrix @ squared)
    return np.sqrt(squared), float(np.abs(lengths / np.sqrt(goal) - 1.0).max())
