"""From a wish to a garment that can be draped. Owns what is made up and kept; must not know frames or the wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import cv2
import numpy as np

from fabric.catalog import Catalog
from fabric.swatch import swatch
from fabric.weave import weave
from garment.cuts.catalogue import CUTS, load_cut
from garment.flat import render_flat
from garment.garment import Garment
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
SWATCH_PX, SWATCH_MM = 360, 60.0


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

    def __init__(self, *, catalog: Catalog, rack: Rack, most_kept: int = 8) -> None:
        self.catalog = catalog
        self.rack = rack
        self._pyramids: Kept[object, Pyramid] = Kept(most=most_kept)
        # What somebody wears is found here even when many others were asked for since.
        self._worn: WeakValueDictionary[object, Pyramid] = WeakValueDictionary()
        self._pictures: Kept[object, bytes] = Kept(most=256)

    def garment(self, wish: Wish) -> Pyramid | None:
        """The garment ready to be draped (tens to hundreds of milliseconds the first time); None for no wish.

        Raises:
            InputError: unknown_garment, unknown_fabric, fabric_retired, unknown_cut.
        """
        if wish.is_none():
            return None
        if wish.garment_id is not None:
            record = self.rack.record(wish.garment_id)
            # A corrected garment has other anchors, so it is another thing to keep.
            return self._kept((wish, repr(record.points)), lambda: self.rack.get(record.id))
        fabric_id, cut = str(wish.fabric_id), str(wish.cut)
        self.catalog.get(fabric_id)
        return self._kept(wish, lambda: self._made_up(fabric_id, cut))

    def warm(self) -> None:
        """Make what the first customer asks for: the catalog's colours, the first cloth in each cut, swatches."""
        suitings = [
            fabric for fabric in self.catalog.fabrics() if fabric.use == "suiting" and fabric.status == "active"
        ]
        self.garment(Wish(fabric_id=suitings[0].id, cut=next(iter(CUTS))))
        self.catalog_public()
        for fabric in suitings:
            self.swatch_png(fabric.id)

    def _kept(self, key: object, make: Callable[[], Garment]) -> Pyramid:
        worn = self._worn.get(key)
        if worn is None:
            worn = self._pyramids.get(key, lambda: _prepared(make()))
            self._worn[key] = worn
        return worn

    def catalog_public(self) -> dict[str, Any]:
        """The catalog as GET /api/fabric/catalog shows it: only what is still offered."""
        book = self.catalog.to_public()
        for family in book["families"]:
            family["fabrics"] = [fabric for fabric in family["fabrics"] if fabric["status"] == "active"]
        return book

    def cuts_public(self) -> list[dict[str, str]]:
        """The built-in cuts: id and name, in the order in which customers see them."""
        return [{"id": cut_id, "name": name} for cut_id, (name, _) in CUTS.items()]

    def words(self, wish: Wish) -> str:
        """The garment in words, for a model that is steered by them. What customers wrote is not among them."""
        if wish.fabric_id is None or wish.cut is None:
            return "this jacket"
        fabric = self.catalog.get(wish.fabric_id)
        return f"a {CUTS[wish.cut][0].lower()} jacket in {fabric.name.lower()}, {fabric.composition.lower()}"

    def swatch(self, wish: Wish) -> np.ndarray | None:
        """uint8 (256, 256, 3): the wish's cloth; None where it is not known."""
        if wish.fabric_id is None:
            return None
        return swatch(self.catalog.material(wish.fabric_id), size_px=256, mm=64.0)

    def swatch_png(self, fabric_id: str) -> bytes:
        """A picture of the cloth at true scale, 60 mm square.

        Raises:
            InputError: unknown_fabric, fabric_retired.
        """
        draft = self.catalog.get(fabric_id).draft
        # Woven for the picture alone: at this scale a cloth is large, and nobody else wants it.
        return self._picture(
            ("swatch", fabric_id),
            lambda: swatch(weave(draft, SWATCH_PX / SWATCH_MM), size_px=SWATCH_PX, mm=SWATCH_MM),
        )

    def cut_png(self, cut: str, fabric_id: str) -> bytes:
        """A picture of the cut made up in a fabric, lying flat.

        Raises:
            InputError: unknown_fabric, fabric_retired, unknown_cut.
        """
        self.catalog.get(fabric_id)
        load_cut(cut)
        return self._picture(("cut", cut, fabric_id), lambda: _thumbnail(self._made_up(fabric_id, cut)))

    def _made_up(self, fabric_id: str, cut: str) -> Garment:
        material = self.catalog.material
        colour = srgb_to_lab(hex_to_srgb8(self.catalog.get(fabric_id).colour))
        tie = TIES["warm" if colour[1] > _WARM_A else "cool"]
        return make_up(
            load_cut(cut),
            suiting=material(fabric_id),
            shirting=material(SHIRTING),
            tie=material(tie),
            facing=material(FACINGS[fabric_id]) if fabric_id in FACINGS else None,
        )

    def _picture(self, key: object, draw: Callable[[], np.ndarray]) -> bytes:
        return self._pictures.get(key, lambda: _png(draw()))


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
