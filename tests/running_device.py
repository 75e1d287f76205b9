"""A real device process for tests, with fake engines in it; and a count of what it leaves behind.

Owns starting, waiting and counting; must not know what is tested.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from models.device import Device
from models.device_config import DeviceConfig, EngineSpec
from models.engines.contract import Params
from models.scheduler_jobs import Rules
from tests.serving import PATIENCE_S, eventually

SECOND_S = PATIENCE_S / 10
"""As long as a second on a machine that has nothing else to do. All windows of time below are made of it."""

LIVE_MS = 2e3 * SECOND_S
CAPTURE_MS = 20e3 * SECOND_S


def config_for_tests(engines: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any) -> DeviceConfig:
    """Fake engines by name with their options, and little patience."""
    specs = {
        name: EngineSpec(
            "tests.fake_engine:FakeEngine", {"name": name, **options}, canary=Params(steps=1), canary_hw=(64, 48)
        )
        for name, options in (engines or {"fake": {}}).items()
    }
    quick = {
        "rules": Rules(most_live=16, most_captures=4),
        "slot_bytes": 1 << 20,
        "silence_s": SECOND_S,
        "load_silence_s": 5 * SECOND_S,
        "backoff_s": 0.05,
        "close_s": SECOND_S,
        "log_level": "CRITICAL",
    }
    return DeviceConfig(specs, **{**quick, **changes})


@contextmanager
def run_device(config: DeviceConfig | None = None, *, wait: bool = True) -> Iterator[Device]:
    """Start it, wait until it is ready, close it in the end."""
    device = Device(config or config_for_tests())
    device.start()
    try:
        if wait:
            until_ready(device)
        yield device
    finally:
        device.close()


def until_ready(device: Device) -> None:
    """Wait for it."""
    eventually(lambda: device.readiness()["state"] == "ready")


def processes() -> list[psutil.Process]:
    """Device processes that this process has started and that are not gone."""
    return [child for child in psutil.Process().children() if "models.device_process" in " ".join(_command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []


@dataclass(frozen=True)
class Census:
    """What a process can leave behind."""

    children: int
    files: frozenset[str]
    threads: frozenset[str]
    shared: frozenset[str]

    @classmethod
    def taken(cls) -> Census:
        """Now. Zombies count as children."""
        fds = "/proc/self/fd"
        return cls(
            children=len(psutil.Process().children(recursive=True)),
            files=frozenset(
                os.readlink(path) for path in map(Path(fds).joinpath, os.listdir(fds)) if path.is_symlink()
            ),
            threads=frozenset(thread.name for thread in threading.enumerate()),
            shared=frozenset(os.listdir("/dev/shm")),
        )
