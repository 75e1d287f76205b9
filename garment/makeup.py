"""Making up: a cut and its cloths become a garment, ready to be draped.

Owns sampling cloth at true scale and bending its texture into the garment's surface; must not know bodies or frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.material import Material
from garment.cut import Cut, CutPiece, Panel
from garment.garment import Garment, Piece
from garment.relief import pack

_HORN = (52, 41, 34)


@dataclass(frozen=True)
class _Tile:
    """A material resampled to twice the canonical resolution and band-limited to it."""

    albedo: np.ndarray
    slope: np.ndarray
    scale: tuple[float, float]
    mean: np.ndarray


def make_up(cut: Cut, *, suiting: Material, shirting: Material, tie: Material, px_per_mm: float = 2.0) -> Garment:
    """Make the cut up in these cloths, at `px_per_mm` or the cut's own resolution, whichever is less."""
    tiles = {
        "suiting": _tile(suiting, px_per_mm=cut.px_per_mm),
        "shirting": _tile(shirting, px_per_mm=cut.px_per_mm),
        "tie": _tile(tie, px_per_mm=cut.px_per_mm),
    }
    pieces = {name: _piece(piece, tiles) for name, piece in cut.pieces.items()}
    return Garment(id=f"{cut.id}/{suiting.id}", pieces=pieces, px_per_mm=cut.px_per_mm)


def _tile(material: Material, *, px_per_mm: float) -> _Tile:
    h, w = material.albedo.shape[:2]
    size = [max(8, round(mm * px_per_mm * 2.0)) for mm in material.size_mm]
    wh = (min(size[0], w), min(size[1], h))
    linear = _to_linear(material.albedo)
    pad = 16
    linear = cv2.copyMakeBorder(linear, pad, pad, pad, pad, cv2.BORDER_WRAP)
    sigma = (0.5 * w / (material.size_mm[0] * px_per_mm), 0.5 * h / (material.size_mm[1] * px_per_mm))
    normal = material.normal
    slope = np.dstack([-normal[..., 0], normal[..., 1]]) / np.maximum(normal[..., 2:], 0.2)
    slope = cv2.copyMakeBorder(slope.astype(np.float32), pad, pad, pad, pad, cv2.BORDER_WRAP)
    out = []
    for image in (linear, slope):
        image = cv2.GaussianBlur(image, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])[pad:-pad, pad:-pad]
        out.append(cv2.resize(image, wh, interpolation=cv2.INTER_AREA))
    mean = _to_srgb(_to_linear(material.albedo).reshape(-1, 3).mean(axis=0)[None, None])[0, 0]
    return _Tile(
        _wrap(_to_srgb(out[0])), _wrap(out[1]), (wh[0] / material.size_mm[0], wh[1] / material.size_mm[1]), mean
    )


def _wrap(image: np.ndarray) -> np.ndarray:
    return cv2.copyMakeBorder(image, 0, 1, 0, 1, cv2.BORDER_WRAP)


def _to_linear(srgb: np.ndarray) -> np.ndarray:
    table = np.arange(256, dtype=np.float32) / 255.0
    table = np.where(table <= 0.04045, table / 12.92, ((table + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table[srgb]


def _to_srgb(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255.0).astype(np.uint8)


def _piece(piece: CutPiece, tiles: dict[str, _Tile]) -> Piece:
    h, w = piece.alpha.shape
    colour = np.empty((h, w, 3), np.uint8)
    colour[:] = tiles["suiting"].mean
    slope = piece.slope.astype(np.float32)
    for panel in piece.panels:
        _lay(panel, tiles, colour, slope)
    return Piece(
        name=piece.name,
        albedo=np.dstack([colour, piece.alpha]),
        relief=pack(slope, piece.occlusion),
        anchors=dict(piece.anchors),
    )


def _lay(panel: Panel, tiles: dict[str, _Tile], colour: np.ndarray, slope: np.ndarray) -> None:
    x, y = panel.xy
    h, w = panel.alpha.shape
    at = (slice(y, y + h), slice(x, x + w))
    alpha = panel.alpha.astype(np.float32)[..., None] * np.float32(1 / 255)
    tile = tiles.get(panel.cloth)
    if tile is None:
        cloth = np.broadcast_to(_plain(panel, tiles), (h, w, 3))
    else:
        map_x = np.mod(panel.uv[..., 0] * np.float32(tile.scale[0]), tile.albedo.shape[1] - 1)
        map_y = np.mod(panel.uv[..., 1] * np.float32(tile.scale[1]), tile.albedo.shape[0] - 1)
        cloth = cv2.remap(tile.albedo, map_x, map_y, cv2.INTER_LINEAR)
        fine = cv2.remap(tile.slope, map_x, map_y, cv2.INTER_LINEAR)
        cos, sin = panel.grain[..., 0].astype(np.float32), panel.grain[..., 1].astype(np.float32)
        turned = np.dstack([fine[..., 0] * cos - fine[..., 1] * sin, fine[..., 0] * sin + fine[..., 1] * cos])
        slope[at] += turned * alpha
    blend = colour[at] + (cloth.astype(np.float32) - colour[at]) * alpha
    colour[at] = np.round(blend).astype(np.uint8)


def _plain(panel: Panel, tiles: dict[str, _Tile]) -> np.ndarray:
    suiting = tiles["suiting"].mean.astype(np.float32)
    if panel.cloth == "horn":
        base = np.array(_HORN, np.float32)
    elif panel.cloth == "lining":
        base = suiting * 0.5 + 18.0
    else:
        base = suiting * 0.72
    if panel.tone is None:
        return base
    return np.clip(base * (panel.tone[..., None].astype(np.float32) / 128.0), 0, 255)
