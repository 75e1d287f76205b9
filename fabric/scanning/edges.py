"""Where along its sides the cloth ends: a quadrilateral's edges followed at finer and finer sizes.

Owns the strips along the sides and the straight edges fitted to them; must not know how the quadrilateral was come by.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from utils.images import shrink_to

_FINE_PX = 1600
_LEVELS = 4
_REACHES = 0.05, 0.03, 0.012  # how far the edge is looked for, pass after pass, as a share of the diagonal
_REACH_STEPS = 12  # that a reach is sampled in
_STEPS = np.arange(-30, 23)  # across a side: longer inwards, to learn what cloth looks like
_NEAR = np.abs(_STEPS) <= _REACH_STEPS
_FIRST = _STEPS[_NEAR][0] + 0.5  # where cloth ends that reaches to the first of the near steps
_KNOWN = 8  # steps from the side beyond which all is cloth or all is table
_LEAST_KNOWN, _ENOUGH = 400, 2000  # samples from which a stuff is learnt at all, and well
_LINES, _PER_LINE = 96, 4  # places along a side, and samples that are averaged for each
_PLACES = np.linspace(0.05, 0.95, _LINES * _PER_LINE)
_INSIDE = np.broadcast_to(_STEPS < -_KNOWN, (_PLACES.size, _STEPS.size))
_OUTSIDE = np.broadcast_to(_STEPS > _KNOWN, (_PLACES.size, _STEPS.size))
_SPREAD = np.mean(np.reshape(_PLACES, (_LINES, _PER_LINE)), axis=1)
_BINS = 16
_FLOOR = 1e-3  # of a histogram: what was not seen is not impossible
_BOUND = 4.0  # of the evidence of one place, so that none decides alone
_TEXTURE, _TOLD = 0.5, 0.5  # how much texture counts, and how far colours have to tell that it does not
_LEAST_RANGES = 0.25, 12.0, 12.0, 1.5  # of lightness (octaves), a, b and texture (octaves): below it all is noise
_TAB = 0.12  # of the diagonal: how far a mask's outermost corners may lie beyond its sides
_AGREE = 0.3  # of the reach: lines that are off by less agree; pinked teeth are not all one edge
_CLEAR = 0.4  # evidence per step of the reach from which a line tells that there is an edge
_FIRST_SUPPORT, _LEAST_SUPPORT, _MEAN_SUPPORT = 0.15, 0.38, 0.55  # share of the lines that agree where a side is


@dataclass(frozen=True)
class Close:
    """A photo at the sizes at which edges are followed."""

    lab: tuple[np.ndarray, ...]
    """uint8 (h, w, 3) each, half as large each time."""
    texture: tuple[np.ndarray, ...]
    """float32 (h, w) each: mean square of the finest contrast of lightness."""
    factor: float
    """Size of the first over the photo's."""

    @staticmethod
    def of(photo: np.ndarray) -> Close:
        """Of uint8 RGB (H, W, 3)."""
        fine, factor = shrink_to(photo, _FINE_PX)
        lab = [cv2.cvtColor(fine, cv2.COLOR_RGB2Lab)]
        lightness = lab[0][..., 0].astype(np.float32)
        rough = lightness - cv2.GaussianBlur(lightness, (0, 0), 1.5)
        texture = [cv2.GaussianBlur(rough * rough, (0, 0), 1.5)]
        for _ in range(_LEVELS - 1):
            lab.append(cv2.pyrDown(lab[-1]))
            texture.append(cv2.pyrDown(texture[-1]))
        return Close(tuple(lab), tuple(texture), factor)


