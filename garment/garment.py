"""A garment made up and ready to be draped: what a cut in a material and a cut-out photo have in common.

Owns the canonical pose that every source agrees on; must not know bodies, frames or light.

The canonical pose looks at the wearer from the front. Left is the wearer's left and lies on the right of the picture.
x grows to the right, y grows down. The torso hangs straight; each sleeve hangs straight down as a strip of its own,
with the shoulder joint on top and the cuff at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

TORSO_ANCHORS = (
    "neck",            # where the collar meets the centre front of the neck's root (the pit between the collar bones)
    "collar_left", "collar_right",      # where the collar's fall leaves the neck at its sides, on the shoulder line
    "shoulder_left", "shoulder_right",  # the shoulder point: end of the shoulder seam, top of the sleeve head
    "armpit_left", "armpit_right",      # bottom of the armhole, on the silhouette
    "waist_left", "waist_right",        # narrowest place of the silhouette
    "hem_left", "hem_right",            # bottom corners
    "hem_centre",                       # bottom of the centre front
)  # fmt: skip
SLEEVE_ANCHORS = ("shoulder", "elbow", "cuff")
"""On the sleeve's centre line: the shoulder point (the torso has it too), the elbow, the middle of the cuff's edge."""

JOINT_IN_MM, JOINT_DOWN_MM = 42.0, 31.0
"""The joint about which a sleeve turns lies this far inwards of and below its shoulder point."""

PIECES = ("back", "torso", "sleeve_left", "sleeve_right")


@dataclass(frozen=True)
class Piece:
    """One separately moving part of a garment, as an image with a margin of transparent pixels around it."""

    name: str
    """One of PIECES. `back` is what lies behind the neck: the inside of the collar and the yoke's lining."""
    albedo: np.ndarray
    """uint8 (h, w, 4): sRGB reflectance and straight alpha. Colour is bled outwards under alpha 0."""
    relief: np.ndarray
    """uint8 (h, w, 4): normal as 128 + 127 * (x, y, z) with +y up, then ambient occlusion (255 = open)."""
    anchors: dict[str, tuple[float, float]]
    """Pixels of this image. `torso` and `back` carry TORSO_ANCHORS, sleeves carry SLEEVE_ANCHORS."""

    @cached_property
    def drawn(self) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 of what is not wholly transparent."""
        x, y, width, height = cv2.boundingRect(cv2.extractChannel(self.albedo, 3))
        return x, y, x + width, y + height


@dataclass(frozen=True)
class Garment:
    """Pieces in one canonical scale."""

    id: str
    """What it was made from: the garment's id, or "cut/fabric"."""
    pieces: dict[str, Piece]
    """By name; `back` and the sleeves may be missing (a waistcoat, a photo that shows none)."""
    px_per_mm: float
    """Canonical pixels per millimetre of cloth. For photos an estimate."""
    confidence: dict[str, float] = field(default_factory=dict)
    """Per anchor in [0, 1], for photos; empty for built-in cuts. Keys are "torso.neck", "sleeve_left.elbow", ..."""
    closed_front: bool = True
    """False where the front shows the wearer's own clothes (open or cut-out neck), so nothing is drawn in the V."""
