"""A capture on its way: told of step by step, called off when nobody waits for it.

Owns the capture's thread call, its events and its cancelling; must not know what a capture is made of.

Events of `text/event-stream`: `queued {}`, `step {"step": k, "of": n}`, then `done` with the answer or `error` with the
problem's code, message, hint and whether to try again.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import CancelledError

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

from models.fitting import FitRequest, Fitted
from server.services import Services
from utils.errors import CapacityError, LucyError

_LOOK_S = 0.25  # between two looks at whether the client is still there
_QUIET_S = 10.0  # a comment is sent this often, lest a proxy take a long step for a dead connection
_MOST_EVENTS = 256  # that wait for a slow client; steps in between are left out


class CaptureWork:
    """One capture. Started once, by `run_for` or by `stream_events`."""

    def __init__(self, services: Services, fit: FitRequest) -> None:
        self._services = services
        self._fit = fit
        self._cancel = threading.Event()
        self._loop = asyncio.get_running_loop()
        self.steps: asyncio.Queue[tuple[int, int]] = asyncio.Queue(_MOST_EVENTS)

    async def run(self) -> Fitted:
        """Wait for a thread and make the picture.

        Raises:
            LucyError: whatever the fitting raises; busy, timeout.
        """
        services = self._services
        try:
            fitted = await services.workers.captures.run(self._capture, timeout_s=services.settings.capture_timeout_s)
        except CancelledError:
            raise CapacityError("cancelled", "the capture was called off") from None
        services.metrics.picture(fitted.stage, fitted.timings_ms, kind="capture")
        services.metrics.judge(fitted.quality, kind="capture")
        return fitted

    async def run_for(self, request: Request) -> Fitted:
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
        """Have the engine stop at its next step. Harmless when it is done."""
        self._cancel.set()

    def _capture(self) -> Fitted:
        return self._services.fitting.capture(self._fit, on_progress=self._tell, cancel=self._cancel)

    def _tell(self, done: int, total: int) -> None:
        self._loop.call_soon_threadsafe(self._put, done, total)

    def _put(self, done: int, total: int) -> None:
        if not self.steps.full():
            self.steps.put_nowait((done, total))


def wants_events(accept: str) -> bool:
    """Whether a client asks for the events."""
    return any(part.split(";")[0].strip().lower() == "text/event-stream" for part in accept.split(","))


def stream_events(request: Request, work: CaptureWork, *, answer: Callable[[Fitted], bytes]) -> StreamingResponse:
    """The capture as events. `answer` makes the JSON of the last one; it is called in a thread."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept"}
    return StreamingResponse(_events(request, work, answer), media_type="text/event-stream", headers=headers)


async def _events(request: Request, work: CaptureWork, answer: Callable[[Fitted], bytes]) -> AsyncIterator[bytes]:
    running = asyncio.ensure_future(work.run())
    try:
        yield _event("queued", b"{}")
        silent_s = 0.0
        while not running.done():
            try:
                step, of = await asyncio.wait_for(work.steps.get(), _LOOK_S)
            except (TimeoutError, asyncio.TimeoutError):
                silent_s += _LOOK_S
                if await request.is_disconnected():
                    return
                if silent_s >= _QUIET_S:
                    silent_s = 0.0
                    yield b": still at it\n\n"
                continue
            yield _event("step", msgspec.json.encode({"step": step, "of": of}))
        while not work.steps.empty():
            step, of = work.steps.get_nowait()
            yield _event("step", msgspec.json.encode({"step": step, "of": of}))
        yield await _last(running, answer)
    finally:
        work.call_off()
        running.add_done_callback(lambda future: future.cancelled() or future.exception())


async def _last(running: asyncio.Future[Fitted], answer: Callable[[Fitted], bytes]) -> bytes:
    try:
        fitted = running.result()
    except LucyError as error:
        told = {"code": error.code, "message": error.message, "hint": error.hint, "retryable": error.retryable}
        return _event("error", msgspec.json.encode(told))
    return _event("done", await asyncio.to_thread(answer, fitted))


def _event(name: str, data: bytes) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
