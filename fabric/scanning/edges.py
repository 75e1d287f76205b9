"""Where along its sides the cloth ends: a quadrilateral's edges followed at a finer size.

Owns the lines across the sides and the straight edges fitted to them; must not know how the quadrilateral was come by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.looks import Look, describe, evidence_for

_SPREAD = np.linspace(0.05, 0.95, 96)  # of the lines across a side
_REACHES = 0.05, 0.03, 0.012  # how far the edge is looked for, pass after pass, as a share of the diagonal
_AGREE = 0.3  # of the reach: lines that are off by less agree; pinked teeth are not all one edge
_FIRST_SUPPORT, _LEAST_SUPPORT, _MEAN_SUPPORT = 0.15, 0.38, 0.55  # share of the lines that agree where a side is


def follow_sides(fine: np.ndarray, coarse: Look, quad: np.ndarray) -> tuple[np.ndarray, float] | None:
    """The quadrilateral whose sides lie where cloth ends, and how well the lines across them agree on that."""
    agreed = 0.0
    for reach in _REACHES:
        moved = _move_sides(fine, coarse, quad, reach=reach)
        if moved is None:
            # The nearest look is thrown by teeth and fringes, on which the wider one agrees well enough.
            return (quad, agreed) if reach == _REACHES[-1] else None
        quad, support = moved
        agreed = max(agreed, support)
    return quad, agreed


def _move_sides(fine: np.ndarray, coarse: Look, quad: np.ndarray, *, reach: float) -> tuple[np.ndarray, float] | None:
    """Each side put where the lines across it see cloth end."""
    diagonal = float(np.hypot(*np.ptp(quad, axis=0)))
    lines, supports = [], []
    for k in range(4):
        across = _Across.at(quad[k], quad[(k + 1) % 4], reach_px=max(reach * diagonal, 3.0))
        line, support = across.fit(across.look(fine, coarse, coarse.texture.shape[1] / fine.shape[1]))
        lines.append(line)
        supports.append(support)
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if any(abs(corner[2]) < 1e-9 for corner in corners) or _weak(supports, first=reach == _REACHES[0]):
        return None
    quad = np.array([corner[:2] / corner[2] for corner in corners])
    sides = np.roll(quad, -1, axis=0) - quad
    return (quad, float(np.mean(supports))) if (turns(sides) > 0).all() else None


def _weak(supports: list[float], *, first: bool) -> bool:
    """Whether too few lines agree. A first guess may be off by so much that one side learns little."""
    least = _FIRST_SUPPORT if first else _LEAST_SUPPORT
    return min(supports) < least or float(np.mean(supports)) < _MEAN_SUPPORT


@dataclass(frozen=True)
class _Across:
    """Lines across one side of a quadrilateral, from inside to outside."""

    start: np.ndarray
    end: np.ndarray
    outward: np.ndarray
    steps: np.ndarray
    """float64 (M,): pixels outwards from the side."""
    reach_px: float
    """How far from the side the edge is looked for; the lines are longer inwards, to learn what cloth looks like."""

    @staticmethod
    def at(start: np.ndarray, end: np.ndarray, *, reach_px: float) -> _Across:
        along = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
        steps = np.arange(-math.ceil(2.5 * reach_px), math.ceil(1.8 * reach_px) + 1).astype(np.float64)
        return _Across(start, end, np.array([along[1], -along[0]]), steps, reach_px)

    def look(self, fine: np.ndarray, coarse: Look, texture_scale: float) -> Look:
        """What is seen along the lines, one a row."""
        places = self.start + (self.end - self.start) * _SPREAD[:, None]
        grid = (places[:, None] + self.outward * self.steps[None, :, None]).astype(np.float32)
        border = cv2.BORDER_REPLICATE
        rgb = cv2.remap(fine, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=border)
        at = (grid + np.float32(0.5)) * np.float32(texture_scale) - np.float32(0.5)
        texture = cv2.remap(coarse.texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=border)
        return Look(cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab), texture)

    def fit(self, seen: Look) -> tuple[np.ndarray, float]:
        """The side as a homogeneous line (3,), and the share of lines that agree with it.

        What cloth and table look like is learnt along this very side. On each line the edge is where the evidence for
        cloth, summed from inside, is largest: there cloth ends.
        """
        inside = np.broadcast_to(self.steps < -0.7 * self.reach_px, seen.texture.shape)
        outside = np.broadcast_to(self.steps > 0.7 * self.reach_px, seen.texture.shape)
        evidence = evidence_for(seen, describe(seen, inside), describe(seen, outside))
        near = np.abs(self.steps) <= self.reach_px
        total = np.cumsum(evidence[:, near], axis=1)
        best = total.argmax(axis=1)
        steps = self.steps[near]
        # How much is lost by saying that there is no edge on this line at all.
        clear = (total.max(axis=1) - np.maximum(total[:, -1], 0.0)) > 0.4 * self.reach_px
        clear &= (best > 0) & (best < len(steps) - 1)
        if clear.sum() < 8:
            return np.cross([*self.start, 1.0], [*self.end, 1.0]), 0.0
        offsets = (steps[best] + 0.5)[clear]
        slope, shift, agree = robust_line(_SPREAD[clear], offsets, tolerance=max(2.0, _AGREE * self.reach_px))
        a = self.start + self.outward * shift
        b = self.end + self.outward * (shift + slope)
        return np.cross([*a, 1.0], [*b, 1.0]), float(agree.sum() / len(_SPREAD))


def robust_line(t: np.ndarray, offset: np.ndarray, *, tolerance: float) -> tuple[float, float, np.ndarray]:
    """Slope and intercept of the line that most points lie near, by all pairs of a subset, then least squares."""
    pick = np.linspace(0, len(t) - 1, min(len(t), 24)).astype(int)
    i, j = (index.ravel() for index in np.meshgrid(pick, pick))
    apart = t[j] - t[i] > 0.2
    i, j = i[apart], j[apart]
    slopes = (offset[j] - offset[i]) / (t[j] - t[i]) if len(i) else np.zeros(1)
    shifts = offset[i] - slopes * t[i] if len(i) else np.array([np.median(offset)])
    away = np.abs(slopes[:, None] * t + shifts[:, None] - offset)
    best = int(np.argmin(np.minimum(away, tolerance).sum(axis=1)))
    slope, shift = float(slopes[best]), float(shifts[best])
    near = away[best] < tolerance
    for _ in range(3):
        if near.sum() < 4:
            break
        slope, shift = (float(value) for value in np.polyfit(t[near], offset[near], 1))
        near = np.abs(slope * t + shift - offset) < tolerance
    return slope, shift, near


def turns(sides: np.ndarray) -> np.ndarray:
    """float64 (N,): how each side (N, 2) turns into the next; all of one sign where a polygon is convex."""
    following = np.roll(sides, -1, axis=0)
    return sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
