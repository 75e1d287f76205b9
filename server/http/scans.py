"""POST /api/fabric/scan and what becomes of it: photos of swatches to materials.

Owns the requests' fields, and a scan's way from the upload over the scanning process to the shop's storage; must not
know how a cloth is scanned. Whoever reaches the server may scan; a scan that nobody saves is forgotten after a day.
"""

from __future__ import annotations

import logging
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Path
from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from server.catalog.keepsakes import unknown_scan
from server.catalog.shop import Shop
from server.http.bodies import JsonText, Names, PictureField, RequestBody, described, read_body
from server.http.cached import cached
from server.http.problems import problems
from server.http.progress import Work, stream_events, wants_events
from server.http.tryon import BODY_CODES, PICTURE_CODES
from server.scans.answers import ScanAnswer, answer_of
from server.scans.findings import given_in
from server.scans.messages import ALL_STAGES, Done, Order, PackOrder
from server.scans.packages import FILES, media_type
from server.services import Services, Use
from utils.errors import CapacityError, ConfigError, InputError


def _name(text: str) -> str:
    """As a colour's: something to be read."""
    if not text.strip() or not text.isprintable():
        raise ValueError("must be letters that can be read")
    return text.strip()


Id = Annotated[str, Path(min_length=1, max_length=64)]
Number = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Corners = Annotated[list[tuple[Number, Number]] | None, Field(max_length=16), JsonText]
SizeMm = Annotated[tuple[Number, Number] | None, JsonText]
Box = Annotated[tuple[Number, Number, Number, Number] | None, JsonText]
SizePx = Annotated[int, Field(ge=512, le=4096)]
Name = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_name)]

logger = logging.getLogger("lucy.scans")


class ScanRequest(RequestBody):
    """A photo of a swatch, and what a person knows of it. Only `photo` must be there."""

    photo: PictureField
    corners: Annotated[Corners, Field(description="[[x, y] x 4] in pixels of the upright photo, clockwise")] = None
    swatch_mm: Annotated[SizeMm, Field(description="[width, height] between the corners")] = None
    repeat_mm: Annotated[SizeMm, Field(description="[width, height] of one repeat of the pattern")] = None
    white: Annotated[Box, Field(description="[x0, y0, x1, y1] in the photo: something white or neutral grey")] = None
    size: Annotated[SizePx, Field(description="pixels a side of the maps")] = 1024
    name: Name = "swatch"
    include: Annotated[frozenset[Literal["maps"]], Names] = frozenset()


class Rescan(RequestBody):
    """What is to be different. What is left out stays as it was given, null takes it away again."""

    corners: Corners = None
    swatch_mm: SizeMm = None
    repeat_mm: SizeMm = None
    white: Box = None
    size: SizePx | None = None
    name: Name | None = None
    include: Annotated[frozenset[Literal["maps"]], Names] = frozenset()


FIGURES = ("size_mm", "height_range_mm", "roughness", "metalness", "sheen")
GIVEN = ("corners", "swatch_mm", "repeat_mm", "white")


def _shop(services: Use) -> Shop:
    """Raises ConfigError: no_catalog."""
    if services.shop is None:
        raise ConfigError("no_catalog", "this server keeps no catalog, so that scans cannot be kept either")
    return services.shop


Kept = Annotated[Shop, Depends(_shop)]


class ScanWork(Work[str]):
    """One scan, from the photo to its id: `stage {"stage": name, "index": k, "of": n}` is told as each begins."""

    def __init__(self, services: Services, shop: Shop, order: Order, *, name: str) -> None:
        super().__init__()
        self.services = services
        self._shop = shop
        self._order = order
        self._name = name

    async def run(self) -> str:
        """Wait for the turn, scan, keep.

        Raises:
            LucyError: whatever the scanner raises; draining, busy, timeout, cancelled, storage_full, catalog_away.
        """
        services = self.services
        if services.sessions.draining:
            raise CapacityError("draining", "the server is about to restart", hint="try again in a few seconds")
        try:
            done = await services.workers.scans.run(self._scan, timeout_s=services.settings.scan_timeout_s)
        finally:
            self.call_off()  # a scan that took too long is not to go on for nobody
        services.metrics.scan(done.findings["class"], done.findings["timings_ms"])
        return await in_catalog(services, self._keep, done)

    def public(self, id: str, include: frozenset[str]) -> dict[str, Any]:
        """The answer. Blocking."""
        return _public(self._shop, id, include)

    def _scan(self) -> Done:
        return self.services.scanner.scan(self._order, on_stage=self._began, cancel=self.cancel)

    def _began(self, stage: str) -> None:
        self.tell("stage", stage=stage, index=ALL_STAGES.index(stage), of=len(ALL_STAGES))

    def _keep(self, done: Done) -> str:
        findings = {"name": self._name, **done.findings}
        return self._shop.keepsakes.keep_scan(done.maps, photos=done.photos, findings=findings, **done.figures)


