"""Waiting with a limit. Owns the one way to do it; must not know what is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(limit_s: float, awaitable: Awaitable[T]) -> T:
    """Await, for `limit_s` at most; what takes longer is cancelled.

    asyncio.wait_for of Python 3.10 and 3.11 loses a cancellation that arrives together with the result; a loop around
    it then never ends.

    Raises:
        TimeoutError: when the limit is reached.
    """
    task = asyncio.ensure_future(awaitable)
    try:
        await asyncio.wait((task,), timeout=limit_s)
    finally:
        late = not task.done()
        task.cancel()
    if late:
        raise TimeoutError
    return task.result()
