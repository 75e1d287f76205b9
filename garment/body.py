"""The body that a garment hangs on, read from a pose.

Owns the step from landmarks to a frame of reference in millimetres of the wearer; must not know garments or images.

MediaPipe's shoulder landmarks lie in the joints. On people seen from the front the joints are about 0.8 of the width
over the deltoids apart, which sets the scale: JOINTS_MM between them for the wearer of the canonical garment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from utils import pose as at
from utils.pose import Pose

JOINTS_MM = 380.0
"""Distance between the shoulder landmarks of the wearer whom the canonical garment fits."""
TORSO_MM = 545.0
"""Distance between the middle of the shoulder landmarks and the middle of the hip landmarks of the same wearer."""
NECK_RISE_MM = 12.0
"""How far the pit of the neck lies above the line between the shoulder landmarks."""
SHOULDER_OUT_MM, SHOULDER_UP_MM = 44.0, 30.0
"""From the shoulder landmark to the point where a jacket's shoulder seam ends."""
COLLAR_RISE_MM, NECK_HALF_MM = 84.0, 66.0
"""How far above the shoulder landmarks a jacket's collar leaves the neck, and half the neck's width there."""
UPPER_ARM_MM, FOREARM_MM = 290.0, 265.0
"""From shoulder landmark to elbow, and on to the wrist."""
CHEST_DEPTH_MM = 105.0
"""How far the front of the chest stands before the axis of the spine; turns a rotation into a shift."""

_ARMS = {
    "left": (at.LEFT_SHOULDER, at.LEFT_ELBOW, at.LEFT_WRIST, at.LEFT_PINKY, at.LEFT_INDEX),
    "right": (at.RIGHT_SHOULDER, at.RIGHT_ELBOW, at.RIGHT_WRIST, at.RIGHT_PINKY, at.RIGHT_INDEX),
}


@dataclass(frozen=True)
class Arm:
    """One arm. All points float32 (2,), pixels of the frame."""

    joint: np.ndarray
    elbow: np.ndarray
    wrist: np.ndarray
    knuckles: np.ndarray
    """Middle of the knuckles of index and little finger."""
    depth: float
    """How far the wrist is before (positive) or behind (negative) the shoulder, in units of the shoulder width."""
    hand_seen: bool


@dataclass(frozen=True)
class Body:
    """A torso's frame of reference and two arms."""

    px_per_mm: float
    neck: np.ndarray
    """float32 (2,): the pit of the neck."""
    shoulders_across: np.ndarray
    """float32 (2,): unit vector from the wearer's right shoulder to the left."""
    hips_across: np.ndarray
    down: np.ndarray
    """float32 (2,): unit vector along the spine."""
    length: float
    """Length of the torso relative to the canonical wearer's."""
    yaw: float
    """Radians; positive when the wearer turns to her left, which is to the right of the picture."""
    shoulder_points: dict[str, np.ndarray]
    """"left" and "right": where the shoulder seams end."""
    neck_sides: dict[str, np.ndarray]
    """"left" and "right": where a collar leaves the neck, on the shoulder line."""
    chin_mm: float
    """How far the chin's point lies above the line between the joints, along the neck."""
    arms: dict[str, Arm]
    """"left" and "right"."""

    def place(self, mm: np.ndarray) -> np.ndarray:
        """Carry float (N, 2) millimetres from the pit of the neck (x to the wearer's left, y down) to pixels."""
        across_mm, down_mm = mm[:, 0], mm[:, 1]
        along = np.clip(down_mm / TORSO_MM, 0.0, 1.0)[:, None]
        across = self.shoulders_across * (1 - along) + self.hips_across * along
        across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
        bulge = np.sqrt(np.clip(1.0 - (across_mm / 270.0) ** 2, 0.0, 1.0))
        turned = across_mm * math.cos(self.yaw) + CHEST_DEPTH_MM * bulge * math.sin(self.yaw)
        scaled_down = down_mm * np.where(down_mm > 0, self.length, 1.0)
        offset = turned[:, None] * across + scaled_down[:, None] * self.down
        return (self.neck + offset * self.px_per_mm).astype(np.float32)

    def shoulder_axes(self, side: str) -> np.ndarray:
        """float32 (2, 2): a millimetre outwards and a millimetre up, as seen from the front, in pixels."""
        return _shoulder_axes(self.shoulders_across, side, px_per_mm=self.px_per_mm, yaw=self.yaw)

    def scaled(self, factor: float) -> Body:
        """The same body in a picture `factor` times as large; pixel centres stay pixel centres."""

        def grow(point: np.ndarray) -> np.ndarray:
            return ((point + 0.5) * factor - 0.5).astype(np.float32)

        arms = {
            side: replace(
                arm,
                joint=grow(arm.joint),
                elbow=grow(arm.elbow),
                wrist=grow(arm.wrist),
                knuckles=grow(arm.knuckles),
            )
            for side, arm in self.arms.items()
        }
        points = {side: grow(point) for side, point in self.shoulder_points.items()}
        sides = {side: grow(point) for side, point in self.neck_sides.items()}
        return replace(
            self,
            px_per_mm=self.px_per_mm * factor,
            neck=grow(self.neck),
            shoulder_points=points,
            neck_sides=sides,
            arms=arms,
        )