async def scan(request: Request, services: Use, shop: Kept) -> Response:
    """A photo of a swatch becomes a material: maps at true scale, and what is known of the cloth and how well.

    `Accept: text/event-stream` tells of the stages on the way. Closing the connection calls the scan off.
    """
    body = await read_body(request, ScanRequest)
    order = Order(body.photo, given_in(body.model_dump(include=set(GIVEN))), body.size)
    return await _answered(request, ScanWork(services, shop, order, name=body.name), include=body.include)


async def rescan(request: Request, id: Id, services: Use, shop: Kept) -> Response:
    """The same photo once more, with corners put right or a repeat given. `id` is a scan's, or that of a colour which
    was saved from one; the answer is a new scan."""
    body = await read_body(request, Rescan)
    told = body.model_dump(include=set(GIVEN), exclude_unset=True)

    def again() -> tuple[Order, str]:
        before = shop.keepsakes.scan_behind(id)
        findings = before.manifest["findings"]
        photo = _stored(shop, before.manifest["photos"]["photo"])
        order = Order(photo, given_in({**findings["given"], **told}), body.size or findings["size_px"])
        return order, body.name or findings["name"]

    order, name = await in_catalog(services, again)
    return await _answered(request, ScanWork(services, shop, order, name=name), include=body.include)


async def found(id: Id, services: Use, shop: Kept) -> Response:
    """A scan, or what a colour was saved from."""
    return _json(await in_catalog(services, _public, shop, id, frozenset()))


async def photo(request: Request, id: Id, services: Use, shop: Kept) -> Response:
    """The upright photo, 2400 pixels on its long side at most, without metadata."""
    data = await in_catalog(services, _part, shop, id, "photos", "preview")
    return cached(request, data, media_type="image/jpeg", for_ever=True)


class PackWork(Work[bytes]):
    """One package of a kept scan."""

    def __init__(self, services: Services, shop: Shop, id: str, *, file: str) -> None:
        super().__init__()
        self._services = services
        self._shop = shop
        self._id = id
        self._file = file

    async def run(self) -> bytes:
        """Wait for the turn, pack.

        Raises:
            LucyError: unknown_scan, scale_unknown; as a scan.
        """
        services = self._services
        order = await in_catalog(services, self._order)
        try:
            return await services.workers.packing.run(
                lambda: services.scanner.pack(order, cancel=self.cancel), timeout_s=services.settings.scan_timeout_s
            )
        finally:
            self.call_off()

    def _order(self) -> PackOrder:
        kept = self._shop.keepsakes.scan_behind(self._id)
        manifest = kept.manifest
        return PackOrder(
            self._file,
            name=manifest["findings"]["name"],
            made=kept.created,
            maps={name: _stored(self._shop, key) for name, key in manifest["maps"].items()},
            photo=_stored(self._shop, manifest["photos"]["photo"]),
            figures={name: manifest[name] for name in FIGURES},
            findings=manifest["findings"],
        )


async def download(request: Request, id: Id, services: Use, shop: Kept) -> Response:
    """The scan, or the colour that was saved from one, for another program or for people."""
    file = request.url.path.rpartition("/")[2]
    data = await PackWork(services, shop, id, file=file).run_for(request)
    headers = {"Content-Disposition": f'attachment; filename="{file}"', "Cache-Control": "no-store"}
    return Response(data, media_type=media_type(file), headers=headers)


async def scan_map(
    request: Request, id: Id, map_name: Annotated[str, Path(pattern="^[a-z]{1,16}$")], services: Use, shop: Kept
) -> Response:
    """A map of the scan. Height has 16 bits, normals are OpenGL's (+Y up), `orm` is occlusion, roughness, metalness."""
    data = await in_catalog(services, _part, shop, id, "maps", map_name)
    return cached(request, data, media_type="image/png", for_ever=True)


