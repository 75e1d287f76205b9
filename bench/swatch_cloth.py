"""Cloths to photograph, drawn by lot: a draft with its colours, counts and finish, and how it truly repeats.

Owns the families, their shares and the arithmetic of a draft's lattice; must not know cameras, light or the scanner.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fabric.draft import Draft, draft_from_dict

SHARES = {"pattern": 0.40, "weave": 0.35, "texture": 0.25}
"""Of large repeats, of fine weaves, and of what is mottled or next to plain."""


@dataclass(frozen=True)
class Lot:
    """A cloth that was drawn."""

    family: str
    draft: Draft
    pattern_mm: np.ndarray
    """float64 (2, 2): rows are the shortest two translations that leave weave and colours as they are, x across and y
    down the cloth, warp upright."""
    weave_mm: np.ndarray
    """The same of the weave alone, all yarns of one colour."""


def draw_cloth(rng: np.random.Generator) -> Lot:
    """Draw a family by its share, then everything else about the cloth."""
    group = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    family = str(rng.choice(list(FAMILIES[group])))
    return cloth_of(family, rng)


def cloth_of(family: str, rng: np.random.Generator) -> Lot:
    """A cloth of one family: everything but the family is drawn."""
    make = next(kinds[family] for kinds in FAMILIES.values() if family in kinds)
    return lot_of(family, draft_from_dict({"seed": int(rng.integers(2**31)), **make(rng)}))


def lot_of(family: str, draft: Draft) -> Lot:
    """A draft and its lattices."""
    lattices = (shortest_basis(in_mm(rows, draft)) for rows in (pattern_lattice(draft), weave_lattice(draft)))
    return Lot(family, draft, *lattices)


def weave_lattice(draft: Draft) -> np.ndarray:
    """int (2, 2): rows (ends, picks) are a basis of the translations that leave the lift plan as it is."""
    return _lattice(draft.plan().astype(np.int64))


def pattern_lattice(draft: Draft) -> np.ndarray:
    """int (2, 2): a basis of those that leave what lies on top, and its colour, as it is."""
    ends, picks = draft.repeat()
    plan, (warp, weft) = draft.plan(), draft.letters()
    lift = np.tile(plan, (picks // plan.shape[0], ends // plan.shape[1]))
    warp_colour = np.resize([ord(letter) for letter in warp], ends)[None, :]
    weft_colour = np.resize([ord(letter) for letter in weft], picks)[:, None]
    return _lattice(2 * np.where(lift, warp_colour, weft_colour) + lift)


def in_mm(threads: np.ndarray, draft: Draft) -> np.ndarray:
    """Vectors (N, 2) of (ends, picks) as millimetres on the cloth."""
    return threads * (10.0 / draft.ends_per_cm, 10.0 / draft.picks_per_cm)


def shortest_basis(vectors: np.ndarray) -> np.ndarray:
    """Gauss's reduction of a basis (2, 2): the two shortest vectors of its lattice, the one that runs across first."""
    a, b = (np.asarray(vector, np.float64) for vector in vectors)
    while True:
        if a @ a > b @ b:
            a, b = b, a
        times = round(float(a @ b) / float(a @ a))
        if times == 0:
            break
        b = b - times * a
    across, down = (a, b) if abs(a[0]) * abs(b[1]) >= abs(b[0]) * abs(a[1]) else (b, a)
    return np.array([across * (1.0 if across[0] >= 0.0 else -1.0), down * (1.0 if down[1] >= 0.0 else -1.0)])


