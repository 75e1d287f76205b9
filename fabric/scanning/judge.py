"""How good a scan is, in figures and in words.

Owns the checks of a finished tile against the cloth it was cut from; must not know how it was made. Every figure can be
read off the tile and the flat picture alone, so that it judges any recipe alike.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np

from fabric.periodic import blur, gradient
from fabric.scanning.findings import Even, Flat, Given, Lattice, Outline, Readable, Scale, Tile, Verdict
from fabric.scanning.relief import relief_px_per_mm
from fabric.scanning.waves import waviness
from utils.colour import delta_e00, linear_to_lab, luminance

_LOOK_PX = 1024  # of the tile that is looked at
_LEAST_STEP = 0.05  # of L*: on cloth without contrast hardly anything is a step
_FEW_REPEATS = 3.0
_GOOD_SEAM, _BAD_SEAM = 1.10, 1.6
_ENOUGH_CELLS = 4
_GOOD_BANDS, _BAD_BANDS = 1.2, 1.8
_LEVEL, _RELIEF = 0.02, 0.08  # slope below which nothing of a relief is seen, and from which enough is
_SPECKS = 2.5, 6.0  # range over that of most, from which specks are seen, and from which they are all that is
_STANDS_OUT = 0.25
_WAVY = 0.02  # waviness from which it is seen; flat cloth has 0.011 at most, 0.016 where a tilt is not taken out
_BLURRED, _CRISP = 2.6, 0.7  # deviations in pixels of the tile


def judge(
    tile: Tile,
    sheet: Readable,
    *,
    outline: Outline,
    scale: Scale,
    flat: Flat,
    even: Even,
    lattice: Lattice,
    given: Given,
) -> Verdict:
    """Everything that a merchandiser should know before the cloth goes into the catalog."""
    picture, source = lightness(tile.sheet.albedo), source_lightness(tile, sheet)
    slope, specks = relief(tile, px_per_mm=relief_px_per_mm(flat))
    verdict = Verdict(
        seam_ratio=seam_ratio(picture, cells=tile.cells, source=source),
        band_excess=band_excess(picture, cells=tile.cells, source=source),
        repeat_excess=repeat_excess(picture),
        drift_delta_e=drift_delta_e(tile.sheet.albedo, sheet.albedo),
        sharpness=sharpness(flat),
        clipped=float(flat.clipped.mean()),
        relief=slope,
        specks=specks,
        quality=0.0,
        warnings=(),
    )
    words = _warnings(outline, scale, even, lattice, given) + _faults(verdict, lattice)
    return replace(verdict, quality=_quality(verdict, outline, lattice), warnings=tuple(words))


def lightness(albedo: np.ndarray) -> np.ndarray:
    """float32 (h, w): L* of linear (H, W, 3), of whose finest detail a picture of 1024 pixels tells enough."""
    bright = luminance(albedo)
    if max(bright.shape) > _LOOK_PX:
        bright = cv2.resize(bright, (_LOOK_PX, _LOOK_PX), interpolation=cv2.INTER_AREA)
    return _l_star(bright)


def source_lightness(tile: Tile, sheet: Readable) -> np.ndarray | None:
    """float32 (h + 2, w + 2): L* of the cloth that the tile was cut from, a pixel more all around; None if mixed."""
    if tile.method != "seams":
        return None
    size = min(tile.sheet.height.shape[0], _LOOK_PX)
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float32) + np.float32(0.5)
    to_tile = cv2.getPerspectiveTransform(tile.box.astype(np.float32), corners)
    wh, border = (size + 2, size + 2), cv2.BORDER_REFLECT_101
    piece = cv2.warpPerspective(luminance(sheet.albedo), to_tile, wh, flags=cv2.INTER_LINEAR, borderMode=border)
    return _l_star(piece)


def _l_star(bright: np.ndarray) -> np.ndarray:
    return np.float32(116.0) * np.cbrt(np.maximum(bright, np.float32(0.0))) - np.float32(16.0)


def seam_ratio(picture: np.ndarray, *, cells: tuple[int, int] = (0, 0), source: np.ndarray | None = None) -> float:
    """Mean step of L* across the wrap over that of the interior, of (H, W), the worse axis; 1 for no seam at all.

    Where an edge of the pattern lies at the wrap a step belongs there. The ratio is taken relative to it: to the steps
    at the same phase of the tile's other cells, `cells` (across, down), or, of a single cell, to those of the cloth
    that it was cut from, at its outline.
    """
    ratios = []
    for axis, count in ((0, cells[1]), (1, cells[0])):
        steps = _steps(picture, axis)
        inner = max(float(steps[:-1].mean()), _LEAST_STEP)
        due = inner
        if count >= 2:
            phases = np.rint(np.arange(1, count) * len(steps) / count).astype(int) - 1
            due = float(np.median(_near(steps, phases)))
        elif source is not None:
            true = _steps(source, axis)
            due = float(max(true[:3].max(), true[-4:-1].max()))
        ratios.append(float(steps[-1]) / max(due, inner))
    return max(ratios)


def band_excess(picture: np.ndarray, *, cells: tuple[int, int] = (0, 0), source: np.ndarray | None = None) -> float:
    """How much more, or less, L* (H, W) steps about in any band of a tile than in most of them; 1 for no difference.

    A joint that wanders through a tile shows here and not at its wrap, and so does cloth that is softer or paler where
    ends were made to meet. Bands are whole cells wide where there are enough of them, so that a pattern is the same in
    each; else they are a 50th of the tile, and of cloth of one piece steps count relative to those it has there.
    """
    worst = 1.0
    for axis, count in ((0, cells[1]), (1, cells[0])):
        steps = _steps(picture, axis)
        width = max(1, len(steps) // 50)
        if count >= _ENOUGH_CELLS:
            width = round(len(steps) * math.ceil(count / 50) / count)
        bands = _banded(steps, width)
        if source is not None and count < _ENOUGH_CELLS:
            true = np.maximum(_banded(_steps(source[1:-1, 1:-1], axis), width), _LEAST_STEP)
            # Where ends were made to meet, the pattern lies a little aside: its own edges are no fault there.
            aside = [np.roll(true, shift) for shift in (-width // 2, 0, width // 2)]
            bands = bands / np.clip(bands, np.min(aside, axis=0), np.max(aside, axis=0))
        usual = max(float(np.median(bands)), _LEAST_STEP)
        worst = max(worst, float(bands.max()) / usual, usual / max(float(bands.min()), _LEAST_STEP))
    return worst


def relief(tile: Tile, *, px_per_mm: float) -> tuple[float, float]:
    """Deviation of the relief's slope, and how many times its whole range is as wide as that of all but a hundredth.

    `px_per_mm` is the flat picture's.
    """
    height = tile.sheet.height
    dx, dy = gradient(height)
    finest = height.shape[0] * px_per_mm
    slope = math.hypot(float(dx.std()) * finest / tile.size_px[0], float(dy.std()) * finest / tile.size_px[1])
    low, high = np.percentile(height[::3, ::3], [0.5, 99.5])
    return slope, max(1.0, float(np.ptp(height) / max(float(high - low), 1e-9)))


def _steps(picture: np.ndarray, axis: int) -> np.ndarray:
    """Mean |step| from each line to the next; the last is across the wrap."""
    return np.abs(np.roll(picture, -1, axis=axis) - picture).mean(axis=1 - axis)


def _near(steps: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The largest step within a line of each."""
    return np.max([np.roll(steps, shift)[lines] for shift in (-1, 0, 1)], axis=0)


