"""The scanner's steps and the usual recipe's, each measured on one rendered swatch.

Owns what a step is given and what its result is held against. `alone`, a step gets the truth for every step before it;
end to end it gets what those steps found. The usual recipe gets the true corners wherever corners are not the question.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

from bench.scan_measures import (
    albedo_error,
    band_contrast,
    corner_error,
    normal_error_deg,
    same_lattice,
    seam_ratio,
    step_excess,
)
from bench.swatch_camera import through
from bench.swatches import Rendered
from bench.usual import (
    SOBEL_STRENGTHS,
    usual_albedo,
    usual_corners,
    usual_normals,
    usual_size,
    usual_tile,
    usual_warp,
    warp_matrix,
)
from fabric.periodic import normals
from fabric.scan import Scan, scan
from fabric.scanning.blend import blend_tile
from fabric.scanning.findings import Even, Flat, Given, Lattice, Outline, Scale, Sheet, Tile
from fabric.scanning.light import even_out, even_out_again
from fabric.scanning.outline import find_outline, frame_corners
from fabric.scanning.rectify import rectify
from fabric.scanning.relief import read_sheet, relief_px_per_mm
from fabric.scanning.repeat import find_repeat
from fabric.scanning.surface import Surface, finish_surface
from fabric.scanning.things import beside, find_things
from fabric.scanning.tile import cut_tile
from fabric.scanning.white import find_white
from utils.colour import srgb_to_linear

STEPS = ("corners", "repeat", "tile", "albedo", "normals")
_SIZE_PX = 1024
_RIM = 0.06  # of the flat picture, left out where things are compared: the cut edge and its shadow
_LIGHT_SHARE = 1 / 16  # of the flat picture: light does not change over less

Row = dict[str, Any]


def alone(rendered: Rendered, only: str) -> Row:
    """One step by itself, the truth given for those before it."""
    if only == "corners":
        return corners_row(rendered, find_outline(rendered.photo, Given(), things=find_things(rendered.photo)).corners)
    flat = true_flat(rendered)
    if only == "repeat":
        return repeat_row(rendered, find_repeat(true_even(rendered, flat), flat, Given()), flat)
    lattice = true_lattice(rendered, flat)
    if only == "tile":
        tile, _ = _tile(read_sheet(true_even(rendered, flat), flat, lattice), flat, lattice)
        return tile_row(rendered, tile, flat)
    if only == "albedo":
        outline = true_outline(rendered)
        things = beside(find_things(rendered.photo), outline)
        white = find_white(rendered.photo, outline, Given(), things=things)
        even = even_out_again(flat, lattice, white=white)
        first = even_out(flat, white=white)
        row = albedo_row(rendered, even.linear, flat, source=even.white_source)
        return {**row, "albedo_delta_e_first": _albedo(rendered, first.linear, flat)}
    even = true_even(rendered, flat)
    sheet = read_sheet(even, flat, lattice)
    tile, surface = _tile(sheet, flat, lattice)
    return normals_row(rendered, sheet, tile, surface, flat)


def end_to_end(rendered: Rendered) -> tuple[Row, Scan]:
    """The whole scan with nothing given, and every figure of it.

    Raises:
        InputError: whatever the scanner refuses the photo for.
    """
    done = scan(rendered.photo, size_px=_SIZE_PX)
    row = corners_row(rendered, done.outline.corners)
    row |= {"stages_ms": {name: round(ms, 1) for name, ms in done.stages_ms.items()}, "quality": done.verdict.quality}
    row |= repeat_row(rendered, done.lattice, done.flat)
    row |= tile_row(rendered, done.tile, done.flat)
    row |= albedo_row(rendered, done.even.linear, done.flat, source=done.even.white_source)
    sheet = read_sheet(done.even, done.flat, done.lattice)
    return row | normals_row(rendered, sheet, done.tile, done.surface, done.flat), done


def usual(rendered: Rendered) -> Row:
    """What the usual recipe makes of the same swatch."""
    corners = true_outline(rendered).corners
    flat = usual_warp(rendered.photo, corners)
    albedo = usual_albedo(flat)
    from_photo = warp_matrix(corners, usual_size(corners))
    plain = Flat(srgb_to_linear(albedo), from_photo, None, np.zeros(flat.shape[:2], bool), 1.0)
    tile = {edges: srgb_to_linear(usual_tile(albedo, size_px=_SIZE_PX, edges=edges)) for edges in ("fade", "mirror")}
    true = _rimless(true_normals(rendered, plain))
    errors = {str(strength): normal_error_deg(_rimless(usual_normals(albedo, strength=strength)), true)
              for strength in SOBEL_STRENGTHS}  # fmt: skip
    return {
        "usual_corner_error": corner_error(usual_corners(rendered.photo), rendered.corners),
        "usual_seam_ratio": seam_ratio(tile["fade"]),
        "usual_step_excess": step_excess(tile["fade"]),
        "usual_band_contrast": band_contrast(tile["fade"]),
        "usual_mirror_band_contrast": band_contrast(tile["mirror"]),
        "usual_albedo_delta_e": _albedo(rendered, plain.linear, plain),
        "usual_normal_deg": errors,
    }


# ---- the truth, as the steps would hand it on


def true_outline(rendered: Rendered) -> Outline:
    """The true corners; in a close-up the frame."""
    if rendered.close_up:
        return Outline(frame_corners(rendered.photo.shape[:2]), "frame", 1.0)
    return Outline(rendered.corners.astype(np.float32), "given", 1.0)


def true_flat(rendered: Rendered) -> Flat:
    """The cloth laid flat by its true corners, at its true scale."""
    scale = Scale(rendered.to_mm, "given", 1.0)
    return rectify(rendered.photo, true_outline(rendered), scale, Given(), long_side_px=2 * _SIZE_PX)


def true_even(rendered: Rendered, flat: Flat) -> Even:
    """The flat picture under even white light: all that differs from the true albedo at a large scale divided out."""
    true = true_albedo(rendered, flat)
    sigma = _LIGHT_SHARE * max(true.shape[:2])
    light = _low(flat.linear, sigma) / np.maximum(_low(true, sigma), 1e-4)
    small = cv2.resize(light.mean(axis=2), (64, 64), interpolation=cv2.INTER_AREA)
    ratio = float(small.max() / small.min())
    linear = flat.linear / np.maximum(light, 1e-4)
    return Even(linear, (small / small.mean()).astype(np.float32), ratio, "given", 1.0)


def true_lattice(rendered: Rendered, flat: Flat) -> Lattice:
    """The true repeat, in pixels of the flat picture; along stripes a vector of the same length stands in."""
    appears, to_px = rendered.appears, _to_flat_vectors(rendered, flat)
    on_table = rendered.on_table(np.array([[1.0, 0.0], [0.0, 1.0]])) @ to_px
    angle = math.degrees(math.atan2(-on_table[1, 0], on_table[1, 1]))
    if rendered.lattice_mm is None:
        return Lattice(appears.kind, None, None, None, None, angle, 1.0, "given", (0.0, 0.0))
    vectors = rendered.lattice_mm @ to_px
    if len(vectors) == 1:
        across = vectors[0]
        vectors = np.array([across, [-across[1], across[0]]])
        if abs(vectors[0, 0]) < abs(vectors[0, 1]):
            vectors = np.array([-vectors[1], vectors[0]])
    weave = rendered.on_table(rendered.lot.weave_mm) @ to_px
    own = np.allclose(np.abs(np.linalg.det(weave)), np.abs(np.linalg.det(vectors)), rtol=0.01)
    fine = (None, None) if own else (weave[0], weave[1])
    return Lattice("periodic", vectors[0], vectors[1], *fine, angle, 1.0, "given", _repeats(vectors, flat))


def true_albedo(rendered: Rendered, flat: Flat) -> np.ndarray:
    """float32 (H, W, 3): linear, in the flat picture's pixels."""
    return rendered.flat_albedo(_from_mm(rendered, flat), flat.linear.shape[:2])


