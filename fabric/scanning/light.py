"""The cloth under even, white light.

Owns flat-fielding and the white balance; must not know what the cloth's pattern is for. All of it in linear light. The
lamp's fall-off is a low polynomial of its logarithm: smooth enough for any lamp, too stiff to swallow a pattern. Where
the cloth's repeat is known it tells light from cloth exactly: two places a repeat apart are the same cloth, so what
differs between them is light.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.scanning.findings import Even, Flat, Lattice
from fabric.scanning.white import White
from utils.colour import luminance
from utils.images import shrink_to

_PAIRED_PX = 512
_CELLS = 40  # of the coarse grid along the longer side
_DEGREE = 3
_LIGHT_CELLS = 32
_DARK = 1e-4
_LOOSE = 2.5  # in deviations: what is further off the polynomial is pattern, not light
_MOST_RATIO = 8.0
_PATTERNED = 0.06  # deviation of the logarithm that is left by a quadratic surface
_COLOUR_TRUST = {"given": 0.9, "chart": 0.95, "patch": 0.7, "camera": 0.2}


def even_out(flat: Flat, *, white: White | None = None) -> Even:
    """Take the fall-off and the colour of the light out of a flat picture."""
    grid, weights = _coarse(flat)
    polynomial = _fit(np.log(np.maximum(luminance(grid), _DARK)), weights)
    return _divided(flat, polynomial, white)


def even_out_again(flat: Flat, lattice: Lattice, *, white: White | None = None) -> Even:
    """`even_out`, by what differs between places a whole repeat apart. For cloth whose repeat is known."""
    if lattice.a is None or lattice.b is None:
        return even_out(flat, white=white)
    small, scale = shrink_to(luminance(flat.linear), _PAIRED_PX)
    level = np.log(np.maximum(cv2.GaussianBlur(small, (0, 0), 1.5), _DARK))
    shifts = [lattice.a * scale, lattice.b * scale]
    pairs = [pair for shift in shifts for pair in _pairs(level, shift)]
    if not pairs:
        return even_out(flat, white=white)
    matrix = np.concatenate([there - here for here, there, _ in pairs])
    change = np.concatenate([difference for _, _, difference in pairs])
    coefficients = _robust(matrix[:, 1:], change, np.ones(len(change)))
    polynomial = np.concatenate([[0.0], coefficients])
    return _divided(flat, polynomial, white)


def _divided(flat: Flat, polynomial: np.ndarray, white: White | None) -> Even:
    h, w = flat.linear.shape[:2]
    cells_hw = max(2, round(_LIGHT_CELLS * h / max(h, w))), max(2, round(_LIGHT_CELLS * w / max(h, w)))
    x, y = _places(cells_hw)
    shape = np.exp(_terms(x, y) @ polynomial).reshape(cells_hw)
    shape = np.clip(shape / shape.mean(), 1 / _MOST_RATIO, _MOST_RATIO).astype(np.float32)
    gain, source = np.ones(3, np.float32), "camera"
    if white is not None:
        # The white lay elsewhere: what the light is there, the polynomial says, within reason.
        at_white = _light_at(polynomial, white.at_photo, flat, mean=float(np.exp(_terms(x, y) @ polynomial).mean()))
        gain = (white.reflectance * at_white / np.maximum(white.linear, _DARK)).astype(np.float32)
        source = white.source
    light = cv2.resize(shape, (w, h), interpolation=cv2.INTER_CUBIC)
    linear = cv2.merge([1.0 / light] * 3)  # NumPy is slow at factors that go with a last axis of three
    np.multiply(flat.linear, linear, out=linear)
    rows = linear.reshape(h, -1)
    rows *= np.tile(gain, w)
    confidence = _COLOUR_TRUST[source] * (white.confidence if white is not None else 1.0)
    return Even(linear, shape, float(shape.max() / shape.min()), source, confidence)


def _light_at(polynomial: np.ndarray, at_photo: np.ndarray, flat: Flat, *, mean: float) -> float:
    """The light at a place of the photo relative to its mean on the cloth; no further out than the cloth is large."""
    h, w = flat.linear.shape[:2]
    there = flat.from_photo @ np.array([*at_photo, 1.0])
    x, y = there[:2] / there[2]
    u = np.clip([2 * (x + 0.5) / w - 1, 2 * (y + 0.5) / h - 1], -1.6, 1.6)
    terms = _terms(u[:1], u[1:])
    low = terms.copy()
    low[:, 6:] = 0.0  # cubic terms run away outside the cloth
    return float(np.clip(np.exp(low @ polynomial)[0] / mean, 0.3, 3.0))


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
    terms, values = _terms(x, y), level.ravel().astype(np.float64)
    stiff = np.zeros(terms.shape[1])
    stiff[:6] = _robust(terms[:, :6], values, weights)
    rest = values - terms @ stiff
    if 1.4826 * np.median(np.abs(rest - np.median(rest))) > _PATTERNED:
        return stiff  # a large pattern in view: the stiffest surface takes the least of it away
    return _robust(terms, values, weights)


def _robust(matrix: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares in which outliers lose their say (Tukey's biweight)."""
    say = weights.astype(np.float64)
    coefficients = np.zeros(matrix.shape[1])
    if not say.any():
        return coefficients
    ridge = 1e-6 * np.eye(matrix.shape[1])
    for _ in range(6):
        weighted = matrix * say[:, None]
        coefficients = np.linalg.solve(matrix.T @ weighted / len(values) + ridge, weighted.T @ values / len(values))
        off = values - matrix @ coefficients
        spread = 1.4826 * np.median(np.abs(off[weights > 0])) + 1e-6
        say = weights * np.clip(1.0 - (off / (_LOOSE * 2 * spread)) ** 2, 0.0, 1.0) ** 2
    return coefficients


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
                _terms(*_unit(x[inside], y[inside], (h, w))),
                _terms(*_unit(to_x[inside], to_y[inside], (h, w))),
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


def _terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float64 (N, 10): every product of powers of x and y up to the third degree, lowest first."""
    powers = [(i, d - i) for d in range(_DEGREE + 1) for i in range(d, -1, -1)]
    return np.stack([np.asarray(x, np.float64) ** i * np.asarray(y, np.float64) ** j for i, j in powers], axis=-1)
