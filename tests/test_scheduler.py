"""Who gets the device, rule by rule, on a fake clock."""

from __future__ import annotations

import pytest

from models.scheduler import Policy
from models.scheduler_costs import Costs
from models.scheduler_jobs import Outcome, Rules, Unit, Wait
from tests.fake_device import (
    CAPTURE_MS,
    CAPTURE_STEPS,
    LONGEST_CAPTURE_MS,
    LONGEST_LIVE_MS,
    RULES,
    TILES,
    FakeDevice,
    learnt,
)

KEYFRAME_MS = 2.0 + 4 * 4.5 + 2.0


@pytest.fixture
def device() -> FakeDevice:
    return learnt(FakeDevice())


# Keyframes.


def test_a_keyframe_begins_steps_and_is_decoded(device):
    job = device.live()
    came_ms = device.now_ms
    device.run()
    assert device.phases(job) == ["begin", "step", "step", "step", "step", "decode"]
    assert device.ready[job] - came_ms == pytest.approx(KEYFRAME_MS)


def test_a_keyframe_waits_for_one_unit_of_a_capture_at_most(device):
    capture = device.capture()
    device.run(device.now_ms + 150)
    came_ms = device.now_ms
    job = device.live()
    device.run()
    assert next(unit.began_ms for unit in device.units_of(job)) - came_ms <= LONGEST_CAPTURE_MS
    between = [unit for unit, _ in device.units if came_ms < unit.began_ms < device.ready[job]]
    assert all(job in unit.jobs for unit in between)
    assert device.ready[capture] > device.ready[job]


@pytest.mark.parametrize("into_ms", [1.0, 7.0, 22.0], ids=["begin", "encode", "last encode"])
def test_a_keyframe_waits_for_one_unit_of_a_capture_that_only_begins_and_that_goes_on_where_it_was(device, into_ms):
    capture = device.capture()
    device.run(device.now_ms + into_ms)
    assert device.under_way.phase in ("begin", "encode")
    came_ms = device.now_ms
    job = device.live()
    device.run()
    assert device.units_of(job)[0].began_ms - came_ms < 15.0
    between = [unit for unit, _ in device.units if came_ms < unit.began_ms < device.ready[job]]
    assert all(job in unit.jobs for unit in between)
    assert device.phases(capture) == ["begin", "encode", "encode", *["step"] * 25, *["decode"] * 4]


def test_what_beginning_takes_is_learnt_as_a_whole_and_by_its_parts():
    costs = Costs()
    device = FakeDevice(Policy(RULES, costs=costs))
    device.capture()
    device.run()
    assert costs.of("begin", "inpaint", "tall") == pytest.approx(35.0)
    assert 5.0 < costs.of("part", "inpaint", "tall") < 20.0


def test_the_earlier_deadline_goes_first(device):
    later = device.live(session="a", within_ms=300)
    sooner = device.live(session="b", within_ms=100)
    device.run()
    assert device.ready[sooner] < device.ready[later]


def test_keyframes_share_steps_and_a_latecomer_joins(device):
    first = device.live(session="a")
    device.run(device.now_ms + 10)  # in its second step
    second = device.live(session="b")
    device.run()
    assert len([unit for unit in device.units_of(first) if second in unit.jobs]) == 2
    assert device.phases(first).count("step") == device.phases(second).count("step") == 4


def test_no_step_is_shared_by_more_than_the_engine_allows(device):
    for number in range(6):
        device.live(session=str(number), within_ms=1000)
    device.run()
    assert max(len(unit.jobs) for unit, _ in device.units) == RULES.batch["turbo"]


def test_captures_go_one_after_the_other(device):
    first, second = (device.capture(session=name) for name in "xy")
    device.run()
    assert all(len(unit.jobs) == 1 for unit in device.units_of(first) + device.units_of(second))
    assert device.units_of(second)[0].began_ms >= device.ready[first]


