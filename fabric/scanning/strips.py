"""Two strips of a sheet that should show the same cloth, and do not quite.

Owns measuring how far apart they lie and how much lighter one is; must not know lattices or tiles. How far apart they
lie changes slowly along them: it is one smooth curve, found for the whole strip at once and from coarse to fine (Lucas
and Kanade 1981). A plain piece between two stripes has nothing to say, and what the stripes say holds for it too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

_KNOTS = 17  # along a strip at which the curve is told
_DEGREE = 3
_MOST_BEND = 0.015  # of the strip's length that cloth may be off along it, however near its repeats lie
_FARTHER = 0.04  # correlation that the farthest constant shift has to gain
_ALIKE, _BETTER = 0.15, 0.002  # correlation that is believed, and what a closer look has to gain
_CHANCE = 4.5  # deviations of the correlation of noise: the best of some thousand shifts gets as far by chance
_AROUND = 25  # samples over which light is told from pattern
_LEAST = 40, 6  # samples along and across without which nothing is looked for
_MOST_ACROSS = 64  # samples across that are looked at
_ROUNDS = 4
_STIFF = 0.01  # share of all contrast that speaks against moving, and once more against each bend
_DRIFT_KNOTS = 3  # light bends slower
_MOST_SHARE = 0.5  # of the light: what differs by more is not the same cloth
_DARK = 1e-4


def shift_between(
    field: np.ndarray, origin: np.ndarray, *, edge: np.ndarray, along: np.ndarray, band: float, most_px: float
) -> np.ndarray:
    """float64 (K, 2): by how many pixels the cloth at `origin + t along + edge` is off from that at `origin + t along`.

    `field` is float32 (H, W); t runs evenly from 0 to 1 + band. Nought where nothing can be said, or more than
    `most_px` and what cloth bends.
    """
    length, width = (1.0 + band) * float(np.linalg.norm(along)), band * float(np.linalg.norm(edge))
    axes = np.array([along / np.linalg.norm(along), edge / np.linalg.norm(edge)])
    coarsest = 1
    while 3 * coarsest <= most_px and length >= 2 * coarsest * _LEAST[0] and width >= 2 * coarsest * _LEAST[1]:
        coarsest *= 2
    most = most_px + _MOST_BEND * length
    margin = coarsest * math.ceil((most + 1.0) / coarsest)
    corner, shape = origin - margin * axes.sum(axis=0), (round(length) + 2 * margin, round(width) + 2 * margin)
    here, there = (_strip(field, start, axes, shape) for start in (corner, corner + edge))
    curve, spacing = np.zeros((_DEGREE + 1, 2)), coarsest
    while spacing >= 1:
        pair = _pair(here, there, spacing, margin)
        if (np.array(pair.here.shape) >= _LEAST).all():
            if spacing == coarsest:
                curve[0] = spacing * pair.nearest_top(most_px / spacing)
            curve = _closer(pair, curve, spacing)
        spacing //= 2
    shifts = np.polynomial.legendre.legval(np.linspace(-1.0, 1.0, _KNOTS), curve).T
    return shifts @ axes if np.hypot(*shifts.T).max() <= most else np.zeros((_KNOTS, 2))


def _strip(field: np.ndarray, start: np.ndarray, axes: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """float32 (along, across) of that shape: the field in a strip's own axes, about as the eye spaces lightness."""
    matrix = np.column_stack([axes[1], axes[0], start])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    strip = cv2.warpAffine(field, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cv2.sqrt(np.maximum(strip, 0.0, out=strip))


@dataclass(frozen=True)
class _Pair:
    """What is lighter and darker than around in both strips, reduced alike. Curves are float64 (degree + 1, 2):
    Legendre coefficients of the shift along and across, in samples."""

    here: np.ndarray
    """float32 (along, across)."""
    there: np.ndarray
    """The same with a margin all around."""
    margin: int

    @cached_property
    def basis(self) -> np.ndarray:
        """float64 (along, degree + 1)."""
        return np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, len(self.here)), _DEGREE)

    def nearest_top(self, reach: float) -> np.ndarray:
        """float64 (2,): the constant shift within `reach` after which the strips are most alike, rather a short one;
        none if that may be chance."""
        alike = cv2.matchTemplate(self.there, self.here, cv2.TM_CCOEFF_NORMED)
        y, x = np.mgrid[: alike.shape[0], : alike.shape[1]] - self.margin
        away = (x * x + y * y) / max(reach * reach, 1.0)
        best = np.unravel_index(int(np.argmax(np.where(away <= 1.0, alike - _FARTHER * away, -2.0))), alike.shape)
        if alike[best] < max(_ALIKE, _CHANCE / math.sqrt(self.here.size)):
            return np.zeros(2)
        return np.array(best, np.float64) - self.margin

    def refined(self, curve: np.ndarray) -> np.ndarray:
        """The curve that makes the strips most alike, from one nearby."""
        for _ in range(_ROUNDS):
            curve = curve + self._step(curve)
        return curve

    def likeness(self, curve: np.ndarray) -> float:
        """Correlation of the strips after that shift."""
        there = self._moved(curve)
        energy = float(np.vdot(self.here, self.here)) * float(np.vdot(there, there))
        return float(np.vdot(self.here, there)) / max(math.sqrt(energy), 1e-9)

    def _step(self, curve: np.ndarray) -> np.ndarray:
        """One step of Gauss and Newton. What only one of the strips shows is noise, and says nothing: the slopes of
        one are multiplied by those of the other."""
        there = self._moved(curve)
        error = self.here - there
        trust = 1.0 / (1.0 + np.square(error / max(1.5 * float(np.abs(error).mean()), 1e-6)))
        slopes = [np.gradient(strip) for strip in (self.here, there)]  # of each: along, across
        (hy, hx), (ty, tx) = slopes
        yy, xx = (np.maximum(_sums(trust * h, t), 0.0) for h, t in ((hy, ty), (hx, tx)))
        yx = 0.5 * (_sums(trust * hy, tx) + _sums(trust * hx, ty))
        yx = np.clip(yx, -np.sqrt(yy * xx), np.sqrt(yy * xx))
        said = np.block([[self.basis.T @ (self.basis * part[:, None]) for part in row] for row in ((yy, yx), (yx, xx))])
        wanted = [self.basis.T @ _sums(trust * error, 0.5 * (h + t)) for h, t in zip(*slopes, strict=True)]
        contrast = 0.5 * sum(float(_sums(trust * slope, slope).sum()) for pair in slopes for slope in pair)
        stiff = _STIFF * contrast * (1.0 + np.tile(np.arange(_DEGREE + 1), 2)) + 1e-9
        return np.linalg.solve(said + np.diag(stiff), np.concatenate(wanted)).reshape(2, -1).T

    def _moved(self, curve: np.ndarray) -> np.ndarray:
        shift = (self.basis @ curve + self.margin).astype(np.float32)
        h, w = self.here.shape
        x, y = np.arange(w, dtype=np.float32) + shift[:, 1:], np.arange(h, dtype=np.float32)[:, None] + shift[:, :1]
        flags, border = cv2.INTER_LINEAR, cv2.BORDER_REPLICATE
        return cv2.remap(self.there, x, np.broadcast_to(y, x.shape).copy(), flags, borderMode=border)


