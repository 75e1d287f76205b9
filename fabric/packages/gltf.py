"""A GLB file: a piece of the cloth that hangs in soft folds, to be looked at in any 3D viewer or taken into a scene.

Owns the mesh and the glTF 2.0 around it, with KHR_materials_sheen and KHR_texture_transform; must not know how maps are
made. Lengths are metres, as glTF has them; the texture repeats at its physical size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fabric.packages.contents import Contents
from fabric.packages.description import GENERATOR
from fabric.packages.pictures import code_map
from utils.colour import srgb_to_linear
from utils.glb import Glb
from utils.images import write_image

SHEET_MM = 300.0
"""Side of the piece, along the cloth."""
_SEGMENTS = 64
_FOLD_MM, _FOLD_DEEP_MM = 125.0, 6.0  # from crest to crest along the cloth, and half of crest to valley at the hem
_SHALLOWEST = 0.35  # of the folds at the top, as a share of those at the hem
_COLOUR_QUALITY = 92
_LINEAR, _MIPMAPS, _REPEAT = 9729, 9987, 10497


def glb(contents: Contents) -> bytes:
    """The file. Where the size is unknown, one tile spans the piece, and `extras` of the material say so."""
    parts = Glb()
    mesh = _hang(_SEGMENTS)
    attributes = {
        "POSITION": parts.vertices(mesh.positions, bounds=True),
        "NORMAL": parts.vertices(mesh.normals),
        "TANGENT": parts.vertices(mesh.tangents),
        "TEXCOORD_0": parts.vertices(mesh.uv),
    }
    primitive = {"attributes": attributes, "indices": parts.indices(mesh.indices), "material": 0}
    bare = replace(contents, size_mm=None)  # viewers may not take a picture's own scale; the texture's transform has it
    # JPEG would break normals and packed figures; in a colour its error is far below what an eye can tell.
    colour = write_image(contents.albedo, format="jpeg", quality=_COLOUR_QUALITY)
    pictures = [parts.image("albedo", colour, mime_type="image/jpeg")]
    pictures += [parts.image(name, code_map(bare, name), mime_type="image/png") for name in ("normal", "orm")]
    content = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "extensionsUsed": ["KHR_materials_sheen", "KHR_texture_transform"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": contents.name, "mesh": 0}],
        "meshes": [{"name": "piece of cloth", "primitives": [primitive]}],
        "materials": [_material(contents)],
        "textures": [{"sampler": 0, "source": index} for index in pictures],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _REPEAT, "wrapT": _REPEAT}],
    }
    return parts.file(content)


def _material(contents: Contents) -> dict[str, Any]:
    size_mm = contents.size_mm
    repeats = [SHEET_MM / length for length in size_mm] if size_mm else [1.0, 1.0]

    def texture(index: int) -> dict[str, Any]:
        return {"index": index, "extensions": {"KHR_texture_transform": {"scale": repeats}}}

    mean = srgb_to_linear(contents.albedo).reshape(-1, 3).mean(axis=0)
    extras: dict[str, Any] = {"size_mm": None if size_mm is None else list(size_mm)}
    if size_mm is None:
        extras["note"] = "The true size of this cloth is not known: one tile spans the piece."
    see_through = {"alphaMode": "BLEND"} if contents.opacity < 1.0 else {}
    return {
        "name": contents.name,
        "doubleSided": True,
        **see_through,
        "pbrMetallicRoughness": {
            "baseColorFactor": [1.0, 1.0, 1.0, contents.opacity],
            "baseColorTexture": texture(0),
            "metallicRoughnessTexture": texture(2),
            "metallicFactor": 1.0 if contents.metalness > 0.0 else 0.0,
            "roughnessFactor": 1.0,
        },
        "normalTexture": texture(1),
        "occlusionTexture": texture(2),
        "extensions": {
            "KHR_materials_sheen": {
                # Light that grazes fibres goes through fewer of them: it takes on half of their colour.
                "sheenColorFactor": [round(float(contents.sheen * value**0.5), 4) for value in mean],
                "sheenRoughnessFactor": round(float(np.clip(contents.roughness.mean(), 0.1, 1.0)), 4),
            }
        },
        "extras": extras,
    }


@dataclass(frozen=True)
class _Mesh:
    """A grid of vertices, row by row from the top left, and triangles that face +Z. float32, uint16."""

    positions: np.ndarray
    normals: np.ndarray
    tangents: np.ndarray
    uv: np.ndarray
    """(0, 0) at the top left, (1, 1) at the bottom right: fractions of SHEET_MM along the cloth."""
    indices: np.ndarray


def _hang(segments: int) -> _Mesh:
    """A sheet that hangs from its upper edge, facing +Z, centre in the origin; no thread of the weft is stretched."""
    u, v = np.meshgrid(*(np.linspace(0.0, 1.0, segments + 1),) * 2)
    along = u * SHEET_MM
    pace = 2.0 * np.pi / _FOLD_MM
    deep = _FOLD_DEEP_MM * (_SHALLOWEST + (1.0 - _SHALLOWEST) * v)
    # As a thread goes forth and back by dz it gets on sideways by sqrt(ds^2 - dz^2) only.
    middles = (along[:, 1:] + along[:, :-1]) / 2.0
    steps = np.sqrt(1.0 - (deep[:, 1:] * pace * np.cos(pace * middles)) ** 2) * np.diff(along, axis=1)
    across = np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0)))
    across -= across[:, -1:] / 2.0
    place = np.dstack([across, (0.5 - v) * SHEET_MM, deep * np.sin(pace * along)])
    right, up = np.gradient(place, axis=1), -np.gradient(place, axis=0)
    facing = _unit(np.cross(right, up))
    # +Y of a normal map is up in its picture: cross(normal, tangent) is, so the handedness is +1.
    tangents = np.dstack([_unit(right - facing * (right * facing).sum(axis=2, keepdims=True)), np.ones_like(u)])
    corner = (np.arange(segments)[:, None] * (segments + 1) + np.arange(segments)).ravel()
    below = corner + segments + 1
    triangles = np.stack([corner, below, corner + 1, corner + 1, below, below + 1], axis=1)
    return _Mesh(
        positions=(place.reshape(-1, 3) / 1000.0).astype(np.float32),
        normals=facing.reshape(-1, 3).astype(np.float32),
        tangents=tangents.reshape(-1, 4).astype(np.float32),
        uv=np.dstack([u, v]).reshape(-1, 2).astype(np.float32),
        indices=triangles.ravel().astype(np.uint16),
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
