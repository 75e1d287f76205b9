"""GLB files taken apart, and held against Khronos's own validator. Owns both; must not know what is in them."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WEB = Path(__file__).parents[1] / "web"
VALIDATE = """
const validator = require("gltf-validator");
const file = new Uint8Array(require("fs").readFileSync(0));
validator.validateBytes(file, { maxIssues: 0 }).then(
  (report) => process.stdout.write(JSON.stringify(report)),
  (error) => { process.stderr.write(String(error)); process.exit(1); },
);
"""
KINDS = {5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def taken_apart(file: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON and the binary chunk; their frame is checked."""
    magic, version, length = struct.unpack_from("<4sII", file)
    assert (magic, version, length) == (b"glTF", 2, len(file))
    text_length, kind = struct.unpack_from("<I4s", file, 12)
    assert (kind, text_length % 4) == (b"JSON", 0)
    data_length, kind = struct.unpack_from("<I4s", file, 20 + text_length)
    assert (kind, data_length % 4) == (b"BIN\0", 0)
    assert 28 + text_length + data_length == len(file)
    return json.loads(file[20 : 20 + text_length]), file[28 + text_length :]


def array(content: dict[str, Any], data: bytes, index: int) -> np.ndarray:
    """An accessor's values, (N, C)."""
    about = content["accessors"][index]
    view = content["bufferViews"][about["bufferView"]]
    assert view["byteOffset"] % 4 == 0
    kind, width = KINDS[about["componentType"]], WIDTHS[about["type"]]
    assert view["byteLength"] == about["count"] * width * np.dtype(kind).itemsize
    return np.frombuffer(data, kind, about["count"] * width, view["byteOffset"]).reshape(-1, width)


def mesh(file: bytes, number: int = 0) -> dict[str, np.ndarray]:
    """The attributes of a mesh by name, and its `indices` as (M, 3)."""
    content, data = taken_apart(file)
    primitive = content["meshes"][number]["primitives"][0]
    found = {name: array(content, data, index) for name, index in primitive["attributes"].items()}
    return {**found, "indices": array(content, data, primitive["indices"]).reshape(-1, 3)}


def validated(file: bytes) -> dict[str, Any]:
    """What Khronos's validator says of a file."""
    if not (WEB / "node_modules/gltf-validator").is_dir():
        if os.environ.get("CI"):
            pytest.fail("web/node_modules is not installed")
        pytest.skip("web/node_modules has no gltf-validator: run `npm ci` in web/")
    node = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    done = subprocess.run([node, "-e", VALIDATE], input=file, capture_output=True, cwd=WEB, timeout=60, check=True)
    return json.loads(done.stdout)
