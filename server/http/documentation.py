"""The API's description and its page. Owns /docs and what OpenAPI says beyond the routes; must not know what they do.

Swagger UI is served from here, because a shop has no internet. It comes with the pages (npm package swagger-ui-dist,
Apache-2.0). Where they are not built, /docs is a plain list of what there is.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from server.http.admin_bodies import ColourEdit, FamilyEdit, NewColour, NewFamily, ScanSave, SwatchUpload
from server.http.garments import AnchorCorrection, GarmentUpload
from server.http.problems import Problem, problems
from server.http.scans import Rescan, ScanRequest
from server.http.static import PAGE_HEADERS
from server.http.tryon import Capture
from server.http.wearing import Wear

WEB = Path(__file__).parents[2] / "web"
SWAGGER_FOLDERS = (WEB / "dist" / "swagger-ui", WEB / "node_modules" / "swagger-ui-dist")
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")

BODIES = (
    *(Capture, GarmentUpload, AnchorCorrection, ScanRequest, Rescan, Wear),
    *(NewFamily, FamilyEdit, NewColour, ColourEdit, ScanSave, SwatchUpload),
)
"""Bodies that routes read by themselves."""

SWAGGER_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lucy API</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="swagger"></div>
<script src="/docs/swagger-ui-bundle.js"></script><script src="/docs/start.js"></script></body></html>
"""
SWAGGER_START = 'SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger", deepLinking: true, validatorUrl: null});\n'

PLAIN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Lucy API</title><link rel="icon" href="data:,"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
code {{ font-size: 0.95em }} dt {{ margin-top: 1rem }} dd {{ margin-left: 2rem }}
</style></head><body><h1>Lucy API</h1>
<p>The machine-readable description is <a href="/openapi.json">openapi.json</a>. To try requests out on this page, run
<code>make web</code>. The live protocol at <code>/ws</code> is described in docs/protocol.md.</p>
<dl>{entries}</dl></body></html>
"""


def plain_page(description: dict[str, Any]) -> Response:
    """The API, to read."""
    entries = [
        f"<dt><code>{method.upper()} {escape(path)}</code></dt>"
        f"<dd>{escape(operation.get('description') or operation.get('summary', ''))}</dd>"
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    ]
    return HTMLResponse(PLAIN_PAGE.format(entries="\n".join(entries)), headers=PAGE_HEADERS)


def docs(request: Request) -> Response:
    """Swagger UI, or a plain list where it is not installed."""
    if swagger_folder() is None:
        return plain_page(request.app.openapi())
    return HTMLResponse(SWAGGER_PAGE, headers=PAGE_HEADERS)


def docs_file(name: str) -> Response:
    """What Swagger UI needs."""
    folder = swagger_folder()
    if name == "start.js":
        return Response(SWAGGER_START, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
    if folder is None or name not in SWAGGER_FILES:
        raise HTTPException(404)
    return FileResponse(folder / name, headers={"Cache-Control": "public, max-age=86400"})


def swagger_folder() -> Path | None:
    """Where Swagger UI lies, if it does."""
    return next((folder for folder in SWAGGER_FOLDERS if (folder / SWAGGER_FILES[0]).is_file()), None)


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the models of bodies that routes read by themselves."""
    if app.openapi_schema is None:
        description = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = description["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        models = [(model, "validation") for model in (Problem, *BODIES)]
        _, extra = models_json_schema(models, ref_template="#/components/schemas/{model}")
        schemas.update(extra["$defs"])
        for operation in (one for methods in description["paths"].values() for one in methods.values()):
            for status, answer in problems("internal").items():  # no route is without bugs
                operation["responses"].setdefault(str(status), answer)
        app.openapi_schema = description
    return app.openapi_schema


def routes() -> APIRouter:
    """The pages of the description. openapi.json is FastAPI's own."""
    router = APIRouter(include_in_schema=False)
    router.add_api_route("/docs", docs)
    router.add_api_route("/docs/{name}", docs_file)
    return router
