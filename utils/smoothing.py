"""Filters that steady measurements taken at irregular times.

Owns the One Euro filter, resting and plain settling; must not know what is measured, and never reads a clock.
"""

from __future__ import annotations

import math

import numpy as np

_SWAY_CUTOFF_HZ = 0.6  # a tracker hunts at 0.5 to 2 Hz
_GAP_S = 1.0  # over this time it cancels out
_STILL_S = 0.15
_RELEASED = 0.05  # a row this little still starts afresh
_SETTLED_S = 1.0  # what has stood still for this long is held with the whole memory
_FILLED_S = 0.3  # a row whose slack is filled follows in this time
_LEAP = 3.0  # slacks


class OneEuro:
    """Steady at rest, quick in motion: a low-pass whose cutoff grows with speed.

    Casiez, Roussel, Vogel: 1 Euro Filter, CHI 2012. One row is one point; its speed is the length of its derivative, so
    that the filter treats every direction alike. Rows are gated: while a row is not seen it stays where it was and
    learns nothing, and when it is seen again it starts fresh.
    """

    def __init__(self, *, min_cutoff_hz: float, beta: float, speed_cutoff_hz: float = 1.0) -> None:
        """`beta` is in Hz per (unit per second), with the `unit` that `step` is given."""
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._speed_cutoff_hz = speed_cutoff_hz
        self._values: np.ndarray | None = None  # (N, D) as last returned; None before the first step
        self._given: np.ndarray  # (N, D) as last measured
        self._speeds: np.ndarray  # (N, D) per second, low-passed
        self._running: np.ndarray  # bool (N,): rows that were seen in the last step
        self._at_s = -math.inf

    def reset(self) -> None:
        """Forget everything: the next step returns its input."""
        self._values = None

    def step(self, values: np.ndarray, at_s: float, *, seen: np.ndarray | None = None, unit: float = 1.0) -> np.ndarray:
        """Take (N, D) measured at `at_s` (seconds of any clock) and return (N, D) float64.

        `seen` is bool (N,). `unit` is the length that speeds are measured in. A step that is not later than the last
        one returns what the last one returned, but for rows that start fresh.
        """
        values = np.asarray(values, np.float64)
        seen = np.ones(len(values), bool) if seen is None else np.asarray(seen, bool)
        if self._values is None or self._values.shape != values.shape:
            self._values, self._given, self._speeds = values.copy(), values.copy(), np.zeros_like(values)
            self._running, self._at_s = seen.copy(), at_s
            return values.copy()
        dt_s = at_s - self._at_s
        steady = seen & self._running
        if dt_s > 0:
            self._advance(steady, values, dt_s, unit)
            self._at_s = at_s
        fresh = seen & ~self._running
        self._values[fresh] = self._given[fresh] = values[fresh]
        self._speeds[fresh | ~seen] = 0.0
        self._running = seen.copy()
        return self._values.copy()

    def _advance(self, rows: np.ndarray, values: np.ndarray, dt_s: float, unit: float) -> None:
        speeds = (values[rows] - self._given[rows]) / dt_s
        self._speeds[rows] += _share(self._speed_cutoff_hz, dt_s) * (speeds - self._speeds[rows])
        speed = np.linalg.norm(self._speeds[rows], axis=1, keepdims=True) / unit
        share = _share(self._min_cutoff_hz + self._beta * speed, dt_s)
        self._values[rows] += share * (values[rows] - self._values[rows])
        self._given[rows] = values[rows]


class Rest:
    """Holds still what only sways: a point follows its measurement slowly while that is near, and at once when not.

    A tracker that hunts around somebody who stands still moves too slowly for a low-pass that must not trail. Within
    `slack` units a point therefore only drifts, with time constant `drift_s`; what goes beyond is followed fully. In
    motion the slack closes, so that nothing trails. Rows are gated as in OneEuro.
    """

    def __init__(self, *, slack: np.ndarray, drift_s: float, still_below: float, moving_above: float) -> None:
        """`slack` is (N,) in units; the slack closes between the two speeds, in units per second."""
        self._slack = np.asarray(slack, np.float64)[:, None]
        self._drift_s = drift_s
        self._speeds_s = (still_below, moving_above)
        self._held: np.ndarray | None = None  # (N, D) as last returned; None before the first step
        self._given: np.ndarray  # (N, D) as last measured
        self._velocity: np.ndarray  # (N, D) units per second, low-passed so far that swaying cancels out
        self._age_s: np.ndarray  # (N, 1) since the row was seen first
        self._running: np.ndarray  # bool (N,)
        self._at_s = -math.inf

    def reset(self) -> None:
        """Forget everything: the next step returns its input."""
        self._held = None

    def step(self, values: np.ndarray, at_s: float, *, seen: np.ndarray, unit: float) -> np.ndarray:
        """Take (N, D) measured at `at_s` seconds and return (N, D) float64; `seen` and `unit` as in OneEuro."""
        values = np.asarray(values, np.float64)
        if self._held is None:
            self._held, self._given, self._velocity = values.copy(), values.copy(), np.zeros_like(values)
            self._running, self._at_s = np.asarray(seen, bool).copy(), at_s
            self._age_s = np.zeros((len(values), 1))
            return values.copy()
        dt_s = at_s - self._at_s
        if dt_s > 0:
            velocity = (values - self._given) / (dt_s * unit)
            self._velocity += _share(_SWAY_CUTOFF_HZ, dt_s) * (velocity - self._velocity)
            gap = values - self._held
            far = np.linalg.norm(gap, axis=1, keepdims=True) / unit
            slow, fast = self._speeds_s
            speed = np.linalg.norm(self._velocity, axis=1, keepdims=True)
            # A tracker that has just found its person is still on the way to her.
            self._age_s += dt_s
            young = np.minimum(self._age_s / self._drift_s, 1.0)
            slack = self._slack * young * np.clip((fast - speed) / (fast - slow), 0.0, 1.0)
            beyond = np.maximum(far - slack, 0.0) / np.maximum(far, 1e-9)
            drift = 1.0 - np.exp(-dt_s / (self._drift_s * np.maximum(young, 0.1)))
            self._held += gap * np.maximum(beyond, drift)
            self._given, self._at_s = values.copy(), at_s
        fresh = ~(seen & self._running)
        self._held[fresh] = self._given[fresh] = values[fresh]
        self._velocity[fresh] = self._age_s[fresh] = 0.0
        self._running = np.asarray(seen, bool).copy()
        return self._held.copy()


