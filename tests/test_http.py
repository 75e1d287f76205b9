"""The HTTP API, in process, with a fake fitting."""

from __future__ import annotations

import base64
import http.client as http_client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.fitting import Wish
from server.app import create_app
from server.failures import TABLE
from server.http import documentation
from server.http.tryon import image_format
from tests.fakes import FakeFitting, jpeg, layer_png
from tests.serving import PATIENCE_S, eventually, run_server, settings_for_tests
from utils.errors import CapacityError, DeviceError

NAVY = {"fabric_id": "navy-twill", "cut": "single-breasted"}
FRAME = {"frame": ("frame.jpg", jpeg())}
PNG, WEBP, JPEG = b"\x89PNG", b"RIFF", b"\xff\xd8"


@pytest.fixture
def fitting() -> FakeFitting:
    return FakeFitting()


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Built pages: an index and one asset."""
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>kiosk</title>")
    (dist / "assets" / "index-abc123.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    return dist


@pytest.fixture
def app(fitting: FakeFitting, pages: Path) -> FastAPI:
    return create_app(settings_for_tests(cors_origins=["https://shop.example"]), fitting, pages=pages)


@pytest.fixture
def http(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


def picture(url: str) -> bytes:
    """The bytes of a `data:` URL."""
    return base64.b64decode(url.partition(",")[2])


def is_problem(answer, status: int, code: str) -> bool:
    body = answer.json()
    return (answer.status_code, body["status"], body["code"]) == (status, status, code) and (
        answer.headers["content-type"] == "application/problem+json"
        and body["request_id"] == answer.headers["x-request-id"]
    )


# --- Operation


def test_health_is_alive_and_ready_says_what_works(http):
    assert http.get("/health").json() == {"status": "alive"}
    ready = http.get("/ready")
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "limited",
        "pose": True,
        "parsing": False,
        "engine": {"name": "fake", "stage": "composite"},
        "missing": ["parsing"],
        "hint": "it is a fake",
        "sessions": 0,
    }


def test_a_draining_server_is_alive_but_not_ready(http, app):
    app.state.services.sessions.draining = True
    assert http.get("/health").status_code == 200
    answer = http.get("/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "draining")


def test_metrics_count_what_happens(http):
    http.post("/virtual-tryon", files=FRAME)
    http.post("/virtual-tryon", files={"frame": b"junk"})
    text = http.get("/metrics").text
    for line in (
        'lucy_captures_total{stage="mirror"} 1.0',
        'lucy_errors_total{channel="http",code="unsupported_format"} 1.0',
        'lucy_http_requests_total{method="POST",route="/virtual-tryon",status="200"} 1.0',
        'lucy_step_seconds_count{kind="capture",step="total"} 1.0',
        'lucy_quality_sum{check="uncovered",kind="capture"} 0.1',
        "lucy_sessions 0.0",
    ):
        assert line in text.splitlines()
    assert "process_resident_memory_bytes" in text


def test_what_a_client_makes_up_never_becomes_a_label(http):
    http.get("/no/such/path-xyzzy")
    http.request("XYZZY", "/health")
    assert "xyzzy" not in http.get("/metrics").text.lower()


def test_two_apps_count_separately(http, fitting):
    http.get("/health")
    with TestClient(create_app(settings_for_tests(), FakeFitting())) as other:
        assert 'route="/health"' not in other.get("/metrics").text


def test_a_request_has_a_number_which_the_client_may_choose(http):
    assert re.fullmatch(r"[0-9a-f]{32}", http.get("/health").headers["x-request-id"])
    assert http.get("/health", headers={"X-Request-ID": "till-7.42"}).headers["x-request-id"] == "till-7.42"
    assert (
        http.get("/health", headers={"X-Request-ID": "no spaces, please"}).headers["x-request-id"]
        != "no spaces, please"
    )


def test_only_listed_origins_may_call_from_their_pages(http):
    for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
        assert http.get("/health", headers={"Origin": origin}).headers.get("access-control-allow-origin") == allowed
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        assert http.options("/virtual-tryon", headers=asked).headers.get("access-control-allow-origin") == allowed


def test_the_fitting_is_closed_with_the_app(fitting):
    with TestClient(create_app(settings_for_tests(), fitting)):
        assert not fitting.shut
    assert fitting.shut


# --- Captures


def test_a_capture_answers_json_with_what_was_asked_for(http, fitting):
    fields = {**NAVY, "seed": "7", "include": "mask, landmarks", "output": '{"format": "png", "long_side": 640}'}
    answer = http.post("/virtual-tryon", files={**FRAME, "layer": layer_png()}, data=fields)
    assert answer.status_code == 200
    body = answer.json()
    assert picture(body["image"])[:4] == PNG
    assert picture(body["mask"])[:4] == PNG
    assert len(body["landmarks"]) == 33
    assert (body["stage"], body["seed"], body["size"], body["reason"]) == ("composite", 7, [48, 64], "fake")
    assert body["quality"] == {"uncovered": 0.1, "cloth_delta_e": None}
    assert "layer" not in body
    request = fitting.requests[0]
    assert (request.wish, request.layer, request.output.long_side) == (Wish(**NAVY), layer_png(), 640)


def test_a_form_and_json_mean_the_same(http, fitting):
    rows = [[0.5, 0.5, 0.0, 1.0]] * 33
    form = {**NAVY, "seed": "3", "landmarks": json.dumps(rows), "include": "mask"}
    http.post("/virtual-tryon", files=FRAME, data=form)
    encoded = base64.b64encode(jpeg()).decode()
    for frame in (encoded, f"data:image/jpeg;base64,{encoded}"):
        body = {**NAVY, "frame": frame, "seed": 3, "landmarks": rows, "include": ["mask"]}
        assert http.post("/virtual-tryon", json=body).status_code == 200
    assert fitting.requests[0] == fitting.requests[1] == fitting.requests[2]


@pytest.mark.parametrize(
    ("accept", "magic"), [("image/webp", WEBP), ("image/png", PNG), ("image/jpeg", JPEG), ("image/*", JPEG)]
)
def test_a_client_that_accepts_pictures_gets_one(http, accept, magic):
    answer = http.post("/virtual-tryon", files=FRAME, data={**NAVY, "seed": "4"}, headers={"Accept": accept})
    assert answer.content.startswith(magic)
    assert answer.headers["content-type"].startswith("image/")
    assert (answer.headers["x-lucy-stage"], answer.headers["x-lucy-degraded"]) == ("composite", "false")
    assert answer.headers["x-lucy-seed"] == "4"
    assert "total;dur=" in answer.headers["server-timing"]


def test_the_output_that_is_asked_for_by_name_wins_over_accept(http):
    fields = {"output": '{"format": "png"}'}
    answer = http.post("/virtual-tryon", files=FRAME, data=fields, headers={"Accept": "image/webp"})
    assert answer.content.startswith(PNG)


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/html", None),
        ("image/webp", "webp"),
        ("image/*", "*"),
        ("image/avif, image/webp;q=0.8", "webp"),
        ("application/json, image/png;q=0.5", None),
        ("application/json;q=0.2, image/png;q=0.5", "png"),
        ("image/png;q=0", None),
        ("image/png;q=x", None),
        ("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "webp"),
    ],
)
def test_accept_is_read_with_its_weights(accept, format):
    assert image_format(accept) == format


def test_a_garment_can_be_sent_along(http, fitting):
    answer = http.post("/virtual-tryon", files={**FRAME, "garment": ("g.jpg", jpeg((20, 30)))})
    assert answer.json()["stage"] == "composite"
    assert fitting.requests[0].wish.garment_id in fitting.wardrobe.rack.records


def test_a_form_may_hold_json_as_files_and_lists_as_repeated_fields(http):
    """As Swagger UI sends them."""
    files = [("frame", jpeg()), ("output", ("blob", b'{"format": "png"}', "application/json"))]
    fields = {"include": ["mask", "landmarks"], "none": "false"}
    body = http.post("/virtual-tryon", files=files, data=fields).json()
    assert picture(body["image"])[:4] == PNG
    assert {"mask", "landmarks"} <= set(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"garment_id": "a", **NAVY},
        {"fabric_id": "navy-twill"},
        {"cut": "single-breasted"},
        {"none": "true", "garment_id": "a"},
    ],
)
def test_a_wish_is_one_form(http, fields):
    assert is_problem(http.post("/virtual-tryon", files=FRAME, data=fields), 422, "bad_wish")


def test_wearing_nothing_is_a_wish(http):
    assert http.post("/virtual-tryon", files=FRAME, data={"none": "true"}).json()["stage"] == "mirror"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"seed": "x"}, "seed"),
        ({"steps": "0"}, "steps"),
        ({"steps": "101"}, "steps"),
        ({"output": "{"}, "output"),
        ({"output": '{"quality": 200}'}, "output.quality"),
        ({"output": '{"zoom": 2}'}, "output"),
        ({"include": "everything"}, "include"),
        ({"landmarks": '["x"]'}, "landmarks.0"),
        ({"colour": "red"}, "body"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_repeated(http, fields, where):
    answer = http.post("/virtual-tryon", files=FRAME, data=fields)
    assert is_problem(answer, 422, "invalid_request")
    assert answer.json()["errors"][0]["where"].startswith(where)


def test_nothing_of_the_input_comes_back_in_an_error(http):
    secret = "xyzzy"
    for send in (
        {"json": {"frame": secret + "!", secret: secret, "output": {secret: secret}, "seed": secret}},
        {"data": {"seed": secret, secret: secret, "landmarks": secret}, "files": FRAME},
        {"data": {"fabric_id": secret, "cut": secret}, "files": FRAME},
        {"content": f'{{"{secret}', "headers": {"Content-Type": "application/json"}},
        {"content": secret, "headers": {"Content-Type": f"text/{secret}"}},
        {"content": secret, "headers": {"Content-Type": f"multipart/form-data; boundary={secret}"}},
    ):
        answer = http.post("/virtual-tryon", **send)
        assert 400 <= answer.status_code < 500
        assert secret not in answer.text
    for path in (f"/{secret}", f"/api/fabric/{secret}", f"/api/garments/{secret}?{secret}={secret}"):
        assert secret not in http.get(path).text


@pytest.mark.parametrize(
    "send",
    [
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"[1]", "headers": {"Content-Type": "application/json"}},
        {"content": b"[" * 100_000, "headers": {"Content-Type": "application/json"}},
        {"content": b"\xff\xfe", "headers": {"Content-Type": "application/json"}},
        {"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"content": b"junk", "headers": {"Content-Type": "multipart/form-data"}},
        {"files": [("frame", jpeg()), ("frame", jpeg())]},
        {"files": [(f"f{i}", b"x") for i in range(10)]},
        {"data": {"landmarks": "1" * 300_000}, "files": FRAME},
        {"json": {}},
    ],
)
def test_a_broken_body_does_not_follow_the_api(http, send):
    assert is_problem(http.post("/virtual-tryon", **send), 422, "invalid_request")


def test_a_body_of_another_kind_is_not_read(http):
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = http.post("/virtual-tryon", content=b"x", headers={"Content-Type": kind})
        assert is_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_over_the_limit_is_refused(fitting, declared):
    with TestClient(create_app(settings_for_tests(max_upload_bytes=1024), fitting)) as http:
        content = bytes(5000) if declared else iter([bytes(1000)] * 5)
        answer = http.post("/virtual-tryon", content=content, headers={"Content-Type": "application/json"})
        assert is_problem(answer, 413, "body_too_large")


def test_errors_of_the_heart_are_told_and_bugs_are_not(http, fitting, caplog):
    fitting.broken = DeviceError("pose_failed", "the network failed")
    answer = http.post("/virtual-tryon", files=FRAME)
    assert is_problem(answer, 503, "pose_failed")
    assert answer.json()["retryable"]
    fitting.broken = CapacityError("too_many_people", "full")
    assert http.post("/virtual-tryon", files=FRAME).headers["retry-after"] == "2"
    fitting.broken = RuntimeError("a secret")
    answer = http.post("/virtual-tryon", files=FRAME, headers={"X-Request-ID": "find-me"})
    assert is_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert "find-me" in caplog.text


def test_captures_over_the_limit_are_told_to_come_back(fitting):
    settings = settings_for_tests(max_captures=1, capture_threads=1, capture_timeout_s=PATIENCE_S)
    app = create_app(settings, fitting)
    with TestClient(app) as http:
        fitting.gate.clear()
        first = app.state.services.workers.captures
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(http.post("/virtual-tryon", files=FRAME)))
        waiting.start()
        eventually(lambda: first._inside == 1)
        answer = http.post("/virtual-tryon", files=FRAME)
        assert is_problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "2"
        fitting.gate.set()
        waiting.join(PATIENCE_S)
        assert answers[0].status_code == 200


def test_a_capture_that_takes_too_long_is_given_up(fitting):
    with TestClient(create_app(settings_for_tests(capture_timeout_s=0.05), fitting)) as http:
        fitting.gate.clear()
        assert is_problem(http.post("/virtual-tryon", files=FRAME), 504, "timeout")
        fitting.gate.set()


# --- The wardrobe


def test_the_catalog_is_sent_once_and_then_only_when_it_changes(http):
    first = http.get("/api/fabric/catalog")
    assert [fabric["id"] for fabric in first.json()["families"][0]["fabrics"]] == ["navy-twill", "grey-flannel"]
    etag = first.headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        again = http.get("/api/fabric/catalog", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert http.get("/api/fabric/catalog", headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_fabric_and_its_swatch(http):
    assert http.get("/api/fabric/navy-twill").json()["name"] == "navy twill"
    swatch = http.get("/api/fabric/navy-twill/swatch.png")
    assert swatch.content.startswith(PNG)
    assert "max-age" in swatch.headers["cache-control"]
    for path in ("/api/fabric/nope", "/api/fabric/nope/swatch.png"):
        assert is_problem(http.get(path), 404, "unknown_fabric")


def test_cuts_have_a_thumbnail_in_any_fabric(http):
    cuts = http.get("/api/cuts").json()["cuts"]
    assert [cut["id"] for cut in cuts] == ["single-breasted", "double-breasted"]
    assert http.get(cuts[0]["thumbnail"]).content.startswith(PNG)
    assert http.get(cuts[0]["thumbnail"], params={"fabric_id": "grey-flannel"}).status_code == 200
    assert is_problem(http.get(cuts[0]["thumbnail"], params={"fabric_id": "nope"}), 404, "unknown_fabric")
    assert is_problem(http.get("/api/cuts/nope/thumbnail.png"), 404, "unknown_cut")


def test_cuts_come_as_scenes_for_3d_viewers(http):
    scene = http.get("/api/cuts/single-breasted/jacket.glb", params={"fabric_id": "grey-flannel"})
    assert (scene.content[:4], scene.headers["content-type"]) == (b"glTF", "model/gltf-binary")
    etag = {"If-None-Match": scene.headers["etag"]}
    assert http.get("/api/cuts/single-breasted/jacket.glb", headers=etag).status_code == 304
    asked = {"fabric_id": "nope"}
    assert is_problem(http.get("/api/cuts/single-breasted/jacket.glb", params=asked), 404, "unknown_fabric")
    assert is_problem(http.get("/api/cuts/nope/jacket.glb"), 404, "unknown_cut")


def test_a_garment_is_hung_up_looked_at_and_corrected(http):
    made = http.post("/api/garments", files={"photo": ("p.jpg", jpeg())}, data={"name": "linen"})
    assert made.status_code == 201
    garment = made.json()
    assert made.headers["location"] == f"/api/garments/{garment['id']}"
    assert http.get("/api/garments").json()["garments"] == [garment]
    assert http.get(made.headers["location"]).json() == garment
    assert http.get(garment["thumbnail"]).content.startswith(WEBP)
    moved = http.patch(made.headers["location"], json={"anchors": {"torso.neck": [5, 6]}})
    assert moved.json()["points"] == {"torso.neck": [5.0, 6.0]}
    assert is_problem(
        http.patch(made.headers["location"], json={"anchors": {"torso.nose": [5, 6]}}), 422, "bad_anchors"
    )


def test_garments_that_are_not_there_and_uploads_that_are_none(http):
    for path in ("/api/garments/nope", "/api/garments/nope/thumbnail.webp"):
        assert is_problem(http.get(path), 404, "unknown_garment")
    assert is_problem(http.patch("/api/garments/nope", json={"anchors": {"a": [1, 2]}}), 404, "unknown_garment")
    assert is_problem(http.post("/api/garments", files={"photo": b"junk"}), 415, "unsupported_format")
    assert is_problem(http.post("/api/garments", data={"name": "x"}, files={"no": b""}), 422, "invalid_request")
    assert is_problem(http.patch("/api/garments/a", json={"anchors": {"a": [1]}}), 422, "invalid_request")
    assert is_problem(http.patch("/api/garments/a", json={"anchors": {}}), 422, "invalid_request")
    assert is_problem(http.get("/api/garments/" + "x" * 65), 422, "invalid_request")


# --- Pages and description


def test_the_front_door_leads_to_the_kiosk(http):
    answer = http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/kiosk/")
    assert http.get("/kiosk").headers["location"].endswith("/kiosk/")


def test_pages_are_fresh_assets_are_kept_and_the_camera_is_allowed(http):
    page = http.get("/kiosk/")
    assert "<title>kiosk</title>" in page.text
    assert page.headers["cache-control"] == "no-cache"
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert http.get("/kiosk/some/view").text == page.text
    asset = http.get("/kiosk/assets/index-abc123.js")
    assert asset.headers["cache-control"].endswith("immutable")
    assert asset.headers["content-type"].startswith("text/javascript")
    assert http.get("/kiosk/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304


@pytest.mark.parametrize("path", ["/kiosk/assets/gone.js", "/kiosk/../secret.txt", "/kiosk/%2e%2e/secret.txt", "/nope"])
def test_what_is_not_there_is_a_problem(http, path):
    answer = http.get(path)
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_pages_that_are_not_built_say_how_to_build_them(fitting, tmp_path):
    with TestClient(create_app(settings_for_tests(), fitting, pages=tmp_path / "dist")) as http:
        answer = http.get("/kiosk/")
        assert is_problem(answer, 503, "pages_missing")
        assert "make web" in answer.json()["hint"]


def test_other_methods_are_not_offered(http):
    answer = http.put("/virtual-tryon")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"
    assert http.put("/api/garments").headers["allow"] == "GET, HEAD, POST"
    assert http.put("/api/garments/linen").headers["allow"] == "GET, HEAD, PATCH"
    assert http.put("/kiosk/").headers["allow"] == "GET, HEAD"


def test_whatever_can_be_got_can_be_asked_about(fitting):
    with run_server(fitting) as served:
        for path in ("/health", "/api/fabric/catalog", "/api/fabric/nobody", "/docs"):
            with closing(http_client.HTTPConnection(served.host, timeout=10)) as connection:
                told = []
                for method in ("GET", "HEAD"):
                    connection.request(method, path)
                    with connection.getresponse() as answer:
                        told.append((answer.status, answer.headers["content-type"], answer.headers["content-length"]))
                        assert bool(answer.read()) is (method == "GET")
                assert told[0] == told[1]
        counted = served.services.metrics.requests.labels("/health", "HEAD", "200")
        assert counted._value.get() == 1


def test_the_description_can_be_read_without_swagger_ui(http, monkeypatch):
    monkeypatch.setattr(documentation, "SWAGGER_FOLDERS", ())
    page = http.get("/docs").text
    assert "POST /virtual-tryon" in page
    assert "//" not in page.replace("<!doctype", "")  # nothing is fetched from elsewhere
    assert http.get("/docs/swagger-ui-bundle.js").status_code == 404


def test_swagger_ui_is_served_from_here_when_it_is_installed(http, monkeypatch, tmp_path):
    for name in documentation.SWAGGER_FILES:
        (tmp_path / name).write_text("/* swagger */")
    monkeypatch.setattr(documentation, "SWAGGER_FOLDERS", (tmp_path,))
    page = http.get("/docs")
    for source in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert http.get(source).status_code == 200
    assert "https:" not in page.text
    assert http.get("/docs/package.json").status_code == 404


def test_every_error_of_every_route_is_described_as_a_problem(http):
    description = http.get("/openapi.json").json()
    assert {"/virtual-tryon", "/health", "/ready", "/api/fabric/catalog", "/api/garments"} <= set(description["paths"])
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/ready":
                    assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
                    assert set(answer["description"].split(", ")) <= set(TABLE)


def test_the_description_is_closed(http):
    """Every reference leads somewhere, and nothing of the framework's own errors is left."""
    text = http.get("/openapi.json").text
    schemas = json.loads(text)["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/(\w+)"', text)) <= set(schemas)
    assert "HTTPValidationError" not in schemas
    assert schemas["Capture"]["additionalProperties"] is False
    assert schemas["Capture"]["required"] == ["frame"]
