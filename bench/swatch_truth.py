"""What can be seen of a cloth's repeat at the scale and sharpness of a photo.

Owns the rule that calls a photo of cloth periodic, stochastic or plain, and the lattice that it shows; must not know
the scanner.

The rule: the same cloth is woven without its irregularities, and one repeat of it is blurred as the photo is. If its
contrast (deviation of the lightness L*) reaches 0.8 and 0.7 of what the irregular cloth adds to it at the same blur,
the photo is periodic. If not, it is plain where that irregularity stays below 1.2 of L*, and otherwise stochastic.
Within a factor of 1.5 of any of these bounds two people would not agree, and the kind beyond it counts as right, too.
The lattice that it shows is made of all translations by whole threads under which the blurred repeat stays as it is,
to a tenth of its contrast: a weave below the photo's resolution drops out, and stripes that are alike all along have
one vector.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import cv2
import numpy as np

from bench.swatch_cloth import Lot, in_mm, pattern_lattice, shortest_basis
from fabric.draft import Draft, Yarn
from fabric.material import Material
from fabric.periodic import blur
from fabric.scanning.findings import Kind
from fabric.weave import tile_threads, weave
from fabric.yarn import mean_light
from utils.colour import linear_to_lab, linear_to_srgb8, srgb8_to_hex, srgb_to_linear

_SEEN, _SHARE, _PLAIN = 0.8, 0.7, 1.2
_AROUND = (1 / 1.5, 1.0, 1.5)
_SAME = 0.1
_NAP_MM, _NAP = 0.35, 0.9  # how far and how much a nap smears colours
_SAMPLES_PER_THREAD = 4
_MOST_CELL_PX = 1_500_000
_AVERAGED = 48  # threads at least that small repeats are averaged over


@dataclass(frozen=True)
class Appearance:
    """A cloth at the scale of a photo."""

    kind: Kind
    lattice_mm: np.ndarray | None
    """float64 (2, 2), rows across and down; (1, 2) for stripes; None unless periodic. On the cloth, warp upright."""
    contrast: float
    """Deviation of the repeat's L*, blurred as in the photo."""
    irregular: float
    """Deviation of L* of what does not repeat."""
    kinds: frozenset[Kind]
    """Every kind that is right: more than one where it is a matter of opinion."""


def appearance(lot: Lot, material: Material, *, px_per_mm: float, blur_px: float) -> Appearance:
    """Judge a woven cloth as a photo of `px_per_mm` with a blur of `blur_px` (deviation) shows it."""
    blur_mm = blur_px / px_per_mm
    cell, cell_px_per_mm = _ideal_cell(lot.draft)
    seen = _lightness(_blur2(cell, blur_mm, cell_px_per_mm))
    contrast = float(seen.std())
    scale = material.height.shape[1] / material.size_mm[0], material.height.shape[0] / material.size_mm[1]
    whole = float(_lightness(_blur2(srgb_to_linear(material.albedo), blur_mm, scale)).std())
    irregular = float(np.sqrt(max(whole**2 - contrast**2, 0.0)))
    lattice = _shown_lattice(seen, lot.draft)
    bound = max(_SEEN, _SHARE * irregular)
    kind = _kind(contrast >= bound and lattice is not None, irregular)
    around = {_kind(contrast >= bound * f and lattice is not None, irregular * g) for f in _AROUND for g in _AROUND}
    return Appearance(kind, lattice if kind == "periodic" else None, contrast, irregular, frozenset(around))


def _kind(repeats: bool, irregular: float) -> Kind:
    if repeats:
        return "periodic"
    return "plain" if irregular < _PLAIN else "stochastic"


