"""The book as it is now: read from the database into memory, and brought up to date as it changes.

Owns what is known of every row and the Catalog made of it; must not know who changes the database. Looking a fabric up
never waits for the database, and goes on when the database is away. Only what has changed is read again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fabric.book import Catalog, Fabric, Family, catalog_of
from fabric.entries import ColourEntry, FamilyEntry, Read, bound, fabric_of
from server.catalog.database import Database
from server.catalog.rows import colour_entry, family_entry
from server.catalog.tables import ColourRow, Counter, FamilyRow

_MOST_LENT = 64


@dataclass(frozen=True)
class Note:
    """What only the shop's own people are told of a row."""

    revision: int
    created: datetime
    updated: datetime
    swatch_key: str | None = None


@dataclass(frozen=True)
class _Colour:
    entry: ColourEntry
    position: int
    note: Note
    fabric: Fabric


@dataclass(frozen=True)
class _Family:
    entry: FamilyEntry
    position: int
    note: Note


class LiveBook:
    """See fabric.book.Book. Empty until `refresh` has been called once."""

    def __init__(self, database: Database, *, read: Read) -> None:
        self._database = database
        self._read = read
        self._refreshing = threading.Lock()  # the next two change under it; what readers see is swapped whole
        self._families: dict[str, _Family] = {}
        self._colours: dict[str, _Colour] = {}
        self._catalog = catalog_of(())
        self._lent: dict[str, Fabric] = {}
        self.revision = -1
        """The database's count that this is the book of."""

    def refresh(self) -> bool:
        """Read what has changed since. Blocking; returns whether anything had. Raises CapacityError: catalog_away."""
        with self._refreshing, self._database.read() as session:
            revision = session.scalars(select(Counter.revision)).one()
            if revision == self.revision:
                return False
            # A restored backup counts backwards: then everything is new.
            since = self.revision if revision > self.revision else -1
            self._take_in(session, since)
            self._catalog = self._bound()
            self.revision = revision
            return True

    def families(self) -> tuple[Family, ...]:
        """See Book."""
        return self._catalog.families()

    def fabrics(self) -> tuple[Fabric, ...]:
        """See Book."""
        return self._catalog.fabrics()

    def find(self, fabric_id: str) -> Fabric | None:
        """See Book."""
        return self._catalog.find(fabric_id) or self._lent.get(fabric_id)

    def get(self, fabric_id: str) -> Fabric:
        """See Book."""
        return self._lent.get(fabric_id) or self._catalog.get(fabric_id)

    def lend(self, fabric: Fabric) -> None:
        """Have a cloth of no family be found by its id, until many others were lent: it is worn, and not listed."""
        with self._refreshing:
            others = [known for known in self._lent.values() if known.id != fabric.id]
            self._lent = {known.id: known for known in (*others[1 - _MOST_LENT :], fabric)}

    def family_entry(self, family_id: str) -> FamilyEntry | None:
        """What is written down of a family, without its colours."""
        known = self._families.get(family_id)
        return known.entry if known is not None else None

    def colour_entry(self, colour_id: str) -> ColourEntry | None:
        """What is written down of a colour."""
        known = self._colours.get(colour_id)
        return known.entry if known is not None else None

    def colour_note(self, colour_id: str) -> Note:
        """Of a colour that is in the book."""
        return self._colours[colour_id].note

    def family_note(self, family_id: str) -> Note:
        """Of a family that is in the book."""
        return self._families[family_id].note

    def _take_in(self, session: Session, since: int) -> None:
        """Rows that were changed after this count."""
        families = {} if since < 0 else dict(self._families)
        colours = {} if since < 0 else dict(self._colours)
        new_colours = session.scalars(select(ColourRow).where(ColourRow.revision > since)).all()
        # Families last: one that a new colour stands in is then there too, whatever is committed meanwhile.
        new_families = session.scalars(select(FamilyRow).where(FamilyRow.revision > since)).all()
        for row in new_families:
            note = Note(row.revision, row.created, row.updated)
            families[row.id] = _Family(family_entry(row), row.position, note)
        for row in new_colours:
            note = Note(row.revision, row.created, row.updated, row.swatch_key)
            colours[row.id] = self._colour(colour_entry(row), families[row.family_id], row.position, note)
        # Colours take after their family: those of one that has changed are made again.
        changed, fresh = {row.id for row in new_families}, {row.id for row in new_colours}
        for id, known in colours.items():
            if known.fabric.family in changed and id not in fresh:
                colours[id] = self._colour(known.entry, families[known.fabric.family], known.position, known.note)
        self._families, self._colours = families, colours

    def _colour(self, entry: ColourEntry, family: _Family, position: int, note: Note) -> _Colour:
        fabric = fabric_of(entry, family.entry, read=self._read)
        # What every listing asks for is worked out here, where nobody waits for it.
        _ = fabric.words, fabric.to_public()
        return _Colour(entry, position, note, fabric)

    def _bound(self) -> Catalog:
        """The book of what is known now."""
        of_family: dict[str, list[Fabric]] = {id: [] for id in self._families}
        for colour in sorted(self._colours.values(), key=lambda colour: colour.position):
            of_family[colour.fabric.family].append(colour.fabric)
        known = sorted(self._families.values(), key=lambda family: family.position)
        return catalog_of(tuple(bound(family.entry, tuple(of_family[family.entry.id])) for family in known))
