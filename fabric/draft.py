"""What a weaver needs to know to make a cloth: the draft.

Owns the specification of a woven cloth, its reading from plain data and its repeat; must not know how cloth looks.

A lift plan is written as rows from top to bottom of the face, `x` where the warp end lies on top. Ends count to the
right, picks count downwards, so that a twill whose `x` step one end to the right and one pick up rises to the right
(a Z twill, the rule for worsted suitings).

A colour order names yarns in sequence: "4k 4w" is four ends black, four white; "8*(4k 4w) 16*(2k 2w)" repeats groups.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from utils.colour import hex_to_srgb8
from utils.errors import ConfigError, InputError

PLANS = {
    "plain": "x./.x",
    "twill_2_2": "x..x/..xx/.xx./xx..",
    "twill_2_1": "x.x/.xx/xx.",
    "twill_1_2": "..x/.x./x..",
    "twill_3_1": "x.xx/.xxx/xxx./xx.x",
    "hopsack": "xx../xx../..xx/..xx",
    "satin_5": "xxxx./x.xxx/xxx.x/.xxxx/xx.xx",
    "barathea": "x.x.xx../x.x...xx/..xxx.x./xx..x.x./x.x...xx/x.x.xx../xx..x.x./..xxx.x.",
}
"""Named lift plans; two more are built by rule, and any other is written out in `Draft.weave`."""

_BUILT = ("herringbone", "pin_dot")

_LONGEST_REPEAT = 1024
_MAX_REPEAT_MM = 240.0


@dataclass(frozen=True)
class Yarn:
    """A yarn as a blend of dyed fibres."""

    fibres: tuple[tuple[str, float], ...]
    """("#rrggbb", share) of each dyed fibre; shares need not sum to one."""
    melange: float = 0.3
    """How unevenly the fibres are blended: 0 one even colour, 1 a tweed in which each fibre stands out."""


@dataclass(frozen=True)
class Draft:
    """One cloth, complete. Two equal drafts weave two equal cloths."""

    weave: str
    """A name in PLANS, "herringbone", "pin_dot", or a lift plan as rows of `x` and `.` joined by `/`."""
    yarns: tuple[tuple[str, Yarn], ...]
    """(one letter, yarn)."""
    warp: str
    """Colour order of the ends, left to right."""
    weft: str
    """Colour order of the picks, top to bottom."""
    ends_per_cm: float
    picks_per_cm: float
    rib_ends: int = 16
    """Ends in one rib of a herringbone, half its repeat."""
    cover: float = 0.96
    """Diameter of a yarn as a share of the distance between two."""
    twist: str = "Z"
    """"Z" or "S", as the yarn's striations run."""
    twist_deg: float = 24.0
    """Angle between the striations and the yarn."""
    slub: float = 0.25
    """0 for extruded silk, 1 for hand-spun tweed: how much a yarn's thickness, place and shade wander."""
    warp_proud: float = 0.1
    """How far the warp stands above the weft, in yarn diameters; negative for a weft-faced cloth."""
    relief: float = 1.0
    """Height of the crimp; below one for a pressed or calendered cloth."""
    fuzz: float = 0.0
    """0 for a clear-cut worsted, 1 for a milled and brushed flannel whose weave is hardly seen."""
    roughness: float = 0.82
    """Mean of the material's roughness."""
    sheen: float = 0.05
    seed: int = 0
    """Of every irregularity."""

    def __post_init__(self) -> None:
        _check(self)

    def plan(self) -> np.ndarray:
        """bool (picks, ends) of one weave repeat: True where the warp lies on top."""
        if self.weave == "herringbone":
            return _herringbone(self.rib_ends)
        if self.weave == "pin_dot":
            return _pin_dot()
        rows = PLANS.get(self.weave, self.weave).split("/")
        return np.array([[mark == "x" for mark in row] for row in rows])

    def letters(self) -> tuple[str, str]:
        """The colour orders written out, one letter per end and per pick."""
        return expand_order(self.warp), expand_order(self.weft)

    def repeat(self) -> tuple[int, int]:
        """(ends, picks) after which both weave and colours start again."""
        (picks, ends), (warp, weft) = self.plan().shape, self.letters()
        return math.lcm(ends, len(warp)), math.lcm(picks, len(weft))

    def repeat_mm(self) -> tuple[float, float]:
        """(width, height) of one repeat on the cloth."""
        ends, picks = self.repeat()
        return ends * 10.0 / self.ends_per_cm, picks * 10.0 / self.picks_per_cm


def expand_order(order: str) -> str:
    """One letter per thread of a colour order.

    Raises:
        ConfigError: bad_draft, if it cannot be read or runs over 1024 threads.
    """
    flat, groups = order, 1
    while groups:
        flat, groups = re.subn(r"(\d{1,3})\*\(([^()]*)\)", lambda m: " ".join([m[2]] * int(m[1])), flat)
        groups = groups and len(flat) < 8 * _LONGEST_REPEAT  # groups within groups grow fast
    tokens = flat.split()
    if not tokens or not all(re.fullmatch(r"\d{0,3}[a-z]", token) for token in tokens):
        raise ConfigError("bad_draft", f"the colour order {order!r} cannot be read", hint='write "8*(4k 4w) 2b"')
    letters = "".join(token[-1] * int(token[:-1] or 1) for token in tokens)
    if not 0 < len(letters) <= _LONGEST_REPEAT:
        raise ConfigError("bad_draft", f"a colour order has 1 to {_LONGEST_REPEAT} threads")
    return letters


