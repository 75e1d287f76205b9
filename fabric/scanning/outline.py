"""Where in the photo the swatch lies: its four corners.

Owns which of the parts that may be the swatch is; must not know scale or light. Each part's sides are followed at a
finer size, to where cloth ends most likely. What is left is judged by how well its sides are seen, whether all within
is one stuff, and how much it looks like what somebody wanted to show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from fabric.scanning.edges import Close, follow_sides, turns
from fabric.scanning.findings import Given, Outline
from fabric.scanning.looks import (
    LEAST_PX,
    Look,
    count_colours,
    describe,
    evidence_for,
    explained,
    is_paper,
    look_at,
    same_hues,
)
from fabric.scanning.pieces import MOST_OF_IT, SMALLEST, SPECK, disc, fill, find_pieces, find_specks
from fabric.scanning.things import Thing, covers, is_card
from utils.errors import InputError

_COARSE_PX, _SMALL_COARSE_PX = 320, 640
_LEAST_SURE, _SURE = 0.8, 0.9  # confidence of an outline, and of one that is small for a swatch: folds have up to 0.8
_ALONE = 0.5  # of its places that may have their like elsewhere in the photo: parts of a pattern have it nearly all
_MIXED = np.ones((7, 7), np.uint8)  # what is near an edge is mixed: it describes neither side
_LIKE_THE_REST = 0.75  # of the places inside that have their like outside: a swatch up to 0.55, a stripe above 0.9
_WOVEN_TEXTURE = 140  # of most cloth
_MANY_COLOURS, _SAME_HUES = 8, 0.9  # from which it may be a chart, and up to which overlap of its halves it is one
_STICK = 3.5
_PLAIN_WORTH, _STICK_WORTH = 0.5, 0.3
_TOUCHING = 0.2  # of the smaller one's area: what shares less with a quadrilateral lies beside it
_UNSURE = 0.03  # of its size by which a thing's own outline may be off
_AROUND = 0.1  # of the diagonal: how far the table is looked at around an outline
_STRIPE = 0.02  # of the diagonal: deviation over which evidence is averaged
_SAME_QUAD = 0.02  # of the diagonal
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
    close = Close.of(photo)
    large = _Scene(photo.shape[:2], close, look_at(photo, long_side_px=_COARSE_PX), things)
    found = max(large.rated(large.pieces()), key=lambda rated: rated[0], default=None)
    if found is None:
        small = _Scene(photo.shape[:2], close, look_at(photo, long_side_px=_SMALL_COARSE_PX), things)
        found = max(small.rated(small.specks()), key=lambda rated: rated[0], default=None)
    return None if found is None else found[1]


@dataclass(frozen=True)
class _Scene:
    """A photo, and what is known of what lies in it."""

    hw: tuple[int, int]
    close: Close
    look: Look
    things: tuple[Thing, ...]

    @property
    def scale(self) -> float:
        """Of the look over the photo."""
        return self.look.texture.shape[1] / self.hw[1]

    @cached_property
    def others(self) -> list[Thing]:
        """What is certainly no cloth."""
        return [thing for thing in self.things if thing.marker is not None or is_card(thing, self.hw)]

    def pieces(self) -> Iterator[Outline]:
        """What may be the swatch."""
        outlines = [thing.quad * self.scale for thing in self.things]
        looked_at: list[np.ndarray] = []
        for quad in (*find_pieces(self.look, outlines), *self._large()):
            corners = (quad + 0.5) / self.scale - 0.5
            # Following sides is dear: once for each quadrilateral, and not around what is no cloth anyway.
            if any(_are_one(corners, one) for one in looked_at) or any(covers(one, corners) for one in self.others):
                continue
            looked_at.append(corners)
            outline = self._refined(corners)
            if outline is not None and outline.confidence > _LEAST_SURE and self._area(outline.corners) > SMALLEST:
                yield outline

    def specks(self) -> Iterator[Outline]:
        """What is small for a swatch but is one, and not something else that lies on cloth which fills the photo."""
        for quad in find_specks(self.look, [thing.quad * self.scale for thing in self.things]):
            corners = (quad + 0.5) / self.scale - 0.5
            outline = self._refined(corners) if self._is_alone(corners) else None
            if outline is None or outline.confidence < _SURE or self._area(outline.corners) < SPECK:
                continue
            if not _is_stick(outline.corners) and not is_paper(self.look, self._inside(outline.corners) > 0):
                yield outline

    def rated(self, outlines: Iterator[Outline]) -> Iterator[tuple[float, Outline]]:
        """How good each is, if it is above 0."""
        for outline in outlines:
            if any(covers(other, outline.corners) for other in self.others):
                continue
            rating = (
                outline.confidence**3 * self._one_stuff(outline) * self._holds_others(outline) * self._worth(outline)
            )
            if rating > 0.0:
                yield rating, outline

    def _area(self, corners: np.ndarray) -> float:
        """Share of the photo."""
        return cv2.contourArea(corners.astype(np.float32)) / math.prod(self.hw)

    def _is_alone(self, corners: np.ndarray) -> bool:
        """Whether there is hardly any of the same stuff elsewhere in the photo."""
        return self._found_elsewhere(corners) < _ALONE

    def _found_elsewhere(self, corners: np.ndarray) -> float:
        """Share of the places inside that have their like, one each, outside."""
        inside = self._inside(corners)
        return explained(self.look, cv2.erode(inside, _MIXED) > 0, cv2.dilate(inside, _MIXED) == 0)

    def _large(self) -> Iterator[np.ndarray]:
        """float64 (4, 2) in the look of each thing that is large enough to be a swatch, once."""
        kept: list[Thing] = []
        for thing in self.things:
            if self._area(thing.quad) > SMALLEST and not any(covers(one, thing.quad) for one in kept):
                kept.append(thing)
                yield (thing.quad + 0.5) * self.scale - 0.5

    def _refined(self, quad: np.ndarray) -> Outline | None:
        """The quadrilateral with its sides put where cloth ends; None where they cannot be made out."""
        beside = [_shrunk(thing.quad) for thing in self.things if _lies_beside(thing.quad, quad)]
        found = follow_sides(self.close, quad, beside=beside)
        if found is None:
            return None
        corners, support = found
        h, w = self.hw
        return Outline(_from_top_left(np.clip(corners, 0.0, [w - 1, h - 1])), "found", support)

    def _inside(self, corners: np.ndarray) -> np.ndarray:
        """uint8 (h, w) of the look."""
        return fill(np.zeros_like(self.look.texture), corners * self.scale)

    def _one_stuff(self, outline: Outline) -> float:
        """1 where all within the outline looks like cloth; 0 where some of it looks like the table around it instead.

        An outline around a swatch and a card holds what lies between them.
        """
        size = float(np.hypot(*np.ptp(outline.corners, axis=0))) * self.scale
        taken = np.zeros_like(self.look.texture)
        for other in self.others:
            fill(taken, other.quad * self.scale)
        free = cv2.dilate(taken, _MIXED) == 0
        inside = self._inside(outline.corners)
        near = cv2.dilate(inside, _MIXED)
        cloth_at = (cv2.erode(inside, _MIXED) > 0) & free
        table_at = (cv2.dilate(near, disc(round(2 * _AROUND * size))) > near) & free
        if min(cloth_at.sum(), table_at.sum()) < LEAST_PX:
            return 1.0
        evidence = evidence_for(self.look, describe(self.look, cloth_at), describe(self.look, table_at))
        # Averaged over more than a stripe: some of those may have the table's colour.
        evidence = cv2.GaussianBlur(evidence * cloth_at, (0, 0), max(1.5, _STRIPE * size))
        return max(0.0, 1.0 - float((evidence[cloth_at] < 0.0).mean()) / _MOST_TABLE)

    def _holds_others(self, outline: Outline) -> float:
        """1, or less where there is a thing within the outline whose colours are found nowhere else in it."""
        inside = self._inside(outline.corners)
        for thing in self.things:
            within = self._inside(thing.quad)
            share = float((within & inside).sum() / max(int(within.sum()), 1))
            if share > 0.9 and LEAST_PX < within.sum() < MOST_OF_IT * inside.sum():
                there = cv2.erode(within, disc(3)) > 0
                if explained(self.look, there, inside > within) < _EXPLAINED:
                    return _HOLDS_OTHERS
        return 1.0

    def _worth(self, outline: Outline) -> float:
        """How much a quadrilateral looks like what somebody wanted to show: large, near the middle, and of cloth."""
        inside = cv2.erode(self._inside(outline.corners), _MIXED) > 0
        if (
            not inside.any()
            or self._found_elsewhere(outline.corners) > _LIKE_THE_REST
            or _is_chart(outline.corners * self.scale, self.look, inside)
        ):
            return 0.0
        h, w = self.hw
        area = cv2.contourArea(outline.corners) / (h * w)
        middle = outline.corners.mean(axis=0) / (w, h) - 0.5
        paper = _PLAIN_WORTH if is_paper(self.look, inside) else 1.0
        woven = float(np.clip(np.median(self.look.texture[inside]) / _WOVEN_TEXTURE, 0.45, 1.0))
        stick = _STICK_WORTH if _is_stick(outline.corners) else 1.0
        return stick * paper * woven * math.sqrt(area) * (1.0 - 0.8 * float(np.hypot(*middle)))


def _lies_beside(other: np.ndarray, quad: np.ndarray) -> bool:
    """Whether a thing is neither the quadrilateral, nor a part of it, nor something that it is a part of."""
    one, two = other.astype(np.float32), quad.astype(np.float32)
    shared, _ = cv2.intersectConvexConvex(one, two)
    return shared < _TOUCHING * min(cv2.contourArea(one), cv2.contourArea(two))


def _shrunk(quad: np.ndarray) -> np.ndarray:
    middle = quad.mean(axis=0)
    return middle + (1.0 - _UNSURE) * (quad - middle)


def _is_stick(corners: np.ndarray) -> bool:
    """Whether it is as long for its width as rulers are."""
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return bool(sides.max() > _STICK * sides.min())


def _is_chart(corners: np.ndarray, coarse: Look, inside: np.ndarray) -> bool:
    """Whether there are many hues, and each in one place. Cloth has its own in both halves, whichever way it is cut."""
    if count_colours(coarse, inside) < _MANY_COLOURS:
        return False
    h, w = inside.shape
    y, x = np.mgrid[:h, :w]
    middle, (a, b, c, d) = corners.mean(axis=0), corners
    for way in (b + c - a - d, c + d - a - b):
        half = (x - middle[0]) * way[1] > (y - middle[1]) * way[0]
        if same_hues(coarse, inside & half, inside & ~half) < _SAME_HUES:
            return True
    return False


def _are_one(quad: np.ndarray, other: np.ndarray) -> bool:
    """Whether two quadrilaterals, float64 (4, 2), differ by so little that their sides are followed to the same."""
    near = _SAME_QUAD * float(np.hypot(*np.ptp(other, axis=0)))
    return any(float(np.abs(np.roll(quad, k, axis=0) - other).max()) < near for k in range(4))


def _from_top_left(corners: np.ndarray) -> np.ndarray:
    """The same clockwise order, beginning with the corner nearest to the photo's top left."""
    first = int(np.argmin(corners.sum(axis=1)))
    return np.roll(corners, -first, axis=0).astype(np.float32)
