"""Threads behind the event loop: as many as there are slots, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import threading

import pytest

from server.services import capture_threads, live_threads
from server.workers import Pool
from tests.fakes import FakeFitting
from tests.serving import PATIENCE_S, settings_for_tests
from utils.errors import CapacityError, DeviceError


class Held:
    """A call that stays until it is let go."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.running = 0
        self.most = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.gate.wait(PATIENCE_S)
        with self._lock:
            self.running -= 1
        return "done"


def in_loop(test):
    """Run an async test in a loop of its own, with a pool that is closed afterwards."""

    def run() -> None:
        asyncio.run(asyncio.wait_for(test(), PATIENCE_S))

    run.__name__ = test.__name__
    return run


async def until(condition) -> None:
    while not condition():  # noqa: ASYNC110 - threads set it, not the loop
        await asyncio.sleep(0.001)


@in_loop
async def test_no_more_calls_run_than_there_are_threads():
    pool, held = Pool("t", threads=2), Held()
    calls = [asyncio.create_task(pool.run(held, timeout_s=PATIENCE_S)) for _ in range(6)]
    await until(lambda: held.running == 2)
    held.gate.set()
    assert await asyncio.gather(*calls) == ["done"] * 6
    assert held.most == 2
    pool.close()


@in_loop
async def test_over_the_limit_a_call_is_refused_at_once():
    pool, held = Pool("t", threads=1, max_inside=2), Held()
    calls = [asyncio.create_task(pool.run(held, timeout_s=PATIENCE_S)) for _ in range(2)]
    await until(lambda: held.running == 1)
    with pytest.raises(CapacityError, match="busy"):
        await pool.run(held, timeout_s=PATIENCE_S)
    held.gate.set()
    await asyncio.gather(*calls)
    assert await pool.run(held, timeout_s=PATIENCE_S) == "done"
    pool.close()


@in_loop
async def test_a_call_that_takes_too_long_keeps_its_slot_until_it_returns():
    pool, held = Pool("t", threads=1), Held()
    with pytest.raises(DeviceError, match="timeout"):
        await pool.run(held, timeout_s=0.01)
    second = asyncio.create_task(pool.run(lambda: held.running, timeout_s=PATIENCE_S))
    await asyncio.sleep(0)
    assert not second.done()
    held.gate.set()
    assert await second == 0
    pool.close()


@in_loop
async def test_an_abandoned_call_is_followed_by_what_shall_come_afterwards():
    pool, held, order = Pool("t", threads=2), Held(), []

    async def use() -> None:
        async with pool.slot() as slot:
            try:
                await slot.call(lambda: (held(), order.append("call")), timeout_s=PATIENCE_S)
            finally:
                slot.afterwards(lambda: order.append("afterwards"))

    task = asyncio.create_task(use())
    await until(lambda: held.running == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert order == []
    held.gate.set()
    await until(lambda: len(order) == 2)
    assert order == ["call", "afterwards"]
    pool.close()


@in_loop
async def test_an_abandoned_call_that_fails_is_no_noise():
    pool, held = Pool("t", threads=1), Held()

    def fail() -> None:
        held()
        raise RuntimeError("nobody hears this")

    with pytest.raises(DeviceError):
        await pool.run(fail, timeout_s=0.01)
    held.gate.set()
    assert await pool.run(lambda: 1, timeout_s=PATIENCE_S) == 1
    pool.close()


@in_loop
async def test_errors_of_a_call_come_through():
    pool = Pool("t", threads=1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0, timeout_s=PATIENCE_S)
    pool.close()


@pytest.mark.parametrize(("engine", "live", "captures"), [("compositor", 4, 1), ("inpaint+turbo", 24, 3)])
def test_more_is_under_way_at_once_where_threads_wait_for_a_device(engine, live, captures):
    fitting = FakeFitting()
    fitting.readiness = lambda: {"engine": {"name": engine}}
    settings = settings_for_tests()
    assert (live_threads(settings, fitting), capture_threads(settings, fitting)) == (live, captures)