def true_normals(rendered: Rendered, flat: Flat) -> np.ndarray:
    """float32 (H, W, 3) there."""
    return rendered.flat_normals(_from_mm(rendered, flat), flat.linear.shape[:2])


# ---- figures


def corners_row(rendered: Rendered, found: np.ndarray) -> Row:
    """Where the cloth was taken to lie."""
    if rendered.close_up:
        whole = frame_corners(rendered.photo.shape[:2])
        return {"frame_right": bool(corner_error(found, whole) < 0.02), "corners": found.tolist()}
    return {"corner_error": corner_error(found, rendered.corners), "corners": found.tolist()}


def repeat_row(rendered: Rendered, lattice: Lattice, flat: Flat) -> Row:
    """Whether it repeats, and how."""
    row: Row = {"kind": lattice.kind, "kind_right": lattice.kind in rendered.appears.kinds}
    found = None
    if lattice.a is not None and lattice.b is not None:
        found = np.array([lattice.a, lattice.b]) @ np.linalg.inv(_to_flat_vectors(rendered, flat))
        row["found_mm"] = found.tolist()
    row["repeat_confidence"] = lattice.confidence
    true = rendered.lattice_mm
    if true is None:
        return row
    in_view = min(_repeats(true @ _to_flat_vectors(rendered, flat), flat))
    return {**row, "repeats_in_view": in_view, "repeat": same_lattice(found, true)}


