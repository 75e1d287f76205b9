"""Cloth on cuts: true scale, true colour, sound relief."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fabric.material import Material
from garment.cuts.catalogue import load_cut
from garment.flat import StudioLight, render_flat
from garment.garment import PIECES, Garment
from garment.makeup import make_up
from garment.pyramid import Pyramid
from garment.relief import crevices, pack, shadow, slopes, unpack
from utils.colour import delta_e00, mean_srgb8, srgb_to_lab

PERIOD_MM = 10.0


def _material(name: str, albedo: np.ndarray, size_mm: tuple[float, float]) -> Material:
    h, w = albedo.shape[:2]
    normal = np.zeros((h, w, 3), np.float32)
    normal[..., 2] = 1.0
    flat = np.zeros((h, w), np.float32)
    return Material(name, name, albedo, normal, flat, flat + 0.8, size_mm)


def _plain(name: str, rgb: tuple[int, int, int]) -> Material:
    noise = np.random.default_rng(3).normal(0.0, 2.5, (64, 64, 1))
    return _material(name, np.clip(np.array(rgb) + noise, 0, 255).astype(np.uint8), (8.0, 8.0))


def _striped() -> Material:
    """Ten millimetres from stripe to stripe, running with the warp."""
    albedo = np.full((40, 80, 3), 40, np.uint8)
    albedo[:, 36:44] = 220
    return _material("stripe", albedo, (PERIOD_MM, 5.0))


@pytest.fixture(scope="module")
def cloths() -> dict[str, Material]:
    return {"shirting": _plain("white", (238, 238, 235)), "tie": _plain("wine", (96, 22, 34))}


@pytest.fixture(scope="module")
def navy(cloths: dict[str, Material]) -> Garment:
    return make_up(load_cut("single_breasted"), suiting=_plain("navy", (34, 42, 70)), **cloths)


@pytest.fixture(scope="module")
def striped(cloths: dict[str, Material]) -> Garment:
    return make_up(load_cut("double_breasted"), suiting=_striped(), **cloths)


def _period_mm(signal: np.ndarray, px_per_mm: float) -> float:
    """Of a one-dimensional signal, from the first peak of its autocorrelation after the first dip."""
    signal = signal - signal.mean()
    size = 1 << (2 * len(signal) - 1).bit_length()
    power = np.abs(np.fft.rfft(signal, size)) ** 2
    fine = np.fft.irfft(power, size * 16)[: len(signal) * 16]
    dip = int(np.argmax(fine < 0))
    first = dip + int(np.argmax(fine[dip : dip + int(25 * px_per_mm * 16)]))
    return first / 16 / px_per_mm


def _patch(garment: Garment, piece: str, *, at_mm: tuple[float, float], size_mm: tuple[float, float]) -> np.ndarray:
    made = garment.pieces[piece]
    origin = made.anchors["neck" if piece == "torso" else "shoulder"]
    x, y = (origin[k] + at_mm[k] * garment.px_per_mm for k in (0, 1))
    w, h = (size_mm[k] * garment.px_per_mm for k in (0, 1))
    return made.albedo[round(y) : round(y + h), round(x) : round(x + w)]


def test_every_piece_is_made_up(navy: Garment):
    assert navy.id == "single_breasted/navy"
    assert set(navy.pieces) == set(PIECES)
    for name, piece in navy.pieces.items():
        assert piece.name == name
        assert piece.albedo.dtype == piece.relief.dtype == np.uint8
        assert piece.albedo.shape == piece.relief.shape
        assert np.array_equal(piece.albedo[..., 3], load_cut("single_breasted").pieces[name].alpha)


@pytest.mark.parametrize(
    ("piece", "at_mm", "size_mm"),
    [
        ("torso", (-60.0, 490.0), (130.0, 40.0)),
        ("torso", (4.0, 375.0), (90.0, 45.0)),
        ("sleeve_left", (-32.0, 400.0), (60.0, 20.0)),
    ],
)
def test_cloth_keeps_its_scale(striped: Garment, piece: str, at_mm: tuple, size_mm: tuple):
    patch = _patch(striped, piece, at_mm=at_mm, size_mm=size_mm)
    profile = patch[..., 1].astype(np.float64).mean(axis=0)
    assert _period_mm(profile, striped.px_per_mm) == pytest.approx(PERIOD_MM, rel=0.02)


def _beside(garment: Garment, piece: str, *, y_mm: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Colour (n,) and relief (n, 4) of the 45 mm outside the silhouette at one height, from the edge outwards."""
    made = garment.pieces[piece]
    y = round(made.anchors["neck" if piece == "torso" else "shoulder"][1] + y_mm * garment.px_per_mm)
    covered = np.flatnonzero(made.albedo[y, :, 3])
    x = (covered.max() + 1 if side > 0 else covered.min() - 1) + side * np.arange(round(45 * garment.px_per_mm))
    assert not made.albedo[y, x, 3].any()
    return made.albedo[y, x, 1].astype(np.float64), made.relief[y, x].astype(int)


