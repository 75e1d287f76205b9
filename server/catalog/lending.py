"""Wearing a scan that is not offered: one that is not saved yet, or whose colour is kept back. Owns what it is taken
for meanwhile; must not know HTTP nor who wears it."""

from __future__ import annotations

import hashlib

from fabric.entries import ColourEntry, FamilyEntry, ScanEntry, check_size, fabric_of
from server.catalog.keepsakes import Scan, scale_unknown
from server.catalog.shop import Shop, reader

_FAMILY = FamilyEntry(id="scans", name="Scans", use="suiting", composition="wool", weight_g_m2=280)
_FIGURES = ("roughness", "metalness", "sheen")


def lend_scan(shop: Shop, scan_id: str, *, size_mm: tuple[float, float] | None = None) -> str:
    """Have a scan, or what a colour was saved from, be found in the book where nobody sees it listed. Returns the id to
    wish for. Blocking.

    `size_mm` is the tile's width and height, where a person knows better than the scan.

    Raises:
        InputError: unknown_scan, scale_unknown, bad_size. CapacityError: catalog_away.
    """
    scan = shop.keepsakes.scan_behind(scan_id)
    facts = scan.manifest
    size_mm = size_mm or facts["size_mm"]
    if size_mm is None:
        raise scale_unknown()
    check_size(tuple(size_mm))
    entry = ColourEntry(
        id=_lent_id(scan),
        name=facts["findings"].get("name", "swatch"),
        code="",
        colour=facts["mean_hex"],
        mill="",
        measured=facts["mean_hex"],
        scan=ScanEntry(
            maps=facts["maps"],
            size_mm=tuple(size_mm),
            height_range_mm=tuple(facts["height_range_mm"]),
            **{name: facts[name] for name in _FIGURES},
        ),
    )
    shop.book.lend(fabric_of(entry, _FAMILY, read=reader(shop.storage)))
    return entry.id


def _lent_id(scan: Scan) -> str:
    """Not the colour's own: whoever wishes for that is told what the book says of it."""
    return scan.id if scan.expires is not None else hashlib.sha256(scan.id.encode()).hexdigest()[:32]
