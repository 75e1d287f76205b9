"""Clients of the live protocol for tests: a well-behaved one, and a bare socket that does only what it is told.

Must not import the server: what it knows is what the protocol says.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.fakes import jpeg
from tests.serving import PATIENCE_S, Running

MSGPACK = "lucy.msgpack.v1"
FRAME = jpeg()


class Kiosk:
    """A client of the live protocol, in either encoding."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.binary = connection.subprotocol == MSGPACK

    def say(self, type: str, **fields: Any) -> None:
        message = {"type": type, **fields}
        encoded = msgspec.msgpack.encode(message) if self.binary else msgspec.json.encode(message).decode()
        self.connection.send(encoded)

    def hear(self) -> dict:
        data = self.connection.recv(PATIENCE_S)
        return msgspec.msgpack.decode(data) if self.binary else json.loads(data)

    def hear_until(self, type: str, **fields: Any) -> dict:
        while True:
            message = self.hear()
            if message["type"] == type and fields.items() <= message.items():
                return message

    def closed_with(self) -> int | None:
        """Read on until the close. None where the connection broke without one."""
        try:
            while True:
                self.connection.recv(PATIENCE_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@contextmanager
def kiosk(server: Running, *, subprotocol: str | None = MSGPACK, **options: Any) -> Iterator[Kiosk]:
    offered = [subprotocol] if subprotocol else None
    with connect(server.url("/ws", scheme="ws"), subprotocols=offered, max_size=None, **options) as connection:
        client = Kiosk(connection)
        assert client.hear()["type"] == "ready"
        yield client


@contextmanager
def raw_socket(server: Running, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    """A connection past the handshake that does only what it is told: it answers no ping and reads nothing."""
    host, port = server.host.split(":")
    with socket.socket() as plain:
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(PATIENCE_S)
        plain.connect((host, int(port)))
        plain.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {server.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: {MSGPACK}\r\n\r\n".encode()
        )
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += plain.recv(1)
        yield plain


def sent(plain: socket.socket, data: bytes) -> bool:
    """Whether it could be sent; not when the server has hung up."""
    try:
        plain.sendall(data)
    except OSError:
        return False
    return True


def frame_of(payload: bytes, *, opcode: int = 2, claimed: int | None = None) -> bytes:
    """A masked WebSocket frame; the mask is zero. `claimed` is a length that may not be true."""
    length = len(payload) if claimed is None else claimed
    if length < 126:
        size = bytes([0x80 | length])
    elif length < 1 << 16:
        size = bytes([0x80 | 126]) + length.to_bytes(2, "big")
    else:
        size = bytes([0x80 | 127]) + length.to_bytes(8, "big")
    return bytes([0x80 | opcode]) + size + bytes(4) + payload


def keyframe_frame(seq: int) -> bytes:
    return frame_of(msgspec.msgpack.encode({"type": "keyframe", "seq": seq, "frame": FRAME}))
