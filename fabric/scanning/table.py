"""What the cloth lies on, as a witness of the lamp: its light falls on table and cloth alike.

Owns where the table is seen and how bright it is there; must not know what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.findings import Outline
from fabric.scanning.things import Thing
from utils.colour import luminance, srgb_to_linear
from utils.images import shrink_to

_CELLS = 64  # along the photo's longer side
_FINER = 4  # times as many pixels, coded light being averaged only over what is one of them
_MARGIN = 1.5  # cells around cloth and things that are in their shadow, or partly theirs
_LEAST_CELLS = 40
_BURNT, _DARK = 250, 1e-4


@dataclass(frozen=True)
class Table:
    """Cells of a photo in which nothing but the table is seen."""

    at_photo: np.ndarray
    """float64 (N, 2): their middles."""
    level: np.ndarray
    """float64 (N,): logarithm of the light from each."""


def look_at_table(photo: np.ndarray, outline: Outline, *, things: tuple[Thing, ...] = ()) -> Table | None:
    """The table in uint8 RGB (H, W, 3) around the swatch and the `things`; None where next to none of it is in view."""
    if outline.source == "frame":
        return None
    small, _ = shrink_to(photo, _CELLS * _FINER)
    scale = small.shape[1] / photo.shape[1]
    taken = np.zeros(small.shape[:2], np.uint8)
    for corners in (outline.corners, *(thing.quad for thing in things)):
        cv2.fillConvexPoly(taken, np.round((corners + 0.5) * scale - 0.5).astype(np.int32), 1)
    taken |= (small.max(axis=2) >= _BURNT).astype(np.uint8)
    margin = round(_MARGIN * _FINER)
    taken = cv2.dilate(taken, np.ones((2 * margin + 1,) * 2, np.uint8))
    wh = small.shape[1] // _FINER, small.shape[0] // _FINER
    light = cv2.resize(luminance(srgb_to_linear(small)), wh, interpolation=cv2.INTER_AREA)
    free = cv2.resize(taken.astype(np.float32), wh, interpolation=cv2.INTER_AREA) == 0.0
    if free.sum() < _LEAST_CELLS:
        return None
    rows, columns = np.nonzero(free)
    cell = photo.shape[1] / wh[0], photo.shape[0] / wh[1]
    at_photo = (np.column_stack([columns, rows]) + 0.5) * cell - 0.5
    return Table(at_photo, np.log(np.maximum(light[free], _DARK)).astype(np.float64))
