"""Surfaces: heights to slopes, slopes to normals, and the shadows that sheets cast on each other.

Owns the relief's encoding; must not know jackets or cloth.
"""

from __future__ import annotations

import cv2
import numpy as np


def slopes(height_mm: np.ndarray, *, px_per_mm: float) -> np.ndarray:
    """float32 (h, w, 2): dz/dx and dz/dy (y down) of a height field in millimetres."""
    scale = px_per_mm / 2.0
    out = np.empty((*height_mm.shape, 2), np.float32)
    kernel = np.array([[-scale, 0.0, scale]], np.float32)
    unit = np.ones((1, 1), np.float32)
    out[..., 0] = cv2.sepFilter2D(height_mm, cv2.CV_32F, kernel, unit, borderType=cv2.BORDER_REPLICATE)
    out[..., 1] = cv2.sepFilter2D(height_mm, cv2.CV_32F, unit, kernel, borderType=cv2.BORDER_REPLICATE)
    return out


def pack(slope: np.ndarray, occlusion: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 4) relief from float32 slopes (y down) and uint8 occlusion, as `garment.garment.Piece` has it."""
    length = cv2.sqrt(1.0 + slope[..., 0] ** 2 + slope[..., 1] ** 2)
    scale = np.float32(127.0) / length
    x = cv2.convertScaleAbs(128.0 - slope[..., 0] * scale)
    y = cv2.convertScaleAbs(128.0 + slope[..., 1] * scale)
    z = cv2.convertScaleAbs(128.0 + scale)
    return cv2.merge([x, y, z, occlusion])


def unpack(relief: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals float32 (h, w, 3) with +y up, and occlusion float32 (h, w) in [0, 1]."""
    normal = (relief[..., :3].astype(np.float32) - 128.0) * np.float32(1 / 127)
    normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
    return normal, relief[..., 3].astype(np.float32) * np.float32(1 / 255)


def shadow(alpha: np.ndarray, *, reach_px: float, drop_px: float) -> np.ndarray:
    """float32 (h, w) in [0, 1]: how much of the sky a sheet hides from what lies under it, light from above."""
    if reach_px > 4.0:
        h, w = alpha.shape
        small = cv2.resize(alpha, (max(1, w // 4), max(1, h // 4)), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small, (0, 0), reach_px / 4.0, borderType=cv2.BORDER_CONSTANT)
        soft = cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR)
    else:
        soft = cv2.GaussianBlur(alpha, (0, 0), reach_px, borderType=cv2.BORDER_CONSTANT)
    return cv2.warpAffine(soft, np.float32([[1, 0, 0], [0, 1, drop_px]]), (alpha.shape[1], alpha.shape[0]))


def crevices(height_mm: np.ndarray, *, reach_px: float, strength: float) -> np.ndarray:
    """float32 (h, w) in [0, 1]: occlusion of a surface by its own surroundings, from the blurred height above it."""
    above = cv2.GaussianBlur(height_mm, (0, 0), reach_px, borderType=cv2.BORDER_REPLICATE) - height_mm
    return 1.0 / (1.0 + np.maximum(above, 0.0) * np.float32(strength))