@pytest.mark.parametrize(
    ("piece", "y_mm", "side"),
    [("sleeve_left", 420.0, 1), ("sleeve_left", 420.0, -1), ("sleeve_right", 150.0, -1), ("torso", 300.0, 1)],
)
def test_stripes_go_on_beyond_the_edge_and_turn_away(striped: Garment, piece: str, y_mm: float, side: int):
    colour, relief = _beside(striped, piece, y_mm=y_mm, side=side)
    assert _period_mm(colour, striped.px_per_mm) == pytest.approx(PERIOD_MM / 1.1, rel=0.06)
    outwards = (relief[:, 0] - 128) * side
    assert outwards[-1] > outwards[0] > 0
    assert relief[-1, 3] > 250


def test_levels_keep_the_cloth_that_goes_on(striped: Garment):
    level = Pyramid(striped).level(0.3)
    assert level.px_per_mm < 1.0
    small = Garment(id="small", pieces=level.pieces, px_per_mm=level.px_per_mm)
    for piece in ("sleeve_left", "torso"):
        colour, _ = _beside(small, piece, y_mm=300.0, side=1)
        assert np.ptp(colour) > 60


def test_stripes_hang_plumb_on_the_front_and_lean_on_the_lapel(striped: Garment):
    front = _patch(striped, "torso", at_mm=(-30.0, 480.0), size_mm=(70.0, 60.0))[..., 1].astype(np.float32)
    lapel = _patch(striped, "torso", at_mm=(80.0, 20.0), size_mm=(45.0, 60.0))[..., 1].astype(np.float32)

    def lean_degrees(patch: np.ndarray) -> float:
        dy, dx = np.gradient(patch)
        tensor = np.array([[(dx * dx).sum(), (dx * dy).sum()], [(dx * dy).sum(), (dy * dy).sum()]])
        across = np.linalg.eigh(tensor)[1][:, 1]
        return abs(np.degrees(np.arctan2(across[1], across[0])) + 90) % 180 - 90

    assert abs(lean_degrees(front)) < 2
    assert 25 < abs(lean_degrees(lapel)) < 45


def test_the_front_has_the_cloths_own_colour(navy: Garment):
    patch = _patch(navy, "torso", at_mm=(40.0, 200.0), size_mm=(50.0, 120.0))[..., :3]
    cloth = srgb_to_lab(mean_srgb8(_plain("navy", (34, 42, 70)).albedo))
    assert np.median(delta_e00(srgb_to_lab(patch), cloth)) <= 1.0


def test_lapels_may_be_faced_with_satin_that_shines(cloths: dict[str, Material]):
    matt = _plain("black", (22, 22, 24))
    satin = replace(matt, id="satin", roughness=np.full_like(matt.roughness, 0.35), sheen=0.9)
    cut = load_cut("double_breasted")
    plain, faced = (make_up(cut, suiting=matt, facing=facing, **cloths) for facing in (None, satin))
    lapel = {"piece": "torso", "at_mm": (-120.0, 0.0), "size_mm": (45.0, 120.0)}
    front = {"piece": "torso", "at_mm": (60.0, 480.0), "size_mm": (100.0, 100.0)}
    light = _patch(faced, **lapel).astype(int) - _patch(plain, **lapel)
    assert light[..., :3].max() > 25
    assert light[..., :3].min() >= 0
    assert np.ptp(light[..., :3].mean(axis=2)) > 20  # a highlight, not a lighter cloth
    assert np.array_equal(_patch(faced, **front), _patch(plain, **front))


