"""What stays in front of the garment: hair and face, the neck before the collar's back, hands and what they hold.

Owns the mattes, cut once from a parsing and carried along by the pose until the next one; must not know the network
that parses, nor the garment.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from garment.body import Arm, Body
from garment.matting import contrast, refine, steepen
from utils import pose as at
from utils.geometry import similarity
from utils.pose import Pose

_HEAD = (at.NOSE, 2, 5, at.LEFT_EAR, at.RIGHT_EAR, at.MOUTH_LEFT, at.MOUTH_RIGHT)
_HANDS = {
    "left": (at.LEFT_WRIST, at.LEFT_PINKY, at.LEFT_INDEX),
    "right": (at.RIGHT_WRIST, at.RIGHT_PINKY, at.RIGHT_INDEX),
}
HAND_REACH_MM, OBJECT_REACH_MM = 150.0, 165.0
CUFF_PAST_WRIST_MM = 12.0
"""Up to here beyond the wrist landmark the sleeve lies over the hand, not under it."""


@dataclass(frozen=True)
class Classes:
    """Soft masks of one parsed frame, each float32 (H, W) in [0, 1] at the frame's size."""

    hair: np.ndarray
    face: np.ndarray
    skin: np.ndarray
    clothes: np.ndarray
    other: np.ndarray


@dataclass(frozen=True)
class _Cutting:
    """A matte with the box of the parsed frame that it was cut from, and the landmarks that carry it."""

    matte: np.ndarray
    xy: tuple[int, int]
    landmarks: tuple[int, ...]


@dataclass(frozen=True)
class Mattes:
    """Cuttings of one parsed frame."""

    pose: Pose
    head: _Cutting | None
    neck: _Cutting | None
    hands: dict[str, _Cutting]


@dataclass(frozen=True)
class Front:
    """Opacity of the person before the garment, float32 (H, W) in [0, 1]."""

    head: np.ndarray
    """Hair, face and chin: before everything."""
    neck: np.ndarray
    """Before the back of the collar only."""
    hands: np.ndarray
    """Before everything."""


def cut_mattes(classes: Classes, pose: Pose, body: Body) -> Mattes:
    """Cut the parts that may come to lie before a garment out of a parsed frame."""
    head = _crop(_connected_head(classes, pose, body), _HEAD)
    neck = _crop(_neck(classes, body), (*_HEAD, at.LEFT_SHOULDER, at.RIGHT_SHOULDER))
    hands = {}
    for side, arm in body.arms.items():
        if arm.hand_seen:
            cutting = _crop(_hand(classes, arm, body.px_per_mm), _HANDS[side])
            if cutting is not None:
                hands[side] = cutting
    return Mattes(pose=pose, head=head, neck=neck, hands=hands)


def bring_forward(mattes: Mattes, pose: Pose, frame: np.ndarray, *, shrink: int = 2) -> Front:
    """Carry the mattes to a later frame by its pose and snap them to that frame's edges.

    Args:
        frame: uint8 (H, W, 3) RGB, the later frame.
        shrink: subsampling of the guided filter; 1 for the premium variant.
    """
    hw = frame.shape[:2]
    reach_px = _snap_reach_px(pose)
    head = _carry(mattes.head, mattes.pose, pose, hw)
    neck = _carry(mattes.neck, mattes.pose, pose, hw)
    hands = np.zeros(hw, np.float32)
    for cutting in mattes.hands.values():
        np.maximum(hands, _carry(cutting, mattes.pose, pose, hw), out=hands)
    return Front(
        head=_snap(head, frame, reach_px=reach_px, shrink=shrink),
        neck=neck,  # it only hides the little that shows of the collar's back
        hands=_snap(hands, frame, reach_px=reach_px, shrink=shrink),
    )


def no_front(hw: tuple[int, int]) -> Front:
    """Nothing is in front."""
    empty = np.zeros(hw, np.float32)
    return Front(head=empty, neck=empty, hands=empty)


