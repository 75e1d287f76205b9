"""The device loop in this process, with an engine that says it is fake."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.device_loop import DeviceLoop, DeviceLost, Picture
from models.device_messages import Failure, Ran, monotonic_ms
from models.scheduler import Policy
from models.scheduler_jobs import Job, Rules
from tests.fake_engine import FakeEngine, OutOfMemoryError, fake_task, painted
from tests.serving import PATIENCE_S, eventually


@dataclass
class Ends:
    """What the listener was told."""

    pictures: dict[int, Picture] = field(default_factory=dict)
    refusals: dict[int, str] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    units: list[Ran] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)

    def finished(self, picture):
        assert picture.job not in self.ended()
        self.pictures[picture.job] = picture

    def refused(self, job, reason, retry_ms):
        assert job not in self.ended()
        self.refusals[job] = reason

    def failed(self, job, failure):
        assert job not in self.ended()
        self.failures[job] = failure

    def ran(self, unit):
        if unit.jobs[0] >= 0:
            self.units.append(unit)

    def proven(self, engine):
        self.proofs.append(engine)

    def ended(self):
        return self.pictures.keys() | self.refusals.keys() | self.failures.keys()


@contextmanager
def running(engine: FakeEngine, *, rules: Rules | None = None) -> Iterator[tuple[DeviceLoop, Ends]]:
    ends = Ends()
    loop = DeviceLoop(
        {engine.name: engine}, Policy(rules), listener=ends, canaries={engine.name: fake_task(steps=1, prompt="canary")}
    )
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield loop, ends
    finally:
        loop.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive()


def job(id: int, task, *, session: str = "a", kind="live", within_ms: float = 1e3 * PATIENCE_S) -> Job:
    now = monotonic_ms()
    return Job(id, session, kind, task.engine, task.image.shape[:2], now, now + within_ms, task.params.steps)


def test_a_picture_is_made():
    with running(FakeEngine()) as (loop, ends):
        task = fake_task(7)
        loop.submit(job(1, task), task)
        eventually(lambda: ends.pictures)
    assert np.array_equal(ends.pictures[1].image, painted(task))
    assert ends.pictures[1].steps_done == 4
    assert ends.pictures[1].notices == ("fake",)
    assert [unit.phase for unit in ends.units] == ["begin", "step", "step", "step", "step", "decode"]


@pytest.mark.parametrize(
    ("prompt", "code"), [("nan", "not_finite"), ("bug", "engine_failed"), ("oom", "out_of_memory")]
)
def test_a_failure_is_the_failure_of_one_job(prompt, code):
    with running(FakeEngine(), rules=Rules(batch={"fake": 4})) as (loop, ends):
        tasks = [fake_task(n, prompt=prompt if n == 2 else "a jacket") for n in range(4)]
        for n, task in enumerate(tasks):
            loop.submit(job(n, task, session=str(n)), task)
        eventually(lambda: len(ends.ended()) == 4)
    assert {n: failure.code for n, failure in ends.failures.items()} == {2: code}
    assert all(np.array_equal(picture.image, painted(tasks[n])) for n, picture in ends.pictures.items())


def test_failures_that_go_on_are_put_to_the_proof():
    with running(FakeEngine()) as (loop, ends):
        eventually(lambda: ends.proofs)
        for n in range(5):
            task = fake_task(n, prompt="nan")
            loop.submit(job(n, task), task)
            eventually(lambda n=n: n in ends.failures)
        eventually(lambda: len(ends.proofs) == 2)
    assert ends.proofs == ["fake", "fake"]


def test_a_device_that_fails_the_proof_is_given_up():
    lost = []
    engine = FakeEngine()
    ends = Ends()
    canaries = {"fake": fake_task(steps=1, prompt="canary")}
    loop = DeviceLoop({"fake": engine}, Policy(), listener=ends, canaries=canaries)

    def run():
        try:
            loop.run()
        except DeviceLost as error:
            lost.append(error.failure.code)

    thread = threading.Thread(target=run)
    thread.start()
    eventually(lambda: ends.proofs)
    task = fake_task(1, prompt="sticky")
    loop.submit(job(1, task), task)
    thread.join(PATIENCE_S)
    assert lost == ["engine_failed"]


def test_what_is_asked_of_an_engine_that_is_wrong_is_told_and_does_no_harm():
    with running(FakeEngine()) as (loop, ends):
        for n in range(4):
            task = fake_task(n, steps=0)
            loop.submit(job(n, task), task)
            eventually(lambda n=n: n in ends.failures)
    assert {failure.code for failure in ends.failures.values()} == {"bad_steps"}
    assert ends.proofs == ["fake"]


def test_an_error_that_is_told_holds_nothing_of_the_work():
    """A traceback would keep the frame, the frame its tensors, and the device would stay full."""
    trajectories, alive = [], []

    class Watched(FakeEngine):
        def step(self, batch):
            if batch[0].task.id == "task-1":
                if not trajectories:
                    trajectories.extend(weakref.ref(trajectory) for trajectory in batch)
                    raise OutOfMemoryError("fake device out of memory")
                alive.append(trajectories[0]() is not None)
            super().step(batch)

    with running(Watched()) as (loop, ends):
        task = fake_task(1)
        loop.submit(job(1, task), task)
        eventually(lambda: ends.ended())
    assert 1 in ends.pictures
    assert alive == [False] * 4


def test_a_capture_called_off_while_it_begins_is_let_go_of_at_once():
    """Not when rubbish is collected next: the device may need the room for a keyframe."""
    reached, go_on, begun = threading.Event(), threading.Event(), []

    class Watched(FakeEngine):
        def begin(self, task):
            trajectory = super().begin(task)
            if task.id == "task-1":
                begun.append(weakref.ref(trajectory))
            return trajectory

        def encode(self, trajectory):
            super().encode(trajectory)
            if trajectory.task.id == "task-1":
                reached.set()
                assert go_on.wait(PATIENCE_S)

    with running(Watched(parts=4)) as (loop, ends):
        task = fake_task(1)
        loop.submit(job(1, task, kind="capture"), task)
        assert reached.wait(PATIENCE_S)
        loop.cancel(1)
        gc.disable()
        try:
            go_on.set()
            eventually(lambda: ends.ended())
            eventually(lambda: begun[0]() is None)
        finally:
            gc.enable()
    assert ends.refusals == {1: "cancelled"}
    assert [unit.phase for unit in ends.units] == ["begin", "encode"]


def test_a_keyframe_is_made_while_a_capture_begins():
    rules = Rules(capture_gap_ms=1e6, capture_gap_least_ms=1e6)
    with running(FakeEngine(parts=50, begin_ms=2.0), rules=rules) as (loop, ends):
        capture, keyframe = fake_task(1), fake_task(2)
        loop.submit(job(1, capture, kind="capture"), capture)
        eventually(lambda: ends.units)
        loop.submit(job(2, keyframe, session="b"), keyframe)
        eventually(lambda: len(ends.pictures) == 2)
    assert list(ends.pictures) == [2, 1]
    assert all(np.array_equal(ends.pictures[task.params.seed].image, painted(task)) for task in (capture, keyframe))
    phases = [unit.phase for unit in ends.units if unit.jobs == (1,)]
    assert phases == ["begin", *["encode"] * 49, *["step"] * 4, "decode"]


def test_an_engine_that_fails_again_and_again_is_found_out_beside_one_that_works():
    """Keyframes go well all the time; every capture's picture is spoilt, and so is the canary's."""
    engines = {"live": FakeEngine(name="live"), "premium": FakeEngine(name="premium")}
    canaries = {"live": fake_task(engine="live"), "premium": fake_task(engine="premium")}
    ends, lost = Ends(), []
    loop = DeviceLoop(engines, Policy(Rules()), listener=ends, canaries=canaries, canary_ms=1e9)

    def run() -> None:
        try:
            loop.run()
        except DeviceLost as error:
            lost.append(error.failure.code)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        eventually(lambda: len(ends.proofs) == 2)
        canaries["premium"] = fake_task(engine="premium", prompt="nan")
        for number in range(3):
            now_ms = monotonic_ms()
            for engine, kind, prompt in (("live", "live", "fine"), ("premium", "capture", "nan")):
                job = Job(2 * number + (kind == "live"), engine, kind, engine, (64, 48), now_ms, None, 4)
                loop.submit(job, fake_task(job.id, engine=engine, prompt=prompt))
            eventually(lambda number=number: {2 * number, 2 * number + 1} <= ends.ended())
    finally:
        loop.stop()
        thread.join(PATIENCE_S)
    assert lost == ["not_finite"]
