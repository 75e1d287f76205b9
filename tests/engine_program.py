"""The whole program with engines, for tests: a server in a process of its own, tiny models on the CPU, and its clients.

Owns starting, asking and waiting; must not know what is tested.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import msgspec
import psutil
from websockets.sync.client import ClientConnection, connect

from tests.figures import figure, frame_of
from tests.serving import PATIENCE_S

ROOT = Path(__file__).parents[1]
POSE = figure()
HW = (480, 640)
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

    def device(self) -> psutil.Process | None:
        """The process that owns the device; None between two of them."""
        for child in psutil.Process(self.process.pid).children():
            try:
                if "models.device_process" in child.cmdline():
                    return child
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None


def environment(folder: Path, **changes: str) -> dict[str, str]:
    """Settings of a server with both engines; their models are written to `folder`."""
    # What loads torch is imported here, so that tests can be collected without it.
    from tests import tiny_models

    return {
        **os.environ,
        **tiny_models.server_settings(folder),
        "LIVE_DEADLINE_MS": str(int(3e3 * PATIENCE_S / 10)),
        "GARMENTS_DIR": str(folder / "garments"),
        **changes,
    }


@contextmanager
def running(
    environment: dict[str, str], *, log: Path, module: str = "server", arguments: Sequence[str] = ()
) -> Iterator[Program]:
    """`python -m module` until the block is left; yields once it answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with log.open("wb") as told:
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**environment, "PORT": str(port)}, stdout=told, stderr=subprocess.STDOUT
        )
    program = Program(port, process)
    try:
        eventually(lambda: _lives(program), within_s=START_S, log=log)
        yield program
    finally:
        process.terminate()
        try:
            process.wait(3 * PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _lives(program: Program) -> bool:
    assert program.process.poll() is None, "the server has ended"
    try:
        return program.get("/health")[0] == 200
    except OSError:
        return False


def eventually(condition: Callable[[], Any], *, within_s: float, log: Path | None = None) -> Any:
    """Poll until `condition` holds and return its value; fail when it does not in time, with the end of the log."""
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about" + (f":\n{log.read_text()[-3000:]}" if log else ""))


# A kiosk.


@contextmanager
def session(program: Program) -> Iterator[ClientConnection]:
    """A socket that wears WISH."""
    address = f"ws://127.0.0.1:{program.port}/ws"
    with connect(address, subprotocols=["lucy.msgpack.v1"], max_size=None) as connection:
        say(connection, type="wish", **WISH)
        while hear(connection).get("code") != "wearing":
            pass
        yield connection


def say(connection: ClientConnection, **message: Any) -> None:
    connection.send(msgspec.msgpack.encode(message))


def hear(connection: ClientConnection) -> dict[str, Any]:
    return msgspec.msgpack.decode(connection.recv(6 * PATIENCE_S))


def send_keyframe(connection: ClientConnection, seq: int) -> None:
    say(connection, type="keyframe", seq=seq, frame=jpeg(), landmarks=landmarks(), seed=3)


def keyframe(connection: ClientConnection, seq: int) -> dict[str, Any]:
    """Send one and wait for its answer."""
    send_keyframe(connection, seq)
    while True:
        message = hear(connection)
        if message.get("seq") == seq:
            return message


@cache
def jpeg() -> bytes:
    """A drawn person."""
    return cv2.imencode(".jpg", frame_of(POSE)[..., ::-1])[1].tobytes()


def landmarks() -> list[list[float]]:
    """Hers."""
    return POSE.to_wire(hw=HW)


# A studio.


def capture_request(program: Program, *, accept: str, **fields: Any) -> urllib.request.Request:
    body = {
        "frame": base64.b64encode(jpeg()).decode(),
        "landmarks": landmarks(),
        "output": {"long_side": 256},
        **WISH,
        **fields,
    }
    headers = {"Content-Type": "application/json", "Accept": accept}
    return urllib.request.Request(f"http://127.0.0.1:{program.port}/virtual-tryon", json.dumps(body).encode(), headers)


def capture(program: Program, **fields: Any) -> tuple[int, dict[str, Any]]:
    """The status and the answer, or the problem."""
    try:
        request = capture_request(program, accept="application/json", **fields)
        with urllib.request.urlopen(request, timeout=12 * PATIENCE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def capture_events(program: Program, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a capture, by name."""
    request = capture_request(program, accept="text/event-stream", **fields)
    with urllib.request.urlopen(request, timeout=12 * PATIENCE_S) as answer:
        blocks = [block for block in answer.read().decode().split("\n\n") if block.startswith("event: ")]
    return [(name[7:], json.loads(data[6:])) for name, data in (block.split("\n", 1) for block in blocks)]
