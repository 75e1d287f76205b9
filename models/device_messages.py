"""What the server and the device process say to each other.

Owns the messages; must not know what either side makes of them. No picture is ever in a message: pictures lie in slots
of memory that both sides see (models/frames.py). All times are milliseconds of `time.monotonic()`, which is one clock
for all processes of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

from utils.errors import CapacityError, ConfigError, DeviceError, InputError, LucyError

_CLASSES = {kind.__name__: kind for kind in (InputError, CapacityError, DeviceError, ConfigError)}
_OUT_OF_MEMORY = ("OutOfMemoryError", "MemoryError")


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
    # By name: this side of the engines nobody knows torch.
    if any(cls.__name__ in _OUT_OF_MEMORY for cls in type(error).__mro__):
        return Failure("DeviceError", "out_of_memory", "the device is out of memory", "try again in a moment")
    return Failure("DeviceError", "engine_failed", "the engine failed", "try again", expected=False)
