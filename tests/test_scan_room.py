"""How many scans lie about unsaved: a number and a size, and the one that nobody looks at goes first. Over both
databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from server.catalog.keepsakes import KEPT_FOR, Keepsakes
from server.catalog.ledger import utc_now
from server.catalog.migrate import alembic_config
from server.catalog.room import LOOKED_AT_FOR, Room, ScansFullError
from server.catalog.shop import Shop, open_shop
from server.catalog.tables import ScanRow
from server.http.problems import problem_response
from tests.databases import KINDS, SetClock, empty_database, open_test_shop
from tests.serving import settings_for_tests
from tests.test_scan_keeping import PNG, content, keep, save
from utils.errors import CapacityError, InputError

LATER = LOOKED_AT_FOR + timedelta(seconds=1)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(utc_now())


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Shop]:
    with empty_database(request.param, tmp_path) as url, open_test_shop(url, tmp_path, clock=clock) as shop:
        yield shop


def with_room(shop: Shop, **room: int) -> Shop:
    """The same shop, with so much room for scans."""
    return replace(shop, keepsakes=Keepsakes(shop.database, shop.storage, shop.ledger, room=Room(**room)))


def photo(number: int) -> dict[str, bytes]:
    return {"photo": b"%04d" % number * 100, "preview": b"%04d" % number * 10}


def ids(shop: Shop) -> set[str]:
    return {scan.id for scan in shop.keepsakes.scans()}


def files(shop: Shop) -> set[str]:
    return set(shop.storage.list("photos"))


def is_whole(shop: Shop, manifest: Mapping[str, Any]) -> bool:
    """Whether all its files are there."""
    return all(content(shop, key) for kind in ("maps", "photos") for key in manifest[kind].values())


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises((CapacityError, InputError)) as refused:
        call()
    assert refused.value.hint
    return refused.value.code


def test_the_oldest_goes_with_its_files_and_shared_ones_stay(shop: Shop, clock: SetClock) -> None:
    shop = with_room(shop, scans=2)
    first, second = keep(shop, **photo(1)), keep(shop, **photo(2))
    before = files(shop)
    clock.now += LATER
    third = keep(shop, **photo(3))
    assert ids(shop) == {second, third}
    assert refusal(lambda: shop.keepsakes.scan(first)) == "unknown_scan"
    assert len(before - files(shop)) == 2, "what only the first one had is gone at once"
    manifest = shop.keepsakes.scan(second).manifest
    assert is_whole(shop, manifest)
    assert shop.sweep().files == 0


@pytest.mark.parametrize("look", ["scan", "scan_behind"])
def test_one_that_somebody_looks_at_is_passed_over(shop: Shop, clock: SetClock, look: str) -> None:
    shop = with_room(shop, scans=2)
    first, second = keep(shop), keep(shop)
    clock.now += LATER
    getattr(shop.keepsakes, look)(first)
    third = keep(shop)
    assert ids(shop) == {first, third}
    assert second not in ids(shop)


def test_where_all_are_looked_at_the_new_one_is_refused_and_nothing_of_it_stays(shop: Shop, clock: SetClock) -> None:
    shop = with_room(shop, scans=2)
    kept, before = {keep(shop, **photo(1)), keep(shop, **photo(2))}, files(shop)
    assert refusal(lambda: keep(shop, **photo(3))) == "scans_full"
    assert (ids(shop), files(shop)) == (kept, before)
    clock.now += LATER
    keep(shop, **photo(3))


def test_their_files_have_a_size_too(shop: Shop, clock: SetClock) -> None:
    one = 3 * len(PNG) + 440
    shop = with_room(shop, scans=100, bytes=3 * one + 100)
    made = []
    for number in range(5):
        made.append(keep(shop, **photo(number)))
        clock.now += LATER
    assert ids(shop) == set(made[2:])
    shop = with_room(shop, scans=100, bytes=one - 1)
    assert refusal(lambda: keep(shop, **photo(9))) == "scans_full", "not even alone"
    assert ids(shop) == set(made[2:]), "and nothing had to go for it"


def test_what_is_saved_neither_counts_nor_goes(shop: Shop, clock: SetClock) -> None:
    shop = with_room(shop, scans=1)
    saved = save(shop, keep(shop, **photo(1)))
    clock.now += LATER
    for number in range(2, 5):
        keep(shop, **photo(number))
        clock.now += LATER
    manifest = shop.keepsakes.scan_behind(saved).manifest
    assert is_whole(shop, manifest)
    assert len(ids(shop)) == 1


def test_what_has_expired_goes_first_however_lately_it_was_seen(shop: Shop, clock: SetClock) -> None:
    shop = with_room(shop, scans=2)
    old = keep(shop)
    clock.now += KEPT_FOR - timedelta(minutes=1)
    shop.keepsakes.scan(old)
    young = keep(shop)
    clock.now += timedelta(minutes=2)
    new = keep(shop)
    assert ids(shop) == {young, new}


def test_a_look_is_written_down_once_a_minute(shop: Shop, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, write, written = keep(shop), shop.database.write, []
    monkeypatch.setattr(shop.database, "write", lambda: written.append(1) or write())
    for _ in range(10):
        clock.now += timedelta(seconds=20)
        shop.keepsakes.scan(scan)
    assert len(written) == 3


def test_a_look_is_not_refused_because_it_cannot_be_written_down(
    shop: Shop, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = keep(shop)
    clock.now += timedelta(minutes=5)

    def away() -> None:
        raise CapacityError("catalog_away", "no")

    monkeypatch.setattr(shop.database, "write", away)
    assert shop.keepsakes.scan(scan).id == scan


def test_the_operator_says_how_much_room_there_is(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_text('{"version": 1, "mill": "M", "families": []}')
    settings = settings_for_tests(
        catalog_dir=tmp_path, fabric_dir=tmp_path / "fabric", max_unsaved_scans=3, max_unsaved_mb=600
    )
    shop = open_shop(settings)
    shop.close()
    assert shop.keepsakes._room == Room(scans=3, bytes=600 << 20)


def test_scans_of_an_earlier_version_were_seen_when_they_were_made(shop: Shop) -> None:
    scan = keep(shop)
    created = shop.keepsakes.scan(scan).created
    with shop.database.alone() as connection:
        command.downgrade(alembic_config(connection), "0002")
        command.upgrade(alembic_config(connection), "head")
    with shop.database.read() as session:
        row = session.get_one(ScanRow, scan)
        assert (row.seen, row.bytes) == (created, 0)


def test_who_is_refused_is_told_when_to_come_again() -> None:
    answer = problem_response(ScansFullError(), request_id="r")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
