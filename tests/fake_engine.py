"""An engine that paints nothing: same contract as the real ones, no networks, and it breaks when it is told to.

Time on the device is slept. Its picture says that it is fake and whose it is: where the mask allows, every value is the
task's plus the seed and
what came with it. A word in a task's prompt makes that task go wrong, see FAULTS; options make the whole engine slow
to load, or fail to.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.engines.contract import Params, Task
from utils.errors import ConfigError, DeviceError, InputError

FAULTS = {
    "oom": "no memory for its steps, ever",
    "oom-shared": "no memory for a step that it shares",
    "bug": "an error of its own in its first step",
    "sticky": "the device is lost in its first step; every later call fails, too",
    "crash": "the process is killed in its first step",
    "hang": "its first step never ends",
    "slow": "its steps take ten times as long",
    "nan": "its picture is not finite",
    "black": "its picture is black",
}


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


class DeviceGoneError(RuntimeError):
    """Like a CUDA error that leaves the context useless."""


@dataclass
class FakeTrajectory:
    """State of one picture."""

    task: Task
    shape: tuple[int, int]
    steps_total: int
    parts_left: int = 0
    step_index: int = 0
    tiles_done: int = 0
    notices: list[str] = field(default_factory=lambda: ["fake"])

    @property
    def encoded(self) -> bool:
        return self.parts_left == 0


class FakeEngine:
    """Times are milliseconds of sleep. `extra_ms` is what each further trajectory adds to a step."""

    def __init__(
        self,
        *,
        name: str = "fake",
        begin_ms: float = 0.5,
        step_ms: float = 1.0,
        extra_ms: float = 0.2,
        decode_ms: float = 0.5,
        parts: int = 1,
        tiles: int = 1,
        warm_ms: float = 0.0,
        broken_loads: Path | None = None,
        max_batch: int = 4,
        missing: bool = False,
        dead_canary: bool = False,
    ) -> None:
        """`begin_ms` is for each part, the first of which is the begin itself. `broken_loads` is a file with a number:
        so many more processes die while they load."""
        self.name, self.max_batch = name, max_batch
        self._begin_ms, self._step_ms, self._extra_ms, self._decode_ms = begin_ms, step_ms, extra_ms, decode_ms
        self._parts, self._tiles, self._warm_ms, self._dead_canary = parts, tiles, warm_ms, dead_canary
        self._gone = False
        if missing:
            raise ConfigError("weights_missing", "the fake has no weights", hint="there are none to fetch")
        if broken_loads is not None and (left := int(broken_loads.read_text())) > 0:
            broken_loads.write_text(str(left - 1))
            os.kill(os.getpid(), signal.SIGKILL)

    def check(self, task: Task) -> None:
        """Raises InputError: bad_steps."""
        if not 1 <= task.params.steps <= 100:
            raise InputError("bad_steps", "steps must be from 1 to 100")

    def warm_up(self, report: Callable[[str, float], None]) -> None:
        """In four parts."""
        for part in range(4):
            self._spend(self._warm_ms / 4)
            report("shape", (part + 1) / 4)

    def begin(self, task: Task) -> FakeTrajectory:
        """The shape is the picture's size in eights."""
        self._spend(self._begin_ms)
        height, width = task.image.shape[:2]
        return FakeTrajectory(task, (height // 8, width // 8), task.params.steps, self._parts - 1)

    def encode(self, trajectory: FakeTrajectory) -> None:
        """One part of so many."""
        assert not trajectory.encoded
        self._spend(self._begin_ms)
        trajectory.parts_left -= 1

    def cut_short(self, trajectory: FakeTrajectory, *, steps: int) -> None:
        """Before the first step only."""
        assert trajectory.step_index == 0
        trajectory.steps_total = steps

    def step(self, trajectories: Sequence[FakeTrajectory]) -> None:
        """All of one shape."""
        assert len({trajectory.shape for trajectory in trajectories}) == 1
        for trajectory in trajectories:
            assert trajectory.encoded
            self._break(trajectory.task.prompt, shared=len(trajectories) > 1)
        slow = any("slow" in trajectory.task.prompt for trajectory in trajectories)
        self._spend((self._step_ms + self._extra_ms * (len(trajectories) - 1)) * (10 if slow else 1))
        for trajectory in trajectories:
            assert trajectory.step_index < trajectory.steps_total
            trajectory.step_index += 1

    def decode(self, trajectory: FakeTrajectory) -> bool:
        """One tile of so many."""
        assert trajectory.step_index == trajectory.steps_total
        self._spend(self._decode_ms)
        trajectory.tiles_done += 1
        return trajectory.tiles_done == self._tiles

    def finish(self, trajectory: FakeTrajectory) -> np.ndarray:
        """What `painted` says. Raises DeviceError: not_finite, black_picture."""
        prompt = trajectory.task.prompt
        if "nan" in prompt or (self._dead_canary and trajectory.task.id == "canary"):
            raise DeviceError("not_finite", "the fake picture is not finite")
        if "black" in prompt:
            raise DeviceError("black_picture", "the fake picture is black")
        return painted(trajectory.task)

    def close(self) -> None:
        """Nothing is held."""

    def _spend(self, duration_ms: float) -> None:
        if self._gone:
            raise DeviceGoneError("CUDA error: an illegal memory access was encountered")
        time.sleep(duration_ms / 1e3)

    def _break(self, prompt: str, *, shared: bool) -> None:
        if "crash" in prompt:
            os.kill(os.getpid(), signal.SIGKILL)
        if "hang" in prompt:
            time.sleep(1e6)
        if "sticky" in prompt:
            self._gone = True
        if "bug" in prompt:
            raise ValueError("a fake bug")
        if "oom" in prompt and (shared or "oom-shared" not in prompt):
            raise OutOfMemoryError("fake device out of memory")


def painted(task: Task) -> np.ndarray:
    """uint8 (H, W, 3): the picture that the fake makes of a task."""
    others = [*task.controls.values(), *([] if task.reference is None else [task.reference])]
    marks = task.params.seed + sum(int(array.sum()) for array in others)
    return np.where(task.mask[..., None] >= 128, task.image + np.uint8(marks % 256), task.image)


def fake_task(
    number: int = 0,
    *,
    engine: str = "fake",
    steps: int = 4,
    hw: tuple[int, int] = (64, 48),
    prompt: str = "a jacket",
    extras: bool = False,
) -> Task:
    """A task whose picture no other number has; with `extras`, it has control maps and a reference."""
    pixels = np.random.default_rng(number).integers(0, 256, (*hw, 3), dtype=np.uint8)
    mask = np.zeros(hw, np.uint8)
    mask[hw[0] // 2 :] = 255
    controls = {"edge": pixels[::-1].copy(), "pose": pixels // 2} if extras else {}
    return Task(
        f"task-{number}",
        engine,
        pixels,
        mask,
        prompt,
        Params(steps=steps, seed=number),
        controls=controls,
        reference=pixels[:5, :7].copy() if extras else None,
    )
