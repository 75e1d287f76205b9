"""The tailor's book: families of cloth, each in its colours.

Owns what a fabric is, looking one up and having it made once; must not know files, databases or HTTP. A book never
changes: who keeps one up to date puts another in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from fabric.cloth import Cloth
from fabric.material import Material
from utils.errors import InputError
from utils.kept import Kept

USES = ("suiting", "shirting", "tie")
STATUSES = ("active", "retired")

_MOST_KEPT = 64  # materials; at 4 px/mm each takes half a megabyte, at 16 px/mm eight


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
    """One of STATUSES; a retired cloth is remembered but can no longer be chosen."""
    tags: tuple[str, ...]
    colour: str
    """ "#rrggbb" as the book states it; `mean_hex` is what was made."""
    cloth: Cloth
    measured: str | None = field(default=None, compare=False)
    """`mean_hex`, where it has been measured before."""

    @cached_property
    def mean_hex(self) -> str:
        """ "#rrggbb" that the cloth melts into from afar. Measured on first use where it is not known yet."""
        return self.measured or self.cloth.mean_hex()

    @cached_property
    def words(self) -> str:
        """Everything that a search looks into, case-folded."""
        texts = (self.id, self.name, self.family, self.code, self.mill, self.composition, *self.tags)
        return "\n".join(texts).casefold()

    def to_public(self) -> dict[str, Any]:
        """What a client may know, ready for JSON."""
        return dict(self._public)

    @cached_property
    def _public(self) -> dict[str, Any]:
        width_mm, height_mm = self.cloth.size_mm
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
            "yarn_colours": list(self.cloth.yarn_colours),
            "size_mm": [round(width_mm, 3), round(height_mm, 3)],
            "roughness": self.cloth.roughness,
            "sheen": self.cloth.sheen,
            "metalness": self.cloth.metalness,
        }


@dataclass(frozen=True)
class Family:
    """Cloths of one make, as one section of the book."""

    id: str
    name: str
    use: str
    description: str
    fabrics: tuple[Fabric, ...]
    status: str = "active"
    """One of STATUSES; the fabrics of a retired family are retired with it."""

    def about(self) -> dict[str, Any]:
        """What a client may know of it without its fabrics, ready for JSON."""
        return {"id": self.id, "name": self.name, "use": self.use, "description": self.description}

    def to_public(self) -> dict[str, Any]:
        """What a client may know, ready for JSON."""
        return {**self.about(), "fabrics": [fabric.to_public() for fabric in self.fabrics]}


class Book(Protocol):
    """Where fabrics are looked up. Any thread; nothing here waits for a disk or a network."""

    def families(self) -> tuple[Family, ...]:
        """All of them, in the order of the book, retired ones too."""

    def fabrics(self) -> tuple[Fabric, ...]:
        """Every cloth, active or not, in the order of the book."""

    def find(self, fabric_id: str) -> Fabric | None:
        """The cloth of that id, active or not; None if there never was one."""

    def get(self, fabric_id: str) -> Fabric:
        """The active cloth of that id. Raises InputError: unknown_fabric, fabric_retired."""


class Materials:
    """What has been made lately, by what it looks like: a cloth that was changed is made anew. Thread-safe."""

    def __init__(self) -> None:
        self._made: Kept[tuple[str, str, str, float], Material] = Kept(most=_MOST_KEPT)

    def of(self, fabric: Fabric, px_per_mm: float = 4.0) -> Material:
        """Its maps, made on first use and shared from then on: read-only arrays.

        Raises:
            InputError: bad_scale, if `px_per_mm` is not within 0.5 to 32. ConfigError: maps_missing.
        """
        key = fabric.id, fabric.name, fabric.cloth.look, px_per_mm
        return self._made.get(key, lambda: make(fabric, px_per_mm))


@dataclass(frozen=True)
class Catalog:
    """A whole book in memory."""

    sections: tuple[Family, ...]
    _by_id: Mapping[str, Fabric] = field(repr=False)
    _materials: Materials = field(default_factory=Materials, repr=False, compare=False)

    def families(self) -> tuple[Family, ...]:
        """See Book."""
        return self.sections

    def fabrics(self) -> tuple[Fabric, ...]:
        """See Book."""
        return tuple(self._by_id.values())

    def find(self, fabric_id: str) -> Fabric | None:
        """See Book."""
        return self._by_id.get(fabric_id)

    def get(self, fabric_id: str) -> Fabric:
        """See Book."""
        fabric = self._by_id.get(fabric_id)
        if fabric is None:
            raise unknown_fabric()
        if fabric.status != "active":
            raise InputError("fabric_retired", f"{fabric.name} is no longer offered", hint="choose another cloth")
        return fabric

    def material(self, fabric_id: str, px_per_mm: float = 4.0) -> Material:
        """Its maps. Raises InputError: as `get`; bad_scale. ConfigError: maps_missing."""
        return self._materials.of(self.get(fabric_id), px_per_mm)


def unknown_fabric() -> InputError:
    """There never was one of this id."""
    return InputError("unknown_fabric", "there is no such fabric in the catalog", hint="look it up in the catalog")


def catalog_of(families: tuple[Family, ...]) -> Catalog:
    """The book of these families. Their ids and those of their fabrics must be unique."""
    return Catalog(families, {fabric.id: fabric for family in families for fabric in family.fabrics})


def make(fabric: Fabric, px_per_mm: float) -> Material:
    """Its maps, for the caller alone; read-only arrays. Raises InputError: bad_scale; ConfigError: maps_missing."""
    if not 0.5 <= px_per_mm <= 32.0:
        raise InputError("bad_scale", "a fabric is made at 0.5 to 32 pixels per millimetre")
    material = fabric.cloth.material(px_per_mm, id=fabric.id, name=fabric.name)
    for shared in (material.albedo, material.normal, material.height, material.roughness):
        shared.flags.writeable = False
    return material
