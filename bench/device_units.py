"""What a device did, read from its trace. Owns the reading; must not know who wrote it or what it is good for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.device_messages import Ran


@dataclass(frozen=True)
class Unit(Ran):
    """One unit of work as a process wrote it down. Times are milliseconds of time.monotonic()."""

    process: int

    @property
    def took_ms(self) -> float:
        return self.ended_ms - self.began_ms


@dataclass(frozen=True)
class Made:
    """One picture of the device, from the moment it learnt of it."""

    job: int
    kind: str
    came_ms: float
    began_ms: float
    ended_ms: float

    @property
    def wait_ms(self) -> float:
        """Until its first unit."""
        return self.began_ms - self.came_ms

    @property
    def total_ms(self) -> float:
        return self.ended_ms - self.came_ms


def read_units(trace: Path) -> list[Unit]:
    """All of a file, but for a last line that is being written."""
    lines = trace.read_text().split("\n")[:-1]
    return [
        Unit(**{name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(line).items()})
        for line in lines
    ]


def made(units: Sequence[Unit]) -> list[Made]:
    """The pictures that came to their end, canaries left out."""
    began_ms: dict[int, float] = {}
    pictures = []
    for unit in units:
        for job in unit.jobs:
            began_ms.setdefault(job, unit.began_ms)
        if unit.result == "last" and unit.jobs[0] >= 0:
            job = unit.jobs[0]
            pictures.append(Made(job, unit.kind, unit.came_ms[0], began_ms[job], unit.ended_ms))
    return pictures


def slowed(units: Sequence[Unit], picture: Made, *, by: str) -> float:
    """How many times longer the picture took than without what the device did for others of the kind `by` meanwhile."""
    spent_ms = sum(
        max(0.0, min(unit.ended_ms, picture.ended_ms) - max(unit.began_ms, picture.came_ms))
        for unit in units
        if unit.kind == by and unit.began_ms < picture.ended_ms
    )
    return picture.total_ms / max(picture.total_ms - spent_ms, 1e-3)
