"""A GLB file: a piece of the cloth that hangs in soft folds, to be looked at in any 3D viewer or taken into a scene.

Owns the mesh and the glTF 2.0 around it, with KHR_materials_sheen and KHR_texture_transform; must not know how maps are
made. Lengths are metres, as glTF has them; the texture repeats at its physical size.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fabric.packages.contents import Contents
from fabric.packages.description import GENERATOR
from fabric.packages.pictures import code_map
from utils.colour import srgb_to_linear
from utils.images import write_image

SHEET_MM = 300.0
"""Side of the piece, along the cloth."""
_SEGMENTS = 64
_FOLD_MM, _FOLD_DEEP_MM = 125.0, 6.0  # from crest to crest along the cloth, and half of crest to valley at the hem
_SHALLOWEST = 0.35  # of the folds at the top, as a share of those at the hem
_COLOUR_QUALITY = 92
_FLOAT, _USHORT, _VERTICES, _INDICES = 5126, 5123, 34962, 34963
_LINEAR, _MIPMAPS, _REPEAT = 9729, 9987, 10497


def glb(contents: Contents) -> bytes:
    """The file. Where the size is unknown, one tile spans the piece, and `extras` of the material say so."""
    parts = _Parts()
    mesh = _hang(_SEGMENTS)
    attributes = {
        "POSITION": parts.vertices(mesh.positions, "VEC3", bounds=True),
        "NORMAL": parts.vertices(mesh.normals, "VEC3"),
        "TANGENT": parts.vertices(mesh.tangents, "VEC4"),
        "TEXCOORD_0": parts.vertices(mesh.uv, "VEC2"),
    }
    primitive = {"attributes": attributes, "indices": parts.indices(mesh.indices), "material": 0}
    bare = replace(contents, size_mm=None)  # viewers may not take a picture's own scale; the texture's transform has it
    # JPEG would break normals and packed figures; in a colour its error is far below what an eye can tell.
    for name, mime_type, data in (
        ("albedo", "image/jpeg", write_image(contents.albedo, format="jpeg", quality=_COLOUR_QUALITY)),
        ("normal", "image/png", code_map(bare, "normal")),
        ("orm", "image/png", code_map(bare, "orm")),
    ):
        parts.images.append({"name": name, "mimeType": mime_type, "bufferView": parts.view(data)})
    content = {
        "asset": {"version": "2.0", "generator": GENERATOR},
        "extensionsUsed": ["KHR_materials_sheen", "KHR_texture_transform"],
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": contents.name, "mesh": 0}],
        "meshes": [{"name": "piece of cloth", "primitives": [primitive]}],
        "materials": [_material(contents)],
        "textures": [{"sampler": 0, "source": index} for index in range(len(parts.images))],
        "samplers": [{"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _REPEAT, "wrapT": _REPEAT}],
        "images": parts.images,
        "accessors": parts.accessors,
        "bufferViews": parts.views,
        "buffers": [{"byteLength": len(parts.data)}],
    }
    return _chunks(json.dumps(content, ensure_ascii=False, allow_nan=False).encode(), bytes(parts.data))


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


class _Parts:
    """The binary chunk as it grows, and what the JSON says of it. Everything begins at a multiple of four bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.images: list[dict[str, Any]] = []

    def view(self, data: bytes, *, target: int | None = None) -> int:
        """The index of a new buffer view."""
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        self.views.append(view if target is None else {**view, "target": target})
        self.data += data + bytes(-len(data) % 4)
        return len(self.views) - 1

    def vertices(self, values: np.ndarray, kind: str, *, bounds: bool = False) -> int:
        """The index of a new accessor of float32 (N, C)."""
        said = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()} if bounds else {}
        return self._accessor(values, _FLOAT, kind, _VERTICES, said)

    def indices(self, values: np.ndarray) -> int:
        """The index of a new accessor of uint16 (N,)."""
        return self._accessor(values, _USHORT, "SCALAR", _INDICES, {})

    def _accessor(self, values: np.ndarray, component: int, kind: str, target: int, said: dict[str, Any]) -> int:
        view = self.view(values.tobytes(), target=target)
        about = {"bufferView": view, "componentType": component, "count": len(values), "type": kind}
        self.accessors.append({**about, **said})
        return len(self.accessors) - 1


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)


def _chunks(text: bytes, data: bytes) -> bytes:
    """Header, JSON and binary chunk; JSON is filled up with spaces, as the format wants it."""
    text += b" " * (-len(text) % 4)
    data += bytes(-len(data) % 4)
    total = 12 + 8 + len(text) + 8 + len(data)
    return b"".join(
        (
            struct.pack("<4sII", b"glTF", 2, total),
            struct.pack("<I4s", len(text), b"JSON"),
            text,
            struct.pack("<I4s", len(data), b"BIN\0"),
            data,
        )
    )
