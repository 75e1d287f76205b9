"""The catalog over HTTP: what customers see of it, and what the shop's own people may do. Over both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from fabric.draft import draft_from_dict
from fabric.entries import ColourEntry
from fabric.weave import weave
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from server.app import create_app
from server.catalog.shop import Shop, assemble
from tests.bad_pictures import bomb, photo, saved, whole_bomb
from tests.databases import DRAFT, KINDS, SetClock, empty_database, open_test_shop
from tests.fakes import FakeFitting, jpeg
from tests.kiosks import kiosk
from tests.serving import PATIENCE_S, eventually, run_server, settings_for_tests
from tests.test_storage import files_of_at_most

KEY = "a-key-for-tests-alone"
HEADERS = {"Authorization": f"Bearer {KEY}"}
NIGHT = {"family": "plain", "name": "Night", "colour": "#101020", "draft": {"yarns": {"a": "#101020"}}}
SCALE = {"size_mm": (20.0, 10.0), "height_range_mm": (-0.5, 0.5)}
START = datetime(2026, 1, 1, tzinfo=timezone.utc)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Shop]:
    with empty_database(request.param, tmp_path) as url, open_test_shop(url, tmp_path, clock=clock) as shop:
        yield shop


@pytest.fixture
def fitting(shop: Shop, tmp_path: Path) -> FakeFitting:
    """Fits nothing, but its wardrobe is a real one over the shop's book."""
    fitting = FakeFitting()
    fitting.wardrobe = Wardrobe(catalog=shop.book, rack=Rack(tmp_path / "rack"))
    return fitting


@pytest.fixture
def http(shop: Shop, fitting: FakeFitting) -> Iterator[TestClient]:
    with TestClient(create_app(settings_for_tests(admin_key=KEY), fitting, shop=shop)) as client:
        yield client


@pytest.fixture
def admin(http: TestClient) -> TestClient:
    """With the key."""
    http.headers.update(HEADERS)
    return http


def offered(http: TestClient, **query: Any) -> list[str]:
    """Ids of the public listing."""
    found = http.get("/api/fabric/catalog", params=query).json()
    return [fabric["id"] for family in found["families"] for fabric in family["fabrics"]]


def refused(answer: Any, status: int, code: str) -> bool:
    """A refusal with something to do about it."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    return bool(body["hint"])


def maps_of(material: Any) -> dict[str, bytes]:
    """As a scanner would hand them over: SCALE's height range."""
    low_mm, high_mm = SCALE["height_range_mm"]
    pictures = {
        "albedo": material.albedo[..., ::-1],
        "normal": np.round((material.normal[..., ::-1] + 1) * 127.5).astype(np.uint8),
        "height": np.round((material.height - low_mm) / (high_mm - low_mm) * 65535).astype(np.uint16),
        "roughness": np.round(material.roughness * 255).astype(np.uint8),
    }
    return {name: cv2.imencode(".png", picture)[1].tobytes() for name, picture in pictures.items()}


def a_scan(shop: Shop, *, size_mm: tuple[float, float] | None = SCALE["size_mm"]) -> str:
    """Of a cloth that was woven for it, and whose maps are known therefore."""
    material = weave(draft_from_dict({**DRAFT, "yarns": {"a": "#703020"}}), 4.0, span_mm=10.0)
    height_range_mm = SCALE["height_range_mm"]
    return shop.keepsakes.keep_scan(
        maps_of(material),
        size_mm=size_mm,
        height_range_mm=height_range_mm,
        roughness=0.7,
        sheen=0.1,
        mean_hex="#703020",
    )


# --- Who may


def test_without_a_key_nobody_may(shop: Shop, fitting: FakeFitting) -> None:
    with TestClient(create_app(settings_for_tests(), fitting, shop=shop)) as http:
        for headers in ({}, HEADERS, {"Authorization": "Bearer "}):
            assert refused(http.get("/api/admin/colours", headers=headers), 403, "admin_disabled")
        assert http.get("/api/fabric/catalog").status_code == 200


