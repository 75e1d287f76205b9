"""What the server and its scanning process say to each other.

Owns the messages; must not know what either side makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fabric.scan import STAGES
from fabric.scanning.findings import Given
from utils.errors import CapacityError, ConfigError, DeviceError, InputError, LucyError

ALL_STAGES = ("read", *STAGES, "save")
"""What a scan goes through, in order."""
_CLASSES = {kind.__name__: kind for kind in (InputError, CapacityError, DeviceError, ConfigError)}


@dataclass(frozen=True)
class Order:
    """Scan this. To the scanning process."""

    photo: bytes
    """As it was sent: nobody has looked at it yet."""
    given: Given
    size_px: int


@dataclass(frozen=True)
class PackOrder:
    """Make this package of a kept scan. To the scanning process."""

    file: str
    """One of FILES in server/scans/packages.py."""
    name: str
    made: datetime
    maps: Mapping[str, bytes]
    photo: bytes
    figures: Mapping[str, Any]
    """size_mm, height_range_mm, roughness, metalness, sheen."""
    findings: Mapping[str, Any]


@dataclass(frozen=True)
class Ready:
    """The process waits for an order."""


@dataclass(frozen=True)
class Began:
    """A stage has begun."""

    stage: str


@dataclass(frozen=True)
class Done:
    """A scan, ready to be stored."""

    maps: Mapping[str, bytes]
    """PNG files by name, as fabric/scanned.py reads them, and those that only other programs want."""
    photos: Mapping[str, bytes]
    """JPEG files without metadata: `photo`, upright and whole, to be scanned again; `preview`, to be looked at."""
    figures: Mapping[str, Any]
    """size_mm, height_range_mm, roughness, metalness, sheen, mean_hex: what a colour is made of."""
    findings: Mapping[str, Any]
    """What the scanner says of it, ready for JSON: see server/scans/findings.py."""


@dataclass(frozen=True)
class Packed:
    """A package."""

    data: bytes


@dataclass(frozen=True)
class Failed:
    """An error of ours, without its traceback."""

    kind: str
    """Name of the class in utils/errors.py."""
    code: str
    message: str
    hint: str | None
    retryable: bool

    def error(self) -> LucyError:
        """The error again."""
        return _CLASSES[self.kind](self.code, self.message, hint=self.hint, retryable=self.retryable)


def failed_by(error: LucyError) -> Failed:
    """What is worth telling of it."""
    kind = next((name for name, known in _CLASSES.items() if isinstance(error, known)), "DeviceError")
    return Failed(kind, error.code, error.message, error.hint, error.retryable)
