"""Tiles of cloth that never repeats: they wrap, and their mixture looks like the cloth it was mixed from."""

from __future__ import annotations

import numpy as np
import pytest

from fabric.scanning.blend import blend_tile
from fabric.scanning.findings import Sheet
from tests.laid_cloth import DRAFTS, lay

SIZE = 384


@pytest.fixture(scope="module")
def flannel() -> Sheet:
    return lay(DRAFTS["flannel-mid-grey"], px_per_mm=12.0, wh=(800, 700), light=0.0, noise=0.0)[2]


@pytest.fixture(scope="module")
def tile(flannel):
    return blend_tile(flannel, size_px=SIZE, px_per_mm=12.0, seed=3)


def steps(field: np.ndarray, axis: int) -> np.ndarray:
    """Mean absolute difference between neighbouring lines, the wrap's last."""
    lines = np.moveaxis(field, axis, 0)
    return np.abs(lines - np.roll(lines, -1, axis=0)).mean(axis=tuple(range(1, field.ndim)))


@pytest.mark.parametrize("axis", [0, 1])
def test_the_wrap_is_like_any_other_place(tile, axis):
    for field in (tile.sheet.albedo, tile.sheet.height, tile.sheet.roughness):
        between = steps(field, axis)
        assert between[-1] <= 1.05 * np.percentile(between[:-1], 95)


def test_colour_and_contrast_are_the_cloths_own(flannel, tile):
    cloth, made = flannel.albedo.reshape(-1, 3), tile.sheet.albedo.reshape(-1, 3)
    assert made.mean(axis=0) == pytest.approx(cloth.mean(axis=0), rel=0.02)
    for rank in (2, 25, 50, 75, 98):
        assert np.percentile(made, rank) == pytest.approx(np.percentile(cloth, rank), rel=0.06)
    assert steps(tile.sheet.albedo, 1).mean() == pytest.approx(steps(flannel.albedo, 1)[:-1].mean(), rel=0.1)


def test_contrast_is_even_all_over_the_tile(tile):
    blocks = tile.sheet.albedo.mean(axis=2).reshape(6, SIZE // 6, 6, SIZE // 6)
    fine = (blocks - blocks.mean(axis=(1, 3), keepdims=True)).std(axis=(1, 3))
    assert fine.min() > 0.7 * fine.mean()  # a plain average of three patches would have 0.58 where they meet


def test_height_goes_with_the_colour_as_on_the_cloth(flannel, tile):
    def together(sheet: Sheet) -> float:
        return float(np.corrcoef(sheet.albedo[..., 1].ravel(), sheet.height.ravel())[0, 1])

    assert together(tile.sheet) == pytest.approx(together(flannel), abs=0.15)


def test_the_statement_of_the_tile(tile):
    assert tile.method == "blend"
    assert tile.cells == (0, 0)
    assert tile.size_px == (SIZE, SIZE)
    assert tile.box[2] - tile.box[0] == pytest.approx([SIZE, SIZE])
    assert tile.sheet.albedo.shape == (SIZE, SIZE, 3)
    assert tile.sheet.height.shape == tile.sheet.roughness.shape == (SIZE, SIZE)
    assert tile.sheet.albedo.dtype == tile.sheet.height.dtype == tile.sheet.roughness.dtype == np.float32


def test_a_seed_makes_one_tile_and_another_seed_another(flannel, tile):
    again = blend_tile(flannel, size_px=SIZE, px_per_mm=12.0, seed=3)
    other = blend_tile(flannel, size_px=SIZE, px_per_mm=12.0, seed=4)
    assert np.array_equal(again.sheet.albedo, tile.sheet.albedo)
    assert not np.array_equal(other.sheet.albedo, tile.sheet.albedo)


def test_a_sheet_smaller_than_the_tile_is_enough(flannel):
    piece = Sheet(flannel.albedo[:150, :180], flannel.height[:150, :180], flannel.roughness[:150, :180])
    made = blend_tile(piece, size_px=256, px_per_mm=None)
    assert made.sheet.albedo.shape == (256, 256, 3)
    assert made.sheet.albedo.mean() == pytest.approx(piece.albedo.mean(), rel=0.03)


def test_one_even_colour_stays_what_it_is():
    flat = Sheet(
        np.full((200, 240, 3), 0.4, np.float32), np.zeros((200, 240), np.float32), np.full((200, 240), 0.8, np.float32)
    )
    made = blend_tile(flat, size_px=128, px_per_mm=5.0).sheet
    assert np.abs(made.albedo - 0.4).max() < 1e-3
    assert np.abs(made.height).max() < 1e-3
    assert np.abs(made.roughness - 0.8).max() < 1e-3
