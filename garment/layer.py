"""A garment laid over one frame: the one thing that every garment source becomes.

Owns the meeting point between draping and compositing; must not know cuts, photos or poses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerPart:
    """One part of the layer, cropped to its own rectangle of the frame."""

    name: str
    """Which piece this was: back, torso, sleeve_left, fore_right, render, ..."""
    xy: tuple[int, int]
    """Top left corner in the frame, pixels; the rectangle lies inside the frame."""
    rgba: np.ndarray
    """uint8 (h, w, 4): sRGB albedo, straight alpha."""
    relief: np.ndarray | None
    """uint8 (h, w, 4): normal in the frame (128 + 127 * xyz, +y up) and occlusion; None when `rgba` is already lit."""
    spread: np.ndarray | None = None
    """uint8 (h, w): where the cloth may be carried on beyond its edge to cover old clothes that stick out (255 = yes).
    `rgba` holds the cloth's colour there under alpha 0."""


@dataclass(frozen=True)
class Layer:
    """Parts from back to front, aligned with a frame of size `hw`."""

    hw: tuple[int, int]
    parts: tuple[LayerPart, ...]

    def alpha(self) -> np.ndarray:
        """float32 (H, W) in [0, 1]: where the layer covers the frame, before anything occludes it."""
        clear = np.ones(self.hw, np.float32)
        for part in self.parts:
            x, y = part.xy
            h, w = part.rgba.shape[:2]
            clear[y : y + h, x : x + w] *= 1.0 - part.rgba[..., 3] * np.float32(1 / 255)
        return 1.0 - clear

    def flattened(self) -> np.ndarray:
        """uint8 (H, W, 4): the parts over each other, unlit, straight alpha."""
        colour = np.zeros((*self.hw, 3), np.float32)
        clear = np.ones(self.hw, np.float32)
        for part in self.parts:
            x, y = part.xy
            h, w = part.rgba.shape[:2]
            box = (slice(y, y + h), slice(x, x + w))
            alpha = part.rgba[..., 3] * np.float32(1 / 255)
            colour[box] = colour[box] * (1 - alpha[..., None]) + part.rgba[..., :3] * alpha[..., None]
            clear[box] *= 1 - alpha
        alpha = 1 - clear
        straight = colour / np.maximum(alpha, 1e-3)[..., None]
        return np.dstack([np.clip(straight + 0.5, 0, 255), alpha * 255 + 0.5]).astype(np.uint8)
