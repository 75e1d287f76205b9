"""Waiting with a limit, and being told to stop at the worst moment."""

from __future__ import annotations

import asyncio

import pytest

from server.patience import within
from tests.serving import PATIENCE_S


def test_what_is_quick_enough_comes_back():
    async def quick() -> int:
        return 3

    assert asyncio.run(within(PATIENCE_S, quick())) == 3


def test_what_takes_too_long_is_cancelled():
    stopped = []

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    async def run() -> None:
        with pytest.raises(TimeoutError):
            await within(0.01, slow())
        await asyncio.sleep(0)

    asyncio.run(run())
    assert stopped == [True]


def test_errors_come_through():
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        asyncio.run(within(PATIENCE_S, fail()))


def test_a_cancellation_that_comes_together_with_the_result_is_not_lost():
    async def run() -> bool:
        result = asyncio.get_running_loop().create_future()

        async def loop_around() -> None:
            await within(PATIENCE_S, result)
            await asyncio.Event().wait()  # where a lost cancellation would be missed

        task = asyncio.create_task(loop_around())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        result.set_result(1)
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=PATIENCE_S)
        return bool(done) and task.cancelled()

    assert asyncio.run(run())
