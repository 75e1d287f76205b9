"""POST /virtual-tryon: the premium capture.

Owns the request's fields, and the answer as a picture or as JSON; must not know how a picture is made.
"""

from __future__ import annotations

import uuid
from concurrent.futures import CancelledError
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from models.fitting import FitRequest, Fitted, Output, Wish
from server.http.bodies import JsonText, Names, PictureField, RequestBody, described, read_body
from server.http.problems import problems
from server.http.progress import Work, stream_events, wants_events
from server.live.protocol import data_url
from server.services import Services, Use
from utils.errors import CapacityError, InputError
from utils.images import CAPTURE_LIMITS, read_image

Id = Annotated[str, Field(min_length=1, max_length=64)]
FORMATS = ("jpeg", "webp", "png")


class CaptureOutput(RequestBody):
    """How the picture is to be encoded."""

    format: Literal["jpeg", "webp", "png"] | None = None
    quality: Annotated[int, Field(ge=1, le=100)] = 92
    long_side: Annotated[int, Field(ge=16, le=12_000)] | None = None


class Capture(RequestBody):
    """One frame and what is to be done with it. Only `frame` must be there."""

    frame: PictureField
    layer: PictureField | None = None
    garment: PictureField | None = None
    garment_id: Id | None = None
    fabric_id: Id | None = None
    cut: Id | None = None
    none: bool = False
    landmarks: Annotated[list[list[float]] | None, JsonText] = None
    steps: Annotated[int, Field(ge=1, le=100)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    output: Annotated[CaptureOutput, JsonText, Field(default_factory=CaptureOutput)]
    include: Annotated[frozenset[Literal["mask", "layer", "landmarks"]], Names] = frozenset()


class CaptureAnswer(BaseModel):
    """The JSON answer. Pictures are `data:` URLs."""

    id: str
    image: str
    size: tuple[int, int]
    stage: str
    degraded: bool
    reason: str | None
    seed: int
    timings_ms: dict[str, float]
    quality: dict[str, float | None]
    landmarks: list[list[float]] | None = None
    mask: str | None = None
    layer: str | None = None


class CaptureWork(Work[Fitted]):
    """One capture: `step {"step": k, "of": n}` is told of each step of an engine."""

    def __init__(self, services: Services, fit: FitRequest) -> None:
        super().__init__()
        self._services = services
        self._fit = fit

    async def run(self) -> Fitted:
        """Wait for a thread and make the picture.

        Raises:
            LucyError: whatever the fitting raises; busy, timeout, cancelled.
        """
        services = self._services
        try:
            fitted = await services.workers.captures.run(self._capture, timeout_s=services.settings.capture_timeout_s)
        except CancelledError:
            raise CapacityError("cancelled", "the capture was called off") from None
        services.metrics.picture(fitted.stage, fitted.timings_ms, kind="capture")
        services.metrics.judge(fitted.quality, kind="capture")
        return fitted

    def _capture(self) -> Fitted:
        return self._services.fitting.capture(self._fit, on_progress=self._step, cancel=self.cancel)

    def _step(self, done: int, total: int) -> None:
        self.tell("step", step=done, of=total)


async def virtual_tryon(request: Request, services: Use) -> Response:
    """Dress one frame at its full resolution.

    `Accept: image/*` gets the picture, `text/event-stream` tells of the steps on the way to the JSON, anything else
    gets the JSON. Closing the connection calls the capture off.
    """
    capture = await read_body(request, Capture)
    asked_format = image_format(request.headers.get("accept", ""))
    output = Output(
        format=capture.output.format or (asked_format if asked_format in FORMATS else "jpeg"),
        quality=capture.output.quality,
        long_side=capture.output.long_side,
    )
    fit = FitRequest(
        frame=capture.frame,
        wish=await _wish(capture, services),
        layer=capture.layer,
        landmarks=capture.landmarks,
        output=output,
        seed=capture.seed,
        steps=capture.steps,
        include=capture.include,
    )
    work = CaptureWork(services, fit)
    if wants_events(request.headers.get("accept", "")):
        return stream_events(request, work, answer=lambda fitted: answer_fields(fitted, capture.include))
    fitted = await work.run_for(request)
    if asked_format is not None:
        return _as_picture(fitted)
    return await run_in_threadpool(_as_json, fitted, capture.include)


def image_format(accept: str) -> str | None:
    """What a client that wants a picture wants: jpeg, webp, png, or "*"; None where it would rather have JSON."""
    best: tuple[float, str | None] = (0.0, None)
    for choice in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in choice.split(";"))
        family, _, name = kind.partition("/")
        weight = _weight(parameters)
        if family == "image" and name in (*FORMATS, "*") and weight > best[0]:
            best = (weight, name)
        elif kind in ("application/json", "application/*", "*/*") and weight > best[0]:
            best = (weight, None)
    return best[1]


