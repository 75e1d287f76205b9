"""The photo at a glance: what lies where is looked for on a copy of bounded size.

Owns carrying what is given and found between the photo's pixels and the copy's; must not know how anything is found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fabric.scanning.findings import Given, Outline, Scale
from fabric.scanning.white import White
from utils.images import shrink_to

_LONG_SIDE_PX = 2000


@dataclass(frozen=True)
class Overview:
    """A copy of a photo, and its size over the photo's."""

    rgb: np.ndarray
    """uint8 (h, w, 3)."""
    factor: float

    @staticmethod
    def of(photo: np.ndarray) -> Overview:
        """Of uint8 RGB (H, W, 3), at most 2000 px long."""
        return Overview(*shrink_to(photo, _LONG_SIDE_PX))

    def given(self, given: Given) -> Given:
        """What a person gave in pixels of the photo."""
        corners = None if given.corners is None else self._there(np.asarray(given.corners, np.float64))
        white = None if given.white is None else tuple(edge * self.factor for edge in given.white)
        return replace(given, corners=corners, white=white)

    def outline(self, found: Outline) -> Outline:
        """In pixels of the photo."""
        return replace(found, corners=self._back(found.corners).astype(np.float32))

    def scale(self, found: Scale) -> Scale:
        """The same, from pixels of the photo."""
        if found.to_mm is None:
            return found
        shift = 0.5 * self.factor - 0.5
        there = np.array([[self.factor, 0.0, shift], [0.0, self.factor, shift], [0.0, 0.0, 1.0]])
        return replace(found, to_mm=found.to_mm @ there)

    def white(self, found: White | None) -> White | None:
        """In pixels of the photo."""
        if found is None:
            return None
        table = found.table and replace(found.table, at_photo=self._back(found.table.at_photo))
        return replace(found, at_photo=self._back(found.at_photo), table=table)

    def _there(self, points: np.ndarray) -> np.ndarray:
        return (points + 0.5) * self.factor - 0.5

    def _back(self, points: np.ndarray) -> np.ndarray:
        return (points + 0.5) / self.factor - 0.5
