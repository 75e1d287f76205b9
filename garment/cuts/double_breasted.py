"""The double-breasted jacket, six buttons of which two close, with peak lapels. Owns its outlines."""

from __future__ import annotations

import numpy as np

from garment.cut import Cut
from garment.cuts.body import HEM, TORSO_TABLE
from garment.cuts.curves import through, trace
from garment.cuts.folds import Fold
from garment.cuts.jacket import Pattern, both_sides, make_jacket
from garment.cuts.shirts import dressed_with_tie
from garment.cuts.table import Sheet, Table
from garment.cuts.trims import button, buttonhole, hip_pocket, welt_pocket

_EDGE_X = -78.0
_BREAK = (_EDGE_X, 362.0)
_CLOSING = ((-57.0, 340.0), (-57.0, 448.0))
_SHOWN = ((57.0, 340.0), (57.0, 448.0), (84.0, 232.0), (-84.0, 232.0))
_GORGE = ((62.5, -30.0), (109.0, -6.0))
_TIP = (163.0, -27.0)
_COLLAR_POINT = (131.0, -26.5)

_FOLDS = (
    *both_sides(
        Fold(((182.0, 300.0), (164.0, 310.0), (130.0, 316.0)), 2.0, 9.0, 0.3),
        Fold(((186.0, 344.0), (166.0, 346.0), (126.0, 336.0)), 1.9, 10.0, 0.3),
        Fold(((178.0, 60.0), (166.0, 120.0), (160.0, 190.0), (158.0, 260.0)), 2.6, 10.0, 0.2),
        Fold(((128.0, 430.0), (134.0, 520.0), (139.0, 640.0), (146.0, 850.0)), 3.0, 17.0, 0.2),
        Fold(((186.0, 430.0), (190.0, 540.0), (196.0, 640.0), (204.0, 850.0)), 2.6, 11.0),
    ),
    Fold(((-52.0, 338.0), (0.0, 330.0), (52.0, 334.0)), 2.0, 8.0, 0.2),
    Fold(((-44.0, 345.0), (6.0, 356.0), (70.0, 352.0)), 1.7, 9.0, -0.2),
    Fold(((64.0, 332.0), (98.0, 316.0), (132.0, 286.0)), 1.7, 8.0, 0.2),
    Fold(((-62.0, 330.0), (-98.0, 310.0), (-130.0, 280.0)), 2.0, 8.0, -0.2),
    Fold(((-70.0, 346.0), (-104.0, 360.0), (-138.0, 384.0)), 1.7, 8.0, 0.2),
    Fold(((-40.0, 470.0), (-30.0, 560.0), (-26.0, 655.0), (-20.0, 830.0)), 2.4, 18.0),
    Fold(((40.0, 480.0), (44.0, 570.0), (52.0, 655.0), (58.0, 830.0)), 2.2, 16.0),
)


def double_breasted() -> Cut:
    """Six buttons, two to close, peak lapels, flap pockets, worn with shirt and tie."""
    return make_jacket(
        "double_breasted",
        "Double-breasted, six buttons",
        pattern=pattern(),
        inside=dressed_with_tie(TORSO_TABLE),
        pockets=pockets(TORSO_TABLE),
        trims=trims(TORSO_TABLE),
    )


def pattern() -> Pattern:
    """Outlines of the left half; the right half reaches as far under it."""
    return Pattern(
        roll=through(
            (75.0, -84.0),
            (70.0, -66.0),
            (63.0, -30.0),
            (56.0, 20.0),
            (40.0, 90.0),
            (9.0, 174.0),
            (-33.0, 258.0),
            (-62.0, 309.0),
            (-74.0, 336.0),
            _BREAK,
        ),
        gorge=np.array(_GORGE, np.float32),
        lapel_edge=trace(_GORGE[1], _TIP, ((146.0, 66.0), (14.0, 250.0), (-73.0, 339.0))),
        lapel_grain=np.array([_TIP, (-52.0, 320.0)], np.float32),
        collar_end=trace(
            _GORGE[1],
            _COLLAR_POINT,
            ((118.0, -46.0), (106.0, -60.0), (98.0, -68.5)),
            ((91.0, -74.5), (85.0, -85.5), (75.0, -84.0)),
        ),
        front_edge=trace(
            HEM,
            ((170.0, 648.0), (120.0, 655.5), (84.0, 656.0)),
            (_EDGE_X + 16.0, 656.0),
            ((_EDGE_X + 6.0, 656.0), (_EDGE_X, 650.0), (_EDGE_X, 640.0)),
            _BREAK,
        ),
        folds=_FOLDS,
    )


def pockets(table: Table) -> list[Sheet]:
    """Flap pockets on both sides, a welt on the wearer's left, its end under the lapel."""
    sheets = [welt_pocket(table, inner=(82.0, 184.0), outer=(168.0, 171.0))]
    for s in (-1.0, 1.0):
        sheets += hip_pocket(table, inner=(s * 90.0, 462.0), outer=(s * 186.0, 455.0))
    return sheets


def trims(table: Table) -> list[Sheet]:
    """Two columns of buttons that flare at the top; only the lower four stand over each other."""
    sheets = [
        buttonhole(table, (146.0, -9.0), length_mm=19.0, angle=np.pi - 0.37),
        buttonhole(table, (-146.0, -9.0), length_mm=19.0, angle=0.37),
    ]
    for x, y in _CLOSING:
        sheets += [buttonhole(table, (x - 1.0, y)), button(table, (x, y))]
    return sheets + [button(table, at) for at in _SHOWN]
