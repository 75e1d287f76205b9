"""Check a running server from outside: `python test_backend.py [--url http://127.0.0.1:5000]`.

Draws its own figure, so that no photo is needed, and sends the figure's landmarks with it, so that a jacket is put on
even where the pose network is missing. One line per check; the exit status is the number of checks that failed.
Needs nothing but the packages of requirements-cpu.txt.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

import cv2
import msgspec
import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

HW = (480, 640)
TIMEOUT_S = 60.0
MSGPACK = "lucy.msgpack.v1"

# The drawn figure's joints as shares of width and height, by BlazePose number: nose, eyes, ears, mouth, then shoulders,
# elbows, wrists, hands, hips, knees, ankles, heels, toes. Its left is on the right of the picture.
JOINTS = {
    0: (0.500, 0.200), 1: (0.510, 0.185), 2: (0.515, 0.185), 3: (0.520, 0.185), 4: (0.490, 0.185), 5: (0.485, 0.185),
    6: (0.480, 0.185), 7: (0.535, 0.195), 8: (0.465, 0.195), 9: (0.512, 0.235), 10: (0.488, 0.235),
    11: (0.620, 0.375), 12: (0.380, 0.375), 13: (0.660, 0.590), 14: (0.340, 0.590), 15: (0.665, 0.790),
    16: (0.335, 0.790), 17: (0.670, 0.850), 18: (0.330, 0.850), 19: (0.664, 0.860), 20: (0.336, 0.860),
    21: (0.655, 0.840), 22: (0.345, 0.840), 23: (0.565, 0.860), 24: (0.435, 0.860), 25: (0.560, 1.200),
    26: (0.440, 1.200), 27: (0.560, 1.500), 28: (0.440, 1.500), 29: (0.560, 1.530), 30: (0.440, 1.530),
    31: (0.575, 1.550), 32: (0.425, 1.550),
}  # fmt: skip
LANDMARKS = [[*JOINTS[i], 0.0, 0.99] for i in range(33)]


class CheckFailedError(Exception):
    """What a check found, in words."""


class Checks:
    """Runs checks, prints a line for each, counts the failed ones."""

    def __init__(self) -> None:
        self.failed = 0

    def run(self, name: str, check: Callable[..., str | None], *args: Any) -> None:
        """`check` returns a remark, or raises."""
        began_s = time.perf_counter()
        try:
            mark, remark = "✓", check(*args) or ""
        except Exception as error:  # one check is one unit of work
            self.failed += 1
            mark, remark = "✗", f"{type(error).__name__}: {error}"
        print(f"{mark} {name:<44}{(time.perf_counter() - began_s) * 1e3:8.1f} ms  {remark}", flush=True)


def expect(holds: object, complaint: str) -> None:
    """Raise CheckFailedError with `complaint` unless `holds`."""
    if not holds:
        raise CheckFailedError(complaint)


def draw_figure() -> np.ndarray:
    """uint8 BGR (480, 640, 3): somebody in a grey shirt before a wall, with the joints of JOINTS."""
    height, width = HW
    shade = np.linspace(205, 165, width, dtype=np.uint8)
    picture = np.dstack([np.tile(shade, (height, 1))] * 3)
    at = {i: (round(x * width), round(y * height)) for i, (x, y) in JOINTS.items()}
    skin, shirt, hair = (150, 175, 215), (140, 130, 125), (40, 45, 60)
    torso = np.array([at[12], (290, 152), (350, 152), at[11], (385, 300), at[23], at[24], (255, 300)])
    cv2.line(picture, (320, 120), (320, 160), skin, 44, cv2.LINE_AA)
    cv2.fillPoly(picture, [torso], shirt, cv2.LINE_AA)
    for shoulder, elbow, wrist, hand in ((11, 13, 15, 19), (12, 14, 16, 20)):
        cv2.line(picture, at[shoulder], at[elbow], shirt, 40, cv2.LINE_AA)
        cv2.line(picture, at[elbow], at[wrist], shirt, 32, cv2.LINE_AA)
        cv2.line(picture, at[wrist], at[hand], skin, 22, cv2.LINE_AA)
    cv2.ellipse(picture, (320, 92), (44, 58), 0, 0, 360, skin, -1, cv2.LINE_AA)
    cv2.ellipse(picture, (320, 62), (46, 36), 0, 180, 360, hair, -1, cv2.LINE_AA)
    noise = np.random.default_rng(1).normal(0, 3, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def jpeg() -> bytes:
    """The figure, encoded."""
    return cv2.imencode(".jpg", draw_figure(), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


def decode(data: bytes) -> np.ndarray:
    """Any picture; raises where it is none."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    expect(picture is not None, "the answer is not a picture")
    return picture


