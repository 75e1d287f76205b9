"""One kiosk's WebSocket: a task that only reads, a task that only writes, and two that wait for worker threads.

Owns the transport, the tasks and the time limits; must not know what messages mean (session.py) or look like
(protocol.py). Nothing here blocks the event loop, and every wait for a client has a limit.

A finished picture is in memory once at most: the next frame is started only when the last picture has left.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from statistics import quantiles
from typing import Any, TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from models.fitting import FitRequest, Fitted, Fitting, LiveFitting, Wish
from server.failures import internal_error
from server.live.protocol import Codec, Dropped, Enhanced, Error, MessageError
from server.live.session import Answer, Close, Session
from server.patience import within
from server.services import Services
from server.workers import Slot
from utils.errors import CapacityError, LucyError

MAX_UNREAD = 512  # small messages that may wait for a client; more means that it does not read

logger = logging.getLogger("lucy.live")
T = TypeVar("T")


class LazyLiveFitting:
    """A LiveFitting that is opened by its first use. Used in worker threads only, one call at a time."""

    def __init__(self, fitting: Fitting) -> None:
        self._fitting = fitting
        self._live: LiveFitting | None = None

    def open(self) -> None:
        """Raises CapacityError."""
        if self._live is None:
            self._live = self._fitting.open_live()

    def fit(self, request: FitRequest) -> Fitted:
        """Raises LucyError."""
        self.open()
        return self._live.fit(request)

    def close(self) -> None:
        """Whether or not it was opened."""
        if self._live is not None:
            self._live.close()


class LiveSocket:
    """From the handshake, which is done, to the close."""

    def __init__(
        self,
        websocket: WebSocket,
        *,
        session: Session,
        codec: Codec,
        services: Services,
    ) -> None:
        self._websocket = websocket
        self._session = session
        self._codec = codec
        self._settings = services.settings
        self._metrics = services.metrics
        self._workers = services.workers
        self._fitting = services.fitting
        self._live = LazyLiveFitting(services.fitting)
        self._outbox: asyncio.Queue[Answer] = asyncio.Queue()
        self._frame_came = asyncio.Event()
        self._wish_came = asyncio.Event()
        self._totals_ms: deque[float] = deque(maxlen=1024)
        """How long the newest pictures took, from their arrival."""
        self._pictures = 0
        self._close_code: int | None = None
        """What the session was closed with, by whichever side."""

    async def run(self) -> None:
        """Serve the client until one of the two leaves."""
        self._metrics.sessions_opened.inc()
        logger.info("session %s opened", self._session.name)
        self._say(self._session.open())
        work = (self._read(), self._write(), self._fit_frames(), self._make_up_wishes())
        tasks = [asyncio.create_task(self._guard(part)) for part in work]
        try:
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._log_end()

    async def refuse(self, error: LucyError) -> None:
        """Say why not, and close."""
        self._say(self._session.fail(error))
        await self._write()

    def drain(self, *, retry_in_ms: int) -> None:
        """Finish what is under way, then close."""
        self._say(self._session.drain(retry_in_ms=retry_in_ms))

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that dies of a bug takes its session with it, and not in silence."""
        try:
            await work
        except Exception:  # a task is one unit of work
            logger.exception("session %s: a task died", self._session.name)
            self._say(self._session.fail(internal_error()))

    # --- reading ------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Take in messages until the client has gone."""
        while True:
            event = await self._websocket.receive()
            if event["type"] == "websocket.disconnect":
                self._close_code = self._close_code or event.get("code")
                return
            data = event.get("bytes")
            try:
                self._take_in(event["text"] if data is None else data)
            except Exception:  # one message is one unit of work; the reader stays, so that the close gets out
                logger.exception("session %s: a message could not be handled", self._session.name)
                self._say(self._session.fail(internal_error()))

    def _take_in(self, data: bytes | str) -> None:
        now_s = time.monotonic()
        try:
            answers = self._session.receive(self._codec.decode(data), now_s)
        except MessageError as error:
            answers = self._session.reject(error, now_s)
        self._say(answers)
        if self._session.has_frame():
            self._frame_came.set()
        if self._session.has_wish():
            self._wish_came.set()

    # --- writing ------------------------------------------------------------------------------------------------

    def _say(self, answers: Sequence[Answer]) -> None:
        for answer in answers:
            self._count(answer)
            self._outbox.put_nowait(answer)
        if self._outbox.qsize() > MAX_UNREAD:
            while not self._outbox.empty():
                self._outbox.get_nowait()
                self._outbox.task_done()
            self._say(self._session.fail(CapacityError("slow_reader", "answers are not being read")))

    async def _write(self) -> None:
        """Send answers until there is a close among them or the client does not take them."""
        try:
            while True:
                answer = await self._outbox.get()
                await within(self._settings.client_timeout_s, self._send(answer))
                if isinstance(answer, Close):
                    self._close_code = answer.code
                    return
                del answer  # a picture, while the next answer is waited for
                self._outbox.task_done()
        except TimeoutError:
            logger.info("session %s: the client does not read", self._session.name)
        except (WebSocketDisconnect, RuntimeError):
            return  # it has gone, or the keepalive has given it up: the server then answers a send with RuntimeError

    async def _send(self, answer: Answer) -> None:
        if isinstance(answer, Close):
            await self._websocket.close(answer.code, answer.reason)
            return
        encoded = self._codec.encode(answer)
        if isinstance(encoded, bytes):
            await self._websocket.send_bytes(encoded)
        else:
            await self._websocket.send_text(encoded)

    def _count(self, answer: Answer) -> None:
        if isinstance(answer, Enhanced):
            self._pictures += 1
            self._totals_ms.append(answer.timings_ms["total"])
            self._metrics.picture(answer.stage, answer.timings_ms, kind="live")
        elif isinstance(answer, Dropped):
            self._metrics.dropped.labels(answer.reason).inc(len(answer.seqs))
        elif isinstance(answer, Error):
            self._metrics.errors.labels(answer.code, "live").inc()

    # --- work ---------------------------------------------------------------------------------------------------

    async def _fit_frames(self) -> None:
        """One frame after the other, each the newest when a thread gets free."""
        slot: Slot | None = None
        try:
            async with self._workers.live.slot() as slot:
                opened = await self._open_live(slot)
            while opened:
                await self._frame_came.wait()
                self._frame_came.clear()
                async with self._workers.live.slot() as slot:
                    await self._fit_newest(slot)
                await self._outbox.join()
                if self._session.has_frame():
                    self._frame_came.set()
        finally:
            if slot is not None:
                slot.afterwards(self._live.close)

    async def _open_live(self, slot: Slot) -> bool:
        opening = slot.call(self._live.open, timeout_s=self._settings.frame_timeout_s)
        opened = await self._attempt(opening, "no live fitting")
        if isinstance(opened, LucyError):
            self._say(self._session.fail(opened))
            return False
        return True

    async def _fit_newest(self, slot: Slot) -> None:
        request = self._session.start_frame(time.monotonic())
        if request is None:
            return
        fitting = slot.call(self._live.fit, request, timeout_s=self._settings.frame_timeout_s)
        result = await self._attempt(fitting, "a frame could not be fitted")
        if isinstance(result, Fitted):
            self._metrics.judge(result.quality, kind="live")
        self._say(self._session.finish_frame(result))
        if isinstance(result, LucyError) and result.code == "timeout":
            self._say(self._session.fail(result))  # the thread still works on it, and a session has only one

    async def _make_up_wishes(self) -> None:
        """One wish after the other, beside the stream."""
        while True:
            await self._wish_came.wait()
            self._wish_came.clear()
            wish = self._session.start_wish()
            if wish is not None:
                self._say(self._session.finish_wish(await self._prepare(wish)))
            if self._session.has_wish():
                self._wish_came.set()

    async def _prepare(self, wish: Wish) -> LucyError | None:
        timeout_s = self._settings.prepare_timeout_s
        making_up = self._workers.wardrobe.run(self._fitting.prepare, wish, timeout_s=timeout_s)
        made = await self._attempt(making_up, "a wish could not be made up")
        return made if isinstance(made, LucyError) else None

    async def _attempt(self, work: Coroutine[Any, Any, T], otherwise: str) -> T | LucyError:
        """What the work comes to. Of a bug the log is told all, the client that there is one."""
        try:
            return await work
        except LucyError as error:
            return error
        except Exception:  # opening, a frame, a wish: each is one unit of work
            logger.exception("session %s: %s", self._session.name, otherwise)
            return internal_error()

    def _log_end(self) -> None:
        p50, p95 = _percentiles(self._totals_ms)
        logger.info(
            "session %s closed (%s): %d pictures, %d dropped, p50 %.0f ms, p95 %.0f ms",
            self._session.name,
            self._close_code,
            self._pictures,
            self._session.dropped,
            p50,
            p95,
        )


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 95th; of nothing, zero."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (0.0, 0.0)
    cuts = quantiles(values, n=20, method="inclusive")
    return cuts[9], cuts[18]
