"""A human pose as everything in Lucy passes it around, whoever found it.

Owns the layout of the 33 landmarks (BlazePose GHUM order, as MediaPipe numbers them) and their validation; must not
know the networks that find them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from utils.errors import InputError

COUNT = 33
NOSE = 0
LEFT_EYE, RIGHT_EYE = 2, 5
LEFT_EAR, RIGHT_EAR = 7, 8
MOUTH_LEFT, MOUTH_RIGHT = 9, 10
LEFT_SHOULDER, RIGHT_SHOULDER = 11, 12
LEFT_ELBOW, RIGHT_ELBOW = 13, 14
LEFT_WRIST, RIGHT_WRIST = 15, 16
LEFT_PINKY, RIGHT_PINKY = 17, 18
LEFT_INDEX, RIGHT_INDEX = 19, 20
LEFT_THUMB, RIGHT_THUMB = 21, 22
LEFT_HIP, RIGHT_HIP = 23, 24

VISIBLE = 0.5
"""Visibility from which a landmark is trusted."""

_FARTHEST = 4.0  # frame sizes: people lean out of the picture, but not further than this


@dataclass(frozen=True)
class Pose:
    """One person's landmarks. "Left" is the wearer's left, which is on the right of an unmirrored frame."""

    xy: np.ndarray
    """float32 (33, 2), pixels of the frame; may lie outside it."""
    z: np.ndarray
    """float32 (33,), pixels, relative to the mid-hip; smaller is nearer to the camera."""
    visibility: np.ndarray
    """float32 (33,) in [0, 1]."""

    def seen(self, *indices: int) -> bool:
        """Whether all of these landmarks are trusted."""
        return bool((self.visibility[list(indices)] >= VISIBLE).all())

    def to_wire(self, *, hw: tuple[int, int]) -> list[list[float]]:
        """33 x [x, y, z, visibility], normalised by width, height, width: what the protocol carries."""
        height, width = hw
        scaled = np.column_stack([self.xy / (width, height), self.z / width, self.visibility])
        return [[round(float(v), 5) for v in row] for row in scaled]


def pose_from_wire(rows: Sequence[Sequence[float]], *, hw: tuple[int, int]) -> Pose:
    """Read 33 x [x, y, z, visibility] (normalised) against a frame of size `hw`.

    Raises:
        InputError: bad_landmarks, if the count, a value or a range is wrong.
    """
    if len(rows) != COUNT or any(len(row) != 4 for row in rows):
        raise InputError("bad_landmarks", f"landmarks must be {COUNT} rows of [x, y, z, visibility]")
    if not all(isinstance(v, (int, float)) and math.isfinite(v) for row in rows for v in row):
        raise InputError("bad_landmarks", "landmarks must be finite numbers")
    values = np.asarray(rows, np.float64)
    if np.abs(values[:, :3] - [0.5, 0.5, 0.0]).max() > _FARTHEST:
        raise InputError("bad_landmarks", "landmarks lie too far outside the frame", hint="divide x, y by the size")
    if values[:, 3].min() < 0.0 or values[:, 3].max() > 1.0:
        raise InputError("bad_landmarks", "visibility must lie between 0 and 1")
    height, width = hw
    return Pose(
        xy=(values[:, :2] * (width, height)).astype(np.float32),
        z=(values[:, 2] * width).astype(np.float32),
        visibility=values[:, 3].astype(np.float32),
    )
