"""Shirt and tie in the V of a jacket. Owns them; must not know the jacket over them."""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import join, mirrored, through, trace
from garment.cuts.fronts import turn_edge
from garment.cuts.lapels import fold_collar, lay_along
from garment.cuts.table import Sheet, Table

COLLAR_TOP = through((66.0, -110.0), (63.0, -76.0), (50.0, -38.0), (27.0, -10.0), (6.0, 3.0))


def shirt_front(table: Table) -> Sheet:
    """The shirt's breast with its placket."""
    top = COLLAR_TOP[::-1]
    outline = join(
        mirrored(top[::-1]), top, np.array([(95.0, 0.0), (60.0, 330.0), (-60.0, 330.0), (-95.0, 0.0)], np.float32)
    )
    sheet = table.cut("shirt", outline, cloth="shirting")
    for edge in (-16.0, 16.0):
        groove = np.exp(-(((sheet.x - edge) / 0.6) ** 2))
        sheet.height -= 0.4 * groove
        sheet.shade *= 1.0 - 0.18 * groove
    return sheet


def shirt_leaf(table: Table, *, mirror: bool) -> Sheet:
    """One leaf of the collar, from the neck's side to its point."""
    flip = mirrored if mirror else (lambda c: c)
    outer = trace((50.0, 72.0), ((62.0, 30.0), (80.0, -40.0), (78.0, -96.0)))
    outline = flip(join(COLLAR_TOP, trace((6.0, 3.0), (7.0, 8.0), ((16.0, 28.0), (36.0, 56.0), (50.0, 72.0))), outer))
    sheet = table.cut("leaf_right" if mirror else "leaf_left", outline, cloth="shirting")
    fold_collar(sheet, flip(COLLAR_TOP), fall_mm=46.0)
    sheet.height *= 0.6
    stitch = np.abs(sheet.inside - 5.0)
    sheet.height -= 0.25 * np.exp(-((stitch / 0.5) ** 2))
    sheet.lift_mm = 2.0
    return sheet


def tie_blade(table: Table) -> Sheet:
    """The blade below the knot, cut on the bias."""
    right = trace((11.0, 42.0), ((15.0, 70.0), (22.0, 160.0), (33.0, 300.0)))
    outline = join(right, mirrored(right)[::-1])
    sheet = table.cut("tie_blade", outline, cloth="tie")
    lay_along(sheet, (0.0, 0.0), (100.0, 100.0))
    sheet.height += 4.5 * np.sqrt(np.clip(sheet.inside / 16.0, 0.0, 1.0))
    dimple = np.exp(-((sheet.x / 3.5) ** 2)) * np.exp(-(np.maximum(sheet.y - 44.0, 0.0) / 28.0))
    sheet.height -= 3.2 * dimple
    sheet.shade *= 1.0 - 0.35 * dimple
    sheet.lift_mm = 2.5
    return sheet


def tie_knot(table: Table) -> Sheet:
    """A four-in-hand, a little lopsided as it should be."""
    outline = trace(
        (-19.0, 4.0),
        ((-10.0, 0.0), (10.0, -1.0), (20.0, 3.0)),
        ((19.0, 16.0), (15.0, 34.0), (13.0, 45.0)),
        ((6.0, 50.0), (-6.0, 50.0), (-11.0, 47.0)),
        ((-13.0, 34.0), (-18.0, 18.0), (-19.0, 4.0)),
    )
    sheet = table.cut("tie_knot", outline, cloth="tie")
    lay_along(sheet, (0.0, 0.0), (100.0, -80.0))
    sheet.height += 9.0 * np.sqrt(np.clip(sheet.inside / 15.0, 0.0, 1.0))
    sheet.lift_mm = 4.0
    return sheet


def flat_edges(sheet: Sheet) -> None:
    """A thin turned edge for shirt cloth."""
    turn_edge(sheet, thickness_mm=0.6, width_mm=1.0)
