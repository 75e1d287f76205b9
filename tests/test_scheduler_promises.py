"""What the scheduler promises, held against whatever may come."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from models.scheduler import Policy
from models.scheduler_jobs import Outcome, Rules, Unit, Wait
from tests.fake_device import (
    CAPTURE_STEPS,
    LONGEST_CAPTURE_MS,
    LONGEST_LIVE_MS,
    RULES,
    TILES,
    FakeDevice,
    learnt,
)

UNHURRIED = settings(
    deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
SESSIONS = st.sampled_from("abcdef")
STEPS = st.integers(1, 6)
TIGHT = Rules(batch={"turbo": 3}, most_live=4, most_captures=2)


class Scheduling(RuleBasedStateMachine):
    """Jobs come, go and fail, time passes, units begin and end, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.device = FakeDevice(Policy(TIGHT))
        self.next_outcome: Outcome | None = None
        self.unlucky: set[int] = set()  # jobs that failed, or were cancelled
        self.device.outcome = self.take_outcome

    def take_outcome(self, unit: Unit) -> Outcome | None:
        outcome, self.next_outcome = self.next_outcome, None
        if outcome is not None:
            self.unlucky |= set(unit.jobs)
        return outcome

    @rule(session=SESSIONS, within_ms=st.floats(1, 400), steps=STEPS)
    def keyframe(self, session, within_ms, steps):
        self.device.live(session=session, within_ms=within_ms, steps=steps)

    @rule(session=SESSIONS, within_ms=st.none() | st.floats(1, 5000), steps=STEPS)
    def capture(self, session, within_ms, steps):
        self.device.capture(session=session, within_ms=within_ms, steps=steps)

    @rule(back=st.integers(1, 8))
    def cancel(self, back):
        job = len(self.device.jobs) - back
        self.unlucky.add(job)
        self.device.cancel(job)

    @precondition(lambda self: self.device.under_way is None)
    @rule()
    def start(self):
        device, open_jobs = self.device, self.open_jobs()
        found = device.start()
        if isinstance(found, Unit):
            self.check(found)
        elif isinstance(found, Wait):
            assert device.now_ms < found.until_ms <= device.now_ms + TIGHT.company_ms
        else:
            assert not self.open_jobs(), "the device is idle while somebody waits"
        assert self.open_jobs() <= open_jobs

    def check(self, unit):
        jobs = [self.device.jobs[id] for id in unit.jobs]
        assert set(unit.jobs) <= self.open_jobs()
        assert len(set(unit.jobs)) == len(unit.jobs) <= (3 if unit.phase == "step" else 1)
        assert {(job.engine, job.phase) for job in jobs} == {(unit.engine, unit.phase)}
        if len(jobs) > 1:
            assert {job.kind for job in jobs} == {"live"}
            assert len({job.shape for job in jobs}) == 1
            assert len({job.session for job in jobs}) == len(jobs)
        for job, granted in unit.steps.items():
            assert 1 <= granted <= self.device.jobs[job].steps_asked

    @precondition(lambda self: self.device.under_way is not None)
    @rule(outcome=st.sampled_from([None] * 6 + [Outcome("memory"), Outcome("again"), Outcome("failed")]))
    def finish(self, outcome):
        self.next_outcome = outcome
        self.device.finish()

    @rule(ms=st.floats(0.1, 100))
    def pass_time(self, ms):
        self.device.now_ms += ms

    def open_jobs(self) -> set[int]:
        return self.device.jobs.keys() - self.device.over

    @invariant()
    def every_open_job_is_known_and_no_other(self):
        assert len(self.device.policy) == len(self.open_jobs())

    @invariant()
    def nothing_grows_without_end(self):
        kinds = [self.device.jobs[job].kind for job in self.open_jobs()]
        assert kinds.count("live") <= TIGHT.most_live
        assert kinds.count("capture") <= TIGHT.most_captures

    @invariant()
    def of_one_session_one_keyframe_waits_and_one_is_made(self):
        under_way = self.device.under_way.jobs if self.device.under_way else ()
        live = [self.device.jobs[job] for job in self.open_jobs() if self.device.jobs[job].kind == "live"]
        for begun in (True, False):
            sessions = [job.session for job in live if (job.phase != "begin" or job.id in under_way) == begun]
            assert len(sessions) == len(set(sessions))

    def teardown(self):
        device = self.device
        if device.under_way is not None:
            device.finish()
        device.run()
        assert not self.open_jobs()
        for job in device.jobs.values():
            if (
                job.kind == "capture"
                and job.deadline_ms is None
                and job.id not in self.unlucky | device.refusals.keys()
            ):
                assert job.id in device.ready, "a capture was lost"
            if job.id in device.ready and job.kind == "live":
                assert device.ready[job.id] <= job.due_ms + LONGEST_CAPTURE_MS, "an answer that nobody waits for"


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(UNHURRIED, max_examples=60, stateful_step_count=60)


@settings(UNHURRIED, max_examples=60)
@given(
    arrivals=st.lists(st.tuples(st.floats(0, 30), SESSIONS, STEPS), min_size=1, max_size=40),
    within_ms=st.floats(10, 300),
    captures=st.integers(0, 2),
)
def test_whoever_is_let_in_is_ready_in_time(arrivals, within_ms, captures):
    """As long as units take what they took before, and all kiosks are as patient."""
    device = learnt(FakeDevice())
    for number in range(captures):
        device.capture(session=f"capture-{number}")
    first = len(device.jobs)
    for after_ms, session, steps in arrivals:
        device.run(device.now_ms + after_ms)
        device.live(session=session, within_ms=within_ms, steps=steps)
    device.run()
    superseded = {job for job, reason in device.drops.items() if reason == "superseded"}
    admitted = [
        job
        for job in list(device.jobs.values())[first:]
        if job.kind == "live" and job.id not in device.refusals.keys() | superseded
    ]
    late = [job for job in admitted if device.ready.get(job.id, float("inf")) > job.due_ms]
    # The forecast is arithmetic and no simulation: of some 100,000 keyframes one slips by a hair.
    assert len(late) <= 1


@settings(UNHURRIED, max_examples=12)
@given(
    kiosks=st.integers(1, 12),
    within_ms=st.floats(30, 400),
    pause_ms=st.floats(0, 50),
    others=st.integers(0, 1),
)
def test_a_capture_ends_in_bounded_time_under_any_load(kiosks, within_ms, pause_ms, others):
    device = learnt(FakeDevice())
    captures = [device.capture(session=str(number)) for number in range(others + 1)]
    units = (1 + CAPTURE_STEPS + TILES["inpaint"]) * len(captures)
    bound_ms = device.now_ms + units * (RULES.capture_gap_ms + LONGEST_LIVE_MS + LONGEST_CAPTURE_MS)
    came_ms = dict.fromkeys(range(kiosks), 0.0)
    sent: dict[int, int] = {}
    while captures[-1] not in device.ready:
        assert device.now_ms <= bound_ms
        for kiosk in range(kiosks):
            if (kiosk not in sent or sent[kiosk] in device.over) and device.now_ms - came_ms[kiosk] >= pause_ms:
                came_ms[kiosk] = device.now_ms
                sent[kiosk] = device.live(session=str(kiosk), within_ms=within_ms)
        if isinstance(device.start(), Unit):
            device.finish()
        else:
            device.now_ms += 1
