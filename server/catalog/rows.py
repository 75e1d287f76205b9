"""Rows and entries: the same facts, as the database and as the book has them. Owns the way between them, no queries."""

from __future__ import annotations

from datetime import datetime

from fabric.entries import ColourEntry, FamilyEntry, ScanEntry, cloth_of, name_key
from server.catalog.tables import ColourRow, FamilyRow
from utils.errors import ConfigError


def family_entry(row: FamilyRow, colours: tuple[ColourEntry, ...] = ()) -> FamilyEntry:
    """The family without its colours, or with these."""
    return FamilyEntry(
        id=row.id,
        name=row.name,
        use=row.use,
        composition=row.composition,
        weight_g_m2=row.weight_g_m2,
        description=row.description,
        status=row.status,
        draft=row.draft,
        colours=colours,
    )


def colour_entry(row: ColourRow) -> ColourEntry:
    """The colour."""
    return ColourEntry(
        id=row.id,
        name=row.name,
        code=row.code,
        colour=row.colour,
        mill=row.mill,
        status=row.status,
        tags=tuple(row.tags),
        composition=row.composition,
        weight_g_m2=row.weight_g_m2,
        draft=row.draft,
        scan=_scan_entry(row) if row.maps is not None else None,
        measured=row.mean_hex,
    )


def write_family(row: FamilyRow, entry: FamilyEntry) -> None:
    """Everything but the id, which a row keeps for ever, and what is counted."""
    row.name, row.name_key = entry.name, name_key(entry.name)
    row.use, row.description, row.status = entry.use, entry.description, entry.status
    row.composition, row.weight_g_m2, row.draft = entry.composition, entry.weight_g_m2, dict(entry.draft)


def write_colour(row: ColourRow, entry: ColourEntry, family: FamilyEntry) -> None:
    """As `write_family`. Blocking where the colour is not measured yet: a piece of the cloth is made for that."""
    cloth = cloth_of(entry, family, read=unread)
    row.name, row.name_key, row.code, row.mill = entry.name, name_key(entry.name), entry.code, entry.mill
    row.status, row.composition, row.weight_g_m2 = entry.status, entry.composition, entry.weight_g_m2
    row.colour, row.mean_hex, row.tags = entry.colour, entry.measured or cloth.mean_hex(), list(entry.tags)
    row.width_mm, row.height_mm = cloth.size_mm
    row.roughness, row.metalness, row.sheen = cloth.roughness, cloth.metalness, cloth.sheen
    scan = entry.scan
    row.draft = dict(entry.draft or {}) if scan is None else None
    maps = dict(scan.maps) if scan is not None else None
    if maps != row.maps:
        row.origin = None  # other maps come from another photo
    row.maps = maps
    row.height_low_mm, row.height_high_mm = scan.height_range_mm if scan is not None else (None, None)


def stamp(row: FamilyRow | ColourRow, *, revision: int, now: datetime) -> None:
    """It has changed, at this count and moment."""
    row.revision, row.updated = revision, now
    if row.created is None:
        row.created = now


def new_family(id: str, position: int) -> FamilyRow:
    """To be filled."""
    return FamilyRow(id=id, position=position)


def new_colour(id: str, family_id: str, position: int) -> ColourRow:
    """To be filled."""
    return ColourRow(id=id, family_id=family_id, position=position)


def _scan_entry(row: ColourRow) -> ScanEntry:
    return ScanEntry(
        maps=row.maps or {},
        size_mm=(row.width_mm, row.height_mm),
        height_range_mm=(row.height_low_mm or 0.0, row.height_high_mm or 0.0),
        roughness=row.roughness,
        metalness=row.metalness,
        sheen=row.sheen,
    )


def unread(_: str) -> bytes:
    """For where no map is looked at."""
    raise ConfigError("maps_missing", "the colour of a scanned cloth is measured when it is scanned")
