"""The device from the server's side, with a real process behind it and a fake engine in that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import CancelledError
from concurrent.futures import wait as wait_for
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from models.device import Device
from models.device_config import EngineSpec
from models.device_lock import lock_device
from models.device_messages import Cancel
from models.enhancer import Enhanced, Refusal
from models.scheduler_jobs import Rules
from tests.fake_engine import fake_task, painted
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
from utils.errors import CapacityError, ConfigError, DeviceError, InputError


@pytest.fixture(scope="module")
def device():
    """One that nobody breaks."""
    engines = {"fake": {}, "slow": {"step_ms": 8.0, "decode_ms": 4.0, "tiles": 3, "max_batch": 1}}
    with run_device(config_for_tests(engines, rules=Rules(most_live=8, most_captures=3))) as device:
        yield device


# Asking and getting.


def test_a_keyframe_is_enhanced(device):
    task = fake_task(1)
    enhanced = device.enhance(task, session="a", within_ms=LIVE_MS)
    assert np.array_equal(enhanced.image, painted(task))
    assert enhanced.image.flags.writeable
    assert enhanced.steps_done == 4
    assert enhanced.notices == ("fake",)
    assert enhanced.queue_ms >= 0
    assert enhanced.enhance_ms >= 5.0


def test_everything_of_a_task_arrives(device):
    task = fake_task(2, extras=True)
    assert np.array_equal(device.enhance(task, session="a", within_ms=LIVE_MS).image, painted(task))


def test_nobody_gets_anybody_elses_picture(device):
    wrong, made = [], []

    def kiosk(number):
        for frame in range(25):
            task = fake_task(1000 * number + frame, hw=(64 + 8 * (number % 3), 48))
            answer = device.enhance(task, session=str(number), within_ms=LIVE_MS)
            if isinstance(answer, Enhanced):
                made.append(number)
                if not np.array_equal(answer.image, painted(task)):
                    wrong.append((number, frame))

    threads = [threading.Thread(target=kiosk, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not wrong
    assert set(made) == set(range(6))


def test_a_capture_tells_how_far_it_is(device):
    told = []
    task = fake_task(3, engine="slow", steps=10)
    made = device.capture(task, session="a", within_ms=CAPTURE_MS, on_progress=lambda *steps: told.append(steps))
    assert np.array_equal(made.image, painted(task))
    assert told == [(step, 10) for step in range(1, 11)]


def test_who_fails_while_being_told_fails_alone(device):
    def fail(done, total):
        raise RuntimeError("no display")

    task = fake_task(4, engine="slow", steps=2)
    assert device.capture(task, session="a", within_ms=CAPTURE_MS, on_progress=fail).steps_done == 2
    assert device.readiness()["state"] == "ready"


def test_a_capture_can_be_called_off(device):
    cancel = threading.Event()
    task = fake_task(5, engine="slow", steps=100)
    with pytest.raises(CancelledError):
        device.capture(task, session="a", within_ms=CAPTURE_MS, on_progress=lambda *_: cancel.set(), cancel=cancel)
    number = len(device.trace())
    device.capture(fake_task(6, engine="slow", steps=1), session="b", within_ms=CAPTURE_MS)
    later = device.trace()[number:]
    assert sum(unit.steps_total == (100,) for unit in later) <= 2


def test_a_cancelled_future_stops_the_work(device):
    future = device.submit(fake_task(7, engine="slow", steps=100), session="a", kind="capture", within_ms=CAPTURE_MS)
    assert future.cancel()
    assert wait_for([future], PATIENCE_S).done
    assert isinstance(device.enhance(fake_task(8), session="b", within_ms=LIVE_MS), Enhanced)


def test_a_capture_that_takes_too_long_is_given_up(device):
    started_s = time.monotonic()
    with pytest.raises(CapacityError, match="late"):
        device.capture(fake_task(9, engine="slow", steps=100), session="a", within_ms=200)
    assert time.monotonic() - started_s < SECOND_S


def test_the_newest_keyframe_of_a_session_wins(device):
    blocker = device.submit(fake_task(10, engine="slow", steps=3), session="b", kind="live", within_ms=LIVE_MS)
    futures = [
        device.submit(fake_task(11 + number), session="a", kind="live", within_ms=LIVE_MS) for number in range(4)
    ]
    wait_for([blocker, *futures], PATIENCE_S)
    answers = [future.result() for future in futures]
    assert isinstance(answers[-1], Enhanced)
    assert {answer.reason for answer in answers if isinstance(answer, Refusal)} <= {"superseded"}
    assert any(isinstance(answer, Refusal) for answer in answers)


def test_what_cannot_be_ready_in_time_is_refused_before_it_is_late(device):
    device.enhance(fake_task(20, engine="slow"), session="a", within_ms=LIVE_MS)
    future = device.submit(fake_task(21, engine="slow"), session="a", kind="live", within_ms=9.0)
    assert wait_for([future], PATIENCE_S).done
    assert future.result().reason == "late"


def test_more_than_there_is_room_for_is_refused(device):
    tasks = [fake_task(30 + number, engine="slow", steps=20) for number in range(6)]
    futures = [device.submit(task, session="c", kind="capture", within_ms=CAPTURE_MS) for task in tasks]
    busy = [future for future in futures if future.done() and future.result() == Refusal("busy")]
    assert len(busy) == 3
    with pytest.raises(CapacityError, match="busy"):
        device.capture(tasks[0], session="c", within_ms=CAPTURE_MS)
    for future in futures:
        future.cancel()
    # A live frame has room of its own.
    assert isinstance(device.enhance(fake_task(40), session="a", within_ms=LIVE_MS), Enhanced)


@pytest.mark.parametrize(
    ("task", "code"),
    [
        (fake_task(50, steps=0), "bad_steps"),
        (fake_task(51, engine="none"), "unknown_engine"),
        (fake_task(52, prompt="tweed " * 1000), "prompt_too_long"),
        (fake_task(53, hw=(1024, 1024)), "too_large_for_device"),
    ],
)
def test_a_task_that_cannot_be_made_is_the_callers_fault(device, task, code):
    assert device.enhance(task, session="a", within_ms=LIVE_MS) == Refusal(code)
    with pytest.raises(InputError, match=code):
        device.capture(task, session="a", within_ms=CAPTURE_MS)
    assert device.readiness()["restarts"] == 0


# What comes first.


def test_a_keyframe_in_the_middle_of_a_capture_waits_for_one_unit_at_most(device):
    underway = threading.Event()
    capture = device.submit(
        fake_task(60, engine="slow", steps=60),
        session="c",
        kind="capture",
        within_ms=CAPTURE_MS,
        on_progress=lambda *_: underway.set(),
    )
    assert underway.wait(PATIENCE_S)
    for number in range(10):
        device.enhance(fake_task(61 + number), session="a", within_ms=LIVE_MS)
    assert not capture.done()
    capture.cancel()
    units = device.trace()
    lives = {job for unit in units if unit.kind == "live" for job in unit.jobs}
    for job in sorted(lives)[-10:]:
        own = [index for index, unit in enumerate(units) if job in unit.jobs]
        assert [unit.kind for unit in units[own[0] : own[-1] + 1]] == ["live"] * len(own)
    assert all(later.began_ms >= earlier.ended_ms for earlier, later in pairwise(units))


# Its life.


def test_it_says_how_far_the_warming_up_is_and_makes_nothing_before():
    with run_device(config_for_tests({"a": {"warm_ms": 300}, "b": {"warm_ms": 300}}), wait=False) as device:
        assert device.enhance(fake_task(1, engine="a"), session="a", within_ms=LIVE_MS) == Refusal("engine_starting")
        with pytest.raises(DeviceError, match="engine_starting"):
            device.capture(fake_task(1, engine="a"), session="a", within_ms=CAPTURE_MS)
        seen = []
        while (readiness := device.readiness())["state"] != "ready":
            assert readiness["state"] in ("starting", "warming")
            seen.append((readiness["share"], readiness["stage"]))
            time.sleep(0.01)
            assert len(seen) < 100 * PATIENCE_S
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert {stage.split(":")[0] for _, stage in seen if stage} >= {"a", "b"}


def test_ready_is_earned_by_a_canary_of_every_engine():
    engines = {"fine": {}, "dead": {"dead_canary": True}}
    with run_device(config_for_tests(engines, backoff_s=60.0), wait=False) as device:
        eventually(lambda: device.readiness()["state"] == "restarting")
        assert device.readiness()["reason"] == "not_finite"


def test_an_idle_device_keeps_proving_itself():
    with run_device(config_for_tests({"a": {}, "b": {}}, canary_s=0.1)) as device:
        count = len(device.trace())
        eventually(lambda: {unit.engine for unit in device.trace()[count + 12 :]} == {"a", "b"})
        assert device.readiness()["step_age_s"] < SECOND_S


NOTHING = EngineSpec("tests.fake_engine:Nothing")
MISSING = EngineSpec("tests.fake_engine:FakeEngine", {"missing": True})


@pytest.mark.parametrize(("spec", "reason"), [(MISSING, "weights_missing"), (NOTHING, "engine_unknown")])
def test_what_only_an_operator_can_mend_is_not_tried_again(spec, reason):
    before = len(processes())
    with run_device(replace(config_for_tests(), engines={"fake": spec}), wait=False) as device:
        eventually(lambda: device.readiness()["state"] == "failed")
        assert device.readiness()["reason"] == reason
        assert device.readiness()["hint"]
        assert device.enhance(fake_task(), session="a", within_ms=LIVE_MS) == Refusal("engine_failed")
        assert len(processes()) == before


def test_closing_answers_everybody_and_leaves_nothing_behind():
    before = Census.taken()
    device = Device(config_for_tests({"fake": {"step_ms": 20.0}}))
    device.start()
    device.start()
    until_ready(device)
    futures = [
        device.submit(fake_task(n, steps=50), session=str(n), kind=kind, within_ms=CAPTURE_MS)
        for n, kind in enumerate(["live", "live", "capture", "capture"])
    ]
    device.close()
    device.close()
    for future in futures:
        with pytest.raises(DeviceError, match="engine_closed"):
            future.result(timeout=0)
    assert device.readiness()["state"] == "closed"
    assert device.enhance(fake_task(), session="a", within_ms=LIVE_MS) == Refusal("engine_closed")
    assert Census.taken() == before


def test_closing_while_it_warms_up_does_not_wait_for_it():
    started_s, before = time.monotonic(), len(processes())
    with run_device(config_for_tests({"fake": {"warm_ms": 60_000.0}}), wait=False) as device:
        eventually(lambda: device.readiness()["state"] == "warming")
    assert time.monotonic() - started_s < PATIENCE_S
    assert len(processes()) == before


# Two servers, and servers that die.


def test_two_servers_cannot_have_one_device(tmp_path):
    first = config_for_tests(device="cuda:7", lock_dir=tmp_path)
    with run_device(first):
        with pytest.raises(ConfigError, match="device_in_use") as raised:
            Device(config_for_tests(device="cuda:7", lock_dir=tmp_path, lock_s=0.1)).start()
        assert "DEVICE" in raised.value.hint
        os.close(lock_device("cuda:6", folder=tmp_path, wait_s=0.0))
    os.close(lock_device("cuda:7", folder=tmp_path, wait_s=0.0))


def test_where_no_lock_can_lie_the_device_is_used_without(tmp_path, caplog):
    assert lock_device("cuda:7", folder=tmp_path / "nowhere", wait_s=0.0) is None
    assert "no lock on cuda:7" in caplog.text


def test_the_processor_may_be_shared(tmp_path):
    assert lock_device("cpu", folder=tmp_path, wait_s=0.0) is None
    assert not list(tmp_path.iterdir())


def test_a_device_process_ends_with_its_server_however_that_ends(tmp_path):
    script = tmp_path / "server.py"
    script.write_text(
        textwrap.dedent(
            """
            import sys, time
            from tests.running_device import config_for_tests, processes, run_device
            with run_device(config_for_tests(device="cuda:7", lock_dir=__import__("pathlib").Path(sys.argv[1]))):
                print(processes()[0].pid, flush=True)
                time.sleep(600)
            """
        )
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, "-c", script.read_text(), str(tmp_path)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as server:
        child = psutil.Process(int(server.stdout.readline()))
        with pytest.raises(ConfigError, match="device_in_use"):
            lock_device("cuda:7", folder=tmp_path, wait_s=0.0)
        os.kill(server.pid, signal.SIGKILL)
        server.wait(PATIENCE_S)
        eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    os.close(lock_device("cuda:7", folder=tmp_path, wait_s=PATIENCE_S))


def test_an_answer_given_twice_counts_once_even_when_nobody_waits_any_more(device):
    """The supervisor and the thread that asks may both come to say that the process is gone."""
    jobs = device._parts.jobs
    for cancelled in (False, True):
        future = device.submit(fake_task(1, engine="slow", steps=50), session="a", kind="capture", within_ms=CAPTURE_MS)
        (asked,) = (asked for asked in jobs._asked.values() if asked.future is future)
        if cancelled:
            future.cancel()
        jobs._resolve(asked, Refusal("late"))
        jobs._resolve(asked, DeviceError("engine_restarting", "gone"))
        assert cancelled or future.result() == Refusal("late")
        future.cancel()
        asked.child.send(Cancel(asked.id))
        eventually(lambda asked=asked: asked.id not in jobs._asked)
