"""A cloth that was scanned: its maps lie somewhere as pictures and are brought to the scale that is asked for.

Owns how stored maps become a Material; must not know where they lie (a function reads them) nor how they were made.

    albedo      RGB, sRGB, 8 bits
    normal      RGB, 8 or 16 bits, OpenGL (+Y up): 0 is -1, the largest value is 1
    height      grey, 16 bits: 0 and 65535 are the two ends of `height_range_mm`
    roughness   grey, 8 or 16 bits: 0 to 1
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from fabric.cloth import look_of
from fabric.material import Material
from fabric.periodic import normals, wrap_pad
from utils.colour import linear_to_srgb8, srgb_to_linear
from utils.errors import ConfigError, InputError

NEEDED = ("albedo", "height", "roughness")
"""Maps without which there is no Material; normals are made of the height where they are not stored."""
_MOST_PIXELS = 16_000_000
_PAD = 4  # pixels of wrap-around that enlarging needs


@dataclass(frozen=True)
class Scanned:
    """A cloth whose maps are stored. Two with the same maps and facts are one cloth, wherever they are read from."""

    maps: tuple[tuple[str, str], ...]
    """(name of the map, key that `read` takes), sorted."""
    size_mm: tuple[float, float]
    """(width, height) of the tile."""
    height_range_mm: tuple[float, float]
    """What the height map's black and white stand for."""
    colour: str
    """ "#rrggbb" that the cloth melts into from afar, as the scanner measured it."""
    roughness: float
    metalness: float
    sheen: float
    read: Callable[[str], bytes]
    """The picture of a key. Raises ConfigError: maps_missing."""

    @cached_property
    def look(self) -> str:
        """See Cloth."""
        return look_of(
            "scanned", self.maps, self.size_mm, self.height_range_mm, self.roughness, self.metalness, self.sheen
        )

    @property
    def yarn_colours(self) -> tuple[str, ...]:
        """A scanner does not tell yarns apart."""
        return (self.colour,)

    def mean_hex(self) -> str:
        """As measured."""
        return self.colour

    def map_png(self, name: str) -> bytes:
        """The stored picture of a map that it has. Raises ConfigError: maps_missing."""
        return self.read(dict(self.maps)[name])

    def material(self, px_per_mm: float, *, id: str, name: str) -> Material:
        """The maps at `px_per_mm`, which gives way a little so that whole pixels span the tile.

        Raises:
            InputError: bad_scale, if that would be more than 16 million pixels. ConfigError: maps_missing.
        """
        hw = max(8, round(self.size_mm[1] * px_per_mm)), max(8, round(self.size_mm[0] * px_per_mm))
        if hw[0] * hw[1] > _MOST_PIXELS:
            raise InputError("bad_scale", "the repeat of this cloth is too large for so many pixels per millimetre")
        low_mm, high_mm = self.height_range_mm
        height = np.float32(low_mm) + self._unit("height", hw) * np.float32(high_mm - low_mm)
        roughness = np.clip(self._unit("roughness", hw), 0.0, 1.0)
        per_mm = hw[1] / self.size_mm[0], hw[0] / self.size_mm[1]
        return Material(
            id=id,
            name=name,
            albedo=linear_to_srgb8(_resized(srgb_to_linear(self._pixels("albedo")), hw)),
            normal=self._normal(hw) if "normal" in dict(self.maps) else normals(height, px_per_mm=per_mm),
            height=height,
            # An edited figure moves the whole map: where the cloth is rougher than elsewhere stays as scanned.
            roughness=np.clip(roughness + np.float32(self.roughness) - roughness.mean(), 0.02, 1.0),
            size_mm=self.size_mm,
            sheen=self.sheen,
            metalness=self.metalness,
        )

    def _normal(self, hw: tuple[int, int]) -> np.ndarray:
        """float32 (H, W, 3). Averaged as slopes would need 1/z; as vectors and made unit again, the error is of
        second order in the slope."""
        stored = self._pixels("normal")
        vectors = _resized(stored.astype(np.float32) * np.float32(2.0 / np.iinfo(stored.dtype).max) - 1.0, hw)
        vectors[..., 2] = np.maximum(vectors[..., 2], 1e-3)
        return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)

    def _unit(self, name: str, hw: tuple[int, int]) -> np.ndarray:
        """float32 (H, W) in [0, 1] of a grey map."""
        stored = self._pixels(name)
        grey = stored if stored.ndim == 2 else stored[..., 0]
        return _resized(grey.astype(np.float32) / np.float32(np.iinfo(stored.dtype).max), hw)

    def _pixels(self, name: str) -> np.ndarray:
        """uint8 or uint16, (H, W) or (H, W, 3) RGB."""
        pixels = cv2.imdecode(np.frombuffer(self.map_png(name), np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.dtype not in (np.uint8, np.uint16):
            raise maps_missing()
        return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels[..., :3], cv2.COLOR_BGR2RGB)


def maps_missing() -> ConfigError:
    """What there is to say when stored maps cannot be read."""
    return ConfigError(
        "maps_missing",
        "the maps of this cloth are gone or damaged",
        hint="scan the cloth again, or restore FABRIC_DIR from its backup",
    )


def _resized(tile: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float32, of the given (H, W), wrapping around as before."""
    h, w = tile.shape[:2]
    if hw == (h, w):
        return tile.astype(np.float32)
    if hw[0] <= h and hw[1] <= w:  # the areas of the new pixels share out the tile exactly: it still wraps
        return cv2.resize(tile, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    # Centres of the new pixels, looked up in a tile that goes on around its edges.
    y, x = ((np.arange(to, dtype=np.float32) + 0.5) * (of / to) - 0.5 + _PAD for to, of in zip(hw, (h, w), strict=True))
    columns, rows = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return cv2.remap(wrap_pad(tile, _PAD), columns, rows, cv2.INTER_CUBIC)
