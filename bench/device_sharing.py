"""How long keyframes take when captures want the device too: with the scheduler, without captures, and in plain turn.

Owns the arrivals and the three runs; must not know what a unit of work is. The device belongs to the thread that calls;
keyframes arrive from another.
"""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.device_rows import CAPTURE_STEPS, STEPS, make, task_for
from bench.figures import spread
from models.device_loop import DeviceLoop, monotonic_ms
from models.scheduler import Policy
from models.scheduler_jobs import Job, Rules

SESSIONS = 16
PATIENCE_MS = 1500.0
"""A kiosk sends a keyframe every 1.5 s: what takes longer is worth nothing."""
WAITING_CAPTURES = 3
_ONCE_MS = 1e9


@dataclass
class Run:
    """What became of the keyframes of one run."""

    name: str
    latencies_ms: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    refused: int = 0
    captures: int = 0

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "latency_ms": spread(self.latencies_ms),
            "whole_steps_share": self.steps.count(STEPS) / len(self.steps) if self.steps else None,
            "refused": self.refused,
            "captures_done": self.captures,
            "latencies_ms": [round(value, 2) for value in self.latencies_ms],
        }


def arrivals(rate_hz: float, *, seconds: float, tell: Callable[[int], None]) -> threading.Thread:
    """Calls `tell` with a number at random moments, the same ones in every run, from a thread of its own."""

    def go() -> None:
        rng, at_s = random.Random(0), time.monotonic()
        until_s = at_s + seconds
        for number in itertools.count():
            at_s += rng.expovariate(rate_hz)
            if at_s > until_s:
                return
            time.sleep(max(0.0, at_s - time.monotonic()))
            tell(number)

    return threading.Thread(target=go, daemon=True)


def scheduled(
    name: str, engines: Mapping[str, Any], tasks: Mapping[str, Any], *, rate_hz: float, seconds: float
) -> Run:
    """Keyframes under the scheduler; captures without end too, if there is a task for them."""
    run = _Scheduled(name, engines, tasks)
    thread = arrivals(rate_hz, seconds=seconds, tell=run.keyframe)
    threading.Timer(seconds + PATIENCE_MS / 1e3, run.loop.stop).start()
    if "inpaint" in tasks:
        for _ in range(WAITING_CAPTURES):
            run.capture()
    thread.start()
    run.loop.run()
    thread.join()
    return run.result


class _Scheduled:
    """The listener of a device loop, and who feeds it."""

    def __init__(self, name: str, engines: Mapping[str, Any], tasks: Mapping[str, Any]) -> None:
        self.result = Run(name)
        self._tasks = tasks
        self._came_ms: dict[int, float] = {}
        self._numbers = itertools.count(1)
        self.loop = DeviceLoop(
            engines,
            Policy(Rules(batch={"turbo": engines["turbo"].max_batch})),
            listener=self,
            canaries={name: task_for(name, engine.buckets[0], steps=1) for name, engine in engines.items()},
            canary_ms=_ONCE_MS,
        )

    def keyframe(self, number: int) -> None:
        self._submit("turbo", "live", f"kiosk-{number % SESSIONS}", STEPS, PATIENCE_MS)

    def capture(self) -> None:
        self._submit("inpaint", "capture", "studio", 2 * CAPTURE_STEPS, None)

    def _submit(self, engine: str, kind: str, session: str, steps: int, patience_ms: float | None) -> None:
        id, now_ms, task = next(self._numbers), monotonic_ms(), self._tasks[engine]
        if kind == "live":
            self._came_ms[id] = now_ms
        deadline_ms = None if patience_ms is None else now_ms + patience_ms
        job = Job(id, session, kind, engine, task.mask.shape, now_ms, deadline_ms, steps)
        self.loop.submit(job, task)

    def finished(self, picture: Any) -> None:
        came_ms = self._came_ms.pop(picture.job, None)
        if came_ms is None:
            self.result.captures += 1
            self.capture()
        else:
            self.result.latencies_ms.append(picture.ended_ms - came_ms)
            self.result.steps.append(picture.steps_done)

    def refused(self, job: int, reason: str, retry_ms: float) -> None:
        self.result.refused += self._came_ms.pop(job, None) is not None

    def failed(self, job: int, failure: Any) -> None:
        raise RuntimeError(failure.message)

    def ran(self, unit: Any) -> None:
        """Of no interest."""

    def proven(self, engine: str) -> None:
        """Of no interest."""


def in_turn(engines: Mapping[str, Any], tasks: Mapping[str, Any], *, rate_hz: float, seconds: float) -> Run:
    """First come, first served, each picture whole: what a lock around a pipeline does."""
    run, line = Run("first come, first served"), queue.Queue()
    thread = arrivals(rate_hz, seconds=seconds, tell=lambda number: line.put(("turbo", time.monotonic())))
    for _ in range(WAITING_CAPTURES):
        line.put(("inpaint", time.monotonic()))
    thread.start()
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        engine, came_s = line.get()
        make(engines[engine], tasks[engine])
        if engine == "turbo":
            run.latencies_ms.append(1e3 * (time.monotonic() - came_s))
            run.steps.append(STEPS)
        else:
            run.captures += 1
            line.put(("inpaint", time.monotonic()))
    thread.join()
    now_s = time.monotonic()
    while not line.empty():  # who still waits has waited at least so long
        engine, came_s = line.get()
        if engine == "turbo":
            run.latencies_ms.append(1e3 * (now_s - came_s))
    return run


def experiment(engines: Mapping[str, Any], *, keyframe_ms: float, seconds: float, rounds: int) -> list[Run]:
    """The three runs, keyframes taking a quarter of the device; in rounds, so that what disturbs one disturbs all."""
    tasks = {name: task_for(name, engine.buckets[0]) for name, engine in engines.items()}
    asked = {"rate_hz": 0.25 * 1e3 / keyframe_ms, "seconds": seconds / rounds}
    runs = []
    for _ in range(rounds):
        runs.append(scheduled("keyframes alone", engines, {"turbo": tasks["turbo"]}, **asked))
        runs.append(scheduled("scheduler, captures without end", engines, tasks, **asked))
        runs.append(in_turn(engines, tasks, **asked))
    return [_together(runs[kind::3]) for kind in range(3)]


def _together(runs: Sequence[Run]) -> Run:
    """One run out of its rounds."""
    whole = Run(runs[0].name)
    for run in runs:
        whole.latencies_ms += run.latencies_ms
        whole.steps += run.steps
        whole.refused += run.refused
        whole.captures += run.captures
    return whole
