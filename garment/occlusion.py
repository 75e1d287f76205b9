"""What stays in front of the garment: hair and face, the neck before the collar's back, hands and what they hold.

Owns the mattes, cut once from a parsing and carried along by the pose until the next one; must not know the network
that parses, nor the garment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
_SOLID = 0.4
_GRAIN_PX = 1.2
_RIM_MM = 20.0  # a head's matte fades out over this
_LOCK_REACH_MM, _LEAST_LOCK_PX = 320.0, 60
_SURE_FACE, _SURE_HAIR = (0.2, 0.45), (0.5, 0.8)
"""From nothing to all, what is before everything however the picture's edges run. A face is so up to its outline: no
shadow and no collar may touch a chin. Hair is let through at its rim."""
_HAND = (0.3, 0.7)  # from nothing to all: a hand is before the garment or it is not, where a network thinks half
_SURELY, _HAND_CM2 = 0.8, (1.5, 5.0)
"""It is one at all where the parsing is sure of a few fingers' worth: metal and plastic look a little like skin."""
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

    def without_hair(self) -> np.ndarray:
        """float32 (H, W): the silhouette of the body and what it wears, NaN where hair hides it."""
        body = cv2.add(cv2.add(self.clothes, self.skin), cv2.add(self.face, self.other))
        body[self.hair > 0.5] = np.nan
        return body


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
    sure: _Cutting | None
    """Of the head, what no edge in the picture can take away."""
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
    zone = _around_head(classes, pose, body)
    hair, face = (cv2.multiply(matte, zone, dtype=cv2.CV_32F) for matte in (classes.hair, classes.face))
    head = _crop(cv2.max(hair, face), (0, 0), _HEAD)
    neck = _crop(*_neck(classes, body), (*_HEAD, at.LEFT_SHOULDER, at.RIGHT_SHOULDER))
    hands = {}
    for side, arm in body.arms.items():
        if arm.hand_seen:
            cutting = _crop(*_hand(classes, arm, body.px_per_mm), _HANDS[side])
            if cutting is not None:
                hands[side] = cutting
    return Mattes(pose=pose, head=head, sure=_sure(head, hair, face), neck=neck, hands=hands)


