"""Tiles of whole repeats: they wrap, their seams are cuts and not blurs, and all maps are cut alike."""

from __future__ import annotations

import numpy as np
import pytest

from fabric.scanning.findings import Lattice, Sheet
from fabric.scanning.seam import cheapest_path, cut
from fabric.scanning.strips import shift_between
from fabric.scanning.tile import cut_tile
from tests.laid_cloth import DRAFTS, draft, lay

SIZE = 384


def lattice(basis: np.ndarray, *, turn_deg: float = 0.0, repeats: tuple[float, float] = (9.0, 9.0)) -> Lattice:
    return Lattice(
        kind="periodic", a=basis[0], b=basis[1], fine_a=None, fine_b=None, angle_deg=turn_deg, confidence=1.0,
        source="found", repeats=repeats,
    )  # fmt: skip


def seam_ratio(field: np.ndarray) -> float:
    """The worse axis: the step across the wrap over the 95th percentile of the steps between neighbouring lines."""
    field = field.reshape(*field.shape[:2], -1).astype(np.float64)
    ratios = []
    for axis in (0, 1):
        lines = np.moveaxis(field, axis, 0)
        steps = np.abs(np.diff(lines, axis=0)).mean(axis=(1, 2))
        ratios.append(np.abs(lines[0] - lines[-1]).mean() / np.percentile(steps, 95))
    return max(ratios)


def detail(field: np.ndarray) -> np.ndarray:
    """Mean absolute step to the right, per column of the picture."""
    return np.abs(np.diff(field, axis=1)).mean(axis=0)


@pytest.mark.parametrize("name", ["houndstooth-black-white", "herringbone-grey", "pinstripe-navy", "plain-navy"])
@pytest.mark.parametrize("turn_deg", [0.0, 6.0])
def test_a_tile_of_whole_repeats_wraps(name, turn_deg):
    _, _, sheet, truth = lay(DRAFTS[name], px_per_mm=12.0, wh=(760, 700), turn_deg=turn_deg)
    tile = cut_tile(sheet, lattice(truth, turn_deg=turn_deg), size_px=SIZE, px_per_mm=12.0)
    assert tile.method == "seams"
    assert tile.sheet.albedo.shape == (SIZE, SIZE, 3)
    assert tile.sheet.height.shape == tile.sheet.roughness.shape == (SIZE, SIZE)
    assert seam_ratio(tile.sheet.albedo) <= 1.1
    assert seam_ratio(tile.sheet.height) <= 1.15


def test_a_tile_cut_short_would_be_seen():
    _, _, sheet, truth = lay(DRAFTS["herringbone-grey"], px_per_mm=12.0, wh=(760, 700))
    tile = cut_tile(sheet, lattice(truth), size_px=SIZE, px_per_mm=12.0)
    assert seam_ratio(tile.sheet.albedo[:-9, :-9]) > 1.2 * seam_ratio(tile.sheet.albedo)


def test_the_box_is_whole_repeats_upright_in_the_grain():
    cloth = draft()  # a twill: its shortest vectors run askew
    _, _, sheet, truth = lay(cloth, px_per_mm=10.0, wh=(760, 700), turn_deg=5.0)
    tile = cut_tile(sheet, lattice(truth, turn_deg=5.0), size_px=SIZE, px_per_mm=10.0)
    across, down = tile.box[1] - tile.box[0], tile.box[3] - tile.box[0]
    for edge in (across, down):
        times = edge @ np.linalg.inv(truth)
        assert times == pytest.approx(np.rint(times), abs=1e-6)
    assert np.degrees(np.arctan2(across[1], across[0])) == pytest.approx(5.0, abs=2.5)
    assert np.degrees(np.arctan2(-down[0], down[1])) == pytest.approx(5.0, abs=2.5)
    assert tile.size_px == pytest.approx((np.linalg.norm(across), np.linalg.norm(down)))
    assert 0.75 < tile.size_px[0] / tile.size_px[1] < 1.33
    assert min(tile.cells) >= 4
    height, width = sheet.height.shape
    assert (tile.box >= 0).all()
    assert (tile.box <= (width, height)).all()


def test_the_source_is_not_made_coarser_than_need_be():
    _, _, sheet, truth = lay(draft(), px_per_mm=10.0, wh=(760, 700))
    tile = cut_tile(sheet, lattice(truth), size_px=256, px_per_mm=10.0)
    assert max(tile.size_px) <= 1.3 * 256


def test_a_repeat_as_large_as_the_sheet_makes_one_cell():
    _, _, sheet, truth = lay(DRAFTS["windowpane-brown"], px_per_mm=9.0, wh=(760, 700))
    tile = cut_tile(sheet, lattice(truth, repeats=(1.8, 1.4)), size_px=SIZE, px_per_mm=9.0)
    assert tile.cells == (1, 1)
    assert tile.size_px == pytest.approx(tuple(np.linalg.norm(truth, axis=1)), rel=0.01)


