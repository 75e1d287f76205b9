"""Families and colours, for the shop's own people: look, create, edit, retire. Owns the routes; must not know tables.

Every change is in the book, and so on every kiosk of this server, before it is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from fabric.book import unknown_fabric
from fabric.entries import FamilyEntry
from fabric.listing import Query as Asked
from server.catalog.shop import Shop
from server.http.admin_bodies import (
    FIGURES,
    ColourEdit,
    FamilyEdit,
    NewColour,
    NewFamily,
    Status,
    changes_of,
    colour_public,
    family_public,
)
from server.http.admin_bodies import Use as UseOfCloth
from server.http.admin_key import ADMIN_CODES, Admin
from server.http.bodies import described, read_body
from server.http.catalog import Colour, PageNumber, PerPage, Word
from server.http.problems import problems
from server.http.tryon import BODY_CODES
from server.services import Services, Use
from utils.errors import InputError

Id = Annotated[str, Path(pattern="^[a-z0-9-]{1,64}$")]
Words = Annotated[str, Query(max_length=200, description="words that must all be found")]
Sort = Literal["name", "-name", "code", "-code", "mill", "-mill", "weight", "-weight"]
ENTRY_CODES = (*BODY_CODES, "bad_entry", "bad_name", "bad_weight", "name_taken", "storage_full")
COLOUR_CODES = (*ENTRY_CODES, "bad_size", "bad_colour", "bad_draft", "unknown_family")
EDIT_CODES = ("edit_conflict", "version_missing")

T = TypeVar("T")
logger = logging.getLogger("lucy.catalog")


async def families(services: Use, shop: Admin, q: Words = "", status: Status | None = None) -> Response:
    """Every family, retired ones and empty ones too, in the order of the book."""

    def listed() -> list[dict[str, Any]]:
        shop.book.refresh()
        found = [family_public(shop, family.id) for family in shop.book.families()]
        return [one for one in found if _has_words(one, q) and status in (None, one["status"])]

    return JSONResponse({"families": await run(services, listed)})


async def family(family_id: Id, services: Use, shop: Admin) -> Response:
    """One family. Its ETag is its version."""
    return versioned(await run(services, fresh, shop, family_public, family_id))


async def create_family(request: Request, services: Use, shop: Admin) -> Response:
    """A new section of the book. It is shown as soon as it has a colour."""
    body = await read_body(request, NewFamily)
    made = await run(services, _created_family, shop, body)
    return versioned(made, 201, f"/api/admin/families/{made['id']}")


async def edit_family(request: Request, family_id: Id, services: Use, shop: Admin) -> Response:
    """Some fields; the others stay. A family that is retired takes its colours out of the shop with it."""
    body = await read_body(request, FamilyEdit)
    version = version_of(request, body.version)

    def edit() -> dict[str, Any]:
        shop.ledger.edit_family(family_id, changes_of(body), version=version)
        logger.info("family %s was edited", family_id)
        return fresh(shop, family_public, family_id)

    return versioned(await run(services, edit))


async def colours(
    services: Use,
    shop: Admin,
    q: Words = "",
    family: Word = None,
    use: UseOfCloth | None = None,
    tag: Word = None,
    mill: Word = None,
    colour: Colour = None,
    status: Status | None = None,
    sort: Sort | None = None,
    page: PageNumber = 1,
    per_page: PerPage = 100,
) -> Response:
    """Colours, retired ones too, in the order of the book unless another is asked for."""
    told = {"q": q, "family": family, "use": use, "tag": tag, "mill": mill, "colour": colour}
    asked = Asked(**told, status=status, sort=sort, page=page, per_page=per_page)

    def listed() -> dict[str, Any]:
        shop.book.refresh()
        found = services.listings.index(shop.book.families()).turn_to(asked)
        shown = [colour_public(shop, fabric.id) for _, fabrics in found.sections for fabric in fabrics]
        return {"page": page, "pages": found.pages, "per_page": per_page, "total": found.total, "colours": shown}

    return JSONResponse(await run(services, listed))


async def colour(colour_id: Id, services: Use, shop: Admin) -> Response:
    """One colour, offered or not. Its ETag is its version."""
    return versioned(await run(services, fresh, shop, colour_public, colour_id))


async def create_colour(request: Request, services: Use, shop: Admin) -> Response:
    """A new colour of a family, woven from its draft."""
    body = await read_body(request, NewColour)

    def create() -> dict[str, Any]:
        id = shop.ledger.create_colour(body.family, body.entry(draft=body.draft), upload_id=body.swatch)
        logger.info("colour %s was created", id)
        return fresh(shop, colour_public, id)

    made = await run(services, create)
    return versioned(made, 201, f"/api/admin/colours/{made['id']}")


async def edit_colour(request: Request, colour_id: Id, services: Use, shop: Admin) -> Response:
    """Some fields; the others stay. Whoever wears a colour that is retired keeps it on until she picks another."""
    body = await read_body(request, ColourEdit)
    version = version_of(request, body.version)

    def edit() -> dict[str, Any]:
        changes = _with_figures(shop, colour_id, changes_of(body))
        shop.ledger.edit_colour(colour_id, changes, version=version, upload_id=body.swatch)
        logger.info("colour %s was edited", colour_id)
        return fresh(shop, colour_public, colour_id)

    return versioned(await run(services, edit))


def routes() -> APIRouter:
    """Families and colours."""
    router = APIRouter(prefix="/api/admin", tags=["catalog"])
    made, json_ = {201: _JSON}, {200: _JSON}
    known_family = problems(*ADMIN_CODES, "unknown_family")
    known_colour = problems(*ADMIN_CODES, "unknown_fabric")

    def add(path: str, call: Callable[..., Any], summary: str, answers: dict[Any, Any], **more: Any) -> None:
        router.add_api_route(path, call, summary=summary, response_class=Response, responses=answers, **more)

    def change(
        path: str, call: Callable[..., Any], summary: str, answers: dict[Any, Any], *, body: Any, method: str
    ) -> None:
        extra = described(body, multipart=False)
        status = 201 if method == "POST" else 200
        add(path, call, summary, answers, methods=[method], openapi_extra=extra, status_code=status)

    new = problems(*ADMIN_CODES, *ENTRY_CODES, "id_taken")
    edited = problems(*ADMIN_CODES, *ENTRY_CODES, *EDIT_CODES, "unknown_family")
    add("/families", families, "The families", json_ | problems(*ADMIN_CODES))
    add("/families/{family_id}", family, "A family", json_ | known_family)
    change("/families", create_family, "Create a family", made | new, body=NewFamily, method="POST")
    change("/families/{family_id}", edit_family, "Edit a family", json_ | edited, body=FamilyEdit, method="PATCH")
    new = problems(*ADMIN_CODES, *COLOUR_CODES, "id_taken", "unknown_swatch")
    edited = problems(*ADMIN_CODES, *COLOUR_CODES, *EDIT_CODES, "unknown_fabric", "unknown_swatch")
    add("/colours", colours, "The colours", json_ | problems(*ADMIN_CODES))
    add("/colours/{colour_id}", colour, "A colour", json_ | known_colour)
    change("/colours", create_colour, "Create a colour", made | new, body=NewColour, method="POST")
    change("/colours/{colour_id}", edit_colour, "Edit a colour", json_ | edited, body=ColourEdit, method="PATCH")
    return router


_JSON = {"content": {"application/json": {"schema": {"type": "object"}}}}


async def run(services: Services, call: Callable[..., T], *args: Any) -> T:
    """In a thread: the database and the disk may take their time."""
    return await services.workers.catalog.run(call, *args, timeout_s=services.settings.prepare_timeout_s)


def fresh(shop: Shop, show: Callable[[Shop, str], dict[str, Any]], id: str) -> dict[str, Any]:
    """As it is now, whoever has changed it. Blocking."""
    shop.book.refresh()
    return show(shop, id)


def versioned(shown: dict[str, Any], status: int = 200, location: str | None = None) -> Response:
    """With its version as ETag, so that a client may send it back as If-Match."""
    headers = {"ETag": f'"{shown["version"]}"', "Cache-Control": "no-store"}
    return JSONResponse(shown, status, headers | ({"Location": location} if location is not None else {}))


def version_of(request: Request, told: int | None) -> int:
    """Of what is to be edited. Raises InputError: version_missing."""
    tag = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    if told is None and tag.isdecimal():
        told = int(tag)
    if told is None:
        raise InputError(
            "version_missing",
            "an edit has to say which version it edits",
            hint="send the version that you have read, or its ETag as If-Match",
        )
    return told


def _created_family(shop: Shop, body: NewFamily) -> dict[str, Any]:
    id = shop.ledger.create_family(FamilyEntry(**body.model_dump()))
    logger.info("family %s was created", id)
    return fresh(shop, family_public, id)


def _with_figures(shop: Shop, colour_id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """The figures of a scanned cloth stand together in its entry. Raises InputError: unknown_fabric, bad_entry."""
    figures = {name: changes.pop(name) for name in FIGURES if name in changes}
    if not figures and "draft" not in changes:
        return changes
    shop.book.refresh()
    entry = shop.book.colour_entry(colour_id)
    if entry is None:
        raise unknown_fabric()
    if (entry.scan is None) == bool(figures):
        raise InputError(
            "bad_entry",
            "a woven cloth has its figures from its draft, and a scanned one has no draft",
            hint="edit the draft of a woven cloth, and size_mm, roughness, metalness and sheen of a scanned one",
        )
    return changes if entry.scan is None else {**changes, "scan": replace(entry.scan, **figures)}


def _has_words(shown: dict[str, Any], q: str) -> bool:
    text = "\n".join((shown["id"], shown["name"], shown["description"], shown["composition"])).casefold()
    return all(word in text for word in q.casefold().split())
