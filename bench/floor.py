"""The least that a live try-on can cost here: decode, find the pose with its mask, one remap, one composite, encode.

Owns that loop, alone in a fresh process (`python -m bench.floor`, one line of JSON), so that nothing of the server
weighs on it. What the server takes on the same frames in the same run is read against it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.figures import spread
from bench.machine import load_1m
from bench.streams import HW, camera_loop
from models import weights
from models.pose import PoseFinder
from utils.timing import Stopwatch

_SETTLING = 10  # frames


def measure(frames: Sequence[bytes], *, seconds: float, weights_dir: Path) -> dict[str, Any]:
    """Run the loop for `seconds`; total and steps in ms, and processor time per frame."""
    finder = PoseFinder(weights_dir / "pose_landmarker_full.task")
    cloth = np.full((*HW, 3), (40, 50, 90), np.uint8)
    y, x = np.mgrid[: HW[0], : HW[1]].astype(np.float32)
    warp = np.dstack([x + 4 * np.sin(y / 40), y + 4 * np.sin(x / 40)])
    totals: list[float] = []
    steps: list[dict[str, float]] = []
    load, count, began_s, cpu_s = load_1m(), 0, time.monotonic(), 0.0
    try:
        while count <= _SETTLING or time.monotonic() - began_s < seconds:
            if count == _SETTLING:
                began_s, cpu_s, totals, steps = time.monotonic(), time.process_time(), [], []
            watch = _dress(frames[count % len(frames)], finder, cloth, warp)
            totals.append(watch.total_ms())
            steps.append(watch.stages_ms)
            count += 1
        cpu_s = time.process_time() - cpu_s
    finally:
        finder.close()
    return {
        "total_ms": spread(totals),
        "steps_ms": {name: round(float(np.median([step[name] for step in steps])), 2) for name in steps[0]},
        "cpu_ms_per_frame": round(1e3 * cpu_s / len(totals), 2),
        "load_1m": load,
    }


def _dress(jpeg: bytes, finder: PoseFinder, cloth: np.ndarray, warp: np.ndarray) -> Stopwatch:
    watch = Stopwatch()
    with watch.stage("decode"):
        frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB)
    with watch.stage("pose"):
        found = finder.find(frame, at_ms=time.monotonic() * 1e3)
    with watch.stage("remap"):
        laid = cv2.remap(cloth, warp, None, cv2.INTER_LINEAR)
    with watch.stage("composite"):
        opacity = found.mask if found is not None else np.zeros(HW, np.float32)
        picture = cv2.blendLinear(laid, frame, opacity, 1.0 - opacity)
    with watch.stage("encode"):
        cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return watch


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.floor", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--frames", type=Path, help="a folder with photos of people in place of the astronaut")
    asked = parser.parse_args(argv)
    weights.require()
    print(json.dumps(measure(camera_loop(asked.frames), seconds=asked.seconds, weights_dir=weights.FOLDER)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
