"""Shirt and tie in the V of a jacket. Owns them; must not know the jacket over them."""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import join, ramp, sided, through, trace
from garment.cuts.lapels import round_fall
from garment.cuts.sewing import lay_along, turn_edge
from garment.cuts.table import Sheet, Table

COLLAR_TOP = through(
    (69.5, -97.0), (66.8, -89.0), (61.8, -74.0), (53.5, -52.0), (39.5, -29.0), (21.0, -11.5), (3.5, -4.0)
)
"""Fold of the shirt's collar, from the neck's side to the throat, wearer's left."""
LEAF_POINT = (52.0, 66.0)
OPEN_COLLAR = through((69.5, -97.0), (66.8, -89.0), (61.0, -71.0), (51.5, -42.0), (39.0, -10.0), (27.0, 20.0))
"""The same of an open collar: it ends higher and further out, where the stand's button is undone."""
OPEN_POINT = (55.0, 70.0)
_IN_THE_V, _ON_THE_COLLAR = 0.78, 0.82  # the jacket keeps some of the sky from the shirt


def dressed_with_tie(table: Table) -> list[Sheet]:
    """Shirt, tie and the closed collar over it."""
    leaves = [_leaf(table, COLLAR_TOP, LEAF_POINT, mirror=mirror) for mirror in (False, True)]
    return [shirt_front(table), collar_band(table), tie_blade(table), tie_knot(table), *leaves]


def dressed_open(table: Table) -> list[Sheet]:
    """The shirt with its top button open and no tie; the wearer's own throat shows."""
    leaves = [_leaf(table, OPEN_COLLAR, OPEN_POINT, mirror=mirror) for mirror in (False, True)]
    return [_open_front(table), *leaves]


def shirt_front(table: Table) -> Sheet:
    """The shirt's breast with its placket."""
    half = np.array([(0.0, 10.0), (24.0, 2.0), (56.0, -24.0), (84.0, -30.0), (90.0, 60.0), (60.0, 330.0)], np.float32)
    sheet = table.cut("shirt", join(half, sided(half, mirror=True)[::-1]), cloth="shirting")
    for edge in (-17.0, 17.0):
        groove = np.exp(-(((sheet.x - edge) / 0.6) ** 2))
        sheet.height -= 0.35 * groove
        sheet.shade *= 1.0 - 0.14 * groove
    drape = np.sin(sheet.x / 9.0 + sheet.y / 55.0) * np.exp(-(((np.abs(sheet.x) - 34.0) / 16.0) ** 2))
    sheet.height += (0.8 * drape).astype(np.float32)
    sheet.weight = 0.0
    sheet.shade *= _IN_THE_V
    return sheet


def _open_front(table: Table) -> Sheet:
    """The breast with its fronts folded apart down to the second button."""
    throat = trace((0.0, 96.0), ((6.0, 84.0), (20.0, 44.0), (30.0, 14.0)), (46.0, -20.0), (84.0, -30.0), (90.0, 60.0))
    half = join(throat, np.array([(60.0, 330.0)], np.float32))
    sheet = table.cut("shirt", join(half, sided(half, mirror=True)[::-1]), cloth="shirting")
    edge = np.exp(-(((sheet.x - 16.0) / 0.6) ** 2)) * ramp(sheet.y, 70.0, 80.0)
    lap = np.exp(-(((sheet.x + 16.0) / 0.9) ** 2)) * ramp(sheet.y, 60.0, 76.0)
    sheet.height -= (0.35 * edge + 0.6 * lap).astype(np.float32)
    sheet.shade *= (1.0 - 0.14 * edge) * (1.0 - 0.34 * lap)
    drape = np.sin(sheet.x / 9.0 + sheet.y / 55.0) * np.exp(-(((np.abs(sheet.x) - 34.0) / 16.0) ** 2))
    sheet.height += (0.9 * drape).astype(np.float32)
    turn_edge(sheet, thickness_mm=0.8, width_mm=2.4)
    sheet.weight = 0.0
    sheet.shade *= _IN_THE_V
    return sheet


def collar_band(table: Table) -> Sheet:
    """The stand's ends, seen between the leaves above the knot."""
    outline = trace((-22.0, -13.0), ((-8.0, -4.0), (8.0, -4.0), (22.0, -13.0)), (20.0, 20.0), (-20.0, 20.0))
    sheet = table.cut("band", outline, cloth="shirting")
    sheet.shade *= 0.82
    return sheet


