"""Where all sessions have their frames parsed: one parser, one thread, fair turns.

Owns the queue and the thread; must not know sessions, poses or what a parsing is for.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from models.parsing import Crop, Parser, Parsing
from utils.errors import DeviceError

log = logging.getLogger(__name__)

Done = Callable[[Parsing], None]
Failed = Callable[[DeviceError], None]
_QUIET_S = 0.4

Job = tuple[Crop, Done, "Failed | None"]


class ParsingDesk:
    """Takes jobs from any thread. Of each customer at most one waits, the newest; customers are served in turn.

    One thread is the right number: a parsing fills a core for as long as several poses take.
    """

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._waiting: OrderedDict[Hashable, Job] = OrderedDict()  # who has waited longest comes first
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None  # None until the first job
        self._closed = False
        self._working = False
        self._used_s = -_QUIET_S

    def submit(
        self, customer: Hashable, piece: Crop, *, done: Done, failed: Failed | None = None, first: bool = False
    ) -> None:
        """Have `piece` parsed soon; `done` is called with the result in the desk's thread, or `failed`, or neither.

        Takes the place of the customer's job that still waits, and its turn, or with `first` the next one.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting[customer] = (piece, done, failed)
            if first:
                self._waiting.move_to_end(customer, last=False)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="parsing", daemon=True)
                self._thread.start()
            self._changed.notify()

    def parse_now(self, customer: Hashable, piece: Crop, *, done: Done, patience_s: float) -> bool:
        """Have `piece` parsed before all that waits, and wait for it. False when that took longer than `patience_s`:
        then it is delivered when it is done.

        Raises:
            DeviceError: parsing_failed.
        """
        finished = threading.Event()
        failure: list[DeviceError] = []

        def deliver(parsing: Parsing) -> None:
            done(parsing)
            finished.set()

        def fail(error: DeviceError) -> None:
            failure.append(error)
            finished.set()

        self.submit(customer, piece, done=deliver, failed=fail, first=True)
        if not finished.wait(patience_s):
            return False
        if failure:
            raise failure[0]
        return True

    def load(self) -> int:
        """Jobs that wait or are under way."""
        with self._changed:
            return len(self._waiting) + self._working

    def quiet(self) -> bool:
        """Whether nobody has used the parser for a moment, so that waiting for it costs nobody else anything."""
        with self._changed:
            return not self._waiting and not self._working and time.monotonic() - self._used_s > _QUIET_S

    def withdraw(self, customer: Hashable) -> None:
        """Forget the customer's waiting job; one that is under way is still delivered."""
        with self._changed:
            self._waiting.pop(customer, None)

    def close(self) -> None:
        """End the thread after the job under way, forget the others, close the parser. Harmless when repeated."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._parser.close()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            piece, done, failed = job
            try:
                done(self._parser.parse_crop(piece))
            except Exception as error:  # one parsing is one unit of work
                log.exception("a parsing failed; its session goes on with the one before")
                if failed is not None and isinstance(error, DeviceError):
                    failed(error)

    def _next(self) -> Job | None:
        with self._changed:
            if self._working:
                self._working, self._used_s = False, time.monotonic()
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            self._working = True
            return self._waiting.popitem(last=False)[1]
