"""Garments from photos: upload, list, look, put anchors right. Owns the routes; must not know how photos are read."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server.http.bodies import PictureField, RequestBody, described, read_body
from server.http.cached import cached
from server.http.problems import problems
from server.http.tryon import BODY_CODES, PICTURE_CODES, hang_up
from server.services import Use

Id = Annotated[str, Path(min_length=1, max_length=64)]
THUMBNAIL_AGE_S = 3600


class GarmentUpload(RequestBody):
    """A photo of one garment, lying flat or on a ghost mannequin."""

    photo: PictureField
    name: Annotated[str, Field(min_length=1, max_length=80)] = "garment"


class AnchorCorrection(RequestBody):
    """Anchors that lie elsewhere: name to [x, y] in pixels of the stored picture, whose size is `hw`."""

    anchors: Annotated[dict[str, tuple[float, float]], Field(min_length=1, max_length=64)]


class GarmentAnswer(BaseModel):
    """A garment on the rack."""

    id: str
    name: str
    hw: tuple[int, int]
    points: dict[str, tuple[float, float]]
    confidence: dict[str, float] = {}
    outline_confidence: float | None = None
    ground: str | None = None
    warnings: list[str] = []
    thumbnail: str


class GarmentList(BaseModel):
    """Everything on the rack."""

    garments: list[GarmentAnswer]


async def upload(request: Request, services: Use) -> Response:
    """Cut the garment out, find its anchors, hang it up. The same photo twice is one garment."""
    body = await read_body(request, GarmentUpload)
    timeout_s = services.settings.prepare_timeout_s
    record = await services.workers.wardrobe.run(hang_up, services, body.photo, body.name, timeout_s=timeout_s)
    return JSONResponse(_public(record), 201, {"Location": f"/api/garments/{record.id}"})


def listed(services: Use) -> Response:
    """Every garment, by name."""
    return JSONResponse({"garments": [_public(record) for record in services.fitting.wardrobe.rack.list()]})


def garment(garment_id: Id, services: Use) -> Response:
    """One garment and its anchors."""
    return JSONResponse(_public(services.fitting.wardrobe.rack.record(garment_id)))


async def correct(request: Request, garment_id: Id, services: Use) -> Response:
    """Put some anchors elsewhere; the others stay."""
    body = await read_body(request, AnchorCorrection)
    rack = services.fitting.wardrobe.rack
    timeout_s = services.settings.prepare_timeout_s
    record = await services.workers.wardrobe.run(rack.correct, garment_id, body.anchors, timeout_s=timeout_s)
    return JSONResponse(_public(record))


async def thumbnail(request: Request, garment_id: Id, services: Use) -> Response:
    """The garment, cut out."""
    rack = services.fitting.wardrobe.rack
    timeout_s = services.settings.prepare_timeout_s
    webp = await services.workers.wardrobe.run(rack.thumbnail, garment_id, timeout_s=timeout_s)
    return cached(request, webp, media_type="image/webp", max_age_s=THUMBNAIL_AGE_S)


def routes() -> APIRouter:
    """The rack."""
    router = APIRouter(prefix="/api/garments", tags=["wardrobe"])
    add = router.add_api_route
    unknown = problems("unknown_garment", "invalid_request")
    webp = {"image/webp": {"schema": {"type": "string", "format": "binary"}}}
    add(
        "",
        upload,
        methods=["POST"],
        summary="Upload a garment",
        status_code=201,
        response_model=GarmentAnswer,
        responses=problems(*BODY_CODES, *PICTURE_CODES, "no_garment", "rack_full", "busy", "timeout"),
        openapi_extra=described(GarmentUpload),
    )
    add("", listed, summary="The garments", response_model=GarmentList)
    add("/{garment_id}", garment, summary="A garment", response_model=GarmentAnswer, responses=unknown)
    add(
        "/{garment_id}",
        correct,
        methods=["PATCH"],
        summary="Correct a garment's anchors",
        response_model=GarmentAnswer,
        responses=problems(*BODY_CODES, "unknown_garment", "bad_anchors", "busy", "timeout"),
        openapi_extra=described(AnchorCorrection, multipart=False),
    )
    add(
        "/{garment_id}/thumbnail.webp",
        thumbnail,
        summary="A garment's picture",
        response_class=Response,
        responses={200: {"content": webp}, **unknown, **problems("timeout", "busy")},
    )
    return router


def _public(record: Any) -> dict[str, Any]:
    facts = msgspec.to_builtins(asdict(record))
    facts.pop("version", None)
    return {**facts, "thumbnail": f"/api/garments/{record.id}/thumbnail.webp"}
