"""What a fitting may ask of a device, and what it gets: an enhanced picture, or the reason why not.

Owns the port; must not know who is behind it. models/device.py is; tests put something smaller there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.engines.contract import Task

Progress = Callable[[int, int], None]
"""Called with the evaluations done and to be done, from a thread of the device. Must be quick and raise nothing."""


@dataclass(frozen=True)
class Enhanced:
    """A picture that the device has made."""

    image: np.ndarray
    """uint8 (H, W, 3) RGB, as large as the task's; the caller's own."""
    steps_done: int
    """UNet evaluations; the ladder may have granted a keyframe fewer than asked for."""
    queue_ms: float
    """From being asked for to the first unit of work."""
    enhance_ms: float
    """From there to the picture, units for others in between included."""
    notices: tuple[str, ...]
    """Codes of what was left out, e.g. reference_unavailable."""


@dataclass(frozen=True)
class Refusal:
    """There will be no picture; the composite is to be shown."""

    reason: str
    """late, busy, superseded, cancelled; engine_starting, engine_restarting, engine_failed, engine_closed while nothing
    can be made; else the code of the error that this picture met."""
    retry_ms: float = 0.0
    """When it may be worth trying again; 0 where nobody knows."""


class Enhancer(Protocol):
    """Thread-safe."""

    def enhance(self, task: Task, *, session: str, within_ms: float) -> Enhanced | Refusal:
        """A keyframe: blocks for `within_ms` at most and raises nothing that has to do with the device."""

    def capture(
        self,
        task: Task,
        *,
        session: str,
        within_ms: float,
        on_progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Enhanced:
        """A capture: blocks until it is made, refused, given up after `within_ms` or called off by `cancel`.

        Raises:
            InputError: what the engine says about the task.
            CapacityError: busy, late.
            DeviceError: the device failed, or is not ready; worth another try later.
            CancelledError: of concurrent.futures.
        """

    def readiness(self) -> dict[str, Any]:
        """What is to be told of it: {"state", "share", "since_s", "restarts", ...}."""
