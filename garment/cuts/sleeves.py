"""The sleeve, hanging straight. Owns its shape, cloth and folds; must not know the torso's panels.

Down to the armpit it ends at the armhole's seam, which lies on the torso.
"""

from __future__ import annotations

import numpy as np

from garment.cut import CutPiece
from garment.cuts.curves import join, ramp, sided, through, trace, x_at
from garment.cuts.folds import Fold, add_folds, places, unrest
from garment.cuts.fronts import cloth_run
from garment.cuts.pile import Form, pile, spread_out
from garment.cuts.rim import GOES_ON_MM
from garment.cuts.sewing import sew_seam, turn_edge
from garment.cuts.table import Sheet, Table
from garment.cuts.trims import button
from garment.relief import crevices, slopes

SLEEVE_TABLE = Table(size_mm=(208.0, 676.0), corner_mm=(-104.0, -18.0))
_STEP_MM = 1.0  # of the grid that form and folds are drawn on
ELBOW_MM = 335.0
CUFF_MM = 636.0

# The wearer's left sleeve: its outer side lies on the right, its head on the shoulder point at (0, 0).
OUTER = through(
    (-12.0, -5.6), (-7.0, -4.8), (1.0, -2.5), (8.0, 2.5), (13.5, 11.0), (18.0, 28.0), (23.0, 62.0), (28.0, 115.0),
    (34.0, 190.0), (38.5, 260.0), (41.5, ELBOW_MM), (42.0, 410.0), (40.5, 520.0), (38.5, CUFF_MM - 1.0),
)  # fmt: skip
SEAM = through(
    (-12.0, -5.6), (-13.2, -1.0), (-16.5, 10.0), (-22.0, 28.0), (-31.0, 56.0), (-41.0, 92.0), (-48.0, 130.0),
    (-52.0, 165.0), (-52.5, 205.0), (-49.0, 260.0), (-45.5, ELBOW_MM), (-43.0, 410.0), (-40.0, 520.0),
    (-37.5, CUFF_MM - 2.0),
)  # fmt: skip
_HEM = trace((-37.5, CUFF_MM - 2.0), ((-18.0, CUFF_MM + 3.5), (18.0, CUFF_MM + 4.5), (38.5, CUFF_MM - 1.0)))

FOLDS = (
    Fold(((-48.0, 292.0), (-18.0, 303.0), (16.0, 299.0), (38.0, 286.0)), 3.4, 8.5, 0.4),
    Fold(((-47.0, 318.0), (-20.0, 334.0), (8.0, 352.0), (34.0, 380.0)), 4.2, 8.5, 0.4),
    Fold(((-45.0, 350.0), (-24.0, 374.0), (-6.0, 408.0), (2.0, 450.0)), 3.0, 9.5, 0.3),
    Fold(((-52.0, 205.0), (-36.0, 236.0), (-20.0, 280.0), (-14.0, 318.0)), 2.5, 10.0, -0.2),
    Fold(((24.0, 140.0), (15.0, 200.0), (19.0, 255.0), (31.0, 300.0)), 2.1, 11.0, 0.2),
    Fold(((-34.0, 105.0), (-33.0, 150.0), (-36.0, 205.0)), 2.8, 8.0, 0.3),
    Fold(((27.0, 420.0), (6.0, 462.0), (-14.0, 520.0), (-20.0, 570.0)), 2.3, 12.0, 0.2),
    Fold(((-36.0, 540.0), (-14.0, 566.0), (14.0, 574.0), (33.0, 562.0)), 1.3, 9.0),
    Fold(((8.0, 14.0), (6.0, 70.0), (2.0, 130.0)), 1.7, 12.0),
)


def sleeve(side: str) -> CutPiece:
    """`sleeve_left` or `sleeve_right`, mirror images but for the pattern of the cloth."""
    mirror = side == "sleeve_right"
    table = SLEEVE_TABLE
    sheets = [_shirt_cuff(table, mirror=mirror), _cloth(table, mirror=mirror)]
    out = -1.0 if mirror else 1.0
    rows = [CUFF_MM - 34.0 - 13.6 * k for k in (3, 2, 1, 0)]
    sheets += [button(table, (out * 31.0, y), radius_mm=7.2, squeeze=0.70) for y in rows]
    return pile(
        side,
        table,
        sheets=sheets,
        form=_form(table, mirror=mirror),
        anchors_mm={"shoulder": (0.0, 0.0), "elbow": (0.0, ELBOW_MM), "cuff": (0.0, CUFF_MM)},
    )


