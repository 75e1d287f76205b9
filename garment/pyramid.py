"""A garment at several sizes, so that a warp never skips pixels. Owns the levels; must not know bodies or frames."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass

import cv2
import numpy as np

from garment.build import Shape
from garment.garment import Garment, Piece
from utils.colour import linear_to_srgb8, srgb_to_linear

_SMALLEST_PX = 48
_MARGIN_PX = 16
_SIDES_MM = 50.0
"""Cloth goes on sideways under alpha 0, for what sticks out from under it."""


@dataclass(frozen=True)
class Level:
    """All pieces at one size; anchors are scaled along."""

    px_per_mm: float
    pieces: dict[str, Piece]


class Pyramid:
    """Levels of half-octave steps, made when first asked for. Thread-safe."""

    def __init__(self, garment: Garment) -> None:
        self.id = garment.id
        self.px_per_mm = garment.px_per_mm
        trimmed = {name: _trim(piece, px_per_mm=garment.px_per_mm) for name, piece in garment.pieces.items()}
        self._levels: dict[int, Level] = {0: Level(garment.px_per_mm, trimmed)}
        self._lock = threading.Lock()
        self.shape = _shape(self._levels[0])

    def level(self, scale: float, *, sharpness: float = 1.25) -> Level:
        """The smallest level that still has at least 1/`sharpness` of the pixels wanted at `scale` (frame px per
        canonical px): 1 never blurs, more trades a little sharpness against shimmer."""
        steps = max(0, math.floor(2.0 * math.log2(max(sharpness / max(scale, 1e-3), 1.0)) - 0.5))
        largest = max(max(piece.albedo.shape[:2]) for piece in self._levels[0].pieces.values())
        steps = min(steps, max(0, int(2 * math.log2(largest / _SMALLEST_PX))))
        return self._level(steps)

    def prepare(self) -> None:
        """Make every level now, so that a wearer who steps back costs no time."""
        largest = max(max(piece.albedo.shape[:2]) for piece in self._levels[0].pieces.values())
        for steps in range(int(2 * math.log2(largest / _SMALLEST_PX)) + 1):
            self._level(steps)

    def nbytes(self) -> int:
        """Memory of all levels when they are made: each half octave has half the pixels of the one before."""
        return 2 * sum(piece.albedo.nbytes + piece.relief.nbytes for piece in self._levels[0].pieces.values())

    def _level(self, steps: int) -> Level:
        with self._lock:
            if steps not in self._levels:
                # Whole octaves are cheap to reach: shrink from the next larger level that exists.
                larger = [known for known in self._levels if known < steps and (steps - known) % 2 == 0]
                start = max(larger, default=0)
                above = self._levels[start]
                pieces = {n: _shrink_piece(p, 0.5 ** ((steps - start) / 2)) for n, p in above.pieces.items()}
                self._levels[steps] = Level(above.px_per_mm * 0.5 ** ((steps - start) / 2), pieces)
            return self._levels[steps]


def _shape(level: Level) -> Shape:
    """The garment's half widths, from the torso's anchors and the sleeves' opacity."""
    anchors = level.pieces["torso"].anchors
    halves = {
        name: abs(anchors[f"{name}_left"][0] - anchors[f"{name}_right"][0]) / 2 / level.px_per_mm
        for name in ("armpit", "waist", "hem")
    }
    sleeves = [_sleeve_half_mm(piece, level) for name, piece in level.pieces.items() if name.startswith("sleeve")]
    return Shape(halves["armpit"], halves["waist"], halves["hem"], float(np.mean(sleeves)) if sleeves else 60.0)


def _sleeve_half_mm(piece: Piece, level: Level) -> float:
    """Half the sleeve's width, by median over the forearm."""
    elbow, cuff = piece.anchors["elbow"][1], piece.anchors["cuff"][1]
    rows = np.clip(np.linspace(elbow, elbow + 0.8 * (cuff - elbow), 9), 0, len(piece.albedo) - 1).astype(int)
    solid = piece.albedo[rows, :, 3] > 127
    halves = solid.sum(axis=1) / 2
    return max(float(np.median(halves)) / level.px_per_mm, 20.0)


def _trim(piece: Piece, *, px_per_mm: float) -> Piece:
    """The piece without most of its empty margin; its anchors may then lie outside."""
    height, width = piece.albedo.shape[:2]
    x, y, w, h = cv2.boundingRect(piece.albedo[..., 3])
    side = _MARGIN_PX if piece.name == "back" else max(_MARGIN_PX, round(_SIDES_MM * px_per_mm))
    x0, y0, x1, y1 = max(x - side, 0), max(y - _MARGIN_PX, 0), x + w + side, y + h + _MARGIN_PX
    box = (slice(y0, min(y1, height)), slice(x0, min(x1, width)))
    anchors = {name: (ax - x0, ay - y0) for name, (ax, ay) in piece.anchors.items()}
    albedo, relief = np.ascontiguousarray(piece.albedo[box]), np.ascontiguousarray(piece.relief[box])
    return Piece(name=piece.name, albedo=albedo, relief=relief, anchors=anchors)


def _shrink_piece(piece: Piece, factor: float) -> Piece:
    height, width = piece.albedo.shape[:2]
    wh = (max(2, round(width * factor)), max(2, round(height * factor)))
    alpha = cv2.add(cv2.extractChannel(piece.albedo, 3).astype(np.float32) * np.float32(1 / 255), 1e-4)
    linear = srgb_to_linear(np.ascontiguousarray(piece.albedo[..., :3]))
    weight = cv2.resize(alpha, wh, interpolation=cv2.INTER_AREA)
    weighted = cv2.multiply(linear, cv2.merge([alpha, alpha, alpha]))
    colour = cv2.resize(weighted, wh, interpolation=cv2.INTER_AREA) / weight[..., None]
    rgba = np.dstack([linear_to_srgb8(colour), np.clip(weight * 255 + 0.5, 0, 255).astype(np.uint8)])
    relief = cv2.resize(piece.relief, wh, interpolation=cv2.INTER_AREA)
    sx, sy = wh[0] / width, wh[1] / height
    anchors = {name: ((x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5) for name, (x, y) in piece.anchors.items()}
    return Piece(name=piece.name, albedo=np.ascontiguousarray(rgba), relief=relief, anchors=anchors)
