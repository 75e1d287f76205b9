"""Colour conversions and CIEDE2000 against published figures."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from utils.colour import (
    delta_e00,
    hex_to_srgb8,
    lab_to_linear,
    lab_to_srgb8,
    linear_to_lab,
    linear_to_srgb,
    linear_to_srgb8,
    luminance,
    mean_srgb8,
    srgb8_to_hex,
    srgb_to_lab,
    srgb_to_linear,
)
from utils.errors import InputError

# Sharma, Wu and Dalal 2005, table 1: L a b, L a b, deltaE00.
SHARMA = np.loadtxt(
    io.StringIO("""
    50 2.6772 -79.7751  50 0 -82.7485  2.0425
    50 3.1571 -77.2803  50 0 -82.7485  2.8615
    50 2.8361 -74.0200  50 0 -82.7485  3.4412
    50 -1.3802 -84.2814  50 0 -82.7485  1.0000
    50 -1.1848 -84.8006  50 0 -82.7485  1.0000
    50 -0.9009 -85.5211  50 0 -82.7485  1.0000
    50 0 0  50 -1 2  2.3669
    50 -1 2  50 0 0  2.3669
    50 2.4900 -0.0010  50 -2.4900 0.0009  7.1792
    50 2.4900 -0.0010  50 -2.4900 0.0010  7.1792
    50 2.4900 -0.0010  50 -2.4900 0.0011  7.2195
    50 2.4900 -0.0010  50 -2.4900 0.0012  7.2195
    50 -0.0010 2.4900  50 0.0009 -2.4900  4.8045
    50 -0.0010 2.4900  50 0.0010 -2.4900  4.8045
    50 -0.0010 2.4900  50 0.0011 -2.4900  4.7461
    50 2.5 0  50 0 -2.5  4.3065
    50 2.5 0  73 25 -18  27.1492
    50 2.5 0  61 -5 29  22.8977
    50 2.5 0  56 -27 -3  31.9030
    50 2.5 0  58 24 15  19.4535
    50 2.5 0  50 3.1736 0.5854  1.0000
    50 2.5 0  50 3.2972 0  1.0000
    50 2.5 0  50 1.8634 0.5757  1.0000
    50 2.5 0  50 3.2592 0.3350  1.0000
    60.2574 -34.0099 36.2677  60.4626 -34.1751 39.4387  1.2644
    63.0109 -31.0961 -5.8663  62.8187 -29.7946 -4.0864  1.2630
    61.2901 3.7196 -5.3901  61.4292 2.2480 -4.9620  1.8731
    35.0831 -44.1164 3.7933  35.0232 -40.0716 1.5901  1.8645
    22.7233 20.0904 -46.6940  23.0331 14.9730 -42.5619  2.0373
    36.4612 47.8580 18.3852  36.2715 50.5065 21.2231  1.4146
    90.8027 -2.0831 1.4410  91.1528 -1.6435 0.0447  1.4441
    90.9257 -0.5406 -0.9208  88.6381 -0.8985 -0.7239  1.5381
    6.7747 -0.2908 -2.4247  5.8714 -0.0985 -2.2286  0.6377
    2.0776 0.0795 -1.1350  0.9033 -0.0636 -0.5514  0.9082
    """)
)

bytes_rgb = arrays(np.uint8, (5, 3))
light = arrays(np.float64, (4, 3), elements=st.floats(0.0, 1.0))


def test_ciede2000_reproduces_the_published_pairs():
    assert len(SHARMA) == 34
    np.testing.assert_allclose(delta_e00(SHARMA[:, :3], SHARMA[:, 3:6]), SHARMA[:, 6], atol=5e-5)
    np.testing.assert_allclose(delta_e00(SHARMA[:, 3:6], SHARMA[:, :3]), SHARMA[:, 6], atol=5e-5)


def test_ciede2000_broadcasts_one_colour_against_many():
    many = SHARMA[:, :3].reshape(2, 17, 3)
    assert delta_e00(many, np.array([50.0, 0.0, 0.0])).shape == (2, 17)


@pytest.mark.parametrize(
    ("text", "lab"),
    [
        ("#ffffff", (100.0, 0.0, 0.0)),
        ("#000000", (0.0, 0.0, 0.0)),
        ("#ff0000", (53.24, 80.09, 67.20)),
        ("#00ff00", (87.74, -86.18, 83.18)),
        ("#0000ff", (32.30, 79.19, -107.86)),
        ("#808080", (53.59, 0.0, 0.0)),
    ],
)
def test_lab_of_known_colours(text, lab):
    np.testing.assert_allclose(srgb_to_lab(hex_to_srgb8(text)), lab, atol=0.03)


@given(bytes_rgb)
def test_bytes_come_back_from_linear_light_and_from_lab(rgb):
    np.testing.assert_array_equal(linear_to_srgb8(srgb_to_linear(rgb)), rgb)
    np.testing.assert_array_equal(lab_to_srgb8(srgb_to_lab(rgb)), rgb)


@given(light)
def test_light_comes_back_from_lab_and_from_srgb(linear):
    np.testing.assert_allclose(lab_to_linear(linear_to_lab(linear)), linear, atol=1e-7)
    np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(linear)), linear, atol=2e-6)


@given(light)
def test_the_quick_encoding_is_the_nearest_code(linear):
    exact = linear_to_srgb(linear).astype(np.float64) * 255.0
    assert np.abs(linear_to_srgb8(linear) - exact).max() <= 0.51


@given(bytes_rgb, bytes_rgb)
def test_distance_is_symmetric_and_zero_only_at_home(one, other):
    a, b = srgb_to_lab(one), srgb_to_lab(other)
    np.testing.assert_allclose(delta_e00(a, b), delta_e00(b, a), atol=1e-9)
    np.testing.assert_array_equal(delta_e00(a, b) < 1e-9, (one == other).all(axis=-1))


def test_half_black_half_white_melts_into_the_grey_of_half_the_light():
    board = np.zeros((8, 8, 3), np.uint8)
    board[::2] = 255
    assert mean_srgb8(board).tolist() == [188, 188, 188]


def test_weights_choose_what_is_averaged():
    board = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    assert mean_srgb8(board, np.array([[0.0, 3.0]])).tolist() == [0, 0, 255]


@given(arrays(np.uint8, 3))
def test_hex_round_trip(rgb):
    np.testing.assert_array_equal(hex_to_srgb8(srgb8_to_hex(rgb)), rgb)


@pytest.mark.parametrize("text", ["", "123456", "#12345", "#12345g", "#1234567", "#-12345", None])
def test_a_malformed_colour_is_refused(text):
    with pytest.raises(InputError) as caught:
        hex_to_srgb8(text)
    assert caught.value.code == "bad_colour"


def test_luminance_is_the_y_of_a_colour():
    colours = np.random.default_rng(4).uniform(0.02, 1.0, (5, 7, 3)).astype(np.float32)
    bright = luminance(colours)
    assert bright.dtype == np.float32
    np.testing.assert_allclose(116.0 * np.cbrt(bright) - 16.0, linear_to_lab(colours)[..., 0], atol=0.02)


@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (5, 3), (4, 5, 3), (2, 3, 4, 5)])
def test_codes_and_light_of_any_shape_are_looked_up(shape):
    codes = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    linear = srgb_to_linear(np.asarray(codes))
    assert linear.shape == shape
    assert linear.dtype == np.float32
    assert np.array_equal(linear_to_srgb8(linear), codes)


def test_a_view_is_looked_up_as_its_copy_is():
    codes = np.random.default_rng(1).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    for view in (codes[::2, ::3], codes[..., ::-1], codes.transpose(2, 0, 1)):
        assert np.array_equal(srgb_to_linear(view), srgb_to_linear(view.copy()))
