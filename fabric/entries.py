"""What is written down of a family and of a colour, wherever that is: in a file or in a database.

Owns the entries, what is allowed in them, and how they become fabrics; must not know who keeps them. A colour says only
what sets it apart: composition, weight and keys of the draft that it leaves out are its family's.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fabric.book import STATUSES, USES, Fabric, Family
from fabric.cloth import Cloth, Woven
from fabric.scanned import NEEDED, Scanned
from utils.colour import hex_to_srgb8
from utils.errors import InputError

LIGHTEST_G_M2, HEAVIEST_G_M2 = 30, 900
SMALLEST_MM, LARGEST_MM = 1.0, 2000.0
"""Sides of a tile: a thread's breadth, and more than any bolt is wide."""
MAPS = ("albedo", "normal", "height", "roughness", "metalness", "opacity", "ao", "orm")
LONGEST_NAME, LONGEST_TEXT, LONGEST_DRAFT, MOST_TAGS = 80, 2000, 64 << 10, 24

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class ScanEntry:
    """The cloth of a colour that was scanned."""

    maps: Mapping[str, str]
    """Name of the map to the key that it is stored under."""
    size_mm: tuple[float, float]
    """(width, height) of the tile."""
    height_range_mm: tuple[float, float] = (-0.2, 0.2)
    """What black and white of the height map stand for."""
    roughness: float = 0.8
    metalness: float = 0.0
    sheen: float = 0.05


@dataclass(frozen=True)
class ColourEntry:
    """A colour of a family: a cloth that can be chosen. It is woven from a draft or was scanned."""

    id: str
    name: str
    code: str
    colour: str
    """ "#rrggbb"."""
    mill: str
    status: str = "active"
    tags: tuple[str, ...] = ()
    composition: str | None = None
    weight_g_m2: int | None = None
    draft: Mapping[str, Any] | None = None
    """What differs from the family's draft."""
    scan: ScanEntry | None = None
    measured: str | None = None
    """ "#rrggbb" that the cloth melts into from afar, once somebody has looked."""


@dataclass(frozen=True)
class FamilyEntry:
    """A family. Its colours stand beside it where it is read from."""

    id: str
    name: str
    use: str
    composition: str
    weight_g_m2: int
    description: str = ""
    status: str = "active"
    draft: Mapping[str, Any] = field(default_factory=dict)
    colours: tuple[ColourEntry, ...] = ()


Read = Callable[[str], bytes]
"""The stored picture of a key. Raises ConfigError: maps_missing."""


def family_of(entry: FamilyEntry, *, read: Read) -> Family:
    """As the book has it. The entries must have passed the checks below."""
    return bound(entry, tuple(fabric_of(colour, entry, read=read) for colour in entry.colours))


def bound(entry: FamilyEntry, fabrics: tuple[Fabric, ...]) -> Family:
    """The family with these fabrics."""
    return Family(entry.id, entry.name, entry.use, entry.description, fabrics, entry.status)


def fabric_of(entry: ColourEntry, family: FamilyEntry, *, read: Read) -> Fabric:
    """As the book has it."""
    return Fabric(
        id=entry.id,
        name=entry.name,
        family=family.id,
        use=family.use,
        composition=entry.composition or family.composition,
        weight_g_m2=entry.weight_g_m2 or family.weight_g_m2,
        mill=entry.mill,
        code=entry.code,
        status=entry.status if family.status == "active" else family.status,
        tags=tuple(entry.tags),
        colour=entry.colour,
        cloth=cloth_of(entry, family, read=read),
        measured=entry.measured,
    )


def cloth_of(entry: ColourEntry, family: FamilyEntry, *, read: Read) -> Cloth:
    """Woven from the family's draft and what differs from it, or as scanned."""
    scan = entry.scan
    if scan is None:
        return Woven.of({**family.draft, **(entry.draft or {})})
    return Scanned(
        maps=tuple(sorted(scan.maps.items())),
        size_mm=(float(scan.size_mm[0]), float(scan.size_mm[1])),
        height_range_mm=(float(scan.height_range_mm[0]), float(scan.height_range_mm[1])),
        colour=entry.measured or entry.colour,
        roughness=scan.roughness,
        metalness=scan.metalness,
        sheen=scan.sheen,
        read=read,
    )


def name_key(name: str) -> str:
    """What two names have in common that a merchandiser cannot tell apart: case, width and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def slug_of(name: str) -> str:
    """An id made of a name: a-z, 0-9 and hyphens; "cloth" where nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("ß", "ss")).encode("ascii", "ignore").decode()
    return "-".join(re.findall("[a-z0-9]+", plain))[:48].strip("-") or "cloth"


