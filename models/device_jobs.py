"""What the device was asked for and has not answered yet.

Owns the futures, and which slot of the shared memory is whose; must not know processes or why a picture is wanted. A
slot that was handed to the device process is free again when that has said how the job ended, or is gone; not before.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from models.device_child import Child
from models.device_config import DeviceConfig
from models.device_messages import Cancel, Failed, Failure, Finished, Ran, Refused, Submit, monotonic_ms
from models.engines.contract import Task
from models.enhancer import Enhanced, Progress, Refusal
from models.frames import Frames, Placed
from models.scheduler_jobs import Kind
from utils.errors import CapacityError, InputError, LucyError

log = logging.getLogger(__name__)

Answer = Enhanced | Refusal

_TRACED = 4096  # units that the trace goes back
_GRACE_MS = 50.0  # after a deadline, for the answer to come across
_OWED_MS = 200.0  # what the device cannot do is refused long before
_MOST_CHARACTERS = 4000  # of both prompts: a message has to stay small


@dataclass(frozen=True)
class _Asked:
    """One picture."""

    id: int
    kind: Kind
    slot: int
    placed: tuple[Placed, ...]
    child: Child
    """That it was passed on to."""
    future: Future[Answer]
    asked_ms: float
    deadline_ms: float
    on_progress: Progress | None
    unanswered: threading.Lock = field(default_factory=threading.Lock)
    """Taken for good by whoever answers: the supervisor's thread and the one that asks may both come to it."""


