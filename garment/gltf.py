"""A made-up garment as a GLB file: to be turned and lit in a page, or taken into any 3D viewer.

Owns the glTF 2.0 around its surfaces; must not know how they come by their depth. Lengths are metres, as glTF has them.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from fabric.packages.description import GENERATOR
from garment.garment import Garment
from garment.solid import Surface, surfaces
from utils.glb import Glb

_LINEAR, _MIPMAPS, _CLAMP = 9729, 9987, 33071
_ROUGHNESS = 0.82  # of worsted; what shines on a jacket, silk and horn, has its light drawn in
_SHEEN, _SHEEN_ROUGHNESS = 0.12, 0.6
_QUICKLY = (cv2.IMWRITE_PNG_COMPRESSION, 3)


def garment_glb(garment: Garment, *, name: str) -> bytes:
    """The file: a mesh and a material for each piece, the pit of the neck in the origin, the front towards +z."""
    file = Glb()
    meshes, materials, pictures = [], [], []
    for surface in surfaces(garment):
        materials.append(_material(surface, first=len(pictures)))
        meshes.append({"name": surface.name, "primitives": [_primitive(file, surface, material=len(meshes))]})
        pictures += _pictures(file, surface)
    content = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "extensionsUsed": ["KHR_materials_sheen"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [
            {"name": name, "children": list(range(1, len(meshes) + 1))},
            *({"name": mesh["name"], "mesh": index} for index, mesh in enumerate(meshes)),
        ],
        "meshes": meshes,
        "materials": materials,
        "textures": [{"sampler": 0, "source": picture} for picture in pictures],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}],
    }
    return file.file(content)


def _primitive(file: Glb, surface: Surface, *, material: int) -> dict[str, Any]:
    attributes = {
        "POSITION": file.vertices(surface.positions / np.float32(1000), bounds=True),
        "NORMAL": file.vertices(surface.normals),
        "TANGENT": file.vertices(surface.tangents),
        "TEXCOORD_0": file.vertices(surface.uv),
    }
    return {"attributes": attributes, "indices": file.indices(surface.triangles.ravel()), "material": material}


def _material(surface: Surface, *, first: int) -> dict[str, Any]:
    return {
        "name": surface.name,
        "doubleSided": True,
        "alphaMode": "MASK",
        "pbrMetallicRoughness": {
            "baseColorTexture": {"index": first},
            "metallicFactor": 0.0,
            "roughnessFactor": _ROUGHNESS,
        },
        "normalTexture": {"index": first + 1},
        "occlusionTexture": {"index": first + 2},
        "extensions": {
            "KHR_materials_sheen": {"sheenColorFactor": [_SHEEN] * 3, "sheenRoughnessFactor": _SHEEN_ROUGHNESS}
        },
    }


def _pictures(file: Glb, surface: Surface) -> list[int]:
    """Colour, normals and occlusion, in this order."""
    views = {
        "colour": cv2.cvtColor(surface.colour, cv2.COLOR_RGBA2BGRA),
        "relief": cv2.cvtColor(surface.relief, cv2.COLOR_RGB2BGR),
        "occlusion": surface.occlusion,
    }
    return [
        file.image(f"{surface.name} {name}", cv2.imencode(".png", pixels, _QUICKLY)[1].tobytes(), mime_type="image/png")
        for name, pixels in views.items()
    ]