def test_pictures_of_any_size_share_if_the_engine_makes_them_alike(device):
    sizes = [(512, 380), (497, 301), (333, 290)]
    jobs = [device.live(session=str(size), within_ms=500, size=size) for size in sizes]
    device.run()
    assert [len(unit.jobs) for unit in device.units_of(jobs[0]) if unit.phase == "step"] == [3] * 4


def test_pictures_of_different_shape_do_not_share(device):
    jobs = [device.live(session=str(size), within_ms=500, size=size) for size in ((512, 384), (384, 512))]
    device.run()
    assert all(len(unit.jobs) == 1 for job in jobs for unit in device.units_of(job))


def test_a_lone_keyframe_does_not_wait_for_company(device):
    device.live()
    for _ in range(6):
        assert isinstance(device.start(), Unit)
        device.finish()


def test_keyframes_wait_for_company_when_others_come_that_fast(device):
    for _ in range(12):
        hurried = device.live(session="hurried", within_ms=500)
        device.now_ms += 1
    first, came_ms = device.live(session="a", within_ms=500), device.now_ms
    device.cancel(hurried)
    device.start()
    device.finish()
    assert device.start() == Wait(came_ms + RULES.company_ms)
    device.now_ms += 1
    second = device.live(session="c", within_ms=500)
    device.run()
    assert all(set(unit.jobs) == {first, second} for unit in device.units_of(first) if unit.phase == "step")


def test_the_newest_frame_of_a_session_takes_the_place_of_the_one_that_waits(device):
    device.capture()
    device.run(device.now_ms + 100)
    old, new = device.live(), device.live()
    assert device.drops == {old: "superseded"}
    device.run()
    assert new in device.ready


def test_a_frame_waits_until_its_sessions_last_one_is_ready(device):
    first = device.live(within_ms=400)
    device.run(device.now_ms + 5)
    second = device.live(within_ms=100)
    device.run()
    assert device.drops == {}
    assert device.units_of(second)[0].began_ms >= device.ready[first]


# Too much of it.


def test_under_load_keyframes_get_fewer_steps_before_any_is_refused(device):
    jobs = [device.live(session=str(number), within_ms=70) for number in range(8)]
    device.run()
    made = {job: device.phases(job).count("step") for job in jobs if job in device.ready}
    assert set(made.values()) & {1, 2}
    assert {device.refusals[job].reason for job in jobs if job in device.refusals} <= {"late"}
    assert min(made.values()) == 1 if len(made) < len(jobs) else True
    assert device.drops == {}
    assert all(device.ready[job] <= device.jobs[job].deadline_ms for job in made)


def test_who_was_let_in_with_few_steps_gets_more_when_the_others_leave(device):
    jobs = [device.live(session=str(number), within_ms=70) for number in range(8)]
    admitted = [job for job in jobs if job not in device.refusals]
    for job in admitted[:-1]:
        device.cancel(job)
    device.run()
    assert device.phases(admitted[-1]).count("step") == 4


def test_what_cannot_be_ready_in_time_is_refused_at_once(device):
    job = device.live(within_ms=8)
    assert device.refusals[job].reason == "late"


def test_a_refusal_says_when_to_come_back(device):
    jobs = [device.live(session=str(number), within_ms=60) for number in range(30)]
    refused = [device.refusals[job] for job in jobs if job in device.refusals]
    assert refused
    assert all(KEYFRAME_MS < refusal.retry_ms < 1000 for refusal in refused)


def test_there_is_room_for_so_many_and_no_more(device):
    rules = Rules(most_live=3, most_captures=2)
    device.policy = Policy(rules, costs=Costs())
    live = [device.live(session=str(number), within_ms=1e4) for number in range(5)]
    captures = [device.capture(session=str(number)) for number in range(4)]
    assert {job: refusal.reason for job, refusal in device.refusals.items()} == dict.fromkeys(
        live[3:] + captures[2:], "busy"
    )
    assert len(device.policy) == 5


