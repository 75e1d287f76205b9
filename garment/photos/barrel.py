"""A form for cloth of which only a photo is known. Owns the relief of photographed pieces; must not know photos.

The photo's own light has told most of the form already, so this is gentle: it turns the sides a little away.
"""

from __future__ import annotations

import cv2
import numpy as np

_OPEN, _UNDER = 255, 165  # ambient occlusion: of what lies open, and of what lies behind the neck


def barrel(shape: np.ndarray, *, bulge: float, calm: np.ndarray | None = None) -> np.ndarray:
    """uint8 (h, w, 4) relief of a barrel about the vertical under float32 (h, w) opacity.

    `bulge` is the sine by which its edges turn away; `calm` in [0, 1], (h, 2), how far each row's left and right half
    stay flat instead: where a piece goes on under another there is no edge.
    """
    first, last = _sides(shape)
    s = np.clip((np.arange(shape.shape[1])[None] - (first + last) / 2) / np.maximum((last - first) / 2, 1.0), -1, 1)
    if calm is not None:
        s = s * (1 - np.where(s < 0, calm[:, :1], calm[:, 1:]))
    x = bulge * s * np.abs(s)
    occlusion = _OPEN - 40 * s**6
    relief = np.dstack([128 + 127 * x, np.full_like(x, 128), 128 + 127 * np.sqrt(1 - x * x), occlusion])
    return np.round(relief).astype(np.uint8)


def under(hw: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w, 4): flat, and in the shade of what lies before it."""
    return np.broadcast_to(np.uint8([128, 128, 255, _UNDER]), (*hw, 4)).copy()


def _sides(shape: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float (h, 1): the left and the right edge per row, smooth, and never much narrower than most rows are."""
    h, w = shape.shape
    solid = shape > 0.5
    rows = np.flatnonzero(solid.any(1))
    if not len(rows):
        return np.zeros((h, 1)), np.full((h, 1), float(w))
    ys = np.arange(h)
    first = np.interp(ys, rows, solid.argmax(1)[rows])
    last = np.interp(ys, rows, (w - 1 - solid[:, ::-1].argmax(1))[rows])
    middle, half = (first + last) / 2, (last - first) / 2
    half = np.maximum(half, 0.85 * np.median(half[rows]))
    soft = max(h / 25, 1.0)
    middle, half = (
        cv2.GaussianBlur(v.astype(np.float32)[:, None], (1, 0), sigmaX=0.1, sigmaY=soft) for v in (middle, half)
    )
    return middle - half, middle + half
