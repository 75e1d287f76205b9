"""A photographed torso let out to the wearer whom the canonical garment fits.

Owns the least widths and the letting out; must not know how the piece was cut. A garment that lies or hangs empty is
narrower than on a body, and what it does not cover shows the wearer's own clothes.
"""

from __future__ import annotations

import cv2
import numpy as np

_LEAST_MM = (("armpit", 206.0), ("waist", 184.0), ("hem", 202.0))  # half widths, as the built-in cuts have them
_MOST = 1.35  # wider than this stretched, a pattern looks it


def let_out(
    rgb: np.ndarray, shape: np.ndarray, points: dict[str, np.ndarray], *, px_per_mm: float
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """uint8 (h, w, 3), float32 (h, w) and torso anchors, stretched sideways about the neck below the shoulders."""
    axis = float(points["neck"][0])
    heights, factors = _factors(shape, points, axis, px_per_mm)
    if max(factors) < 1.01:
        return rgb, shape, points
    h, w = shape.shape
    pad = round(0.5 * w * (max(factors) - 1)) + 2
    stretch = np.interp(np.arange(h), heights, factors).astype(np.float32)
    stretch = cv2.GaussianBlur(stretch[:, None], (1, 0), sigmaX=0.1, sigmaY=30.0 * px_per_mm)
    map_x = axis + (np.arange(-pad, w + pad, dtype=np.float32)[None] - axis) / stretch
    map_y = np.broadcast_to(np.arange(h, dtype=np.float32)[:, None], map_x.shape)
    maps = (map_x.astype(np.float32), np.ascontiguousarray(map_y))
    wider = cv2.remap(rgb, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    cover = np.clip(cv2.remap(shape, *maps, cv2.INTER_LINEAR, borderValue=0), 0, 1)
    moved = {}
    for name, (x, y) in points.items():
        row = min(max(round(float(y)), 0), h - 1)
        moved[name] = np.array([axis + (x - axis) * float(stretch[row, 0]) + pad, y])
    return wider, cover, moved


def _factors(
    shape: np.ndarray, points: dict[str, np.ndarray], axis: float, px_per_mm: float
) -> tuple[list[float], list[float]]:
    """Rows from top to bottom, and how much wider the torso has to be in each."""
    shoulder = float(points["shoulder_left"][1] + points["shoulder_right"][1]) / 2
    heights, factors = [shoulder], [1.0]
    for name, least_mm in _LEAST_MM:
        y = float(points[f"{name}_left"][1] + points[f"{name}_right"][1]) / 2
        half = _half_width(shape, round(y), axis, reach=round(8 * px_per_mm))
        if half is not None and y > heights[-1] + 1:
            heights.append(y)
            factors.append(float(np.clip(least_mm * px_per_mm / half, 1.0, _MOST)))
    return heights, factors


def _half_width(shape: np.ndarray, y: int, axis: float, *, reach: int) -> float | None:
    """Of what is solid around row y; a hem's corner is rounded, so the widest of the rows above it counts."""
    rows = shape[max(y - 2 * reach, 0) : y + 1] > 0.5
    rows = rows[rows.any(1)]
    if not len(rows):
        return None
    first, last = rows.argmax(1), rows.shape[1] - 1 - rows[:, ::-1].argmax(1)
    return max(float(np.median(last - first)) / 2, 1.0)
