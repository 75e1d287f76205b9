"""Whole books in and out, in the format of data/catalog/catalog.json.

Owns comparing a book with what is there, and taking it in as one change; must not know HTTP. What is not in the book
that comes in stays as it is: a colour is retired by saying so, never by leaving it out.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from fabric.catalog import read_entries, write_entries
from fabric.cloth import Cloth
from fabric.entries import ColourEntry, FamilyEntry, check_colour, cloth_of, name_key
from server.catalog.database import Database
from server.catalog.ledger import Ledger, Turn, name_taken, put_colour, put_family
from server.catalog.rows import colour_entry, family_entry, new_colour, new_family, unread
from server.catalog.tables import ColourRow, FamilyRow
from server.storage import Storage
from utils.errors import ConfigError, InputError, LucyError


@dataclass(frozen=True)
class Change:
    """What a book that comes in does to one entry."""

    kind: Literal["family", "colour"]
    id: str
    what: Literal["created", "changed"]
    fields: tuple[str, ...] = ()
    """Which of its fields differ, where it was there before."""


class Exchange:
    """Any thread; blocking."""

    def __init__(self, database: Database, storage: Storage, ledger: Ledger) -> None:
        self._database = database
        self._storage = storage
        self._ledger = ledger

    def book_out(self) -> dict[str, Any]:
        """Everything but pictures, ready for JSON; retired entries too. Raises CapacityError: catalog_away."""
        with self._database.read() as session:
            return write_entries([*_known(session).values()])

    def book_in(self, book: Any, *, dry_run: bool) -> list[Change]:
        """Take in a book that was JSON, wholly or not at all; or only say what that would change.

        Raises:
            InputError: bad_catalog, name_taken, unknown_object. CapacityError: storage_full, catalog_away.
        """
        try:
            entries = read_entries(book)
        except ConfigError as error:
            raise InputError(error.code, error.message, hint=error.hint or "see docs/catalog.md") from error
        self._expect_maps(entries)
        with self._database.read() as session:
            known = _known(session)
        entries = _checked(known, entries)
        if dry_run:
            return compare(known, entries)
        entries = measured(known, entries)  # ahead of the turn, in which others have to wait
        with self._ledger.turn() as turn:
            known = _known(turn.session)
            entries = _checked(known, entries)
            changes = compare(known, entries)
            take_in(turn, entries, {(change.kind, change.id) for change in changes})
        return changes

    def _expect_maps(self, entries: Sequence[FamilyEntry]) -> None:
        scans = (colour.scan for family in entries for colour in family.colours if colour.scan is not None)
        for key in {key for scan in scans for key in scan.maps.values()}:
            self._storage.open(key).close()


def compare(known: Mapping[str, FamilyEntry], entries: Sequence[FamilyEntry]) -> list[Change]:
    """What differs, in the order of the book that comes in."""
    homes = {colour.id: (family.id, colour) for family in known.values() for colour in family.colours}
    changes: list[Change] = []
    for family in entries:
        changes += _change("family", family, known.get(family.id))
        for colour in family.colours:
            home, own = homes.get(colour.id, (family.id, None))
            moved = ("family",) if home != family.id else ()
            changes += _change("colour", colour, own, moved)
    return changes


def take_in(turn: Turn, entries: Sequence[FamilyEntry], wanted: set[tuple[str, str]] | None = None) -> None:
    """Write the entries that are `wanted` by kind and id, or all. What is new comes after what is there."""
    families = {row.id: row for row in turn.session.scalars(select(FamilyRow))}
    colours = {row.id: row for row in turn.session.scalars(select(ColourRow))}
    _let_go_of_names(turn, families, colours, entries)
    places = [max((row.position for row in rows.values()), default=-1) for rows in (families, colours)]
    for family in entries:
        if wanted is None or ("family", family.id) in wanted:
            places[0] += 1
            put_family(turn, families.get(family.id) or new_family(family.id, places[0]), family)
    turn.session.flush()  # colours refer to them
    for family in entries:
        for colour in family.colours:
            if wanted is not None and ("colour", colour.id) not in wanted and ("family", family.id) not in wanted:
                continue
            places[1] += 1
            row = colours.get(colour.id) or new_colour(colour.id, family.id, places[1])
            row.family_id = family.id
            put_colour(turn, row, colour, family)


def measured(known: Mapping[str, FamilyEntry], entries: Sequence[FamilyEntry]) -> tuple[FamilyEntry, ...]:
    """With the colour that each cloth has from afar: as it was where the cloth is the same, else measured now."""
    pairs = [(colour, family) for family in known.values() for colour in family.colours]
    seen = {_cloth(colour, family).look: colour.measured for colour, family in pairs}

    def look_at(colour: ColourEntry, family: FamilyEntry) -> ColourEntry:
        if colour.measured is not None:
            return colour
        cloth = _cloth(colour, family)
        return replace(colour, measured=seen.get(cloth.look) or cloth.mean_hex())

    return tuple(
        replace(family, colours=tuple(look_at(colour, family) for colour in family.colours)) for family in entries
    )


def _known(session: Session) -> dict[str, FamilyEntry]:
    """Every family with its colours, in the order of the book."""
    of_family: dict[str, list[ColourEntry]] = {}
    for row in session.scalars(select(ColourRow).order_by(ColourRow.position)):
        of_family.setdefault(row.family_id, []).append(colour_entry(row))
    rows = session.scalars(select(FamilyRow).order_by(FamilyRow.position))
    return {row.id: family_entry(row, tuple(of_family.get(row.id, ()))) for row in rows}


def _change(
    kind: Literal["family", "colour"],
    new: FamilyEntry | ColourEntry,
    old: FamilyEntry | ColourEntry | None,
    moved: tuple[str, ...] = (),
) -> list[Change]:
    if old is None:
        return [Change(kind, new.id, "created")]
    names = (field.name for field in fields(new) if field.name not in ("colours", "measured"))
    differ = moved + tuple(name for name in names if _plain(getattr(new, name)) != _plain(getattr(old, name)))
    return [Change(kind, new.id, "changed", differ)] if differ else []


def _plain(value: Any) -> Any:
    """No draft is an empty one, wherever it came from."""
    return dict(value or {}) if value is None or isinstance(value, Mapping) else value


def _checked(known: Mapping[str, FamilyEntry], entries: Sequence[FamilyEntry]) -> tuple[FamilyEntry, ...]:
    """The entries, with the colours of their families that they do not mention: these take after the family too.

    Raises:
        InputError: bad_catalog, name_taken.
    """
    _expect_names(known, entries)
    told = {colour.id for family in entries for colour in family.colours}
    whole = []
    for family in entries:
        old = known.get(family.id)
        others = [colour for colour in old.colours if colour.id not in told] if old is not None else []
        for colour in others:
            try:
                check_colour(colour, family)
            except LucyError as error:
                raise InputError("bad_catalog", f"fabric {colour.id}: {error.message}", hint=error.hint) from error
        # Measured again if the family's draft has changed under them.
        whole.append(replace(family, colours=(*family.colours, *(_unmeasured(colour) for colour in others))))
    return tuple(whole)


def _unmeasured(colour: ColourEntry) -> ColourEntry:
    return colour if colour.scan is not None else replace(colour, measured=None)


def _expect_names(known: Mapping[str, FamilyEntry], entries: Sequence[FamilyEntry]) -> None:
    """No two of one name among what there will be. Raises InputError: name_taken."""
    names = {("", family.id): family.name for family in known.values()}
    homes = {colour.id: (family.id, colour.name) for family in known.values() for colour in family.colours}
    names |= {("", family.id): family.name for family in entries}
    homes |= {colour.id: (family.id, colour.name) for family in entries for colour in family.colours}
    names |= {(home, id): name for id, (home, name) in homes.items()}
    if max(Tally((home, name_key(name)) for (home, _), name in names.items()).values(), default=0) > 1:
        raise name_taken()


def _let_go_of_names(
    turn: Turn, families: Mapping[str, FamilyRow], colours: Mapping[str, ColourRow], entries: Sequence[FamilyEntry]
) -> None:
    """Two entries may swap their names, which the database would see as one name twice for a moment."""
    wanted = {id(families[f.id]): f.name for f in entries if f.id in families}
    wanted |= {id(colours[c.id]): c.name for f in entries for c in f.colours if c.id in colours}
    for row in (*families.values(), *colours.values()):
        if name_key(wanted.get(id(row), row.name)) != row.name_key:
            row.name_key = f"\x01{row.id}"  # no name has such a character
    turn.session.flush()


def _cloth(colour: ColourEntry, family: FamilyEntry) -> Cloth:
    return cloth_of(colour, family, read=unread)
