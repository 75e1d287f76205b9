"""The benches run, and what they report is what happened."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import floor, live, quality
from bench.figures import Goal, slope_per_minute, spread, table
from bench.kiosk import Answer, Notes, at_kiosk
from bench.scenarios import pulling, pushing
from bench.serving import Served, running
from bench.streams import HW, camera_loop, film, load_people
from bench.tailoring import LABELS
from tests.fakes import FakeFitting
from tests.serving import run_server

WISH = {"fabric_id": "navy-twill", "cut": "single-breasted"}
STAGES = {"decode", "encode", "queue", "total"}


@pytest.fixture(scope="module")
def short_film() -> list[bytes]:
    return camera_loop(None, seconds=0.2)


@pytest.fixture
def served():
    """Lucy's server with a fitting that fits nothing."""
    with run_server(FakeFitting(), max_messages_per_s=100_000) as server:
        yield Served(server.url("/ws", scheme="ws"), os.getpid())


def test_spread_and_slope():
    assert spread([]) is None
    assert spread([3.0, 1.0, 2.0]) == {"p10": 1.2, "p50": 2.0, "p95": 2.9, "max": 3.0, "n": 3}
    at_s = [float(second) for second in range(60)]
    steps = [100.0 + 0.1 * second + (50.0 if second > 55 else 0.0) for second in at_s]
    assert slope_per_minute(at_s, steps) == pytest.approx(6.0, rel=0.1)
    assert slope_per_minute(at_s[:3], steps[:3]) is None


def test_goals_know_their_direction():
    assert Goal("quick", 44.0, 45, "<=", "ms").met
    assert not Goal("many", 19.0, 20, ">=", "/s").met
    assert not Goal("unknown", None, 20, ">=").met
    assert str(Goal("quick", 50.0, 45, "<=", "ms")) == "FAIL  quick: 50 ms (goal <= 45 ms)"


def test_table_is_in_line():
    lines = table([("a", 1), ("long", 22)], head=("name", "n")).splitlines()
    assert lines == ["name   n", "a      1", "long  22"]


def test_the_film_is_a_loop_of_noisy_frames_and_the_same_every_time(short_film):
    assert camera_loop(None, seconds=0.2) == short_film
    photo = load_people(None)["astronaut"]
    first, near_last, middle = (
        film(photo, turn=turn, noise=np.random.default_rng(0)).astype(float) for turn in (0.0, 0.995, 0.25)
    )
    assert first.shape == (*HW, 3)
    assert np.abs(first - near_last).mean() < 0.35 * np.abs(first - middle).mean()
    other = film(photo, turn=0.0, noise=np.random.default_rng(1)).astype(float)
    assert (first - other).std() == pytest.approx(3.0 * 2**0.5, rel=0.1)


def test_notes_tell_how_old_the_picture_on_the_screen_is():
    notes = Notes(sent_s={1: 0.0, 2: 1.0})
    notes.pictures = [(1, 0.5), (2, 1.2)]
    ages = notes.ages_ms(hz=10.0, until_s=1.55)
    assert ages[0] == pytest.approx(500)
    assert max(ages) == pytest.approx(1100)  # just before the second came
    assert ages[-1] == pytest.approx(500)
    assert notes.trips_ms() == pytest.approx([500, 200])
    notes.take(Answer("dropped", seqs=[3, 4]))
    notes.take(Answer("error", code="busy"))
    assert (notes.dropped, notes.errors) == (2, ["busy"])


def test_pulling_keeps_one_frame_in_flight(served, short_film):
    found = asyncio.run(pulling(served, short_film, wish=WISH, kiosks=3, every_s=0.1, seconds=0.8, warm_s=0.1))
    assert found["pictures"] == found["e2e_ms"]["n"] == found["stages"]["composite"]
    assert 6 <= found["pictures"] <= 27  # 3 kiosks, 8 times each, at phases of their own
    assert (found["dropped"], found["errors"]) == (0, {})
    assert set(found["timings_ms"]) >= STAGES
    assert found["cpu_ms_per_picture"] > 0
    assert found["memory"]["most_mb"] > 10


