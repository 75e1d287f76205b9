"""What is in the shop: fabrics, their maps and swatches, the built-in cuts. Owns the routes; must not know how cloth is
made or where the book is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from fabric.book import Fabric
from fabric.listing import Page
from fabric.listing import Query as Asked
from fabric.maps import height_range_mm, map_names
from fabric.packages.contents import of_fabric
from fabric.packages.parcels import PARCELS
from server.http.cached import cached
from server.http.problems import problems
from server.services import Services, Use
from server.storage import unknown_object

VERSION = 1
PICTURE_AGE_S = 3600
MOST_PER_PAGE = 500
PACKAGES = ("material.zip", "material.glb", "material.u3ma")

Id = Annotated[str, Path(min_length=1, max_length=64)]
Word = Annotated[str | None, Query(min_length=1, max_length=80)]
Colour = Annotated[str | None, Query(pattern="^#[0-9a-fA-F]{6}$", description="cloths near this #rrggbb")]
Version = Annotated[str | None, Query(max_length=64, description="the cloth's look: then the answer is kept for ever")]
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
PerPage = Annotated[int, Query(ge=1, le=MOST_PER_PAGE)]


def catalog(
    request: Request,
    services: Use,
    q: Annotated[str, Query(max_length=200, description="words that must all be found")] = "",
    family: Word = None,
    use: Literal["suiting", "shirting", "tie"] | None = None,
    tag: Word = None,
    mill: Word = None,
    colour: Colour = None,
    page: PageNumber = 1,
    per_page: PerPage = 200,
) -> Response:
    """The fabrics on offer under their families, in the order of the book. Families without any are left out."""
    asked = Asked(q=q, family=family, use=use, tag=tag, mill=mill, colour=colour, page=page, per_page=per_page)
    families = services.fitting.wardrobe.catalog.families()
    listing = services.listings.page(families, asked, lambda found: _listing(found, per_page))
    return cached(request, listing, media_type="application/json")


def fabric(request: Request, fabric_id: Id, services: Use) -> Response:
    """One fabric."""
    return _json(request, public(services.fitting.wardrobe.catalog.get(fabric_id)))


async def swatch(request: Request, fabric_id: Id, services: Use, v: Version = None) -> Response:
    """The cloth at true scale, 60 mm square."""
    wardrobe = services.fitting.wardrobe
    look = wardrobe.catalog.get(fabric_id).cloth.look
    png = await _drawn(services, wardrobe.swatch_png, fabric_id)
    return cached(request, png, media_type="image/png", max_age_s=PICTURE_AGE_S, for_ever=v == look)


async def fabric_map(
    request: Request,
    fabric_id: Id,
    map_name: Annotated[str, Path(pattern="^[a-z]{1,16}$")],
    services: Use,
    v: Version = None,
) -> Response:
    """A map of the cloth as PNG: `size_mm` across, tileable. Height has 16 bits over `height_range_mm`, normals are
    OpenGL's (+Y up)."""
    wardrobe = services.fitting.wardrobe
    one = wardrobe.catalog.get(fabric_id)
    png = await _drawn(services, wardrobe.maps.png, one, map_name)
    return cached(request, png, media_type="image/png", for_ever=v == one.cloth.look)


