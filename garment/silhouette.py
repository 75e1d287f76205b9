"""A wearer's silhouette with its tremble taken out.

Owns the running mean that goes along with the trunk; must not know networks, nor what is drawn by it. The outline that
a network finds wanders by a pixel or two from frame to frame, and with it all that is carried on or shaded up to it.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.body import Body

_RESTING = 0.2  # share of a new silhouette while the arms keep their place beside the trunk
_MOVING_MM = 40.0  # by so much in a frame an arm has left the place where it was: only the new one counts


class Silhouette:
    """The mean of one person's latest silhouettes."""

    def __init__(self) -> None:
        self._mean: np.ndarray | None = None  # float32 (H, W); None before the first
        self._place = np.zeros(2, int)  # of the trunk in the latest, whole pixels
        self._arms = np.zeros((1, 2))  # elbows and wrists in the latest, relative to the trunk

    def settle(self, mask: np.ndarray, body: Body) -> np.ndarray:
        """Take up float32 (H, W) of the next frame. Returns the mean, of the same kind, until the next call."""
        trunk = (body.arms["left"].joint + body.arms["right"].joint) / 2
        place, arms = np.rint(trunk).astype(int), _arms(body) - trunk
        if self._mean is None or self._mean.shape != mask.shape:
            self._mean = mask.copy()
        else:
            moved_mm = float(np.linalg.norm(arms - self._arms, axis=1).max()) / body.px_per_mm
            mean = _shifted(self._mean, place - self._place, beyond=mask)
            cv2.accumulateWeighted(mask, mean, _RESTING + (1.0 - _RESTING) * min(moved_mm / _MOVING_MM, 1.0))
            self._mean = mean
        self._place, self._arms = place, arms
        return self._mean


def _arms(body: Body) -> np.ndarray:
    """(4, 2)."""
    return np.array([point for arm in body.arms.values() for point in (arm.elbow, arm.wrist)])


def _shifted(mask: np.ndarray, way: np.ndarray, *, beyond: np.ndarray) -> np.ndarray:
    """`mask` moved by whole pixels (x, y); `beyond` where it does not reach."""
    if not way.any():
        return mask
    (x, y), (height, width) = way.tolist(), mask.shape
    moved = beyond.copy()
    if abs(x) < width and abs(y) < height:
        moved[max(y, 0) : height + min(y, 0), max(x, 0) : width + min(x, 0)] = mask[
            max(-y, 0) : height - max(y, 0), max(-x, 0) : width - max(x, 0)
        ]
    return moved
