"""Making up: a cut and its cloths become a garment, ready to be draped.

Owns sampling cloth at true scale and bending its texture into the garment's surface; must not know bodies or frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.material import Material
from garment.cut import SLOPE_STEPS, UV_STEPS_PER_MM, Cut, CutPiece, Panel
from garment.garment import Garment, Piece
from garment.relief import pack
from utils.colour import linear_to_srgb8, mean_srgb8, srgb_to_linear

_OVERSAMPLING = 2.0  # of a tile over the canonical pixels, so that looking it up at a slant does not blur it
_DARK_HORN, _BROWN_HORN = (38.0, 34.0, 33.0), (74.0, 52.0, 36.0)
_PEARL = (214.0, 212.0, 206.0)
_GLOSSY = 0.2  # sheen from which a cloth has a highlight of its own
_WINDOW, _SHINE = (-0.18, 0.28, 1.0), 0.075  # direction to it (x right, y up), and how bright it stands in silk
_PAD = 16  # pixels of wrap-around that filters need


@dataclass(frozen=True)
class _Tile:
    """A material, band-limited to the canonical resolution. One wrapped row and column are appended."""

    albedo: np.ndarray
    slope: np.ndarray
    px_per_mm: tuple[float, float]
    mean: np.ndarray
    sheen: float
    sharpness: float
    """Exponent of the highlight."""


def make_up(
    cut: Cut,
    *,
    suiting: Material,
    shirting: Material,
    tie: Material,
    facing: Material | None = None,
    px_per_mm: float = 2.0,
) -> Garment:
    """Make the cut up in these cloths at `px_per_mm`, at most the cut's own. The lapels are faced with `facing`, as a
    dinner jacket's are with satin, or with the suiting itself.

    Raises:
        ValueError: if `px_per_mm` is not within 0.1 and the cut's own.
    """
    if not 0.1 <= px_per_mm <= cut.px_per_mm:
        raise ValueError(f"this cut is drawn at {cut.px_per_mm} pixels per millimetre, not {px_per_mm}")
    cloths = {"suiting": suiting, "shirting": shirting, "tie": tie}
    tiles = {name: _tile(cloth, px_per_mm=cut.px_per_mm) for name, cloth in cloths.items()}
    tiles["facing"] = tiles["suiting"] if facing is None else _tile(facing, px_per_mm=cut.px_per_mm)
    colours = _plain_colours(tiles["suiting"].mean.astype(np.float32))
    pieces = {name: _piece(piece, tiles, colours) for name, piece in cut.pieces.items()}
    if px_per_mm != cut.px_per_mm:
        pieces = {name: _scaled(piece, px_per_mm / cut.px_per_mm) for name, piece in pieces.items()}
    return Garment(id=f"{cut.id}/{suiting.id}", pieces=pieces, px_per_mm=px_per_mm)


def _tile(material: Material, *, px_per_mm: float) -> _Tile:
    h, w = material.albedo.shape[:2]
    wanted = [max(4, round(mm * px_per_mm * _OVERSAMPLING)) for mm in material.size_mm]
    wh = (min(wanted[0], w), min(wanted[1], h))
    sigma = [0.42 * n / (mm * px_per_mm) for n, mm in zip((w, h), material.size_mm, strict=True)]
    slope = np.dstack([-material.normal[..., 0], material.normal[..., 1]]) / np.maximum(material.normal[..., 2:], 0.2)
    albedo, slope = (
        cv2.resize(_blurred(image, sigma), wh, interpolation=cv2.INTER_AREA)
        for image in (srgb_to_linear(material.albedo), slope.astype(np.float32))
    )
    return _Tile(
        albedo=cv2.copyMakeBorder(linear_to_srgb8(albedo), 0, 1, 0, 1, cv2.BORDER_WRAP),
        slope=cv2.copyMakeBorder(slope, 0, 1, 0, 1, cv2.BORDER_WRAP),
        px_per_mm=(wh[0] / material.size_mm[0], wh[1] / material.size_mm[1]),
        mean=mean_srgb8(material.albedo),
        sheen=material.sheen,
        sharpness=3.0 / max(float(material.roughness.mean()) ** 2, 0.01),
    )


def _blurred(image: np.ndarray, sigma: list[float]) -> np.ndarray:
    wide = cv2.copyMakeBorder(image, _PAD, _PAD, _PAD, _PAD, cv2.BORDER_WRAP)
    return cv2.GaussianBlur(wide, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])[_PAD:-_PAD, _PAD:-_PAD]


def _plain_colours(suiting: np.ndarray) -> dict[str, np.ndarray]:
    """What is not cut from a cloth takes its colour from the suiting: thread a shade deeper, horn to go with it."""
    warm = float(np.clip((suiting[0] - suiting[2]) / 40.0, 0.0, 1.0) * np.clip(suiting.mean() / 70.0, 0.0, 1.0))
    horn = np.array(_DARK_HORN) + warm * (np.array(_BROWN_HORN) - _DARK_HORN)
    pearl = np.array(_PEARL, np.float32)
    return {"thread": suiting * 0.68, "horn": horn.astype(np.float32), "pearl": pearl}


@dataclass
class _Work:
    """A piece while panels are laid on it."""

    colour: np.ndarray
    """uint8 (h, w, 3), not dimmed by coverage."""
    cover: np.ndarray
    """uint8 (h, w)."""
    slope: np.ndarray
    """float32 (h, w, 2): of the cloths alone."""


def _piece(piece: CutPiece, tiles: dict[str, _Tile], colours: dict[str, np.ndarray]) -> Piece:
    h, w = piece.alpha.shape
    work = _Work(np.empty((h, w, 3), np.uint8), np.zeros((h, w), np.uint8), np.zeros((h, w, 2), np.float32))
    work.colour[:] = tiles["suiting"].mean
    for panel in piece.panels:
        if panel.cloth in tiles:
            tile = tiles[panel.cloth]
            colour, slope = _sampled(panel, tile)
            if tile.sheen >= _GLOSSY:
                colour = _shone_on(colour, slope + _slopes(_under(panel, piece.slope)), tile)
            _lay(work, panel, colour, slope)
        else:
            _lay(work, panel, _toned(panel, colours[panel.cloth]), None)
    to, source = piece.bleed
    flat = work.colour.reshape(-1, 3)
    flat[to] = flat[source]
    work.slope += _slopes(piece.slope)
    return Piece(
        name=piece.name,
        albedo=cv2.merge([*cv2.split(work.colour), piece.alpha]),
        relief=pack(work.slope, piece.occlusion),
        anchors=dict(piece.anchors),
    )


def _sampled(panel: Panel, tile: _Tile) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (h, w, 3) colour and float32 (h, w, 2) slopes in the picture's axes."""
    rows, columns = tile.albedo.shape[0] - 1, tile.albedo.shape[1] - 1
    map_x = _wrapped(panel.uv[..., 0], tile.px_per_mm[0], columns)
    map_y = _wrapped(panel.uv[..., 1], tile.px_per_mm[1], rows)
    colour = cv2.remap(tile.albedo, map_x, map_y, cv2.INTER_LINEAR)
    across, along = cv2.split(cv2.remap(tile.slope, map_x, map_y, cv2.INTER_LINEAR))
    cos, sin = cv2.split(cv2.resize(panel.grain, map_x.shape[::-1], interpolation=cv2.INTER_LINEAR))
    return colour, cv2.merge([across * cos - along * sin, across * sin + along * cos])


