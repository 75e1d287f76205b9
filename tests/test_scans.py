"""Scanning over HTTP, on a real server with its real scanning process: answers, progress, refusals, and what happens
when something breaks in the middle."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import signal
import sqlite3
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx2
import numpy as np
import pytest

from server.catalog.shop import Shop
from server.scans.answers import ScanAnswer
from server.scans.messages import ALL_STAGES
from server.scans.packages import FILES
from tests.databases import open_test_shop
from tests.fakes import FakeFitting
from tests.serving import PATIENCE_S, Running, eventually, run_server
from tests.swatch_photos import (
    REPEAT_MM,
    as_jpeg,
    bad_photo,
    gingham,
    gingham_jpeg,
    on_its_side,
    said,
    with_a_depth_map,
)
from tests.test_storage import everything_in, files_of_at_most

KEY = "a-key-for-tests-alone"
ADMIN = {"Authorization": f"Bearer {KEY}"}
SCAN = "/api/fabric/scan"
EVENTS = {"Accept": "text/event-stream"}
SLOW_S = 6 * PATIENCE_S
"""For a scan, which gives way to everything else that the machine does."""
MAPS = {"albedo", "normal", "height", "roughness", "ao", "metalness", "opacity", "orm"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    with open_test_shop(f"sqlite:///{folder / 'catalog.db'}", folder) as shop:
        yield shop


@pytest.fixture(scope="module")
def served(shop: Shop) -> Iterator[Running]:
    with run_server(FakeFitting(), shop=shop, admin_key=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def client(served: Running) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url(""), timeout=SLOW_S) as client:
        yield client


@pytest.fixture(scope="module")
def scanned(client: httpx2.Client) -> dict[str, Any]:
    """The gingham with nothing said but the maps' size: a bank card lies beside it."""
    answer = post(client, size="512", name="Gingham")
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/fabric/scans/{answer.json()['id']}"
    return answer.json()


def post(client: httpx2.Client, photo: bytes | None = None, **fields: str) -> httpx2.Response:
    return client.post(SCAN, files={"photo": gingham_jpeg() if photo is None else photo}, data=fields)


def picture(client: httpx2.Client, url: str) -> np.ndarray:
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    return cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)


def events_in(text: str) -> list[tuple[str, Any]]:
    blocks = [block.split("\n", 1) for block in text.split("\n\n") if block.startswith("event: ")]
    return [(name[7:], json.loads(data[6:])) for name, data in blocks]


# --- What comes back ------------------------------------------------------------------------------------------------


def on_table(scan: dict[str, Any], points: Any) -> np.ndarray:
    """Points of the flat picture, (N, 2), in millimetres on the table."""
    in_photo = cv2.perspectiveTransform(np.array([points], np.float64), np.array(scan["flat"]["to_photo"]))
    return cv2.perspectiveTransform(in_photo, gingham().to_mm)[0]


def test_a_photo_with_a_card_in_view_is_scanned_to_scale(scanned: dict[str, Any]) -> None:
    ScanAnswer.model_validate(scanned)
    assert (scanned["name"], scanned["size_px"], scanned["class"]) == ("Gingham", 512, "periodic")
    assert (scanned["scale"]["source"], scanned["outline"]["source"]) == ("card", "found")
    h, w = scanned["photo"]["size"]
    assert (h, w) == gingham().photo.shape[:2]
    assert scanned["outline"]["corners"] == pytest.approx(gingham().corners, abs=0.01 * w)
    across, down = (
        np.hypot(*np.diff(on_table(scanned, line), axis=0)[0]) for line in ([[0, 0], [99, 0]], [[0, 0], [0, 99]])
    )
    assert [across, down] == pytest.approx([99 / scanned["px_per_mm"]] * 2, rel=0.02)
    assert set(scanned["timings_ms"]) == set(ALL_STAGES)
    assert scanned["given"] == {}
    assert 0 < scanned["quality"]["overall"] <= 1


