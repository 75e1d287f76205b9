"""Whether cloth lies in waves: how far its lattice is from straight.

Owns the local phase of what repeats; must not know what is made of it. A wave of the pattern that keeps step with a
straight lattice everywhere has the same phase everywhere. Where cloth bulges or is pulled aside, its phase runs
ahead or stays behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from fabric.scanning.findings import Even, Lattice
from fabric.scanning.lattice import count_repeats
from utils.colour import luminance
from utils.images import shrink_to

_LOOK_PX, _CELL_PX = (384, 1024), 8  # of the picture's longer side, and of a repeat if that allows it
_GRID = 96  # places along the longer side at which the phase is read
_STANDS_OUT = 8.0  # power of a wave over that of what is between two: a grain without any has a phase of its own
_RIM = 8  # of the grid's shorter side, at most, that is left out along each edge
_ORDERS = 3  # of the lattice's harmonics that are looked at
_PERIODS_PX = 4.0  # shortest that is seen well
_LEAST_IN_VIEW = 6.0  # repeats, so that one can be averaged and still tell one place from another
_PARTS = 6  # of a repeat that may be what repeats mostly
_WINDOW = 0.03  # of the picture, over which the phase is averaged at least: yarns are not even
_AVERAGED = 0.8  # of a repeat: less would mix one wave with the next


def waviness(even: Even, lattice: Lattice) -> float | None:
    """Deviation of the lattice's local stretch and turn from a plane's seen from anywhere; 0 for cloth that lies flat.

    None where no lattice repeats often enough to tell.
    """
    strains = []
    for a, b in ((lattice.a, lattice.b), (lattice.fine_a, lattice.fine_b)):
        hw = even.linear.shape[:2]
        if a is None or b is None:
            continue
        finest = min(float(np.hypot(*vector)) for vector in (a, b)) / max(hw)
        bright, scale = shrink_to(luminance(even.linear), np.clip(_CELL_PX / finest, *_LOOK_PX))
        level = np.sqrt(np.maximum(bright, 0.0)).astype(np.float32)
        basis = _often(level, np.stack([a, b]) * scale)
        if basis is None:
            continue
        sigma = max(_AVERAGED * float(np.hypot(*basis.T).max()), _WINDOW * max(level.shape))
        waves = [(g, _local(level, g, sigma=sigma)) for g in _harmonics(basis)]
        waves.sort(key=lambda wave: -_power(wave[1]))
        across = [wave for wave in waves if _apart(wave[0], waves[0][0])]
        between = np.linalg.inv(basis).sum(axis=1) / 2.0  # from any wave of the lattice to where there is none
        for g, z in (*waves[:1], *across[:1]):
            if _power(z) > _STANDS_OUT * _power(_local(level, g + between, sigma=sigma)):
                strains.append(_strain(g, z, px=max(level.shape) / _GRID))
    return max(strains, default=None)


def _often(level: np.ndarray, basis: np.ndarray) -> np.ndarray | None:
    """The lattice, float64 (2, 2), or that of its strongest part where it repeats too seldom itself: one wave on the
    cloth and one in its pattern make a large lattice together. None where that repeats too seldom as well."""
    found = basis.copy()
    reciprocal = np.linalg.inv(basis).T
    for n, vector in enumerate(basis):
        if count_repeats(vector, level.shape) >= _LEAST_IN_VIEW:
            continue
        sigma = float(np.hypot(*vector)) / 2.0
        powers = [_power(_local(level, k * reciprocal[n], sigma=sigma / k)) for k in range(1, _PARTS + 1)]
        found[n] = vector / (1 + int(np.argmax(powers)))
        if count_repeats(found[n], level.shape) < _LEAST_IN_VIEW:
            return None
    return found


def _power(z: np.ndarray) -> float:
    return float(np.square(np.abs(z)).mean())


def _apart(one: np.ndarray, two: np.ndarray) -> bool:
    """Whether two waves run in clearly different directions."""
    return abs(float(one[0] * two[1] - one[1] * two[0])) > 0.5 * float(np.hypot(*one) * np.hypot(*two))


def _harmonics(basis: np.ndarray) -> Iterator[np.ndarray]:
    """float64 (2,) each: cycles per pixel of the lattice's waves, one of each two that are opposite."""
    reciprocal = np.linalg.inv(basis).T
    for m, n in ((m, n) for m in range(_ORDERS + 1) for n in range(-_ORDERS, _ORDERS + 1) if (m, n) > (0, 0)):
        g = m * reciprocal[0] + n * reciprocal[1]
        if float(np.hypot(*g)) * _PERIODS_PX <= 1.0:
            yield g


def _local(level: np.ndarray, g: np.ndarray, *, sigma: float) -> np.ndarray:
    """complex64 (rows, columns): how strong the wave is at the places of a coarse grid, and at which phase."""
    h, w = level.shape
    turns = [np.exp(-2j * math.pi * g[k] * np.arange(side)).astype(np.complex64) for k, side in ((0, w), (1, h))]
    turned = (level - cv2.blur(level, (round(2 * sigma) | 1,) * 2)) * turns[0][None] * turns[1][:, None]
    coarse = _GRID / max(h, w)
    wh = max(8, round(w * coarse)), max(8, round(h * coarse))
    real, imaginary = (cv2.resize(np.ascontiguousarray(part), wh, interpolation=cv2.INTER_AREA)
                       for part in (turned.real, turned.imag))  # fmt: skip
    real, imaginary = (cv2.GaussianBlur(part, (0, 0), sigma * coarse) for part in (real, imaginary))
    rim = min(round(sigma * coarse), min(wh) // _RIM)  # nearer to the edge half of what is averaged is not in view
    return (real + 1j * imaginary)[rim : wh[1] - rim, rim : wh[0] - rim]


def _strain(g: np.ndarray, z: np.ndarray, *, px: float) -> float:
    """Deviation of the local wave from one whose frequency is a low polynomial of the place, relative to it.

    `px` is the size of a cell of the grid. A low polynomial is what is left of a tilt.
    """
    here, weight = z[:-1, :-1], np.square(np.abs(z[:-1, :-1]))
    # What repeats weakly somewhere has no phase to speak of there.
    weight = np.minimum(weight, np.percentile(weight, 80.0)).ravel().astype(np.float64)
    h, w = here.shape
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1).reshape(-1, 6)
    root, total = np.sqrt(weight), 0.0
    for there in (z[:-1, 1:], z[1:, :-1]):
        faster = np.angle(there * np.conj(here)).ravel() / (2.0 * math.pi * float(np.hypot(*g)) * px)
        fit = np.linalg.lstsq(terms * root[:, None], faster * root, rcond=None)[0]
        total += float((weight * np.square(faster - terms @ fit)).sum() / max(float(weight.sum()), 1e-12))
    return math.sqrt(total)
