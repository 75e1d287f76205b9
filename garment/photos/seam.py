"""Lines inside a garment's silhouette: where one layer of cloth ends on another.

Owns the search for such an edge near an expected line; must not know which edge it is.
"""

from __future__ import annotations

import cv2
import numpy as np

_PULL = 0.5  # cost of lying half the reach away, in units of a clear edge
_STEEP = 0.7  # cost of a sideways step between two rows, likewise


def edge_strength(lab: np.ndarray, *, soft_px: float) -> np.ndarray:
    """float32 (h, w): how fast float32 (h, w, 3) CIE Lab changes, mostly sideways."""
    soft = cv2.GaussianBlur(lab, (0, 0), max(soft_px, 0.8))
    sideways, downwards = cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1)
    return np.sqrt((sideways * sideways).sum(-1)) + 0.3 * np.sqrt((downwards * downwards).sum(-1))


def follow_edge(
    edges: np.ndarray, line: np.ndarray, *, reach_px: float, pinned: bool = True
) -> tuple[np.ndarray, float]:
    """The clearest way down near a polyline (K, 2) with growing y, through the edge strengths float32 (h, w).

    Returns (N, 2) points, one per row of pixels, and how much clearer the way is than its surroundings, in [0, 1].
    With `pinned` it ends where the line ends.
    """
    rows = np.arange(line[0, 1], line[-1, 1] + 1)
    reach = max(3, round(reach_px))
    offsets = np.arange(-reach, reach + 1)
    if len(rows) < 4:
        return line.copy(), 0.0
    middle = np.interp(rows, line[:, 1], line[:, 0])
    xs = (middle[:, None] + offsets).astype(np.float32)
    ys = np.broadcast_to(rows[:, None], xs.shape).astype(np.float32)
    band = cv2.remap(edges, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    band = cv2.blur(band, (1, max(3, reach)))  # a seam goes on, a check's corner does not
    clear = band / max(float(np.percentile(band, 92)), 1e-3)
    away = np.abs(offsets) / (0.5 * reach)
    cost = _PULL * away**2 - np.minimum(clear, 1.3)
    if pinned:
        cost[-1] = np.where(np.abs(offsets) <= 1, cost[-1], np.inf)
    path = _cheapest(cost)
    found = clear[np.arange(len(rows)), path]
    contrast = float(np.clip(found.mean() - np.median(clear), 0, 1))
    offset = cv2.GaussianBlur(offsets[path].astype(np.float32)[:, None], (1, 0), sigmaX=0.1, sigmaY=0.25 * reach)
    return np.column_stack([middle + offset[:, 0], rows]), contrast


def _cheapest(cost: np.ndarray) -> np.ndarray:
    """Column per row of the cheapest way down that moves at most one column per row."""
    total, came = cost[0], []
    for row in cost[1:]:
        beside = np.pad(total, 1, constant_values=np.inf)
        options = np.stack([beside[:-2] + _STEEP, total, beside[2:] + _STEEP])
        best = np.argmin(options, axis=0)
        came.append(best - 1)
        total = row + options.min(axis=0)
    path = [int(np.argmin(total))]
    for step in reversed(came):
        path.append(path[-1] + int(step[path[-1]]))
    return np.array(path[::-1])
