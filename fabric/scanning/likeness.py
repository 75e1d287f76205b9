"""How like itself a picture is when it is shifted.

Owns the normalised cross-correlation of a picture with itself and what it says of a lattice; must not know spectra. It
sees large patterns of which only two or three repeats are in view, which no spectrum tells apart, and nothing of fine
weaves.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_LEAST_OVERLAP = 0.3  # of both sides: beyond it too little of the picture is compared
_MOST_TOPS = 20
_VECTORS = 7  # of a lattice, along each of its own and to both sides, that are looked at
_ASTRAY = 0.03  # of a cell: how far off it may be at first
_LARGE = 10.0  # pixels of a cell
# Of a fine lattice, which vectors instead: never only the multiples of some number, or multiples of its cell would do.
_FARTHER = np.array([0, 1, 2, 4, 7, 11, 16, 21])
_ALONG_STRIPES_PX = 3.0  # vectors that are no repeat, but say that any shift along the stripes is one


@dataclass(frozen=True)
class Likeness:
    """Correlation in [-1, 1] of a picture with itself at each shift."""

    field: np.ndarray
    """float32 (2 * reach_y + 1, 2 * reach_x + 1): no shift in the middle."""
    px: float
    """Pixels of the flat picture to one of the field's."""
    hw: tuple[int, int]
    """Of the picture that was shifted, in the field's pixels."""

    @property
    def reach(self) -> tuple[int, int]:
        """Longest shift (x, y) in the field's pixels."""
        return self.field.shape[1] // 2, self.field.shape[0] // 2


def compare(fields: list[np.ndarray], *, px: float) -> Likeness:
    """Correlate the features (H, W) of one picture, of mean 0 or nearly so, with themselves; `px` as in `Likeness`."""
    h, w = fields[0].shape
    reach = int((1.0 - _LEAST_OVERLAP) * h), int((1.0 - _LEAST_OVERLAP) * w)
    size = tuple(cv2.getOptimalDFTSize(length + far) for length, far in zip((h, w), reach, strict=True))
    product = energy = None
    for field in fields:
        field = field - _slow(field)
        padded = cv2.copyMakeBorder(field, 0, size[0] - h, 0, size[1] - w, cv2.BORDER_CONSTANT)
        waves = cv2.dft(padded, nonzeroRows=h)
        power = cv2.mulSpectrums(waves, waves, 0, conjB=True)
        product = power if product is None else product + power
        energy = cv2.multiply(field, field) + (0.0 if energy is None else energy)
    shifted = np.fft.fftshift(cv2.dft(product, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT))
    middle = size[0] // 2, size[1] // 2
    rows, columns = (slice(m - far, m + far + 1) for m, far in zip(middle, reach, strict=True))
    shared = _shared_energy(energy, reach)
    return Likeness(shifted[rows, columns] / np.sqrt(shared * shared[::-1, ::-1] + 1e-12), px, (h, w))


