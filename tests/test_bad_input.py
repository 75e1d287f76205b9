"""Everything that may come in and should not, against a real server: a clear code each time, and nothing is harmed.

One server serves all of it, and at the end it is asked whether it still has the threads, tasks, files and sessions it
began with.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection

import httpx2
import msgspec
import psutil
import pytest
from websockets.sync.client import connect

from tests.bad_pictures import mpo, read_everywhere, refused_everywhere
from tests.fakes import FakeFitting, jpeg, layer_png
from tests.kiosks import FRAME, MSGPACK, Kiosk, frame_of, keyframe_frame, kiosk, raw_socket, sent
from tests.serving import PATIENCE_S, Running, eventually, run_server

REFUSED = refused_everywhere()
READ = read_everywhere()
STATUS = {"image_too_large": 413, "unsupported_format": 415}
MAX_FRAME_BYTES = 256 << 10
LANDMARKS = [[0.5, 0.5, 0.0, 1.0]] * 33


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    limits = {"max_frame_bytes": MAX_FRAME_BYTES, "max_upload_bytes": 1 << 20, "max_sessions": 50}
    with run_server(FakeFitting(), **limits, client_timeout_s=2.0) as running:
        yield running


@pytest.fixture(scope="module")
def http(server: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url(""), timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def nothing_is_leaked(server: Running) -> Iterator[None]:
    """Warm the server up, count, let every test of this file pass, count again."""
    with kiosk(server) as client:
        for seq in range(3):
            client.say("keyframe", seq=seq, frame=FRAME)
            client.hear_until("enhanced")
    httpx2.get(server.url("/ready"))
    eventually(lambda: _idle(server))
    before = _census(server)
    yield
    eventually(lambda: _idle(server))
    after = eventually(lambda: _no_more(_census(server), before))
    assert after["memory"] - before["memory"] < 64 << 20


def _idle(server: Running) -> bool:
    fitting = server.services.fitting
    return len(server.services.sessions) == 0 and fitting.opened == fitting.closed


def _census(server: Running) -> dict[str, int]:
    gc.collect()
    process = psutil.Process()
    return {
        "tasks": len(asyncio.all_tasks(server.server._loop)),
        "connections": len(server.server.server_state.connections),
        "files": process.num_fds(),
        "threads": sum(not thread.name.startswith(("lucy-", "AnyIO")) for thread in threading.enumerate()),
        "memory": process.memory_info().rss,
    }


def _no_more(now: dict[str, int], before: dict[str, int]) -> dict[str, int] | None:
    counted = ("tasks", "connections", "files", "threads")
    return now if all(now[name] <= before[name] + 1 for name in counted) else None  # + 1: a kept-alive HTTP client


@pytest.fixture
def client(server: Running) -> Iterator[Kiosk]:
    with kiosk(server) as client:
        yield client


def still_served(client: Kiosk, *, seq: int = 1000) -> bool:
    client.say("keyframe", seq=seq, frame=FRAME)
    return client.hear_until("enhanced", seq=seq)["stage"] == "mirror"


# --- Pictures


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_frame_costs_its_error(client, name):
    data, code = REFUSED[name]
    client.say("keyframe", seq=7, frame=data)
    error = client.hear()
    assert (error["type"], error["code"], error["seq"], error["retryable"]) == ("error", code, 7, False)
    assert still_served(client)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_picture_is_a_problem_over_http(http, name):
    data, code = REFUSED[name]
    answer = http.post("/virtual-tryon", files={"frame": ("frame.jpg", data)})
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, answer.json()["code"]) == (STATUS.get(code, 422), code)


@pytest.mark.parametrize("name", READ)
def test_an_unusual_picture_is_understood(client, http, name):
    client.say("keyframe", seq=0, frame=READ[name])
    assert client.hear_until("enhanced")["size"] == [48, 64]
    answer = http.post("/virtual-tryon", files={"frame": READ[name]})
    assert (answer.status_code, answer.json()["size"]) == (200, [48, 64])


def test_several_pictures_in_one_file_are_one_in_an_upload_and_none_live(client, http):
    client.say("keyframe", seq=0, frame=mpo())
    assert client.hear()["code"] == "image_animated"
    assert http.post("/virtual-tryon", files={"frame": mpo()}).status_code == 200


def test_a_frame_over_its_bytes_is_an_error_and_the_session_goes_on(client):
    client.say("keyframe", seq=0, frame=bytes(MAX_FRAME_BYTES + 1))
    assert client.hear()["code"] == "image_too_large"
    assert still_served(client)


def test_a_frame_over_its_pixels_is_an_error(client):
    client.say("keyframe", seq=0, frame=jpeg((1500, 1500)))
    assert client.hear()["code"] == "image_too_large"


def test_a_layer_of_another_size_is_an_error(client, http):
    client.say("keyframe", seq=0, frame=FRAME, layer=layer_png((48, 65)))
    error = client.hear()
    assert (error["code"], error["seq"]) == ("layer_size", 0)
    assert still_served(client)
    answer = http.post("/virtual-tryon", files={"frame": FRAME, "layer": layer_png((20, 20))})
    assert (answer.status_code, answer.json()["code"]) == (422, "layer_size")


@pytest.mark.parametrize(
    "rows",
    [
        [],
        LANDMARKS[:32],
        LANDMARKS[:32] + [[0.5, 0.5, 0.0]],
        LANDMARKS[:32] + [[math.nan, 0.5, 0.0, 1.0]],
        LANDMARKS[:32] + [[math.inf, 0.5, 0.0, 1.0]],
        LANDMARKS[:32] + [[0.5, 1e300, 0.0, 1.0]],
        LANDMARKS[:32] + [[0.5, 0.5, 0.0, 1.5]],
        LANDMARKS[:32] + [[0.5, 0.5, 0.0, -0.1]],
    ],
)
def test_landmarks_that_cannot_be_are_an_error(client, http, rows):
    client.say("keyframe", seq=0, frame=FRAME, landmarks=rows)
    error = client.hear()
    assert (error["code"], error["seq"]) == ("bad_landmarks", 0)
    assert still_served(client)
    answer = http.post("/virtual-tryon", files={"frame": FRAME}, data={"landmarks": json.dumps(rows)})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_landmarks")


# --- Messages


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"garment_id": "no-such"}, "unknown_garment"),
        ({"fabric_id": "no-such", "cut": "single-breasted"}, "unknown_fabric"),
        ({"fabric_id": "navy-twill", "cut": "no-such"}, "unknown_cut"),
        ({"fabric_id": "navy-twill"}, "bad_wish"),
        ({}, "bad_wish"),
        ({"garment_id": "../../etc/passwd"}, "unknown_garment"),
    ],
)
def test_an_unknown_id_is_an_error(client, http, wish, code):
    client.say("wish", **wish)
    assert client.hear()["code"] == code
    assert still_served(client)
    if wish:
        answer = http.post("/virtual-tryon", files={"frame": FRAME}, data=wish)
        assert answer.json()["code"] == code


def test_an_unknown_field_is_an_error(client, http):
    client.say("keyframe", seq=0, frame=FRAME, colour="red")
    assert client.hear()["code"] == "bad_message"
    assert still_served(client)
    answer = http.post("/virtual-tryon", files={"frame": FRAME}, data={"colour": "red"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "colour" not in answer.text
    assert "red" not in answer.text.replace("retryable", "").replace("required", "")


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x81", b"\x93\x01\x02\x03", b"\xff" * 100, b"\x81\xa4type\xa5ping"])
def test_broken_msgpack_closes_with_1007(server, data):
    with kiosk(server) as client:
        client.connection.send(data)
        assert client.hear()["code"] == "broken_envelope"
        assert client.closed_with() == 1007


@pytest.mark.parametrize("data", ["", "{", "null", '"ping"', "[" * 10**5, '{"type": 1}', '{"type": "ping", "t": NaN}'])
def test_broken_json_closes_with_1007(server, data):
    with kiosk(server, subprotocol="lucy.json.v1") as client:
        client.connection.send(data)
        assert client.hear()["code"] == "broken_envelope"
        assert client.closed_with() == 1007


def test_an_unknown_type_closes_with_1003(server):
    with kiosk(server) as client:
        client.say("dance")
        assert client.closed_with() == 1003


def test_text_on_the_binary_protocol_and_the_reverse_close_with_1003(server):
    with kiosk(server) as client:
        client.connection.send('{"type": "ping", "t": 1}')
        assert client.closed_with() == 1003
    with kiosk(server, subprotocol="lucy.json.v1") as client:
        client.connection.send(msgspec.msgpack.encode({"type": "ping", "t": 1}))
        assert client.closed_with() == 1003


def test_text_that_is_no_utf8_closes_with_1007(server):
    with raw_socket(server) as rude:
        rude.sendall(frame_of(b"\xff\xfe", opcode=1))
        assert _close_code(rude) == 1007


def test_a_frame_without_a_mask_is_a_protocol_error(server):
    with raw_socket(server) as rude:
        rude.sendall(b"\x82\x01\x00")
        assert _close_code(rude) == 1002


@pytest.mark.parametrize("size", [1 << 20, 8 << 20, 64 << 20])
def test_a_message_over_the_limit_closes_with_1009(server, size):
    with kiosk(server) as client:
        sender = threading.Thread(target=_send_quietly, args=(client, bytes(size)))
        sender.start()
        assert client.closed_with() == 1009
        sender.join(PATIENCE_S)


def test_a_message_that_only_claims_to_be_over_the_limit_closes_with_1009(server):
    with raw_socket(server) as rude:
        rude.sendall(frame_of(b"x", claimed=2**40))
        assert _close_code(rude) == 1009


def test_a_message_in_a_thousand_pieces_is_bounded_too(server):
    with raw_socket(server) as rude:
        piece = bytearray(frame_of(bytes(64 << 10), opcode=0))
        piece[0] = 0x00  # not the last one
        first = bytearray(frame_of(bytes(64 << 10)))
        first[0] = 0x02
        if sent(rude, bytes(first)):
            for _ in range(64):
                if not sent(rude, bytes(piece)):
                    break
        assert _close_code(rude) == 1009


def _close_code(plain: socket.socket) -> int | None:
    """Of the close frame; None where the connection ends without one."""
    data = b""
    while True:
        try:
            more = plain.recv(65536)
        except OSError:
            more = b""
        data += more
        at = data.rfind(b"\x88")
        if at >= 0 and len(data) >= at + 4 and data[at + 1] == len(data) - at - 2:
            return int.from_bytes(data[at + 2 : at + 4], "big")
        if not more:
            return None


def _send_quietly(client: Kiosk, data: bytes) -> None:
    try:
        client.connection.send(data)
    except Exception:
        return


# --- Clients


def test_a_client_that_vanishes_in_the_middle_of_a_message(server):
    for _ in range(5):
        with raw_socket(server) as gone:
            gone.sendall(keyframe_frame(0)[:200])
            eventually(lambda: len(server.services.sessions) >= 1)
    eventually(lambda: _idle(server))


def test_a_client_that_vanishes_with_a_frame_under_way(server):
    server.services.fitting.gate.clear()
    with raw_socket(server) as gone:
        gone.sendall(keyframe_frame(0))
        eventually(lambda: any(s._session._frames.under_way for s in server.services.sessions._open))
    server.services.fitting.gate.set()
    eventually(lambda: _idle(server))


def test_a_client_that_stops_in_the_middle_of_a_handshake(server):
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as half:
        half.sendall(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: webs")
        assert httpx2.get(server.url("/health")).status_code == 200


def test_a_client_that_never_reads(server):
    """Nor does it answer pings. What becomes of it is in test_live_server.py; here it must not be in anybody's way."""
    with raw_socket(server, receive_buffer=4096) as deaf, kiosk(server) as client:
        deaf.sendall(keyframe_frame(0))
        assert still_served(client)