def read_body(pose: Pose) -> Body | None:
    """The body in a pose; None when the shoulders are not seen or the wearer shows her back."""
    left, right = pose.xy[at.LEFT_SHOULDER], pose.xy[at.RIGHT_SHOULDER]
    if not pose.seen(at.LEFT_SHOULDER, at.RIGHT_SHOULDER) or left[0] - right[0] < 4.0:
        return None
    yaw, joints_px = _turn(pose)
    middle = (left + right) / 2
    across = _unit(left - right)
    perpendicular = np.array([-across[1], across[0]], np.float32)
    px_per_mm = joints_px / JOINTS_MM
    # Hips at the frame's edge are seen in one frame and not in the next: they count as far as they are trusted.
    trust = min(max((float(pose.visibility[[at.LEFT_HIP, at.RIGHT_HIP]].min()) - 0.3) / 0.3, 0.0), 1.0)
    hips = (pose.xy[at.LEFT_HIP] + pose.xy[at.RIGHT_HIP]) / 2
    torso_px = float(np.linalg.norm(hips - middle))
    # A scale shared between width and height: neither the shoulders nor the torso alone is measured well.
    px_per_mm *= float(np.clip(torso_px / (TORSO_MM * px_per_mm), 0.8, 1.25)) ** (0.25 * trust)
    length = 1.0 + trust * (float(np.clip(torso_px / (TORSO_MM * px_per_mm), 0.8, 1.2)) - 1.0)
    down = _unit(perpendicular + 0.8 * trust * (_unit(hips - middle) - perpendicular))
    hip_line = _unit(pose.xy[at.LEFT_HIP] - pose.xy[at.RIGHT_HIP])
    hips_across = _unit(across + 0.5 * trust * (hip_line - across))
    up = -perpendicular * px_per_mm
    turned = across * (CHEST_DEPTH_MM * 0.45 * math.sin(yaw) * px_per_mm)
    return Body(
        px_per_mm=px_per_mm,
        neck=(middle + up * NECK_RISE_MM + turned).astype(np.float32),
        shoulders_across=across,
        hips_across=hips_across,
        down=down,
        length=length,
        yaw=yaw,
        shoulder_points={
            side: joint + (SHOULDER_OUT_MM, SHOULDER_UP_MM) @ _shoulder_axes(across, side, px_per_mm=px_per_mm, yaw=yaw)
            for side, joint in (("left", left), ("right", right))
        },
        neck_sides=_neck_sides(pose, middle, across, px_per_mm),
        chin_mm=_chin_px(pose, middle) / px_per_mm,
        arms={name: _read_arm(pose, name, down=down, across=across, joints_px=joints_px) for name in _ARMS},
    )


