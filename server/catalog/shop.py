"""The catalog as the server has it: database, storage, the book in memory and the ledger.

Owns how they are put together and opened; must not know HTTP. Opening blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fabric.catalog import load_entries
from fabric.entries import Read
from fabric.scanned import maps_missing
from server.catalog.database import Database
from server.catalog.exchange import Exchange
from server.catalog.keepsakes import Keepsakes, Swept
from server.catalog.ledger import Clock, Ledger, utc_now
from server.catalog.live_book import LiveBook
from server.catalog.migrate import prepare
from server.catalog.room import Room
from server.settings import Settings
from server.storage import LocalStorage, Storage
from utils.errors import CapacityError, ConfigError, InputError

SEED = "catalog.json"


@dataclass(frozen=True)
class Shop:
    """Everything of the catalog. Any thread."""

    database: Database
    storage: Storage
    book: LiveBook
    ledger: Ledger
    keepsakes: Keepsakes
    exchange: Exchange

    def sweep(self) -> Swept:
        """See Keepsakes."""
        return self.keepsakes.sweep()

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def open_shop(settings: Settings, *, clock: Clock = utc_now) -> Shop:
    """The catalog of these settings, with its tables up to date, filled once and read.

    Raises:
        ConfigError: bad_database_url, bad_catalog, catalog_away, storage_full.
    """
    try:
        room = Room(scans=settings.max_unsaved_scans, bytes=settings.max_unsaved_mb << 20)
        shop = assemble(database_url(settings), settings.fabric_dir, clock=clock, room=room)
    except OSError as error:
        raise ConfigError(
            "bad_database_url", f"the catalog's folder cannot be made ({type(error).__name__})"
        ) from error
    try:
        prepare(shop.database, load_entries(settings.catalog_dir / SEED))
        shop.book.refresh()
    except CapacityError as error:
        shop.close()
        raise ConfigError(error.code, error.message, hint="check DATABASE_URL, and the disk") from error
    return shop


def assemble(url: str, fabric_dir: Path, *, clock: Clock = utc_now, room: Room | None = None) -> Shop:
    """The parts, before anything has been asked of the database. `room` is for scans that are not saved."""
    database, storage = Database(url), LocalStorage(fabric_dir)
    ledger = Ledger(database, clock=clock)
    return Shop(
        database,
        storage,
        book=LiveBook(database, read=reader(storage)),
        ledger=ledger,
        keepsakes=Keepsakes(database, storage, ledger, room=room or Room()),
        exchange=Exchange(database, storage, ledger),
    )


def database_url(settings: Settings) -> str:
    """A file beside the book, unless another is named."""
    return settings.database_url or f"sqlite:///{(settings.catalog_dir / 'catalog.db').as_posix()}"


def reader(storage: Storage) -> Read:
    """How a scanned cloth gets at its maps."""

    def read(key: str) -> bytes:
        try:
            with storage.open(key) as file:
                return file.read()
        except (InputError, OSError):
            raise maps_missing() from None

    return read
