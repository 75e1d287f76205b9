"""Where the straight sides of a thing lie, to a fraction of a pixel.

Owns moving a quadrilateral's sides onto the edges that they were read from; must not know what the thing is. All in
linear light: there blur does not move an edge, while in coded light it moves towards what is dark.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.scanning.edges import robust_line
from utils.colour import srgb_to_linear

_ALONG = np.linspace(0.15, 0.85, 48)  # of a side: its corners may be round
_STEPS = 33  # across
_NEAR = 3  # steps around the steepest whose middle is the edge
_AGREE = 0.5  # share of the places along a side that have to agree on where it is


def settle(photo: np.ndarray, quad: np.ndarray, *, reach_px: float) -> np.ndarray:
    """`quad`, float64 (4, 2), with each side where uint8 RGB `photo` changes most across it, within `reach_px`.

    A side stays where it is if no edge of one piece is there.
    """
    lines = [_edge(photo, quad[k], quad[(k + 1) % 4], reach_px=reach_px) for k in range(4)]
    corners = [np.cross(lines[k - 1], lines[k]) for k in range(4)]
    if any(abs(corner[2]) < 1e-9 for corner in corners):
        return quad
    settled = np.array([corner[:2] / corner[2] for corner in corners])
    return settled if np.abs(settled - quad).max() < 3.0 * reach_px else quad


def _edge(photo: np.ndarray, start: np.ndarray, end: np.ndarray, *, reach_px: float) -> np.ndarray:
    """A side as a homogeneous line (3,)."""
    side = end - start
    outward = np.array([side[1], -side[0]]) / max(float(np.hypot(*side)), 1e-6)
    steps = np.linspace(-reach_px, reach_px, _STEPS)
    grid = ((start + side * _ALONG[:, None])[:, None] + outward * steps[:, None]).astype(np.float32)
    seen = cv2.remap(photo, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    change = np.square(np.diff(srgb_to_linear(seen), axis=1)).sum(axis=2)
    change = cv2.blur(change, (3, 1))
    around = np.abs(np.arange(_STEPS - 1) - change.argmax(axis=1)[:, None]) <= _NEAR
    weights = np.where(around, change, 0.0) + 1e-12
    offsets = weights @ ((steps[1:] + steps[:-1]) / 2) / weights.sum(axis=1)
    slope, shift, agree = robust_line(_ALONG, offsets, tolerance=max(0.4, 0.2 * reach_px))
    if agree.mean() < _AGREE:
        slope = shift = 0.0
    return np.cross([*(start + outward * shift), 1.0], [*(end + outward * (shift + slope)), 1.0])
