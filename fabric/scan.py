"""From a photo of a swatch to a material: the recipe.

Owns the order of the steps and what they hand to each other; each step is a file of fabric/scanning/. Pure: the same
photo and the same givens make the same material. Must not know servers, files or who asks.

    outline -> scale -> tilt -> rectify -> light -> repeat -> tile -> maps -> judge
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from fabric.material import Material
from fabric.scanning.blend import blend_tile
from fabric.scanning.blur import edge_blur_px
from fabric.scanning.cloth import refuse_unusable
from fabric.scanning.findings import Even, Flat, Given, Lattice, Outline, Readable, Scale, Sheet, Tile, Verdict
from fabric.scanning.judge import judge
from fabric.scanning.light import even_out, even_out_again
from fabric.scanning.outline import find_outline
from fabric.scanning.overview import Overview
from fabric.scanning.rectify import rectify
from fabric.scanning.relief import read_sheet, relief_px_per_mm
from fabric.scanning.repeat import find_repeat
from fabric.scanning.scale import read_scale
from fabric.scanning.surface import Surface, finish_surface
from fabric.scanning.things import beside, find_things
from fabric.scanning.tile import cut_tile
from fabric.scanning.tilt import in_its_plane, see_tilt
from fabric.scanning.white import find_white
from utils.errors import InputError
from utils.timing import Stopwatch

STAGES = ("outline", "scale", "light", "repeat", "tile", "maps", "judge")
SIZES_PX = 512, 4096
_RELIEF_REACH_PX = 48  # how far around a place there is cloth that tells of its relief

OnStage = Callable[[str], None]
"""Told the name of each stage as it begins, in the thread that scans; what it raises ends the scan."""


@dataclass(frozen=True)
class Scan:
    """A material, and what is known of it and how well."""

    surface: Surface
    size_mm: tuple[float, float] | None
    """(width, height) that the tile spans; None where nothing of known size was in view."""
    px_per_mm: float | None
    """Of the flat picture: how finely the photo shows the cloth."""
    outline: Outline
    scale: Scale
    flat: Flat
    even: Even
    lattice: Lattice
    tile: Tile
    verdict: Verdict
    stages_ms: dict[str, float]

    def material(self, *, id: str, name: str, size_mm: tuple[float, float] | None = None) -> Material:
        """The scan as the garments take it; `size_mm` where the scan could not tell.

        Raises:
            InputError: scale_unknown.
        """
        size = size_mm or self.size_mm
        if size is None:
            hint = "give the swatch's or the repeat's size in millimetres, or lay a bank card beside the swatch"
            raise InputError("scale_unknown", "the true size of this cloth is not known", hint=hint)
        maps = self.surface
        return Material(
            id=id,
            name=name,
            albedo=maps.albedo,
            normal=maps.normal,
            height=maps.height_mm,
            roughness=maps.roughness,
            size_mm=size,
        )


def scan(
    photo: np.ndarray,
    given: Given | None = None,
    *,
    size_px: int = 1024,
    seed: int = 0,
    on_stage: OnStage | None = None,
) -> Scan:
    """Scan uint8 RGB (H, W, 3) into maps of `size_px` squared.

    Raises:
        InputError: bad_corners, bad_size, bad_repeat, bad_white, swatch_too_small, overexposed, underexposed, blurred,
            not_flat, not_cloth.
    """
    given = given or Given()
    if not SIZES_PX[0] <= size_px <= SIZES_PX[1]:
        raise InputError("bad_size", f"maps are {SIZES_PX[0]} to {SIZES_PX[1]} pixels wide")
    watch = Stopwatch()
    stage = partial(_stage, watch, on_stage)
    with stage("outline"):
        view = Overview.of(photo)
        hints = view.given(given)
        things = find_things(view.rgb)
        seen = find_outline(view.rgb, hints, things=things)
    with stage("scale"):
        things = beside(things, seen)
        outline, scale = view.outline(seen), view.scale(read_scale(view.rgb, seen, hints, things=things))
        outline = see_tilt(photo, outline)
        scale = in_its_plane(scale, outline, photo.shape[:2])
        flat = rectify(photo, outline, scale, given, long_side_px=2 * max(size_px, 1024))
    with stage("light"):
        white = view.white(find_white(view.rgb, seen, hints, things=things))
        even = even_out(flat, white=white)
        own = () if seen.source == "frame" else (seen.corners,)
        refuse_unusable(flat, even, edges_px=edge_blur_px(view.rgb, (*own, *(thing.quad for thing in things))))
    with stage("repeat"):
        lattice = find_repeat(even, flat, given)
        if lattice.a is not None:  # else nothing is known of the light that was not before
            even = even_out_again(flat, lattice, white=white)
    with stage("tile"):
        sheet = _Unread(even, flat, lattice)
        tile = _tile(sheet, lattice, size_px=size_px, px_per_mm=flat.px_per_mm, seed=seed)
    with stage("maps"):
        finest = size_px * relief_px_per_mm(flat)
        surface = finish_surface(tile, px_per_mm=(finest / tile.size_px[0], finest / tile.size_px[1]))
    with stage("judge"):
        verdict = judge(tile, sheet, outline=outline, scale=scale, flat=flat, even=even, lattice=lattice, given=given)
    return Scan(
        surface=surface,
        size_mm=_size_mm(tile, flat),
        px_per_mm=flat.px_per_mm,
        outline=outline,
        scale=scale,
        flat=flat,
        even=even,
        lattice=lattice,
        tile=tile,
        verdict=verdict,
        stages_ms=watch.stages_ms,
    )


def _stage(watch: Stopwatch, on_stage: OnStage | None, name: str) -> AbstractContextManager[None]:
    if on_stage is not None:
        on_stage(name)
    return watch.stage(name)


@dataclass(frozen=True)
class _Unread:
    """The sheet, its relief read where a tile is cut from it."""

    even: Even
    flat: Flat
    lattice: Lattice

    @property
    def albedo(self) -> np.ndarray:
        return self.even.linear

    def within(self, rows: slice, columns: slice) -> Sheet:
        top, left = (max(0, part.start - _RELIEF_REACH_PX) for part in (rows, columns))
        around = self.albedo[top : rows.stop + _RELIEF_REACH_PX, left : columns.stop + _RELIEF_REACH_PX]
        sheet = read_sheet(replace(self.even, linear=np.ascontiguousarray(around)), self.flat, self.lattice)
        return sheet.within(slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left))


def _tile(sheet: Readable, lattice: Lattice, *, size_px: int, px_per_mm: float | None, seed: int) -> Tile:
    if lattice.kind == "periodic":
        return cut_tile(sheet, lattice, size_px=size_px, px_per_mm=px_per_mm)
    return blend_tile(sheet, size_px=size_px, px_per_mm=px_per_mm, seed=seed, lattice=lattice)


def _size_mm(tile: Tile, flat: Flat) -> tuple[float, float] | None:
    if flat.px_per_mm is None:
        return None
    width, height = tile.size_px
    return float(width / flat.px_per_mm), float(height / flat.px_per_mm)
