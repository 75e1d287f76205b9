"""How much of what is seen of a cloth repeats, and how much does not.

Owns the measure, in deviations of CIE lightness; must not know how the lattice was found.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_LOOK_PX = 768
_NEAREST, _SHIFTS = 40, 6
_FINE_PX = 24.0  # below, half a pixel is too far off
_NEAREST_PX = 10.0  # neighbouring threads look alike, and noise is smeared by the lens
_MORE_COLOURFUL = 1.5  # times the lightness's contrast, from which on it is a pattern of colours
_NOTICED = 0.5  # deviation from which on colours are seen to repeat at all
_CLEAR = 0.6  # share that no second look is needed at


@dataclass(frozen=True)
class Contrast:
    """Deviations of L*."""

    repeating: float
    irregular: float

    @property
    def share(self) -> float:
        """Of the variance that repeats, in [0, 1]."""
        return self.repeating**2 / max(self.repeating**2 + self.irregular**2, 1e-9)

    def at_least(self, share: float) -> Contrast:
        """The same deviation in all, of which at least `share` of the variance repeats."""
        if share <= self.share:
            return self
        whole = float(np.hypot(self.repeating, self.irregular))
        return Contrast(whole * min(share, 1.0) ** 0.5, whole * max(1.0 - share, 0.0) ** 0.5)


def measure(linear: np.ndarray, basis: np.ndarray | None) -> Contrast:
    """Of linear RGB (H, W, 3) with the lattice `basis` (2, 2), in pixels; without one nothing repeats.

    The weave is looked at in full resolution, in the middle; a pattern too large for that in the whole picture,
    reduced. What is the same after a shift by lattice vectors repeats.
    """
    h, w = linear.shape[:2]
    top, left = max(0, (h - _LOOK_PX) // 2), max(0, (w - _LOOK_PX) // 2)
    near = np.ascontiguousarray(linear[top : top + _LOOK_PX, left : left + _LOOK_PX])
    if basis is None:
        return Contrast(0.0, float(_lab(near)[0].std()))
    factor = max(1.0, max(h, w) / _LOOK_PX)
    best = _seen(near, basis)
    if best.share < _CLEAR and factor > 1.0:
        far = cv2.resize(linear, (round(w / factor), round(h / factor)), interpolation=cv2.INTER_AREA)
        best = max(best, _seen(far, basis / factor), key=lambda contrast: contrast.share)
    return best


def _seen(view: np.ndarray, basis: np.ndarray) -> Contrast:
    """Of lightness, or of the colours if these repeat more clearly."""
    lightness, *colours = _lab(view)
    shifts = _shifts(basis, view.shape[1::-1])
    seen = _repeating(lightness, shifts, basis)
    if seen.share >= _CLEAR:
        return seen
    coloured = max((_repeating(field, shifts, basis) for field in colours), key=lambda contrast: contrast.repeating)
    return coloured if coloured.repeating > max(_MORE_COLOURFUL * seen.repeating, _NOTICED) else seen


def _repeating(field: np.ndarray, shifts: np.ndarray, basis: np.ndarray) -> Contrast:
    """What is alike after a repeat and would not be alike after half of one: the rest is only smooth."""
    deviation = float(field.std())
    if not len(shifts):
        return Contrast(0.0, deviation)
    halves = np.array([basis[0], basis[1], basis.sum(axis=0)]) / 2.0
    alike = np.median([_correlation(field, *shift) for shift in shifts])
    smooth = max(0.0, min(np.median([_correlation(field, *shift) for shift in shifts[:3] + half]) for half in halves))
    share = float(np.clip((alike - smooth) / max(1.0 - smooth, 1e-6), 0.0, 1.0))
    return Contrast(deviation * share**0.5, deviation * (1.0 - share) ** 0.5)


def _lab(linear: np.ndarray) -> list[np.ndarray]:
    """float32 (H, W) each: L*, a*, b* without what changes slowly."""
    fields = []
    for field in cv2.split(cv2.cvtColor(linear, cv2.COLOR_LRGB2Lab)):
        small = cv2.resize(field, (24, 24), interpolation=cv2.INTER_AREA)
        slow = cv2.GaussianBlur(small, (0, 0), 6.0)
        fields.append(field - cv2.resize(slow, field.shape[1::-1], interpolation=cv2.INTER_LINEAR))
    return fields


def _shifts(basis: np.ndarray, wh: tuple[int, int]) -> np.ndarray:
    """int (N, 2): the lattice vectors that are nearest to whole pixels, away from both axes: along a yarn all is
    alike."""
    i, j = np.mgrid[-40:41, 0:41].reshape(2, -1)
    vectors = np.column_stack([i, j]) @ basis
    vectors *= np.where(vectors[:, 1:] < 0.0, -1.0, 1.0)
    held = (np.abs(vectors) >= _NEAREST_PX).all(axis=1) & (np.abs(vectors) < 0.5 * np.array(wh)).all(axis=1)
    if not held.any():  # a lattice along the axes whose diagonals are too long
        held = (np.hypot(*vectors.T) >= _NEAREST_PX) & (np.abs(vectors) < 0.6 * np.array(wh)).all(axis=1)
    vectors = vectors[held]
    nearest = _NEAREST if np.linalg.norm(basis, axis=1).min() < _FINE_PX else _SHIFTS
    vectors = vectors[np.argsort(np.hypot(*vectors.T), kind="stable")[:nearest]]  # farther away cloth is askew
    off = np.abs(vectors - np.rint(vectors)).max(axis=1)
    return np.rint(vectors[np.argsort(off, kind="stable")[:_SHIFTS]]).astype(int)


def _correlation(field: np.ndarray, across: float, down: float) -> float:
    """Of a field with itself so many pixels, to the nearest whole, to the right and further down; 0 for no overlap."""
    x, y = (round(float(shift)) for shift in ((across, down) if down >= 0.0 else (-across, -down)))
    h, w = field.shape
    if min(h - y, w - abs(x)) < 2:
        return 0.0  # nothing lies over itself any more
    here, there = field[: h - y, max(-x, 0) : w - max(x, 0)], field[y:, max(x, 0) : w + min(x, 0)]
    here, there = here - cv2.mean(here)[0], there - cv2.mean(there)[0]
    return float(np.vdot(here, there) / max(np.sqrt(np.vdot(here, here) * np.vdot(there, there)), 1e-9))