async def package(request: Request, fabric_id: Id, services: Use) -> Response:
    """The cloth for other programs: see docs/materials.md. Dated today, for a woven cloth has no date of its own."""
    one = services.fitting.wardrobe.catalog.get(fabric_id)
    file = request.url.path.rpartition("/")[2]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    data = await _drawn(services, lambda: PARCELS[file].make(of_fabric(one, made=today)))
    answer = cached(request, data, media_type=PARCELS[file].media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{one.id}{file.removeprefix("material")}"'
    return answer


async def stored(
    request: Request, kind: Id, fan: Id, name: Annotated[str, Path(max_length=80)], services: Use
) -> Response:
    """A file of the catalog. Its address is made of its content, so that it may be kept for ever."""
    shop = services.shop
    if shop is None:
        raise unknown_object()

    def read() -> bytes:
        with shop.storage.open(f"{kind}/{fan}/{name}") as file:
            return file.read()

    data = await services.workers.catalog.run(read, timeout_s=services.settings.prepare_timeout_s)
    return cached(request, data, media_type=_MEDIA_TYPES.get(name.rpartition(".")[2], _ANY), for_ever=True)


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
    """The cut made up in a fabric, lying flat; in the catalog's first suiting unless one is given."""
    png = await _drawn(services, services.fitting.wardrobe.cut_png, cut_id, fabric_id)
    return cached(request, png, media_type="image/png", max_age_s=PICTURE_AGE_S)


async def cut_glb(
    request: Request,
    cut_id: Id,
    services: Use,
    fabric_id: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
) -> Response:
    """The cut made up in a fabric as a glTF scene, a relief to be turned a little and lit; in the catalog's first
    suiting unless one is given. In metres, the pit of the neck in the origin, the front towards +Z."""
    data = await _drawn(services, services.fitting.wardrobe.cut_glb, cut_id, fabric_id)
    return cached(request, data, media_type=_GLB, max_age_s=PICTURE_AGE_S)


def _listing(found: Page, per_page: int) -> bytes:
    shown = [{**section.about(), "fabrics": [public(one) for one in fabrics]} for section, fabrics in found.sections]
    paging = {"page": found.page, "pages": found.pages, "per_page": per_page, "total": found.total}
    return msgspec.json.encode({"version": VERSION, **paging, "families": shown})


def public(fabric: Fabric) -> dict[str, Any]:
    """What a client may know of a fabric, and where its pictures are."""
    at, look = f"/api/fabric/{fabric.id}", fabric.cloth.look
    return {
        **fabric.to_public(),
        "swatch": f"{at}/swatch.png?v={look}",
        "maps": {name: f"{at}/{name}.png?v={look}" for name in map_names(fabric)},
        "height_range_mm": height_range_mm(fabric),
    }


def routes() -> APIRouter:
    """Fabrics and cuts."""
    router = APIRouter(prefix="/api", tags=["wardrobe"])
    known = {304: {"description": "The client has it already"}}
    json_ = {200: {"content": {"application/json": {"schema": {"type": "object"}}}}, **known}
    png = {200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}, **known}
    any_ = {200: {"content": {_ANY: {"schema": {"type": "string", "format": "binary"}}}}, **known}
    of_fabric = problems("unknown_fabric", "fabric_retired", "invalid_request")
    slow = ("invalid_request", "timeout", "busy", "maps_missing")
    drawn = problems("unknown_cut", "unknown_fabric", "fabric_retired", *slow)
    mapped = problems("unknown_map", "unknown_fabric", "fabric_retired", *slow)
    listed = problems("invalid_request")
    add = router.add_api_route
    add("/fabric/catalog", catalog, summary="The catalog", response_class=Response, responses=json_ | listed)
    add("/fabric/{fabric_id}", fabric, summary="A fabric", response_class=Response, responses=json_ | of_fabric)
    add("/fabric/{fabric_id}/swatch.png", swatch, summary="A swatch", response_class=Response, responses=png | drawn)
    add(
        "/fabric/{fabric_id}/{map_name}.png",
        fabric_map,
        summary="A map",
        response_class=Response,
        responses=png | mapped,
    )
    packed = problems("unknown_fabric", "fabric_retired", *slow)
    for file in PACKAGES:
        answer = {200: {"content": {PARCELS[file].media_type: {"schema": {"type": "string", "format": "binary"}}}}}
        summary = f"A fabric as {file}"
        add(
            f"/fabric/{{fabric_id}}/{file}",
            package,
            summary=summary,
            response_class=Response,
            responses=answer | packed,
        )
    gone = problems("unknown_object", "invalid_request", "timeout", "busy")
    add("/objects/{kind}/{fan}/{name}", stored, summary="A file", response_class=Response, responses=any_ | gone)
    add("/cuts", cuts, summary="The cuts", response_class=Response, responses=json_)
    add("/cuts/{cut_id}/thumbnail.png", cut_thumbnail, summary="A cut", response_class=Response, responses=png | drawn)
    solid = {200: {"content": {_GLB: {"schema": {"type": "string", "format": "binary"}}}}, **known}
    add("/cuts/{cut_id}/jacket.glb", cut_glb, summary="A cut in 3D", response_class=Response, responses=solid | drawn)
    return router


_ANY = "application/octet-stream"
_GLB = "model/gltf-binary"
_MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}


def _json(request: Request, content: Any) -> Response:
    return cached(request, msgspec.json.encode(content), media_type="application/json")


async def _drawn(services: Services, draw: Any, *args: Any) -> bytes:
    """Woven or made up on first use, which takes a while and a thread."""
    return await services.workers.wardrobe.run(draw, *args, timeout_s=services.settings.prepare_timeout_s)