def bring_forward(mattes: Mattes, pose: Pose, frame: np.ndarray, *, shrink: int = 2) -> Front:
    """Carry the mattes to a later frame by its pose and snap them to that frame's edges.

    Args:
        frame: uint8 (H, W, 3) RGB, the later frame.
        shrink: subsampling of the guided filter; 1 for the premium variant.
    """
    hw = frame.shape[:2]
    reach_px = _snap_reach_px(pose)
    head, neck, hands = (np.zeros(hw, np.float32) for _ in range(3))
    _carry(mattes.head, mattes.pose, pose, onto=head)
    _carry(mattes.neck, mattes.pose, pose, onto=neck)
    for cutting in mattes.hands.values():
        _carry(cutting, mattes.pose, pose, onto=hands)
    head = _snap(head, frame, reach_px=reach_px, shrink=shrink, against_all=True)
    _carry(mattes.sure, mattes.pose, pose, onto=head)
    return Front(
        head=head,
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


def _around_head(classes: Classes, pose: Pose, body: Body) -> np.ndarray:
    """Where this person's hair and face may be: what hangs together with the landmarks of the face and a rim around it,
    uint8 (H, W), 1 within.

    What is connected is found at half the size. The network's faint doubts elsewhere, which lie along every edge, are
    wiped out: all that is done in each frame is done to the box around what is left.
    """
    matte = cv2.max(classes.hair, classes.face)
    height, width = matte.shape
    wh = ((width + 1) // 2, (height + 1) // 2)
    solid = cv2.compare(cv2.resize(matte, wh, interpolation=cv2.INTER_AREA), _SOLID, cv2.CMP_GT)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    inside = [point for point in pose.xy[list(_HEAD)] if 0 <= point[0] < width and 0 <= point[1] < height]
    wanted = np.zeros(count, np.uint8)
    wanted[[labels[int(y) // 2, int(x) // 2] for x, y in inside]] = 1
    # A plait or a lock that the network cut off still belongs to her when it lies on her chest.
    x, y, w, h, area = stats.T
    away = np.hypot(2 * x + w - body.neck[0], 2 * y + h - body.neck[1])
    wanted[(away < _LOCK_REACH_MM * body.px_per_mm) & (area > _LEAST_LOCK_PX // 4)] = 1
    wanted[0] = 0
    if not wanted.any():
        return np.ones((height, width), np.uint8)
    rim = 2 * max(1, round(0.5 * _RIM_MM * body.px_per_mm)) + 1
    near = cv2.dilate(wanted[labels], np.ones((rim, rim), np.uint8))
    return cv2.resize(near, (width, height), interpolation=cv2.INTER_NEAREST)


def _sure(head: _Cutting | None, hair: np.ndarray, face: np.ndarray) -> _Cutting | None:
    """As Mattes.sure has it."""
    if head is None:
        return None
    (x, y), (height, width) = head.xy, head.matte.shape
    box = (slice(y, y + height), slice(x, x + width))
    of_face, of_hair = (
        steepen(matte[box], low=low, high=high) for matte, (low, high) in ((face, _SURE_FACE), (hair, _SURE_HAIR))
    )
    return replace(head, matte=cv2.max(of_face, of_hair))


def _neck(classes: Classes, body: Body) -> tuple[np.ndarray, tuple[int, int]]:
    """Skin beside and below the chin, and the column of the neck whatever it wears: a matte and where it lies."""
    left, right = body.neck_sides["left"], body.neck_sides["right"]
    across, up = (left - right) / 2, -body.down * (150.0 * body.px_per_mm)
    middle = (left + right) / 2
    column, wide = (_standing(np.array([middle + k * across, middle - k * across]), up) for k in (0.9, 1.5))
    (x0, y0), box = _box_around(wide, classes.skin.shape)
    hair, face, skin, clothes, other = (
        matte[box] for matte in (classes.hair, classes.face, classes.skin, classes.clothes, classes.other)
    )
    person = np.minimum(hair + face + skin + clothes + other, 1.0)
    in_column, in_wide = (_filled(corners - (x0, y0), skin.shape) for corners in (column, wide))
    return np.maximum(person * in_column, skin * in_wide), (x0, y0)


def _standing(base: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Corners (4, 2) of the quadrilateral that stands on `base` (2, 2) and reaches `up`, and as far down by 0.8."""
    return np.array([base[0] - 0.8 * up, base[0] + up, base[1] + up, base[1] - 0.8 * up])


def _filled(corners: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float32 (H, W): 1 within."""
    zone = np.zeros(hw, np.uint8)
    cv2.fillConvexPoly(zone, np.round(corners).astype(np.int32), 1)
    return zone.astype(np.float32)


def _hand(classes: Classes, arm: Arm, px_per_mm: float) -> tuple[np.ndarray, tuple[int, int]]:
    """Skin beyond the wrist, and what is held there: a matte and where it lies."""
    reach = OBJECT_REACH_MM * px_per_mm
    (x0, y0), box = _box_around(np.array([arm.knuckles - reach, arm.knuckles + reach]), classes.skin.shape)
    skin, face, other = (matte[box] for matte in (classes.skin, classes.face, classes.other))
    rows, columns = skin.shape
    x, y = np.arange(x0, x0 + columns, dtype=np.float32), np.arange(y0, y0 + rows, dtype=np.float32)[:, None]
    ahead = _unit(0.6 * _unit(arm.knuckles - arm.wrist) + 0.4 * _unit(arm.wrist - arm.elbow))
    along_mm = ((x - arm.wrist[0]) * ahead[0] + (y - arm.wrist[1]) * ahead[1]) / px_per_mm
    away_mm = np.hypot(x - arm.knuckles[0], y - arm.knuckles[1]) / px_per_mm
    beyond_cuff = np.clip((along_mm - CUFF_PAST_WRIST_MM) / 8.0, 0.0, 1.0)
    bare = (skin + face) * np.clip((HAND_REACH_MM - away_mm) / 20.0, 0.0, 1.0)
    held = other * np.clip((OBJECT_REACH_MM - away_mm) / 20.0, 0.0, 1.0)
    seen = (bare + held) * beyond_cuff
    sure_cm2 = float((seen > _SURELY).sum()) / (10.0 * px_per_mm) ** 2
    low, high = _HAND_CM2
    is_hand = np.float32(np.clip((sure_cm2 - low) / (high - low), 0.0, 1.0))
    return steepen(seen, low=_HAND[0], high=_HAND[1]) * is_hand, (x0, y0)


def _box_around(points: np.ndarray, hw: tuple[int, int]) -> tuple[tuple[int, int], tuple[slice, slice]]:
    """The whole pixels around points (N, 2) within the frame, perhaps none: top left corner and slices."""
    x0, y0 = np.clip(np.floor(points.min(0)), 0, hw[::-1]).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points.max(0)) + 1, 0, hw[::-1]).astype(int).tolist()
    return (x0, y0), (slice(y0, y1), slice(x0, x1))


def _crop(matte: np.ndarray, xy: tuple[int, int], landmarks: tuple[int, ...]) -> _Cutting | None:
    """What there is in a matte whose top left corner lies at `xy`; None when there is nothing."""
    if min(matte.shape) < 2:
        return None
    x, y, w, h = cv2.boundingRect((matte > 0.05).view(np.uint8))
    if w < 2 or h < 2:
        return None
    height, width = matte.shape
    x0, y0, x1, y1 = max(x - 2, 0), max(y - 2, 0), min(x + w + 2, width), min(y + h + 2, height)
    cut = np.ascontiguousarray(matte[y0:y1, x0:x1])
    return _Cutting(matte=cut, xy=(xy[0] + x0, xy[1] + y0), landmarks=landmarks)


def _carry(cutting: _Cutting | None, then: Pose, now: Pose, *, onto: np.ndarray) -> None:
    """Lay a cutting on a matte of the later frame, float32 (H, W), where it is not more already."""
    if cutting is None:
        return
    which = list(cutting.landmarks)
    matrix = similarity(then.xy[which], now.xy[which])
    matrix[:, 2] += matrix[:, :2] @ np.array(cutting.xy, float)
    height, width = cutting.matte.shape
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ matrix[:, :2].T + matrix[:, 2]
    x0, y0 = np.maximum(np.floor(corners.min(0)) - 1, 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 2, onto.shape[::-1]).astype(int)
    if x1 <= x0 or y1 <= y0:
        return
    matrix[:, 2] -= (x0, y0)
    box, size = (slice(y0, y1), slice(x0, x1)), (int(x1 - x0), int(y1 - y0))
    onto[box] = cv2.max(onto[box], cv2.warpAffine(cutting.matte, matrix, size, flags=cv2.INTER_LINEAR))


def _snap_reach_px(pose: Pose) -> int:
    """How far a matte's edge may be off: the parsing's grid is coarse, and coarser on a person who fills the frame."""
    shoulders = pose.xy[at.LEFT_SHOULDER] - pose.xy[at.RIGHT_SHOULDER]
    return int(np.clip(0.04 * float(np.hypot(*shoulders)), 4, 48))


def _snap(matte: np.ndarray, frame: np.ndarray, *, reach_px: int, shrink: int, against_all: bool = False) -> np.ndarray:
    """Guided filter on the part of the frame where there is something to refine. `against_all` has the matte told from
    the whole picture's colours, not from those around it alone.

    The result is pulled in a little: a rim of skin that is lost is not missed, a rim of the old shirt is seen.
    """
    x, y, w, h = cv2.boundingRect((matte > 0.02).view(np.uint8))
    if w < 4 or h < 4:
        return matte
    height, width = matte.shape
    margin = reach_px + 2
    # Even sizes, which are halved several times as fast as odd ones.
    x0, y0 = max(x - margin, 0) // 2 * 2, max(y - margin, 0) // 2 * 2
    x1, y1 = min((x + w + margin + 1) // 2 * 2, width), min((y + h + margin + 1) // 2 * 2, height)
    box = (slice(y0, y1), slice(x0, x1))
    snapped = np.zeros_like(matte)
    guide = contrast(frame, matte, box=box) if against_all else contrast(frame[box], matte[box])
    # Between skin and a shirt of nearly its colour the contrast is mostly the camera's grain, which would eat the rim.
    guide = cv2.GaussianBlur(guide, (5, 5), _GRAIN_PX)
    refined = refine(matte[box], guide, radius_px=reach_px, eps=1e-3, shrink=shrink)
    snapped[box] = steepen(refined, low=0.25, high=0.85)
    return snapped


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _int(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
