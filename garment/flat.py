"""A picture of a garment by itself. Owns the flat lay for thumbnails; must not know draping.

The light here is the studio's, not a room's: one soft key from above and a bright sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from garment.garment import Garment, Piece
from garment.relief import unpack

_MARGIN_PX = 60


@dataclass(frozen=True)
class Light:
    """A key light and a sky, as linear intensities."""

    towards: tuple[float, float, float] = (-0.42, 0.55, 0.72)
    """Direction to the key, +x right, +y up, +z to the viewer."""
    key: float = 0.72
    sky: float = 0.42
    ground: tuple[int, int, int] = (222, 220, 216)


def render_flat(garment: Garment, *, light: Light | None = None) -> np.ndarray:
    """uint8 RGB picture of the garment on a neutral ground, its sleeves hanging as they would."""
    light = light or Light()
    torso = garment.pieces["torso"]
    h, w = torso.albedo.shape[:2]
    canvas = np.empty((h + 2 * _MARGIN_PX, w + 4 * _MARGIN_PX, 3), np.float32)
    canvas[:] = _linear(np.array(light.ground, np.uint8))
    offset = (2 * _MARGIN_PX, _MARGIN_PX)
    for name in ("back", "torso", "sleeve_left", "sleeve_right"):
        if name in garment.pieces:
            _put(canvas, garment.pieces[name], _placement(garment, name, offset), light)
    return _srgb(canvas)


def _placement(garment: Garment, name: str, offset: tuple[int, int]) -> np.ndarray:
    """2 x 3 affine from the piece to the canvas; sleeves swing out a little from the shoulder."""
    if not name.startswith("sleeve"):
        return np.float32([[1, 0, offset[0]], [0, 1, offset[1]]])
    side = name.split("_")[1]
    x, y = garment.pieces["torso"].anchors[f"shoulder_{side}"]
    turn = -0.012 if side == "left" else 0.012
    cos, sin = np.cos(turn), np.sin(turn)
    px, py = garment.pieces[name].anchors["shoulder"]
    return np.float32(
        [[cos, -sin, x + offset[0] - cos * px + sin * py], [sin, cos, y + offset[1] - sin * px - cos * py]]
    )


def _put(canvas: np.ndarray, piece: Piece, place: np.ndarray, light: Light) -> None:
    wh = canvas.shape[1::-1]
    rgba = cv2.warpAffine(piece.albedo, place, wh, flags=cv2.INTER_LINEAR)
    relief = cv2.warpAffine(piece.relief, place, wh, flags=cv2.INTER_LINEAR, borderValue=(128, 128, 255, 255))
    normal, occlusion = unpack(relief)
    turned = normal[..., :2] @ np.array([[place[0, 0], -place[1, 0]], [-place[0, 1], place[1, 1]]], np.float32)
    towards = np.array(light.towards, np.float32)
    towards /= np.linalg.norm(towards)
    lambert = np.maximum(turned @ towards[:2] + normal[..., 2] * towards[2], 0.0)
    sky = 0.5 + 0.28 * turned[..., 1] + 0.22 * normal[..., 2]
    shade = (light.key * lambert * (0.35 + 0.65 * occlusion) + light.sky * sky * occlusion)[..., None] / np.float32(
        light.key * towards[2] + light.sky * 0.72
    )
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    fall = cv2.GaussianBlur(alpha, (0, 0), 9.0)[..., None] * 0.35
    canvas *= 1.0 - fall * (1.0 - alpha)
    canvas += (_linear(rgba[..., :3]) * shade - canvas) * alpha


def _linear(srgb: np.ndarray) -> np.ndarray:
    value = srgb.astype(np.float32) / 255.0
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0.0, 1.0)
    return np.round(np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055) * 255).astype(
        np.uint8
    )
