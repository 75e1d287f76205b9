"""Bytes to messages and back, in both encodings, with lists instead of sockets."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.failures import failure_of
from server.live.protocol import (
    Bye,
    ClientMessage,
    Dropped,
    Hello,
    JsonCodec,
    Keyframe,
    MessageError,
    MsgpackCodec,
    Notice,
    Ping,
    WishMessage,
    negotiate,
)
from utils.errors import InputError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOLDEN = Path(__file__).parents[1] / "docs" / "golden"
MESSAGES = {path.stem: json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json")) if path.stem != "broken"}
BROKEN = json.loads((GOLDEN / "broken.json").read_text())
CODECS = {"lucy.json.v1": JsonCodec, "lucy.msgpack.v1": MsgpackCodec}


def of(sender: str) -> list:
    return [pytest.param(m, id=name) for name, m in MESSAGES.items() if m["from"] == sender]


def refused(codec, data) -> MessageError:
    with pytest.raises(MessageError) as caught:
        codec.decode(data)
    return caught.value


# --- Golden messages


@pytest.mark.parametrize("golden", of("client"))
def test_both_encodings_of_a_client_message_mean_the_same(golden):
    from_json = JsonCodec().decode(json.dumps(golden["json"]))
    from_msgpack = MsgpackCodec().decode(bytes.fromhex(golden["msgpack"]))
    assert isinstance(from_json, ClientMessage)
    assert from_json == from_msgpack


@pytest.mark.parametrize("golden", of("server"))
def test_server_messages_are_encoded_as_the_golden_ones(golden):
    raw = msgspec.msgpack.decode(bytes.fromhex(golden["msgpack"]))
    kinds = {kind.__struct_config__.tag: kind for kind in _server_kinds()}
    message = msgspec.convert(raw, kinds[raw["type"]])
    assert MsgpackCodec().encode(message) == bytes.fromhex(golden["msgpack"])
    assert json.loads(JsonCodec().encode(message)) == golden["json"]


def _server_kinds() -> list:
    from_base = Notice.__mro__[1].__subclasses__()
    assert len(from_base) == 6
    return from_base


def test_every_type_has_a_golden_message():
    shown = {(golden["from"], golden["json"]["type"]) for golden in MESSAGES.values()}
    client = {("client", kind.__struct_config__.tag) for kind in ClientMessage.__subclasses__()}
    server = {("server", kind.__struct_config__.tag) for kind in _server_kinds()}
    assert shown == client | server


@pytest.mark.parametrize(
    "broken", [pytest.param(b, id=b["what"]) for b in BROKEN if b["answer"].get("error") != "bad_wish"]
)
def test_broken_messages_are_named(broken):
    data = bytes.fromhex(broken["data"]) if broken["kind"] == "binary" else broken["data"]
    error = refused(CODECS[broken["subprotocol"]](), data)
    assert failure_of(error).close_code == broken["answer"].get("close")
    if "error" in broken["answer"]:
        assert (error.code, error.seq) == (broken["answer"]["error"], broken["answer"]["seq"])


# --- Decoding


def test_pictures_may_carry_a_data_prefix_in_json():
    plain = JsonCodec().decode('{"type": "keyframe", "seq": 1, "frame": "/9j/"}')
    prefixed = JsonCodec().decode('{"type": "keyframe", "seq": 1, "frame": "data:image/jpeg;base64,/9j/"}')
    assert plain == prefixed
    assert bytes(plain.frame) == b"\xff\xd8\xff"


WRONG_FIELDS = [
    {"steps": 0},
    {"steps": 51},
    {"seed": -1},
    {"seed": 2**32},
    {"landmarks": [["a"]]},
    {"landmarks": {"0": 1}},
    {"captured_ms": "now"},
    {"wish": {"fabric": "x"}},
    {"wish": {"fabric_id": ""}},
    {"wish": {"fabric_id": "x" * 65, "cut": "y"}},
    {"output": {}},
]


@pytest.mark.parametrize("fields", WRONG_FIELDS)
def test_a_keyframe_with_a_wrong_field_is_an_error_about_that_frame(fields):
    message = {"type": "keyframe", "seq": 7, "frame": b"\xff\xd8\xff", **fields}
    error = refused(MsgpackCodec(), msgspec.msgpack.encode(message))
    assert (error.code, error.seq) == ("bad_message", 7)
    assert failure_of(error).close_code is None


@pytest.mark.parametrize("seq", [1.5, True, "1", None])
def test_a_number_that_is_none_is_an_error_about_no_frame(seq):
    message = {"type": "keyframe", "seq": seq, "frame": b"\xff\xd8\xff"}
    error = refused(MsgpackCodec(), msgspec.msgpack.encode(message))
    assert (error.code, error.seq) == ("bad_message", None)


@pytest.mark.parametrize(
    "output", [{"format": "gif"}, {"quality": 0}, {"quality": 101}, {"long_side": 15}, {"zoom": 2}]
)
def test_output_is_checked(output):
    assert refused(JsonCodec(), json.dumps({"type": "hello", "output": output})).code == "bad_message"


def test_what_is_wrong_is_said_without_repeating_it():
    secret = "xyzzysecret"
    for message in (
        {"type": "hello", secret: 1},
        {"type": secret},
        {"type": "keyframe", "seq": secret, "frame": ""},
        {"type": "keyframe", "seq": 1, "frame": secret + "!"},
        {"type": "hello", "output": {"format": secret}},
        {"type": "hello", "wish": {secret: secret}},
    ):
        error = refused(JsonCodec(), json.dumps(message))
        assert secret not in error.message
        assert secret not in str(error.hint)


def test_the_wrong_field_is_named_when_it_is_one_of_ours():
    error = refused(JsonCodec(), '{"type": "keyframe", "seq": 3, "frame": "", "seed": "x"}')
    assert error.message == "seed has the wrong type or range in a keyframe message"
    assert refused(JsonCodec(), '{"type": "ping"}').message == "t is missing in a ping message"


@pytest.mark.parametrize("codec", [JsonCodec(), MsgpackCodec()])
def test_endless_nesting_is_a_broken_envelope_not_a_crash(codec):
    data = '{"type":"ping","x":' + "[" * 10**6 if isinstance(codec, JsonCodec) else b"\x81\xa1x" + b"\x91" * 10**6
    assert refused(codec, data).code == "broken_envelope"


def test_a_map_that_claims_to_be_endless_costs_nothing():
    assert refused(MsgpackCodec(), b"\xdf\xff\xff\xff\xff").code == "broken_envelope"


@UNHURRIED
@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_message_error(data):
    try:
        message = MsgpackCodec().decode(data)
    except MessageError:
        return
    assert isinstance(message, ClientMessage)


@UNHURRIED
@given(st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["type", "seq", "frame", "t", "wish", "hello", "ping"]), inner),
).map(json.dumps))  # fmt: skip
def test_any_text_is_a_message_or_a_message_error(text):
    try:
        message = JsonCodec().decode(text)
    except MessageError:
        return
    assert isinstance(message, ClientMessage)


def test_messages_without_fields_decode_to_their_types():
    assert JsonCodec().decode('{"type": "bye"}') == Bye()
    assert JsonCodec().decode('{"type": "hello"}') == Hello()
    assert JsonCodec().decode('{"type": "ping", "t": 2}') == Ping(2.0)
    assert JsonCodec().decode('{"type": "wish", "none": true}') == WishMessage(none=True)


# --- Encoding


def test_fields_that_say_nothing_are_left_out():
    assert (
        JsonCodec().encode(Notice("no_person", "nobody")) == '{"type":"notice","code":"no_person","message":"nobody"}'
    )
    assert json.loads(JsonCodec().encode(Dropped([1], "newer_frame"))) == {
        "type": "dropped",
        "seqs": [1],
        "reason": "newer_frame",
    }


def test_a_keyframe_survives_the_way_of_a_megabyte():
    frame = bytes(range(256)) * 4096
    decoded = MsgpackCodec().decode(msgspec.msgpack.encode({"type": "keyframe", "seq": 0, "frame": frame}))
    assert isinstance(decoded, Keyframe)
    assert bytes(decoded.frame) == frame


# --- Negotiation


@pytest.mark.parametrize(
    ("offered", "chosen", "codec"),
    [
        ([], None, JsonCodec),
        (["lucy.json.v1"], "lucy.json.v1", JsonCodec),
        (["lucy.json.v1", "lucy.msgpack.v1"], "lucy.msgpack.v1", MsgpackCodec),
        (["mqtt", "lucy.json.v1"], "lucy.json.v1", JsonCodec),
    ],
)
def test_negotiation_prefers_msgpack_and_falls_back_to_json(offered, chosen, codec):
    name, spoken = negotiate(offered)
    assert name == chosen
    assert type(spoken) is codec


def test_offering_only_strangers_is_refused():
    with pytest.raises(InputError, match="unknown_subprotocol"):
        negotiate(["lucy.msgpack.v2"])
