"""Everything that breaks, breaks while four kiosks stream and two captures are made, through the whole program.

A real server, its real device process, the real engines with tiny models. Whatever happens to the device: no socket
closes, every frame is answered, captures end well or are worth another try, and enhanced pictures come back.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.engine_program import (
    START_S,
    Program,
    capture,
    environment,
    eventually,
    hear,
    running,
    say,
    send_keyframe,
    session,
)
from tests.serving import PATIENCE_S

if os.environ.get("CI") != "true":
    pytest.importorskip("torch", reason="torch is not installed; run: make test ENGINES=yes")
    pytest.importorskip("diffusers", reason="diffusers is not installed; run: make test ENGINES=yes")

# What numpy 2.4 says about diffusers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

KIOSKS, STUDIOS = 4, 2
SILENCE_S = 0.3 * PATIENCE_S  # a step that takes longer hangs
BACK_S = 6 * PATIENCE_S  # for a new process to be loaded, warm and ready, beside all that load
AWAY = {"engine_restarting", "engine_starting", "out_of_memory", "not_finite", "late", "busy", "superseded"}
"""Reasons for which a live picture may stay a composite here."""


@dataclass(frozen=True)
class Faulty:
    """The program, and where its engines are told what to do wrong."""

    program: Program
    orders: Path

    def order(self, engine: str, fault: str) -> None:
        part = self.orders / "part"
        part.write_text(fault)
        part.rename(self.orders / engine)

    def restarts(self) -> int:
        return self.program.get("/ready")[1]["engine"]["restarts"]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    folder = tmp_path_factory.mktemp("faulty")
    orders = folder / "orders"
    orders.mkdir()
    asked = environment(folder, CAPTURE_THREADS=str(STUDIOS))
    arguments = [str(orders), str(SILENCE_S)]
    with running(asked, log=folder / "log", module="tests.faulty_server", arguments=arguments) as program:
        eventually(program.ready, within_s=START_S, log=folder / "log")
        yield Faulty(program, orders)


@dataclass
class Load:
    """Kiosks and studios, at work until told to stop. Each list is written by one thread."""

    program: Program
    live: list[list[dict[str, Any]]] = field(default_factory=lambda: [[] for _ in range(KIOSKS)])
    """By kiosk, what it was told about its frames."""
    sent: list[int] = field(default_factory=lambda: [0] * KIOSKS)
    captures: list[list[tuple[int, dict[str, Any]]]] = field(default_factory=lambda: [[] for _ in range(STUDIOS)])
    wrong: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def kiosk(self, number: int) -> None:
        try:
            with session(self.program) as connection:
                for turn in count():
                    if self.stop.is_set():
                        break
                    # Now and then three at once: one is under way, one waits, and the third takes its place.
                    for _ in range(3 if turn % 4 == 3 else 1):
                        self.sent[number] += 1
                        send_keyframe(connection, self.sent[number])
                    while self.answered(number) < self.sent[number]:
                        self.live[number].append(hear(connection))
                    self.stop.wait(0.4)
                say(connection, type="ping", t=1.0)
                assert hear(connection)["type"] == "pong"
        except Exception as error:  # a closed socket first of all
            self.wrong.append(f"kiosk {number}: {error!r}")

    def studio(self, number: int) -> None:
        try:
            for shot in count():
                if self.stop.is_set():
                    break
                status, answer = capture(self.program, steps=4, seed=shot)
                self.captures[number].append((status, answer))
                if status != 200:
                    self.stop.wait(0.2)
        except Exception as error:
            self.wrong.append(f"studio {number}: {error!r}")

    def answered(self, number: int) -> int:
        return sum(len(m["seqs"]) if m["type"] == "dropped" else "seq" in m for m in self.live[number])

    def enhanced(self) -> list[int]:
        """Enhanced pictures so far, by kiosk and studio."""
        live = [sum(message.get("stage") == "enhanced" for message in list(told)) for told in self.live]
        return live + [sum(answer.get("stage") == "enhanced" for _, answer in list(made)) for made in self.captures]

    def composites(self) -> list[str]:
        """Why live pictures were not enhanced."""
        told = [message for messages in self.live for message in list(messages)]
        return [message["reason"] for message in told if message.get("stage") == "composite"]

    def plain_captures(self) -> list[str]:
        """Why captures were not enhanced."""
        answers = [answer for made in self.captures for _, answer in list(made)]
        return [answer["reason"] for answer in answers if answer.get("stage") == "composite"]

    def goes_on(self) -> bool:
        """Whether everybody gets another enhanced picture, from now on, by themselves."""
        before = self.enhanced()
        return eventually(
            lambda: all(now > then for now, then in zip(self.enhanced(), before, strict=True)) or self.wrong,
            within_s=BACK_S,
        )


@contextmanager
def under_load(program: Program) -> Iterator[Load]:
    """Yields once everybody has had an enhanced picture; afterwards nobody was left without an answer."""
    load = Load(program)
    threads = [threading.Thread(target=load.kiosk, args=(n,)) for n in range(KIOSKS)]
    threads += [threading.Thread(target=load.studio, args=(n,)) for n in range(STUDIOS)]
    for thread in threads:
        thread.start()
    try:
        load.goes_on()
        yield load
        load.goes_on()
    finally:
        load.stop.set()
        for thread in threads:
            thread.join(BACK_S)
    assert not any(thread.is_alive() for thread in threads), "somebody still waits for an answer"
    assert not load.wrong
    for number, told in enumerate(load.live):
        assert {message["type"] for message in told} <= {"enhanced", "dropped", "notice"}
        seqs = [seq for m in told if "seq" in m or "seqs" in m for seq in m.get("seqs", [m.get("seq")])]
        assert seqs == list(range(1, load.sent[number] + 1)), "one answer for each frame, in their order"
    assert set(load.composites()) <= AWAY
    for status, answer in (one for made in load.captures for one in made):
        assert status == 200 or (status == 503 and answer["retryable"]), answer
    assert program.get("/health")[0] == 200


def kill(faulty: Faulty) -> None:
    os.kill(faulty.program.device().pid, signal.SIGKILL)


LETHAL = {
    "kill": kill,
    "hang": lambda faulty: faulty.order("turbo", "hang"),
    "no memory": lambda faulty: faulty.order("turbo", "oom-lasting"),
    "no numbers": lambda faulty: faulty.order("inpaint", "nan-lasting"),
}


@pytest.mark.parametrize("fault", LETHAL)
def test_a_device_that_is_lost_comes_back_and_nobody_is_left_alone(faulty: Faulty, fault: str) -> None:
    eventually(faulty.program.ready, within_s=BACK_S)
    restarts, first = faulty.restarts(), faulty.program.device().pid
    with under_load(faulty.program) as load:
        LETHAL[fault](faulty)
        eventually(lambda: not faulty.program.ready(), within_s=BACK_S)
        composites = len(load.composites())
        for order in faulty.orders.iterdir():
            order.unlink()
        eventually(lambda: len(load.composites()) > composites, within_s=BACK_S)
        eventually(faulty.program.ready, within_s=BACK_S)
        assert faulty.restarts() > restarts
        assert faulty.program.device().pid != first


def test_what_one_picture_meets_is_its_own_affair(faulty: Faulty) -> None:
    eventually(faulty.program.ready, within_s=BACK_S)
    restarts = faulty.restarts()
    with under_load(faulty.program) as load:
        hit(faulty, "oom")
        assert load.goes_on()
        assert "not_finite" not in load.composites() + load.plain_captures()  # it is tried again, with success
        hit(faulty, "nan")
        eventually(lambda: "not_finite" in load.composites(), within_s=BACK_S)
        eventually(lambda: "not_finite" in load.plain_captures(), within_s=BACK_S)
        assert faulty.program.ready()
    assert faulty.restarts() == restarts
    assert all(answer.get("image") for made in load.captures for _, answer in made)


def hit(faulty: Faulty, fault: str) -> None:
    """Both engines, once each."""
    for engine in ("turbo", "inpaint"):
        faulty.order(engine, fault)
    eventually(lambda: not list(faulty.orders.iterdir()), within_s=BACK_S)
