"""The device process as the server holds it: started, spoken to, listened to, killed.

Owns one process and its pipe; must not know what is said.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import connection
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

_ROOT = Path(__file__).parents[1]
_KILLED_S = 5.0  # for a killed process to be gone; one that sits in a driver may never be


class Child:
    """One device process. Any thread may send; one thread does the rest."""

    def __init__(self, setup: bytes, *, memory_fd: int, lock_fd: int | None) -> None:
        """Start it, with a pickled `Setup`. It shares the memory, and keeps the lock for as long as it lives.

        Raises:
            OSError
        """
        ours, theirs = socket.socketpair()
        with theirs, ours:
            fds = [fd for fd in (theirs.fileno(), memory_fd, lock_fd) if fd is not None]
            # A session of its own: an interrupt from the terminal is the server's business, and whatever engines start
            # can be killed along.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "models.device_process", str(theirs.fileno()), str(memory_fd)],
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                cwd=_ROOT,
                start_new_session=True,
            )
            self._pipe = connection.Connection(ours.detach())
        self._sending = threading.Lock()
        with suppress(OSError):  # one that has died already is found dead soon enough
            self._pipe.send_bytes(setup)

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Any) -> bool:
        """Never blocks; False when the message could not be sent because the process does not listen or is gone."""
        with self._sending:
            try:
                # A pipe that counts as writable has room for far more than one message.
                if not _is_writable(self._pipe.fileno()):
                    return False
                self._pipe.send(message)
            except OSError:
                return False
        return True

    def receive(self, *, within_s: float) -> list[Any] | None:
        """What has come, waiting for the first; None when nothing can come any more."""
        if not self._pipe.poll(within_s):
            # Processes of the engines' own may keep the pipe open after the one that counts is gone.
            return None if self._is_dead() else []
        messages = []
        try:
            while self._pipe.poll(0):
                messages.append(self._pipe.recv())
        except (EOFError, OSError):
            return messages or None
        return messages

    def close(self) -> None:
        """Kill it, whatever it does, and clean up after it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        try:
            self._process.wait(_KILLED_S)
        except subprocess.TimeoutExpired:
            log.error("the device process %d cannot be killed; its driver holds it", self._process.pid)
        with self._sending:
            self._pipe.close()

    def _is_dead(self) -> bool:
        """Without reaping it: until `close`, its number stays its own."""
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True


def _is_writable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    return any(event & select.POLLOUT for _, event in poll.poll(0))
