"""The loop that owns the device: asks the policy what comes next, does it and says how it went.

Owns engines and trajectories; must not know processes, pipes or shared memory. Engines are called from the thread that
calls `run`, jobs come in from any other.
"""

from __future__ import annotations

import gc
import logging
import math
import threading
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from models.device_messages import Failure, Ran, failure_of, monotonic_ms
from models.engines.contract import Engine, Params, Task, begin_whole, is_guided
from models.scheduler_jobs import Admit, Drop, Job, Outcome, Refuse, Unit, Wait
from utils.errors import DeviceError

log = logging.getLogger(__name__)

_SUSPICIOUS = 3  # failures of an engine in a row


class DeviceLost(Exception):
    """The device cannot be trusted any more: the process has to end and another to take its place."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True)
class Picture:
    """A job's end, as it was wished for."""

    job: int
    image: np.ndarray
    steps_done: int
    began_ms: float
    ended_ms: float
    notices: tuple[str, ...]


class Chooser(Protocol):
    """Who decides what comes next: models/scheduler.py, or what it is compared with. Called by one thread at a time."""

    def admit(self, job: Job, now_ms: float) -> Admit | Refuse: ...
    def next(self, now_ms: float) -> Unit | Wait | None: ...
    def done(self, unit: Unit, took_ms: float, outcome: Outcome) -> None: ...
    def cancel(self, job_id: int) -> None: ...
    def drain(self) -> list[Drop]: ...


class Listener(Protocol):
    """Who is told. Called from any thread; must not block."""

    def finished(self, picture: Picture) -> None: ...
    def refused(self, job: int, reason: str, retry_ms: float) -> None: ...
    def failed(self, job: int, failure: Failure) -> None: ...
    def ran(self, unit: Ran) -> None: ...
    def proven(self, engine: str) -> None: ...


@dataclass
class _Order:
    """One job with what its engine needs."""

    job: Job
    task: Task
    came_ms: float
    trajectory: Any = None
    began_ms: float | None = None
    failure: Failure | None = None


