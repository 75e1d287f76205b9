"""Whether the program lives, whether it is ready for work, and what it has counted."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.responses import Response

from server.services import Use


class Health(BaseModel):
    """The loop answers."""

    status: Literal["alive"] = "alive"


class Readiness(BaseModel):
    """What works. `limited` serves, but something listed under `missing` is not there. `warming` serves composites
    until the engines have made a picture."""

    status: Literal["ready", "limited", "warming", "draining"]
    pose: bool
    parsing: bool
    engine: dict[str, Any]
    missing: list[str]
    hint: str | None
    sessions: int


async def health() -> Health:
    """200 for as long as the event loop answers, also while the server drains."""
    return Health()


def ready(services: Use) -> Response:
    """200 when new work is welcome, 503 while the server drains or its engines have yet to make a picture (again); what
    is missing and how to fetch it."""
    found = services.fitting.readiness()
    status: Literal["ready", "limited", "warming", "draining"] = "limited" if found["missing"] else "ready"
    if found["engine"].get("state", "ready") != "ready":
        status = "warming"
    if services.sessions.draining:
        status = "draining"
    missing = [str(name) for name in found["missing"]]
    readiness = Readiness(**{**found, "missing": missing}, status=status, sessions=len(services.sessions))
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(readiness.model_dump(), 503 if status in ("draining", "warming") else 200, headers)


def metrics(services: Use) -> Response:
    """Prometheus' text format."""
    return Response(services.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def routes() -> APIRouter:
    """Health, readiness, metrics."""
    router = APIRouter(tags=["operation"])
    router.add_api_route("/health", health, summary="Alive?")
    draining = {503: {"description": "draining, or the engines are warming up", "model": Readiness}}
    router.add_api_route("/ready", ready, summary="Ready for work?", response_model=Readiness, responses=draining)
    text = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
    router.add_api_route("/metrics", metrics, summary="Counters", response_class=Response, responses=text)
    return router