def _lattice(cell: np.ndarray) -> np.ndarray:
    """int (2, 2): a basis, as (ends, picks), of the translations of the torus `cell` onto itself."""
    picks, ends = cell.shape
    marks = np.unique(cell)
    # A translation leaves every mark's places as they are when all of them meet again: an exact count by the FFT.
    meet = sum(np.abs(np.fft.fft2(cell == mark)) ** 2 for mark in marks)
    same = np.rint(np.fft.ifft2(meet).real).astype(np.int64) == cell.size
    rows, columns = np.nonzero(same)
    lowest = min(int(row) for row in rows if row > 0) if (rows > 0).any() else picks
    level = [int(column) for row, column in zip(rows, columns, strict=True) if row == 0 and column > 0]
    step = min(level, default=ends)
    shift = min(int(column) for row, column in zip(rows, columns, strict=True) if row == lowest % picks)
    return np.array([[step, 0], [shift % step, lowest]])


# ---- colours

_HUES = (0.60, 0.61, 0.63, 0.08, 0.07, 0.10, 0.98, 0.36, 0.55, 0.62)  # blues, browns, burgundy, bottle green


def _colour(rng: np.random.Generator, lightness: tuple[float, float], saturation: tuple[float, float]) -> str:
    hue = (float(rng.choice(_HUES)) + float(rng.normal(0.0, 0.015))) % 1.0
    rgb = colorsys.hls_to_rgb(hue, float(rng.uniform(*lightness)), float(rng.uniform(*saturation)))
    return _hex(rgb)


def _hex(rgb: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * min(max(part, 0.0), 1.0)):02x}" for part in rgb)


def _dark(rng: np.random.Generator) -> str:
    return _colour(rng, (0.07, 0.20), (0.05, 0.45))


def _mid(rng: np.random.Generator) -> str:
    return _colour(rng, (0.25, 0.50), (0.08, 0.50))


def _pale(rng: np.random.Generator) -> str:
    return _colour(rng, (0.70, 0.88), (0.05, 0.40))


def _bright(rng: np.random.Generator) -> str:
    return _hex(colorsys.hls_to_rgb(float(rng.uniform()), float(rng.uniform(0.35, 0.6)), float(rng.uniform(0.5, 0.8))))


def _any(rng: np.random.Generator) -> str:
    return (_dark, _mid, _pale)[int(rng.integers(3))](rng)


def _yarn(colour: str, *, spread: float = 0.25, melange: float = 0.35) -> dict[str, Any]:
    """A blend of darker, equal and paler fibres around a colour."""
    rgb = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    dark, light = ([part * factor for part in rgb] for factor in (1.0 - spread, 1.0 + spread))
    pale = _hex(tuple(part + 0.15 * spread for part in light))
    return {"fibres": [[_hex(tuple(dark)), 35], [colour, 45], [pale, 20]], "melange": melange}


def _tweed_yarn(rng: np.random.Generator, colour: str) -> dict[str, Any]:
    fibres = [[colour, 55], [_mid(rng), 22], [_pale(rng), 12], [_bright(rng), 6], [_dark(rng), 5]]
    return {"fibres": fibres, "melange": float(rng.uniform(0.5, 0.9))}


# ---- families

Spec = dict[str, Any]


def _counts(rng: np.random.Generator, low: float, high: float) -> Spec:
    ends = float(rng.uniform(low, high))
    return {"ends_per_cm": round(ends, 2), "picks_per_cm": round(ends * float(rng.uniform(0.85, 1.0)), 2)}


def _worsted(rng: np.random.Generator, low: float = 14.0, high: float = 30.0) -> Spec:
    return {
        **_counts(rng, low, high),
        "slub": float(rng.uniform(0.1, 0.45)),
        "warp_proud": float(rng.uniform(0.0, 0.15)),
        "relief": float(rng.uniform(0.7, 1.2)),
        "fuzz": float(rng.choice([0.0, 0.0, rng.uniform(0.0, 0.35)])),
        "twist": str(rng.choice(["S", "Z"])),
    }


def _two_tone(rng: np.random.Generator) -> Spec:
    first, second = (_dark(rng), _pale(rng)) if rng.random() < 0.6 else (_any(rng), _pale(rng))
    return {"yarns": {"k": _yarn(first), "w": _yarn(second)}}


