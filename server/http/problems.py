"""Errors as HTTP answers: RFC 9457 problem details, and their place in the OpenAPI description.

Owns how an exception becomes a problem; must not know which errors there are (server/failures.py). Nothing of the input
is repeated: a validation error says where and what was expected, never what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from server.failures import TABLE, failure_of, problem
from utils.errors import CapacityError, InputError, LucyError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 415: "unsupported_media_type"}


class FieldProblem(BaseModel):
    """One field that is wrong."""

    where: str
    what: str


class Problem(BaseModel):
    """What every answer from 400 upwards looks like."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str | None
    request_id: str
    retryable: bool
    errors: list[FieldProblem] | None = None


class InvalidRequestError(InputError):
    """Fields that are missing, wrong or unknown."""

    def __init__(self, errors: Iterable[Mapping[str, Any]]) -> None:
        super().__init__("invalid_request", "the request has missing, wrong or unknown fields", hint="see /docs")
        self.errors = [{"where": _where(error), "what": _what(error)} for error in errors]


def problem_response(error: LucyError, *, request_id: str) -> Response:
    """The answer to a request that failed with `error`."""
    status = failure_of(error).status
    headers = {"Cache-Control": "no-store"}
    if status in (429, 503) and isinstance(error, CapacityError):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", RETRY_AFTER_S))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="lucy"'
    body = problem(error, request_id=request_id, errors=getattr(error, "errors", None))
    return Response(msgspec.json.encode(body), status, headers, media_type=MEDIA_TYPE)


async def answer_error(request: Request, error: Exception) -> Response:
    """The exception handler for everything that is raised on purpose."""
    told = _told(error)
    request.app.state.services.metrics.errors.labels(told.code, "http").inc()
    response = problem_response(told, request_id=request.state.request_id)
    if told.code == "method_not_allowed":
        response.headers["Allow"] = ", ".join(_methods(request))
    return response


HANDLED: tuple[type[Exception], ...] = (LucyError, RequestValidationError, ValidationError, HTTPException)


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can fail with these codes."""
    by_status: dict[int | str, list[str]] = {}
    for code in codes:
        by_status.setdefault(TABLE[code].status, []).append(code)
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": ", ".join(listed), "content": {MEDIA_TYPE: {"schema": schema}}}
        for status, listed in by_status.items()
    }


def _methods(request: Request) -> list[str]:
    """What is offered at this path. The framework's own list stops at the first route."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    here = [path for path in paths if re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path)]
    offered = {method.upper() for path in here for method in paths[path]} or {"GET"}
    return sorted(offered | ({"HEAD"} if "GET" in offered else set()))


def _told(error: Exception) -> LucyError:
    if isinstance(error, LucyError):
        return error
    if isinstance(error, (RequestValidationError, ValidationError)):
        return InvalidRequestError(error.errors())
    code = _CODE_OF_STATUS.get(getattr(error, "status_code", 400), "invalid_request")
    return InputError(code, TABLE[code].title.lower())


def _where(error: Mapping[str, Any]) -> str:
    # The last place of an unknown field is its name, and that is the client's word, not ours.
    places = error["loc"][:-1] if error["type"] == "extra_forbidden" else error["loc"]
    return ".".join(str(place) for place in places) or "body"


def _what(error: Mapping[str, Any]) -> str:
    return (
        "has a field that is not known"
        if error["type"] == "extra_forbidden"
        else str(error["msg"]).removeprefix("Value error, ")
    )
