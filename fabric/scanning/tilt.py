"""How far the camera was tilted against cloth that fills the whole photo, read off the cloth itself.

Owns shape from texture: the lines of the weave in windows all over the photo, and the one vanishing line under which
all of them are the same lines; must not know scale or what the cloth repeats like.

Places x and waves are in long sides of the photo, from its middle. Where the cloth's plane vanishes at 1 + l.x = 0 it
is, but for an affine map, x / (1 + l.x). A wave g on it is seen at x as the wave g / (1 + l.x) - (g.x) l / (1 + l.x)^2:
windows at many places fix l. The affine map follows from the camera: with the focal length f the plane's normal is
(l, 1 / f).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fabric.scanning.findings import Outline, Scale
from fabric.scanning.rectify import FOCAL
from fabric.scanning.spectrum import Lines, find_lines, power
from utils.images import shrink_to

_WINDOW_PX = 256  # of the photo, of half of it, of a quarter ...: fine weaves are seen in the first, large in the last
_USUAL_PX = 1800  # long side
_APART, _FEWEST, _MOST = 0.6, 3, 5  # of a window, and windows along a side
_STANDS_OUT = 10.0  # times its floor a line
_MOST_LINES, _LEAST_LINES = 16, 24  # of one window, of all of them
_BLOCK_PX = 8  # of a JPEG: what comes back with its blocks is the same everywhere, however the cloth lies
_STEEPEST_DEG, _RINGS = 50.0, 14  # tilts that are tried
_BEHIND = 0.2  # of 1 + l.x, below which cloth is too far away to be seen
_LONGEST, _STEPS, _TURNS = math.e**8, 400, 160  # cycles per long side; a histogram's bins of 2 % and 1.1 degrees
_MOST_WAVES = 40
_GUESSES = 3  # that are refined
_ROUNDS, _CATCH, _HOLD = 8, 3.0, 1.5  # of least squares, and how far off lines count at first and in the end
_SAME_SHARE = 0.5  # of the lines' weight that has to agree
_BLOCKS, _ALL_OVER = 4, 0.8  # of the photo each way, and the share that has to show them: else there is a table
_MEANT = 8.0  # deviations of l: less may be cloth that does not lie quite flat
_TINY = 1e-9 * np.eye(2)  # for waves that nothing is near
_SAME_PLANE = 0.25  # of l: about 11 degrees, for a card is small
_SURE = 0.02  # deviation of l, about 1 degree


@dataclass(frozen=True)
class _Seen:
    """Lines of windows all over the photo."""

    place: np.ndarray
    """float64 (N, 2): the middle of the window that each was seen in."""
    wave: np.ndarray
    """float64 (N, 2): cycles per long side, of one of its two opposite directions."""
    weight: np.ndarray
    """float64 (N,)."""
    blunt: np.ndarray
    """float64 (N,): how far off a wave may be."""
    half: np.ndarray
    """float64 (2,): half of the photo's width and height."""

    def of(self, which: np.ndarray) -> _Seen:
        """Some of them, by mask."""
        return _Seen(self.place[which], self.wave[which], self.weight[which], self.blunt[which], self.half)

    def spread(self) -> float:
        """Over which share of the photo there are any."""
        block = np.clip(((self.place / self.half + 1.0) * _BLOCKS / 2.0).astype(int), 0, _BLOCKS - 1)
        return len(np.unique(block @ (1, _BLOCKS))) / _BLOCKS**2


@dataclass(frozen=True)
class _Fit:
    """Waves on a plane, and how well they are what is seen."""

    vanishing: np.ndarray
    """float64 (2,): l."""
    waves: np.ndarray
    """float64 (K, 2)."""
    off: float
    """Deviation of l in its least certain direction."""
    share: float = 0.0
    """Of the lines' weight that these waves explain."""
    spread: float = 0.0
    """Of the photo, over which they do."""


def see_tilt(photo: np.ndarray, outline: Outline) -> Outline:
    """The outline with the way to the cloth's plane, where uint8 RGB (H, W, 3) is cloth all over and tells it."""
    if outline.source != "frame":
        return outline
    vanishing = find_vanishing(photo)
    return outline if vanishing is None else replace(outline, to_plane=plane_of(vanishing, photo.shape[:2]))


def in_its_plane(scale: Scale, outline: Outline, hw: tuple[int, int]) -> Scale:
    """The scale, or an unknown one where it was measured on something that does not lie in the plane that the cloth
    tells, in a photo of (H, W): part of a pattern was taken for a card."""
    if scale.to_mm is None or outline.to_plane is None:
        return scale
    apart = _vanishing_of(scale.to_mm, hw) - _vanishing_of(outline.to_plane, hw)
    return scale if float(np.hypot(*apart)) < _SAME_PLANE else Scale(None, None, 0.0)


