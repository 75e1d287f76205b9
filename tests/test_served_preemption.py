"""Who waits for whom, through the whole program: a real server, its device process, tiny models, sockets and HTTP.

What is exact is read from the device's trace. What takes time is compared with the same load in the same rounds:
without captures, and in front of a device that serves first come, first served.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from itertools import pairwise
from statistics import median

import pytest

from bench.device_units import Made, Unit, made, read_units
from bench.engines import FIRST_COME, Engined, Look, Setup, capture, engined, keep_capturing, sharing, until_ready
from bench.kiosk import at_kiosk
from models.device_config import DeviceConfig
from models.scheduler_jobs import Rules
from tests.engine_program import WISH, jpeg, landmarks
from tests.serving import PATIENCE_S

if os.environ.get("CI") != "true":
    pytest.importorskip("torch", reason="torch is not installed; run: make test ENGINES=yes")
    pytest.importorskip("diffusers", reason="diffusers is not installed; run: make test ENGINES=yes")

# What numpy 2.4 says about diffusers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RULES = Rules()
ABOUT = 1.5  # times a step: the longest unit of a capture
TRIES = 3  # a busy machine may spoil one


@pytest.fixture(scope="module")
def look() -> Look:
    return Look([jpeg()], WISH, {"landmarks": landmarks()})


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Engined, Engined]]:
    """One with the scheduler, one that serves first come, first served."""
    folder = tmp_path_factory.mktemp("sharing")
    from tests import tiny_models  # loads torch, without which this file can be collected

    tiny = Setup("tiny", ("--small",), tiny_models.server_settings(folder))
    with ExitStack() as doors:
        yield tuple(
            doors.enter_context(engined(folder, tiny, policy=policy)) for policy in (DeviceConfig.policy, FIRST_COME)
        )


def test_captures_without_end_hardly_touch_keyframes_and_would_ruin_them_first_come_first_served(servers, look):
    found = []
    for more in range(TRIES):  # a busy machine may delay a few keyframes, or get too few done to judge by
        report = asyncio.run(sharing(*servers, look, kiosks=2, every_s=0.3, seconds=2.4 * 2**more, rounds=1))
        runs = report["runs"]
        assert all(not run["errors"] and set(run["stages"]) == {"enhanced"} for run in runs.values())
        alone, beside, in_turn = (runs[name]["e2e_ms"]["p95"] for name in ("alone", "captures", "in_turn"))
        units, slowed = runs["captures"]["capture_units"], runs["captures"]["slowed"]["p95"]
        took = f"{alone:.0f} ms alone, {beside:.0f} beside captures, {in_turn:.0f} in turn"
        found.append(f"{units} units; {took}; {slowed:.2f} x")
        enough = units >= 10 and runs["in_turn"]["slowed"]["p50"] >= 3
        if enough and slowed <= 1.5 and beside <= 1.5 * alone and in_turn >= 3 * beside:
            return
    raise AssertionError("; ".join(found))


def test_a_keyframe_waits_for_the_unit_under_way_and_for_no_other_of_a_capture_that_is_not_due(servers, look):
    scheduled, _ = servers
    until_ready(scheduled.served)
    asyncio.run(beside_captures(scheduled, look, frames=12))
    units = read_units(scheduled.trace)
    of_captures = [unit for unit in units if unit.kind == "capture"]
    since_ms = {after.began_ms: after.began_ms - before.ended_ms for before, after in pairwise(of_captures)}
    interrupting = 0
    for keyframe in (picture for picture in made(units) if picture.kind == "live"):
        between = [unit for unit in units if keyframe.came_ms <= unit.began_ms < keyframe.began_ms]
        for unit in between:
            assert unit.kind == "live" or since_ms[unit.began_ms] >= RULES.capture_gap_least_ms
        found = under_way(of_captures, keyframe)
        interrupting += found is not None
        if found is not None and not between:
            # Its turn comes when the unit is over; the rest is a busy machine's.
            assert keyframe.began_ms - found.ended_ms < 5 * PATIENCE_S
    assert interrupting >= 3, "keyframes came in the middle of captures"


def test_no_unit_of_a_capture_takes_much_longer_than_a_step(servers, look):
    scheduled, _ = servers
    until_ready(scheduled.served)
    for _ in range(TRIES):  # the more captures, the less of a busy machine is left in the least of their units
        asyncio.run(beside_captures(scheduled, look, frames=8))
        of_captures = [unit for unit in read_units(scheduled.trace) if unit.kind == "capture"]
        step_ms = median(unit.took_ms for unit in of_captures if unit.phase == "step")
        took = {place: round(least_ms / step_ms, 2) for place, least_ms in by_place(of_captures).items()}
        assert {phase for phase, _ in took} == {"begin", "encode", "step", "decode"}
        if max(took.values()) <= ABOUT:
            return
    raise AssertionError(took)


def test_a_capture_is_made_in_a_bounded_time_however_many_keyframes_want_the_device(servers, look):
    scheduled, _ = servers
    until_ready(scheduled.served)
    before = len(read_units(scheduled.trace))
    status, _ = asyncio.run(in_the_crowd(scheduled, look, steps=5))
    assert status == 200
    units = read_units(scheduled.trace)[before:]
    # The last one: what others had asked for may still have been on its way. From its begin on it is the oldest.
    captured = max((picture for picture in made(units) if picture.kind == "capture"), key=lambda made: made.ended_ms)
    of_capture = [unit for unit in units if captured.job in unit.jobs]
    meanwhile = [unit for unit in units if captured.began_ms < unit.began_ms < captured.ended_ms]
    keyframes = [unit for unit in meanwhile if unit.kind == "live"]
    assert len(of_capture) > 2 * 5
    assert len(keyframes) > len(of_capture)
    own_ms, live_ms = (max(unit.took_ms for unit in of_kind) for of_kind in (of_capture, keyframes))
    assert captured.ended_ms - captured.began_ms <= bound_ms(len(of_capture), own_ms=own_ms, live_ms=live_ms)


def under_way(units: Sequence[Unit], picture: Made) -> Unit | None:
    """The unit in the middle of which the picture was asked for."""
    return next((unit for unit in units if unit.began_ms < picture.came_ms < unit.ended_ms), None)


def by_place(units: Sequence[Unit]) -> dict[tuple[str, int], float]:
    """What each unit of a capture takes, by its phase and its number in it, undisturbed by a busy machine."""
    took_ms: dict[tuple[str, int], list[float]] = defaultdict(list)
    numbers: Counter[tuple[int, str]] = Counter()
    for unit in units:
        took_ms[unit.phase, numbers[unit.jobs[0], unit.phase]].append(unit.took_ms)
        numbers[unit.jobs[0], unit.phase] += unit.phase != "step"  # one step is like the other
    return {place: min(times) for place, times in took_ms.items()}


def bound_ms(count: int, *, own_ms: float, live_ms: float) -> float:
    """How long so many units of one capture take at most: it is owed one in every gap, and the gaps get smaller."""
    at_ms = 0.0
    for _ in range(count):
        gap_ms = RULES.capture_gap_ms * 0.5 ** (at_ms / RULES.capture_half_life_ms)
        # It has its turn when the keyframes' unit under way is over, or their waiting for company.
        at_ms += max(RULES.capture_gap_least_ms, gap_ms) + max(live_ms, RULES.company_ms) + own_ms
    return at_ms + 10 * PATIENCE_S


async def beside_captures(server: Engined, look: Look, *, frames: int) -> None:
    """One kiosk that has to share the device with captures without end."""
    async with at_kiosk(server.served.ws_url, frames=look.frames, told=look.told) as kiosk:
        await kiosk.wear(WISH)
        studio = asyncio.create_task(keep_capturing(server.served, look))
        await kiosk.pull(most=frames, every_s=0.25)
        studio.cancel()
        await asyncio.gather(studio, return_exceptions=True)


async def in_the_crowd(server: Engined, look: Look, *, steps: int) -> tuple[int, bytes]:
    """One capture, while four kiosks send a keyframe as soon as the last was answered."""
    async with AsyncExitStack() as doors:
        pulls = []
        for _ in range(4):
            door = at_kiosk(server.served.ws_url, frames=look.frames, told=look.told)
            kiosk = await doors.enter_async_context(door)
            await kiosk.wear(WISH)
            pulls.append(asyncio.create_task(kiosk.pull()))
        fields = {**look.wish, **look.told, "frame": base64.b64encode(look.frames[0]).decode(), "steps": steps}
        answer = await asyncio.wait_for(capture(server.served, fields), 12 * PATIENCE_S)
        for pull in pulls:
            pull.cancel()
        await asyncio.gather(*pulls, return_exceptions=True)
    return answer
