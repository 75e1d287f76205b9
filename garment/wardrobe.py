"""From a wish to a garment that can be draped. Owns what is made up and kept; must not know frames or the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

import cv2
import numpy as np

from fabric.book import Book, Fabric, Materials, make
from fabric.draft import Draft, Yarn
from fabric.maps import Maps
from fabric.material import Material
from fabric.swatch import swatch
from fabric.weave import weave
from garment.cuts.catalogue import CUTS, load_cut
from garment.flat import render_flat
from garment.garment import Garment
from garment.gltf import garment_glb
from garment.makeup import make_up
from garment.pyramid import Pyramid
from garment.rack import Rack
from utils.colour import hex_to_srgb8, srgb_to_lab
from utils.errors import InputError
from utils.kept import Kept

SHIRTING = "poplin-white"
TIES = {"cool": "repp-burgundy", "warm": "pin-dot-navy"}
"""By the suiting's own hue: a tie should stand off the jacket."""
FACINGS = {"barathea-black": "satin-black"}
"""Cloths whose lapels are faced with another."""
_WARM_A = 5.0  # CIE a* from which a cloth counts as red or brown
_PLAIN = {
    use: Draft("plain", (("a", Yarn(((colour, 1.0),))),), "a", "a", ends_per_cm=50, picks_per_cm=40)
    for use, colour in (("shirting", "#f1f1ee"), ("tie", "#2a2f45"))
}
"""What is worn with a suiting where somebody's own book has none of the above."""
_FIRST_SWATCHES = 48  # drawn before anybody asks; a book may have thousands
SWATCH_PX, SWATCH_MM = 360, 60.0
_WORN, _SOLID = 2.0, 1.5  # canonical pixels per millimetre


@dataclass(frozen=True)
class Wish:
    """What to wear: a garment from the rack, a cut in a fabric, or nothing (`Wish()`)."""

    garment_id: str | None = None
    fabric_id: str | None = None
    cut: str | None = None

    def __post_init__(self) -> None:
        if self.garment_id is not None and (self.fabric_id is not None or self.cut is not None):
            raise InputError("bad_wish", "a wish is either a garment_id, or a fabric_id with a cut, or none")
        if (self.fabric_id is None) != (self.cut is None):
            raise InputError("bad_wish", "a fabric_id and a cut go together")

    def is_none(self) -> bool:
        """Whether nothing is wished for."""
        return self == Wish()


