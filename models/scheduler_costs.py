"""What each unit of work takes on this device, learnt while serving.

Owns the running estimates; must not know jobs, deadlines or what is decided by them.
"""

from __future__ import annotations

import math
from collections.abc import Hashable

_NEWEST_COUNTS = 0.15  # of a running mean, once there are enough samples
_OUTLIER = 4.0  # times the estimate; a longer unit counts as this long
_MOST_SIZES = 64  # remembered per engine; pictures come in all sizes


class Costs:
    """Milliseconds per unit, by phase, engine, shape and how many shared it. An estimate is on the careful side."""

    def __init__(self) -> None:
        self._exact: dict[Hashable, _Running] = {}
        self._rough: dict[Hashable, _Running] = {}  # by phase and engine, per picture, whatever the shape
        self._shapes: dict[str, dict[tuple[int, int], Hashable]] = {}  # by engine and size, newest last

    def observe(self, phase: str, engine: str, shape: Hashable, *, batch: int, took_ms: float) -> None:
        """Learn from a unit that went well."""
        self._exact.setdefault((phase, engine, shape, batch), _Running()).observe(took_ms)
        if batch == 1:
            self._rough.setdefault((phase, engine), _Running()).observe(took_ms)

    def of(self, phase: str, engine: str, shape: Hashable, *, batch: int = 1) -> float:
        """What such a unit will take; 0 where nothing like it was ever seen."""
        for fewer in range(batch, 0, -1):
            # A larger batch than any that was seen is taken to gain nothing.
            if (known := self._exact.get((phase, engine, shape, fewer))) is not None:
                return known.estimate * batch / fewer
        rough = self._rough.get((phase, engine))
        return rough.estimate * batch if rough is not None else 0.0

    def best(self, phase: str, engine: str) -> float:
        """The least that such a unit of one picture ever took."""
        rough = self._rough.get((phase, engine))
        return rough.least if rough is not None else 0.0

    def learn_shape(self, engine: str, size: tuple[int, int], shape: Hashable) -> None:
        """An engine has made this shape of a picture of this size."""
        shapes = self._shapes.setdefault(engine, {})
        shapes.pop(size, None)
        shapes[size] = shape
        if len(shapes) > _MOST_SIZES:
            del shapes[next(iter(shapes))]

    def shape_of(self, engine: str, size: tuple[int, int]) -> Hashable | None:
        """What shape a picture of this size will probably have: that of the most similar proportions seen so far."""
        shapes = self._shapes.get(engine)
        if not shapes or size in shapes:
            return shapes[size] if shapes else None
        slant = math.log(size[0] / size[1])
        return shapes[min(shapes, key=lambda other: abs(math.log(other[0] / other[1]) - slant))]


class _Running:
    """A mean that follows, and how far samples lie from it."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._spread = 0.0
        self.least = math.inf

    @property
    def estimate(self) -> float:
        return self._mean + self._spread

    def observe(self, sample: float) -> None:
        self.least = min(self.least, sample)
        if self._count:
            sample = min(sample, _OUTLIER * max(self.estimate, 0.01))
        self._count += 1
        weight = max(1.0 / self._count, _NEWEST_COUNTS)
        if self._count > 1:
            self._spread += weight * (abs(sample - self._mean) - self._spread)
        self._mean += weight * (sample - self._mean)
