"""The drawn cuts: what every maker-up and draper may rely on."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from garment.cut import CLOTHS, GRAIN_PX, SLOPE_STEPS, UV_STEPS_PER_MM, Cut
from garment.cuts.body import outline_of_half
from garment.cuts.catalogue import CUTS, load_cut
from garment.cuts.curves import bezier, nearest, ramp, resampled, shifted, sided, through, x_at
from garment.cuts.fronts import front_uv
from garment.cuts.table import Table, signed_distance
from garment.garment import PIECES, SLEEVE_ANCHORS, TORSO_ANCHORS
from utils.errors import InputError


@pytest.fixture(scope="module", params=list(CUTS))
def cut(request: pytest.FixtureRequest) -> Cut:
    return load_cut(request.param)


def test_a_cut_is_drawn_once_and_shared_by_all_threads():
    seen: list[Cut] = []
    threads = [threading.Thread(target=lambda: seen.append(load_cut("single_breasted"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(one) for one in seen}) == 1
    assert len(seen) == 3


@pytest.mark.parametrize("name", ["", "triple_breasted", "../single_breasted"])
def test_an_unknown_cut_is_the_callers_mistake(name: str):
    with pytest.raises(InputError) as caught:
        load_cut(name)
    assert caught.value.code == "unknown_cut"
    assert "single_breasted" in (caught.value.hint or "")


def test_the_catalogue_names_what_it_draws(cut: Cut):
    assert CUTS[cut.id][0] == cut.name
    assert set(cut.pieces) == set(PIECES)


def test_anchors_lie_inside_the_canvas_and_where_the_body_has_them(cut: Cut):
    for name, piece in cut.pieces.items():
        height, width = piece.alpha.shape
        assert tuple(piece.anchors) == SLEEVE_ANCHORS if name.startswith("sleeve") else set(TORSO_ANCHORS)
        for x, y in piece.anchors.values():
            assert name == "back" or (0 < x < width - 1 and 0 < y < height - 1)
    torso, back = cut.pieces["torso"].anchors, cut.pieces["back"].anchors
    shifts = np.array([np.subtract(torso[anchor], back[anchor]) for anchor in TORSO_ANCHORS])
    assert shifts == pytest.approx(np.broadcast_to(shifts[0], shifts.shape), abs=1e-3)
    for pair in ("collar", "shoulder", "armpit", "waist", "hem"):
        left, right = torso[f"{pair}_left"], torso[f"{pair}_right"]
        assert left[0] > torso["neck"][0] > right[0]
        assert left[1] == pytest.approx(right[1])
    assert torso["collar_left"][1] < torso["shoulder_left"][1] < torso["armpit_left"][1] < torso["waist_left"][1]
    assert torso["waist_left"][0] < torso["armpit_left"][0]


def test_a_mans_jacket_has_a_mans_proportions(cut: Cut):
    mm = {k: np.array(v) / cut.px_per_mm for k, v in cut.pieces["torso"].anchors.items()}
    assert mm["shoulder_left"][0] - mm["shoulder_right"][0] == pytest.approx(460, abs=10)
    assert mm["hem_centre"][1] - mm["neck"][1] == pytest.approx(645, abs=15)
    slope = np.degrees(np.arctan2(*(mm["shoulder_left"] - mm["collar_left"])[::-1]))
    assert 17 < slope < 25
    sleeve = {k: np.array(v) / cut.px_per_mm for k, v in cut.pieces["sleeve_left"].anchors.items()}
    assert sleeve["cuff"][1] - sleeve["shoulder"][1] == pytest.approx(636, abs=10)


def test_side_anchors_lie_on_the_silhouette(cut: Cut):
    torso = cut.pieces["torso"]
    for name in ("armpit", "waist"):
        x, y = torso.anchors[f"{name}_left"]
        row = torso.alpha[round(y)]
        assert np.flatnonzero(row > 127).max() == pytest.approx(x, abs=2)


def test_canvases_have_a_transparent_margin_and_soft_edges(cut: Cut):
    for piece in cut.pieces.values():
        rim = np.concatenate([piece.alpha[:8].ravel(), piece.alpha[-8:].ravel()])
        rim = np.concatenate([rim, piece.alpha[:, :8].ravel(), piece.alpha[:, -8:].ravel()])
        assert rim.max() == 0
        partial = (piece.alpha > 0) & (piece.alpha < 255)
        solid = (piece.alpha == 255).astype(np.uint8)
        outline_px = np.abs(np.diff(solid.astype(int), axis=0)).sum() + np.abs(np.diff(solid.astype(int), axis=1)).sum()
        assert partial.sum() > 0.4 * outline_px
        assert len(np.unique(piece.alpha[partial])) > 12


def test_the_throat_is_left_to_the_wearer(cut: Cut):
    torso = cut.pieces["torso"]
    x, y = torso.anchors["neck"]
    assert torso.alpha[round(y - 25 * cut.px_per_mm), round(x)] == 0
    assert torso.alpha[round(y + 150 * cut.px_per_mm), round(x)] == 255


def test_left_lies_over_right_as_on_every_mans_jacket(cut: Cut):
    names = [panel.name for panel in cut.pieces["torso"].panels]
    assert names.index("lapel_right") < names.index("front_left") < names.index("lapel_left")


def test_sleeves_mirror_each_other(cut: Cut):
    left, right = cut.pieces["sleeve_left"], cut.pieces["sleeve_right"]
    difference = np.abs(left.alpha.astype(int) - right.alpha[:, ::-1])
    assert difference.max() <= 64  # one column of the supersampled outline
    assert difference.mean() < 0.05
    assert np.abs(left.occlusion.astype(int) - right.occlusion[:, ::-1]).mean() < 1.0
    mirrored = right.slope[:, ::-1].astype(np.float32) * np.float32((-1, 1))
    assert np.abs(left.slope - mirrored).mean() < 0.02 * SLOPE_STEPS


def test_the_sleeve_begins_at_the_armhole_with_the_fronts_cloth_beneath(cut: Cut):
    torso, sleeve, px = cut.pieces["torso"], cut.pieces["sleeve_left"], cut.px_per_mm
    x, y = (round(v) for v in sleeve.anchors["shoulder"])
    shift = np.round(np.subtract(torso.anchors["shoulder_left"], (x, y))).astype(int)
    assert sleeve.alpha[y, x] == 255
    for down_mm in (20, 60, 100, 140):
        row = y + round(down_mm * px)
        seam = int(np.flatnonzero(sleeve.alpha[row] > 127).min())
        assert -60 < (seam - x) / px < 0
        assert torso.alpha[row + shift[1], seam + shift[0] - 10 : seam + shift[0] + 20].min() == 255


def test_the_cuff_shows_a_finger_of_shirt(cut: Cut):
    sleeve = cut.pieces["sleeve_left"]
    shirt = next(panel for panel in sleeve.panels if panel.cloth == "shirting")
    bottom = shirt.xy[1] + np.flatnonzero(shirt.alpha[:, shirt.alpha.shape[1] // 2] > 127).max()
    cloth = next(panel for panel in sleeve.panels if panel.name == "sleeve_left")
    edge = cloth.xy[1] + np.flatnonzero(cloth.alpha[:, cloth.alpha.shape[1] // 2] > 127).max()
    assert 8 < (bottom - edge) / cut.px_per_mm < 14


def test_panels_lie_inside_their_piece_and_know_their_cloth(cut: Cut):
    for piece in cut.pieces.values():
        for panel in piece.panels:
            h, w = panel.alpha.shape
            x, y = panel.xy
            assert 0 <= x <= x + w <= piece.alpha.shape[1]
            assert 0 <= y <= y + h <= piece.alpha.shape[0]
            assert panel.cloth in CLOTHS
            assert panel.uv.shape == (h, w, 2)
            assert panel.grain.shape == (-(-h // GRAIN_PX), -(-w // GRAIN_PX), 2)
            assert np.abs(np.linalg.norm(panel.grain, axis=2) - 1.0).max() < 2e-3


def test_cloth_lies_on_a_panel_without_jumps_finer_than_a_thread(cut: Cut):
    """Along a row of the sleeve, cloth runs on by about half a millimetre a pixel, however it is kept."""
    panel = next(p for p in cut.pieces["sleeve_left"].panels if p.name == "sleeve_left")
    row = panel.uv[panel.uv.shape[0] // 2, 60:-60, 0].astype(np.float64) / UV_STEPS_PER_MM
    step = np.diff(row) * cut.px_per_mm
    assert step.min() > 0.9
    assert step.max() < 1.9
    assert np.abs(np.diff(step)).max() < 0.15


def test_a_cut_takes_little_memory(cut: Cut):
    def size(thing: object) -> int:
        if isinstance(thing, np.ndarray):
            return thing.nbytes
        parts = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, tuple) else ()
        return sum(map(size, parts)) + sum(map(size, vars(thing).values() if hasattr(thing, "__dict__") else ()))

    assert size(cut) < 50e6


def test_lapel_stripes_run_along_its_edge(cut: Cut):
    """The facing's warp is within a few degrees of the straight from the lapel's point to the break."""
    for side, sign in (("left", 1.0), ("right", -1.0)):
        lapel = next(p for p in cut.pieces["torso"].panels if p.name == f"lapel_{side}")
        cos, sin = np.median(lapel.grain.reshape(-1, 2), axis=0)
        lean = np.degrees(np.arctan2(sin, cos)) * sign
        rows, columns = np.nonzero(lapel.alpha > 127)
        outer = columns * sign
        tip, low = outer.argmax(), rows.argmax()
        edge = np.degrees(np.arctan2((columns[tip] - columns[low]) * sign, rows[low] - rows[tip]))
        assert lean == pytest.approx(edge, abs=6)


def test_light_is_kept_from_under_lapels_and_flaps(cut: Cut):
    torso = cut.pieces["torso"]
    for name in ("lapel_left", "flap"):
        panel = next(p for p in torso.panels if p.name == name)
        x, y = panel.xy
        h, w = panel.alpha.shape
        under = torso.occlusion[y : y + h, x : x + w]
        outside = signed_distance(panel.alpha / np.float32(255))
        near, far = (outside < -1) & (outside > -3), (outside < -6)
        assert np.median(under[near]) < np.median(under[far]) - 12


def test_patterns_meet_where_the_fronts_close():
    """Both fronts share one grain, so the cloth's coordinates do not jump at the middle."""
    x = np.linspace(-30, 30, 121, dtype=np.float32)[None].repeat(3, axis=0)
    y = np.array([[300.0], [400.0], [500.0]], np.float32).repeat(121, axis=1)
    u, v = front_uv(x, y)
    assert np.diff(u, axis=1) == pytest.approx(0.5, abs=0.03)
    assert np.abs(np.diff(v, axis=1)).max() < 0.05


