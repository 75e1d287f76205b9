"""The newest item wins, and one at a time is worked on."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.live.mailbox import Mailbox

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_an_item_waits_until_it_is_taken():
    box = Mailbox()
    assert box.take() is None
    assert box.put("a") is None
    assert box.waiting == "a"
    assert box.take() == "a"
    assert (box.waiting, box.under_way) == (None, "a")


def test_a_newer_item_replaces_the_waiting_one_and_hands_it_back():
    box = Mailbox()
    box.put("a")
    assert box.put("b") == "a"
    assert box.put("c") == "b"
    assert box.take() == "c"


def test_what_is_under_way_is_not_replaced_and_nothing_else_is_taken():
    box = Mailbox()
    box.put("a")
    box.take()
    assert box.put("b") is None
    assert box.take() is None
    assert box.finish() == "a"
    assert box.take() == "b"


def test_clearing_lets_go_of_what_waits_only():
    box = Mailbox()
    box.put("a")
    box.take()
    box.put("b")
    assert box.clear() == "b"
    assert box.clear() is None
    assert box.under_way == "a"


def test_finishing_nothing_is_a_bug():
    with pytest.raises(RuntimeError):
        Mailbox().finish()


@UNHURRIED
@given(st.lists(st.sampled_from(["put", "take", "finish"]), max_size=60))
def test_every_item_is_either_overtaken_or_finished_in_order(steps):
    box: Mailbox[int] = Mailbox()
    put, overtaken, finished = 0, [], []
    for step in steps:
        if step == "put":
            old = box.put(put)
            overtaken += [] if old is None else [old]
            put += 1
        elif step == "take":
            box.take()
        elif box.under_way is not None:
            finished.append(box.finish())
    left = [item for item in (box.under_way, box.waiting) if item is not None]
    assert sorted(overtaken + finished + left) == list(range(put))
    assert finished == sorted(finished)
