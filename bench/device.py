"""What the diffusion engines take on this device, held against the plain pipeline, the floor and the goals.

    python -m bench.device [--json device.json] [--plot device.png]

Full-size SDXL with random weights on CUDA, tiny models on a CPU, where only the ratios of the scheduling mean anything.
Needs models/engines, models/scheduler, torch and diffusers; downloads nothing and ends within `--minutes`.

Owns the order of measurements and the report; must not know how a figure is taken (device_rows.py, device_sharing.py).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import diffusers
import torch

from bench.device_models import FULL, TINY, Networks, Size
from bench.device_rows import Clock, Row, make, matmul_tflops, other_rows, plain_ms, task_for, unet_rows
from bench.device_sharing import Run, experiment
from bench.figures import Goal, table
from models.engines.acceleration import choose_device
from models.engines.denoise import UNET
from models.engines.inpaint import InpaintEngine
from models.engines.settings import EngineSettings
from models.engines.turbo import TurboEngine

_KEPT_S = 100.0
"""Of the time, for the scheduling experiment at the end."""
_COMPILING_S = 50.0
"""Of the time, for each shape; more may be left than this takes."""


@dataclass
class Report:
    """Everything that was found out."""

    facts: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def add(self, rows: Iterator[Row] | Sequence[Row]) -> None:
        for row in rows:
            self.rows.append(row)
            print(f"{row.what} {row.size} x{row.batch} {row.mode}: {row.ms:.2f} ms", file=sys.stderr, flush=True)

    def best_ms(self, what: str, *, per_picture: bool = False, batch: int | None = None) -> float | None:
        """The fastest mode's time."""
        found = [row for row in self.rows if row.what == what and batch in (None, row.batch)]
        return min((row.ms / (row.batch if per_picture else 1) for row in found), default=None)

    def p95_ms(self, number: int) -> float | None:
        found = self.runs[number].to_json()["latency_ms"] if len(self.runs) > number else None
        return None if found is None else found["p95"]

    def goals(self) -> list[Goal]:
        keyframe, capture = self.best_ms("keyframe", batch=1), self.best_ms("capture")
        shared = self.best_ms("keyframe", per_picture=True)
        plain = next((row.plain_ms for row in self.rows if row.what == "keyframe" and row.plain_ms), None)
        alone, scheduled, in_turn = (self.p95_ms(number) for number in range(3))
        of_time = [
            Goal("keyframe, device time, alone", keyframe, 40.0, "<=", "ms"),
            Goal("keyframe against the plain pipeline", _ratio(plain, keyframe), 2.5, ">=", "times as fast"),
            Goal("keyframes, batched", _ratio(1e3, shared), 60.0, ">=", "per second"),
            Goal("capture, 25 guided steps", capture, 1200.0, "<=", "ms"),
        ]
        of_sharing = [
            Goal("keyframe p95, captures queued against none", _ratio(scheduled, alone), 1.5, "<=", "times"),
            Goal("keyframe p95, first come first served against none", _ratio(in_turn, alone), 10.0, ">=", "times"),
        ]
        return [*(of_time if self.facts["models"] == FULL.name else []), *of_sharing]

    def to_json(self) -> dict[str, Any]:
        return {
            "facts": self.facts,
            "rows": [asdict(row) for row in self.rows],
            "skipped": self.skipped,
            "runs": [run.to_json() for run in self.runs],
            "goals": [goal.to_json() for goal in self.goals()],
        }

    def text(self) -> str:
        floor = self.facts["matmul_tflops"]
        head = ("", "size", "batch", "mode", "ms", "ms each", "TFLOP/s", "x floor", "plain/this")
        rows = [
            (row.what, row.size, row.batch, row.mode, f"{row.ms:.2f}", f"{row.ms / row.batch:.2f}", *_work(row, floor))
            for row in self.rows
        ]
        runs = [(run.name, *_latency(run)) for run in self.runs]
        return "\n".join(
            (
                *(f"{name}: {value}" for name, value in self.facts.items()),
                *("", table(rows, head=head), ""),
                table(runs, head=("keyframes", "count", "p50 ms", "p95 ms", "all 4 steps", "refused", "captures")),
                *("", *map(str, self.goals())),
                *(f"not measured: {what}" for what in self.skipped),
            )
        )


