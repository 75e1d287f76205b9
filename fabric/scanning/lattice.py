"""Arithmetic of lattices on the plane: which way they lie, what is part of what.

Owns geometry alone; must not know pictures. A basis is float64 (2, 2), one vector in pixels per row.
"""

from __future__ import annotations

import math

import numpy as np

_FARTHEST = 8  # multiples of the shortest vectors among which warp and weft are looked for
_LIKELY_TURN_DEG = 15.0  # swatches are laid about straight
_LIKELY_SKEW_DEG = 1.5  # of warp against weft


def upright(basis: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], bool]:
    """(vector that runs rather across, to the right; the one that runs rather down), and whether in this order."""
    a, b = basis
    ordered = bool(abs(a[0]) * abs(b[1]) >= abs(b[0]) * abs(a[1]))
    across, down = (a, b) if ordered else (b, a)
    return (across * (1.0 if across[0] >= 0.0 else -1.0), down * (1.0 if down[1] >= 0.0 else -1.0)), ordered


def count_repeats(vector: np.ndarray, hw: tuple[int, int]) -> float:
    """How many of `vector` in a row a picture of (H, W) holds."""
    return float(min(hw[1] / max(abs(vector[0]), 1e-9), hw[0] / max(abs(vector[1]), 1e-9)))


def find_grain(basis: np.ndarray) -> float:
    """Degrees in [-45, 45] that warp and weft are turned, clockwise in the picture (y down).

    In any woven lattice so many ends and so many picks are a right angle of two lattice vectors. There may be others:
    the one with the fewest cells that is turned the least is taken.
    """
    area = abs(np.linalg.det(basis))
    i, j = np.mgrid[-_FARTHEST : _FARTHEST + 1, -_FARTHEST : _FARTHEST + 1].reshape(2, -1)
    vectors = np.column_stack([i, j]) @ basis
    turn = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
    across = np.flatnonzero((np.abs(turn) <= 45.0) & (np.hypot(*vectors.T) > 0.0))
    down = np.flatnonzero(np.abs(turn - 90.0) <= 50.0)
    weft, warp = vectors[across][:, None], vectors[down][None]
    skew = (turn[down][None] - 90.0) - turn[across][:, None]
    middle = (turn[down][None] - 90.0 + turn[across][:, None]) / 2.0
    cells = np.abs(weft[..., 0] * warp[..., 1] - weft[..., 1] * warp[..., 0]) / area
    cost = np.log(np.maximum(cells, 1.0)) + (skew / _LIKELY_SKEW_DEG) ** 2 + (middle / _LIKELY_TURN_DEG) ** 2
    return float(middle.ravel()[np.argmin(cost)])


def is_part_of(basis: np.ndarray, finer: np.ndarray) -> bool:
    """Whether both vectors of `basis` are whole combinations of the finer lattice's."""
    times = basis @ np.linalg.inv(finer)
    return bool((np.abs(times - np.rint(times)) < 0.2).all())


def snap(basis: np.ndarray, finer: np.ndarray) -> np.ndarray:
    """The vectors of the finer lattice that are nearest to those of `basis`."""
    return np.rint(basis @ np.linalg.inv(finer)) @ finer


def grain_axes(angle_deg: float) -> np.ndarray:
    """float64 (2, 2): unit vectors across and down cloth that is turned by `angle_deg`, clockwise."""
    turn = math.radians(angle_deg)
    return np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
