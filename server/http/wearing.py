"""A scan on somebody before it is saved. Owns the route; must not know what a scan is."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.catalog.lending import lend_scan
from server.http.bodies import RequestBody, described, read_body
from server.http.problems import problems
from server.http.scans import Id, Kept, SizeMm, in_catalog
from server.http.tryon import BODY_CODES
from server.services import Use


class Wear(RequestBody):
    """`size_mm` is the tile's width and height, where they are known better than by the scan."""

    size_mm: SizeMm = None


class Lent(BaseModel):
    """What a wish takes from now on, until the server starts anew or the scan is forgotten."""

    fabric_id: Annotated[str, Field(description="for a wish, with a cut")]


async def wear(request: Request, id: Id, services: Use, shop: Kept) -> Response:
    """The scan can be worn by whoever knows its id, in captures and live. It is in no listing."""
    body = await read_body(request, Wear)
    fabric_id = await in_catalog(services, lambda: lend_scan(shop, id, size_mm=body.size_mm))
    return JSONResponse(Lent(fabric_id=fabric_id).model_dump())


def routes() -> APIRouter:
    """Wearing scans."""
    router = APIRouter(prefix="/api/fabric", tags=["scanner"])
    codes = ("unknown_scan", "scale_unknown", "bad_size", "no_catalog", "catalog_away", "busy", "timeout")
    router.add_api_route(
        "/scans/{id}/wear",
        wear,
        methods=["POST"],
        summary="Wear a scan that is not saved",
        response_class=Response,
        responses={200: {"model": Lent}, **problems(*BODY_CODES, *codes)},
        openapi_extra=described(Wear, multipart=False),
    )
    return router