def guess_front(pose: Pose, mask: np.ndarray | None, frame: np.ndarray) -> Front:
    """The same from the pose alone, while no parsing is at hand: an oval for the head and capsules for the hands."""
    hw = frame.shape[:2]
    head, hands = np.zeros(hw, np.uint8), np.zeros(hw, np.uint8)
    ears = pose.xy[[at.LEFT_EAR, at.RIGHT_EAR]]
    mouth = pose.xy[[at.MOUTH_LEFT, at.MOUTH_RIGHT]].mean(0)
    eyes = pose.xy[[2, 5]].mean(0)
    radius = max(float(np.hypot(*(ears[0] - ears[1]))) * 0.62, float(np.hypot(*(mouth - eyes))) * 1.15)
    centre = (eyes * 0.6 + mouth * 0.4).astype(float)
    cv2.ellipse(head, (tuple(centre), (2 * radius, 2.9 * radius), 0.0), 255, -1, cv2.LINE_AA)
    for wrist, pinky, index in _HANDS.values():
        if pose.visibility[wrist] > at.VISIBLE:
            tip = pose.xy[[pinky, index]].mean(0)
            thick = max(2, int(np.hypot(*(tip - pose.xy[wrist])) * 0.9))
            start = pose.xy[wrist] * 0.6 + tip * 0.4
            end = tip + (tip - pose.xy[wrist]) * 0.4
            cv2.line(hands, _int(start), _int(end), 255, thick, cv2.LINE_AA)
    limit = mask if mask is not None else np.ones(hw, np.float32)
    return Front(
        head=_snap(head * np.float32(1 / 255) * limit, frame, reach_px=_snap_reach_px(pose), shrink=2),
        neck=np.zeros(hw, np.float32),
        hands=_snap(hands * np.float32(1 / 255) * limit, frame, reach_px=_snap_reach_px(pose), shrink=2),
    )


def _connected_head(classes: Classes, pose: Pose, body: Body) -> np.ndarray:
    """Hair and face of this person: what hangs together with the landmarks of the face."""
    matte = np.maximum(classes.hair, classes.face)
    solid = (matte > 0.4).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    if count <= 2:
        return matte
    height, width = matte.shape
    wanted = {
        labels[int(y), int(x)]
        for x, y in pose.xy[list(_HEAD)]
        if 0 <= x < width and 0 <= y < height and labels[int(y), int(x)]
    }
    # A plait or a lock that the network cut off still belongs to her when it lies on her chest.
    reach = 320.0 * body.px_per_mm
    for label in range(1, count):
        x, y, w, h, area = stats[label]
        near = np.hypot(x + w / 2 - body.neck[0], y + h / 2 - body.neck[1]) < reach
        if near and area > 60:
            wanted.add(label)
    return matte * np.isin(labels, list(wanted)) if wanted else matte


def _neck(classes: Classes, body: Body) -> np.ndarray:
    """Skin beside and below the chin, and the column of the neck whatever it wears."""
    person = np.clip(classes.hair + classes.face + classes.skin + classes.clothes + classes.other, 0.0, 1.0)
    left, right = body.neck_sides["left"], body.neck_sides["right"]
    across, up = (left - right) / 2, -body.down * (150.0 * body.px_per_mm)
    middle = (left + right) / 2
    column = _filled(np.array([middle + 0.9 * across, middle - 0.9 * across]), up, classes.skin.shape)
    wide = _filled(np.array([middle + 1.5 * across, middle - 1.5 * across]), up, classes.skin.shape)
    return np.maximum(person * column, classes.skin * wide)


