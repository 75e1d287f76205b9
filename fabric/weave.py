"""Cloth made from a draft: the loom and the finish.

Owns the size of the tile and what threads on top of each other make of albedo, height, normal and roughness; must not
know catalogs, garments or light. The threads are laid at several samples each on a torus of whole repeats and only
then averaged, in linear light, down to the pixels asked for: tiles wrap exactly and the scale is the draft's own.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from fabric.crossing import Face, cross
from fabric.draft import Draft
from fabric.material import Material
from fabric.nap import raise_nap
from fabric.periodic import blur, normals, shrink
from fabric.yarn import Threads, spin
from utils.colour import linear_to_srgb8
from utils.errors import InputError

_SPAN_MM = 36.0, 60.0  # of a tile at least, for even and for mottled yarn: what stands out must not come back soon
_SAMPLES_PER_THREAD = 5.0
_FINEST_PX_PER_MM = 20.0  # threads of silk are not told apart, and need not be
_MOST_SAMPLES = 3_000_000
_MOST_PIXELS = 16_000_000
_PLY_RELIEF = 0.06  # of the plies, in yarn diameters
_SOAK = 2.2  # how much less light comes back from a diameter's depth between threads, as an exponent


def tile_threads(draft: Draft, *, span_mm: float | None = None) -> tuple[int, int]:
    """(ends, picks) of a tile: the fewest whole repeats that span `span_mm` (by default, enough) on both axes."""
    enough_mm = wanted_mm = span_mm
    if span_mm is None:
        enough_mm, mottled_mm = _SPAN_MM
        wanted_mm = enough_mm + max(draft.slub, draft.fuzz) * (mottled_mm - enough_mm)
    lengths_mm = draft.repeat_mm()
    times = [1 if length >= enough_mm else math.ceil(wanted_mm / length - 1e-9) for length in lengths_mm]
    return draft.repeat()[0] * times[0], draft.repeat()[1] * times[1]


def tile_size_mm(draft: Draft, *, span_mm: float | None = None) -> tuple[float, float]:
    """(width, height) of the tile that `weave` makes."""
    ends, picks = tile_threads(draft, span_mm=span_mm)
    return ends * 10.0 / draft.ends_per_cm, picks * 10.0 / draft.picks_per_cm


def weave(
    draft: Draft,
    px_per_mm: float = 4.0,
    *,
    id: str = "draft",
    name: str = "",
    span_mm: float | None = None,
    most_samples: int = _MOST_SAMPLES,
) -> Material:
    """Weave one tile at `px_per_mm`, which gives way a little so that whole pixels span the tile.

    `most_samples` bounds memory and time: beyond it threads are laid at fewer samples each.

    Raises:
        InputError: bad_scale, if the tile would have more than 16 million pixels.
    """
    counts, size_mm = tile_threads(draft, span_mm=span_mm), tile_size_mm(draft, span_mm=span_mm)
    hw = (max(8, round(size_mm[1] * px_per_mm)), max(8, round(size_mm[0] * px_per_mm)))
    if hw[0] * hw[1] > _MOST_PIXELS:
        raise InputError("bad_scale", "the repeat of this cloth is too large for so many pixels per millimetre")
    factor = _supersampling(draft, hw, px_per_mm, most_samples=most_samples)
    rng = np.random.default_rng(draft.seed)
    threads = spin(draft, rng, threads=counts, size_mm=size_mm)
    face = cross(draft, threads.girth, rng, counts=counts, hw=(hw[0] * factor, hw[1] * factor))
    light, height_mm = _finish(draft, threads, face, rng, samples_per_mm=hw[1] * factor / size_mm[0])
    light, height_mm, crown = shrink(light, factor), shrink(height_mm, factor), shrink(face.crown, factor)
    height_mm -= height_mm.mean()
    return Material(
        id=id,
        name=name or id,
        albedo=linear_to_srgb8(light),
        normal=normals(height_mm, px_per_mm=(hw[1] / size_mm[0], hw[0] / size_mm[1])),
        height=height_mm,
        roughness=np.clip(draft.roughness + 0.08 * (crown.mean() - crown), 0.02, 1.0).astype(np.float32),
        size_mm=size_mm,
        sheen=draft.sheen,
    )


def _supersampling(draft: Draft, hw: tuple[int, int], px_per_mm: float, *, most_samples: int) -> int:
    """Samples per pixel along one axis: as many as the threads need, as few as the memory allows."""
    finest = min(_SAMPLES_PER_THREAD * max(draft.ends_per_cm, draft.picks_per_cm) / 10.0, _FINEST_PX_PER_MM)
    wanted = max(2, math.ceil(finest / px_per_mm))  # never one: hairy outlines would turn into specks
    affordable = int(math.sqrt(most_samples / (hw[0] * hw[1])))
    return max(1, min(wanted, affordable))


def _finish(
    draft: Draft, threads: Threads, face: Face, rng: np.random.Generator, *, samples_per_mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear albedo (h, w, 3) and height (h, w) in millimetres of the finished cloth, at the loom's sampling."""
    table = np.dstack([threads.colour, threads.bulge])
    seen = cv2.remap(table, face.along, face.thread, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    light, bulge = seen[..., :3], seen[..., 3]
    diameter_mm = 10.0 * draft.cover / max(draft.ends_per_cm, draft.picks_per_cm)
    height_mm = face.height_mm + bulge * face.crown * np.float32(_PLY_RELIEF * diameter_mm * draft.relief)
    # Light that falls between two threads is soaked up on its way back, from wherever it came: this is reflectance,
    # not shadow. Pale fibres pass it on and soak up less. The mean is put back, so that yarns are specified by the
    # colour they have in the cloth.
    hollow = np.minimum(height_mm - blur(height_mm, 0.8 * diameter_mm * samples_per_mm), np.float32(0.0))
    open_ = np.exp(hollow * np.float32(_SOAK / diameter_mm)) * (np.float32(0.75) + np.float32(0.25) * face.crown)
    soaked = light * (1.0 - (1.0 - open_[..., None]) * (1.0 - light))
    light = soaked * (light.mean(axis=(0, 1)) / soaked.mean(axis=(0, 1)))
    if draft.fuzz > 0.0:
        contrast = 0.4 * threads.contrast
        return raise_nap(light, height_mm, rng=rng, fuzz=draft.fuzz, contrast=contrast, px_per_mm=samples_per_mm)
    return light, height_mm
