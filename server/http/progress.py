"""Work on its way: told of while it goes on, called off when nobody waits for it.

Owns the events and the cancelling; must not know what the work is.

Events of `text/event-stream`: `queued {}`, whatever the work tells of itself, then `done` with the answer or `error`
with the problem's code, message, hint and whether to try again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

from server.failures import internal_error
from server.patience import within
from utils.errors import LucyError

_LOOK_S = 0.25  # between two looks at whether the client is still there
_QUIET_S = 10.0  # a comment is sent this often, lest a proxy take a long step for a dead connection
_MOST_EVENTS = 256  # that wait for a slow client; the oldest are left out

Result = TypeVar("Result")
logger = logging.getLogger("lucy.http")


class Work(ABC, Generic[Result]):
    """One piece of work. Made in the event loop; started once, by `run_for` or by `stream_events`."""

    def __init__(self) -> None:
        self.cancel = threading.Event()
        """Set when nobody waits for the result any more."""
        self._loop = asyncio.get_running_loop()
        self.told: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MOST_EVENTS)
        """Events, by name and content, that were not passed on yet."""
        self.news = asyncio.Event()
        """Set with every event."""

    @abstractmethod
    async def run(self) -> Result:
        """Do it. Raises LucyError."""

    async def run_for(self, request: Request) -> Result:
        """`run`, called off when the client goes away."""
        work = asyncio.ensure_future(self.run())
        try:
            while not work.done():
                await asyncio.wait((work,), timeout=_LOOK_S)
                if not work.done() and await request.is_disconnected():
                    self.call_off()
                    break
            return await work
        finally:
            self.call_off()

    def call_off(self) -> None:
        """Have it stop as soon as it can. Harmless when it is done."""
        self.cancel.set()

    def tell(self, name: str, **content: Any) -> None:
        """Have the client told, if it asked to be. Any thread."""
        self._loop.call_soon_threadsafe(self._put, name, content)

    def _put(self, name: str, content: dict[str, Any]) -> None:
        self.told.append((name, content))
        self.news.set()


def wants_events(accept: str) -> bool:
    """Whether a client asks for the events."""
    return any(part.split(";")[0].strip().lower() == "text/event-stream" for part in accept.split(","))


def stream_events(
    request: Request, work: Work[Result], *, answer: Callable[[Result], bytes]
) -> StreamingResponse:
    """The work as events. `answer` makes the JSON of the last one; it is called in a thread."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}
    return StreamingResponse(_events(request, work, answer), media_type="text/event-stream", headers=headers)


async def _events(request: Request, work: Work[Result], answer: Callable[[Result], bytes]) -> AsyncIterator[bytes]:
    running = asyncio.ensure_future(work.run())
    running.add_done_callback(lambda _: work.news.set())
    try:
        yield _event("queued", b"{}")
        silent_s = 0.0
        while not running.done():
            try:
                await within(_LOOK_S, work.news.wait())
            except TimeoutError:
                silent_s += _LOOK_S
                if await request.is_disconnected():
                    return
                if silent_s >= _QUIET_S:
                    silent_s = 0.0
                    yield b": still at it\n\n"
                continue
            work.news.clear()
            while work.told:
                name, content = work.told.popleft()
                silent_s = 0.0
                yield _event(name, msgspec.json.encode(content))
        yield await _last(request, running, answer)
    finally:
        work.call_off()
        running.add_done_callback(lambda future: future.cancelled() or future.exception())


async def _last(request: Request, running: asyncio.Future[Result], answer: Callable[[Result], bytes]) -> bytes:
    try:
        return _event("done", await asyncio.to_thread(answer, running.result()))
    except LucyError as error:
        failed = error
    except Exception:  # the answer has begun: this is the only way left to say so
        logger.exception("request %s failed", request.state.request_id)
        failed = internal_error()
    request.app.state.services.metrics.errors.labels(failed.code, "http").inc()
    told = {"code": failed.code, "message": failed.message, "hint": failed.hint, "retryable": failed.retryable}
    return _event("error", msgspec.json.encode(told))


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
