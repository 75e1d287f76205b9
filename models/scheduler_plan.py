"""What will become of the jobs that are in, if no other comes: the arithmetic behind admission and the ladder.

Owns the forecast; must not know how jobs come in or what is done about late ones. It follows what the policy does:
earliest deadline first, steps shared by jobs of one engine and shape, everything else one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence, Set
from dataclasses import dataclass, replace

from models.scheduler_costs import Costs
from models.scheduler_jobs import Job, Rules, Unit

ALL_STEPS = 1 << 30
"""A rung above the ladder: everybody gets what was asked for."""

PARTS = {"begin": "part", "encode": "part", "decode": "tile"}
"""What costs call a unit that is not all of what comes before the first step, or of what comes after the last."""


@dataclass(frozen=True)
class Work:
    """What is left to do for a job once the unit under way is over."""

    job: Job
    begin: bool
    steps: int
    decode: bool
    in_line: tuple[float, float, int]
    """Like the job's; behind the keyframe that it has to wait for."""
    apart: bool
    """Whether it makes its steps in no company."""


def least_ms(work: Work, costs: Costs) -> float:
    """How long the work would take if it had the device to itself."""
    job, shape = work.job, work.job.likely_shape
    return (
        work.begin * costs.of("begin", job.engine, shape)
        + work.steps * costs.of("step", job.engine, shape)
        + work.decode * costs.of("decode", job.engine, shape)
    )


def best_ms(job: Job, costs: Costs) -> float:
    """How long the job would take with one step on the best of days."""
    return sum(costs.best(phase, job.engine) for phase in ("begin", "step", "decode"))


def unit_ms(job: Job, costs: Costs, *, batch: int = 1) -> float:
    """How long the job's next unit will take."""
    return costs.of(PARTS.get(job.phase, job.phase), job.engine, job.likely_shape, batch=batch)


def work_of(job: Job, unit: Unit | None, *, level: int = ALL_STEPS) -> Work:
    """What is left of a job after the unit under way, with `level` steps at most if its steps are not settled."""
    running = unit is not None and job.id in unit.jobs
    settled = job.kind == "capture" or job.step_index > 0 or (running and job.phase == "step")
    steps = job.steps_left if settled else min(job.steps_asked, level)
    return Work(
        job,
        begin=job.beginning and not running,
        steps=0 if job.phase == "decode" else steps - (running and job.phase == "step"),
        decode=not (running and job.phase == "decode"),
        in_line=job.in_line,
        apart=job.alone,
    )


def finish_times(
    works: Iterable[Work], *, at_ms: float, costs: Costs, batch_of: Callable[[str], int]
) -> dict[int, float]:
    """When each would be done, by job id, with nothing but this work from `at_ms` on."""
    found: dict[int, float] = {}
    in_line = sorted(works, key=lambda work: work.in_line)
    for group in _groups(in_line, costs, batch_of):
        job, shape = group[0].job, group[0].job.likely_shape
        at_ms += sum(work.begin for work in group) * costs.of("begin", job.engine, shape)
        step_ms = costs.of("step", job.engine, shape, batch=len(group))
        decode_ms = costs.of("decode", job.engine, shape)
        steps = decodes = 0
        for work in group:
            # Whoever is ahead in line is served to the end first; the others' steps ride along.
            steps = max(steps, work.steps)
            decodes += work.decode
            found[work.job.id] = at_ms + steps * step_ms + decodes * decode_ms
        at_ms += steps * step_ms + decodes * decode_ms
    return found


def _groups(in_line: list[Work], costs: Costs, batch_of: Callable[[str], int]) -> list[list[Work]]:
    """Those that will share their steps, in the order in which they are served."""
    groups: list[list[Work]] = []
    newest: dict[Hashable, list[Work]] = {}
    for work in in_line:
        job = work.job
        key = (job.engine, job.likely_shape, job.id if work.apart or not work.steps else None)
        group = newest.get(key)
        if group is None or len(group) >= batch_of(job.engine):
            group = newest[key] = []
            groups.append(group)
        group.append(work)
    return groups


class Turns:
    """When the oldest capture is owed a unit, whatever keyframes want."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._since_ms = 0.0

    def count_from(self, now_ms: float) -> None:
        """A unit of a capture ends now, or the first capture came now."""
        self._since_ms = now_ms

    def due_ms(self, capture: Job, now_ms: float) -> float:
        """When its next unit is due."""
        return self._since_ms + self._gap_ms(capture, now_ms)

    def delayed_ms(self, at_ms: float, *, capture: Job, now_ms: float, unit_ms: float) -> float:
        """When keyframes' work that would be over at `at_ms` is over if the capture's units come in between."""
        due_ms = max(now_ms, self.due_ms(capture, at_ms))  # as it will be then: the gaps get smaller
        if at_ms < due_ms:
            return at_ms
        return at_ms + unit_ms * (1 + (at_ms - due_ms) // self._gap_ms(capture, at_ms))

    def _gap_ms(self, capture: Job, now_ms: float) -> float:
        rules = self._rules
        halvings = max(0.0, now_ms - capture.arrival_ms) / rules.capture_half_life_ms
        return max(rules.capture_gap_least_ms, rules.capture_gap_ms * 0.5 ** min(halvings, 60.0))


@dataclass(frozen=True)
class Outlook:
    """What will become of keyframes, seen from `now_ms`."""

    now_ms: float
    live: Sequence[Job]
    unit: Unit | None
    """Under way."""
    capture: Job | None
    """The oldest."""
    turns: Turns
    costs: Costs
    batch_of: Callable[[str], int]

    def free_ms(self) -> float:
        """When the unit under way should be over."""
        return self.now_ms if self.unit is None else max(self.now_ms, self.unit.began_ms + self.unit.expected_ms)

    def drained_ms(self, level: int) -> float:
        """How long all of them will take with so many steps."""
        return max(self._finished(level).values(), default=self.now_ms) - self.now_ms

    def late(self, level: int, *, apart: Set[int] = frozenset()) -> set[int]:
        """Who would miss the deadline if whoever has made no step yet got `level` at most; `apart` share none."""
        finished = self._finished(level, apart=apart)
        if self.capture is not None:
            cost_ms = unit_ms(self.capture, self.costs)
            finished = {
                id: self.turns.delayed_ms(at_ms, capture=self.capture, now_ms=self.now_ms, unit_ms=cost_ms)
                for id, at_ms in finished.items()
            }
        return {job.id for job in self.live if finished[job.id] > job.due_ms}

    def _finished(self, level: int, *, apart: Set[int] = frozenset()) -> dict[int, float]:
        ahead: dict[str, Job] = {}  # by session: the keyframe that is being made
        for job in self.live:
            if self._has_begun(job):
                ahead[job.session] = job
        works = [work_of(job, self.unit, level=level) for job in self.live]
        for index, work in enumerate(works):
            if not self._has_begun(work.job) and (other := ahead.get(work.job.session)) is not None:
                works[index] = replace(work, apart=True, in_line=max(work.in_line, (*other.in_line[:2], work.job.id)))
            elif work.job.id in apart:
                works[index] = replace(work, apart=True)
        return finish_times(works, at_ms=self.free_ms(), costs=self.costs, batch_of=self.batch_of)

    def _has_begun(self, job: Job) -> bool:
        return job.phase != "begin" or (self.unit is not None and job.id in self.unit.jobs)