def measure(
    size: Size, device: torch.device, dtype: torch.dtype, *, minutes: float, sharing_s: float, rounds: int = 3
) -> Report:
    """All rows that there is time for, the most telling ones first."""
    clock = Clock(device, deadline_s=time.monotonic() + 60 * minutes, patience_s=0.8 if minutes > 1 else 0.1)
    report = Report(_facts(size, device, dtype, matmul_tflops(clock, dtype)))
    print("making networks", file=sys.stderr, flush=True)
    networks = Networks(size, device=device, dtype=dtype)
    plain = {engine: plain_ms(clock, networks, engine) for engine in ("turbo", "inpaint")}
    settings = EngineSettings(turbo_buckets=(size.live_hw,), inpaint_buckets=(size.capture_hw,))
    engines = _engines(networks, settings)
    report.add(_live_rows(clock, engines["turbo"], "eager", plain["turbo"]))
    report.add(_capture_rows(clock, engines["inpaint"], "eager", plain["inpaint"]))
    if device.type == "cuda":
        engines = _measure_compiled(report, clock, networks, settings, plain)
    for what, rows in _details(clock, networks, settings):
        if clock.left_s < _KEPT_S * (minutes > 2):
            report.skipped.append(what)
        else:
            report.add(rows())
    keyframe_ms = _once(clock, engines["turbo"])
    report.runs += experiment(engines, keyframe_ms=keyframe_ms, seconds=sharing_s, rounds=rounds)
    return report


def _engines(networks: Networks, settings: EngineSettings, **how: bool) -> dict[str, Any]:
    return {
        "turbo": TurboEngine(networks.weights("turbo", settings, **how), settings),
        "inpaint": InpaintEngine(networks.weights("inpaint", settings, **how), settings),
    }


def _measure_compiled(
    report: Report, clock: Clock, networks: Networks, settings: EngineSettings, plain: dict[str, float]
) -> dict[str, Any]:
    """The same compiled; compiling itself is a row, too."""
    engines = _engines(networks, settings, compiled=True)
    for name, rows, channels in (("turbo", _live_rows, 4), ("inpaint", _capture_rows, 9)):
        engine = engines[name]
        if clock.left_s < _KEPT_S + _COMPILING_S * len(engine.batches):
            report.skipped.append(f"{name}, compiled")
            engines[name] = _engines(networks, settings)[name]
            continue
        began_s = time.monotonic()
        engine.warm_up(lambda what, share: print(f"warmed {what}", file=sys.stderr, flush=True))
        took_ms = 1e3 * (time.monotonic() - began_s)
        report.add([Row(f"warm-up of {name}", f"{len(engine.batches)} shapes", 1, "compiled", took_ms)])
        report.add(rows(clock, engine, "compiled", plain[name]))
        how = {"hw": engine.buckets[0], "batches": engine.batches, "mode": "compiled", "channels": channels}
        report.add(unet_rows(clock, networks, run=engine.weights.denoiser.networks[UNET], **how))
    return engines


def _details(
    clock: Clock, networks: Networks, settings: EngineSettings
) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
    """What is measured while time lasts."""
    size, unet = networks.size, networks.unets[4]

    def full_vae() -> Iterator[Row]:
        engine = TurboEngine(networks.weights("turbo", settings, small=False), settings)
        task = task_for("turbo", size.live_hw)
        took_ms = clock.ms(lambda: make(engine, task))
        plain = plain_ms(clock, networks, "turbo", small=False)
        yield Row("keyframe, full VAE", _by(size.live_hw), 1, "eager", took_ms, None, plain)

    def contiguous() -> Iterator[Row]:
        unet.to(memory_format=torch.contiguous_format)
        yield from unet_rows(clock, networks, hw=size.live_hw, batches=(1, 8), mode="eager, not channels_last")
        unet.to(memory_format=torch.channels_last)

    def xformers() -> Iterator[Row]:
        before = dict(unet.attn_processors)
        unet.enable_xformers_memory_efficient_attention()
        yield from unet_rows(clock, networks, hw=size.live_hw, batches=(1, 8), mode="xformers")
        unet.set_attn_processor(before)

    live = {"hw": size.live_hw, "batches": range(1, 9), "mode": "eager"}
    large = {"hw": size.capture_hw, "batches": (1, 2), "mode": "eager", "channels": 9}
    yield "UNet, eager", lambda: unet_rows(clock, networks, **live)
    yield "UNet, eager, large", lambda: unet_rows(clock, networks, **large)
    yield "autoencoders and ControlNet", lambda: other_rows(clock, networks)
    yield "full VAE", full_vae
    if networks.device.type == "cuda":
        yield "UNet without channels_last", contiguous
        if importlib.util.find_spec("xformers") is not None:
            yield "UNet, xformers", xformers


