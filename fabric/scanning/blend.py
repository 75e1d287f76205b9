"""A tile of cloth that never repeats.

Owns histogram-preserving blending: patches of the sheet from everywhere, mixed so that their mixture looks as crisp as
each of them (Heitz and Neyret 2018, "High-performance by-example noise using a histogram-preserving blending
operator"; Deliot and Heitz 2019, "Procedural stochastic textures by tiling and blending"); must not know lattices.
Never for stripes or checks: patches would not fit each other.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import cv2
import numpy as np

from fabric.scanning.findings import Lattice, Readable, Sheet, Tile
from fabric.scanning.seam import calmest

_Table = tuple[float, float, np.ndarray]

_ACROSS = 6  # patches across the tile: fewer, and single ones are recognised; more, and large mottles are lost
_SPAN = 1.3  # sides of the tile that patches are taken from: enough cloth, no more work than needed
_MARGIN = 0.02  # of the sheet's side that is left alone: swatches fray
_RIM_PX = 4  # around what is taken, for cubic weights
_EVERY = 5  # pixel along and across is looked at where statistics are wanted
_LEVELS = 1 << 16  # of a table: as many as there are whole numbers to look it up with
_REACH = 4.0  # deviations of the normal distribution that are told apart


def blend_tile(
    sheet: Readable, *, size_px: int, px_per_mm: float | None, seed: int = 0, lattice: Lattice | None = None
) -> Tile:
    """Mix a tile of `size_px` x `size_px` pixels from the sheet at its own resolution, in the grain of `lattice`."""
    rng = np.random.default_rng(seed)
    planes, box = _piece(sheet, size_px, 0.0 if lattice is None else lattice.angle_deg)
    for plane in planes:
        _level(plane, size_px / 4.0)
    apart, back = _axes(planes)
    gauss = (apart @ planes.reshape(len(planes), -1)).reshape(planes.shape)
    tables = [_ranks(plane) for plane in gauss]
    for plane, (table, _) in zip(gauss, tables, strict=True):
        plane[:] = _look_up(plane, table)
    mixed = _mix(gauss, size_px, rng)
    for plane, (_, table) in zip(mixed, tables, strict=True):
        plane[:] = _look_up(plane, table)
    done = (back @ mixed.reshape(len(mixed), -1)).reshape(mixed.shape)
    row, column = calmest(done[1], size_px)
    done = np.roll(done, (-row, -column), axis=(1, 2))
    albedo, height, roughness = cv2.merge(list(done[:3])), done[3], done[4]
    return Tile(
        sheet=Sheet(
            albedo=np.clip(albedo, 0.0, 1.0), height=height.copy(), roughness=np.clip(roughness, 0.0, 1.0)
        ),
        box=box,
        size_px=(float(size_px), float(size_px)),
        cells=(0, 0),
        method="blend",
    )  # fmt: skip


def _piece(sheet: Readable, size_px: int, angle_deg: float) -> tuple[np.ndarray, np.ndarray]:
    """float32 (5, h, w): the middle of the sheet, turned to the grain; and where in it a tile's outline lies."""
    h, w = sheet.albedo.shape[:2]
    turn = math.radians(angle_deg)
    axes = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])  # across, down
    room = (1.0 - 2.0 * _MARGIN) * min(
        side / np.abs(axes[:, index]).sum() for index, side in ((0, w), (1, h))
    )  # of an upright square in the grain
    side = max(8, int(min(room, _SPAN * size_px)))
    middle = np.array([w - 1, h - 1]) / 2.0
    start = middle - (side - 1) / 2.0 * axes.sum(axis=0)
    reach = (side - 1) / 2.0 * np.abs(axes).sum(axis=0) + _RIM_PX
    low = np.maximum(np.floor(middle - reach), 0.0).astype(int)
    seen = sheet.within(*(slice(low[c], math.ceil(middle[c] + reach[c]) + 1) for c in (1, 0)))
    matrix = np.column_stack([axes.T, start - low])
    maps = (seen.albedo, cv2.merge([seen.height, seen.roughness]))
    flags = (cv2.INTER_CUBIC if angle_deg else cv2.INTER_NEAREST) | cv2.WARP_INVERSE_MAP
    parts = [cv2.warpAffine(part, matrix, (side, side), flags=flags) for part in maps]
    square = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size_px
    return np.stack([plane for part in parts for plane in cv2.split(part)]), middle + square @ axes


