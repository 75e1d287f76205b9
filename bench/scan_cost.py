"""What one scan costs: `python -m bench.scan_cost PHOTO.npy [--recipe usual]` in a process of its own.

Owns the time and the memory from a 12-megapixel photo to maps of 1024 squared. Prints one JSON object: the first scan,
the median of the next ones, processor time, and the most memory that was resident.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.usual import usual_scan
from fabric.scan import scan

_AGAIN = 3
_ROOT = Path(__file__).parents[1]


def cost(photo: np.ndarray, *, recipe: str) -> dict[str, Any]:
    """Run `recipe` ("scan" or "usual") on a photo in a fresh process and say what it took."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photo.npy"
        np.save(file, photo)
        command = [sys.executable, "-m", "bench.scan_cost", str(file), "--recipe", recipe]
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "no answer"}
    return json.loads(done.stdout)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure in this process."""
    parser = argparse.ArgumentParser(prog="python -m bench.scan_cost", description=__doc__.splitlines()[0])
    parser.add_argument("photo", type=Path, help="uint8 (H, W, 3) as .npy")
    parser.add_argument("--recipe", choices=("scan", "usual"), default="scan")
    asked = parser.parse_args(argv)
    photo = np.load(asked.photo)
    idle_mb = _most_mb()
    runs = [_timed(photo, asked.recipe) for _ in range(1 + _AGAIN)]
    report = {
        "megapixels": round(photo.shape[0] * photo.shape[1] / 1e6, 1),
        "first_s": round(runs[0][0], 3),
        "again_s": round(statistics.median(wall for wall, _ in runs[1:]), 3),
        "cpu_s": round(statistics.median(cpu for _, cpu in runs[1:]), 3),
        "idle_mb": round(idle_mb),
        "most_mb": round(_most_mb()),
    }
    print(json.dumps(report))
    return 0


def _timed(photo: np.ndarray, recipe: str) -> tuple[float, float]:
    """Wall and processor seconds of one scan."""
    wall, cpu = time.perf_counter(), time.process_time()
    if recipe == "usual":
        usual_scan(photo)
    else:
        scan(photo)
    return time.perf_counter() - wall, time.process_time() - cpu


def _most_mb() -> float:
    """The most memory that was resident so far; getrusage would count what the parent had when it forked."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024.0


if __name__ == "__main__":
    sys.exit(main())
