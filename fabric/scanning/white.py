"""Something of known colour beside the cloth: a colour chart, a white patch.

Owns finding and measuring it; must not know what is done with it. A white that a person points at wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import cv2
import numpy as np

from fabric.scanning.findings import Given, Outline
from fabric.scanning.table import Table, look_at_table
from fabric.scanning.things import Thing
from utils.colour import luminance, srgb_to_linear
from utils.errors import InputError
from utils.images import shrink_to

PAPER = 0.90
"""Reflectance of white paper, as offices use it."""
_BURNT = 252
_SEARCH_PX = 1000
_CHART_HUES = 14
_SPREAD, _TINT, _BRIGHTER = 0.12, 0.75, 1.06  # of paper: unevenness, how far a lamp may tint it, against the table
_QUIET, _BEYOND = (1.12, 1.18, 1.24), 1.6  # of a marker's size: where its paper is, and where the table
_RIM = 5 / 6  # the middle of its outermost cells, which are black
CHART_LUMINANCES = (
    0.098, 0.348, 0.183, 0.133, 0.236, 0.422, 0.287, 0.115, 0.189, 0.066, 0.447, 0.435,
    0.060, 0.232, 0.118, 0.591, 0.188, 0.191, 0.900, 0.591, 0.362, 0.198, 0.090, 0.034,
)  # fmt: skip
"""Of the patches of a 24-patch chart, row by row, rounded from its published colours; the last row is grey."""
_OTHER_CAMERA, _DIM = 0.3, 0.03  # say of a coloured patch, as cameras' primaries differ; luminance worth half a say
_INK = 0.04
"""Reflectance of printed black, at least."""


@dataclass(frozen=True)
class White:
    """A neutral of known reflectance, as the photo shows it."""

    linear: np.ndarray
    """float64 (3,): its linear RGB in the photo."""
    reflectance: float
    at_photo: np.ndarray
    """float64 (2,): its middle."""
    source: Literal["given", "chart", "patch"]
    confidence: float
    table: Table | None = None
    """What lies around it and the cloth, which tells how the light differs between them."""
    veil: np.ndarray = field(default_factory=lambda: np.zeros(3))
    """float64 (3,): light that lies over everything alike, a highlight's or the lens's; not contained in `linear`. Seen
    on something black beside the white."""


def find_white(photo: np.ndarray, outline: Outline, given: Given, *, things: tuple[Thing, ...] = ()) -> White | None:
    """The best reference in uint8 RGB (H, W, 3): the given one, a colour chart, a sheet of paper among the `things`.

    Raises:
        InputError: bad_white, where the given one is not within the photo or is burnt out.
    """
    found = _given_white(photo, given.white) if given.white is not None else None
    found = found or _chart(photo, outline) or _paper(photo, things)
    return found and replace(found, table=look_at_table(photo, outline, things=things))


def _given_white(photo: np.ndarray, box: tuple[float, float, float, float]) -> White:
    h, w = photo.shape[:2]
    x0, y0, x1, y1 = box
    inside = 0 <= x0 < x1 <= w and 0 <= y0 < y1 <= h
    if not inside or x1 - x0 < 4 or y1 - y0 < 4:
        hint = "mark a piece of white paper of at least 4 x 4 pixels within the photo"
        raise InputError("bad_white", "the white patch does not lie within the photo", hint=hint)
    piece = photo[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
    if (piece >= _BURNT).any(axis=2).mean() > 0.3:
        raise InputError("bad_white", "the white patch is burnt out", hint="take the photo a little darker")
    return White(_mean_light(piece), PAPER, np.array([(x0 + x1) / 2, (y0 + y1) / 2]), "given", 1.0)


def _chart(photo: np.ndarray, outline: Outline) -> White | None:
    """The neutral row of a 24-patch colour chart beside the swatch."""
    if outline.source == "frame":
        return None  # nothing but cloth in view
    small, scale = shrink_to(photo, _SEARCH_PX)
    small = small.copy()  # a check is not to be taken for a chart: the swatch is painted over
    corners = np.round(outline.corners * scale).astype(np.int32)
    cv2.fillConvexPoly(small, corners, [int(value) for value in np.median(small.reshape(-1, 3), axis=0)])
    if _hues(small) < _CHART_HUES:
        return None
    detector = cv2.mcc.CCheckerDetector_create()
    detector.setColorChartType(cv2.mcc.MCC24)
    if not detector.process(cv2.cvtColor(small, cv2.COLOR_RGB2BGR), 1):
        return None
    chart = detector.getBestColorChecker()
    colours = np.asarray(chart.getChartsRGB(), np.float64).reshape(-1, 5)[:, 1].reshape(-1, 3)[:24]
    light = srgb_to_linear(np.clip(colours / 255.0, 0, 1)).astype(np.float64)
    if len(light) != 24 or not _is_chart(light):
        return None
    patches = np.asarray(chart.getColorCharts(), np.float64).reshape(24, 4, 2).mean(axis=1)
    return white_of_chart(light, (patches + 0.5) / scale - 0.5, burnt=(colours >= _BURNT - 4).any(axis=1))


def white_of_chart(light: np.ndarray, places: np.ndarray, *, burnt: np.ndarray) -> White | None:
    """From the linear RGB (24, 3) of its patches and where they lie (24, 2).

    The light differs between patches, and something may shine on all of them: a plane and a constant. All patches tell
    the plane, by their luminance; then the greys alone tell the rest, which are the same to any camera.
    """
    greys = np.arange(24) >= 18
    known, at = np.array(CHART_LUMINANCES), places - places[greys].mean(axis=0)
    weights = np.where(burnt, 0.0, np.where(greys, 1.0, _OTHER_CAMERA)) / (known + _DIM)
    plane = np.column_stack([np.ones(24), at / np.abs(at).max()]) * known[:, None]
    slope = _weighted(np.column_stack([plane, np.ones(24)]), luminance(light), weights)
    if slope[0] <= 0.0 or (burnt & greys).sum() > 3:
        return None
    even = known * (1.0 + at @ slope[1:3] / np.abs(at).max() / slope[0])
    solved = _weighted(np.column_stack([even, np.ones(24)])[greys], light[greys], weights[greys])
    veil = np.maximum(solved[1], 0.0)
    return White(solved[0], 1.0, places[greys].mean(axis=0), "chart", 1.0, veil=veil)


def _weighted(matrix: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    say = weights.reshape(-1, *[1] * (values.ndim - 1))
    return np.linalg.lstsq(matrix * weights[:, None], values * say, rcond=None)[0]


def _hues(small: np.ndarray) -> int:
    """How many cells of a coarse map of hues hold something: looking for a chart is dear, and without them in vain."""
    lab = cv2.cvtColor(cv2.resize(small, (240, 180), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2Lab)
    cells = cv2.calcHist([lab], [1, 2], None, [20, 20], [0, 256, 0, 256])
    return int((cells > 8).sum())


def _is_chart(light: np.ndarray) -> bool:
    """Whether 24 colours in linear light step down through the greys as a chart's last row does."""
    greys = light[18:24]
    steps = greys.mean(axis=1)
    neutral = np.ptp(greys / np.maximum(greys.mean(axis=1, keepdims=True), 1e-4), axis=1)
    return bool((np.diff(steps) < 0).all() and neutral.max() < 1.2 and steps[0] > 3.0 * steps[4])