def routes() -> APIRouter:
    """The capture."""
    router = APIRouter(tags=["try-on"])
    picture = {"schema": {"type": "string", "format": "binary"}}
    answers = {
        200: {
            "content": {
                **{f"image/{name}": picture for name in FORMATS},
                "text/event-stream": {"schema": {"type": "string"}},
            },
            "description": "The picture, or JSON, or events: queued, step, done, error",
        },
        **problems(*CAPTURE_CODES),
    }
    router.add_api_route(
        "/virtual-tryon",
        virtual_tryon,
        methods=["POST"],
        summary="Dress one frame, slowly and well",
        response_model=CaptureAnswer,
        responses=answers,
        openapi_extra=described(Capture),
    )
    return router


PICTURE_CODES = ("bad_image", "image_truncated", "image_animated", "image_too_small", "image_too_large")
BODY_CODES = ("invalid_request", "body_too_large", "body_timeout", "unsupported_media_type", "unsupported_format")
CAPTURE_CODES = (
    *BODY_CODES,
    *PICTURE_CODES,
    *("bad_landmarks", "layer_size", "bad_wish", "no_garment"),
    *("unknown_fabric", "unknown_cut", "unknown_garment", "fabric_retired"),
    *("busy", "timeout", "rack_full"),
)


async def _wish(capture: Capture, services: Services) -> Wish:
    """Exactly one form, or none. A garment's photo is hung up first."""
    forms = (capture.garment, capture.garment_id, capture.fabric_id or capture.cut, capture.none or None)
    if sum(form is not None for form in forms) > 1:
        raise InputError("bad_wish", "send one of garment, garment_id, fabric_id with cut, none")
    if capture.garment is None:
        return Wish(garment_id=capture.garment_id, fabric_id=capture.fabric_id, cut=capture.cut)
    record = await services.workers.wardrobe.run(
        hang_up, services, capture.garment, "garment", timeout_s=services.settings.prepare_timeout_s
    )
    return Wish(garment_id=record.id)


def hang_up(services: Services, photo: bytes, name: str) -> Any:
    """Blocking: put the photo of a garment on the rack. Raises InputError, CapacityError."""
    return services.fitting.wardrobe.rack.add(read_image(photo, limits=CAPTURE_LIMITS, alpha=True), name=name)


def _as_picture(fitted: Fitted) -> Response:
    timings = ", ".join(f"{name};dur={spent_ms:.1f}" for name, spent_ms in fitted.timings_ms.items())
    headers = {
        "X-Lucy-Stage": fitted.stage,
        "X-Lucy-Degraded": str(fitted.degraded).lower(),
        "X-Lucy-Seed": str(fitted.seed),
        "Server-Timing": timings,
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
    return Response(fitted.image, media_type=fitted.media_type, headers=headers)


def _as_json(fitted: Fitted, include: frozenset[str]) -> Response:
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return Response(answer_fields(fitted, include), media_type="application/json", headers=headers)


def answer_fields(fitted: Fitted, include: frozenset[str]) -> bytes:
    """A CaptureAnswer as JSON."""
    answer: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "image": data_url(fitted.image),
        "size": fitted.hw,
        "stage": fitted.stage,
        "degraded": fitted.degraded,
        "reason": fitted.reason,
        "seed": fitted.seed,
        "timings_ms": fitted.timings_ms,
        "quality": fitted.quality,
    }
    if "landmarks" in include:
        answer["landmarks"] = fitted.landmarks
    answer |= {name: data_url(fitted.extras[name]) for name in ("mask", "layer") if name in fitted.extras}
    return msgspec.json.encode(answer)


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
