"""Databases for tests: a file and a schema of a PostgreSQL server, each for one test alone.

Where no server answers its tests are skipped, but on CI that is a failure. TEST_POSTGRES_URL says where it is.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from fabric.catalog import read_entries
from fabric.entries import FamilyEntry
from server.catalog.ledger import Clock, utc_now
from server.catalog.migrate import prepare
from server.catalog.shop import Shop, assemble

KINDS = ("sqlite", "postgresql")
POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test")

DRAFT = {"weave": "plain", "warp": "a", "weft": "a", "ends_per_cm": 20, "picks_per_cm": 20}


class SetClock:
    """Stands still until a test moves `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[str]:
    """The address of a database without tables, which is gone afterwards."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'catalog.db'}"
        return
    engine = create_engine(POSTGRES_URL, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    schema = f"lucy_{secrets.token_hex(6)}"
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {schema}"))
    except OperationalError as error:
        engine.dispose()
        told = f"no PostgreSQL answers at TEST_POSTGRES_URL ({type(error.orig).__name__})"
        pytest.fail(told) if os.environ.get("CI") == "true" else pytest.skip(told)
    try:
        yield f"{POSTGRES_URL}?options=-csearch_path%3D{schema}"
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        engine.dispose()


@contextmanager
def open_test_shop(
    url: str, folder: Path, *, clock: Clock = utc_now, seed: tuple[FamilyEntry, ...] = ()
) -> Iterator[Shop]:
    """A shop with its tables, filled with `seed` or with two families."""
    shop = assemble(url, folder / "fabric", clock=clock)
    try:
        prepare(shop.database, seed or small_seed())
        shop.book.refresh()
        yield shop
    finally:
        shop.close()


def small_seed() -> tuple[FamilyEntry, ...]:
    """Two families; three suitings, one of them retired, and a shirting."""
    return read_entries(small_book())


def small_book() -> dict:
    """The seed as a catalog file has it. The colours are measured, so that nothing is woven."""
    return {
        "version": 1,
        "mill": "Mill",
        "families": [
            {
                **{"id": "plain", "name": "Plain worsted", "use": "suiting", "composition": "100 % wool"},
                **{"weight_g_m2": 250, "draft": dict(DRAFT)},
                "colours": [
                    _colour("navy", "Navy", "#203050", tags=["blue", "business"]),
                    _colour("charcoal", "Charcoal", "#404144", tags=["grey"], weight_g_m2=280),
                    _colour("sand", "Sand", "#a8977b", status="retired"),
                ],
            },
            {
                **{"id": "poplin", "name": "Poplin", "use": "shirting", "composition": "100 % cotton"},
                **{"weight_g_m2": 120, "draft": dict(DRAFT)},
                "colours": [_colour("poplin-white", "White", "#f1f1ee")],
            },
        ],
    }


def _colour(id: str, name: str, colour: str, **more: object) -> dict:
    draft = {"yarns": {"a": colour}}
    return {"id": id, "name": name, "code": id.upper(), "colour": colour, "measured": colour, "draft": draft, **more}
