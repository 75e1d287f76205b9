"""What an engine makes before anybody waits for it: every size, every batch, with and without maps.

Owns the list and the samples; must not know what is slow about a first time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from models.engines.contract import Params, Task, begin_whole
from models.engines.paste import paste

_STEPS = 3
"""Until a CUDA graph is replayed: the first compiles, the second records."""


def warm_up_tasks(engine: Any) -> Iterator[tuple[str, list[Task]]]:
    """What to call a round, and the tasks that share its steps."""
    denoiser = engine.weights.denoiser
    kinds = tuple(sorted(denoiser.controlnets))
    batches = engine.batches if denoiser.is_compiled else sorted({1, engine.max_batch})
    for height, width in engine.buckets:
        for chosen in dict.fromkeys(((), kinds)):
            for batch in batches:
                called = " ".join((f"{width}x{height}", *chosen))
                yield f"{called}, {batch} at once", [_sample(engine.name, (height, width), chosen)] * batch


def make_all(engine: Any, tasks: Sequence[Task]) -> None:
    """Make them together; what comes of it is not looked at."""
    trajectories = [begin_whole(engine, task) for task in tasks]
    for _ in range(_STEPS):
        engine.step(trajectories)
    for trajectory in trajectories:
        while not engine.decode(trajectory):
            pass
        paste(trajectory.picture, trajectory.task)


def _sample(engine: str, hw: tuple[int, int], kinds: tuple[str, ...]) -> Task:
    grey = np.full((*hw, 3), 127, np.uint8)
    return Task(
        id="warm-up",
        engine=engine,
        image=grey,
        mask=np.full(hw, 255, np.uint8),
        prompt="a jacket",
        params=Params(steps=_STEPS, strength=0.5),
        controls=dict.fromkeys(kinds, grey),
    )