def test_the_outline_lies_where_the_cloth_is_calm():
    y, x = np.mgrid[0:700, 0:800].astype(np.float32)
    checks = lattice(np.array([[60.0, 0.0], [0.0, 60.0]]))
    sheet = gingham(x, y)
    tile = cut_tile(sheet, checks, size_px=SIZE, px_per_mm=None)
    for axis in (0, 1):
        lines = np.moveaxis(tile.sheet.albedo[..., 1], axis, 0)
        steps = np.abs(lines - np.roll(lines, -1, axis=0)).mean(axis=1)
        assert steps[-1] <= np.quantile(steps, 0.25)
    # The box says where the tile lies, wherever its outline was put.
    across, down = (tile.box[1] - tile.box[0]) / SIZE, (tile.box[3] - tile.box[0]) / SIZE
    at = tile.box[0] + 192.5 * across + np.arange(SIZE)[:, None] * down + 0.5 * down
    column = sheet.albedo[np.rint(at[:, 1]).astype(int), np.rint(at[:, 0]).astype(int), 1]
    assert np.corrcoef(column, tile.sheet.albedo[:, 192, 1])[0, 1] > 0.95


def test_all_maps_are_cut_along_the_same_seam():
    _, _, sheet, truth = lay(draft(), px_per_mm=10.0, wh=(640, 600))
    twins = Sheet(albedo=np.dstack([sheet.height * 0.5 + 0.5] * 3), height=sheet.height, roughness=sheet.height + 0.5)
    tile = cut_tile(twins, lattice(truth), size_px=256, px_per_mm=10.0).sheet
    assert np.abs(tile.albedo[..., 0] * 2.0 - 1.0 - tile.height).max() < 1e-3
    assert np.abs(tile.roughness - 0.5 - tile.height).max() < 1e-3


