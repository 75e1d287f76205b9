"""Things that are dear to make: made once, kept for a while. Owns the cache; must not know what it keeps."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The `most` results used last. Threads that ask for the same thing at once have it made by the first of them."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()  # never held while something is made
        self._results: OrderedDict[K, Future[V]] = OrderedDict()  # least recently asked for first

    def get(self, key: K, make: Callable[[], V]) -> V:
        """What `make` returned for this key; what it raises is raised to everyone who waits, and not kept."""
        with self._lock:
            future = self._results.get(key)
            mine = future is None
            if future is None:
                future = self._results[key] = Future()
            self._results.move_to_end(key)
        if mine:
            self._fill(key, future, make)
        return future.result()

    def ready(self, key: K) -> V | None:
        """The result if it is there already."""
        with self._lock:
            future = self._results.get(key)
        return future.result() if future is not None and future.done() and future.exception() is None else None

    def forget(self, key: K) -> None:
        """Have it made anew next time."""
        with self._lock:
            self._results.pop(key, None)

    def __len__(self) -> int:
        with self._lock:
            return len(self._results)

    def _fill(self, key: K, future: Future[V], make: Callable[[], V]) -> None:
        try:
            future.set_result(make())
        except BaseException as error:
            with self._lock:
                if self._results.get(key) is future:
                    del self._results[key]
            future.set_exception(error)
            return
        with self._lock:
            done = [known for known, other in self._results.items() if other.done()]
            for known in done[: max(0, len(done) - self._most)]:
                del self._results[known]