def mean(values: np.ndarray) -> float:
    """Of nothing, zero."""
    return float(values.mean()) if values.size else 0.0


# --- HTTP


class Http:
    """The server's HTTP side."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def ask(
        self, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, bytes]:
        """Status, headers, body; errors are answers too."""
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get_json(self, path: str) -> Any:
        """The body of a 200."""
        status, _, body = self.ask(path)
        expect(status == 200, f"status {status}: {body[:200]!r}")
        return json.loads(body)

    def post_form(self, path: str, fields: dict[str, str | bytes], *, accept: str = "*/*") -> tuple[int, Any, bytes]:
        """A multipart form; bytes become files."""
        boundary = uuid.uuid4().hex
        parts = []
        for name, value in fields.items():
            file = '; filename="file"' if isinstance(value, bytes) else ""
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
            parts.append(head.encode() + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        kind = f"multipart/form-data; boundary={boundary}"
        return self.ask(path, body=body, headers={"Content-Type": kind, "Accept": accept})


def check_health(http: Http) -> None:
    expect(http.get_json("/health") == {"status": "alive"}, "it does not say that it is alive")


def check_ready(http: Http) -> str:
    ready = http.get_json("/ready")
    missing = f"; missing {', '.join(ready['missing'])}: {ready['hint']}" if ready["missing"] else ""
    return f"{ready['status']}, {ready['engine'].get('name')}{missing}"


def check_metrics(http: Http) -> None:
    _, _, body = http.ask("/metrics")
    expect(b"lucy_sessions " in body, "the metrics are not there")


def check_description(http: Http) -> str:
    paths = http.get_json("/openapi.json")["paths"]
    expect("/virtual-tryon" in paths, "the capture is not described")
    status, _, page = http.ask("/docs")
    expect(status == 200 and b"<html" in page, f"/docs answers {status}")
    return f"{len(paths)} paths"


def check_pages(http: Http) -> None:
    status, headers, page = http.ask("/kiosk/")
    expect(status == 200 and b"<html" in page.lower(), f"status {status}: run `make web`")
    expect("camera=(self)" in headers.get("Permissions-Policy", ""), "the page may not use the camera")


def check_catalog(http: Http) -> str:
    families = http.get_json("/api/fabric/catalog")["families"]
    fabrics = [fabric for family in families for fabric in family["fabrics"]]
    expect(fabrics, "the catalog is empty")
    _, headers, _ = http.ask("/api/fabric/catalog")
    status, _, _ = http.ask("/api/fabric/catalog", headers={"If-None-Match": headers["ETag"]})
    expect(status == 304, f"an unchanged catalog is sent again ({status})")
    return f"{len(families)} families, {len(fabrics)} fabrics"


def check_pictures(http: Http, wish: dict[str, str]) -> None:
    paths = (f"/api/fabric/{wish['fabric_id']}/swatch.png", f"/api/cuts/{wish['cut']}/thumbnail.png")
    for path in paths:
        status, _, body = http.ask(path)
        expect(status == 200, f"{path} answers {status}")
        decode(body)


def check_garments(http: Http) -> str:
    return f"{len(http.get_json('/api/garments')['garments'])} on the rack"


def check_capture_picture(http: Http, wish: dict[str, str]) -> str:
    fields = {**wish, "frame": jpeg(), "landmarks": json.dumps(LANDMARKS)}
    status, headers, body = http.post_form("/virtual-tryon", fields, accept="image/*")
    expect(status == 200, f"status {status}: {body[:300]!r}")
    expect(decode(body).shape == (*HW, 3), "the picture has another size")
    expect(headers["X-Lucy-Stage"] != "mirror", "nothing was put on")
    return f"{headers['X-Lucy-Stage']}, {len(body) // 1024} KiB"


def check_capture_json(http: Http, wish: dict[str, str]) -> str:
    frame = base64.b64encode(jpeg()).decode()
    asked = {**wish, "frame": frame, "landmarks": LANDMARKS, "seed": 7, "include": ["mask", "landmarks"]}
    status, _, body = http.ask(
        "/virtual-tryon", body=json.dumps(asked).encode(), headers={"Content-Type": "application/json"}
    )
    answer = json.loads(body)
    expect(status == 200, f"status {status}: {answer}")
    expect(answer["seed"] == 7 and answer["size"] == list(HW), "it answers something else than was asked")
    dressed = decode(base64.b64decode(answer["image"].partition(",")[2]))
    mask = decode(base64.b64decode(answer["mask"].partition(",")[2]))[..., 0]
    changed = np.abs(dressed.astype(int) - draw_figure()).mean(axis=2)
    expect(mean(changed[mask > 250]) > 5, "the picture does not change where the jacket is")
    expect(mean(changed[mask == 0]) < 5, "the picture changes where no jacket is")
    return f"{answer['stage']}, {answer['timings_ms']['total']:.0f} ms inside"


def check_problem(http: Http, fields: dict[str, str | bytes], status: int, code: str) -> None:
    got, headers, body = http.post_form("/virtual-tryon", fields)
    expect(headers["Content-Type"] == "application/problem+json", f"it answers {headers['Content-Type']}")
    expect((got, json.loads(body)["code"]) == (status, code), f"it answers {got} {body[:200]!r}")


# --- Live


class Kiosk:
    """The server's live side."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._binary = connection.subprotocol == MSGPACK

    def say(self, type: str, **fields: Any) -> None:
        """Send one message."""
        message = {"type": type, **fields}
        self._connection.send(
            msgspec.msgpack.encode(message) if self._binary else msgspec.json.encode(message).decode()
        )

    def say_raw(self, data: bytes) -> None:
        """Send what is no message."""
        self._connection.send(data)

    def hear(self, type: str) -> dict[str, Any]:
        """The next message of this type; an error instead is raised."""
        while True:
            message = self.hear_any()
            if message["type"] == type:
                return message
            expect(message["type"] != "error", f"{message.get('code')}: {message.get('message')}")

    def hear_any(self) -> dict[str, Any]:
        """The next message."""
        data = self._connection.recv(TIMEOUT_S)
        return msgspec.msgpack.decode(data) if self._binary else json.loads(data)

    def closed_with(self) -> int | None:
        """Read on until the close."""
        try:
            while True:
                self._connection.recv(TIMEOUT_S)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@contextmanager
