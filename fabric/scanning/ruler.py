"""A ruler beside the swatch: how long a millimetre is.

Owns finding graduations; must not know scale or cloth otherwise. Something long and straight lies beside the swatch.
Across some of its width run ticks at one period; deeper in, only every tenth of them is left. A period for which both
hold is a millimetre. It is looked for in the swatch's own plane, where a tilted ruler's ticks lie evenly.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.findings import Outline
from fabric.scanning.rectify import apply
from utils.images import shrink_to

_SEARCH_PX = 1000
_LONG = 3.0  # times as long as wide, at least
_LEAST_SHARE = 0.006
_ROWS = 32  # across the ruler's width that are looked at
_LEAST_MM = 35.0
_CLEAR = 1.9  # logarithm of a spectral line over its surroundings
_FINER, _AROUND = 4, 121  # bins a cycle, so that peaks between whole cycles are seen; and bins that count as around


@dataclass(frozen=True)
class Ruler:
    """How long a millimetre is."""

    units_per_mm: float
    """Of the plane that was looked in."""
    confidence: float


def find_ruler(photo: np.ndarray, outline: Outline, to_plane: np.ndarray) -> Ruler | None:
    """A graduated ruler beside the swatch in uint8 RGB (H, W, 3); `to_plane` (3, 3) maps the photo to the plane."""
    small, scale = shrink_to(photo, _SEARCH_PX)
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    found = [_read(grey, (quad + 0.5) / scale - 0.5, to_plane) for quad in _long_things(small, outline, scale)]
    return max((ruler for ruler in found if ruler is not None), key=lambda ruler: ruler.confidence, default=None)


def _long_things(small: np.ndarray, outline: Outline, scale: float) -> list[np.ndarray]:
    """Quadrilaterals (4, 2) beside the swatch whose first side is a long one."""
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (0, 0), 2.0), cv2.COLOR_RGB2Lab)
    swatch = np.round(outline.corners * scale).astype(np.int32)
    found = []
    for channel in range(3):
        edges = cv2.Canny(lab[..., channel], 14 if channel else 24, 36 if channel else 60)
        cv2.fillConvexPoly(edges, swatch, 0)
        edges = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
        contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            centre, wh, turn = cv2.minAreaRect(contour)
            if min(wh) < 6 or max(wh) < _LONG * min(wh) or wh[0] * wh[1] < _LEAST_SHARE * small[..., 0].size:
                continue
            box = cv2.boxPoints((centre, wh, turn)).astype(np.float64)
            found.append(box if np.hypot(*(box[1] - box[0])) > np.hypot(*(box[2] - box[1])) else np.roll(box, -1, 0))
    return found


def _read(grey: np.ndarray, quad: np.ndarray, to_plane: np.ndarray) -> Ruler | None:
    """Ticks along the long sides of a quadrilateral of the photo."""
    samples = int(1.5 * np.hypot(*(quad[1] - quad[0])))
    if samples < 3 * _LEAST_MM:
        return None
    placed = apply(to_plane, quad)
    u, v = np.meshgrid((np.arange(samples) + 0.5) / samples, (np.arange(_ROWS) + 0.5) / _ROWS)
    weights = np.dstack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v])
    at = apply(np.linalg.inv(to_plane), (weights @ placed).reshape(-1, 2)).reshape(_ROWS, samples, 2).astype(np.float32)
    strip = cv2.remap(grey, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    strip = strip.astype(np.float32)
    level = strip - cv2.GaussianBlur(strip, (0, 0), samples / 12, sigmaY=0.01)
    windowed = level * np.hanning(samples).astype(np.float32)
    power = np.log(np.abs(np.fft.rfft(windowed, n=_FINER * samples, axis=1)) + 1e-3).astype(np.float32)
    clear = (power - cv2.blur(power, (_AROUND, 1))).max(axis=0)
    peak = _millimetre(clear)
    if peak is None:
        return None
    cycles = _interpolated(np.exp(clear), peak) / _FINER
    length = float(np.hypot(*(placed[1] + placed[2] - placed[0] - placed[3]))) / 2.0
    return Ruler(length / cycles, float(np.clip(0.5 + 0.15 * (clear[peak] - _CLEAR), 0.0, 0.9)))


def _millimetre(clear: np.ndarray) -> int | None:
    """The bin of a millimetre's period: it stands out, and so do those of five and ten. None if there is none such."""
    low, high = int(_FINER * _LEAST_MM), int(0.92 * len(clear))
    if high <= low:
        return None
    bins = np.arange(low, high)
    near = cv2.dilate(clear[None], np.ones((1, 3), np.uint8))[0]
    ones, fives, tens, twenties = (near[np.round(bins / every).astype(int)] for every in (1, 5, 10, 20))
    fair = (ones > _CLEAR) & (np.minimum(fives, tens) > _CLEAR / 2) & (np.maximum(fives, tens) > _CLEAR)
    # Harmonics of the fives and tens stand where those of half a millimetre would; but nothing is every twentieth.
    fair &= twenties < _CLEAR
    if not fair.any():
        return None
    weakest = np.minimum(ones, np.minimum(fives, tens))
    return int(bins[np.argmax(np.where(fair, ones + fives + tens + 3.0 * weakest, 0.0))])


def _interpolated(power: np.ndarray, peak: int) -> float:
    """The peak's place between bins, by a parabola through the logarithms."""
    a, b, c = np.log(power[peak - 1 : peak + 2] + 1e-6)
    bend = a - 2 * b + c
    return peak + (0.5 * (a - c) / bend if bend < -1e-9 else 0.0)
