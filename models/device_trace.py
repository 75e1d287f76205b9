"""What the device did, unit by unit, for whoever has to find out why a picture was late.

Owns the file and its bounds; must not know what is done about it. One JSON object per line, written when the unit is
over:

    process       its number; another one after a restart
    engine, kind, phase    turbo or inpaint; live or capture; begin, encode, step or decode
    result        ok; last: that picture is done; again, memory, failed: it went wrong
    jobs          the pictures that shared it, numbered per server; below 0 are the device's own canaries
    came_ms       for each of them: when the device process learnt of it
    began_ms, ended_ms     of the unit; as came_ms on the machine's monotonic clock
    steps_done, steps_total    for each of them, in UNet evaluations
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TextIO

from models.device_messages import Ran

log = logging.getLogger(__name__)

MOST_BYTES = 64 << 20
"""Of the file, and as much again in the one before it."""


class TraceFile:
    """Appends to `path`; when that is full it becomes `path`.1, in the place of an older one. One thread.

    A trace is never worth a picture: where it cannot be written there is a warning, and no trace.
    """

    def __init__(self, path: Path, *, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._file: TextIO | None = None  # None when it cannot be written
        self._bytes = 0
        self._try(self._open)

    def note(self, unit: Ran) -> None:
        """Write the unit down. Raises nothing."""
        if self._file is not None:
            self._try(lambda: self._write(_line(unit)))

    def close(self) -> None:
        """Harmless when repeated."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _open(self) -> None:
        # Line by line: what was under way when the process was killed is what is looked for.
        self._file = self._path.open("a", buffering=1, encoding="ascii")
        self._bytes = self._file.tell()

    def _write(self, line: str) -> None:
        if self._bytes + len(line) > self._most_bytes:
            self.close()
            self._path.replace(self._path.with_name(self._path.name + ".1"))
            self._open()
        self._file.write(line)
        self._bytes += len(line)

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except OSError as error:
            log.warning("there is no trace of the device any more: %s", error.strerror)
            self._file = None


def _line(unit: Ran) -> str:
    times = {
        "came_ms": [round(ms, 3) for ms in unit.came_ms],
        "began_ms": round(unit.began_ms, 3),
        "ended_ms": round(unit.ended_ms, 3),
    }
    return json.dumps({"process": os.getpid(), **asdict(unit), **times}) + "\n"
