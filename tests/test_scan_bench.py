"""The measures that scans are judged by: a known fault gives the known figure."""

import cv2
import numpy as np
import pytest

from bench.scan_measures import (
    albedo_error,
    band_contrast,
    corner_error,
    normal_error_deg,
    same_lattice,
    seam_ratio,
    step_excess,
)
from bench.scan_report import badness, goals_of
from bench.usual import usual_corners, usual_normals, usual_tile, usual_warp
from fabric.periodic import smooth_noise
from utils.colour import lab_to_linear

SQUARE = np.array([[100.0, 100.0], [400.0, 100.0], [400.0, 500.0], [100.0, 500.0]])
TRUE = np.array([[8.0, 0.0], [2.0, 6.0]])


def cloth(seed: int = 1, hw: tuple[int, int] = (128, 128)) -> np.ndarray:
    """A wrapping linear texture (H, W, 3) without a pattern."""
    rng = np.random.default_rng(seed)
    tone = np.float32(0.3) + np.float32(0.05) * smooth_noise(rng, hw, cells=(hw[0] // 2, hw[1] // 2))
    return np.clip(tone, 0.02, 0.9)[..., None].repeat(3, axis=2)


def test_corners_moved_by_a_hundredth_of_the_diagonal_are_off_by_that():
    assert corner_error(SQUARE, SQUARE) == 0.0
    assert corner_error(SQUARE + (3.0, 4.0), SQUARE) == pytest.approx(0.01)
    one = SQUARE + np.array([[20.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    assert corner_error(one, SQUARE) == pytest.approx(0.01)


def test_it_does_not_matter_which_corner_comes_first():
    assert corner_error(np.roll(SQUARE, 1, axis=0), SQUARE) == 0.0
    assert corner_error(SQUARE[::-1], SQUARE) > 0.1  # but the way around does


@pytest.mark.parametrize(
    ("times", "state"),
    [
        ([[1, 0], [0, 1]], "found"),
        ([[1, 1], [0, 1]], "found"),
        ([[2, 1], [1, 1]], "found"),
        ([[0, -1], [1, 0]], "found"),
        ([[2, 0], [0, 1]], "multiple"),
        ([[1, 1], [1, -1]], "multiple"),
        ([[1, 0], [2, 0]], "wrong"),
        ([[0.5, 0], [0, 1]], "fraction"),
        ([[1.02, 0], [0, 1]], "wrong"),
        ([[1.005, 0], [0, 0.995]], "found"),
    ],
)
def test_any_basis_of_the_lattice_is_right_and_nothing_else(times, state):
    assert same_lattice(np.array(times, float) @ TRUE, TRUE) == state


def test_no_lattice_is_none():
    assert same_lattice(None, TRUE) == "none"


@pytest.mark.parametrize(
    ("found", "state"),
    [
        ([[10.0, 0.0], [0.0, 3.0]], "found"),
        ([[10.0, 7.0], [0.0, 3.0]], "found"),
        ([[10.05, 0.0], [0.0, 3.0]], "found"),
        ([[20.0, 0.0], [0.0, 3.0]], "multiple"),
        ([[20.0, 1.0], [30.0, 3.0]], "found"),
        ([[10.3, 0.0], [0.0, 3.0]], "wrong"),
        ([[0.0, 2.0], [0.0, 3.0]], "fraction"),
    ],
)
def test_of_stripes_only_the_period_across_is_asked(found, state):
    assert same_lattice(np.array(found), np.array([[10.0, 0.0]])) == state


def test_cloth_that_wraps_has_no_seam_and_cloth_cut_anywhere_has():
    whole = cloth()
    assert seam_ratio(whole) == pytest.approx(1.0, abs=0.12)
    assert seam_ratio(whole[:, :-9]) > 1.4
    assert seam_ratio(whole[:-9]) > 1.4


def test_an_edge_of_the_pattern_at_the_wrap_is_no_seam():
    checks = np.where((np.arange(96) // 12) % 2, 0.1, 0.5)[None, :, None] * np.ones((96, 1, 3))
    assert seam_ratio(checks) > 5.0
    assert seam_ratio(checks, expected=checks) == pytest.approx(1.0, abs=0.1)
    assert seam_ratio(checks, cells=(4, 1)) == pytest.approx(1.0, abs=0.1)
    assert seam_ratio(checks[:, 6:-6], cells=(4, 1)) > 2.0  # half a cell too few


def test_a_cross_fade_shows_in_the_contrast_along_the_wrap():
    whole = cloth(hw=(256, 256))
    assert band_contrast(whole) == pytest.approx(1.0, abs=0.12)
    faded = whole.copy()
    soft = cv2.GaussianBlur(np.tile(whole, (3, 3, 1)), (0, 0), 2.0)[256:512, 256:512]
    faded[:, :10], faded[:, -10:] = soft[:, :10], soft[:, -10:]
    assert band_contrast(faded) < 0.6
    assert seam_ratio(faded) <= 1.05  # which steps alone would never tell


def test_a_joint_within_the_tile_shows_where_steps_are_counted():
    whole = cloth(hw=(256, 256))
    broken = whole.copy()
    broken[:, 128:] = np.roll(whole[:, 128:], 40, axis=0)
    broken[:, :64] = np.roll(whole[:, :64], 90, axis=0)
    assert step_excess(whole) < 1.35
    assert step_excess(broken, expected=whole) > 1.2
    assert step_excess(whole, expected=whole) == pytest.approx(1.0)


def test_colours_are_compared_as_the_eye_does():
    grey, lighter = (np.ones((48, 64, 3), np.float32) * lab_to_linear(np.array([tone, 0.0, 0.0])) for tone in (50, 52))
    assert albedo_error(grey, grey) == pytest.approx(0.0, abs=1e-6)
    assert albedo_error(lighter, grey) == pytest.approx(1.97, abs=0.05)


def test_normals_that_lean_by_ten_degrees_are_off_by_ten():
    level = np.zeros((8, 8, 3))
    level[..., 2] = 1.0
    leaning = np.zeros_like(level)
    leaning[..., 0], leaning[..., 2] = np.sin(np.radians(10.0)), np.cos(np.radians(10.0))
    assert normal_error_deg(leaning, level) == pytest.approx(10.0)


def test_the_usual_corners_are_right_where_the_photo_is_easy():
    photo = np.full((600, 700, 3), 30, np.uint8)
    quad = np.array([[150, 120], [520, 100], [560, 480], [130, 500]])
    cv2.fillConvexPoly(photo, quad, (210, 200, 190))
    assert corner_error(usual_corners(photo), quad.astype(float)) < 0.01
    flat = usual_warp(photo, quad.astype(float))
    assert flat[10:-10, 10:-10].min() >= 185


def test_the_usual_normals_lean_away_from_what_is_bright():
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    normal = usual_normals(ramp, strength=1.0)[32, 32]
    assert normal[0] < 0.0
    assert normal[1] == pytest.approx(0.0, abs=1e-6)
    assert usual_normals(ramp.swapaxes(0, 1), strength=1.0)[32, 32, 1] > 0.0


def test_the_usual_tiles_do_wrap():
    picture = (cloth(3, (200, 240)) * 400).clip(0, 255).astype(np.uint8)
    for edges in ("fade", "mirror"):
        tile = usual_tile(picture, size_px=128, edges=edges).astype(np.float32) / 255.0
        assert tile.shape == (128, 128, 3)
        assert seam_ratio(tile) < 1.35


def swatch(**figures) -> dict:
    """A row as the bench makes it, all well."""
    well = {
        "true_kind": "periodic", "white": True, "close_up": False, "corner_error": 0.001, "kind_right": True,
        "repeats_in_view": 5.0, "repeat": "found", "seam_ratio": 1.0, "albedo_delta_e": 1.0, "normal_deg": 5.0,
        "usual_normal_deg": dict.fromkeys(("0.25", "0.5", "1.0", "2.0", "4.0"), 10.0),
    }  # fmt: skip
    return {**well, **figures}


def test_goals_are_met_by_good_swatches_and_missed_by_bad_ones():
    assert all(goal.met for goal in goals_of([swatch()] * 20, None))
    missed = {
        "corner error, p95": {"corner_error": 0.05},
        "repeat within 1 % of the period": {"repeat": "multiple"},
        "class right": {"kind_right": False},
        "seam ratio, p95": {"seam_ratio": 1.5},
        "normals, mean angle over the usual recipe's": {"normal_deg": 60.0},
    }
    for name, fault in missed.items():
        goals = goals_of([swatch()] * 18 + [swatch(**fault)] * 2, None)
        assert [goal.name for goal in goals if not goal.met] == [name]


def test_a_figure_that_nothing_was_measured_for_is_not_met():
    goals = goals_of(
        [{"white": False, "close_up": True, "true_kind": "plain", "refused": "blurred"}], {"scan": {"error": "killed"}}
    )
    assert not any(goal.met for goal in goals)


def test_a_good_swatch_that_is_refused_counts_as_wrong():
    goals = goals_of([swatch()] * 9 + [{"white": False, "true_kind": "periodic", "refused": "not_cloth"}], None)
    assert [goal.value for goal in goals if goal.name.startswith(("repeat", "class"))] == [90.0, 90.0]


def test_too_few_repeats_in_view_are_not_counted():
    goals = goals_of([swatch(), swatch(repeat="wrong", repeats_in_view=1.2)], None)
    assert next(goal for goal in goals if goal.name.startswith("repeat")).value == 100.0


def test_the_worst_swatch_is_the_one_that_misses_most():
    rows = [swatch(), swatch(corner_error=0.03), swatch(repeat="wrong"), {"white": False, "refused": "blurred"}]
    assert sorted(rows, key=badness) == rows
