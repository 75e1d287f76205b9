"""A real server, real sockets, a fake fitting: what a kiosk can rely on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from models.fitting import Wish
from server.live.session import Session
from tests.fakes import FakeFitting, layer_png
from tests.kiosks import FRAME, MSGPACK, Kiosk, frame_of, keyframe_frame, kiosk, raw_socket, sent
from tests.serving import PATIENCE_S, Running, eventually, run_server

NAVY = {"fabric_id": "navy-twill", "cut": "single-breasted"}


@pytest.fixture
def fitting() -> FakeFitting:
    return FakeFitting()


@pytest.fixture
def server(fitting: FakeFitting) -> Iterator[Running]:
    with run_server(fitting) as running:
        yield running


@pytest.mark.parametrize("subprotocol", [MSGPACK, "lucy.json.v1", None])
def test_a_frame_comes_back_in_every_encoding(server, fitting, subprotocol):
    with kiosk(server, subprotocol=subprotocol) as client:
        client.say("wish", **NAVY)
        assert client.hear()["code"] == "wearing"
        client.say("keyframe", seq=1, captured_ms=5.0, frame=FRAME, layer=layer_png(), seed=9)
        answer = client.hear()
        assert (answer["type"], answer["seq"], answer["captured_ms"], answer["seed"]) == ("enhanced", 1, 5.0, 9)
        assert answer["size"] == [48, 64]
        assert len(answer["landmarks"]) == 33
        image = answer["image"]
        assert image[:2] == b"\xff\xd8" if client.binary else image.startswith("data:image/jpeg;base64,/9j/")
    assert fitting.requests[0].wish == Wish(**NAVY)
    assert fitting.requests[0].layer == layer_png()


def test_a_client_may_start_with_a_keyframe_that_carries_its_wish(server, fitting):
    with kiosk(server) as client:
        client.say("keyframe", seq=0, frame=FRAME, wish=NAVY)
        assert client.hear_until("notice", code="wearing")
        client.say("keyframe", seq=1, frame=FRAME, wish=NAVY)
        assert client.hear_until("enhanced", seq=1)["stage"] == "composite"
    assert fitting.prepared == [Wish(**NAVY)]


def test_hello_chooses_how_pictures_are_answered(server):
    with kiosk(server) as client:
        client.say("hello", output={"format": "png"}, token="ignored", client="test")
        client.say("keyframe", seq=0, frame=FRAME)
        assert client.hear_until("enhanced")["image"][:4] == b"\x89PNG"


def test_newer_frames_win_and_every_frame_is_accounted_for(server, fitting):
    with kiosk(server) as client:
        fitting.gate.clear()
        client.say("keyframe", seq=0, frame=FRAME)
        eventually(lambda: server.services.workers.live._executor._work_queue.empty() and _in_flight(server))
        for seq in range(1, 10):
            client.say("keyframe", seq=seq, frame=FRAME)
        client.say("ping", t=1)
        client.hear_until("pong")
        fitting.gate.set()
        told: list[int] = []
        answered = []
        while len(told) < 10:
            message = client.hear()
            if message["type"] == "enhanced":
                answered.append(message["seq"])
            told += message.get("seqs", [message["seq"]] if "seq" in message else [])
        assert told == list(range(10))
        assert answered == [0, 9]


def _in_flight(server: Running) -> bool:
    return any(socket._session._frames.under_way for socket in server.services.sessions._open)


def test_the_stream_goes_on_while_something_new_is_made_up(server, fitting):
    with kiosk(server) as client:
        client.say("wish", **NAVY)
        client.hear_until("notice", code="wearing")
        fitting.prepare_gate.clear()
        client.say("wish", fabric_id="grey-flannel", cut="double-breasted")
        for seq in range(5):
            client.say("keyframe", seq=seq, frame=FRAME)
            assert client.hear()["type"] == "enhanced"
        assert {request.wish.fabric_id for request in fitting.requests} == {"navy-twill"}
        fitting.prepare_gate.set()
        client.hear_until("notice", code="wearing")
        client.say("keyframe", seq=5, frame=FRAME)
        client.hear_until("enhanced", seq=5)
        assert fitting.requests[-1].wish.fabric_id == "grey-flannel"


def test_an_unknown_wish_is_an_error_and_the_session_goes_on(server):
    with kiosk(server) as client:
        client.say("wish", garment_id="no-such")
        assert client.hear()["code"] == "unknown_garment"
        client.say("keyframe", seq=0, frame=FRAME)
        client.hear_until("enhanced")


def test_a_bug_in_the_heart_costs_one_frame_and_says_nothing_of_itself(server, fitting):
    with kiosk(server) as client:
        fitting.broken = RuntimeError("a secret")
        client.say("keyframe", seq=0, frame=FRAME)
        error = client.hear()
        assert (error["code"], error["seq"], error["retryable"]) == ("internal", 0, True)
        assert "secret" not in error["message"]
        fitting.broken = None
        client.say("keyframe", seq=1, frame=FRAME)
        client.hear_until("enhanced", seq=1)


@pytest.mark.parametrize("place", ["receive", "start_frame", "start_wish"])
def test_a_bug_of_our_own_ends_the_session_and_is_said(server, monkeypatch, caplog, place):
    def bug(*_: Any) -> None:
        raise RuntimeError("a secret")

    with kiosk(server) as client:
        monkeypatch.setattr(Session, place, bug)
        client.say("keyframe", seq=0, frame=FRAME, wish=NAVY)
        error = client.hear()
        assert (error["code"], error["retryable"]) == ("internal", True)
        assert client.closed_with() == 1011
    assert "a secret" in caplog.text
    monkeypatch.undo()
    with kiosk(server) as client:
        client.say("keyframe", seq=0, frame=FRAME)
        client.hear_until("enhanced")


def test_a_frame_that_takes_too_long_ends_the_session_and_spares_the_others(fitting):
    with run_server(fitting, frame_timeout_s=0.2, worker_threads=2) as server, kiosk(server) as other:
        with kiosk(server) as client:
            fitting.gate.clear()
            client.say("keyframe", seq=0, frame=FRAME)
            error = client.hear()
            assert (error["code"], error["seq"], error["retryable"]) == ("timeout", 0, True)
            assert client.closed_with() == 1011
        fitting.gate.set()
        other.say("keyframe", seq=0, frame=FRAME)
        other.hear_until("enhanced")
        eventually(lambda: fitting.closed == 1)  # once the stuck call has returned, and not before


def test_two_sessions_do_not_wait_for_each_other(fitting):
    with run_server(fitting, worker_threads=2) as server, kiosk(server) as first, kiosk(server) as second:
        for seq in range(20):
            first.say("keyframe", seq=seq, frame=FRAME)
            second.say("keyframe", seq=seq, frame=FRAME)
            first.hear_until("enhanced", seq=seq)
            second.hear_until("enhanced", seq=seq)


def test_bye_is_answered_with_a_normal_close(server):
    with kiosk(server) as client:
        client.say("bye")
        assert client.closed_with() == 1000


def test_every_place_taken_is_said_and_closed_with_try_again_later(fitting):
    with run_server(fitting, max_sessions=1) as server, kiosk(server), connect(server.url("/ws", scheme="ws")) as late:
        error = Kiosk(late).hear()
        assert (error["type"], error["code"], error["retryable"]) == ("error", "busy", True)
        assert Kiosk(late).closed_with() == 1013
    with run_server(FakeFitting(max_live=0)) as server, kiosk(server) as client:
        assert client.hear()["code"] == "busy"
        assert client.closed_with() == 1013


def test_a_place_is_free_again_when_a_kiosk_leaves(fitting):
    with run_server(fitting, max_sessions=1) as server:
        for _ in range(3):
            with kiosk(server):
                pass
            eventually(lambda: len(server.services.sessions) == 0)
    assert fitting.opened == fitting.closed == 3


# --- Who may connect


def test_pages_of_other_origins_are_refused_before_the_handshake(fitting):
    with run_server(fitting, ws_origins=["https://shop.example"]) as server:
        for origin in ("https://evil.example", "null"):
            with pytest.raises(InvalidStatus) as caught:
                connect(server.url("/ws", scheme="ws"), origin=origin)
            assert caught.value.response.status_code == 403
            assert json.loads(caught.value.response.body)["code"] == "forbidden_origin"
        for origin in ("https://shop.example", f"http://{server.host}"):
            with kiosk(server, origin=origin):
                pass


def test_an_unknown_subprotocol_is_refused_before_the_handshake(server):
    with pytest.raises(InvalidStatus) as caught:
        connect(server.url("/ws", scheme="ws"), subprotocols=["lucy.v9"])
    assert caught.value.response.status_code == 400


def test_messages_are_not_compressed(server):
    with connect(server.url("/ws", scheme="ws"), compression="deflate") as connection:
        assert not connection.protocol.extensions


# --- Slow and silent clients


def test_a_slow_reader_costs_one_finished_picture_and_gets_newer_ones():
    """Twenty pictures of four megabytes would be made if nobody looked at the socket."""
    fitting = FakeFitting(image=b"\xff\xd8" + bytes(4 << 20))
    with run_server(fitting) as server, raw_socket(server, receive_buffer=4096) as slow:
        for seq in range(20):
            slow.send(keyframe_frame(seq))
        eventually(lambda: fitting.requests)
        with kiosk(server) as other:  # somebody else is served meanwhile, so time has passed
            for seq in range(20):
                other.say("keyframe", seq=seq, frame=FRAME)
                other.hear_until("enhanced", seq=seq)
        assert len(fitting.requests) == 20 + 1


def test_a_client_that_never_reads_is_dropped():
    fitting = FakeFitting(image=b"\xff\xd8" + bytes(4 << 20))
    with run_server(fitting, client_timeout_s=0.3) as server:
        with raw_socket(server, receive_buffer=4096) as deaf:
            deaf.send(keyframe_frame(0))
            eventually(lambda: len(server.services.sessions) == 1)
            eventually(lambda: len(server.services.sessions) == 0)
            eventually(lambda: not server.server.server_state.connections)
        eventually(lambda: fitting.opened == fitting.closed)


def test_a_client_that_does_not_read_small_answers_is_dropped_too(fitting):
    with run_server(fitting, max_messages_per_s=100_000, client_timeout_s=0.5) as server:
        with raw_socket(server, receive_buffer=4096) as deaf:
            ping = frame_of(msgspec.msgpack.encode({"type": "ping", "t": 1.0}))
            while sent(deaf, ping * 1000):
                pass
        eventually(lambda: len(server.services.sessions) == 0)


def test_a_dead_client_is_dropped(fitting):
    """It is there, but answers no ping: as after a power cut."""
    with run_server(fitting, ping_interval_s=0.1, client_timeout_s=0.2) as server, raw_socket(server):
        eventually(lambda: fitting.opened == 1)
        eventually(lambda: len(server.services.sessions) == 0)


def test_an_idle_client_that_answers_pings_stays(fitting):
    with run_server(fitting, ping_interval_s=0.05, client_timeout_s=PATIENCE_S) as server, kiosk(server) as client:
        connection = next(iter(server.server.server_state.connections))
        eventually(lambda: connection.last_ping_rtt > 0)
        client.say("ping", t=2)
        assert client.hear_until("pong")["t"] == 2


def test_too_many_messages_end_the_session(fitting):
    with run_server(fitting, max_messages_per_s=20) as server, kiosk(server) as client:
        for _ in range(41):
            client.say("ping", t=0)
        assert client.hear_until("error")["code"] == "too_many_messages"
        assert client.closed_with() == 1008


# --- The end


def test_draining_answers_what_is_under_way_then_closes_with_restart(fitting):
    with run_server(fitting) as server, kiosk(server) as client, kiosk(server) as idle:
        fitting.gate.clear()
        client.say("keyframe", seq=0, frame=FRAME)
        eventually(lambda: _in_flight(server))
        server.server.handle_exit(signal.SIGTERM, None)
        notice = client.hear_until("notice", code="draining")
        assert notice["retry_in_ms"] > 0
        assert idle.closed_with() == 1012
        assert _get(server, "/health") == 200
        assert _get(server, "/ready") == 503
        with connect(server.url("/ws", scheme="ws")) as late:
            assert Kiosk(late).hear()["code"] == "draining"
            assert Kiosk(late).closed_with() == 1012
        fitting.gate.set()
        assert client.hear_until("enhanced")["seq"] == 0
        assert client.closed_with() == 1012
        server.thread.join(PATIENCE_S)
        assert not server.thread.is_alive()
    assert fitting.shut
    assert fitting.opened == fitting.closed


def test_draining_does_not_wait_for_ever(fitting):
    with run_server(fitting, drain_s=0.3) as server, kiosk(server) as client:
        fitting.gate.clear()
        client.say("keyframe", seq=0, frame=FRAME)
        eventually(lambda: _in_flight(server))
        server.server.handle_exit(signal.SIGTERM, None)
        assert client.closed_with() == 1012
        fitting.gate.set()
        server.thread.join(PATIENCE_S)
        assert not server.thread.is_alive()


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_sigterm_during_a_stream_ends_the_process_cleanly():
    script = "from tests.serving import serve_for_ever; serve_for_ever()"
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            port = int(process.stdout.readline())
            with connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[MSGPACK]) as connection:
                client = Kiosk(connection)
                stop = threading.Event()
                sender = threading.Thread(target=_stream, args=(client, stop))
                sender.start()
                client.hear_until("enhanced", seq=3)
                process.send_signal(signal.SIGTERM)
                assert client.hear_until("notice", code="draining")
                assert client.closed_with() == 1012
                stop.set()
                sender.join(PATIENCE_S)
            assert process.wait(PATIENCE_S) == -signal.SIGTERM
        finally:
            process.kill()


def _stream(client: Kiosk, stop: threading.Event) -> None:
    seq = 0
    while not stop.wait(0.01):
        try:
            client.say("keyframe", seq=seq, frame=FRAME)
        except ConnectionClosed:
            return
        seq += 1


def _get(server: Running, path: str) -> int:
    with socket.create_connection(tuple(server.host.split(":")), PATIENCE_S) as plain:
        plain.sendall(f"GET {path} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode())
        return int(plain.makefile("rb").readline().split()[1])
