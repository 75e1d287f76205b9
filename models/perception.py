"""What one session sees: a steady pose in every frame, and a parsing that is never far behind.

Owns the notice of a new person, where to watch her move and when to parse; must not know garments, the wire or a clock.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from models.parsing import Parsing, crop
from models.parsing_desk import ParsingDesk
from models.pose import Found
from models.steadier import Steadier, body_unit
from utils import pose as joints
from utils.errors import DeviceError
from utils.flow import SIDE_PX, STANDSTILL, Flow, Motion
from utils.pose import Pose

log = logging.getLogger(__name__)

_SHOULDERS = (joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER)
_SURELY = 0.8
_ARM_UNITS = 0.3
_TRUNK_GROWS = 1.15  # from the joints to the outline of shoulders and hips
_RIM = np.ones((5, 5), np.uint8)

_FIRST_LOOKS, _STEADY_LOOKS, _LOOK_MS = 15, 4, 33.0
_ABSENT_MS = 700.0  # who comes back to an empty picture later than this is somebody else
_FORGOTTEN_MS = 5000.0  # and so is who is seen in a stream that had stopped
_PATIENCE_S = 0.3  # a live frame waits for its parsing no longer
_STILL_PATIENCE_S = 20.0
_PARSE_EVERY_MS = 250.0
_PARSE_RESTING_MS = 800.0  # while nothing moves
_RESTING_UNITS = 0.04
_TOO_OLD_MS = 600.0  # of a stream this slow the last parsing is no use: rather wait for a new one


@dataclass(frozen=True)
class Percept:
    """What is known about the person in one frame."""

    pose: Pose
    """Steadied. Landmarks below joints.VISIBLE are plausible places, not measurements."""
    raw_pose: Pose
    """As measured in this frame alone."""
    mask: np.ndarray | None
    """float32 (H, W): the silhouette in this frame; None when landmarks came from outside and nothing is parsed yet."""
    parsing: Parsing | None
    """The newest parsing of this person; None before the first."""
    parsing_pose: Pose | None
    """The steadied pose in the frame that was parsed: what lets `parsing` be carried along."""
    parsing_age_ms: float | None
    """How long before this frame the parsed one was taken."""
    is_new_person: bool
    """True in somebody's first frame: whatever was remembered about the person before is void."""


class Finder(Protocol):
    """A PoseFinder, or one lent by a pool."""

    def find(self, rgb: np.ndarray, *, at_ms: float) -> Found | None: ...

    def close(self) -> None: ...


