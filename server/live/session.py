"""One kiosk's session as a state machine: messages and results in, messages out. No socket, no clock, no threads.

Owns what is worn, which frame is next, and the order of answers; must not know how bytes travel or how frames are
fitted. The socket feeds it and asks it for work:

    receive(message) ──> answers                 start_frame() ──> a request for the heart, or None
    finish_frame(result) ──> answers             start_wish()  ──> a garment to make up, or None

Answers about keyframes leave in the order of `seq`: one about a later frame is held back until every earlier frame has
been answered. Something new to wear is made up beside the stream, and frames go on in what is worn until it is ready.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.fitting import FitRequest, Fitted, Output, Wish
from server.failures import NORMAL, RESTART, failure_of
from server.live.mailbox import Mailbox
from server.live.protocol import (
    Bye,
    ClientMessage,
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
    Ping,
    Pong,
    Ready,
    ServerMessage,
    WishFields,
    WishMessage,
)
from server.live.turns import Turns
from utils.errors import CapacityError, InputError, LucyError

MAX_IN_FLIGHT = 2  # one under way, one waiting


@dataclass(frozen=True)
class Close:
    """The last thing that happens to a session."""

    code: int
    reason: str


Answer = ServerMessage | Close


@dataclass(frozen=True)
class Arrival:
    """A keyframe and when it came."""

    keyframe: Keyframe
    arrived_s: float


class Allowance:
    """A token bucket: `rate_hz` on average, twice that in a burst."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._left = 2 * rate_hz
        self._last_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Spend one. False when there is none left."""
        since_s = 0.0 if self._last_s is None else now_s - self._last_s
        self._last_s = now_s
        self._left = min(self._left + since_s * self._rate_hz, 2 * self._rate_hz)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Session:
    """Times are seconds of any clock that does not go backwards."""

    def __init__(self, name: str, *, engine: EngineFields, limits: LimitFields, messages_hz: float) -> None:
        self.name = name
        self.dropped = 0
        """Keyframes that were overtaken so far."""
        self._engine = engine
        self._limits = limits
        self._allowance = Allowance(messages_hz)
        self._output = Output()
        self._worn = Wish()
        """What frames are fitted with: made up, or nothing."""
        self._wanted = Wish()
        """The newest wish, made up or not."""
        self._frames: Mailbox[Arrival] = Mailbox()
        self._wishes: Mailbox[Wish] = Mailbox()
        self._started_s = 0.0
        """When the frame under way was started."""
        self._last_seq = -1
        self._turns = Turns()
        self._somebody_in_view = True
        self._draining = False
        self._closed = False

    # --- what comes in ------------------------------------------------------------------------------------------

    def open(self) -> list[Answer]:
        """The greeting."""
        return [Ready(self.name, self._engine, self._limits, wish_to_wire(self._worn))]

    def receive(self, message: ClientMessage, now_s: float) -> list[Answer]:
        """Take in one message of the client."""
        if self._closed:
            return []
        if not self._allowance.take(now_s):
            return self.fail(_too_many())
        if isinstance(message, Keyframe):
            return self._receive_keyframe(message, now_s)
        handlers: dict[type, Callable[[Any], list[Answer]]] = {
            Hello: self._receive_hello,
            WishMessage: self._wish,
            Ping: lambda ping: [Pong(ping.t)],
            Bye: lambda _: self._close(NORMAL, "bye"),
        }
        return handlers[type(message)](message)

    def reject(self, error: MessageError, now_s: float) -> list[Answer]:
        """Take in a message that was none."""
        if self._closed:
            return []
        if not self._allowance.take(now_s):
            return self.fail(_too_many())
        return self._refuse(error, error.seq) if failure_of(error).close_code is None else self.fail(error)

    def fail(self, error: LucyError) -> list[Answer]:
        """Say what went wrong and end the session."""
        if self._closed:
            return []
        failure = failure_of(error)
        return [_error(error, None), *self._close(failure.close_code or NORMAL, failure.title)]

    def drain(self, *, retry_in_ms: int) -> list[Answer]:
        """The server is about to stop: finish the frame under way, take no other, then close."""
        if self._closed or self._draining:
            return []
        self._draining = True
        waiting = self._frames.clear()
        answers: list[Answer] = [Notice("draining", "the server is about to restart", retry_in_ms)]
        if waiting is not None:
            answers += self._drop(waiting.keyframe.seq, "draining")
        return answers if self._frames.under_way else [*answers, *self._close_for_restart()]

    # --- frames -------------------------------------------------------------------------------------------------

    def has_frame(self) -> bool:
        """Whether start_frame() has something to give."""
        return not self._closed and self._frames.waiting is not None and self._frames.under_way is None

    def start_frame(self, now_s: float) -> FitRequest | None:
        """The newest frame, in what is worn now. It is under way until finish_frame()."""
        arrival = self._frames.take() if self.has_frame() else None
        if arrival is None:
            return None
        self._started_s = now_s
        keyframe = arrival.keyframe
        return FitRequest(
            frame=keyframe.frame,
            wish=self._worn,
            layer=keyframe.layer,
            landmarks=keyframe.landmarks,
            output=self._output,
            seed=keyframe.seed,
            steps=keyframe.steps,
            captured_ms=keyframe.captured_ms,
            include=frozenset() if keyframe.landmarks else frozenset(("landmarks",)),
        )

    def finish_frame(self, result: Fitted | LucyError) -> list[Answer]:
        """The frame under way is done, well or badly."""
        arrival = self._frames.finish()
        seq = arrival.keyframe.seq
        if isinstance(result, LucyError):
            answers: list[Answer] = [_error(result, seq)]
        else:
            queue_ms = (self._started_s - arrival.arrived_s) * 1e3
            answers = [*self._notices(result), _enhanced(arrival.keyframe, result, queue_ms)]
        answers += self._release()
        return [*answers, *self._close_for_restart()] if self._draining else answers

    def _receive_keyframe(self, keyframe: Keyframe, now_s: float) -> list[Answer]:
        try:
            self._check(keyframe)
            answers = self._wish_of_frame(keyframe.wish)
        except InputError as error:
            return self._refuse(error, keyframe.seq)
        self._last_seq = keyframe.seq
        if self._draining:
            return answers + self._drop(keyframe.seq, "draining")
        overtaken = self._frames.put(Arrival(keyframe, now_s))
        if overtaken is not None:
            answers += self._drop(overtaken.keyframe.seq, "newer_frame")
        return answers

    def _check(self, keyframe: Keyframe) -> None:
        if keyframe.seq <= self._last_seq:
            raise InputError("bad_seq", "seq must increase from keyframe to keyframe")
        if max(len(keyframe.frame), len(keyframe.layer or b"")) > self._limits.max_frame_bytes:
            raise InputError("image_too_large", f"a picture may have {self._limits.max_frame_bytes} bytes")

    def _notices(self, fitted: Fitted) -> list[Answer]:
        """Say it once when everybody has left the picture."""
        missing = fitted.stage == "mirror" and fitted.reason == "no_person"
        gone, self._somebody_in_view = missing and self._somebody_in_view, not missing
        return [Notice("no_person", "nobody is in view")] if gone else []

    # --- the order of answers -----------------------------------------------------------------------------------

    def _drop(self, seq: int, reason: str) -> list[Answer]:
        self.dropped += 1
        self._turns.hold(Dropped([seq], reason), seq=seq)
        return self._release()

    def _refuse(self, error: LucyError, seq: int | None) -> list[Answer]:
        if seq is None or seq <= self._last_seq:
            return [_error(error, seq)]
        # Its own number may be anything: its turn comes after the frames that were accepted before it.
        self._turns.hold(_error(error, seq), seq=self._last_seq, after=True)
        return self._release()

    def _release(self) -> list[Answer]:
        first = self._frames.under_way or self._frames.waiting
        return [*self._turns.release(first_open=first.keyframe.seq if first else None)]

    # --- what is worn -------------------------------------------------------------------------------------------

    def has_wish(self) -> bool:
        """Whether start_wish() has something to give."""
        return not self._closed and self._wishes.waiting is not None and self._wishes.under_way is None

    def start_wish(self) -> Wish | None:
        """The newest wish, to be made up. It is under way until finish_wish()."""
        return self._wishes.take() if self.has_wish() else None

    def finish_wish(self, error: LucyError | None) -> list[Answer]:
        """The wish under way is made up, or cannot be. Nobody waits for it any more if a newer one has come."""
        wish = self._wishes.finish()
        if wish != self._wanted or self._closed:
            return []
        if error is not None:
            return [_error(error, None)]
        return self._wear(wish)

    def _receive_hello(self, hello: Hello) -> list[Answer]:
        if hello.output is not None:
            self._output = _output(hello.output)
        return self._wish(hello.wish) if hello.wish is not None else []

    def _wish(self, fields: WishFields | WishMessage) -> list[Answer]:
        try:
            wish = wish_from_wire(fields)
        except InputError as error:
            return [_error(error, None)]
        return self._want(wish)

    def _wish_of_frame(self, fields: WishFields | None) -> list[Answer]:
        """A client may repeat its wish with every frame: only a change counts."""
        wish = wish_from_wire(fields) if fields is not None else self._wanted
        return self._want(wish) if wish != self._wanted else []

    def _want(self, wish: Wish) -> list[Answer]:
        self._wanted = wish
        if wish.is_none():
            self._wishes.clear()
            return self._wear(wish)
        self._wishes.put(wish)
        return []

    def _wear(self, wish: Wish) -> list[Answer]:
        self._worn = wish
        return [Notice("wearing", "what was wished for is worn from now on")]

    # --- the end ------------------------------------------------------------------------------------------------

    def _close_for_restart(self) -> list[Answer]:
        return self._close(RESTART, "restarting")

    def _close(self, code: int, reason: str) -> list[Answer]:
        if self._closed:
            return []
        self._closed = True
        return [Close(code, reason)]


def wish_from_wire(fields: WishFields | WishMessage) -> Wish:
    """Exactly one form. Raises InputError: bad_wish."""
    wish = Wish(garment_id=fields.garment_id, fabric_id=fields.fabric_id, cut=fields.cut)
    if fields.none != wish.is_none():
        raise InputError("bad_wish", "wish for a garment_id, or for a fabric_id with a cut, or for none")
    return wish


def wish_to_wire(wish: Wish) -> dict[str, Any]:
    """The form that is set, as a map."""
    named = {"garment_id": wish.garment_id, "fabric_id": wish.fabric_id, "cut": wish.cut}
    return {name: value for name, value in named.items() if value is not None} or {"none": True}


def _output(fields: OutputFields) -> Output:
    return Output(format=fields.format, quality=fields.quality, long_side=fields.long_side)


def _too_many() -> LucyError:
    return CapacityError("too_many_messages", "messages come too fast")


def _error(error: LucyError, seq: int | None) -> Error:
    return Error(error.code, error.message, error.retryable, seq)


def _enhanced(keyframe: Keyframe, fitted: Fitted, queue_ms: float) -> Enhanced:
    timings_ms = {name: round(value, 2) for name, value in fitted.timings_ms.items()}
    timings_ms["queue"] = round(queue_ms, 2)
    timings_ms["total"] = round(fitted.timings_ms.get("total", 0.0) + queue_ms, 2)
    return Enhanced(
        seq=keyframe.seq,
        captured_ms=keyframe.captured_ms,
        image=fitted.image,
        size=fitted.hw,
        stage=fitted.stage,
        degraded=fitted.degraded,
        seed=fitted.seed,
        timings_ms=timings_ms,
        reason=fitted.reason,
        landmarks=None if keyframe.landmarks is not None else fitted.landmarks,
    )
