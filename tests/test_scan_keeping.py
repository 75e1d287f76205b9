"""What is kept of a scan, until it is saved, when it is, and when it is forgotten. Over both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from fabric.entries import ColourEntry
from server.catalog.keepsakes import KEPT_FOR
from server.catalog.ledger import utc_now
from server.catalog.shop import Shop
from server.scans.findings import _finite, given_in, given_out
from tests.databases import KINDS, SetClock, empty_database, open_test_shop
from utils.errors import InputError

PNG = cv2.imencode(".png", np.full((8, 8), 90, np.uint8))[1].tobytes()
FIGURES = {"height_range_mm": (-0.1, 0.1), "roughness": 0.8, "sheen": 0.05, "mean_hex": "#334455"}
FINDINGS = {"name": "Pepper", "class": "plain", "given": {"swatch_mm": [80.0, 60.0]}}
PHOTOS = {"photo": b"a large photo", "preview": b"a small photo"}


@pytest.fixture
def clock() -> SetClock:
    return SetClock(utc_now())


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Shop]:
    with empty_database(request.param, tmp_path) as url, open_test_shop(url, tmp_path, clock=clock) as shop:
        yield shop


def keep(shop: Shop, **photos: bytes) -> str:
    maps = dict.fromkeys(("albedo", "height", "roughness"), PNG)
    return shop.keepsakes.keep_scan(maps, size_mm=(40.0, 30.0), photos=photos or PHOTOS, findings=FINDINGS, **FIGURES)


def save(shop: Shop, scan_id: str) -> str:
    return shop.keepsakes.save_scan(
        scan_id, "plain", ColourEntry(id="", name="Pepper", code="", colour="#334455", mill="")
    )


def content(shop: Shop, key: str) -> bytes:
    with shop.storage.open(key) as file:
        return file.read()


def test_the_photo_lives_as_long_as_the_scan(shop: Shop, clock: SetClock) -> None:
    manifest = shop.keepsakes.scan_behind(keep(shop)).manifest
    shop.sweep()
    assert {name: content(shop, key) for name, key in manifest["photos"].items()} == PHOTOS
    clock.now += KEPT_FOR + timedelta(seconds=1)
    assert shop.sweep().scans == 1
    assert list(shop.storage.list()) == []


def test_a_colour_remembers_the_scan_that_it_was_saved_from(shop: Shop, clock: SetClock) -> None:
    scan_id = keep(shop)
    before = shop.keepsakes.scan_behind(scan_id)
    colour_id = save(shop, scan_id)
    with pytest.raises(InputError) as gone:
        shop.keepsakes.scan_behind(scan_id)
    assert gone.value.code == "unknown_scan"
    clock.now += 10 * KEPT_FOR
    shop.sweep()
    behind = shop.keepsakes.scan_behind(colour_id)
    assert (before.expires is None, behind.expires) == (False, None)
    for name in ("photos", "maps", "size_mm", "findings", "roughness"):
        assert behind.manifest[name] == before.manifest[name], name
    assert content(shop, behind.manifest["photos"]["photo"]) == PHOTOS["photo"]
    shop.book.refresh()
    assert shop.book.colour_note(colour_id).swatch_key == before.manifest["photos"]["preview"]


def test_figures_that_were_edited_since_are_the_colours(shop: Shop) -> None:
    colour_id = save(shop, keep(shop))
    shop.book.refresh()
    version = shop.book.colour_note(colour_id).revision
    shop.ledger.edit_colour(colour_id, {"name": "Salt"}, version=version)
    assert shop.keepsakes.scan_behind(colour_id).manifest["findings"]["name"] == "Salt"
    assert shop.keepsakes.scan_behind(colour_id).manifest["findings"]["given"] == FINDINGS["given"]


def test_a_woven_colour_was_scanned_from_nothing(shop: Shop) -> None:
    with pytest.raises(InputError) as unknown:
        shop.keepsakes.scan_behind("navy")
    assert unknown.value.code == "unknown_scan"


def test_what_was_given_comes_back_as_it_was() -> None:
    said = {"corners": [[1.5, 2.0], [9.0, 2.0], [9.0, 8.0], [1.0, 8.0]], "swatch_mm": [80.0, 60.0]}
    assert given_out(given_in(said)) == said
    assert given_out(given_in({"corners": None, "repeat_mm": None})) == {}


def test_what_is_no_number_is_not_known() -> None:
    assert _finite({"a": [1.0, math.nan], "b": {"c": math.inf}, "d": "nan"}) == {
        "a": [1.0, None],
        "b": {"c": None},
        "d": "nan",
    }