def test_shirt_and_tie_are_cut_from_their_own_cloth(navy: Garment):
    tie = mean_srgb8(_patch(navy, "torso", at_mm=(-6.0, 90.0), size_mm=(12.0, 40.0))[..., :3])
    shirt = mean_srgb8(_patch(navy, "torso", at_mm=(24.0, 60.0), size_mm=(8.0, 20.0))[..., :3])
    assert delta_e00(srgb_to_lab(tie), srgb_to_lab(np.uint8((96, 22, 34)))) < 2
    assert delta_e00(srgb_to_lab(shirt), srgb_to_lab(np.uint8((238, 238, 235)))) < 2


def test_fine_patterns_melt_into_their_mean_instead_of_shimmering(cloths: dict[str, Material]):
    """Two hundred threads to the centimetre are finer than a canonical pixel."""
    fine = np.zeros((64, 64, 3), np.uint8)
    fine[:, ::2] = (200, 180, 160)
    fine[:, 1::2] = (20, 30, 60)
    suiting = _material("hairline", fine, (3.2, 3.2))
    patch = _patch(
        make_up(load_cut("single_breasted"), suiting=suiting, **cloths), "torso", at_mm=(40, 470), size_mm=(40, 60)
    )
    lab = srgb_to_lab(patch[..., :3])
    assert lab[..., 0].std() < 1.5
    assert np.median(delta_e00(lab, srgb_to_lab(mean_srgb8(fine)))) < 1.5


def test_colour_bleeds_outwards_where_nothing_covers(navy: Garment):
    """A warp that looks up between pixels must find cloth, not a fringe of another colour."""
    collar = navy.pieces["back"].albedo
    column = collar[:, round(navy.pieces["back"].anchors["neck"][0])]
    top = int(np.argmax(column[:, 3] > 127))
    assert column[top - 8, 3] == 0
    shirt = srgb_to_lab(np.uint8((238, 238, 235)))
    assert delta_e00(srgb_to_lab(column[top - 8 : top + 1, :3]), shirt).max() < 4


def test_edges_have_the_cloths_own_colour_and_no_fringe(navy: Garment):
    cloth = srgb_to_lab(np.uint8((34, 42, 70)))
    for name in ("sleeve_left", "torso"):
        made = navy.pieces[name]
        y = round(made.anchors["neck" if name == "torso" else "shoulder"][1] + 260 * navy.px_per_mm)
        rows = made.albedo[y : y + 40]
        partial = rows[(rows[..., 3] > 0) & (rows[..., 3] < 255)][:, :3]
        assert len(partial) > 40
        assert delta_e00(srgb_to_lab(partial), cloth).max() < 4


def test_normals_have_unit_length_and_face_the_viewer(navy: Garment):
    for piece in navy.pieces.values():
        normal = (piece.relief[..., :3].astype(np.float32) - 128.0) / 127.0
        covered = piece.albedo[..., 3] > 0
        assert np.abs(np.linalg.norm(normal, axis=2)[covered] - 1.0).max() < 0.02
        assert normal[..., 2][covered].min() > 0.02


def test_the_body_is_round(navy: Garment):
    """Left of the middle the surface faces left, right of it right; the chest's top faces up."""
    torso = navy.pieces["torso"]
    normal, _ = unpack(torso.relief)
    x, y = torso.anchors["neck"]
    row = normal[round(y + 250 * navy.px_per_mm)]
    px = navy.px_per_mm
    assert row[round(x - 190 * px) : round(x - 150 * px), 0].mean() < -0.3
    assert row[round(x + 150 * px) : round(x + 190 * px), 0].mean() > 0.3
    shoulder = normal[round(y - 10 * px) : round(y + 10 * px), round(x + 150 * px) : round(x + 190 * px), 1]
    assert shoulder.mean() > 0.3


