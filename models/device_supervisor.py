"""Keeps a device process alive: starts it, listens to it, kills it when it hangs, starts another when it is gone.

Owns the thread, the process and what is known of its health; must not know jobs or pictures.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from models.device_child import Child
from models.device_config import DeviceConfig
from models.device_messages import Died, Failure, Proven, Ran, Ready, Setup, Stop, Warming

log = logging.getLogger(__name__)

State = Literal["starting", "warming", "ready", "restarting", "failed", "closed"]

_TICK_S = 0.1
_LONGEST_TICK_S = 0.3
"""A longer one is not the device's silence: this process, or the whole machine, was stopped."""

_KILLED = Failure(
    "DeviceError", "engine_restarting", "the device's process ended unexpectedly", "try again in a minute"
)
_HUNG = Failure("DeviceError", "engine_restarting", "the device did not answer any more", "try again in a minute")
_CLOSED = Failure("DeviceError", "engine_closed", "the device is being closed")


@dataclass(frozen=True)
class Health:
    """What is known of the device process."""

    state: State
    since_s: float
    """When it came into this state, on the monotonic clock."""
    share: float = 0.0
    """Of the warming up, done."""
    stage: str | None = None
    restarts: int = 0
    failure: Failure | None = None
    """Why it is not ready, where it once was or should be."""
    proven_s: dict[str, float] = field(default_factory=dict)
    """By engine: when it last made a picture."""
    silent_s: float = 0.0
    """For how long nothing was heard although there is work."""

    def report(self, *, stalled_s: float) -> dict[str, Any]:
        """For people and monitors. A ready device that is silent for `stalled_s` is not called ready."""
        now_s = time.monotonic()
        oldest_s = min(self.proven_s.values(), default=None)
        return {
            "state": "stalled" if self.state == "ready" and self.silent_s >= stalled_s else self.state,
            "since_s": round(now_s - self.since_s, 1),
            "share": round(self.share, 3),
            "stage": self.stage,
            "restarts": self.restarts,
            "step_age_s": None if oldest_s is None else round(now_s - oldest_s, 1),
            "reason": None if self.failure is None else self.failure.code,
            "hint": None if self.failure is None else self.failure.hint,
        }


class Owner(Protocol):
    """Whose device it is. Called from the supervisor's thread; must be quick."""

    def hear(self, message: Any) -> None:
        """Something about a job."""

    def has_work(self) -> bool:
        """Whether something should be heard soon."""

    def lose(self, failure: Failure) -> None:
        """The process is gone, and all jobs with it."""

    def tick(self) -> None:
        """Called now and then."""


