"""What one session sees: a steady pose in every frame, and a parsing that is never far behind.

Owns the smoothing, the notice of a new person and the timing of the parsing; must not know garments or the wire.
The parsing runs in the one thread of a ParsingDesk, which all sessions share; the rest in the caller's thread.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.parsing import Crop, Parser, Parsing, crop
from models.pose import PoseFinder
from utils import pose as joints
from utils.pose import Pose
from utils.smoothing import OneEuro, Settling

log = logging.getLogger(__name__)

_MIN_CUTOFF_HZ = 1.2  # tuned at rest, see tests/test_perception.py
_BETA = 8.0  # Hz per body unit and second
_UNSEEN_SETTLES_S = 0.3
_ABSENT_MS = 700.0  # who comes back later than this is somebody else
_PARSE_EVERY_MS = 200.0
_STREAM_GAP_MS = 600.0  # a parsing older than this is no use: rather wait for one


@dataclass(frozen=True)
class Percept:
    """What is known about the person in one frame."""

    pose: Pose
    """Steadied."""
    raw_pose: Pose
    """As measured in this frame alone."""
    mask: np.ndarray | None
    """float32 (H, W): the silhouette in this frame; None when the landmarks came from outside and nothing is parsed."""
    parsing: Parsing | None
    """The newest parsing of this person; None before the first."""
    parsing_pose: Pose | None
    """The steadied pose in the frame that was parsed: what lets `parsing` be carried along."""
    parsing_age_ms: float | None
    """How long before this frame the parsed one was taken."""
    is_new_person: bool
    """True in the first frame of somebody: whatever was remembered about the person before is void."""


class ParsingDesk:
    """One parser and one thread for all sessions. A session has at most one job waiting, its newest; turns are fair."""

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self._waiting: OrderedDict[object, tuple[Crop, Callable[[Parsing], None]]] = OrderedDict()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None  # started by the first job
        self._closed = False

    def submit(self, customer: object, piece: Crop, *, done: Callable[[Parsing], None]) -> None:
        """Have `piece` parsed; `done` is called in the desk's thread. Takes the place of a job that still waits."""
        with self._changed:
            if self._closed:
                return
            self._waiting[customer] = (piece, done)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="parsing", daemon=True)
                self._thread.start()
            self._changed.notify()

    def withdraw(self, customer: object) -> None:
        """Forget the customer's waiting job."""
        with self._changed:
            self._waiting.pop(customer, None)

    def close(self) -> None:
        """End the thread after the job under way, forget the rest, close the parser. Harmless when repeated."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self.parser.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                _, (piece, done) = self._waiting.popitem(last=False)
            try:
                done(self.parser.parse_crop(piece))
            except Exception:
                log.exception("a parsing failed; its session goes on with the one before")


class Perception:
    """One session's eyes. One call at a time, from any thread."""

    def __init__(self, find_poses: Callable[[], PoseFinder] | None, desk: ParsingDesk | None) -> None:
        """`find_poses` is asked for a finder when the first frame without landmarks comes. Either may be missing."""
        self._find_poses = find_poses
        self._desk = desk
        self._finder: PoseFinder | None = None
        self._steady = OneEuro(min_cutoff_hz=_MIN_CUTOFF_HZ, beta=_BETA)
        self._unseen = Settling(time_s=_UNSEEN_SETTLES_S)
        self._last_raw: Pose | None = None
        self._last_ms = -np.inf
        self._parsed = _Parsed()
        self._submitted_ms = -np.inf

    def look(
        self, rgb: np.ndarray, *, at_ms: float, landmarks: Pose | None = None, wait_parsing: bool = False
    ) -> Percept | None:
        """Perceive uint8 RGB (H, W, 3) taken at `at_ms` (any clock, one per session); None if nobody is there.

        `landmarks` are taken instead of the finder's. `wait_parsing` has this very frame parsed before it returns.

        Raises:
            DeviceError: pose_failed, parsing_failed.
        """
        raw, mask = self._measure(rgb, at_ms, landmarks)
        if raw is None:
            return None
        gap_ms = at_ms - self._last_ms
        is_new = self._last_raw is None or gap_ms > _ABSENT_MS or _jumped(self._last_raw, raw, gap_ms)
        if is_new:
            self._forget()
        self._last_raw, self._last_ms = raw, at_ms
        pose = self._steadied(raw, at_ms)
        self._have_parsed(rgb, pose, at_ms, now=wait_parsing or is_new or gap_ms > _STREAM_GAP_MS)
        parsing, parsing_pose, parsed_ms = self._parsed.newest
        if mask is None and parsing is not None:
            mask = 1.0 - parsing.mask("background", carry=carry(parsing_pose, pose))
        age_ms = at_ms - parsed_ms if parsing is not None else None
        return Percept(pose, raw, mask, parsing, parsing_pose, age_ms, is_new)

    def close(self) -> None:
        """Give back the finder and withdraw from the desk. Harmless when repeated."""
        self._forget()
        if self._finder is not None:
            self._finder.close()
            self._finder = None

    def _measure(self, rgb: np.ndarray, at_ms: float, landmarks: Pose | None) -> tuple[Pose | None, np.ndarray | None]:
        if landmarks is not None:
            return landmarks, None
        if self._find_poses is None:
            return None, None
        if self._finder is None:
            self._finder = self._find_poses()
        found = self._finder.find(rgb, at_ms=at_ms)
        return (found.pose, found.mask) if found else (None, None)

    def _steadied(self, raw: Pose, at_ms: float) -> Pose:
        """Seen landmarks through One Euro; the others settle slowly around the middle of the shoulders."""
        at_s = at_ms / 1e3
        seen = raw.visibility >= joints.VISIBLE
        unit = _body_unit(raw)
        values = np.column_stack([raw.xy, raw.z])
        steady = self._steady.step(values, at_s, seen=seen, unit=unit)
        shoulders = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
        around = (values - values[shoulders].mean(axis=0)) / unit
        settled = self._unseen.step(around, at_s) * unit + steady[shoulders].mean(axis=0)
        out = np.where(seen[:, None], steady, settled).astype(np.float32)
        return Pose(xy=out[:, :2], z=out[:, 2], visibility=raw.visibility)

    def _have_parsed(self, rgb: np.ndarray, pose: Pose, at_ms: float, *, now: bool) -> None:
        if self._desk is None or not (now or at_ms - self._submitted_ms >= _PARSE_EVERY_MS):
            return
        self._submitted_ms = at_ms
        piece = crop(rgb, box=dressed_box(pose))
        parsed = self._parsed
        if now:
            self._desk.withdraw(self)
            parsed.take(self._desk.parser.parse_crop(piece), pose, at_ms)
        else:
            self._desk.submit(self, piece, done=lambda parsing: parsed.take(parsing, pose, at_ms))

    def _forget(self) -> None:
        if self._desk is not None:
            self._desk.withdraw(self)
        self._steady.reset()
        self._unseen.reset()
        self._last_raw = None
        self._parsed = _Parsed()  # a result that is still under way goes to the old one, which nobody reads
        self._submitted_ms = -np.inf


