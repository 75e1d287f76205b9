"""A picture of cloth as a customer sees it: a true-scale piece under a soft lamp.

Owns the swatch light; must not know catalogs, garments or where the material came from.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from fabric.material import Material
from fabric.periodic import blur
from utils.colour import linear_to_srgb8, srgb_to_linear

_LAMP = (-0.55, 0.60, 0.58)  # from the upper left, raking at 35 degrees above the cloth
_FILL = 0.40  # share of the light that comes from all around
_WRAP = 0.35  # how far light creeps around fibres that face away from the lamp
_HOLLOW_MM = 0.12  # depth below its surroundings at which a place is half in the dark
_BEND = 0.22  # the piece lies over a gentle curve: slope at its edges, so that silk shows its lustre


def swatch(material: Material, *, size_px: int, mm: float) -> np.ndarray:
    """uint8 (size_px, size_px, 3) sRGB of `mm` x `mm` of the cloth; as a whole it keeps the colour of the albedo,
    but for the lustre that silk adds.

    It is crisp if the material was made at `size_px / mm` pixels per millimetre or more.
    """
    albedo = srgb_to_linear(material.albedo)
    mean = albedo.mean(axis=(0, 1))
    # Exposed as a photographer would: the paler the cloth, the softer the light, or its ridges would burn out.
    contrast = float(np.clip(1.3 / mean.max() - 1.3, 0.2, 1.0))
    lit = albedo * (1.0 + np.float32(contrast) * (_lamplight(material) - 1.0))[..., None]
    lit *= mean / lit.mean(axis=(0, 1))
    piece, normal = (_cut(maps, material.size_mm, size_px=size_px, mm=mm) for maps in (lit, material.normal))
    bent = _bend(size_px)
    shade = (1.0 + 0.5 * contrast * bent)[..., None]
    return linear_to_srgb8(np.maximum(piece, 0.0) * shade + _gloss(material, normal, bent)[..., None])


def _lamplight(material: Material) -> np.ndarray:
    """float32 (H, W): diffuse light on the relief, about 1 on the flat."""
    lamp = _unit(_LAMP)
    facing = np.maximum(material.normal @ lamp + np.float32(_WRAP), 0.0) / (lamp[2] + np.float32(_WRAP))
    px_per_mm = material.height.shape[1] / material.size_mm[0]
    depth_mm = np.maximum(blur(material.height, 0.5 * px_per_mm) - material.height, 0.0)
    light = (_FILL + (1.0 - _FILL) * facing) / (1.0 + depth_mm * np.float32(1.0 / _HOLLOW_MM))
    return light / light.mean()


def _bend(size_px: int) -> np.ndarray:
    """float32 (size, size): slope of the piece towards the lamp, mean 0."""
    line = np.linspace(1.0, -1.0, size_px, dtype=np.float32)
    return np.float32(_BEND / 2) * (line[:, None] + line)


def _gloss(material: Material, normal: np.ndarray, bent: np.ndarray) -> np.ndarray:
    """float32 (size, size): light of a window mirrored to the eye; next to none on wool, a soft band on silk."""
    tilted = normal + np.float32(1.6) * bent[..., None] * np.array([-1.0, 1.0, 0.0], np.float32)
    tilted /= np.linalg.norm(tilted, axis=2, keepdims=True)
    toward = np.maximum(tilted @ _unit((-0.16, 0.16, 1.0)), 0.0)
    lobe = np.power(toward, np.float32(3.0 / max(float(material.roughness.mean()) ** 2, 0.01)))
    return np.float32(0.03 * material.sheen**1.5) * lobe


def _unit(vector: tuple[float, float, float]) -> np.ndarray:
    return (np.array(vector) / np.linalg.norm(vector)).astype(np.float32)


def _cut(maps: np.ndarray, size_mm: tuple[float, float], *, size_px: int, mm: float) -> np.ndarray:
    """float32 (size_px, size_px, C): `mm` x `mm` of the tiled cloth."""
    h, w = maps.shape[:2]
    rows, columns = mm * h / size_mm[1], mm * w / size_mm[0]  # in pixels of the maps, seldom whole
    cloth = np.tile(maps, (math.ceil(rows / h), math.ceil(columns / w), 1))[: math.ceil(rows), : math.ceil(columns)]
    wh = round(size_px * cloth.shape[1] / columns), round(size_px * cloth.shape[0] / rows)
    smaller = wh[0] < cloth.shape[1]
    return cv2.resize(cloth, wh, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)[:size_px, :size_px]
