"""The catalog's database: how it is opened, and what a reading and a writing turn are.

Owns the engine, SQLite's manners and the translation of its errors; must not know tables. Everything here blocks and
belongs into a worker thread.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from server.storage import storage_full
from utils.errors import CapacityError, ConfigError

BUSY_S = 10  # how long a writer waits for another one
CONNECT_S = 5
_ASK_AGAIN_S = 0.02
_DISK_FULL = ("SQLITE_FULL", "53100", "disk is full", "No space left")


class Database:
    """Sessions over one engine. Any thread."""

    def __init__(self, url: str) -> None:
        self._url = _readable(url)
        if self.is_sqlite:
            Path(str(self._url.database)).parent.mkdir(parents=True, exist_ok=True)
        limit = {} if self.is_sqlite else {"connect_timeout": CONNECT_S}
        self.engine = create_engine(self._url, pool_pre_ping=True, connect_args=limit, hide_parameters=True)
        self._writing = self.engine.execution_options(lucy_writes=True)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _on_connect)
            event.listen(self.engine, "begin", _on_begin)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file beside the server."""
        return self._url.get_backend_name() == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One look, which sees no half of anything. Raises CapacityError: catalog_away."""
        with _told(), Session(self.engine) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """All of it or nothing. On SQLite nobody else writes meanwhile.

        Raises:
            CapacityError: storage_full, catalog_away.
        """
        with _told(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """A connection in a transaction that no other process has at the same time, for the tables themselves."""
        with _told(), self._writing.begin() as connection:
            if not self.is_sqlite:  # where a writer has the file to himself anyway
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5068131200)")
            yield connection

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _readable(url: str) -> URL:
    """Raises ConfigError: bad_database_url."""
    try:
        made = make_url(url)
        if made.drivername in ("postgres", "postgresql"):  # psycopg 3 is what is installed
            made = made.set(drivername="postgresql+psycopg")
        # A database in memory would be another one in every thread.
        in_memory = made.get_backend_name() == "sqlite" and made.database in (None, "", ":memory:")
        if made.get_backend_name() not in ("sqlite", "postgresql") or in_memory:
            raise ArgumentError
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ConfigError(
            "bad_database_url",
            "DATABASE_URL is neither SQLite nor PostgreSQL",
            hint="write sqlite:///path/to/catalog.db or postgresql://user:password@host/name",
        ) from None
    return made


def _on_connect(connection: Any, _: Any) -> None:
    """Durable, and readers do not wait for writers. SQLAlchemy begins transactions, not the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
    _write_ahead(cursor)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Turn the file's write-ahead log on, once for good. Blocks for BUSY_S at most.

    SQLite refuses to wait for a writer here, whatever the busy timeout says: so we ask again.
    """
    last = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
        time.sleep(_ASK_AGAIN_S)


def _on_begin(connection: Connection) -> None:
    """A writer takes the file at once: one that has read first could no longer wait for another one."""
    writes = connection.get_execution_options().get("lucy_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _told() -> Iterator[None]:
    """What the database has to complain about, as an error of ours."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        cause = getattr(error, "orig", None) or error
        facts = (getattr(cause, "sqlite_errorname", ""), getattr(cause, "sqlstate", "") or "", str(cause))
        if any(sign in fact for sign in _DISK_FULL for fact in facts):
            raise storage_full() from error
        if isinstance(error, DBAPIError) and not _is_passing(error):
            raise  # a mistake of ours
        raise CapacityError(
            "catalog_away",
            "the catalog's database does not answer",
            hint="what customers see goes on; try again in a minute",
        ) from error


def _is_passing(error: DBAPIError) -> bool:
    """Whether it is the connection's fault, or another writer's, rather than the statement's."""
    cause = str(error.orig)
    locked = "locked" in cause or "busy" in cause or "readonly" in cause or "unable to open" in cause
    return error.connection_invalidated or type(error).__name__ in ("OperationalError", "InterfaceError") or locked