def follow_sides(
    close: Close, quad: np.ndarray, *, beside: Sequence[np.ndarray] = ()
) -> tuple[np.ndarray, float] | None:
    """The quadrilateral whose sides lie where cloth ends, and how well the lines across them agree on that.

    `quad` and the result are float64 (4, 2), clockwise, in pixels of the photo; so are the outlines of what is known
    to lie `beside` it and is neither table nor cloth.
    """
    quad, agreed = (quad + 0.5) * close.factor - 0.5, 0.0
    taken = np.zeros(close.lab[0].shape[:2], np.uint8)
    for other in beside:
        cv2.fillConvexPoly(taken, np.rint((other + 0.5) * close.factor - 0.5).astype(np.int32), 1)
    for reach in _REACHES:
        moved = _move_sides(close, quad, taken, reach=reach)
        if moved is None:
            # The nearest look is thrown by teeth and fringes, on which the wider one agrees well enough.
            if reach == _REACHES[-1]:
                break
            return None
        quad, support = moved
        agreed = max(agreed, support)
    return (quad + 0.5) / close.factor - 0.5, agreed


def _move_sides(close: Close, quad: np.ndarray, taken: np.ndarray, *, reach: float) -> tuple[np.ndarray, float] | None:
    """Each side put where the lines across it see cloth end."""
    diagonal = float(np.hypot(*np.ptp(quad, axis=0)))
    reach_px = max(reach * diagonal, 3.0)
    strips = [_Strip.along(close, taken, quad[k], quad[(k + 1) % 4], reach_px=reach_px) for k in range(4)]
    everywhere = np.concatenate([strip.table for strip in strips], axis=1)
    lines, supports = [], []
    for strip in strips:
        # Where something lies close by, the table is what it is along the other sides.
        line, support = strip.fit(strip.table if strip.table.shape[1] >= _ENOUGH else everywhere)
        lines.append(line)
        supports.append(support)
    moved = None if _weak(supports, first=reach == _REACHES[0]) else _corners(lines)
    return None if moved is None else (moved, float(np.mean(supports)))


def _weak(supports: list[float], *, first: bool) -> bool:
    """Whether too few lines agree. A first guess may be off by so much that one side learns little."""
    least = _FIRST_SUPPORT if first else _LEAST_SUPPORT
    return min(supports) < least or float(np.mean(supports)) < _MEAN_SUPPORT


