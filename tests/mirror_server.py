"""A fake of Lucy's server for the page tests: it answers in the real one's protocol and tries nobody's jacket on.

Owns a scripted world: slow, gone, draining, nobody in view. It draws the shape of a jacket where a jacket might be, in
the cloth's mean colour. Must not import the server it stands in for.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import msgspec
import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

FAMILIES = {
    "Worsteds": [("navy-twill", "Navy twill", "#1f2a44"), ("ink-herringbone", "Ink herringbone", "#2c3038")],
    "Flannels": [("grey-flannel", "Mid-grey flannel", "#6f7073"), ("brown-flannel", "Tobacco flannel", "#6b513c")],
    "Tweeds": [("moss-tweed", "Moss tweed", "#565b3f"), ("heather-tweed", "Heather tweed", "#6a5566")],
    "Linens": [("sand-linen", "Sand linen", "#c3ac86"), ("sky-linen", "Sky linen", "#8fa8bd")],
}
CUTS = [
    ("single-breasted", "Single-breasted"),
    ("double-breasted", "Double-breasted"),
    ("blazer", "Patch-pocket blazer"),
]
JACKET = [
    (0.4, 0.62),
    (0.24, 0.7),
    (0.12, 0.86),
    (0.08, 1.0),
    (0.92, 1.0),
    (0.88, 0.86),
    (0.76, 0.7),
    (0.6, 0.62),
    (0.5, 0.9),
]


@dataclass
class World:
    """What the fake does and what it saw; the test thread writes the first half and reads the second."""

    delay_s: float = 0.03
    makeup_s: float = 0.05
    person: bool = True
    stage: str = "composite"
    raised_hand: bool = False
    capture_works: bool = True
    catalog_works: bool = True

    wishes: list[dict] = field(default_factory=list)
    hellos: list[dict] = field(default_factory=list)
    frames: int = 0
    most_in_flight: int = 0
    frame_hws: set[tuple[int, int]] = field(default_factory=set)
    captures: list[dict] = field(default_factory=list)
    sessions: set[_Session] = field(default_factory=set)


def run_app(pages: Path, world: World) -> Starlette:
    """The application: pages under /kiosk, the live socket, the few endpoints that the page asks."""

    async def live(socket: WebSocket) -> None:
        await _Session(socket, world).run()

    async def capture(request: Request) -> Response:
        return await _capture(request, world)

    async def catalog(_: Request) -> Response:
        if not world.catalog_works:
            return JSONResponse({"code": "down"}, status_code=503)
        return JSONResponse(_catalog(), headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            WebSocketRoute("/ws", live),
            Route("/virtual-tryon", capture, methods=["POST"]),
            Route("/api/fabric/catalog", catalog),
            Route("/api/fabric/{id}/swatch.png", _swatch),
            Route("/api/cuts", lambda _: JSONResponse({"cuts": [{"id": i, "name": n} for i, n in CUTS]})),
            Route("/api/garments", lambda _: JSONResponse({"garments": []})),
            Mount("/kiosk", StaticFiles(directory=pages, html=True)),
        ]
    )


class _Session:
    """One socket: a reader that counts what is under way, a worker that answers in order, wishes made up beside."""

    def __init__(self, socket: WebSocket, world: World) -> None:
        self.socket = socket
        self.world = world
        self.worn: dict = {"none": True}
        self.waiting: asyncio.Queue[dict] = asyncio.Queue()
        self.in_flight = 0
        self.tasks: set[asyncio.Task] = set()

    async def run(self) -> None:
        await self.socket.accept(subprotocol="lucy.msgpack.v1")
        self.world.sessions.add(self)
        limits = {"max_frame_bytes": 2**21, "max_pixels": 2_000_000, "max_in_flight": 2}
        engine = {"name": "fake", "stage": self.world.stage}
        await self._send(type="ready", session="fake", engine=engine, limits=limits, wish=self.worn)
        self._do(self._work())
        try:
            while True:
                await self._read(msgspec.msgpack.decode(await self.socket.receive_bytes()))
        except WebSocketDisconnect:
            pass
        finally:
            self.world.sessions.discard(self)
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    async def drain(self, *, retry_in_ms: int) -> None:
        await self._send(type="notice", code="draining", message="about to restart", retry_in_ms=retry_in_ms)
        await self.socket.close(1012)

    def _do(self, work: Coroutine) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _read(self, message: dict) -> None:
        kind = message.pop("type")
        if kind == "hello":
            self.world.hellos.append(message)
            self._do(self._make_up(message["wish"]))
        elif kind == "wish":
            self._do(self._make_up(message))
        elif kind == "keyframe":
            self.in_flight += 1
            self.world.most_in_flight = max(self.world.most_in_flight, self.in_flight)
            self.waiting.put_nowait(message)
        elif kind == "ping":
            await self._send(type="pong", t=message["t"])

    async def _make_up(self, wish: dict) -> None:
        self.world.wishes.append(wish)
        await asyncio.sleep(self.world.makeup_s)
        self.worn = wish
        await self._send(type="notice", code="wearing", message="worn from now on")

    async def _work(self) -> None:
        while True:
            message = await self.waiting.get()
            worn = self.worn
            await asyncio.sleep(self.world.delay_s)
            answer = await asyncio.to_thread(_answer, message, worn, self.world)
            self.in_flight -= 1
            self.world.frames += 1
            await self._send(**answer)

    async def _send(self, **message: object) -> None:
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the page has gone
            await self.socket.send_bytes(msgspec.msgpack.encode(message))


def _answer(message: dict, worn: dict, world: World) -> dict:
    frame = cv2.imdecode(np.frombuffer(message["frame"], np.uint8), cv2.IMREAD_COLOR_RGB)
    world.frame_hws.add(frame.shape[:2])
    dressed = world.person and "none" not in worn
    answer = {
        "type": "enhanced",
        "seq": message["seq"],
        "captured_ms": message.get("captured_ms"),
        "image": _jpeg(_dress(frame, worn) if dressed else frame),
        "size": frame.shape[:2],
        "stage": world.stage if dressed else "mirror",
        "degraded": not world.person,
        "seed": 0,
        "timings_ms": {"total": 1.0},
    }
    if world.person:
        return answer | {"landmarks": _landmarks(world.raised_hand)}
    return answer | {"reason": "no_person"}


def _landmarks(raised: bool) -> list[list[float]]:
    rows = [[0.5, 0.35, 0.0, 0.99] for _ in range(33)]
    rows[15] = [0.8, 0.1 if raised else 0.9, 0.0, 0.95]
    rows[16] = [0.2, 0.95, 0.0, 0.3]
    return rows


def _dress(frame: np.ndarray, wish: dict) -> np.ndarray:
    height, width = frame.shape[:2]
    outline = (np.array(JACKET) * (width, height)).astype(np.int32)
    hexes = {i: h for family in FAMILIES.values() for i, _, h in family}
    colour = _rgb(hexes.get(wish.get("fabric_id", ""), "#444444"))
    return cv2.fillPoly(frame.copy(), [outline], colour, lineType=cv2.LINE_AA)


def _jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def _rgb(hex_colour: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(hex_colour[1:]))


def _catalog() -> dict:
    def fabric(id: str, name: str, colour: str) -> dict:
        facts = {"composition": "100% wool", "weight_g_m2": 280, "tags": [], "size_mm": [40, 40], "status": "active"}
        return {"id": id, "name": name, "mean_hex": colour, **facts}

    families = [
        {"id": name.lower(), "name": name, "use": "suiting", "fabrics": [fabric(*row) for row in rows]}
        for name, rows in FAMILIES.items()
    ]
    lining = {"id": "linings", "name": "Linings", "use": "lining", "fabrics": [fabric("red", "Red cupro", "#a01020")]}
    return {"families": [*families, lining]}


async def _swatch(request: Request) -> Response:
    hexes = {i: h for family in FAMILIES.values() for i, _, h in family}
    colour = hexes.get(request.path_params["id"])
    if colour is None:
        return Response(status_code=404)
    y, x = np.mgrid[0:256, 0:256]
    rib = 1 + 0.16 * np.sin(2 * np.pi * (x + y) / 8) + 0.05 * np.sin(2 * np.pi * x / 4)
    cloth = np.clip(np.array(_rgb(colour)) * rib[..., None], 0, 255).astype(np.uint8)
    return Response(cv2.imencode(".png", cloth[..., ::-1])[1].tobytes(), media_type="image/png")


async def _capture(request: Request, world: World) -> Response:
    async with request.form() as form:
        frame = await form["frame"].read()
        fields = {key: value for key, value in form.items() if key != "frame"}
    if not world.capture_works:
        return JSONResponse({"code": "device_lost"}, status_code=503)
    await asyncio.sleep(world.delay_s)
    picture = cv2.imdecode(np.frombuffer(frame, np.uint8), cv2.IMREAD_COLOR_RGB)
    world.captures.append(fields | {"hw": picture.shape[:2]})
    image = base64.b64encode(_jpeg(_dress(picture, fields))).decode()
    return JSONResponse(
        {"id": "fake", "image": image, "stage": "enhanced", "size": list(picture.shape[:2]), "quality": {}}
    )


class _Server(uvicorn.Server):
    """Remembers its event loop, for the test thread."""

    loop: asyncio.AbstractEventLoop

    async def startup(self, sockets: list | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)


class MirrorServer:
    """The fake on a port of its own, in a thread. It can be stopped and started again on the same port."""

    def __init__(self, pages: Path, world: World) -> None:
        self.pages = pages
        self.world = world
        self.port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/kiosk/"

    def start(self) -> None:
        config = uvicorn.Config(
            run_app(self.pages, self.world),
            host="127.0.0.1",
            port=self.port,
            log_level="error",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the fake server did not start")
            self._thread.join(0.01)
        self.port = self._server.servers[0].sockets[0].getsockname()[1]

    def stop(self) -> None:
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(10)
            self._server = None

    def drain(self, *, retry_in_ms: int) -> None:
        """Say goodbye to every page; the server itself stays."""
        for session in list(self.world.sessions):
            asyncio.run_coroutine_threadsafe(session.drain(retry_in_ms=retry_in_ms), self._server.loop).result(5)


@contextlib.contextmanager
def run_mirror_server(pages: Path, world: World) -> Iterator[MirrorServer]:
    server = MirrorServer(pages, world)
    server.start()
    try:
        yield server
    finally:
        server.stop()
