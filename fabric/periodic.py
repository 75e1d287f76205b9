"""Fields on a torus: noise, filters and derivatives that wrap around at the edges of a tile.

Owns what makes a tile seamless by construction; must not know cloth. Nothing here pads with anything but the far side.
"""

from __future__ import annotations

import math

import cv2
import numpy as np


def smooth_noise(rng: np.random.Generator, hw: tuple[int, int], *, cells: tuple[int, int]) -> np.ndarray:
    """float32 (H, W), mean 0, deviation about 1: cubic B-spline through `cells` (rows, columns) random knots."""
    knots = rng.standard_normal(cells, dtype=np.float32)
    field = _spline_basis(hw[0], cells[0]) @ knots @ _spline_basis(hw[1], cells[1]).T
    field -= field.mean()
    return field / max(float(field.std()), 1e-6)


def shrink(image: np.ndarray, factor: int) -> np.ndarray:
    """Average a float32 `image` (H, W[, C]) down by a whole `factor` without aliases (Mitchell and Netravali 1988)."""
    if factor == 1:
        return image
    middle = (factor - 1) / 2.0  # of an output pixel, in input pixels
    reach = np.arange(math.ceil(middle - 2 * factor), math.floor(middle + 2 * factor) + 1)
    taps = _mitchell((reach - middle) / factor)
    taps = (taps / taps.sum()).astype(np.float32)
    margin = 2 * factor
    padded = wrap_pad(image, margin)
    h, w = image.shape[0] // factor, image.shape[1] // factor
    starts = margin + reach
    rows = sum(tap * padded[start : start + h * factor : factor] for start, tap in zip(starts, taps, strict=True))
    return sum(tap * rows[:, start : start + w * factor : factor] for start, tap in zip(starts, taps, strict=True))


def wrap_pad(image: np.ndarray, margin: int) -> np.ndarray:
    """`image` with `margin` pixels of the far side around it."""
    return cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_WRAP)


def blur(image: np.ndarray, sigma_px: float) -> np.ndarray:
    """Gaussian blur of a float32 image (H, W[, C]) on the torus."""
    margin = min(int(3 * sigma_px + 1), *image.shape[:2])
    blurred = cv2.GaussianBlur(wrap_pad(image, margin), (0, 0), sigma_px)
    return np.ascontiguousarray(blurred[margin:-margin, margin:-margin])


def gradient(field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(d/dx, d/dy) per pixel, y downwards: central differences."""
    dx = (np.roll(field, -1, axis=1) - np.roll(field, 1, axis=1)) * np.float32(0.5)
    dy = (np.roll(field, -1, axis=0) - np.roll(field, 1, axis=0)) * np.float32(0.5)
    return dx, dy


def normals(height_mm: np.ndarray, *, px_per_mm: tuple[float, float]) -> np.ndarray:
    """float32 (H, W, 3) unit normals (+X right, +Y up, +Z to the viewer) of a height field; `px_per_mm` is (x, y)."""
    dx, dy = gradient(height_mm)
    slope = np.dstack([-dx * np.float32(px_per_mm[0]), dy * np.float32(px_per_mm[1]), np.ones_like(height_mm)])
    return slope / np.linalg.norm(slope, axis=2, keepdims=True)


def _spline_basis(samples: int, knots: int) -> np.ndarray:
    """float32 (samples, knots): periodic cubic B-spline weights of every knot at every sample."""
    at = (np.arange(samples) + 0.5) * knots / samples
    away = np.abs((at[:, None] - np.arange(knots) + knots / 2) % knots - knots / 2)
    near = (4.0 - 6.0 * away**2 + 3.0 * away**3) / 6.0
    return np.where(away < 1.0, near, np.clip(2.0 - away, 0.0, None) ** 3 / 6.0).astype(np.float32)


def _mitchell(x: np.ndarray) -> np.ndarray:
    """Their filter with B = C = 1/3."""
    x = np.abs(x)
    near = (21.0 * x**3 - 36.0 * x**2 + 16.0) / 18.0
    far = (-7.0 * x**3 + 36.0 * x**2 - 60.0 * x + 32.0) / 18.0
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))
