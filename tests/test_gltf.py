"""GLB files: whole by Khronos's own validator, true to scale, and folded without stretching the cloth."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import cv2
import numpy as np
import pytest

from fabric.draft import Draft, Yarn
from fabric.packages.contents import Contents, of_material
from fabric.packages.gltf import SHEET_MM, glb
from fabric.weave import weave
from tests.gltf_files import array, mesh, taken_apart, validated
from utils.colour import delta_e00, mean_srgb8, srgb_to_lab


@cache
def contents() -> Contents:
    ecru, blue = Yarn((("#d8d0c0", 1.0),), 0.0), Yarn((("#203060", 1.0),), 0.0)
    yarns = (("e", ecru), ("b", blue))
    draft = Draft(weave="twill_2_2", yarns=yarns, warp="6b 2e", weft="b", ends_per_cm=20.0, picks_per_cm=16.0, seed=7)
    return replace(of_material(weave(draft, 4.0, name="Größe 5"), made=datetime(2026, 3, 4, tzinfo=UTC)), sheen=0.2)


@pytest.mark.parametrize(
    "changes", [{}, {"size_mm": None}, {"metalness": 0.3, "opacity": 0.8}], ids=["usual", "unknown size", "lurex mesh"]
)
def test_the_khronos_validator_has_nothing_to_complain_of(changes):
    report = validated(glb(replace(contents(), **changes)))
    issues = report["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    assert report["info"]["hasTextures"]
    assert report["info"]["totalTriangleCount"] == 2 * 64 * 64
    # It does know a broken file: a byte of the last vertices' normals turned to nonsense.
    if not changes:
        file = bytearray(glb(contents()))
        content, data = taken_apart(bytes(file))
        view = content["bufferViews"][content["accessors"][1]["bufferView"]]
        at = len(file) - len(data) + view["byteOffset"]
        file[at : at + 12] = struct.pack("<fff", 5.0, 5.0, 5.0)
        assert validated(bytes(file))["issues"]["numErrors"] == 1


def test_the_texture_repeats_at_its_physical_size():
    material = taken_apart(glb(contents()))[0]["materials"][0]
    width, height = contents().size_mm
    textures = [material["normalTexture"], material["occlusionTexture"]]
    textures += [material["pbrMetallicRoughness"][key] for key in ("baseColorTexture", "metallicRoughnessTexture")]
    for texture in textures:
        scale = texture["extensions"]["KHR_texture_transform"]["scale"]
        assert scale == pytest.approx([SHEET_MM / width, SHEET_MM / height])
    assert material["extras"]["size_mm"] == pytest.approx([width, height])


def test_a_cloth_of_unknown_size_says_so_and_shows_one_tile():
    material = taken_apart(glb(replace(contents(), size_mm=None)))[0]["materials"][0]
    assert material["normalTexture"]["extensions"]["KHR_texture_transform"]["scale"] == [1.0, 1.0]
    assert material["extras"]["size_mm"] is None
    assert "not known" in material["extras"]["note"]


def test_the_cloth_is_folded_and_not_stretched():
    found = mesh(glb(contents()))
    place = found["POSITION"].reshape(65, 65, 3).astype(np.float64) * 1000.0
    threads = np.linalg.norm(np.diff(place, axis=1), axis=2).sum(axis=1)
    assert threads == pytest.approx(np.full(65, SHEET_MM), rel=2e-3), "weft"
    threads = np.linalg.norm(np.diff(place, axis=0), axis=2).sum(axis=0)
    assert threads == pytest.approx(np.full(65, SHEET_MM), rel=5e-3), "warp"
    assert np.ptp(place[-1, :, 2]) > 10.0, "deep at the hem"
    uv = found["TEXCOORD_0"].reshape(65, 65, 2)
    assert uv[0, 0].tolist() == [0.0, 0.0]
    assert uv[-1, -1].tolist() == [1.0, 1.0]
    assert place[0, 0, 1] > place[-1, 0, 1], "the picture's top is up"


def test_normals_and_tangents_fit_the_folds_and_the_normal_map():
    found = mesh(glb(contents()))
    normals, tangents = found["NORMAL"], found["TANGENT"]
    for vectors in (normals, tangents[:, :3]):
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(vectors)), abs=1e-5)
    assert (normals * tangents[:, :3]).sum(axis=1) == pytest.approx(np.zeros(len(normals)), abs=1e-5)
    a, b, c = (found["POSITION"][found["indices"][:, corner]] for corner in range(3))
    faces = np.cross(b - a, c - a)
    assert ((faces / np.linalg.norm(faces, axis=1)[:, None]) * normals[found["indices"][:, 0]]).sum(axis=1).min() > 0.98
    # Green of an OpenGL normal map is up in its picture, and so it must be on the cloth.
    up = np.cross(normals, tangents[:, :3]) * tangents[:, 3:]
    assert up[:, 1].min() > 0.9


def test_bounds_are_those_of_the_vertices():
    content, data = taken_apart(glb(contents()))
    index = content["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    place = array(content, data, index)
    assert content["accessors"][index]["min"] == place.min(axis=0).tolist()
    assert content["accessors"][index]["max"] == place.max(axis=0).tolist()


def test_pictures_and_sheen_are_those_of_the_cloth():
    content, data = taken_apart(glb(contents()))
    pictures = {}
    for image in content["images"]:
        view = content["bufferViews"][image["bufferView"]]
        file = np.frombuffer(data, np.uint8, view["byteLength"], view["byteOffset"])
        pictures[image["name"]] = cv2.imdecode(file, cv2.IMREAD_UNCHANGED)[..., ::-1]
    colours = (srgb_to_lab(mean_srgb8(albedo)) for albedo in (pictures["albedo"], contents().albedo))
    assert delta_e00(*colours) < 1.0
    occlusion, roughness, metalness = np.moveaxis(pictures["orm"] / 255.0, 2, 0)
    assert np.abs(roughness - contents().roughness).max() < 0.003
    assert np.abs(occlusion - contents().occlusion).max() < 0.003
    assert not metalness.any()
    material = content["materials"][0]
    assert material["pbrMetallicRoughness"]["metallicFactor"] == 0.0
    red, _, blue = material["extensions"]["KHR_materials_sheen"]["sheenColorFactor"]
    assert 0.0 < red < blue < 0.2, "a glow in the colour of the cloth"
    assert content["asset"] == {"version": "2.0", "generator": "Lucy"}