@dataclass(frozen=True)
class _Strip:
    """What is seen along one side of a quadrilateral, a line across it a row, from inside to outside."""

    start: np.ndarray
    end: np.ndarray
    outward: np.ndarray
    """float64 (2,): one step."""
    seen: np.ndarray
    """float32 (4, places, steps): lightness over the cloth's, a, b, texture."""
    taken: np.ndarray
    """bool (places, steps): where something lies that is neither cloth nor table."""

    @staticmethod
    def along(close: Close, taken: np.ndarray, start: np.ndarray, end: np.ndarray, *, reach_px: float) -> _Strip:
        step_px = reach_px / _REACH_STEPS
        side = (end - start) / max(float(np.hypot(*(end - start))), 1e-6)
        outward = np.array([side[1], -side[0]]) * step_px
        level = int(np.clip(round(np.log2(max(step_px, 1.0))), 0, _LEVELS - 1))
        grid = (start + (end - start) * _PLACES[:, None])[:, None] + outward * _STEPS[None, :, None]
        at = ((grid + 0.5) / 2**level - 0.5).astype(np.float32)
        border = cv2.BORDER_REPLICATE
        lab = cv2.remap(close.lab[level], at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=border)
        texture = cv2.remap(close.texture[level], at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=border)
        lightness, a, b = (channel.astype(np.float32) for channel in cv2.split(lab))
        # The logarithm of the cube root that lightness is of light: the light's fall-off adds to it.
        lightness = np.log2(lightness + np.float32(41.0))
        texture = np.log2(cv2.blur(texture, (1, 9)) + np.float32(0.25))
        there = cv2.remap(taken, grid[..., 0].astype(np.float32), grid[..., 1].astype(np.float32), cv2.INTER_NEAREST)
        return _Strip(start, end, outward, np.stack([_level(lightness), a, b, texture]), there > 0)

    @property
    def table(self) -> np.ndarray:
        """float32 (4, N): what is seen so far outside that it cannot be cloth."""
        return self.seen[:, _OUTSIDE & ~self.taken]

    def evidence(self, table: np.ndarray) -> np.ndarray:
        """float32 (lines, steps): log-likelihood ratio of cloth over `table` (4, N).

        What cloth looks like is learnt along this very side.
        """
        cloth = self.seen[:, _INSIDE & ~self.taken]
        if min(cloth.shape[1], table.shape[1]) < _LEAST_KNOWN:
            return np.zeros((_LINES, len(_STEPS)), np.float32)
        codes = [_Bins.of(c, t, least_range=least) for c, t, least in zip(cloth, table, _LEAST_RANGES, strict=True)]
        cloth, table, seen = ([bins(part) for bins, part in zip(codes, parts, strict=True)]
                              for parts in (cloth, table, self.seen))  # fmt: skip
        colour = sum(_ratios(cloth, table, seen, channels=(0, hue)) for hue in (1, 2))
        colour = np.clip(colour, -_BOUND, _BOUND)
        # Contrast is measured over some pixels, so cloth's reaches beyond its edge: it counts only where colours leave
        # the question open.
        told = float(colour[:, _STEPS < -_KNOWN].mean() - colour[:, _STEPS > _KNOWN].mean()) / (2.0 * _BOUND)
        weight = np.float32(_TEXTURE * max(0.0, 1.0 - told / _TOLD))
        total = colour + weight * _ratios(cloth, table, seen, channels=(3,))
        total[self.taken] = -_BOUND
        return np.clip(total, -_BOUND, _BOUND).reshape(_LINES, _PER_LINE, -1).mean(axis=1)

    def fit(self, table: np.ndarray) -> tuple[np.ndarray, float]:
        """The side as a homogeneous line (3,), and the share of lines that agree with it.

        On each line the edge is where the evidence for cloth, summed from inside, is largest: there cloth ends.
        """
        total = np.cumsum(self.evidence(table)[:, _NEAR], axis=1)
        best = total.argmax(axis=1)
        steps = _STEPS[_NEAR] + 0.5
        # How much is lost by saying that there is no edge on this line at all.
        clear = (total.max(axis=1) - np.maximum(total[:, -1], 0.0)) > _CLEAR * _REACH_STEPS
        clear &= (best > 0) & (best < len(steps) - 1)
        if clear.sum() < 8:
            return np.cross([*self.start, 1.0], [*self.end, 1.0]), 0.0
        from_start, from_end = _straight(total[clear], _SPREAD[clear], most=_AGREE * _REACH_STEPS * _BOUND)
        line = from_start + (from_end - from_start) * _SPREAD + _FIRST
        agree = clear & (np.abs(steps[best] - line) < _AGREE * _REACH_STEPS)
        a = self.start + self.outward * (from_start + _FIRST)
        b = self.end + self.outward * (from_end + _FIRST)
        return np.cross([*a, 1.0], [*b, 1.0]), float(agree.mean())


def straighten(mask: np.ndarray, quad: np.ndarray) -> np.ndarray:
    """`quad`, float64 (4, 2) around bool `mask` (H, W), with its sides where most of the mask ends: tabs stand out."""
    reach_px = _TAB * float(np.hypot(*np.ptp(quad, axis=0)))
    lines = []
    for k in range(4):
        start, side = quad[k], quad[(k + 1) % 4] - quad[k]
        outward = np.array([side[1], -side[0]]) / max(float(np.hypot(*side)), 1e-6) * reach_px / _REACH_STEPS
        grid = ((start + side * _SPREAD[:, None])[:, None] + outward * _STEPS[_NEAR, None]).astype(np.float32)
        within = cv2.remap(mask.astype(np.float32), grid[..., 0], grid[..., 1], cv2.INTER_LINEAR)
        begin, end = _straight(np.cumsum(2.0 * within - 1.0, axis=1), _SPREAD, most=_AGREE * _REACH_STEPS)
        a, b = start + outward * (begin + _FIRST), start + side + outward * (end + _FIRST)
        lines.append(np.cross([*a, 1.0], [*b, 1.0]))
    straight = _corners(lines)
    return quad if straight is None else straight


