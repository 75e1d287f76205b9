"""The built-in cuts by name. Owns the list and the cache; must not know how a cut is drawn."""

from __future__ import annotations

from collections.abc import Callable

from garment.cut import Cut
from garment.cuts.double_breasted import double_breasted
from garment.cuts.single_breasted import single_breasted, single_breasted_open_collar
from utils.errors import InputError
from utils.kept import Kept

CUTS: dict[str, tuple[str, Callable[[], Cut]]] = {
    "single_breasted": ("Single-breasted, two buttons", single_breasted),
    "double_breasted": ("Double-breasted, six buttons", double_breasted),
    "single_breasted_open_collar": ("Single-breasted, open collar", single_breasted_open_collar),
}
"""id -> (public name, what draws it), in the order in which customers see them."""

_drawn: Kept[str, Cut] = Kept(most=len(CUTS))


def load_cut(cut_id: str) -> Cut:
    """The cut, drawn on first use and then shared; safe from any thread.

    Raises:
        InputError: unknown_cut.
    """
    if cut_id not in CUTS:
        raise InputError("unknown_cut", "there is no built-in cut of this name", hint=f"one of: {', '.join(CUTS)}")
    return _drawn.get(cut_id, CUTS[cut_id][1])
