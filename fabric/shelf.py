"""Woven materials kept at hand.

Owns who weaves when several threads ask for the same cloth, and what is put away when space runs out; must not know
drafts or catalogs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future

from fabric.material import Material


class Shelf:
    """A thread-safe store of materials that makes each one once and forgets the least recently used."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        # One future per material, finished or still being made, the most recently used last.
        self._futures: OrderedDict[Hashable, Future[Material]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: Hashable, make: Callable[[], Material]) -> Material:
        """The material of `key`, made by the first thread that asks while the others wait. Its arrays are read-only.

        Raises whatever `make` raises, to everyone who waited; the next to ask tries again.
        """
        with self._lock:
            future = self._futures.get(key)
            if mine := future is None:
                future = self._futures[key] = Future()
            self._futures.move_to_end(key)
        if mine:
            self._fulfil(key, future, make)
        return future.result()

    def size_bytes(self) -> int:
        """What the finished materials take up."""
        with self._lock:
            return sum(self._sizes().values())

    def _fulfil(self, key: Hashable, future: Future[Material], make: Callable[[], Material]) -> None:
        try:
            material = make()
        except BaseException as error:  # whoever waits must learn of it, even of a KeyboardInterrupt
            with self._lock:
                del self._futures[key]
            future.set_exception(error)
            return
        for array in _arrays(material):
            array.flags.writeable = False
        future.set_result(material)
        with self._lock:
            self._trim(key)

    def _trim(self, newest: Hashable) -> None:
        sizes = self._sizes()
        over = sum(sizes.values()) - self.limit_bytes
        for key, size in sizes.items():
            if over <= 0:
                return
            if key != newest:
                del self._futures[key]
                over -= size

    def _sizes(self) -> dict[Hashable, int]:
        done = [(key, future.result()) for key, future in self._futures.items() if future.done()]
        return {key: sum(array.nbytes for array in _arrays(material)) for key, material in done}


def _arrays(material: Material) -> tuple:
    return material.albedo, material.normal, material.height, material.roughness