def test_pushing_goes_on_whatever_comes_back(served, short_film):
    found = asyncio.run(pushing(served, short_film, wish=WISH, kiosks=2, hz=50.0, seconds=0.8, warm_s=0.1, text=False))
    assert 60 <= found["sent"] <= 80
    assert 0.5 * found["sent"] < found["pictures"] + found["dropped"] <= found["sent"]
    assert 0 < found["age_ms"]["p50"] <= found["age_ms"]["p95"] < 800


def test_a_session_that_the_server_ends_is_noted(short_film):
    async def hurry(url: str) -> list[str]:
        async with at_kiosk(url, frames=short_film) as kiosk:
            await kiosk.push(until_s=time.monotonic() + 0.6, hz=100.0)
            return kiosk.notes.errors

    with run_server(FakeFitting(), max_messages_per_s=5) as server:
        errors = asyncio.run(hurry(server.url("/ws", scheme="ws")))
    assert errors == ["too_many_messages", "closed 1008"]


def test_live_reports_what_it_promises(served, weights_dir, tmp_path, capsys):
    report = tmp_path / "report.json"
    url = served.ws_url.replace("ws://", "http://").removesuffix("/ws")
    spans = ["--seconds", "2", "--warm-seconds", "0.1", "--floor-seconds", "0.5"]
    wish = ["--fabric", WISH["fabric_id"], "--cut", WISH["cut"]]
    assert live.main(["--scenario", "one", "--url", url, "--json", str(report), *spans, *wish]) == 0
    found = json.loads(report.read_text())
    one = found["scenarios"]["one"]
    assert one["pictures"] > 20
    assert one["e2e_ms"]["p50"] >= one["timings_ms"]["total"]["p50"] * 0.5
    assert one["memory"] is None  # of a server that runs elsewhere nothing is known
    steps = {"decode", "pose", "remap", "composite", "encode"}
    assert [set(each["steps_ms"]) for each in found["floor"]] == [steps, steps]
    assert found["over_the_floor"]["e2e_p50"] > 0
    assert {"cpu", "cores", "python", "commit", "versions"} <= set(found["machine"])
    assert len(found["goals"]) == 6
    assert {goal["name"]: goal["met"] for goal in found["goals"]}["one kiosk, memory grows"] is False
    printed = capsys.readouterr().out
    assert "one kiosk, end to end, p95" in printed
    assert "load" in printed


def test_floor_is_mostly_the_pose(weights_dir, short_film):
    found = floor.measure(short_film, seconds=0.3, weights_dir=weights_dir)
    assert found["steps_ms"]["pose"] > 0.5 * found["total_ms"]["p50"]


def test_naive_server_answers_in_turn(weights_dir, short_film):
    async def two_pictures(url: str) -> Notes:
        async with at_kiosk(url, frames=short_film, text=True) as kiosk:
            await kiosk.pull(most=2)
            return kiosk.notes

    with running("bench.naive") as server:
        notes = asyncio.run(two_pictures(server.ws_url))
    assert [seq for seq, _ in notes.pictures] == [1, 2]
    assert notes.stages == ["mirror", "mirror"]  # nothing was wished for


def test_quality_of_a_small_astronaut(weights_dir, tmp_path, capsys):
    report = tmp_path / "report.json"
    small = ["--long-side", "320", "--cuts", "single_breasted", "--cloths", "pinstripe-navy", "--jitter-frames", "4"]
    assert quality.main([*small, "--out", str(tmp_path), "--json", str(report)]) == 0
    found = json.loads(report.read_text())
    (row,) = found["pictures"]
    assert (row["person"], row["outside_max"]) == ("astronaut", 0)
    assert 0 <= row["delta_e_neutral"] < 10
    assert set(row["shoulders"]) == {"left", "right"}
    assert all(abs(offset) < 0.3 for side in row["shoulders"].values() for offset in side)
    assert set(found["jitter_px"]) == {"shoulders", "hem", "centroid"}
    picture = cv2.imread(str(tmp_path / "astronaut.single_breasted.pinstripe-navy.png"))
    assert picture.shape == (320, 320, 3)
    assert "deltaE00" in capsys.readouterr().out


def test_labels_are_shoulders_seen_from_the_front():
    for name, points in json.loads(Path(LABELS).read_text()).items():
        (left_x, left_y), (right_x, right_y) = points["shoulder_left"], points["shoulder_right"]
        assert 0 < right_x < left_x < 1, name
        assert abs(left_y - right_y) < 0.3 * (left_x - right_x), name
