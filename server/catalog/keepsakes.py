"""Files that belong to the catalog: pictures of swatches, maps of scans, and what becomes of them.

Owns uploads and scans until they belong to a colour, and sweeping away what belongs to nothing; must not know HTTP nor
how a cloth is scanned. Files are stored and swept in turns of the ledger: a sweep never meets a save that is under way.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fabric.entries import ColourEntry, ScanEntry, check_scan
from server.catalog.database import Database
from server.catalog.ledger import Ledger, add_colour
from server.catalog.room import Room, make_room
from server.catalog.tables import ColourRow, ScanRow, UploadRow
from server.storage import Storage
from utils.errors import CapacityError, InputError
from utils.images import ImageLimits, fit_long_side, read_image, write_image

KEPT_FOR = timedelta(hours=24)
_NOTED_EVERY = timedelta(minutes=1)  # looks at a scan: a page asks for a dozen pictures at once
SWATCH_LIMITS = ImageLimits(max_bytes=5 << 20, max_pixels=24 << 20, first_of_many=True)
_SWATCH_HINT = (
    "take a photo of the swatch and send that: a JPEG, PNG or WebP picture of at most 5 MB, whatever its file is called"
)
_SWATCH_LONG_SIDE = 1600
_SWATCH_QUALITY = 90


@dataclass(frozen=True)
class Upload:
    """A picture of a swatch that belongs to nothing yet."""

    id: str
    url: str
    expires: datetime


@dataclass(frozen=True)
class Scan:
    """A scan: one that is not saved yet, or what a colour was saved from."""

    id: str
    manifest: Mapping[str, Any]
    """See ScanRow."""
    urls: Mapping[str, str]
    """Of its maps."""
    created: datetime
    expires: datetime | None
    """None for one that has become a colour."""


@dataclass(frozen=True)
class Swept:
    """What a sweep has removed."""

    uploads: int
    scans: int
    files: int


class Keepsakes:
    """Any thread; blocking."""

    def __init__(self, database: Database, storage: Storage, ledger: Ledger, *, room: Room) -> None:
        """`room` is for scans that are not saved."""
        self._database = database
        self._storage = storage
        self._ledger = ledger
        self._room = room

    def keep_swatch(self, photo: bytes) -> Upload:
        """A picture of a swatch, for KEPT_FOR or until it is given to a colour. Re-encoded, without metadata.

        Raises:
            InputError: see utils/images.py. CapacityError: storage_full, catalog_away.
        """
        try:
            pixels = fit_long_side(read_image(photo, limits=SWATCH_LIMITS), _SWATCH_LONG_SIDE)
        except InputError as error:
            raise InputError(error.code, error.message, hint=error.hint or _SWATCH_HINT) from error
        data = write_image(pixels, format="jpeg", quality=_SWATCH_QUALITY)
        with self._ledger.turn(step=0) as turn:
            key = self._storage.put(data, kind="swatches", suffix=".jpg")
            row = UploadRow(id=secrets.token_hex(16), key=key, created=turn.now, expires=turn.now + KEPT_FOR)
            turn.session.add(row)
        return Upload(row.id, self._storage.url(key), row.expires)

    def keep_scan(
        self,
        maps: Mapping[str, bytes],
        *,
        size_mm: tuple[float, float] | None,
        height_range_mm: tuple[float, float],
        roughness: float,
        sheen: float,
        mean_hex: str,
        metalness: float = 0.0,
        photos: Mapping[str, bytes] | None = None,
        findings: Mapping[str, Any] | None = None,
    ) -> str:
        """A finished scan, for KEPT_FOR or until it is saved as a colour; older ones may have to make room for it.
        Returns its id.

        `maps` are PNG files by name, as fabric/scanned.py reads them; `size_mm` is None where the scale is not known;
        `photos` are JPEG files of the swatch without metadata, of which `preview` is for people; `findings` is whatever
        else the scanner says, ready for JSON.

        Raises:
            InputError: bad_entry, bad_size. CapacityError: scans_full, storage_full, catalog_away.
        """
        figures = {"roughness": roughness, "metalness": metalness, "sheen": sheen}
        # A size that is not known yet is asked for when the scan is saved.
        check_scan(ScanEntry(dict.fromkeys(maps, ""), size_mm or (100.0, 100.0), height_range_mm, **figures))
        photos = photos or {}
        needed_bytes = sum(map(len, (*maps.values(), *photos.values())))
        with self._ledger.turn(step=0) as turn:
            gone = make_room(turn.session, self._room, needed_bytes=needed_bytes, now=turn.now)
            put = self._storage.put
            manifest = {
                "maps": {name: put(data, kind="maps", suffix=".png") for name, data in maps.items()},
                "photos": {name: put(data, kind="photos", suffix=".jpg") for name, data in photos.items()},
                "size_mm": size_mm,
                "height_range_mm": height_range_mm,
                **figures,
                "mean_hex": mean_hex,
                "findings": dict(findings or {}),
            }
            id, now = secrets.token_hex(16), turn.now
            row = ScanRow(id=id, manifest=manifest, bytes=needed_bytes, seen=now, created=now, expires=now + KEPT_FOR)
            turn.session.add(row)
        if gone:
            self._let_go_of(key for manifest in gone for key in _keys_of(manifest))
        return id

    def scans(self) -> list[Scan]:
        """Those that can still be saved, newest first. Raises CapacityError: catalog_away."""
        with self._database.read() as session:
            kept = select(ScanRow).where(ScanRow.expires > self._ledger.now()).order_by(ScanRow.created.desc())
            return [self._scan(row) for row in session.scalars(kept)]

    def scan(self, scan_id: str) -> Scan:
        """Raises InputError: unknown_scan. CapacityError: catalog_away."""
        with self._database.read() as session:
            row = _known_scan(session, scan_id, self._ledger.now())
        self._note_look(row)
        return self._scan(row)

    def scan_behind(self, id: str) -> Scan:
        """The scan of this id, or what the colour of this id was saved from.

        Raises:
            InputError: unknown_scan. CapacityError: catalog_away.
        """
        with self._database.read() as session:
            colour = session.get(ColourRow, id)
        if colour is None or colour.origin is None or colour.maps is None:
            return self.scan(id)
        figures = {name: getattr(colour, name) for name in ("roughness", "metalness", "sheen")}
        figures["size_mm"] = [colour.width_mm, colour.height_mm]
        findings = {**colour.origin["findings"], "name": colour.name}
        manifest = {**colour.origin, **figures, "maps": colour.maps, "findings": findings}
        return Scan(colour.id, manifest, self._urls(manifest), colour.created, None)

    def save_scan(
        self, scan_id: str, family_id: str, entry: ColourEntry, *, size_mm: tuple[float, float] | None = None
    ) -> str:
        """The scan becomes a colour of the family and is no scan any more. Returns the colour's id.

        `entry` says everything but `scan`; `size_mm` is the tile's width and height, where a person knows better.

        Raises:
            InputError: unknown_scan, scale_unknown, bad_size, and as `Ledger.create_colour`.
        """
        with self._ledger.turn() as turn:
            row = _known_scan(turn.session, scan_id, turn.now)
            facts = row.manifest
            size_mm = size_mm or facts["size_mm"]
            if size_mm is None:
                raise scale_unknown()
            scan = ScanEntry(
                maps=facts["maps"],
                size_mm=tuple(size_mm),
                height_range_mm=tuple(facts["height_range_mm"]),
                **{name: facts[name] for name in ("roughness", "metalness", "sheen")},
            )
            scanned = replace(entry, scan=scan, draft=None, measured=facts["mean_hex"])
            turn.session.delete(row)
            photos = facts.get("photos", {})
            id = add_colour(turn, family_id, scanned, swatch_key=photos.get("preview"))
            origin = {name: value for name, value in facts.items() if name not in ("maps", "size_mm")}
            turn.session.get_one(ColourRow, id).origin = origin
            return id

    def sweep(self) -> Swept:
        """Forget what has expired, and every file that nothing refers to. Raises CapacityError: catalog_away."""
        with self._ledger.turn(step=0) as turn:
            uploads = turn.session.execute(delete(UploadRow).where(UploadRow.expires <= turn.now)).rowcount
            scans = turn.session.execute(delete(ScanRow).where(ScanRow.expires <= turn.now)).rowcount
            needed = _referred_to(turn.session)
            files = [key for key in self._storage.list() if key not in needed]
            for key in files:
                self._storage.delete(key)
        self._storage.tidy()
        return Swept(uploads, scans, len(files))

    def _let_go_of(self, keys: Iterable[str]) -> None:
        """Delete files that nothing refers to any more. In a turn of its own: had it been the one that deleted the
        rows, and had that failed in the end, rows would be left without their files."""
        with self._ledger.turn(step=0) as turn:
            for key in set(keys) - _referred_to(turn.session):
                self._storage.delete(key)

    def _note_look(self, row: ScanRow) -> None:
        """Somebody looks at it, so that it does not have to make room for others now."""
        now = self._ledger.now()
        if now - row.seen < _NOTED_EVERY:
            return
        with suppress(CapacityError), self._database.write() as session:  # a look is not refused for that
            session.execute(update(ScanRow).where(ScanRow.id == row.id).values(seen=now))

    def _scan(self, row: ScanRow) -> Scan:
        return Scan(row.id, row.manifest, self._urls(row.manifest), row.created, row.expires)

    def _urls(self, manifest: Mapping[str, Any]) -> dict[str, str]:
        return {name: self._storage.url(key) for name, key in manifest["maps"].items()}


def scale_unknown() -> InputError:
    """Nobody has said how large the cloth is, and a cloth of unknown size cannot be worn."""
    return InputError(
        "scale_unknown",
        "how large this piece of cloth is, is not known",
        hint="type the tile's width and height in millimetres, or scan again with a ruler or a bank card beside it",
    )


def unknown_scan() -> InputError:
    """There is none, or not any more."""
    return InputError("unknown_scan", "there is no such scan, or it is older than a day", hint="scan the swatch again")


def _known_scan(session: Session, scan_id: str, now: datetime) -> ScanRow:
    row = session.get(ScanRow, scan_id)
    if row is None or row.expires <= now:
        raise unknown_scan()
    return row


def _referred_to(session: Session) -> set[str]:
    """Every key that a row holds."""
    keys = set(session.scalars(select(UploadRow.key)))
    keys |= set(session.scalars(select(ColourRow.swatch_key).where(ColourRow.swatch_key.is_not(None))))
    for maps in session.scalars(select(ColourRow.maps).where(ColourRow.maps.is_not(None))):
        keys |= set(maps.values())
    for origin in session.scalars(select(ColourRow.origin).where(ColourRow.origin.is_not(None))):
        keys |= set(origin.get("photos", {}).values())
    for manifest in session.scalars(select(ScanRow.manifest)):
        keys |= _keys_of(manifest)
    return keys


def _keys_of(manifest: Mapping[str, Any]) -> set[str]:
    """Files of a scan."""
    return {*manifest["maps"].values(), *manifest.get("photos", {}).values()}