def test_a_wrong_key_is_refused_everywhere_and_says_how_to_ask(http: TestClient) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    routes = [(method, path) for path, methods in paths.items() if "/admin/" in path for method in methods]
    assert len(routes) == 14
    for method, path in routes:
        answer = http.request(method, path.format(family_id="plain", colour_id="navy", scan_id="x"))
        assert refused(answer, 401, "admin_key")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    for wrong in (f"Bearer {KEY}x", f"Bearer {KEY[:-1]}", f"Basic {KEY}", KEY, "Bearer ä".encode().decode("latin-1")):
        headers = {"Authorization": wrong.encode("latin-1")}
        assert refused(http.get("/api/admin/colours", headers=headers), 401, "admin_key")


# --- Families and colours


def test_a_new_colour_is_in_the_shop_at_once(admin: TestClient) -> None:
    before = admin.get("/api/fabric/catalog")
    made = admin.post("/api/admin/colours", json=NIGHT | {"tags": ["evening"], "weight_g_m2": 300})
    assert made.status_code == 201, made.text
    night = made.json()
    assert (night["id"], night["made"], night["composition"], night["weight_g_m2"]) == (
        "night",
        "woven",
        "100 % wool",
        300,
    )
    assert admin.get(made.headers["location"]).json() == night
    after = admin.get("/api/fabric/catalog", headers={"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert offered(admin) == ["navy", "charcoal", "night", "poplin-white"]
    public = admin.get("/api/fabric/night").json()
    assert admin.get(public["swatch"]).content.startswith(b"\x89PNG")
    assert "draft" not in public
    assert "version" not in public


def test_a_family_is_created_edited_and_retired(admin: TestClient) -> None:
    about = {"name": "Flannel", "use": "suiting", "composition": "100 % wool", "weight_g_m2": 340, "draft": DRAFT}
    made = admin.post("/api/admin/families", json=about)
    assert (made.status_code, made.json()["id"], made.json()["colours"]) == (201, "flannel", 0)
    assert admin.post("/api/admin/colours", json=NIGHT | {"family": "flannel"}).status_code == 201
    assert "night" in offered(admin, family="flannel")
    now = admin.get("/api/admin/families/flannel")
    edit = {"description": "Milled.", "status": "retired"}
    edited = admin.patch("/api/admin/families/flannel", json=edit, headers={"If-Match": now.headers["etag"]})
    assert (edited.status_code, edited.json()["description"]) == (200, "Milled.")
    assert refused(admin.get("/api/fabric/night"), 410, "fabric_retired")
    listed = admin.get("/api/admin/families", params={"status": "retired"}).json()["families"]
    assert [family["id"] for family in listed] == ["flannel"]
    assert [f["id"] for f in admin.get("/api/admin/families", params={"q": "POP"}).json()["families"]] == ["poplin"]
    assert refused(admin.post("/api/admin/families", json=about | {"name": "FLANNEL"}), 409, "name_taken")
    assert refused(admin.get("/api/admin/families/nope"), 404, "unknown_family")


def test_a_colour_is_edited_by_whoever_has_seen_it_last(admin: TestClient) -> None:
    seen = admin.get("/api/admin/colours/navy")
    edit = {"name": "Midnight", "composition": "wool and silk", "version": seen.json()["version"]}
    edited = admin.patch("/api/admin/colours/navy", json=edit)
    assert (edited.json()["name"], edited.json()["composition"]) == ("Midnight", "wool and silk")
    assert admin.get("/api/fabric/navy").json()["name"] == "Midnight"
    assert refused(admin.patch("/api/admin/colours/navy", json=edit), 409, "edit_conflict")
    stale = {"If-Match": seen.headers["etag"]}
    assert refused(admin.patch("/api/admin/colours/navy", json={"name": "X"}, headers=stale), 409, "edit_conflict")
    assert refused(admin.patch("/api/admin/colours/navy", json={"name": "X"}), 428, "version_missing")
    back = {"composition": None, "version": edited.json()["version"]}
    assert admin.patch("/api/admin/colours/navy", json=back).json()["composition"] == "100 % wool"


def test_retired_colours_are_found_by_the_shops_people_alone(admin: TestClient) -> None:
    def found(**query: Any) -> list[str]:
        return [colour["id"] for colour in admin.get("/api/admin/colours", params=query).json()["colours"]]

    assert found() == ["navy", "charcoal", "sand", "poplin-white"]
    assert found(status="retired") == found(q="sAnD") == ["sand"]
    assert found(use="shirting") == ["poplin-white"]
    assert found(tag="GREY") == ["charcoal"]
    assert found(colour="#a8977b") == ["sand"]
    assert found(family="plain", page=2, per_page=2) == ["sand"]
    assert offered(admin) == ["navy", "charcoal", "poplin-white"]
    sand = admin.get("/api/admin/colours/sand")
    back = admin.patch("/api/admin/colours/sand", json={"status": "active"}, headers={"If-Match": sand.headers["etag"]})
    assert back.json()["status"] == "active"
    assert "sand" in offered(admin)


WRONG_COLOURS = {
    "name_taken": ({"name": " nAVY "}, 409),
    "bad_name": ({"name": ""}, 422),
    "bad_weight": ({"weight_g_m2": 0}, 422),
    "bad_entry": ({"tags": ["a"] * 30}, 422),
    "id_taken": ({"id": "sand"}, 409),
    "unknown_family": ({"family": "tweed"}, 404),
    "unknown_swatch": ({"swatch": "0" * 32}, 404),
    "invalid_request": ({"price": 100}, 422),
}


@pytest.mark.parametrize("code", WRONG_COLOURS)
def test_a_wrong_colour_is_refused_and_nothing_of_it_stays(admin: TestClient, shop: Shop, code: str) -> None:
    change, status = WRONG_COLOURS[code]
    assert refused(admin.post("/api/admin/colours", json=NIGHT | change), status, code)
    assert [fabric.id for fabric in shop.book.fabrics()] == ["navy", "charcoal", "sand", "poplin-white"]
    assert not shop.book.refresh()


def test_a_draft_that_cannot_be_woven_and_a_null_where_a_value_belongs(admin: TestClient) -> None:
    draft = {"draft": {"yarns": {"a": "#101020"}, "ends_per_cm": "many"}}
    assert admin.post("/api/admin/colours", json=NIGHT | draft).json()["code"] == "bad_draft"
    edit = {"name": None, "version": 1}
    assert refused(admin.patch("/api/admin/colours/navy", json=edit), 422, "bad_entry")
    edit = {"roughness": 0.5, "version": admin.get("/api/admin/colours/navy").json()["version"]}
    assert refused(admin.patch("/api/admin/colours/navy", json=edit), 422, "bad_entry")


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12),
    st.sampled_from(["\0", "\ud800", "ﷺ" * 80]),
    st.lists(st.text(max_size=3), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
FIELDS = st.sampled_from([*NIGHT, "id", "code", "mill", "tags", "composition", "weight_g_m2", "swatch", "version"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(odd=st.dictionaries(FIELDS, ODD, min_size=1, max_size=3))
def test_whatever_is_sent_is_taken_or_refused_in_words(admin: TestClient, odd: dict[str, Any]) -> None:
    version = admin.get("/api/admin/colours/navy").json()["version"]
    body = json.dumps(odd).encode()
    for method, path, sent in (
        ("POST", "/api/admin/colours", json.dumps(NIGHT | odd).encode()),
        ("PATCH", "/api/admin/colours/navy", json.dumps({"version": version} | odd).encode()),
        ("POST", "/api/admin/families", body),
        ("POST", "/api/admin/import", body),
    ):
        answer = admin.request(method, path, content=sent, headers={"Content-Type": "application/json"})
        assert answer.status_code < 500, (method, path, odd, answer.text)


@pytest.mark.parametrize("id", ["%00", "..", "%ED%A0%80", "A" * 65, "a'--"])
def test_an_odd_id_is_nobodys(admin: TestClient, id: str) -> None:
    for path in ("families", "colours", "scans"):
        assert admin.get(f"/api/admin/{path}/{id}").status_code in (404, 422)
    for path in (f"/api/fabric/{id}", f"/api/fabric/{id}/albedo.png", f"/api/objects/maps/aa/{id}"):
        assert admin.get(path).status_code in (404, 422)


# --- What customers see


def test_the_listing_is_paged_filtered_and_searched(http: TestClient) -> None:
    first = http.get("/api/fabric/catalog", params={"per_page": 2}).json()
    assert (first["page"], first["pages"], first["per_page"], first["total"]) == (1, 2, 2, 3)
    assert [family["id"] for family in first["families"]] == ["plain"]
    second = http.get("/api/fabric/catalog", params={"per_page": 2, "page": 2}).json()
    assert [family["id"] for family in second["families"]] == ["poplin"]
    assert offered(http, page=3, per_page=2) == []
    assert offered(http, q="wool NAVY") == ["navy"]
    assert offered(http, q="sand") == []
    assert offered(http, use="shirting") == ["poplin-white"]
    assert offered(http, colour="#22304c") == ["navy"]
    assert offered(http, mill="Mill", tag="blue") == ["navy"]
    for wrong in ({"page": 0}, {"per_page": 501}, {"colour": "navy"}, {"use": "curtain"}):
        assert http.get("/api/fabric/catalog", params=wrong).status_code == 422


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_fabric_has_maps_that_may_be_kept_for_ever(http: TestClient) -> None:
    navy = http.get("/api/fabric/navy").json()
    assert set(navy["maps"]) == {"albedo", "normal", "height", "roughness", "ao", "orm"}
    answer = http.get(navy["maps"]["height"])
    height = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert height.dtype == np.uint16
    assert height.shape == (round(navy["size_mm"][1] * 8), round(navy["size_mm"][0] * 8))
    maps = {
        name: cv2.imdecode(np.frombuffer(http.get(navy["maps"][name]).content, np.uint8), -1) for name in navy["maps"]
    }
    assert {picture.shape[:2] for picture in maps.values()} == {height.shape}
    assert (maps["orm"][..., 2] == maps["ao"]).all()
    assert (maps["orm"][..., 1] == maps["roughness"]).all()
    assert not maps["orm"][..., 0].any()
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = http.get(navy["maps"]["height"].partition("?")[0])
    assert (plain.content == answer.content, plain.headers["cache-control"]) == (True, "no-cache")
    assert http.get(navy["maps"]["height"], headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert refused(http.get("/api/fabric/navy/taste.png"), 404, "unknown_map")
    assert http.get("/api/fabric/sand/albedo.png").json()["code"] == "fabric_retired"


# --- Pictures and scans


def test_a_swatch_is_uploaded_and_given_to_a_colour(admin: TestClient, shop: Shop, clock: SetClock) -> None:
    made = admin.post("/api/admin/swatches", files={"photo": ("s.jpg", saved(photo((400, 300)), "JPEG"))})
    assert made.status_code == 201, made.text
    upload = made.json()
    picture = admin.get(upload["url"])
    assert picture.headers["content-type"] == "image/jpeg"
    assert "immutable" in picture.headers["cache-control"]
    assert cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR).shape == (400, 300, 3)
    night = admin.post("/api/admin/colours", json=NIGHT | {"swatch": upload["id"]}).json()
    assert night["reference"] == upload["url"]
    twice = NIGHT | {"name": "Twice", "swatch": upload["id"]}
    assert refused(admin.post("/api/admin/colours", json=twice), 404, "unknown_swatch")
    clock.now += timedelta(days=2)
    shop.sweep()
    assert admin.get(night["reference"]).status_code == 200


def test_an_upload_expires_after_a_day_and_a_sweep_proves_it(admin: TestClient, shop: Shop, clock: SetClock) -> None:
    upload = admin.post("/api/admin/swatches", files={"photo": jpeg()}).json()
    clock.now += timedelta(hours=23, minutes=59)
    assert shop.sweep().files == 0
    clock.now += timedelta(minutes=1)
    late = NIGHT | {"swatch": upload["id"]}
    assert refused(admin.post("/api/admin/colours", json=late), 404, "unknown_swatch")
    swept = shop.sweep()
    assert (swept.uploads, swept.files) == (1, 1)
    assert list(shop.storage.list()) == []
    assert refused(admin.get(upload["url"]), 404, "unknown_object")


BAD_SWATCHES = {
    "a PDF named .jpg": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" * 40, 415, "unsupported_format"),
    "a bomb by its header": (bomb(20_000, 20_000), 413, "image_too_large"),
    "a bomb with all its rows": (whole_bomb(), 413, "image_too_large"),
    "over 5 MB": (b"\xff\xd8" + bytes(5 << 20), 413, "image_too_large"),
    "cut off": (saved(photo((200, 200)), "JPEG")[:3000], 422, "image_truncated"),
    "empty": (b"", 422, "bad_image"),
}


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
@pytest.mark.parametrize("what", BAD_SWATCHES)
def test_what_is_no_picture_of_a_swatch_is_refused(admin: TestClient, shop: Shop, what: str) -> None:
    data, status, code = BAD_SWATCHES[what]
    answer = admin.post("/api/admin/swatches", files={"photo": ("swatch.jpg", data, "image/jpeg")})
    assert refused(answer, status, code)
    assert list(shop.storage.list()) == []
    assert shop.sweep().uploads == 0


@pytest.mark.parametrize(("side", "largest"), [(700, 300 << 10), (1400, 900 << 10)], ids=["to keep it", "to read it"])
def test_a_disk_that_is_full_in_the_middle_leaves_nothing(
    admin: TestClient, shop: Shop, tmp_path: Path, side: int, largest: int
) -> None:
    noise = saved(photo((side, side)), "JPEG", quality=80)
    with files_of_at_most(largest):
        answer = admin.post("/api/admin/swatches", files={"photo": noise})
    assert refused(answer, 507, "storage_full")
    assert [path for path in (tmp_path / "fabric").rglob("*") if path.is_file()] == []
    assert shop.sweep().uploads == 0
    assert admin.post("/api/admin/swatches", files={"photo": noise}).status_code == 201


def test_a_scan_is_saved_and_is_a_colour_like_any_other(admin: TestClient, shop: Shop) -> None:
    scan = a_scan(shop)
    shown = admin.get("/api/admin/scans").json()["scans"]
    assert [one["id"] for one in shown] == [scan]
    stored = admin.get(shown[0]["maps"]["albedo"]).content
    about = {"family": "plain", "name": "Rust", "tags": ["warm"]}
    made = admin.post(f"/api/admin/scans/{scan}/save", json=about)
    assert made.status_code == 201, made.text
    rust = made.json()
    assert (rust["made"], rust["size_mm"], rust["colour"], rust["roughness"]) == (
        "scanned",
        [20.0, 10.0],
        "#703020",
        0.7,
    )
    assert "rust" in offered(admin, tag="warm")
    answer = admin.get(admin.get("/api/fabric/rust").json()["maps"]["albedo"])
    assert answer.content == stored
    assert "immutable" in answer.headers["cache-control"]
    assert admin.get("/api/admin/scans").json()["scans"] == []
    assert refused(admin.post(f"/api/admin/scans/{scan}/save", json=about), 404, "unknown_scan")
    assert shop.sweep().files == 0


def test_a_scan_may_be_kept_back_as_it_is_saved(admin: TestClient, shop: Shop) -> None:
    shop.book.refresh()
    before = shop.book.revision
    about = {"family": "plain", "name": "Rust", "status": "retired"}
    made = admin.post(f"/api/admin/scans/{a_scan(shop)}/save", json=about)
    assert (made.status_code, made.json()["status"]) == (201, "retired")
    assert shop.book.revision == before + 1, "in one change: there was no moment at which it was offered"
    assert "rust" not in offered(admin)
    assert refused(admin.get("/api/fabric/rust"), 410, "fabric_retired")
    back = {"status": "active", "version": made.json()["version"]}
    assert admin.patch("/api/admin/colours/rust", json=back).status_code == 200
    assert "rust" in offered(admin)
    assert admin.post("/api/admin/colours", json=NIGHT | {"status": "retired"}).json()["status"] == "retired"
    for status in ("hidden", None):
        scan = a_scan(shop)
        answer = admin.post(f"/api/admin/scans/{scan}/save", json=about | {"name": "X", "status": status})
        assert refused(answer, 422, "invalid_request")


def test_a_scan_of_unknown_size_asks_for_it(admin: TestClient, shop: Shop) -> None:
    scan = a_scan(shop, size_mm=None)
    about = {"family": "plain", "name": "Rust"}
    assert refused(admin.post(f"/api/admin/scans/{scan}/save", json=about), 422, "scale_unknown")
    for size_mm in ([0, 0], [1e9, 1e9], [-3, 4]):
        answer = admin.post(f"/api/admin/scans/{scan}/save", json=about | {"size_mm": size_mm})
        assert refused(answer, 422, "bad_size")
    assert "rust" not in offered(admin)
    saved_ = admin.post(f"/api/admin/scans/{scan}/save", json=about | {"size_mm": [30, 15]})
    assert saved_.json()["size_mm"] == [30.0, 15.0]


def test_the_figures_of_a_scanned_colour_can_be_put_right(admin: TestClient, shop: Shop, fitting: FakeFitting) -> None:
    rust = admin.post(f"/api/admin/scans/{a_scan(shop)}/save", json={"family": "plain", "name": "Rust"}).json()
    edit = {"size_mm": [40, 20], "roughness": 0.5, "version": rust["version"]}
    edited = admin.patch("/api/admin/colours/rust", json=edit).json()
    assert (edited["size_mm"], edited["roughness"], edited["sheen"]) == ([40.0, 20.0], 0.5, 0.1)
    material = shop.book.get("rust").cloth.material(4.0, id="rust", name="Rust")
    assert material.albedo.shape == (80, 160, 3)
    assert material.roughness.mean() == pytest.approx(0.5, abs=0.01)
    for size_mm in ([0, 20], [1e9, 20]):
        edit = {"size_mm": size_mm, "version": edited["version"]}
        assert refused(admin.patch("/api/admin/colours/rust", json=edit), 422, "bad_size")
    edit = {"draft": {}, "version": edited["version"]}
    assert refused(admin.patch("/api/admin/colours/rust", json=edit), 422, "bad_entry")


# --- What is worn


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_scanned_cloth_is_the_cloth_that_was_scanned(shop: Shop) -> None:
    woven = weave(draft_from_dict({**DRAFT, "yarns": {"a": "#703020"}}), 8.0, span_mm=10.0)
    shop.keepsakes.save_scan(
        shop.keepsakes.keep_scan(
            maps_of(woven),
            size_mm=woven.size_mm,
            height_range_mm=(-0.5, 0.5),
            roughness=0.82,
            sheen=0.05,
            mean_hex="#703020",
        ),
        "plain",
        _about("Rust"),
    )
    shop.book.refresh()
    cloth = shop.book.get("rust").cloth
    same = cloth.material(8.0, id="rust", name="Rust")
    assert (same.albedo == woven.albedo).all()
    assert np.abs(same.height - woven.height).max() < 1e-4
    assert np.abs(same.normal - woven.normal).max() < 0.01
    smaller, larger = (cloth.material(scale, id="rust", name="Rust") for scale in (4.0, 16.0))
    for material, factor in ((smaller, 0.5), (larger, 2.0)):
        assert material.albedo.shape[0] == round(woven.albedo.shape[0] * factor)
        assert material.albedo.mean() == pytest.approx(woven.albedo.mean(), abs=1.5)
        assert np.linalg.norm(material.normal, axis=2) == pytest.approx(1.0, abs=1e-3)
        edge = np.abs(material.height[:, 0] - material.height[:, -1]).mean()
        assert edge < 3 * np.abs(np.diff(material.height, axis=1)).mean()


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_an_edited_cloth_is_made_anew_and_a_retired_one_may_be_kept_on(admin: TestClient, fitting: FakeFitting) -> None:
    wish, wardrobe = Wish(fabric_id="navy", cut="single_breasted"), fitting.wardrobe
    first = wardrobe.garment(wish)
    assert wardrobe.garment(wish) is first
    navy = admin.get("/api/admin/colours/navy").json()
    named = {"name": "Midnight", "version": navy["version"]}
    named = admin.patch("/api/admin/colours/navy", json=named).json()
    assert wardrobe.garment(wish) is first, "another name is no other cloth"
    dyed = {"draft": {"yarns": {"a": "#802020"}}, "version": named["version"]}
    dyed = admin.patch("/api/admin/colours/navy", json=dyed).json()
    assert wardrobe.garment(wish) is not first
    worn = wardrobe.garment(wish)
    admin.patch("/api/admin/colours/navy", json={"status": "retired", "version": dyed["version"]})
    assert wardrobe.garment(wish, is_worn=True) is worn
    with pytest.raises(Exception, match="fabric_retired"):
        wardrobe.garment(wish)


def test_a_running_kiosk_takes_up_what_changes(shop: Shop, fitting: FakeFitting) -> None:
    rust = {"fabric_id": "rust", "cut": "single-breasted"}
    with run_server(fitting, shop=shop, admin_key=KEY) as server, kiosk(server) as client:

        def ask(method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
            headers = {**HEADERS, "Content-Type": "application/json"}
            request = Request(server.url(path), json.dumps(body).encode(), headers, method=method)
            with urlopen(request, timeout=PATIENCE_S) as answer:
                return json.load(answer)

        client.say("wish", **rust)
        assert client.hear()["code"] == "unknown_fabric"
        made = ask("POST", f"/api/admin/scans/{a_scan(shop)}/save", {"family": "plain", "name": "Rust"})
        client.say("wish", **rust)
        assert client.hear()["code"] == "wearing"
        ask("PATCH", "/api/admin/colours/rust", {"status": "retired", "version": made["version"]})
        client.say("wish", **rust)
        assert client.hear()["code"] == "fabric_retired"
        client.say("keyframe", seq=1, frame=jpeg())
        answer = client.hear()
        assert (answer["type"], answer["stage"]) == ("enhanced", "composite"), "what she wears she keeps on"
    assert fitting.requests[-1].wish == Wish(**rust)


def test_another_process_is_heard_of_within_a_second(shop: Shop, fitting: FakeFitting, tmp_path: Path) -> None:
    url = shop.database.engine.url.render_as_string(hide_password=False)
    with run_server(fitting, shop=shop, admin_key=KEY):
        other = assemble(url, tmp_path / "fabric")
        other.ledger.create_colour("plain", ColourEntry("", "Night", "", "#101020", "", draft=NIGHT["draft"]))
        other.close()
        eventually(lambda: shop.book.find("night"))


# --- Books


def test_a_book_goes_out_and_comes_in(admin: TestClient) -> None:
    out = admin.get("/api/admin/export")
    assert "catalog.json" in out.headers["content-disposition"]
    book = out.json()
    assert admin.post("/api/admin/import", json=book).json() == {"dry_run": False, "changes": []}
    book["families"][0]["colours"][0]["name"] = "Midnight"
    dry = admin.post("/api/admin/import", params={"dry_run": True}, json=book).json()
    assert dry["changes"] == [{"kind": "colour", "id": "navy", "what": "changed", "fields": ["name"]}]
    assert admin.get("/api/fabric/navy").json()["name"] == "Navy"
    assert admin.post("/api/admin/import", json=book).json()["changes"] == dry["changes"]
    assert admin.get("/api/fabric/navy").json()["name"] == "Midnight"
    book["families"][0]["colours"][1]["weight_g_m2"] = 10**6
    assert refused(admin.post("/api/admin/import", json=book), 422, "bad_catalog")
    for body in (b"{", b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        assert refused(admin.post("/api/admin/import", content=body, headers=headers), 422, "bad_catalog")
    assert admin.post("/api/admin/import", content=b"{}").status_code == 415


def _about(name: str) -> ColourEntry:
    return ColourEntry(id="", name=name, code="", colour="#703020", mill="")
