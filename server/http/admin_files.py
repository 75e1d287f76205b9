"""Files of the catalog, for the shop's own people: pictures of swatches, scans, whole books. Owns the routes; must not
know where files lie."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.catalog.shop import Shop
from server.http.admin import COLOUR_CODES, fresh, run, versioned
from server.http.admin_bodies import ScanSave, SwatchUpload, colour_public, scan_public, upload_public
from server.http.admin_key import ADMIN_CODES, Admin
from server.http.bodies import described, read_body
from server.http.problems import problems
from server.http.tryon import BODY_CODES, PICTURE_CODES
from server.services import Use
from utils.errors import InputError

Id = Annotated[str, Path(pattern="^[a-z0-9-]{1,64}$")]

logger = logging.getLogger("lucy.catalog")


async def upload_swatch(request: Request, services: Use, shop: Admin) -> Response:
    """A picture of a piece of cloth, kept for a day unless a colour takes it. It is stored anew, without metadata."""
    body = await read_body(request, SwatchUpload)
    upload = await run(services, shop.keepsakes.keep_swatch, body.photo)
    return JSONResponse(upload_public(upload), 201)


async def scans(services: Use, shop: Admin) -> Response:
    """Scans that have not been saved, newest first. They are kept for a day."""
    found = await run(services, shop.keepsakes.scans)
    return JSONResponse({"scans": [scan_public(scan) for scan in found]}, headers={"Cache-Control": "no-store"})


async def scan(scan_id: Id, services: Use, shop: Admin) -> Response:
    """One scan."""
    found = await run(services, shop.keepsakes.scan, scan_id)
    return JSONResponse(scan_public(found), headers={"Cache-Control": "no-store"})


async def save_scan(request: Request, scan_id: Id, services: Use, shop: Admin) -> Response:
    """The scan becomes a colour, which can be chosen at once; or with `status: retired`, when it is made active."""
    body = await read_body(request, ScanSave)
    made = await run(services, _saved, shop, scan_id, body)
    return versioned(made, 201, f"/api/admin/colours/{made['id']}")


async def book_out(services: Use, shop: Admin) -> Response:
    """The whole book as a file: families and colours, retired ones too, in the format that is imported."""
    book = await run(services, lambda: msgspec.json.format(msgspec.json.encode(shop.exchange.book_out())))
    headers = {"Content-Disposition": 'attachment; filename="catalog.json"', "Cache-Control": "no-store"}
    return Response(book, media_type="application/json", headers=headers)


async def book_in(
    request: Request,
    services: Use,
    shop: Admin,
    dry_run: Annotated[bool, Query(description="only say what would change")] = False,
) -> Response:
    """Take in a book, wholly or not at all. What it does not mention stays as it is."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise InputError("unsupported_media_type", "send application/json")
    data = await request.body()
    changes = await run(services, _taken_in, shop, data, dry_run)
    return JSONResponse({"dry_run": dry_run, "changes": changes})


def routes() -> APIRouter:
    """Swatches, scans, books."""
    router = APIRouter(prefix="/api/admin", tags=["catalog"])
    schema = {"content": {"application/json": {"schema": {"type": "object"}}}}
    any_book = {"requestBody": {"required": True, **schema}}
    swatch = problems(*ADMIN_CODES, *BODY_CODES, *PICTURE_CODES, "storage_full")
    saved = problems(*ADMIN_CODES, *COLOUR_CODES, "unknown_scan", "scale_unknown", "id_taken")
    taken = problems(*ADMIN_CODES, *BODY_CODES, "bad_catalog", "name_taken", "unknown_object", "storage_full")

    def add(path: str, call: Any, summary: str, answers: dict[Any, Any], **more: Any) -> None:
        router.add_api_route(path, call, summary=summary, response_class=Response, responses=answers, **more)

    def post(path: str, call: Any, summary: str, answers: dict[Any, Any], status: int, extra: dict[str, Any]) -> None:
        answers = {status: schema, **answers}
        add(path, call, summary, answers, methods=["POST"], status_code=status, openapi_extra=extra)

    post("/swatches", upload_swatch, "Upload a picture of a swatch", swatch, 201, described(SwatchUpload))
    add("/scans", scans, "The scans", {200: schema, **problems(*ADMIN_CODES)})
    add("/scans/{scan_id}", scan, "A scan", {200: schema, **problems(*ADMIN_CODES, "unknown_scan")})
    extra = described(ScanSave, multipart=False)
    post("/scans/{scan_id}/save", save_scan, "Save a scan as a colour", saved, 201, extra)
    add("/export", book_out, "The book as a file", {200: schema, **problems(*ADMIN_CODES)})
    post("/import", book_in, "Take in a book", taken, 200, any_book)
    return router


def _saved(shop: Shop, scan_id: str, body: ScanSave) -> dict[str, Any]:
    colour = body.colour or shop.keepsakes.scan(scan_id).manifest["mean_hex"]
    id = shop.keepsakes.save_scan(scan_id, body.family, body.entry(colour=colour), size_mm=body.size_mm)
    logger.info("a scan was saved as colour %s", id)
    return fresh(shop, colour_public, id)


def _taken_in(shop: Shop, data: bytes, dry_run: bool) -> list[dict[str, Any]]:
    try:
        book = json.loads(data)
    except (ValueError, RecursionError):
        raise InputError("bad_catalog", "the file is not JSON", hint="send a file as the export makes it") from None
    changes = shop.exchange.book_in(book, dry_run=dry_run)
    if not dry_run:
        logger.info("a book was taken in: %d changes", len(changes))
        shop.book.refresh()
    return [asdict(change) for change in changes]
