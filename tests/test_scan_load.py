"""The measurement of a kiosk beside scans: against a server whose fitting is fake and whose scans are real."""

from __future__ import annotations

from pathlib import Path

from bench.scans import shared
from bench.serving import Served
from tests.databases import open_test_shop
from tests.fakes import FakeFitting, jpeg
from tests.serving import run_server
from tests.swatch_photos import gingham_jpeg


def test_scans_go_on_while_the_kiosk_is_timed_and_are_counted(tmp_path: Path) -> None:
    wish = {"fabric_id": "navy-twill", "cut": "single-breasted"}
    database = f"sqlite:///{tmp_path / 'catalog.db'}"
    with (
        open_test_shop(database, tmp_path) as shop,
        run_server(FakeFitting(), shop=shop, max_messages_per_s=100_000) as server,
    ):
        served = Served(server.url("/ws", scheme="ws"), None)
        spans = {"seconds": 0.5, "warm_s": 0.1, "rounds": 1}
        found = shared(served, [jpeg()], gingham_jpeg(), wish=wish, **spans)
        assert len(shop.keepsakes.scans()) == found["scans"] >= 2
    assert found["answers"] == {"scanned": found["scans"]}
    assert found["alone"][0]["pictures"] > 10
    assert found["beside"][0]["pictures"] > 10
    assert set(found["ratio"]) == {"p50", "p95"}
    assert found["scan_s"]["n"] == found["scans"]