class _Parsed:
    """Where the newest parsing of one person is put down by one thread and picked up by another."""

    def __init__(self) -> None:
        self.newest: tuple[Parsing | None, Pose | None, float] = (None, None, -np.inf)
        self._lock = threading.Lock()

    def take(self, parsing: Parsing, pose: Pose, at_ms: float) -> None:
        with self._lock:
            if at_ms > self.newest[2]:
                self.newest = (parsing, pose, at_ms)


def dressed_box(pose: Pose) -> tuple[float, float, float, float]:
    """The box (x0, y0, x1, y1) in pixels from above the hair to below a jacket's hem, with the hands."""
    unit = _body_unit(pose)
    upper = pose.xy[: joints.RIGHT_HIP + 1]
    trusted = pose.visibility[: joints.RIGHT_HIP + 1] >= 0.3
    trusted[[joints.NOSE, joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]] = True
    x0, y0 = upper[trusted].min(axis=0) - np.array([0.5 * unit, 0.8 * unit])
    x1, y1 = upper[trusted].max(axis=0) + np.array([0.5 * unit, 0.7 * unit])
    return float(x0), float(y0), float(x1), float(y1)


def carry(before: Pose, after: Pose) -> np.ndarray:
    """float64 (2, 3): the shift, turn and scale of head and torso from one pose to the other, in pixels."""
    rows = [joints.NOSE, joints.LEFT_EAR, joints.RIGHT_EAR, joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
    rows += [row for row in (joints.LEFT_HIP, joints.RIGHT_HIP) if before.seen(row) and after.seen(row)]
    a, b = (p.xy[rows].astype(np.float64) @ (1, 1j) for p in (before, after))
    a_mid, b_mid = a.mean(), b.mean()
    turn = np.vdot(a - a_mid, b - b_mid) / max(np.vdot(a - a_mid, a - a_mid).real, 1e-9)
    shift = b_mid - turn * a_mid
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def _body_unit(pose: Pose) -> float:
    """About a shoulder width in pixels, also when the person turns sideways."""
    left, right, nose = pose.xy[[joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER, joints.NOSE]]
    return float(max(np.linalg.norm(left - right), 1.2 * np.linalg.norm(nose - (left + right) / 2), 1.0))


def _jumped(before: Pose, after: Pose, gap_ms: float) -> bool:
    """Whether nobody could have moved or grown like this in `gap_ms`."""
    shoulders = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]
    old, new = _body_unit(before), _body_unit(after)
    way = np.linalg.norm(after.xy[shoulders].mean(axis=0) - before.xy[shoulders].mean(axis=0))
    seconds = max(gap_ms, 0.0) / 1e3
    return bool(way > (0.8 + 5.0 * seconds) * min(old, new) or max(old, new) > (1.4 + 2.0 * seconds) * min(old, new))