def _corners(lines: list[np.ndarray]) -> np.ndarray | None:
    """float64 (4, 2): where the sides meet, one after the other; None if that makes no convex quadrilateral."""
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if any(abs(corner[2]) < 1e-9 for corner in corners):
        return None
    quad = np.array([corner[:2] / corner[2] for corner in corners])
    return quad if (turns(np.roll(quad, -1, axis=0) - quad) > 0).all() else None


def _straight(total: np.ndarray, t: np.ndarray, *, most: float) -> tuple[float, float]:
    """Where, in columns of `total` (lines, steps) at the places `t`, the straight edge begins and ends that is most
    likely of all. No line counts for more than `most`: something else may lie there."""
    loss = np.minimum(total.max(axis=1, keepdims=True) - total, np.float32(most))
    last = total.shape[1] - 1
    begin = end = np.arange(0.0, last + 0.1, 2.0)
    rows = np.arange(len(t))[:, None, None]
    for width in (1.0, 0.25, 0.0):
        at = begin[:, None] + (end[None, :] - begin[:, None]) * t[:, None, None]
        at = np.clip(at, 0.0, last - 1e-6)
        low = at.astype(int)
        part = (at - low).astype(np.float32)
        lost = (loss[rows, low] * (1 - part) + loss[rows, low + 1] * part).sum(axis=0)
        i, j = np.unravel_index(int(lost.argmin()), lost.shape)
        around = np.arange(-3, 4) * width
        begin, end = begin[i] + around, end[j] + around
    return float(begin[0]), float(end[0])


def _level(lightness: np.ndarray) -> np.ndarray:
    """The same without the light's fall-off along the side, as the cloth shows it."""
    inner = lightness[:, _STEPS < -_KNOWN].mean(axis=1)
    slope, shift = np.polyfit(_PLACES, inner, 1)
    return lightness - (slope * _PLACES + shift).astype(np.float32)[:, None]


@dataclass(frozen=True)
class _Bins:
    """Bins that span what there is along a side, however dark."""

    low: np.float32
    scale: np.float32

    @staticmethod
    def of(cloth: np.ndarray, table: np.ndarray, *, least_range: float) -> _Bins:
        low, high = np.percentile(np.concatenate([cloth[::4], table[::4]]), [1.0, 99.0])
        spare = max(0.1 * (high - low), 0.5 * (least_range - (high - low)))
        return _Bins(np.float32(low - spare), np.float32(_BINS / (high - low + 2.0 * spare)))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """int32 of the same shape."""
        return np.clip((values - self.low) * self.scale, 0, _BINS - 1).astype(np.int32)


def _ratios(
    cloth: list[np.ndarray], table: list[np.ndarray], seen: list[np.ndarray], *, channels: tuple[int, ...]
) -> np.ndarray:
    """float32 (places, steps): log-likelihood ratio by what is seen in some channels together."""
    shape = (_BINS,) * len(channels)
    of_cloth, of_table, code = (
        np.ravel_multi_index([part[k] for k in channels], shape) for part in (cloth, table, seen)
    )
    return np.log((_histogram(of_cloth, shape) + _FLOOR) / (_histogram(of_table, shape) + _FLOOR))[code]


def _histogram(code: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """float32 (bins,): how often each occurs, smoothed, summing to one."""
    counts = np.bincount(code, minlength=math.prod(shape)).astype(np.float32).reshape(shape)
    smooth = cv2.GaussianBlur(counts, (5 if len(shape) > 1 else 1, 5), 0.8)
    return smooth.ravel() / max(float(smooth.sum()), 1.0)


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
