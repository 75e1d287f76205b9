"""A tile of whole repeats.

Owns which cells are taken, from where on the sheet, and how their opposite edges are made one; must not know how the
lattice was found or what a map is for. Everything is decided on a stack of albedo and height, once, and done to all
maps alike.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from fabric.scanning.findings import Lattice, Readable, Sheet, Tile
from fabric.scanning.lattice import grain_axes
from fabric.scanning.seam import calmest, cheapest_path, cut, difference
from fabric.scanning.strips import drift_between, share_between, shift_between

_BAND = 0.125  # of the tile: the overlap that the seam may wander in
_MARGIN = 0.01  # of the sheet's side that is left alone: swatches fray
_MOST_SHEAR = math.tan(math.radians(7.0))  # what may be pulled straight: cloth itself is seldom truer
_COARSEST = 1.25  # pixels of the sheet to one of the tile, at most, where a smaller tile would do
_MOST_CELLS = 400
_ONE_REPEAT = math.tan(math.radians(10.0))  # a lattice vector that is along the grain if a single one is asked for
_LOOK_PX, _GLANCE_PX = 384, 192  # longer side of the cloth when a place for a box and when its size is chosen
_TRIED = 24  # edges along either axis that are looked at
_AT_BEST = 0.3  # quantile of the places that a tile may be cut from
_MISFIT = 5.0  # area in logarithms that a misfit outweighs
_PLACES = 7  # per axis that a tile is tried at
_RIM_PX = 8  # of the sheet around what is sampled, for blurs and cubic weights
_WEIGHTS = np.array([1.0, 1.0, 1.0, 1.0, 0.0], np.float32)  # of albedo, height and roughness in a seam's cost


def cut_tile(sheet: Readable, lattice: Lattice, *, size_px: int, px_per_mm: float | None) -> Tile:
    """Cut a tile of `size_px` x `size_px` pixels whose edges meet; its box says how much of the sheet it spans.

    It is as many repeats as the sheet holds and the tile shows without loss, near square, upright in the grain.
    `px_per_mm`, the sheet's, decides nothing: a repeat is a repeat at any scale.
    """
    hw = sheet.albedo.shape[:2]
    glance = cv2.resize(sheet.albedo, _reduced_wh(hw, _LOOK_PX), interpolation=cv2.INTER_AREA)
    across, down, cells = _box(glance, hw, lattice, size_px)
    origin = _place(glance, hw, across, down)
    band = max(8, round(_BAND * size_px))
    planes = _sample(sheet, origin, across, down, size_px, band, _slack(sheet, origin, across, down, lattice))
    _level(planes, size_px, band)
    weights = _WEIGHTS / np.maximum([plane[::4, ::4].std() for plane in planes], 1e-6)
    finer = max(1.0, size_px / max(np.linalg.norm(across), np.linalg.norm(down)))  # than the sheet
    planes = _join(planes, size_px, band, weights, closed=False, finer=finer)
    planes = _join(_turned(planes), size_px, band, weights, closed=True, finer=finer)
    planes = _turned(planes)
    row, column = calmest(planes[1], band)  # within the overlap the sheet shows what lies beyond the far edge
    planes = [np.roll(plane, (-row, -column), axis=(0, 1)) for plane in planes]
    origin = origin + (column * across + row * down) / size_px
    corners = origin + np.array([np.zeros(2), across, across + down, down])
    return Tile(
        sheet=Sheet(np.clip(cv2.merge(planes[:3]), 0.0, 1.0), planes[3], np.clip(planes[4], 0.0, 1.0)),
        box=corners,
        size_px=(float(np.linalg.norm(across)), float(np.linalg.norm(down))),
        cells=cells,
        method="seams",
    )


# ---- which cells


def _reduced_wh(hw: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """(width, height) of (H, W) no larger than that."""
    factor = max(1.0, max(hw) / longest_px)
    return round(hw[1] / factor), round(hw[0] / factor)


def _box(
    glance: np.ndarray, hw: tuple[int, int], lattice: Lattice, size_px: int
) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """The tile's two edges as vectors, whole repeats each, and how many repeats. `glance` is the cloth, reduced.

    Cloth that lies in waves, or has a pattern larger than the lattice that was found, is alike over some edges only.
    """
    axes = grain_axes(lattice.angle_deg)
    room = (1.0 - 2.0 * _MARGIN) / (1.0 + _BAND) * np.array([hw[1], hw[0]])
    across, down = (_edges(lattice, axes, axis) for axis in (0, 1))
    widths, heights = (np.linalg.norm(edges, axis=1) for edges in (across[0], down[0]))
    spans = np.abs(across[0])[:, None] + np.abs(down[0])[None]  # (A, D, 2): of the box in the sheet
    too_large = np.maximum((spans / room).max(axis=2) - 1.0, 0.0)
    lost = np.maximum(np.maximum(widths[:, None], heights) / (_COARSEST * size_px) - 1.0, 0.0)
    useful = np.log(np.minimum(widths, size_px))[:, None] + np.log(np.minimum(heights, size_px))
    askew = _shear(across[0], axes, 0)[:, None] + _shear(down[0], axes, 1)
    score = useful - 0.8 * np.abs(np.log(widths[:, None] / heights)) - 50.0 * too_large - 3.0 * lost - 10.0 * askew
    small = cv2.resize(glance, _reduced_wh(glance.shape[:2], _GLANCE_PX), interpolation=cv2.INTER_AREA)
    small, factor = cv2.GaussianBlur(small, (0, 0), 1.0), max(hw) / max(small.shape[:2])
    misfits = (
        _misfits(small, edges[0] / factor, score.max(axis=1 - axis)) for axis, edges in enumerate((across, down))
    )
    score -= _MISFIT * np.add.outer(*misfits)
    i, j = np.unravel_index(int(np.argmax(score)), score.shape)
    return across[0][i], down[0][j], (int(across[1][i]), int(down[1][j]))


def _edges(lattice: Lattice, axes: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """float64 (N, 2) lattice vectors along one axis of the grain but for a tiny shear, shortest first, and int (N,):
    how many repeats each is long."""
    along, aside = axes[axis], axes[1 - axis]
    first, second = (lattice.a, lattice.b) if axis == 0 else (lattice.b, lattice.a)
    if lattice.repeats[axis] == 0.0:  # along stripes, and where no repeat is in view, any length will do
        return along * np.geomspace(64.0, 4096.0, 64)[:, None], np.zeros(64, int)
    k, m = np.mgrid[0 : _MOST_CELLS + 1, -64:65]
    vectors = k[..., None] * first + m[..., None] * second
    forward = vectors @ along
    slope = np.where((forward > 1.0) & (forward < 4096.0), np.abs(vectors @ aside) / np.maximum(forward, 1.0), np.inf)
    best = np.argmin(slope, axis=1)[:, None]  # of so many repeats, the vector that runs straightest
    slope = np.take_along_axis(slope, best, axis=1)[:, 0]
    vectors = np.take_along_axis(vectors, best[..., None], axis=1)[:, 0]
    # The nearest to the axis that there are, where none is near: one repeat of a cell that is askew in the grain.
    straight = slope <= max(_MOST_SHEAR, 1.01 * float(slope.min()))
    forward = vectors @ along
    repeat = forward[slope <= max(_ONE_REPEAT, 1.01 * float(slope.min()))].min()
    order = np.flatnonzero(straight)[np.argsort(forward[straight], kind="stable")]
    return vectors[order], np.maximum(np.rint(forward[order] / repeat), 1).astype(int)


def _misfits(small: np.ndarray, edges: np.ndarray, score: np.ndarray) -> np.ndarray:
    """float64 (N,): how unlike the cloth is that lies each of the edges (N, 2) apart, 1 where it is as unlike as any.

    Only those that `score` (N,) well are looked at, and none of the others is chosen.
    """
    tried = np.argsort(-score, kind="stable")[:_TRIED]
    other = np.random.default_rng(0).permutation(small.reshape(-1, 3))
    any_other = float(np.abs(small.reshape(-1, 3) - other).sum(axis=1).mean())
    misfits = np.full(len(edges), np.inf)
    misfits[tried] = [_unlike_at_best(small, edge) / max(any_other, 1e-6) for edge in edges[tried]]
    return misfits


def _unlike_at_best(small: np.ndarray, edge: np.ndarray) -> float:
    """How unlike the cloth is one `edge` further where it is rather alike; nought said where the sheet is too small."""
    (h, w), (x, y) = small.shape[:2], np.trunc(edge).astype(int)
    rows, columns = slice(max(0, -y), max(0, h - max(0, y))), slice(max(0, -x), max(0, w - max(0, x)))
    gap = _unlike(small, edge)[rows, columns]
    return float(np.quantile(gap, _AT_BEST)) if gap.size else 1.0


def _shear(edges: np.ndarray, axes: np.ndarray, axis: int) -> np.ndarray:
    """How far each of the edges runs aside from an axis of the grain, as a slope."""
    return np.abs(edges @ axes[1 - axis]) / np.maximum(edges @ axes[axis], 1e-9)


def _place(glance: np.ndarray, hw: tuple[int, int], across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """The top left corner, float64 (2,): where opposite edges are most alike."""
    wh = np.array(hw[::-1])
    corners = np.array([np.zeros(2), across, across + down, down]) * (1.0 + _BAND)
    low, high = -corners.min(axis=0), wh - 1.0 - corners.max(axis=0)
    middle = (low + high) / 2.0
    spare = np.maximum((high - low) / 2.0 - _MARGIN * wh, 0.0)
    factor = max(hw) / max(glance.shape[:2])
    unlike = [_unlike(glance, edge / factor) for edge in (across, down)]
    steps = np.linspace(-1.0, 1.0, _PLACES)
    places = middle + np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2) * spare
    along = np.linspace(0.0, 1.0, 40)[:, None]
    costs = []
    for place in places:
        strips = (place + along * down, place + along * across)  # the left edge and the upper
        costs.append(sum(_mean_at(field, strip / factor) for field, strip in zip(unlike, strips, strict=True)))
    near = 1.0 + 0.05 * np.hypot(*((places - middle) / np.maximum(spare, 1.0)).T)  # else from the middle: it is sharp
    return places[int(np.argmin(np.array(costs) * near))]


def _unlike(small: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """float32 (h, w): how far each place is from that one `edge` further, averaged over the overlap."""
    matrix = np.array([[1.0, 0.0, edge[0]], [0.0, 1.0, edge[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    other = cv2.warpAffine(small, matrix, small.shape[1::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
    gap = cv2.transform(cv2.absdiff(small, other), np.ones((1, 3), np.float32))
    return cv2.blur(gap, (max(3, int(_BAND * abs(edge).max())),) * 2)


def _mean_at(field: np.ndarray, points: np.ndarray) -> float:
    x, y = np.clip(np.rint(points).astype(int), 0, np.array(field.shape[::-1]) - 1).T
    return float(field[y, x].mean())


# ---- taking them


def _sample(
    sheet: Readable,
    origin: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
    size_px: int,
    band: int,
    slack: np.ndarray,
) -> list[np.ndarray]:
    """Five of float32 (size + band, size + band): albedo, height, roughness in the tile's own grid.

    `slack` (2, K, 2) is how far the sheet's cloth is off at the far edge, along the right and along the lower one; it
    is taken up little by little over the tile.
    """
    n = size_px + band
    steps = (np.arange(n, dtype=np.float32) + 0.5) / np.float32(size_px)
    knots = np.linspace(0.0, n - 1.0, slack.shape[1])
    right, lower = (
        np.column_stack([np.interp(np.arange(n), knots, side) for side in part.T]).astype(np.float32) for part in slack
    )
    x, y = (
        (np.float32(origin[c]) + steps * np.float32(across[c]))[None]
        + (steps * np.float32(down[c]))[:, None]
        + right[:, c, None] * (steps - np.float32(0.5))[None]
        + lower[None, :, c] * (steps - np.float32(0.5))[:, None]
        for c in (0, 1)
    )
    left, top = (max(0, math.floor(float(axis.min())) - _RIM_PX) for axis in (x, y))
    rows, columns = (slice(low, math.ceil(float(axis.max())) + _RIM_PX) for low, axis in ((top, y), (left, x)))
    seen = sheet.within(rows, columns)
    x -= np.float32(left)
    y -= np.float32(top)
    scale = max(np.linalg.norm(across), np.linalg.norm(down)) / size_px
    planes = []
    for maps in (seen.albedo, seen.height, seen.roughness):
        if scale > 1.2:
            maps = cv2.GaussianBlur(maps, (0, 0), 0.4 * math.sqrt(scale**2 - 1.0))
        planes += cv2.split(cv2.remap(maps, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))
    return planes


def _slack(sheet: Readable, origin: np.ndarray, across: np.ndarray, down: np.ndarray, lattice: Lattice) -> np.ndarray:
    """float64 (2, K, 2): how far the far edges' cloth lies from where the lattice says, in the sheet's pixels."""
    repeats = (across, down) if lattice.a is None else (lattice.a, lattice.b)
    limit = 0.25 * min(np.linalg.norm(repeat) for repeat in repeats)
    lightness = cv2.extractChannel(sheet.albedo, 1)
    return np.stack(
        [
            shift_between(lightness, origin, edge=across, along=down, band=_BAND, most_px=limit),
            shift_between(lightness, origin, edge=down, along=across, band=_BAND, most_px=limit),
        ]
    )


# ---- making ends meet


def _level(planes: list[np.ndarray], size: int, band: int) -> None:
    """Take what changes slowly from edge to edge out of all five in place, half at either end.

    Of the albedo it is a share, as light is: a black yarn stays black. Relief and roughness it is added to.
    """
    ramp = np.linspace(-0.5, 0.5 + band / size, size + band, dtype=np.float32)
    for index, plane in enumerate(planes):
        lit = index < 3
        drift = share_between if lit else drift_between
        right = np.outer(drift(plane[:, :band], plane[:, size:]), ramp)
        ends = [plane[rows] * (1.0 - right[rows]) if lit else plane[rows] - right[rows] for rows in _ends(size, band)]
        right += np.outer(ramp, drift(ends[0].T, ends[1].T))
        plane -= np.multiply(plane, right, out=right) if lit else right


def _ends(size: int, band: int) -> tuple[slice, slice]:
    return slice(0, band), slice(size, size + band)


def _join(
    planes: list[np.ndarray], size: int, band: int, weights: np.ndarray, *, closed: bool, finer: float
) -> list[np.ndarray]:
    """Lay the last `band` columns over the first: each (H, size + band) becomes (H, size) that wraps across."""
    left, right = ([plane[:, columns] for plane in planes] for columns in _ends(size, band))
    path = cheapest_path(difference(left, right, weights), closed=closed)
    ends = (cut(here, there, path, finer=finer) for here, there in zip(left, right, strict=True))
    return [np.hstack([end, plane[:, band:size]]) for end, plane in zip(ends, planes, strict=True)]


def _turned(planes: list[np.ndarray]) -> list[np.ndarray]:
    return [cv2.transpose(plane) for plane in planes]
