"""Where in the photo the swatch lies: its four corners.

Owns which of the parts that may be the swatch is; must not know scale or light. Each part's sides are followed at a
finer size, to where cloth ends most likely. What is left is judged by how well its sides are seen, whether all within
is one stuff, and how much it looks like what somebody wanted to show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from fabric.scanning.edges import Close, follow_sides, turns
from fabric.scanning.findings import Given, Outline
from fabric.scanning.looks import LEAST_PX, Look, count_colours, describe, evidence_for, explained, is_paper, look_at
from fabric.scanning.pieces import MOST_OF_IT, SMALLEST, disc, fill, find_pieces
from fabric.scanning.things import Thing, covers, is_card
from utils.errors import InputError

_COARSE_PX = 320
_WOVEN_TEXTURE = 140  # of most cloth
_MANY_COLOURS, _MOST_COLOURS, _MOST_PATCHES = 8, 25, 8
_STICK = 3.5
_PLAIN_WORTH, _STICK_WORTH = 0.5, 0.3
_TOUCHING = 0.2  # of the smaller one's area: what shares less with a quadrilateral lies beside it
_UNSURE = 0.03  # of its size by which a thing's own outline may be off
_AROUND = 0.1  # of the diagonal: how far the table is looked at around an outline
_STRIPE = 0.02  # of the diagonal: deviation over which evidence is averaged
_MOST_TABLE = 0.04  # of an outline's inside; cloth has none, the gap between two things that are taken for one has more
_EXPLAINED = 0.3  # of a thing's places: a pattern's own parts have their like elsewhere in it
_HOLDS_OTHERS = 0.5  # what an outline is worth that holds something else: a card may lie on the cloth


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
    close = Close.of(photo)
    others = [thing for thing in things if thing.marker is not None or is_card(thing, hw)]
    best: tuple[float, Outline] | None = None
    for quad in (*_pieces(coarse, things, hw), *_large(things, hw)):
        outline = _refined(quad, close, things, photo_hw=hw)
        if outline is None or any(covers(other, outline.corners) for other in others):
            continue
        score = outline.confidence**3 * _without_others(outline, coarse, things, photo_hw=hw)
        score *= _of_one_stuff(outline, coarse, others, photo_hw=hw)
        score *= _worth(outline, coarse, things, photo_hw=hw)
        if score > 0.0 and (best is None or score > best[0]):
            best = score, outline
    return best[1] if best is not None else None


def _pieces(look: Look, things: tuple[Thing, ...], photo_hw: tuple[int, int]) -> Iterator[np.ndarray]:
    """float64 (4, 2) in the photo of each part of its look that may be the swatch."""
    scale = look.texture.shape[1] / photo_hw[1]
    for quad in find_pieces(look, [thing.quad * scale for thing in things]):
        yield (quad + 0.5) / scale - 0.5


def _large(things: tuple[Thing, ...], photo_hw: tuple[int, int]) -> Iterator[np.ndarray]:
    """float64 (4, 2) of each thing that is large enough to be a swatch, once."""
    kept: list[Thing] = []
    for thing in things:
        area = cv2.contourArea(thing.quad.astype(np.float32))
        if area > SMALLEST * photo_hw[0] * photo_hw[1] and not any(covers(one, thing.quad) for one in kept):
            kept.append(thing)
            yield thing.quad


def _refined(quad: np.ndarray, close: Close, things: tuple[Thing, ...], *, photo_hw: tuple[int, int]) -> Outline | None:
    """The quadrilateral with its sides put where cloth ends; None where they cannot be made out."""
    beside = [_shrunk(thing.quad) for thing in things if _lies_beside(thing.quad, quad)]
    found = follow_sides(close, quad, beside=beside)
    if found is None:
        return None
    corners, support = found
    h, w = photo_hw
    corners = np.clip(corners, 0.0, [w - 1, h - 1])
    if cv2.contourArea(corners.astype(np.float32)) < SMALLEST * h * w:
        return None
    return Outline(_from_top_left(corners), "found", support)


def _lies_beside(other: np.ndarray, quad: np.ndarray) -> bool:
    """Whether a thing is neither the quadrilateral, nor a part of it, nor something that it is a part of."""
    one, two = other.astype(np.float32), quad.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(one, two)
    return shared < _TOUCHING * min(cv2.contourArea(one), cv2.contourArea(two))


def _shrunk(quad: np.ndarray) -> np.ndarray:
    middle = quad.mean(axis=0)
    return middle + (1.0 - _UNSURE) * (quad - middle)


def _of_one_stuff(outline: Outline, coarse: Look, others: list[Thing], *, photo_hw: tuple[int, int]) -> float:
    """1 where all within the outline looks like cloth; 0 where some of it looks like the table around it instead.

    An outline around a swatch and a card holds what lies between them.
    """
    scale = coarse.texture.shape[1] / photo_hw[1]
    size = float(np.hypot(*np.ptp(outline.corners, axis=0))) * scale
    taken = np.zeros_like(coarse.texture)
    for other in others:
        fill(taken, other.quad * scale)
    taken = cv2.dilate(taken, np.ones((5, 5), np.uint8))
    inside = fill(np.zeros_like(taken), outline.corners * scale)
    near = cv2.dilate(inside, np.ones((7, 7), np.uint8))
    around = cv2.dilate(near, disc(round(2 * _AROUND * size)))
    cloth_at = (cv2.erode(inside, np.ones((7, 7), np.uint8)) > 0) & (taken == 0)
    table_at = (around > near) & (taken == 0)
    if min(cloth_at.sum(), table_at.sum()) < LEAST_PX:
        return 1.0
    evidence = evidence_for(coarse, describe(coarse, cloth_at), describe(coarse, table_at))
    # Averaged over more than a stripe: some of those may have the table's colour.
    weight = cloth_at.astype(np.float32)
    sigma = max(1.5, _STRIPE * size)
    evidence = cv2.GaussianBlur(evidence * weight, (0, 0), sigma)
    return max(0.0, 1.0 - float((evidence[cloth_at] < 0.0).mean()) / _MOST_TABLE)


def _without_others(outline: Outline, coarse: Look, things: tuple[Thing, ...], *, photo_hw: tuple[int, int]) -> float:
    """1, or less where there is a thing within the outline whose colours are found nowhere else in it."""
    scale = coarse.texture.shape[1] / photo_hw[1]
    inside = fill(np.zeros_like(coarse.texture), outline.corners * scale)
    for thing in things:
        within = fill(np.zeros_like(inside), thing.quad * scale)
        share = float((within & inside).sum() / max(int(within.sum()), 1))
        if share > 0.9 and LEAST_PX < within.sum() < MOST_OF_IT * inside.sum():
            there, rest = cv2.erode(within, np.ones((3, 3), np.uint8)) > 0, (inside > within)
            if explained(coarse, there, rest) < _EXPLAINED:
                return _HOLDS_OTHERS
    return 1.0


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


def _from_top_left(corners: np.ndarray) -> np.ndarray:
    """The same clockwise order, beginning with the corner nearest to the photo's top left."""
    first = int(np.argmin(corners.sum(axis=1)))
    return np.roll(corners, -first, axis=0).astype(np.float32)