class Wardrobe:
    """Garments by wish, made up when first asked for and kept while in use. Thread-safe."""

    def __init__(self, *, catalog: Book, rack: Rack, most_kept: int = 8) -> None:
        self.catalog = catalog
        self.rack = rack
        self.maps = Maps()
        self._materials = Materials()
        self._pyramids: Kept[object, Pyramid] = Kept(most=most_kept)
        # What somebody wears is found here even when many others were asked for since.
        self._worn: WeakValueDictionary[object, Pyramid] = WeakValueDictionary()
        self._pictures: Kept[object, bytes] = Kept(most=256)
        self._solids: Kept[object, bytes] = Kept(most=4)

    def garment(self, wish: Wish, *, is_worn: bool = False) -> Pyramid | None:
        """The garment ready to be draped (tens to hundreds of milliseconds the first time); None for no wish.

        What somebody wears already (`is_worn`) she may keep on, though its cloth has been retired since.

        Raises:
            InputError: unknown_garment, unknown_fabric, fabric_retired, unknown_cut.
            ConfigError: maps_missing.
        """
        if wish.is_none():
            return None
        if wish.garment_id is not None:
            record = self.rack.record(wish.garment_id)
            # A corrected garment has other anchors, so it is another thing to keep.
            return self._kept((wish, repr(record.points)), lambda: self.rack.get(record.id))
        fabric, cut = self._fabric(str(wish.fabric_id), is_worn=is_worn), str(wish.cut)
        # A cloth that was edited looks different, so it is another thing to keep.
        return self._kept((wish, self._looks(fabric)), lambda: self._made_up(fabric, cut))

    def warm(self) -> None:
        """Make what the first customer asks for: the first cloth in each cut, and swatches."""
        suitings = [fabric for fabric in self.catalog.fabrics() if fabric.use == "suiting" and _is_offered(fabric)]
        for fabric in suitings[:1]:
            self.garment(Wish(fabric_id=fabric.id, cut=next(iter(CUTS))))
        for fabric in suitings[:_FIRST_SWATCHES]:
            self.swatch_png(fabric.id)

    def _kept(self, key: object, make: Callable[[], Garment]) -> Pyramid:
        worn = self._worn.get(key)
        if worn is None:
            worn = self._pyramids.get(key, lambda: _prepared(make()))
            self._worn[key] = worn
        return worn

    def cuts_public(self) -> list[dict[str, str]]:
        """The built-in cuts: id and name, in the order in which customers see them."""
        return [{"id": cut_id, "name": name} for cut_id, (name, _) in CUTS.items()]

    def words(self, wish: Wish) -> str:
        """The garment in words, for a model that is steered by them. What customers wrote is not among them."""
        if wish.fabric_id is None or wish.cut is None:
            return "this jacket"
        fabric = self._fabric(wish.fabric_id, is_worn=True)
        return f"a {CUTS[wish.cut][0].lower()} jacket in {fabric.name.lower()}, {fabric.composition.lower()}"

    def swatch(self, wish: Wish) -> np.ndarray | None:
        """uint8 (256, 256, 3): the wish's cloth; None where it is not known."""
        if wish.fabric_id is None:
            return None
        return swatch(self._materials.of(self._fabric(wish.fabric_id, is_worn=True)), size_px=256, mm=64.0)

    def swatch_png(self, fabric_id: str) -> bytes:
        """A picture of the cloth at true scale, 60 mm square.

        Raises:
            InputError: unknown_fabric, fabric_retired. ConfigError: maps_missing.
        """
        fabric = self.catalog.get(fabric_id)
        # Made for the picture alone: at this scale a cloth is large, and nobody else wants it.
        return self._picture(
            ("swatch", fabric.cloth.look),
            lambda: swatch(make(fabric, SWATCH_PX / SWATCH_MM), size_px=SWATCH_PX, mm=SWATCH_MM),
        )

    def cut_png(self, cut: str, fabric_id: str | None = None) -> bytes:
        """A picture of the cut made up in a fabric, lying flat; in the book's first suiting unless one is given.

        Raises:
            InputError: unknown_fabric, fabric_retired, unknown_cut. ConfigError: maps_missing.
        """
        fabric = self.catalog.get(self._first_suiting() if fabric_id is None else fabric_id)
        load_cut(cut)
        return self._picture(("cut", cut, *self._looks(fabric)), lambda: _thumbnail(self._made_up(fabric, cut)))

    def cut_glb(self, cut: str, fabric_id: str | None = None) -> bytes:
        """The cut made up in a fabric as a glTF scene in one file, some megabytes; in the book's first suiting unless
        one is given.

        Raises:
            InputError: unknown_fabric, fabric_retired, unknown_cut. ConfigError: maps_missing.
        """
        fabric = self.catalog.get(self._first_suiting() if fabric_id is None else fabric_id)
        load_cut(cut)
        name = f"{CUTS[cut][0]} in {fabric.name}"
        made = self._solids.get
        return made((cut, *self._looks(fabric)), lambda: garment_glb(self._made_up(fabric, cut, _SOLID), name=name))

    def _first_suiting(self) -> str:
        offered = (fabric.id for fabric in self.catalog.fabrics() if fabric.use == "suiting" and _is_offered(fabric))
        return next(offered, "")

    def _fabric(self, fabric_id: str, *, is_worn: bool) -> Fabric:
        """Raises InputError: unknown_fabric, and fabric_retired unless it is worn."""
        return (self.catalog.find(fabric_id) if is_worn else None) or self.catalog.get(fabric_id)

    def _made_up(self, fabric: Fabric, cut: str, px_per_mm: float = _WORN) -> Garment:
        worn_with = self._worn_with(fabric)
        return make_up(
            load_cut(cut),
            suiting=self._materials.of(fabric),
            shirting=self._beside(worn_with["shirting"], "shirting"),
            tie=self._beside(worn_with["tie"], "tie"),
            facing=self._materials.of(worn_with["facing"]) if worn_with["facing"] is not None else None,
            px_per_mm=px_per_mm,
        )

    def _worn_with(self, fabric: Fabric) -> dict[str, Fabric | None]:
        """The house's shirting, tie and facing for it, offered or not; None for what the book does not have."""
        colour = srgb_to_lab(hex_to_srgb8(fabric.colour))
        tie = TIES["warm" if colour[1] > _WARM_A else "cool"]
        find = self.catalog.find
        return {"shirting": find(SHIRTING), "tie": find(tie), "facing": find(FACINGS.get(fabric.id, ""))}

    def _looks(self, fabric: Fabric) -> tuple[str | None, ...]:
        """What a garment in it looks like, in short."""
        cloths = (fabric, *self._worn_with(fabric).values())
        return tuple(cloth.cloth.look if cloth is not None else None for cloth in cloths)

    def _beside(self, fabric: Fabric | None, use: str) -> Material:
        return self._materials.of(fabric) if fabric is not None else weave(_PLAIN[use], 4.0, id=use)

    def _picture(self, key: object, draw: Callable[[], np.ndarray]) -> bytes:
        return self._pictures.get(key, lambda: _png(draw()))


def _is_offered(fabric: Fabric) -> bool:
    return fabric.status == "active"


def _prepared(garment: Garment) -> Pyramid:
    pyramid = Pyramid(garment)
    pyramid.prepare()
    return pyramid


def _thumbnail(garment: Garment) -> np.ndarray:
    flat = render_flat(garment)
    scale = 480 / max(flat.shape[:2])
    return cv2.resize(flat, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _png(rgb: np.ndarray) -> bytes:
    return cv2.imencode(".png", rgb[..., ::-1])[1].tobytes()
