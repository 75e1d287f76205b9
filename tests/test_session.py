"""One kiosk's session with lists instead of a socket and a clock that is a number."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.fitting import Fitted, Output, Wish
from server.live.protocol import (
    Bye,
    Dropped,
    EngineFields,
    Enhanced,
    Error,
    Hello,
    Keyframe,
    LimitFields,
    MessageError,
    Notice,
    OutputFields,
    Picture,
    Ping,
    Pong,
    Ready,
    WishFields,
    WishMessage,
)
from server.live.session import Allowance, Close, Session, wish_from_wire, wish_to_wire
from utils.errors import CapacityError, DeviceError, InputError

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NAVY = WishMessage(fabric_id="navy-twill", cut="single-breasted")
GREY = WishMessage(fabric_id="grey-flannel", cut="single-breasted")


def session() -> Session:
    limits = LimitFields(max_frame_bytes=100, max_pixels=2**21, max_in_flight=2)
    return Session("s", engine=EngineFields("fake", "composite"), limits=limits, messages_hz=1000)


def frame(seq: int, **fields) -> Keyframe:
    return Keyframe(seq=seq, frame=Picture(b"jpeg"), **fields)


def fitted(**changes) -> Fitted:
    facts = {
        "image": b"\xff\xd8", "media_type": "image/jpeg", "hw": (4, 6), "stage": "composite", "degraded": False,
        "reason": None, "seed": 0, "timings_ms": {"decode": 1.0, "total": 5.0}, "quality": {}, "landmarks": None,
    }  # fmt: skip
    return Fitted(**(facts | changes))


def summary(answers: list) -> list:
    """What matters for the order of answers."""
    named = {
        Enhanced: lambda a: ("enhanced", a.seq),
        Error: lambda a: ("error", a.seq),
        Dropped: lambda a: ("dropped", *a.seqs),
    }
    return [named[type(answer)](answer) for answer in answers if type(answer) in named]


# --- Frames


def test_the_greeting_says_what_there_is():
    (ready,) = session().open()
    assert isinstance(ready, Ready)
    assert (ready.session, ready.engine.stage, ready.limits.max_in_flight, ready.wish) == (
        "s",
        "composite",
        2,
        {"none": True},
    )


def test_a_keyframe_becomes_a_request_and_its_answer():
    mirror = session()
    keyframe = frame(3, captured_ms=9.5, layer=Picture(b"png"), landmarks=[[0, 0, 0, 1]], seed=5)
    assert mirror.receive(keyframe, 10.0) == []
    request = mirror.start_frame(10.25)
    assert (request.frame, request.layer, request.seed, request.captured_ms) == (b"jpeg", b"png", 5, 9.5)
    assert request.landmarks == [[0, 0, 0, 1]]
    (answer,) = mirror.finish_frame(fitted())
    assert (answer.seq, answer.captured_ms, answer.size, answer.stage) == (3, 9.5, (4, 6), "composite")
    assert answer.timings_ms == {"decode": 1.0, "queue": 250.0, "total": 255.0}


def test_landmarks_are_asked_for_and_told_only_when_the_client_has_none():
    mirror = session()
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).include == {"landmarks"}
    assert mirror.finish_frame(fitted(landmarks=[[1.0]]))[0].landmarks == [[1.0]]
    mirror.receive(frame(1, landmarks=[[0.0]]), 0)
    assert mirror.start_frame(0).include == frozenset()
    assert mirror.finish_frame(fitted(landmarks=[[1.0]]))[0].landmarks is None


def test_one_frame_is_under_way_at_a_time():
    mirror = session()
    mirror.receive(frame(0), 0)
    mirror.receive(frame(1), 0)
    assert mirror.has_frame()
    mirror.start_frame(0)
    mirror.receive(frame(2), 0)
    assert not mirror.has_frame()
    assert mirror.start_frame(0) is None


def test_nothing_is_started_when_nothing_came():
    assert session().start_frame(0) is None


def test_a_newer_frame_replaces_the_waiting_one_and_the_drop_is_told_in_turn():
    mirror = session()
    told = []
    for seq in range(4):
        told += mirror.receive(frame(seq), 0)
        if seq == 0:
            mirror.start_frame(0)
    assert told == []  # frame 0 is not answered yet
    assert summary(mirror.finish_frame(fitted())) == [("enhanced", 0), ("dropped", 1, 2)]
    assert mirror.start_frame(0) is not None
    assert summary(mirror.finish_frame(fitted())) == [("enhanced", 3)]
    assert mirror.dropped == 2


def test_a_drop_is_told_at_once_when_nothing_is_in_front_of_it():
    mirror = session()
    mirror.receive(frame(0), 0)
    assert summary(mirror.receive(frame(1), 0)) == [("dropped", 0)]


def test_a_bad_frame_costs_its_error_and_the_next_one_goes_on():
    mirror = session()
    mirror.receive(frame(0), 0)
    mirror.start_frame(0)
    (error,) = mirror.finish_frame(InputError("bad_image", "cannot be decoded"))
    assert error == Error("bad_image", "cannot be decoded", False, 0)
    mirror.receive(frame(1), 0)
    assert mirror.start_frame(0) is not None


@pytest.mark.parametrize("seq", [5, 4, 0])
def test_a_number_that_does_not_increase_costs_an_error(seq):
    mirror = session()
    mirror.receive(frame(5), 0)
    (error,) = mirror.receive(frame(seq), 0)
    assert (error.code, error.seq) == ("bad_seq", seq)
    assert summary(mirror.receive(frame(6), 0)) == [("dropped", 5)]


@pytest.mark.parametrize(
    "fields", [{"frame": Picture(bytes(101))}, {"frame": Picture(b"x"), "layer": Picture(bytes(101))}]
)
def test_a_picture_over_the_limit_is_refused_without_a_thread(fields):
    mirror = session()
    (error,) = mirror.receive(Keyframe(seq=0, **fields), 0)
    assert (error.code, error.seq) == ("image_too_large", 0)
    assert not mirror.has_frame()


def test_an_error_about_a_later_frame_waits_for_its_turn():
    mirror = session()
    mirror.receive(frame(0), 0)
    mirror.start_frame(0)
    assert mirror.reject(MessageError("bad_message", "no", seq=1), 0) == []
    mirror.receive(frame(2), 0)
    assert mirror.receive(Keyframe(seq=3, frame=Picture(bytes(101))), 0) == []
    assert summary(mirror.finish_frame(fitted())) == [("enhanced", 0), ("error", 1)]
    mirror.start_frame(0)
    assert summary(mirror.finish_frame(fitted())) == [("enhanced", 2), ("error", 3)]


def test_a_refused_frame_with_a_wild_number_does_not_wait_for_ever():
    mirror = session()
    mirror.receive(frame(0), 0)
    mirror.start_frame(0)
    mirror.reject(MessageError("bad_message", "no", seq=10**15), 0)
    mirror.receive(frame(1), 0)
    assert ("error", 10**15) in summary(mirror.finish_frame(fitted()))


@UNHURRIED
@given(st.lists(st.sampled_from(["frame", "bad", "start", "finish", "fail"]), max_size=80))
def test_every_keyframe_is_answered_once_and_in_order(steps):
    """Whatever happens in whatever order: exactly one answer each, seqs ascending."""
    mirror, told, under_way, seq = session(), [], False, itertools.count()
    sent = 0
    for step in [*steps, "finish", "start", "finish"]:
        if step == "frame":
            told += mirror.receive(frame(next(seq)), 0)
            sent += 1
        elif step == "bad":
            told += mirror.reject(MessageError("bad_message", "no", seq=next(seq)), 0)
            sent += 1
        elif step == "start":
            under_way = mirror.start_frame(0) is not None or under_way
        elif under_way:
            told += mirror.finish_frame(fitted() if step == "finish" else DeviceError("x", "y"))
            under_way = False
    seqs = [s for kind, *seqs in summary(told) for s in seqs]
    assert seqs == list(range(sent))


# --- What is worn


def test_a_wish_is_worn_when_it_is_made_up_and_frames_go_on_before():
    mirror = session()
    assert mirror.receive(NAVY, 0) == []
    assert mirror.start_wish() == Wish(fabric_id="navy-twill", cut="single-breasted")
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).wish == Wish()
    mirror.finish_frame(fitted())
    assert [answer.code for answer in mirror.finish_wish(None)] == ["wearing"]
    mirror.receive(frame(1), 0)
    assert mirror.start_frame(0).wish.fabric_id == "navy-twill"


def test_the_newest_wish_wins():
    mirror = session()
    mirror.receive(NAVY, 0)
    mirror.start_wish()
    mirror.receive(GREY, 0)
    mirror.receive(WishMessage(garment_id="linen"), 0)
    assert not mirror.has_wish()
    assert mirror.finish_wish(None) == []
    assert mirror.start_wish() == Wish(garment_id="linen")
    assert mirror.finish_wish(None) != []
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).wish == Wish(garment_id="linen")


def test_a_wish_that_cannot_be_made_up_costs_an_error_and_what_was_worn_stays():
    mirror = session()
    mirror.receive(NAVY, 0)
    mirror.start_wish()
    mirror.finish_wish(None)
    mirror.receive(GREY, 0)
    mirror.start_wish()
    (error,) = mirror.finish_wish(InputError("unknown_fabric", "no such"))
    assert (error.code, error.seq) == ("unknown_fabric", None)
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).wish.fabric_id == "navy-twill"


def test_nothing_is_worn_at_once_even_while_something_is_made_up():
    mirror = session()
    mirror.receive(NAVY, 0)
    mirror.start_wish()
    assert [answer.code for answer in mirror.receive(WishMessage(none=True), 0)] == ["wearing"]
    assert mirror.finish_wish(None) == []
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).wish == Wish()


def test_a_wish_repeated_with_every_frame_is_made_up_once():
    mirror = session()
    wish = WishFields(fabric_id="navy-twill", cut="single-breasted")
    for seq in range(3):
        mirror.receive(frame(seq, wish=wish), 0)
    mirror.start_wish()
    assert not mirror.has_wish()
    mirror.finish_wish(InputError("unknown_fabric", "no such"))
    mirror.receive(frame(3, wish=wish), 0)
    assert not mirror.has_wish()


def test_a_frame_with_an_impossible_wish_is_refused():
    mirror = session()
    (error,) = mirror.receive(frame(0, wish=WishFields(fabric_id="navy-twill")), 0)
    assert (error.code, error.seq) == ("bad_wish", 0)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"fabric_id": "a"},
        {"cut": "a"},
        {"garment_id": "a", "cut": "b"},
        {"garment_id": "a", "fabric_id": "b", "cut": "c"},
        {"garment_id": "a", "none": True},
    ],
)
def test_a_wish_is_exactly_one_form(fields):
    (error,) = session().receive(WishMessage(**fields), 0)
    assert (error.code, error.seq) == ("bad_wish", None)


@pytest.mark.parametrize("fields", [{"garment_id": "a"}, {"fabric_id": "b", "cut": "c"}, {"none": True}])
def test_a_wish_reads_back_as_it_was_written(fields):
    assert wish_to_wire(wish_from_wire(WishFields(**fields))) == fields


def test_hello_sets_the_output_and_the_wish():
    mirror = session()
    mirror.receive(
        Hello(output=OutputFields("webp", 70, 320), wish=WishFields(garment_id="a"), token="t", client="c"), 0
    )
    assert mirror.start_wish() == Wish(garment_id="a")
    mirror.receive(frame(0), 0)
    assert mirror.start_frame(0).output == Output("webp", 70, 320)


# --- Talk


def test_pings_are_answered():
    assert session().receive(Ping(4.5), 0) == [Pong(4.5)]


def test_leaving_is_noticed_once():
    mirror = session()
    told = []
    for seq, reason in enumerate(("no_person", "no_person", None, "no_person")):
        mirror.receive(frame(seq), 0)
        mirror.start_frame(0)
        told.append(mirror.finish_frame(fitted(stage="mirror" if reason else "composite", reason=reason)))
    assert [sum(isinstance(a, Notice) for a in answers) for answers in told] == [1, 0, 0, 1]


def test_bye_closes():
    mirror = session()
    assert mirror.receive(Bye(), 0) == [Close(1000, "bye")]
    assert mirror.receive(frame(0), 0) == []
    assert not mirror.has_frame()


@pytest.mark.parametrize(("code", "close"), [("broken_envelope", 1007), ("unknown_type", 1003), ("wrong_kind", 1003)])
def test_a_message_outside_the_protocol_says_so_and_closes(code, close):
    error, closing = session().reject(MessageError(code, "no"), 0)
    assert (error.code, closing.code) == (code, close)


def test_too_many_messages_close():
    mirror = Session("s", engine=EngineFields("f", "composite"), limits=LimitFields(100, 100, 2), messages_hz=5)
    for _ in range(10):
        assert mirror.receive(Ping(0), 0.0) == [Pong(0)]
    error, closing = mirror.receive(Ping(0), 0.1)
    assert (error.code, error.retryable, closing.code) == ("too_many_messages", True, 1008)
    assert mirror.receive(Ping(0), 99) == []


def test_too_many_messages_that_are_none_close_with_the_same_code():
    mirror = Session("s", engine=EngineFields("f", "composite"), limits=LimitFields(100, 100, 2), messages_hz=1)
    bad = MessageError("bad_message", "no")
    assert [mirror.reject(bad, 0)[-1].code for _ in range(3)] == ["bad_message", "bad_message", 1008]


def test_an_allowance_fills_up_again_but_not_beyond_its_burst():
    allowance = Allowance(10)
    assert sum(allowance.take(0) for _ in range(100)) == 20
    assert sum(allowance.take(1) for _ in range(100)) == 10
    assert sum(allowance.take(1000) for _ in range(100)) == 20


def test_no_place_says_so_and_closes_with_try_again_later():
    error, closing = session().fail(CapacityError("busy", "no place"))
    assert (error.code, error.retryable, closing.code) == ("busy", True, 1013)


# --- The server stops


def test_draining_finishes_what_is_under_way_and_takes_nothing_else():
    mirror = session()
    mirror.receive(frame(0), 0)
    mirror.start_frame(0)
    mirror.receive(frame(1), 0)
    (notice,) = mirror.drain(retry_in_ms=3000)
    assert (notice.code, notice.retry_in_ms) == ("draining", 3000)
    assert mirror.receive(frame(2), 0) == []
    answers = mirror.finish_frame(fitted())
    assert summary(answers) == [("enhanced", 0), ("dropped", 1, 2)]
    assert answers[-1] == Close(1012, "restarting")
    assert not mirror.has_frame()


def test_draining_closes_an_idle_session_at_once():
    notice, closing = session().drain(retry_in_ms=1)
    assert (notice.code, closing.code) == ("draining", 1012)


def test_draining_twice_says_nothing_new():
    mirror = session()
    mirror.drain(retry_in_ms=1)
    assert mirror.drain(retry_in_ms=1) == []
