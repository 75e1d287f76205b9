"""The tailor's book: families of cloth, each in its colours.

Owns reading data/catalog/catalog.json, looking a cloth up and having it woven once; must not know databases or HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fabric.draft import Draft, draft_from_dict
from fabric.material import Material
from fabric.weave import tile_size_mm, weave
from fabric.yarn import mean_light
from utils.colour import hex_to_srgb8, linear_to_srgb8, mean_srgb8, srgb8_to_hex
from utils.errors import ConfigError, InputError, LucyError
from utils.kept import Kept

VERSION = 1
USES = ("suiting", "shirting", "tie")
STATUSES = ("active", "inactive")

_FAMILY_KEYS = {"id", "name", "use", "description", "composition", "weight_g_m2", "draft", "colours"}
_COLOUR_KEYS = {"id", "name", "code", "status", "tags", "composition", "weight_g_m2", "colour", "draft"}
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LIGHTEST, _HEAVIEST = 30, 900  # g/m2
_MOST_KEPT = 64  # materials; at 4 px/mm each takes half a megabyte, at 16 px/mm eight
_CHIP_MM = 10.0  # enough cloth to measure its colour on


@dataclass(frozen=True)
class Fabric:
    """One cloth in one colour."""

    id: str
    name: str
    family: str
    """Id of its family."""
    use: str
    """One of USES."""
    composition: str
    weight_g_m2: int
    mill: str
    code: str
    """The mill's number for it."""
    status: str
    """One of STATUSES; an inactive cloth is listed but can no longer be ordered."""
    tags: tuple[str, ...]
    colour: str
    """"#rrggbb" as the book states it; `to_public` reports what was woven."""
    draft: Draft

    @cached_property
    def mean_hex(self) -> str:
        """ "#rrggbb" that the cloth melts into from afar, measured on a small piece of it. Weaves on first use."""
        return srgb8_to_hex(mean_srgb8(weave(self.draft, 2.0, span_mm=_CHIP_MM).albedo))

    def to_public(self) -> dict[str, Any]:
        """What a client may know, ready for JSON."""
        yarns = [srgb8_to_hex(linear_to_srgb8(mean_light(yarn))) for _, yarn in self.draft.yarns]
        width_mm, height_mm = tile_size_mm(self.draft)
        return {
            "id": self.id,
            "name": self.name,
            "family": self.family,
            "use": self.use,
            "composition": self.composition,
            "weight_g_m2": self.weight_g_m2,
            "mill": self.mill,
            "code": self.code,
            "status": self.status,
            "tags": list(self.tags),
            "mean_hex": self.mean_hex,
            "yarn_colours": yarns,
            "size_mm": [round(width_mm, 3), round(height_mm, 3)],
            "roughness": self.draft.roughness,
            "sheen": self.draft.sheen,
            "metalness": 0.0,
        }


@dataclass(frozen=True)
class Family:
    """Cloths of one make, as one section of the book."""

    id: str
    name: str
    use: str
    description: str
    fabrics: tuple[Fabric, ...]

    def to_public(self) -> dict[str, Any]:
        """What a client may know, ready for JSON."""
        about = {"id": self.id, "name": self.name, "use": self.use, "description": self.description}
        return {**about, "fabrics": [fabric.to_public() for fabric in self.fabrics]}


@dataclass(frozen=True)
class Catalog:
    """The whole book, and what has been woven from it lately."""

    families: tuple[Family, ...]
    _by_id: Mapping[str, Fabric] = field(repr=False)
    _woven: Kept[tuple[str, float], Material] = field(
        default_factory=lambda: Kept(most=_MOST_KEPT), repr=False, compare=False
    )

    def fabrics(self) -> tuple[Fabric, ...]:
        """Every cloth, active or not, in the order of the book."""
        return tuple(self._by_id.values())

    def get(self, fabric_id: str) -> Fabric:
        """The active cloth of that id.

        Raises:
            InputError: unknown_fabric, or fabric_retired for one that is no longer woven.
        """
        fabric = self._by_id.get(fabric_id)
        if fabric is None:
            raise InputError("unknown_fabric", "there is no such fabric in the catalog")
        if fabric.status != "active":
            raise InputError("fabric_retired", f"{fabric.name} is no longer offered")
        return fabric

    def material(self, fabric_id: str, px_per_mm: float = 4.0) -> Material:
        """Its maps, woven on first use and shared from then on: read-only arrays, any thread.

        Raises:
            InputError: as `get`; bad_scale, if `px_per_mm` is not within 0.5 to 32.
        """
        fabric = self.get(fabric_id)
        if not 0.5 <= px_per_mm <= 32.0:
            raise InputError("bad_scale", "a fabric is made at 0.5 to 32 pixels per millimetre")
        return self._woven.get((fabric.id, px_per_mm), lambda: _woven(fabric, px_per_mm))

    def to_public(self) -> dict[str, Any]:
        """The book as GET /api/fabric/catalog shows it, inactive cloths too. Measures every colour on first use."""
        return {"version": VERSION, "families": [family.to_public() for family in self.families]}


