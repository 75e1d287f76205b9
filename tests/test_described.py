"""What OpenAPI says of every route is what it does: whatever is sent, and whatever is broken behind it, the answer's
status and its code are among those that are written down."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import server.http.catalog as catalog_routes
from fabric.scanned import maps_missing
from garment.rack import Rack
from garment.wardrobe import Wardrobe
from server.app import create_app
from server.catalog.shop import Shop
from server.storage import storage_full, unknown_object
from tests.databases import empty_database, open_test_shop
from tests.fakes import FakeFitting
from tests.serving import settings_for_tests
from tests.test_guesses import KEY
from tests.test_scan_keeping import FIGURES, PNG
from utils.errors import CapacityError, DeviceError

HEADERS = {"Authorization": f"Bearer {KEY}"}
KEYS: tuple[dict[str, str], ...] = ({}, HEADERS, {"Authorization": "Bearer wrong"}, HEADERS | {"If-Match": '"x"'})
IDS = ("nope", "A" * 65, "%00", "a b", "%ED%A0%80")
JUNK = (None, True, -1, 1e300, "", "\0", "x" * 5000, [], [1, "a"], {}, {"a": 1})
BODIES: tuple[tuple[str | None, bytes], ...] = (
    (None, b""),
    ("text/plain", b"x"),
    ("application/json", b""),
    ("application/json", b"{"),
    ("application/json", b"[]"),
    ("application/json", b"\xff\xfe"),
    ("application/json", b"[" * 100_000),
    ("application/json", b'{"nobody": "knows this"}'),
    ("multipart/form-data", b"x"),
    ("multipart/form-data; boundary=b", b"x"),
    ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n'),
    ("application/json", bytes(200 << 10)),
)
NOT_A_PICTURE = "aGVsbG8gaGVsbG8gaGVsbG8="


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    about: dict[str, Any]
    fields: tuple[str, ...]
    """Of its body."""

    def check(self, answer: Any, sent: object) -> None:
        described = self.about["responses"].get(str(answer.status_code))
        told = f"{self.method} {self.path} with {str(sent)[:200]}: {answer.status_code} {answer.text[:300]}"
        assert described is not None, told
        if answer.status_code >= 400 and self.path != "/ready":
            assert answer.json()["code"] in described["description"].split(", "), told


FINDINGS = {"name": "Pepper", "class": "plain", "given": {}, "size_px": 512, "photo_size": [80, 60]}


def keep(shop: Shop) -> str:
    """A scan."""
    maps = dict.fromkeys(("albedo", "height", "roughness"), PNG)
    photos = {"photo": b"a large photo", "preview": b"a small one"}
    return shop.keepsakes.keep_scan(maps, size_mm=None, photos=photos, findings=FINDINGS, **FIGURES)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with empty_database("sqlite", tmp_path) as url, open_test_shop(url, tmp_path) as shop:
        yield shop


@pytest.fixture(autouse=True)
def no_weaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packages take a second each to be made, and what is in them is tested elsewhere."""

    def lost(*_: Any, **__: Any) -> Any:
        raise maps_missing()

    monkeypatch.setattr(catalog_routes, "of_fabric", lost)


@pytest.fixture
def http(shop: Shop, tmp_path: Path) -> Iterator[TestClient]:
    with serve(tmp_path, shop) as client:
        yield client


class LostScanner:
    """Scans nothing and packs nothing."""

    def scan(self, *_: Any, **__: Any) -> Any:
        raise DeviceError("scanner_lost", "no")

    pack = scan

    def close(self) -> None:
        """Nothing is open."""


