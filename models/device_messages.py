"""What the server and the device process say to each other.

Owns the messages; must not know what either side makes of them. No picture is ever in a message: pictures lie in slots
of memory that both sides see (models/frames.py). All times are milliseconds of `time.monotonic()`, which is one clock
for all processes of a machine.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from models.device_config import DeviceConfig
from models.engines.contract import Params
from models.frames import Placed
from models.scheduler_jobs import Kind, Phase
from utils.errors import CapacityError, ConfigError, DeviceError, InputError, LucyError

_CLASSES = {kind.__name__: kind for kind in (InputError, CapacityError, DeviceError, ConfigError)}
_OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")


def monotonic_ms() -> float:
    """The clock of all messages."""
    return time.monotonic() * 1e3


@dataclass(frozen=True)
class Failure:
    """An error without its traceback, which would keep the failed work's memory alive."""

    kind: str
    """Name of the class in utils/errors.py."""
    code: str
    message: str
    hint: str | None = None
    retryable: bool = True
    expected: bool = True
    """Whether an engine raised it on purpose; anything else puts the device under suspicion."""

    @property
    def is_memory(self) -> bool:
        return self.code == "out_of_memory"

    def error(self) -> LucyError:
        """The error again."""
        return _CLASSES[self.kind](self.code, self.message, hint=self.hint, retryable=self.retryable)


def failure_of(error: Exception) -> Failure:
    """What is worth keeping of an error that came out of an engine."""
    if isinstance(error, LucyError):
        kind = next((name for name, known in _CLASSES.items() if isinstance(error, known)), "DeviceError")
        return Failure(kind, error.code, error.message, error.hint, error.retryable)
    # By name: on this side of the engines nobody knows torch.
    if any(cls.__name__ in _OUT_OF_MEMORY for cls in type(error).__mro__):
        return Failure("DeviceError", "out_of_memory", "the device is out of memory", "try again in a moment")
    return Failure("DeviceError", "engine_failed", "the engine failed", "try again", expected=False)


# To the device process.


@dataclass(frozen=True)
class Setup:
    """The first message."""

    config: DeviceConfig


@dataclass(frozen=True)
class Submit:
    """Make a picture. The slot belongs to the device process until it says how the job ended."""

    job: int
    session: str
    kind: Kind
    engine: str
    arrival_ms: float
    deadline_ms: float | None
    slot: int
    placed: tuple[Placed, ...]
    """image, mask, reference, and control maps by their kinds."""
    task_id: str
    prompt: str
    negative_prompt: str
    params: Params


@dataclass(frozen=True)
class Cancel:
    """Nobody wants this job any more; it is still answered."""

    job: int


@dataclass(frozen=True)
class Stop:
    """End after the unit under way."""


# From the device process.


@dataclass(frozen=True)
class Warming:
    """So much of the loading and warming up is done."""

    stage: str
    share: float


@dataclass(frozen=True)
class Ready:
    """Every engine has made its canary."""


@dataclass(frozen=True)
class Proven:
    """This engine has just made a picture."""

    engine: str


@dataclass(frozen=True)
class Finished:
    """The picture lies in the job's slot, where the task's was."""

    job: int
    steps_done: int
    began_ms: float
    ended_ms: float
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """There will be no picture."""

    job: int
    reason: str
    retry_ms: float


@dataclass(frozen=True)
class Failed:
    """There is no picture: this went wrong."""

    job: int
    failure: Failure


@dataclass(frozen=True)
class Ran:
    """One unit of work that is over."""

    phase: Phase
    engine: str
    kind: Kind
    jobs: tuple[int, ...]
    """Canaries have numbers below 0."""
    steps_done: tuple[int, ...]
    """For each job."""
    steps_total: tuple[int, ...]
    came_ms: tuple[float, ...]
    """When the device process learnt of each job: whatever began later could have been something else."""
    began_ms: float
    ended_ms: float
    result: str
    """See scheduler_jobs.Outcome."""


@dataclass(frozen=True)
class Died:
    """The last message: the device is lost, or there is nothing to start with."""

    failure: Failure