def load_catalog(path: Path) -> Catalog:
    """Read and check a catalog file.

    Raises:
        ConfigError: bad_catalog, naming the entry that is wrong and what is wrong with it.
    """
    try:
        book = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError("bad_catalog", f"the catalog cannot be read ({type(error).__name__})") from error
    _expect_keys(book, {"version", "mill", "families"}, {"version", "mill", "families"}, at="catalog")
    if book["version"] != VERSION:
        raise ConfigError("bad_catalog", f"the catalog has version {book['version']}, this program reads {VERSION}")
    _expect(isinstance(book["families"], list), "catalog", "families must be a list")
    families = tuple(_family(entry, book["mill"], at=f"families[{n}]") for n, entry in enumerate(book["families"]))
    fabrics = [fabric for family in families for fabric in family.fabrics]
    for kind, ids in (("family", [f.id for f in families]), ("fabric", [f.id for f in fabrics])):
        if double := sorted({one for one in ids if ids.count(one) > 1}):
            raise ConfigError("bad_catalog", f"{kind} {double[0]}: this id is used more than once")
    return Catalog(families, {fabric.id: fabric for fabric in fabrics})


def _woven(fabric: Fabric, px_per_mm: float) -> Material:
    material = weave(fabric.draft, px_per_mm, id=fabric.id, name=fabric.name)
    for shared in (material.albedo, material.normal, material.height, material.roughness):
        shared.flags.writeable = False
    return material


def _family(entry: Mapping[str, Any], mill: str, *, at: str) -> Family:
    _expect_keys(entry, _FAMILY_KEYS, _FAMILY_KEYS - {"description"}, at=at)
    at = f"family {entry['id']}"
    _expect_kinds(entry, at=at)
    _expect(entry["use"] in USES, at, f"use must be one of {', '.join(USES)}")
    _expect(isinstance(entry["colours"], list) and entry["colours"], at, "a family has at least one colour")
    fabrics = tuple(_fabric(colour, entry, mill, at=f"{at}, colour {n}") for n, colour in enumerate(entry["colours"]))
    return Family(entry["id"], entry["name"], entry["use"], entry.get("description", ""), fabrics)


def _fabric(entry: Mapping[str, Any], family: Mapping[str, Any], mill: str, *, at: str) -> Fabric:
    _expect_keys(entry, _COLOUR_KEYS, {"id", "name", "code", "colour", "draft"}, at=at)
    at = f"fabric {entry['id']}"
    _expect_kinds(entry, at=at)
    status = entry.get("status", "active")
    _expect(status in STATUSES, at, f"status must be one of {', '.join(STATUSES)}")
    try:
        hex_to_srgb8(entry["colour"])
        draft = draft_from_dict({**family["draft"], **entry["draft"]})
    except LucyError as error:
        raise ConfigError("bad_catalog", f"{at}: {error.message}", hint=error.hint) from error
    return Fabric(
        id=entry["id"],
        name=entry["name"],
        family=family["id"],
        use=family["use"],
        composition=entry.get("composition", family["composition"]),
        weight_g_m2=entry.get("weight_g_m2", family["weight_g_m2"]),
        mill=mill,
        code=entry["code"],
        status=status,
        tags=tuple(entry.get("tags", ())),
        colour=entry["colour"],
        draft=draft,
    )


def _expect_keys(entry: Any, known: set[str], needed: set[str], *, at: str) -> None:
    _expect(isinstance(entry, Mapping), at, "an object is expected")
    _expect(not (unknown := sorted(set(entry) - known)), at, f"unknown keys: {', '.join(unknown)}")
    _expect(not (missing := sorted(needed - set(entry))), at, f"missing keys: {', '.join(missing)}")


def _expect_kinds(entry: Mapping[str, Any], *, at: str) -> None:
    """What families and colours have in common: a slug, texts, tags, a weight and a draft."""
    texts = {key: entry[key] for key in ("id", "name", "code", "description", "composition", "colour") if key in entry}
    _expect(not (bad := [key for key, text in texts.items() if not isinstance(text, str)]), at, f"not a text: {bad}")
    _expect(_SLUG.fullmatch(entry["id"]), at, "the id must be a slug (a-z, 0-9 and hyphens)")
    tags = entry.get("tags", [])
    _expect(isinstance(tags, list) and all(isinstance(tag, str) for tag in tags), at, "tags must be a list of texts")
    weight = entry.get("weight_g_m2", _LIGHTEST)
    _expect(isinstance(weight, int) and _LIGHTEST <= weight <= _HEAVIEST, at, "weight_g_m2 must be within 30 to 900")
    _expect(isinstance(entry["draft"], Mapping), at, "the draft must be an object")


def _expect(holds: object, at: str, complaint: str) -> None:
    if not holds:
        raise ConfigError("bad_catalog", f"{at}: {complaint}")
