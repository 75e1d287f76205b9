"""The whole program with engines: a real server, its device process, tiny models of the real classes on the CPU.

The models know nothing, so the pictures say nothing; what is held is that they go the whole way.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import msgspec
import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.figures import figure, frame_of
from tests.serving import PATIENCE_S

if os.environ.get("CI") != "true":
    pytest.importorskip("torch", reason="torch is not installed; run: make test ENGINES=yes")
    pytest.importorskip("diffusers", reason="diffusers is not installed; run: make test ENGINES=yes")

# What numpy 2.4 says about diffusers.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ROOT = Path(__file__).parents[1]
POSE = figure()
WISH = {"fabric_id": "plain-navy", "cut": "single_breasted"}
START_S = 12 * PATIENCE_S  # loading torch and warming every bucket on a busy machine


@dataclass(frozen=True)
class Program:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def ready(self) -> bool:
        return self.get("/ready")[0] == 200

    def device(self) -> psutil.Process:
        """The process that owns the device: the one with torch in it."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return max(children, key=lambda child: child.memory_info().rss)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    # What loads torch is imported here, so that the file can be collected without it.
    from tests import tiny_models

    folder = tmp_path_factory.mktemp("models")
    environment = {
        **os.environ,
        "ENGINES": "turbo,inpaint",
        "DEVICE": "cpu",
        "TURBO_MODEL": str(tiny_models.turbo(folder / "turbo")),
        "TAESD_MODEL": str(tiny_models.taesd(folder / "taesd")),
        "INPAINT_MODEL": str(tiny_models.inpainting(folder / "inpaint")),
        "VAE_MODEL": "",
        "LIVE_DEADLINE_MS": str(int(3e3 * PATIENCE_S / 10)),
        "GARMENTS_DIR": str(folder / "garments"),
        "OMP_NUM_THREADS": "1",
    }
    with running(environment, log=folder / "log") as program:
        yield program


@contextmanager
def running(environment: dict[str, str], *, log: Path) -> Iterator[Program]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with log.open("wb") as told:
        command = [sys.executable, "-m", "server"]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**environment, "PORT": str(port)}, stdout=told, stderr=subprocess.STDOUT
        )
    program = Program(port, process)
    try:
        eventually(lambda: alive(program), within_s=START_S, log=log)
        yield program
    finally:
        process.terminate()
        try:
            process.wait(3 * PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def alive(program: Program) -> bool:
    assert program.process.poll() is None, "the server has ended"
    try:
        return program.get("/health")[0] == 200
    except OSError:
        return False


def eventually(condition: Callable[[], Any], *, within_s: float, log: Path | None = None) -> Any:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come about" + (f":\n{log.read_text()[-3000:]}" if log else ""))


@contextmanager
def session(program: Program) -> Iterator[ClientConnection]:
    address = f"ws://127.0.0.1:{program.port}/ws"
    with connect(address, subprotocols=["lucy.msgpack.v1"], max_size=None) as connection:
        say(connection, type="wish", **WISH)
        while msgspec.msgpack.decode(connection.recv(6 * PATIENCE_S)).get("code") != "wearing":
            pass
        yield connection


def say(connection: ClientConnection, **message: Any) -> None:
    connection.send(msgspec.msgpack.encode(message))


def keyframe(connection: ClientConnection, seq: int) -> dict:
    """Send one and wait for its answer."""
    say(connection, type="keyframe", seq=seq, frame=jpeg(), landmarks=POSE.to_wire(hw=(480, 640)), seed=3)
    while True:
        message = msgspec.msgpack.decode(connection.recv(6 * PATIENCE_S))
        if message.get("seq") == seq:
            return message


def jpeg() -> bytes:
    return cv2.imencode(".jpg", frame_of(POSE)[..., ::-1])[1].tobytes()


def capture(program: Program, **fields: Any) -> list[tuple[str, dict]]:
    """The events of a capture."""
    body = {
        "frame": base64.b64encode(jpeg()).decode(),
        "landmarks": POSE.to_wire(hw=(480, 640)),
        "output": {"long_side": 256},
        **WISH,
        **fields,
    }
    request = urllib.request.Request(
        f"http://127.0.0.1:{program.port}/virtual-tryon",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Accept": "text/event-stream"},
    )
    with urllib.request.urlopen(request, timeout=12 * PATIENCE_S) as answer:
        blocks = [block for block in answer.read().decode().split("\n\n") if block.startswith("event: ")]
    return [(name[7:], json.loads(data[6:])) for name, data in (block.split("\n", 1) for block in blocks)]


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
    events = capture(program, steps=4, seed=9)
    assert [data for name, data in events if name == "step"] == [{"step": k, "of": 4} for k in range(1, 5)]
    answer = events[-1][1]
    assert (events[-1][0], answer["stage"], answer["seed"]) == ("done", "enhanced", 9)
    assert capture(program, steps=4, seed=9)[-1][1]["image"] == answer["image"]
    assert capture(program, steps=4, seed=10)[-1][1]["image"] != answer["image"]


def test_the_device_may_be_killed_and_no_socket_notices(program: Program) -> None:
    eventually(program.ready, within_s=START_S)
    with session(program) as connection:
        enhanced(connection, 1)
        os.kill(program.device().pid, signal.SIGKILL)
        answers = [keyframe(connection, 600 + k) for k in range(3)]
        assert all(answer["stage"] in ("composite", "enhanced") for answer in answers)
        assert any(answer["stage"] == "composite" and answer["degraded"] for answer in answers)
        assert program.get("/health")[0] == 200
        eventually(program.ready, within_s=START_S)
        enhanced(connection, 700)


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
    environment = {**os.environ, "PORT": "0", "ENGINES": "auto", "GARMENTS_DIR": str(tmp_path), **change}
    command = [sys.executable, "-m", "server"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=START_S, check=False)
    assert ended.returncode == 2
    assert told in ended.stderr.decode().lower()


def test_missing_models_are_said_once_and_pictures_stay_composites(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ENGINES": "turbo",
        "DEVICE": "cpu",
        "TURBO_MODEL": str(tmp_path / "nothing"),
        "GARMENTS_DIR": str(tmp_path / "garments"),
    }
    log = tmp_path / "log"
    with running(environment, log=log) as program, session(program) as connection:
        assert keyframe(connection, 1)["stage"] == "composite"
        assert program.get("/ready")[1]["engine"]["name"] == "compositor"
    assert "models.weights fetch --engine all" in log.read_text()
