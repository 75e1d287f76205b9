"""The raised surface of a milled and brushed cloth.

Owns the felt of loose fibres that hides the weave of a flannel; must not know how the cloth below was woven.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.periodic import blur, smooth_noise

_REACH_MM = 0.35  # how far fibres carry the colour of their yarn to its neighbours
_THICK_MM = 0.05  # of the felt at full fuzz
_DOUBLINGS = 3  # fibres are 2^3 = 8 samples long


def raise_nap(
    light: np.ndarray,
    height_mm: np.ndarray,
    *,
    rng: np.random.Generator,
    fuzz: float,
    contrast: float,
    px_per_mm: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Cover linear albedo (h, w, 3) and height (h, w) with felt; `fuzz` in [0, 1], `contrast` between its fibres."""
    hw = height_mm.shape
    felt = sum(_fibres(rng, hw, px_per_mm) for _ in range(3))
    felt += np.float32(0.3) * smooth_noise(rng, hw, cells=_cells(hw, px_per_mm * 0.6))
    felt /= max(float(felt.std()), 1e-6)
    mottle = np.exp(np.float32(contrast) * felt)
    mottle /= mottle.mean()
    cover = np.float32(0.9 * fuzz)
    smeared = blur(light, _REACH_MM * px_per_mm) * mottle[..., None]
    bed = height_mm + cover * (blur(height_mm, _REACH_MM * px_per_mm) - height_mm)
    return light + cover * (smeared - light), bed + np.float32(0.5 * _THICK_MM * fuzz) * felt


def _fibres(rng: np.random.Generator, hw: tuple[int, int], px_per_mm: float) -> np.ndarray:
    """float32 (h, w) of unit deviation: white noise smeared along a wandering direction, so that it lies in strands.

    Line integral convolution (Cabral and Leedom 1993) by doubling: each round averages the field with itself, moved
    along the flow by as much as all rounds before.
    """
    angle = np.float32(np.pi) * smooth_noise(rng, hw, cells=_cells(hw, px_per_mm * 2.5))
    flow_x, flow_y = np.cos(angle), np.sin(angle)
    column, row = np.arange(hw[1], dtype=np.float32), np.arange(hw[0], dtype=np.float32)[:, None]
    strands = rng.standard_normal(hw, dtype=np.float32)
    for step in (2.0**n for n in range(_DOUBLINGS)):
        moved_x, moved_y = column + np.float32(step) * flow_x, row + np.float32(step) * flow_y
        strands = strands + cv2.remap(strands, moved_x, moved_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return strands / max(float(strands.std()), 1e-6)


def _cells(hw: tuple[int, int], size_px: float) -> tuple[int, int]:
    return max(4, round(hw[0] / size_px)), max(4, round(hw[1] / size_px))
