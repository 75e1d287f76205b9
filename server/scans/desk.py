"""The scanning process as the server holds it: started with the first scan, kept, replaced when it is lost.

Owns the process and the wait for it; must not know HTTP nor how a cloth is scanned. A scan runs in a process of its own
because it keeps a core busy for a second: there it gives way to live pictures, which a thread cannot, and whatever a
stranger's photo does to it, the server goes on. To call a scan off is to kill the process.
"""

from __future__ import annotations

import logging
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from server.scans.messages import Began, Done, Failed, Order, PackOrder
from utils.errors import CapacityError, DeviceError

_ROOT = Path(__file__).parents[2]
_TICK_S = 0.05  # between two looks at whether the scan is still wanted
_STUCK_S = 10  # for a message that has begun; a process that is stopped in its middle is lost

log = logging.getLogger(__name__)


class Desk:
    """Any thread; one scan at a time, the others wait."""

    def __init__(self, *, memory_mb: int) -> None:
        """Nothing is started yet. A scan that takes more memory fails."""
        self._memory_mb = memory_mb
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._child: _Child | None = None
        """None until the first scan, and after one was lost or called off."""

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        child = self._child
        return None if child is None else child.pid

    @property
    def is_busy(self) -> bool:
        """Whether somebody is being served."""
        return self._turn.locked()

    def scan(self, order: Order, *, on_stage: Callable[[str], None], cancel: threading.Event) -> Done:
        """Blocking. `on_stage` is told the name of each stage as it begins, in this thread.

        Raises:
            InputError: whatever the scanner refuses. CapacityError: cancelled, scan_memory.
            DeviceError: scan_failed, scanner_lost.
        """
        return self._ask(order, on_stage, cancel)

    def pack(self, order: PackOrder, *, cancel: threading.Event) -> bytes:
        """Blocking: a package of a kept scan. Raises as `scan`, and InputError: scale_unknown."""
        return self._ask(order, _not_told, cancel).data

    def _ask(self, order: Order | PackOrder, on_stage: Callable[[str], None], cancel: threading.Event) -> Any:
        with self._turn:
            self._look_up(cancel)
            try:
                answer = self._attend(order, on_stage, cancel)
            except (EOFError, OSError) as error:
                self._drop()
                log.error("the scanning process was lost: %s", type(error).__name__)
                hint = "try again; if it fails again, send a smaller photo"
                raise DeviceError("scanner_lost", "the scan broke off", hint=hint) from None
            except BaseException:  # a process that was left in the middle of a scan answers the next one with it
                self._drop()
                raise
        if isinstance(answer, Failed):
            raise answer.error()
        return answer

    def close(self) -> None:
        """Call off what is under way, and end the process."""
        self._closing.set()
        with self._turn:
            self._drop()

    def _attend(self, order: Order | PackOrder, on_stage: Callable[[str], None], cancel: threading.Event) -> Any:
        """Done, Packed or Failed. Whatever is raised, the process is good for nothing more."""
        child = self._child
        if child is None:
            child = self._child = _Child(self._memory_mb)
            self._next(child, cancel)  # Ready
        child.send(order)
        while isinstance(message := self._next(child, cancel), Began):
            on_stage(message.stage)
        return message

    def _next(self, child: _Child, cancel: threading.Event) -> Any:
        while not child.has_said_something(within_s=_TICK_S):
            self._look_up(cancel)
        return child.receive()

    def _look_up(self, cancel: threading.Event) -> None:
        """Raises CapacityError: cancelled, when nobody waits any more."""
        if cancel.is_set() or self._closing.is_set():
            raise CapacityError("cancelled", "the scan was called off")

    def _drop(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None


def _not_told(_: str) -> None:
    """For work without stages."""


class _Child:
    """One process and its pipe. Whatever it raises is an OSError or EOFError, and the end of it."""

    def __init__(self, memory_mb: int) -> None:
        ours, theirs = socket.socketpair()
        with theirs, ours:
            for limit in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):
                ours.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", _STUCK_S, 0))
            # In the session of the server: between sessions Linux shares the processor out evenly (sched_autogroup),
            # however nice a process is.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server.scans.process", str(theirs.fileno()), str(memory_mb)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
            )
            self._pipe = Connection(ours.detach())

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, order: Order | PackOrder) -> None:
        self._pipe.send(order)

    def has_said_something(self, *, within_s: float) -> bool:
        """Also when it has hung up."""
        return self._pipe.poll(within_s)

    def receive(self) -> Any:
        return self._pipe.recv()

    def close(self) -> None:
        """Kill it, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._pipe.close()