def open_kiosk(url: str, subprotocol: str = MSGPACK):
    """A live session that has been greeted."""
    address = url.replace("http", "ws", 1).rstrip("/") + "/ws"
    with connect(address, subprotocols=[subprotocol], max_size=None, open_timeout=TIMEOUT_S) as connection:
        kiosk = Kiosk(connection)
        kiosk.hear("ready")
        yield kiosk


def check_stream(url: str, wish: dict[str, str], frames: int) -> str:
    frame = jpeg()
    spent_ms = []
    with open_kiosk(url) as kiosk:
        kiosk.say("wish", **wish)
        kiosk.hear("notice")
        for seq in range(frames):
            began_s = time.perf_counter()
            kiosk.say("keyframe", seq=seq, frame=frame, landmarks=LANDMARKS)
            answer = kiosk.hear("enhanced")
            spent_ms.append((time.perf_counter() - began_s) * 1e3)
            expect(answer["seq"] == seq, "answers are out of order")
        expect(answer["stage"] != "mirror", f"nothing was put on: {answer.get('reason')}")
        expect(decode(answer["image"]).shape == (*HW, 3), "the picture has another size")
        kiosk.say("bye")
        expect(kiosk.closed_with() == 1000, "bye is not answered with 1000")
    cuts = quantiles(spent_ms, n=20, method="inclusive")
    return f"{answer['stage']}, p50 {cuts[9]:.0f} ms, p95 {cuts[18]:.0f} ms"


def check_json_protocol(url: str) -> None:
    with open_kiosk(url, "lucy.json.v1") as kiosk:
        kiosk.say("ping", t=1.5)
        expect(kiosk.hear("pong")["t"] == 1.5, "the pong says something else")
        kiosk.say("keyframe", seq=0, frame=base64.b64encode(jpeg()).decode(), landmarks=LANDMARKS)
        expect(kiosk.hear("enhanced")["image"].startswith("data:image/jpeg;base64,"), "the picture is no data: URL")


