"""What is said of a whole run of scans: the goals, the table, which swatch went worst.

Owns the arithmetic over rows; must not know how a row came about.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from bench.figures import Goal, spread, table
from bench.scan_measures import Repeat
from bench.scan_steps import Row
from bench.usual import DEFAULT_STRENGTH, SOBEL_STRENGTHS

_LEAST_REPEATS = 2.0  # in view: with fewer nobody can say that it repeats


def goals_of(rows: Sequence[Row], spent: dict[str, Any] | None, *, only: str | None = None) -> list[Goal]:
    """Every figure against its goal; what could not be measured is not met, but left out where one step was asked."""
    corners = [100.0 * row["corner_error"] for row in rows if "corner_error" in row]
    classes = [row["kind_right"] for row in rows if "kind_right" in row]
    right = [100.0 * (row["repeat"] == "found") for row in rows if row.get("repeats_in_view", 0.0) >= _LEAST_REPEATS]
    if only in (None, "repeat"):  # every one of these swatches is good: who refuses it is wrong
        refused = [row for row in rows if "refused" in row]
        classes += [False] * len(refused)
        right += [0.0 for row in refused if row["true_kind"] == "periodic"]
    white = [row["albedo_delta_e"] for row in rows if row["white"] and "albedo_delta_e" in row]
    same = [row for row in rows if "normal_deg" in row]
    ratio = _mean(_values(same, "normal_deg")) / _mean(usual_angles(same, DEFAULT_STRENGTH)) if same else None
    goals = [
        Goal("corner error, median", _percentile(corners, 50), 0.3, "<=", "% of the diagonal"),
        Goal("corner error, p95", _percentile(corners, 95), 1.0, "<=", "% of the diagonal"),
        Goal("repeat within 1 % of the period", _mean(right), 95.0, ">=", "% of periodic swatches"),
        Goal("class right", _mean([100.0 * c for c in classes]), 97.0, ">=", "% of swatches"),
        Goal("seam ratio, p95", _percentile(_values(rows, "seam_ratio"), 95), 1.10, "<="),
        Goal("albedo with a white in view, mean", _mean(white), 2.0, "<=", "deltaE00"),
        Goal("normals, mean angle over the usual recipe's", ratio, 0.6, "<="),
    ]
    if spent is not None:
        mine = spent["scan"]
        goals += [
            Goal("12 MP to all maps of 1024 squared", mine.get("again_s"), 1.0, "<=", "s"),
            Goal("most memory resident", mine.get("most_mb"), 1024.0, "<=", "MB"),
        ]
    return [goal for goal in goals if only is None or goal.value is not None]


def usual_angles(rows: Sequence[Row], strength: float) -> list[float]:
    """The usual recipe's mean errors, degrees."""
    return [row["usual_normal_deg"][str(strength)] for row in rows]


def describe(report: dict[str, Any]) -> str:
    """The report for people."""
    rows = report["swatches"]
    lines = [_swatch_table(rows), "", _summary(rows), ""]
    if report["cost"] is not None:
        lines += [f"cost of 12 MP, {name}: {figures}" for name, figures in report["cost"].items()] + [""]
    return "\n".join([*lines, *report["verdicts"]])


def _swatch_table(rows: Sequence[Row]) -> str:
    head = ("swatch", "px/mm", "tilt", "light", "corner %", "kind", "repeat", "seam", "band", "dE", "deg", "usual", "")

    def cell(row: Row, name: str, form: str, times: float = 1.0) -> str:
        return "-" if row.get(name) is None else form.format(times * row[name])

    body = []
    for row in rows:
        kind = row.get("kind", "-") + ("" if row.get("kind_right", True) else f" (is {row['true_kind']})")
        body.append(
            (
                f"{row['seed']} {row['family']}", row["px_per_mm"], row["tilt_deg"], row["light_ratio"],
                cell(row, "corner_error", "{:.2f}", 100.0), kind, row.get("repeat", "-"),
                cell(row, "seam_ratio", "{:.2f}"), cell(row, "band_contrast", "{:.2f}"),
                cell(row, "albedo_delta_e", "{:.1f}") + ("w" if row["white"] else ""),
                cell(row, "normal_deg", "{:.1f}"), f"{row['usual_normal_deg']['1.0']:.1f}", row.get("refused", "")[:30],
            )
        )  # fmt: skip
    return table(body, head=head)