def test_lattice_and_tile_are_told_in_pixels_and_in_millimetres(client: httpx2.Client) -> None:
    scan = post(client, **said()).json()
    lattice, true_mm = scan["lattice"], [REPEAT_MM, REPEAT_MM]
    assert [lattice["a_mm"], lattice["b_mm"]] == pytest.approx(true_mm, rel=0.01)
    assert lattice["a_mm"] == pytest.approx(np.hypot(*lattice["a"]) / scan["px_per_mm"])
    repeats = [side / cells for side, cells in zip(scan["size_mm"], scan["tile"]["cells"], strict=True)]
    assert repeats == pytest.approx(true_mm, rel=0.015)
    origin, *steps = on_table(scan, [[0, 0], lattice["a"], lattice["b"]])
    assert np.hypot(*(np.array(steps) - origin).T) == pytest.approx(true_mm, rel=0.01)
    corners = on_table(scan, scan["tile"]["corners_flat"])
    assert ((corners > -1.0) & (corners < np.array(gingham().size_mm) + 1.0)).all()


def test_every_map_is_there_as_it_is_described(client: httpx2.Client, scanned: dict[str, Any]) -> None:
    assert set(scanned["maps"]) == MAPS
    for name, told in scanned["maps"].items():
        answer = client.get(told["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert hashlib.sha256(answer.content).hexdigest() == told["sha256"], name
        assert "immutable" in answer.headers["cache-control"]
        pixels = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == ((512, 512, 3) if name in ("albedo", "normal", "orm") else (512, 512)), name
        assert pixels.dtype == (np.uint16 if name == "height" else np.uint8)
    orm = picture(client, scanned["maps"]["orm"]["url"])[..., ::-1]
    for channel, name in enumerate(("ao", "roughness", "metalness")):
        apart = picture(client, scanned["maps"][name]["url"])
        assert np.abs(orm[..., channel].astype(int) - apart).max() <= 1, name
    normal = picture(client, scanned["maps"]["normal"]["url"])[..., ::-1] / 127.5 - 1.0
    assert np.linalg.norm(normal, axis=2) == pytest.approx(1.0, abs=0.02)
    assert picture(client, scanned["maps"]["height"]["url"]).max() == 65535


def test_maps_come_along_where_they_are_asked_for(client: httpx2.Client) -> None:
    body = {"photo": base64.b64encode(gingham_jpeg()).decode(), "include": ["maps"], "size": 512}
    answer = client.post(SCAN, json=body)
    assert answer.status_code == 201, answer.text
    told = answer.json()["maps"]["albedo"]
    prefix, _, data = told["data"].partition(",")
    assert prefix == "data:image/png;base64"
    assert hashlib.sha256(base64.b64decode(data)).hexdigest() == told["sha256"]


def test_scanning_gives_way_to_the_rest_of_the_server(served: Running, scanned: dict[str, Any]) -> None:
    pid = served.services.scanner.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
    # Linux may share a core evenly between sessions, however nice a process of one of them is.
    assert os.getsid(pid) == os.getsid(0)


def test_the_scan_can_be_asked_for_again(client: httpx2.Client, scanned: dict[str, Any]) -> None:
    assert client.get(f"/api/fabric/scans/{scanned['id']}").json() == scanned
    for path in ("", "/photo.jpg", "/maps/albedo.png"):
        assert client.get(f"/api/fabric/scans/none{path}").json()["code"] == "unknown_scan"
    assert client.get(f"/api/fabric/scans/{scanned['id']}/maps/gloss.png").json()["code"] == "unknown_map"


def test_a_photo_that_lies_on_its_side_is_turned_upright_and_loses_its_metadata(client: httpx2.Client) -> None:
    scan = post(client, on_its_side(gingham().photo), **said()).json()
    assert scan["photo"]["size"] == list(gingham().photo.shape[:2])
    assert scan["lattice"]["a_mm"] == pytest.approx(REPEAT_MM, rel=0.01)
    data = client.get(scan["photo"]["url"]).content
    assert b"Exif" not in data
    assert b"maker of phones" not in data
    kept = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert np.abs(kept.astype(int) - gingham().photo).mean() < 4


def test_a_phones_photo_with_a_depth_map_is_taken_for_its_first_picture(client: httpx2.Client) -> None:
    scan = post(client, with_a_depth_map(gingham().photo), **said()).json()
    assert scan["photo"]["size"] == list(gingham().photo.shape[:2])
    assert scan["class"] == "periodic"


def test_the_stages_are_told_as_they_begin(client: httpx2.Client) -> None:
    answer = client.post(SCAN, files={"photo": gingham_jpeg()}, data=said(), headers=EVENTS)
    assert answer.headers["content-type"].startswith("text/event-stream")
    (queued, _), *stages, (name, scan) = events_in(answer.text)
    assert (queued, name) == ("queued", "done")
    assert stages == [
        ("stage", {"stage": stage, "index": index, "of": len(ALL_STAGES)}) for index, stage in enumerate(ALL_STAGES)
    ]
    assert client.get(f"/api/fabric/scans/{scan['id']}").json() == scan


def test_a_refusal_ends_the_events_in_its_problem(client: httpx2.Client) -> None:
    answer = client.post(SCAN, files={"photo": bad_photo("overexposed")}, data={"size": "512"}, headers=EVENTS)
    name, told = events_in(answer.text)[-1]
    assert (name, told["code"], told["retryable"]) == ("error", "overexposed", False)
    assert told["hint"]


@pytest.mark.parametrize("package", FILES)
def test_a_scan_can_be_downloaded_for_other_programs(
    client: httpx2.Client, scanned: dict[str, Any], package: str
) -> None:
    answer = client.get(scanned["downloads"][package])
    assert answer.status_code == 200, answer.text
    assert FILES[package] in answer.headers["content-disposition"]
    beginnings = {"glb": b"glTF", "sheet": b"\x89PNG"}
    assert answer.content.startswith(beginnings.get(package, b"PK\x03\x04"))


def test_a_format_that_needs_the_size_is_not_offered_without_it(client: httpx2.Client) -> None:
    photo, corners = cropped()
    scan = post(client, photo, **said(corners=corners, swatch_mm=None)).json()
    assert (scan["size_mm"], scan["px_per_mm"], scan["lattice"]["a_mm"]) == (None, None, None)
    assert scan["scale"] == {"source": None, "confidence": 0.0}
    assert set(scan["downloads"]) == {"png_zip", "glb", "sheet"}
    refused = client.get(f"/api/fabric/scans/{scan['id']}/material.u3ma")
    assert (refused.status_code, refused.json()["code"]) == (422, "scale_unknown")
    assert client.get(scan["downloads"]["glb"]).status_code == 200
    save = {"family": "plain", "name": "Of unknown size"}
    assert (
        client.post(f"/api/admin/scans/{scan['id']}/save", json=save, headers=ADMIN).json()["code"] == "scale_unknown"
    )


# --- Once more ------------------------------------------------------------------------------------------------------


def test_a_scan_is_put_right_by_what_a_person_says(client: httpx2.Client, scanned: dict[str, Any]) -> None:
    corners = gingham().corners.tolist()
    at = f"/api/fabric/{scanned['id']}/rescan"
    first = client.post(at, json={"corners": corners, "repeat_mm": [24.0, 12.0], "name": "Put right"}).json()
    assert first["id"] != scanned["id"]
    assert (first["name"], first["size_px"]) == ("Put right", 512)
    assert first["outline"]["source"] == "given"
    assert first["lattice"]["source"] == "given"
    assert first["lattice"]["a_mm"] == pytest.approx(24.0, rel=0.02)
    assert set(first["given"]) == {"corners", "repeat_mm"}
    second = client.post(f"/api/fabric/{first['id']}/rescan", json={"repeat_mm": None, "swatch_mm": [200, 200]}).json()
    assert set(second["given"]) == {"corners", "swatch_mm"}
    assert second["given"]["corners"] == pytest.approx(np.array(corners), abs=1e-3)
    assert second["name"] == "Put right"
    assert second["scale"]["source"] == "given"
    assert client.post("/api/fabric/none/rescan", json={}).json()["code"] == "unknown_scan"
    assert client.get(f"/api/fabric/scans/{scanned['id']}").json() == scanned


def test_a_saved_scan_is_a_colour_that_can_be_scanned_again(client: httpx2.Client, shop: Shop) -> None:
    scan = post(client, **said(name="Blue gingham")).json()
    save = f"/api/admin/scans/{scan['id']}/save"
    saved = client.post(save, json={"family": "plain", "name": "Blue gingham"}, headers=ADMIN)
    assert saved.status_code == 201, saved.text
    colour = saved.json()
    assert client.get(f"/api/fabric/scans/{scan['id']}").json()["code"] == "unknown_scan"
    behind = client.get(f"/api/fabric/scans/{colour['id']}").json()
    same = ("lattice", "given", "maps", "name", "size_mm", "quality")
    assert {name: behind[name] for name in same if name != "maps"} == {n: scan[n] for n in same if n != "maps"}
    assert [told["sha256"] for told in behind["maps"].values()] == [told["sha256"] for told in scan["maps"].values()]
    assert behind["expires_at"] is None
    shop.sweep()
    assert client.get(behind["photo"]["url"]).status_code == 200
    again = client.post(f"/api/fabric/{colour['id']}/rescan", json={"size": 600})
    assert again.status_code == 201, again.text
    assert (again.json()["size_px"], again.json()["given"]) == (600, scan["given"])
    woven = client.post("/api/fabric/navy/rescan", json={})
    assert woven.json()["code"] == "unknown_scan"


# --- What is refused ------------------------------------------------------------------------------------------------


def fat_bomb() -> bytes:
    """25 MB of PNG that claim 400 megapixels, with all the rows that fit."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    rows = os.urandom((25 << 20) - 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def cropped() -> tuple[bytes, list[list[float]]]:
    """The gingham's photo without anything of known size in view, and the corners in it."""
    corners = gingham().corners
    (left, top), (right, bottom) = (edge.astype(int) for edge in (corners.min(axis=0) - 4, corners.max(axis=0) + 5))
    return as_jpeg(gingham().photo[top:bottom, left:right]), (corners - (left, top)).tolist()


def square(x: float, y: float, side: float) -> list[list[float]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def spoilt(change: str) -> dict[str, str]:
    """What a person says of the gingham, with one thing wrong."""
    corners = gingham().corners.tolist()
    return said(
        **{
            "a corner outside": {"corners": [*corners[:3], [-40.0, 300.0]]},
            "three corners": {"corners": corners[:3]},
            "crossed corners": {"corners": [corners[i] for i in (0, 2, 1, 3)]},
            "a swatch of 38 pixels": {"corners": square(500.0, 400.0, 38.0)},
            "a repeat beyond the swatch": {"repeat_mm": [500.0, 12.0]},
            "no repeat": {"repeat_mm": [0.0, 12.0]},
            "a repeat of a million metres": {"repeat_mm": [12.0, 1e9]},
            "no width": {"swatch_mm": [0.0, 100.0]},
            "less than nothing": {"swatch_mm": [-100.0, 100.0]},
            "a million metres": {"swatch_mm": [1e9, 1e9]},
            "white outside": {"white": [5000, 5000, 5010, 5010]},
        }[change]
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("a corner outside", "bad_corners"),
        ("three corners", "bad_corners"),
        ("crossed corners", "bad_corners"),
        ("a swatch of 38 pixels", "swatch_too_small"),
        ("a repeat beyond the swatch", "bad_repeat"),
        ("no repeat", "bad_repeat"),
        ("a repeat of a million metres", "bad_repeat"),
        ("no width", "bad_size"),
        ("less than nothing", "bad_size"),
        ("a million metres", "bad_size"),
        ("white outside", "bad_white"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(client: httpx2.Client, change: str, code: str) -> None:
    answer = post(client, **spoilt(change))
    told = answer.json()
    assert (answer.status_code, told["code"]) == (422, code)
    assert told["hint"], "a merchandiser wants to know what to do"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("reason", "code"), [("folded", "not_flat"), ("blurred", "blurred"), ("overexposed", "overexposed")]
)
def test_a_photo_of_no_use_is_refused_with_what_to_do(client: httpx2.Client, reason: str, code: str) -> None:
    answer = post(client, bad_photo(reason), size="512")
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["hint"]


def test_a_person_is_no_cloth(client: httpx2.Client, astronaut: np.ndarray) -> None:
    answer = post(client, as_jpeg(astronaut), size="512")
    assert (answer.status_code, answer.json()["code"]) == (422, "not_cloth")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"size": "511"}, "size"),
        ({"size": "4097"}, "size"),
        ({"corners": "[[1, 2"}, "corners"),
        ({"corners": "[[1, NaN], [2, 3], [3, 4], [5, 6]]"}, "corners"),
        ({"swatch_mm": "[1e400, 10]"}, "swatch_mm"),
        ({"swatch_mm": "[10, 10, 10]"}, "swatch_mm"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"include": "everything"}, "include"),
        ({"colour": "blue"}, "body"),
    ],
)
def test_fields_that_are_none_are_pointed_at(client: httpx2.Client, fields: dict[str, str], where: str) -> None:
    answer = post(client, **fields)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["where"].startswith(where)


