"""The messages of `/ws` and their two encodings: bytes in, messages out, and back. docs/protocol.md is the prose.

Owns the shape of every message and what is wrong with a malformed one; must not know sockets, sessions or the clock.
Decoded messages are well formed, not yet sensible: ids may be unknown, pictures unreadable, landmarks out of range.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from utils.errors import InputError

Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=64)]


class Picture(bytes):
    """An encoded picture as it came: `bin` in msgpack, base64 with or without a `data:` prefix in JSON."""

    __slots__ = ()


# --- Client to server -------------------------------------------------------------------------------------------


class WishFields(Struct, forbid_unknown_fields=True):
    """One form of: a garment, a fabric in a cut, nothing."""

    garment_id: Id | None = None
    fabric_id: Id | None = None
    cut: Id | None = None
    none: bool = False


class OutputFields(Struct, forbid_unknown_fields=True):
    """How pictures shall be answered."""

    format: Literal["jpeg", "webp", "png"] = "jpeg"
    quality: Annotated[int, Meta(ge=1, le=100)] = 85
    long_side: Annotated[int, Meta(ge=16, le=4096)] | None = None


class ClientMessage(Struct, forbid_unknown_fields=True, tag_field="type"):
    """What all of these have in common: a `type`, and no field that is not listed here."""


class Hello(ClientMessage, tag="hello"):
    """Optional introduction."""

    token: Annotated[str, Meta(max_length=4096)] | None = None
    wish: WishFields | None = None
    output: OutputFields | None = None
    client: Annotated[str, Meta(max_length=128)] | None = None


class Keyframe(ClientMessage, tag="keyframe"):
    """One picture of the camera. `seq` must grow from keyframe to keyframe."""

    seq: Seq
    frame: Picture
    captured_ms: float | None = None
    layer: Picture | None = None
    landmarks: list[list[float]] | None = None
    wish: WishFields | None = None
    steps: Annotated[int, Meta(ge=1, le=50)] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0


class WishMessage(ClientMessage, tag="wish"):
    """What to wear from now on; the fields are those of WishFields."""

    garment_id: Id | None = None
    fabric_id: Id | None = None
    cut: Id | None = None
    none: bool = False


class Ping(ClientMessage, tag="ping"):
    """Answered by a pong with the same `t`."""

    t: float


class Bye(ClientMessage, tag="bye"):
    """The client is about to leave."""


# --- Server to client -------------------------------------------------------------------------------------------


class EngineFields(Struct):
    """What makes the pictures, and the best stage that it reaches."""

    name: str
    stage: str


class LimitFields(Struct):
    """What a keyframe may weigh, and how many may be without an answer before frames are dropped."""

    max_frame_bytes: int
    max_pixels: int
    max_in_flight: int


class ServerMessage(Struct, omit_defaults=True, tag_field="type"):
    """What all of these have in common. Fields with a default are left out where they hold it."""


class Ready(ServerMessage, tag="ready"):
    """The first message of every session."""

    session: str
    engine: EngineFields
    limits: LimitFields
    wish: dict[str, Any]


class Enhanced(ServerMessage, tag="enhanced"):
    """The answer to one keyframe."""

    seq: int
    captured_ms: float | None
    image: bytes
    size: tuple[int, int]
    stage: str
    degraded: bool
    seed: int
    timings_ms: dict[str, float]
    reason: str | None = None
    landmarks: list[list[float]] | None = None


class Dropped(ServerMessage, tag="dropped"):
    """Keyframes that will not be answered."""

    seqs: list[int]
    reason: str


class Notice(ServerMessage, tag="notice"):
    """Something a client may want to show or act on; the session goes on."""

    code: str
    message: str
    retry_in_ms: int | None = None


class Error(ServerMessage, tag="error"):
    """Something that the client sent, or the server did, went wrong."""

    code: str
    message: str
    retryable: bool
    seq: int | None = None


class Pong(ServerMessage, tag="pong"):
    """The answer to a ping."""

    t: float


# --- Encodings --------------------------------------------------------------------------------------------------

ClientUnion = Hello | Keyframe | WishMessage | Ping | Bye
TYPES = frozenset(("hello", "keyframe", "wish", "ping", "bye"))


class MessageError(InputError):
    """A message that is not in the protocol. Its code decides in server/failures.py whether the session ends."""

    def __init__(self, code: str, message: str, *, seq: int | None = None) -> None:
        super().__init__(code, message)
        self.seq = seq
        """The keyframe's number, where it could still be read."""


