"""How many scans may lie about unsaved, and which of them go when there would be more.

Owns the choice; must not know files nor HTTP. What nobody has looked at for the longest time goes first. What somebody
looks at stays: rather is a new scan refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.catalog.tables import ScanRow
from utils.errors import CapacityError

LOOKED_AT_FOR = timedelta(minutes=10)
"""After the last look somebody may still sit before it, typing what the tailor says of the cloth."""


@dataclass(frozen=True)
class Room:
    """For scans that are not saved."""

    scans: int = 200
    bytes: int = 4 << 30
    """Of all their files; one that two scans share counts twice."""


class ScansFullError(CapacityError):
    """There is no room, and nothing that could make any."""

    retry_after_s = 60

    def __init__(self) -> None:
        super().__init__(
            "scans_full",
            "too many scans are being looked at that nobody has saved",
            hint="save those that are to be kept, and try again in ten minutes",
        )


def make_room(session: Session, room: Room, *, needed_bytes: int, now: datetime) -> list[Mapping[str, Any]]:
    """Delete the rows of as many scans as one more of `needed_bytes` has to have out of its way.

    Returns their manifests, whose files nobody else may refer to any more.

    Raises:
        ScansFullError: where only scans are left that somebody looks at.
    """
    facts = select(ScanRow.id, ScanRow.bytes, ScanRow.seen, ScanRow.expires)
    kept = session.execute(facts.order_by(ScanRow.seen)).all()
    number, size = len(kept) + 1, sum(row.bytes for row in kept) + needed_bytes
    going = []
    for row in sorted(kept, key=lambda row: row.expires > now):  # what has expired goes first
        if number <= room.scans and size <= room.bytes:
            break
        if row.expires > now and row.seen > now - LOOKED_AT_FOR:
            raise ScansFullError
        going.append(row.id)
        number, size = number - 1, size - row.bytes
    if size > room.bytes:
        raise ScansFullError
    rows = [session.get_one(ScanRow, id) for id in going]
    for row in rows:
        session.delete(row)
    return [row.manifest for row in rows]
