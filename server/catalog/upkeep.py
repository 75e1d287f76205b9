"""What happens to the catalog while nobody asks: the book is kept up to date, and what has expired is swept away.

Owns when; must not know how. Another process's changes are seen within a second; this one's own at once, because
whoever makes them refreshes the book.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.concurrency import run_in_threadpool

from server.catalog.shop import Shop
from server.workers import Pool
from utils.errors import LucyError

LOOK_EVERY_S = 1.0
SWEEP_EVERY_S = 3600.0
TIMEOUT_S = 60.0

logger = logging.getLogger("lucy.catalog")


@asynccontextmanager
async def look_after(shop: Shop | None) -> AsyncIterator[None]:
    """While inside, refresh and sweep. Nothing is to be done for a book that cannot change."""
    if shop is None:
        yield
        return
    pool = Pool("upkeep", threads=2)  # its own: it must not wait for whoever changes the catalog
    chores = [
        asyncio.create_task(_again_and_again(pool, shop.book.refresh, every_s=LOOK_EVERY_S)),
        asyncio.create_task(_again_and_again(pool, shop.sweep, every_s=SWEEP_EVERY_S)),
    ]
    try:
        yield
    finally:
        for chore in chores:
            chore.cancel()
        await asyncio.gather(*chores, return_exceptions=True)
        await run_in_threadpool(pool.close)


async def _again_and_again(pool: Pool, chore: Callable[[], Any], *, every_s: float) -> None:
    """What goes wrong is said once, until it goes well again."""
    said = None
    while True:
        try:
            await pool.run(chore, timeout_s=TIMEOUT_S)
            said = None
        except LucyError as error:
            if error.code != said:
                logger.warning("the catalog: %s", error)
            said = error.code
        except Exception:  # one round is one unit of work; the next may do better
            if said != "bug":
                logger.exception("a chore of the catalog failed")
            said = "bug"
        await asyncio.sleep(every_s)
