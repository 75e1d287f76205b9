"""One Euro and settling: at rest, in motion, with gaps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.smoothing import Hold, OneEuro, Rest, Settling

FPS = 30.0


def filtered(filter_: OneEuro, track: np.ndarray, *, fps: float = FPS, **options: object) -> np.ndarray:
    """Every step of a (T, N, D) track."""
    return np.stack([filter_.step(points, i / fps, **options) for i, points in enumerate(track)])


def one_euro(min_cutoff_hz: float = 0.5, beta: float = 10.0) -> OneEuro:
    return OneEuro(min_cutoff_hz=min_cutoff_hz, beta=beta)


def test_the_first_step_is_the_measurement_and_rest_stays_at_rest():
    points = np.array([[3.0, 4.0], [-1.0, 2.0]])
    out = filtered(one_euro(), np.repeat(points[None], 20, axis=0))
    np.testing.assert_allclose(out, np.repeat(points[None], 20, axis=0), atol=1e-12)


def test_trembling_is_calmed():
    noise = np.random.default_rng(3).normal(0.0, 0.01, (600, 5, 2))
    out = filtered(one_euro(), noise)
    assert out[60:].std() < 0.4 * noise[60:].std()


@pytest.mark.parametrize("speed", [0.2, 1.0, 4.0])
def test_in_steady_motion_it_trails_by_the_time_constant_of_its_cutoff(speed):
    min_cutoff_hz, beta = 0.5, 10.0
    track = (np.arange(300) / FPS * speed)[:, None, None] * np.array([[0.6, 0.8]])
    out = filtered(one_euro(min_cutoff_hz, beta), track)
    behind = np.linalg.norm(track[-1, 0] - out[-1, 0])
    assert behind == pytest.approx(speed / (2 * math.pi * (min_cutoff_hz + beta * speed)), rel=1e-3)
    assert behind < 1 / (2 * math.pi * beta)


def test_every_direction_is_treated_alike():
    rng = np.random.default_rng(5)
    track = np.cumsum(rng.normal(0, 0.05, (60, 4, 2)), axis=0)
    turn = np.array([[0.8, -0.6], [0.6, 0.8]])
    np.testing.assert_allclose(filtered(one_euro(), track @ turn.T), filtered(one_euro(), track) @ turn.T, atol=1e-9)


def test_the_unit_makes_it_independent_of_scale():
    track = np.cumsum(np.random.default_rng(6).normal(0, 0.05, (60, 4, 2)), axis=0)
    large = filtered(one_euro(), 150.0 * track, unit=150.0)
    np.testing.assert_allclose(large, 150.0 * filtered(one_euro(), track), rtol=1e-9, atol=1e-9)


def test_rows_do_not_influence_each_other():
    track = np.cumsum(np.random.default_rng(7).normal(0, 0.1, (40, 3, 2)), axis=0)
    alone = filtered(one_euro(), track[:, 1:2])
    np.testing.assert_allclose(filtered(one_euro(), track)[:, 1:2], alone, atol=1e-12)


@pytest.mark.parametrize("garbage", [1e9, np.nan, np.inf])
def test_an_unseen_row_stays_learns_nothing_and_starts_fresh(garbage):
    filter_ = one_euro()
    seen, hidden = np.array([True, True]), np.array([True, False])
    filter_.step(np.array([[0.0, 0.0], [1.0, 1.0]]), 0.0, seen=seen)
    last = filter_.step(np.array([[0.0, 0.0], [1.1, 1.0]]), 0.1, seen=seen)
    for i in range(5):
        out = filter_.step(np.array([[0.0, 0.0], [garbage, garbage]]), 0.2 + 0.1 * i, seen=hidden)
        np.testing.assert_array_equal(out[1], last[1])
    back = np.array([[0.0, 0.0], [7.0, 7.0]])
    np.testing.assert_array_equal(filter_.step(back, 0.8, seen=seen)[1], [7.0, 7.0])
    np.testing.assert_allclose(filter_.step(back, 0.9, seen=seen)[1], [7.0, 7.0])


def test_a_row_that_was_never_seen_starts_when_it_is():
    filter_ = one_euro()
    filter_.step(np.array([[np.nan, np.nan]]), 0.0, seen=np.array([False]))
    np.testing.assert_array_equal(filter_.step(np.array([[2.0, 3.0]]), 0.1, seen=np.array([True])), [[2.0, 3.0]])


@pytest.mark.parametrize("at_s", [1.0, 0.5])
def test_time_that_does_not_go_on_changes_nothing(at_s):
    filter_ = one_euro()
    filter_.step(np.array([[0.0, 0.0]]), 0.0)
    last = filter_.step(np.array([[1.0, 0.0]]), 1.0)
    np.testing.assert_array_equal(filter_.step(np.array([[9.0, 9.0]]), at_s), last)


def test_reset_and_another_shape_begin_anew():
    filter_ = one_euro()
    filter_.step(np.zeros((1, 2)), 0.0)
    filter_.reset()
    np.testing.assert_array_equal(filter_.step(np.ones((1, 2)), 0.1), np.ones((1, 2)))
    np.testing.assert_array_equal(filter_.step(np.full((3, 2), 5.0), 0.2), np.full((3, 2), 5.0))


def test_the_answer_belongs_to_the_caller():
    filter_ = one_euro()
    filter_.step(np.zeros((1, 2)), 0.0)[:] = 99.0
    np.testing.assert_array_equal(filter_.step(np.zeros((1, 2)), 0.1), np.zeros((1, 2)))


@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 2.0)), min_size=1, max_size=30))
def test_it_never_overshoots_what_it_was_given(steps):
    filter_ = one_euro()
    at_s = 0.0
    given_ = []
    for value, dt_s in steps:
        at_s += dt_s
        given_.append(value)
        out = filter_.step(np.array([[value]]), at_s)[0, 0]
        assert min(given_) - 1e-6 <= out <= max(given_) + 1e-6


def test_settling_takes_its_time():
    settling = Settling(time_s=0.5)
    assert settling.step(2.0, 10.0) == 2.0
    assert float(settling.step(3.0, 10.5)) == pytest.approx(3.0 - math.exp(-1.0))


def test_settling_does_not_depend_on_how_often_it_is_asked():
    often, once = Settling(time_s=0.5), Settling(time_s=0.5)
    for settling in (often, once):
        settling.step(np.zeros(3), 0.0)
    for i in range(1, 11):
        out = often.step(np.ones(3), i / 10)
    np.testing.assert_allclose(out, once.step(np.ones(3), 1.0))


def test_settling_stands_when_time_does_and_forgets_on_reset():
    settling = Settling(time_s=0.5)
    settling.step(1.0, 0.0)
    assert settling.step(5.0, 0.0) == 1.0
    assert settling.step(5.0, -1.0) == 1.0
    settling.reset()
    assert settling.step(7.0, 0.0) == 7.0


def resting(slack: float = 0.05) -> Rest:
    return Rest(slack=np.array([slack]), drift_s=1.5, still_below=0.12, moving_above=0.35)


def followed(rest: Rest, way: np.ndarray, *, hz: float = 30.0) -> np.ndarray:
    seen = np.array([True])
    return np.array([rest.step(np.array([[x, 0.0]]), i / hz, seen=seen, unit=100.0)[0, 0] for i, x in enumerate(way)])


def test_rest_holds_still_what_sways_within_its_slack() -> None:
    t = np.arange(240) / 30
    out = followed(resting(), 300 + 3.0 * np.sin(2 * np.pi * 1.2 * t))
    assert np.abs(out[90:] - 300).max() < 0.8
    assert np.abs(np.diff(out[90:])).max() < 0.15


def test_rest_follows_a_walk_without_trailing() -> None:
    t = np.arange(150) / 30
    way = 300 + 80.0 * np.clip(t - 2.0, 0, None)  # 0.8 units a second
    out = followed(resting(), way)
    assert np.abs(out - way)[75:].max() < 0.5
    assert np.abs(out - way).max() < 5.5  # never further off than the slack


def test_rest_drifts_to_where_the_point_has_settled() -> None:
    out = followed(resting(), np.concatenate([np.full(90, 300.0), np.full(300, 304.0)]))
    assert out[89] == 300
    assert out[-1] == pytest.approx(304, abs=0.1)


def test_rest_without_slack_passes_everything_through() -> None:
    way = np.random.default_rng(3).normal(0, 5, 60).cumsum()
    assert followed(resting(0.0), way) == pytest.approx(way)


def test_rest_starts_fresh_after_a_gap_and_after_a_reset() -> None:
    rest = resting()
    one = np.array([[10.0, 0.0]])
    rest.step(one, 0.0, seen=np.array([True]), unit=100.0)
    rest.step(one + 2, 0.1, seen=np.array([False]), unit=100.0)
    assert rest.step(one + 3, 0.2, seen=np.array([True]), unit=100.0) == pytest.approx(one + 3)
    rest.reset()
    assert rest.step(one + 4, 0.3, seen=np.array([True]), unit=100.0) == pytest.approx(one + 4)


def held(hold: Hold, measured: np.ndarray, *, still: float | np.ndarray = 1.0, otherwise: np.ndarray | None = None):
    """One point on a line, at 30 Hz, a unit of 100 pixels."""
    otherwise = measured if otherwise is None else otherwise
    still = np.broadcast_to(still, len(measured))
    rows = zip(measured, otherwise, still, strict=True)
    return np.array(
        [
            hold.step(np.array([[m]]), i / 30, otherwise=np.array([[o]]), still=np.array([s]), unit=100.0)[0, 0]
            for i, (m, o, s) in enumerate(rows)
        ]
    )


def holding(slack: float = 0.06) -> Hold:
    return Hold(slack=np.array([slack]), memory_s=12.0)


def test_hold_averages_hunting_away_and_does_not_trail_the_mean():
    t = np.arange(300) / 30
    out = held(holding(), 300 + 5.0 * np.sin(2 * np.pi * 0.9 * t) + np.random.default_rng(3).normal(0, 2, len(t)))
    assert out[45:].std() < 0.6
    assert abs(out[-1] - 300) < 1.5


def test_hold_passes_on_exactly_what_nobody_vouches_for():
    way = np.random.default_rng(4).normal(0, 5, 60).cumsum()
    np.testing.assert_array_equal(held(holding(), np.zeros(60), still=0.0, otherwise=way), way)


def test_hold_lets_go_without_a_leap_and_quickly():
    still = np.repeat([1.0, 0.0], 60)
    out = held(holding(), np.repeat([300.0, 304.0], 60), still=still)
    assert out[59] == pytest.approx(300.0)
    assert np.diff(out).max() < 1.2
    assert out[75] == pytest.approx(304.0, abs=0.2)


def test_hold_does_not_believe_for_long_that_nothing_moves_while_it_does():
    t = np.arange(240) / 30
    walk = 300 + 60.0 * np.clip(t - 2.0, 0, None)  # 0.6 units a second
    assert np.abs(held(holding(), walk) - walk).max() < 100 * 0.06 * 4
    turned = held(holding(), np.repeat([300.0, 312.0], 120))  # twice the slack
    assert abs(turned[-1] - 312) < 3.5
    leapt = held(holding(), np.repeat([300.0, 360.0], 60))
    assert abs(leapt[61] - 360) < 20


def test_hold_forgets_on_reset_and_stands_when_time_does():
    hold = holding()
    held(hold, np.full(30, 300.0))
    one = np.array([[500.0]])
    assert hold.step(one, 0.0, otherwise=one, still=np.ones(1), unit=100.0) == pytest.approx(300.0)
    hold.reset()
    assert hold.step(one, 9.0, otherwise=one, still=np.ones(1), unit=100.0) == 500.0
