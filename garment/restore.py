"""Bringing a generated picture back to what is known: its colour to the cloth, its surroundings to the frame.

Owns the correction; must not know what generated the picture.
"""

from __future__ import annotations

import cv2
import numpy as np

_SHRINK = 4
_REACH = 0.02  # of the picture's longer side: what is slower than this is colour, what is quicker is texture
_HOLD_LIGHTNESS = 0.6  # folds that were made anew may keep some of their own light and shade


def hold_colour(generated: np.ndarray, composite: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Give the garment in a generated picture the hue and most of the lightness that it has in the composite.

    Only what changes slowly over the picture is corrected, so that the generated texture and folds stay.

    Args:
        generated: uint8 (H, W, 3) RGB.
        composite: uint8 (H, W, 3) RGB, where the cloth has its true colour.
        alpha: uint8 (H, W), the garment's opacity; outside it the composite comes back bit for bit.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    inside = alpha > 0
    if not inside.any():
        return composite.copy()
    height, width = alpha.shape
    made, true = (
        cv2.cvtColor(image.astype(np.float32) * np.float32(1 / 255), cv2.COLOR_RGB2Lab)
        for image in (generated, composite)
    )
    wh = (max(1, width // _SHRINK), max(1, height // _SHRINK))
    weight = cv2.resize(alpha.astype(np.float32) * np.float32(1 / 255), wh, interpolation=cv2.INTER_AREA)
    off = cv2.resize(true - made, wh, interpolation=cv2.INTER_AREA) * weight[..., None]
    sigma = max(1.0, _REACH * max(height, width) / _SHRINK)
    slow = cv2.GaussianBlur(off, (0, 0), sigma) / (cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-4)[..., None]
    slow[..., 0] *= _HOLD_LIGHTNESS
    made += cv2.resize(slow, (width, height), interpolation=cv2.INTER_LINEAR)
    held = np.clip(cv2.cvtColor(made, cv2.COLOR_Lab2RGB), 0.0, 1.0) * 255.0
    share = (alpha.astype(np.float32) * np.float32(1 / 255))[..., None]
    mixed = composite + (held - composite) * share
    out = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    out[~inside] = composite[~inside]
    return out
