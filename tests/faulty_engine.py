"""A real engine that goes wrong when it is told to; for tests, in a real device process.

The order is a file with the engine's name in a folder, and in it one of FAULTS; the file is taken away before a fault
that happens once. tests/faulty_server.py has them loaded. Owns the faults; must not know what becomes of them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models.device_config import look_up

FAULTS = {
    "oom": "no memory for one step",
    "oom-lasting": "no memory for any step",
    "nan": "one picture on its way is poisoned",
    "nan-lasting": "every picture on its way is poisoned",
    "hang": "a step never ends",
}


class FaultyEngine:
    """Does what the real one does, but for its steps."""

    def __init__(self, engine: Any, orders: Path) -> None:
        self._engine = engine
        self._order = orders / engine.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def step(self, trajectories: Sequence[Any]) -> None:
        """As ordered."""
        fault = self._read_order()
        if fault.startswith("oom"):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        if fault == "hang":
            time.sleep(1e6)
        self._engine.step(trajectories)
        if fault.startswith("nan"):
            poisoned = trajectories if fault == "nan-lasting" else trajectories[:1]
            for trajectory in poisoned:
                trajectory.latents[0, 0, 0, 0] = math.nan

    def _read_order(self) -> str:
        try:
            fault = self._order.read_text()
        except FileNotFoundError:
            return ""
        if not fault.endswith("-lasting"):
            self._order.unlink()
        return fault


def load(*, factory: str, options: Mapping[str, Any], orders: Path) -> FaultyEngine:
    """What the device process calls."""
    return FaultyEngine(look_up(factory)(**options), orders)
