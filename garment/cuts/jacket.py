"""What all jackets share: how their panels go together. Owns the order of making; must not know one cut's outlines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from garment.cut import Cut, CutPiece
from garment.cuts.back import back
from garment.cuts.body import TORSO_TABLE, anchors, torso_form
from garment.cuts.folds import Fold
from garment.cuts.fronts import front
from garment.cuts.lapels import collar, lapel
from garment.cuts.pile import pile
from garment.cuts.sleeves import sleeve
from garment.cuts.table import Sheet


@dataclass(frozen=True)
class Pattern:
    """Outlines of the wearer's left half; the right half is the same, and lies under the left."""

    roll: np.ndarray
    """From behind the neck down to the break."""
    gorge: np.ndarray
    """Seam between collar and lapel: roll line, notch."""
    lapel_edge: np.ndarray
    """From the notch round the lapel's point to the break."""
    lapel_grain: np.ndarray
    """Two points between which the lapel's stripes run."""
    collar_end: np.ndarray
    """From the notch round the collar's point, along its outer edge, to the top of the fold."""
    front_edge: np.ndarray
    """From the hem's corner along the hem and up to the break."""
    folds: tuple[Fold, ...]
    """Of both halves."""


def make_jacket(
    cut_id: str, name: str, *, pattern: Pattern, inside: list[Sheet], pockets: list[Sheet], trims: list[Sheet]
) -> Cut:
    """Draw all pieces. From the bottom up: `inside` shows in the V, `pockets` lie on the fronts, `trims` on top."""
    pieces = {
        "back": back(),
        "torso": _torso(pattern, inside, pockets, trims),
        "sleeve_left": sleeve("sleeve_left"),
        "sleeve_right": sleeve("sleeve_right"),
    }
    return Cut(id=cut_id, name=name, pieces=pieces, px_per_mm=TORSO_TABLE.px_per_mm)


def _torso(pattern: Pattern, inside: list[Sheet], pockets: list[Sheet], trims: list[Sheet]) -> CutPiece:
    table = TORSO_TABLE
    sheets = list(inside)
    for mirror in (True, False):
        sheets.append(front(table, edge=pattern.front_edge, roll=pattern.roll, mirror=mirror))
        if not mirror:
            sheets += pockets
        sheets.append(
            lapel(
                table,
                roll=pattern.roll,
                gorge=pattern.gorge,
                edge=pattern.lapel_edge,
                grain=pattern.lapel_grain,
                mirror=mirror,
            )
        )
    for mirror in (True, False):
        sheets.append(collar(table, roll=pattern.roll, gorge=pattern.gorge, end=pattern.collar_end, mirror=mirror))
    return pile("torso", table, sheets=sheets + trims, form=torso_form(pattern.folds), anchors_mm=anchors())


def both_sides(*folds: Fold) -> tuple[Fold, ...]:
    """The folds as drawn for the wearer's left and, a little different as cloth is, for the right."""
    chance = np.random.default_rng(7)
    out = list(folds)
    for fold in folds:
        points = tuple((-x + chance.normal(0, 3.0), y + chance.normal(0, 5.0)) for x, y in fold.points)
        out.append(Fold(points, fold.height_mm * chance.uniform(0.7, 1.25), fold.width_mm, -fold.skew))
    return tuple(out)