def _summary(rows: Sequence[Row]) -> str:
    """Spreads of what both recipes do, side by side."""
    white, whiteless = ([row for row in rows if row["white"] is there] for there in (True, False))
    edged = [row for row in rows if not row["close_up"]]
    pairs = [
        ("corner error, %", _values(rows, "corner_error", 100.0), _values(edged, "usual_corner_error", 100.0)),
        ("seam ratio", _values(rows, "seam_ratio"), _values(rows, "usual_seam_ratio")),
        ("contrast along the wrap", _values(rows, "band_contrast"), _values(rows, "usual_band_contrast")),
        ("most steps anywhere in the tile", *_both(rows, "step_excess")),
        ("albedo deltaE00, white in view", *_both(white, "albedo_delta_e")),
        ("albedo deltaE00, none", *_both(whiteless, "albedo_delta_e")),
        ("tile's mean deltaE00", _values(rows, "tile_delta_e"), []),
        ("normals, degrees", _values(rows, "normal_deg"), usual_angles(rows, DEFAULT_STRENGTH)),
        ("normals on the tile, degrees", _values(rows, "tile_normal_deg"), []),
        ("level cloth's normals, degrees", _values(rows, "level_deg"), []),
    ]
    body = []
    for name, mine, usual_ in pairs:
        a, b = spread(mine), spread(usual_)
        body.append([name] + ["-" if s is None else f"{s['p50']} / {s['p95']}" for s in (a, b)] + [len(mine)])
    counted = [r for r in rows if r.get("repeats_in_view", 0.0) >= _LEAST_REPEATS]
    tally = {state: sum(r["repeat"] == state for r in counted) for state in get_args(Repeat)}
    frames = [r["frame_right"] for r in rows if "frame_right" in r]
    refused = [f"{r['seed']} {r['refused'][:30]}" for r in rows if "refused" in r]
    return "\n".join(
        [
            table(body, head=("median / p95", "scanner", "usual recipe", "n")),
            f"repeats: {tally}; periodic with fewer than {_LEAST_REPEATS:g} in view, not counted: "
            f"{sum('repeat' in r for r in rows) - len(counted)}",
            f"close-ups taken as a whole: {sum(frames)} of {len(frames)}; refused: {', '.join(refused) or 'none'}",
            f"usual recipe's normals are at strength {DEFAULT_STRENGTH}; at {_best(rows)}, which suits best here: mean "
            f" {_mean(usual_angles(rows, _best(rows))):.2f} degrees",
        ]
    )


def _both(rows: Sequence[Row], name: str) -> tuple[list[float], list[float]]:
    return _values(rows, name), _values(rows, f"usual_{name}")


def _best(rows: Sequence[Row]) -> float:
    return min(SOBEL_STRENGTHS, key=lambda s: _mean(usual_angles(rows, s)))


def _values(rows: Sequence[Row], name: str, times: float = 1.0) -> list[float]:
    return [times * row[name] for row in rows if name in row]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _percentile(values: Sequence[float], percent: float) -> float | None:
    return float(np.percentile(values, percent)) if len(values) else None


def badness(row: Row) -> float:
    """How far the worst of a swatch's figures misses what is asked of it; 1 is just met."""
    if "refused" in row:
        return 50.0
    wrong = 10.0 * (row.get("repeat", "found") != "found") + 10.0 * (not row.get("kind_right", True))
    parts = [
        row.get("corner_error", 0.0) / 0.01,
        row.get("seam_ratio", 0.0) / 1.10,
        row.get("albedo_delta_e", 0.0) / (2.0 if row["white"] else 8.0),
    ]
    return max(*parts, wrong)
