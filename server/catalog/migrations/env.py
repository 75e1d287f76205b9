"""What Alembic runs for every command. Owns taking over the connection that server/catalog/migrate.py has opened."""

from __future__ import annotations

from alembic import context

from server.catalog.tables import Table


def run() -> None:
    """In the caller's transaction: tables and contents appear together or not at all."""
    context.configure(connection=context.config.attributes["connection"], target_metadata=Table.metadata)
    context.run_migrations()


run()