def _paper(photo: np.ndarray, things: tuple[Thing, ...]) -> White | None:
    """The brightest flat, nearly neutral thing, brighter than the table it lies on."""
    best: White | None = None
    for thing in things:
        inside, around = _paper_of(thing)
        (places, inner), (_, rim) = _at(photo, inside), _at(photo, around)
        if min(len(inner), len(rim)) < 24:
            continue
        light = srgb_to_linear(inner).astype(np.float64)
        mean = light.mean(axis=0)
        level = max(float(mean.mean()), 1e-4)
        burnt = float((inner >= _BURNT).any(axis=1).mean())
        brighter = level / max(float(np.median(srgb_to_linear(rim).mean(axis=1))), 1e-4)
        if burnt > 0.3 or brighter < _BRIGHTER or level < 0.15 or float(np.ptp(mean)) > _TINT * level:
            continue
        if _unevenness(places, light.mean(axis=1)) > _SPREAD:
            continue
        if best is None or level > best.linear.mean():
            veil = _veil(photo, thing, mean)
            best = White(mean - veil, PAPER, places.mean(axis=0), "patch", 0.9, veil=veil)
    return best


def _veil(photo: np.ndarray, thing: Thing, white: np.ndarray) -> np.ndarray:
    """float64 (3,): what a marker's black rim sends back beyond what black ink does where paper sends back `white`."""
    if thing.marker is None:
        return np.zeros(3)
    _, black = _at(photo, _ring(thing.quad, _RIM))
    if len(black) < 24:
        return np.zeros(3)
    seen = np.median(srgb_to_linear(black).astype(np.float64), axis=0)
    return np.maximum((seen * PAPER - white * _INK) / (PAPER - _INK), 0.0)


def _unevenness(places: np.ndarray, light: np.ndarray) -> float:
    """Deviation of the light from a plane over the places, (N, 2), as a share of its mean."""
    plane = np.column_stack([places - places.mean(axis=0), np.ones(len(places))])
    rest = light - plane @ np.linalg.lstsq(plane, light, rcond=None)[0]
    return float(rest.std() / max(float(light.mean()), 1e-4))


def _paper_of(thing: Thing) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 2) of the photo on a thing's paper, and around it."""
    middle = thing.quad.mean(axis=0)
    if thing.marker is not None:  # printed on paper, which is white for a cell's width around it
        return np.concatenate([_ring(thing.quad, out) for out in _QUIET]), _ring(thing.quad, _BEYOND)
    u, v = (share[..., None] for share in np.meshgrid(np.linspace(0.12, 0.88, 40), np.linspace(0.12, 0.88, 40)))
    tl, tr, br, bl = thing.quad
    inside = (tl * (1 - u) + tr * u) * (1 - v) + (bl * (1 - u) + br * u) * v
    outline = thing.outline[:: max(1, len(thing.outline) // 160)]
    return inside.reshape(-1, 2), middle + (outline - middle) * 1.12


def _ring(quad: np.ndarray, size: float) -> np.ndarray:
    """Points (N, 2) along the sides of a quadrilateral grown to so many times its size."""
    middle = quad.mean(axis=0)
    sides = np.concatenate([_between(quad[k], quad[(k + 1) % 4], 40) for k in range(4)]) - middle
    return middle + sides * size


def _between(start: np.ndarray, end: np.ndarray, count: int) -> np.ndarray:
    return start + (end - start) * np.linspace(0.0, 1.0, count, endpoint=False)[:, None]


def _at(photo: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those points (N, 2) that lie within the photo, and its pixels there, uint8 (N, 3)."""
    xy = np.round(points).astype(int)
    within = ((xy >= 0) & (xy < [photo.shape[1], photo.shape[0]])).all(axis=1)
    return points[within], photo[xy[within, 1], xy[within, 0]]


def _mean_light(piece: np.ndarray) -> np.ndarray:
    return srgb_to_linear(piece).reshape(-1, 3).mean(axis=0).astype(np.float64)
