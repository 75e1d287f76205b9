"""The one tree of errors that Lucy raises on purpose.

Owns what went wrong and whose turn it is next; must not know HTTP or WebSocket (server/failures.py translates).

    LucyError(code, message, hint, retryable)
     ├── InputError      what was sent cannot be used; sending it again will not help
     ├── CapacityError   too much at once; the same request may work later       (retryable)
     ├── DeviceError     the accelerator or a model failed while working         (retryable)
     └── ConfigError     the installation is incomplete or contradicts itself; an operator has to act
"""

from __future__ import annotations


class LucyError(Exception):
    """An error with a stable machine-readable `code`, a sentence for people and, where there is one, a way out.

    `message` and `hint` are sent to clients: they never repeat the input and never name a path of the server.
    """

    retryable = False

    def __init__(self, code: str, message: str, *, hint: str | None = None, retryable: bool | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.hint = hint
        if retryable is not None:
            self.retryable = retryable


class InputError(LucyError):
    """What was sent cannot be used."""


class CapacityError(LucyError):
    """Too much at once."""

    retryable = True


class DeviceError(LucyError):
    """The accelerator or a model failed while working."""

    retryable = True


class ConfigError(LucyError):
    """The installation is incomplete or contradicts itself."""
