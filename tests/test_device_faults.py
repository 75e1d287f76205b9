"""Everything that breaks, breaks while four kiosks and two captures are at it: all are answered, and it comes back."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from models.device import Device
from models.device_jobs import OpenJobs
from models.enhancer import Enhanced, Refusal
from tests.fake_engine import FAULTS, fake_task, painted
from tests.running_device import (
    CAPTURE_MS,
    LIVE_MS,
    SECOND_S,
    Census,
    config_for_tests,
    processes,
    run_device,
    until_ready,
)
from tests.serving import PATIENCE_S, eventually
from utils.errors import CapacityError, DeviceError, LucyError

ENGINES = {"live": {"max_batch": 4}, "premium": {"begin_ms": 2.0, "step_ms": 4.0, "tiles": 4, "max_batch": 1}}
EXPECTED = {"late", "superseded", "busy", "engine_restarting", "engine_starting", "engine_failed", "out_of_memory"}
LETHAL = ("crash", "hang", "sticky")
ONES_OWN = {"nan": "not_finite", "black": "black_picture", "bug": "engine_failed", "oom": "out_of_memory"}


@dataclass
class Load:
    """Four kiosks and two captures, one after the other each, until told to stop."""

    device: Device
    live: list[Enhanced | Refusal] = field(default_factory=list)
    captures: list[Enhanced | LucyError] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def kiosk(self, number: int) -> None:
        frame = 0
        while not self.stop.is_set():
            frame += 1
            task = fake_task(1000 * number + frame, engine="live")
            answer = self.device.enhance(task, session=f"kiosk-{number}", within_ms=LIVE_MS)
            self.live.append(answer)
            self.check(task, answer)
            self.stop.wait(0.02)

    def studio(self, number: int) -> None:
        shot = 0
        while not self.stop.is_set():
            shot += 1
            task = fake_task(100_000 * number + shot, engine="premium", steps=12)
            try:
                answer = self.device.capture(task, session=f"studio-{number}", within_ms=CAPTURE_MS)
            except (DeviceError, CapacityError) as error:
                answer = error
                self.stop.wait(0.02)
            self.captures.append(answer)
            self.check(task, answer)

    def check(self, task, answer) -> None:
        if isinstance(answer, Enhanced) and not np.array_equal(answer.image, painted(task)):
            self.wrong.append(task.id)

    def made(self) -> tuple[int, int]:
        """Pictures so far, live and captured."""
        return tuple(sum(isinstance(a, Enhanced) for a in list(answers)) for answers in (self.live, self.captures))


@contextmanager
def under_load(device: Device):
    """Yields once pictures come; afterwards everybody has stopped, and nobody was left without an answer."""
    load = Load(device)
    threads = [threading.Thread(target=load.kiosk, args=(n,)) for n in range(1, 5)]
    threads += [threading.Thread(target=load.studio, args=(n,)) for n in range(1, 3)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: min(load.made()) >= 1)
        yield load
    finally:
        load.stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in threads), "somebody still waits for an answer"
    assert not load.wrong
    assert {answer.reason for answer in load.live if isinstance(answer, Refusal)} <= EXPECTED
    assert all(answer.retryable for answer in load.captures if isinstance(answer, LucyError))


def goes_on(load: Load) -> None:
    """More pictures come, of both kinds."""
    live, captured = load.made()
    eventually(lambda: load.made()[0] > live + 4 and load.made()[1] > captured)


def meet(device: Device, fault: str, *, engine: str = "live") -> Enhanced | Refusal:
    task = fake_task(7, engine=engine, prompt=fault)
    return device.enhance(task, session="unlucky", within_ms=LIVE_MS + 4e3 * SECOND_S)


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    before = Census.taken()
    yield
    assert Census.taken() == before


@pytest.mark.parametrize("fault", LETHAL)
def test_a_device_that_is_lost_comes_back(fault):
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        first = processes()[0].pid
        answer = meet(device, fault)
        assert answer.reason in ("engine_restarting", "engine_failed")
        eventually(lambda: device.readiness()["restarts"] == 1 and device.readiness()["state"] == "ready")
        assert processes()[0].pid != first
        goes_on(load)
        assert device.readiness()["restarts"] == 1


def test_a_killed_process_is_noticed_at_once_and_all_in_flight_are_told():
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        asked: list[Future] = [
            device.submit(fake_task(n, engine="premium", steps=100), session="c", kind=kind, within_ms=CAPTURE_MS)
            for n, kind in enumerate(["capture", "live"])
        ]
        os.kill(processes()[0].pid, signal.SIGKILL)
        killed_s = time.monotonic()
        assert len(wait_for(asked, PATIENCE_S).done) == 2
        assert time.monotonic() - killed_s < SECOND_S
        for future in asked:
            with pytest.raises(DeviceError) as raised:
                future.result()
            assert raised.value.retryable
        until_ready(device)
        goes_on(load)


def test_a_device_process_that_is_told_to_end_by_somebody_else_goes_on():
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        os.kill(processes()[0].pid, signal.SIGTERM)
        goes_on(load)
        assert device.readiness()["restarts"] == 0


def test_a_thread_that_fails_while_it_listens_is_no_end(monkeypatch):
    with run_device(config_for_tests(ENGINES)) as device:
        with monkeypatch.context() as broken:
            broken.setattr(OpenJobs, "hear", lambda self, message: 1 / 0)
            assert isinstance(meet(device, "fine"), Refusal)
        eventually(lambda: device.readiness()["restarts"] == 1)
        until_ready(device)
        assert isinstance(meet(device, "fine"), Enhanced)


def test_a_stopped_process_is_killed_and_replaced():
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        os.kill(processes()[0].pid, signal.SIGSTOP)
        started_s = time.monotonic()
        answer = device.enhance(fake_task(1, engine="live"), session="extra", within_ms=100)
        assert isinstance(answer, Refusal)
        assert time.monotonic() - started_s < SECOND_S
        eventually(lambda: device.readiness()["state"] == "stalled")
        eventually(lambda: device.readiness()["restarts"] == 1 and device.readiness()["state"] == "ready")
        goes_on(load)


@pytest.mark.parametrize("engine", ["live", "premium"])
def test_what_goes_wrong_with_one_picture_is_its_own_affair(engine):
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        for fault, code in ONES_OWN.items():
            assert meet(device, fault, engine=engine).reason == code
        assert isinstance(meet(device, "oom-shared"), Enhanced)
        goes_on(load)
        assert device.readiness()["restarts"] == 0
        assert device.readiness()["state"] == "ready"
    assert not any(isinstance(answer, LucyError) for answer in load.captures)


def test_a_slow_picture_holds_nobody_up_for_good():
    with run_device(config_for_tests(ENGINES)) as device, under_load(device) as load:
        assert isinstance(meet(device, "slow"), Enhanced)
        goes_on(load)
        assert device.readiness()["restarts"] == 0


def test_a_device_that_dies_while_it_loads_is_tried_again(tmp_path):
    left = tmp_path / "left"
    left.write_text("2")
    config = config_for_tests({"live": {"broken_loads": left}}, failed_after=2)
    with run_device(config, wait=False) as device:
        eventually(lambda: device.readiness()["state"] == "failed")
        until_ready(device)
        assert device.readiness()["restarts"] == 2
        assert isinstance(meet(device, "fine"), Enhanced)


def test_restarts_come_at_longer_and_longer_intervals(tmp_path):
    left = tmp_path / "left"
    left.write_text("4")
    config = config_for_tests({"live": {"broken_loads": left}}, backoff_s=0.05, backoff_most_s=0.2)
    started_s = time.monotonic()
    with run_device(config, wait=False) as device:
        until_ready(device)
        assert time.monotonic() - started_s > 0.05 + 0.1 + 0.2 + 0.2
        assert device.readiness()["restarts"] == 4


def test_a_device_that_hangs_while_it_loads_is_killed():
    config = replace(config_for_tests({"live": {"warm_ms": 1e9}}), load_silence_s=0.3 * SECOND_S)
    with run_device(config, wait=False) as device:
        eventually(lambda: device.readiness()["restarts"] >= 1)
        assert device.readiness()["reason"] == "engine_restarting"


def test_every_fault_of_the_fake_is_met_here():
    assert FAULTS.keys() == {*LETHAL, *ONES_OWN, "oom-shared", "slow"}
