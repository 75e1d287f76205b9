"""The trace of the device: what is in it, how large it gets, and that it is never in the way."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from models.device_messages import Ran
from models.device_trace import TraceFile
from models.enhancer import Enhanced
from tests.fake_engine import fake_task
from tests.running_device import CAPTURE_MS, LIVE_MS, config_for_tests, run_device
from tests.serving import eventually

UNIT = Ran("step", "turbo", "live", (7, 9), (1, 2), (4, 4), (10.00049, 11.0), 12.0, 20.12345, "ok")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_what_was_done_for_whom_and_since_when_they_waited(tmp_path):
    path = tmp_path / "trace.jsonl"
    trace = TraceFile(path)
    trace.note(UNIT)
    (line,) = lines(path)  # although it is still open
    assert line.pop("process") > 0
    assert line == {
        **{"engine": "turbo", "kind": "live", "phase": "step", "result": "ok", "jobs": [7, 9]},
        **{"came_ms": [10.0, 11.0], "began_ms": 12.0, "ended_ms": 20.123, "steps_done": [1, 2], "steps_total": [4, 4]},
    }
    trace.close()


def test_a_full_trace_is_moved_aside_and_only_one_is_kept(tmp_path):
    path = tmp_path / "trace.jsonl"
    trace = TraceFile(path, most_bytes=1000)
    for number in range(100):
        trace.note(Ran("step", "turbo", "live", (number,), (1,), (4,), (0.0,), 0.0, 1.0, "ok"))
    trace.close()
    kept = [path.with_name("trace.jsonl.1"), path]
    assert sorted(tmp_path.iterdir()) == sorted(kept)
    assert all(0 < file.stat().st_size <= 1000 for file in kept)
    numbers = [line["jobs"][0] for file in kept for line in lines(file)]
    assert numbers[-1] == 99
    assert all(after == before + 1 for before, after in pairwise(numbers))


def test_a_trace_goes_on_where_an_earlier_process_ended(tmp_path):
    path = tmp_path / "trace.jsonl"
    for _ in range(2):
        trace = TraceFile(path)
        trace.note(UNIT)
        trace.close()
        trace.close()
    assert len(lines(path)) == 2


@pytest.mark.parametrize("place", ["nowhere/trace.jsonl", "."], ids=["no folder", "a folder"])
def test_a_trace_that_cannot_be_written_is_said_once_and_left_out(place, tmp_path, caplog):
    trace = TraceFile(tmp_path / place)
    trace.note(UNIT)
    trace.note(UNIT)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_device_process_traces_what_it_does(tmp_path):
    path = tmp_path / "trace.jsonl"
    with run_device(config_for_tests(trace=path)) as device:
        assert isinstance(device.enhance(fake_task(1), session="a", within_ms=LIVE_MS), Enhanced)
        device.capture(fake_task(2, steps=7), session="b", within_ms=CAPTURE_MS)
        eventually(lambda: sum(line["result"] == "last" for line in lines(path)) == 3)  # and the canary's
    units = lines(path)
    assert {line["jobs"][0] < 0 for line in units[:3]} == {True}
    captured = [line for line in units if line["kind"] == "capture" and line["jobs"][0] >= 0]
    assert [line["phase"] for line in captured] == ["begin", *["step"] * 7, "decode"]
    assert [line["steps_done"][0] for line in captured] == [0, *range(1, 8), 7]
    assert {line["came_ms"][0] for line in captured} == {captured[0]["came_ms"][0]}
    assert all(line["came_ms"][0] <= line["began_ms"] <= line["ended_ms"] for line in units)
    assert all(before["ended_ms"] <= after["began_ms"] + 0.001 for before, after in pairwise(units))
