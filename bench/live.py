"""How quick, how steady and how frugal the live path is: `python -m bench.live`.

Streams moving pictures of a person to a real server over WebSocket and holds what comes back against the goals:

    one     one kiosk as fast as it goes
    many    20 kiosks, each with one keyframe per 1.5 s
    naive   4 kiosks that push 30 frames a second without waiting, at Lucy and at bench/naive.py
    scans   one kiosk alone, and beside scans of swatches back to back (bench/scans.py)
    engines keyframes beside captures without end, and the same first come, first served (bench/engines.py); needs torch

The floor (bench/floor.py) is timed before and after `one`, in processes of its own, while no server runs. Owns the
command line, the order of the scenarios and the goals.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

from bench import engines, scans
from bench.engines import Look
from bench.figures import Goal, table
from bench.machine import facts
from bench.scenarios import pulling, pushing
from bench.serving import Served, already_running, running
from bench.streams import camera_loop
from models.device_config import DeviceConfig

SCENARIOS = ("one", "many", "naive", "scans", "engines")
PLAIN = SCENARIOS[:3]  # what `all` is: they need no torch
_PUSHING, _PUSH_HZ = 4, 30.0
_SCAN_ROUNDS = 3
_SHARING = 4  # kiosks that have a device to themselves, or share it with captures


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write. Returns 0, or with --strict 1 when a goal is missed."""
    asked = _parse(argv)
    report = measure(asked)
    if asked.json is not None:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
    print(describe(report))
    return int(asked.strict and not all(goal["met"] for goal in report["goals"]))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for, as one JSON-able map."""
    frames = camera_loop(asked.frames)
    wish = {"fabric_id": asked.fabric, "cut": asked.cut}
    scenarios = PLAIN if asked.scenario == "all" else (asked.scenario,)
    report: dict[str, Any] = {"machine": facts(), "wish": wish, "frames": str(asked.frames or "astronaut"), "floor": []}
    found = report["scenarios"] = {}
    load: dict[str, Any] = {"wish": wish, "warm_s": asked.warm_seconds}
    if "one" in scenarios:
        report["floor"].append(_floor(asked))
        with _server(asked) as served:
            found["one"] = asyncio.run(pulling(served, frames, kiosks=1, every_s=0.0, seconds=asked.seconds, **load))
        report["floor"].append(_floor(asked))
        report["over_the_floor"] = _over_the_floor(found["one"], report["floor"])
    if "many" in scenarios:
        crowd = {"kiosks": asked.kiosks, "every_s": asked.every, "seconds": asked.seconds}
        with _server(asked) as served:
            found["many"] = asyncio.run(pulling(served, frames, **crowd, **load))
    if "naive" in scenarios:
        crowd = {"kiosks": _PUSHING, "hz": _PUSH_HZ, "seconds": asked.push_seconds}
        with _server(asked) as served:
            found["pushed"] = asyncio.run(pushing(served, frames, **crowd, **load, text=False))
        with running("bench.naive") as served:
            found["naive"] = asyncio.run(pushing(served, frames, **crowd, **load, text=True))
    if "scans" in scenarios:
        with _server(asked) as served:
            span = {"seconds": asked.seconds, "rounds": _SCAN_ROUNDS}
            report["scans"] = scans.shared(served, frames, scans.photo(), **span, **load)
    if "engines" in scenarios:
        report["engines"] = _engines(asked, Look(frames, wish))
    goals = _goals(report)
    return {**report, "goals": [goal.to_json() for goal in goals], "verdicts": [str(goal) for goal in goals]}


def describe(report: dict[str, Any]) -> str:
    """The report for people."""
    machine = report["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, commit {machine['commit']}", ""]
    for at, floor in zip(("before", "after"), report["floor"], strict=False):
        times = ", ".join(f"{share} {floor['total_ms'][share]} ms" for share in ("p10", "p50"))
        steps = ", ".join(f"{name} {ms}" for name, ms in floor["steps_ms"].items())
        lines.append(f"floor {at}: {times}, processor {floor['cpu_ms_per_frame']} ms a frame ({steps})")
    if "over_the_floor" in report:
        lines.append("over the floor: " + ", ".join(f"{name} {x} x" for name, x in report["over_the_floor"].items()))
    if "scans" in report:
        lines += ["", *_describe_scans(report["scans"])]
    if "engines" in report:
        lines += ["", *_describe_engines(report["engines"])]
    for name, scenario in report["scenarios"].items():
        lines += ["", *_describe_scenario(name, scenario)]
    return "\n".join([*lines, "", *report["verdicts"]])


def _describe_scenario(name: str, scenario: dict[str, Any]) -> list[str]:
    rows = []
    for label, figures in (
        ("end to end", scenario.get("e2e_ms")),
        ("age on screen", scenario.get("age_ms")),
        *scenario["timings_ms"].items(),
    ):
        if figures is not None and figures["max"] > 0:
            rows.append((label, figures["p10"], figures["p50"], figures["p95"], figures["max"]))
    memory = scenario["memory"] or {}
    return [
        f"{name}: {scenario['kiosks']} kiosks, {scenario['seconds']} s, load {scenario['load_1m']}",
        table(rows, head=("ms", "p10", "p50", "p95", "max")),
        f"{scenario['pictures']} pictures, {scenario['pictures_per_s']} a second; {scenario['dropped']} dropped, "
        f"errors {scenario['errors']}, stages {scenario['stages']}",
        f"processor: {scenario['cpu_cores']} cores, {scenario['cpu_ms_per_picture']} ms a picture; memory: "
        f"{memory.get('last_mb')} MB, {memory.get('slope_mb_per_min')} MB a minute",
    ]


def _describe_scans(found: dict[str, Any]) -> list[str]:
    rows = [
        (name, *((run["e2e_ms"] or {}).get(share) for share in ("p50", "p95", "max")), run["pictures_per_s"])
        for turns in zip(found["alone"], found["beside"], strict=True)
        for name, run in zip(("alone", "beside scans"), turns, strict=True)
    ]
    took_s = found["scan_s"] or {}
    return [
        f"scans: {found['scans']} of 12 MP, p50 {took_s.get('p50')} s, {found['answers']}, load {found['load_1m']}",
        table(rows, head=("one kiosk, ms", "p50", "p95", "max", "pictures/s")),
    ]


def _describe_engines(found: dict[str, Any]) -> list[str]:
    rows = []
    for name, run in found["runs"].items():
        times = [(run[what] or {}).get(share) for what in ("e2e_ms", "device_ms") for share in ("p50", "p95")]
        rows.append((engines.TITLES[name], *times, sum(run["stages"].values()), run["captures"]))
    head = ("keyframes", "p50 ms", "p95 ms", "device p50", "device p95", "count", "captures")
    crowd = f"{found['kiosks']} kiosks every {found['every_s']:g} s, load {found['load_1m']}"
    return [f"engines ({found['models']}): {crowd}", table(rows, head=head)]


def _goals(report: dict[str, Any]) -> list[Goal]:
    found, goals = report["scenarios"], []
    if "one" in found:
        one, e2e = found["one"], found["one"]["e2e_ms"] or {}
        slope, last = ((one["memory"] or {}).get(key) for key in ("slope_mb_per_min", "last_mb"))
        goals += [
            Goal("one kiosk, end to end, p50", e2e.get("p50"), 45, "<=", "ms"),
            Goal("one kiosk, end to end, p95", e2e.get("p95"), 70, "<=", "ms"),
            Goal("one kiosk, pictures", one["pictures_per_s"], 20, ">=", "/s"),
            Goal("one kiosk, p50 over the floor's", report["over_the_floor"]["e2e_p50"], 1.8, "<=", "x"),
            Goal("one kiosk, memory grows", None if slope is None else 100 * slope / last, 1, "<=", "% a minute"),
            Goal("one kiosk, frames without a picture", _lost(one), 0, "<="),
        ]
    if "many" in found:
        e2e = found["many"]["e2e_ms"] or {}
        label = f"{found['many']['kiosks']} kiosks every {found['many']['every_s']:g} s"
        goals += [
            Goal(f"{label}, end to end, p95", e2e.get("p95"), 150, "<=", "ms"),
            Goal(f"{label}, frames without a picture", _lost(found["many"]), 0, "<="),
        ]
    if "naive" in found:
        ours, theirs = found["pushed"]["age_ms"], found["naive"]["age_ms"]
        times = theirs["p95"] / ours["p95"] if ours and theirs else None
        goals.append(Goal("pushed, naive's picture is older, p95", times, 5, ">=", "x"))
    if "scans" in report:
        ratio = report["scans"]["ratio"]
        goals += [Goal(f"one kiosk, {at}, beside scans against alone", ratio[at], 1.5, "<=", "x") for at in ratio]
    if "engines" in report:
        alone, beside, in_turn = ((run["e2e_ms"] or {}).get("p95") for run in report["engines"]["runs"].values())
        known = alone and beside and in_turn
        goals += [
            Goal("keyframe p95, captures queued against none", known and beside / alone, 1.5, "<=", "x"),
            Goal("keyframe p95, first come first served against that", known and in_turn / beside, 5, ">=", "x"),
        ]
    return goals


def _lost(scenario: dict[str, Any]) -> int:
    """Frames that were dropped, refused or failed: with one in flight there should be none."""
    return scenario["dropped"] + sum(scenario["errors"].values())


def _over_the_floor(one: dict[str, Any], floors: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Time and processor time per picture as multiples of the floor's; p10 and the latter mind a busy machine least."""
    e2e, cpu_ms = one["e2e_ms"], one["cpu_ms_per_picture"]
    times = {}
    for share in ("p10", "p50"):
        floor_ms = sum(floor["total_ms"][share] for floor in floors) / len(floors)
        times[f"e2e_{share}"] = round(e2e[share] / floor_ms, 3) if e2e else None
    floor_cpu_ms = sum(floor["cpu_ms_per_frame"] for floor in floors) / len(floors)
    return {**times, "processor": round(cpu_ms / floor_cpu_ms, 3) if cpu_ms else None}