def _banded(steps: np.ndarray, width: int) -> np.ndarray:
    """Running mean around the torus."""
    return np.convolve(np.concatenate([steps, steps[: width - 1]]), np.ones(width) / width, mode="valid")


def repeat_excess(picture: np.ndarray) -> float:
    """How much the largest blotches of L* (H, W) stand out when it is laid again and again: their deviation at the
    scale of a quarter of the tile, in units of 2 L*, a just noticed blotch."""
    small = cv2.resize(picture, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    return float(blur(small, max(small.shape) / 16).std() / 2.0)


def drift_delta_e(tile_albedo: np.ndarray, sheet_albedo: np.ndarray) -> float:
    """CIEDE2000 between what the tile and the cloth melt into from afar."""
    tile_mean, sheet_mean = (linear_to_lab(np.array(cv2.mean(part)[:3])) for part in (tile_albedo, sheet_albedo))
    return float(delta_e00(tile_mean, sheet_mean))


def sharpness(flat: Flat) -> float:
    """1 where the finest detail is as fine as pixels allow, 0 where it is several pixels wide."""
    return float(np.clip((_BLURRED - flat.sharpness_px) / (_BLURRED - _CRISP), 0.0, 1.0))


def _warnings(outline: Outline, scale: Scale, even: Even, lattice: Lattice, given: Given) -> list[str]:
    words = []
    if outline.source == "found" and outline.confidence < 0.9:
        words.append("the swatch's corners are uncertain: check them, or lay it on a plain table")
    if scale.source is None:
        words.append(
            "the true size is not known: lay a bank card or a ruler beside the swatch, or give its size in millimetres"
        )
    if even.white_source == "camera":
        words.append("the colour is as the camera saw it: lay a sheet of white paper beside the swatch for a truer one")
    if even.light_ratio > 2.5:
        words.append("the light falls off strongly: turn the swatch or take the photo away from the lamp")
    if lattice.kind == "periodic":
        if min(lattice.repeats) < _FEW_REPEATS:
            words.append(f"fewer than {_FEW_REPEATS:.0f} repeats are in view: step back, or show a larger piece")
        if lattice.source == "found" and lattice.confidence < 0.5:
            words.append("the repeat is uncertain: check the lattice, or give the repeat in millimetres")
    if (waviness(even, lattice) or 0.0) > _WAVY:
        words.append("the cloth does not lie flat: smooth it out, and take the photo from straight above")
    no_tilt_told = outline.to_plane is None and scale.to_mm is None
    if given.corners is None and outline.source == "frame" and no_tilt_told:
        words.append("no edge of the swatch is in view, and no weave to tell a tilt of the camera by, so it stays in")
    return words


def _faults(verdict: Verdict, lattice: Lattice) -> list[str]:
    words = []
    if verdict.seam_ratio > _GOOD_SEAM * 1.1:
        words.append("the tile's edges may show where it repeats: take the photo closer or flatten the cloth")
    if verdict.band_excess > (_GOOD_BANDS + _BAD_BANDS) / 2:
        words.append("a joint shows within the tile: check the lattice, and lay the cloth flat and straight")
    if verdict.sharpness < 0.3:
        words.append("the photo is a little blurred: rest the phone on something and tap the cloth to focus")
    if verdict.clipped > 0.005:
        words.append("parts of the cloth are burnt out: keep lamps from mirroring in it, or take it darker")
    if verdict.repeat_excess > _STANDS_OUT and lattice.kind != "periodic":
        words.append("something in the cloth stands out and will be seen to repeat: choose a more even piece")
    if verdict.relief < _LEVEL:
        words.append("next to no relief can be seen: go closer, until the photo shows the threads")
    if verdict.specks > _SPECKS[1]:
        words.append("a few specks are all that the relief shows: brush the cloth, or choose a cleaner piece")
    return words


def _quality(verdict: Verdict, outline: Outline, lattice: Lattice) -> float:
    """The parts' geometric mean, drawn halfway to the worst of them: the others do not make up for it."""
    parts = [
        1.0 - _between(verdict.seam_ratio, _GOOD_SEAM, _BAD_SEAM),
        1.0 - 0.9 * _between(verdict.band_excess, _GOOD_BANDS, _BAD_BANDS),
        0.4 + 0.6 * verdict.sharpness,
        1.0 - _between(verdict.drift_delta_e, 0.0, 6.0),
        1.0 - _between(verdict.clipped, 0.0, 0.15),
        0.4 + 0.6 * outline.confidence,
        0.5 + 0.5 * (lattice.confidence if lattice.kind == "periodic" else 1.0),
        0.5 + 0.5 * _between(verdict.relief, 0.0, _RELIEF),
        1.0 - 0.5 * _between(verdict.specks, *_SPECKS),
    ]
    return math.sqrt(float(np.prod(parts) ** (1.0 / len(parts))) * min(parts))


def _between(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on."""
    return min(max((value - low) / (high - low), 0.0), 1.0)
