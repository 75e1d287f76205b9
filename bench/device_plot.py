"""A picture of bench.device's report: what keyframes take, and how long they wait when captures want the device too.

Owns the drawing; must not know how anything was measured. The only module that needs matplotlib.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

_INK, _GREY = "#1d2733", "#8a94a0"
_COLOURS = ("#2f6f5e", "#2b5fa8", "#b4472e")


def draw(report: dict[str, Any], path: Path) -> None:
    """Write a PNG."""
    style = {"font.size": 10, "axes.edgecolor": _GREY, "axes.labelcolor": _INK, "text.color": _INK}
    with plt.rc_context({**style, "xtick.color": _INK, "ytick.color": _INK, "axes.spines.top": False}):
        figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), width_ratios=(1, 1.25), layout="constrained")
        _pictures(left, report["rows"])
        _latencies(right, report["runs"])
        facts = report["facts"]
        about = (f"{facts['models']} on {facts['device']}", facts["dtype"], f"torch {facts['torch']}", facts["commit"])
        figure.suptitle(", ".join(about), fontsize=9, color=_GREY)
        figure.savefig(path, dpi=130)
        plt.close(figure)


def _pictures(axes: Any, rows: list[dict[str, Any]]) -> None:
    """Time per keyframe by how many share their steps."""
    axes.spines["right"].set_visible(False)
    keyframes = [row for row in rows if row["what"] == "keyframe"]
    for mode, colour in zip(dict.fromkeys(row["mode"] for row in keyframes), _COLOURS, strict=False):
        chosen = [row for row in keyframes if row["mode"] == mode]
        batches, each = [row["batch"] for row in chosen], [row["ms"] / row["batch"] for row in chosen]
        axes.plot(batches, each, "o-", color=colour, label=mode)
    if keyframes:
        plain = keyframes[0]["plain_ms"] / keyframes[0]["batch"]
        axes.axhline(plain, color=_GREY, linestyle="--", linewidth=1, label="plain pipeline, alone")
        axes.set_xticks(sorted({row["batch"] for row in keyframes}))
    axes.set(title="A keyframe of 4 steps", xlabel="keyframes that share their steps", ylabel="ms each")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3)


def _latencies(axes: Any, runs: list[dict[str, Any]]) -> None:
    """Share of the keyframes that were ready within a time."""
    axes.spines["right"].set_visible(False)
    for run, colour in zip(runs, _COLOURS, strict=False):
        values = np.sort(run["latencies_ms"])
        if len(values):
            share, p95 = np.arange(1, len(values) + 1) / len(values), run["latency_ms"]["p95"]
            axes.step(values, 100 * share, where="post", color=colour, label=f"{run['name']}: p95 {p95:.0f} ms")
            axes.plot([p95], [95], "o", color=colour)
    axes.axhline(95, color=_GREY, linewidth=0.8, linestyle=":")
    axes.set(title="Keyframes while captures are queued", xlabel="ms from request to picture", ylabel="% ready")
    axes.set(xscale="log", ylim=(0, 101))
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14))
