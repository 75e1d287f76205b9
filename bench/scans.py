"""A kiosk while swatches are scanned back to back on the same server: what a scan costs a shopper.

Owns the scans, the turns in which the kiosk has the server to itself or not, and their ratio; must not know goals.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from bench.figures import spread
from bench.machine import load_1m
from bench.scenarios import pulling
from bench.serving import Served
from bench.swatches import render
from utils.images import write_image

PHOTO_HW = 3000, 4000
_SEED = 11
_PATIENCE_S = 120.0
_BOUNDARY = "swatch-boundary"


def photo() -> bytes:
    """A JPEG of 12 megapixels, and a herringbone with a marker beside it."""
    return write_image(render(_SEED, hw=PHOTO_HW).photo, format="jpeg", quality=92)


def shared(
    served: Served,
    frames: Sequence[bytes],
    photo: bytes,
    *,
    wish: dict[str, str],
    seconds: float,
    warm_s: float,
    rounds: int,
) -> dict[str, Any]:
    """`rounds` times: one kiosk alone for `seconds`, then as long beside scans without end."""
    load = {"wish": wish, "kiosks": 1, "every_s": 0.0, "seconds": seconds, "warm_s": warm_s}
    runs: dict[str, list[dict[str, Any]]] = {"alone": [], "beside": []}
    scans = _Scans(served, photo)
    scans.once()  # the scanning process starts with the first one
    before = load_1m()
    for _ in range(rounds):
        runs["alone"].append(asyncio.run(pulling(served, frames, **load)))
        with scans.without_end():
            runs["beside"].append(asyncio.run(pulling(served, frames, **load)))
    ratios = {share: _ratio(runs, share) for share in ("p50", "p95")}
    told = {"scans": len(scans.took_s), "scan_s": spread(scans.took_s), "answers": dict(scans.answers)}
    return {"rounds": rounds, "load_1m": [before, load_1m()], "ratio": ratios, **told, **runs}


def _ratio(runs: dict[str, list[dict[str, Any]]], share: str) -> float | None:
    """The median over the rounds: what else the machine does comes and goes between them."""
    pairs = zip(runs["alone"], runs["beside"], strict=True)
    found = [beside["e2e_ms"][share] / alone["e2e_ms"][share] for alone, beside in pairs if alone["e2e_ms"]]
    return round(statistics.median(found), 3) if found else None


class _Scans:
    """One client that scans the same photo again and again."""

    def __init__(self, served: Served, photo: bytes) -> None:
        self._host = served.http_url.partition("://")[2]
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="swatch.jpg"\r\n\r\n'
        self._body = head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
        self.took_s: list[float] = []
        self.answers: Counter[str] = Counter()

    def once(self) -> None:
        began_s = time.monotonic()
        with closing(http.client.HTTPConnection(self._host, timeout=_PATIENCE_S)) as connection:
            headers = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
            connection.request("POST", "/api/fabric/scan", self._body, headers)
            with connection.getresponse() as response:
                told = json.loads(response.read())
        self.took_s.append(time.monotonic() - began_s)
        self.answers[told.get("code", "scanned")] += 1

    @contextmanager
    def without_end(self) -> Iterator[None]:
        """The last one is waited for."""
        over = threading.Event()

        def scan() -> None:
            while not over.is_set():
                self.once()

        thread = threading.Thread(target=scan, name="scans", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
