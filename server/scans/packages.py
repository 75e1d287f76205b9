"""What a kept scan can be downloaded as.

Owns the names by which an answer offers packages; how one is made is for fabric/packages/. Must not know who asks.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from fabric.packages.contents import of_pictures
from fabric.packages.parcels import PARCELS
from fabric.packages.sheet import sheet
from server.scans.messages import PackOrder
from utils.images import CAPTURE_LIMITS, read_image

FILES = MappingProxyType(
    {
        "png_zip": "material.zip",
        "glb": "material.glb",
        "u3ma": "material.u3ma",
        "u3m_zip": "u3m.zip",
        "sheet": "sheet.png",
    }
)
"""Name in `downloads` of an answer to the file's name."""
_NEED_SCALE = ("u3ma", "u3m_zip")


def files_of(*, size_mm: Any) -> dict[str, str]:
    """FILES, without those that a cloth of this size, which may be unknown, cannot be had as."""
    return {name: file for name, file in FILES.items() if size_mm is not None or name not in _NEED_SCALE}


def media_type(file: str) -> str:
    """Of one of FILES."""
    return PARCELS[file].media_type


def make_package(order: PackOrder) -> bytes:
    """Blocking, for a second. Raises InputError: scale_unknown; ConfigError: maps_missing."""
    contents = of_pictures(order.maps, name=order.name, made=order.made, findings=order.findings, **order.figures)
    if order.file == FILES["sheet"]:
        return sheet(contents, read_image(order.photo, limits=CAPTURE_LIMITS))
    return PARCELS[order.file].make(contents)
