"""Stage timings of one unit of work. Owns the stopwatch; must not know what is being timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Milliseconds per named stage, in the order the stages ran. Not shared between threads."""

    def __init__(self) -> None:
        self.started_s = time.perf_counter()
        self.stages_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time spent inside to `name` (a stage may be entered more than once)."""
        begin_s = time.perf_counter()
        try:
            yield
        finally:
            self.stages_ms[name] = self.stages_ms.get(name, 0.0) + (time.perf_counter() - begin_s) * 1e3

    def total_ms(self) -> float:
        """Milliseconds since the stopwatch was made."""
        return (time.perf_counter() - self.started_s) * 1e3
