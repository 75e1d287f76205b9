"""The order of answers. Owns what has to wait because an earlier keyframe is not answered yet; must not know why."""

from __future__ import annotations

import math

from server.live.protocol import Dropped, ServerMessage


class Turns:
    """Answers about keyframes leave in the order in which the keyframes came."""

    def __init__(self) -> None:
        self._held: list[tuple[tuple[int, int], ServerMessage]] = []
        """(the keyframe's seq, before or after its own answer) and the message."""

    def hold(self, message: ServerMessage, *, seq: int, after: bool = False) -> None:
        """Keep `message` for the turn of keyframe `seq`, or for the time right `after` it."""
        self._held.append(((seq, int(after)), message))

    def release(self, *, first_open: int | None) -> list[ServerMessage]:
        """What no keyframe is in front of any more, in order; neighbouring drops become one message.

        `first_open` is the earliest keyframe that is not answered, None when all are.
        """
        limit = (math.inf if first_open is None else first_open, 0)
        due = sorted((held for held in self._held if held[0] < limit), key=lambda held: held[0])
        self._held = [held for held in self._held if held[0] >= limit]
        released: list[ServerMessage] = []
        for _, message in due:
            last = released[-1] if released else None
            if isinstance(message, Dropped) and isinstance(last, Dropped) and last.reason == message.reason:
                released[-1] = Dropped([*last.seqs, *message.seqs], message.reason)
            else:
                released.append(message)
        return released
