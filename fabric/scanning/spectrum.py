"""The lines in a cloth's spectrum: what repeats, apart from what only looks coarse or fine.

Owns features, windows, power spectra and the peaks that stand out of them; must not know lattices. A line is a wave
that goes through the whole picture, such as every thread that comes back adds to; yarn that wanders and noise make a
smooth floor.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_NEAREST_BIN = 1.6  # nearer to zero lies what is left of the light
_BACKGROUND_BINS = 17
_RING_BINS = 3.0, 7.5  # around a line: beyond its own width, near enough to share its floor
_RING_LEVEL = 0.75  # quantile on the ring: yarn that differs from its neighbours makes ridges, and they are floor
_SIDELOBES = 0.003  # of a Hann window, and a little more, as a share of a line's power
_MOST_LINES = 240
_BLUNT = 0.5  # bins: how far off a line may be found


@dataclass(frozen=True)
class Lines:
    """Waves found in one or more spectra."""

    at: np.ndarray
    """float64 (N, 2): cycles per pixel (x, y), of the half plane x >= 0."""
    weight: np.ndarray
    """float64 (N,): the logarithm of how far it stands out."""
    blunt: np.ndarray
    """float64 (N, 2): how far off `at` may be, cycles per pixel."""

    def __len__(self) -> int:
        return len(self.weight)

    def columns(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions, weights, bluntness."""
        return self.at, self.weight, self.blunt

    def of(self, which: np.ndarray) -> Lines:
        """Some of them, by index or mask."""
        return Lines(self.at[which], self.weight[which], self.blunt[which])


def features(linear: np.ndarray) -> list[np.ndarray]:
    """Lightness and the strongest direction of colour, float32 (H, W) each, of linear RGB (H, W, 3).

    Patterns of equal lightness exist: a red stripe on green is seen in the second one alone.
    """
    seen = cv2.sqrt(np.maximum(linear, np.float32(0.0)))  # about as the eye spaces them
    red, green, blue = cv2.split(seen)
    lightness = cv2.addWeighted(red, 0.3, green, 0.6, 0.0) + blue * np.float32(0.1)
    opponents = np.stack([red - green, np.float32(0.5) * (red + green) - blue])
    spread = np.cov(opponents[:, ::7, ::7].reshape(2, -1))
    strongest = np.linalg.eigh(spread)[1][:, -1].astype(np.float32)
    return [lightness, cv2.addWeighted(opponents[0], float(strongest[0]), opponents[1], float(strongest[1]), 0.0)]


def power(field: np.ndarray) -> np.ndarray:
    """float32 (H, W // 2): power spectrum of a float32 field of even (H, W) under a Hann window.

    Columns are 0 .. W / 2 - 1 cycles across, rows -H / 2 .. H / 2 - 1 cycles down.
    """
    h, w = field.shape
    slope = cv2.createHanningWindow((w, h), cv2.CV_32F)  # OpenCV's is the root of the usual one
    packed = cv2.dft((field - cv2.mean(field)[0]) * slope * slope)
    out = np.empty((h, w // 2), np.float32)
    np.multiply(packed, packed, out=packed)
    np.add(packed[:, 1 : w - 1 : 2], packed[:, 2 : w - 1 : 2], out=out[:, 1:])
    column = packed[1 : h - 1 : 2, 0] + packed[2 : h - 1 : 2, 0]
    out[:, 0] = np.concatenate([packed[:1, 0], column, packed[h - 1 :, 0], column[::-1]])
    return np.roll(out, h // 2, axis=0)


def find_lines(spectra: list[np.ndarray], *, px: float, stands_out: float) -> Lines:
    """The lines of power spectra (H, W // 2) of one picture's features, whose pixels are `px` of the flat picture's.

    They stand out `stands_out` times from the floor: more in one spectrum than in one that is a mean of many.
    """
    found = [_peaks(spectrum, stands_out) for spectrum in spectra]
    at, ratio = (np.concatenate(parts) for parts in zip(*found, strict=True))
    keep = _without_twins(at, ratio)
    at, ratio = at[keep], ratio[keep]
    h, w = spectra[0].shape[0], 2 * spectra[0].shape[1]
    bin_ = 1.0 / (px * np.array([w, h]))
    return Lines(at * bin_, np.log(ratio / stands_out), np.tile(_BLUNT * bin_, (len(at), 1)))


def _peaks(spectrum: np.ndarray, stands_out: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions in bins (N, 2) as (x, y), sub-bin, and how many times the floor each is."""
    n = len(spectrum)  # rows
    wide = np.hstack([np.roll(spectrum[::-1, 8:0:-1], 1, axis=0), spectrum])  # negative frequencies: the same, turned
    loud = cv2.log(wide + np.float32(1e-20))
    floor = cv2.blur(loud, (_BACKGROUND_BINS, _BACKGROUND_BINS))
    summit = (cv2.dilate(wide, np.ones((3, 3), np.uint8)) <= wide) & (loud > floor + np.float32(1.5))
    summit &= wide > np.float32(_SIDELOBES) * cv2.dilate(wide, np.ones((13, 13), np.uint8))
    summit[:9] = summit[-9:] = False
    summit[:, :8] = summit[:, -9:] = False
    summit[: n // 2 + 1, 8] = False  # on the axis each wave shows twice
    y, x = np.nonzero(summit)
    far = np.hypot(x - 8, y - n // 2) > _NEAREST_BIN
    y, x = y[far], x[far]
    best = np.argsort(floor[y, x] - loud[y, x])[: 2 * _MOST_LINES]
    y, x = y[best], x[best]
    ratio = wide[y, x] / _floor_around(wide, x, y)
    tall = ratio > stands_out
    y, x, ratio = y[tall], x[tall], ratio[tall]
    offset_x, offset_y = (
        _vertex(loud[y, x - 1], loud[y, x], loud[y, x + 1]),
        _vertex(loud[y - 1, x], loud[y, x], loud[y + 1, x]),
    )
    return np.column_stack([x - 8 + offset_x, y - n // 2 + offset_y]), ratio


def _floor_around(wide: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    reach = int(np.ceil(_RING_BINS[1]))
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    away = np.hypot(dx, dy)
    ring = (away >= _RING_BINS[0]) & (away <= _RING_BINS[1])
    rows = np.clip(y[:, None] + dy[ring], 0, wide.shape[0] - 1)
    columns = np.clip(x[:, None] + dx[ring], 0, wide.shape[1] - 1)
    return np.quantile(wide[rows, columns], _RING_LEVEL, axis=1) + 1e-20


def _vertex(before: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the parabola through three neighbours has its top."""
    return 0.5 * (before - after) / np.minimum(before - 2.0 * at + after, -1e-6)


def _without_twins(at: np.ndarray, ratio: np.ndarray) -> np.ndarray:
    """Indices of the lines, best first, less those that lie on a better one."""
    order = np.argsort(-ratio)[: 2 * _MOST_LINES]
    x, y = at[order].T
    near = (np.abs(np.subtract.outer(x, x)) < 1.5) & (np.abs(np.subtract.outer(y, y)) < 1.5)
    first = ~np.tril(near, -1).any(axis=1)
    return order[first][:_MOST_LINES]
