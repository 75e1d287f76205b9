from __future__ import annotations

import threading

import pytest

from utils.kept import Kept


def test_makes_a_thing_once_and_keeps_the_last_used() -> None:
    kept: Kept[str, str] = Kept(most=2)
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name.upper()

    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(name, lambda name=name: make(name)) == name.upper()
    assert made == ["a", "b", "c", "b"]
    assert len(kept) == 2


def test_threads_that_ask_at_once_share_one_making() -> None:
    kept: Kept[int, object] = Kept(most=4)
    begun, go = threading.Event(), threading.Event()
    made: list[object] = []

    def make() -> object:
        begun.set()
        assert go.wait(10)
        made.append(object())
        return made[-1]

    results: list[object] = []
    threads = [threading.Thread(target=lambda: results.append(kept.get(1, make))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    assert kept.ready(1) is None
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(made) == 1
    assert all(result is made[0] for result in results)
    assert len(results) == 8


def test_a_failure_reaches_the_caller_and_is_not_kept() -> None:
    kept: Kept[int, int] = Kept(most=1)
    with pytest.raises(ZeroDivisionError):
        kept.get(1, lambda: 1 // 0)
    assert kept.ready(1) is None
    assert kept.get(1, lambda: 7) == 7


def test_forgotten_things_are_made_anew() -> None:
    kept: Kept[int, int] = Kept(most=1)
    kept.get(1, lambda: 1)
    kept.forget(1)
    assert kept.get(1, lambda: 2) == 2
