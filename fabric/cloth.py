"""Where a fabric's maps come from: a loom or a scanner.

Owns the port that both answer to, and the woven kind of it; must not know catalogs, garments or storage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from fabric.draft import Draft, draft_from_dict
from fabric.material import Material
from fabric.weave import tile_size_mm, weave
from fabric.yarn import mean_light
from utils.colour import linear_to_srgb8, mean_srgb8, srgb8_to_hex

_CHIP_MM = 10.0  # enough cloth to measure its colour on


class Cloth(Protocol):
    """Makes a Material at any scale. Immutable; any thread."""

    @property
    def look(self) -> str:
        """Hash of everything that its maps depend on: two cloths with one look are the same cloth."""

    @property
    def size_mm(self) -> tuple[float, float]:
        """(width, height) of the tile."""

    @property
    def roughness(self) -> float:
        """Mean of the material's roughness."""

    @property
    def metalness(self) -> float:
        """0 in every cloth but lurex."""

    @property
    def sheen(self) -> float:
        """0 for a dry worsted, 1 for satin."""

    @property
    def yarn_colours(self) -> tuple[str, ...]:
        """ "#rrggbb" of each yarn, as far as they are known."""

    def mean_hex(self) -> str:
        """ "#rrggbb" that the cloth melts into from afar. Blocking: may have to make a piece of it."""

    def material(self, px_per_mm: float, *, id: str, name: str) -> Material:
        """Its maps. Blocking. Raises InputError: bad_scale; ConfigError: maps_missing."""


@dataclass(frozen=True)
class Woven:
    """A cloth that is woven from its draft."""

    spec: str
    """The draft as JSON. Read on first use: a book of thousands is opened without reading one."""

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Woven:
        """From plain data, which is not looked at yet."""
        return cls(json.dumps(spec))

    @cached_property
    def draft(self) -> Draft:
        """What the weaver needs to know. Raises ConfigError: bad_draft."""
        return draft_from_dict(json.loads(self.spec))

    @cached_property
    def look(self) -> str:
        """See Cloth."""
        return look_of("woven", self.spec)

    @property
    def size_mm(self) -> tuple[float, float]:
        """See Cloth."""
        return tile_size_mm(self.draft)

    @property
    def roughness(self) -> float:
        """See Cloth."""
        return self.draft.roughness

    @property
    def metalness(self) -> float:
        """See Cloth."""
        return 0.0

    @property
    def sheen(self) -> float:
        """See Cloth."""
        return self.draft.sheen

    @cached_property
    def yarn_colours(self) -> tuple[str, ...]:
        """See Cloth."""
        return tuple(srgb8_to_hex(linear_to_srgb8(mean_light(yarn))) for _, yarn in self.draft.yarns)

    def mean_hex(self) -> str:
        """Measured on a small piece, woven for it."""
        return srgb8_to_hex(mean_srgb8(weave(self.draft, 2.0, span_mm=_CHIP_MM).albedo))

    def material(self, px_per_mm: float, *, id: str, name: str) -> Material:
        """See Cloth."""
        return weave(self.draft, px_per_mm, id=id, name=name)


def look_of(*facts: object) -> str:
    """A short hash of facts that can be written as JSON, in this order."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
