"""Answers that a client may keep: ETag and 304. Owns revalidation; must not know what is answered."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

FOR_EVER = "public, max-age=31536000, immutable"
"""For addresses that name what is there by its hash: they never lead to anything else."""


def cached(
    request: Request, content: bytes, *, media_type: str, max_age_s: int = 0, for_ever: bool = False
) -> Response:
    """`content`, or 304 where the client has it already. After `max_age_s` it asks again, and never if `for_ever`."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    age = f"public, max-age={max_age_s}" if max_age_s else "no-cache"
    headers = {"ETag": etag, "Cache-Control": FOR_EVER if for_ever else age}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