def test_a_keyframe_that_falls_behind_is_given_up(device):
    device.took_ms = lambda unit: 60.0
    job = device.live(within_ms=150)
    device.run()
    assert device.drops == {job: "late"}
    assert device.phases(job).count("decode") == 0


def test_a_slow_spell_is_noticed_and_forgotten(device):
    usual, device.took_ms = device.took_ms, lambda unit: 60.0
    for _ in range(20):
        device.live(within_ms=150)
        device.run(device.now_ms + 200)
    assert device.refusals
    device.took_ms = usual
    for _ in range(60):
        last = device.live(within_ms=150)
        device.run(device.now_ms + 200)
    assert device.phases(last).count("step") == 4


# Captures.


def test_a_capture_ends_however_many_keyframes_there_are(device):
    capture, came_ms = device.capture(), device.now_ms
    units = 1 + CAPTURE_STEPS + TILES["inpaint"]
    bound_ms = units * (RULES.capture_gap_ms + LONGEST_LIVE_MS + LONGEST_CAPTURE_MS)
    flood(device, until_ms=came_ms + bound_ms)
    assert device.ready[capture] - came_ms <= bound_ms
    assert device.ready[capture] - came_ms > 2 * CAPTURE_MS, "it was no flood"


def test_captures_that_queue_all_end_and_the_last_one_waits_less_for_each_turn(device):
    captures = [device.capture(session=str(number)) for number in range(4)]
    flood(device, until_ms=device.now_ms + 16_000)
    ends = [device.ready[job] for job in captures]
    assert ends == sorted(ends)
    assert ends[3] - ends[2] < 0.75 * (ends[1] - ends[0])


def test_keyframes_count_on_the_captures_turns(device):
    device.capture()
    flood(device, until_ms=device.now_ms + 2_000)
    assert "late" not in device.drops.values()


def test_a_capture_that_would_be_late_is_refused_at_once(device):
    device.capture()
    job = device.capture(within_ms=1.5 * CAPTURE_MS)
    assert device.refusals[job].reason == "late"
    assert device.refusals[job].retry_ms == pytest.approx(CAPTURE_MS)


def test_a_capture_is_given_up_when_nobody_waits_any_more(device):
    job = device.capture(within_ms=0.5 * CAPTURE_MS)
    device.run()
    assert device.drops == {job: "late"}


def flood(device: FakeDevice, *, until_ms: float) -> None:
    """Eight kiosks that send another keyframe as soon as they have an answer."""
    sending: dict[str, int] = {}
    while device.now_ms < until_ms:
        for name in map(str, range(8)):
            if name not in sending or sending[name] in device.over:
                sending[name] = device.live(session=name, within_ms=150)
        if isinstance(found := device.start(), Unit):
            device.finish()
        else:
            device.now_ms = found.until_ms if found is not None else device.now_ms + 1


# Going away and going wrong.


@pytest.mark.parametrize("units", range(6))
@pytest.mark.parametrize("under_way", [False, True])
def test_a_job_can_be_cancelled_at_any_time(device, units, under_way):
    job, other = device.live(session="a", within_ms=500), device.live(session="b", within_ms=900)
    for _ in range(units):
        device.start()
        device.finish()
    if under_way:
        device.start()
    device.cancel(job)
    if under_way:
        device.finish()
    seen = len(device.units_of(job))
    device.run()
    assert device.drops == {job: "cancelled"}
    assert len(device.units_of(job)) == seen
    assert other in device.ready
    device.cancel(job)
    assert len(device.policy) == 0


def test_a_capture_cancelled_in_its_last_tile_is_not_answered_twice(device):
    job = device.capture()
    while device.phases(job).count("decode") < TILES["inpaint"] - 1:
        device.start()
        device.finish()
    device.start()
    device.cancel(job)
    device.finish()
    assert device.drops == {job: "cancelled"}
    assert job not in device.ready


