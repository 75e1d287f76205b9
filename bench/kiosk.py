"""Kiosks without a camera or a screen: they send encoded frames over WebSocket and note when pictures come back.

Owns one client in two tempers, one frame in flight or pushing without waiting; pictures are not decoded. Must not know
what is made of the notes.
"""

from __future__ import annotations

import asyncio
import base64
import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_PATIENCE_S = 60.0


class Answer(msgspec.Struct):
    """What is read of a server's message; pictures are skipped over."""

    type: str
    seq: int | None = None
    seqs: list[int] = []
    code: str = ""
    message: str = ""
    stage: str = ""
    timings_ms: dict[str, float] = {}


@dataclass
class Notes:
    """What one kiosk saw. Seconds are time.monotonic()."""

    pictures: list[tuple[int, float]] = field(default_factory=list)
    """seq and time of arrival."""
    sent_s: dict[int, float] = field(default_factory=dict)
    """seq -> when the frame was captured, which is when it was sent or should have been."""
    stages: list[str] = field(default_factory=list)
    timings_ms: list[dict[str, float]] = field(default_factory=list)
    dropped: int = 0
    errors: list[str] = field(default_factory=list)

    def take(self, answer: Answer) -> None:
        """Note an answer that has just come."""
        if answer.type == "enhanced":
            self.pictures.append((answer.seq, time.monotonic()))
            self.stages.append(answer.stage)
            self.timings_ms.append(answer.timings_ms)
        elif answer.type == "dropped":
            self.dropped += len(answer.seqs)
        elif answer.type == "error":
            self.errors.append(answer.code)

    def trips_ms(self) -> list[float]:
        """From sending a frame to having its picture."""
        return [1e3 * (came_s - self.sent_s[seq]) for seq, came_s in self.pictures]

    def ages_ms(self, *, hz: float, until_s: float) -> list[float]:
        """How old the picture on the screen is, looked at `hz` times a second from the first picture on."""
        ages, shown = [], -1
        now_s = self.pictures[0][1] if self.pictures else until_s
        while now_s < until_s:
            while shown + 1 < len(self.pictures) and self.pictures[shown + 1][1] <= now_s:
                shown += 1
            ages.append(1e3 * (now_s - self.sent_s[self.pictures[shown][0]]))
            now_s += 1 / hz
        return ages


class Kiosk:
    """One connection, dressed. `text` speaks JSON with base64, else msgpack."""

    def __init__(
        self,
        socket: ClientConnection,
        *,
        frames: Sequence[bytes],
        text: bool,
        first: int = 0,
        told: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`told` is said with every frame: landmarks, for instance."""
        self._socket = socket
        self._text = text
        self._frames = [base64.b64encode(frame).decode() for frame in frames] if text else frames
        self._next = first  # where in the film this kiosk begins
        self._told = told
        self._seq = 0
        self.notes = Notes()

    async def wear(self, wish: dict[str, str]) -> None:
        """Wish, and wait until it is worn."""
        await self._socket.send(self._encode({"type": "wish", **wish}))
        while (answer := await self._receive()).type != "notice" or answer.code != "wearing":
            if answer.type == "error":
                raise RuntimeError(f"the wish was refused: {answer.code}, {answer.message}")

    async def pull(
        self, *, until_s: float = math.inf, most: float = math.inf, every_s: float = 0.0, phase_s: float = 0.0
    ) -> None:
        """One frame in flight; the next is due `every_s` after the last was, or as soon as its picture is there."""
        due_s, last = time.monotonic() + phase_s, self._seq + most
        with self._noting_the_end():
            while due_s < until_s and self._seq < last:
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
                await self._send_frame()
                await self._answered()
                due_s = max(due_s + every_s, time.monotonic())

    async def push(self, *, until_s: float, hz: float, phase_s: float = 0.0) -> None:
        """Send at a camera's pace, whatever comes back; what the network does not take waits here, as in a browser."""
        reading = asyncio.create_task(self._read())
        sending: set[asyncio.Task[None]] = set()
        due_s = time.monotonic() + phase_s
        while due_s < until_s:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            task = asyncio.create_task(self._try_to_send())
            sending.add(task)
            task.add_done_callback(sending.discard)
            due_s += 1 / hz
        for task in (reading, *sending):
            task.cancel()
        await asyncio.gather(reading, *sending, return_exceptions=True)

    def forget(self) -> None:
        """Begin the notes anew, once everything is warm."""
        self.notes = Notes()

    async def _try_to_send(self) -> None:
        with suppress(ConnectionClosed):  # the reader notes it
            await self._send_frame()

    async def _send_frame(self) -> None:
        self._seq += 1
        frame = self._frames[self._next % len(self._frames)]
        self._next += 1
        self.notes.sent_s[self._seq] = time.monotonic()
        await self._socket.send(self._encode({"type": "keyframe", "seq": self._seq, "frame": frame, **self._told}))

    async def _answered(self) -> None:
        """Wait for what becomes of the frame under way."""
        while True:
            answer = await self._receive()
            self.notes.take(answer)
            if answer.seq == self._seq or self._seq in answer.seqs:
                return

    async def _read(self) -> None:
        with self._noting_the_end():
            while True:  # without wait_for, which before Python 3.12 may swallow the cancellation
                self.notes.take(self._decode(await self._socket.recv()))

    @contextmanager
    def _noting_the_end(self) -> Iterator[None]:
        """A session that the server ends is a result; what its screen shows goes on ageing."""
        try:
            yield
        except ConnectionClosed as closed:
            self.notes.errors.append(f"closed {closed.rcvd.code if closed.rcvd else 'without a word'}")

    async def _receive(self) -> Answer:
        return self._decode(await asyncio.wait_for(self._socket.recv(), _PATIENCE_S))

    def _decode(self, message: bytes | str) -> Answer:
        return (msgspec.json if self._text else msgspec.msgpack).decode(message, type=Answer)

    def _encode(self, message: dict[str, Any]) -> bytes | str:
        return msgspec.json.encode(message).decode() if self._text else msgspec.msgpack.encode(message)


@asynccontextmanager
async def at_kiosk(
    url: str,
    *,
    frames: Sequence[bytes],
    text: bool = False,
    first: int = 0,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> AsyncIterator[Kiosk]:
    """A connected kiosk. Leaving does not wait for the server."""
    subprotocols = None if text else ["lucy.msgpack.v1"]
    socket = await connect(
        url, subprotocols=subprotocols, compression=None, max_size=None, ping_interval=None, proxy=None, open_timeout=30
    )
    try:
        yield Kiosk(socket, frames=frames, text=text, first=first, told=told)
    finally:
        socket.transport.abort()
