"""Fetching a piece's pixels for a part of the frame.

Owns coarse grids, look-up and averaging down; must not know bodies. Maps are evaluated on a grid of GRID_PX cells and
stretched: warps are smooth, and this is what makes them cheap. The cells lie on the frame, not on what is warped, so
that a wearer's trembling does not shift them. Edges are narrower than cells: they are given as ramps, which run
straight through a cell and are cut off only after stretching.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from garment.garment import Piece
from garment.layer import Layer, LayerPart

GRID_PX = 7
_BEYOND = 8.0  # a ramp goes on so many times its own length: the narrowest is crossed within a cell
_INSIDE_PX = 1 / 16  # this far before the last pixel both neighbours of a place lie inside

Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in the frame."""


def box_within(low: np.ndarray, high: np.ndarray, hw: tuple[int, int]) -> Box | None:
    """The pixels between two corners, from whole cells of the frame on, or None when nothing of it is in the frame."""
    height, width = hw
    x0, y0 = max(int(low[0]), 0) // GRID_PX * GRID_PX, max(int(low[1]), 0) // GRID_PX * GRID_PX
    x1, y1 = min(math.ceil(high[0]), width), min(math.ceil(high[1]), height)
    return (x0, y0, x1, y1) if x1 - x0 > 1 and y1 - y0 > 1 else None


def ramp(value: np.ndarray, start: float, end: float) -> np.ndarray:
    """An edge for look_up: 0 and less where `value` is not yet past `start`, 1 and more where it is past `end`.

    Two are joined with np.minimum for "and", with np.maximum for "or".
    """
    return np.clip((value - start) / (end - start), -_BEYOND, 1.0 + _BEYOND)


@dataclass(frozen=True)
class Grid:
    """Centres of GRID_PX cells over a box and one cell around it."""

    box: Box
    points: np.ndarray
    """float32 (M, 2), pixels of the frame."""
    size: tuple[int, int]
    """Rows and columns; M is their product."""

    def window(self, wanted: np.ndarray) -> Window | None:
        """The smallest part of the grid that holds every cell of `wanted` (bool (M,)) with a rim; None when nothing is
        wanted."""
        rows, columns = self.size
        x, y, w, h = cv2.boundingRect(wanted.reshape(rows, columns).view(np.uint8))
        if w == 0:
            return None
        # The rim cell of a grid lies outside its box, and between two cells values are mixed: so two cells more.
        left, top = max(x - 2, 0), max(y - 2, 0)
        right, bottom = min(x + w + 2, columns), min(y + h + 2, rows)
        right, bottom = max(right, left + 3), max(bottom, top + 3)
        x0, y0, x1, y1 = self.box
        box = (
            x0 + left * GRID_PX,
            y0 + top * GRID_PX,
            min(x0 + (right - 2) * GRID_PX, x1),
            min(y0 + (bottom - 2) * GRID_PX, y1),
        )
        if box[2] - box[0] < 2 or box[3] - box[1] < 2:
            return None
        return Window(box, self.size, (slice(top, bottom), slice(left, right)))


@dataclass(frozen=True)
class Window:
    """A part of a grid."""

    box: Box
    grid_size: tuple[int, int]
    cells: tuple[slice, slice]
    """Rows and columns of the grid."""

    def stretch(self, coarse: np.ndarray) -> np.ndarray:
        """Values (M,) or (M, C) on the whole grid, at every pixel of this box: float32 (h, w) or (h, w, C), a view."""
        x0, y0, x1, y1 = self.box
        values = coarse.reshape(*self.grid_size, *coarse.shape[1:])[self.cells].astype(np.float32)
        rows, columns = values.shape[:2]
        full = cv2.resize(values, (columns * GRID_PX, rows * GRID_PX), interpolation=cv2.INTER_LINEAR)
        return full[GRID_PX : GRID_PX + y1 - y0, GRID_PX : GRID_PX + x1 - x0]


def grid_over(box: Box) -> Grid:
    """The grid of a box."""
    x0, y0, x1, y1 = box
    columns, rows = math.ceil((x1 - x0) / GRID_PX) + 2, math.ceil((y1 - y0) / GRID_PX) + 2
    points = np.empty((rows, columns, 2), np.float32)
    points[..., 0] = x0 + (np.arange(columns) - 0.5) * GRID_PX - 0.5
    points[..., 1] = (y0 + (np.arange(rows) - 0.5) * GRID_PX - 0.5)[:, None]
    return Grid(box, points.reshape(-1, 2), (rows, columns))


