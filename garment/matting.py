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


def contrast(rgb: np.ndarray, matte: np.ndarray, *, box: tuple[slice, slice] | None = None) -> np.ndarray:
    """The one channel of a picture in which a rough matte's inside and outside differ most: Fisher's discriminant.

    Skin before a shirt of the same brightness has no edge in grey, but it has one in some mixture of the channels.

    Args:
        rgb: uint8 (H, W, 3).
        matte: float32 (H, W) in [0, 1].
        box: rows and columns of the part that is wanted; all of the picture tells which channel it is.

    Returns:
        float32 (h, w) in [0, 1].
    """
    wanted = np.ascontiguousarray(rgb if box is None else rgb[box])
    stride = max(1, int(np.sqrt(matte.size / 1600)))
    colours = rgb[::stride, ::stride].reshape(-1, 3).astype(np.float32)
    rough = matte[::stride, ::stride].ravel()
    inside, outside = colours[rough > 0.85], colours[rough < 0.15]
    if min(len(inside), len(outside)) < 24:
        return cv2.cvtColor(wanted, cv2.COLOR_RGB2GRAY).astype(np.float32) * np.float32(1 / 255)
    means = inside.mean(0), outside.mean(0)
    spread = _covariance(inside - means[0]) + _covariance(outside - means[1]) + 20.0 * np.eye(3)
    direction = np.linalg.solve(spread, means[0] - means[1])
    high, low = means[0] @ direction, means[1] @ direction
    # The two means come to lie at 0.75 and 0.25.
    scale = 0.5 / max(float(high - low), 1e-6)
    # Plane by plane, which takes half as long as cv2.transform.
    red, green, blue = (plane.astype(np.float32) for plane in cv2.split(wanted))
    r, g, b = (direction * scale).tolist()
    channel = cv2.addWeighted(cv2.addWeighted(red, r, green, g, float(0.25 - low * scale)), 1.0, blue, b, 0.0)
    return np.clip(channel, 0.0, 1.0, out=channel)


def _covariance(centred: np.ndarray) -> np.ndarray:
    return centred.T @ centred / (len(centred) - 1)


def steepen(matte: np.ndarray, *, low: float = 0.15, high: float = 0.85) -> np.ndarray:
    """Stretch a soft matte so that what is nearly clear is clear and what is nearly opaque is opaque."""
    return np.clip((matte - np.float32(low)) * np.float32(1.0 / (high - low)), 0.0, 1.0)
