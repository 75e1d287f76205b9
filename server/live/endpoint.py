"""`/ws`: from the handshake to a running LiveSocket.

Owns who may connect and with which subprotocol; must not know what happens afterwards.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.websockets import WebSocket

from server.http.problems import problem_response
from server.live.protocol import Codec, EngineFields, LimitFields, negotiate
from server.live.session import MAX_IN_FLIGHT, Session
from server.live.socket import LiveSocket
from server.services import Services, services_of
from utils.errors import CapacityError, InputError, LucyError
from utils.images import LIVE_LIMITS


async def live(websocket: WebSocket) -> None:
    """One kiosk, from its handshake to its close."""
    services = services_of(websocket)
    try:
        _check_origin(websocket, services)
        name, codec = negotiate(websocket.scope["subprotocols"])
    except LucyError as error:
        # A refusal before the handshake is an ordinary HTTP answer: a browser shows nothing of a close code here.
        await websocket.send_denial_response(problem_response(error, request_id=uuid.uuid4().hex))
        return
    await websocket.accept(subprotocol=name)
    socket = _make_socket(websocket, codec, services)
    try:
        services.sessions.admit(socket)
        await socket.run()
    except CapacityError as error:
        await socket.refuse(error)
    finally:
        services.sessions.leave(socket)


def origin_allowed(origin: str | None, *, host: str, allowed: Collection[str]) -> bool:
    """Programs send no Origin; pages may come from this very host, or from one that is listed ("*" lists all)."""
    if origin is None or origin in allowed or "*" in allowed:
        return True
    return origin != "null" and urlsplit(origin).netloc.lower() == host.lower()


def _check_origin(websocket: WebSocket, services: Services) -> None:
    settings = services.settings
    allowed = settings.ws_origins or settings.cors_origins
    headers = websocket.headers
    if not origin_allowed(headers.get("origin"), host=headers.get("host", ""), allowed=allowed):
        raise InputError("forbidden_origin", "pages of this origin may not open a live session", hint="see WS_ORIGINS")


def _make_socket(websocket: WebSocket, codec: Codec, services: Services) -> LiveSocket:
    settings = services.settings
    engine = services.fitting.readiness()["engine"]
    session = Session(
        uuid.uuid4().hex[:12],
        engine=EngineFields(name=str(engine.get("name")), stage=str(engine.get("stage"))),
        limits=LimitFields(settings.max_frame_bytes, LIVE_LIMITS.max_pixels, MAX_IN_FLIGHT),
        messages_hz=settings.max_messages_per_s,
    )
    return LiveSocket(websocket, session=session, codec=codec, services=services)