def check_overtaking(url: str) -> str:
    """Every frame of a burst is answered or named as dropped."""
    frame, count = jpeg(), 30
    told: list[int] = []
    with open_kiosk(url) as kiosk:
        for seq in range(count):
            kiosk.say("keyframe", seq=seq, frame=frame, landmarks=LANDMARKS)
        answered = 0
        while len(told) < count:
            data = kiosk.hear_any()
            answered += data["type"] == "enhanced"
            told += data["seqs"] if data["type"] == "dropped" else [data["seq"]] if "seq" in data else []
    expect(told == list(range(count)), "a frame is missing or out of order")
    return f"{answered} answered, {count - answered} overtaken"


def check_bad_frame(url: str) -> None:
    with open_kiosk(url) as kiosk:
        kiosk.say("keyframe", seq=0, frame=b"not a picture")
        try:
            kiosk.hear("enhanced")
        except CheckFailedError:
            kiosk.say("keyframe", seq=1, frame=jpeg(), landmarks=LANDMARKS)
            expect(kiosk.hear("enhanced")["seq"] == 1, "the session does not go on")
            return
        raise CheckFailedError("a frame that is no picture is no error")


def check_broken_message(url: str) -> None:
    with open_kiosk(url) as kiosk:
        kiosk.say_raw(b"\xc1")
        code = kiosk.closed_with()
        expect(code == 1007, f"a broken message closes with {code}, not 1007")


# --- All of it


def first_wish(http: Http) -> dict[str, str]:
    """The first suiting in the first cut."""
    families = http.get_json("/api/fabric/catalog")["families"]
    suitings = [family for family in families if family.get("use", "suiting") == "suiting" and family["fabrics"]]
    return {"fabric_id": suitings[0]["fabrics"][0]["id"], "cut": http.get_json("/api/cuts")["cuts"][0]["id"]}


def main(arguments: list[str] | None = None) -> int:
    """Check everything; the number of failures."""
    parser = argparse.ArgumentParser(description="Check a running Lucy server.")
    parser.add_argument("--url", default="http://127.0.0.1:5000", help="where it is (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=30, help="live frames to time (default: %(default)s)")
    asked = parser.parse_args(arguments)
    checks, http, url = Checks(), Http(asked.url), asked.url

    checks.run("GET /health", check_health, http)
    if checks.failed:
        print(f"there is no server at {url}; start one with `make serve`", file=sys.stderr)
        return checks.failed
    checks.run("GET /ready", check_ready, http)
    checks.run("GET /metrics", check_metrics, http)
    checks.run("GET /docs, /openapi.json", check_description, http)
    checks.run("GET /kiosk", check_pages, http)
    checks.run("GET /api/fabric/catalog", check_catalog, http)
    checks.run("GET /api/garments", check_garments, http)
    wish = first_wish(http)
    checks.run("a swatch and a cut as pictures", check_pictures, http, wish)
    checks.run("POST /virtual-tryon, form in, picture out", check_capture_picture, http, wish)
    checks.run("POST /virtual-tryon, JSON in, JSON out", check_capture_json, http, wish)
    checks.run("a capture that is no picture: 415", check_problem, http, {"frame": b"junk"}, 415, "unsupported_format")
    checks.run("an unknown field: 422", check_problem, http, {"frame": jpeg(), "x": "1"}, 422, "invalid_request")
    unknown: dict[str, str | bytes] = {"frame": jpeg(), "fabric_id": "no-such", "cut": wish["cut"]}
    checks.run("an unknown fabric: 404", check_problem, http, unknown, 404, "unknown_fabric")
    checks.run(f"/ws, {asked.frames} frames in msgpack", check_stream, url, wish, asked.frames)
    checks.run("/ws in JSON", check_json_protocol, url)
    checks.run("/ws, newer frames overtake", check_overtaking, url)
    checks.run("/ws, a bad frame costs its error", check_bad_frame, url)
    checks.run("/ws, a broken message closes with 1007", check_broken_message, url)
    print(f"{checks.failed} failed" if checks.failed else "everything works")
    return checks.failed


if __name__ == "__main__":
    sys.exit(main())
