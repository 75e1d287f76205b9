"""A fabric's maps as pictures that others can use: renderers, design programs.

Owns how a Material's maps are coded, and what has been coded lately; must not know HTTP. A scanned cloth has its own,
as they were scanned; a woven one is woven for it at MAP_PX_PER_MM. The coding is that of fabric/scanned.py.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.book import Fabric, make
from fabric.material import Material
from fabric.scanned import Scanned
from fabric.scanning.surface import Surface, ambient_occlusion, pack_orm
from utils.errors import InputError
from utils.kept import Kept

MAP_PX_PER_MM = 8.0
WOVEN_MAPS = ("albedo", "normal", "height", "roughness", "ao", "orm")
WOVEN_HEIGHT_MM = (-1.0, 1.0)
"""What black and white of a woven cloth's height map stand for: more than any yarn is thick."""
_MOST_KEPT = 4  # cloths with all their maps; one can have four megabytes of them


class Maps:
    """Maps as PNG files. Thread-safe."""

    def __init__(self) -> None:
        self._coded: Kept[str, dict[str, bytes]] = Kept(most=_MOST_KEPT)

    def png(self, fabric: Fabric, name: str) -> bytes:
        """Blocking: a woven cloth is woven first. Raises InputError: unknown_map; ConfigError: maps_missing."""
        if name not in map_names(fabric):
            known = ", ".join(map_names(fabric))
            raise InputError("unknown_map", "this cloth has no such map", hint=f"it has {known}")
        if isinstance(fabric.cloth, Scanned):
            return fabric.cloth.map_png(name)
        return self._coded.get(fabric.cloth.look, lambda: _coded(make(fabric, MAP_PX_PER_MM)))[name]


def map_names(fabric: Fabric) -> tuple[str, ...]:
    """The maps that there are of it."""
    cloth = fabric.cloth
    return tuple(name for name, _ in cloth.maps) if isinstance(cloth, Scanned) else WOVEN_MAPS


def height_range_mm(fabric: Fabric) -> tuple[float, float]:
    """What black and white of its height map stand for."""
    cloth = fabric.cloth
    return cloth.height_range_mm if isinstance(cloth, Scanned) else WOVEN_HEIGHT_MM


def _coded(material: Material) -> dict[str, bytes]:
    low_mm, high_mm = WOVEN_HEIGHT_MM
    height_mm, per_mm = material.height, tuple(np.divide(material.height.shape[::-1], material.size_mm))
    occlusion = ambient_occlusion(height_mm, px_per_mm=per_mm)
    surface = Surface(material.albedo, height_mm, material.normal, material.roughness, occlusion)
    pictures = {
        "albedo": material.albedo[..., ::-1],
        "normal": _whole((material.normal[..., ::-1] + 1.0) / 2.0, np.uint8),
        "height": _whole((material.height - low_mm) / (high_mm - low_mm), np.uint16),
        "roughness": _whole(material.roughness, np.uint8),
        "ao": _whole(occlusion, np.uint8),
        "orm": pack_orm(surface, metalness=material.metalness)[..., ::-1],
    }
    return {name: cv2.imencode(".png", picture)[1].tobytes() for name, picture in pictures.items()}


def _whole(unit: np.ndarray, kind: type[np.uint8] | type[np.uint16]) -> np.ndarray:
    """[0, 1] to all of a whole type's range."""
    return np.round(np.clip(unit, 0.0, 1.0) * np.iinfo(kind).max).astype(kind)
