"""What is compared when a scan is held against the truth, each as one number.

Owns corner errors, lattices, seams, colours and normals as figures; must not know where the numbers come from.
"""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from utils.colour import delta_e00, linear_to_lab

WITHIN = 0.01
"""Of the period: how far a repeat may be off."""
_PATCHES = 24  # patches along the longer side in which colours are compared
_BAND = 0.04  # of the tile on each side of the wrap

Repeat = Literal["found", "multiple", "fraction", "wrong", "none"]
"""The lattice itself; a coarser one of whole cells, which tiles as well but wastes cloth; one that is too fine."""


def corner_error(found: np.ndarray, true: np.ndarray) -> float:
    """Mean distance of the corners (4, 2) in shares of the true diagonal, whichever of them comes first."""
    diagonal = float(max(np.hypot(*(true[2] - true[0])), np.hypot(*(true[3] - true[1]))))
    turns = [np.hypot(*(np.roll(found, turn, axis=0) - true).T).mean() for turn in range(4)]
    return float(min(turns)) / diagonal


def same_lattice(found: np.ndarray | None, true: np.ndarray) -> Repeat:
    """Whether two found vectors (2, 2) make the lattice of `true`: (2, 2), or (1, 2) where only one period exists.

    A lattice has many bases: any that comes from another by whole numbers with the determinant 1 is as good. Each
    vector may be off by 1 % of its own length. Of stripes only the period across is asked; along them any will do.
    """
    if found is None:
        return "none"
    if len(true) == 1:
        return _same_period(found, true[0])
    times = found @ np.linalg.inv(true)
    whole = np.rint(times)
    if (whole == 0).all(axis=1).any():
        return "fraction"
    meant = whole @ true
    off = np.hypot(*(found - meant).T) / np.hypot(*meant.T)
    if off.max() > WITHIN:
        return "wrong"
    cells = abs(round(float(np.linalg.det(whole))))
    return "wrong" if cells == 0 else "found" if cells == 1 else "multiple"


def seam_ratio(picture: np.ndarray, *, cells: tuple[int, int] = (0, 0), expected: np.ndarray | None = None) -> float:
    """Mean step of L* across the wrap over that of the interior, linear (H, W, 3), the worse axis.

    Where an edge of the pattern lies at the wrap a step belongs there, and the ratio is taken relative to it: to the
    steps at the same phase of the tile's other cells, `cells` (across, down), or, where it is a single cell, to those
    of the true picture of the same piece of cloth, `expected`.
    """
    ratios = []
    for axis, count in ((0, cells[1]), (1, cells[0])):
        steps = _steps(picture, axis)
        due = 1.0
        if count >= 2:
            phases = np.rint(np.arange(1, count) * len(steps) / count).astype(int) - 1
            due = float(np.median(_near(steps, phases)) / max(steps[:-1].mean(), 1e-6))
        elif expected is not None:
            true = _steps(expected, axis)
            due = float(_near(true, np.array([-1]))[0] / max(true[:-1].mean(), 1e-6))
        ratios.append(float(steps[-1] / max(float(steps[:-1].mean()), 1e-6)) / max(due, 1.0))
    return max(ratios)


def band_contrast(picture: np.ndarray) -> float:
    """Fine contrast of L* along the wrap over that of the interior, linear (H, W, 3), the axis that is further from 1.

    A cross-fade leaves no step but a blurred band, below 1.
    """
    lightness = linear_to_lab(picture)[..., 0].astype(np.float32)
    h, w = lightness.shape
    fine = np.square(lightness - cv2.GaussianBlur(lightness, (0, 0), max(h, w) / 100.0))
    ratios = []
    for axis in (0, 1):
        lines = fine.mean(axis=1 - axis)
        band = max(2, round(_BAND * len(lines)))
        edge = np.concatenate([lines[:band], lines[-band:]]).mean()
        ratios.append(math.sqrt(float(edge / max(float(lines[band:-band].mean()), 1e-9))))
    return max(ratios, key=lambda ratio: abs(math.log(max(ratio, 1e-6))))


def step_excess(picture: np.ndarray, *, expected: np.ndarray | None = None) -> float:
    """How much more L* steps about anywhere in the tile than it does in its median, over bands of a 50th, the worst.

    A joint that wanders through the tile shows here, not at the wrap. Where the true picture is known, steps count
    relative to its own.
    """
    worst = 1.0
    for axis in (0, 1):
        steps = _banded(_steps(picture, axis))
        if expected is not None:
            steps = steps / np.maximum(_banded(_steps(expected, axis)), 1e-2)
        worst = max(worst, float(steps.max() / max(float(np.median(steps)), 1e-6)))
    return worst


def albedo_error(found: np.ndarray, true: np.ndarray) -> float:
    """Mean deltaE00 over patches of a 24th of the longer side, of two linear pictures (H, W, 3) of one size."""
    h, w = true.shape[:2]
    scale = _PATCHES / max(h, w)
    wh = max(1, round(w * scale)), max(1, round(h * scale))
    melted = [cv2.resize(np.clip(p, 0.0, 1.0).astype(np.float32), wh, interpolation=cv2.INTER_AREA)
              for p in (found, true)]  # fmt: skip
    return float(delta_e00(linear_to_lab(melted[0]), linear_to_lab(melted[1])).mean())


def normal_error_deg(found: np.ndarray, true: np.ndarray) -> float:
    """Mean angle between unit normals (H, W, 3), degrees."""
    return float(np.degrees(np.arccos(np.clip((found * true).sum(axis=2), -1.0, 1.0))).mean())


def _same_period(found: np.ndarray, period: np.ndarray) -> Repeat:
    """Of stripes: how the vectors step across them, in periods."""
    across = found @ period / (period @ period)
    whole = np.rint(across)
    allowed = WITHIN * np.maximum(np.abs(whole), 1.0)
    if not whole.any():
        return "fraction"
    if (np.abs(across - whole) > allowed).any():
        return "wrong"
    if abs(found[0, 0] * found[1, 1] - found[0, 1] * found[1, 0]) < 1e-9:
        return "wrong"
    return "found" if math.gcd(*(abs(int(n)) for n in whole)) == 1 else "multiple"


def _steps(picture: np.ndarray, axis: int) -> np.ndarray:
    """Mean |step| of L* from each line to the next; the last is across the wrap."""
    lightness = linear_to_lab(picture)[..., 0]
    return np.abs(np.roll(lightness, -1, axis=axis) - lightness).mean(axis=1 - axis)


def _near(steps: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The largest step within a line of each."""
    return np.max([np.roll(steps, shift)[lines] for shift in (-1, 0, 1)], axis=0)


def _banded(steps: np.ndarray) -> np.ndarray:
    """Running mean around the torus."""
    width = max(1, len(steps) // 50)
    return np.convolve(np.concatenate([steps, steps[: width - 1]]), np.ones(width) / width, mode="valid")
