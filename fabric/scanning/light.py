"""The cloth under even, white light.

Owns flat-fielding and the white balance; must not know what the cloth's pattern is for. All of it in linear light. The
lamp's fall-off is a low polynomial of its logarithm: smooth enough for any lamp, too stiff to swallow a pattern. Where
the cloth's repeat is known it tells light from cloth exactly: two places a repeat apart are the same cloth, so what
differs between them is light.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from fabric.scanning.falloff import Surface, robust, shared, terms
from fabric.scanning.findings import Even, Flat, Lattice
from fabric.scanning.rectify import apply
from fabric.scanning.white import White
from utils.colour import luminance
from utils.images import shrink_to

_PAIRED_PX = 512
_CELLS = 40  # of the coarse grid along the longer side
_LIGHT_CELLS = 32
_DARK = 1e-4
_REACH, _AROUND = 1.6, 0.5  # how far from the cloth light is told, and from the white the table is looked at
_MOST_RATIO = 8.0
_LEAST_LEFT = 0.1  # of any light, however veiled
_REFLECTION = 0.02  # of the light: what a surface sends back like a mirror, here more, there less
_PATTERNED = 0.06  # deviation of the logarithm that is left by a quadratic surface
_COLOUR_TRUST = {"given": 0.9, "chart": 0.95, "patch": 0.7, "camera": 0.2}


def even_out(flat: Flat, *, white: White | None = None) -> Even:
    """Take the fall-off and the colour of the light out of a flat picture."""
    return _evened(_unveiled(flat, white), white)


def _evened(flat: Flat, white: White | None) -> Even:
    grid, weights = _coarse(flat)
    polynomial = _fit(np.log(np.maximum(luminance(grid), _DARK)), weights)
    return _divided(flat, polynomial, white)


def even_out_again(flat: Flat, lattice: Lattice, *, white: White | None = None) -> Even:
    """`even_out`, by what differs between places a whole repeat apart. For cloth whose repeat is known."""
    if lattice.a is None or lattice.b is None:
        return even_out(flat, white=white)
    flat = _unveiled(flat, white)
    small, scale = shrink_to(luminance(flat.linear), _PAIRED_PX)
    level = np.log(np.maximum(cv2.GaussianBlur(small, (0, 0), 1.5), _DARK))
    shifts = [lattice.a * scale, lattice.b * scale]
    pairs = [pair for shift in shifts for pair in _pairs(level, shift)]
    if not pairs:
        return _evened(flat, white)
    matrix = np.concatenate([there - here for here, there, _ in pairs])
    change = np.concatenate([difference for _, _, difference in pairs])
    coefficients = robust(matrix[:, 1:], change, np.ones(len(change)))
    polynomial = np.concatenate([[0.0], coefficients])
    return _divided(flat, polynomial, white)


def _unveiled(flat: Flat, white: White | None) -> Flat:
    """The same without the light that lies over black and white alike."""
    if white is None or not white.veil.any():
        return flat
    veil = white.veil.astype(np.float32)
    return replace(flat, linear=np.maximum(flat.linear - veil, _LEAST_LEFT * flat.linear))


def _divided(flat: Flat, polynomial: np.ndarray, white: White | None) -> Even:
    h, w = flat.linear.shape[:2]
    cells_hw = _light_hw(flat)
    shape = np.exp(terms(*_places(cells_hw)) @ polynomial).reshape(cells_hw)
    shape = np.clip(shape / shape.mean(), 1 / _MOST_RATIO, _MOST_RATIO).astype(np.float32)
    gain, source = np.ones(3, np.float32), "camera"
    if white is not None:
        at_white = _light_at(polynomial, white, flat)
        gain = (white.reflectance * at_white / np.maximum(white.linear, _DARK)).astype(np.float32)
        source = white.source
    light = cv2.resize(shape, (w, h), interpolation=cv2.INTER_CUBIC)
    linear = cv2.merge([1.0 / light] * 3)  # NumPy is slow at factors that go with a last axis of three
    np.multiply(flat.linear, linear, out=linear)
    rows = linear.reshape(h, -1)
    rows *= np.tile(gain, w)
    confidence = _COLOUR_TRUST[source] * (white.confidence if white is not None else 1.0)
    return Even(linear, shape, float(shape.max() / shape.min()), source, confidence)


def _light_hw(flat: Flat) -> tuple[int, int]:
    """Size of the small picture of the light."""
    h, w = flat.linear.shape[:2]
    return max(2, round(_LIGHT_CELLS * h / max(h, w))), max(2, round(_LIGHT_CELLS * w / max(h, w)))


def _light_at(polynomial: np.ndarray, white: White, flat: Flat) -> float:
    """The light where the white lies relative to its mean on the cloth.

    Where the table is in view it has seen the lamp all the way; else it is what the cloth's own polynomial says, no
    further out than the cloth is large.
    """
    place = _from_photo(flat, white.at_photo[None])
    if white.table is None:
        there = np.clip(place, -_REACH, _REACH)
        low = terms(there[:, 0], there[:, 1])
        low[:, 6:] = 0.0  # cubic terms run away outside the cloth
        return float(np.clip(np.exp(low @ polynomial)[0] / _mean_light(polynomial, flat), 0.3, 3.0))
    grid, weights = _coarse(flat)
    level = np.log(np.maximum(luminance(grid), _DARK))
    around = _from_photo(flat, white.table.at_photo)
    near = np.abs(around).max(axis=1) < max(_REACH, float(np.abs(place).max()) + _AROUND)
    seen = np.exp(white.table.level[near])
    of_table = np.log(np.maximum(seen - float(luminance(white.veil)), _LEAST_LEFT * seen))
    lamp = shared(
        [
            _surface(*_places(level.shape), level.ravel().astype(np.float64), weights, white=white),
            _surface(*around[near].T, of_table, np.ones(int(near.sum())), white=white),
        ]
    )
    return float(np.exp(terms(place[:, 0], place[:, 1]) @ lamp)[0] / _mean_light(lamp, flat))


def _surface(x: np.ndarray, y: np.ndarray, level: np.ndarray, weights: np.ndarray, *, white: White) -> Surface:
    """Something under the lamp, the less sure the darker it is: of what is dark one sees the lamp's own reflection."""
    reflectance = white.reflectance * np.exp(np.median(level)) / max(float(luminance(white.linear)), _DARK)
    return Surface(x, y, level, weights, unsure=_REFLECTION / max(float(reflectance), _DARK))