def _houndstooth(rng: np.random.Generator) -> Spec:
    order = f"{(n := int(rng.choice([4, 8, 12])))}k {n}w"
    return {**_worsted(rng), **_two_tone(rng), "weave": "twill_2_2", "warp": order, "weft": order}


def _gingham(rng: np.random.Generator) -> Spec:
    order = f"{(n := 2 * int(rng.integers(4, 14)))}k {n}w"
    weave = str(rng.choice(["plain", "plain", "twill_2_2"]))
    yarns = {"k": _yarn((_mid if rng.random() < 0.6 else _dark)(rng)), "w": _yarn(_pale(rng))}
    return {**_worsted(rng, 16, 34), "yarns": yarns, "weave": weave, "warp": order, "weft": order}


def _windowpane(rng: np.random.Generator) -> Spec:
    across, line = 4 * int(rng.integers(8, 16)), int(rng.choice([2, 4]))
    down = 4 * round(across * float(rng.uniform(0.9, 1.25)) / 4)
    ground = (_dark if rng.random() < 0.7 else _mid)(rng)
    yarns = {"a": _yarn(ground), "p": _yarn(_pale(rng) if rng.random() < 0.6 else _bright(rng))}
    orders = {"warp": f"{across - line}a {line}p", "weft": f"{down - line}a {line}p"}
    return {**_worsted(rng, 18, 30), **orders, "yarns": yarns, "weave": str(rng.choice(["plain", "twill_2_2"]))}


def _tartan(rng: np.random.Generator) -> Spec:
    sett = [(letter, 2 * int(rng.integers(1, 9))) for letter in "abcdabca"[: int(rng.integers(4, 8))]]
    mirrored = sett + sett[-2:0:-1]
    order = " ".join(f"{count}{letter}" for letter, count in mirrored)
    if sum(count for _, count in mirrored) % 4:
        order += " 2a"
    yarns = {"a": _yarn(_mid(rng)), "b": _yarn(_dark(rng)), "c": _yarn(_bright(rng)), "d": _yarn(_pale(rng))}
    return {**_worsted(rng, 16, 28), "yarns": yarns, "weave": "twill_2_2", "warp": order, "weft": order}


def _glen_check(rng: np.random.Generator) -> Spec:
    big, small = int(rng.integers(3, 6)), int(rng.integers(4, 9))
    order = f"{big}*(4k 4w) {small}*(2k 2w)"
    return {**_worsted(rng, 20, 30), **_two_tone(rng), "weave": "twill_2_2", "warp": order, "weft": order}