def _cloth(table: Table, *, mirror: bool) -> Sheet:
    outline = join(OUTER[::-1], SEAM, _HEM)
    sheet = table.cut(
        "sleeve_right" if mirror else "sleeve_left",
        sided(outline, mirror=mirror),
        sides_mm=(GOES_ON_MM, GOES_ON_MM),
    )
    sheet.goes_on = True
    s, y = (-1.0 if mirror else 1.0), sheet.y[:, :1]
    x = s * sheet.x
    inner, outer = x_at(SEAM, y), x_at(OUTER, y)
    middle, half = (inner + outer) / 2.0, np.maximum((outer - inner) / 2.0, 25.0)
    t = (x - middle) / half
    own = s * (middle + np.sign(t) * cloth_run(np.abs(x - middle), half))
    sway = 0.5 * np.sin(y / 57.0 + 0.7)
    sink = (2.0 + 5.0 * ramp(y, 0.0, CUFF_MM)) * (1.0 - np.minimum(t * t, 1.0))
    sheet.u = (own + sway).astype(np.float32)
    sheet.v = (sheet.y - sink).astype(np.float32)
    _set_in(sheet, x - inner)
    turn_edge(sheet, thickness_mm=0.6 * ramp(y, CUFF_MM - 12.0, CUFF_MM - 6.0), width_mm=2.0)
    sew_seam(sheet, x - outer + 3.0, 0.5 * np.clip((y - CUFF_MM + 105.0) / 6.0, 0.0, 1.0))
    sheet.shade *= 1.0 - 0.2 * np.exp(-np.maximum(CUFF_MM - sheet.y, 0.0) / 2.0)
    return sheet


def _set_in(sheet: Sheet, from_seam: np.ndarray) -> None:
    """Sew the sleeve in: a seam, and the fullness of the head just beyond it."""
    y = sheet.y
    head = ramp(y, 230.0, 120.0)
    full = np.clip(from_seam / 7.0, 0.0, 1.0)
    rope = 0.15 + 0.85 * ramp(y, 150.0, -10.0)
    sheet.height += (2.4 * rope * head * np.sqrt(1.0 - (1.0 - full) ** 2)).astype(np.float32)
    sheet.shade *= 1.0 - 0.26 * np.exp(-((from_seam / 3.4) ** 2)) * head


def _shirt_cuff(table: Table, *, mirror: bool) -> Sheet:
    low = CUFF_MM + 11.0
    outline = trace(
        (-34.5, CUFF_MM - 30.0),
        (34.0, CUFF_MM - 30.0),
        (33.5, low),
        ((15.0, low + 4.0), (-15.0, low + 3.5), (-34.5, low - 1.0)),
    )
    sheet = table.cut("cuff", sided(outline, mirror=mirror), cloth="shirting")
    turn_edge(sheet, thickness_mm=1.0, width_mm=1.6)
    return sheet


def _form(table: Table, *, mirror: bool) -> Form:
    """A soft tube with the arm's folds on it."""
    hw = round(table.size_mm[1] / _STEP_MM), round(table.size_mm[0] / _STEP_MM)
    x, y = places(hw, corner_mm=table.corner_mm, step_mm=_STEP_MM)
    s = -1.0 if mirror else 1.0
    side, row = s * x, y[:, :1]
    inner, outer = x_at(SEAM, row), x_at(OUTER, row)
    half = (((outer - inner) / 2.0) ** 4 + 24.0**4) ** 0.25 * 1.06
    t = np.clip(np.abs(side - (inner + outer) / 2.0) / half, 0.0, 0.985)
    round_here = 0.42 + 0.58 * ramp(row, 40.0, 260.0)
    tube = round_here * half * 1.05 * (1.0 - t**2.3) ** 0.52 - 24.0 * np.exp(-np.maximum(y + 8.0, 0.0) / 22.0)
    cloth = np.zeros_like(tube)
    mirrored = tuple(Fold(tuple((-px, py) for px, py in f.points), f.height_mm, f.width_mm, -f.skew) for f in FOLDS)
    add_folds(cloth, mirrored if mirror else FOLDS, corner_mm=table.corner_mm, step_mm=_STEP_MM)
    uneven = unrest(hw, step_mm=_STEP_MM, wave_mm=(38.0, 80.0), seed=5)
    cloth += 0.5 * (uneven[:, ::-1] if mirror else uneven)
    shade = crevices(cloth, reach_px=8.0 / _STEP_MM, strength=0.22)
    shade *= 1.0 - 0.22 * ramp(row, 60.0, 260.0) * np.clip(((inner + outer) / 2.0 - side) / half, 0.0, 1.0) ** 2
    return spread_out(slopes((tube + cloth).astype(np.float32), px_per_mm=1.0 / _STEP_MM), shade, table.hw)
