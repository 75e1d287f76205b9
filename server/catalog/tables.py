"""The tables of the catalog, as they are now; migrations/ says how they came to be.

Owns columns, keys and indexes; must not know queries. Everything that changes carries a `revision`: the catalog's own
counter at its last change, so that whoever knows the counter knows what is new, and an edit knows what it edits.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcTime(TypeDecorator[datetime]):
    """A moment. SQLite forgets time zones, so that UTC is put back when it is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """With its time zone, whatever the database says."""
        return value.replace(tzinfo=timezone.utc) if value is not None and value.tzinfo is None else value


class Table(DeclarativeBase):
    """What all tables have in common."""


class Counter(Table):
    """One row: how often the catalog has changed, and whether it has been filled."""

    __tablename__ = "catalog"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    revision: Mapped[int] = mapped_column(Integer)
    seeded: Mapped[datetime | None] = mapped_column(UtcTime)


class FamilyRow(Table):
    """A family: see fabric/entries.py."""

    __tablename__ = "families"
    __table_args__ = (UniqueConstraint("name_key"), Index("ix_families_revision", "revision"))

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
    """In the order of the book."""
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(160))
    """The name as it is compared."""
    use: Mapped[str] = mapped_column(String(16))
    description: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    composition: Mapped[str] = mapped_column(Text)
    weight_g_m2: Mapped[int] = mapped_column(Integer)
    draft: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What its woven colours have in common."""
    revision: Mapped[int] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(UtcTime)
    updated: Mapped[datetime] = mapped_column(UtcTime)


class ColourRow(Table):
    """A colour of a family: see fabric/entries.py. Composition and weight are null where they are the family's."""

    __tablename__ = "colours"
    __table_args__ = (
        UniqueConstraint("family_id", "name_key"),
        Index("ix_colours_revision", "revision"),
        Index("ix_colours_status", "status"),
        Index("ix_colours_code", "code"),
    )

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    family_id: Mapped[str] = mapped_column(ForeignKey("families.id"))
    position: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(80))
    name_key: Mapped[str] = mapped_column(String(160))
    code: Mapped[str] = mapped_column(Text)
    mill: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    composition: Mapped[str | None] = mapped_column(Text)
    weight_g_m2: Mapped[int | None] = mapped_column(Integer)
    colour: Mapped[str] = mapped_column(String(7))
    """ "#rrggbb" as stated."""
    mean_hex: Mapped[str] = mapped_column(String(7))
    """ "#rrggbb" as measured."""
    tags: Mapped[list[str]] = mapped_column(JSON)
    width_mm: Mapped[float] = mapped_column(Double)
    """Of the tile; like the next four it follows from the draft where there is one, and is written down for reports."""
    height_mm: Mapped[float] = mapped_column(Double)
    roughness: Mapped[float] = mapped_column(Double)
    metalness: Mapped[float] = mapped_column(Double)
    sheen: Mapped[float] = mapped_column(Double)
    draft: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Woven: what differs from the family's draft."""
    maps: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    """Scanned: name of the map to its key in the storage."""
    height_low_mm: Mapped[float | None] = mapped_column(Double)
    height_high_mm: Mapped[float | None] = mapped_column(Double)
    origin: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Scanned: the scan's manifest without its maps, so that its photo can be scanned again."""
    swatch_key: Mapped[str | None] = mapped_column(Text)
    """A picture of the real cloth, for people."""
    revision: Mapped[int] = mapped_column(Integer)
    created: Mapped[datetime] = mapped_column(UtcTime)
    updated: Mapped[datetime] = mapped_column(UtcTime)


class UploadRow(Table):
    """A picture that somebody has sent and that belongs to nothing yet."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_expires", "expires"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    key: Mapped[str] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime] = mapped_column(UtcTime)


class ScanRow(Table):
    """A finished scan that has not been saved as a colour."""

    __tablename__ = "scans"
    __table_args__ = (Index("ix_scans_expires", "expires"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    manifest: Mapped[dict[str, Any]] = mapped_column(JSON)
    """maps and photos (name to key), size_mm or null, height_range_mm, roughness, metalness, sheen, mean_hex, and what
    the scanner says of it."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    """Of all its files."""
    seen: Mapped[datetime] = mapped_column(UtcTime)
    """When somebody looked at it last, to the minute."""
    created: Mapped[datetime] = mapped_column(UtcTime)
    expires: Mapped[datetime] = mapped_column(UtcTime)
