"""Captures step by step, and called off: against a real server with a fake fitting."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.request import urlopen

import pytest

from server.http.progress import wants_events
from tests.fakes import FakeFitting, jpeg
from tests.serving import PATIENCE_S, Running, eventually, run_server
from utils.errors import DeviceError

BOUNDARY = "frontier"
BODY = (
    b"".join(
        b"--frontier\r\nContent-Disposition: form-data; name=%s\r\n\r\n%s\r\n" % (name, value)
        for name, value in (
            (b'"frame"; filename="a.jpg"', jpeg()),
            (b'"fabric_id"', b"navy-twill"),
            (b'"cut"', b"single-breasted"),
        )
    )
    + b"--frontier--\r\n"
)


@pytest.fixture
def fitting() -> FakeFitting:
    return FakeFitting()


@pytest.fixture
def served(fitting: FakeFitting) -> Iterator[Running]:
    with run_server(fitting) as running:
        yield running


@contextmanager
def asking(served: Running, accept: str) -> Iterator[http.client.HTTPConnection]:
    _, _, rest = served.url("").partition("://")
    connection = http.client.HTTPConnection(rest.strip("/"), timeout=PATIENCE_S)
    with closing(connection):
        headers = {"Accept": accept, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        connection.request("POST", "/virtual-tryon", BODY, headers)
        yield connection


def status(served: Running) -> int:
    with asking(served, "image/jpeg") as connection, connection.getresponse() as response:
        return response.status


def events_of(served: Running) -> list[tuple[str, dict]]:
    with asking(served, "text/event-stream") as connection, connection.getresponse() as response:
        assert response.status == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        blocks = [block for block in response.read().decode().split("\n\n") if block.startswith("event: ")]
    return [(name[7:], json.loads(data[6:])) for name, data in (block.split("\n", 1) for block in blocks)]


def test_a_capture_is_told_of_step_by_step(served: Running, fitting: FakeFitting) -> None:
    fitting.steps = 5
    events = events_of(served)
    assert [name for name, _ in events] == ["queued", *["step"] * 5, "done"]
    assert [data for name, data in events if name == "step"] == [{"step": k, "of": 5} for k in range(1, 6)]
    answer = events[-1][1]
    assert answer["stage"] == "composite"
    assert answer["image"].startswith("data:image/jpeg;base64,")


def test_a_capture_that_fails_ends_in_its_problem(served: Running, fitting: FakeFitting) -> None:
    fitting.broken = DeviceError("engine_restarting", "the device is coming back")
    events = events_of(served)
    assert events[-1] == (
        "error",
        {"code": "engine_restarting", "message": "the device is coming back", "hint": None, "retryable": True},
    )


def test_a_bug_ends_in_a_problem_as_well_and_is_counted(
    served: Running, fitting: FakeFitting, caplog: pytest.LogCaptureFixture
) -> None:
    fitting.broken = ZeroDivisionError("a fake bug")
    name, told = events_of(served)[-1]
    assert (name, told["code"], told["retryable"]) == ("error", "internal", True)
    assert "fake bug" not in told["message"]
    assert "a fake bug" in caplog.text
    fitting.broken = DeviceError("engine_restarting", "the device is coming back")
    events_of(served)
    with urlopen(served.url("/metrics"), timeout=PATIENCE_S) as answer:
        counted = answer.read().decode()
    for code in ("internal", "engine_restarting"):
        assert f'lucy_errors_total{{channel="http",code="{code}"}} 1.0' in counted


def test_the_end_is_told_as_soon_as_it_is_there(served: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.http.progress._LOOK_S", 60 * PATIENCE_S)
    assert [name for name, _ in events_of(served)] == ["queued", "done"]


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json", "image/jpeg"])
def test_closing_the_connection_calls_the_capture_off(served: Running, fitting: FakeFitting, accept: str) -> None:
    fitting.steps, fitting.step_s = 10_000, 0.02
    with asking(served, accept) as connection:
        eventually(lambda: fitting.begun.is_set())
        if accept == "text/event-stream":
            with connection.getresponse() as response:
                assert response.read(14) == b"event: queued\n"
    assert fitting.called_off.wait(PATIENCE_S)
    fitting.steps = 0
    eventually(lambda: status(served) == 200)


def test_events_are_for_those_who_ask() -> None:
    assert wants_events("text/event-stream")
    assert wants_events("text/event-stream;q=0.9, */*")
    assert not wants_events("application/json, image/*")
    assert not wants_events("")