def tile_row(rendered: Rendered, tile: Tile, flat: Flat) -> Row:
    """How well the tile's edges meet."""
    expected = None
    if tile.method == "seams":
        size = tile.sheet.albedo.shape[:2]
        expected = rendered.flat_albedo(_tile_from_mm(rendered, tile, flat), size)
    picture = tile.sheet.albedo
    return {
        "seam_ratio": seam_ratio(picture, cells=tile.cells, expected=expected),
        "band_contrast": band_contrast(picture),
        "step_excess": step_excess(picture, expected=expected),
        "tile_delta_e": albedo_error(
            picture.mean(axis=(0, 1), keepdims=True), true_albedo(rendered, flat).mean(axis=(0, 1), keepdims=True)
        ),
        "cells": list(tile.cells),
    }


def albedo_row(rendered: Rendered, linear: np.ndarray, flat: Flat, *, source: str) -> Row:
    """The colour, with what the scanner took for white."""
    return {
        "albedo_delta_e": _albedo(rendered, linear, flat),
        "white_in_view": rendered.white is not None,
        "white_source": source,
    }


def normals_row(rendered: Rendered, sheet: Sheet, tile: Tile, surface: Surface, flat: Flat) -> Row:
    """Normals of the sheet before it is cut, and of the finished tile where it lies on the cloth."""
    px_per_mm = relief_px_per_mm(flat)
    found = normals(sheet.height, px_per_mm=(px_per_mm, px_per_mm))
    true = true_normals(rendered, flat)
    level = np.zeros_like(true)
    level[..., 2] = 1.0
    row = {
        "normal_deg": normal_error_deg(_rimless(found), _rimless(true)),
        "level_deg": normal_error_deg(_rimless(level), _rimless(true)),
    }
    if tile.method == "seams":
        on_tile = rendered.flat_normals(_tile_from_mm(rendered, tile, flat), surface.normal.shape[:2])
        row["tile_normal_deg"] = normal_error_deg(surface.normal, on_tile)
    return row


def _albedo(rendered: Rendered, linear: np.ndarray, flat: Flat) -> float:
    """deltaE00 of the flat picture's patches, what was burnt out left out of both."""
    true, found = true_albedo(rendered, flat), linear.copy()
    found[flat.clipped] = true[flat.clipped]
    return albedo_error(_rimless(found), _rimless(true))


def _tile(sheet: Sheet, flat: Flat, lattice: Lattice) -> tuple[Tile, Surface]:
    if lattice.kind == "periodic":
        tile = cut_tile(sheet, lattice, size_px=_SIZE_PX, px_per_mm=flat.px_per_mm)
    else:
        tile = blend_tile(sheet, size_px=_SIZE_PX, px_per_mm=flat.px_per_mm)
    px_per_mm = relief_px_per_mm(flat)
    return tile, finish_surface(tile, px_per_mm=tuple(_SIZE_PX * px_per_mm / side for side in tile.size_px))


def _from_mm(rendered: Rendered, flat: Flat) -> np.ndarray:
    return flat.from_photo @ np.linalg.inv(rendered.to_mm)


def _tile_from_mm(rendered: Rendered, tile: Tile, flat: Flat) -> np.ndarray:
    """From the table's millimetres to the tile's pixels, through the box it was cut from."""
    h, w = tile.sheet.albedo.shape[:2]
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32) - np.float32(0.5)
    to_tile = cv2.getPerspectiveTransform(tile.box.astype(np.float32), target)
    return to_tile @ _from_mm(rendered, flat)


def _to_flat_vectors(rendered: Rendered, flat: Flat) -> np.ndarray:
    """(2, 2): a vector as a row, in mm on the table, times this is the vector in the middle of the flat picture."""
    h, w = flat.linear.shape[:2]
    middle = np.array([(w - 1) / 2, (h - 1) / 2])
    around = middle + 8.0 * np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    steps = through(np.linalg.inv(_from_mm(rendered, flat)), around)
    per_px = np.array([steps[1] - steps[0], steps[3] - steps[2]]) / 16.0
    return np.linalg.inv(per_px)


def _repeats(vectors: np.ndarray, flat: Flat) -> tuple[float, float]:
    """How often each vector fits into the picture along its own direction."""
    h, w = flat.linear.shape[:2]
    fits = [min(w / max(abs(v[0]), 1e-6), h / max(abs(v[1]), 1e-6)) for v in vectors]
    return (fits[0], fits[-1])


def _rimless(picture: np.ndarray) -> np.ndarray:
    h, w = picture.shape[:2]
    rim_y, rim_x = round(_RIM * h), round(_RIM * w)
    return picture[rim_y : h - rim_y, rim_x : w - rim_x]


def _low(picture: np.ndarray, sigma_px: float) -> np.ndarray:
    """Very low-pass, at a quarter of the size."""
    h, w = picture.shape[:2]
    small = cv2.resize(picture, (max(8, w // 4), max(8, h // 4)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma_px / 4.0), (w, h), interpolation=cv2.INTER_LINEAR)