def _slopes(steps: np.ndarray) -> np.ndarray:
    return np.multiply(steps, np.float32(1 / SLOPE_STEPS))


def _shone_on(colour: np.ndarray, slope: np.ndarray, tile: _Tile) -> np.ndarray:
    """uint8 (h, w, 3) with the soft light of a window on it, as silk has it in any room; wool has next to none."""
    x, y, z = np.array(_WINDOW, np.float32) / np.float32(np.linalg.norm(_WINDOW))
    facing = z - slope[..., 0] * x + slope[..., 1] * y
    facing /= cv2.sqrt(1.0 + slope[..., 0] ** 2 + slope[..., 1] ** 2)
    lobe = cv2.pow(np.maximum(facing, 0.0), tile.sharpness)
    light = np.float32(_SHINE * tile.sheen**1.5) * lobe
    return linear_to_srgb8(srgb_to_linear(colour) + light[..., None])


def _under(panel: Panel, whole: np.ndarray) -> np.ndarray:
    """The part of a piece's map that lies under a panel's window."""
    (x, y), (h, w) = panel.xy, panel.alpha.shape
    return whole[y : y + h, x : x + w]


def _wrapped(steps: np.ndarray, px_per_mm: float, period_px: int) -> np.ndarray:
    turns = steps * np.float32(px_per_mm / (period_px * UV_STEPS_PER_MM))
    turns -= np.floor(turns)
    turns *= np.float32(period_px)
    return turns


def _toned(panel: Panel, colour: np.ndarray) -> np.ndarray:
    h, w = panel.alpha.shape
    if panel.tone is None:
        return np.broadcast_to(np.round(colour).astype(np.uint8), (h, w, 3))
    return np.clip(colour * (panel.tone[..., None] * np.float32(1 / 128)) + 0.5, 0, 255).astype(np.uint8)


def _lay(work: _Work, panel: Panel, cloth: np.ndarray, slope: np.ndarray | None) -> None:
    """Blend a panel over what lies below it; only its edge needs arithmetic."""
    (x, y), (h, w) = panel.xy, panel.alpha.shape
    colour, cover, rough = (m[y : y + h, x : x + w] for m in (work.colour, work.cover, work.slope))
    edge = np.nonzero((panel.alpha > 0) & (panel.alpha < 255))
    own = panel.alpha[edge].astype(np.float32) * np.float32(1 / 255)
    both = own + cover[edge] * np.float32(1 / 255) * (1.0 - own)
    share = (own / both)[:, None]
    blended = colour[edge] + (cloth[edge] - colour[edge].astype(np.float32)) * share
    roughened = rough[edge] + ((0.0 if slope is None else slope[edge]) - rough[edge]) * share
    solid = cv2.compare(panel.alpha, 255, cv2.CMP_EQ)
    cv2.copyTo(solid, solid, cover)
    if panel.beyond is not None:
        solid = cv2.bitwise_or(solid, panel.beyond)
    cv2.copyTo(np.ascontiguousarray(cloth), solid, colour)
    cv2.copyTo(np.zeros_like(rough) if slope is None else slope, solid, rough)
    colour[edge], rough[edge], cover[edge] = np.round(blended), roughened, np.round(both * 255.0)


def _scaled(piece: Piece, factor: float) -> Piece:
    h, w = piece.albedo.shape[:2]
    wh = (round(w * factor), round(h * factor))
    sx, sy = wh[0] / w, wh[1] / h
    return Piece(
        name=piece.name,
        albedo=cv2.resize(piece.albedo, wh, interpolation=cv2.INTER_AREA),
        relief=cv2.resize(piece.relief, wh, interpolation=cv2.INTER_AREA),
        anchors={k: ((x + 0.5) * sx - 0.5, (y + 0.5) * sy - 0.5) for k, (x, y) in piece.anchors.items()},
    )
