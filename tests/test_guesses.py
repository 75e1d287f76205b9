"""How often the admin key may be guessed: counted by address, forgiven with time, nobody's guesses another's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from server.app import create_app
from server.guesses import (
    FORGIVEN_AFTER_S,
    FORGIVEN_IN_ALL_AFTER_S,
    IN_ALL,
    MOST_REMEMBERED,
    PER_ADDRESS,
    Guesses,
    GuessesSpentError,
    home_of,
)
from tests.databases import empty_database, open_test_shop
from tests.fakes import FakeFitting
from tests.serving import run_server, settings_for_tests

KEY = "a-key-for-tests-alone"
THIEF, SHOP = "203.0.113.9", "198.51.100.4"


class Seconds:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def guesses(clock: Seconds) -> Guesses:
    return Guesses(clock=clock)


def is_heard(guesses: Guesses, address: str, *, is_right: bool = False) -> bool:
    try:
        guesses.judge(address, is_right=is_right)
    except GuessesSpentError:
        return False
    return True


def test_ten_wrong_guesses_and_not_even_the_right_one_is_heard(guesses: Guesses) -> None:
    assert [is_heard(guesses, THIEF) for _ in range(PER_ADDRESS + 3)] == [True] * PER_ADDRESS + [False] * 3
    assert not is_heard(guesses, THIEF, is_right=True), "else it would be told from a wrong one"


def test_others_are_not_kept_waiting_for_it(guesses: Guesses) -> None:
    for _ in range(50):
        is_heard(guesses, THIEF)
    assert all(is_heard(guesses, SHOP, is_right=True) for _ in range(1000))


def test_one_guess_is_forgiven_a_minute(guesses: Guesses, clock: Seconds) -> None:
    for _ in range(PER_ADDRESS):
        guesses.judge(THIEF, is_right=False)
    with pytest.raises(GuessesSpentError) as spent:
        guesses.judge(THIEF, is_right=False)
    assert spent.value.retry_after_s == FORGIVEN_AFTER_S
    clock.now_s += FORGIVEN_AFTER_S - 1
    assert not is_heard(guesses, THIEF)
    clock.now_s += 1
    assert [is_heard(guesses, THIEF) for _ in range(2)] == [True, False], "who goes on at it does not wait longer"
    clock.now_s += 3600
    assert [is_heard(guesses, THIEF) for _ in range(PER_ADDRESS + 1)] == [True] * PER_ADDRESS + [False]


def test_from_many_addresses_each_has_one_guess(guesses: Guesses, clock: Seconds) -> None:
    crowd = [f"192.0.2.{number}" for number in range(IN_ALL)]
    assert all(is_heard(guesses, address) for address in crowd)
    late = "203.0.113.1"
    assert [is_heard(guesses, late) for _ in range(3)] == [True, False, False]
    assert not is_heard(guesses, crowd[0])
    assert is_heard(guesses, SHOP, is_right=True), "who has not guessed wrong is heard all the same"
    clock.now_s += IN_ALL * FORGIVEN_IN_ALL_AFTER_S
    assert is_heard(guesses, crowd[0])
    assert is_heard(guesses, crowd[0]), "the siege is over"


def test_no_crowd_fills_the_memory(guesses: Guesses) -> None:
    for number in range(MOST_REMEMBERED + 500):
        is_heard(guesses, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    assert len(guesses._by_address) == MOST_REMEMBERED


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8:0:0:ffff::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("testclient", "", False),
    ],
)
def test_a_household_is_one_address(one: str, other: str, same: bool) -> None:
    assert (home_of(one) == home_of(other)) is same


def test_over_http_it_is_429_with_when_to_come_again(tmp_path: Path, clock: Seconds) -> None:
    with empty_database("sqlite", tmp_path) as url, open_test_shop(url, tmp_path) as shop:
        app = create_app(settings_for_tests(admin_key=KEY), FakeFitting(), shop=shop)
        app.state.services = replace(app.state.services, guesses=Guesses(clock=clock))
        with TestClient(app, client=(THIEF, 1)) as thief, TestClient(app, client=(SHOP, 1)) as people:

            def ask(client: TestClient, key: str | None) -> Any:
                headers = {} if key is None else {"Authorization": f"Bearer {key}"}
                return client.get("/api/admin/families", headers=headers)

            assert {ask(thief, None).status_code for _ in range(30)} == {401}, "nothing sent is nothing guessed"
            told = [ask(thief, f"{KEY}{number}") for number in range(PER_ADDRESS + 1)]
            assert [answer.status_code for answer in told] == [401] * PER_ADDRESS + [429]
            last = ask(thief, KEY)
            assert (last.status_code, last.json()["code"], last.json()["retryable"]) == (429, "too_many_guesses", True)
            assert last.headers["retry-after"] == str(round(FORGIVEN_AFTER_S))
            assert last.json()["hint"]
            assert KEY not in last.text
            assert ask(people, KEY).status_code == 200
            clock.now_s += FORGIVEN_AFTER_S
            assert ask(thief, KEY).status_code == 200


@pytest.mark.parametrize(("proxies", "counted_as_one"), [(("127.0.0.1",), False), ((), True)])
def test_behind_a_proxy_that_is_trusted_everybody_is_somebody(
    tmp_path: Path, proxies: tuple[str, ...], counted_as_one: bool
) -> None:
    with empty_database("sqlite", tmp_path) as url, open_test_shop(url, tmp_path) as shop:
        served = run_server(FakeFitting(), shop=shop, admin_key=KEY, trusted_proxies=proxies)
        with served as running, httpx2.Client(base_url=running.url("")) as client:

            def ask(key: str, address: str) -> int:
                headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": address}
                return client.get("/api/admin/families", headers=headers).status_code

            assert {ask("wrong", THIEF) for _ in range(PER_ADDRESS)} == {401}
            assert ask(KEY, THIEF) == 429
            assert ask(KEY, SHOP) == (429 if counted_as_one else 200)
