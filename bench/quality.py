"""How good the pictures are: `python -m bench.quality [--people DIR]`.

Dresses the astronaut, and everybody in a folder, in every cut and three cloths on the premium path; writes the pictures
to --out and says for each what a tailor would check. Owns the command line, the order of the work and the goals.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import Goal, table
from bench.machine import facts
from bench.steadiness import MOTIONS, jitter_px, left_behind
from bench.streams import load_people
from bench.tailoring import cloth_delta_e, face_change, marker, outside_change, shoulder_offsets, suiting
from fabric.catalog import load_catalog
from garment.compose import compose
from garment.dressing import PREMIUM, Dressed, Dresser
from garment.light import Light
from garment.pyramid import Pyramid
from garment.quality import uncovered
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from models import weights
from models.fitting import sight_of
from models.perception import Percept, carry
from models.vision import Vision, open_vision
from utils.images import fit_long_side, write_image

CUTS = ("single_breasted", "double_breasted")
CLOTHS = ("pinstripe-navy", "glen-check-grey", "flannel-camel")
_ROOT = Path(__file__).parents[1]
_FILM_SIDE_PX = 1100  # of photos that films are made of
_LOOKS, _LOOK_MS = 3, 33.0  # as in the premium path: the tracker is more exact where it has just seen somebody


@dataclass(frozen=True)
class Person:
    """Somebody in a photo."""

    name: str
    photo: np.ndarray
    percept: Percept


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write. Returns 0, or with --strict 1 when a goal is missed."""
    asked = _parse(argv)
    weights.require()
    report = measure(asked)
    if asked.json is not None:
        asked.json.write_text(json.dumps(report, indent=1) + "\n")
    print(describe(report))
    return int(asked.strict and not all(goal["met"] for goal in report["goals"]))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Everything, as one JSON-able map."""
    asked.out.mkdir(parents=True, exist_ok=True)
    vision = open_vision(weights.FOLDER)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            catalog = load_catalog(_ROOT / "data" / "catalog" / "catalog.json")
            wardrobe = Wardrobe(catalog=catalog, rack=Rack(Path(scratch)))
            rows = list(_rows(asked, vision, wardrobe))
            jitter, moving = _steadiness(vision, wardrobe, asked) if asked.jitter_frames else ({}, {})
    finally:
        vision.close()
    goals = _goals(rows, jitter.get("astronaut"), moving)
    return {
        "machine": facts(),
        "pictures": rows,
        "jitter_px": jitter.get("astronaut"),
        "jitter_px_of_each": jitter,
        "left_behind": moving,
        "goals": [goal.to_json() for goal in goals],
        "verdicts": [str(goal) for goal in goals],
    }


def describe(report: dict[str, Any]) -> str:
    """The report for people."""
    head = ("person", "cut", "cloth", "outside", "face", "dE neutral", "dE scene", "left", "right", "old", "ms")
    rows = []
    for row in report["pictures"]:
        marks = row["shoulders"] or {"left": None, "right": None}
        colours = (row["delta_e_neutral"], row["delta_e_scene"])
        rows.append(
            (row["person"][:28], row["cut"], row["cloth"], row["outside_max"], f"{row['face_mean']:.2f}")
            + tuple("-" if figure is None else f"{figure:.1f}" for figure in colours)
            + tuple("-" if mark is None else f"{100 * mark[0]:+.1f}/{100 * mark[1]:+.1f}" for mark in marks.values())
            + ("-" if row["uncovered"] is None else f"{100 * row['uncovered']:.1f}", round(row["ms"]))
        )
    legend = "left and right: shoulder points outwards/upwards in % of the width; old: % of old clothes that still show"
    stills = [
        f"jitter of {name}: " + ", ".join(f"{what} {px:.2f} px" for what, px in found.items())
        for name, found in report["jitter_px_of_each"].items()
    ]
    moving = [
        f"left behind in a {motion}: {100 * found['rms']:.2f} % of the shoulders, at most {100 * found['worst']:.2f} %"
        for motion, found in report["left_behind"].items()
    ]
    lines = [table(rows, head=head), legend, "", *(stills or ["jitter: not measured"]), *moving, ""]
    return "\n".join([*lines, *report["verdicts"]])


def _rows(asked: argparse.Namespace, vision: Vision, wardrobe: Wardrobe) -> Iterator[dict[str, Any]]:
    people = _people(asked)
    markers = {cut: marker(cut) for cut in asked.cuts}
    for name, photo in people.items():
        photo = fit_long_side(photo, asked.long_side)
        percept = _look(vision, photo)
        if percept is None:
            print(f"nobody found in {name}", file=sys.stderr)
            continue
        person = Person(name, photo, percept)
        for cut in asked.cuts:
            marked = _dress(person, markers[cut])
            for cloth in asked.cloths:
                pyramid = wardrobe.garment(Wish(fabric_id=cloth, cut=cut))
                began_s = time.perf_counter()
                dressed = _dress(person, pyramid)
                spent_ms = 1e3 * (time.perf_counter() - began_s)
                picture = write_image(dressed.composite.image, format="png")
                (asked.out / f"{Path(name).stem}.{cut}.{cloth}.png").write_bytes(picture)
                albedo = wardrobe.catalog.material(cloth).albedo
                figures = _measure(person, dressed, suiting(marked), albedo)
                yield {"person": name, "cut": cut, "cloth": cloth, **figures, "ms": round(spent_ms, 1)}


def _people(asked: argparse.Namespace) -> dict[str, np.ndarray]:
    return load_people(None) | (load_people(asked.people) if asked.people else {})


def _look(vision: Vision, photo: np.ndarray) -> Percept | None:
    perception = vision.perception()
    try:
        for look in range(_LOOKS):
            percept = perception.look(photo, at_ms=look * _LOOK_MS, wait_parsing=look == _LOOKS - 1)
        return percept
    finally:
        perception.close()


def _dress(person: Person, pyramid: Pyramid) -> Dressed:
    dressed = Dresser().dress(person.photo, sight_of(person.percept), pyramid, finish=PREMIUM)
    if dressed is None:
        raise RuntimeError(f"{person.name} could not be dressed")
    return dressed


def _measure(person: Person, dressed: Dressed, where: np.ndarray, albedo: np.ndarray) -> dict[str, Any]:
    percept, photo, body = person.percept, person.photo, dressed.body
    assert body is not None
    onward = carry(percept.parsing_pose, percept.pose)
    neutral = compose(photo, dressed.layer, front=dressed.front, light=Light(), body=body, person=percept.mask)
    face_mean, face_max = face_change(
        photo, dressed.composite, percept.pose, percept.parsing.mask("face_skin", carry=onward)
    )
    clothes = percept.parsing.mask("clothes", carry=onward)
    return {
        "outside_max": outside_change(photo, dressed.composite),
        "face_mean": round(face_mean, 4),
        "face_max": face_max,
        "delta_e_neutral": _rounded(cloth_delta_e(neutral, where, albedo, px_per_mm=body.px_per_mm)),
        "delta_e_scene": _rounded(cloth_delta_e(dressed.composite, where, albedo, px_per_mm=body.px_per_mm)),
        "shoulders": shoulder_offsets(dressed, person.name, photo.shape[:2]),
        "uncovered": _rounded(uncovered(dressed.composite, clothes, body)),
    }


def _steadiness(
    vision: Vision, wardrobe: Wardrobe, asked: argparse.Namespace
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
    """Jitter of each person who stands still, and how far the astronaut's garment is left behind in each motion."""
    pyramid = wardrobe.garment(Wish(fabric_id=asked.cloths[0], cut=asked.cuts[0]))
    people = _people(asked)
    frames = asked.jitter_frames

    def film(measure: Callable[..., dict[str, float]], photo: np.ndarray, **how: Any) -> dict[str, float]:
        perception = vision.perception()
        try:
            return measure(fit_long_side(photo, _FILM_SIDE_PX), perception, pyramid, frames=frames, **how)
        finally:
            perception.close()

    jitter = {name: film(jitter_px, photo) for name, photo in people.items()}
    return jitter, {motion: film(left_behind, people["astronaut"], motion=motion) for motion in MOTIONS}