class Hold:
    """Holds what is known to stand still, and lets go of it where that is not known.

    A Kalman filter of something that does not move takes up ever less of each measurement, and so does this: what a
    tracker hunts for averages out, first over the time that a row has stood still, then over `memory_s`. What is known
    can be wrong, though: the more of its slack the mean gap to what is measured fills, the quicker a row follows, and
    a single gap of many times the slack is believed at once.
    """

    def __init__(self, *, slack: np.ndarray, memory_s: float) -> None:
        """`slack` is (N,), in units: how far off its place the mean of what is measured may lie."""
        self._slack = np.asarray(slack, np.float64)
        self._memory_s = memory_s
        self._held: np.ndarray | None = None  # (N, D) as last returned; None before the first step
        self._gap: np.ndarray  # (N, D) from held to measured, averaged
        self._age_s: np.ndarray  # (N,) since the row came to rest
        self._still: np.ndarray  # (N,) in [0, 1], low-passed, so that nothing leaps when rest begins or ends
        self._at_s = -math.inf

    def reset(self) -> None:
        """Forget everything: the next step returns `otherwise`."""
        self._held = None

    def step(
        self,
        measured: np.ndarray,
        at_s: float,
        *,
        otherwise: np.ndarray,
        still: np.ndarray,
        unit: float = 1.0,
        margin: np.ndarray | float = 0.0,
    ) -> np.ndarray:
        """Take (N, D) measured at `at_s` seconds, not smoothed, and return (N, D) float64.

        `still` is (N,) in [0, 1], how sure it is that a row does not move, and `otherwise` (N, D) is what is returned
        as far as that is not sure. `margin` is added to the slack, in units.
        """
        if self._held is None:
            self._held, self._gap, self._at_s = np.array(otherwise, np.float64), np.zeros(measured.shape), at_s
            self._age_s, self._still = np.zeros(len(measured)), np.zeros(len(measured))
            return self._held.copy()
        dt_s = at_s - self._at_s
        if dt_s <= 0:
            return self._held.copy()
        self._at_s = at_s
        self._age_s = np.where(self._still < _RELEASED, 0.0, self._age_s + dt_s)
        self._still += (1.0 - math.exp(-dt_s / _STILL_S)) * (still - self._still)
        gap = measured - self._held
        self._gap += _lately(dt_s, np.minimum(self._age_s, _GAP_S))[:, None] * (gap - self._gap)
        calm = self._held + self._share(gap, dt_s, (self._slack + margin) * unit)[:, None] * gap
        held = otherwise + self._still[:, None] * (calm - otherwise)
        self._gap -= held - self._held
        self._held = held
        return held.copy()

    def _share(self, gap: np.ndarray, dt_s: float, slack: np.ndarray) -> np.ndarray:
        """How much of the gap each row takes up, (N,)."""
        memory_s = np.maximum(self._age_s, self._memory_s * np.minimum(self._age_s / _SETTLED_S, 1.0) ** 3)
        filled = np.linalg.norm(self._gap, axis=1) / slack
        leapt = np.linalg.norm(gap, axis=1) / (_LEAP * slack)
        rate_hz = np.minimum(np.maximum(filled, leapt), 10.0) ** 4 / _FILLED_S
        return 1.0 - (1.0 - _lately(dt_s, memory_s)) * np.exp(-dt_s * rate_hz)


class Settling:
    """Exponential settling of a scalar or an array: after `time_s` 63 % of a step has been taken."""

    def __init__(self, *, time_s: float) -> None:
        self._time_s = time_s
        self._value: np.ndarray | None = None
        self._at_s = -math.inf

    def reset(self) -> None:
        """Forget everything: the next step returns its input."""
        self._value = None

    def step(self, value: float | np.ndarray, at_s: float) -> np.ndarray:
        """Take a value measured at `at_s` (seconds of any clock); return float64 of the same shape."""
        value = np.asarray(value, np.float64)
        if self._value is None or self._value.shape != value.shape:
            self._value, self._at_s = value.copy(), at_s
            return value.copy()
        dt_s = at_s - self._at_s
        if dt_s > 0:
            self._value = self._value + (1.0 - math.exp(-dt_s / self._time_s)) * (value - self._value)
            self._at_s = at_s
        return np.array(self._value)


def _lately(dt_s: float, memory_s: np.ndarray) -> np.ndarray:
    """The share of the newest in an average over `memory_s`."""
    return 1.0 - np.exp(-dt_s / np.maximum(memory_s, dt_s))


def _share(cutoff_hz: float | np.ndarray, dt_s: float) -> float | np.ndarray:
    """How much of a difference a first-order low-pass takes over in `dt_s`."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * dt_s))
