"""What the scheduler is asked and what it says: jobs, units of work, answers.

Owns the vocabulary; must not know how anything is decided, nor pictures, devices or clocks. All times are milliseconds
on one monotonic clock, which whoever calls reads.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["live", "capture"]
Phase = Literal["begin", "encode", "step", "decode"]
Size = tuple[int, int]


@dataclass
class Job:
    """One picture to be made. Whoever asks fills in the fields down to `steps_asked`, the policy the others."""

    id: int
    session: str
    """Whose picture it is. Of one session at most one keyframe waits and one is under way."""
    kind: Kind
    engine: str
    size: Size
    """Height and width of the picture, in pixels."""
    arrival_ms: float
    deadline_ms: float | None
    """When the answer is worth nothing any more. A keyframe has one, a capture may."""
    steps_asked: int

    phase: Phase = "begin"
    shape: Hashable = None
    """The trajectory's; None until it has begun. Jobs of one engine and shape may share a step."""
    likely_shape: Hashable = None
    """What its shape will probably be, until it is known."""
    step_index: int = 0
    steps_total: int = 0
    """Steps that the job was granted; settled when it makes its first one."""
    place_ms: float = math.inf
    """Where it stands in line: at its deadline, or at that of somebody more urgent with whom it shared a step."""
    alone: bool = False
    """It failed in company or for want of memory, and is made once more by itself."""
    cancelled: bool = False
    probe: bool = False
    """Let in against the estimates, to find out whether they still hold."""
    beginning_ms: float = 0.0
    """What its units before the first step have taken so far."""
    decoding_ms: float = 0.0
    """What its tiles have taken so far."""

    def __post_init__(self) -> None:
        self.steps_total = self.steps_asked
        self.place_ms = self.due_ms

    @property
    def due_ms(self) -> float:
        return math.inf if self.deadline_ms is None else self.deadline_ms

    @property
    def in_line(self) -> tuple[float, float, int]:
        """Who goes first, sorted."""
        return (self.place_ms, self.due_ms, self.id)

    @property
    def beginning(self) -> bool:
        """Whether it has yet to come to its first step."""
        return self.phase in ("begin", "encode")

    @property
    def steps_left(self) -> int:
        return self.steps_total - self.step_index

    def advance(self, outcome: Outcome) -> None:
        """One unit further."""
        if self.phase == "begin":
            self.shape = self.likely_shape = outcome.shape
            self.steps_asked = self.steps_total = outcome.steps
        if self.beginning:
            self.phase = "encode" if outcome.more else "step"
        elif self.phase == "step":
            self.step_index += 1
        if self.phase == "step" and self.steps_left <= 0:
            self.phase = "decode"

    def restart_alone(self) -> None:
        """From the beginning, in no company."""
        self.phase, self.shape, self.alone = "begin", None, True
        self.step_index, self.steps_total = 0, self.steps_asked
        self.beginning_ms = self.decoding_ms = 0.0
        self.place_ms = self.due_ms


@dataclass(frozen=True)
class Rules:
    """How the device is shared out."""

    batch: Mapping[str, int] = field(default_factory=dict)
    """Most trajectories in one step, by engine; 1 where nothing is said, as is right at 1024 px (2 gain 2 %)."""
    ladder: tuple[int, ...] = (4, 2, 1)
    """Steps that a keyframe is cut down to under load, falling."""
    most_live: int = 64
    most_captures: int = 8
    company_ms: float = 5.0
    """How long a keyframe may wait for others to share its steps, when they come that fast."""
    capture_gap_ms: float = 200.0
    """The oldest capture gets a unit at least this often, however many keyframes wait ..."""
    capture_gap_least_ms: float = 50.0
    """... and more often the older it is, down to this."""
    capture_half_life_ms: float = 5000.0
    """Age at which the gap has halved."""
    cautious_ms: float = 60_000.0
    """How long batches stay smaller after one that found no memory."""
    probe_ms: float = 1000.0
    """How often a keyframe is let in against the estimates when nothing else is there to prove them wrong."""


@dataclass(frozen=True)
class Unit:
    """What the device does next. All jobs are of one engine, and of one shape where there are several."""

    phase: Phase
    engine: str
    jobs: tuple[int, ...]
    steps: Mapping[int, int]
    """For each job that makes its first step: how many it was granted in all."""
    began_ms: float
    expected_ms: float


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until_ms`, unless a job comes."""

    until_ms: float


@dataclass(frozen=True)
class Outcome:
    """How a unit went."""

    result: Literal["ok", "last", "again", "memory", "failed"]
    """ok; last: that decode was the picture's last; again: each of the jobs anew and alone, but over if it was alone
    already; memory: the same, and batches shall be smaller; failed: the jobs are over."""
    shape: Hashable = None
    """After a begin: the trajectory's."""
    steps: int = 0
    """After a begin: steps that the trajectory takes."""
    more: bool = False
    """After a begin or an encode: there is more to encode."""


@dataclass(frozen=True)
class Admit:
    """The job is in. `steps` is what it would be granted now; less load or more may change that until it starts."""

    steps: int


@dataclass(frozen=True)
class Refuse:
    """The job is not in."""

    reason: str
    """busy: no room. late: it could not be ready in time."""
    retry_ms: float
    """When to try again."""


@dataclass(frozen=True)
class Drop:
    """A job that was in is over without a picture. Said once per job."""

    job: int
    reason: str
    """superseded, late, cancelled, failed."""
