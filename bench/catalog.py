"""How quickly a large catalog is listed, read and changed, over HTTP in one process.

    python -m bench.catalog [--colours 10000] [--database-url URL] [--json catalog.json]

The catalog is made up: families of a hundred woven colours each, in a database that is made for it and, where it is
SQLite, removed afterwards. Every listing is asked for as a kiosk or a merchandiser would, and never twice in a row.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from bench.figures import Goal, spread, table
from bench.machine import facts
from fabric.entries import ColourEntry, FamilyEntry
from server.app import create_app
from server.catalog.migrate import prepare
from server.catalog.shop import Shop, assemble
from tests.fakes import FakeFitting
from tests.serving import settings_for_tests

KEY = "a-key-for-the-bench"
GOAL_MS = 20.0
REQUESTS = 200  # of each kind
SHADES = ("navy", "charcoal", "sand", "olive", "rust", "wine", "slate", "ivory", "black", "sky")
DRAFT = {"weave": "twill_2_2", "warp": "a", "weft": "b", "ends_per_cm": 30, "picks_per_cm": 26}


def made_up(colours: int) -> tuple[FamilyEntry, ...]:
    """A catalog of this many colours, a hundred to a family, the same every time."""
    rng = random.Random(7)
    return tuple(
        FamilyEntry(
            id=f"family-{number}",
            name=f"Family {number}",
            use="suiting",
            composition="100 % wool",
            weight_g_m2=200 + number,
            draft=DRAFT,
            colours=tuple(_colour(number * 100 + n, rng) for n in range(min(100, colours - number * 100))),
        )
        for number in range((colours + 99) // 100)
    )


def _colour(number: int, rng: random.Random) -> ColourEntry:
    hexes = [f"#{rng.randrange(1 << 24):06x}" for _ in range(2)]
    shade = SHADES[number % len(SHADES)]
    return ColourEntry(
        id=f"colour-{number}",
        name=f"{shade.title()} {number}",
        code=f"LHW {number}",
        colour=hexes[0],
        mill=f"Mill {number % 7}",
        tags=(shade, "business" if number % 3 else "summer"),
        draft={"seed": number, "yarns": {"a": hexes[0], "b": hexes[1]}},
        measured=hexes[0],
    )


def listings(colours: int) -> dict[str, Callable[[random.Random], dict[str, Any]]]:
    """Kinds of requests: from a generator to query parameters."""
    pages = max(1, colours // 100)
    return {
        "first page, as a kiosk asks": lambda _: {},
        "any page of 100": lambda rng: {"page": rng.randrange(1, pages + 1), "per_page": 100},
        "one family": lambda rng: {"family": f"family-{rng.randrange(pages)}"},
        "search for a number": lambda rng: {"q": str(rng.randrange(colours))},
        "search for a shade": lambda rng: {"q": rng.choice(SHADES), "page": rng.randrange(1, 6), "per_page": 100},
        "tag and mill": lambda rng: {"tag": rng.choice(SHADES), "mill": f"Mill {rng.randrange(7)}", "per_page": 100},
        "near a colour": lambda rng: {"colour": f"#{rng.randrange(1 << 24):06x}", "per_page": 100},
    }


def measure(shop: Shop, *, colours: int) -> dict[str, Any]:
    """Milliseconds per kind of request. `cpu_p50` and `cpu_p95` are of the processor's time, client included: what it
    would take on a machine that does nothing else."""
    fitting = FakeFitting()
    fitting.wardrobe.catalog = shop.book
    headers = {"Authorization": f"Bearer {KEY}"}
    found: dict[str, Any] = {}
    with TestClient(create_app(settings_for_tests(admin_key=KEY), fitting, shop=shop), headers=headers) as http:
        kinds = [(name, query, "/api/fabric/catalog") for name, query in listings(colours).items()]
        kinds.append(("admin: any page of 100", listings(colours)["any page of 100"], "/api/admin/colours"))
        for name, query, path in kinds:
            rng = random.Random(11)
            spent_ms, cpu_ms = [], []
            for _ in range(REQUESTS):
                asked_s, cpu_s = time.perf_counter(), time.process_time()
                answer = http.get(path, params=query(rng))
                spent_ms.append((time.perf_counter() - asked_s) * 1e3)
                cpu_ms.append((time.process_time() - cpu_s) * 1e3)
                assert answer.status_code == 200, answer.text
            cpu = spread(cpu_ms) or {}
            found[name] = {**(spread(spent_ms) or {}), "cpu_p50": cpu["p50"], "cpu_p95": cpu["p95"]}
        found["admin: an edit, in the book"] = _edits(http)
    return found


def _edits(http: TestClient) -> dict[str, Any]:
    spent_ms = []
    for number in range(30):
        path = f"/api/admin/colours/colour-{number}"
        seen = http.get(path)
        assert seen.status_code == 200, seen.text
        version = seen.json()["version"]
        asked_s = time.perf_counter()
        assert http.patch(path, json={"tags": [str(number)], "version": version}).status_code == 200
        spent_ms.append((time.perf_counter() - asked_s) * 1e3)
    return spread(spent_ms) or {}


def main() -> int:
    """Print a table. Returns 1 where a listing misses its goal."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalog", description=__doc__)
    parser.add_argument("--colours", type=int, default=10_000)
    parser.add_argument("--database-url", help="an empty database; without one, a file of SQLite")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shop = assemble(asked.database_url or f"sqlite:///{folder}/catalog.db", Path(folder) / "fabric")
        began_s = time.perf_counter()
        prepare(shop.database, made_up(asked.colours))
        filled_s = time.perf_counter()
        shop.book.refresh()
        opened = {"filled_s": round(filled_s - began_s, 3), "read_s": round(time.perf_counter() - filled_s, 3)}
        found = measure(shop, colours=asked.colours)
        backend = shop.database.engine.url.get_backend_name()
    rows = [
        (name, *(figures.get(key, "") for key in ("p50", "p95", "max", "cpu_p50", "cpu_p95")))
        for name, figures in found.items()
    ]
    print(f"{asked.colours} colours in {backend}: filled in {opened['filled_s']} s, read in {opened['read_s']} s")
    print(table(rows, head=("ms", "p50", "p95", "max", "cpu p50", "cpu p95")))
    listed = {name: figures for name, figures in found.items() if "edit" not in name}
    goals = [Goal(f"{name}, p95", figures["p95"], GOAL_MS, "<=", "ms") for name, figures in listed.items()]
    for goal in goals:
        print(goal)
    if asked.json is not None:
        record = {"facts": facts(), "colours": asked.colours, "database": backend, **opened, "found": found}
        asked.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