def _live_rows(clock: Clock, engine: Any, mode: str, plain: float) -> Iterator[Row]:
    (hw,) = engine.buckets
    for batch in engine.batches:
        tasks = [task_for("turbo", hw, number=number) for number in range(batch)]
        took_ms = clock.ms(lambda tasks=tasks: make(engine, *tasks), most=20)
        yield Row("keyframe", _by(hw), batch, mode, took_ms, None, plain * batch)


def _capture_rows(clock: Clock, engine: Any, mode: str, plain: float) -> Iterator[Row]:
    (hw,) = engine.buckets
    task = task_for("inpaint", hw)
    yield Row("capture", _by(hw), 1, mode, clock.ms(lambda: make(engine, task), warm=1, most=5), None, plain)


def _once(clock: Clock, engine: Any) -> float:
    task = task_for("turbo", engine.buckets[0])
    return clock.ms(lambda: make(engine, task))


def _facts(size: Size, device: torch.device, dtype: torch.dtype, tflops: float) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "models": size.name,
        "device": f"{name} ({device.type}, {torch.get_num_threads()} threads)",
        "dtype": str(dtype).removeprefix("torch."),
        "matmul_tflops": round(tflops, 3),
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "commit": _commit(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _commit() -> str:
    """The short hash, with a + where files differ from it; unknown where there is no repository."""
    try:
        asked = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
        found = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _ratio(above: float | None, below: float | None) -> float | None:
    return above / below if above and below else None


def _work(row: Row, floor: float) -> tuple[str, str, str]:
    """TFLOP/s, times the floor, times the plain pipeline, each as far as it is known."""
    known = row.tflop is not None
    rate = f"{1e3 * row.tflop / row.ms:.3g}" if known else ""
    above = f"{row.ms / (1e3 * row.tflop / floor):.2f}" if known and row.tflop else ""
    return rate, above, f"{row.plain_ms / row.ms:.2f}" if row.plain_ms else ""


def _latency(run: Run) -> tuple[str, ...]:
    found = run.to_json()
    latency = found["latency_ms"] or {"n": 0, "p50": 0.0, "p95": 0.0}
    whole = found["whole_steps_share"]
    return (
        *(str(latency["n"]), f"{latency['p50']:.1f}", f"{latency['p95']:.1f}"),
        *("" if whole is None else f"{whole:.0%}", str(run.refused), str(run.captures)),
    )


def _by(hw: tuple[int, int]) -> str:
    return f"{hw[1]}x{hw[0]}"


def main(argv: Sequence[str] | None = None) -> int:
    """0 when every goal that applies is met."""
    parser = argparse.ArgumentParser(prog="python -m bench.device", description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:1")
    parser.add_argument("--tiny", action="store_true", help="tiny models on CUDA, too")
    parser.add_argument("--minutes", type=float, default=8.0, help="give up details after so long")
    parser.add_argument("--sharing-s", type=float, default=21.0, help="length of each run of the scheduling experiment")
    parser.add_argument("--json", type=Path, help="where to write everything")
    parser.add_argument("--plot", type=Path, help="where to draw the latencies, if matplotlib is installed")
    asked = parser.parse_args(argv)
    device = choose_device(asked.device)
    cuda = device.type == "cuda"
    diffusers.utils.logging.set_verbosity_error()
    if not cuda:
        torch.set_num_threads(1)  # tiny models gain nothing from more, and threads that wait for each other lie
    size, dtype = (FULL, torch.float16) if cuda and not asked.tiny else (TINY, torch.float32)
    report = measure(size, device, dtype, minutes=asked.minutes, sharing_s=asked.sharing_s)
    print(report.text())
    if asked.json:
        asked.json.write_text(json.dumps(report.to_json(), indent=1), "utf-8")
    if asked.plot and importlib.util.find_spec("matplotlib"):
        importlib.import_module("bench.device_plot").draw(report.to_json(), asked.plot)
    return 0 if all(goal.met for goal in report.goals()) else 1


if __name__ == "__main__":
    sys.exit(main())
