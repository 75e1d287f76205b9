"""The sleeve, hanging straight. Owns its shape, cloth and folds; must not know the torso."""

from __future__ import annotations

import numpy as np

from garment.cut import CutPiece
from garment.cuts.curves import join, mirrored, through, x_at
from garment.cuts.fronts import sew_seam, turn_edge
from garment.cuts.pile import pile
from garment.cuts.table import Sheet, Table
from garment.cuts.trims import button

SLEEVE_TABLE = Table(size_mm=(260.0, 740.0), corner_mm=(-130.0, -50.0))
ELBOW_MM = 335.0
CUFF_MM = 636.0

# The wearer's left sleeve: its outer side lies on the right.
OUTER = through(
    (-2.0, -11.0),
    (14.0, 0.0),
    (28.0, 35.0),
    (37.0, 90.0),
    (40.0, 150.0),
    (42.0, 240.0),
    (44.0, ELBOW_MM),
    (45.0, 480.0),
    (44.0, CUFF_MM),
)
INNER = through(
    (-2.0, -11.0),
    (-16.0, 8.0),
    (-34.0, 45.0),
    (-48.0, 90.0),
    (-57.0, 140.0),
    (-62.0, 190.0),
    (-60.0, 250.0),
    (-56.0, ELBOW_MM),
    (-50.0, 480.0),
    (-45.0, CUFF_MM),
)


def sleeve(side: str) -> CutPiece:
    """`sleeve_left` or `sleeve_right`."""
    mirror = side == "sleeve_right"
    table = SLEEVE_TABLE
    sheets = [_shirt_cuff(table, mirror=mirror), _cloth(table, mirror=mirror)]
    out = -1.0 if mirror else 1.0
    sheets += [button(table, (out * 34.0, CUFF_MM - 22.0 - 14.0 * k), radius_mm=7.4) for k in (3, 2, 1, 0)]
    return pile(
        side,
        table,
        sheets=sheets,
        form=_form(table, mirror=mirror),
        anchors_mm={"shoulder": (0.0, 0.0), "elbow": (0.0, ELBOW_MM), "cuff": (0.0, CUFF_MM)},
    )


def _flip(curve: np.ndarray, *, mirror: bool) -> np.ndarray:
    return mirrored(curve) if mirror else curve


def _cloth(table: Table, *, mirror: bool) -> Sheet:
    outline = _flip(join(OUTER, INNER[::-1]), mirror=mirror)
    sheet = table.cut(f"sleeve_{'right' if mirror else 'left'}", outline)
    y = sheet.y[:, :1]
    inner, outer = x_at(INNER, y), x_at(OUTER, y)
    x = -sheet.x if mirror else sheet.x
    half = np.maximum((outer - inner) / 2.0, 12.0)
    t = (x - (inner + outer) / 2.0) / half
    sheet.u = np.where(mirror, -1.0, 1.0).astype(np.float32) * x * (1.0 + 0.11 * np.clip(np.abs(t), 0, 1.1) ** 6)
    sheet.v = sheet.y
    turn_edge(sheet, thickness_mm=0.8, width_mm=2.0)
    _folds(sheet, x)
    soft = np.clip(sheet.inside / 2.5, 0.0, 1.0)
    upper = np.clip((170.0 - sheet.y) / 60.0, 0.0, 1.0) * (t < 0.0)
    sheet.alpha *= 1.0 - upper * (1.0 - soft)
    sew_seam(sheet, x - (inner + 0.26 * (outer - inner)), np.clip((sheet.y - 190.0) / 40.0, 0.0, 1.0) * 0.6)
    return sheet


def _folds(sheet: Sheet, x: np.ndarray) -> None:
    for at, slant, size, width in (
        (ELBOW_MM - 26.0, 0.25, 2.2, 12.0),
        (ELBOW_MM + 6.0, -0.2, 2.6, 13.0),
        (ELBOW_MM + 44.0, 0.3, 1.8, 15.0),
        (470.0, 0.2, 1.4, 20.0),
    ):
        across = sheet.y - at - slant * x
        reach = np.exp(-(((x + 35.0) / 42.0) ** 2))
        sheet.height += size * reach * np.exp(-((across / width) ** 2))
    head = np.exp(-((np.maximum(sheet.inside, 0.0) / 9.0) ** 2)) * np.clip((60.0 - sheet.y) / 60.0, 0.0, 1.0)
    sheet.height += 2.5 * (1.0 - head)


def _shirt_cuff(table: Table, *, mirror: bool) -> Sheet:
    low = CUFF_MM + 10.0
    outline = np.array([(-40.0, CUFF_MM - 30.0), (39.0, CUFF_MM - 30.0), (38.5, low), (-39.5, low)], np.float32)
    sheet = table.cut("cuff", _flip(outline, mirror=mirror), cloth="shirting")
    turn_edge(sheet, thickness_mm=1.0, width_mm=1.5)
    return sheet


def _form(table: Table, *, mirror: bool) -> np.ndarray:
    h, w = table.hw
    step = 1.0 / table.px_per_mm
    x = table.corner_mm[0] + (np.arange(w, dtype=np.float32) + 0.5) * step
    y = table.corner_mm[1] + (np.arange(h, dtype=np.float32)[:, None] + 0.5) * step
    inner, outer = x_at(INNER, y), x_at(OUTER, y)
    half = np.maximum((outer - inner) / 2.0, 20.0) * 1.08
    side = -x if mirror else x
    t = np.clip((side[None, :] - (inner + outer) / 2.0) / half, -0.97, 0.97)
    dz_dx = -t / np.sqrt(1.0 - t * t) * (-1.0 if mirror else 1.0)
    fall = 0.9 * np.exp(-np.maximum(y + 11.0, 0.0) / 26.0)
    return np.dstack([dz_dx * 0.9, np.broadcast_to(fall, dz_dx.shape)]).astype(np.float32)
