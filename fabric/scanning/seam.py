"""Cuts that nobody sees: where two overlapping views of the same cloth are laid edge to edge.

Owns the path of least difference through an overlap and the cutting along it (Efros and Freeman 2001, "Image quilting
for texture synthesis and transfer"); must not know lattices or which maps it cuts. The overlap runs down the
picture; its two sides are `left` and `right`, float32 (H, W) of each map.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

FEATHER_PX = 2.0  # of the cut: enough against stair-steps, too little to blur


def difference(left: Sequence[np.ndarray], right: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    """float32 (H, W): how much a cut between the two sides would show at each place.

    `weights`, one to each map, make them comparable. A step shows by itself, and more where the sides also run
    differently.
    """
    cost = np.zeros(left[0].shape, np.float32)
    across = np.zeros_like(cost)
    for here, there, weight in zip(left, right, weights.astype(np.float32), strict=True):
        gap = (here - there) * weight
        cost += gap * gap
        across[:, :-1] += np.abs(np.diff(gap, axis=1))
    across *= across
    return cost + np.float32(0.5) * across


def cheapest_path(cost: np.ndarray, *, closed: bool) -> np.ndarray:
    """int (H,): the column of the cheapest way down `cost`, at most one column aside from row to row.

    A closed way ends next to where it began, so that it goes on when the picture is laid below itself.
    """
    if not closed:
        return _path(cost)
    h = len(cost)
    open_path = _path(np.vstack([cost, cost]))
    middle = h // 2  # far from where it was free to begin
    start = int(open_path[middle])
    turned = np.roll(cost, -middle, axis=0)
    return np.roll(_path(turned, start=start), middle)


def _path(cost: np.ndarray, start: int | None = None) -> np.ndarray:
    h, w = cost.shape
    total = np.full((h, w + 2), np.inf, np.float32)
    total[0, 1:-1] = cost[0]
    if start is not None:
        total[0, 1 : start + 1] = total[0, start + 2 : -1] = np.inf
    for row in range(1, h):
        above = total[row - 1]
        best = np.minimum(np.minimum(above[:-2], above[1:-1]), above[2:])
        np.add(best, cost[row], out=total[row, 1:-1])
    path = np.empty(h, np.int64)
    last = total[-1, 1:-1]
    if start is not None:
        near = slice(max(start - 1, 0), start + 2)
        path[-1] = near.start + int(np.argmin(last[near]))
    else:
        path[-1] = int(np.argmin(last))
    before = np.argmin([total[:, :-2], total[:, 1:-1], total[:, 2:]], axis=0) - 1  # in one go: single steps are slow
    at = int(path[-1])
    for row in range(h - 2, -1, -1):
        at += int(before[row, at])
        path[row] = at
    return path


def cut(left: np.ndarray, right: np.ndarray, path: np.ndarray, *, finer: float = 1.0) -> np.ndarray:
    """`right` as far as the path, `left` after it: a hard cut but for a pixel or two of the picture that both were
    taken from, which is `finer` times as coarse: nothing else in it is sharper."""
    column = np.arange(left.shape[1], dtype=np.float32)
    width = np.float32(FEATHER_PX * finer)
    share = np.clip((column - path[:, None].astype(np.float32)) / width + np.float32(0.5), 0.0, 1.0)
    return right + (left - right) * share


def calmest(bright: np.ndarray, within: int) -> tuple[int, int]:
    """(row, column) below `within` that a torus (H, W) of linear light has the smallest steps before.

    Where the outline of a tile lies on it is nobody's business but a renderer's or a resizer's that does not wrap what
    it blurs, and then it shows: least where the cloth is calm, and not on the edge of a stripe.
    """
    seen = np.cbrt(np.maximum(bright, np.float32(0.0)))  # about as the eye spaces them
    lines = (seen, seen.T)
    before = [np.abs(part[:within] - np.roll(part, 1, axis=0)[:within]).mean(axis=1) for part in lines]
    return int(np.argmin(before[0])), int(np.argmin(before[1]))
