"""What shows beside and behind the neck: inside of the jacket's collar, the shirt collar's back. Owns that piece."""

from __future__ import annotations

import numpy as np

from garment.cut import CutPiece
from garment.cuts.body import TORSO_TABLE, anchors
from garment.cuts.curves import through
from garment.cuts.pile import pile


def back() -> CutPiece:
    """The piece behind the neck, on the torso's canvas."""
    table = TORSO_TABLE
    jacket = table.cut("collar_back", _band(top=-120.0, side=(86.0, -92.0), dip=14.0, bottom=-20.0))
    lining = table.cut("lining", _band(top=-92.0, side=(70.0, -84.0), dip=16.0, bottom=60.0), cloth="lining")
    shirt = table.cut("shirt_back", _band(top=-131.0, side=(67.0, -106.0), dip=12.0, bottom=-20.0), cloth="shirting")
    shirt.shade *= np.clip(0.62 - (shirt.y + 131.0) / 160.0, 0.25, 1.0)
    form = np.zeros((*table.hw, 2), np.float32)
    return pile("back", table, sheets=[lining, jacket, shirt], form=form, anchors_mm=anchors())


def _band(*, top: float, side: tuple[float, float], dip: float, bottom: float) -> np.ndarray:
    x, y = side
    upper = through((-x, y), (-x * 0.7, top + dip * 0.3), (0.0, top), (x * 0.7, top + dip * 0.3), (x, y))
    return np.concatenate([upper, np.array([(x * 0.95, bottom), (-x * 0.95, bottom)], np.float32)])
