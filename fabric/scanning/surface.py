"""What the tile's surface does to light: normals, ambient occlusion, packed maps.

Owns what follows from the tile alone; must not know photos. Everything wraps around at the edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.periodic import blur, gradient
from fabric.scanning.findings import Tile
from utils.colour import linear_to_srgb8

_STEEPEST = 1.6  # slope: what is steeper is a seam or a speck, not a thread
_HOLLOW_MM = 0.35  # depth below its surroundings at which a place sees half of the sky
_REACHES_MM = (0.25, 0.6, 1.4)


@dataclass(frozen=True)
class Surface:
    """The maps of one tile, one (H, W)."""

    albedo: np.ndarray
    """uint8 (H, W, 3), sRGB."""
    height_mm: np.ndarray
    """float32 (H, W), mean 0."""
    normal: np.ndarray
    """float32 (H, W, 3), OpenGL convention (+X right, +Y up, +Z to the viewer)."""
    roughness: np.ndarray
    """float32 (H, W) in [0, 1]."""
    occlusion: np.ndarray
    """float32 (H, W) in [0, 1]: how much of the sky is seen; 1 in the open."""


def finish_surface(tile: Tile, *, px_per_mm: tuple[float, float]) -> Surface:
    """The maps of a tile whose pixels are `px_per_mm` (x, y)."""
    height_mm, normal = smooth_relief(tile.sheet.height, px_per_mm=px_per_mm)
    return Surface(
        albedo=linear_to_srgb8(tile.sheet.albedo),
        height_mm=height_mm,
        normal=normal,
        roughness=np.clip(tile.sheet.roughness, 0.02, 1.0),
        occlusion=ambient_occlusion(height_mm, px_per_mm=px_per_mm),
    )


def smooth_relief(height: np.ndarray, *, px_per_mm: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Height, float32 (H, W) in millimetres, and its unit normals (H, W, 3), that belong to each other exactly.

    Where two pieces of cloth were joined the height may jump. Its slopes are bounded and integrated again, so that the
    jump is spread over the surroundings and no edge catches the light.
    """
    dx, dy = gradient(height)
    dx, dy = (
        np.clip(slope * np.float32(px), -_STEEPEST, _STEEPEST) for slope, px in zip((dx, dy), px_per_mm, strict=True)
    )
    whole = integrate(dx / np.float32(px_per_mm[0]), dy / np.float32(px_per_mm[1]))
    dx, dy = gradient(whole)
    x, y = dx * np.float32(-px_per_mm[0]), dy * np.float32(px_per_mm[1])
    length = np.sqrt(x * x + y * y + np.float32(1.0))
    return whole, cv2.merge([x / length, y / length, np.float32(1.0) / length])


def integrate(dx: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """float32 (H, W), mean 0: the periodic field whose central differences are nearest to `dx` and `dy`.

    Frankot and Chellappa 1988, with the frequency response of central differences in place of the derivative's.
    """
    h, w = dx.shape
    u = (1j * np.sin(2 * np.pi * np.fft.rfftfreq(w))).astype(np.complex64)[None]
    v = (1j * np.sin(2 * np.pi * np.fft.fftfreq(h))).astype(np.complex64)[:, None]
    power = np.abs(u) ** 2 + np.abs(v) ** 2
    blind = power < 1e-6  # the mean, and the checkerboards that central differences do not see
    total = np.conj(u) * np.fft.rfft2(dx) + np.conj(v) * np.fft.rfft2(dy)
    spectrum = np.where(blind, 0.0, total / np.where(blind, 1.0, power))
    return np.fft.irfft2(spectrum, s=(h, w)).astype(np.float32)


def ambient_occlusion(height_mm: np.ndarray, *, px_per_mm: tuple[float, float]) -> np.ndarray:
    """float32 (H, W): openness of each place to the sky, from how deep it lies below its surroundings near and far."""
    mean_px = float(np.sqrt(px_per_mm[0] * px_per_mm[1]))
    depth = np.zeros_like(height_mm)
    for reach in _REACHES_MM:
        sigma = reach * mean_px
        if sigma > 0.4:
            depth += np.maximum(_around(height_mm, sigma) - height_mm, 0.0) / np.float32(len(_REACHES_MM))
    return (1.0 / (1.0 + depth * np.float32(1.0 / _HOLLOW_MM) * 3.0)).astype(np.float32)


def _around(height_mm: np.ndarray, sigma_px: float) -> np.ndarray:
    """Mean height around each place, on a field made as small as so wide a mean allows."""
    h, w = height_mm.shape
    factor = min(int(sigma_px / 3.0), h // 64, w // 64)
    if factor < 2:
        return blur(height_mm, min(sigma_px, min(h, w) / 6))
    small = cv2.resize(height_mm, (w // factor, h // factor), interpolation=cv2.INTER_AREA)
    wide = blur(small, min(sigma_px / factor, min(small.shape) / 6))
    return cv2.resize(wide, (w, h), interpolation=cv2.INTER_LINEAR)


def pack_orm(surface: Surface, *, metalness: float = 0.0) -> np.ndarray:
    """uint8 (H, W, 3): occlusion, roughness and metalness, as glTF wants them."""
    metal = np.full_like(surface.roughness, metalness)
    return np.round(np.dstack([surface.occlusion, surface.roughness, metal]) * 255.0).astype(np.uint8)
