"""What the ticks of a ruler stand for: told from how long each of them is.

Owns reading one strip of a picture along a row of ticks; must not know where in a photo it lies. On a ruler in
millimetres every tenth tick is the longest and every fifth longer than the rest; in sixteenths of an inch every
second, fourth, eighth and sixteenth is longer than the one before. Half millimetres have the millimetres' as well. What
fits neither unit, or both, is not read.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_UNITS = {"mm": (1.0, (5, 10)), "inch": (25.4 / 16.0, (2, 4, 8, 16))}
"""Millimetres from tick to tick, and which ticks are longer, each kind longer than the one before."""
_CYCLES = 2.5  # of the longest ticks that have to be in view
_LEAST_TICKS = 25
_SHORTEST_PX = 2.3  # from tick to tick: below, a camera shows waves that are not there
_CANDIDATES = 6
_FINER = 4  # bins a cycle of the spectrum
_PHASES = 8  # samples from tick to tick
_ENDS = 2  # ticks at either end over which the ruler's own side may lie
_WINDOW = 7  # ticks that tell the phase together
_FAINT_ROW, _FAINT_TICK = 0.02, 0.3  # of the strongest rows' and ticks' darkness
_SHORTEST = 0.25  # of the longest ticks' length that the shortest have at least: else they are gaps, and no ticks
_LONGER = 0.04  # of the longest ticks' length that each kind is longer than the one before
_LONGEST_APART = 0.1  # of their length that every other of the longest may differ by: else half of them are longer yet
_SURE = 3.0  # deviations by which it is
_CONTRARY = 0.02  # of the length by which two readings of one strip differ if one of them is wrong
_EXPLAINED = 0.5  # share of the differences in length that the unit has to explain


@dataclass(frozen=True)
class Graduation:
    """Ticks that were understood."""

    mm: float
    """That the strip is long."""
    unit: str
    confidence: float


def read_graduation(strip: np.ndarray) -> Graduation | None:
    """Of a strip, float32 (rows, samples), in which ticks lie evenly, upright, along some of the rows."""
    level = strip - cv2.blur(strip, (2 * (strip.shape[1] // 24) + 1, 1))
    found = (_understood(level, cycles) for cycles in _frequencies(level))
    best: Graduation | None = None
    for graduation in filter(None, found):
        if best is not None and abs(graduation.mm / best.mm - 1.0) > _CONTRARY:
            return None
        best = max(filter(None, (best, graduation)), key=lambda one: one.confidence)
    return best


def _frequencies(level: np.ndarray) -> list[float]:
    """How often something may come again in the strip: what stands out of its rows' spectra."""
    samples = level.shape[1]
    power = np.abs(np.fft.rfft(level * np.hanning(samples).astype(np.float32), n=_FINER * samples, axis=1))
    power = np.sqrt(np.sort(np.square(power), axis=0)[-max(3, len(level) // 6) :].mean(axis=0)).astype(np.float32)
    clear = power / (cv2.blur(power[None], (_FINER * 41, 1))[0] + 1e-6)
    clear[: _FINER * _LEAST_TICKS] = 0.0
    clear[int(_FINER * samples / _SHORTEST_PX) :] = 0.0
    peaks = (clear >= cv2.dilate(clear[None], np.ones((1, 4 * _FINER + 1)))[0]) & (clear > 1.5)
    order = np.flatnonzero(peaks)
    return [peak / _FINER for peak in order[np.argsort(-clear[order], kind="stable")][:_CANDIDATES]]


def _understood(level: np.ndarray, cycles: float) -> Graduation | None:
    """The ticks that come so often, if their lengths make a unit."""
    cycles, first = _followed(level, cycles)
    best: Graduation | None = None
    for middle in (first, first + 0.5):  # ticks are dark, or light on a dark ruler
        lengths = _lengths(_waves(level, cycles, first=middle))
        fits = {unit: _explained(lengths, kinds) for unit, (_, kinds) in _UNITS.items()}
        unit = max(fits, key=lambda name: fits[name])
        if fits[unit] > _EXPLAINED:
            many = min(len(lengths), 100) / 100
            found = Graduation(cycles * _UNITS[unit][0], unit, min(0.9, 0.4 + 0.4 * fits[unit] + 0.2 * many))
            best = max(filter(None, (best, found)), key=lambda one: one.confidence)
    return best


def _followed(level: np.ndarray, cycles: float) -> tuple[float, float]:
    """The frequency, truer, and where in the first period the ticks are, or half a period off, as a share of it."""
    phase = 0.0
    for _ in range(3):
        waves = _in_step(_waves(level, cycles, first=0.5))
        together = np.convolve(waves.sum(axis=0), np.ones(_WINDOW), mode="valid")
        say = np.minimum(np.abs(together), np.median(np.abs(together)))  # a ruler's own short sides outshine ticks
        middles = np.arange(len(together)) + _WINDOW / 2.0
        drift, phase = np.polyfit(middles, np.unwrap(np.angle(together)), 1, w=say)
        cycles *= 1.0 + drift / (2.0 * np.pi)
    return cycles, 0.5 + -phase / (2.0 * np.pi) % 1.0


def _waves(level: np.ndarray, cycles: float, *, first: float) -> np.ndarray:
    """Complex (rows, ticks): what of the frequency is in each of its periods, of which the first's middle lies `first`
    periods from the strip's start."""
    periods = np.arange(int(cycles - first - 0.5) * _PHASES) / _PHASES + 0.5 / _PHASES + first - 0.5
    at = periods * (level.shape[1] / cycles) - 0.5
    x = np.broadcast_to(at.astype(np.float32), (len(level), len(at)))
    y = np.broadcast_to(np.arange(len(level), dtype=np.float32)[:, None], x.shape)
    seen = cv2.remap(level, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    turn = np.exp(-2j * np.pi * ((np.arange(_PHASES) + 0.5) / _PHASES - 0.5))
    return seen.reshape(len(level), -1, _PHASES) @ turn


def _in_step(waves: np.ndarray) -> np.ndarray:
    """The rows turned to the strongest one's phase, as ticks lean in a picture that is a little askew, and weighed by
    how much of the frequency is in each."""
    mean = np.convolve(waves.sum(axis=1), np.ones(3), mode="same")
    strongest = mean[np.abs(mean).argmax()]
    return waves * (mean.conj() * (strongest / max(abs(strongest), 1e-9)))[:, None]


def _lengths(waves: np.ndarray) -> np.ndarray:
    """float64 (ticks,): how far each of the ticks reaches across the rows, in any unit; those at the ends left out."""
    mean = np.convolve(waves.sum(axis=1), np.ones(3) / 3.0, mode="same")
    strength = np.abs(mean)
    rows = _run(strength > _FAINT_ROW * strength.max(), int(strength.argmax()))
    turned = waves[rows] * (mean[rows].conj() / strength[rows])[:, None]
    lengths = turned.real.sum(axis=0)
    smooth = np.convolve(lengths, np.ones(_WINDOW) / _WINDOW, mode="same")
    lengths = lengths[_run(smooth > _FAINT_TICK * np.percentile(smooth, 80), int(smooth.argmax()))][_ENDS:-_ENDS]
    if len(lengths) < _LEAST_TICKS:
        return np.zeros(0)
    index = np.arange(len(lengths))
    return lengths / np.maximum(np.polyval(np.polyfit(index, lengths, 2), index), 1e-3 * lengths.max())


def _run(holds: np.ndarray, around: int) -> slice:
    """The stretch around a place in which something holds."""
    fails = np.flatnonzero(~holds)
    before, after = fails[fails < around], fails[fails > around]
    return slice(int(before[-1]) + 1 if len(before) else 0, int(after[0]) if len(after) else len(holds))


def _explained(lengths: np.ndarray, kinds: tuple[int, ...]) -> float:
    """Share of the variance of the lengths that is that of the kinds; 0 unless each is longer than the one before."""
    longest = kinds[-1]
    if len(lengths) < _CYCLES * longest:
        return 0.0
    index = np.arange(len(lengths))
    first = int(np.argmax([np.median(lengths[start::longest]) for start in range(longest)]))
    return _of_kinds(lengths, sum((index - first) % kind == 0 for kind in kinds))


def _of_kinds(lengths: np.ndarray, kind: np.ndarray) -> float:
    """`_explained`, each tick's kind known, 0 for the shortest: every kind's number divides the next one's."""
    groups = [lengths[kind == k] for k in range(kind.max() + 1)]
    if _differ(groups[-1][::2], groups[-1][1::2], least=_LONGEST_APART * float(np.median(groups[-1]))):
        return 0.0  # there is a longer kind yet: the unit is another
    means = np.array([np.median(group) for group in groups])
    rest = np.concatenate([group - mean for group, mean in zip(groups, means, strict=True)])
    spread = 1.4826 * float(np.median(np.abs(rest)))
    errors = spread / np.sqrt([len(group) for group in groups])
    steps = np.diff(means)
    if means[0] < _SHORTEST * means[-1] or (steps < _LONGER * means[-1]).any():
        return 0.0
    if (steps < _SURE * np.hypot(errors[1:], errors[:-1])).any():
        return 0.0
    return float(1.0 - rest.var() / max(float(lengths.var()), 1e-12))


def _differ(some: np.ndarray, others: np.ndarray, *, least: float) -> bool:
    step = abs(float(np.median(some) - np.median(others)))
    within = max(float(np.abs(group - np.median(group)).mean()) for group in (some, others))
    return step > max(least, within)
