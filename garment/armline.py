"""An arm as a line through the frame. Owns how points lie to it: along, across, this side of the elbow or past it; must
not know sleeves.

Bends count as places: along the line, each of its points takes up BENDS' width, so that whoever looks at the outside of
an elbow sees the cloth go round it instead of jumping.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from garment.body import Arm
from garment.occlusion import CUFF_PAST_WRIST_MM
from garment.warp import ramp
from utils.geometry import along_and_across, bent

JOINT, ELBOW, CUFF, POINTS = 1, 6, 11, 13
"""The line's points: one above the joint, the joint, nine round the elbow, the cuff, and one beyond it."""
_BEND = 0.002
BENDS = np.ravel(np.add.outer(np.arange(POINTS), (-_BEND / 2, _BEND / 2)))
"""Where the bends begin and end, in points along the line: float64 (2 * POINTS,)."""
END_REACH_MM = 90.0
"""How far the line goes on beyond joint and cuff."""
_ROUNDING_MM = (24.0, 70.0)  # of the elbow, when folded up and when straight
_OVERLAP_MM = (6.0, 16.0)  # past the elbow each half of the arm fades out between these
_CREASE_MM = 10.0  # on the inside of the bend the forearm gives way to the upper arm by this


@dataclass(frozen=True)
class ArmLine:
    """One arm in one frame."""

    points: np.ndarray
    """float32 (POINTS, 2), pixels of the frame."""
    heading: np.ndarray
    """float64 (POINTS - 1,): radians from down towards the right for each stretch between them, without jumps."""
    scale: float
    """Pixels per millimetre."""

    @property
    def bend(self) -> float:
        """Radians by which the forearm is turned from the upper arm."""
        return abs(float(self.heading[CUFF - 1] - self.heading[JOINT]))

    def way_px(self, *, outside_px: float) -> np.ndarray:
        """Length up to where each bend begins and ends, float64 (2 * POINTS,), measured so far outside the elbow."""
        step = np.diff(self.points.astype(np.float64), axis=0)
        bends = np.concatenate([[0.0], outside_px * np.abs(np.diff(self.heading)), [0.0]])
        spans = np.column_stack([bends, np.append(np.hypot(step[:, 0], step[:, 1]), 0.0)]).ravel()
        return np.concatenate([[0.0], np.cumsum(spans)[:-1]])

    def beside(self, places: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Where places (M, 2) lie to a part of the line: along the whole line, in points, and pixels across it."""
        along, across = along_and_across(places, self.points[first : last + 1], end_reach=0.0)
        along += first
        turned = np.diff(self.heading)
        bend = np.clip(np.rint(along).astype(int), 1, POINTS - 2)
        turn, offset = turned[bend - 1], places - self.points[bend]
        # Places for which a bend is nearest fan out from the direction square to the line where it begins.
        angle = np.arctan2(offset[:, 0], offset[:, 1]) - (self.heading[bend - 1] - np.copysign(np.pi / 2, turn))
        angle -= 2 * np.pi * np.rint(angle / (2 * np.pi))
        share = np.clip(angle * turn / np.maximum(turn**2, 1e-9), 0.0, 1.0)
        nearest = np.abs(along - bend) < _BEND / 4
        outside = nearest & (share > 0.0) & (share < 1.0)
        across = np.where(outside, -np.copysign(across, turn), across)
        return np.where(nearest, bend + (share - 0.5) * _BEND, along), across

    def turn(self, along: np.ndarray) -> np.ndarray:
        """float32 (M,): radians from hanging straight down at each place along the line."""
        heading = np.concatenate([self.heading[:1], np.repeat(self.heading, 2), self.heading[-1:]])
        return np.interp(along, BENDS, heading).astype(np.float32)

    def half(self, places: np.ndarray, *, is_fore: bool) -> np.ndarray:
        """Opacity of the upper arm or the forearm, (M,), a ramp. They part where the bend is halved and agree there, so
        that little overlap leaves no gap. On the inside of the bend the forearm lies before the upper arm."""
        before, elbow, after = (self.points[k] for k in (ELBOW - 1, ELBOW, ELBOW + 1))
        way = unit(after - before) if is_fore else unit(before - after)
        end, start = (CUFF, CUFF - 1) if is_fore else (JOINT, JOINT + 1)
        bone = unit(self.points[end] - self.points[start])
        inwards = np.array([-way[1], way[0]]) * math.copysign(1.0, way[0] * bone[1] - way[1] * bone[0])
        # A folded arm's border would run along the bone: it leaves it at 45 degrees at least.
        lean = max(math.acos(min(max(float(way @ bone), 0.0), 1.0)) - math.pi / 4, 0.0)
        offset = (places - elbow) / self.scale
        deep_mm, within_mm = offset @ inwards, offset @ (way * math.cos(lean) + inwards * math.sin(lean))
        crease_mm = np.minimum(deep_mm, _CREASE_MM) if is_fore else 0.0
        within_mm = np.where(deep_mm > 0, within_mm - crease_mm, offset @ way)
        return ramp(within_mm, -_OVERLAP_MM[1], -_OVERLAP_MM[0])


def arm_line(arm: Arm, *, scale: float) -> ArmLine:
    """From above the joint round the elbow to beyond the cuff; `scale` in pixels per millimetre."""
    upper, fore = unit(arm.elbow - arm.joint), unit(arm.wrist - arm.elbow)
    cuff = arm.wrist + fore * (CUFF_PAST_WRIST_MM * scale)
    # A folded arm ends at its elbow: rounded any further, the line would not reach it.
    rounding_mm = float(np.interp(upper @ fore, (-1.0, 1.0), _ROUNDING_MM))
    line = bent(arm.joint, arm.elbow, cuff, reach=rounding_mm * scale)
    reach = END_REACH_MM * scale
    points = np.vstack([arm.joint - upper * reach, line, cuff + fore * reach]).astype(np.float32)
    step = np.diff(points.astype(np.float64), axis=0)
    return ArmLine(points=points, heading=np.unwrap(np.arctan2(step[:, 0], step[:, 1])), scale=scale)


def unit(vector: np.ndarray) -> np.ndarray:
    """The same direction with length 1; zero stays zero."""
    return vector / max(float(np.hypot(*vector)), 1e-6)
