"""When keyframes would be ready if no other came: the arithmetic behind admission and the ladder.

Owns the forecast; must not know how jobs came in or what becomes of late ones. It follows what the policy does:
earliest deadline first, steps shared by jobs of one engine and shape, everything else one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from models.scheduler_costs import Costs
from models.scheduler_jobs import Job, Rules


@dataclass(frozen=True)
class Work:
    """What is left to do for a job once the unit under way is over."""

    job: Job
    place_ms: float
    """Where it stands in line: its deadline, or that of the keyframe it has to wait for if that is later."""
    begin: bool
    steps: int
    decode: bool


def likely_shape(job: Job, costs: Costs) -> Hashable:
    """The job's shape if it has begun, else that of pictures of its size, else its size."""
    return job.shape or costs.shape_of(job.engine, job.size) or job.size


def least_ms(work: Work, costs: Costs) -> float:
    """How long the work would take if it had the device to itself."""
    job, shape = work.job, likely_shape(work.job, costs)
    return (
        work.begin * costs.of("begin", job.engine, shape)
        + work.steps * costs.of("step", job.engine, shape)
        + work.decode * costs.of("decode", job.engine, shape)
    )


def finish_times(
    works: Iterable[Work], *, at_ms: float, costs: Costs, batch_of: Callable[[str], int]
) -> dict[int, float]:
    """When each would be done, by job id, with nothing but this work from `at_ms` on."""
    found: dict[int, float] = {}
    in_line = sorted(works, key=lambda work: (work.place_ms, work.job.id))
    for group in _groups(in_line, costs, batch_of):
        job, shape = group[0].job, likely_shape(group[0].job, costs)
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
        key = (job.engine, likely_shape(job, costs), job.id if job.alone else None)
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
        due_ms = max(now_ms, self.due_ms(capture, now_ms))
        if at_ms < due_ms:
            return at_ms
        return at_ms + unit_ms * (1 + (at_ms - due_ms) // self._gap_ms(capture, at_ms))

    def _gap_ms(self, capture: Job, now_ms: float) -> float:
        rules = self._rules
        halvings = max(0.0, now_ms - capture.arrival_ms) / rules.capture_half_life_ms
        return max(rules.capture_gap_least_ms, rules.capture_gap_ms * 0.5 ** min(halvings, 60.0))