def _vanishing_of(to_plane: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float64 (2,): l of the plane that a homography leads to."""
    h, w = hw
    x, y, one = to_plane[2]
    return np.array([x, y]) * max(h, w) / (x * (w - 1) / 2.0 + y * (h - 1) / 2.0 + one)


def find_vanishing(photo: np.ndarray) -> np.ndarray | None:
    """float64 (2,): l of the plane of cloth that fills uint8 RGB (H, W, 3), 0 where it is seen square on; None where it
    shows no weave, or another one here than there."""
    # Most cloth is told from a photo of the usual size, and grain adds lines of its own in a larger one; fine cloth is
    # told from all of it.
    sizes = sorted({min(_USUAL_PX, max(photo.shape)), max(photo.shape)})
    found = (_vanishing_in(_look(photo, long_side_px=px)) for px in sizes)
    return next((vanishing for vanishing in found if vanishing is not None), None)


def _vanishing_in(seen: _Seen) -> np.ndarray | None:
    if len(seen.weight) < _LEAST_LINES:
        return None
    tries = _tries()
    best = np.argsort([-float((_histogram(seen, line) ** 2).sum()) for line in tries])[:_GUESSES]
    fit = max((_refined(seen, tries[index]) for index in best), key=lambda fit: fit.share)
    if fit.share < _SAME_SHARE or fit.spread < _ALL_OVER or fit.off > _SURE:
        return None
    return fit.vanishing if np.hypot(*fit.vanishing) > _MEANT * fit.off else np.zeros(2)


def plane_of(vanishing: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float64 (3, 3): from the pixels of a photo of (H, W) to the plane that vanishes there, of the photo's size in the
    middle and not turned."""
    h, w = hw
    long_side = max(h, w)
    normal = np.array([*vanishing, 1.0 / FOCAL])
    normal /= np.linalg.norm(normal)
    ahead = np.array([0.0, 0.0, 1.0])
    axis = np.cross(normal, ahead)  # the shortest turn of the camera to look straight down
    turn = cv2.Rodrigues(axis / max(np.linalg.norm(axis), 1e-12) * math.acos(min(normal[2], 1.0)))[0]
    rays = np.array([[1.0, 0.0, -(w - 1) / 2], [0.0, 1.0, -(h - 1) / 2], [0.0, 0.0, FOCAL * long_side]])
    to_plane = turn @ rays
    to_plane[:2] *= FOCAL * long_side * normal[2] ** 1.5  # what the turn does to areas in the middle
    return to_plane


# ---- looking


def _look(photo: np.ndarray, *, long_side_px: float) -> _Seen:
    view, _ = shrink_to(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), long_side_px)
    longest = max(photo.shape)
    parts = [(np.empty((0, 2)), np.empty((0, 2)), np.empty(0), np.empty(0))]
    while min(view.shape) >= 2 * _WINDOW_PX:
        long_side = max(view.shape)
        for lines, middle in _windows(view):
            lines = lines.of(~_of_blocks(lines, long_side / longest))
            count = len(lines)
            blunt = np.full(count, float(lines.blunt.max(initial=0.0)) * long_side)
            parts.append((np.tile(middle, (count, 1)), lines.at * long_side, lines.weight, blunt))
        view = cv2.resize(view, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = np.array(photo.shape[1::-1]) / longest / 2.0
    return _Seen(*(np.concatenate(column) for column in zip(*parts, strict=True)), half=half)


def _windows(view: np.ndarray) -> Iterator[tuple[Lines, np.ndarray]]:
    """The lines of each window of uint8 (H, W), and its middle."""
    n, hw = _WINDOW_PX, np.array(view.shape)
    counts = np.clip(np.ceil((hw - n) / (_APART * n)).astype(int) + 1, _FEWEST, _MOST)
    rows, columns = (np.linspace(0, side - n, count).astype(int) for side, count in zip(hw, counts, strict=True))
    for y in rows:
        for x in columns:
            window = view[y : y + n, x : x + n].astype(np.float32)
            lines = find_lines([power(window)], px=1.0, stands_out=_STANDS_OUT)
            yield lines.of(np.argsort(-lines.weight)[:_MOST_LINES]), (np.array([x, y]) + (n - hw[::-1]) / 2) / hw.max()


def _of_blocks(lines: Lines, factor: float) -> np.ndarray:
    """bool (N,): lines of the blocks that the photo was coded in, seen in a view that is `factor` times its size."""
    times = lines.at * factor * _BLOCK_PX
    return (np.abs(times - np.rint(times)) < 2.0 * lines.blunt * factor * _BLOCK_PX).all(axis=1)


# ---- fitting


def _tries() -> np.ndarray:
    """float64 (N, 2): vanishing lines of all tilts."""
    side = np.linspace(-1.0, 1.0, 2 * _RINGS + 1) * math.tan(math.radians(_STEEPEST_DEG)) / FOCAL
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    return grid[np.hypot(*grid.T) <= side[-1]]


def _turning(places: np.ndarray, vanishing: np.ndarray) -> np.ndarray:
    """float64 (N, 2, 2): from a wave on the plane, as a column, to the one that is seen at each place."""
    ahead = (1.0 + places @ vanishing)[:, None, None]
    return np.eye(2) / ahead - vanishing[:, None] * places[:, None, :] / ahead**2


def _histogram(seen: _Seen, vanishing: np.ndarray) -> np.ndarray:
    """float32 (turns, steps): how much is seen of each wave of the plane, by its direction and its length's
    logarithm. The steeper its peaks, the more of the windows show the same."""
    seen = seen.of(1.0 + seen.place @ vanishing > _BEHIND)
    waves = np.linalg.solve(_turning(seen.place, vanishing), seen.wave[..., None])[..., 0]
    steps = np.log(np.maximum(np.hypot(*waves.T), 1.0)) / math.log(_LONGEST) * _STEPS
    turns = np.arctan2(waves[:, 1], waves[:, 0]) / math.pi * _TURNS
    place = np.rint(turns).astype(int) % _TURNS * _STEPS + np.minimum(steps.astype(int), _STEPS - 1)
    counts = np.bincount(place, seen.weight, _TURNS * _STEPS).astype(np.float32).reshape(_TURNS, _STEPS)
    return cv2.GaussianBlur(counts, (0, 0), 1.2)


def _refined(seen: _Seen, vanishing: np.ndarray) -> _Fit:
    """The fit by least squares that begins with this vanishing line and the waves that most windows show under it."""
    counts = _histogram(seen, vanishing)
    turns, steps = np.nonzero((cv2.dilate(counts, np.ones((5, 5), np.uint8)) <= counts) & (counts > 0.0))
    best = np.argsort(-counts[turns, steps])[:_MOST_WAVES]
    length, turn = _LONGEST ** ((steps[best] + 0.5) / _STEPS), turns[best] / _TURNS * math.pi
    fit = _Fit(vanishing, np.column_stack([length * np.cos(turn), length * np.sin(turn)]), math.inf)
    for index in range(_ROUNDS):
        nearest, off = _nearest(seen, fit)
        near = np.hypot(*off.T) < (_CATCH if index < _ROUNDS // 2 else _HOLD) * seen.blunt
        if near.sum() < _LEAST_LINES:
            return fit
        fit = _step(seen.of(near), fit, nearest[near], off[near])
    explained = np.hypot(*_nearest(seen, fit)[1].T) < seen.blunt
    share = float(seen.weight[explained].sum() / seen.weight.sum())
    return replace(fit, share=share, spread=seen.of(explained).spread())


def _nearest(seen: _Seen, fit: _Fit) -> tuple[np.ndarray, np.ndarray]:
    """Which of the waves each of the lines may be, int (N,), and how far off it is, float64 (N, 2)."""
    due = np.einsum("nij,kj->nki", _turning(seen.place, fit.vanishing), fit.waves)
    off = np.stack([seen.wave[:, None] - due, -seen.wave[:, None] - due], axis=2)  # a wave runs both ways
    off[1.0 + seen.place @ fit.vanishing <= _BEHIND] = np.inf
    best = np.hypot(off[..., 0], off[..., 1]).reshape(len(off), -1).argmin(axis=1)
    return best // 2, off.reshape(len(off), -1, 2)[np.arange(len(off)), best]


def _step(seen: _Seen, fit: _Fit, nearest: np.ndarray, off: np.ndarray) -> _Fit:
    """One of Gauss and Newton's: l and the waves that make the lines' offsets (N, 2) least.

    Each wave is eliminated by its own equations, which leaves two for l.
    """
    trust = (np.sqrt(seen.weight) / seen.blunt)[:, None]
    by_wave = _turning(seen.place, fit.vanishing) * trust[..., None]
    by_line = _change(seen.place, fit.vanishing, fit.waves[nearest]) * trust[..., None]
    rest = (off * trust)[..., None]
    own, shared, left = (np.zeros((len(fit.waves), 2, width)) for width in (2, 2, 1))
    for into, part in ((own, by_wave), (shared, by_line), (left, rest)):
        np.add.at(into, nearest, by_wave.transpose(0, 2, 1) @ part)
    inverse = np.linalg.inv(own + _TINY)
    across, by_line = shared.transpose(0, 2, 1) @ inverse, by_line.transpose(0, 2, 1)
    spread = np.linalg.inv((by_line @ by_line.transpose(0, 2, 1)).sum(axis=0) - (across @ shared).sum(axis=0) + _TINY)
    move = spread @ ((by_line @ rest).sum(axis=0) - (across @ left).sum(axis=0))
    waves = fit.waves + (inverse @ (left - shared @ move))[..., 0]
    return _Fit(fit.vanishing + move[:, 0], waves, math.sqrt(np.linalg.eigvalsh(spread)[-1]))


def _change(places: np.ndarray, vanishing: np.ndarray, waves: np.ndarray) -> np.ndarray:
    """float64 (N, 2, 2): how each wave as it is seen changes with l."""
    ahead = (1.0 + places @ vanishing)[:, None, None]
    along = (waves * places).sum(axis=1)[:, None, None] / ahead
    outward = places[:, None, :] / ahead
    return ((2.0 * along * vanishing[:, None] - waves[..., None]) * outward - along * np.eye(2)) / ahead