def _ideal_cell(draft: Draft) -> tuple[np.ndarray, tuple[float, float]]:
    """Linear colour (h, w, 3) of one repeat without irregularities, whole samples to each thread, and its px/mm."""
    even = dataclasses.replace(
        draft,
        yarns=tuple((letter, _one_colour(yarn)) for letter, yarn in draft.yarns),
        slub=0.0,
        fuzz=0.0,
    )
    ends, picks = draft.repeat()
    samples = _SAMPLES_PER_THREAD
    while samples > 2 and ends * picks * samples * samples > _MOST_CELL_PX:
        samples -= 1
    span_mm = _AVERAGED * max(10.0 / draft.ends_per_cm, 10.0 / draft.picks_per_cm)
    tile = weave(even, samples * max(draft.ends_per_cm, draft.picks_per_cm) / 10.0, span_mm=span_mm)
    threads = tile_threads(even, span_mm=span_mm)
    wh = threads[0] * samples, threads[1] * samples
    light = cv2.resize(srgb_to_linear(tile.albedo), wh, interpolation=cv2.INTER_AREA)
    times = threads[0] // ends, threads[1] // picks
    light = light.reshape(times[1], picks * samples, times[0], ends * samples, 3).mean(axis=(0, 2))
    scale = samples * draft.ends_per_cm / 10.0, samples * draft.picks_per_cm / 10.0
    if draft.fuzz > 0.0:
        light += np.float32(_NAP * draft.fuzz) * (_blur2(light, _NAP_MM, scale) - light)
    return light, scale


def _one_colour(yarn: Yarn) -> Yarn:
    return Yarn(fibres=((srgb8_to_hex(linear_to_srgb8(mean_light(yarn))), 1.0),), melange=0.0)


def _shown_lattice(lightness: np.ndarray, draft: Draft) -> np.ndarray | None:
    """Shortest translations, mm, by whole threads that leave one repeat of lightness as it is."""
    same = _translations(lightness, draft)
    along_warp, along_weft = (bool({unit, (-unit[0], -unit[1])} & same) for unit in ((0, 1), (1, 0)))
    if along_warp and along_weft:
        return None
    if along_warp or along_weft:  # stripes: one single thread further along, nothing has changed
        axis = 0 if along_warp else 1
        vector = np.zeros((1, 2))
        vector[0, axis] = min(abs(v[axis]) for v in same if v[axis])
        return in_mm(vector, draft)
    vectors = in_mm(np.array(sorted(same)), draft)
    vectors = vectors[np.argsort(np.hypot(*vectors.T), kind="stable")]
    first = vectors[0]
    area = np.abs(first[0] * vectors[:, 1] - first[1] * vectors[:, 0])
    return shortest_basis(np.array([first, vectors[np.argmax(area > 1e-6)]]))


def _translations(lightness: np.ndarray, draft: Draft) -> set[tuple[int, int]]:
    """(ends, picks), zero left out: the draft's own, and those that cannot be told from it."""
    ends, picks = draft.repeat()
    field = lightness - lightness.mean()
    likeness = np.fft.ifft2(np.abs(np.fft.fft2(field)) ** 2).real / field.size
    # The mean square of a change is twice what the autocorrelation lacks.
    change = 2.0 * (likeness[0, 0] - likeness[:: lightness.shape[0] // picks, :: lightness.shape[1] // ends])
    rows, columns = np.nonzero(change <= 2.0 * _SAME**2 * likeness[0, 0])
    same = {(int(c), int(r)) for r, c in zip(rows, columns, strict=True)}
    a, b = pattern_lattice(draft)
    same |= {tuple(int(n) for n in i * a + j * b) for i in range(-4, 5) for j in range(-4, 5)}
    same |= {(c + i * ends, r + j * picks) for c, r in same for i in (-1, 0) for j in (-1, 0)}
    return same - {(0, 0)}


def _blur2(light: np.ndarray, sigma_mm: float, px_per_mm: tuple[float, float]) -> np.ndarray:
    """Gaussian blur on the torus with a scale of its own along each axis."""
    if px_per_mm[0] == px_per_mm[1]:
        return blur(light, max(sigma_mm * px_per_mm[0], 0.05))
    sigma = [max(sigma_mm * scale, 0.05) for scale in px_per_mm]
    reach = [int(4 * s) + 1 for s in sigma]
    tiled = np.pad(light, ((reach[1],) * 2, (reach[0],) * 2, (0, 0)), mode="wrap")
    blurred = cv2.GaussianBlur(tiled, (0, 0), sigma[0], sigmaY=sigma[1])
    return blurred[reach[1] : reach[1] + light.shape[0], reach[0] : reach[0] + light.shape[1]]


def _lightness(light: np.ndarray) -> np.ndarray:
    return linear_to_lab(light)[..., 0]
