"""Bringing the tables up to date and filling them once, when the server starts.

Owns Alembic and the seed; must not know who serves the catalog. It all happens in one transaction that no other
process has at the same time: two servers that start at once do it once, and a crash leaves nothing half done.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from fabric.entries import FamilyEntry
from server.catalog.database import Database
from server.catalog.exchange import take_in
from server.catalog.ledger import Turn
from server.catalog.tables import Counter

MIGRATIONS = Path(__file__).parent / "migrations"

logger = logging.getLogger("lucy.catalog")


def prepare(database: Database, seed: Sequence[FamilyEntry] = ()) -> bool:
    """The newest tables, filled with `seed` if they never were. Returns whether this call filled them.

    Raises:
        CapacityError: storage_full, catalog_away.
    """
    with database.alone() as connection:
        command.upgrade(alembic_config(connection), "head")
        with Session(connection, join_transaction_mode="rollback_only") as session:
            return bool(seed) and _fill(session, seed)


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration, without a file."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _fill(session: Session, seed: Sequence[FamilyEntry]) -> bool:
    counter = session.get_one(Counter, 1)
    if counter.seeded is not None:
        return False
    counter.revision += 1
    counter.seeded = now = datetime.now(timezone.utc)
    take_in(Turn(session, counter.revision, now), seed)
    session.flush()
    logger.info("the catalog was filled with %d families", len(seed))
    return True
