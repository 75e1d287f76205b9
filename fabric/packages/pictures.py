"""The maps as PNG files that any program reads.

Owns how each map is coded and what its file says of itself: its colour space, and how many pixels go to a metre. Must
not know packages. The same maps make the same bytes. The coding is that of fabric/scanned.py.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

import cv2
import numpy as np

from fabric.packages.contents import Contents


@dataclass(frozen=True)
class Coding:
    """How a map is written."""

    channels: str
    bits: int
    colour_space: str | None
    """None: the values are figures, not colours, and no program may convert them."""


CODINGS = MappingProxyType(
    {
        "albedo": Coding("RGB", 8, "sRGB"),
        "normal": Coding("RGB", 8, None),
        "height": Coding("grey", 16, None),
        "roughness": Coding("grey", 8, None),
        "ao": Coding("grey", 8, None),
        "metalness": Coding("grey", 8, None),
        "opacity": Coding("grey", 8, None),
        "orm": Coding("RGB", 8, None),
    }
)
"""Every map, in the order in which they are listed."""

# Run-length coding after the filter: a third quicker than matching, and cloth's noise leaves nothing to match.
_QUICK = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
_HEADER_END = 33  # the signature and IHDR, which must come first
_PERCEPTUAL, _GAMMA = 0, 45455


def code_maps(contents: Contents, *, directx: bool = False) -> dict[str, bytes]:
    """PNG files by name of the map. `directx` turns the normals' green over (+Y down)."""
    return {name: code_map(contents, name, directx=directx) for name in CODINGS}


def code_map(contents: Contents, name: str, *, directx: bool = False, rgb: bool = False) -> bytes:
    """One of CODINGS as a PNG file; `rgb` writes grey three times, for readers that know nothing else."""
    pixels = _PIXELS[name](contents)
    if name == "normal" and directx:
        pixels[..., 1] = 255 - pixels[..., 1]
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    elif rgb:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
    return write_png(pixels, srgb=CODINGS[name].colour_space == "sRGB", px_per_mm=contents.px_per_mm)


def write_png(pixels_bgr: np.ndarray, *, srgb: bool, px_per_mm: tuple[float, float] | None) -> bytes:
    """uint8 or uint16, grey (H, W) or BGR (H, W, 3)."""
    file = cv2.imencode(".png", pixels_bgr, _QUICK)[1].tobytes()
    said = b""
    if srgb:
        said += _chunk(b"sRGB", bytes([_PERCEPTUAL])) + _chunk(b"gAMA", struct.pack(">I", _GAMMA))
    if px_per_mm is not None:
        x, y = (round(1000.0 * per_mm) for per_mm in px_per_mm)
        said += _chunk(b"pHYs", struct.pack(">IIB", x, y, 1))
    return file[:_HEADER_END] + said + file[_HEADER_END:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _height(contents: Contents) -> np.ndarray:
    low, high = contents.height_range_mm
    unit = (contents.height_mm - np.float32(low)) * np.float32(65535.0 / (high - low))
    return np.clip(unit + np.float32(0.5), 0.0, 65535.0).astype(np.uint16)


def _normal(contents: Contents) -> np.ndarray:
    return cv2.convertScaleAbs(contents.normal, alpha=127.5, beta=127.5)


def _eight(unit: np.ndarray) -> np.ndarray:
    """[0, 1] to uint8, rounded and saturated."""
    return cv2.convertScaleAbs(unit, alpha=255.0)


def _even(contents: Contents, value: float) -> np.ndarray:
    return np.full(contents.roughness.shape, round(255.0 * value), np.uint8)


def _orm(contents: Contents) -> np.ndarray:
    maps = (contents.occlusion, contents.roughness)
    return cv2.merge([*map(_eight, maps), _even(contents, contents.metalness)])


_PIXELS: MappingProxyType[str, Callable[[Contents], np.ndarray]] = MappingProxyType(
    {
        "albedo": lambda contents: contents.albedo,
        "normal": _normal,
        "height": _height,
        "roughness": lambda contents: _eight(contents.roughness),
        "ao": lambda contents: _eight(contents.occlusion),
        "metalness": lambda contents: _even(contents, contents.metalness),
        "opacity": lambda contents: _even(contents, contents.opacity),
        "orm": _orm,
    }
)
