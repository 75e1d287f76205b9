"""What shows beside and behind the neck: the inside of the shirt's and of the jacket's collar. Owns that piece."""

from __future__ import annotations

import numpy as np

from garment.cut import CutPiece
from garment.cuts.body import anchors
from garment.cuts.curves import join, through
from garment.cuts.pile import Form, pile
from garment.cuts.sewing import sew_seam, turn_edge
from garment.cuts.table import Sheet, Table

_TABLE = Table(size_mm=(188.0, 142.0), corner_mm=(-94.0, -126.0))


def back() -> CutPiece:
    """The piece behind the neck; most of its anchors lie off its small canvas."""
    h, w = _TABLE.hw
    form = Form(slope=np.zeros((h, w, 2), np.float32), shade=np.ones((h, w), np.float32))
    return pile("back", _TABLE, sheets=[_jacket_collar(), _shirt_collar()], form=form, anchors_mm=anchors())


def _jacket_collar() -> Sheet:
    """Only its folded edge shows beside the shirt."""
    top = through(
        (-84.0, -76.0), (-76.0, -86.5), (-50.0, -98.0), (0.0, -103.0), (50.0, -98.0), (76.0, -86.5), (84.0, -76.0)
    )
    sheet = _TABLE.cut("collar_back", join(top, np.array([(60.0, -60.0), (-60.0, -60.0)], np.float32)))
    turn_edge(sheet, thickness_mm=1.6, width_mm=4.0)
    sheet.shade *= 0.8
    sheet.weight = 0.0
    return sheet


def _shirt_collar() -> Sheet:
    """The inside of the stand and, below it, of the yoke: an arch that light enters from above."""
    top = through(
        (-76.0, -82.0), (-71.5, -96.5), (-47.0, -110.5), (0.0, -116.0), (47.0, -110.5), (71.5, -96.5), (76.0, -82.0)
    )
    low = through(
        (66.0, -66.0), (58.0, -44.0), (34.0, -10.0), (0.0, 6.0), (-34.0, -10.0), (-58.0, -44.0), (-66.0, -66.0)
    )
    sheet = _TABLE.cut("shirt_back", join(top, low), cloth="shirting")
    arch = sheet.y + 116.0 - (sheet.x / 71.0) ** 2 * 24.0
    sheet.height += (-((sheet.x / 70.0) ** 2) * -26.0).astype(np.float32)
    sheet.shade *= np.clip(0.86 - arch / 150.0 - 0.22 * (np.abs(sheet.x) / 70.0) ** 2, 0.16, 1.0)
    sew_seam(sheet, arch - 38.0 + (sheet.x / 70.0) ** 2 * 6.0, np.float32(1.0) * np.ones_like(sheet.x))
    turn_edge(sheet, thickness_mm=0.8, width_mm=2.0)
    sheet.lift_mm = 2.0
    return sheet
