"""What a cloth is, once it has been woven or scanned. Owns the dataclass; must not know where it came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Material:
    """Tileable maps of one cloth at a known physical size. All maps share one (H, W) and wrap around at the edges."""

    id: str
    name: str
    albedo: np.ndarray
    """uint8 (H, W, 3), sRGB, RGB order: reflectance without light or shadow."""
    normal: np.ndarray
    """float32 (H, W, 3), unit vectors, OpenGL convention (+X right, +Y up, +Z to the viewer)."""
    height: np.ndarray
    """float32 (H, W), millimetres above the mean plane."""
    roughness: np.ndarray
    """float32 (H, W) in [0, 1]."""
    size_mm: tuple[float, float]
    """(width, height) that the tile spans on the cloth; warp runs along the height."""
    sheen: float = 0.0
    """0 for a dry worsted, 1 for satin: strength of the grazing highlight."""
    metalness: float = 0.0
    """0 in every cloth but lurex."""
