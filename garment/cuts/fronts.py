"""The two fronts: their cloth, darts and side seams.

Owns everything of a front but its lapel and its trimmings; must not know which cut it belongs to.
"""

from __future__ import annotations

import numpy as np

from garment.cuts.body import half_width, outline_of_half
from garment.cuts.curves import join, ramp, sided, through, x_at
from garment.cuts.rim import GOES_ON_MM
from garment.cuts.sewing import pick_stitch, sew_seam, turn_edge
from garment.cuts.table import Sheet, Table

DART = through((101.0, 212.0), (101.5, 270.0), (103.0, 336.0), (107.0, 400.0), (111.0, 452.0))
SIDE_SEAM = through((182.0, 120.0), (176.0, 180.0), (164.0, 270.0), (159.0, 336.0), (165.0, 440.0), (180.0, 660.0))
_DART_TAKES = through((0.0, 205.0), (0.6, 230.0), (9.0, 330.0), (7.5, 390.0), (6.0, 452.0), (6.0, 700.0))
_CROWDING, _RELEASE_MM = 0.10, 8.0
_SEAM_TAKES = through((4.0, 120.0), (10.0, 200.0), (23.0, 336.0), (15.0, 450.0), (8.0, 660.0))


def front(table: Table, *, edge: np.ndarray, roll: np.ndarray, mirror: bool) -> Sheet:
    """A whole front. `edge` runs from the hem's corner round the quarter up to the break, `roll` down to the break."""
    outline = join(outline_of_half(), edge, roll[::-1])
    sheet = table.cut(
        "front_right" if mirror else "front_left",
        sided(outline, mirror=mirror),
        sides_mm=(GOES_ON_MM, 0.0) if mirror else (0.0, GOES_ON_MM),
    )
    sheet.goes_on = True
    lay_front_grain(sheet)
    # At the side the cloth does not end, it turns away to the back.
    ends = np.maximum(ramp(half_width(sheet.y[:, :1]) - np.abs(sheet.x), 2.0, 9.0), ramp(sheet.y, 620.0, 630.0))
    turn_edge(sheet, thickness_mm=0.9 * ends)
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
    run = cloth_run(side, half_width(y))
    run += x_at(_DART_TAKES, y) * (side > x_at(DART, y)) * (y > 212.0)
    run += x_at(_SEAM_TAKES, y) * (side > x_at(SIDE_SEAM, y)) * (y > 120.0)
    # Seen from chest height the weft sinks towards the middle, more so further down, as the hem does.
    sink = 21.0 * ramp(y, 120.0, 700.0) * (x / 209.0) ** 2
    # No cloth on a body lies dead straight.
    sway_u = 0.7 * np.sin(y / 74.0 + 1.3) + 0.35 * np.sin(y / 31.0 + x / 90.0)
    sway_v = 0.7 * np.sin(x / 66.0 + 0.8) + 0.35 * np.sin(x / 29.0 + y / 120.0)
    return (np.sign(x) * run + sway_u).astype(np.float32), (y + sink + sway_v).astype(np.float32)


def cloth_run(side: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Millimetres of cloth from the middle of a round form, `half` wide, to a place seen `side` >= 0 from it: the cloth
    crowds towards the edge, and beyond the edge it soon lies as wide as it is seen."""
    t = np.minimum(side / half, 1.0)
    beyond = np.maximum(side - half, 0.0)
    crowded = _RELEASE_MM * (1.0 - np.exp(-beyond / _RELEASE_MM))
    return t * half * (1.0 + _CROWDING * t**6) + (1.0 + _CROWDING) * beyond + 6.0 * _CROWDING * crowded


def _sew(sheet: Sheet) -> None:
    side, y = np.abs(sheet.x), sheet.y[:, :1]
    dart = ramp(y, 212.0, 290.0) * ramp(y, 454.0, 450.0)
    sew_seam(sheet, side - x_at(DART, y), 0.75 * dart)
    sew_seam(sheet, side - x_at(SIDE_SEAM, y), 0.7 * ramp(y, 120.0, 170.0))
