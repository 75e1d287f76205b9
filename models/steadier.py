"""Takes the tremble out of one person's pose, with the help of the picture.

Owns the frame of reference that goes along with her trunk, and what is held still in it; must not know networks,
pictures, or whose pose it is.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from utils import pose as joints
from utils.flow import Motion
from utils.pose import Pose
from utils.smoothing import Hold, OneEuro, Rest, Settling

_MIN_CUTOFF_HZ = 0.3
_BETA = 14.0  # Hz per body unit and second: nothing trails by more than 1 / (2 pi beta), 1.1 % of a shoulder width
_SPEED_CUTOFF_HZ = 3.0  # with the paper's 1 Hz a swinging arm is taken to rest at its turning points
_SLACK = np.zeros(joints.COUNT)
_SLACK[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER, joints.LEFT_HIP, joints.RIGHT_HIP]] = 0.05
"""In body units: how far the tracker hunts around a person who stands still; the trunk carries the jacket."""
_DRIFT_S = 1.5
_STILL_BELOW, _MOVING_ABOVE = 0.12, 0.35  # body units per second
_UNSEEN_SETTLES_S = 0.4
_DEPTH_SETTLES_S = 0.5
_VISIBILITY_SETTLES_S = 0.1
_LOST_BELOW = 0.4  # a landmark that was seen stays so down to here, lest it flicker around joints.VISIBLE

_TRUNK = np.zeros(joints.COUNT, bool)
_TRUNK[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER, joints.LEFT_HIP, joints.RIGHT_HIP]] = True
_ARMS = np.zeros(joints.COUNT, bool)
_ARMS[joints.LEFT_ELBOW : joints.RIGHT_THUMB + 1] = True
_MEMORY_S = 12.0
"""Over this time a landmark is averaged that stands still."""
_HELD_SLACK = np.full(joints.COUNT, 0.12)  # in body units, around a person who is seen to stand still
_HELD_SLACK[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]] = 0.06
_HELD_SLACK[[joints.LEFT_HIP, joints.RIGHT_HIP]] = 0.15
_UNSEEN_SLACK = 0.3  # more, where nobody sees: while the picture stands still, a leap is but another guess
_HELD_DEPTH = 0.35
_HELD_VISIBILITY = 0.3
_TRAILS_S = 0.1  # the network steadies its landmarks, too, and so is behind whoever moves
_UNREST_S = 0.15
_NEAR_UNITS = 0.3
_CALM_BELOW, _RESTLESS_ABOVE = 0.025, 0.1  # body units per second
_MOTION_GAP_S = 0.5  # a picture much later tells of another posture


class Steadier:
    """Takes the tremble out of one person's pose.

    1. The picture says how her trunk has moved (`Motion`). Everything below happens in a frame of reference that goes
       along with the trunk, where a landmark moves only when she bends or turns, so that nothing trails when she walks.
    2. Landmarks that are seen go through a One Euro filter and a rest. One that is not seen jumps about, but something
       has to be drawn there: it settles slowly at its place relative to the shoulders.
    3. Where the picture says that nothing moves, shoulders, hips and arms are held, and so is what nobody sees.

    Without a motion the frame of reference stays where it is, nothing is held, and the filters work alone.
    """

    def __init__(self) -> None:
        tuning = {"min_cutoff_hz": _MIN_CUTOFF_HZ, "beta": _BETA, "speed_cutoff_hz": _SPEED_CUTOFF_HZ}
        self._place = OneEuro(**tuning)
        self._depth = Settling(time_s=_DEPTH_SETTLES_S)  # it wanders by a quarter of a turn's worth on a still person
        self._rest = Rest(slack=_SLACK, drift_s=_DRIFT_S, still_below=_STILL_BELOW, moving_above=_MOVING_ABOVE)
        self._around = Settling(time_s=_UNSEEN_SETTLES_S)
        self._visibility = Settling(time_s=_VISIBILITY_SETTLES_S)
        self._held_place = Hold(slack=_HELD_SLACK, memory_s=_MEMORY_S)
        self._held_depth = Hold(slack=np.full(joints.COUNT, _HELD_DEPTH), memory_s=_MEMORY_S)
        self._held_visibility = Hold(slack=np.full(joints.COUNT, _HELD_VISIBILITY), memory_s=_MEMORY_S)
        self._seen = np.zeros(joints.COUNT, bool)
        self._trunk = _Trunk()

    def step(self, raw: Pose, at_ms: float, *, motion: Motion | None = None) -> Pose:
        """The pose at `at_ms`, given what was measured, and how the trunk has moved since the step before."""
        at_s = at_ms / 1e3
        self._trunk.step(motion, raw, at_s)
        unit = body_unit(raw) / self._trunk.scale
        values = self._trunk.enter(np.column_stack([raw.xy, raw.z]).astype(np.float64))
        seen = self._seen = raw.visibility >= np.where(self._seen, _LOST_BELOW, joints.VISIBLE)
        steady = self._steadied(values, at_s, seen=seen, unit=unit)
        visibility = self._visibility.step(raw.visibility, at_s)[:, None]
        how = {"still": np.where(_TRUNK | ~seen | (_ARMS & self._trunk.vouched), self._trunk.still, 0.0)}
        place, depth = values[:, :2], values[:, 2:]
        margin = self._trunk.trailing + _UNSEEN_SLACK * ~seen
        place = self._held_place.step(place, at_s, otherwise=steady[:, :2], unit=unit, margin=margin, **how)
        depth = self._held_depth.step(depth, at_s, otherwise=steady[:, 2:], unit=unit, **how)
        visibility = self._held_visibility.step(raw.visibility[:, None], at_s, otherwise=visibility, **how)[:, 0]
        out = self._trunk.leave(np.hstack([place, depth])).astype(np.float32)
        return Pose(xy=out[:, :2], z=out[:, 2], visibility=visibility.astype(np.float32))

    def _steadied(self, values: np.ndarray, at_s: float, *, seen: np.ndarray, unit: float) -> np.ndarray:
        """What the landmarks alone allow, (33, 3)."""
        place = self._place.step(values[:, :2], at_s, seen=seen, unit=unit)
        place = self._rest.step(place, at_s, seen=seen, unit=unit)
        depth = self._depth.step(values[:, 2:] / unit, at_s) * unit
        steady = np.hstack([place, depth])
        shoulders = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
        middle = np.where(seen[shoulders, None], steady[shoulders], values[shoulders]).mean(axis=0)
        around = self._around.step((values - values[shoulders].mean(axis=0)) / unit, at_s)
        return np.where(seen[:, None], steady, middle + around * unit)


class _Trunk:
    """The frame of reference that goes along with the trunk, and how still it is in itself."""

    def __init__(self) -> None:
        self.still = np.zeros(joints.COUNT)
        """In [0, 1]: how sure the picture is that nothing bends or turns around each landmark."""
        self.vouched = np.zeros(joints.COUNT, bool)
        """Whether the picture shows anything to go by near each landmark."""
        self.trailing = 0.0
        """In body units: how far the network may be behind."""
        self._matrix = np.eye(3)[:2]  # from there to the picture
        self._unrest = Settling(time_s=_UNREST_S)
        self._speed = Settling(time_s=_TRAILS_S)
        self._at_s = -math.inf

    @property
    def scale(self) -> float:
        return math.hypot(self._matrix[0, 0], self._matrix[1, 0])

    def step(self, motion: Motion | None, raw: Pose, at_s: float) -> None:
        dt_s, self._at_s = at_s - self._at_s, at_s
        if motion is None or not 0.0 < dt_s < _MOTION_GAP_S:
            self.still = np.zeros(joints.COUNT)
            return
        unit = body_unit(raw)
        middle = raw.xy[_TRUNK].mean(axis=0)
        went = np.linalg.norm(motion.matrix[:, :2] @ middle + motion.matrix[:, 2] - middle)
        self._matrix = motion.matrix[:, :2] @ self._matrix + np.column_stack([np.zeros((2, 2)), motion.matrix[:, 2]])
        self.trailing = _TRAILS_S * float(self._speed.step(went / (unit * dt_s), at_s))
        astray, vouched = _astray_around(raw.xy, motion, reach=_NEAR_UNITS * unit)
        unrest = self._unrest.step(astray / (unit * dt_s), at_s)
        calm, restless = _CALM_BELOW, _RESTLESS_ABOVE
        self.still = np.clip((restless - unrest) / (restless - calm), 0.0, 1.0)
        self.vouched = vouched

    def enter(self, points: np.ndarray) -> np.ndarray:
        """Carry (33, 3) of x, y, z in pixels from the picture into the trunk's frame of reference."""
        back = cv2.invertAffineTransform(self._matrix)
        return np.column_stack([points[:, :2] @ back[:, :2].T + back[:, 2], points[:, 2] / self.scale])

    def leave(self, points: np.ndarray) -> np.ndarray:
        """And back."""
        matrix = self._matrix
        return np.column_stack([points[:, :2] @ matrix[:, :2].T + matrix[:, 2], points[:, 2] * self.scale])


def _astray_around(xy: np.ndarray, motion: Motion, *, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """How far the corners around each landmark have gone astray since the last frame, float64 (33,) pixels, and bool
    (33,) whether there are any near it; where there are none, the nearest count."""
    away = ((xy[:, None] - motion.points[None]) ** 2).sum(axis=2)
    nearest = away.min(axis=1)
    weight = np.exp(-0.5 * (away - nearest[:, None]) / reach**2)
    return weight @ motion.astray / weight.sum(axis=1), nearest < reach**2


def body_unit(pose: Pose) -> float:
    """About a shoulder width in pixels, also of somebody who stands sideways."""
    left, right, nose = pose.xy[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER, joints.NOSE]]
    return float(max(np.linalg.norm(left - right), 1.2 * np.linalg.norm(nose - (left + right) / 2), 1.0))
