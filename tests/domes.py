"""A garment that is no garment: a dome with two tubes at its sides, whose every depth is known."""

from __future__ import annotations

import cv2
import numpy as np

from garment.garment import SLEEVE_ANCHORS, TORSO_ANCHORS, Garment, Piece
from garment.relief import pack, slopes

PX_PER_MM = 1.0
DOME_PX, TUBE_PX = 200, (60, 150)
"""Side of the torso's picture, and a sleeve's (width, height)."""


def domed() -> Garment:
    """With `back`, two sleeves and a torso, whose surface is `dome_mm`."""
    middle = (DOME_PX - 1) / 2.0
    anchors = dict.fromkeys(TORSO_ANCHORS, (middle, middle))
    for side, x in (("left", DOME_PX - 45.0), ("right", 44.0)):
        anchors |= {f"shoulder_{side}": (x, 40.0), f"armpit_{side}": (x, 100.0)}
    pieces = {"torso": _piece("torso", dome_mm(), anchors, rgb=(40, 60, 120))}
    pieces["back"] = _piece("back", np.zeros((40, 60), np.float32), dict.fromkeys(TORSO_ANCHORS, (29.5, 70.0)))
    for name in ("sleeve_left", "sleeve_right"):
        places = zip(SLEEVE_ANCHORS, ((29.5, 10.0), (29.5, 75.0), (29.5, 140.0)), strict=True)
        pieces[name] = _piece(name, tube_mm(), dict(places), rgb=(150, 60, 50))
    return Garment(id="dome", pieces=pieces, px_per_mm=PX_PER_MM)


def dome_mm() -> np.ndarray:
    """float32 (DOME_PX, DOME_PX): 30 mm high in the middle."""
    y, x = (np.mgrid[:DOME_PX, :DOME_PX] - (DOME_PX - 1) / 2.0) / (DOME_PX / 2.0)
    return (30.0 * (1.0 - x**2) * (1.0 - 0.5 * y**2)).astype(np.float32)


def tube_mm() -> np.ndarray:
    """float32 (h, w): half a tube, 20 mm high."""
    x = (np.arange(TUBE_PX[0]) - (TUBE_PX[0] - 1) / 2.0) / (TUBE_PX[0] / 2.0)
    return np.tile((20.0 * (1.0 - x**2)).astype(np.float32), (TUBE_PX[1], 1))


def _piece(
    name: str, height: np.ndarray, anchors: dict[str, tuple[float, float]], *, rgb: tuple[int, int, int] = (90, 90, 90)
) -> Piece:
    alpha = cv2.copyMakeBorder(np.full(np.subtract(height.shape, 8), 255, np.uint8), 4, 4, 4, 4, cv2.BORDER_CONSTANT)
    albedo = np.dstack([np.full((*height.shape, 3), rgb, np.uint8), alpha])
    relief = pack(slopes(height, px_per_mm=PX_PER_MM), np.full(height.shape, 255, np.uint8))
    return Piece(name, albedo, relief, anchors)
