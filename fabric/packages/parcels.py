"""What can be taken home of a cloth, by the name of the file.

Owns the list and material.zip; must not know how a format is written. Everything here is computed from the contents
alone: the same contents make the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from fabric.packages.archive import pack
from fabric.packages.contents import Contents
from fabric.packages.description import describe
from fabric.packages.gltf import glb
from fabric.packages.pictures import code_maps
from fabric.packages.sheet import sheet
from fabric.packages.u3m import u3m_zip, u3ma


@dataclass(frozen=True)
class Parcel:
    """A file that others can use."""

    media_type: str
    make: Callable[[Contents], bytes]
    """Raises InputError: scale_unknown, where the format needs a true size."""


def material_zip(contents: Contents, *, directx: bool = False) -> bytes:
    """The maps as PNG files and material.json. `directx` turns the normals' green over (+Y down)."""
    files = {name: (f"{name}.png", data) for name, data in code_maps(contents, directx=directx).items()}
    said = {"material.json": describe(contents, files, directx=directx)}
    return pack({**said, **dict(files.values())}, made=contents.made)


PARCELS = MappingProxyType(
    {
        "material.zip": Parcel("application/zip", material_zip),
        "material.glb": Parcel("model/gltf-binary", glb),
        "material.u3ma": Parcel("application/octet-stream", u3ma),
        "u3m.zip": Parcel("application/zip", u3m_zip),
        "sheet.png": Parcel("image/png", sheet),
    }
)
"""By file name. A sheet of a scan is better made with its photo: see fabric/packages/sheet.py."""