@contextmanager
def serve(folder: Path, shop: Shop | None, **changes: Any) -> Iterator[TestClient]:
    fitting = FakeFitting()
    if shop is not None:
        fitting.wardrobe = Wardrobe(catalog=shop.book, rack=Rack(folder / "rack"))
    app = create_app(settings_for_tests(admin_key=KEY, max_upload_bytes=64 << 10, **changes), fitting, shop=shop)
    app.state.services = replace(app.state.services, scanner=LostScanner())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def operations(http: TestClient) -> list[Operation]:
    description = http.get("/openapi.json").json()
    schemas = description["components"]["schemas"]

    def fields(about: dict[str, Any]) -> tuple[str, ...]:
        content = about.get("requestBody", {}).get("content", {})
        named = content.get("application/json", {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
        return tuple(schemas.get(named, {}).get("properties", ()))

    return [
        Operation(method.upper(), path, about, fields(about))
        for path, methods in description["paths"].items()
        for method, about in methods.items()
    ]


def known_address(operation: Operation, shop: Shop | None) -> str:
    """Something that is there, where anything is."""
    scan = shop.keepsakes.scans()[0] if shop is not None and shop.keepsakes.scans() else None
    values = {"family_id": "plain", "colour_id": "navy", "fabric_id": "navy", "cut_id": "single_breasted"}
    values |= {"scan_id": scan.id if scan else "x", "id": scan.id if scan else "x", "garment_id": "x"}
    values |= {"map_name": "albedo", "kind": "maps", "fan": "aa", "name": "x.png"}
    return operation.path.format_map(values)


def params(operation: Operation, kind: str) -> list[str]:
    return [one["name"] for one in operation.about.get("parameters", ()) if one["in"] == kind]


def test_whatever_is_sent(http: TestClient, shop: Shop) -> None:
    keep(shop)
    for operation in operations(http):
        address = known_address(operation, shop)
        for headers in KEYS if "/admin/" in address else ({},):
            operation.check(http.request(operation.method, address, headers=headers), headers)
        for name in params(operation, "path"):
            for id in IDS:
                odd = operation.path.replace(f"{{{name}}}", id)
                odd = known_address(Operation(operation.method, odd, {}, ()), shop)
                answer = http.request(operation.method, odd, headers=HEADERS)
                if answer.status_code != 405 and answer.json().get("code") != "not_found":  # another path's, or none's
                    operation.check(answer, id)
        for name in params(operation, "query"):
            for value in ("", "-1", "x", "\0", "9" * 400):
                answer = http.request(operation.method, address, params={name: value}, headers=HEADERS)
                operation.check(answer, (name, value))


def test_whatever_the_body_is(http: TestClient, shop: Shop) -> None:
    keep(shop)
    for operation in operations(http):
        if "requestBody" not in operation.about:
            continue
        address = known_address(operation, shop)
        for kind, content in BODIES:
            headers = HEADERS | ({"Content-Type": kind} if kind else {})
            operation.check(http.request(operation.method, address, content=content, headers=headers), (kind, content))
        pictures = {name: NOT_A_PICTURE for name in ("photo", "frame") if name in operation.fields}
        for name in operation.fields:
            for value in JUNK:
                body = {"version": 1} | pictures | {name: value}
                body = {name: value for name, value in body.items() if name in operation.fields}
                answer = http.request(operation.method, address, json=body, headers=HEADERS)
                operation.check(answer, body)


def _away() -> Any:
    raise CapacityError("catalog_away", "no")


def _full(*_: Any, **__: Any) -> Any:
    raise storage_full()


def _lost(*_: Any) -> Any:
    raise unknown_object()


BROKEN: dict[str, Callable[[Shop, pytest.MonkeyPatch], None]] = {
    "the database": lambda shop, patch: [patch.setattr(shop.database, name, _away) for name in ("read", "write")],
    "the disk": lambda shop, patch: patch.setattr(shop.storage, "put", _full),
    "files": lambda shop, patch: patch.setattr(shop.storage, "open", _lost),
}
WHOLE = {
    "photo": NOT_A_PICTURE,
    "version": 1,
    "name": "Night",
    "family": "plain",
    "use": "suiting",
    "composition": "wool",
    "weight_g_m2": 300,
    "colour": "#101020",
    "draft": {"yarns": {"a": "#101020"}},
    "frame": NOT_A_PICTURE,
}


@pytest.mark.parametrize("what", BROKEN)
def test_whatever_is_broken(http: TestClient, shop: Shop, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    keep(shop)
    found = [(operation, known_address(operation, shop)) for operation in operations(http)]
    BROKEN[what](shop, monkeypatch)
    for operation, address in found:
        body = {name: value for name, value in WHOLE.items() if name in operation.fields}
        operation.check(http.request(operation.method, address, json=body, headers=HEADERS), what)


def test_whatever_there_is_too_much_of(http: TestClient, shop: Shop) -> None:
    keep(shop)
    found = [(operation, known_address(operation, shop)) for operation in operations(http)]
    services = http.app.state.services
    for pool in vars(services.workers).values():
        pool._max_inside = 0
    services.sessions.draining = True
    for operation, address in found:
        body = {name: value for name, value in WHOLE.items() if name in operation.fields}
        operation.check(http.request(operation.method, address, json=body, headers=HEADERS), "too much")


def test_without_a_catalog(tmp_path: Path) -> None:
    with serve(tmp_path, None) as http:
        for operation in operations(http):
            body = {name: value for name, value in WHOLE.items() if name in operation.fields}
            address = known_address(operation, None)
            operation.check(http.request(operation.method, address, json=body, headers=HEADERS), "no catalog")


def test_who_may_be_told_to_come_later_may_have_to_wait_too_long(http: TestClient) -> None:
    """Whatever waits for a thread."""
    for operation in operations(http):
        answers = operation.about["responses"]
        if "busy" in answers.get("503", {"description": ""})["description"].split(", "):
            assert "timeout" in answers["504"]["description"].split(", "), operation.path
