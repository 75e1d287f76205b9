"""Where the straight sides of a thing lie, to a fraction of a pixel.

Owns moving a quadrilateral's sides onto the edges that they were read from; must not know what the thing is. All in
linear light: there blur does not move an edge, while in coded light it moves towards what is dark. A thing's own shadow
lies along its sides and is easily taken for them. It has the table's colour, only darker: so where colours differ, what
is thing and what is table, however dark, is told by colour alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.scanning.edges import robust_line
from utils.colour import srgb_to_linear

_ALONG = np.linspace(0.15, 0.85, 48)  # of a side: its corners may be round
_STEPS = 33  # across
_NEAR = 3  # steps around the steepest whose middle is the edge
_SHADOW = 0.03  # of a side's length: how far a card's shadow may reach
_OTHER_COLOUR = 0.05  # sine of the angle between two colours that are told apart
_DARK = 0.3  # of the light from inside: with less from outside no shadow is seen there
_ENDS, _ALIKE = 5, 7  # steps at either end, and places along the side, that show one colour
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
    most = 3.0 * max(reach_px, _SHADOW * float(np.hypot(*(quad[1] - quad[0]))))
    return settled if np.abs(settled - quad).max() < most else quad


def _edge(photo: np.ndarray, start: np.ndarray, end: np.ndarray, *, reach_px: float) -> np.ndarray:
    """A side as a homogeneous line (3,)."""
    side = end - start
    length = max(float(np.hypot(*side)), 1e-6)
    outward = np.array([side[1], -side[0]]) / length
    offsets, told = _by_colour(photo, start, side, outward, reach_px=max(reach_px, _SHADOW * length))
    if told.mean() < _AGREE:
        offsets, told = _by_change(photo, start, side, outward, reach_px=reach_px), np.ones(len(_ALONG), bool)
    slope, shift, agree = robust_line(_ALONG[told], offsets[told], tolerance=max(0.4, 0.2 * reach_px))
    if agree.mean() < _AGREE:
        slope = shift = 0.0
    return np.cross([*(start + outward * shift), 1.0], [*(end + outward * (shift + slope)), 1.0])


def _by_change(
    photo: np.ndarray, start: np.ndarray, side: np.ndarray, outward: np.ndarray, *, reach_px: float
) -> np.ndarray:
    """float64 (places,): how far outward the photo changes most."""
    seen, steps = _across(photo, start, side, outward, reach_px=reach_px)
    change = np.square(np.diff(seen, axis=1)).sum(axis=2)
    change = cv2.blur(change, (3, 1))
    around = np.abs(np.arange(_STEPS - 1) - change.argmax(axis=1)[:, None]) <= _NEAR
    weights = np.where(around, change, 0.0) + 1e-12
    return weights @ ((steps[1:] + steps[:-1]) / 2) / weights.sum(axis=1)


def _by_colour(
    photo: np.ndarray, start: np.ndarray, side: np.ndarray, outward: np.ndarray, *, reach_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """float64 (places,): how far outward the inner colour reaches; and bool (places,): where that can be told, as the
    outer one is another and not too dark for a shadow to be seen.

    What is seen on the way is so much of the one and so much of the other, the other's share in any darkness.
    """
    seen, steps = _across(photo, start, side, outward, reach_px=reach_px)
    ends = slice(0, _ENDS), slice(-_ENDS, None)
    inner, outer = (cv2.blur(seen[:, part].mean(axis=1), (1, _ALIKE)) for part in ends)
    ii, oo, io = ((a * b).sum(axis=1) for a, b in ((inner, inner), (outer, outer), (inner, outer)))
    apart = np.maximum(ii * oo - io * io, 1e-12)
    with_inner, with_outer = ((seen * one[:, None]).sum(axis=2) for one in (inner, outer))
    share = np.clip((with_inner * oo[:, None] - with_outer * io[:, None]) / apart[:, None], -0.5, 1.5)
    told = (apart > _OTHER_COLOUR**2 * ii * oo) & (oo > _DARK**2 * ii)
    step = steps[1] - steps[0]
    return share.sum(axis=1) * step + steps[0] - step / 2.0, told


def _across(
    photo: np.ndarray, start: np.ndarray, side: np.ndarray, outward: np.ndarray, *, reach_px: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear RGB, float32 (places, steps, 3), on lines across a side, and the steps, pixels outward."""
    steps = np.linspace(-reach_px, reach_px, _STEPS)
    grid = ((start + side * _ALONG[:, None])[:, None] + outward * steps[:, None]).astype(np.float32)
    seen = cv2.remap(photo, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return srgb_to_linear(seen), steps
