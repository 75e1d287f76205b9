"""What goes into a package: the maps of one tile, its size, and what is known of it.

Owns the dataclass and how it is made of a Material, of a scan, of stored pictures or of a fabric of the catalog; must
not know any file format that leaves the house.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import cv2
import numpy as np

from fabric.book import Fabric, make
from fabric.maps import MAP_PX_PER_MM
from fabric.material import Material
from fabric.periodic import normals
from fabric.scanned import NEEDED, Scanned, maps_missing
from fabric.scanning.surface import Surface, ambient_occlusion
from utils.errors import InputError

UNNAMED = "Unnamed cloth"
FLATTEST_MM = 0.01
"""Span of the height map of a cloth without any relief."""
_ONE_CODE = 1.0 / 255.0
_NOMINAL_MM = 50.0  # width of a tile of unknown size where a length is needed to see its hollows


@dataclass(frozen=True)
class Contents:
    """One tile that wraps around. All maps share one (H, W)."""

    name: str
    made: datetime
    """When the maps were made, with its time zone. The same contents make the same bytes, whenever they are packed."""
    albedo: np.ndarray
    """uint8 (H, W, 3), sRGB."""
    height_mm: np.ndarray
    """float32 (H, W)."""
    normal: np.ndarray
    """float32 (H, W, 3), OpenGL convention (+X right, +Y up, +Z to the viewer); unit, as far as eight bits can say."""
    roughness: np.ndarray
    """float32 (H, W) in [0, 1]."""
    occlusion: np.ndarray
    """float32 (H, W) in [0, 1]: 1 in the open."""
    size_mm: tuple[float, float] | None
    """(width, height) that the tile spans; None where nobody knows."""
    sheen: float = 0.0
    metalness: float = 0.0
    opacity: float = 1.0
    findings: Mapping[str, Any] | None = None
    """What the scanner says of it, as docs/scanner.md has it; None where that is not known, as of a woven cloth."""

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.albedo.shape[1], self.albedo.shape[0]

    @property
    def px_per_mm(self) -> tuple[float, float] | None:
        """(x, y) of the maps."""
        if self.size_mm is None:
            return None
        return self.size_px[0] / self.size_mm[0], self.size_px[1] / self.size_mm[1]

    @property
    def height_range_mm(self) -> tuple[float, float]:
        """What black and white of the height map stand for."""
        low, high = float(self.height_mm.min()), float(self.height_mm.max())
        return low, max(high, low + FLATTEST_MM)

    def known_size_mm(self) -> tuple[float, float]:
        """(width, height). Raises InputError: scale_unknown."""
        if self.size_mm is None:
            raise InputError(
                "scale_unknown",
                "this format needs the cloth's true size, and nobody has said it",
                hint="type in the swatch's or the repeat's width and height in millimetres, "
                "or take the photo again with a bank card beside the swatch",
            )
        return self.size_mm


def of_material(material: Material, *, made: datetime, findings: Mapping[str, Any] | None = None) -> Contents:
    """A cloth as the garments wear it."""
    h, w = material.height.shape
    per_mm = w / material.size_mm[0], h / material.size_mm[1]
    return Contents(
        name=_called(material.name or material.id),
        made=made,
        albedo=material.albedo,
        height_mm=material.height,
        normal=material.normal,
        roughness=material.roughness,
        occlusion=ambient_occlusion(material.height, px_per_mm=per_mm),
        size_mm=material.size_mm,
        sheen=material.sheen,
        metalness=material.metalness,
        findings=findings,
    )


def of_surface(
    surface: Surface,
    *,
    name: str,
    made: datetime,
    size_mm: tuple[float, float] | None,
    sheen: float = 0.0,
    findings: Mapping[str, Any] | None = None,
) -> Contents:
    """A finished scan."""
    return Contents(
        name=_called(name),
        made=made,
        albedo=surface.albedo,
        height_mm=surface.height_mm,
        normal=surface.normal,
        roughness=surface.roughness,
        occlusion=surface.occlusion,
        size_mm=size_mm,
        sheen=sheen,
        findings=findings,
    )


def of_pictures(
    maps: Mapping[str, bytes],
    *,
    name: str,
    made: datetime,
    size_mm: tuple[float, float] | None,
    height_range_mm: tuple[float, float],
    sheen: float = 0.0,
    metalness: float = 0.0,
    roughness: float | None = None,
    findings: Mapping[str, Any] | None = None,
) -> Contents:
    """Maps that were stored as PNG files, in the coding of fabric/scanned.py: coded again they are the same bytes.

    `roughness` is its mean, which a person may have changed. "normal" and "ao" are made of the height if they are not
    there.

    Raises:
        ConfigError: maps_missing.
    """
    if not set(NEEDED) <= set(maps):
        raise maps_missing()
    low_mm, high_mm = height_range_mm
    height_mm = np.float32(low_mm) + _unit(maps["height"]) * np.float32(high_mm - low_mm)
    rough = _unit(maps["roughness"])
    if roughness is not None and abs(roughness - rough.mean()) > _ONE_CODE:
        rough = np.clip(rough + np.float32(roughness) - rough.mean(), 0.02, 1.0)
    h, w = height_mm.shape
    width_mm, long_mm = size_mm or (_NOMINAL_MM, _NOMINAL_MM * h / w)
    per_mm = w / width_mm, h / long_mm
    if "normal" in maps:
        normal = _unit(maps["normal"]) * np.float32(2.0) - np.float32(1.0)
    else:
        normal = normals(height_mm, px_per_mm=per_mm)
    return Contents(
        name=_called(name),
        made=made,
        albedo=_decoded(maps["albedo"]),
        height_mm=height_mm,
        normal=normal,
        roughness=rough,
        occlusion=_unit(maps["ao"]) if "ao" in maps else ambient_occlusion(height_mm, px_per_mm=per_mm),
        size_mm=None if size_mm is None else (float(size_mm[0]), float(size_mm[1])),
        sheen=sheen,
        metalness=metalness,
        findings=findings,
    )


def of_fabric(fabric: Fabric, *, made: datetime) -> Contents:
    """A fabric of the catalog: woven for it, or as it was scanned. Raises ConfigError: maps_missing."""
    cloth = fabric.cloth
    if not isinstance(cloth, Scanned):
        return of_material(make(fabric, MAP_PX_PER_MM), made=made)
    return of_pictures(
        {name: cloth.map_png(name) for name, _ in cloth.maps},
        name=fabric.name,
        made=made,
        size_mm=cloth.size_mm,
        height_range_mm=cloth.height_range_mm,
        sheen=cloth.sheen,
        metalness=cloth.metalness,
        roughness=cloth.roughness,
    )


def _called(name: str) -> str:
    """One line that is never empty: formats want it so."""
    return " ".join(name.split()) or UNNAMED


def _decoded(png: bytes) -> np.ndarray:
    """uint8 or uint16, (H, W) or (H, W, 3) RGB. Raises ConfigError: maps_missing."""
    pixels = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED) if png else None
    if pixels is None:
        raise maps_missing()
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)


def _unit(png: bytes) -> np.ndarray:
    """float32 in [0, 1]."""
    pixels = _decoded(png)
    return pixels.astype(np.float32) * np.float32(1.0 / np.iinfo(pixels.dtype).max)
