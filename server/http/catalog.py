"""What is in the shop: fabrics, their swatches, the built-in cuts. Owns the routes; must not know how cloth is made."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from server.http.cached import cached
from server.http.problems import problems
from server.services import Use

Id = Annotated[str, Path(min_length=1, max_length=64)]
PICTURE_AGE_S = 3600


def catalog(request: Request, services: Use) -> Response:
    """Every family with its fabrics."""
    return _json(request, services.fitting.wardrobe.catalog_public())


def fabric(request: Request, fabric_id: Id, services: Use) -> Response:
    """One fabric."""
    return _json(request, services.fitting.wardrobe.catalog.get(fabric_id).to_public())


async def swatch(request: Request, fabric_id: Id, services: Use) -> Response:
    """The cloth at true scale, 60 mm square."""
    png = await _drawn(services, services.fitting.wardrobe.swatch_png, fabric_id)
    return cached(request, png, media_type="image/png", max_age_s=PICTURE_AGE_S)


def cuts(request: Request, services: Use) -> Response:
    """The built-in cuts."""
    listed = services.fitting.wardrobe.cuts_public()
    return _json(request, {"cuts": [{**cut, "thumbnail": f"/api/cuts/{cut['id']}/thumbnail.png"} for cut in listed]})


async def cut_thumbnail(
    request: Request,
    cut_id: Id,
    services: Use,
    fabric_id: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
) -> Response:
    """The cut made up in a fabric, lying flat; in the catalog's first fabric unless one is given."""
    png = await _drawn(services, _draw_cut, services, cut_id, fabric_id)
    return cached(request, png, media_type="image/png", max_age_s=PICTURE_AGE_S)


def routes() -> APIRouter:
    """Fabrics and cuts."""
    router = APIRouter(prefix="/api", tags=["wardrobe"])
    known = {304: {"description": "The client has it already"}}
    json_ = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}, **known}
    png = {200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}, **known}
    of_fabric = problems("unknown_fabric", "fabric_retired", "invalid_request")
    drawn = problems("unknown_cut", "unknown_fabric", "fabric_retired", "invalid_request", "timeout", "busy")
    add = router.add_api_route
    add("/fabric/catalog", catalog, summary="The catalog", response_class=Response, responses=json_)
    add("/fabric/{fabric_id}", fabric, summary="A fabric", response_class=Response, responses=json_ | of_fabric)
    add("/fabric/{fabric_id}/swatch.png", swatch, summary="A swatch", response_class=Response, responses=png | drawn)
    add("/cuts", cuts, summary="The cuts", response_class=Response, responses=json_)
    add("/cuts/{cut_id}/thumbnail.png", cut_thumbnail, summary="A cut", response_class=Response, responses=png | drawn)
    return router


def _json(request: Request, content: Any) -> Response:
    return cached(request, msgspec.json.encode(content), media_type="application/json")


def _draw_cut(services: Any, cut_id: str, fabric_id: str | None) -> bytes:
    wardrobe = services.fitting.wardrobe
    if fabric_id is None:
        families = wardrobe.catalog_public()["families"]
        fabric_id = next((fabric["id"] for family in families for fabric in family["fabrics"]), "")
    return wardrobe.cut_png(cut_id, fabric_id)


async def _drawn(services: Any, draw: Any, *args: Any) -> bytes:
    """Woven or made up on first use, which takes a while and a thread."""
    return await services.workers.wardrobe.run(draw, *args, timeout_s=services.settings.prepare_timeout_s)