def _filled(base: np.ndarray, up: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float32 (H, W): 1 in the quadrilateral that stands on `base` (2, 2) and reaches `up`, and as far down by 0.8."""
    zone = np.zeros(hw, np.uint8)
    corners = np.array([base[0] - 0.8 * up, base[0] + up, base[1] + up, base[1] - 0.8 * up])
    cv2.fillConvexPoly(zone, np.round(corners).astype(np.int32), 1)
    return zone.astype(np.float32)


def _hand(classes: Classes, arm: Arm, px_per_mm: float) -> np.ndarray:
    """Skin beyond the wrist, and what is held there."""
    height, width = classes.skin.shape
    reach = OBJECT_REACH_MM * px_per_mm
    x0, y0 = np.maximum(np.floor(arm.knuckles - reach), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(arm.knuckles + reach), (width, height)).astype(int)
    matte = np.zeros((height, width), np.float32)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return matte
    grid = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)), -1).astype(np.float32)
    direction = 0.6 * _unit(arm.knuckles - arm.wrist) + 0.4 * _unit(arm.wrist - arm.elbow)
    along_mm = (grid - arm.wrist) @ _unit(direction) / px_per_mm
    away_mm = np.linalg.norm(grid - arm.knuckles, axis=-1) / px_per_mm
    beyond_cuff = np.clip((along_mm - CUFF_PAST_WRIST_MM) / 8.0, 0.0, 1.0)
    box = (slice(y0, y1), slice(x0, x1))
    skin = (classes.skin[box] + classes.face[box]) * np.clip((HAND_REACH_MM - away_mm) / 20.0, 0.0, 1.0)
    held = classes.other[box] * np.clip((OBJECT_REACH_MM - away_mm) / 20.0, 0.0, 1.0)
    matte[box] = np.clip(skin + held, 0.0, 1.0) * beyond_cuff
    return matte


def _crop(matte: np.ndarray, landmarks: tuple[int, ...]) -> _Cutting | None:
    x, y, w, h = cv2.boundingRect((matte > 0.05).astype(np.uint8))
    if w < 2 or h < 2:
        return None
    height, width = matte.shape
    x0, y0, x1, y1 = max(x - 2, 0), max(y - 2, 0), min(x + w + 2, width), min(y + h + 2, height)
    return _Cutting(matte=np.ascontiguousarray(matte[y0:y1, x0:x1]), xy=(x0, y0), landmarks=landmarks)


def _carry(cutting: _Cutting | None, then: Pose, now: Pose, hw: tuple[int, int]) -> np.ndarray:
    carried = np.zeros(hw, np.float32)
    if cutting is None:
        return carried
    which = list(cutting.landmarks)
    matrix = similarity(then.xy[which], now.xy[which])
    matrix[:, 2] += matrix[:, :2] @ np.array(cutting.xy, float)
    height, width = cutting.matte.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix[:, :2].T + matrix[:, 2]
    x0, y0 = np.maximum(np.floor(corners.min(0)) - 1, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 2, (hw[1], hw[0])).astype(int)
    if x1 <= x0 or y1 <= y0:
        return carried
    matrix[:, 2] -= (x0, y0)
    size = (int(x1 - x0), int(y1 - y0))
    carried[y0:y1, x0:x1] = cv2.warpAffine(cutting.matte, matrix, size, flags=cv2.INTER_LINEAR)
    return carried


def _snap_reach_px(pose: Pose) -> int:
    """How far a matte's edge may be off: the parsing's grid is coarse, and coarser on a person who fills the frame."""
    shoulders = pose.xy[at.LEFT_SHOULDER] - pose.xy[at.RIGHT_SHOULDER]
    return int(np.clip(0.04 * float(np.hypot(*shoulders)), 4, 48))


def _snap(matte: np.ndarray, frame: np.ndarray, *, reach_px: int, shrink: int) -> np.ndarray:
    """Guided filter on the part of the frame where there is something to refine.

    The result is pulled in a little: a rim of skin that is lost is not missed, a rim of the old shirt is seen.
    """
    x, y, w, h = cv2.boundingRect((matte > 0.02).astype(np.uint8))
    if w < 4 or h < 4:
        return matte
    height, width = matte.shape
    margin = reach_px + 2
    x0, y0, x1, y1 = max(x - margin, 0), max(y - margin, 0), min(x + w + margin, width), min(y + h + margin, height)
    box = (slice(y0, y1), slice(x0, x1))
    snapped = np.zeros_like(matte)
    guide = contrast(np.ascontiguousarray(frame[box]), matte[box])
    refined = refine(matte[box], guide, radius_px=reach_px, eps=1e-3, shrink=shrink)
    snapped[box] = steepen(refined, low=0.25, high=0.85)
    return snapped


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _int(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