def _shoulder_axes(across: np.ndarray, side: str, *, px_per_mm: float, yaw: float) -> np.ndarray:
    """As Body.shoulder_axes has them."""
    out = across * (max(math.cos(yaw), 0.6) if side == "left" else -max(math.cos(yaw), 0.6))
    return (np.array([out, [across[1], -across[0]]]) * px_per_mm).astype(np.float32)


def _neck_sides(pose: Pose, middle: np.ndarray, across: np.ndarray, px_per_mm: float) -> dict[str, np.ndarray]:
    """The neck leans with the head; a third of the way from the shoulders to the ears it is where collars lie."""
    ears = (pose.xy[at.LEFT_EAR] + pose.xy[at.RIGHT_EAR]) / 2
    centre = middle + _unit(ears - middle) * (COLLAR_RISE_MM * px_per_mm)
    half = across * (NECK_HALF_MM * px_per_mm)
    return {"left": (centre + half).astype(np.float32), "right": (centre - half).astype(np.float32)}


def _chin_px(pose: Pose, middle: np.ndarray) -> float:
    """As Body.chin_mm has it: the chin lies half as far below the mouth as that below the eyes."""
    eyes = (pose.xy[at.LEFT_EYE] + pose.xy[at.RIGHT_EYE]) / 2
    mouth = (pose.xy[at.MOUTH_LEFT] + pose.xy[at.MOUTH_RIGHT]) / 2
    ears = (pose.xy[at.LEFT_EAR] + pose.xy[at.RIGHT_EAR]) / 2
    return float((mouth + 0.55 * (mouth - eyes) - middle) @ _unit(ears - middle))


def _turn(pose: Pose) -> tuple[float, float]:
    """Yaw in radians, and the distance between the shoulders as it would be seen from the front, in pixels."""
    apart = pose.xy[at.LEFT_SHOULDER] - pose.xy[at.RIGHT_SHOULDER]
    width = float(np.hypot(*apart))
    depth = float(pose.z[at.LEFT_SHOULDER] - pose.z[at.RIGHT_SHOULDER])
    # On people who stand squarely the depth estimate is off by up to a third of the width, and it exaggerates.
    depth = 0.6 * math.copysign(max(abs(depth) - 0.3 * width, 0.0), depth)
    yaw = float(np.clip(math.atan2(depth, width), -0.8, 0.8))
    return yaw, width / math.cos(yaw)


def _read_arm(pose: Pose, name: str, *, down: np.ndarray, across: np.ndarray, joints_px: float) -> Arm:
    """One arm; as far as it is not seen it hangs down, as most arms do that are out of the picture."""
    joint, elbow, wrist, pinky, index = _ARMS[name]
    out = across if name == "left" else -across
    px = joints_px / JOINTS_MM
    hanging_elbow = pose.xy[joint] + (down * UPPER_ARM_MM + out * 40.0) * px
    elbow_xy = _trusted(pose, elbow, hanging_elbow)
    wrist_xy = _trusted(pose, wrist, elbow_xy + (down * FOREARM_MM + out * 8.0) * px)
    knuckles = (pose.xy[pinky] + pose.xy[index]) / 2
    hand_seen = bool(pose.visibility[wrist] >= 0.35)
    return Arm(
        joint=pose.xy[joint],
        elbow=elbow_xy,
        wrist=wrist_xy,
        knuckles=knuckles if hand_seen else (wrist_xy + down * 80.0 * px).astype(np.float32),
        depth=float(pose.z[joint] - pose.z[wrist]) / joints_px if hand_seen else 0.0,
        hand_seen=hand_seen,
    )


def _trusted(pose: Pose, landmark: int, guess: np.ndarray) -> np.ndarray:
    """The landmark where it is seen, the guess where it is not, and in between a mixture, so that nothing jumps."""
    share = min(max((float(pose.visibility[landmark]) - 0.15) / 0.3, 0.0), 1.0)
    return (share * pose.xy[landmark] + (1.0 - share) * guess).astype(np.float32)


def _unit(vector: np.ndarray) -> np.ndarray:
    return (vector / max(float(np.hypot(*vector)), 1e-6)).astype(np.float32)