def draft_from_dict(spec: Mapping[str, Any]) -> Draft:
    """Read a draft from plain data, as the catalog stores it: yarns by letter, each "#rrggbb" or {fibres, melange}.

    Raises:
        ConfigError: bad_draft, saying what is wrong.
    """
    known = {field.name for field in fields(Draft)}
    if unknown := sorted(set(spec) - known):
        raise ConfigError("bad_draft", f"unknown keys: {', '.join(unknown)}")
    yarns = spec.get("yarns")
    if not isinstance(yarns, Mapping):
        raise ConfigError("bad_draft", "yarns must map letters to yarns")
    try:
        threads = tuple((letter, _yarn(yarn)) for letter, yarn in yarns.items())
        return Draft(**{**spec, "yarns": threads})
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError("bad_draft", f"a field is missing or of the wrong type ({error})") from error


def _yarn(spec: str | Mapping[str, Any]) -> Yarn:
    if isinstance(spec, str):
        return Yarn(fibres=((spec, 1.0),))
    return Yarn(**{**spec, "fibres": tuple((colour, float(share)) for colour, share in spec["fibres"])})


def _herringbone(rib_ends: int) -> np.ndarray:
    """2/2 twill that turns every `rib_ends` ends. Where it turns, each end is cut against its neighbour's opposite."""
    end, pick = np.arange(rib_ends), np.arange(4)[:, None]
    rising = (end + pick) % 4 < 2
    falling = (rib_ends + 1 + pick - end) % 4 < 2
    return np.hstack([rising, falling])


def _pin_dot() -> np.ndarray:
    """Two staggered dots on a warp-faced satin. Of three picks one weaves the ground, two show in the dots alone."""
    end, pick = np.arange(50), np.arange(90)[:, None]
    ground = (pick % 3 != 2) | ((end * 2 + pick // 3) % 5 != 0)
    dots = [np.hypot((end - x) / 4.0, (pick - y) / 7.2) < 1.0 for x, y in ((12, 21.5), (37, 66.5))]
    return ground & ~((dots[0] | dots[1]) & (pick % 3 != 2))


def _check(draft: Draft) -> None:
    numbers = {
        "ends_per_cm": (4.0, 120.0), "picks_per_cm": (4.0, 120.0), "rib_ends": (4, 64), "cover": (0.5, 1.2),
        "twist_deg": (5.0, 60.0), "slub": (0.0, 1.0), "relief": (0.0, 2.0), "fuzz": (0.0, 1.0),
        "warp_proud": (-1.0, 1.0), "roughness": (0.0, 1.0), "sheen": (0.0, 1.0), "seed": (0, 2**32 - 1),
    }  # fmt: skip
    for name, (low, high) in numbers.items():
        if not low <= getattr(draft, name) <= high:
            raise ConfigError("bad_draft", f"{name} must lie between {low} and {high}")
    if draft.twist not in ("S", "Z"):
        raise ConfigError("bad_draft", "twist must be S or Z")
    _check_weave(draft)
    _check_yarns(draft)


def _check_weave(draft: Draft) -> None:
    rows = PLANS.get(draft.weave, draft.weave).split("/")
    if draft.weave in _BUILT:
        if draft.rib_ends % 2:
            raise ConfigError("bad_draft", "rib_ends must be even")
    elif not re.fullmatch(r"[x.]+", "".join(rows)) or len({len(row) for row in rows}) != 1:
        names = ", ".join(sorted((*PLANS, *_BUILT)))
        raise ConfigError("bad_draft", f"unknown weave {draft.weave!r}", hint=f"one of {names}, or rows")
    if max(draft.repeat_mm()) > _MAX_REPEAT_MM:
        raise ConfigError("bad_draft", f"the repeat is longer than {_MAX_REPEAT_MM:g} mm")


def _check_yarns(draft: Draft) -> None:
    letters = [letter for letter, _ in draft.yarns]
    if len(set(letters)) != len(letters) or not all(re.fullmatch("[a-z]", letter) for letter in letters):
        raise ConfigError("bad_draft", "yarns are named by single letters, each once")
    if missing := set("".join(draft.letters())) - set(letters):
        raise ConfigError("bad_draft", f"no yarn is named {', '.join(sorted(missing))}")
    for letter, yarn in draft.yarns:
        if not yarn.fibres or min(share for _, share in yarn.fibres) <= 0.0 or not 0.0 <= yarn.melange <= 1.0:
            raise ConfigError("bad_draft", f"yarn {letter}: shares must be positive and melange within 0 to 1")
        for colour, _ in yarn.fibres:
            try:
                hex_to_srgb8(colour)
            except InputError as error:
                raise ConfigError("bad_draft", f"yarn {letter}: {error.message}") from error
