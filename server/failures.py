"""The one table from an error's code to what a client sees of it, over HTTP and over the WebSocket.

Owns statuses, titles and close codes; must not know what raised the error. A code that is not listed gets the row of
its class, so a new one is never a crash; a test asks for every code that the project raises to be listed.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from utils.errors import CapacityError, ConfigError, DeviceError, InputError, LucyError


@dataclass(frozen=True)
class Failure:
    """One row: the HTTP status, a title that never changes, and the WebSocket close code where it ends a session."""

    status: int
    title: str
    close_code: int | None = None


NORMAL = 1000
INTERNAL = 1011
RESTART = 1012

TABLE = MappingProxyType(
    {
        # The request or message as such.
        "invalid_request": Failure(422, "The request does not follow the API"),
        "broken_envelope": Failure(400, "The message cannot be decoded", 1007),
        "unknown_type": Failure(400, "The message type is not known", 1003),
        "wrong_kind": Failure(400, "Text where binary was agreed, or the reverse", 1003),
        "unknown_subprotocol": Failure(400, "None of the offered subprotocols is spoken here"),
        "forbidden_origin": Failure(403, "This origin may not open a live session"),
        "too_many_messages": Failure(429, "Messages come too fast", 1008),
        "slow_reader": Failure(408, "Answers are not being read", 1008),
        "bad_message": Failure(422, "A field of the message is wrong"),
        "bad_seq": Failure(422, "Sequence numbers must increase"),
        "bad_wish": Failure(422, "The wish is not one of its forms"),
        "body_too_large": Failure(413, "The body is too large"),
        "body_timeout": Failure(408, "The body did not arrive in time"),
        "not_found": Failure(404, "There is nothing here"),
        "method_not_allowed": Failure(405, "This method is not offered here"),
        "unsupported_media_type": Failure(415, "Bodies of this type are not read here"),
        # Pictures.
        "bad_image": Failure(422, "The picture cannot be read"),
        "image_truncated": Failure(422, "The picture is cut off"),
        "image_animated": Failure(422, "The file holds more than one picture"),
        "image_too_small": Failure(422, "The picture is too small"),
        "image_too_large": Failure(413, "The picture is too large"),
        "unsupported_format": Failure(415, "The picture's format is not supported"),
        "layer_size": Failure(422, "The layer does not fit the frame"),
        "bad_landmarks": Failure(422, "The landmarks are wrong"),
        # What is asked of a diffusion engine.
        "bad_steps": Failure(422, "The number of steps is wrong"),
        "bad_strength": Failure(422, "The strength is wrong"),
        "bad_guidance": Failure(422, "The guidance is wrong"),
        "bad_mask": Failure(422, "The mask is wrong"),
        "bad_control": Failure(422, "A control map does not fit the picture"),
        "bad_picture": Failure(503, "The device made no usable picture"),
        "too_large_for_device": Failure(413, "The picture is too large for the device"),
        "unknown_engine": Failure(503, "No engine makes such pictures here"),
        "engine_starting": Failure(503, "The device is warming up"),
        "engine_restarting": Failure(503, "The device is coming back"),
        "engine_failed": Failure(503, "The device failed"),
        "engine_closed": Failure(503, "The device is shut down"),
        "out_of_memory": Failure(503, "The device has no memory for this"),
        "late": Failure(503, "The device could not make it in time"),
        "superseded": Failure(503, "A newer picture was asked for"),
        "cancelled": Failure(503, "The work was called off"),
        "prompt_too_long": Failure(422, "The prompt is too long"),
        "shape_not_warmed": Failure(503, "The device failed"),
        # What is in the shop.
        "unknown_fabric": Failure(404, "There is no such fabric"),
        "unknown_cut": Failure(404, "There is no such cut"),
        "unknown_garment": Failure(404, "There is no such garment"),
        "bad_scale": Failure(422, "A fabric cannot be shown at this scale"),
        "bad_colour": Failure(422, "The colour is wrong"),
        "fabric_retired": Failure(410, "This fabric is no longer offered"),
        "unknown_map": Failure(404, "This fabric has no such map"),
        "maps_missing": Failure(503, "The fabric's maps are gone"),
        "unknown_object": Failure(404, "There is no such file"),
        # What the shop's own people may do to it.
        "admin_disabled": Failure(403, "The catalog cannot be changed here"),
        "admin_key": Failure(401, "The admin key is missing or wrong"),
        "too_many_guesses": Failure(429, "Too many wrong keys"),
        "unknown_family": Failure(404, "There is no such family"),
        "unknown_swatch": Failure(404, "There is no such swatch"),
        "unknown_scan": Failure(404, "There is no such scan"),
        "no_catalog": Failure(503, "Nothing can be saved here"),
        "scale_unknown": Failure(422, "The size of the cloth is not known"),
        "name_taken": Failure(409, "The name is in use"),
        "id_taken": Failure(409, "The id is in use"),
        "edit_conflict": Failure(409, "Somebody else was faster"),
        "version_missing": Failure(428, "The edit does not say what it edits"),
        "bad_entry": Failure(422, "A field of the catalog is wrong"),
        "bad_name": Failure(422, "The name is wrong"),
        "bad_weight": Failure(422, "The weight is wrong"),
        "bad_size": Failure(422, "The size is wrong"),
        "bad_draft": Failure(422, "The draft is wrong"),
        "bad_catalog": Failure(422, "The catalog file is wrong"),
        "storage_full": Failure(507, "There is no room left"),
        "catalog_away": Failure(503, "The catalog's database does not answer"),
        "no_garment": Failure(422, "No garment was found in the photo"),
        "rack_full": Failure(507, "There is no room for more garments"),
        "bad_anchors": Failure(422, "The anchors are wrong"),
        # What keeps a photo of a swatch from being scanned.
        "bad_corners": Failure(422, "The corners are wrong"),
        "bad_repeat": Failure(422, "The repeat is wrong"),
        "bad_white": Failure(422, "The white patch is wrong"),
        "swatch_too_small": Failure(422, "The swatch is too small in the photo"),
        "overexposed": Failure(422, "The photo is too bright"),
        "underexposed": Failure(422, "The photo is too dark"),
        "blurred": Failure(422, "The photo is blurred"),
        "not_flat": Failure(422, "The cloth does not lie flat"),
        "not_cloth": Failure(422, "The photo does not show one piece of cloth"),
        "scans_full": Failure(503, "Too many scans are not saved"),
        "scan_memory": Failure(503, "The scan is too large for this server"),
        "scan_failed": Failure(503, "The scan failed"),
        "scanner_lost": Failure(503, "The scan broke off"),
        # The server's own troubles.
        "busy": Failure(503, "The server is at its limit", 1013),
        "draining": Failure(503, "The server is about to restart", RESTART),
        "timeout": Failure(504, "The work took too long", INTERNAL),
        "too_many_people": Failure(503, "The server is at its limit", 1013),
        "pose_failed": Failure(503, "The device failed"),
        "parsing_failed": Failure(503, "The device failed"),
        "pages_missing": Failure(503, "The pages are not built"),
        "internal": Failure(500, "Something went wrong inside", INTERNAL),
    }
)

_BY_CLASS: tuple[tuple[type[LucyError], Failure], ...] = (
    (InputError, Failure(422, "What was sent cannot be used")),
    (CapacityError, Failure(503, "The server is at its limit", 1013)),
    (DeviceError, Failure(503, "The device failed")),
    (ConfigError, Failure(503, "The installation is incomplete")),
    (LucyError, Failure(500, "Something went wrong inside", INTERNAL)),
)


def failure_of(error: LucyError) -> Failure:
    """The row of this error."""
    listed = TABLE.get(error.code)
    return listed or next(failure for kind, failure in _BY_CLASS if isinstance(error, kind))


def internal_error() -> LucyError:
    """What a client is told of a bug: nothing but whose it is."""
    return LucyError("internal", "something went wrong on the server", hint="try again", retryable=True)


def problem(error: LucyError, *, request_id: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The body of an RFC 9457 answer. `errors` says field by field what is wrong, without repeating what was sent."""
    failure = failure_of(error)
    body: dict[str, Any] = {
        "type": f"urn:lucy:problem:{error.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": error.message,
        "code": error.code,
        "hint": error.hint,
        "request_id": request_id,
        "retryable": error.retryable,
    }
    return body if errors is None else {**body, "errors": errors}
