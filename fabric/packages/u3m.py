"""U3M 1.1, the material format of apparel design programs: a folder, and the same as one `.u3ma` file.

Owns the fields of the `.u3m` file and the layout of its folder; must not know where a cloth came from. The format is
Vizoo's (github.com/vizoogmbh/u3m, BSD-3): u3m1.1/spec/u3m_schema.json and the notes beside it. Every field is written,
because every field is required; where nothing was measured it holds the format's own default and no texture. Scalar
maps are written as RGB, since grey PNGs are not among the formats that every reader must know.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from datetime import UTC
from typing import Any

from fabric.entries import slug_of
from fabric.material import Material
from fabric.packages.archive import pack
from fabric.packages.contents import Contents
from fabric.packages.pictures import code_map, write_png
from fabric.swatch import swatch
from utils.colour import mean_srgb8

SCHEMA = "1.1"
FILE = "material.u3m"
_MM_PER_INCH = 25.4
_PREVIEW_PX, _PREVIEW_MM = 512, 60.0
_PATHS = {
    "basecolor": ("albedo", "textures/basecolor.png"),
    "normal": ("normal", "textures/normal.png"),
    "roughness": ("roughness", "textures/roughness.png"),
    "displacement": ("height", "textures/displacement.png"),
}
_PREVIEW = "textures/preview.png"
_NUMBERS = {
    # What a photo does not tell, at the format's defaults.
    **dict.fromkeys(("anisotropy_value", "anisotropy_rotation", "clearcoat_value", "clearcoat_roughness"), 0.0),
    **dict.fromkeys(("sheen_tint", "specular_tint", "subsurface_radius", "subsurface_value", "transmission"), 0.0),
    "ior": 1.4,
    "specular_value": 0.5,
}
_UP = {"x": 0.0, "y": 0.0, "z": 1.0}
_WHITE = {"r": 1.0, "g": 1.0, "b": 1.0}


def u3ma(contents: Contents) -> bytes:
    """The `.u3ma` file. Raises InputError: scale_unknown."""
    return pack(u3m_folder(contents), made=contents.made)


def u3m_zip(contents: Contents) -> bytes:
    """The folder in an ordinary zip, under the cloth's name. Raises InputError: scale_unknown."""
    folder = f"{slug_of(contents.name)}-u3m"  # the ending keeps it clear of names that Windows reserves
    return pack({f"{folder}/{path}": data for path, data in u3m_folder(contents).items()}, made=contents.made)


def u3m_folder(contents: Contents) -> dict[str, bytes]:
    """Files by their paths in the folder. Raises InputError: scale_unknown."""
    contents.known_size_mm()
    files = {path: code_map(contents, name, rgb=True) for name, path in _PATHS.values()}
    files[_PREVIEW] = _preview(contents)
    moment = contents.made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    content = {
        "schema": SCHEMA,
        "custom": None,
        "material": {
            "id": _id(contents, files),
            "name": contents.name,
            "description": "",
            "created": moment,
            "modified": moment,
            "front": _front(contents),
            "back": None,
            "side": None,
            "physics": None,
            "metadata": None,
        },
    }
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    return {FILE: text.encode(), **files}


def _front(contents: Contents) -> dict[str, Any]:
    """The look of the right side. A constant stands in where a program cannot use its texture: the texture's mean."""
    low, high = contents.height_range_mm
    red, green, blue = (round(float(value) / 255.0, 4) for value in mean_srgb8(contents.albedo))
    return {
        "shader": "principled",
        "preview": _image(contents, _PREVIEW, spans_mm=(_PREVIEW_MM, _PREVIEW_MM), px=(_PREVIEW_PX, _PREVIEW_PX)),
        "basecolor": {
            "constant": {"r": red, "g": green, "b": blue},
            "texture": {"mode": "multiply", "factor": dict(_WHITE), "image": _texture(contents, "basecolor")},
        },
        "normal": {"constant": dict(_UP), "texture": {"scale": 1.0, "image": _texture(contents, "normal")}},
        "roughness": {
            "constant": round(float(contents.roughness.mean()), 4),
            "texture": {"factor": 1.0, "offset": 0.0, "image": _texture(contents, "roughness")},
        },
        # Value = offset + pixel * factor, pixels in [0, 1]: so these two are millimetres.
        "displacement": {
            "constant": round(float(contents.height_mm.mean()), 4),
            "texture": {
                "factor": round(high - low, 5),
                "offset": round(low, 5),
                "image": _texture(contents, "displacement"),
            },
        },
        "alpha": _number(contents.opacity),
        "metalness": _number(contents.metalness),
        "sheen_value": _number(contents.sheen),
        "clearcoat_normal": {"constant": dict(_UP), "texture": None},
        "subsurface_color": {"constant": dict(_WHITE), "texture": None},
        **{name: _number(value) for name, value in _NUMBERS.items()},
    }


def _number(value: float) -> dict[str, Any]:
    return {"constant": round(float(value), 4), "texture": None}


def _texture(contents: Contents, field: str) -> dict[str, Any]:
    image = _image(contents, _PATHS[field][1], spans_mm=contents.known_size_mm(), px=contents.size_px)
    return {**image, "repeat": {"mode": "normal", "rotation": 0.0}}


def _image(contents: Contents, path: str, *, spans_mm: tuple[float, float], px: tuple[int, int]) -> dict[str, Any]:
    """Its resolution must agree with its size, and with what the picture says of itself."""
    x, y = (round(_MM_PER_INCH * count / length, 4) for count, length in zip(px, spans_mm, strict=True))
    width, height = (round(length, 4) for length in spans_mm)
    return {"path": path, "width": width, "height": height, "dpi": {"x": x, "y": y}}


def _preview(contents: Contents) -> bytes:
    """The cloth under a lamp, as people see it."""
    material = Material(
        id="preview",
        name=contents.name,
        albedo=contents.albedo,
        normal=contents.normal,
        height=contents.height_mm,
        roughness=contents.roughness,
        size_mm=contents.known_size_mm(),
        sheen=contents.sheen,
    )
    pixels = swatch(material, size_px=_PREVIEW_PX, mm=_PREVIEW_MM)
    return write_png(pixels[..., ::-1].copy(), srgb=True, px_per_mm=(_PREVIEW_PX / _PREVIEW_MM,) * 2)


def _id(contents: Contents, files: dict[str, bytes]) -> str:
    """A UUID of version 4 drawn from what is packed: the same cloth has the same id wherever it goes."""
    digest = hashlib.sha256(f"{contents.name}\0{contents.size_mm}".encode())
    for data in files.values():
        digest.update(hashlib.sha256(data).digest())
    return str(uuid.UUID(bytes=digest.digest()[:16], version=4))