def _stripe(rng: np.random.Generator) -> Spec:
    period = 4 * int(rng.integers(4, 14))
    line = int(rng.choice([1, 2, 2, period // 2]))
    yarns = {"a": _yarn(_any(rng)), "p": _yarn(_pale(rng) if rng.random() < 0.7 else _bright(rng))}
    weave = str(rng.choice(["plain", "twill_2_2", "twill_2_2"]))
    spec = {"yarns": yarns, "weave": weave, "warp": f"{period - line}a {line}p", "weft": "a"}
    return {**_worsted(rng, 18, 34), **spec}


def _herringbone(rng: np.random.Generator) -> Spec:
    ribs = {"weave": "herringbone", "rib_ends": 4 * int(rng.integers(2, 6)), "warp": "w", "weft": "k"}
    return {**_worsted(rng, 12, 24), **_two_tone(rng), **ribs}


def _pin_dot(rng: np.random.Generator) -> Spec:
    yarns = {"a": _yarn(_dark(rng), melange=0.1), "d": _yarn(_pale(rng), melange=0.1)}
    fine = {"ends_per_cm": 50.0, "picks_per_cm": 90.0, "slub": 0.05, "relief": 0.5, "sheen": 0.6, "cover": 1.0}
    return {**fine, "yarns": yarns, "weave": "pin_dot", "warp": "a", "weft": "2d a"}


def _coloured_weave(weave: str, warp: str, weft: str, low: float, high: float) -> Callable[[np.random.Generator], Spec]:
    """A fine weave whose two colours show it."""

    def make(rng: np.random.Generator) -> Spec:
        return {**_worsted(rng, low, high), **_two_tone(rng), "weave": weave, "warp": warp, "weft": weft}

    return make


def _self_weave(weave: str, low: float, high: float) -> Callable[[np.random.Generator], Spec]:
    """A weave in one colour: relief alone shows it."""

    def make(rng: np.random.Generator) -> Spec:
        yarns = {"a": _yarn(_any(rng), spread=0.15, melange=0.2)}
        return {**_worsted(rng, low, high), "yarns": yarns, "weave": weave, "warp": "a", "weft": "a", "fuzz": 0.0}

    return make


def _flannel(rng: np.random.Generator) -> Spec:
    yarns = {"a": _yarn(_any(rng), spread=0.35, melange=float(rng.uniform(0.4, 0.8)))}
    finish = {"fuzz": float(rng.uniform(0.8, 1.0)), "slub": float(rng.uniform(0.4, 0.8)), "roughness": 0.92}
    return {**_counts(rng, 18, 24), **finish, "yarns": yarns, "weave": "twill_2_2", "warp": "a", "weft": "a"}


def _tweed(rng: np.random.Generator) -> Spec:
    yarns = {"a": _tweed_yarn(rng, _mid(rng)), "b": _tweed_yarn(rng, _any(rng))}
    finish = {"fuzz": float(rng.uniform(0.75, 0.95)), "slub": 1.0, "roughness": 0.95}
    return {**_counts(rng, 9, 14), **finish, "yarns": yarns, "weave": "plain", "warp": "a", "weft": "b"}


def _boucle(rng: np.random.Generator) -> Spec:
    yarns = {"a": _tweed_yarn(rng, _any(rng))}
    finish = {"fuzz": float(rng.uniform(0.85, 1.0)), "slub": 1.0, "relief": 1.8, "cover": 1.15, "roughness": 0.95}
    return {**_counts(rng, 5, 8), **finish, "yarns": yarns, "weave": "plain", "warp": "a", "weft": "a"}


def _solid(rng: np.random.Generator) -> Spec:
    yarns = {"a": _yarn(_any(rng), spread=0.08, melange=0.1)}
    finish = {"slub": float(rng.uniform(0.0, 0.2)), "relief": float(rng.uniform(0.3, 0.6)), "sheen": 0.1}
    return {**_counts(rng, 42, 60), **finish, "yarns": yarns, "weave": "plain", "warp": "a", "weft": "a"}


FAMILIES: dict[str, dict[str, Callable[[np.random.Generator], Spec]]] = {
    "pattern": {
        "houndstooth": _houndstooth, "gingham": _gingham, "windowpane": _windowpane, "tartan": _tartan,
        "glen_check": _glen_check, "stripe": _stripe, "herringbone": _herringbone, "pin_dot": _pin_dot,
    },
    "weave": {
        "birdseye": _coloured_weave("x.../..x./.x../...x", "2w 2k", "2w 2k", 14, 22),
        "nailhead": _coloured_weave("twill_2_2", "2k 2w", "2k 2w", 12, 22),
        "end_on_end": _coloured_weave("plain", "w k", "w", 8, 16),
        "twill_2_2": _coloured_weave("twill_2_2", "w", "k", 9, 22),
        "denim": _coloured_weave("twill_3_1", "k", "w", 12, 22),
        "hopsack": _coloured_weave("hopsack", "w", "k", 10, 22),
        "barathea": _coloured_weave("barathea", "w", "k", 14, 24),
        "satin": _coloured_weave("satin_5", "w", "k", 12, 22),
        "self_twill": _self_weave("twill_2_2", 8, 14),
        "self_hopsack": _self_weave("hopsack", 8, 16),
        "self_plain": _self_weave("plain", 6, 10),
    },
    "texture": {"flannel": _flannel, "tweed": _tweed, "boucle": _boucle, "solid": _solid},
}  # fmt: skip
"""Every family by its group, and what draws one."""
