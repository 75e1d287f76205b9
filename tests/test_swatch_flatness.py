"""Whether cloth lies flat, by how straight its lattice is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fabric.scanning.findings import Even, Lattice
from fabric.scanning.waves import waviness

_HW = 480, 640


def check(cell_px: float, *, push_px: float = 0.0, tilt: float = 0.0, noise: float = 0.02) -> Even:
    """A check of that size, pushed aside in a wave two thirds of the picture long, or seen at a tilt."""
    y, x = np.mgrid[: _HW[0], : _HW[1]].astype(np.float64)
    depth = 1.0 + tilt * (y / _HW[0] - 0.5)
    x, y = (x - _HW[1] / 2) / depth, (y - _HW[0] / 2) / depth
    x = x + push_px * np.sin(y * 2.0 * np.pi / (0.67 * _HW[0]))
    squares = (np.sin(2 * np.pi * x / cell_px) > 0).astype(float) + (np.sin(2 * np.pi * y / cell_px) > 0)
    grey = 0.2 + 0.25 * squares + np.random.default_rng(0).normal(0.0, noise, _HW)
    linear = cv2.GaussianBlur(np.repeat(grey[..., None], 3, axis=2).astype(np.float32), (0, 0), 1.0)
    return Even(linear, np.ones((2, 2), np.float32), 1.0, "camera", 0.2)


def lattice(cell_px: float) -> Lattice:
    repeats = _HW[1] / cell_px, _HW[0] / cell_px
    a, b = np.array([cell_px, 0.0]), np.array([0.0, cell_px])
    return Lattice("periodic", a, b, None, None, 0.0, 1.0, "found", repeats)


@pytest.mark.parametrize("cell_px", [12.0, 50.0])
def test_flat_cloth_is_flat(cell_px):
    assert waviness(check(cell_px), lattice(cell_px)) < 0.01


def test_a_tilt_is_no_wave():
    assert waviness(check(40.0, tilt=0.3), lattice(40.0)) < 0.012


@pytest.mark.parametrize("cell_px", [12.0, 50.0])
def test_a_wave_shows(cell_px):
    assert waviness(check(cell_px, push_px=6.0), lattice(cell_px)) > 0.025
    assert waviness(check(cell_px, push_px=12.0), lattice(cell_px)) > 0.04


def test_too_few_repeats_do_not_tell():
    assert waviness(check(120.0), lattice(120.0)) is None


def test_without_a_lattice_nothing_is_told():
    assert waviness(check(12.0), Lattice("stochastic", None, None, None, None, 0.0, 1.0, "found", (0, 0))) is None


def test_a_grain_without_the_lattice_tells_nothing():
    """What was taken for a repeat may be none."""
    grain = cv2.GaussianBlur(np.random.default_rng(3).normal(0.4, 0.3, _HW).astype(np.float32), (0, 0), 2.0)
    even = Even(np.repeat(grain[..., None], 3, axis=2), np.ones((2, 2), np.float32), 1.0, "camera", 0.2)
    assert waviness(even, lattice(20.0)) is None
