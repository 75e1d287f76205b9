"""Lapels and collar: the roll that makes a jacket.

Owns their cloth and their height; must not know buttons or pockets.
"""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import x_at
from garment.cuts.fronts import turn_edge
from garment.cuts.table import Sheet, distance_to


def lay_along(sheet: Sheet, start: tuple[float, float], end: tuple[float, float]) -> None:
    """UV whose warp runs from `start` to `end`; the pattern's origin is `start`."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(dx, dy))
    cos, sin = dy / length, -dx / length
    x, y = sheet.x - start[0], sheet.y - start[1]
    sheet.u = cos * x + sin * y
    sheet.v = -sin * x + cos * y


def roll_lapel(sheet: Sheet, roll: np.ndarray, *, height_mm: float = 9.0) -> None:
    """Turn the lapel back along its roll line: a steep soft fold, a full belly, a pressed edge."""
    mirror = -1.0 if roll[:, 0].mean() < 0 else 1.0
    across = (sheet.x - x_at(roll, sheet.y[:, :1])) * mirror
    top, bottom = float(roll[:, 1].min()), float(roll[:, 1].max())
    way = np.clip((sheet.y - top) / (bottom - top), 0.0, 1.0)
    radius = 7.0 + 8.0 * way
    lift = height_mm * (0.75 + 0.5 * way) * np.clip((1.02 - way) / 0.12, 0.0, 1.0)
    t = np.clip(across / radius, 0.0, None)
    rise = np.sqrt(np.clip(1.0 - (1.0 - np.minimum(t, 1.0)) ** 2, 0.0, 1.0))
    fall = np.exp(-((np.maximum(t - 1.0, 0.0) * radius / 34.0) ** 2))
    sheet.height += lift * rise * fall
    sheet.shade *= 1.0 - 0.35 * np.exp(-np.maximum(across, 0.0) / 2.5)
    turn_edge(sheet, thickness_mm=1.1, width_mm=1.8)
    sheet.lift_mm = 2.2 + 4.5 * np.exp(-np.maximum(across, 0.0) / 18.0)


def fold_collar(sheet: Sheet, fold: np.ndarray, *, fall_mm: float = 38.0) -> None:
    """The collar's fall: warp across it, rounded over the fold, pressed at its outer edge."""
    distance, along = distance_to(fold, sheet)
    sheet.u = along if fold[:, 0].mean() > 0 else -along
    sheet.v = distance
    t = np.clip(distance / 9.0, 0.0, 1.0)
    sheet.height += 7.0 * np.sqrt(1.0 - (1.0 - t) ** 2) * np.exp(-((np.maximum(distance - 9.0, 0.0) / fall_mm) ** 2))
    turn_edge(sheet, thickness_mm=1.1, width_mm=1.8)
    sheet.lift_mm = 3.0