def test_an_upload_that_stops_half_way_is_given_up(server):
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as half:
        half.sendall(b"POST /virtual-tryon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        half.sendall(b"Content-Length: 999\r\n\r\n{")
        answer = half.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"body_timeout" in answer


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_and_the_client_hears_of_it(server, chunked):
    """Also a client that reads nothing before it has sent everything."""
    connection = HTTPConnection(server.host, timeout=PATIENCE_S)
    memory = psutil.Process().memory_info().rss
    pieces = (bytes(1 << 20) for _ in range(32))
    headers = {"Content-Type": "application/json"} | ({} if chunked else {"Content-Length": str(32 << 20)})
    connection.request("POST", "/virtual-tryon", pieces, headers, encode_chunked=chunked)
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["code"]) == (413, "body_too_large")
    assert psutil.Process().memory_info().rss - memory < 16 << 20
    connection.close()


def test_a_body_over_the_limit_is_refused_before_it_comes_to_a_client_that_asks(server):
    host, port = server.host.split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as asking:
        asking.sendall(b"POST /virtual-tryon HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
        asking.sendall(b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        assert asking.makefile("rb").read().startswith(b"HTTP/1.1 413")


def test_two_hundred_sockets_at_once(server):
    """Fifty have a place, and every other is told so; those that have one are served."""
    process = psutil.Process()
    before = process.memory_info().rss
    with ExitStack() as stack, ThreadPoolExecutor(16) as openers:

        def open_one(_: int) -> Kiosk:
            url = server.url("/ws", scheme="ws")
            return Kiosk(stack.enter_context(connect(url, subprotocols=[MSGPACK], open_timeout=PATIENCE_S)))

        clients = list(openers.map(open_one, range(200)))
        greetings = list(openers.map(Kiosk.hear, clients))
        welcome = [client for client, greeting in zip(clients, greetings, strict=True) if greeting["type"] == "ready"]
        turned_away = [client for client in clients if client not in welcome]
        assert len(welcome) == 50
        assert {greeting.get("code") for greeting in greetings} == {None, "busy"}
        assert set(openers.map(Kiosk.closed_with, turned_away)) == {1013}
        assert all(openers.map(still_served, welcome))
        assert process.memory_info().rss - before < 128 << 20
    eventually(lambda: _idle(server))


def test_random_bytes_on_the_wire_end_in_a_close_not_in_a_crash(server):
    rng = random.Random(5)
    for _ in range(30):
        with raw_socket(server) as rude:
            sent(rude, rng.randbytes(rng.randint(1, 400)))
            rude.shutdown(socket.SHUT_WR)
            while rude.recv(65536):
                pass
    assert httpx2.get(server.url("/health")).status_code == 200