def test_the_seam_is_as_crisp_as_the_cloth_beside_it():
    _, _, sheet, truth = lay(DRAFTS["plain-navy"], px_per_mm=12.0, wh=(760, 700))
    tile = cut_tile(sheet, lattice(truth), size_px=SIZE, px_per_mm=12.0)
    steps = detail(tile.sheet.albedo.mean(axis=2))
    band = steps[: SIZE // 8].mean()
    assert band == pytest.approx(steps[SIZE // 8 :].mean(), rel=0.05)


def test_light_that_drifts_over_the_sheet_leaves_no_step():
    _, _, sheet, truth = lay(draft(), px_per_mm=10.0, wh=(640, 600))
    drift = np.linspace(0.8, 1.2, 640, dtype=np.float32)[None, :, None]
    lit = Sheet(albedo=np.clip(sheet.albedo * drift, 0.0, 1.0), height=sheet.height, roughness=sheet.roughness)
    tile = cut_tile(lit, lattice(truth), size_px=256, px_per_mm=10.0).sheet.albedo.mean(axis=2)
    columns = tile.reshape(256, 8, 32).mean(axis=(0, 2))
    assert abs(columns[0] - columns[-1]) < 0.04 * columns.mean()


def test_light_left_over_leaves_black_yarns_black():
    y, x = np.mgrid[0:700, 0:800].astype(np.float32)
    cloth = gingham(x, y)
    pale = cloth.albedo[..., 0] > 0.7
    dark = np.where(cloth.albedo[..., 0] < 0.3, np.float32(0.01), cloth.albedo[..., 0])
    drift = np.linspace(0.8, 1.2, 800, dtype=np.float32)[None]
    lit = Sheet(np.dstack([dark * drift] * 3), cloth.height, cloth.roughness)
    checks = lattice(np.array([[60.0, 0.0], [0.0, 60.0]]))
    tile = cut_tile(lit, checks, size_px=256, px_per_mm=None).sheet.albedo[..., 0]
    assert pale.any()
    assert np.percentile(tile, 15) == pytest.approx(0.01, abs=0.003)


def test_the_path_goes_where_the_difference_is_least_and_closes():
    cost = np.ones((60, 12), np.float32)
    way = np.rint(6 + 4 * np.sin(np.arange(60) * 2 * np.pi / 60)).astype(int)
    cost[np.arange(60), way] = 0.0
    assert np.array_equal(cheapest_path(cost, closed=True), way)
    noise = np.random.default_rng(0).random((80, 20), dtype=np.float32)
    path = cheapest_path(noise, closed=True)
    assert abs(path[0] - path[-1]) <= 1
    assert np.abs(np.diff(path)).max() <= 1


def test_a_cut_takes_one_side_or_the_other():
    left, right = np.zeros((30, 16), np.float32), np.ones((30, 16), np.float32)
    joined = cut(left, right, np.full(30, 8))
    assert (joined[:, :6] == 1.0).all()
    assert (joined[:, 11:] == 0.0).all()


def test_a_cut_is_no_sharper_than_the_picture_it_goes_through():
    left, right = np.zeros((30, 64), np.float32), np.ones((30, 64), np.float32)
    steps = {finer: float(np.abs(np.diff(cut(left, right, np.full(30, 32), finer=finer))).max()) for finer in (1, 6)}
    assert steps[6] == pytest.approx(steps[1] / 6, rel=0.05)


def test_the_same_sheet_makes_the_same_tile():
    _, _, sheet, truth = lay(draft(), px_per_mm=10.0, wh=(640, 600))
    one, other = (cut_tile(sheet, lattice(truth), size_px=128, px_per_mm=None).sheet for _ in range(2))
    assert np.array_equal(one.albedo, other.albedo)
    assert np.array_equal(one.height, other.height)


def gingham(x: np.ndarray, y: np.ndarray) -> Sheet:
    """Checks of 60 pixels at these places (H, W) of the cloth."""
    light = (0.1 + 0.4 * (np.sin(x * np.pi / 30) > 0) + 0.4 * (np.sin(y * np.pi / 30) > 0)).astype(np.float32)
    light += np.random.default_rng(7).standard_normal(light.shape, dtype=np.float32) * np.float32(0.02)
    level = np.zeros(light.shape, np.float32)
    return Sheet(albedo=np.dstack([np.clip(light, 0.0, 1.0)] * 3), height=level, roughness=level + np.float32(0.8))


def test_of_wavy_cloth_no_more_is_taken_than_lies_straight():
    y, x = np.mgrid[0:700, 0:800].astype(np.float32)
    checks = lattice(np.array([[60.0, 0.0], [0.0, 60.0]]))
    flat = cut_tile(gingham(x, y), checks, size_px=SIZE, px_per_mm=None)
    wavy = cut_tile(gingham(x + 25 * np.sin(y / 110), y + 25 * np.sin(x / 130)), checks, size_px=SIZE, px_per_mm=None)
    assert min(flat.cells) >= 5
    assert flat.size_px == pytest.approx((60 * flat.cells[0], 60 * flat.cells[1]))
    assert np.prod(wavy.cells) < 0.5 * np.prod(flat.cells)
    assert min(wavy.cells) >= 1


def test_a_shift_across_stripes_is_found_though_any_along_them_would_do():
    y = np.arange(600, dtype=np.float32)[:, None] - np.where(np.arange(600) < 300, 0.0, 9.0).astype(np.float32)[None]
    stripes = np.sin(y * 2 * np.pi / 50).astype(np.float32)
    stripes += np.random.default_rng(8).standard_normal(stripes.shape, dtype=np.float32) * np.float32(0.3)
    edge, along = np.array([300.0, 0.0]), np.array([0.0, 300.0])
    shift = shift_between(stripes, np.array([130.0, 130.0]), edge=edge, along=along, band=0.125, most_px=12.0)
    assert shift[:, 1] == pytest.approx(np.full(len(shift), 9.0), abs=1.0)
    assert np.abs(shift[:, 0]).max() < 3.0


def test_thin_lines_far_apart_bend_with_the_cloth_and_keep_straight_between():
    y, x = np.mgrid[0:700, 0:900].astype(np.float32)
    off = np.where(x < 420, 0.0, 4.0 + 3.0 * y / 700).astype(np.float32)  # how much lower the cloth lies there
    lines = sum(np.exp(-0.5 * ((y - off - at) / 2.0) ** 2) for at in range(60, 700, 130)).astype(np.float32)
    lines += np.random.default_rng(9).random(lines.shape, dtype=np.float32) * np.float32(0.1)
    edge, along = np.array([400.0, 0.0]), np.array([0.0, 520.0])
    shift = shift_between(lines, np.array([200.0, 40.0]), edge=edge, along=along, band=0.125, most_px=30.0)
    at = 40.0 + np.linspace(0.0, 1.125, len(shift)) * 520.0
    assert shift[:, 1] == pytest.approx(4.0 + 3.0 * at / 700, abs=0.5)
    assert np.abs(shift[:, 0]).max() < 1.5


def test_strips_of_nothing_but_noise_are_left_where_they_are():
    noise = np.random.default_rng(10).random((600, 700), dtype=np.float32)
    edge, along = np.array([300.0, 0.0]), np.array([0.0, 300.0])
    shift = shift_between(noise, np.array([100.0, 100.0]), edge=edge, along=along, band=0.125, most_px=20.0)
    assert np.abs(shift).max() == 0.0