def _engines(asked: argparse.Namespace, look: Look) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="lucy-bench-") as scratch, ExitStack() as doors:
        setup = engines.setup(Path(scratch))
        servers = [
            doors.enter_context(engines.engined(Path(scratch), setup, policy=policy))
            for policy in (DeviceConfig.policy, engines.FIRST_COME)
        ]
        span = {"kiosks": _SHARING, "every_s": asked.every, "seconds": asked.seconds, "rounds": 4}
        return {"models": setup.models, **asyncio.run(engines.sharing(*servers, look, **span))}


def _server(asked: argparse.Namespace) -> AbstractContextManager[Served]:
    return nullcontext(already_running(asked.url)) if asked.url else running("server")


def _floor(asked: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.floor", "--seconds", str(asked.floor_seconds)]
    if asked.frames is not None:
        command += ["--frames", str(asked.frames.resolve())]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__.splitlines()[0])
    parser.add_argument("--scenario", choices=("all", *SCENARIOS), default="all")
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of `one`, `many` and each run of `scans` and `engines`"
    )
    parser.add_argument("--push-seconds", type=float, default=20.0, help="of `naive`, for each of the two servers")
    parser.add_argument("--floor-seconds", type=float, default=8.0, help="of the floor, before and after `one`")
    parser.add_argument("--warm-seconds", type=float, default=3.0, help="until anything is counted")
    parser.add_argument("--kiosks", type=int, default=20, help="of `many`")
    parser.add_argument("--every", type=float, default=1.5, help="seconds between a kiosk's keyframes")
    parser.add_argument("--fabric", default="pinstripe-navy")
    parser.add_argument("--cut", default="single_breasted")
    parser.add_argument("--frames", type=Path, help="a folder with photos of people in place of the astronaut")
    parser.add_argument("--url", help="http address of a server that runs already")
    parser.add_argument("--json", type=Path, help="where the report goes")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a goal is missed")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
