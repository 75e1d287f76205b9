"""Parts of a photo that may be the swatch: quadrilaterals, roughly.

Owns cutting the photo's look into pieces, in several ways; must not know which of them is the swatch. What lies in the
middle of the photo is taken for cloth and what lies along its rim for table. Both are described by the colours and the
contrast of their texture, and the description and the piece are refined in turns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from fabric.scanning.edges import straighten
from fabric.scanning.looks import LEAST_PX, Look, alike, describe, evidence_for

SMALLEST, SPECK = 0.02, 0.0004
"""Of the photo: a swatch that was meant to be seen, and the smallest that is seen at all."""
MOST_OF_IT = 0.8
"""Of a piece: a thing that makes up more of it is the piece itself."""
_RIM, _MIDDLE = 0.05, 0.36  # of the photo's sides: what is table and what is cloth to begin with
_ROUNDS = 4
_STRANGE = 1.0  # evidence from which a place is unlike the rim
_DISC_PX = 9
_ISLANDS_PX, _AROUND, _LEAST_OFF = 160, 0.22, 8.0  # size of a look, share of it that is around a place, codes of Lab
_MIXED_PX = 7  # what is near an edge is mixed: it describes neither side
_SMEARED_PX = 13  # how far the contrast of one thing shows around it
_BRIDGE = 0.22  # of a piece's size: what is narrower is no part of a swatch
_FILLED = 0.85  # of the quadrilateral that the piece it was read from has to fill
_MOST_ALIKE = 0.8  # overlap of what is inside and outside from which both are one cloth


def find_pieces(look: Look, things: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """float64 (4, 2), clockwise, for each part that stands out, is large enough and nearly a quadrilateral.

    What the middle of the photo leads to, what is unlike its rim, what has a closed edge, what has most texture; and of
    each what is left of it without the `things` that it hangs on: outlines (4, 2) of what is known to be one thing, the
    swatch perhaps too. All in pixels of `look`.
    """
    h, w = look.texture.shape
    least_px = round(SMALLEST * h * w)
    away = _away_from_the_middle(look)
    masks = list(_parted(look, away < _MIDDLE, away > 1 - 2 * _RIM, least_px=least_px))
    for mask in _strange(look, least_px):
        masks += (*_parted(look, mask, away > 1 - 2 * _RIM, least_px=least_px), mask)
    masks += _bounded(look, least_px)
    # Contrast is measured over some pixels, so it reaches beyond the edge of what has it.
    rough = (look.texture > cv2.threshold(look.texture, 0, 255, cv2.THRESH_OTSU)[0]).astype(np.uint8)
    masks += _components(cv2.erode(rough, disc(_DISC_PX)), least_px)
    return _quads(look, masks, things, least_px)


def find_specks(look: Look, things: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """The same for parts that are too small for what somebody wanted to show."""
    least_px = round(SPECK * look.texture.size)
    masks = [*_islands(look, least_px), *_bounded(look, least_px), *_strange(look, least_px)]
    return _quads(look, masks, things, least_px)


def _quads(look: Look, masks: list[np.ndarray], things: Sequence[np.ndarray], least_px: int) -> Iterator[np.ndarray]:
    kept: list[np.ndarray] = []
    for part in [part for mask in masks for part in (*_without(mask, things, least_px), *_cores(mask, least_px), mask)]:
        if all((part & other).sum() < 0.85 * (part | other).sum() for other in kept):
            kept.append(part)
            quad = _quad_of(part) if _stands_out(look, part) else None
            if quad is not None:
                yield quad


def _away_from_the_middle(look: Look) -> np.ndarray:
    """float (h, w): 0 in the middle, 1 along the rim."""
    h, w = look.texture.shape
    y, x = np.mgrid[0:h, 0:w]
    return np.maximum(np.abs(x - (w - 1) / 2) / w, np.abs(y - (h - 1) / 2) / h) * 2


def _strange(look: Look, least_px: int) -> Iterator[np.ndarray]:
    """bool masks of what is unlike the photo's rim."""
    rim = _away_from_the_middle(look) > 1 - 2 * _RIM
    evidence = evidence_for(look, describe(look, ~rim), describe(look, rim))
    return _components(cv2.GaussianBlur(evidence, (0, 0), 2.0) > _STRANGE, least_px)


def _stands_out(look: Look, mask: np.ndarray) -> bool:
    """Whether a piece looks unlike what lies around it, where the light is the same."""
    size = int(math.sqrt(mask.sum()))
    inner = cv2.erode(mask.astype(np.uint8), disc(_MIXED_PX)) > 0
    near = cv2.dilate(mask.astype(np.uint8), disc(_MIXED_PX)) > 0
    reach = max(11, size // 3) | 1
    around = (cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0) & ~near
    if min(inner.sum(), around.sum()) < LEAST_PX:
        return False
    return alike(describe(look, inner), describe(look, around)) <= _MOST_ALIKE


def _bounded(look: Look, least_px: int) -> Iterator[np.ndarray]:
    """bool masks of what a closed edge runs around, in any channel."""
    for channel in range(3):
        plane = cv2.GaussianBlur(look.lab[..., channel], (0, 0), 1.0)
        noise = float(np.median(np.abs(cv2.Laplacian(plane, cv2.CV_32F))))
        high = max(14.0 if channel else 24.0, 9.0 * noise)
        edges = cv2.Canny(plane, 0.4 * high, high)
        edges = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, disc(_DISC_PX))
        contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            area = cv2.contourArea(contour)
            if area > least_px and area > 0.8 * cv2.contourArea(cv2.convexHull(contour)):
                yield cv2.drawContours(np.zeros_like(plane), [contour], -1, 1, cv2.FILLED) > 0