class Codec(Protocol):
    """One encoding of the messages."""

    def decode(self, data: bytes | str) -> ClientMessage:
        """Raises MessageError: broken_envelope, unknown_type, wrong_kind, bad_message, bad_image."""

    def encode(self, message: ServerMessage) -> bytes | str:
        """What goes onto the socket: bytes for a binary frame, text for a text frame."""


class MsgpackCodec:
    """lucy.msgpack.v1: one message is one binary frame."""

    def decode(self, data: bytes | str) -> ClientMessage:
        if isinstance(data, str):
            raise MessageError("wrong_kind", "this subprotocol is binary: send msgpack in binary frames")
        return _decode(data, _msgpack_decoder(), msgspec.msgpack.Decoder(_Envelope))

    def encode(self, message: ServerMessage) -> bytes:
        return msgspec.msgpack.encode(message)


class JsonCodec:
    """lucy.json.v1: one message is one text frame; pictures are base64."""

    def decode(self, data: bytes | str) -> ClientMessage:
        if not isinstance(data, str):
            raise MessageError("wrong_kind", "this subprotocol is text: send JSON in text frames")
        return _decode(data, _json_decoder(), msgspec.json.Decoder(_Envelope))

    def encode(self, message: ServerMessage) -> str:
        if isinstance(message, Enhanced):
            fields = msgspec.to_builtins(message, builtin_types=(bytes,))
            return msgspec.json.encode({**fields, "image": data_url(message.image)}).decode()
        return msgspec.json.encode(message).decode()


def negotiate(offered: Sequence[str]) -> tuple[str | None, Codec]:
    """The subprotocol to answer with and its codec; msgpack where both are offered, JSON where none is.

    Raises:
        InputError: unknown_subprotocol, when something is offered and nothing of it is spoken here.
    """
    known: dict[str, type[MsgpackCodec] | type[JsonCodec]] = {
        "lucy.msgpack.v1": MsgpackCodec,
        "lucy.json.v1": JsonCodec,
    }
    for name, codec in known.items():
        if name in offered:
            return name, codec()
    if offered:
        raise InputError("unknown_subprotocol", "offer lucy.msgpack.v1 or lucy.json.v1, or none for JSON")
    return None, JsonCodec()


def data_url(image: bytes) -> str:
    """A JPEG, PNG or WebP as a `data:` URL."""
    kind = "jpeg" if image[:2] == b"\xff\xd8" else "png" if image[:4] == b"\x89PNG" else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def from_base64(text: str) -> bytes:
    """Decode base64 with or without a `data:` prefix. Raises ValueError."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    return base64.b64decode(text, validate=True)


class _Envelope(Struct):
    """As much of a message as says what it was meant to be."""

    type: str
    seq: Any = None


def _decode(data: bytes | str, decoder: Any, envelope: Any) -> ClientMessage:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise _explain(data, envelope, str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageError("broken_envelope", "the message cannot be decoded") from None


def _explain(data: bytes | str, envelope: Any, complaint: str) -> MessageError:
    """What is wrong with a message that decodes but does not fit. Never repeats what was sent."""
    try:
        meant = envelope.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return MessageError("broken_envelope", "a message is one map with a type")
    if meant.type not in TYPES:
        return MessageError("unknown_type", "the type is not one of hello, keyframe, wish, ping, bye")
    seq = meant.seq if type(meant.seq) is int else None
    if "unknown field" in complaint:
        return MessageError("bad_message", f"a {meant.type} message has no such field", seq=seq)
    found = re.search(r"`\$\.([a-z_]+)", complaint) or re.search(r"field `([a-z_]+)`", complaint)
    field = found[1] if found else "value"
    if field in ("frame", "layer") and "missing" not in complaint:
        return MessageError("bad_image", f"{field} must be a picture: bin in msgpack, base64 in JSON", seq=seq)
    verb = "is missing" if "missing" in complaint else "has the wrong type or range"
    return MessageError("bad_message", f"{field} {verb} in a {meant.type} message", seq=seq)


def _picture_from_bin(_kind: type, value: object) -> Picture:
    if not isinstance(value, bytes):
        raise ValueError("not bin")
    return Picture(value)


def _picture_from_text(_kind: type, value: object) -> Picture:
    if not isinstance(value, str):
        raise ValueError("not base64")
    return Picture(from_base64(value))


@cache
def _msgpack_decoder() -> Any:
    return msgspec.msgpack.Decoder(ClientUnion, dec_hook=_picture_from_bin)


@cache
def _json_decoder() -> Any:
    return msgspec.json.Decoder(ClientUnion, dec_hook=_picture_from_text)
