"""The two-button single-breasted jacket with notch lapels. Owns its outlines; everything else is borrowed."""

from __future__ import annotations

import numpy as np

from garment.cut import Cut, CutPiece
from garment.cuts.back import back
from garment.cuts.body import TORSO_TABLE, anchors, form_slopes, silhouette_side
from garment.cuts.curves import join, mirrored, through, trace
from garment.cuts.fronts import drape_front, lay_grain, sew_darts, turn_edge
from garment.cuts.lapels import fold_collar, lay_along, roll_lapel
from garment.cuts.pile import pile
from garment.cuts.shirts import shirt_front, shirt_leaf, tie_blade, tie_knot
from garment.cuts.sleeves import sleeve
from garment.cuts.table import Sheet
from garment.cuts.trims import button, buttonhole, flap, jet, welt

TOP_BUTTON = (0.0, 336.0)
LOWER_BUTTON = (0.0, 442.0)
EDGE_X = -17.0
BREAK = (EDGE_X, 320.0)
ROLL = through(
    (72.0, -98.0), (66.0, -64.0), (61.0, -20.0), (56.0, 25.0), (46.0, 90.0), (29.0, 175.0), (8.0, 255.0), BREAK
)
GORGE = ((61.0, -34.0), (106.0, -12.0))
TIP = (145.0, 5.0)
COLLAR_TIP = (124.0, -41.0)


def single_breasted() -> Cut:
    """Draw it."""
    pieces = {
        "back": back(),
        "torso": torso(),
        "sleeve_left": sleeve("sleeve_left"),
        "sleeve_right": sleeve("sleeve_right"),
    }
    return Cut(
        id="single_breasted", name="Single-breasted, two buttons", pieces=pieces, px_per_mm=TORSO_TABLE.px_per_mm
    )


def torso() -> CutPiece:
    """Shirt, tie, right half, left half over it, trimmings."""
    table = TORSO_TABLE
    sheets = [
        shirt_front(table),
        tie_blade(table),
        tie_knot(table),
        shirt_leaf(table, mirror=False),
        shirt_leaf(table, mirror=True),
    ]
    for mirror in (True, False):
        sheets += [_front(mirror=mirror), _lapel(mirror=mirror)]
    sheets += [_collar(mirror=True), _collar(mirror=False)]
    sheets += _pockets()
    sheets += [buttonhole(table, (-11.0, TOP_BUTTON[1]), length_mm=22.0), button(table, TOP_BUTTON)]
    sheets += [buttonhole(table, (-11.0, LOWER_BUTTON[1]), length_mm=22.0), button(table, LOWER_BUTTON)]
    sheets += [buttonhole(table, (126.0, 18.0), length_mm=20.0, angle=np.pi - 0.42)]
    return pile_torso(sheets)


def pile_torso(sheets: list[Sheet]) -> CutPiece:
    """Lay the sheets over the body."""
    return pile("torso", TORSO_TABLE, sheets=sheets, form=form_slopes(), anchors_mm=anchors())


def _flip(curve: np.ndarray, *, mirror: bool) -> np.ndarray:
    return mirrored(curve) if mirror else curve


def _front(*, mirror: bool) -> Sheet:
    lower = trace(
        (233.0, 636.0),
        ((200.0, 650.0), (150.0, 655.0), (104.0, 654.0)),
        ((48.0, 652.0), (18.0, 600.0), (-4.0, 520.0)),
        ((-13.0, 488.0), (EDGE_X, 470.0), (EDGE_X, 440.0)),
        BREAK,
    )
    outline = join(silhouette_side(), lower, ROLL[::-1])
    sheet = TORSO_TABLE.cut("front_right" if mirror else "front_left", _flip(outline, mirror=mirror))
    lay_grain(sheet)
    turn_edge(sheet)
    sew_darts(sheet)
    drape_front(sheet, button=TOP_BUTTON)
    sheet.lift_mm = 2.6
    return sheet


def _lapel(*, mirror: bool) -> Sheet:
    outline = join(
        ROLL[ROLL[:, 1] > GORGE[0][1]][::-1],
        trace(GORGE[0], GORGE[1], TIP, ((126.0, 96.0), (6.0, 250.0), (EDGE_X, 330.0))),
    )
    sheet = TORSO_TABLE.cut("lapel_right" if mirror else "lapel_left", _flip(outline, mirror=mirror))
    s = -1.0 if mirror else 1.0
    lay_along(sheet, (s * TIP[0], TIP[1]), (s * (EDGE_X + 12.0), 320.0))
    roll_lapel(sheet, _flip(ROLL, mirror=mirror))
    return sheet


def _collar(*, mirror: bool) -> Sheet:
    fold = np.concatenate([ROLL[ROLL[:, 1] <= GORGE[0][1]], np.array([GORGE[0]], np.float32)])
    outline = join(
        fold,
        trace(
            GORGE[0],
            GORGE[1],
            COLLAR_TIP,
            ((117.0, -55.0), (106.0, -66.0), (98.0, -78.0)),
            ((92.0, -94.0), (82.0, -104.0), (72.0, -98.0)),
        ),
    )
    sheet = TORSO_TABLE.cut("collar_right" if mirror else "collar_left", _flip(outline, mirror=mirror))
    fold_collar(sheet, _flip(fold, mirror=mirror))
    return sheet


def _pockets() -> list[Sheet]:
    table, sheets = TORSO_TABLE, []
    for s in (-1.0, 1.0):
        inner, outer = (s * 80.0, 452.0), (s * 203.0, 456.0)
        sheets += [flap(table, inner=inner, outer=outer), jet(table, inner=inner, outer=outer)]
    sheets.append(welt(table, inner=(72.0, 184.0), outer=(166.0, 172.0)))
    return sheets