def look_up(
    piece: Piece,
    grid: Grid,
    *,
    maps: np.ndarray,
    name: str,
    spread: np.ndarray | None = None,
    fade: np.ndarray | None = None,
    turn: np.ndarray | None = None,
    folds: np.ndarray | None = None,
) -> LayerPart | None:
    """Fetch the piece's pixels for as much of the grid's box as shows any of it; None when nothing does.

    Args:
        maps: (M, 2) positions in the piece.
        spread: (M,) ramps: where the cloth may be carried on over old clothes that stick out; None is nowhere.
        fade: (M,) ramps: opacity on top of the piece's own.
        turn: (M,) radians by which the normals turn on screen, from down to the right.
        folds: (M,) factors on how much the surface rises and falls down the piece; needs `turn`.
    """
    left, top, right, bottom = piece.drawn
    x, y = maps[:, 0], maps[:, 1]
    shown = (x > left - 2) & (x < right + 1) & (y > top - 2) & (y < bottom + 1)
    if fade is not None:
        shown &= fade > 0
    if spread is not None:
        shown |= spread > 0
    window = grid.window(shown)
    if window is None:
        return None
    height, width = piece.albedo.shape[:2]
    # Beyond its margin the piece goes on in the colours of its rim, transparent. Places outside are brought in before:
    # OpenCV fetches neighbours one by one as soon as one of them lies outside.
    places = cv2.min(cv2.max(window.stretch(maps), (0.0, 0.0)), (width - 1.0 - _INSIDE_PX, height - 1.0 - _INSIDE_PX))
    rgba = cv2.remap(piece.albedo, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    relief = cv2.remap(piece.relief, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    if fade is not None and fade.min() < 1.0:
        opacity = cv2.multiply(cv2.extractChannel(rgba, 3), _cut_off(window.stretch(fade)), scale=1 / 255)
        cv2.insertChannel(opacity, rgba, 3)
    if turn is not None:
        relief = _turn_normals(relief, window.stretch(turn), None if folds is None else window.stretch(folds))
    reach = None if spread is None else _cut_off(window.stretch(spread))
    return LayerPart(name=name, xy=window.box[:2], rgba=rgba, relief=relief, spread=reach)


def _cut_off(ramps: np.ndarray) -> np.ndarray:
    """uint8 (h, w): ramps as opacity."""
    # What is below 0 goes first, for the conversion takes absolutes; so it is several times as fast as one that clips.
    return cv2.convertScaleAbs(cv2.threshold(ramps, 0.0, 0.0, cv2.THRESH_TOZERO)[1], alpha=255.0)


def _turn_normals(relief: np.ndarray, turn: np.ndarray, folds: np.ndarray | None) -> np.ndarray:
    """Turn the normals by float32 (h, w) radians; +y of a normal is up. `folds` scales it first, where given."""
    x, y, z, occlusion = cv2.split(relief)
    x, y = (cv2.subtract(plane, 128.0, dtype=cv2.CV_32F) for plane in (x, y))
    if folds is not None:
        y = cv2.multiply(y, folds)
    cos, sin = cv2.polarToCart(np.ones_like(turn), turn)
    turned_x = cv2.add(cv2.subtract(cv2.multiply(x, cos), cv2.multiply(y, sin)), 128.0, dtype=cv2.CV_8U)
    turned_y = cv2.add(cv2.add(cv2.multiply(x, sin), cv2.multiply(y, cos)), 128.0, dtype=cv2.CV_8U)
    return cv2.merge([turned_x, turned_y, z, occlusion])


def shrink_layer(layer: Layer, n: int) -> Layer:
    """Average a layer that was draped at n times the size down to the frame's."""
    hw = (layer.hw[0] // n, layer.hw[1] // n)
    return Layer(hw=hw, parts=tuple(_shrink_part(part, n) for part in layer.parts))


def _shrink_part(part: LayerPart, n: int) -> LayerPart:
    x, y = part.xy
    h, w = part.rgba.shape[:2]
    x0, y0, x1, y1 = x // n, y // n, -(-(x + w) // n), -(-(y + h) // n)
    pad = (y - y0 * n, y1 * n - y - h, x - x0 * n, x1 * n - x - w)

    def down(image: np.ndarray) -> np.ndarray:
        padded = cv2.copyMakeBorder(image, *pad, cv2.BORDER_REPLICATE)
        return cv2.resize(padded, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)

    # Weighted by opacity, so that what is bled under the edge does not count.
    weight = cv2.add(cv2.extractChannel(part.rgba, 3).astype(np.float32), 0.01)
    rgb = cv2.cvtColor(part.rgba, cv2.COLOR_RGBA2RGB)
    small_weight = down(weight)
    colour = down(cv2.multiply(rgb, cv2.merge([weight] * 3), dtype=cv2.CV_32F)) / small_weight[..., None]
    rgba = np.clip(np.dstack([colour, small_weight]) + 0.5, 0, 255).astype(np.uint8)
    return LayerPart(
        name=part.name,
        xy=(x0, y0),
        rgba=rgba,
        relief=None if part.relief is None else down(part.relief),
        spread=None if part.spread is None else down(part.spread),
    )
