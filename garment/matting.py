"""Soft edges for rough masks. Owns the guided filter; must not know what is cut out."""

from __future__ import annotations

import cv2
import numpy as np


def refine(
    matte: np.ndarray, guide: np.ndarray, *, radius_px: int = 8, eps: float = 2e-3, shrink: int = 2
) -> np.ndarray:
    """Snap a matte to a picture's edges: guided filter on grey (He et al. 2013), subsampled (He and Sun 2015).

    Args:
        matte: float32 (H, W) in [0, 1].
        guide: float32 (H, W) in [0, 1], luminance of the same area.
        radius_px: of the window, in pixels of the full size.
        eps: variance below which an area counts as flat.
        shrink: the linear model is fitted at 1/shrink of the size and applied at the full one.

    Returns:
        float32 (H, W) in [0, 1].
    """
    height, width = matte.shape
    wh = (max(1, width // shrink), max(1, height // shrink))
    small_guide = cv2.resize(guide, wh, interpolation=cv2.INTER_AREA) if shrink > 1 else guide
    small_matte = cv2.resize(matte, wh, interpolation=cv2.INTER_AREA) if shrink > 1 else matte
    window = (2 * max(1, radius_px // shrink) + 1,) * 2
    mean_guide = cv2.blur(small_guide, window)
    mean_matte = cv2.blur(small_matte, window)
    variance = cv2.blur(small_guide * small_guide, window) - mean_guide * mean_guide
    covariance = cv2.blur(small_guide * small_matte, window) - mean_guide * mean_matte
    slope = covariance / (variance + np.float32(eps))
    offset = mean_matte - slope * mean_guide
    slope, offset = cv2.blur(slope, window), cv2.blur(offset, window)
    if shrink > 1:
        slope = cv2.resize(slope, (width, height), interpolation=cv2.INTER_LINEAR)
        offset = cv2.resize(offset, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(slope * guide + offset, 0.0, 1.0)


def steepen(matte: np.ndarray, *, low: float = 0.15, high: float = 0.85) -> np.ndarray:
    """Stretch a soft matte so that what is nearly clear is clear and what is nearly opaque is opaque."""
    return np.clip((matte - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
