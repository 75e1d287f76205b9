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
    unlike_cloth: np.ndarray
    """float32 (h, w) in [0, 1]: how far colour and pattern are from those of the chest."""
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
    seen = np.dstack([soft / _JUMP, strange])
    pairs = [_pair(seen, inside, collar, unit, depth, aside) for depth in _DEPTHS for aside in _ASIDES]
    weighed = [
        (edge + 3.0 * _strangeness(strange, lines, unit) - 0.25 * _mismatch(seen, lines, unit), lines)
        for edge, lines in pairs
        if lines is not None
    ]
    score, lines = max(weighed, key=lambda p: p[0], default=(-1.0, None))
    if lines is None or score < _LEAST:
        return None
    edges = edge_strength(lab, soft_px=0.01 * unit)
    left, right = (follow_edge(edges, line, reach_px=0.035 * unit)[0] for line in lines)
    tip = lines[0][-1] / scale
    mask = _filled(left / scale, right / scale, alpha.shape)
    unlike = cv2.resize(strange, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return Opening(mask, (float(tip[0]), float(tip[1])), unlike, float(np.clip(score, 0, 1)))


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


def _pair(
    seen: np.ndarray, inside: np.ndarray, collar: np.ndarray, unit: float, depth: float, aside: float
) -> tuple[float, tuple[np.ndarray, np.ndarray] | None]:
    """The best left and right edge that meet in one tip, and their score."""
    tip = collar + np.array([aside, depth]) * unit
    if not (0 <= tip[1] < inside.shape[0] and 0 <= tip[0] < inside.shape[1]) or inside[int(tip[1]), int(tip[0])] < 0.5:
        return -1.0, None
    found = []
    for sign in (1, -1):
        ways = _candidates(inside, collar, tip, sign, unit)
        found.append([(_clearness(seen, line, sign, unit), line, shape) for line, shape in ways])
    pairs = [
        (0.5 * min(a, b) + 0.25 * (a + b) - _odd(left, right), (first, second))
        for a, first, left in found[0]
        for b, second, right in found[1]
    ]
    return max(pairs, key=lambda pair: pair[0], default=(-1.0, None))


def _strangeness(strange: np.ndarray, lines: tuple[np.ndarray, np.ndarray], unit: float) -> float:
    """How much of what the lines enclose is not the chest's cloth, less what is, as an area."""
    mask = np.zeros(strange.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.vstack([lines[0], lines[1][::-1]])).astype(np.int32)], 1)
    return float((strange[mask > 0] - 0.4).sum() / (unit * unit))


def _mismatch(seen: np.ndarray, lines: tuple[np.ndarray, np.ndarray], unit: float) -> float:
    """How far the colours just inside the two edges differ: the same lining shows along both."""
    left, right = (
        _look(seen, line - [sign * 0.035 * unit, 0])[:, :3] for line, sign in zip(lines, (1, -1), strict=True)
    )
    return float(np.minimum(np.linalg.norm(left - right, axis=1), 1.5)[: 3 * _SAMPLES // 4].mean())


def _odd(left: tuple[float, float], right: tuple[float, float]) -> float:
    """What it costs that the two sides start or bow differently."""
    return 0.8 * abs(left[0] - right[0]) + 1.2 * abs(left[1] - right[1])


def _candidates(
    inside: np.ndarray, collar: np.ndarray, tip: np.ndarray, sign: int, unit: float
) -> list[tuple[np.ndarray, tuple[float, float]]]:
    t = np.linspace(0, 1, _SAMPLES)[:, None]
    lines = []
    for start in _STARTS:
        x = collar[0] + sign * start * unit
        column = inside[:, int(np.clip(round(x), 0, inside.shape[1] - 1))]
        top = np.array([x, float(np.argmax(column > 0.5)) + 0.02 * unit])
        if top[1] > tip[1] - 0.08 * unit:
            continue
        for bow in _BOWS:
            middle = (top + tip) / 2 + np.array([2 * sign * bow * unit, 0.0])
            line = (1 - t) ** 2 * top + 2 * t * (1 - t) * middle + t * t * tip
            lines.append((line, (float(start), float(bow))))
    return lines


def _clearness(seen: np.ndarray, line: np.ndarray, sign: int, unit: float) -> float:
    """How much of the line colour jumps across, less how much of it is no edge."""
    along = np.gradient(line, axis=0)
    across = np.column_stack([along[:, 1], -along[:, 0]]) / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    reach = 0.028 * unit
    sides = [_look(seen, line + way * reach * across) for way in (1, -1)]
    outer, inner = sides if sign > 0 else sides[::-1]
    jump = np.minimum(np.linalg.norm((outer - inner)[:, :3], axis=1), 1.2)
    evidence = 0.6 * jump + 0.8 * (inner - outer)[:, 3] - 0.55
    length = float(np.hypot(*np.diff(line, axis=0).T).sum()) / unit
    return float(evidence[1:-1].mean()) * length


def _look(image: np.ndarray, at: np.ndarray) -> np.ndarray:
    x, y = np.ascontiguousarray(at.astype(np.float32)).T
    return cv2.remap(image, x[:, None], y[:, None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]


def _filled(left: np.ndarray, right: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """Between the edges, and everything above them."""
    top = [(left[0, 0], 0.0), (right[0, 0], 0.0)]
    polygon = np.vstack([left, right[::-1], top[1], top[0]])
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255
