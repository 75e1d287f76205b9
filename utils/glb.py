"""The container of a glTF 2.0 scene in one file. Owns its binary chunk and its frame; must not know what is shown."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

_FLOAT, _USHORT, _UINT, _VERTICES, _INDICES = 5126, 5123, 5125, 34962, 34963
_USHORT_MOST = 65534  # the largest index is kept for restarts


class Glb:
    """Vertices, indices and pictures as they are put in, each answered with the index that the JSON refers to it by.

    In the binary chunk everything begins at a multiple of four bytes.
    """

    def __init__(self) -> None:
        self._data = bytearray()
        self._views: list[dict[str, Any]] = []
        self._accessors: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []

    def vertices(self, values: np.ndarray, *, bounds: bool = False) -> int:
        """An attribute of N vertices, float32 (N, 2 to 4). Positions have to state their bounds."""
        said = {"min": values.min(axis=0).tolist(), "max": values.max(axis=0).tolist()} if bounds else {}
        return self._accessor(values.astype(np.float32), _FLOAT, f"VEC{values.shape[1]}", _VERTICES, said)

    def indices(self, values: np.ndarray) -> int:
        """Corners of triangles, integers (N,), in as few bytes as they need."""
        narrow = int(values.max()) <= _USHORT_MOST
        kind = (np.uint16, _USHORT) if narrow else (np.uint32, _UINT)
        return self._accessor(values.astype(kind[0]), kind[1], "SCALAR", _INDICES, {})

    def image(self, name: str, data: bytes, *, mime_type: str) -> int:
        """A picture as PNG or JPEG."""
        self._images.append({"name": name, "mimeType": mime_type, "bufferView": self._view(data)})
        return len(self._images) - 1

    def file(self, content: Mapping[str, Any]) -> bytes:
        """The whole file: header, JSON (filled up with spaces, as the format wants it), binary chunk.

        `content` is everything but the accessors, buffers and images.
        """
        whole = {
            **content,
            "images": self._images,
            "accessors": self._accessors,
            "bufferViews": self._views,
            "buffers": [{"byteLength": len(self._data)}],
        }
        text = json.dumps(whole, ensure_ascii=False, allow_nan=False).encode()
        text += b" " * (-len(text) % 4)
        data = bytes(self._data)
        return b"".join(
            (
                struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data)),
                struct.pack("<I4s", len(text), b"JSON"),
                text,
                struct.pack("<I4s", len(data), b"BIN\0"),
                data,
            )
        )

    def _view(self, data: bytes, *, target: int | None = None) -> int:
        view = {"buffer": 0, "byteOffset": len(self._data), "byteLength": len(data)}
        self._views.append(view if target is None else {**view, "target": target})
        self._data += data + bytes(-len(data) % 4)
        return len(self._views) - 1

    def _accessor(self, values: np.ndarray, component: int, kind: str, target: int, said: dict[str, Any]) -> int:
        view = self._view(values.tobytes(), target=target)
        about = {"bufferView": view, "componentType": component, "count": len(values), "type": kind}
        self._accessors.append({**about, **said})
        return len(self._accessors) - 1
