"""The machine that is measured on, and what a program takes of it.

Owns facts for the record and the watch over a process tree; must not know what the program does.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench.figures import slope_per_minute

_ROOT = Path(__file__).parents[1]
_PACKAGES = ("numpy", "opencv-contrib-python", "mediapipe", "uvicorn", "websockets", "msgspec")
_EVERY_S = 0.5
_FLAT_SHARE_PER_MIN = 0.01  # of the memory; less than this is the allocator breathing


def facts() -> dict[str, Any]:
    """What must stand beside every figure."""
    return {
        "cpu": _cpu_model(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "commit": _commit(),
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def load_1m() -> float:
    """Runnable threads on the whole machine, averaged over the last minute."""
    return round(os.getloadavg()[0], 2)


class Watch:
    """Samples memory and processor time of a process and its children while a `with` block runs."""

    def __init__(self, pid: int | None) -> None:
        """None watches nothing, as when the server runs elsewhere."""
        self._root = psutil.Process(pid) if pid is not None else None
        self._samples: list[tuple[float, float]] = []  # seconds since the start, resident MB
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._load_before = load_1m()
        self._began_s, self._cpu_before_s = time.monotonic(), self._cpu_s()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._cpu_spent_s = self._cpu_s() - self._cpu_before_s
        self._wall_s = time.monotonic() - self._began_s
        self._over.set()
        self._thread.join()

    def summary(self, *, pictures: int) -> dict[str, Any]:
        """Cores in use, processor time per picture, memory and its slope after the first quarter."""
        load = {"load_1m": [self._load_before, load_1m()]}
        if self._root is None:
            return {"cpu_cores": None, "cpu_ms_per_picture": None, "memory": None, **load}
        return {
            "cpu_cores": round(self._cpu_spent_s / self._wall_s, 3),
            "cpu_ms_per_picture": round(1e3 * self._cpu_spent_s / pictures, 2) if pictures else None,
            "memory": self._memory(),
            **load,
        }

    def _memory(self) -> dict[str, Any]:
        late = [sample for sample in self._samples if sample[0] > self._wall_s / 4]
        slope = slope_per_minute(*zip(*late, strict=True)) if late else None
        last = self._samples[-1][1] if self._samples else 0.0
        return {
            "first_mb": round(self._samples[0][1], 1) if self._samples else None,
            "last_mb": round(last, 1),
            "most_mb": round(max((mb for _, mb in self._samples), default=0.0), 1),
            "slope_mb_per_min": None if slope is None else round(slope, 2),
            "flat": None if slope is None else slope <= _FLAT_SHARE_PER_MIN * last,
        }

    def _sample(self) -> None:
        while self._root is not None and not self._over.is_set():
            with suppress(psutil.NoSuchProcess):  # a child that has just ended
                resident = sum(process.memory_info().rss for process in self._tree())
                self._samples.append((time.monotonic() - self._began_s, resident / 2**20))
            self._over.wait(_EVERY_S)

    def _cpu_s(self) -> float:
        times = [process.cpu_times() for process in self._tree()]
        return sum(spent.user + spent.system for spent in times)

    def _tree(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)] if self._root is not None else []


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The short hash, with a + where files differ from it."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=_ROOT, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()
