"""Shirt and tie in the V of a jacket. Owns them; must not know the jacket over them."""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import join, sided, through, trace
from garment.cuts.lapels import round_fall
from garment.cuts.sewing import lay_along, turn_edge
from garment.cuts.table import Sheet, Table

COLLAR_TOP = through(
    (66.5, -113.0), (63.5, -104.0), (61.5, -86.0), (55.0, -56.0), (40.0, -26.0), (21.0, -5.0), (3.5, 4.0)
)
"""Fold of the shirt's collar, from the neck's side to the throat, wearer's left."""
LEAF_POINT = (52.0, 72.0)


def dressed_with_tie(table: Table) -> list[Sheet]:
    """Shirt, tie and the closed collar over it."""
    leaves = [shirt_leaf(table, mirror=mirror) for mirror in (False, True)]
    return [shirt_front(table), collar_band(table), tie_blade(table), tie_knot(table), *leaves]


def shirt_front(table: Table) -> Sheet:
    """The shirt's breast with its placket."""
    half = np.array([(0.0, 16.0), (24.0, 8.0), (56.0, -20.0), (84.0, -30.0), (90.0, 60.0), (60.0, 330.0)], np.float32)
    sheet = table.cut("shirt", join(half, sided(half, mirror=True)[::-1]), cloth="shirting")
    for edge in (-17.0, 17.0):
        groove = np.exp(-(((sheet.x - edge) / 0.6) ** 2))
        sheet.height -= 0.35 * groove
        sheet.shade *= 1.0 - 0.14 * groove
    drape = np.sin(sheet.x / 9.0 + sheet.y / 55.0) * np.exp(-(((np.abs(sheet.x) - 34.0) / 16.0) ** 2))
    sheet.height += (0.8 * drape).astype(np.float32)
    sheet.weight = 0.0
    return sheet


def collar_band(table: Table) -> Sheet:
    """The stand's ends, seen between the leaves above the knot."""
    outline = trace((-22.0, -7.0), ((-8.0, 4.0), (8.0, 4.0), (22.0, -7.0)), (20.0, 26.0), (-20.0, 26.0))
    sheet = table.cut("band", outline, cloth="shirting")
    sheet.shade *= 0.82
    return sheet


def shirt_leaf(table: Table, *, mirror: bool) -> Sheet:
    """One leaf of the collar, from the neck's side to its point."""
    front = trace((3.5, 4.0), ((5.0, 12.0), (20.0, 34.0), LEAF_POINT))
    outer = trace(
        LEAF_POINT, ((62.0, 36.0), (80.0, -40.0), (74.0, -96.0)), ((73.0, -108.0), (70.0, -115.0), (66.5, -113.0))
    )
    outline = sided(join(COLLAR_TOP, front, outer), mirror=mirror)
    sheet = table.cut("leaf_right" if mirror else "leaf_left", outline, cloth="shirting")
    s = -1.0 if mirror else 1.0
    lay_along(sheet, (s * 20.0, -5.0), (s * 66.0, 40.0))
    from_fold = round_fall(sheet, sided(COLLAR_TOP, mirror=mirror), stand_mm=5.0, radius_mm=6.0, fall_mm=36.0)
    turn_edge(sheet, thickness_mm=0.7, width_mm=1.4)
    stitch = np.exp(-(((sheet.inside - 5.5) / 0.5) ** 2)) * np.clip((from_fold - 9.0) / 4.0, 0.0, 1.0)
    sheet.height -= 0.22 * stitch
    sheet.shade *= 1.0 - 0.08 * stitch
    sheet.lift_mm = 2.4
    return sheet


def tie_blade(table: Table) -> Sheet:
    """The blade below the knot, cut on the bias, full in the middle, with the dimple under the knot."""
    left = trace((10.5, 40.0), ((13.0, 62.0), (21.0, 160.0), (36.0, 330.0)))
    sheet = table.cut("tie_blade", join(left, sided(left, mirror=True)[::-1]), cloth="tie")
    lay_along(sheet, (0.0, 0.0), (-100.0, 100.0))
    down = np.maximum(sheet.y - 44.0, 0.0)
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
        (-22.0, 2.0),
        ((-10.0, -3.5), (10.0, -3.5), (22.5, 1.0)),
        ((22.0, 15.0), (17.0, 34.0), (14.5, 45.5)),
        ((9.0, 51.5), (-5.0, 53.0), (-12.0, 49.0)),
        ((-14.5, 35.0), (-20.5, 18.0), (-22.0, 2.0)),
    )
    sheet = table.cut("tie_knot", outline, cloth="tie")
    lay_along(sheet, (0.0, 0.0), (100.0, 78.0))
    sheet.height += (9.5 * np.sqrt(np.clip(sheet.inside / 15.0 + 0.01, 0.0, 1.0))).astype(np.float32)
    wrap = sheet.y - 12.0 - 0.34 * sheet.x - 0.010 * sheet.x**2
    crease = np.exp(-((wrap / np.where(wrap > 0, 3.5, 1.3)) ** 2)) * np.clip((13.0 - sheet.x) / 16.0, 0.0, 1.0)
    pinch = np.exp(-(((sheet.x - 1.0) / 4.0) ** 2)) * np.clip((sheet.y - 34.0) / 14.0, 0.0, 1.0)
    sheet.height -= (1.6 * crease + 1.8 * pinch).astype(np.float32)
    sheet.shade *= (1.0 - 0.30 * crease) * (1.0 - 0.2 * pinch)
    sheet.lift_mm = 4.5
    return sheet
