"""What a scan found, in words and figures that fit into JSON. Owns the names of the fields, which docs/scanner.md
explains; must not know who asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from fabric.scan import Scan
from fabric.scanning.findings import Given, Lattice


def findings_of(scan: Scan, given: Given, *, photo_hw: tuple[int, int]) -> dict[str, Any]:
    """Everything but pictures. Points are (x, y) in pixels of the upright photo unless their name says otherwise."""
    return _finite(_findings(scan, given, photo_hw))


def _findings(scan: Scan, given: Given, photo_hw: tuple[int, int]) -> dict[str, Any]:
    flat, tile, verdict = scan.flat, scan.tile, scan.verdict
    return {
        "size_px": int(scan.surface.albedo.shape[0]),
        "px_per_mm": scan.px_per_mm,
        "class": scan.lattice.kind,
        "photo_size": list(photo_hw),
        "outline": {
            "corners": _list(scan.outline.corners),
            "source": scan.outline.source,
            "confidence": float(scan.outline.confidence),
        },
        "scale": {"source": scan.scale.source, "confidence": float(scan.scale.confidence)},
        "light": {
            "ratio": float(scan.even.light_ratio),
            "white_source": scan.even.white_source,
            "confidence": float(scan.even.confidence),
        },
        "lattice": _lattice(scan.lattice, scan.px_per_mm),
        "flat": {
            "size": list(flat.linear.shape[:2]),
            "to_photo": _list(np.linalg.inv(flat.from_photo)),
            "px_per_mm": flat.px_per_mm,
        },
        "tile": {"corners_flat": _list(tile.box), "cells": [int(cell) for cell in tile.cells], "method": tile.method},
        "quality": {
            "overall": verdict.quality,
            "seam_ratio": verdict.seam_ratio,
            "repeat_excess": verdict.repeat_excess,
            "drift_delta_e": verdict.drift_delta_e,
            "sharpness": verdict.sharpness,
            "clipped": verdict.clipped,
        },
        "warnings": list(verdict.warnings),
        "given": given_out(given),
    }


def given_out(given: Given) -> dict[str, Any]:
    """Only what was given."""
    said = {
        "corners": _list(given.corners),
        "swatch_mm": _pair(given.swatch_mm),
        "repeat_mm": _pair(given.repeat_mm),
        "white": _pair(given.white),
    }
    return {name: value for name, value in said.items() if value is not None}


def given_in(said: Mapping[str, Any]) -> Given:
    """From fields of a request or of an earlier scan. What is missing or null is not given."""
    corners = said.get("corners")
    pairs = {name: tuple(said[name]) for name in ("swatch_mm", "repeat_mm", "white") if said.get(name) is not None}
    return Given(corners=None if corners is None else np.array(corners, np.float32), **pairs)


def _lattice(lattice: Lattice, px_per_mm: float | None) -> dict[str, Any]:
    """`a_mm` and `b_mm` are the lengths of the two repeats."""

    def length_mm(step: np.ndarray | None) -> float | None:
        return None if step is None or px_per_mm is None else float(np.hypot(*step)) / px_per_mm

    return {
        "kind": lattice.kind,
        "a": _list(lattice.a),
        "b": _list(lattice.b),
        "a_mm": length_mm(lattice.a),
        "b_mm": length_mm(lattice.b),
        "fine_a": _list(lattice.fine_a),
        "fine_b": _list(lattice.fine_b),
        "angle_deg": float(lattice.angle_deg),
        "confidence": float(lattice.confidence),
        "source": lattice.source,
        "repeats": [float(count) for count in lattice.repeats],
    }


def _finite(value: Any) -> Any:
    """JSON knows no NaN, and no database takes one."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _list(array: np.ndarray | None) -> list[Any] | None:
    return None if array is None else np.asarray(array, np.float64).tolist()


def _pair(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]
