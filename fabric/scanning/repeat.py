"""How the cloth repeats: its lattice, or that it has none.

Owns what counts as a repeat and how sure it is; must not know what the repeat is used for. Two witnesses are heard. The
lines of two spectra (of the whole picture for patterns, averaged over small windows at full resolution for the weave)
propose cells and tell a weave from its multiples. The picture's likeness to itself, when it is shifted, proposes large
cells of which two repeats are enough, and refutes whatever only nearly repeats. Where they find nothing, stripes and
checks are still seen by their bands: such cloth is periodic, and without vectors where no whole repeat is in view.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.scanning.bands import Bands, find_bands
from fabric.scanning.contrast import Contrast, measure
from fabric.scanning.findings import Even, Flat, Given, Kind, Lattice
from fabric.scanning.lattice import count_repeats, find_grain, grain_axes, is_part_of, snap, upright
from fabric.scanning.likeness import Likeness, agreement, compare, sharpen, tops
from fabric.scanning.lines import fractions, join_lines, judge, likely_vectors, propose, reduce, span
from fabric.scanning.spectrum import Lines, features, find_lines, power
from utils.errors import InputError

_COARSE_PX, _FINE_PX, _LIKENESS_PX = 1024, 512, 640
_STANDS_OUT, _STANDS_OUT_OF_MEAN = 10.0, 5.0  # times its floor a line, in one spectrum and in a mean of nine
_LESS_ALIKE = 0.12  # share of the best likeness that a cell may lack
_AS_ALIKE, _AS_ALIKE_FINE = 0.93, 0.85  # share of its likeness that a fraction of a cell has to keep
_RIVAL = 0.6  # share of the best score with which a smaller cell is worth a look
_NOISE_ALIKE = 0.06  # likeness that is nothing but chance
_INFORMATIVE = 0.25  # likeness that refutes what has less of it
_FINEST_ALIKE = 4.0  # pixels of the likeness that a cell needs to be judged by it
_SHARP_FROM = 8.0  # and to be refined by it
_LINES_KEPT = 0.85  # share of the lines' score that a smaller cell has to keep: half a plain weave's keeps four fifths
_EQUALLY = 0.97  # share of another's likeness from which on a cell is as alike
_SEEN, _PLAIN = 0.8, 1.3  # deviations of L*: of a repeat that is seen, of irregularity that is not
_PERIODIC = 0.28  # share of the variance that repeats in periodic cloth
_FROM_AFAR = 0.75  # of the likeness there: noise is averaged out, irregularity too
_LEAST_REPEATS = 1.6
_FEW_REPEATS, _BARELY = 3.0, 0.2  # below which bands are asked too; confidence that nothing but bands would save
_ASKEW = 0.1  # slope against the bands
_UNSEEN = 0.1  # confidence in a pattern of which no whole repeat is in view
_NEAR_GIVEN = 0.04  # how far off a repeat may be that a person measured
_WEAVE_SHARE = 0.35  # of the fine lines that a weave has to explain to be told apart from its pattern


@dataclass(frozen=True)
class _Views:
    """The picture as its witnesses see it."""

    lines: Lines
    fine: Lines
    vectors: np.ndarray
    fine_vectors: np.ndarray
    likeness: Likeness


def find_repeat(even: Even, flat: Flat, given: Given) -> Lattice:
    """The smallest cell that weave and colours repeat in. What a person gave wins, and is only made exact.

    Raises:
        InputError: bad_repeat, if the given repeat cannot be used.
    """
    hw = even.linear.shape[:2]
    given_px = None if given.repeat_mm is None else _given_px(given.repeat_mm, flat.px_per_mm, hw)
    views = _look(even.linear)
    basis = _choose(views)
    if given_px is not None:
        return _as_given(given_px, basis, views, hw)
    if basis is None:
        bands = find_bands(even.linear)
        if bands.are_clear:
            return _banded(bands, views, hw)
        return _without("plain" if measure(even.linear, None).irregular < _PLAIN else "stochastic", 0.0, 0.5)
    contrast = measure(even.linear, basis)
    if np.linalg.norm(basis, axis=1).min() > _SHARP_FROM * views.likeness.px:  # seen from afar as well
        contrast = contrast.at_least(_FROM_AFAR * float(agreement(views.likeness, basis[None])[0]))
    angle_deg = find_grain(basis) if judge(views.lines, basis[None])[0][0] > 0.3 else 0.0
    repeats = _repeats_in_view(basis, hw)
    kind = _kind(contrast, repeats)
    if kind != "periodic":
        bands = find_bands(even.linear)
        if bands.are_clear:
            return _banded(bands, views, hw)
        return _without(kind, angle_deg, min(1.0, abs(1.0 - contrast.share / _PERIODIC) + 0.3))
    confidence = _confidence(contrast, repeats)
    if min(filter(None, repeats)) < _FEW_REPEATS:  # large things look alike by chance
        bands = find_bands(even.linear, angle_deg)
        if bands.are_clear and _refuted(basis, bands):
            return _banded(bands, views, hw)
        if not bands.are_clear and confidence < _BARELY:
            return _without("stochastic", angle_deg, 0.5)
    return _periodic(basis, views, angle_deg, repeats, confidence)


def _given_px(repeat_mm: tuple[float, float], px_per_mm: float | None, hw: tuple[int, int]) -> tuple[float, float]:
    """(width, height) of the given repeat in pixels."""
    if not all(math.isfinite(side) and side > 0.0 for side in repeat_mm):
        raise InputError(
            "bad_repeat",
            "a repeat has a width and a height in millimetres, both above zero",
            hint="measure one whole repeat of the pattern with a ruler, across and down",
        )
    if px_per_mm is None:
        raise InputError(
            "bad_repeat",
            "a repeat in millimetres cannot be used, because the scale of the photo is not known",
            hint="give the swatch's size too, or lay a ruler or a bank card beside the cloth",
        )
    width, height = (side * px_per_mm for side in repeat_mm)
    if width > hw[1] or height > hw[0]:
        raise InputError(
            "bad_repeat",
            "the given repeat is larger than the cloth in the photo",
            hint="photograph at least one whole repeat, better two, or correct the repeat",
        )
    if min(width, height) < 2.0:
        raise InputError("bad_repeat", "the given repeat is finer than the photo shows", hint="take a closer photo")
    return width, height


# ---- looking


def _look(linear: np.ndarray) -> _Views:
    h, w = linear.shape[:2]
    factor = max(1.0, max(h, w) / _COARSE_PX)
    wh = (round(w / factor), round(h / factor))
    fields = features(cv2.resize(linear, wh, interpolation=cv2.INTER_AREA) if factor > 1.0 else linear)
    size = _quick_length(wh[1]), _quick_length(wh[0])
    coarse = find_lines([power(_middle(field, size)) for field in fields], px=factor, stands_out=_STANDS_OUT)
    n = min(_FINE_PX, _quick_length(min(h, w)))
    fine = find_lines(
        _averaged(_middle(linear, (min(h, 2 * n), min(w, 2 * n))), n), px=1.0, stands_out=_STANDS_OUT_OF_MEAN
    )
    fine_vectors = likely_vectors(fine, reach_px=(n, n), step_px=1.0)
    vectors = likely_vectors(coarse, reach_px=(size[1] * factor, size[0] * factor), step_px=2.0 * factor)
    smaller = max(1.0, max(wh) / _LIKENESS_PX)
    wh = (round(wh[0] / smaller), round(wh[1] / smaller))
    likeness = compare([cv2.resize(f, wh, interpolation=cv2.INTER_AREA) for f in fields], px=factor * smaller)
    return _Views(join_lines(coarse, fine), fine, np.concatenate([vectors, fine_vectors]), fine_vectors, likeness)


def _averaged(linear: np.ndarray, n: int) -> list[np.ndarray]:
    """Per feature the sum of power spectra of windows of `n` pixels that overlap by half (Welch 1967)."""
    starts = [range(0, max(length - n, 0) + 1, max(n // 2, 1)) for length in linear.shape[:2]]
    return [
        sum(power(np.ascontiguousarray(field[y : y + n, x : x + n])) for y in starts[0] for x in starts[1])
        for field in features(linear)
    ]


def _quick_length(length: int) -> int:
    """The largest even number up to `length` that the transform is quick at."""
    length -= length % 2
    while cv2.getOptimalDFTSize(length) != length:
        length -= 2
    return length


def _middle(field: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    top, left = (field.shape[0] - hw[0]) // 2, (field.shape[1] - hw[1]) // 2
    return np.ascontiguousarray(field[top : top + hw[0], left : left + hw[1]])


# ---- choosing


def _choose(views: _Views) -> np.ndarray | None:
    """The cell that lines and likeness agree on, float64 (2, 2); None if there is nothing to choose from."""
    bases = np.concatenate([propose(views.lines, views.vectors), _large_cells(views.likeness)])
    if not len(bases) or not views.lines.weight.sum() > 0.0:
        return None
    _, score = judge(views.lines, bases)
    alike = agreement(views.likeness, bases)
    held = np.flatnonzero(alike >= alike.max() - max(_NOISE_ALIKE, _LESS_ALIKE * alike.max()))
    best = held[np.argmax(score[held])]
    if score[best] <= 0.0:
        return None  # not even the best explains more of the lines than chance would
    basis = _smallest(bases[best], views)
    if alike[best] > _INFORMATIVE:  # then a smaller cell that is not refuted is no accident
        area = np.abs(np.linalg.det(bases))
        rivals = held[(score[held] > _RIVAL * score[best]) & (alike[held] > _EQUALLY * alike[best])]
        basis = _better(basis, _smallest(bases[rivals[np.argmin(area[rivals])]], views), views)
    if np.linalg.norm(basis, axis=1).min() > _SHARP_FROM * views.likeness.px:
        basis = sharpen(views.likeness, basis)
    return reduce(basis)


def _better(cell: np.ndarray, rival: np.ndarray, views: _Views) -> np.ndarray:
    """The rival, unless it leaves more of the lines unexplained and is no more alike than the cell."""
    both = np.array([cell, rival])
    score, alike = judge(views.lines, both)[1], agreement(views.likeness, both)
    return cell if score[1] < _LINES_KEPT * score[0] and alike[0] > _EQUALLY * alike[1] else rival


def _large_cells(likeness: Likeness, most: int = 8) -> np.ndarray:
    """float64 (P, 2, 2): the smallest cells that are about as alike as any, spanned by two shifts."""
    bases = span(tops(likeness))
    if not len(bases):
        return bases
    alike = agreement(likeness, bases)
    good = np.flatnonzero(alike > 0.9 * alike.max())
    best = good[np.argsort(np.abs(np.linalg.det(bases[good])))][:most]
    return np.array([sharpen(likeness, reduce(bases[index])) for index in best])


def _smallest(basis: np.ndarray, views: _Views) -> np.ndarray:
    """The smallest fraction of a cell that is as much like itself and explains about as many lines.

    Likeness alone forgives a thin stripe in a coarse weave, lines alone a check whose blocks nearly repeat.
    """
    first = agreement(views.likeness, basis[None])[0]
    while first >= _INFORMATIVE:
        score = judge(views.lines, basis[None])[1][0]
        cells = fractions(basis)
        shortest = np.linalg.norm(cells[:, 0], axis=1) / views.likeness.px
        enough = np.where(shortest > _SHARP_FROM, _AS_ALIKE, _AS_ALIKE_FINE) * first
        cells = cells[(shortest > _FINEST_ALIKE) & (agreement(views.likeness, cells) > enough)]
        if not len(cells):
            break
        scores = judge(views.lines, cells)[1]
        if scores.max() < _LINES_KEPT * score:
            break
        basis = cells[np.argmax(scores)]
    return basis


# ---- judging


def _kind(contrast: Contrast, repeats: tuple[float, float]) -> Kind:
    if contrast.share >= _PERIODIC and contrast.repeating >= _SEEN and max(repeats) >= _LEAST_REPEATS:
        return "periodic"
    return "plain" if contrast.irregular < _PLAIN else "stochastic"


def _refuted(basis: np.ndarray, bands: Bands) -> bool:
    """Whether the bands are not the same again one cell further. Said of cells alone that stand upright in them."""
    axes = grain_axes(bands.angle_deg)
    across, down = upright(basis)[0]
    askew = max(abs(across @ axes[1]) / np.linalg.norm(across), abs(down @ axes[0]) / np.linalg.norm(down))
    return askew < _ASKEW and bands.refute(across @ axes[0], down @ axes[1])


def _confidence(contrast: Contrast, repeats: tuple[float, float]) -> float:
    """1 for three repeats of a pattern that is nearly all there is to see."""
    in_view = min(count for count in repeats if count > 0.0)
    clear = np.interp(contrast.share, [_PERIODIC, 0.75], [0.3, 1.0])
    enough = np.interp(in_view, [1.2, 2.0, 3.0], [0.3, 0.8, 1.0])
    return float(clear * enough * np.interp(contrast.repeating, [_SEEN, 2.0 * _SEEN], [0.6, 1.0]))


def _repeats_in_view(basis: np.ndarray, hw: tuple[int, int]) -> tuple[float, float]:
    """Along the vector across and along the one down; 0 along stripes."""
    lengths = np.linalg.norm(basis, axis=1)
    counts = [0.0 if lengths[i] < 3.0 and lengths[1 - i] > 12.0 else count_repeats(basis[i], hw) for i in (0, 1)]
    return tuple(counts) if upright(basis)[1] else (counts[1], counts[0])


def _periodic(
    basis: np.ndarray, views: _Views, angle_deg: float, repeats: tuple[float, float], confidence: float
) -> Lattice:
    (a, b), _ = upright(basis)
    if 0.0 in repeats:  # alike all along the stripe: as good a length as any is that of the other vector
        if repeats[1] == 0.0:
            b = np.array([-a[1], a[0]])
        else:
            a = np.array([b[1], -b[0]])
    weave = _weave_within(basis, views)
    fine = (None, None) if weave is None else upright(weave)[0]
    return Lattice(
        kind="periodic", a=a, b=b, fine_a=fine[0], fine_b=fine[1], angle_deg=angle_deg, confidence=confidence,
        source="found", repeats=repeats,
    )  # fmt: skip


def _banded(bands: Bands, views: _Views, hw: tuple[int, int]) -> Lattice:
    """Stripes and checks that lines and likeness do not agree on: by their bands alone, and none too sure.

    Where not even these repeat the cloth is patterned all the same, only no whole repeat of it is in view.
    """
    lengths = bands.repeats_px()
    if lengths is None or not any(lengths):
        return _without("periodic", bands.angle_deg, _UNSEEN)
    basis = grain_axes(bands.angle_deg) * np.array([[side or max(lengths)] for side in lengths])
    if all(lengths) and min(lengths) > _SHARP_FROM * views.likeness.px:
        basis = sharpen(views.likeness, basis)
    repeats = tuple(count_repeats(basis[i], hw) if lengths[i] else 0.0 for i in (0, 1))
    confidence = float(np.interp(min(filter(None, repeats)), [_LEAST_REPEATS, 3.0], [0.2, 0.45]))
    return Lattice(
        kind="periodic", a=basis[0], b=basis[1], fine_a=None, fine_b=None, angle_deg=bands.angle_deg,
        confidence=confidence, source="found", repeats=repeats,
    )  # fmt: skip


def _without(kind: Kind, angle_deg: float, confidence: float) -> Lattice:
    return Lattice(
        kind=kind, a=None, b=None, fine_a=None, fine_b=None, angle_deg=angle_deg, confidence=confidence,
        source="found", repeats=(0.0, 0.0),
    )  # fmt: skip


def _weave_within(basis: np.ndarray, views: _Views) -> np.ndarray | None:
    """The weave's own lattice, if a larger pattern lies on it: of the fine lines alone."""
    bases = propose(views.fine, views.fine_vectors, most=4)
    if not len(bases):
        return None
    share, score = judge(views.fine, bases)
    best = int(np.argmax(score))
    small = 4.0 * abs(np.linalg.det(bases[best])) < abs(np.linalg.det(basis))
    return bases[best] if small and share[best] > _WEAVE_SHARE and is_part_of(basis, bases[best]) else None


def _as_given(given_px: tuple[float, float], basis: np.ndarray | None, views: _Views, hw: tuple[int, int]) -> Lattice:
    """The given repeat, moved by a few per cent at most to where the picture is most like itself."""
    angle_deg = 0.0 if basis is None else find_grain(basis)
    turn = math.radians(angle_deg)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    given = axes * np.array(given_px)[:, None]
    exact = [given if basis is None else snap(given, basis), sharpen(views.likeness, given)]
    near = [b for b in exact if (np.linalg.norm(b - given, axis=1) < _NEAR_GIVEN * np.linalg.norm(given, axis=1)).all()]
    best = max(near, key=lambda b: agreement(views.likeness, b[None])[0]) if near else given
    fine = None if basis is None or 4.0 * abs(np.linalg.det(basis)) > abs(np.linalg.det(best)) else basis
    fine_a, fine_b = (None, None) if fine is None else upright(fine)[0]
    return Lattice(
        kind="periodic", a=best[0], b=best[1], fine_a=fine_a, fine_b=fine_b, angle_deg=angle_deg, confidence=1.0,
        source="given", repeats=(count_repeats(best[0], hw), count_repeats(best[1], hw)),
    )  # fmt: skip
