"""Folds: what makes cloth look worn rather than cut out. Owns ridges, hollows and unrest; must not know garments.

Everything here adds heights in millimetres to a field over a grid of places in millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from garment.cuts.curves import nearest, resampled, through


@dataclass(frozen=True)
class Fold:
    """A soft ridge (or, with a negative height, a hollow) along a curve, fading out at both ends."""

    points: tuple[tuple[float, float], ...]
    height_mm: float
    width_mm: float
    skew: float = 0.0
    """-1..1: steeper on the left (negative) or on the right of the way along it."""


def add_folds(height: np.ndarray, folds: tuple[Fold, ...], *, corner_mm: tuple[float, float], step_mm: float) -> None:
    """Raise `height` (float32 (h, w), one place per `step_mm`, the first at half a step from `corner_mm`)."""
    for fold in folds:
        spine = resampled(through(*fold.points), 9.0)
        reach = 2.6 * fold.width_mm
        low = np.floor((spine.min(axis=0) - reach - corner_mm) / step_mm).astype(int).clip(0)
        high = np.ceil((spine.max(axis=0) + reach - corner_mm) / step_mm).astype(int).clip(0)
        view = height[low[1] : high[1], low[0] : high[0]]
        if view.size:
            x, y = places(view.shape, corner_mm=tuple(corner_mm + low * step_mm), step_mm=step_mm)
            view += _ridge(fold, spine, x, y)


def _ridge(fold: Fold, spine: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    across, along = nearest(spine, x, y)
    length = float(np.hypot(*np.diff(spine, axis=0).T).sum())
    fade = np.sin(np.pi * np.clip(along / length, 0.0, 1.0)) ** 2
    width = fold.width_mm * np.where(across > 0.0, 1.0 - 0.6 * fold.skew, 1.0 + 0.6 * fold.skew)
    return fold.height_mm * fade * np.exp(-((across / width) ** 2))


def places(hw: tuple[int, int], *, corner_mm: tuple[float, float], step_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """float32 (h, w) x and y in millimetres of a grid's cell centres."""
    x = (corner_mm[0] + (np.arange(hw[1]) + 0.5) * step_mm).astype(np.float32)
    y = (corner_mm[1] + (np.arange(hw[0]) + 0.5) * step_mm).astype(np.float32)
    grid_x, grid_y = np.meshgrid(x, y)
    return grid_x, grid_y


def unrest(hw: tuple[int, int], *, step_mm: float, wave_mm: tuple[float, float], seed: int) -> np.ndarray:
    """float32 (h, w) of mean 0 and spread 1: the slight unevenness of cloth on a body, wave (across, down)."""
    cells = (max(4, int(hw[0] * step_mm / wave_mm[1] * 2) + 3), max(4, int(hw[1] * step_mm / wave_mm[0] * 2) + 3))
    coarse = np.random.default_rng(seed).normal(size=cells).astype(np.float32)
    field = cv2.resize(coarse, (hw[1], hw[0]), interpolation=cv2.INTER_CUBIC)
    field = cv2.GaussianBlur(field, (0, 0), wave_mm[0] / step_mm / 6.0)
    return (field - field.mean()) / field.std()
