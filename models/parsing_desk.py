"""Where all sessions have their frames parsed: one parser, one thread, fair turns.

Owns the queue and the thread; must not know sessions, poses or what a parsing is for.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from models.parsing import Crop, Parser, Parsing

log = logging.getLogger(__name__)

Done = Callable[[Parsing], None]


class ParsingDesk:
    """Takes jobs from any thread. Of each customer at most one waits, the newest; customers are served in turn.

    One thread is the right number: a parsing fills a core for as long as several poses take.
    """

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._waiting: OrderedDict[Hashable, tuple[Crop, Done]] = OrderedDict()  # who has waited longest comes first
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None  # None until the first job
        self._closed = False

    def submit(self, customer: Hashable, piece: Crop, *, done: Done) -> None:
        """Have `piece` parsed soon; `done` is called with the result in the desk's thread, or never.

        Takes the place of the customer's job that still waits, and its turn.
        """
        with self._changed:
            if self._closed:
                return
            self._waiting[customer] = (piece, done)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="parsing", daemon=True)
                self._thread.start()
            self._changed.notify()

    def parse_now(self, customer: Hashable, piece: Crop) -> Parsing:
        """Parse in the caller's thread, in place of the customer's job that waits.

        Raises:
            DeviceError: parsing_failed.
        """
        self.withdraw(customer)
        return self._parser.parse_crop(piece)

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
            piece, done = job
            try:
                done(self._parser.parse_crop(piece))
            except Exception:
                log.exception("a parsing failed; its session goes on with the one before")

    def _next(self) -> tuple[Crop, Done] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return None if self._closed else self._waiting.popitem(last=False)[1]