def _slow(field: np.ndarray) -> np.ndarray:
    """What is left of the light: too slow for a pattern of which two repeats are in view."""
    small = cv2.GaussianBlur(cv2.resize(field, (40, 40), interpolation=cv2.INTER_AREA), (0, 0), 8.0)
    return cv2.resize(small, field.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _shared_energy(energy: np.ndarray, reach: tuple[int, int]) -> np.ndarray:
    """float32: the sum over the part of the picture that a shift leaves inside of itself, for every shift."""
    h, w = energy.shape
    total = cv2.integral(energy)
    dy, dx = np.arange(-reach[0], reach[0] + 1), np.arange(-reach[1], reach[1] + 1)
    top, bottom = np.maximum(dy, 0), np.minimum(h + dy, h)
    left, right = np.maximum(dx, 0), np.minimum(w + dx, w)
    strips = (total[bottom] - total[top]).T.astype(np.float32)
    return np.maximum(strips[right] - strips[left], np.float32(0.0)).T


def tops(likeness: Likeness) -> np.ndarray:
    """float64 (N, 2): the shifts down the picture at which it is most like itself, in pixels of the flat picture."""
    field = cv2.GaussianBlur(likeness.field, (0, 0), 1.0)
    high = (cv2.dilate(field, np.ones((5, 5), np.uint8)) <= field) & (field > 0.05)
    high[: likeness.reach[1]] = False
    y, x = np.nonzero(high)
    shift = np.column_stack([x, y]) - likeness.reach
    moved = np.hypot(*shift.T) > 3.0
    best = np.argsort(-field[y, x][moved])[:_MOST_TOPS]
    return shift[moved][best] * likeness.px


def agreement(likeness: Likeness, bases: np.ndarray) -> np.ndarray:
    """float64 (P,): mean likeness at the vectors of each lattice (P, 2, 2), which are taken from all over the field.

    Those with more overlap count more. Nought where fewer than two vectors lie within reach. For large cells the
    best within a pixel counts: cloth never lies quite flat. For small ones that would be any place.
    """
    reach, extent = np.array(likeness.reach), np.array(likeness.hw[::-1])
    steps = bases / likeness.px
    often = np.floor((reach / np.maximum(np.abs(steps), 1e-9)).min(axis=2) / _VECTORS)[:, None]
    near, far = _half_plane(_VECTORS), _half_plane(_VECTORS)
    far = np.sign(far) * _FARTHER[np.abs(far)]
    counts = np.where(often >= _FARTHER[-1] / _VECTORS, far, near)  # (P, N, 2)
    stripes = np.linalg.norm(bases, axis=2)[:, None] < _ALONG_STRIPES_PX
    shifts = np.where(stripes, near * np.maximum(often, 1.0), counts) @ steps
    inside = (np.abs(shifts) <= reach).all(axis=2) & (np.abs(shifts).max(axis=2) > 1.5)
    place = (np.clip(shifts, -reach, reach) + reach).astype(np.float32)
    around = cv2.dilate(likeness.field, np.ones((3, 3), np.uint8))
    exact, best = (cv2.remap(field, place, None, cv2.INTER_LANCZOS4) for field in (likeness.field, around))
    large = np.linalg.norm(bases, axis=2).min(axis=1) > _LARGE * likeness.px
    found = np.where(large[:, None], best, exact)
    weight = inside * (1.0 - np.abs(place - reach) / extent).prod(axis=2)
    mean = (found * weight).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-9)
    return np.where(inside.sum(axis=1) > 1, mean, 0.0)


def _half_plane(most: int) -> np.ndarray:
    """int (N, 2): pairs of whole numbers up to `most`, one of each two that are opposite."""
    i, j = np.mgrid[-most : most + 1, -most : most + 1].reshape(2, -1)
    return np.column_stack([i, j])[(j > 0) | ((j == 0) & (i > 0))]


def sharpen(likeness: Likeness, basis: np.ndarray) -> np.ndarray:
    """The lattice as the tops of likeness near its vectors would have it, from the nearest to the farthest."""
    field, reach = likeness.field, np.array(likeness.reach)
    start = basis = basis / likeness.px
    for most in (1, 2, 4, 8):
        whole = _half_plane(most)
        shifts = whole @ basis
        inside = (np.abs(shifts) < reach - 12).all(axis=1)
        whole, place = whole[inside], np.rint(shifts[inside]).astype(int) + reach
        around = min(max(2, round(_ASTRAY * float(np.linalg.norm(basis, axis=1).min()))), 10) if most == 1 else 2
        found, kept = _tops_near(field, place, around)
        if kept.sum() < 2 or np.linalg.matrix_rank(whole[kept]) < 2:
            continue
        at = found[kept] - reach
        trust = (1.0 - np.abs(at) / likeness.hw[::-1]).prod(axis=1, keepdims=True)
        basis = np.linalg.lstsq(whole[kept] * trust, at * trust, rcond=None)[0]
    grown = np.linalg.det(basis) / np.linalg.det(start)
    return (basis if 0.8 < grown < 1.25 else start) * likeness.px  # unless it fell for another lattice


def _tops_near(field: np.ndarray, places: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Sub-pixel (x, y) of the top within `most` pixels of each of int (N, 2), and whether it is one: not a ridge's
    edge."""
    span, nth = np.arange(-most, most + 1), np.arange(len(places))
    x, y = places[:, 0, None] + span, places[:, 1, None] + span
    parts = field[y[:, :, None], x[:, None, :]]
    row, column = np.divmod(parts.reshape(len(parts), len(span) ** 2).argmax(axis=1), len(span))
    inside = (row % (2 * most) > 0) & (column % (2 * most) > 0)
    row, column = np.clip(row, 1, 2 * most - 1), np.clip(column, 1, 2 * most - 1)
    at = parts[nth, row, column]
    left, right, above, below = (
        parts[nth, row + dy, column + dx] for dx, dy in ((-1, 0), (1, 0), (0, -1), (0, 1))
    )  # fmt: skip
    bend_x, bend_y = left - 2 * at + right, above - 2 * at + below
    sure = inside & (bend_x < -1e-6) & (bend_y < -1e-6)
    off = np.column_stack([left - right, above - below]) / np.where(sure[:, None], np.column_stack([bend_x, bend_y]), 1)
    return places + np.column_stack([column - most, row - most]) + 0.5 * off, sure