class OpenJobs:
    """Asked from any thread, answered from the supervisor's."""

    def __init__(self, config: DeviceConfig, frames: Frames) -> None:
        rules = config.rules
        self._config = config
        self._frames = frames
        self._lock = threading.Lock()  # guards the two below; nothing is called or waited for under it
        self._asked: dict[int, _Asked] = {}
        self._free: dict[Kind, list[int]] = {
            "live": list(range(rules.most_live)),
            "capture": list(range(rules.most_live, config.slots)),
        }
        self._ids = itertools.count()
        self._trace: deque[Ran] = deque(maxlen=_TRACED)

    def ask(
        self,
        task: Task,
        child: Child,
        *,
        session: str,
        kind: Kind,
        within_ms: float,
        on_progress: Progress | None,
    ) -> Future[Answer]:
        """Pass a task on to the device process.

        Raises:
            InputError: unknown_engine, prompt_too_long, too_large_for_device.
            CapacityError: busy.
        """
        _check(task, self._config)
        asked_ms, slot = monotonic_ms(), self._take_slot(kind)
        try:
            placed = self._frames.write(slot, _arrays(task))
        except BaseException:  # whatever it was: the slot is not to be lost
            self._give_back(kind, slot)
            raise
        job = next(self._ids)
        asked = _Asked(job, kind, slot, placed, child, Future(), asked_ms, asked_ms + within_ms, on_progress)
        self._send(asked, task, session)
        return asked.future

    def trace(self) -> tuple[Ran, ...]:
        """The last units of work, oldest first."""
        return tuple(self._trace)

    # What the supervisor says.

    def has_work(self) -> bool:
        """Whether the device process owes an answer, and not since just now."""
        with self._lock:
            oldest = next(iter(self._asked.values()), None)
        return oldest is not None and monotonic_ms() - oldest.asked_ms > _OWED_MS

    def hear(self, message: Any) -> None:
        """What the device process says about jobs."""
        if isinstance(message, Ran):
            self._trace.append(message)
            self._tell_progress(message)
            return
        asked = self._asked.get(message.job)
        if asked is None:
            return
        if isinstance(message, Finished):
            self._resolve(asked, self._enhanced(asked, message))
        elif isinstance(message, Refused):
            self._resolve(asked, Refusal(message.reason, message.retry_ms))
        elif isinstance(message, Failed):
            self._resolve(asked, message.failure.error())
        self._close(asked)

    def lose(self, failure: Failure) -> None:
        """The device process is gone: nobody will answer what is still open."""
        with self._lock:
            lost = list(self._asked.values())
        for asked in lost:
            self._resolve(asked, failure.error())
            self._close(asked)

    def tick(self) -> None:
        """Keyframes that nobody can use any more are answered, even if the device process says nothing."""
        now_ms = monotonic_ms()
        with self._lock:
            overdue = [asked for asked in self._asked.values() if now_ms > asked.deadline_ms + _GRACE_MS]
        for asked in overdue:
            if not asked.future.done():
                self._resolve(asked, Refusal("late"))
                asked.child.send(Cancel(asked.id))

    # Inside.

    def _take_slot(self, kind: Kind) -> int:
        with self._lock:
            if not self._free[kind]:
                raise CapacityError("busy", "the device has as much to do as it can take", hint="try again in a moment")
            return self._free[kind].pop()  # the one used last: its memory is there already

    def _give_back(self, kind: Kind, slot: int) -> None:
        with self._lock:
            self._free[kind].append(slot)

    def _send(self, asked: _Asked, task: Task, session: str) -> None:
        message = Submit(
            asked.id,
            session,
            asked.kind,
            task.engine,
            asked.asked_ms,
            asked.deadline_ms,
            asked.slot,
            asked.placed,
            task.id,
            task.prompt,
            task.negative_prompt,
            task.params,
        )
        with self._lock:
            self._asked[asked.id] = asked
        asked.future.add_done_callback(lambda future: self._call_off(asked))
        if not asked.child.send(message):
            # It is gone, as the supervisor is about to notice, or it does not listen, as it will notice, too.
            self._resolve(asked, Refusal("engine_restarting"))
            self._close(asked)

    def _call_off(self, asked: _Asked) -> None:
        if asked.future.cancelled():
            asked.child.send(Cancel(asked.id))

    def _enhanced(self, asked: _Asked, message: Finished) -> Enhanced:
        image = next(place for place in asked.placed if place.name == "image")
        return Enhanced(
            image=self._frames.read(asked.slot, [image])["image"].copy(),
            steps_done=message.steps_done,
            queue_ms=message.began_ms - asked.asked_ms,
            enhance_ms=message.ended_ms - message.began_ms,
            notices=message.notices,
        )

    def _resolve(self, asked: _Asked, answer: Answer | LucyError) -> None:
        """The first answer counts. Any thread, any number of times."""
        future = asked.future
        if not asked.unanswered.acquire(blocking=False) or not future.set_running_or_notify_cancel():
            return
        if isinstance(answer, LucyError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _close(self, asked: _Asked) -> None:
        """The slot is nobody's any more. Harmless when repeated."""
        with self._lock:
            if self._asked.pop(asked.id, None) is not None:
                self._free[asked.kind].append(asked.slot)

    def _tell_progress(self, unit: Ran) -> None:
        for job, done, total in zip(unit.jobs, unit.steps_done, unit.steps_total, strict=True):
            asked = self._asked.get(job)
            if asked is None or asked.on_progress is None or unit.phase != "step":
                continue
            try:
                asked.on_progress(done, total)
            except Exception:  # somebody else's code, in the thread that every job's answer comes by
                log.exception("whoever is told of progress failed")


def _check(task: Task, config: DeviceConfig) -> None:
    if task.engine not in config.engines:
        raise InputError("unknown_engine", "there is no such engine")
    if len(task.prompt) + len(task.negative_prompt) > _MOST_CHARACTERS:
        raise InputError("prompt_too_long", "the prompt is too long")


def _arrays(task: Task) -> dict[str, np.ndarray]:
    """The image first: its place is where the picture will lie."""
    arrays = {"image": task.image, "mask": task.mask}
    if task.reference is not None:
        arrays["reference"] = task.reference
    return arrays | {f"control:{kind}": control for kind, control in task.controls.items()}
