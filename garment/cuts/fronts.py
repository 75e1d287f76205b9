"""The two fronts: their cloth, darts, side seams and the folds that a buttoned front makes.

Owns everything of a front but its lapel and its trimmings; must not know which cut it belongs to.
"""

from __future__ import annotations

import numpy as np

from garment.cuts.body import half_width
from garment.cuts.curves import x_at
from garment.cuts.table import Sheet

DART = np.array([(104.0, 205.0), (104.0, 330.0), (112.0, 442.0)], np.float32)
SIDE_SEAM = np.array([(196.0, 120.0), (190.0, 165.0), (176.0, 335.0), (184.0, 450.0), (200.0, 660.0)], np.float32)


def lay_grain(sheet: Sheet) -> None:
    """UV of a front: warp hangs plumb, the cloth foreshortens as it turns to the side, darts swallow some of it."""
    sheet.u, sheet.v = front_uv(sheet.x, sheet.y)


def front_uv(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres of cloth at places of the front view; both fronts share one grain, so patterns meet at the edge."""
    side = np.abs(x)
    t = np.minimum(side / half_width(y[:, :1]), 1.1)
    run = side * (1.0 + 0.11 * t**6)
    swallowed = np.interp(y[:, :1], (205.0, 335.0, 442.0, 700.0), (0.0, 11.0, 7.0, 7.0)).astype(np.float32)
    seam = np.interp(y[:, :1], (120.0, 335.0, 660.0), (6.0, 26.0, 10.0)).astype(np.float32)
    run = (
        run
        + swallowed * (side > x_at(DART, y[:, :1])) * (y > 205.0)
        + seam * (side > x_at(SIDE_SEAM, y[:, :1])) * (y > 120.0)
    )
    return (np.sign(x) * run).astype(np.float32), y


def turn_edge(sheet: Sheet, *, thickness_mm: float = 1.0, width_mm: float = 1.6) -> None:
    """Round the sheet down at its outline."""
    t = np.clip(sheet.inside / width_mm, 0.0, 1.0)
    sheet.height += thickness_mm * np.sqrt(np.maximum(1.0 - (1.0 - t) ** 2, 0.0))


def sew_seam(sheet: Sheet, across_mm: np.ndarray, where: np.ndarray, *, depth_mm: float = 0.5) -> None:
    """Press a seam into the sheet: a narrow groove with soft shoulders at signed distance `across_mm`."""
    groove = np.exp(-((across_mm / 0.55) ** 2)) * where
    swell = np.exp(-((across_mm / 3.0) ** 2)) * where
    sheet.height += 0.35 * swell - depth_mm * groove
    sheet.shade *= 1.0 - 0.42 * groove


def sew_darts(sheet: Sheet) -> None:
    """The front dart and the side panel's seam."""
    side, y = np.abs(sheet.x), sheet.y
    dart = np.clip((y - 205.0) / 20.0, 0.0, 1.0) * (y < 444.0)
    sew_seam(sheet, side - x_at(DART, y[:, :1]), dart)
    sew_seam(sheet, side - x_at(SIDE_SEAM, y[:, :1]), np.clip((y - 110.0) / 15.0, 0.0, 1.0))


def drape_front(sheet: Sheet, *, button: tuple[float, float]) -> None:
    """Folds of a buttoned front: drag lines that radiate from the button, soft flutes towards the hem."""
    dx, dy = sheet.x - button[0], sheet.y - button[1]
    r = np.hypot(dx, dy)
    angle = np.arctan2(dy, np.abs(dx))
    fan = np.exp(-(((angle + 0.15) / 0.55) ** 2)) * np.exp(-(((r - 75.0) / 60.0) ** 2))
    sheet.height += 1.1 * fan * np.cos(angle * 11.0 + 0.5)
    low = np.clip((sheet.y - 380.0) / 230.0, 0.0, 1.0) ** 1.5
    sheet.height += low * (
        2.4 * np.sin(np.abs(sheet.x) / 21.0 + 0.6) + 1.2 * np.sin(np.abs(sheet.x) / 11.0 + sheet.y / 160.0)
    )
