"""uvicorn as Lucy runs it: how sockets are kept honest, and how the server stops without cutting anybody off.

Owns the network settings and the order of stopping; must not know routes or sessions' insides.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio.transports import BaseTransport
from types import FrameType

import uvicorn
from fastapi import FastAPI
from starlette.types import Message
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from server.live.sessions import Sessions
from server.settings import Settings

LINGER_S = 3.0  # how long a closed connection may take to deliver its last bytes
SWALLOW_S, QUIET_S = 5.0, 0.2  # how long a message that is too large is let in, and what silence ends it
RETRY_IN_MS = 3000  # what clients are asked to wait for: about as long as a restart takes

logger = logging.getLogger("lucy")


class HonestWebSocket(WebSocketsSansIOProtocol):
    """A send is over when the bytes have left the process, and a connection is over soon after its app.

    As it comes, a send returns while all of its bytes may still lie in the transport's buffer, so a client that does
    not read costs one more picture than anybody counts; and a connection whose client never reads again is kept open
    until the kernel gives it up.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        """Call a send finished only when nothing of it is left here."""
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=0)

    async def send(self, message: Message) -> None:
        """Returns when the message is on its way."""
        await super().send(message)
        await self.writable.wait()

    def handle_parser_exception(self) -> None:
        """Say why, and read on while more comes: a socket that is closed on unread bytes resets, and the why is lost.

        Called with the bytes that are one too many, and with everything that comes after them.
        """
        now_s = self.loop.time()
        if not self.close_sent:
            self.close_sent = True
            self.patient_until_s = now_s + SWALLOW_S
            why = self.conn.close_sent
            self.queue.put_nowait({"type": "websocket.disconnect", "code": why.code, "reason": why.reason})
            self.transport.write(b"".join(self.conn.data_to_send()))
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(QUIET_S if now_s < self.patient_until_s else 0, self.transport.close)

    async def run_asgi(self) -> None:
        """One session."""
        try:
            await super().run_asgi()
        finally:
            self.loop.call_later(min(LINGER_S, self.config.ws_ping_timeout or LINGER_S), self.transport.abort)


class Server(uvicorn.Server):
    """On the first signal: drain the live sessions, then stop. On the second: stop."""

    def __init__(self, config: uvicorn.Config, sessions: Sessions, *, drain_s: float) -> None:
        super().__init__(config)
        self._sessions = sessions
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None
        """None until the server has started."""
        self._draining: asyncio.Task[None] | None = None
        self._signalled = False

    async def startup(self, sockets: list | None = None) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The signal handler. uvicorn's own closes every socket at once."""
        if self._signalled or self._loop is None:
            super().handle_exit(sig, frame)
            return
        self._signalled = True
        self._loop.call_soon_threadsafe(self._begin_to_stop, sig)

    def _begin_to_stop(self, sig: int) -> None:
        self._draining = asyncio.ensure_future(self._drain_and_stop(sig))

    async def _drain_and_stop(self, sig: int) -> None:
        logger.info("draining %d live sessions", len(self._sessions))
        try:
            await self._sessions.drain(retry_in_ms=RETRY_IN_MS, timeout_s=self._drain_s)
        finally:
            super().handle_exit(sig, None)


def make_server(app: FastAPI, settings: Settings) -> Server:
    """A server for `app`, not started."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ws=HonestWebSocket,
        ws_max_size=settings.max_message_bytes(),
        ws_ping_interval=settings.ping_interval_s,
        ws_ping_timeout=settings.client_timeout_s,
        ws_per_message_deflate=False,  # pictures do not shrink, and trying costs 31 times the rest
        timeout_graceful_shutdown=max(1, round(settings.drain_s)),
        log_level=settings.log_level,
        access_log=settings.debug,
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
    )
    return Server(config, app.state.services.sessions, drain_s=settings.drain_s)