def _mean_light(polynomial: np.ndarray, flat: Flat) -> float:
    return float(np.exp(terms(*_places(_light_hw(flat))) @ polynomial).mean())


def _from_photo(flat: Flat, at_photo: np.ndarray) -> np.ndarray:
    """Places (N, 2) of the photo on the flat picture, which spans -1 to 1."""
    h, w = flat.linear.shape[:2]
    return 2.0 * (apply(flat.from_photo, at_photo) + 0.5) / [w, h] - 1.0


def _coarse(flat: Flat) -> tuple[np.ndarray, np.ndarray]:
    """Mean light (rows, columns, 3) of the cells of a grid, and how much each is worth: none where it is burnt out."""
    h, w = flat.linear.shape[:2]
    wh = max(4, round(_CELLS * w / max(h, w))), max(4, round(_CELLS * h / max(h, w)))
    grid = cv2.resize(flat.linear, wh, interpolation=cv2.INTER_AREA)
    burnt = cv2.resize(flat.clipped.astype(np.float32), wh, interpolation=cv2.INTER_AREA)
    return grid, np.clip(1.0 - 5.0 * burnt, 0.0, 1.0).ravel()


def _fit(level: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of the polynomial nearest to most of a grid (rows, columns)."""
    x, y = _places(level.shape)
    matrix, values = terms(x, y), level.ravel().astype(np.float64)
    stiff = np.zeros(matrix.shape[1])
    stiff[:6] = robust(matrix[:, :6], values, weights)
    rest = values - matrix @ stiff
    if 1.4826 * np.median(np.abs(rest - np.median(rest))) > _PATTERNED:
        return stiff  # a large pattern in view: the stiffest surface takes the least of it away
    return robust(matrix, values, weights)


def _pairs(level: np.ndarray, shift: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Terms here, terms a whole number of repeats on, and the difference in level, for a few distances."""
    h, w = level.shape
    reach = max(abs(shift[0]) / w, abs(shift[1]) / h)
    most = int(0.6 / max(reach, 1e-6))
    if most < 1:
        return []
    found = []
    for times in sorted({1, max(1, most // 2), most}):
        move = shift * times
        x, y = np.meshgrid(np.arange(0, w, 6, dtype=np.float32), np.arange(0, h, 6, dtype=np.float32))
        to_x, to_y = x + np.float32(move[0]), y + np.float32(move[1])
        inside = (to_x >= 0) & (to_x <= w - 1) & (to_y >= 0) & (to_y <= h - 1)
        if inside.sum() < 30:
            continue
        there = cv2.remap(level, to_x, to_y, cv2.INTER_LINEAR)[inside]
        here = level[::6, ::6][inside]
        found.append(
            (
                terms(*_unit(x[inside], y[inside], (h, w))),
                terms(*_unit(to_x[inside], to_y[inside], (h, w))),
                (there - here).astype(np.float64),
            )
        )
    return found


def _unit(x: np.ndarray, y: np.ndarray, hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return 2 * (x + 0.5) / hw[1] - 1, 2 * (y + 0.5) / hw[0] - 1


def _places(hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Middles of a grid's cells, x and y from -1 to 1 over the picture, raveled."""
    y, x = np.mgrid[0 : hw[0], 0 : hw[1]]
    x, y = _unit(x.ravel(), y.ravel(), hw)
    return x, y
