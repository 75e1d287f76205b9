"""Numbers out of measurements: spreads, slopes, goals. Owns the arithmetic; must not know what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True)
class Goal:
    """One figure against what it ought to be."""

    name: str
    value: float | None
    """None when it could not be measured; that is not met."""
    limit: float
    sense: Literal["<=", ">="]
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        if self.value is None:
            return False
        return self.value <= self.limit if self.sense == "<=" else self.value >= self.limit

    def __str__(self) -> str:
        verdict = "pass" if self.met else "FAIL"
        value = "not measured" if self.value is None else f"{self.value:.4g} {self.unit}".rstrip()
        goal = f"{self.sense} {self.limit:g} {self.unit}".rstrip()
        return f"{verdict}  {self.name}: {value} (goal {goal})"

    def to_json(self) -> dict[str, Any]:
        """All fields, and the verdict."""
        return {**asdict(self), "met": self.met}


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """p10 (what it takes undisturbed), p50, p95, max and count; None of nothing."""
    if len(values) == 0:
        return None
    p10, p50, p95 = np.percentile(values, [10, 50, 95])
    figures = {"p10": p10, "p50": p50, "p95": p95, "max": max(values)}
    return {name: round(float(value), 3) for name, value in figures.items()} | {"n": len(values)}


def slope_per_minute(at_s: Sequence[float], values: Sequence[float]) -> float | None:
    """Theil and Sen's slope, which a step or two cannot bend; None of fewer than five points."""
    if len(at_s) < 5:
        return None
    x, y = np.asarray(at_s, float), np.asarray(values, float)
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])) * 60.0)


def table(rows: Sequence[Sequence[object]], *, head: Sequence[str]) -> str:
    """Columns in line, the first flush left."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = []
    for first, *rest in cells:
        columns = [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True))]
        lines.append("  ".join(columns).rstrip())
    return "\n".join(lines)
