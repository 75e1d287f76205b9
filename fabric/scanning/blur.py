"""How blurred a picture of cloth is. Owns the estimate; must not know what it is used for."""

from __future__ import annotations

import cv2
import numpy as np

from utils.colour import luminance

_OF_MEASURED = 0.6  # cloth has less of the finest detail than noise: by so much sharp photos of it seem more blurred


def estimate_blur_px(linear: np.ndarray) -> float:
    """Deviation in pixels of the blur of linear RGB (H, W, 3), read off its middle."""
    h, w = linear.shape[:2]
    middle = luminance(linear[h // 4 : 3 * h // 4, w // 4 : 3 * w // 4])
    return _OF_MEASURED * measure_blur(np.cbrt(np.maximum(middle, 0.0)))


def measure_blur(grey: np.ndarray) -> float:
    """Deviation in pixels of the blur of a textured picture, float32 (H, W): what it loses when it is blurred again.

    After Crete et al. 2007: a sharp picture changes a lot, a blurred one hardly. Calibrated on white noise, so it is an
    upper bound on cloth, which has less of the finest detail than noise.
    """
    again = cv2.GaussianBlur(grey, (0, 0), 1.0)
    fine = float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=0)).mean())
    kept = float(np.abs(np.diff(again, axis=1)).mean() + np.abs(np.diff(again, axis=0)).mean())
    share = np.clip(kept / max(fine, 1e-6), 0.05, 0.999)
    # Noise of blur s: its gradient falls as (s^2 + 1/4)^-1 when blurred by s more.
    return float(np.sqrt(max(share / (1.0 - share), 0.0)))
