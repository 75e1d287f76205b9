"""The app: every route, put together. Owns nothing but the list; must not know what the routes do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import RedirectResponse

from models.fitting import Fitting
from server.catalog.shop import Shop
from server.catalog.upkeep import look_after
from server.http import admin, admin_files, catalog, documentation, garments, health, scans, static, tryon, wearing
from server.http.edge import Edge
from server.http.problems import HANDLED, answer_error
from server.live import endpoint
from server.pages import pages_dir
from server.services import make_services
from server.settings import Settings

EXPOSED_HEADERS = ("X-Request-ID", "X-Lucy-Stage", "X-Lucy-Degraded", "X-Lucy-Seed", "Server-Timing", "ETag")


def create_app(settings: Settings, fitting: Fitting, *, shop: Shop | None = None, pages: Path | None = None) -> FastAPI:
    """The app, ready to be served. It closes `fitting` and `shop` when it is shut down. `pages` are the built ones.

    Without a `shop` the fitting's book is shown as it is, and nobody can change it.
    """
    app = FastAPI(title="Lucy", version="0.1.0", lifespan=_lifespan, docs_url=None, redoc_url=None)
    services = app.state.services = make_services(settings, fitting, shop)
    for part in (health, tryon, scans, wearing, catalog, garments, admin, admin_files, documentation):
        app.include_router(part.routes())
    app.add_api_route("/", _to_the_kiosk, include_in_schema=False)
    app.mount("/kiosk", static.Pages(pages or pages_dir()), name="kiosk")
    app.mount("/fabrics", static.Pages(pages or pages_dir(), first="fabrics.html"), name="fabrics")
    app.add_api_websocket_route("/ws", endpoint.live)
    app.openapi = lambda: documentation.describe(app)
    for kind in HANDLED:
        app.add_exception_handler(kind, answer_error)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=("GET", "POST", "PATCH"),
        allow_headers=("*",),
        expose_headers=EXPOSED_HEADERS,
    )
    app.add_middleware(
        Edge,
        metrics=services.metrics,
        max_body_bytes=settings.max_body_bytes(),
        patience_s=settings.client_timeout_s,
    )
    return app


async def _to_the_kiosk() -> RedirectResponse:
    return RedirectResponse("/kiosk/")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services = app.state.services
    async with look_after(services.shop):
        yield
    await run_in_threadpool(services.scanner.close)
    await run_in_threadpool(services.workers.close)
    await run_in_threadpool(services.fitting.close)
    if services.shop is not None:
        await run_in_threadpool(services.shop.close)
