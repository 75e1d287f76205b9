"""What needle and iron do to a sheet: turned edges, seams, stitches, the direction of the grain.

Owns these operations on one sheet; must not know which panel it is.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.cuts.curves import resampled, shifted
from garment.cuts.table import PX_PER_MM, Sheet


def lay_along(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Lay the warp from `start` to `end`; the pattern's origin is `start`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dx, dy))
    cos, sin = dy / length, -dx / length
    x, y = sheet.x - start[0], sheet.y - start[1]
    sheet.u = (cos * x + sin * y).astype(np.float32)
    sheet.v = (-sin * x + cos * y).astype(np.float32)


def turn_edge(sheet: Sheet, *, thickness_mm: float | np.ndarray = 1.0, width_mm: float = 1.8) -> None:
    """Round the sheet down at its outline."""
    t = np.clip(sheet.inside / width_mm + 0.25, 0.0, 1.0)
    sheet.height += (thickness_mm * np.sqrt(1.0 - (1.0 - t) ** 2)).astype(np.float32)


def sew_seam(sheet: Sheet, across_mm: np.ndarray, where: np.ndarray, *, depth_mm: float = 0.4) -> None:
    """Press a seam into the sheet at signed distance `across_mm`, as strong as `where` in [0, 1]."""
    groove = np.exp(-((across_mm / 0.6) ** 2)) * where
    sheet.height += (0.3 * np.exp(-((across_mm / 3.2) ** 2)) * where - depth_mm * groove).astype(np.float32)
    sheet.shade *= 1.0 - 0.30 * groove


def pick_stitch(sheet: Sheet, edge: np.ndarray, *, inset_mm: float = 2.4, every_mm: float = 5.5) -> None:
    """A row of hand stitches along `edge`, on its right, each a small dimple."""
    dots = np.zeros(sheet.alpha.shape, np.float32)
    line = resampled(shifted(resampled(edge, 2.0), inset_mm), every_mm)
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-6)
    corner = np.array([sheet.x[0, 0], sheet.y[0, 0]])
    ends = [((line + k * 0.55 * tangent - corner) * PX_PER_MM * 16).round().astype(np.int32) for k in (-1, 1)]
    for start, end in zip(*ends, strict=True):
        cv2.line(dots, tuple(map(int, start)), tuple(map(int, end)), 1.0, 1, cv2.LINE_8, 4)
    dots = cv2.GaussianBlur(dots, (0, 0), 0.8)
    sheet.height -= 0.22 * dots
    sheet.shade *= 1.0 - 0.13 * dots