class Perception:
    """One session's eyes. One call at a time, from any thread."""

    def __init__(self, lend: Callable[[], Finder] | None, desk: ParsingDesk | None) -> None:
        """`lend` is called for a finder when the first frame without landmarks comes. Either may be missing."""
        self._lend = lend
        self._desk = desk
        self._finder: Finder | None = None
        self._steadier = Steadier()
        self._flow = Flow()
        self._last: tuple[Pose, tuple[int, int], float] | None = None  # raw pose, hw, at_ms; None while nobody is known
        self._parsed = _Parsed()
        self._empty_since_seen = False  # whether a frame without anybody has come since the last with somebody
        self._asked_ms = -math.inf  # when the last frame was taken that was given to parsing

    def look(
        self, rgb: np.ndarray, *, at_ms: float, landmarks: Pose | None = None, wait_parsing: bool = False
    ) -> Percept | None:
        """Perceive uint8 RGB (H, W, 3) taken at `at_ms` (any clock, the same in all calls); None if nobody is there.

        `landmarks` are taken instead of the finder's. `wait_parsing` has this very frame parsed before it returns; so
        have a person's first frame, and every frame of a slow stream.

        Raises:
            DeviceError: pose_failed; parsing_failed, if it was waited for.
            CapacityError: too_many_people.
        """
        raw, mask = self._measure(rgb, at_ms, landmarks)
        if raw is None:
            self._empty_since_seen = True
            self._flow.reset()
            return None
        hw = rgb.shape[:2]
        is_new = self._is_new(raw, hw, at_ms)
        if is_new:
            self._forget()
            if mask is not None:
                raw, mask = self._look_again(rgb, at_ms) or (raw, mask)
        gap_ms = at_ms - self._last[2] if self._last else math.inf
        self._last, self._empty_since_seen = (raw, hw, at_ms), False
        motion = self._follow(rgb, raw, mask)
        pose = self._steadier.step(raw, at_ms, motion=STANDSTILL if is_new and mask is not None else motion)
        # Waiting is worth it for a new person, and on a slow stream as long as nobody else waits for the parser.
        slow = gap_ms > _TOO_OLD_MS and self._desk is not None and self._desk.quiet()
        self._have_parsed(rgb, pose, at_ms, wait=wait_parsing, at_once=wait_parsing or is_new or slow)
        parsing, parsing_pose, parsed_ms = self._parsed.newest
        # The tracker looks at all of the frame, parsing at her alone: of the same frame it knows the outline better.
        if parsing is not None and (mask is None or parsed_ms == at_ms):
            mask = 1.0 - parsing.mask("background", carry=carry(parsing_pose, pose))
        age_ms = at_ms - parsed_ms if parsing is not None else None
        return Percept(pose, raw, mask, parsing, parsing_pose, age_ms, is_new)

    def close(self) -> None:
        """Give the finder back and withdraw from the desk. Harmless when repeated."""
        self._forget()
        if self._finder is not None:
            self._finder.close()
            self._finder = None

    def _measure(self, rgb: np.ndarray, at_ms: float, landmarks: Pose | None) -> tuple[Pose | None, np.ndarray | None]:
        if landmarks is not None or self._lend is None:
            return landmarks, None
        if self._finder is None:
            self._finder = self._lend()
        found = self._finder.find(rgb, at_ms=at_ms)
        return (found.pose, found.mask) if found else (None, None)

    def _look_again(self, rgb: np.ndarray, at_ms: float) -> tuple[Pose, np.ndarray | None] | None:
        """Somebody new, until the tracker has come to rest on her: from one look to the next it goes part of the way.

        The last looks are a film of somebody who does not move, and the steadying begins with it.
        """
        found = None
        for look in range(1, _FIRST_LOOKS):
            raw, mask = self._measure(rgb, at_ms + look * _LOOK_MS, None)
            if raw is None:
                return found
            found = raw, mask
            left = _FIRST_LOOKS - 1 - look
            if 0 < left < _STEADY_LOOKS:
                self._steadier.step(raw, at_ms - left * _LOOK_MS, motion=STANDSTILL)
        return found

    def _follow(self, rgb: np.ndarray, raw: Pose, mask: np.ndarray | None) -> Motion | None:
        """How the trunk has moved since the last frame; None where the picture does not tell."""
        if mask is None:
            self._flow.reset()
            return None
        motion = self._flow.follow(rgb)
        if self._flow.tired:
            self._flow.pick(*trunk_and_arms(raw, mask))
        return motion

    def _is_new(self, raw: Pose, hw: tuple[int, int], at_ms: float) -> bool:
        if self._last is None:
            return True
        before, before_hw, before_ms = self._last
        gap_ms = at_ms - before_ms
        absent = gap_ms > (_ABSENT_MS if self._empty_since_seen else _FORGOTTEN_MS)
        return absent or hw != before_hw or jumped(before, raw, gap_ms=min(gap_ms, _ABSENT_MS))

    def _have_parsed(self, rgb: np.ndarray, pose: Pose, at_ms: float, *, wait: bool, at_once: bool) -> None:
        if self._desk is None or not (at_once or self._is_due(pose, at_ms)):
            return
        if not at_once and self._desk.load() > 0:
            return  # a parsing fills a core: where many want one, each has to make do with an older one
        self._asked_ms = at_ms
        piece = crop(rgb, box=dressed_box(pose))
        parsed = self._parsed

        def take(parsing: Parsing) -> None:
            parsed.take(parsing, pose, at_ms)

        if not at_once:
            self._desk.submit(self, piece, done=take)
            return
        try:
            patience_s = _STILL_PATIENCE_S if wait else _PATIENCE_S
            if not self._desk.parse_now(self, piece, done=take, patience_s=patience_s) and wait:
                raise DeviceError("parsing_failed", "the parsing network is too busy")
        except DeviceError:
            if wait:
                raise

    def _is_due(self, pose: Pose, at_ms: float) -> bool:
        since_ms = at_ms - self._asked_ms
        parsed_pose = self._parsed.newest[1]
        resting = parsed_pose is not None and _largest_move(parsed_pose, pose) < _RESTING_UNITS
        return since_ms >= (_PARSE_RESTING_MS if resting else _PARSE_EVERY_MS)

    def _forget(self) -> None:
        if self._desk is not None:
            self._desk.withdraw(self)
        self._steadier = Steadier()
        self._flow.reset()
        self._last = None
        self._parsed = _Parsed()  # a result that is under way goes to the old one, which nobody reads any more
        self._asked_ms = -math.inf


