"""Where a sleeve is sewn to the torso. Owns the armhole's seam and how a sleeve hangs from it; must not know arms.

"Hanging" places are pixels of the sleeve's image, as the torso's warp alone would carry it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from garment.pyramid import Level
from utils.geometry import ThinPlate

_TOP_MM, _UNDER_ARM_MM = (-10.0, -6.0), 33.0
"""The seam starts beside the shoulder point and ends so far inwards of the silhouette's armpit, for the left sleeve."""


@dataclass(frozen=True)
class Armhole:
    """One armhole of a draped torso."""

    warp: ThinPlate
    """The frame to the torso's image."""
    shift: np.ndarray
    """float32 (2,): from the torso's image to the sleeve's."""
    top: np.ndarray
    """float32 (2,): the seam's upper end, a hanging place."""
    bottom: np.ndarray
    px_per_mm: float

    def hang(self, points: np.ndarray) -> np.ndarray:
        """Hanging places of points (M, 2) of the frame."""
        return self.warp(points) + self.shift

    def away_mm(self, places: np.ndarray) -> np.ndarray:
        """Distance of hanging places from the seam, (M,)."""
        seam = self.bottom - self.top
        t = np.clip((places - self.top) @ seam / max(float(seam @ seam), 1e-6), 0.0, 1.0)
        off = places - self.top - t[:, None] * seam
        return np.hypot(off[:, 0], off[:, 1]) / self.px_per_mm


def armhole_of(level: Level, side: str, warp: ThinPlate) -> Armhole:
    """The armhole of "left" or "right": torso and sleeve share the shoulder point."""
    torso, sleeve = level.pieces["torso"].anchors, level.pieces[f"sleeve_{side}"].anchors
    shift = np.subtract(sleeve["shoulder"], torso[f"shoulder_{side}"])
    outwards = np.array([1.0 if side == "left" else -1.0, 1.0]) * level.px_per_mm
    return Armhole(
        warp=warp,
        shift=shift.astype(np.float32),
        top=(sleeve["shoulder"] + _TOP_MM * outwards).astype(np.float32),
        bottom=(torso[f"armpit_{side}"] + shift - (_UNDER_ARM_MM * outwards[0], 0.0)).astype(np.float32),
        px_per_mm=level.px_per_mm,
    )