def test_who_fails_in_company_is_made_again_alone(device):
    device.outcome = lambda unit: Outcome("again") if len(unit.jobs) > 1 else None
    jobs = [device.live(session=name, within_ms=500) for name in "ab"]
    device.run()
    assert device.ready.keys() >= set(jobs)
    assert [len(unit.jobs) for unit in device.units_of(jobs[0])].count(2) == 1


def test_without_memory_a_job_is_tried_once_more_and_batches_get_smaller(device):
    device.outcome = lambda unit: Outcome("memory") if len(unit.jobs) > 2 else None
    jobs = [device.live(session=name, within_ms=800) for name in "abc"]
    device.run()
    more = [device.live(session=name, within_ms=800) for name in "abcd"]
    device.run()
    assert device.ready.keys() >= set(jobs + more)
    assert [len(unit.jobs) for unit, _ in device.units if set(unit.jobs) & set(jobs + more)].count(3) == 1
    device.outcome = lambda unit: None
    device.now_ms += RULES.cautious_ms
    again = [device.live(session=name, within_ms=800) for name in "abcd"]
    device.run()
    assert any(set(unit.jobs) == set(again) for unit, _ in device.units)


def test_a_job_that_never_has_memory_fails(device):
    device.outcome = lambda unit: Outcome("memory") if unit.phase == "step" else None
    job = device.capture()
    device.run()
    assert device.drops == {job: "failed"}
    assert device.phases(job) == ["begin", "encode", "encode", "step"] * 2


def test_a_failure_ends_the_job(device):
    device.outcome = lambda unit: Outcome("failed") if unit.phase == "decode" else None
    job = device.live()
    device.run()
    assert device.drops == {job: "failed"}


# What things cost.


def test_an_estimate_follows_what_is_measured():
    costs = Costs()
    assert costs.of("step", "turbo", "shape") == 0
    costs.observe("step", "turbo", "shape", batch=1, took_ms=10)
    assert costs.of("step", "turbo", "shape") == 10
    for _ in range(60):
        costs.observe("step", "turbo", "shape", batch=1, took_ms=20)
    assert costs.of("step", "turbo", "shape") == pytest.approx(20, abs=0.5)


def test_an_estimate_is_careful_when_measurements_scatter():
    costs = Costs()
    for took_ms in (10, 14) * 20:
        costs.observe("step", "turbo", "shape", batch=1, took_ms=took_ms)
    assert 13 < costs.of("step", "turbo", "shape") < 16


def test_one_outlier_does_not_spoil_an_estimate():
    costs = Costs()
    for _ in range(20):
        costs.observe("step", "turbo", "shape", batch=1, took_ms=10)
    costs.observe("step", "turbo", "shape", batch=1, took_ms=10_000)
    assert costs.of("step", "turbo", "shape") < 25


def test_what_was_not_measured_is_taken_from_what_is_like_it():
    costs = Costs()
    costs.observe("step", "turbo", "shape", batch=2, took_ms=12)
    costs.observe("step", "turbo", "other", batch=1, took_ms=10)
    assert costs.of("step", "turbo", "shape", batch=2) == 12
    assert costs.of("step", "turbo", "shape", batch=4) == 24
    assert costs.of("step", "turbo", "shape", batch=1) == 10
    assert costs.of("step", "turbo", "third", batch=3) == 30
    assert costs.of("step", "inpaint", "shape") == 0


def test_the_shape_of_a_picture_is_that_of_the_last_one_like_it():
    costs = Costs()
    assert costs.shape_of("turbo", (512, 384)) is None
    for height in range(100, 1000):
        costs.learn_shape("turbo", (height, 384), "tall" if height > 384 else "wide")
    assert costs.shape_of("turbo", (999, 384)) == "tall"
    costs.learn_shape("turbo", (200, 384), "wide")
    assert costs.shape_of("turbo", (210, 400)) == "wide"
    assert costs.shape_of("inpaint", (512, 384)) is None