class _Parsed:
    """Where the newest parsing of one person is put down by one thread and picked up by another."""

    def __init__(self) -> None:
        self.newest: tuple[Parsing | None, Pose | None, float] = (None, None, -math.inf)
        self._lock = threading.Lock()

    def take(self, parsing: Parsing, pose: Pose, at_ms: float) -> None:
        with self._lock:
            if at_ms > self.newest[2]:
                self.newest = (parsing, pose, at_ms)


def trunk_and_arms(pose: Pose, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (h, w) each, not 0 where trunk and arms surely are, shrunk; `mask` is the silhouette, float32 (H, W)."""
    shrink = min(1.0, SIDE_PX / max(mask.shape))
    wh = (max(1, round(mask.shape[1] * shrink)), max(1, round(mask.shape[0] * shrink)))
    inside = (cv2.resize(mask, wh, interpolation=cv2.INTER_AREA) > _SURELY).astype(np.uint8)
    # Corners on the outline belong half to what stands behind her.
    inside = cv2.erode(inside, _RIM, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    xy = pose.xy * shrink
    corners = xy[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER, joints.RIGHT_HIP, joints.LEFT_HIP]]
    middle = corners.mean(axis=0)
    trunk, arms = np.zeros_like(inside), np.zeros_like(inside)
    cv2.fillConvexPoly(trunk, np.round(middle + _TRUNK_GROWS * (corners - middle)).astype(np.int32), 1)
    bones = [np.round(xy[[arm, arm + 2, arm + 4]]).astype(np.int32) for arm in _SHOULDERS]
    cv2.polylines(arms, bones, False, 1, max(1, round(_ARM_UNITS * body_unit(pose) * shrink)))
    return trunk * inside, arms * inside * (1 - trunk)


def dressed_box(pose: Pose) -> tuple[float, float, float, float]:
    """The box (x0, y0, x1, y1) in pixels from above the hair to below a jacket's hem, with the hands."""
    unit = body_unit(pose)
    upper = slice(joints.NOSE, joints.RIGHT_HIP + 1)
    trusted = pose.visibility[upper] >= 0.3
    trusted[[joints.NOSE, joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]] = True
    points = pose.xy[upper][trusted]
    x0, y0 = points.min(axis=0) - np.array([0.5, 0.8]) * unit
    x1, y1 = points.max(axis=0) + np.array([0.5, 0.7]) * unit
    return float(x0), float(y0), float(x1), float(y1)


def carry(before: Pose, after: Pose) -> np.ndarray:
    """float64 (2, 3): the shift, turn and scale of head and torso from one pose to the other, in pixels.

    The least-squares similarity, with points as complex numbers.
    """
    rows = [joints.NOSE, joints.LEFT_EAR, joints.RIGHT_EAR, joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
    rows += [row for row in (joints.LEFT_HIP, joints.RIGHT_HIP) if before.seen(row) and after.seen(row)]
    a, b = (pose.xy[rows].astype(np.float64) @ (1, 1j) for pose in (before, after))
    a_middle, b_middle = a.mean(), b.mean()
    spread = np.vdot(a - a_middle, a - a_middle).real
    turn = np.vdot(a - a_middle, b - b_middle) / spread if spread > 1e-6 else 1.0 + 0.0j
    shift = b_middle - turn * a_middle
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def jumped(before: Pose, after: Pose, *, gap_ms: float) -> bool:
    """Whether nobody could have moved or grown like this in `gap_ms`: it is somebody else."""
    shoulders = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
    small, large = sorted((body_unit(before), body_unit(after)))
    way = np.linalg.norm(after.xy[shoulders].mean(axis=0) - before.xy[shoulders].mean(axis=0))
    gap_s = max(gap_ms, 0.0) / 1e3
    return bool(way > (0.8 + 5.0 * gap_s) * small or large > (1.4 + 2.0 * gap_s) * small)


def _largest_move(before: Pose, after: Pose) -> float:
    """Of landmarks that both trust, in body units."""
    both = np.minimum(before.visibility, after.visibility) >= joints.VISIBLE
    way = np.linalg.norm(after.xy - before.xy, axis=1)
    return float(way[both].max(initial=0.0)) / body_unit(after)
