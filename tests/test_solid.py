"""Garments as surfaces in space: the depth they were drawn with, pieces in order, light as on the flat picture."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from garment.garment import PIECES
from garment.gltf import garment_glb
from garment.relief import unpack
from garment.solid import _DEEP, Surface, surfaces
from tests.domes import DOME_PX, dome_mm, domed, tube_mm
from tests.gltf_files import mesh, taken_apart, validated


@pytest.fixture(scope="module")
def found() -> dict[str, Surface]:
    return {surface.name: surface for surface in surfaces(domed())}


def test_the_depth_is_the_one_that_was_drawn(found):
    torso = found["torso"]
    picture = np.rint(torso.positions[:, :2] * (1.0, -1.0) + (DOME_PX - 1) / 2.0).astype(int)
    inside = ((picture > 8) & (picture < DOME_PX - 9)).all(axis=1)
    drawn = dome_mm()[picture[inside, 1], picture[inside, 0]]
    error = torso.positions[inside, 2] / _DEEP - drawn
    assert inside.sum() > 500
    assert np.ptp(drawn) > 20.0
    assert np.abs(error - error.mean()).max() < 0.5


@pytest.mark.parametrize("name", ["torso", "sleeve_left"])
def test_surface_and_relief_together_are_the_normals_that_were_drawn(found, name):
    surface = found[name]
    piece = domed().pieces[name]
    h, w = surface.colour.shape[:2]
    x, y = np.rint(surface.uv * (w, h) - 0.5).astype(int).T
    x0, y0 = np.subtract(piece.drawn[:2], 3)
    drawn = unpack(piece.relief)[0][y + y0, x + x0]
    if name == "sleeve_left":  # it hangs a little askew, and its normals with it
        turn = _turn_of(surface)
        drawn = drawn @ turn.T
    left_out = (surface.relief[y, x].astype(float) - 128.0) / 127.0
    along = surface.tangents[:, :3]
    up = np.cross(surface.normals, along)
    together = left_out[:, :1] * along + left_out[:, 1:2] * up + left_out[:, 2:] * surface.normals
    together /= np.linalg.norm(together, axis=1, keepdims=True)
    inside = (x > 6) & (x < w - 7) & (y > 6) & (y < h - 7)
    assert np.linalg.norm(together - drawn, axis=1)[inside].max() < 0.03


def _turn_of(surface: Surface) -> np.ndarray:
    """By which it was turned about the viewer's axis: a column of nodes ran straight down."""
    columns = np.unique(surface.uv[:, 0])
    top, bottom = surface.positions[0], surface.positions[-len(columns)]
    angle = np.arctan2(bottom[0] - top[0], top[1] - bottom[1])
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def test_every_face_is_turned_to_the_viewer(found):
    for surface in found.values():
        a, b, c = (surface.positions[surface.triangles[:, n]] for n in range(3))
        assert (np.cross(b - a, c - a)[:, 2] > 0.0).all(), surface.name
        np.testing.assert_allclose(np.linalg.norm(surface.normals, axis=1), 1.0, atol=1e-5)
        np.testing.assert_allclose((surface.normals * surface.tangents[:, :3]).sum(axis=1), 0.0, atol=1e-5)


def test_sleeves_lie_before_the_torso_along_the_seam_and_the_back_behind_it(found):
    torso = found["torso"]
    for name, seam_x in (("sleeve_left", DOME_PX - 45.0 - 25.0), ("sleeve_right", 44.0 + 25.0)):
        sleeve = found[name]
        seam_mm = seam_x - (DOME_PX - 1) / 2.0
        near = np.abs(sleeve.positions[:, 0] - seam_mm) < 4.0
        assert near.sum() > 10
        before = [point[2] - _depth_at(torso, point[:2]) for point in sleeve.positions[near] if point[1] > -40.0]
        assert min(before) > -4.5
        assert max(before) < 8.0
    back = found["back"]
    behind = [_depth_at(torso, point[:2]) - point[2] for point in back.positions]
    assert min(behind) > 0.0


def _depth_at(surface: Surface, xy: np.ndarray) -> float:
    return float(surface.positions[np.argmin(np.hypot(*(surface.positions[:, :2] - xy).T)), 2])


def test_what_a_sleeve_head_hides_is_left_out_and_nothing_else(found):
    used = found["torso"].positions[np.unique(found["torso"].triangles)]
    under = used[:, 0] > DOME_PX - 45.0 - (DOME_PX - 1) / 2.0 + 4.0  # well beyond the seam
    armpit_y = (DOME_PX - 1) / 2.0 - 100.0
    head = under & (used[:, 1] > armpit_y + 15.0) & (used[:, 1] < armpit_y + 45.0)
    assert not head.any()
    assert (under & (used[:, 1] < armpit_y - 15.0)).any()
    whole = {s.name: s for s in surfaces(replace(domed(), pieces={"torso": domed().pieces["torso"]}))}["torso"]
    assert len(whole.triangles) > len(found["torso"].triangles)


def test_a_garment_of_one_piece_has_one_surface():
    garment = replace(domed(), pieces={"torso": domed().pieces["torso"]})
    assert [surface.name for surface in surfaces(garment)] == ["torso"]


def test_a_back_that_the_torso_does_not_meet_stays_where_it_is():
    garment = domed()
    away = replace(garment.pieces["back"], anchors=dict.fromkeys(garment.pieces["back"].anchors, (29.5, 400.0)))
    found = surfaces(replace(garment, pieces={**garment.pieces, "back": away}))
    assert all(np.isfinite(surface.positions).all() for surface in found)


def test_the_file_is_sound_by_the_khronos_validator():
    report = validated(garment_glb(domed(), name="Größe 5"))
    issues = report["issues"]
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]
    assert report["info"]["hasTextures"]


def test_the_file_holds_the_surfaces_in_metres(found):
    file = garment_glb(domed(), name="dome")
    content, _ = taken_apart(file)
    assert [one["name"] for one in content["meshes"]] == list(PIECES)
    assert json.dumps(content).count("image/png") == 3 * len(PIECES)
    for number, name in enumerate(PIECES):
        held = mesh(file, number)
        np.testing.assert_allclose(held["POSITION"] * 1000.0, found[name].positions, atol=1e-3)
        np.testing.assert_array_equal(held["indices"], found[name].triangles)
    assert tube_mm().max() < 21.0
