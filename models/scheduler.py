"""Who gets the device next, and who does not get it at all.

Owns the decisions, in one place and without side effects: no device, no clock, no thread. The device loop asks for the
next unit of work, does it and says how it went. Used by one thread at a time.

- A unit is short, so a keyframe that comes in the middle of a capture waits for one of its units at most.
- Keyframes go earliest deadline first. Those of one engine and shape share their steps; each joins at its own step.
- A keyframe that could not be ready in time is refused at once, by measured cost. Before that, keyframes that have not
  made a step yet are cut down to fewer steps.
- Captures get what keyframes leave, the oldest first. However many keyframes want the device, the oldest capture waits
  at most `capture_gap_ms` and one unit for its next unit.
- Every job that was admitted is answered once: by its last decode or by a Drop.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set

from models.scheduler_costs import Costs
from models.scheduler_jobs import Admit, Drop, Job, Outcome, Refuse, Rules, Unit, Wait
from models.scheduler_plan import ALL_STEPS, PARTS, Outlook, Turns, best_ms, least_ms, unit_ms, work_of

_HOPELESS = 0.8  # of the estimate; a keyframe that has begun is given up when not even this fits
_LONG_PAUSE = 10.0  # times the wait for company; a longer pause says nothing more about how keyframes come
_NEWEST_COUNTS = 0.3  # of the running mean of the time between keyframes


class Policy:
    """The jobs that are in, and what becomes of them."""

    def __init__(self, rules: Rules | None = None, *, costs: Costs | None = None) -> None:
        self._rules = rules or Rules()
        self._costs = costs or Costs()
        self._least = self._rules.ladder[-1]  # steps; the lowest rung
        self._jobs: dict[int, Job] = {}  # in the order in which they came
        self._drops: list[Drop] = []  # not handed out yet
        self._under_way: Unit | None = None
        self._turns = Turns(self._rules)
        self._probed_ms = -math.inf  # when a keyframe was last let in against the estimates
        self._live_came_ms = -math.inf  # when the last keyframe came
        self._live_gap_ms = _LONG_PAUSE * self._rules.company_ms  # running mean of the time between keyframes
        self._fewer: dict[str, tuple[int, float]] = {}  # by engine: the most in a batch for want of memory, until when

    def __len__(self) -> int:
        return len(self._jobs)

    def admit(self, job: Job, now_ms: float) -> Admit | Refuse:
        """Take a job in, or say at once that it cannot be done."""
        job.likely_shape = self._costs.shape_of(job.engine, job.size)
        said = self._admit_live(job, now_ms) if job.kind == "live" else self._admit_capture(job, now_ms)
        if isinstance(said, Admit):
            self._jobs[job.id] = job
        return said

    def next(self, now_ms: float) -> Unit | Wait | None:
        """What to do now; None when there is no job. A unit that was handed out has to be `done` before."""
        self._drop_late(now_ms)
        self._fewer = {engine: fewer for engine, fewer in self._fewer.items() if fewer[1] > now_ms}
        capture = self._oldest_capture()
        if capture is not None and now_ms >= self._turns.due_ms(capture, now_ms):
            return self._unit([capture], now_ms)
        live = self._live_unit(now_ms)
        if live is None and capture is not None:
            return self._unit([capture], now_ms)
        return live

    def done(self, unit: Unit, took_ms: float, outcome: Outcome) -> None:
        """Learn how the unit went and move its jobs on."""
        self._under_way = None
        jobs = [self._jobs[id] for id in unit.jobs]
        if outcome.result in ("ok", "last"):
            self._learn(unit, jobs, took_ms, outcome)
        elif outcome.result == "memory" and len(jobs) > 1:
            self._fewer[unit.engine] = (len(jobs) // 2, unit.began_ms + self._rules.cautious_ms)
        if jobs[0].kind == "capture":
            self._turns.count_from(unit.began_ms + took_ms)
        for job in jobs:
            self._move_on(job, outcome)

    def cancel(self, job_id: int) -> None:
        """Nobody wants this job any more. One in the unit that is under way is dropped when that is done."""
        job = self._jobs.get(job_id)
        if job is None:
            return
        if self._is_running(job):
            job.cancelled = True
        else:
            self._drop(job, "cancelled")

    def drain(self) -> list[Drop]:
        """The jobs that were dropped since the last call."""
        drops, self._drops = self._drops, []
        return drops

    # Who comes in.

    def _admit_live(self, job: Job, now_ms: float) -> Admit | Refuse:
        self._note_arrival(now_ms)
        for other in self._live():
            if other.session == job.session and not self._has_begun(other):
                self._drop(other, "superseded")
        before, after = self._outlook(now_ms), self._outlook(now_ms, also=job)
        if len(before.live) >= self._rules.most_live:
            return Refuse("busy", before.drained_ms(self._least))
        if (level := self._level(after, before.late(self._least))) is not None:
            return Admit(min(job.steps_asked, level))
        if not before.live and self._is_worth_trying(job, before):
            self._probed_ms, job.probe = now_ms, True
            return Admit(min(job.steps_asked, self._least))
        return Refuse("late", before.drained_ms(self._least))

    def _admit_capture(self, job: Job, now_ms: float) -> Admit | Refuse:
        captures = self._captures()
        ahead_ms = sum(least_ms(work_of(other, self._under_way), self._costs) for other in captures)
        if len(captures) >= self._rules.most_captures:
            return Refuse("busy", ahead_ms / len(captures))
        own_ms = least_ms(work_of(job, None), self._costs)
        if captures and now_ms + ahead_ms + own_ms > job.due_ms:
            return Refuse("late", ahead_ms)
        if not captures:
            self._turns.count_from(now_ms)
        return Admit(job.steps_asked)

    def _is_worth_trying(self, job: Job, outlook: Outlook) -> bool:
        """Whether the best that was ever measured would do: who refuses everything never sees things get better."""
        rested = outlook.now_ms - self._probed_ms >= self._rules.probe_ms
        return rested and outlook.free_ms() + best_ms(job, self._costs) <= job.due_ms

    def _note_arrival(self, now_ms: float) -> None:
        gap_ms = min(now_ms - self._live_came_ms, _LONG_PAUSE * self._rules.company_ms)
        self._live_came_ms = now_ms
        self._live_gap_ms += _NEWEST_COUNTS * (gap_ms - self._live_gap_ms)

    # Who comes next.

    def _live_unit(self, now_ms: float) -> Unit | Wait | None:
        live = sorted((job for job in self._live() if not self._has_to_wait(job)), key=lambda job: job.in_line)
        if not live:
            return None
        lead = live[0]
        if lead.phase != "step":
            return self._unit([lead], now_ms)
        most = self._batch_of(lead.engine)
        alike = [job for job in live if job is lead or self._may_share(lead, job)][:most]
        sharing = self._company(lead, alike, now_ms)
        if waiting := [job for job in sharing if job.beginning]:
            return self._unit(waiting[:1], now_ms)  # whoever can share is begun first: from then on a step serves all
        if sharing == alike and len(sharing) < most and not lead.alone:
            until_ms = min(job.arrival_ms for job in sharing) + self._rules.company_ms
            if now_ms < until_ms and self._is_worth_waiting(sharing, until_ms):
                return Wait(until_ms)
        self._settle_steps(sharing, now_ms, apart=_ids(alike) - _ids(sharing))
        for job in sharing:
            job.place_ms = min(job.place_ms, lead.place_ms)
        return self._unit(sharing, now_ms)

    def _company(self, lead: Job, alike: list[Job], now_ms: float) -> list[Job]:
        """Who shares the lead's step: everybody alike, unless fewer make fewer late."""
        if len(alike) == 1:
            return alike
        outlook, best, fewest = self._outlook(now_ms), alike, math.inf
        for company in (alike, [job for job in alike if job.phase == "step"], [lead]):
            late = len(outlook.late(self._least, apart=_ids(alike) - _ids(company)))
            if late < fewest:
                best, fewest = company, late
            if not late:
                break
        return best

    def _is_worth_waiting(self, sharing: Sequence[Job], until_ms: float) -> bool:
        """Whether others come that fast, nobody is on the way and everybody could still have every step."""
        if self._live_gap_ms > self._rules.company_ms or any(job.step_index for job in sharing):
            return False
        return not self._outlook(until_ms).late(ALL_STEPS)

    def _settle_steps(self, jobs: Iterable[Job], now_ms: float, *, apart: Set[int]) -> None:
        """Grant steps to those that make their first one: as many as everybody's deadline allows."""
        first = [job for job in jobs if job.step_index == 0]
        if not first:
            return
        outlook = self._outlook(now_ms)
        level = self._level(outlook, outlook.late(self._least, apart=apart), apart=apart) or self._least
        for job in first:
            job.steps_total = min(job.steps_asked, self._least if job.probe else level)

    def _unit(self, jobs: Sequence[Job], now_ms: float) -> Unit:
        lead = jobs[0]
        first = lead.phase == "step" and lead.kind == "live"
        steps = {job.id: job.steps_total for job in jobs if first and job.step_index == 0}
        expected_ms = unit_ms(lead, self._costs, batch=len(jobs))
        if lead.kind == "capture":
            self._turns.count_from(now_ms + expected_ms)
        self._under_way = Unit(lead.phase, lead.engine, tuple(job.id for job in jobs), steps, now_ms, expected_ms)
        return self._under_way

    # How it went.

    def _learn(self, unit: Unit, jobs: Sequence[Job], took_ms: float, outcome: Outcome) -> None:
        job = jobs[0]
        shape = outcome.shape if unit.phase == "begin" else job.shape
        observe = self._costs.observe
        observe(PARTS.get(unit.phase, unit.phase), unit.engine, shape, batch=len(jobs), took_ms=took_ms)
        if job.beginning:
            job.beginning_ms += took_ms
            if not outcome.more:
                observe("begin", unit.engine, shape, batch=1, took_ms=job.beginning_ms)
        elif unit.phase == "decode":
            job.decoding_ms += took_ms
            if outcome.result == "last":
                observe("decode", unit.engine, shape, batch=1, took_ms=job.decoding_ms)
        if unit.phase == "begin":
            self._costs.learn_shape(unit.engine, job.size, shape)

    def _move_on(self, job: Job, outcome: Outcome) -> None:
        again = outcome.result in ("again", "memory")
        if job.cancelled:
            self._drop(job, "cancelled")
        elif outcome.result == "failed" or (again and job.alone):
            self._drop(job, "failed")
        elif outcome.result == "last":
            del self._jobs[job.id]
        elif again and any(other.session == job.session and not self._has_begun(other) for other in self._live()):
            self._drop(job, "superseded")
        elif again:
            job.restart_alone()
        else:
            job.advance(outcome)

    def _drop_late(self, now_ms: float) -> None:
        for job in list(self._jobs.values()):
            left_ms = 0.0
            if job.kind == "live" and not job.probe:
                left_ms = least_ms(work_of(job, None, level=self._least), self._costs)
                left_ms *= _HOPELESS if job.phase != "begin" else 1.0
            if now_ms + left_ms > job.due_ms:
                self._drop(job, "late")

    def _drop(self, job: Job, reason: str) -> None:
        del self._jobs[job.id]
        self._drops.append(Drop(job.id, reason))

    # What will be.

    def _outlook(self, now_ms: float, *, also: Job | None = None) -> Outlook:
        return Outlook(
            now_ms,
            live=self._live() if also is None else [*self._live(), also],
            unit=self._under_way,
            capture=self._oldest_capture(),
            turns=self._turns,
            costs=self._costs,
            batch_of=self._batch_of,
        )

    def _level(self, outlook: Outlook, lost: set[int], *, apart: Set[int] = frozenset()) -> int | None:
        """The highest rung on which nobody is late but who is lost anyway; None if there is none."""
        asked = max(job.steps_asked for job in outlook.live)
        rungs = (ALL_STEPS, *(steps for steps in self._rules.ladder if steps < asked))
        return next((rung for rung in rungs if outlook.late(rung, apart=apart) <= lost), None)

    # Who is there.

    def _live(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.kind == "live"]

    def _captures(self) -> list[Job]:
        return [job for job in self._jobs.values() if job.kind == "capture"]

    def _oldest_capture(self) -> Job | None:
        return next((job for job in self._jobs.values() if job.kind == "capture"), None)

    def _is_running(self, job: Job) -> bool:
        return self._under_way is not None and job.id in self._under_way.jobs

    def _has_begun(self, job: Job) -> bool:
        return job.phase != "begin" or self._is_running(job)

    def _has_to_wait(self, job: Job) -> bool:
        """Whether an earlier keyframe of the same session is still being made."""
        return not self._has_begun(job) and any(
            other is not job and other.session == job.session and self._has_begun(other) for other in self._live()
        )

    def _may_share(self, lead: Job, job: Job) -> bool:
        """Whether both can make their steps together, as far as is known before the job has begun."""
        same = (lead.engine, lead.shape) == (job.engine, job.likely_shape)
        return same and job.phase != "decode" and not (lead.alone or job.alone)

    def _batch_of(self, engine: str) -> int:
        return min(self._rules.batch.get(engine, 1), self._fewer.get(engine, (1 << 30, 0.0))[0])


def _ids(jobs: Iterable[Job]) -> set[int]:
    return {job.id for job in jobs}
