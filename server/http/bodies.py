"""Request bodies: multipart forms and JSON with the same fields, into one checked model.

Owns reading and decoding; must not know what the fields are for. Fields that a model does not have are an error.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from server.live.protocol import from_base64
from server.storage import is_full, storage_full
from utils.errors import InputError

MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 4, 24, 256 << 10

Body = TypeVar("Body", bound="RequestBody")


def _to_bytes(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return from_base64(value)
    except ValueError:
        raise ValueError("must be base64, with or without a data: prefix") from None


def _from_json_text(value: object) -> object:
    """A form can only hold text where JSON holds structure."""
    if not isinstance(value, (str, bytes)):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


def _to_names(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


PictureField = Annotated[bytes, BeforeValidator(_to_bytes), WithJsonSchema({"type": "string", "format": "binary"})]
"""A file in a form, base64 in JSON."""
JsonText = BeforeValidator(_from_json_text)
"""For fields that are JSON text in a form."""
Names = BeforeValidator(_to_names)
"""For lists that are comma-separated in a form."""


class RequestBody(BaseModel):
    """What all bodies have in common: nothing unknown, and nothing of the input in an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


async def read_body(request: Request, model: type[Body]) -> Body:
    """Read the body of a request as `model`.

    Raises:
        InputError: unsupported_media_type, invalid_request, body_too_large, body_timeout.
        CapacityError: storage_full.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        limits = {"max_files": MAX_FILES, "max_fields": MAX_FIELDS, "max_part_size": MAX_FIELD_BYTES}
        try:
            async with request.form(**limits) as form:
                return model.model_validate(await _fields(form))
        except OSError as error:  # large parts lie on the disk while they are read
            if is_full(error):
                raise storage_full() from error
            raise
    if kind == "application/json":
        # Megabytes of base64 are no work for the event loop.
        return await run_in_threadpool(model.model_validate_json, await request.body())
    raise InputError("unsupported_media_type", "send multipart/form-data or application/json")


async def _fields(form: FormData) -> dict[str, Any]:
    """Every field by name; one that comes several times is a list, which most fields do not take."""
    values: dict[str, list[str | bytes]] = {}
    for name, item in form.multi_items():
        values.setdefault(name, []).append(await item.read() if isinstance(item, UploadFile) else item)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def described(model: type[RequestBody], *, multipart: bool = True) -> dict[str, Any]:
    """The `openapi_extra` of a route that reads `model` by itself."""
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    kinds = ("multipart/form-data", "application/json") if multipart else ("application/json",)
    return {"requestBody": {"required": True, "content": dict.fromkeys(kinds, schema)}}
