"""The device process: `python -m models.device_process`, started by models/device_child.py and by nobody else.

Owns the child's side of the pipe: sets up engines and the loop, passes messages on, and ends when the server does. Must
not know what is decided in the loop, nor why anybody wants a picture.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import traceback
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from models.device_config import DeviceConfig, EngineSpec, load_engine, look_up
from models.device_loop import DeviceLoop, DeviceLost, Picture, evaluations
from models.device_messages import (
    Cancel,
    Died,
    Failed,
    Failure,
    Finished,
    Proven,
    Ran,
    Ready,
    Refused,
    Stop,
    Submit,
    Warming,
    failure_of,
)
from models.device_trace import TraceFile
from models.engines.contract import Engine, Task
from models.frames import Frames
from models.scheduler_jobs import Job

log = logging.getLogger(__name__)


def main(pipe: Connection, memory_fd: int) -> int:
    """Serve until told to stop. Returns the exit status."""
    # A service manager that stops the server may tell every process of it. This one makes pictures until the server
    # says stop, or is gone. (A handler and not SIG_IGN, which whatever is started from here would inherit.)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        config = pipe.recv().config
    except EOFError:
        return 0
    logging.basicConfig(level=config.log_level, format="%(levelname)s device: %(message)s")
    frames = Frames(memory_fd, slots=config.slots, slot_bytes=config.slot_bytes)
    return _Process(pipe, frames, config).run()


class _Process:
    """Listener of the loop, and the loop's ear to the pipe."""

    def __init__(self, pipe: Connection, frames: Frames, config: DeviceConfig) -> None:
        self._pipe = pipe
        self._frames = frames
        self._config = config
        self._sending = threading.Lock()
        self._slots: dict[int, int] = {}  # by job, until it is over
        self._unproven = set(config.engines)
        self._trace = TraceFile(config.trace) if config.trace is not None else None
        self._loop: DeviceLoop | None = None  # until the engines are warm

    def run(self) -> int:
        # From the start, so that a server that dies while engines are loaded takes this process along.
        threading.Thread(target=self._listen, name="listen", daemon=True).start()
        engines: dict[str, Engine] = {}
        try:
            self._warm_up(engines)
            self._loop = self._make_loop(engines)
            gc.collect()
            gc.freeze()
            self._loop.run()
        except DeviceLost as error:
            self._say(Died(error.failure))
            return 1
        except Exception as error:  # the process's last words: its parent starts another
            log.error("the device process gives up: %s", traceback.format_exc())
            self._say(Died(failure_of(error)))
            return 1
        for engine in engines.values():
            engine.close()
        return 0

    def _warm_up(self, engines: dict[str, Engine]) -> None:
        count = len(self._config.engines)
        for index, (name, spec) in enumerate(self._config.engines.items()):
            self._say(Warming(f"loading {name}", index / count))
            engines[name] = load_engine(name, spec)
            engines[name].warm_up(
                lambda stage, share, name=name, index=index: self._say(
                    Warming(f"{name}: {stage}", (index + share) / count)
                )
            )

    def _make_loop(self, engines: dict[str, Engine]) -> DeviceLoop:
        given = self._config.rules
        rules = replace(
            given,
            batch={name: engine.max_batch for name, engine in engines.items()},
            most_captures=given.most_captures + len(engines),  # the canaries take no one's place
        )
        return DeviceLoop(
            engines,
            look_up(self._config.policy)(rules),
            listener=self,
            canaries={name: _canary(name, spec) for name, spec in self._config.engines.items()},
            canary_ms=self._config.canary_s * 1e3,
        )

    # What the loop says.

    def finished(self, picture: Picture) -> None:
        """The picture goes where the task's image was."""
        self._frames.write(self._slots.pop(picture.job), {"image": picture.image})
        self._say(
            Finished(picture.job, picture.steps_done, picture.began_ms, picture.ended_ms, picture.notices),
        )

    def refused(self, job: int, reason: str, retry_ms: float) -> None:
        """The slot is free from here on."""
        self._slots.pop(job)
        self._say(Refused(job, reason, retry_ms))

    def failed(self, job: int, failure: Failure) -> None:
        """The slot is free from here on."""
        self._slots.pop(job)
        self._say(Failed(job, failure))

    def ran(self, unit: Ran) -> None:
        """For the server's trust, and for the trace."""
        self._say(unit)
        if self._trace is not None:
            self._trace.note(unit)

    def proven(self, engine: str) -> None:
        """Ready, once every engine has made a picture."""
        self._say(Proven(engine))
        if engine in self._unproven:
            self._unproven.discard(engine)
            if not self._unproven:
                self._say(Ready())

    def _say(self, message: Any) -> None:
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            _end()

    # What the server says.

    def _listen(self) -> None:
        try:
            while True:
                self._hear(self._pipe.recv())
        except (EOFError, OSError):
            pass
        except Exception:  # deaf, the process is of no use: it ends, and another is started
            log.critical("the device process cannot go on: %s", traceback.format_exc())
        _end()

    def _hear(self, message: Any) -> None:
        if self._loop is None:
            _end()  # told to stop: nothing else is said before it is ready
        elif isinstance(message, Submit):
            self._slots[message.job] = message.slot
            self._loop.submit(_job(message), _task(message, self._frames))
        elif isinstance(message, Cancel):
            self._loop.cancel(message.job)
        elif isinstance(message, Stop):
            self._loop.stop()


def _job(message: Submit) -> Job:
    image = next(place for place in message.placed if place.name == "image")
    return Job(
        message.job,
        message.session,
        message.kind,
        message.engine,
        size=(image.shape[0], image.shape[1]),
        arrival_ms=message.arrival_ms,
        deadline_ms=message.deadline_ms,
        steps_asked=evaluations(message.params),
    )


def _task(message: Submit, frames: Frames) -> Task:
    arrays = frames.read(message.slot, message.placed)
    return Task(
        message.task_id,
        message.engine,
        arrays.pop("image"),
        arrays.pop("mask"),
        message.prompt,
        message.params,
        negative_prompt=message.negative_prompt,
        reference=arrays.pop("reference", None),
        controls={name.removeprefix("control:"): array for name, array in arrays.items()},
    )


def _canary(name: str, spec: EngineSpec) -> Task:
    """A slope of greys with everything but its rim to be made anew."""
    height, width = spec.canary_hw
    image = np.broadcast_to(np.linspace(64, 192, width, dtype=np.uint8)[:, None], (height, width, 3))
    mask = np.zeros((height, width), np.uint8)
    mask[height // 8 : -height // 8, width // 8 : -width // 8] = 255
    return Task("canary", name, np.ascontiguousarray(image), mask, "a jacket", spec.canary)


def _end() -> None:
    """At once, with whatever the engines have started: nobody is there any more to be told of anything."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(Connection(int(sys.argv[1])), int(sys.argv[2])))