class Supervisor:
    """One thread, from `start` to `stop`."""

    def __init__(self, config: DeviceConfig, *, owner: Owner, memory_fd: int, lock_fd: int | None) -> None:
        self._config = config
        self._setup = pickle.dumps(Setup(config))
        self._owner = owner
        self._memory_fd = memory_fd
        self._lock_fd = lock_fd
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="device", daemon=True)
        self._in_vain = 0  # starts in a row that never came to be ready
        self._unsteady = 0  # processes in a row that did not last
        self._quiet = _Quiet()
        self._health = Health("starting", time.monotonic())
        self.child: Child | None = None
        """The process, while it is ready."""

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Let the process end what it does, for a moment; then kill it."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def health(self) -> Health:
        """Any thread."""
        return replace(self._health, silent_s=self._quiet.for_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            failure = self._live_through_one()
            if self._stopping.is_set():
                break
            if failure.kind == "ConfigError":
                log.error("the device cannot be set up: %s (%s)", failure.message, failure.hint)
                self._enter("failed", failure=failure)
                return
            delay_s = min(self._config.backoff_most_s, self._config.backoff_s * 2 ** min(self._unsteady - 1, 16))
            log.error("the device was lost: %s; restart in %.1f s", failure.message, delay_s)
            self._enter("failed" if self._in_vain >= self._config.failed_after else "restarting", failure=failure)
            self._stopping.wait(delay_s)
            self._health = replace(self._health, restarts=self._health.restarts + 1)
        self._enter("closed")

    def _live_through_one(self) -> Failure:
        """One process from its start to its end; says why it ended."""
        try:
            child = Child(self._setup, memory_fd=self._memory_fd, lock_fd=self._lock_fd)
        except OSError as error:
            self._in_vain += 1
            self._unsteady += 1
            return replace(_KILLED, message=f"the device's process cannot be started: {error.strerror}")
        self._in_vain += 1
        started_s = time.monotonic()
        try:
            failure = self._attend(child, started_s)
        except Exception:  # nobody may wait for a thread that is gone: it counts as the process's fault
            log.exception("listening to the device failed")
            failure = _KILLED
        self.child = None
        child.close()
        ready_s = self._health.since_s if self._health.state == "ready" else None
        steady = ready_s is not None and time.monotonic() - ready_s >= self._config.steady_s
        self._unsteady = 1 if steady else self._unsteady + 1
        self._owner.lose(failure)
        return failure

    def _attend(self, child: Child, started_s: float) -> Failure:
        self._quiet = _Quiet()
        while not self._stopping.is_set():
            messages = child.receive(within_s=_TICK_S)
            if messages is None:
                return _KILLED
            for message in messages:
                if isinstance(message, Died):
                    return message.failure
                self._take(message, child, started_s)
            if self._hangs(messages):
                return _HUNG
            self._owner.tick()
        self._part(child)
        return _CLOSED

    def _hangs(self, messages: list[Any]) -> bool:
        """Whether nothing has been done for too long. What is only said does not count: refusals need no device."""
        done = any(isinstance(message, (Ran, Warming, Proven)) for message in messages)
        if self._health.state != "ready":
            return self._quiet.lasts(self._config.load_silence_s, heard=done)
        return self._quiet.lasts(self._config.patience_s, heard=done or not self._owner.has_work())

    def _take(self, message: Any, child: Child, started_s: float) -> None:
        if isinstance(message, Warming):
            if self._health.state in ("starting", "warming"):
                self._enter("warming", share=message.share, stage=message.stage)
            else:  # to whoever watches, a restart is one thing
                self._health = replace(self._health, share=message.share, stage=message.stage)
        elif isinstance(message, Ready):
            log.info("the device is ready after %.1f s", time.monotonic() - started_s)
            self._in_vain = 0
            self.child = child
            self._enter("ready", share=1.0)
        elif isinstance(message, Proven):
            proven_s = {**self._health.proven_s, message.engine: time.monotonic()}
            self._health = replace(self._health, proven_s=proven_s)
        else:
            self._owner.hear(message)

    def _part(self, child: Child) -> None:
        """Let it end by itself what it has under way; its memory is given back more gently that way."""
        self.child = None
        child.send(Stop())
        give_up_s = time.monotonic() + self._config.close_s
        while time.monotonic() < give_up_s:
            messages = child.receive(within_s=_TICK_S)
            if messages is None:
                return
            for message in messages:
                if not isinstance(message, (Warming, Ready, Proven, Died)):
                    self._owner.hear(message)

    def _enter(self, state: State, **changes: Any) -> None:
        since_s = self._health.since_s if state == self._health.state else time.monotonic()
        changes = {"failure": None, "stage": None, "share": 0.0, **changes}
        self._health = replace(self._health, state=state, since_s=since_s, **changes)


class _Quiet:
    """Counts the time in which something should have been heard."""

    def __init__(self) -> None:
        self.for_s = 0.0
        self._last_s = time.monotonic()

    def lasts(self, limit_s: float, *, heard: bool) -> bool:
        now_s = time.monotonic()
        passed_s, self._last_s = min(now_s - self._last_s, _LONGEST_TICK_S), now_s
        self.for_s = 0.0 if heard else self.for_s + passed_s
        return self.for_s > limit_s
