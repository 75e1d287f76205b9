"""The opening between the two sides of a collar, through which lining shows in a photo and the wearer later.

Owns the search for its two edges; must not know pieces. Lengths in constants are in shoulder widths.

Each side's edge runs from the top of the collar to a tip that both share, straight or bowed. All such pairs of edges on
a grid of tips are tried; the best is where colour jumps across the whole of both. The edges then snap to the photo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from garment.photos.seam import edge_strength, follow_edge

_WORK_WIDTH_PX = 150.0  # shoulders are scaled to this
_DEPTHS = np.concatenate(
    [np.arange(0.12, 0.4, 0.04), np.arange(0.4, 1.15, 0.05)]
)  # of the tip below the collar's sides
_ASIDES = np.arange(-0.08, 0.09, 0.04)  # of the tip from the axis
_STARTS = np.arange(0.07, 0.17, 0.015)  # of an edge's upper end from the axis
_BOWS = np.array([-0.05, 0.0, 0.05, 0.1])  # outwards, half way down
_ODD = np.array([0.8, 1.2])  # what it costs that the two edges start or bow differently
_SAMPLES = 28
_JUMP = 9.0  # CIE Lab distance across a clear edge
_LEAST = 0.1  # score from which there is an opening


@dataclass(frozen=True)
class Opening:
    """What is seen through the neck."""

    mask: np.ndarray
    """float32 (h, w) in [0, 1]."""
    tip: tuple[float, float]
    """Its lowest point, where the two sides of the front meet."""
    score: float
    """In [0, 1]: how clear its edges are."""


def find_opening(
    rgb: np.ndarray, alpha: np.ndarray, points: Mapping[str, np.ndarray], *, width: float
) -> Opening | None:
    """The opening in an upright photo whose shoulders are `width` pixels wide; None when the front is closed."""
    scale = min(1.0, _WORK_WIDTH_PX / width)
    small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    inside = cv2.resize(alpha, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    unit = width * scale
    grain = _grain(rgb, width, small.shape[:2])
    collar = (points["torso.collar_left"] + points["torso.collar_right"]) / 2 * scale
    soft = cv2.GaussianBlur(lab, (0, 0), max(0.014 * unit, 0.8))
    strange = _unlike_cloth(np.dstack([soft, grain]), inside, collar, unit)
    chest = _Chest(np.dstack([soft / _JUMP, strange]), inside, collar, unit)
    score, lines = _best_pair(chest)
    if lines is None or score < _LEAST:
        return None
    edges = edge_strength(lab, soft_px=0.01 * unit)
    left, right = (follow_edge(edges, line, reach_px=0.035 * unit)[0] for line in lines)
    mask = _filled(left / scale, right / scale, alpha.shape)
    return Opening(mask, (float(lines[0][-1, 0] / scale), float(lines[0][-1, 1] / scale)), min(score, 1.0))


@dataclass(frozen=True)
class _Chest:
    """What the search looks at: a small upright photo."""

    seen: np.ndarray
    """float32 (h, w, 4): CIE Lab in units of a clear edge, and how unlike the chest's cloth it is."""
    inside: np.ndarray
    """float32 (h, w): the garment's alpha."""
    collar: np.ndarray
    """Between the collar's sides, pixels."""
    unit: float
    """A shoulder width, pixels."""


def _grain(rgb: np.ndarray, width: float, hw: tuple[int, int]) -> np.ndarray:
    """float32 `hw`: logarithm of how strongly the cloth is patterned, finer than a lapel is broad."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = np.abs(grey - cv2.blur(grey, (max(3, round(0.03 * width)),) * 2))
    small = cv2.resize(fine, (hw[1], hw[0]), interpolation=cv2.INTER_AREA)
    return np.log(2.0 + cv2.GaussianBlur(small, (0, 0), 0.02 * width * hw[1] / rgb.shape[1]))


def _unlike_cloth(soft: np.ndarray, inside: np.ndarray, collar: np.ndarray, unit: float) -> np.ndarray:
    """float32 (h, w) in [0, 1]: how far a place's colour is from those of the chest beside the lapels."""
    ys, xs = np.mgrid[0 : inside.shape[0], 0 : inside.shape[1]]
    u, y = np.abs(xs - collar[0]) / unit, (ys - collar[1]) / unit
    chest = soft[(u > 0.24) & (u < 0.4) & (y > 0.25) & (y < 1.2) & (inside > 0.9)]
    if len(chest) < 50:
        return np.zeros(inside.shape, np.float32)
    covariance = np.cov(chest.T) + np.diag([9.0, 4.0, 4.0, 0.15])
    difference = (soft - chest.mean(0)).reshape(-1, 4)
    far = np.sqrt((difference @ np.linalg.inv(covariance) * difference).sum(1)).reshape(inside.shape)
    return np.clip((far - 1.5) / 2.5, 0, 1).astype(np.float32)


