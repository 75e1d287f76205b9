"""What Lucy's MediaPipe tasks have in common: how they are loaded, and how they are let go.

Owns the habits of MediaPipe 1.2 that callers should not meet; must not know what a task computes.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Protocol

from mediapipe.tasks.python import BaseOptions


class Task(Protocol):
    """Any of MediaPipe's tasks."""

    def close(self) -> None: ...


class _Unreported(BaseOptions):
    """Options under which no usage report gets out.

    MediaPipe posts call counts and latencies to its maker's log server and has no switch for that. Without a
    certificate authority it trusts nobody there: the TLS handshake fails and nothing is sent.
    """

    def to_ctypes(self):
        options = super().to_ctypes()
        options.ca_bundle_path = os.devnull.encode()
        return options


def base_options(weights_path: str | Path) -> BaseOptions:
    """Options that load these weights."""
    return _Unreported(model_asset_path=str(weights_path))


def let_go_with(owner: object, task: Task) -> weakref.finalize:
    """Close `task` when the returned finalizer is called, `owner` is gone or the program ends."""
    return weakref.finalize(owner, _close, task)


def _close(task: Task) -> None:
    try:
        task.close()
    except RuntimeError:
        # The interpreter is going down, and with it the thread that MediaPipe closes tasks in. Without its handle the
        # task's __del__ stays quiet; the memory goes with the process.
        task._handle = None
