"""Every change to the catalog: each is one turn, which happens wholly or not at all.

Owns families and colours being created and edited; files that belong to them are in keepsakes.py, whole books in
exchange.py. Must not know HTTP. All of it blocks. A turn takes the catalog's counter first, so that turns come one
after the other on every database, and what they write carries the count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fabric.book import unknown_fabric
from fabric.entries import ColourEntry, FamilyEntry, check_colour, check_family, cloth_of, name_key, slug_of
from server.catalog.database import Database
from server.catalog.rows import (
    colour_entry,
    family_entry,
    new_colour,
    new_family,
    stamp,
    unread,
    write_colour,
    write_family,
)
from server.catalog.tables import ColourRow, Counter, FamilyRow, UploadRow
from utils.errors import InputError

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time that rows are stamped with."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Turn:
    """One change under way."""

    session: Session
    revision: int
    now: datetime


class Ledger:
    """Any thread. What it returns are ids; the book has the rest as soon as it is refreshed."""

    def __init__(self, database: Database, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._clock = clock

    def now(self) -> datetime:
        """What the clock says."""
        return self._clock()

    @contextmanager
    def turn(self, *, step: int = 1) -> Iterator[Turn]:
        """`step` is 0 for what is not in the book: it has to wait for its turn too, but nothing is to be read anew.

        Raises:
            CapacityError: storage_full, catalog_away. InputError: name_taken, if only the database saw it.
        """
        try:
            with self._database.write() as session:
                counted = update(Counter).values(revision=Counter.revision + step).returning(Counter.revision)
                yield Turn(session, session.scalars(counted).one(), self._clock())
        except IntegrityError as error:
            raise name_taken() from error

    def create_family(self, entry: FamilyEntry) -> str:
        """An id that is empty is made of the name.

        Raises:
            InputError: bad_entry, bad_name, bad_weight, name_taken, id_taken.
        """
        with self.turn() as turn:
            entry = replace(entry, id=_free_id(turn.session, FamilyRow, entry.id, entry.name))
            check_family(entry)
            _refuse_family_name(turn.session, entry)
            put_family(turn, new_family(entry.id, _next(turn.session, FamilyRow)), entry)
        return entry.id

    def edit_family(self, family_id: str, changes: Mapping[str, Any], *, version: int) -> None:
        """Fields of FamilyEntry but id, draft and colours.

        Raises:
            InputError: unknown_family, edit_conflict, and as `create_family`.
        """
        with self.turn() as turn:
            row = known_family(turn.session, family_id)
            _refuse_stale(row.revision, version)
            entry = replace(family_entry(row), **changes)
            check_family(entry)
            _refuse_family_name(turn.session, entry)
            put_family(turn, row, entry)

    def create_colour(self, family_id: str, entry: ColourEntry, *, upload_id: str | None = None) -> str:
        """An id that is empty is made of the name. An upload becomes the picture of its swatch.

        Raises:
            InputError: unknown_family, bad_entry, bad_name, bad_weight, bad_size, bad_colour, name_taken, id_taken,
                unknown_swatch.
            ConfigError: bad_draft.
        """
        measured = self._measured(family_id, replace(entry, id=entry.id or slug_of(entry.name)))
        with self.turn() as turn:
            return add_colour(turn, family_id, replace(measured, id=entry.id), swatch_key=_taken(turn, upload_id))

    def edit_colour(
        self, colour_id: str, changes: Mapping[str, Any], *, version: int, upload_id: str | None = None
    ) -> None:
        """Fields of ColourEntry but its id.

        Raises:
            InputError: unknown_fabric, edit_conflict, and as `create_colour`.
        """
        with self._database.read() as session:
            row = known_colour(session, colour_id)
            _refuse_stale(row.revision, version)
            family_id, entry = row.family_id, replace(colour_entry(row), **changes)
        if "draft" in changes:
            entry = self._measured(family_id, replace(entry, measured=None))
        with self.turn() as turn:
            row = known_colour(turn.session, colour_id)
            _refuse_stale(row.revision, version)
            family = family_entry(known_family(turn.session, family_id))
            check_colour(entry, family)
            _refuse_colour_name(turn.session, entry, family_id)
            row.swatch_key = _taken(turn, upload_id) or row.swatch_key
            put_colour(turn, row, entry, family)

    def _measured(self, family_id: str, entry: ColourEntry) -> ColourEntry:
        """With the colour that it has from afar. A piece of the cloth is made for it, while nobody has to wait."""
        with self._database.read() as session:
            family = family_entry(known_family(session, family_id))
        check_colour(entry, family)
        return replace(entry, measured=entry.measured or cloth_of(entry, family, read=unread).mean_hex())


def known_family(session: Session, family_id: str) -> FamilyRow:
    """Raises InputError: unknown_family."""
    row = session.get(FamilyRow, family_id)
    if row is None:
        raise InputError("unknown_family", "there is no such family in the catalog", hint="choose one of the list")
    return row


def known_colour(session: Session, colour_id: str) -> ColourRow:
    """Raises InputError: unknown_fabric."""
    row = session.get(ColourRow, colour_id)
    if row is None:
        raise unknown_fabric()
    return row


def add_colour(turn: Turn, family_id: str, entry: ColourEntry, *, swatch_key: str | None = None) -> str:
    """A new colour at the end of its family; returns its id. Raises as `Ledger.create_colour`."""
    family = family_entry(known_family(turn.session, family_id))
    entry = replace(entry, id=_free_id(turn.session, ColourRow, entry.id, entry.name))
    check_colour(entry, family)
    _refuse_colour_name(turn.session, entry, family_id)
    row = new_colour(entry.id, family_id, _next(turn.session, ColourRow))
    row.swatch_key = swatch_key
    put_colour(turn, row, entry, family)
    turn.session.flush()
    return entry.id


def put_family(turn: Turn, row: FamilyRow, entry: FamilyEntry) -> None:
    """Write the row, new or not."""
    write_family(row, entry)
    stamp(row, revision=turn.revision, now=turn.now)
    turn.session.add(row)


def put_colour(turn: Turn, row: ColourRow, entry: ColourEntry, family: FamilyEntry) -> None:
    """Write the row, new or not."""
    write_colour(row, entry, family)
    stamp(row, revision=turn.revision, now=turn.now)
    turn.session.add(row)


def name_taken() -> InputError:
    """Two that a merchandiser could not tell apart."""
    return InputError(
        "name_taken",
        "there is one of this name already, offered or retired",
        hint="choose another name, or bring the one that is there back",
    )


def _taken(turn: Turn, upload_id: str | None) -> str | None:
    """The key of an upload, which belongs to a colour from now on. Raises InputError: unknown_swatch."""
    if upload_id is None:
        return None
    upload = turn.session.get(UploadRow, upload_id)
    if upload is None or upload.expires <= turn.now:
        raise InputError(
            "unknown_swatch", "there is no such picture, or it is older than a day", hint="upload the picture again"
        )
    turn.session.delete(upload)
    return upload.key


def _refuse_family_name(session: Session, entry: FamilyEntry) -> None:
    same = select(FamilyRow.id).where(FamilyRow.name_key == name_key(entry.name), FamilyRow.id != entry.id)
    if session.scalars(same).first() is not None:
        raise name_taken()


def _refuse_colour_name(session: Session, entry: ColourEntry, family_id: str) -> None:
    same = select(ColourRow.id).where(
        ColourRow.family_id == family_id, ColourRow.name_key == name_key(entry.name), ColourRow.id != entry.id
    )
    if session.scalars(same).first() is not None:
        raise name_taken()


def _refuse_stale(revision: int, version: int) -> None:
    if revision != version:
        raise InputError(
            "edit_conflict",
            "somebody else has changed this since you opened it",
            hint="open it again, look at what has changed, and make your change once more",
        )


def _free_id(session: Session, table: type[FamilyRow] | type[ColourRow], id: str, name: str) -> str:
    """The id, or one made of the name that nobody has. Raises InputError: id_taken."""
    if id:
        if session.get(table, id) is not None:
            raise InputError("id_taken", "this id is in use already", hint="leave it out, and one is made of the name")
        return id
    base, number = slug_of(name), 1
    while session.get(table, id := base if number == 1 else f"{base}-{number}") is not None:
        number += 1
    return id


def _next(session: Session, table: type[FamilyRow] | type[ColourRow]) -> int:
    """The place after the last."""
    return (session.scalar(select(func.max(table.position))) or 0) + 1