def _best_pair(chest: _Chest) -> tuple[float, tuple[np.ndarray, np.ndarray] | None]:
    """The best two edges, wearer's left first, and their score."""
    best: tuple[float, tuple[np.ndarray, np.ndarray] | None] = (-1.0, None)
    for depth in _DEPTHS:
        for aside in _ASIDES:
            score, lines = _pair(chest, chest.collar + np.array([aside, depth]) * chest.unit)
            if lines is None:
                continue
            score += 3.0 * _strangeness(chest, lines) - 0.25 * _mismatch(chest, lines)
            if score > best[0]:
                best = (score, lines)
    return best


def _pair(chest: _Chest, tip: np.ndarray) -> tuple[float, tuple[np.ndarray, np.ndarray] | None]:
    """The best two edges that meet in `tip`, and how clear they are."""
    h, w = chest.inside.shape
    if not (0 <= tip[1] < h and 0 <= tip[0] < w) or chest.inside[int(tip[1]), int(tip[0])] < 0.5:
        return -1.0, None
    left, right = (_candidates(chest, tip, sign) for sign in (1, -1))
    if not len(left[0]) or not len(right[0]):
        return -1.0, None
    a, b = _clearness(chest, left[0], 1)[:, None], _clearness(chest, right[0], -1)[None]
    odd = np.abs(left[1][:, None] - right[1][None]) @ _ODD
    both = 0.5 * np.minimum(a, b) + 0.25 * (a + b) - odd
    i, j = np.unravel_index(int(np.argmax(both)), both.shape)
    return float(both[i, j]), (left[0][i], right[0][j])


def _candidates(chest: _Chest, tip: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """float (L, _SAMPLES, 2) edges from the collar's top to the tip, and (L, 2) where they start and how they bow."""
    starts, bows = (grid.ravel() for grid in np.meshgrid(_STARTS, _BOWS))
    x = chest.collar[0] + sign * starts * chest.unit
    columns = np.clip(np.round(x).astype(int), 0, chest.inside.shape[1] - 1)
    top = np.column_stack([x, (chest.inside[:, columns] > 0.5).argmax(0) + 0.02 * chest.unit])
    middle = (top + tip) / 2 + np.column_stack([2 * sign * bows * chest.unit, np.zeros(len(bows))])
    t = np.linspace(0, 1, _SAMPLES)[None, :, None]
    lines = (1 - t) ** 2 * top[:, None] + 2 * t * (1 - t) * middle[:, None] + t * t * tip
    high = top[:, 1] < tip[1] - 0.08 * chest.unit
    return lines[high], np.column_stack([starts, bows])[high]


def _clearness(chest: _Chest, lines: np.ndarray, sign: int) -> np.ndarray:
    """(L,): how much of each line colour jumps across, less how much of it is no edge, in shoulder widths."""
    along = np.gradient(lines, axis=1)
    lengths = np.maximum(np.hypot(along[..., 0], along[..., 1]), 1e-6)
    across = np.stack([along[..., 1], -along[..., 0]], axis=-1) / lengths[..., None]
    outwards = sign * 0.028 * chest.unit * across
    outer, inner = _look(chest.seen, lines + outwards), _look(chest.seen, lines - outwards)
    jump = np.minimum(np.linalg.norm((outer - inner)[..., :3], axis=-1), 1.2)
    evidence = 0.6 * jump + 0.8 * (inner - outer)[..., 3] - 0.55
    return evidence[:, 1:-1].mean(1) * lengths.sum(1) / chest.unit


def _strangeness(chest: _Chest, lines: tuple[np.ndarray, np.ndarray]) -> float:
    """How much of what the lines enclose is not the chest's cloth, less what is, as an area."""
    mask = np.zeros(chest.inside.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.vstack([lines[0], lines[1][::-1]])).astype(np.int32)], 1)
    return float((chest.seen[mask > 0, 3] - 0.4).sum() / chest.unit**2)


def _mismatch(chest: _Chest, lines: tuple[np.ndarray, np.ndarray]) -> float:
    """How far the colours just inside the two edges differ: the same lining shows along both."""
    inwards = np.array([[-0.035], [0.035]])[..., None] * [chest.unit, 0.0]
    left, right = _look(chest.seen, np.stack(lines) + inwards)[..., :3]
    return float(np.minimum(np.linalg.norm(left - right, axis=1), 1.5)[: 3 * _SAMPLES // 4].mean())


def _look(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The image at (L, K, 2) places: (L, K, channels)."""
    x, y = np.ascontiguousarray(np.moveaxis(at.astype(np.float32), -1, 0))
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _filled(left: np.ndarray, right: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """Between the edges, and everything above them."""
    top = [(left[0, 0], 0.0), (right[0, 0], 0.0)]
    polygon = np.vstack([left, right[::-1], top[1], top[0]])
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
