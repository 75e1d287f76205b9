"""Stripes and checks, whether or not they are seen to repeat.

Owns how much of a picture is bands of colour that run right across the cloth, up and down it or both; must not know
lattices. Yarn that wanders and mottles differ from place to place: what stands at the same place in neighbouring strips
of the cloth is a band.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.lattice import grain_axes

_LOOK_PX, _GLANCE_PX = 384, 192  # longer side: to be measured, and to find the grain
_STRIPS = 8  # that a band has to go through: it need not be straighter than from one to the next
_FINEST_PX = 1.5  # deviation: the weave is averaged out
_RIM = 0.025  # of each side: a pinked edge, and table beside corners that a person gave, run right across too
_TURNS_DEG = np.arange(-45.0, 45.0, 3.0)
_DEGREE = 3  # of what is left of the light
_SLOW = 40, 10.0  # cells of a grid, and deviation on it, of what is too slow to be told from light
_SHARE, _SEEN = 0.35, 1.6  # of the variance, and deviation in CIELAB: below, yarns of one colour that differ a little
_EITHER = 0.15  # share of the bands' variance without which an axis has none
_LEAST_OVERLAP = 1 / 3  # of a profile: one and a half repeats
_ALIKE, _AS_ALIKE = 0.75, 0.95  # correlation of repeats, and share of the best one's that a shorter one has to have
_UNLIKE = 0.65  # and distance in units of chance that refutes one
_SHORTEST_PX, _OFF = 6, 2  # steps: of a repeat, and that a given one may be off


@dataclass(frozen=True)
class Bands:
    """What runs right across and right down the cloth."""

    angle_deg: float
    """How far they are turned, clockwise."""
    variances: tuple[float, float]
    """In CIELAB, of what changes from left to right and of what changes from top to bottom."""
    whole: float
    """Variance of all that is seen."""
    profiles: tuple[np.ndarray, np.ndarray]
    """float32 (W, 3) and (H, 3): the mean colour from left to right and from top to bottom of the middle."""
    px: float
    """Pixels of the flat picture to one step of the profiles."""

    @property
    def share(self) -> float:
        """Of all that is seen."""
        return sum(self.variances) / max(self.whole, 1e-9)

    @property
    def are_clear(self) -> bool:
        """Whether anybody would call this cloth striped or checked."""
        return self.share >= _SHARE and sum(self.variances) >= _SEEN**2

    def refute(self, across_px: float, down_px: float) -> bool:
        """Whether the bands are not the same again so much further across and down."""
        least, steps = _EITHER * sum(self.variances), (across_px / self.px, down_px / self.px)
        axes = zip(self.variances, self.profiles, steps, strict=True)
        return any(_unlike_after(profile, step) > _UNLIKE for variance, profile, step in axes if variance >= least)

    def repeats_px(self) -> tuple[float, float] | None:
        """Length of the repeat (across, down) in pixels of the flat picture; 0 along stripes, None if none is seen."""
        least = _EITHER * sum(self.variances)
        lengths = [
            0.0 if variance < least else _repeat(profile)
            for variance, profile in zip(self.variances, self.profiles, strict=True)
        ]
        return None if None in lengths else (lengths[0] * self.px, lengths[1] * self.px)


def find_bands(linear: np.ndarray, angle_deg: float | None = None) -> Bands:
    """Of evenly lit linear RGB (H, W, 3). Looked for at all angles, unless the grain is known."""
    if angle_deg is None:
        glance, _ = _reduced(linear, _GLANCE_PX)
        shown = _whole(glance) >= _SEEN**2  # else nothing turns up, however it is turned
        angle_deg = _straightest([sum(_variances(_turned(glance, turn))) for turn in _TURNS_DEG]) if shown else 0.0
    lab, px = _reduced(linear, _LOOK_PX)
    upright = _turned(lab, angle_deg)
    profiles = upright.mean(axis=0), upright.mean(axis=1)
    rim_y, rim_x = (round(_RIM * side) for side in upright.shape[:2])
    inner = upright[rim_y : len(upright) - rim_y, rim_x : upright.shape[1] - rim_x]
    return Bands(angle_deg, _variances(inner), _whole(inner), profiles, px)


def _straightest(variances: list[float]) -> float:
    """The turn at which bands are clearest, between those that were tried."""
    best = int(np.argmax(variances))
    before, at, after = (variances[index % len(variances)] for index in (best - 1, best, best + 1))
    off = 0.5 * (before - after) / min(before - 2.0 * at + after, -1e-9)
    return float(_TURNS_DEG[best] + off * (_TURNS_DEG[1] - _TURNS_DEG[0]))


def _reduced(linear: np.ndarray, longest_px: int) -> tuple[np.ndarray, float]:
    """CIELAB, no larger than that, and pixels of the picture to one of it."""
    h, w = linear.shape[:2]
    px = max(1.0, max(h, w) / longest_px)
    small = cv2.resize(linear, (max(8, round(w / px)), max(8, round(h / px))), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(cv2.cvtColor(np.maximum(small, 0.0), cv2.COLOR_LRGB2Lab), (0, 0), _FINEST_PX), px


def _turned(lab: np.ndarray, angle_deg: float) -> np.ndarray:
    """The middle of the picture, upright in the grain: as much as is cloth all over."""
    h, w = lab.shape[:2]
    axes = grain_axes(angle_deg)
    shrink = float((np.array([w, h]) / (np.abs(axes).T @ (w, h))).min())
    wh = np.maximum((np.array([w, h]) * shrink).astype(int), 8)
    origin = (np.array([w, h]) - 1.0) / 2.0 - (wh - 1.0) / 2.0 @ axes
    matrix = np.column_stack([axes.T, origin])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(lab, matrix, tuple(map(int, wh)), flags=flags, borderMode=cv2.BORDER_REFLECT)


def _variances(lab: np.ndarray) -> tuple[float, float]:
    """Of what neighbouring strips have in common, from left to right and from top to bottom."""
    return _in_common(lab), _in_common(lab.transpose(1, 0, 2))


def _in_common(lab: np.ndarray) -> float:
    edges = np.linspace(0, len(lab), _STRIPS + 1).astype(int)
    strips = np.add.reduceat(lab, edges[:-1], axis=0) / np.diff(edges)[:, None, None]
    strips = _without_light(strips)
    return max(0.0, float((strips[:-1] * strips[1:]).mean(axis=(0, 1)).sum()))


def _without_light(strips: np.ndarray) -> np.ndarray:
    """Profiles (K, N, C) less the polynomial along N that fits each best."""
    powers = np.linspace(-1.0, 1.0, strips.shape[1])[:, None] ** np.arange(_DEGREE + 1)
    smooth = np.linalg.qr(powers)[0].astype(np.float32)
    return strips - smooth @ (smooth.T @ strips)


def _whole(lab: np.ndarray) -> float:
    cells, sigma = _SLOW
    slow = cv2.GaussianBlur(cv2.resize(lab, (cells, cells), interpolation=cv2.INTER_AREA), (0, 0), sigma)
    rest = lab - cv2.resize(slow, lab.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return float((cv2.meanStdDev(rest)[1] ** 2).sum())


def _unlike_after(profile: np.ndarray, step: float) -> float:
    """How far a profile (N, C) is from itself so many steps further, 1 for as far as any other; 0 where too little of
    it is left to say so."""
    profile, near = _without_light(profile[None])[0], round(step)
    if len(profile) - near < _LEAST_OVERLAP * len(profile):
        return 0.0
    pairs = ((profile[: len(profile) - lag], profile[lag:]) for lag in range(max(1, near - _OFF), near + _OFF + 1))
    least = _variance(profile)  # between two stripes there is nothing to be like
    return min(_variance(there - here) / max(_variance(here) + _variance(there), least, 1e-9) for here, there in pairs)


def _variance(profile: np.ndarray) -> float:
    return float(profile.var(axis=0).sum())


def _alike(profile: np.ndarray) -> np.ndarray:
    """float64 (K,): correlation of a profile (N, C) with itself after 0, 1, 2 ... steps."""
    n = len(profile)
    profile = _without_light(profile[None])[0]
    lags = range(int((1.0 - _LEAST_OVERLAP) * n) + 1)
    return np.array([_correlation(profile[: n - lag], profile[lag:]) for lag in lags])


def _repeat(profile: np.ndarray) -> float | None:
    """The shortest shift in steps, sub-step, at which a profile (N, C) is like itself, and more so than just before
    and after; None if there is none."""
    alike = _alike(profile)
    longest = len(alike) - 1
    lags = np.arange(_SHORTEST_PX, longest)
    tops = lags[(alike[lags] >= alike[lags - 1]) & (alike[lags] >= alike[lags + 1])]
    if not len(tops) or alike[tops].max() < _ALIKE:
        return None
    lag = int(tops[np.argmax(alike[tops] >= _AS_ALIKE * alike[tops].max())])
    before, at, after = alike[lag - 1 : lag + 2]
    return lag + 0.5 * float(before - after) / min(float(before - 2.0 * at + after), -1e-6)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    return float((one * other).sum() / max(np.sqrt((one**2).sum() * (other**2).sum()), 1e-9))
