"""First come, first served, each picture whole: what a lock around a pipeline does. Only to be compared with.

Owns the line; must not know what is in it. In the place of models/scheduler.py's Policy, see there and
models/device_config.py.
"""

from __future__ import annotations

from models.scheduler_jobs import Admit, Drop, Job, Outcome, Rules, Unit


class FirstCome:
    """Everybody is let in and nobody is late; a job that fails is over."""

    def __init__(self, rules: Rules) -> None:
        self._jobs: dict[int, Job] = {}  # in the order in which they came
        self._drops: list[Drop] = []
        self._under_way: Unit | None = None

    def admit(self, job: Job, now_ms: float) -> Admit:
        self._jobs[job.id] = job
        return Admit(job.steps_asked)

    def next(self, now_ms: float) -> Unit | None:
        job = next(iter(self._jobs.values()), None)
        if job is None:
            return None
        self._under_way = Unit(job.phase, job.engine, (job.id,), {}, now_ms, 0.0)
        return self._under_way

    def done(self, unit: Unit, took_ms: float, outcome: Outcome) -> None:
        self._under_way = None
        job = self._jobs[unit.jobs[0]]
        if outcome.result == "last":
            del self._jobs[job.id]
        elif job.cancelled:
            self._drop(job, "cancelled")
        elif outcome.result == "ok":
            job.advance(outcome)
        else:
            self._drop(job, "failed")

    def cancel(self, job_id: int) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        if self._under_way is not None and job_id in self._under_way.jobs:
            job.cancelled = True
        else:
            self._drop(job, "cancelled")

    def drain(self) -> list[Drop]:
        drops, self._drops = self._drops, []
        return drops

    def _drop(self, job: Job, reason: str) -> None:
        del self._jobs[job.id]
        self._drops.append(Drop(job.id, reason))
