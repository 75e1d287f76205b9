"""The lamp's fall-off, as a low polynomial of its logarithm.

Owns its terms and fitting them, to one surface or to several under one lamp; must not know pictures. Places count from
-1 to 1 over the flat picture, and go beyond where something beside the cloth is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_DEGREE = 3
_LOOSE = 2.5  # in deviations: what is further off the polynomial is pattern, not light
_ROUNDS = 6
_LEAST_SPREAD = 0.004  # of a surface's logarithm: light itself is no truer to a polynomial


@dataclass(frozen=True)
class Surface:
    """Something of one colour, or of one pattern all over, under the lamp."""

    x: np.ndarray
    """float64 (N,), as is `y`: places on it."""
    y: np.ndarray
    level: np.ndarray
    """float64 (N,): logarithm of the light that comes from there."""
    weights: np.ndarray
    """float64 (N,) in [0, 1]: how much each is worth."""
    unsure: float = 0.0
    """Deviation of `level` over the surface for reasons that nothing in it shows."""


def terms(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float64 (N, 10): every product of powers of x and y up to the third degree, lowest first."""
    powers = [(i, d - i) for d in range(_DEGREE + 1) for i in range(d, -1, -1)]
    return np.stack([np.asarray(x, np.float64) ** i * np.asarray(y, np.float64) ** j for i, j in powers], axis=-1)


def robust(matrix: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Least squares in which outliers lose their say (Tukey's biweight)."""
    say = weights.astype(np.float64)
    coefficients = np.zeros(matrix.shape[1])
    if not say.any():
        return coefficients
    for _ in range(_ROUNDS):
        coefficients = _solve(matrix, values, say)
        off = values - matrix @ coefficients
        say = weights * _say(off, 1.4826 * np.median(np.abs(off[weights > 0])) + 1e-6)
    return coefficients


def shared(surfaces: Sequence[Surface]) -> np.ndarray:
    """float64 (10,): the polynomial, but for its constant, of the lamp that all the surfaces lie under.

    Each has a colour of its own, and as much of a say as it is even: a plain table knows the lamp better than a check.
    """
    ends = np.cumsum([len(surface.level) for surface in surfaces])
    parts = [slice(end - len(surface.level), end) for end, surface in zip(ends, surfaces, strict=True)]
    matrix = np.zeros((ends[-1], 9 + len(surfaces)))
    values = np.concatenate([surface.level for surface in surfaces])
    weights = np.concatenate([surface.weights for surface in surfaces]).astype(np.float64)
    for k, (part, surface) in enumerate(zip(parts, surfaces, strict=True)):
        matrix[part, :9] = terms(surface.x, surface.y)[:, 1:]
        matrix[part, 9 + k] = 1.0
    say = weights
    coefficients = np.zeros(matrix.shape[1])
    for _ in range(_ROUNDS):
        coefficients = _solve(matrix, values, say)
        off = values - matrix @ coefficients
        say = weights.copy()
        for part, surface in zip(parts, surfaces, strict=True):
            seen = off[part][weights[part] > 0]
            spread = 1.4826 * float(np.median(np.abs(seen - np.median(seen)))) + _LEAST_SPREAD if len(seen) else 1.0
            say[part] *= _say(off[part], spread) * _LEAST_SPREAD**2 / (spread**2 + surface.unsure**2)
    return np.concatenate([[0.0], coefficients[:9]])


def _say(off: np.ndarray, spread: float) -> np.ndarray:
    return np.clip(1.0 - (off / (_LOOSE * 2 * spread)) ** 2, 0.0, 1.0) ** 2


def _solve(matrix: np.ndarray, values: np.ndarray, say: np.ndarray) -> np.ndarray:
    weighted = matrix * say[:, None]
    total = max(float(say.sum()), 1e-12)
    ridge = 1e-6 * np.eye(matrix.shape[1])
    return np.linalg.solve(matrix.T @ weighted / total + ridge, weighted.T @ values / total)
