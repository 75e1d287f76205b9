"""The bench of the diffusion engines runs on a CPU, and its figures are about what they say."""

from __future__ import annotations

import importlib.util
import json
import os

import pytest

if importlib.util.find_spec("torch") is None and os.environ.get("CI") != "true":
    pytest.skip("torch is not installed", allow_module_level=True)

import torch

from bench import device
from bench.device_models import TINY
from bench.device_rows import Row

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def report():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    for sharing_s in (2.0, 8.0, 32.0):  # a busy machine gets little done
        found = device.measure(TINY, torch.device("cpu"), torch.float32, minutes=0.02, sharing_s=sharing_s, rounds=1)
        if len(found.runs[1].latencies_ms) >= 10:
            break
    yield found
    torch.set_num_threads(before)


def test_the_report_is_whole_and_can_be_kept(report):
    kept = json.loads(json.dumps(report.to_json()))
    assert {row["what"] for row in kept["rows"]} >= {"keyframe", "capture"}
    assert all(row["ms"] > 0 for row in kept["rows"])
    assert kept["facts"]["models"] == "tiny"
    assert "keyframe" in report.text()


def test_captures_are_made_and_keyframes_hardly_wait_for_them(report):
    alone, scheduled, in_turn = report.runs
    assert alone.captures == 0
    assert scheduled.captures >= 1
    assert in_turn.captures >= 1
    assert len(scheduled.latencies_ms) >= 10
    median = [run.to_json()["latency_ms"]["p50"] for run in report.runs]
    assert median[1] < median[2] / 2  # by far more on a machine with nothing else to do


def test_a_goal_that_was_not_measured_is_not_met(report):
    full = device.Report({**report.facts, "models": "SDXL"}, rows=[Row("keyframe", "512x512", 8, "eager", 100.0)])
    goals = {goal.name: goal for goal in full.goals()}
    assert goals["keyframes, batched"].met  # 80 per second
    assert not goals["keyframe, device time, alone"].met
    assert not goals["capture, 25 guided steps"].met
    assert len(goals) == 6


def test_the_picture_of_a_report_is_drawn(report, tmp_path):
    plot = pytest.importorskip("bench.device_plot")
    plot.draw(report.to_json(), tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
