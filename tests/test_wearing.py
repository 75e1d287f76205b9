"""A scan that is worn before it is saved, and the book sorted for the shop's own people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from fabric.entries import ColourEntry
from garment.cuts.catalogue import CUTS
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from server.app import create_app
from server.catalog.lending import lend_scan
from server.catalog.shop import Shop
from tests.databases import empty_database, open_test_shop
from tests.fakes import FakeFitting
from tests.serving import settings_for_tests
from utils.errors import InputError

KEY = "a-key-for-tests-alone"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with empty_database("sqlite", tmp_path) as url, open_test_shop(url, tmp_path) as shop:
        yield shop


@pytest.fixture
def wardrobe(shop: Shop, tmp_path: Path) -> Wardrobe:
    return Wardrobe(catalog=shop.book, rack=Rack(tmp_path / "garments"))


@pytest.fixture
def http(shop: Shop, wardrobe: Wardrobe) -> Iterator[TestClient]:
    fitting = FakeFitting()
    fitting.wardrobe = wardrobe
    settings = settings_for_tests(admin_key=KEY)
    with TestClient(create_app(settings, fitting, shop=shop), headers={"Authorization": f"Bearer {KEY}"}) as http:
        yield http


def a_scan(shop: Shop, *, size_mm: tuple[float, float] | None = (20.0, 10.0)) -> str:
    """Of a red cloth without a weave."""
    red, grey = np.full((32, 32, 3), (30, 30, 180), np.uint8), np.full((32, 32), 128, np.uint8)
    pictures = {"albedo": red, "height": grey.astype(np.uint16) * 257, "roughness": grey}
    maps = {name: cv2.imencode(".png", picture)[1].tobytes() for name, picture in pictures.items()}
    figures = {"roughness": 0.5, "sheen": 0.1, "mean_hex": "#b41e1e", "height_range_mm": (-0.1, 0.1)}
    return shop.keepsakes.keep_scan(maps, size_mm=size_mm, **figures)


def test_a_scan_is_worn_and_yet_in_no_listing(http: TestClient, shop: Shop, wardrobe: Wardrobe) -> None:
    scan = a_scan(shop)
    assert http.get(f"/api/fabric/{scan}/swatch.png").status_code == 404
    answer = http.post(f"/api/fabric/scans/{scan}/wear", json={})
    assert answer.status_code == 200
    assert answer.json() == {"fabric_id": scan}
    swatch = cv2.imdecode(np.frombuffer(http.get(f"/api/fabric/{scan}/swatch.png").content, np.uint8), cv2.IMREAD_COLOR)
    blue, green, red = swatch.reshape(-1, 3).mean(axis=0)
    assert red > 3 * max(blue, green)
    wardrobe.garment(Wish(fabric_id=scan, cut=next(iter(CUTS))))
    for listing in ("/api/fabric/catalog", "/api/admin/colours"):
        assert scan not in http.get(listing).text


def test_a_scan_of_unknown_size_is_worn_in_the_size_that_is_given(http: TestClient, shop: Shop) -> None:
    scan = a_scan(shop, size_mm=None)
    refused = http.post(f"/api/fabric/scans/{scan}/wear", json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "scale_unknown")
    wrong = http.post(f"/api/fabric/scans/{scan}/wear", json={"size_mm": [0.1, 10]})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_size")
    assert http.post(f"/api/fabric/scans/{scan}/wear", json={"size_mm": [30, 40]}).status_code == 200
    assert shop.book.get(scan).cloth.size_mm == (30.0, 40.0)
    assert http.post(f"/api/fabric/scans/{scan}/wear", json={"size_mm": [60, 40]}).status_code == 200
    assert shop.book.get(scan).cloth.size_mm == (60.0, 40.0)


def test_what_is_no_scan_cannot_be_worn(http: TestClient) -> None:
    answer = http.post("/api/fabric/scans/nothing/wear", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_scan")


def test_a_colour_that_is_kept_back_can_be_seen_on_somebody_and_yet_not_be_chosen(
    http: TestClient, shop: Shop, wardrobe: Wardrobe
) -> None:
    about = {"family": "plain", "name": "Brick", "status": "retired"}
    assert http.post(f"/api/admin/scans/{a_scan(shop)}/save", json=about).status_code == 201
    lent = http.post("/api/fabric/scans/brick/wear", json={}).json()["fabric_id"]
    assert lent != "brick"
    wardrobe.garment(Wish(fabric_id=lent, cut=next(iter(CUTS))))
    assert http.get("/api/fabric/brick").json()["code"] == "fabric_retired"
    with pytest.raises(InputError, match="no longer offered"):
        wardrobe.garment(Wish(fabric_id="brick", cut=next(iter(CUTS))))
    assert http.post("/api/fabric/scans/navy/wear", json={}).json()["code"] == "unknown_scan", "that one is woven"


def test_only_so_many_are_lent_and_those_last_who_came_last(shop: Shop) -> None:
    scans = [a_scan(shop) for _ in range(65)]
    for scan in scans:
        lend_scan(shop, scan)
    assert shop.book.find(scans[0]) is None
    with pytest.raises(InputError, match="no such fabric"):
        shop.book.get(scans[0])
    assert all(shop.book.find(scan) is not None for scan in scans[1:])


def test_a_scan_that_was_worn_is_saved_under_its_own_name(http: TestClient, shop: Shop) -> None:
    scan = a_scan(shop)
    lend_scan(shop, scan)
    made = http.post(f"/api/admin/scans/{scan}/save", json={"family": "plain", "name": "Brick"}).json()
    assert made["id"] == "brick"
    assert "brick" in http.get("/api/fabric/catalog").text


@pytest.mark.parametrize(("sort", "of"), [("name", "name"), ("code", "code"), ("weight", "weight_g_m2")])
def test_the_book_is_sorted_over_all_its_pages(http: TestClient, shop: Shop, sort: str, of: str) -> None:
    for name, code, weight in (("Zinc", "B2", 300), ("amber", "C3", 200), ("Moss", "A1", 250)):
        draft = {"yarns": {"a": "#101020"}}
        about = {"id": name.lower(), "name": name, "code": code, "colour": "#101020", "mill": "", "weight_g_m2": weight}
        shop.ledger.create_colour("plain", ColourEntry(**about, draft=draft))

    def listed(order: str) -> list:
        asked = [{"sort": order, "per_page": 2, "page": page} for page in (1, 2, 3, 4)]
        pages = [http.get("/api/admin/colours", params=params).json() for params in asked]
        return [colour[of] for page in pages for colour in page["colours"]]

    def key(value: str | int) -> str | int:
        return value.casefold() if isinstance(value, str) else value

    assert len(listed(sort)) == 7
    assert listed(sort) == sorted(listed(sort), key=key)
    assert listed(f"-{sort}") == sorted(listed(sort), key=key, reverse=True)


def test_an_order_that_is_none_is_refused(http: TestClient) -> None:
    assert http.get("/api/admin/colours", params={"sort": "taste"}).status_code == 422
