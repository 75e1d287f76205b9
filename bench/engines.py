"""What captures without end do to keyframes, through the whole program: sockets, HTTP, server, device process, engines.

Two servers with the same engines, the second of which serves its device first come, first served. In rounds, so that
what disturbs one disturbs all: keyframes alone, beside captures, and beside captures in plain turn. Owns
the load and its figures; must not know goals. On a GPU the configured models run, else tiny ones on the processor.
"""

from __future__ import annotations

import asyncio
import base64
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.device_units import made, read_units, slowed
from bench.figures import spread
from bench.kiosk import Kiosk, at_kiosk
from bench.machine import load_1m
from bench.serving import Served, running
from server.engines import gpu_visible

TITLES = {
    "alone": "alone",
    "captures": "beside captures without end",
    "in_turn": "the same, first come, first served",
}
WAITING_CAPTURES = 2
FIRST_COME = "bench.first_come:FirstCome"
_READY_S = 900.0
_SETTLE_S = 0.5
_PATIENT = {
    # Nobody is given up or cut short here: what counts is how long it takes.
    **{"LIVE_DEADLINE_MS": "60000", "FRAME_TIMEOUT_S": "90", "CAPTURE_TIMEOUT_S": "300"},
    **{"CAPTURE_THREADS": str(WAITING_CAPTURES), "ENGINES": "turbo,inpaint"},
}


@dataclass(frozen=True)
class Look:
    """What kiosks and the studio send."""

    frames: Sequence[bytes]
    wish: Mapping[str, str]
    told: Mapping[str, Any] = field(default_factory=dict)
    """Said with every frame, e.g. landmarks."""


@dataclass(frozen=True)
class Setup:
    """How the servers are started."""

    models: str
    """What runs, in words."""
    arguments: tuple[str, ...]
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Engined:
    """A server with engines, and the trace of its device."""

    served: Served
    trace: Path


@dataclass
class Run:
    """What became of the keyframes of one kind of run."""

    e2e_ms: list[float] = field(default_factory=list)
    device_ms: list[float] = field(default_factory=list)
    """From the device process's learning of a keyframe to its picture."""
    wait_ms: list[float] = field(default_factory=list)
    slowed: list[float] = field(default_factory=list)
    """How many times longer that took for captures' units in between: what a busy machine hardly bends."""
    stages: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    captures: int = 0
    capture_units: int = 0

    def to_json(self) -> dict[str, Any]:
        figures = {name: spread(getattr(self, name)) for name in ("e2e_ms", "device_ms", "wait_ms", "slowed")}
        counts = {"stages": dict(self.stages), "errors": dict(self.errors)}
        return {**figures, **counts, "captures": self.captures, "capture_units": self.capture_units}


def setup(folder: Path) -> Setup:
    """The configured models on a GPU, else tiny ones, written to `folder`."""
    if gpu_visible():
        return Setup("as configured", (), {})
    from tests import tiny_models  # loads torch

    return Setup("tiny, on the processor", ("--small",), tiny_models.server_settings(folder))


@contextmanager
def engined(folder: Path, setup: Setup, *, policy: str) -> Iterator[Engined]:
    """A server whose engines begin to warm up. Its trace lies in `folder`."""
    trace = folder / f"{policy.rpartition(':')[2]}.jsonl"
    settings = {**setup.settings, **_PATIENT, "DEVICE_TRACE": str(trace)}
    with running("bench.engine_server", "--policy", policy, *setup.arguments, settings=settings) as served:
        yield Engined(served, trace)


async def sharing(
    scheduled: Engined,
    in_turn: Engined,
    look: Look,
    *,
    kiosks: int,
    every_s: float,
    seconds: float,
    rounds: int,
) -> dict[str, Any]:
    """The three runs, `seconds` of each in so many rounds."""
    for server in (scheduled, in_turn):
        await asyncio.to_thread(until_ready, server.served)
    runs = {name: Run() for name in TITLES}
    span = {"kiosks": kiosks, "every_s": every_s, "seconds": seconds / rounds}
    for _ in range(rounds):
        await _run(scheduled, look, runs["alone"], captures=0, **span)
        await _run(scheduled, look, runs["captures"], captures=WAITING_CAPTURES, **span)
        await _run(in_turn, look, runs["in_turn"], captures=WAITING_CAPTURES, **span)
    figures = {name: run.to_json() for name, run in runs.items()}
    return {"kiosks": kiosks, "every_s": every_s, "seconds": seconds, "load_1m": load_1m(), "runs": figures}


