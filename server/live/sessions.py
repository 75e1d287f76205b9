"""Who is connected. Owns the limit on live sessions and how they end when the server stops; must not know frames."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from server.patience import within
from utils.errors import CapacityError


class Drainable(Protocol):
    """A live session, as seen from here."""

    def drain(self, *, retry_in_ms: int) -> None:
        """Finish what is under way, then close."""


class Sessions:
    """All live sessions of the program."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[Drainable] = set()
        self._empty = asyncio.Event()
        self._empty.set()
        self.draining = False
        """From the first signal to stop until the end of the program."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, session: Drainable) -> None:
        """Raises CapacityError: busy or draining."""
        if self.draining:
            raise CapacityError("draining", "the server is about to restart", hint="connect again in a few seconds")
        if len(self._open) >= self._limit:
            raise CapacityError("busy", "every place for a live session is taken", hint="connect again later")
        self._open.add(session)
        self._empty.clear()

    def leave(self, session: Drainable) -> None:
        """Whether or not it was admitted."""
        self._open.discard(session)
        if not self._open:
            self._empty.set()

    async def drain(self, *, retry_in_ms: int, timeout_s: float) -> None:
        """Admit nobody, let everybody finish, wait until they have left or the time is up."""
        self.draining = True
        for session in tuple(self._open):
            session.drain(retry_in_ms=retry_in_ms)
        with suppress(TimeoutError):
            await within(timeout_s, self._empty.wait())
