"""Threads for everything that would block the event loop, never more of it at once than there are threads.

Owns slots, time limits and what becomes of a call that nobody waits for any more; must not know what is called.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from server.patience import within
from utils.errors import CapacityError, DeviceError

T = TypeVar("T")


class Pool:
    """`threads` slots. A slot is taken first and the work is chosen then, so that it is the newest there is."""

    def __init__(self, name: str, *, threads: int, max_inside: int | None = None) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=f"lucy-{name}")
        self._slots = asyncio.Semaphore(threads)
        self._max_inside = max_inside
        self._inside = 0
        """Calls of `run` that have not returned, those that wait for a slot included."""

    async def run(self, call: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Wait for a slot, call there, return the result.

        Raises:
            CapacityError: busy, when as many as may be inside are.
            DeviceError: timeout, when the call takes longer than `timeout_s`; it keeps its slot until it returns.
        """
        if self._max_inside is not None and self._inside >= self._max_inside:
            raise CapacityError("busy", "too many of these are under way", hint="try again in a few seconds")
        self._inside += 1
        try:
            async with self.slot() as slot:
                return await slot.call(call, *args, timeout_s=timeout_s)
        finally:
            self._inside -= 1

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """A free thread, for any number of calls one after the other."""
        await self._slots.acquire()
        slot = Slot(self._executor)
        try:
            yield slot
        finally:
            slot.when_free(self._slots.release)

    def close(self) -> None:
        """Wait for the calls under way; start no other."""
        self._executor.shutdown(wait=True)


class Slot:
    """One thread of the pool, lent out."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor
        self._last: asyncio.Future[Any] | None = None
        """The newest call; it may outlive whoever waited for it."""

    async def call(self, call: Callable[..., T], *args: Any, timeout_s: float) -> T:
        """Call in the thread. Raises DeviceError: timeout, and whatever the call raises."""
        self._last = asyncio.get_running_loop().run_in_executor(self._executor, call, *args)
        try:
            return await within(timeout_s, asyncio.shield(self._last))
        except TimeoutError:
            raise DeviceError("timeout", "the work took too long", hint="try again") from None

    def when_free(self, then: Callable[[], Any]) -> None:
        """Run `then` in the event loop once the thread is free: now, or when an abandoned call has returned."""
        if self._last is None or self._last.done():
            then()
        else:
            self._last.add_done_callback(lambda call: (call.cancelled() or call.exception(), then()))

    def afterwards(self, call: Callable[[], Any]) -> None:
        """Call in a thread once this one is free. Nobody waits for it; after the pool is closed it is left out."""

        def submit() -> None:
            with suppress(RuntimeError):
                self._executor.submit(call)

        self.when_free(submit)


@dataclass(frozen=True)
class Workers:
    """A pool for each kind of work, so that a slow kind cannot starve a quick one."""

    live: Pool
    captures: Pool
    wardrobe: Pool
    """Making garments up, cutting photos out, drawing thumbnails."""
    catalog: Pool
    """The catalog's database and its files."""
    scans: Pool
    """Waiting for the scanning process."""
    packing: Pool
    """Waiting for it as well, for downloads."""

    def close(self) -> None:
        """Blocking."""
        for pool in (self.live, self.captures, self.wardrobe, self.catalog, self.scans, self.packing):
            pool.close()
