"""How well swatches are scanned: `python -m bench.scan [--count 60] [--only STEP] [--photos DIR]`.

Renders swatches of which everything is known, scans them with nothing given, runs the usual recipe beside it, and holds
both against the truth. `--only` measures one step by itself, the truth given for those before it. Owns the command
line, the order of the work and the goals.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import facts
from bench.scan_cost import cost
from bench.scan_picture import case, real
from bench.scan_report import badness, describe, goals_of
from bench.scan_steps import STEPS, Row, alone, end_to_end, usual
from bench.swatches import render
from fabric.scan import scan
from utils.errors import LucyError
from utils.images import CAPTURE_LIMITS, read_image, write_image

_PHOTOS = (".jpg", ".jpeg", ".png", ".webp")
_MOST_PHOTOS = 4  # large ones that are tried until one is not refused


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write. Returns 0, or with --strict 1 when a goal is missed."""
    asked = _parse(argv)
    if asked.photos is not None:
        return _real_photos(asked)
    report = measure(asked)
    if asked.json is not None:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
    if asked.worst is not None:
        asked.worst.write_bytes(write_image(_worst(report["swatches"], asked), format="png"))
    print(describe(report))
    return int(asked.strict and not all(goal["met"] for goal in report["goals"]))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Everything, as one JSON-able map."""
    seeds = range(asked.seed, asked.seed + asked.count)
    work = partial(measure_one, only=asked.only)
    if asked.workers > 1:
        with ProcessPoolExecutor(asked.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
            rows = list(_told(pool.map(work, seeds), asked.count))
    else:
        rows = list(_told(map(work, seeds), asked.count))
    spent = _cost(rows) if asked.only is None else None
    goals = goals_of(rows, spent, only=asked.only)
    return {
        "machine": facts(),
        "only": asked.only,
        "swatches": rows,
        "cost": spent,
        "goals": [goal.to_json() for goal in goals],
        "verdicts": [str(goal) for goal in goals],
    }


def measure_one(seed: int, *, only: str | None) -> Row:
    """One swatch: its facts, the scan's figures and the usual recipe's."""
    rendered = render(seed)
    row: Row = {
        "seed": seed,
        "family": rendered.lot.family,
        "true_kind": rendered.appears.kind,
        "true_mm": None if rendered.lattice_mm is None else rendered.lattice_mm.tolist(),
        "px_per_mm": round(rendered.px_per_mm, 2),
        "tilt_deg": round(rendered.camera.tilt_deg, 1),
        "light_ratio": round(rendered.light_ratio, 2),
        "table": rendered.table,
        "references": list(rendered.references),
        "white": rendered.white is not None,
        "close_up": rendered.close_up,
    }
    try:
        found = end_to_end(rendered)[0] if only is None else alone(rendered, only)
    except LucyError as error:
        found = {"refused": error.code}
    except Exception as error:  # one swatch is one unit of work: the others still count
        traceback.print_exc()
        found = {"refused": f"{type(error).__name__}: {error}"}
    return row | found | usual(rendered)


def _told(rows: Iterator[Row], count: int) -> Iterator[Row]:
    """Say on stderr how far it is."""
    for index, row in enumerate(rows, 1):
        print(f"\r{index} of {count}", end="" if index < count else "\n", file=sys.stderr, flush=True)
        yield row


def _cost(rows: Sequence[Row]) -> dict[str, Any]:
    """Time and memory of one large photo, both recipes in processes of their own, one after the other: the first of the
    swatches with a repeat that is not refused at that size either."""
    taken = [row["seed"] for row in rows if "refused" not in row]
    whole = [row["seed"] for row in rows if row.get("repeat") == "found"]
    spent: dict[str, Any] = {}
    for seed in (whole or taken or [rows[0]["seed"]])[:_MOST_PHOTOS]:
        photo = render(seed, hw=(3000, 4000)).photo
        spent = {recipe: cost(photo, recipe=recipe) for recipe in ("scan", "usual")}
        if "error" not in spent["scan"]:
            break
    return spent


def _worst(rows: Sequence[Row], asked: argparse.Namespace) -> np.ndarray:
    strips = []
    for row in sorted(rows, key=badness, reverse=True)[:5]:
        rendered = render(row["seed"])
        done = None if "refused" in row else end_to_end(rendered)[1]
        words = [f"seed {row['seed']} {row['family']} ({row['true_kind']})", row.get("refused", "")]
        words += [f"{name} {row[name]:.3g}" for name in ("corner_error", "seam_ratio", "albedo_delta_e") if name in row]
        words += [str(row.get("kind", "")), str(row.get("repeat", ""))]
        strips.append(case(rendered, done, title="  ".join(word for word in words if word)))
    return np.vstack(strips)


def _real_photos(asked: argparse.Namespace) -> int:
    """Scan every photo of a folder and draw what came of it; no truth, no verdict."""
    strips = []
    for file in sorted(path for path in asked.photos.iterdir() if path.suffix.lower() in _PHOTOS):
        photo, done, told = read_image(file.read_bytes(), limits=CAPTURE_LIMITS), None, ""
        try:
            done = scan(photo)
            told = f"{done.outline.source} {done.lattice.kind} quality {done.verdict.quality:.2f}"
        except LucyError as error:
            told = error.code
        print(f"{file.name}: {told}")
        strips.append(real(photo, done, title=f"{file.name}  {told}"))
    if strips and asked.worst is not None:
        asked.worst.write_bytes(write_image(np.vstack(strips), format="png"))
    return 0


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scan", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first swatch")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--only", choices=STEPS, help="one step, the truth given for those before it")
    parser.add_argument("--json", type=Path, help="where the report goes")
    parser.add_argument("--worst", type=Path, metavar="PNG", help="where a picture of the worst five goes")
    parser.add_argument("--photos", type=Path, metavar="DIR", help="scan real photos instead, into the picture")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a goal is missed")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
