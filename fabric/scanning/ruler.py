"""A ruler beside the swatch: how long a millimetre is.

Owns finding rows of ticks and where they lie; must not know scale or cloth otherwise, nor what ticks stand for. Ticks
are lines side by side, all of one direction, that run on across that direction: nothing else on a table does. They are
read in the swatch's own plane, where a tilted ruler's ticks lie evenly.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.edges import robust_line
from fabric.scanning.findings import Outline
from fabric.scanning.graduation import read_graduation
from fabric.scanning.rectify import apply

_CELLS = 110, 220  # along the photo's longer side: ticks are close together or far apart
_CLEAR_STEP = 6.0  # of grey, squared below, from pixel to pixel: more is no clearer
_LEAST_STEPS = 1.5, 6.0, 15.0  # with a stronger one a faint grain of the table's own does not join in
_COHERENT = 0.55  # share of the steps in a cell that go the same way
_TURNS = 8  # directions that are looked for one by one
_WITHIN = np.radians(18.0)
_ASKEW = np.radians(35.0)  # seen from the side ticks do not stand square on the ruler
_LEAST_LONG, _LEAST_CELLS = 3.0, 8.0  # times as long as wide; and long
_NEAR_CELLS = 1.2  # off the row's middle
_MOST_ROWS = 6  # that are read
_ENOUGH = 0.8  # confidence from which on no other row is
_ROWS = 48  # across the ticks that are looked at
_WIDER = 2.5  # times the row's width on either side: ticks are longer than most of them
_FINER = 1.5  # samples a pixel of the photo


@dataclass(frozen=True)
class Ruler:
    """How long a millimetre is."""

    units_per_mm: float
    """Of the plane that was looked in."""
    confidence: float


def find_ruler(photo: np.ndarray, outline: Outline, to_plane: np.ndarray) -> Ruler | None:
    """A graduated ruler beside the swatch in uint8 RGB (H, W, 3); `to_plane` (3, 3) maps the photo to the plane."""
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    best: Ruler | None = None
    for row in _longest(_rows_of_ticks(grey, outline)):
        found = _read(grey, row, to_plane)
        if found is not None and (best is None or found.confidence > best.confidence):
            best = found
        if best is not None and best.confidence > _ENOUGH:
            break
    return best


@dataclass(frozen=True)
class _Row:
    """Ticks in the photo, from end to end."""

    start: np.ndarray
    end: np.ndarray
    width_px: float

    def length_px(self) -> float:
        return float(np.hypot(*(self.end - self.start)))

    def holds(self, other: _Row) -> bool:
        """Whether another lies along this one, within their widths."""
        side = (self.end - self.start) / max(self.length_px(), 1e-6)
        off = (np.array([other.start, other.end]) - self.start) @ [-side[1], side[0]]
        along = (np.array([other.start, other.end]) - self.start) @ side
        room = 0.7 * max(self.width_px, other.width_px)
        return bool((np.abs(off) < room).all() and (along > -room).all() and (along < self.length_px() + room).all())


def _longest(rows: Iterable[_Row]) -> list[_Row]:
    """The longest few, those that others lie along left out."""
    kept: list[_Row] = []
    for row in sorted(rows, key=_Row.length_px, reverse=True):
        if not any(one.holds(row) for one in kept):
            kept.append(row)
    return kept[:_MOST_ROWS]


def _rows_of_ticks(grey: np.ndarray, outline: Outline) -> Iterator[_Row]:
    """What is striped across its own length, beside the swatch."""
    changes = _changes(grey)
    for cells in _CELLS:
        cell = max(6, round(max(grey.shape) / cells))
        wh = grey.shape[1] // cell, grey.shape[0] // cell
        total, cos, sin = (cv2.resize(part[: wh[1] * cell, : wh[0] * cell], wh, interpolation=cv2.INTER_AREA)
                           for part in changes)  # fmt: skip
        way, clear = 0.5 * np.arctan2(sin, cos), np.hypot(cos, sin)
        swatch = np.round((outline.corners + 0.5) / cell - 0.5).astype(np.int32)
        coherent = cv2.fillConvexPoly((clear > _COHERENT * total).astype(np.uint8), swatch, 0) > 0
        ways = [coherent & (np.abs(_apart(way, k * np.pi / _TURNS)) < _WITHIN) for k in range(_TURNS)]
        for alike, least in itertools.product(ways, _LEAST_STEPS):
            _, labels, stats, _ = cv2.connectedComponentsWithStats((alike & (clear > least)).astype(np.uint8))
            for label in np.flatnonzero(stats[1:, cv2.CC_STAT_AREA] >= _LEAST_CELLS) + 1:
                at = labels == label
                row = _long_row(np.argwhere(at)[:, ::-1].astype(np.float64), way[at], cell)
                if row is not None:
                    yield row


def _changes(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float32 (H, W) each: how much grey changes from pixel to pixel, squared and bounded, and the cosine and sine of
    twice the direction in which it does, times that."""
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=0.25) for order in ((1, 0), (0, 1)))
    xx, yy, xy = cv2.multiply(dx, dx), cv2.multiply(dy, dy), cv2.multiply(dx, dy, scale=2.0)
    steps = xx + yy
    say = cv2.divide(1.0, steps * np.float32(1.0 / _CLEAR_STEP**2) + np.float32(1.0))
    return cv2.multiply(steps, say), cv2.multiply(xx - yy, say), cv2.multiply(xy, say)


