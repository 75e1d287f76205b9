"""material.json: what the pictures are, and what is known of the cloth and how well.

Owns its fields (docs/materials.md explains them); must not know how pictures are coded. What is not known is null.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from fabric.packages.contents import Contents
from fabric.packages.pictures import CODINGS

GENERATOR = "Lucy"
VERSION = 1


def describe(contents: Contents, files: Mapping[str, tuple[str, bytes]], *, directx: bool = False) -> bytes:
    """JSON, in UTF-8. `files` are (file name, content) by name of the map."""
    content = {
        "format": "lucy-material",
        "version": VERSION,
        "generator": GENERATOR,
        "name": contents.name,
        "made": contents.made.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "licence": None,
        "size_px": list(contents.size_px),
        "size_mm": _rounded(contents.size_mm),
        "px_per_mm": _rounded(contents.px_per_mm),
        "sheen": round(contents.sheen, 4),
        "metalness": round(contents.metalness, 4),
        "maps": {name: _map(contents, name, *file, directx=directx) for name, file in files.items()},
        **_found(contents.findings),
    }
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _map(contents: Contents, name: str, file: str, data: bytes, *, directx: bool) -> dict[str, Any]:
    coding = CODINGS[name]
    said: dict[str, Any] = {
        "file": file,
        "sha256": hashlib.sha256(data).hexdigest(),
        "channels": coding.channels,
        "bits": coding.bits,
        "colour_space": coding.colour_space,
    }
    if name == "height":
        # Without a size the relief is that of a cloth of usual threads: its shape is known, its depth is not.
        said |= {"range_mm": list(contents.height_range_mm), "depth_known": contents.size_mm is not None}
    elif name == "normal":
        said["convention"] = "DirectX (+Y down)" if directx else "OpenGL (+Y up)"
    elif name == "orm":
        said["packed"] = {"red": "ao", "green": "roughness", "blue": "metalness"}
    return said


def _found(findings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a scan; of a cloth of the catalog nothing had to be found."""
    if findings is None:
        return {
            "source": "catalog",
            "class": None,
            "lattice": None,
            "confidence": None,
            "quality": None,
            "warnings": [],
        }
    outline, scale, light, lattice = (findings[step] for step in ("outline", "scale", "light", "lattice"))
    return {
        "source": "scan",
        "class": findings["class"],
        "lattice": {key: value for key, value in lattice.items() if key not in ("kind", "confidence")},
        "tile": findings["tile"],
        "scale_source": scale["source"],
        "colour_source": light["white_source"],
        "confidence": {
            "outline": outline["confidence"],
            "scale": scale["confidence"],
            "colour": light["confidence"],
            "repeat": lattice["confidence"],
        },
        "quality": findings["quality"],
        "warnings": list(findings["warnings"]),
    }


def _rounded(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [round(value, 4) for value in pair]