def routes() -> APIRouter:
    """Scans."""
    router = APIRouter(prefix="/api/fabric", tags=["scanner"])
    add = router.add_api_route
    known = problems("unknown_scan", "no_catalog", "invalid_request", "catalog_away", "busy", "timeout")
    of_map = problems("unknown_map", "unknown_scan", "no_catalog", "invalid_request", "catalog_away", "busy", "timeout")
    events = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
    told = {
        200: {**events, "description": "Events, where `Accept` asks for them: queued, stage, done, error"},
        201: {"model": ScanAnswer, "description": "The scan"},
    }
    unchanged = {304: {"description": "The client has it already"}}
    picture = {"schema": {"type": "string", "format": "binary"}}
    jpeg, png = ({200: {"content": {f"image/{name}": picture}}, **unchanged} for name in ("jpeg", "png"))

    def post(path: str, call: Any, summary: str, codes: tuple[str, ...], extra: dict[str, Any]) -> None:
        answers = {**told, **problems(*codes)}
        options = {"methods": ["POST"], "status_code": 201, "response_class": Response, "openapi_extra": extra}
        add(path, call, summary=summary, responses=answers, **options)

    post("/scan", scan, "Scan a swatch", SCAN_CODES, described(ScanRequest))
    again = described(Rescan, multipart=False)
    post("/{id}/rescan", rescan, "Scan the same photo again", (*SCAN_CODES, "unknown_scan"), again)
    add("/scans/{id}", found, summary="A scan", response_model=ScanAnswer, responses=known)
    add("/scans/{id}/photo.jpg", photo, summary="A scan's photo", response_class=Response, responses=jpeg | known)
    for file in FILES.values():
        answers = {200: {"content": {media_type(file): picture}}, **problems(*PACK_CODES)}
        add(f"/scans/{{id}}/{file}", download, summary=f"A scan as {file}", response_class=Response, responses=answers)
    path = "/scans/{id}/maps/{map_name}.png"
    add(path, scan_map, summary="A map of a scan", response_class=Response, responses=png | of_map)
    return router


CLOTH_CODES = (
    *("bad_corners", "bad_size", "bad_repeat", "bad_white", "swatch_too_small"),
    *("overexposed", "underexposed", "blurred", "not_flat", "not_cloth"),
)
SCAN_CODES = (
    *BODY_CODES,
    *PICTURE_CODES,
    *CLOTH_CODES,
    *("bad_entry", "no_catalog", "catalog_away", "storage_full", "scans_full"),
    *("busy", "draining", "timeout", "cancelled", "scan_memory", "scan_failed", "scanner_lost"),
)


PACK_CODES = (
    *("unknown_scan", "scale_unknown", "maps_missing", "no_catalog", "invalid_request", "catalog_away"),
    *("busy", "timeout", "cancelled", "scan_memory", "scan_failed", "scanner_lost"),
)


async def in_catalog(services: Services, call: Any, *args: Any) -> Any:
    """In a thread: the database and the disk may take their time."""
    return await services.workers.catalog.run(call, *args, timeout_s=services.settings.prepare_timeout_s)


async def _answered(request: Request, work: ScanWork, *, include: frozenset[str]) -> Response:
    if wants_events(request.headers.get("accept", "")):
        return stream_events(request, work, answer=lambda id: msgspec.json.encode(work.public(id, include)))
    id = await work.run_for(request)
    shown = await in_catalog(work.services, work.public, id, include)
    return _json(shown, 201, {"Location": f"/api/fabric/scans/{id}"})


def _public(shop: Shop, id: str, include: frozenset[str]) -> dict[str, Any]:
    """Blocking."""
    read = (lambda key: _stored(shop, key)) if "maps" in include else None
    return answer_of(shop.keepsakes.scan_behind(id), read=read)


def _part(shop: Shop, id: str, kind: Literal["maps", "photos"], name: str) -> bytes:
    """Blocking. Raises InputError: unknown_scan, unknown_map."""
    keys = shop.keepsakes.scan_behind(id).manifest[kind]
    if name not in keys:
        raise InputError("unknown_map", "this scan has no such map", hint=f"it has {', '.join(keys)}")
    return _stored(shop, keys[name])


def _stored(shop: Shop, key: str) -> bytes:
    """Raises InputError: unknown_scan, where it has been swept away since its row was read."""
    try:
        with shop.storage.open(key) as file:
            return file.read()
    except InputError:
        raise unknown_scan() from None


def _json(shown: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """What is not known may come to be known, and a scan may be forgotten: it is asked for again each time."""
    headers = {"Cache-Control": "no-store", "Vary": "Accept", **(headers or {})}
    return Response(msgspec.json.encode(shown), status, headers, media_type="application/json")
