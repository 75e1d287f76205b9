"""The book made ready to be searched, and its pages as they were sent, kept while the book is the same.

Owns keeping them; must not read them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from fabric.book import Family
from fabric.listing import Index, Page, Query
from utils.kept import Kept

_MOST_KEPT = 64  # pages of some hundred kilobytes


class Listings:
    """Thread-safe. A book is known by its own identity: whoever changes one puts another in its place."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = Index(()), Kept[Query, bytes](most=_MOST_KEPT)

    def page(self, families: Sequence[Family], query: Query, write: Callable[[Page], bytes]) -> bytes:
        """The page of this book as `write` writes it, on first use. Raises InputError: bad_colour."""
        index, pages = self._of(families)
        return pages.get(query, lambda: write(index.turn_to(query)))

    def index(self, families: Sequence[Family]) -> Index:
        """This book, ready to be searched."""
        return self._of(families)[0]

    def _of(self, families: Sequence[Family]) -> tuple[Index, Kept[Query, bytes]]:
        with self._lock:
            if self._now[0].families is not families:
                self._now = Index(families), Kept(most=_MOST_KEPT)
            return self._now