def _pair(here: np.ndarray, there: np.ndarray, spacing: int, margin: int) -> _Pair:
    """Every so many pixels, and the middle of what lies across, of two strips with a `margin` all around."""
    m = margin // spacing
    rows = (len(here) - 2 * margin) // spacing + 2 * m
    columns = min((here.shape[1] - 2 * margin) // spacing, _MOST_ACROSS) + 2 * m
    left = (here.shape[1] - columns * spacing) // 2
    parts = (strip[: rows * spacing, left : left + columns * spacing] for strip in (here, there))
    small = [cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) for part in parts]
    here, there = (part - cv2.blur(part, (_AROUND, _AROUND)) for part in small)
    return _Pair(here[m : rows - m, m : columns - m], there, m)


def _closer(pair: _Pair, curve: np.ndarray, spacing: int) -> np.ndarray:
    """The curve after a closer look, in pixels. A coarse one errs: no shift at all is tried again."""
    starts = [curve / spacing, np.zeros_like(curve)]
    likeness = [pair.likeness(start) for start in starts]
    best = int(np.argmax(likeness))
    found = pair.refined(starts[best])
    better = pair.likeness(found) > max(likeness[best] + _BETTER, _ALIKE)
    return spacing * (found if better else starts[best])


def _sums(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(H,): of the products across, per line along."""
    return np.einsum("uv,uv->u", one, other)


def drift_between(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float32 (H,): how much more the right strip (H, W) has than the left, as far as it changes slowly."""
    return _slow(right) - _slow(left)


def share_between(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float32 (H,): the same as a share of their mean; no more than light may differ by."""
    here, there = _slow(left), _slow(right)
    return np.clip(2.0 * (there - here) / np.maximum(there + here, _DARK), -_MOST_SHARE, _MOST_SHARE)


def _slow(strip: np.ndarray) -> np.ndarray:
    """float32 (H,): what changes slowly along a strip (H, W)."""
    knots = cv2.resize(strip.mean(axis=1)[:, None], (1, _DRIFT_KNOTS), interpolation=cv2.INTER_AREA)
    return cv2.resize(knots, (1, len(strip)), interpolation=cv2.INTER_LINEAR)[:, 0]
