"""Turning the book's pages: which fabrics match, and a page of them under their families.

Owns filters, search and paging; must not know HTTP or who asks. Searching is done here, on the book in memory, so that
it means the same over every database: case, accents of other alphabets and all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType

import numpy as np

from fabric.book import Fabric, Family
from utils.colour import delta_e00, hex_to_srgb8, srgb_to_lab

NEAR_DELTA_E = 12.0
"""How far from the colour that is asked for a cloth may be: still called by the same name."""
SORTS = MappingProxyType(
    {
        "name": lambda fabric: fabric.name.casefold(),
        "code": lambda fabric: fabric.code.casefold(),
        "mill": lambda fabric: fabric.mill.casefold(),
        "weight": lambda fabric: fabric.weight_g_m2,
    }
)
"""What a listing may be sorted by. Fabrics that are equal in it stay in the order of the book."""
_MOST_LIGHTNESS_WEIGHT = 1.75  # S_L of CIEDE2000 at black and white


@dataclass(frozen=True)
class Query:
    """What is asked for. What is None does not matter; pages count from 1."""

    q: str = ""
    """Words that must all be found, anywhere in what is written of a fabric."""
    family: str | None = None
    use: str | None = None
    tag: str | None = None
    mill: str | None = None
    colour: str | None = None
    """ "#rrggbb": only cloths near it."""
    status: str | None = "active"
    sort: str | None = None
    """One of SORTS, with a "-" before it for the other way around; the order of the book if None."""
    page: int = 1
    per_page: int = 200


@dataclass(frozen=True)
class Page:
    """Some of what matched, in the order that was asked for."""

    sections: tuple[tuple[Family, tuple[Fabric, ...]], ...]
    page: int
    pages: int
    total: int
    """Fabrics on all pages."""


class Index:
    """A book, ready to be searched. Whoever changes the book makes another one. Any thread."""

    def __init__(self, families: Sequence[Family]) -> None:
        self.families = families
        self._by_id = {family.id: family for family in families}
        self._fabrics = [fabric for family in families for fabric in family.fabrics]
        self._starts: dict[tuple[str | None, str | None], list[Fabric]] = {}
        """Fabrics by status and family, which most questions begin with."""

    def turn_to(self, query: Query) -> Page:
        """The page that was asked for; without fabrics where it is past the last. Raises InputError: bad_colour."""
        found = self.matching(query)
        if query.sort is not None:
            found = sorted(found, key=SORTS[query.sort.lstrip("-")], reverse=query.sort.startswith("-"))
        shown = found[(query.page - 1) * query.per_page : query.page * query.per_page]
        groups = groupby(shown, key=attrgetter("family"))
        sections = tuple((self._by_id[id], tuple(group)) for id, group in groups)
        return Page(sections, query.page, math.ceil(len(found) / query.per_page), len(found))

    def matching(self, query: Query) -> list[Fabric]:
        """Every fabric that matches, in the order of the book. Raises InputError: bad_colour."""
        found = self._start(query.status, query.family)
        if query.use is not None:
            found = [fabric for fabric in found if fabric.use == query.use]
        if query.mill is not None:
            found = [fabric for fabric in found if fabric.mill == query.mill]
        for word in query.q.casefold().split():
            found = [fabric for fabric in found if word in fabric.words]
        if query.tag is not None:
            tag = query.tag.casefold()
            found = [fabric for fabric in found if any(tag == own.casefold() for own in fabric.tags)]
        if query.colour is not None:
            near = self._near(query.colour)
            found = [fabric for fabric in found if fabric.id in near]
        return found

    def _start(self, status: str | None, family: str | None) -> list[Fabric]:
        start = self._starts.get((status, family))
        if start is None:
            if family is None:
                fabrics: Sequence[Fabric] = self._fabrics
            elif family in self._by_id:
                fabrics = self._by_id[family].fabrics
            else:
                return []  # and nothing is remembered of what strangers make up
            start = [fabric for fabric in fabrics if status in (None, fabric.status)]
            self._starts[status, family] = start
        return start

    def _near(self, colour: str) -> set[str]:
        """Ids of all fabrics that are near a colour, offered or not."""
        wanted, labs = srgb_to_lab(hex_to_srgb8(colour)), self._labs
        # No two colours are nearer than their lightness says, however it is weighted: most need no second look.
        close = np.flatnonzero(np.abs(labs[:, 0] - wanted[0]) <= NEAR_DELTA_E * _MOST_LIGHTNESS_WEIGHT)
        near = close[delta_e00(labs[close], wanted) <= NEAR_DELTA_E]
        return {self._fabrics[place].id for place in near}

    @cached_property
    def _labs(self) -> np.ndarray:
        """float64 (N, 3): the means of all fabrics in CIE Lab."""
        means = bytes.fromhex("".join(fabric.mean_hex[1:] for fabric in self._fabrics))
        return srgb_to_lab(np.frombuffer(means, np.uint8).reshape(-1, 3))