@pytest.mark.parametrize(
    ("photo", "status", "code"),
    [
        (b"", 422, "bad_image"),
        (b"%PDF-1.7\n1 0 obj << >> endobj\n%%EOF\n" * 40, 415, "unsupported_format"),
        (gingham_jpeg, 422, "image_truncated"),
        (fat_bomb, 413, "image_too_large"),
    ],
    ids=["nothing", "a PDF named .jpg", "cut off", "a bomb of 25 MB"],
)
def test_a_file_that_is_no_photo_is_refused(client: httpx2.Client, photo: Any, status: int, code: str) -> None:
    data = photo() if callable(photo) else photo
    data = data[: len(data) // 2] if code == "image_truncated" else data
    answer = client.post(SCAN, files={"photo": ("swatch.jpg", data, "image/jpeg")})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["hint"]


def test_more_than_may_be_sent_is_refused_while_it_comes(client: httpx2.Client) -> None:
    answer = client.post(SCAN, files={"photo": bytes(51 << 20)})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


# --- What breaks in the middle --------------------------------------------------------------------------------------


@contextmanager
def under_way(served: Running, accept: str = "text/event-stream") -> Iterator[http.client.HTTPConnection]:
    """A scan that has begun; its process stands still until it is told to go on."""
    boundary = "frontier"
    fields = [(f'"{name}"', value.encode()) for name, value in said().items()]
    parts = [('"photo"; filename="a.jpg"', gingham_jpeg()), *fields]
    rows = [f"--{boundary}\r\nContent-Disposition: form-data; name={n}\r\n\r\n".encode() + v for n, v in parts]
    body = b"\r\n".join([*rows, f"--{boundary}--\r\n".encode()])
    headers = {"Accept": accept, "Content-Type": f"multipart/form-data; boundary={boundary}"}
    with closing(http.client.HTTPConnection(served.host, timeout=SLOW_S)) as connection:
        connection.request("POST", SCAN, body, headers)
        scanner = served.services.scanner
        eventually(lambda: scanner.is_busy and scanner.pid)
        os.kill(scanner.pid, signal.SIGSTOP)
        yield connection


def kept(shop: Shop) -> tuple[int, int]:
    """Scans and files."""
    return len(shop.keepsakes.scans()), len(list(shop.storage.list()))


def test_a_process_that_is_killed_costs_one_scan_and_nothing_else(
    served: Running, client: httpx2.Client, shop: Shop
) -> None:
    before, lost = kept(shop), served.services.scanner.pid
    with under_way(served) as connection:
        pid = served.services.scanner.pid
        os.kill(pid, signal.SIGKILL)
        with connection.getresponse() as response:
            name, told = events_in(response.read().decode())[-1]
    assert (name, told["code"], told["retryable"]) == ("error", "scanner_lost", True)
    assert kept(shop) == before
    assert post(client, **said()).status_code == 201
    assert served.services.scanner.pid not in (None, pid, lost)


@pytest.mark.parametrize("accept", ["text/event-stream", "application/json"])
def test_who_goes_away_has_the_scan_called_off(served: Running, client: httpx2.Client, shop: Shop, accept: str) -> None:
    before = kept(shop)
    with under_way(served, accept):
        pid = served.services.scanner.pid
    eventually(lambda: served.services.scanner.pid != pid)
    eventually(lambda: not exists(pid))
    assert kept(shop) == before
    assert post(client, **said()).status_code == 201


def test_the_disk_full_in_the_middle_of_a_save_keeps_nothing(client: httpx2.Client, shop: Shop) -> None:
    shop.sweep()
    before = kept(shop)
    with closing(sqlite3.connect(shop.database.engine.url.database)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the database's own writes fit
    with files_of_at_most(150_000):  # small maps fit, large ones do not
        answer = post(client, **said(size=700))
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    assert len(shop.keepsakes.scans()) == before[0]
    shop.sweep()
    assert kept(shop) == before
    assert not [name for name in everything_in(Path(shop.storage._folder)) if name.endswith(".part")]
    assert post(client, **said()).status_code == 201


def test_one_too_many_is_told_when_to_come_again(shop: Shop) -> None:
    with run_server(FakeFitting(), shop=shop, max_scans=1) as served, under_way(served, "application/json") as first:
        with httpx2.Client(base_url=served.url(""), timeout=SLOW_S) as client:
            answer = post(client, **said())
            assert (answer.status_code, answer.json()["code"]) == (503, "busy")
            assert int(answer.headers["retry-after"]) > 0
            assert client.get("/health").status_code == 200
        os.kill(served.services.scanner.pid, signal.SIGCONT)
        with first.getresponse() as response:
            assert response.status == 201


def test_a_scan_that_takes_too_long_is_ended(shop: Shop) -> None:
    with run_server(FakeFitting(), shop=shop, scan_timeout_s=1.0) as served:
        with under_way(served, "application/json") as connection, connection.getresponse() as response:
            assert (response.status, json.loads(response.read())["code"]) == (504, "timeout")
        eventually(lambda: served.services.scanner.pid is None)


def test_a_server_that_is_stopped_takes_no_scan_and_leaves_no_process(shop: Shop) -> None:
    with run_server(FakeFitting(), shop=shop, drain_s=1.0) as served:
        with under_way(served, "application/json"):
            pid = served.services.scanner.pid
            served.services.sessions.draining = True
            with httpx2.Client(base_url=served.url(""), timeout=SLOW_S) as client:
                answer = post(client, **said())
            assert (answer.status_code, answer.json()["code"]) == (503, "draining")
            served.server.should_exit = True
            served.thread.join(PATIENCE_S)
        assert not served.thread.is_alive()
    assert not exists(pid)


def test_a_server_that_is_killed_takes_its_scanning_process_along(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(gingham_jpeg())
    program = f"""
import threading
from pathlib import Path
from server.scans.desk import Desk
from server.scans.findings import given_in
from server.scans.messages import Order
desk = Desk(memory_mb=4096)
told = lambda stage: print(stage, desk.pid, flush=True)
desk.scan(Order(Path({str(photo)!r}).read_bytes(), given_in({{}}), 4096), on_stage=told, cancel=threading.Event())
"""
    root = Path(__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, text=True) as server:
        pid = int(server.stdout.readline().split()[1])
        server.kill()
    eventually(lambda: not exists(pid), within_s=SLOW_S)


def test_a_scan_that_would_take_all_memory_is_refused(shop: Shop) -> None:
    served = run_server(FakeFitting(), shop=shop, scan_memory_mb=512)
    with served as running, httpx2.Client(base_url=running.url(""), timeout=SLOW_S) as client:
        answer = post(client, **said(size=4096))
        assert (answer.status_code, answer.json()["code"]) == (503, "scan_memory")
        assert not answer.json()["retryable"]
        assert post(client, **said()).status_code == 201


def exists(pid: int) -> bool:
    """Whether the process lives; one that is dead but not yet buried by a parent that is gone does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")
