"""What kiosks do to a server in one measurement, and the figures that come of it.

Owns the two kinds of load, pulling and pushing; must not know goals or how servers are started.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bench.figures import spread
from bench.kiosk import Kiosk, Notes, at_kiosk
from bench.machine import Watch
from bench.serving import Served

LOOK_HZ = 60.0
"""How often a shopper sees the screen."""
_SEED = 7


async def pulling(
    served: Served,
    frames: Sequence[bytes],
    *,
    wish: dict[str, str],
    kiosks: int,
    every_s: float,
    seconds: float,
    warm_s: float,
) -> dict[str, Any]:
    """Each kiosk has one frame in flight, every `every_s` at a phase of its own; 0 is as fast as it goes."""
    phases = random.Random(_SEED)
    async with _dressed(served, frames, wish=wish, kiosks=kiosks, text=False) as crowd:
        waits_s = [phases.uniform(0, every_s) for _ in crowd]

        async def all_pull(span_s: float) -> None:
            until_s = time.monotonic() + span_s
            pulls = zip(crowd, waits_s, strict=True)
            await asyncio.gather(*(k.pull(until_s=until_s, every_s=every_s, phase_s=wait) for k, wait in pulls))

        await all_pull(warm_s + every_s)
        for kiosk in crowd:
            kiosk.forget()
        began_s = time.monotonic()
        with Watch(served.pid) as watch:
            await all_pull(seconds)
        wall_s = time.monotonic() - began_s
        notes = [kiosk.notes for kiosk in crowd]
    trips = [trip for note in notes for trip in note.trips_ms()]
    return {"kiosks": kiosks, "every_s": every_s, "e2e_ms": spread(trips), **_common(notes, wall_s, watch)}


async def pushing(
    served: Served,
    frames: Sequence[bytes],
    *,
    wish: dict[str, str],
    kiosks: int,
    hz: float,
    seconds: float,
    warm_s: float,
    text: bool,
) -> dict[str, Any]:
    """Each kiosk sends `hz` frames a second whatever comes back; what counts is the age of what its screen shows."""
    async with _dressed(served, frames, wish=wish, kiosks=kiosks, text=text) as crowd:
        for kiosk in crowd:
            await kiosk.pull(until_s=time.monotonic() + warm_s / kiosks)
            kiosk.forget()
        began_s = time.monotonic()
        until_s = began_s + seconds
        with Watch(served.pid) as watch:
            phases = [index / (hz * kiosks) for index in range(kiosks)]
            pushes = zip(crowd, phases, strict=True)
            await asyncio.gather(*(k.push(until_s=until_s, hz=hz, phase_s=wait) for k, wait in pushes))
        notes = [kiosk.notes for kiosk in crowd]
    ages = [age for note in notes for age in note.ages_ms(hz=LOOK_HZ, until_s=until_s)]
    return {
        "kiosks": kiosks,
        "hz": hz,
        "age_ms": spread(ages),
        "age_at_the_end_ms": [round(note.ages_ms(hz=LOOK_HZ, until_s=until_s)[-1]) for note in notes if note.pictures],
        "sent": sum(len(note.sent_s) for note in notes),
        **_common(notes, seconds, watch),
    }


@asynccontextmanager
async def _dressed(
    served: Served, frames: Sequence[bytes], *, wish: dict[str, str], kiosks: int, text: bool
) -> AsyncIterator[list[Kiosk]]:
    """Connected kiosks, each somewhere else in the film, all in the same jacket."""
    async with AsyncExitStack() as doors:
        crowd: list[Kiosk] = []
        for index in range(kiosks):
            first = index * len(frames) // kiosks
            kiosk = await doors.enter_async_context(at_kiosk(served.ws_url, frames=frames, text=text, first=first))
            await kiosk.wear(wish)
            crowd.append(kiosk)
        yield crowd


def _common(notes: Sequence[Notes], wall_s: float, watch: Watch) -> dict[str, Any]:
    timings = [timing for note in notes for timing in note.timings_ms]
    names = list(timings[0]) if timings else []
    pictures = len(timings)
    return {
        "seconds": round(wall_s, 2),
        "pictures": pictures,
        "pictures_per_s": round(pictures / wall_s, 2),
        "dropped": sum(note.dropped for note in notes),
        "errors": dict(Counter(code for note in notes for code in note.errors)),
        "stages": dict(Counter(stage for note in notes for stage in note.stages)),
        "timings_ms": {name: spread([timing.get(name, 0.0) for timing in timings]) for name in names},
        **watch.summary(pictures=pictures),
    }
