"""The pages, as they were built. Owns caching and security headers; must not know how they are built."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from utils.errors import ConfigError

FOREVER = "public, max-age=31536000, immutable"

PAGE_HEADERS = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self' blob:; "
            "connect-src 'self' ws: wss: data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
        ),
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
)


class Pages(StaticFiles):
    """A single-page app: whatever is no file is its first page. Its assets carry their hash in their name."""

    def __init__(self, folder: Path, *, first: str = "index.html") -> None:
        super().__init__(directory=folder, check_dir=False)
        self._folder = folder
        self._first = first

    async def check_config(self) -> None:
        """Whether the pages are there is asked with every request: they may be built while the server runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Raises ConfigError: pages_missing."""
        if not (self._folder / self._first).is_file():
            hint = "run `make web` in the repository, then reload"
            raise ConfigError("pages_missing", "the pages have not been built", hint=hint)
        try:
            response = await super().get_response(self._first if path == "." else path, scope)
        except HTTPException as error:
            if error.status_code != 404 or "." in Path(path).name:
                raise
            response = await super().get_response(self._first, scope)
        hashed = Path(path).parts[:1] == ("assets",)
        response.headers["Cache-Control"] = FOREVER if hashed and response.status_code in (200, 304) else "no-cache"
        response.headers.update(PAGE_HEADERS)
        return response
