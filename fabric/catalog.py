"""The book as a file, data/catalog/catalog.json: what a new installation starts with, and what is sent to another one.

Owns reading it, with complaints that name the entry, and writing it; must not know databases or HTTP.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fabric.book import Catalog, catalog_of
from fabric.entries import ColourEntry, FamilyEntry, Read, ScanEntry, check_colour, check_family, family_of
from fabric.scanned import maps_missing
from utils.errors import ConfigError, LucyError

VERSION = 1

_BOOK_KEYS = {"version", "mill", "families"}
_FAMILY_KEYS = {
    *("id", "name", "use", "description", "composition", "weight_g_m2", "status", "draft", "colours"),
}
_COLOUR_KEYS = {
    *("id", "name", "code", "mill", "status", "tags", "composition", "weight_g_m2", "colour", "measured"),
    *("draft", "scan"),
}
_SCAN_KEYS = {"maps", "size_mm", "height_range_mm", "roughness", "metalness", "sheen"}
_TEXTS = ("id", "name", "code", "mill", "description", "composition", "colour", "measured")


def load_catalog(path: Path, *, read: Read | None = None) -> Catalog:
    """Read and check a catalog file. `read` finds the maps of scanned colours.

    Raises:
        ConfigError: bad_catalog, naming the entry that is wrong and what is wrong with it.
    """
    return catalog_of(tuple(family_of(entry, read=read or _no_maps) for entry in load_entries(path)))


def load_entries(path: Path) -> tuple[FamilyEntry, ...]:
    """The entries of a catalog file. Raises ConfigError: bad_catalog."""
    try:
        book = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError("bad_catalog", f"the catalog cannot be read ({type(error).__name__})") from error
    return read_entries(book)


def read_entries(book: Any) -> tuple[FamilyEntry, ...]:
    """The entries of a catalog that was JSON. Raises ConfigError: bad_catalog."""
    _expect_keys(book, _BOOK_KEYS, _BOOK_KEYS, at="catalog")
    if book["version"] != VERSION:
        raise ConfigError("bad_catalog", f"the catalog has version {book['version']}, this program reads {VERSION}")
    _expect(isinstance(book["mill"], str), "catalog", "mill must be a text")
    _expect(isinstance(book["families"], list), "catalog", "families must be a list")
    families = tuple(_family(entry, book["mill"], at=f"families[{n}]") for n, entry in enumerate(book["families"]))
    colours = [colour for family in families for colour in family.colours]
    for kind, ids in (("family", [f.id for f in families]), ("fabric", [c.id for c in colours])):
        if double := [id for id, times in Counter(ids).items() if times > 1]:
            raise ConfigError("bad_catalog", f"{kind} {double[0]}: this id is used more than once")
    return families


def write_entries(families: Sequence[FamilyEntry]) -> dict[str, Any]:
    """The catalog as JSON, as `read_entries` takes it. What is as usual is left out."""
    mills = Counter(colour.mill for family in families for colour in family.colours)
    mill = mills.most_common(1)[0][0] if mills else ""
    return {"version": VERSION, "mill": mill, "families": [_family_out(family, mill) for family in families]}


def _family(entry: Mapping[str, Any], mill: str, *, at: str) -> FamilyEntry:
    _expect_keys(entry, _FAMILY_KEYS, _FAMILY_KEYS - {"description", "status", "draft"}, at=at)
    at = f"family {entry['id']}"
    _expect_kinds(entry, at=at)
    _expect(isinstance(entry["colours"], list) and entry["colours"], at, "a family has at least one colour")
    about = {key: value for key, value in entry.items() if key != "colours"}
    family = FamilyEntry(**about)
    colours = []
    try:
        check_family(family)
    except LucyError as error:
        raise ConfigError("bad_catalog", f"{at}: {error.message}", hint=error.hint) from error
    for number, colour in enumerate(entry["colours"]):
        colours.append(_colour(colour, family, mill, at=f"{at}, colour {number}"))
    return FamilyEntry(**about, colours=tuple(colours))


def _colour(entry: Mapping[str, Any], family: FamilyEntry, mill: str, *, at: str) -> ColourEntry:
    _expect_keys(entry, _COLOUR_KEYS, {"id", "name", "code", "colour"}, at=at)
    at = f"fabric {entry['id']}"
    _expect(("draft" in entry) != ("scan" in entry), at, "a colour has either a draft or a scan")
    _expect_kinds(entry, at=at)
    scan = _scan(entry["scan"], at=at) if "scan" in entry else None
    about = {"mill": mill, **entry, "tags": tuple(entry.get("tags", ())), "scan": scan}
    colour = ColourEntry(**about)
    try:
        check_colour(colour, family)
    except LucyError as error:
        raise ConfigError("bad_catalog", f"{at}: {error.message}", hint=error.hint) from error
    return colour


def _scan(entry: Any, *, at: str) -> ScanEntry:
    _expect_keys(entry, _SCAN_KEYS, {"maps", "size_mm"}, at=f"{at}, scan")
    maps = entry["maps"]
    told = isinstance(maps, Mapping) and all(isinstance(key, str) for key in maps.values())
    _expect(told, at, "maps must be texts by name")
    for name in {"size_mm", "height_range_mm"} & set(entry):
        pair = entry[name]
        _expect(isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair)), at, f"{name} must be a pair")
    for name in {"roughness", "metalness", "sheen"} & set(entry):
        _expect(_is_number(entry[name]), at, f"{name} must be a number")
    pairs = {name: tuple(entry[name]) for name in ("size_mm", "height_range_mm") if name in entry}
    return ScanEntry(**{**entry, **pairs})


def _expect_keys(entry: Any, known: set[str], needed: set[str], *, at: str) -> None:
    _expect(isinstance(entry, Mapping), at, "an object is expected")
    _expect(not (unknown := sorted(set(entry) - known)), at, f"unknown keys: {', '.join(unknown)}")
    _expect(not (missing := sorted(needed - set(entry))), at, f"missing keys: {', '.join(missing)}")


def _expect_kinds(entry: Mapping[str, Any], *, at: str) -> None:
    """What families and colours have in common: texts, tags, a weight, a status and a draft."""
    bad = [key for key in _TEXTS if key in entry and not isinstance(entry[key], str)]
    _expect(not bad, at, f"not a text: {', '.join(bad)}")
    tags = entry.get("tags", [])
    _expect(isinstance(tags, list) and all(isinstance(tag, str) for tag in tags), at, "tags must be a list of texts")
    weight = entry.get("weight_g_m2", 0)
    _expect(isinstance(weight, int) and not isinstance(weight, bool), at, "weight_g_m2 must be a whole number")
    _expect(isinstance(entry.get("status", ""), str), at, "status must be a text")
    _expect(isinstance(entry.get("draft", {}), Mapping), at, "the draft must be an object")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _expect(holds: object, at: str, complaint: str) -> None:
    if not holds:
        raise ConfigError("bad_catalog", f"{at}: {complaint}")


def _family_out(family: FamilyEntry, mill: str) -> dict[str, Any]:
    about = {
        "id": family.id,
        "name": family.name,
        "use": family.use,
        "description": family.description,
        "composition": family.composition,
        "weight_g_m2": family.weight_g_m2,
        "status": family.status,
        "draft": dict(family.draft),
    }
    colours = [_colour_out(colour, mill) for colour in family.colours]
    return {**_but(about, status="active", draft={}, description=""), "colours": colours}


def _colour_out(colour: ColourEntry, mill: str) -> dict[str, Any]:
    about = {
        "id": colour.id,
        "name": colour.name,
        "code": colour.code,
        "mill": colour.mill,
        "colour": colour.colour,
        "status": colour.status,
        "composition": colour.composition,
        "weight_g_m2": colour.weight_g_m2,
        "tags": list(colour.tags),
    }
    about = _but(about, mill=mill, status="active", composition=None, weight_g_m2=None, tags=[])
    if colour.scan is None:
        return {**about, "draft": dict(colour.draft or {})}
    scan = colour.scan
    facts = {"roughness": scan.roughness, "metalness": scan.metalness, "sheen": scan.sheen}
    pairs = {"size_mm": list(scan.size_mm), "height_range_mm": list(scan.height_range_mm)}
    measured = {"measured": colour.measured} if colour.measured else {}
    return {**about, **measured, "scan": {"maps": dict(scan.maps), **pairs, **facts}}


def _but(fields: dict[str, Any], **usual: Any) -> dict[str, Any]:
    """Without the fields that have their usual value."""
    return {name: value for name, value in fields.items() if name not in usual or value != usual[name]}


def _no_maps(_: str) -> bytes:
    raise maps_missing()
