"""A place for one: what is newest waits, what it replaces is handed back.

Owns "at most one waits and one is under way"; must not know what the items are.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """Items come in faster than they can be worked off; only the newest is worth the work."""

    def __init__(self) -> None:
        self.waiting: T | None = None
        self.under_way: T | None = None

    def put(self, item: T) -> T | None:
        """Leave `item` waiting. Returns the one that waited until now and has been overtaken."""
        overtaken, self.waiting = self.waiting, item
        return overtaken

    def take(self) -> T | None:
        """Start on what waits. None while something is under way, or when nothing waits."""
        if self.under_way is None:
            self.under_way, self.waiting = self.waiting, None
            return self.under_way
        return None

    def clear(self) -> T | None:
        """Let go of what waits, and return it."""
        dropped, self.waiting = self.waiting, None
        return dropped

    def finish(self) -> T:
        """What was under way is done: the next may start."""
        if self.under_way is None:
            raise RuntimeError("nothing is under way")
        done, self.under_way = self.under_way, None
        return done
