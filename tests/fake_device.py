"""A device on a fake clock: it does what a policy says, in no time at all, and remembers everything.

Units take exactly what the table says. Owns the clock; must not know what is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.scheduler import Policy
from models.scheduler_jobs import Admit, Job, Kind, Outcome, Refuse, Rules, Size, Unit, Wait

TABLE_MS = {
    "turbo": {"begin": 2.0, "step": 4.5, "decode": 2.0},
    "inpaint": {"begin": 5.0, "encode": 15.0, "step": 17.0, "decode": 10.0},
}
EXTRA = 0.1  # of a step, for each further trajectory in it
PARTS = {"turbo": 1, "inpaint": 3}  # of what comes before the first step
TILES = {"turbo": 1, "inpaint": 4}
CAPTURE_STEPS = 25
CAPTURE_MS = 5.0 + 2 * 15.0 + CAPTURE_STEPS * 17.0 + 4 * 10.0
LONGEST_LIVE_MS = 4.5 * (1 + EXTRA * 3)
LONGEST_CAPTURE_MS = 17.0
RULES = Rules(batch={"turbo": 4})


@dataclass
class FakeDevice:
    """`policy` decides, `run` does; `took_ms` may be replaced to make the device behave differently."""

    policy: Any = field(default_factory=lambda: Policy(RULES))
    now_ms: float = 1000.0
    took_ms: Callable[[Unit], float] = lambda unit: unit_ms(unit)
    outcome: Callable[[Unit], Outcome | None] = lambda unit: None
    """What comes of a unit; None for what ought to."""

    def __post_init__(self) -> None:
        self.units: list[tuple[Unit, float]] = []  # each with when it was over
        self.ready: dict[int, float] = {}  # when each picture was
        self.drops: dict[int, str] = {}
        self.refusals: dict[int, Refuse] = {}
        self.jobs: dict[int, Job] = {}
        self.parts: dict[int, int] = {}
        self.tiles: dict[int, int] = {}
        self.under_way: Unit | None = None
        self.over: set[int] = set()  # who was told the end
        self._ends_ms = 0.0

    def live(self, *, session: str = "a", within_ms: float = 150.0, steps: int = 4, size: Size = (512, 384)) -> int:
        """A keyframe comes. Returns its id."""
        return self._submit("live", "turbo", session=session, within_ms=within_ms, steps=steps, size=size)

    def capture(self, *, session: str = "c", within_ms: float | None = None, steps: int = CAPTURE_STEPS) -> int:
        """A capture comes. Returns its id."""
        return self._submit("capture", "inpaint", session=session, within_ms=within_ms, steps=steps, size=(1024, 768))

    def _submit(self, kind: Kind, engine: str, *, session: str, within_ms: float | None, steps: int, size: Size) -> int:
        deadline_ms = None if within_ms is None else self.now_ms + within_ms
        job = Job(len(self.jobs), session, kind, engine, size, self.now_ms, deadline_ms, steps)
        self.jobs[job.id] = job
        said = self.policy.admit(job, self.now_ms)
        if not isinstance(said, Admit):
            self.refusals[job.id] = said
            self.over.add(job.id)
        self._drain()
        return job.id

    def cancel(self, job: int) -> None:
        """Nobody wants it."""
        self.policy.cancel(job)
        self._drain()

    def start(self) -> Unit | Wait | None:
        """Ask for the next unit and begin it."""
        found = self.policy.next(self.now_ms)
        self._drain()
        if isinstance(found, Unit):
            self.under_way, self._ends_ms = found, self.now_ms + self.took_ms(found)
        return found

    def finish(self) -> None:
        """The unit under way is over."""
        unit, self.under_way = self.under_way, None
        self.now_ms = max(self.now_ms, self._ends_ms)
        outcome = self.outcome(unit) or self._ought(unit)
        self.units.append((unit, self.now_ms))
        self.policy.done(unit, self.now_ms - unit.began_ms, outcome)
        self._drain()
        if outcome.result == "last" and unit.jobs[0] not in self.drops:
            assert unit.jobs[0] not in self.over
            self.over.add(unit.jobs[0])
            self.ready[unit.jobs[0]] = self.now_ms

    def run(self, until_ms: float = float("inf")) -> None:
        """Work until there is nothing to do or it is `until_ms`; a unit under way then stays under way."""
        while self.now_ms < until_ms:
            found = self.under_way or self.start()
            if isinstance(found, Unit):
                if self._ends_ms > until_ms:
                    self.now_ms = until_ms
                    return
                self.finish()
            elif isinstance(found, Wait):
                assert found.until_ms > self.now_ms
                self.now_ms = min(found.until_ms, until_ms)
            else:
                self.now_ms = max(self.now_ms, until_ms) if until_ms != float("inf") else self.now_ms
                return

    def phases(self, job: int) -> list[str]:
        """The units that a job was in."""
        return [unit.phase for unit in self.units_of(job)]

    def units_of(self, job: int) -> list[Unit]:
        """The same, whole."""
        return [unit for unit, _ in self.units if job in unit.jobs]

    def _ought(self, unit: Unit) -> Outcome:
        job = self.jobs[unit.jobs[0]]
        if unit.phase in ("begin", "encode"):
            self.parts[job.id] = 1 if unit.phase == "begin" else self.parts[job.id] + 1
            more = self.parts[job.id] < PARTS[unit.engine]
            shape = "tall" if job.size[0] > job.size[1] else "wide"
            return Outcome("ok", shape=shape, steps=job.steps_asked, more=more)
        if unit.phase == "decode":
            self.tiles[job.id] = self.tiles.get(job.id, 0) + 1
            return Outcome("last" if self.tiles[job.id] == TILES[unit.engine] else "ok")
        return Outcome("ok")

    def _drain(self) -> None:
        for drop in self.policy.drain():
            assert drop.job not in self.over
            self.over.add(drop.job)
            self.drops[drop.job] = drop.reason


def unit_ms(unit: Unit) -> float:
    """What a unit takes by the table."""
    return TABLE_MS[unit.engine][unit.phase] * (1 + EXTRA * (len(unit.jobs) - 1))


def learnt(device: FakeDevice) -> FakeDevice:
    """Let the policy see everything once: keyframes alone and in every batch, and a capture."""
    for together in range(1, 5):
        for number in range(together):
            device.live(session=f"learnt-{number}", within_ms=1e6)
        device.run()
    device.capture()
    device.run()
    device.now_ms += 10_000
    return device
