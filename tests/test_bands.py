"""Stripes and checks are seen as such, whole repeats in view or not, and are cut and never blended."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fabric.scanning.bands import find_bands
from fabric.scanning.findings import Given, Sheet
from fabric.scanning.repeat import find_repeat
from fabric.scanning.tile import cut_tile
from tests.laid_cloth import DRAFTS, lay, pictured

# Bands of a tartan along either axis in pixels, and their lightness: one repeat is 560 pixels long.
SETT = [(150, 0.08), (30, 0.3), (90, 0.16), (20, 0.45), (110, 0.12), (60, 0.25), (100, 0.05)]
REPEAT_PX = sum(width for width, _ in SETT)


def tartan(wh: tuple[int, int], *, turn_deg: float = 0.0, checked: bool = True) -> np.ndarray:
    """float32 (H, W, 3) linear: bands of SETT from left to right and, if checked, from top to bottom; noisy yarn."""
    sett = np.repeat([light for _, light in SETT], [width for width, _ in SETT]).astype(np.float32)
    turn = np.radians(turn_deg)
    x, y = np.meshgrid(np.arange(wh[0]), np.arange(wh[1]))
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    light = sett[np.floor(u).astype(int) % REPEAT_PX]
    if checked:
        light = (light + sett[np.floor(v).astype(int) % REPEAT_PX]) / 2.0
    noise = cv2.GaussianBlur(np.random.default_rng(5).standard_normal(light.shape, dtype=np.float32), (0, 0), 1.2)
    return np.dstack([np.clip(light * (1.0 + 0.5 * noise), 0.005, 1.0)] * 3).astype(np.float32)


def sheet_of(picture: np.ndarray) -> Sheet:
    level = np.zeros(picture.shape[:2], np.float32)
    return Sheet(albedo=picture, height=level, roughness=level + np.float32(0.8))


@pytest.mark.parametrize("turn_deg", [0.0, -27.0, 14.0])
def test_bands_are_found_at_any_angle(turn_deg):
    bands = find_bands(tartan((1400, 1300), turn_deg=turn_deg, checked=False))
    assert bands.are_clear
    assert bands.angle_deg == pytest.approx(turn_deg, abs=1.5)
    across, down = bands.repeats_px()
    assert across == pytest.approx(REPEAT_PX, rel=0.02)
    assert down == 0.0


def test_a_repeat_of_which_less_than_one_and_a_half_are_in_view_is_not_believed():
    bands = find_bands(tartan((760, 700)))
    assert bands.are_clear
    assert bands.repeats_px() is None


@pytest.mark.parametrize("name", ["flannel-mid-grey", "flannel-camel", "twill-sand"])
def test_no_bands_are_seen_where_there_are_none(name):
    _, even, _, _ = lay(DRAFTS[name], px_per_mm=12.0, wh=(900, 800))
    assert not find_bands(even.linear).are_clear


def test_light_that_falls_off_is_no_band():
    rng = np.random.default_rng(6)
    slope = np.linspace(0.7, 1.3, 800, dtype=np.float32)[None, :, None]
    picture = 0.3 * slope * (1.0 + 0.05 * rng.standard_normal((700, 800, 1), dtype=np.float32))
    assert not find_bands(np.repeat(picture, 3, axis=2)).are_clear


def test_a_check_without_a_whole_repeat_is_periodic_and_says_that_it_guesses():
    flat, even = pictured(tartan((760, 700)))
    found = find_repeat(even, flat, Given())
    assert found.kind == "periodic"
    assert found.a is None
    assert found.b is None
    assert found.repeats == (0.0, 0.0)
    assert found.confidence <= 0.2


def test_it_is_cut_where_its_bands_meet_again():
    picture = tartan((760, 700))
    flat, even = pictured(picture)
    tile = cut_tile(sheet_of(picture), find_repeat(even, flat, Given()), size_px=512, px_per_mm=None)
    assert tile.method == "seams"
    assert tile.cells == (0, 0)
    assert (tile.box >= 0).all()
    assert (tile.box <= (760, 700)).all()
    assert tile.size_px == pytest.approx((REPEAT_PX, REPEAT_PX), rel=0.06)


def test_a_check_is_cut_whole_whatever_the_weave_under_it():
    picture = tartan((760, 700))
    weave = (np.indices(picture.shape[:2]).sum(axis=0) // 4 % 2).astype(np.float32)  # repeats every 8 pixels
    picture *= (0.6 + 0.8 * weave)[..., None]
    found = find_repeat(*pictured(picture)[::-1], Given())
    tile = cut_tile(sheet_of(picture), found, size_px=512, px_per_mm=None)
    assert tile.method == "seams"
    assert tile.size_px == pytest.approx((REPEAT_PX, REPEAT_PX), rel=0.06)


def test_table_beside_the_cloth_is_no_band():
    _, even, _, _ = lay(DRAFTS["flannel-mid-grey"], px_per_mm=12.0, wh=(900, 800))
    picture = even.linear.copy()
    picture[:8] = picture[:, -8:] = 0.9
    assert not find_bands(picture).are_clear