def test_darts_take_cloth_away_at_the_waist_only():
    x = np.linspace(60, 140, 161, dtype=np.float32)[None].repeat(2, axis=0)
    y = np.array([[150.0], [336.0]], np.float32).repeat(161, axis=1)
    chest, waist = np.diff(front_uv(x, y)[0], axis=1)
    assert chest.max() < 0.6
    assert 6.0 < waist.max() < 14.0


def test_cloth_crowds_where_it_turns_away_to_the_side():
    x = np.linspace(-205, 205, 411, dtype=np.float32)[None]
    run = np.diff(front_uv(x, np.full_like(x, 160.0))[0][0])
    assert run[206:260] == pytest.approx(1.0, abs=0.03)
    assert run[395:405].mean() > 1.3
    assert run[5:15].mean() > 1.3


def test_curves_keep_their_ends_and_lengths():
    curve = bezier((0, 0), (0, 50), (50, 100), (100, 100))
    assert tuple(curve[-1]) == (100, 100)
    line = through((0, 0), (30, 40), (60, 80))
    assert np.hypot(*np.diff(line, axis=0).T).sum() == pytest.approx(100, rel=1e-3)
    even = resampled(line, 10.0)
    assert np.hypot(*np.diff(even, axis=0).T) == pytest.approx(10.0, rel=1e-3)
    assert sided(line, mirror=True)[-1] == pytest.approx((-60, 80))
    assert x_at(line, np.array([20.0])) == pytest.approx(15.0, abs=0.1)


