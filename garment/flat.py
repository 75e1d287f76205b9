"""A picture of a garment by itself. Owns the flat lay for thumbnails; must not know draping.

The light here is the studio's, not a room's: one soft key from above and a bright sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from garment.garment import PIECES, Garment, Piece
from garment.relief import unpack
from utils.colour import linear_to_srgb8, srgb_to_linear

_MARGIN_PX = 40
_SWING = 0.02  # radians by which hanging sleeves stand off
_FALL_MM, _FALL = 4.5, 0.4  # reach and strength of the shadow on what lies below
_UNDER_ARM_MM = (60.0, 200.0)  # down a sleeve its shadow on the torso sets in between these
_CROP_MM = 26.0


@dataclass(frozen=True)
class StudioLight:
    """A key light and a sky, as linear intensities; flat cloth facing the viewer comes out at `exposure`."""

    towards: tuple[float, float, float] = (-0.45, 0.55, 0.70)
    """Direction to the key, +x right, +y up, +z to the viewer."""
    key: float = 0.72
    sky: float = 0.40
    exposure: float = 0.96
    ground: tuple[int, int, int] = (226, 224, 220)


def render_flat(garment: Garment, *, light: StudioLight | None = None) -> np.ndarray:
    """uint8 RGB picture of the garment on a neutral ground, its sleeves hanging as they would."""
    light = light or StudioLight()
    places = {name: hung(garment, name) for name in PIECES if name in garment.pieces}
    corners = np.concatenate([_corners(garment.pieces[name], place) for name, place in places.items()])
    low, high = np.floor(corners.min(axis=0)) - _MARGIN_PX, np.ceil(corners.max(axis=0)) + _MARGIN_PX
    width, height = (high - low).astype(int)
    canvas = np.empty((height, width, 3), np.float32)
    canvas[:] = srgb_to_linear(np.array(light.ground, np.uint8))
    for name, place in places.items():
        moved = place.copy()
        moved[:, 2] -= low
        _put(canvas, garment.pieces[name], moved, light, px_per_mm=garment.px_per_mm)
    return linear_to_srgb8(canvas)


def hung(garment: Garment, name: str) -> np.ndarray:
    """float32 (2, 3): the affine map from a piece's pixels to the torso's, sleeves hanging."""
    if not name.startswith("sleeve"):
        x, y = np.subtract(garment.pieces["torso"].anchors["neck"], garment.pieces[name].anchors["neck"])
        return np.float32([[1, 0, x], [0, 1, y]])
    side = name.removeprefix("sleeve_")
    x, y = garment.pieces["torso"].anchors[f"shoulder_{side}"]
    px, py = garment.pieces[name].anchors["shoulder"]
    turn = -_SWING if side == "left" else _SWING
    cos, sin = np.cos(turn), np.sin(turn)
    return np.float32([[cos, -sin, x - cos * px + sin * py], [sin, cos, y - sin * px - cos * py]])


def _corners(piece: Piece, place: np.ndarray) -> np.ndarray:
    """Corners of what can be seen of the piece, carried along."""
    x, y, w, h = cv2.boundingRect(piece.albedo[..., 3])
    corners = np.array([(x, y), (x + w, y), (x, y + h), (x + w, y + h)], np.float32)
    return corners @ place[:, :2].T + place[:, 2]


def _put(canvas: np.ndarray, piece: Piece, place: np.ndarray, light: StudioLight, *, px_per_mm: float) -> None:
    """Light the piece and lay it on the canvas, with a shadow."""
    corners = _corners(piece, place)
    margin = _CROP_MM * px_per_mm
    x0, y0 = np.maximum(np.floor(corners.min(axis=0) - margin), 0).astype(int)
    view = canvas[y0 : int(corners[:, 1].max() + margin), x0 : int(corners[:, 0].max() + margin)]
    local = place.copy()
    local[:, 2] -= (x0, y0)
    wh = view.shape[1::-1]
    rgba = cv2.warpAffine(piece.albedo, local, wh, flags=cv2.INTER_LINEAR)
    relief = cv2.warpAffine(piece.relief, local, wh, flags=cv2.INTER_LINEAR, borderValue=(128, 128, 255, 255))
    alpha = rgba[..., 3].astype(np.float32) * np.float32(1 / 255)
    casting = alpha
    if piece.name.startswith("sleeve"):
        y = local[1, 2] + piece.anchors["shoulder"][1]
        start, full = (y + mm * px_per_mm for mm in _UNDER_ARM_MM)
        casting = alpha * np.clip((np.arange(wh[1], dtype=np.float32) - start) / (full - start), 0.0, 1.0)[:, None]
    view *= (1.0 - _FALL * cv2.GaussianBlur(casting, (0, 0), _FALL_MM * px_per_mm))[..., None]
    lit = srgb_to_linear(rgba[..., :3]) * _shade(relief, local, light)[..., None]
    view += (lit - view) * alpha[..., None]


def _shade(relief: np.ndarray, place: np.ndarray, light: StudioLight) -> np.ndarray:
    """float32 (h, w): light on the cloth, 1 for flat open cloth at exposure 1."""
    normal, occlusion = unpack(relief)
    turn = np.array([[place[0, 0], -place[1, 0]], [-place[0, 1], place[1, 1]]], np.float32)
    sideways, upwards = cv2.split(normal[..., :2] @ turn)
    towards = np.array(light.towards, np.float32) / np.linalg.norm(light.towards)
    key = np.maximum(sideways * towards[0] + upwards * towards[1] + normal[..., 2] * towards[2], 0.0)
    sky = 0.74 + 0.20 * upwards + 0.26 * (normal[..., 2] - 1.0)
    level = light.key * key * (0.3 + 0.7 * occlusion) + light.sky * sky * occlusion
    return level * np.float32(light.exposure / (light.key * towards[2] + light.sky * 0.74))