async def _run(
    server: Engined, look: Look, run: Run, *, captures: int, kiosks: int, every_s: float, seconds: float
) -> None:
    async with AsyncExitStack() as doors:
        crowd = []
        for index in range(kiosks):
            door = at_kiosk(server.served.ws_url, frames=look.frames, first=index, told=look.told)
            crowd.append(await doors.enter_async_context(door))
            await crowd[-1].wear(dict(look.wish))
        studio = [asyncio.create_task(keep_capturing(server.served, look)) for _ in range(captures)]
        try:
            await _pull(crowd, every_s=every_s, seconds=_SETTLE_S + every_s)
            for kiosk in crowd:
                kiosk.forget()
            began_ms = 1e3 * time.monotonic()
            await _pull(crowd, every_s=every_s, seconds=seconds)
            ended_ms = 1e3 * time.monotonic()
        finally:
            for task in studio:
                task.cancel()
            outcomes = await asyncio.gather(*studio, return_exceptions=True)
    for failed in (outcome for outcome in outcomes if not isinstance(outcome, asyncio.CancelledError)):
        run.errors[str(failed)] += 1
    for kiosk in crowd:
        run.e2e_ms += kiosk.notes.trips_ms()
        run.stages.update(kiosk.notes.stages)
        run.errors.update(kiosk.notes.errors)
    units = [unit for unit in read_units(server.trace) if unit.ended_ms >= began_ms]
    for picture in made(units):
        if picture.kind == "live" and began_ms <= picture.came_ms:
            run.device_ms.append(picture.total_ms)
            run.wait_ms.append(picture.wait_ms)
            run.slowed.append(slowed(units, picture, by="capture"))
        run.captures += picture.kind == "capture" and picture.ended_ms <= ended_ms
    run.capture_units += sum(unit.kind == "capture" and unit.ended_ms <= ended_ms for unit in units)


async def _pull(crowd: Sequence[Kiosk], *, every_s: float, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    pulls = [
        kiosk.pull(until_s=until_s, every_s=every_s, phase_s=every_s * n / len(crowd)) for n, kiosk in enumerate(crowd)
    ]
    await asyncio.gather(*pulls)


async def keep_capturing(served: Served, look: Look) -> None:
    """One capture after the other until cancelled, which calls the last one off."""
    fields = {**look.wish, **look.told, "frame": base64.b64encode(look.frames[0]).decode()}
    while True:
        status, answer = await capture(served, fields)
        if status != 200:
            raise RuntimeError(f"a capture was answered with {status}: {answer[:200]!r}")


async def capture(served: Served, fields: Mapping[str, Any]) -> tuple[int, bytes]:
    """POST one and return the answer's status and body."""
    address = urlsplit(served.http_url)
    body = msgspec.json.encode(fields)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        head = f"POST /virtual-tryon HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    told, _, content = answer.partition(b"\r\n\r\n")
    return int(told.split(b" ", 2)[1]), content


def until_ready(served: Served) -> None:
    """Blocks until the engines have made a picture. Raises RuntimeError if that does not come."""
    give_up_s = time.monotonic() + _READY_S
    while True:
        try:
            with urllib.request.urlopen(f"{served.http_url}/ready", timeout=10) as answer:
                engine = msgspec.json.decode(answer.read())["engine"]
        except urllib.error.HTTPError as error:
            engine = msgspec.json.decode(error.read())["engine"]
        if engine["stage"] == "enhanced":
            return
        if engine["name"] == "compositor" or time.monotonic() > give_up_s:
            raise RuntimeError(f"the engines did not come to be ready: {engine}")
        time.sleep(0.1)