def check_family(entry: FamilyEntry) -> None:
    """Raises InputError: bad_entry, bad_name, bad_weight."""
    _check_texts(entry.id, entry.name, (entry.description, entry.composition))
    _expect(entry.use in USES, f"use must be one of {', '.join(USES)}")
    _check_status_and_weight(entry.status, entry.weight_g_m2)
    _check_draft(entry.draft)


def check_colour(entry: ColourEntry, family: FamilyEntry) -> None:
    """Everything about it but its place among others.

    Raises:
        InputError: bad_entry, bad_name, bad_weight, bad_size, bad_colour. ConfigError: bad_draft.
    """
    _check_texts(entry.id, entry.name, (entry.code, entry.mill, entry.composition or ""))
    _check_status_and_weight(entry.status, entry.weight_g_m2)
    _expect(len(entry.tags) <= MOST_TAGS, f"a colour has at most {MOST_TAGS} tags")
    _expect(
        all(tag.strip() and tag.isprintable() and len(tag) <= LONGEST_NAME for tag in entry.tags), "a tag is a word"
    )
    for colour in (entry.colour, entry.measured or entry.colour):
        hex_to_srgb8(colour)
    if entry.scan is None:
        _check_draft(entry.draft or {})
        _ = Woven.of({**family.draft, **(entry.draft or {})}).draft
    else:
        _expect(not entry.draft, "a colour is either woven from a draft or scanned")
        check_scan(entry.scan)


def check_scan(scan: ScanEntry) -> None:
    """Raises InputError: bad_entry, bad_size."""
    check_size(scan.size_mm)
    missing = [name for name in NEEDED if name not in scan.maps]
    _expect(not missing, f"these maps are missing: {', '.join(missing)}")
    _expect(set(scan.maps) <= set(MAPS), f"maps are called {', '.join(MAPS)}")
    low_mm, high_mm = scan.height_range_mm
    _expect(-50.0 <= low_mm < high_mm <= 50.0, "height_range_mm must rise from one value to a larger one")
    figures = {"roughness": scan.roughness, "metalness": scan.metalness, "sheen": scan.sheen}
    for name, value in figures.items():
        _expect(0.0 <= value <= 1.0, f"{name} must lie between 0 and 1")


def check_size(size_mm: tuple[float, float]) -> None:
    """Raises InputError: bad_size."""
    if not all(SMALLEST_MM <= side_mm <= LARGEST_MM for side_mm in size_mm):
        raise InputError(
            "bad_size",
            f"a piece of cloth measures {SMALLEST_MM:g} to {LARGEST_MM:g} mm a side",
            hint="measure the swatch with a ruler and type its width and height in millimetres",
        )


def _check_texts(id: str, name: str, others: tuple[str, ...]) -> None:
    _expect(_SLUG.fullmatch(id) and len(id) <= 64, "the id must be a slug (a-z, 0-9 and hyphens, at most 64)")
    key = name_key(name)
    if not key or len(name) > LONGEST_NAME or len(key) > 2 * LONGEST_NAME or not name.isprintable():
        raise InputError(
            "bad_name", f"a name has 1 to {LONGEST_NAME} letters", hint="give it the name that customers will read"
        )
    _expect(all(len(text) <= LONGEST_TEXT for text in others), f"a text has at most {LONGEST_TEXT} letters")
    # No database takes all of them, and nobody means to write them.
    _expect(all("".join(text.split()).isprintable() for text in others), "a text has no control characters")


def _check_draft(draft: Mapping[str, Any]) -> None:
    """Its size; what it says is for fabric/draft.py."""
    _expect(len(json.dumps(draft)) <= LONGEST_DRAFT, f"a draft has at most {LONGEST_DRAFT} letters")


def _check_status_and_weight(status: str, weight_g_m2: int | None) -> None:
    _expect(status in STATUSES, f"status must be one of {', '.join(STATUSES)}")
    if weight_g_m2 is not None and not LIGHTEST_G_M2 <= weight_g_m2 <= HEAVIEST_G_M2:
        raise InputError(
            "bad_weight",
            f"weight_g_m2 must be within {LIGHTEST_G_M2} to {HEAVIEST_G_M2}",
            hint="the mill gives it in grams per square metre; 280 is a usual suiting",
        )


def _expect(holds: object, complaint: str) -> None:
    if not holds:
        raise InputError("bad_entry", complaint, hint="see docs/catalog.md for what belongs there")
