"""Two strips of a sheet that should show the same cloth, and do not quite.

Owns measuring how far apart they lie and how much lighter one is; must not know lattices or tiles.
"""

from __future__ import annotations

import cv2
import numpy as np

_KNOTS = 9  # along a strip: cloth bends slowly
_PATCH_PX = 128
_SURE = 0.1  # response of a phase correlation that is believed
_FAR_PX = 6.0  # what a phase correlation need not be trusted with: in stripes it has no single top
_ALIKE, _FARTHER = 0.4, 0.04  # correlation that is believed, and what it has to gain by the farthest shift
_BEND = 0.01  # of correlations from step to step: less is a ridge along stripes
_DRIFT_KNOTS = 3  # light bends slower


def shift_between(
    field: np.ndarray, origin: np.ndarray, *, edge: np.ndarray, along: np.ndarray, band: float, most_px: float
) -> np.ndarray:
    """float64 (K, 2): by how many pixels the cloth at `origin + t along + edge` is off from that at `origin + t along`.

    `field` is float32 (H, W); t runs from 0 to 1 + band. Nought where nothing can be said, or more than `most_px`.
    """
    half = _PATCH_PX // 2
    window = cv2.createHanningWindow((_PATCH_PX, _PATCH_PX), cv2.CV_32F)
    reach = min(most_px, 0.25 * _PATCH_PX)
    found, trust = np.zeros((_KNOTS, 2)), np.zeros(_KNOTS)
    for index, t in enumerate(np.linspace(0.0, 1.0 + band, _KNOTS)):
        here = origin + t * along + 0.5 * band * edge
        coarse = _coarse_shift(field, here, here + edge, reach) if reach >= _FAR_PX else None
        moved = here + edge + (0.0 if coarse is None else coarse[0])
        patches = [cv2.getRectSubPix(field, (2 * half, 2 * half), tuple(map(float, at))) for at in (here, moved)]
        shift, response = cv2.phaseCorrelate(patches[0], patches[1], window)
        if coarse is not None:
            found[index], trust[index] = coarse
        if response > _SURE and np.hypot(*(found[index] + shift)) <= reach:
            found[index] += shift
            trust[index] = max(trust[index], response)
    weight = np.exp(-0.5 * ((np.arange(_KNOTS)[:, None] - np.arange(_KNOTS)) / 1.2) ** 2) * trust
    return (weight @ found) / (weight.sum(axis=1, keepdims=True) + 0.05)


def _coarse_shift(
    field: np.ndarray, here: np.ndarray, there: np.ndarray, reach: float
) -> tuple[np.ndarray, float] | None:
    """(shift, correlation) within `reach` at which the cloth `there` is most like that around `here`, the nearest
    of equals; None if it is like it nowhere."""
    far = int(reach) // 2
    sides = (_PATCH_PX, _PATCH_PX + 4 * far)
    parts = [
        cv2.getRectSubPix(field, (side, side), tuple(map(float, at)))
        for side, at in zip(sides, (here, there), strict=True)
    ]
    small, large = (cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for part in parts)
    alike = cv2.matchTemplate(large, small, cv2.TM_CCOEFF_NORMED)
    y, x = np.mgrid[-far : far + 1, -far : far + 1]
    away = (x * x + y * y) / max(far * far, 1)
    row, column = np.unravel_index(int(np.argmax(np.where(away <= 1.0, alike - _FARTHER * away, -2.0))), alike.shape)
    if alike[row, column] < _ALIKE:
        return None
    at = np.array([column - far + _top(alike[row], column), row - far + _top(alike[:, column], row)])
    return 2.0 * at, float(alike[row, column])


def _top(values: np.ndarray, index: int) -> float:
    """How far the top of the parabola through a value and its neighbours is from it; 0 on a ridge and at an end."""
    if not 0 < index < len(values) - 1:
        return 0.0
    before, at, after = map(float, values[index - 1 : index + 2])
    bend = before - 2.0 * at + after
    return max(-1.0, min(1.0, 0.5 * (before - after) / bend)) if bend < -_BEND else 0.0


def drift_between(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """float32 (H, C): how much more the right strip (H, W, C) has than the left, as far as it changes slowly."""
    gap = (right - left).mean(axis=1)
    count = gap.shape[1]  # as columns: of so many channels OpenCV averages whole pixels only
    knots = cv2.resize(gap, (count, _DRIFT_KNOTS), interpolation=cv2.INTER_AREA)
    return cv2.resize(knots, (count, len(gap)), interpolation=cv2.INTER_LINEAR)