def test_distances_to_a_curve_have_sides():
    line = np.array([(0, 0), (0, 10), (0, 20)], np.float32)
    x, y = np.array([[-3.0, 4.0, 0.0]], np.float32), np.array([[5.0, 12.0, 26.0]], np.float32)
    across, along = nearest(line, x, y)
    assert across[0, :2] == pytest.approx((3.0, -4.0))
    assert abs(across[0, 2]) == pytest.approx(6.0)
    assert along == pytest.approx(np.array([[5.0, 12.0, 20.0]]))
    right = shifted(line, 2.0)
    assert right[:, 0] == pytest.approx(-2.0)
    assert ramp(np.array([-1.0, 0.5, 3.0]), 0.0, 1.0) == pytest.approx((0.0, 0.5, 1.0))


def test_a_sheet_is_as_large_as_its_outline():
    table = Table(size_mm=(60.0, 40.0), corner_mm=(-30.0, -20.0))
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    disc = np.column_stack([12 * np.cos(turn) + 3.3, 12 * np.sin(turn)]).astype(np.float32)
    sheet = table.cut("disc", disc)
    area_mm2 = sheet.alpha.sum() / table.px_per_mm**2
    assert area_mm2 == pytest.approx(np.pi * 144, rel=0.01)
    true = 12 - np.hypot(sheet.x - 3.3, sheet.y)
    near = np.abs(true) < 3.5
    assert np.abs(sheet.inside - true)[near].max() < 0.35


def test_the_half_outline_is_a_single_line_from_neck_to_hem():
    outline = outline_of_half()
    assert np.hypot(*np.diff(outline, axis=0).T).max() < 2.5
    assert outline[0, 1] < -50
    assert outline[-1, 1] > 600
