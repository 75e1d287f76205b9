"""The two-button single-breasted jacket with notch lapels. Owns its outlines; everything else is borrowed."""

from __future__ import annotations

import numpy as np

from garment.cut import Cut
from garment.cuts.body import HEM, TORSO_TABLE
from garment.cuts.curves import through, trace
from garment.cuts.folds import Fold
from garment.cuts.jacket import Pattern, both_sides, make_jacket
from garment.cuts.shirts import dressed_open, dressed_with_tie
from garment.cuts.table import Sheet, Table
from garment.cuts.trims import button, buttonhole, hip_pocket, welt_pocket

_EDGE_X = -18.0
_BREAK = (_EDGE_X, 356.0)
_BUTTONS = ((0.0, 336.0), (0.0, 446.0))
_GORGE = ((62.5, -30.0), (105.0, -9.0))
_TIP = (142.0, 9.0)
_COLLAR_POINT = (121.5, -34.0)

_FOLDS = both_sides(
    Fold(((14.0, 332.0), (48.0, 318.0), (92.0, 292.0)), 2.0, 8.0, 0.3),
    Fold(((14.0, 340.0), (56.0, 348.0), (104.0, 372.0)), 2.2, 9.0, -0.3),
    Fold(((16.0, 336.0), (66.0, 332.0), (124.0, 322.0)), 1.3, 7.0),
    Fold(((182.0, 300.0), (164.0, 310.0), (130.0, 316.0)), 2.0, 9.0, 0.3),
    Fold(((186.0, 344.0), (166.0, 346.0), (126.0, 336.0)), 1.9, 10.0, 0.3),
    Fold(((178.0, 60.0), (166.0, 120.0), (160.0, 190.0), (158.0, 260.0)), 2.6, 10.0, 0.2),
    Fold(((128.0, 430.0), (134.0, 520.0), (139.0, 640.0), (146.0, 850.0)), 3.2, 17.0, 0.2),
    Fold(((60.0, 470.0), (64.0, 560.0), (72.0, 652.0), (80.0, 830.0)), 2.4, 15.0),
    Fold(((186.0, 430.0), (190.0, 540.0), (196.0, 640.0), (204.0, 850.0)), 2.6, 11.0),
)


def single_breasted() -> Cut:
    """Two buttons, notch lapels, straight flap pockets, worn with shirt and tie."""
    return make_jacket(
        "single_breasted",
        "Single-breasted, two buttons",
        pattern=pattern(),
        inside=dressed_with_tie(TORSO_TABLE),
        pockets=pockets(TORSO_TABLE),
        trims=trims(TORSO_TABLE),
    )


def single_breasted_open_collar() -> Cut:
    """The same jacket over an open shirt without a tie."""
    return make_jacket(
        "single_breasted_open_collar",
        "Single-breasted, open collar",
        pattern=pattern(),
        inside=[*dressed_open(TORSO_TABLE), *_shirt_buttons(TORSO_TABLE)],
        pockets=pockets(TORSO_TABLE),
        trims=trims(TORSO_TABLE),
    )


def pattern() -> Pattern:
    """Outlines of the left half."""
    return Pattern(
        roll=through(
            (75.0, -84.0),
            (70.0, -66.0),
            (63.0, -30.0),
            (58.0, 20.0),
            (48.0, 90.0),
            (31.0, 180.0),
            (9.0, 262.0),
            (-9.0, 306.0),
            (-16.0, 330.0),
            _BREAK,
        ),
        gorge=np.array(_GORGE, np.float32),
        lapel_edge=trace(_GORGE[1], _TIP, ((124.0, 100.0), (14.0, 258.0), (-16.0, 334.0))),
        lapel_grain=np.array([_TIP, (-6.0, 312.0)], np.float32),
        collar_end=trace(
            _GORGE[1],
            _COLLAR_POINT,
            ((114.0, -48.0), (104.0, -60.0), (97.0, -69.0)),
            ((91.0, -74.5), (85.0, -85.5), (75.0, -84.0)),
        ),
        front_edge=trace(
            HEM,
            ((180.0, 645.0), (140.0, 654.0), (98.0, 655.0)),
            ((44.0, 655.0), (16.0, 606.0), (-4.0, 530.0)),
            ((-13.0, 496.0), (_EDGE_X, 478.0), (_EDGE_X, 448.0)),
            _BREAK,
        ),
        folds=_FOLDS,
    )


def pockets(table: Table) -> list[Sheet]:
    """Flap pockets on both sides, a welt on the wearer's left."""
    sheets = [welt_pocket(table, inner=(74.0, 184.0), outer=(163.0, 171.0))]
    for s in (-1.0, 1.0):
        sheets += hip_pocket(table, inner=(s * 76.0, 458.0), outer=(s * 183.0, 451.0))
    return sheets


def trims(table: Table) -> list[Sheet]:
    """Buttons and buttonholes."""
    sheets = [buttonhole(table, (127.0, 30.0), length_mm=19.0, angle=np.pi + 0.44)]
    for x, y in _BUTTONS:
        sheets += [buttonhole(table, (x - 1.0, y)), button(table, (x, y))]
    return sheets


def _shirt_buttons(table: Table) -> list[Sheet]:
    return [button(table, (0.0, y), radius_mm=5.4, cloth="pearl") for y in (112.0, 202.0)]
