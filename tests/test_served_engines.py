"""The whole program with engines: a real server, its device process, tiny models of the real classes on the CPU.

The models know nothing, so the pictures say nothing; what is held is that they go the whole way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection

from tests.engine_program import (
    ROOT,
    START_S,
    Program,
    capture_events,
    environment,
    eventually,
    keyframe,
    running,
    session,
)

if os.environ.get("CI") != "true":
    pytest.importorskip("torch", reason="torch is not installed; run: make test ENGINES=yes")
    pytest.importorskip("diffusers", reason="diffusers is not installed; run: make test ENGINES=yes")

# What numpy 2.4 says about diffusers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("models")
    with running(environment(folder), log=folder / "log") as program:
        yield program


def enhanced(connection: ClientConnection, first: int) -> dict:
    """The first answer that the device made, of keyframes from `first` on."""
    seqs = iter(range(first, first + 500))
    return eventually(
        lambda: (answer := keyframe(connection, next(seqs)))["stage"] == "enhanced" and answer, within_s=START_S
    )


def test_readiness_is_earned_by_a_picture_and_the_stream_goes_on_meanwhile(program: Program) -> None:
    with session(program) as connection:
        first = keyframe(connection, 1)
        assert first["stage"] in ("composite", "enhanced")
        eventually(program.ready, within_s=START_S)
        answer = enhanced(connection, 10)
    assert answer["timings_ms"]["enhance"] > 0
    engine = program.get("/ready")[1]["engine"]
    assert engine["stage"] == "enhanced"
    assert engine["name"] == "inpaint+turbo"


def test_a_capture_takes_its_steps_and_its_seed_gives_the_same_picture_again(program: Program) -> None:
    eventually(program.ready, within_s=START_S)
    events = capture_events(program, steps=4, seed=9)
    assert [data for name, data in events if name == "step"] == [{"step": k, "of": 4} for k in range(1, 5)]
    answer = events[-1][1]
    assert (events[-1][0], answer["stage"], answer["seed"]) == ("done", "enhanced", 9)
    assert capture_events(program, steps=4, seed=9)[-1][1]["image"] == answer["image"]
    assert capture_events(program, steps=4, seed=10)[-1][1]["image"] != answer["image"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"DEVICE": "cuda"}, "cuda"),
        ({"CONTROLNETS": "edge"}, "controlnets"),
        ({"ENGINES": "sdxl"}, "engines"),
        ({"DEVICE": "tpu"}, "device"),
    ],
)
def test_settings_that_cannot_work_are_said_at_the_start(change: dict[str, str], told: str, tmp_path: Path) -> None:
    if change == {"DEVICE": "cuda"} and Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a CUDA device")
    asked = {**os.environ, "PORT": "0", "ENGINES": "auto", "GARMENTS_DIR": str(tmp_path), **change}
    command = [sys.executable, "-m", "server"]
    ended = subprocess.run(command, cwd=ROOT, env=asked, capture_output=True, timeout=START_S, check=False)
    assert ended.returncode == 2
    assert told in ended.stderr.decode().lower()


def test_missing_models_are_said_once_and_pictures_stay_composites(tmp_path: Path) -> None:
    asked = {
        **os.environ,
        "ENGINES": "turbo",
        "DEVICE": "cpu",
        "TURBO_MODEL": str(tmp_path / "nothing"),
        "GARMENTS_DIR": str(tmp_path / "garments"),
    }
    log = tmp_path / "log"
    with running(asked, log=log) as program, session(program) as connection:
        assert keyframe(connection, 1)["stage"] == "composite"
        assert program.get("/ready")[1]["engine"]["name"] == "compositor"
    assert "models.weights fetch --engine all" in log.read_text()
