"""The device as the server sees it: ask for a picture and get it, or the reason why not.

Owns the parts that a device is made of (lock, memory, process, open jobs) and how waiting for them ends; must not know
engines, torch or what is decided in the device process. Nothing here waits for the device longer than it was told to:
not when it hangs, not when it is gone. See models/enhancer.py for what is promised to a fitting.
"""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any

from models.device_config import DeviceConfig
from models.device_jobs import Answer, OpenJobs
from models.device_lock import lock_device
from models.device_messages import Failure, Ran
from models.device_supervisor import Supervisor
from models.engines.contract import Task
from models.enhancer import Enhanced, Progress, Refusal
from models.frames import Frames, make_frames
from models.scheduler_jobs import Kind
from utils.errors import CapacityError, DeviceError, LucyError

_LOOK_S = 0.05  # between two looks at whether a capture was called off


class Device:
    """Thread-safe. Whoever starts it closes it, too."""

    def __init__(self, config: DeviceConfig) -> None:
        self._config = config
        self._parts: _Parts | None = None  # from `start` to `close`
        self._changing = threading.Lock()

    def start(self) -> None:
        """Take the device and let its process begin to warm up; returns before it is ready.

        Raises:
            ConfigError: device_in_use, shared_memory.
        """
        with self._changing:
            if self._parts is None:
                self._parts = _start(self._config)

    def close(self) -> None:
        """End the process, answer what is open, give everything back. Harmless when repeated."""
        with self._changing:
            parts, self._parts = self._parts, None
        if parts is None:
            return
        parts.supervisor.stop()
        parts.jobs.lose(Failure("DeviceError", "engine_closed", "the device was closed"))
        parts.frames.close()
        if parts.lock_fd is not None:
            os.close(parts.lock_fd)

    def submit(
        self,
        task: Task,
        *,
        session: str,
        kind: Kind,
        within_ms: float,
        on_progress: Progress | None = None,
    ) -> Future[Answer]:
        """Ask for a picture. Returns at once; cancelling the future calls the work off.

        The future's result is a Refusal where the scheduler says no. It raises InputError for a task that cannot be
        made and DeviceError when something breaks. It is resolved in the device's thread: callbacks must be quick.
        """
        future: Future[Answer] = Future()
        parts = self._parts
        child = parts.supervisor.child if parts is not None else None
        if parts is None or child is None:
            future.set_result(Refusal(self._not_ready(parts)))
            return future
        try:
            return parts.jobs.ask(task, child, session=session, kind=kind, within_ms=within_ms, on_progress=on_progress)
        except CapacityError as error:
            future.set_result(Refusal(error.code))
        except LucyError as error:
            future.set_exception(error)
        return future

    def enhance(self, task: Task, *, session: str, within_ms: float) -> Enhanced | Refusal:
        """A keyframe: blocks for `within_ms` at most and raises nothing that has to do with the device."""
        future = self.submit(task, session=session, kind="live", within_ms=within_ms)
        if not wait([future], within_ms / 1e3).done:
            future.cancel()
        try:
            return future.result()
        except LucyError as error:
            return Refusal(error.code)
        except CancelledError:
            return Refusal("late")

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
            DeviceError: the device failed or is not ready; worth another try later.
            CancelledError
        """
        give_up_s = time.monotonic() + within_ms / 1e3
        future = self.submit(task, session=session, kind="capture", within_ms=within_ms, on_progress=on_progress)
        while not wait([future], _LOOK_S).done:
            late = time.monotonic() > give_up_s
            if late or (cancel is not None and cancel.is_set()):
                future.cancel()
                if late:
                    raise _refused(Refusal("late"))
                raise CancelledError
        answer = future.result()
        if isinstance(answer, Refusal):
            raise _refused(answer)
        return answer

    def readiness(self) -> dict[str, Any]:
        """What is known of the device.

        {"state": starting, warming, ready, stalled, restarting, failed or closed, "since_s", "share" of the warming up,
        "stage" of it, "restarts", "step_age_s" of the engine that was longest without a picture, "reason", "hint"}
        """
        parts = self._parts
        if parts is None:
            return {"state": "closed"}
        return parts.supervisor.health().report(stalled_s=self._config.patience_s / 4)

    def trace(self) -> tuple[Ran, ...]:
        """The last units of work, oldest first."""
        parts = self._parts
        return parts.jobs.trace() if parts is not None else ()

    def _not_ready(self, parts: _Parts | None) -> str:
        state = parts.supervisor.health().state if parts is not None else "closed"
        return {"warming": "engine_starting", "ready": "engine_restarting"}.get(state, f"engine_{state}")


@dataclass(frozen=True)
class _Parts:
    lock_fd: int | None
    frames: Frames
    jobs: OpenJobs
    supervisor: Supervisor


def _start(config: DeviceConfig) -> _Parts:
    lock_fd = lock_device(config.device, folder=config.lock_dir, wait_s=config.lock_s)
    try:
        frames = make_frames(slots=config.slots, slot_bytes=config.slot_bytes)
    except LucyError:
        if lock_fd is not None:
            os.close(lock_fd)
        raise
    jobs = OpenJobs(config, frames)
    supervisor = Supervisor(config, owner=jobs, memory_fd=frames.fd, lock_fd=lock_fd)
    supervisor.start()
    return _Parts(lock_fd, frames, jobs, supervisor)


def _refused(refusal: Refusal) -> LucyError:
    if refusal.reason.startswith("engine_"):
        return DeviceError(refusal.reason, "the device is not ready", hint="try again in a minute")
    hint = f"try again in {max(1, round(refusal.retry_ms / 1e3))} s"
    return CapacityError(refusal.reason, "the device has too much to do", hint=hint)
