"""Lapels and collar: the roll that makes a jacket.

Owns their cloth and their height; must not know buttons or pockets.
"""

from __future__ import annotations

import numpy as np

from garment.cuts.curves import join, nearest, ramp, resampled, sided, x_at
from garment.cuts.sewing import lay_along, pick_stitch, turn_edge
from garment.cuts.table import Sheet, Table

_ROLL_MM = 11.0


def lapel(
    table: Table, *, roll: np.ndarray, gorge: np.ndarray, edge: np.ndarray, grain: np.ndarray, mirror: bool
) -> Sheet:
    """A lapel. `gorge` runs from the roll line to the notch, `edge` on from there round the point to the break.

    The facing is cut so that stripes run along `grain`, two points on the lapel's outer edge.
    """
    below = roll[roll[:, 1] > gorge[0, 1]]
    sheet = table.cut(
        "lapel_right" if mirror else "lapel_left",
        sided(join(below[::-1], gorge, edge[1:]), mirror=mirror),
        cloth="facing",
        margin_mm=6.0,
    )
    first, last = sided(grain, mirror=mirror)
    lay_along(sheet, tuple(first), tuple(last))
    across = (sheet.x * (-1.0 if mirror else 1.0) - x_at(roll, sheet.y[:, :1])) * 0.97
    way = np.clip((sheet.y[:, :1] - gorge[0, 1]) / (roll[-1, 1] - gorge[0, 1]), 0.0, 1.0)
    fade = ramp(way, 1.0, 0.80)
    _roll(sheet, across, way, fade)
    turn_edge(sheet, thickness_mm=1.2 * fade, width_mm=2.2)
    pick_stitch(sheet, sided(edge[::-1] if mirror else edge, mirror=mirror))
    return sheet


def _roll(sheet: Sheet, across: np.ndarray, way: np.ndarray, fade: np.ndarray) -> None:
    """A steep soft fold at the roll line, a belly, a pressed edge; `way` is 0 at the gorge and 1 at the break,
    where the lapel has faded into the front.
    """
    radius = 6.5 + 6.0 * way
    crest = _ROLL_MM * (0.8 + 0.45 * way) * fade
    t = np.clip(across / radius, 0.0, None)
    rise = np.sqrt(np.clip(1.0 - (1.0 - np.minimum(t, 1.0)) ** 2, 0.0, 1.0))
    beyond = np.maximum(across - radius, 0.0)
    sheet.height += crest * rise * np.exp(-((beyond / 46.0) ** 2)).astype(np.float32)
    sheet.shade *= 1.0 - 0.30 * np.exp(-np.maximum(across, 0.0) / 2.2)
    sheet.lift_mm = fade * (3.6 + 2.6 * np.exp(-np.maximum(across, 0.0) / 16.0)).astype(np.float32)


def collar(table: Table, *, roll: np.ndarray, gorge: np.ndarray, end: np.ndarray, mirror: bool) -> Sheet:
    """Half of the collar. `end` runs from the notch round the collar's point and outer edge up to the fold."""
    fold = join(roll[roll[:, 1] <= gorge[0, 1]], gorge[:1])
    sheet = table.cut("collar_right" if mirror else "collar_left", sided(join(fold, gorge, end[1:]), mirror=mirror))
    # Cut on the straight of the centre back, the collar has turned by the time it lies over the collar bone.
    s = -1.0 if mirror else 1.0
    lay_along(sheet, (s * fold[0, 0], float(fold[0, 1])), (s * (fold[0, 0] + 58.0), float(fold[0, 1]) + 27.0))
    round_fall(sheet, sided(fold, mirror=mirror), stand_mm=6.5, radius_mm=8.0, fall_mm=34.0)
    turn_edge(sheet, thickness_mm=1.2, width_mm=2.2)
    pick_stitch(sheet, sided(end[::-1] if mirror else end, mirror=mirror))
    sheet.lift_mm = 2.6
    return sheet


def round_fall(sheet: Sheet, fold: np.ndarray, *, stand_mm: float, radius_mm: float, fall_mm: float) -> np.ndarray:
    """Roll a collar over its fold and let it fall flat; returns the distance to the fold, mm."""
    distance = np.abs(nearest(resampled(fold, 7.0), sheet.x, sheet.y)[0])
    t = np.clip(distance / radius_mm, 0.0, 1.0)
    beyond = np.maximum(distance - radius_mm, 0.0)
    sheet.height += stand_mm * np.sqrt(1.0 - (1.0 - t) ** 2) * np.exp(-((beyond / fall_mm) ** 2))
    sheet.shade *= 1.0 - 0.22 * np.exp(-distance / 2.2)
    return distance
