"""Where in the photo the swatch lies: its four corners.

Owns which parts of the photo may be the swatch and which of them is; must not know scale or light. What lies in the
middle of the photo is taken for cloth and what lies along its rim for table. Both are described by the colours and the
contrast of their texture, the description and the mask are refined in turns, and each side of the mask is then followed
at a finer size: along every line that crosses it, the edge is where cloth ends most likely.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from fabric.scanning.edges import follow_sides, turns
from fabric.scanning.findings import Given, Outline
from fabric.scanning.looks import Look, alike, count_colours, describe, evidence_for, is_paper, look_at
from fabric.scanning.things import Thing, covers, is_card
from utils.errors import InputError
from utils.images import shrink_to

_COARSE_PX, _FINE_PX = 320, 1600
_RIM, _MIDDLE = 0.05, 0.36  # of the photo's sides: what is table and what is cloth to begin with
_ROUNDS = 4
_SMALLEST = 0.02  # of the photo that a swatch has to fill
_STRANGE = 1.0  # evidence from which a place is unlike the rim
_WOVEN_TEXTURE = 140  # of most cloth
_MANY_COLOURS, _MOST_COLOURS, _MOST_PATCHES = 8, 25, 8
_STICK = 3.5
_PLAIN_WORTH, _STICK_WORTH = 0.5, 0.3
_DISC_PX = 9
_BRIDGE = 0.22  # of a piece's size: what is narrower is no part of a swatch
_FILLED = 0.85  # of the quadrilateral that the piece it was read from has to fill
_MOST_ALIKE = 0.8  # overlap of what is inside and outside from which both are one cloth


def find_outline(photo: np.ndarray, given: Given, *, things: tuple[Thing, ...] = ()) -> Outline:
    """The swatch's corners in uint8 RGB (H, W, 3). Among its `things`, cards and markers are not taken for it.

    Raises:
        InputError: bad_corners, where given ones make no quadrilateral within the photo.
    """
    if given.corners is not None:
        return Outline(check_corners(given.corners, hw=photo.shape[:2]), "given", 1.0)
    found = _find(photo, things)
    return found if found is not None else Outline(frame_corners(photo.shape[:2]), "frame", 0.5)


def frame_corners(hw: tuple[int, int]) -> np.ndarray:
    """float32 (4, 2): the corners of a whole picture, at the middles of its corner pixels."""
    h, w = hw
    return np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)


def check_corners(corners: np.ndarray, *, hw: tuple[int, int]) -> np.ndarray:
    """float32 (4, 2), clockwise, from the first one given.

    Raises:
        InputError: bad_corners.
    """
    hint = "give four corners in order, from the cloth's top left clockwise, in pixels of the photo"
    points = np.asarray(corners, np.float64)
    if points.shape != (4, 2) or not np.isfinite(points).all():
        raise InputError("bad_corners", "a swatch has four corners of two numbers each", hint=hint)
    h, w = hw
    if (points < -0.5).any() or (points > np.array([w, h]) - 0.5).any():
        raise InputError("bad_corners", "a corner lies outside the photo", hint=hint)
    sides = np.roll(points, -1, axis=0) - points
    bends = turns(sides)
    if not ((bends > 0).all() or (bends < 0).all()):
        raise InputError("bad_corners", "the sides between the corners cross or bend inwards", hint=hint)
    if abs(cv2.contourArea(points.astype(np.float32))) < 40.0 * 40.0:
        raise InputError("swatch_too_small", "the swatch is too small in the photo", hint="go closer to the cloth")
    ordered = points if bends[0] > 0 else points[[0, 3, 2, 1]]
    return ordered.astype(np.float32)


def _find(photo: np.ndarray, things: tuple[Thing, ...]) -> Outline | None:
    """The outline, or None where no edge of the cloth can be made out."""
    hw = photo.shape[:2]
    coarse = look_at(photo, long_side_px=_COARSE_PX)
    fine, _ = shrink_to(photo, _FINE_PX)
    others = [thing for thing in things if thing.marker is not None or is_card(thing, hw)]
    best: tuple[float, Outline] | None = None
    for quad in (*_quads(coarse, hw), *_large(things, hw)):
        outline = _refined(quad, coarse, fine, photo_hw=hw)
        if outline is None or any(covers(other, outline.corners) for other in others):
            continue
        score = outline.confidence**3 * _worth(outline, coarse, things, photo_hw=hw)
        if score > 0.0 and (best is None or score > best[0]):
            best = score, outline
    return best[1] if best is not None else None


def _quads(look: Look, photo_hw: tuple[int, int]) -> Iterator[np.ndarray]:
    """float64 (4, 2) in the photo for each part that stands out and is nearly a quadrilateral."""
    scale = look.texture.shape[1] / photo_hw[1]
    for mask in _candidates(look):
        quad = _quad_of(mask)
        if quad is not None:
            yield (quad + 0.5) / scale - 0.5


def _large(things: tuple[Thing, ...], photo_hw: tuple[int, int]) -> Iterator[np.ndarray]:
    """float64 (4, 2) of each thing that is large enough to be a swatch, once."""
    kept: list[Thing] = []
    for thing in things:
        area = cv2.contourArea(thing.quad.astype(np.float32))
        if area > _SMALLEST * photo_hw[0] * photo_hw[1] and not any(covers(one, thing.quad) for one in kept):
            kept.append(thing)
            yield thing.quad


def _refined(quad: np.ndarray, coarse: Look, fine: np.ndarray, *, photo_hw: tuple[int, int]) -> Outline | None:
    """The quadrilateral with its sides put where cloth ends; None where they cannot be made out."""
    scale = fine.shape[1] / photo_hw[1]
    found = follow_sides(fine, coarse, (quad + 0.5) * scale - 0.5)
    if found is None:
        return None
    corners, support = found
    h, w = photo_hw
    corners = np.clip((corners + 0.5) / scale - 0.5, 0.0, [w - 1, h - 1])
    if cv2.contourArea(corners.astype(np.float32)) < _SMALLEST * h * w:
        return None
    return Outline(_from_top_left(corners), "found", support)


def _worth(outline: Outline, coarse: Look, things: tuple[Thing, ...], *, photo_hw: tuple[int, int]) -> float:
    """How much a quadrilateral looks like what somebody wanted to show: large, near the middle, and of cloth."""
    h, w = photo_hw
    scale = coarse.texture.shape[1] / w
    inside = np.zeros_like(coarse.texture)
    cv2.fillConvexPoly(inside, np.round(outline.corners * scale).astype(np.int32), 1)
    inside = cv2.erode(inside, np.ones((7, 7), np.uint8)) > 0
    if not inside.any() or _is_chart(outline, coarse, inside, things):
        return 0.0
    area = cv2.contourArea(outline.corners) / (h * w)
    middle = outline.corners.mean(axis=0) / (w, h) - 0.5
    paper = _PLAIN_WORTH if is_paper(coarse, inside) else 1.0
    woven = float(np.clip(np.median(coarse.texture[inside]) / _WOVEN_TEXTURE, 0.45, 1.0))
    sides = np.hypot(*(np.roll(outline.corners, -1, axis=0) - outline.corners).T)
    stick = _STICK_WORTH if sides.max() > _STICK * sides.min() else 1.0
    return stick * paper * woven * math.sqrt(area) * (1.0 - 0.8 * float(np.hypot(*middle)))


def _is_chart(outline: Outline, coarse: Look, inside: np.ndarray, things: tuple[Thing, ...]) -> bool:
    """Whether there are more hues than in any cloth, or many and patches of them."""
    colours = count_colours(coarse, inside)
    ring = outline.corners.reshape(-1, 1, 2)
    patches = [
        t for t in things if cv2.pointPolygonTest(ring, t.quad.mean(axis=0).astype(np.float32).tolist(), True) > 0
    ]
    return colours > _MOST_COLOURS or (colours > _MANY_COLOURS and len(patches) > _MOST_PATCHES)


def _candidates(look: Look) -> Iterator[np.ndarray]:
    """bool (h, w) of each part that may be the swatch.

    What the middle of the photo leads to, what is unlike its rim, what has a closed edge, what has most texture.
    """
    h, w = look.texture.shape
    y, x = np.mgrid[0:h, 0:w]
    away = np.maximum(np.abs(x - (w - 1) / 2) / w, np.abs(y - (h - 1) / 2) / h) * 2
    table_at = away > 1 - 2 * _RIM
    masks = list(_parted(look, away < _MIDDLE, table_at))
    strange = cv2.GaussianBlur(evidence_for(look, describe(look, ~table_at), describe(look, table_at)), (0, 0), 2.0)
    for mask in _components(strange > _STRANGE):
        masks += _parted(look, mask, table_at)
    masks += _bounded(look)
    masks += _components(look.texture > cv2.threshold(look.texture, 0, 255, cv2.THRESH_OTSU)[0])
    kept: list[np.ndarray] = []
    for part in [part for mask in masks for part in (*_cores(mask), mask)]:
        if all((part & other).sum() < 0.85 * (part | other).sum() for other in kept):
            kept.append(part)
            if _stands_out(look, part):
                yield part


def _stands_out(look: Look, mask: np.ndarray) -> bool:
    """Whether a piece looks unlike what lies around it, where the light is the same."""
    size = int(math.sqrt(mask.sum()))
    inner = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    near = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    reach = max(11, size // 3) | 1
    around = (cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0) & ~near
    if inner.sum() < 60 or around.sum() < 60:
        return False
    return alike(describe(look, inner), describe(look, around)) <= _MOST_ALIKE


def _bounded(look: Look) -> Iterator[np.ndarray]:
    """bool masks of what a closed edge runs around, in any channel."""
    for channel in range(3):
        plane = cv2.GaussianBlur(look.lab[..., channel], (0, 0), 1.0)
        noise = float(np.median(np.abs(cv2.Laplacian(plane, cv2.CV_32F))))
        high = max(14.0 if channel else 24.0, 9.0 * noise)
        edges = cv2.Canny(plane, 0.4 * high, high)
        edges = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, _disc(_DISC_PX))
        contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        for contour in contours:
            area = cv2.contourArea(contour)
            if area > _SMALLEST * plane.size and area > 0.8 * cv2.contourArea(cv2.convexHull(contour)):
                yield cv2.drawContours(np.zeros_like(plane), [contour], -1, 1, cv2.FILLED) > 0


def _parted(look: Look, cloth_at: np.ndarray, table_at: np.ndarray) -> list[np.ndarray]:
    """Refine a guess of what is cloth: bool masks of the solid pieces of the result."""
    cloth, table = describe(look, cloth_at), describe(look, table_at)
    pieces: list[np.ndarray] = []
    for _ in range(_ROUNDS):
        evidence = cv2.GaussianBlur(evidence_for(look, cloth, table), (0, 0), 2.5)
        pieces = list(_components(evidence > 0))
        if not pieces:
            return []
        mask = max(pieces, key=lambda piece: float((piece & cloth_at).sum() / math.sqrt(piece.sum())))
        if mask.mean() > 0.97:
            return []
        # What is near the edge is mixed: it describes neither.
        inner = cv2.erode(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        outer = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
        if inner.sum() < 60 or outer.sum() < 60:
            return []
        cloth, table = describe(look, inner), describe(look, outer)
    return pieces[:3]


def _components(mask: np.ndarray) -> Iterator[np.ndarray]:
    """bool masks of the solid pieces, without holes, the largest first."""
    return _solid(mask, _DISC_PX)


def _cores(mask: np.ndarray) -> Iterator[np.ndarray]:
    """What is left of a piece without the tabs and bridges by which it hangs on others."""
    return _solid(mask, round(_BRIDGE * math.sqrt(float(mask.sum()))))


def _solid(mask: np.ndarray, width_px: int) -> Iterator[np.ndarray]:
    """bool masks of the pieces that are nowhere narrower than that."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, _disc(width_px))
    contours, _ = cv2.findContours(opened, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:4]:
        if cv2.contourArea(contour) > 0.6 * _SMALLEST * mask.size:
            yield cv2.drawContours(np.zeros_like(opened), [contour], -1, 1, cv2.FILLED) > 0


def _disc(width_px: int) -> np.ndarray:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width_px | 1, width_px | 1))


def _quad_of(mask: np.ndarray) -> np.ndarray | None:
    """float64 (4, 2): the quadrilateral that the mask is closest to, clockwise."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea)
    hull = cv2.convexHull(contour)
    if cv2.contourArea(contour) < 0.75 * cv2.contourArea(hull) or len(hull) < 4:
        return None
    quad = cv2.approxPolyN(hull, 4, ensure_convex=True).reshape(4, 2).astype(np.float64)
    if mask.sum() < _FILLED * cv2.contourArea(quad.astype(np.float32)):
        return None
    return quad if cv2.contourArea(quad.astype(np.float32), oriented=True) > 0 else quad[::-1].copy()


def _from_top_left(corners: np.ndarray) -> np.ndarray:
    """The same clockwise order, beginning with the corner nearest to the photo's top left."""
    first = int(np.argmin(corners.sum(axis=1)))
    return np.roll(corners, -first, axis=0).astype(np.float32)
