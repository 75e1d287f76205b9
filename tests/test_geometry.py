from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.geometry import ThinPlate, along_and_across, resample, round_corner, similarity


@given(angle=st.floats(-3, 3), scale=st.floats(0.2, 5), shift=st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
def test_similarity_recovers_a_turn_a_scale_and_a_shift(angle: float, scale: float, shift: tuple) -> None:
    source = np.array([[0.0, 0.0], [10.0, 2.0], [3.0, 17.0], [-4.0, 8.0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = scale * source @ turn.T + shift
    matrix = similarity(source, target)
    assert source @ matrix[:, :2].T + matrix[:, 2] == pytest.approx(target, abs=1e-6)


def test_similarity_of_one_place_is_a_shift() -> None:
    matrix = similarity(np.full((3, 2), 5.0), np.full((3, 2), 9.0))
    assert matrix == pytest.approx(np.array([[1, 0, 4], [0, 1, 4]]))


def test_thin_plate_meets_its_knots_and_is_affine_where_they_are() -> None:
    rng = np.random.default_rng(1)
    source = rng.uniform(0, 400, (12, 2))
    target = source + rng.normal(0, 20, (12, 2))
    assert ThinPlate(source, target)(source) == pytest.approx(target, abs=0.05)
    straight = source @ np.array([[1.5, 0.2], [-0.3, 0.8]]) + (7, -3)
    between = rng.uniform(50, 350, (40, 2))
    expected = between @ np.array([[1.5, 0.2], [-0.3, 0.8]]) + (7, -3)
    assert ThinPlate(source, straight)(between) == pytest.approx(expected, abs=0.05)


def test_a_rounded_corner_keeps_its_ends_and_cuts_the_corner() -> None:
    a, corner, b = np.array([0.0, 0.0]), np.array([0.0, 100.0]), np.array([100.0, 100.0])
    line = round_corner(a, corner, b, reach=30.0, samples=17)
    assert line[0] == pytest.approx(a, abs=1e-4)
    assert line[-1] == pytest.approx(b, abs=1e-4)
    assert line[8] == pytest.approx((7.5, 92.5), abs=0.5)
    straight = round_corner(a, np.array([0.0, 50.0]), np.array([0.0, 100.0]), reach=30.0, samples=17)
    assert straight[:, 0] == pytest.approx(0, abs=1e-5)
    assert straight[8] == pytest.approx((0, 50), abs=1e-3)


def test_resampling_is_even() -> None:
    line = resample(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 9.0]]), 11)
    assert np.hypot(*np.diff(line, axis=0).T)[2:] == pytest.approx(1.0)


def test_along_and_across_a_hanging_arm() -> None:
    line = np.array([[50.0, 0.0], [50.0, 100.0], [50.0, 200.0]])
    along, across = along_and_across(
        np.array([[60.0, 50.0], [35.0, 150.0], [50.0, -40.0], [52.0, 230.0]]), line, end_reach=50
    )
    assert along == pytest.approx([0.5, 1.5, -0.4, 2.3], abs=1e-4)
    assert across == pytest.approx([10, -15, 0, 2], abs=1e-4)  # to the right on screen is positive


def test_points_far_past_the_end_are_as_far_across_as_they_are_away() -> None:
    line = np.array([[0.0, 0.0], [0.0, 10.0]])
    along, across = along_and_across(np.array([[3.0, 64.0]]), line, end_reach=50)
    assert along[0] == pytest.approx(6.0)
    assert across[0] == pytest.approx(5.0)