def _goals(
    rows: Sequence[dict[str, Any]], jitter: dict[str, float] | None, moving: dict[str, dict[str, float]]
) -> list[Goal]:
    people = {row["person"]: row["shoulders"] for row in rows if row["shoulders"]}
    errors = [100 * float(np.mean([np.hypot(*side) for side in sides.values()])) for sides in people.values()]
    colours = [row["delta_e_neutral"] for row in rows if row["delta_e_neutral"] is not None]
    outside = max((row["outside_max"] for row in rows), default=None)
    faces = max((row["face_mean"] for row in rows), default=None)
    goals = [
        Goal("largest change outside garment and shadow", outside, 0, "<="),
        Goal("mean change of a face, worst picture", faces, 0, "<="),
        Goal("deltaE00 of the cloth in neutral light, worst picture", max(colours, default=None), 3, "<="),
        Goal("shoulder points, mean of all people", float(np.mean(errors)) if errors else None, 3, "<=", "% of width"),
        Goal("shoulder points, worst person", max(errors, default=None), 3, "<=", "% of width"),
    ]
    if moving:
        worst = 100 * max(found["rms"] for found in moving.values())
        goals.append(Goal("shoulders left behind, worst motion", worst, 1, "<=", "% of width"))
    return goals + [Goal(f"jitter, {name}", px, 0.5, "<=", "px") for name, px in (jitter or {}).items()]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=Path, help="a folder with photos of people, one in each")
    parser.add_argument("--cuts", nargs="+", default=list(CUTS))
    parser.add_argument("--cloths", nargs="+", default=list(CLOTHS), help="ids of the catalog")
    parser.add_argument("--long-side", type=int, default=2048, help="larger photos are shrunk to this many pixels")
    parser.add_argument("--jitter-frames", type=int, default=90, help="0 leaves jitter out")
    parser.add_argument("--out", type=Path, default=_ROOT / "bench" / "out", help="where the pictures go")
    parser.add_argument("--json", type=Path, help="where the report goes")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a goal is missed")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
