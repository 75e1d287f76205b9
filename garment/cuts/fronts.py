"""The two fronts: their cloth, darts and side seams.

Owns everything of a front but its lapel and its trimmings; must not know which cut it belongs to.
"""

from __future__ import annotations

import numpy as np

from garment.cuts.body import half_width, outline_of_half
from garment.cuts.curves import join, ramp, sided, through, x_at
from garment.cuts.sewing import pick_stitch, sew_seam, turn_edge
from garment.cuts.table import Sheet, Table

DART = through((101.0, 212.0), (101.5, 270.0), (103.0, 336.0), (107.0, 400.0), (111.0, 452.0))
SIDE_SEAM = through((182.0, 120.0), (176.0, 180.0), (164.0, 270.0), (159.0, 336.0), (165.0, 440.0), (180.0, 660.0))
_DART_TAKES = through((0.0, 205.0), (0.6, 230.0), (9.0, 330.0), (7.5, 390.0), (6.0, 452.0), (6.0, 700.0))
_SEAM_TAKES = through((4.0, 120.0), (10.0, 200.0), (23.0, 336.0), (15.0, 450.0), (8.0, 660.0))


def front(table: Table, *, edge: np.ndarray, roll: np.ndarray, mirror: bool) -> Sheet:
    """A whole front. `edge` runs from the hem's corner round the quarter up to the break, `roll` down to the break."""
    outline = join(outline_of_half(), edge, roll[::-1])
    sheet = table.cut("front_right" if mirror else "front_left", sided(outline, mirror=mirror))
    lay_front_grain(sheet)
    turn_edge(sheet, thickness_mm=0.9)
    pick_stitch(sheet, sided(edge[::-1] if mirror else edge, mirror=mirror))
    _sew(sheet)
    sheet.lift_mm = 2.8
    return sheet


def lay_front_grain(sheet: Sheet) -> None:
    """UV of a front: the warp hangs plumb, foreshortens as it turns to the side, and darts swallow some of it.

    Both fronts and everything sewn on them share one grain, so patterns meet at the edge, the flaps and the welt.
    """
    sheet.u, sheet.v = front_uv(sheet.x, sheet.y)


def front_uv(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Millimetres of cloth from the neck's pit to places of the front view (a grid with one y per row)."""
    side, y = np.abs(x), y[:, :1]
    t = np.minimum(side / half_width(y), 1.1)
    run = side * (1.0 + 0.10 * t**6)
    run += x_at(_DART_TAKES, y) * (side > x_at(DART, y)) * (y > 212.0)
    run += x_at(_SEAM_TAKES, y) * (side > x_at(SIDE_SEAM, y)) * (y > 120.0)
    # Seen from chest height the weft sinks towards the middle, more so further down, as the hem does.
    sink = 21.0 * ramp(y, 120.0, 700.0) * (x / 209.0) ** 2
    # No cloth on a body lies dead straight.
    sway_u = 0.7 * np.sin(y / 74.0 + 1.3) + 0.35 * np.sin(y / 31.0 + x / 90.0)
    sway_v = 0.7 * np.sin(x / 66.0 + 0.8) + 0.35 * np.sin(x / 29.0 + y / 120.0)
    return (np.sign(x) * run + sway_u).astype(np.float32), (y + sink + sway_v).astype(np.float32)


def _sew(sheet: Sheet) -> None:
    side, y = np.abs(sheet.x), sheet.y[:, :1]
    dart = ramp(y, 212.0, 290.0) * ramp(y, 454.0, 450.0)
    sew_seam(sheet, side - x_at(DART, y), 0.75 * dart)
    sew_seam(sheet, side - x_at(SIDE_SEAM, y), 0.7 * ramp(y, 120.0, 170.0))