class DeviceLoop:
    """`canaries` are small tasks by engine, made when `run` begins and again when their engine was idle for long."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        policy: Chooser,
        *,
        listener: Listener,
        canaries: Mapping[str, Task],
        canary_ms: float = 30_000.0,
    ) -> None:
        self._engines = engines
        self._policy = policy
        self._listener = listener
        self._canaries = canaries
        self._canary_ms = canary_ms
        self._changed = threading.Condition()  # guards the policy and the orders
        self._orders: dict[int, _Order] = {}
        self._proven_ms = dict.fromkeys(engines, -math.inf)
        self._next_canary = -1
        self._failures = dict.fromkeys(engines, 0)  # in a row; another engine's pictures are no excuse
        self._stopping = False

    def submit(self, job: Job, task: Task) -> None:
        """Have a picture made. The listener is told of its end exactly once, here or later."""
        with self._changed:
            now_ms = monotonic_ms()
            said = self._policy.admit(job, now_ms)
            if not isinstance(said, Refuse):
                self._orders[job.id] = _Order(job, task, now_ms)
                self._changed.notify()
            dropped = self._take_dropped()
        if isinstance(said, Refuse):
            self._listener.refused(job.id, said.reason, said.retry_ms)
        self._tell_dropped(dropped)

    def cancel(self, job_id: int) -> None:
        """Forget a job; one that is over already is left alone."""
        with self._changed:
            self._policy.cancel(job_id)
            dropped = self._take_dropped()
        self._tell_dropped(dropped)

    def stop(self) -> None:
        """End `run` after the unit under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def run(self) -> None:
        """Serve until `stop`.

        Raises:
            DeviceLost: what is in flight then is not answered.
        """
        while (unit := self._next_unit()) is not None:
            self._do(unit)

    # One unit.

    def _next_unit(self) -> Unit | None:
        while True:
            with self._changed:
                if self._stopping:
                    return None
                now_ms = monotonic_ms()
                self._send_canaries(now_ms)
                found = self._policy.next(now_ms)
                dropped = self._take_dropped()
                if not isinstance(found, Unit) and not dropped:
                    self._wait_until(found.until_ms if isinstance(found, Wait) else self._next_canary_ms(), now_ms)
            self._tell_dropped(dropped)
            if isinstance(found, Unit):
                return found

    def _wait_until(self, until_ms: float, now_ms: float) -> None:
        self._changed.wait(max(0.0, until_ms - now_ms) / 1e3 if math.isfinite(until_ms) else None)

    def _do(self, unit: Unit) -> None:
        orders = [self._orders[id] for id in unit.jobs]
        for order in orders:
            order.began_ms = order.began_ms or unit.began_ms
        image, outcome, failure = self._try(unit, orders)
        ended_ms = monotonic_ms()
        with self._changed:
            self._policy.done(unit, ended_ms - unit.began_ms, outcome)
            dropped = self._take_dropped()
            if image is not None and not dropped:
                del self._orders[unit.jobs[0]]
        if image is not None and not dropped:
            self._tell_finished(orders[0], image, ended_ms)
        self._tell_dropped(dropped)
        self._listener.ran(_ran(unit, orders, ended_ms=ended_ms, result=outcome.result))
        self._judge(unit.engine, outcome, failure)

    def _try(self, unit: Unit, orders: list[_Order]) -> tuple[np.ndarray | None, Outcome, Failure | None]:
        try:
            return *self._perform(unit, orders), None
        except Exception as error:  # one unit; what became of the device is judged after it
            failure = failure_of(error)
            # As text: a log handler that kept the traceback would keep the tensors, too.
            told = failure.code if failure.expected else traceback.format_exc()
            log.warning("%s of %s failed: %s", unit.phase, unit.engine, told)
        # Out here, where the traceback is gone and with it what the failed work held.
        for order in orders:
            order.trajectory, order.failure = None, failure
        gc.collect()
        result = "memory" if failure.is_memory else "again" if len(orders) > 1 else "failed"
        return None, Outcome(result), failure

    def _perform(self, unit: Unit, orders: list[_Order]) -> tuple[np.ndarray | None, Outcome]:
        engine, order = self._engines[unit.engine], orders[0]
        if unit.phase == "begin":
            engine.check(order.task)
            order.trajectory = made = engine.begin(order.task)
            return None, Outcome("ok", shape=made.shape, steps=made.steps_total, more=not made.encoded)
        if unit.phase == "encode":
            engine.encode(order.trajectory)
            return None, Outcome("ok", more=not order.trajectory.encoded)
        if unit.phase == "step":
            for other in orders:
                granted = unit.steps.get(other.job.id)
                if granted is not None and granted < other.trajectory.steps_total:
                    engine.cut_short(other.trajectory, steps=granted)
            engine.step([other.trajectory for other in orders])
            return None, Outcome("ok")
        if not engine.decode(order.trajectory):
            return None, Outcome("ok")
        image = engine.finish(order.trajectory)
        _check_picture(image, order.task)
        return image, Outcome("last")

    # Who is told what.

    def _take_dropped(self) -> list[tuple[Drop, _Order]]:
        return [(drop, self._orders.pop(drop.job)) for drop in self._policy.drain()]

    def _tell_dropped(self, dropped: Iterable[tuple[Drop, _Order]]) -> None:
        for drop, order in dropped:
            failure = order.failure if drop.reason == "failed" else None
            if drop.job < 0:
                raise DeviceLost(failure or Failure("DeviceError", drop.reason, "a canary was given up"))
            if failure is not None:
                self._listener.failed(drop.job, failure)
            else:
                self._listener.refused(drop.job, drop.reason, 0.0)

    def _tell_finished(self, order: _Order, image: np.ndarray, ended_ms: float) -> None:
        if order.job.id >= 0:
            done, notices = order.trajectory.step_index, tuple(order.trajectory.notices)
            self._listener.finished(Picture(order.job.id, image, done, order.began_ms, ended_ms, notices))

    # Whether the device can be trusted.

    def _prove(self, engine: str) -> None:
        """Make the engine's canary at once.

        Raises:
            DeviceLost
        """
        failure = None
        try:
            self._make(self._engines[engine], self._canaries[engine])
        except Exception as error:  # whatever kills a canary, the device is lost
            failure = failure_of(error)
            log.error("the canary of %s died: %s", engine, traceback.format_exc())
        if failure is not None:
            raise DeviceLost(failure)
        self._note_proof(engine)

    def _make(self, engine: Engine, task: Task) -> None:
        engine.check(task)
        trajectory = begin_whole(engine, task)
        while trajectory.step_index < trajectory.steps_total:
            engine.step([trajectory])
        while not engine.decode(trajectory):
            pass
        _check_picture(engine.finish(trajectory), task)

    def _judge(self, engine: str, outcome: Outcome, failure: Failure | None) -> None:
        if outcome.result == "last":
            self._failures[engine] = 0
            self._note_proof(engine)
        if failure is None or failure.kind == "InputError":
            return
        self._failures[engine] += 1
        if not failure.expected or self._failures[engine] >= _SUSPICIOUS:
            self._prove(engine)
            self._failures[engine] = 0

    def _note_proof(self, engine: str) -> None:
        self._proven_ms[engine] = monotonic_ms()
        self._listener.proven(engine)

    def _next_canary_ms(self) -> float:
        return min(self._proven_ms.values()) + self._canary_ms

    def _send_canaries(self, now_ms: float) -> None:
        """Have engines prove themselves that nobody has asked for anything in a while; like a capture, in units."""
        if now_ms < self._next_canary_ms():
            return
        busy = {order.task.engine for order in self._orders.values()}
        for engine, at_ms in self._proven_ms.items():
            if engine in busy or now_ms < at_ms + self._canary_ms:
                continue
            task = self._canaries[engine]
            job = Job(
                id=self._next_canary,
                session="",
                kind="capture",
                engine=engine,
                size=task.image.shape[:2],
                arrival_ms=now_ms,
                deadline_ms=None,
                steps_asked=evaluations(task.params),
            )
            self._next_canary -= 1
            if isinstance(self._policy.admit(job, now_ms), Admit):
                self._orders[job.id] = _Order(job, task, now_ms)


def evaluations(params: Params) -> int:
    """How often a UNet runs for a picture: with guidance, twice per step."""
    return params.steps * (2 if is_guided(params) else 1)


def _ran(unit: Unit, orders: list[_Order], *, ended_ms: float, result: str) -> Ran:
    trajectories = [order.trajectory for order in orders]
    return Ran(
        unit.phase,
        unit.engine,
        orders[0].job.kind,
        unit.jobs,
        steps_done=tuple(0 if trajectory is None else trajectory.step_index for trajectory in trajectories),
        steps_total=tuple(0 if trajectory is None else trajectory.steps_total for trajectory in trajectories),
        came_ms=tuple(order.came_ms for order in orders),
        began_ms=unit.began_ms,
        ended_ms=ended_ms,
        result=result,
    )


def _check_picture(image: np.ndarray, task: Task) -> None:
    if image.dtype != np.uint8 or image.shape != task.image.shape:
        raise DeviceError("bad_picture", "the engine made something that is not the picture")