def _leaf(table: Table, fold: np.ndarray, point: tuple[float, float], *, mirror: bool) -> Sheet:
    """One leaf of the collar, from the neck's side to its point."""
    x, y = (float(c) for c in fold[-1])
    front = trace((x, y), ((x + 1.5, y + 8.0), (x + 0.36 * (point[0] - x), y + 0.45 * (point[1] - y)), point))
    outer = trace(point, ((64.0, 36.0), (81.0, -40.0), (77.5, -82.0)), ((76.6, -92.0), (74.0, -98.5), (69.5, -97.0)))
    outline = sided(join(fold, front, outer), mirror=mirror)
    sheet = table.cut("leaf_right" if mirror else "leaf_left", outline, cloth="shirting")
    s = -1.0 if mirror else 1.0
    lay_along(sheet, (s * 20.0, -5.0), (s * 66.0, 40.0))
    from_fold = round_fall(sheet, sided(fold, mirror=mirror), stand_mm=5.0, radius_mm=6.0, fall_mm=36.0)
    turn_edge(sheet, thickness_mm=0.7, width_mm=1.4)
    stitch = np.exp(-(((sheet.inside - 5.5) / 0.5) ** 2)) * np.clip((from_fold - 9.0) / 4.0, 0.0, 1.0)
    sheet.height -= 0.22 * stitch
    sheet.shade *= _ON_THE_COLLAR * (1.0 - 0.08 * stitch)
    sheet.lift_mm = 2.4
    return sheet


def tie_blade(table: Table) -> Sheet:
    """The blade below the knot, cut on the bias, full in the middle, with the dimple under the knot."""
    left = trace((10.5, 33.0), ((13.0, 55.0), (21.0, 160.0), (36.0, 330.0)))
    sheet = table.cut("tie_blade", join(left, sided(left, mirror=True)[::-1]), cloth="tie")
    lay_along(sheet, (0.0, 0.0), (-100.0, 100.0))
    down = np.maximum(sheet.y - 37.0, 0.0)
    sheet.height += (4.6 * np.sqrt(np.clip(sheet.inside / 12.0 + 0.02, 0.0, 1.0))).astype(np.float32)
    middle = sheet.x - 1.0
    dimple = np.exp(-((middle / (2.4 + down / 15.0)) ** 2)) * np.exp(-down / 26.0)
    pleat = np.exp(-(((np.abs(middle) - 6.5 - down / 13.0) / 3.6) ** 2)) * np.exp(-down / 38.0)
    sheet.height += (2.2 * pleat - 4.4 * dimple).astype(np.float32)
    sheet.shade *= 1.0 - 0.5 * dimple
    sheet.lift_mm = 2.6
    return sheet


def tie_knot(table: Table) -> Sheet:
    """A four-in-hand, a little lopsided as it should be."""
    outline = trace(
        (-22.0, -5.0),
        ((-10.0, -10.5), (10.0, -10.5), (22.5, -6.0)),
        ((22.0, 8.0), (17.0, 27.0), (14.5, 38.5)),
        ((9.0, 44.5), (-5.0, 46.0), (-12.0, 42.0)),
        ((-14.5, 28.0), (-20.5, 11.0), (-22.0, -5.0)),
    )
    sheet = table.cut("tie_knot", outline, cloth="tie")
    lay_along(sheet, (0.0, 0.0), (100.0, 78.0))
    sheet.height += (9.5 * np.sqrt(np.clip(sheet.inside / 15.0 + 0.01, 0.0, 1.0))).astype(np.float32)
    wrap = sheet.y - 5.0 - 0.34 * sheet.x - 0.010 * sheet.x**2
    crease = np.exp(-((wrap / np.where(wrap > 0, 3.5, 1.3)) ** 2)) * np.clip((13.0 - sheet.x) / 16.0, 0.0, 1.0)
    pinch = np.exp(-(((sheet.x - 1.0) / 4.0) ** 2)) * np.clip((sheet.y - 27.0) / 14.0, 0.0, 1.0)
    sheet.height -= (1.6 * crease + 1.8 * pinch).astype(np.float32)
    sheet.shade *= (1.0 - 0.30 * crease) * (1.0 - 0.2 * pinch)
    sheet.lift_mm = 4.5
    return sheet