def _level(plane: np.ndarray, sigma_px: float) -> None:
    """In place, without what is larger than a patch: it would show as spots."""
    small = cv2.resize(plane, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_AREA)
    drift = cv2.GaussianBlur(small, (0, 0), max(sigma_px / 16.0, 0.5)) - small.mean()
    plane -= cv2.resize(drift, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _axes(planes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(apart (5, 5), back (5, 5)): into the directions in which the maps vary on their own, and out of them again;
    albedo and height go together."""
    pixels = planes[:, ::_EVERY, ::_EVERY].reshape(len(planes), -1).astype(np.float64)
    spread = pixels.std(axis=1) + 1e-7
    axes = np.linalg.eigh(np.cov(pixels / spread[:, None]))[1]
    return (axes.T / spread).astype(np.float32), (spread[:, None] * axes).astype(np.float32)


def _ranks(values: np.ndarray) -> tuple[_Table, _Table]:
    """The monotone curve that makes the values normally distributed, and the one that undoes it."""
    ordered = np.sort(values[::_EVERY, ::_EVERY], axis=None).astype(np.float64)
    ordered[[0, -1]] = values.min(), values.max()
    ordered += np.linspace(0.0, 1e-6, len(ordered))  # strictly rising: steps would have no inverse
    normal = NormalDist()
    ranks = np.linspace(0.0, 1.0, 513)[1:-1]
    there = np.array([-_REACH, *(normal.inv_cdf(rank) for rank in ranks), _REACH])
    here = np.interp(np.array([0.0, *ranks, 1.0]) * (len(ordered) - 1), np.arange(len(ordered)), ordered)
    forth, back = (np.linspace(axis[0], axis[-1], _LEVELS) for axis in (here, there))
    return (
        (here[0], here[-1], np.interp(forth, here, there).astype(np.float32)),
        (-_REACH, _REACH, np.interp(back, there, here).astype(np.float32)),
    )


def _look_up(values: np.ndarray, table: _Table) -> np.ndarray:
    """float32: `values` through a table; beyond its ends they are the ends'."""
    low, high, entries = table
    scale = (_LEVELS - 1) / (high - low)
    at = cv2.addWeighted(values, scale, values, 0.0, -low * scale, dtype=cv2.CV_16U)
    return cv2.LUT(at, entries)


def _mix(gauss: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """float32 (C, size, size) that wraps: patches of (C, h, w) around the corners of a grid of triangles.

    Everywhere three patches overlap. Their weights are divided by the root of the sum of their squares, so that the
    mixture of independent normal values is as widely spread as each of them.
    """
    across = max(_ACROSS, math.ceil(2.2 * size / min(gauss.shape[1:])))
    down = 2 * round(across / math.sqrt(3.0))  # even: rows are staggered by half
    step = np.array([size / across, size / down])
    margin = int(np.ceil(step.max())) + 2
    out = np.zeros((len(gauss), size + 2 * margin, size + 2 * margin), np.float32)
    squares = np.zeros(out.shape[1:], np.float32)
    reach = np.ceil(step).astype(int) + 1
    dy, dx = np.mgrid[-reach[1] : reach[1] + 1, -reach[0] : reach[0] + 1].astype(np.float32)
    for row in range(down):
        for column in range(across):
            centre = np.array([(column + 0.5 * (row % 2)) * step[0], row * step[1]])
            whole = np.rint(centre).astype(int)
            off = (whole - centre).astype(np.float32)
            weight = _hat((dx + off[0]) / np.float32(step[0]), (dy + off[1]) / np.float32(step[1]))
            left, top = (
                int(rng.integers(0, side - shape))
                for side, shape in zip(gauss.shape[:0:-1], dx.shape[::-1], strict=True)
            )
            x, y = whole + margin - reach
            rows, columns = slice(y, y + dx.shape[0]), slice(x, x + dx.shape[1])
            for plane, patches in zip(out, gauss, strict=True):
                patch = patches[top : top + dx.shape[0], left : left + dx.shape[1]]
                cv2.accumulateProduct(patch, weight, plane[rows, columns])
            squares[rows, columns] += weight * weight
    out, squares = _fold(out, size, margin), _fold(squares[None], size, margin)
    return np.multiply(out, 1.0 / np.sqrt(squares), out=out)


def _hat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """How near a corner of the triangles is, 1 on it, 0 on its six neighbours; squared, so that less of the
    tile is a mixture."""
    skew = x - np.float32(0.5) * y
    away = np.maximum(np.maximum(np.abs(skew), np.abs(y)), np.abs(skew + y))
    near = np.maximum(np.float32(1.0) - away, np.float32(0.0))
    return near * near


def _fold(padded: np.ndarray, size: int, margin: int) -> np.ndarray:
    """(C, size, size): what lies in the margins is added where it belongs on the torus."""
    wide = padded[:, margin : margin + size].copy()
    wide[:, -margin:] += padded[:, :margin]
    wide[:, :margin] += padded[:, margin + size :]
    out = np.ascontiguousarray(wide[:, :, margin : margin + size])
    out[:, :, -margin:] += wide[:, :, :margin]
    out[:, :, :margin] += wide[:, :, margin + size :]
    return out