def _islands(look: Look, least_px: int) -> Iterator[np.ndarray]:
    """bool masks of what is small and unlike what is all around it, wherever the light falls."""
    h, w = look.texture.shape
    small = cv2.resize(look.lab, (_ISLANDS_PX, max(8, _ISLANDS_PX * h // w)), interpolation=cv2.INTER_AREA)
    around = cv2.resize(cv2.medianBlur(small, round(_AROUND * _ISLANDS_PX) | 1), (w, h))
    off = np.linalg.norm(look.lab.astype(np.float32) - around, axis=2)
    least = max(_LEAST_OFF, 4.0 * float(np.median(off)))
    for level in (least, 2.0 * least, 4.0 * least):  # a highlight beside it is less unlike the table than dark cloth
        yield from _components(off > level, least_px)


def _parted(look: Look, cloth_at: np.ndarray, table_at: np.ndarray, *, least_px: int) -> list[np.ndarray]:
    """Refine a guess of what is cloth: bool masks of the solid pieces of the result."""
    cloth, table = describe(look, cloth_at), describe(look, table_at)
    pieces: list[np.ndarray] = []
    for _ in range(_ROUNDS):
        evidence = cv2.GaussianBlur(evidence_for(look, cloth, table), (0, 0), 2.5)
        pieces = list(_components(evidence > 0, least_px))
        if not pieces:
            return []
        mask = max(pieces, key=lambda piece: float((piece & cloth_at).sum() / math.sqrt(piece.sum())))
        if mask.mean() > 0.97:
            return []
        # What is near the edge is mixed: it describes neither.
        inner = cv2.erode(mask.astype(np.uint8), disc(_MIXED_PX)) > 0
        outer = cv2.dilate(mask.astype(np.uint8), disc(_MIXED_PX)) == 0
        if min(inner.sum(), outer.sum()) < LEAST_PX:
            return []
        cloth, table = describe(look, inner), describe(look, outer)
    return pieces[:3]


def _components(mask: np.ndarray, least_px: int) -> Iterator[np.ndarray]:
    """bool masks of the solid pieces, without holes, the largest first."""
    return _solid(mask, _DISC_PX, least_px)


def _cores(mask: np.ndarray, least_px: int) -> Iterator[np.ndarray]:
    """What is left of a piece without the tabs and bridges by which it hangs on others."""
    return _solid(mask, round(_BRIDGE * math.sqrt(float(mask.sum()))), least_px)


def _without(mask: np.ndarray, things: Sequence[np.ndarray], least_px: int) -> Iterator[np.ndarray]:
    """What is left of a piece without each thing that makes up some of it."""
    taken = np.zeros(mask.shape, np.uint8)
    for thing in things:
        area = float(cv2.contourArea(thing.astype(np.float32)))
        if fill(np.zeros_like(taken), thing)[mask].sum() > 0.5 * area and area < MOST_OF_IT * mask.sum():
            fill(taken, thing)
    if taken.any():
        yield from _cores(mask & (cv2.dilate(taken, disc(_SMEARED_PX)) == 0), least_px)


def _solid(mask: np.ndarray, width_px: int, least_px: int) -> Iterator[np.ndarray]:
    """bool masks of the pieces that are nowhere narrower than that."""
    # An opening by a disc, by way of distances: those take the same time for any width.
    core = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5) > width_px / 2
    opened = (cv2.distanceTransform((~core).astype(np.uint8), cv2.DIST_L2, 5) <= width_px / 2).astype(np.uint8)
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:4]:
        if cv2.contourArea(contour) > 0.6 * least_px:
            yield cv2.drawContours(np.zeros_like(opened), [contour], -1, 1, cv2.FILLED) > 0


def disc(width_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width_px | 1, width_px | 1))


def fill(mask: np.ndarray, corners: np.ndarray) -> np.ndarray:
    return cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)


def _quad_of(mask: np.ndarray) -> np.ndarray | None:
    """float64 (4, 2): the quadrilateral that the mask is closest to, clockwise."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    hull = cv2.convexHull(contour)
    if cv2.contourArea(contour) < 0.75 * cv2.contourArea(hull) or len(hull) < 4:
        return None
    quad = cv2.approxPolyN(hull, 4, ensure_convex=True).reshape(4, 2).astype(np.float64)
    if cv2.contourArea(quad.astype(np.float32), oriented=True) < 0:
        quad = quad[::-1].copy()
    quad = straighten(mask, quad)
    return (
        quad
        if fill(np.zeros(mask.shape, np.uint8), quad)[mask].sum() > _FILLED * cv2.contourArea(quad.astype(np.float32))
        else None
    )