def test_the_cloths_texture_is_bent_into_the_surface(cloths: dict[str, Material]):
    """Ribs along the warp lean the normals sideways on the front; on the lapel they lean square to its own grain."""
    ribbed = _plain("rib", (90, 90, 90))
    slope = 0.5 * np.sin(np.arange(64) / 64 * 2 * np.pi * 2, dtype=np.float32)[None].repeat(64, axis=0)
    normal = np.dstack([-slope, np.zeros_like(slope), np.ones_like(slope)])
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    ribbed = Material(
        "rib", "rib", ribbed.albedo, normal.astype(np.float32), ribbed.height, ribbed.roughness, (8.0, 8.0)
    )
    cut = load_cut("single_breasted")
    made = make_up(cut, suiting=ribbed, **cloths)
    smooth = make_up(cut, suiting=_plain("rib", (90, 90, 90)), **cloths)
    px, (x, y) = cut.px_per_mm, cut.pieces["torso"].anchors["neck"]

    def added(at_mm: tuple[float, float]) -> tuple[float, float]:
        box = (slice(round(y + at_mm[1] * px), None), slice(round(x + at_mm[0] * px), None))
        a, b = (unpack(g.pieces["torso"].relief[box][:60, :60])[0] for g in (made, smooth))
        return float((a - b)[..., 0].std()), float((a - b)[..., 1].std())

    across, down = added((40.0, 470.0))
    assert across > 0.2
    assert down < 0.35 * across
    across, down = added((80.0, 30.0))
    assert down > 0.35 * across


def test_making_up_smaller_keeps_the_anchors_in_place(navy: Garment, cloths: dict[str, Material]):
    small = make_up(load_cut("single_breasted"), suiting=_plain("navy", (34, 42, 70)), px_per_mm=0.5, **cloths)
    assert small.px_per_mm == 0.5
    for name, piece in small.pieces.items():
        assert piece.albedo.shape[0] == pytest.approx(navy.pieces[name].albedo.shape[0] / 4, abs=1)
        for anchor, (x, y) in piece.anchors.items():
            wide = navy.pieces[name].anchors[anchor]
            assert (x + 0.5) * 4 - 0.5 == pytest.approx(wide[0], abs=0.1)
            assert (y + 0.5) * 4 - 0.5 == pytest.approx(wide[1], abs=0.1)


@pytest.mark.parametrize("px_per_mm", [0.0, 4.0])
def test_a_cut_is_never_made_up_larger_than_it_was_drawn(cloths: dict[str, Material], px_per_mm: float):
    with pytest.raises(ValueError, match="pixels per millimetre"):
        make_up(load_cut("single_breasted"), suiting=_striped(), px_per_mm=px_per_mm, **cloths)


def test_the_flat_lay_shows_the_garment_on_its_ground(navy: Garment):
    light = StudioLight(ground=(200, 210, 220))
    picture = render_flat(navy, light=light)
    assert picture.dtype == np.uint8
    assert tuple(picture[2, 2]) == (200, 210, 220)
    torso = navy.pieces["torso"]
    assert (np.abs(picture.astype(int) - (200, 210, 220)).sum(axis=2) > 60).sum() > (torso.albedo[..., 3] > 127).sum()


def test_the_flat_lay_is_brighter_where_the_light_is(navy: Garment):
    left = render_flat(navy, light=StudioLight(towards=(-0.8, 0.2, 0.56))).astype(np.float32)
    right = render_flat(navy, light=StudioLight(towards=(0.8, 0.2, 0.56))).astype(np.float32)
    half = left.shape[1] // 2
    assert (left - right)[:, :half].mean() > 0.5
    assert (left - right)[:, half:].mean() < -0.5


def test_slopes_and_packing_agree():
    y, x = np.mgrid[:40, :60].astype(np.float32)
    slope = slopes(0.3 * x / 2.0 - 0.1 * y / 2.0, px_per_mm=2.0)
    assert slope[5:-5, 5:-5, 0] == pytest.approx(0.3, abs=1e-5)
    assert slope[5:-5, 5:-5, 1] == pytest.approx(-0.1, abs=1e-5)
    normal, occlusion = unpack(pack(slope, np.full((40, 60), 200, np.uint8)))
    expected = np.array([-0.3, -0.1, 1.0]) / np.linalg.norm([0.3, 0.1, 1.0])
    assert np.abs(normal[10:-10, 10:-10] - expected).max() < 0.01
    assert occlusion == pytest.approx(200 / 255)


def test_shadows_fall_below_and_crevices_are_dark():
    sheet = np.zeros((80, 80), np.float32)
    sheet[30:50, 30:50] = 1.0
    fallen = shadow(sheet, reach_px=3.0, drop_px=4.0)
    assert fallen[53, 40] > 0.3 > fallen[26, 40]
    valley = np.abs(np.arange(80, dtype=np.float32) - 40)[None].repeat(80, axis=0)
    shade = crevices(valley, reach_px=6.0, strength=0.3)
    assert shade[40, 40] < 0.6
    assert shade[40, 15] == pytest.approx(1.0, abs=0.02)