def _long_row(cells: np.ndarray, ways: np.ndarray, cell: int) -> _Row | None:
    """Cells (N, 2) as a row of ticks, if most of them lie along the way that their grey changes."""
    way = 0.5 * float(np.angle(np.exp(2j * ways).mean()))
    along = np.array([np.cos(way), np.sin(way)])
    t, offset = cells @ along, cells @ [-along[1], along[0]]
    first, long = float(t.min()), float(np.ptp(t))
    if long < _LEAST_CELLS:
        return None
    # The ruler's own short sides are striped the same way.
    slope, shift, near = robust_line((t - first) / long, offset, tolerance=_NEAR_CELLS)
    wide = float(np.ptp(offset[near] - slope * (t[near] - first) / long)) + 1.0 if near.any() else long
    if long < _LEAST_LONG * wide or abs(slope) > np.tan(_ASKEW) * long or near.mean() < 0.5:
        return None
    across = np.array([-along[1], along[0]])
    ends = [along * at + across * (shift + slope * (at - first) / long) for at in (first - 0.5, first + long + 0.5)]
    start, end = (np.array(ends) + 0.5) * cell - 0.5
    return _Row(start, end, float(wide * cell))


def _apart(way: np.ndarray | float, other: float) -> np.ndarray | float:
    """Angle between two directions, neither of which points, in [-pi/2, pi/2)."""
    return (way - other + np.pi / 2.0) % np.pi - np.pi / 2.0


def _read(grey: np.ndarray, row: _Row, to_plane: np.ndarray) -> Ruler | None:
    """The ruler whose ticks lie there."""
    along = row.end - row.start
    samples = int(_FINER * np.hypot(*along))
    beside = row.start + np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6) * row.width_px
    start, end, beside = apply(to_plane, np.array([row.start, row.end, beside]))
    side = end - start
    length = float(np.hypot(*side))
    across = np.array([-side[1], side[0]]) / length
    wide = abs(float((beside - start) @ across))
    u, v = np.meshgrid((np.arange(samples) + 0.5) / samples, np.linspace(-_WIDER, _WIDER, _ROWS) * wide)
    places = (start + u[..., None] * side + v[..., None] * across).reshape(-1, 2)
    at = apply(np.linalg.inv(to_plane), places).reshape(_ROWS, samples, 2).astype(np.float32)
    strip = cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    found = read_graduation(strip.astype(np.float32))
    return None if found is None else Ruler(length / found.mm, found.confidence)
