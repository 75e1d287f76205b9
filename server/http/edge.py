"""The edge that every HTTP request passes: its number, its limits, its measurement and the last word on bugs.

Owns X-Request-ID, the body's size and patience, response headers that every answer has; must not know any route.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from contextlib import suppress
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.failures import internal_error
from server.http.problems import problem_response
from server.metrics import Metrics
from server.patience import within
from utils.errors import InputError, LucyError

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
MAX_SWALLOWED_BYTES = 256 << 20

_METHODS = frozenset(("GET", "HEAD", "POST", "PATCH", "OPTIONS"))

logger = logging.getLogger("lucy.http")


class Edge:
    """ASGI middleware. `patience_s` is how long the next piece of a body may take."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, max_body_bytes: int, patience_s: float) -> None:
        self._app = app
        self._metrics = metrics
        self._max_body_bytes = max_body_bytes
        self._patience_s = patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        method = scope["method"]
        if method == "HEAD":  # whatever can be got can be asked about: uvicorn keeps the body of the answer back
            scope = {**scope, "method": "GET"}
        body = _Body(scope, receive, max_bytes=self._max_body_bytes, patience_s=self._patience_s)
        answer = _Answer(send, body, request_id)
        began_s = time.perf_counter()
        try:
            await self._app(scope, body.receive, answer.send)
        except Exception as error:  # one request is one unit of work
            if not isinstance(error, LucyError):
                logger.exception("request %s failed", request_id)
                error = internal_error()
            if answer.status is None:
                self._metrics.errors.labels(error.code, "http").inc()
                await problem_response(error, request_id=request_id)(scope, body.receive, answer.send)
        finally:
            self._measure(scope, method, answer.status, time.perf_counter() - began_s)

    def _measure(self, scope: Scope, method: str, status: int | None, spent_s: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "other"
        method = method if method in _METHODS else "other"
        self._metrics.requests.labels(route, method, str(status or "none")).inc()
        self._metrics.request_s.labels(route).observe(spent_s)


class _Body:
    """The request's body, counted while it comes."""

    def __init__(self, scope: Scope, receive: Receive, *, max_bytes: int, patience_s: float) -> None:
        self._receive = receive
        self._max_bytes = max_bytes
        self._patience_s = patience_s
        self._declared = _content_length(scope)
        self._got = 0
        self._complete = False
        self._asks_first = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        self.given_up = False
        """Whether the rest is not wanted any more."""

    async def receive(self) -> Message:
        """Raises InputError: body_too_large, body_timeout."""
        if self._declared > self._max_bytes:
            raise self._too_large()
        if self._complete:
            return await self._receive()  # nothing but the disconnect can come
        try:
            message = await within(self._patience_s, self._receive())
        except TimeoutError:
            self.given_up = self._complete = True
            raise InputError("body_timeout", "the rest of the body did not arrive", retryable=True) from None
        self._got += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        if self._got > self._max_bytes:
            raise self._too_large()
        return message

    async def swallow(self) -> None:
        """Let a client finish what it is sending: cut off, it would never come to read the answer."""
        with suppress(TimeoutError):
            while not self._complete and not self._asks_first and self._got < MAX_SWALLOWED_BYTES:
                message = await within(self._patience_s, self._receive())
                self._got += len(message.get("body", b""))
                self._complete = not message.get("more_body", False)

    def _too_large(self) -> InputError:
        self.given_up = True
        return InputError("body_too_large", f"a body may have {self._max_bytes} bytes")


class _Answer:
    """The response, with the headers that all have."""

    def __init__(self, send: Send, body: _Body, request_id: str) -> None:
        self._send = send
        self._body = body
        self._request_id = request_id
        self.status: int | None = None
        """None until the response has begun."""

    async def send(self, message: Message) -> None:
        """Pass on; add headers to the start."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message["headers"])
            headers["X-Request-ID"] = self._request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "no-referrer"
            if self._body.given_up:
                headers["Connection"] = "close"
                await self._body.swallow()
        await self._send(message)


def _content_length(scope: Scope) -> int:
    value: Any = Headers(scope=scope).get("content-length", "0")
    return int(value) if value.isdecimal() else 0
