"""Finds one person's landmarks and silhouette in a stream of frames.

Owns MediaPipe's pose landmarker and its life; must not know sessions, smoothing or what the pose is for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import vision

from models.tasks import base_options, let_go_with
from utils.errors import CapacityError, ConfigError, DeviceError
from utils.pose import Pose

_LONG_SIDE_PX = 1920  # the network looks at 256 x 256 around the person: more only costs
_NOBODY = np.full((64, 64, 3), 128, np.uint8)


@dataclass(frozen=True)
class Found:
    """Somebody in a frame."""

    pose: Pose
    mask: np.ndarray
    """float32 (H, W) in [0, 1]: the person's silhouette."""


class PoseFinder:
    """Follows one person from frame to frame. One stream at a time, one call at a time, from any thread.

    While it follows somebody it looks where they were last; it searches the whole frame only when it has lost them.
    """

    def __init__(self, weights_path: str | Path) -> None:
        """Load the network: as long as five frames take, and 80 MB. A PosePool spares both.

        Raises:
            ConfigError: weights_unusable, if the file is missing or not a pose bundle.
        """
        options = vision.PoseLandmarkerOptions(
            base_options=base_options(weights_path),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=1,  # a second one costs two thirds more, whether or not there is anybody
            output_segmentation_masks=True,
        )
        try:
            self._landmarker = vision.PoseLandmarker.create_from_options(options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError("weights_unusable", "the pose weights cannot be loaded") from error
        self._let_go = let_go_with(self, self._landmarker)
        self._busy = threading.Lock()
        self._given_ms = 0.0  # the time of the last frame on its own stream's clock
        self._last_ms = 0  # the same on the tracker's, which never turns back

    def find(self, rgb: np.ndarray, *, at_ms: float) -> Found | None:
        """Find the person in uint8 RGB (H, W, 3) taken at `at_ms`, None if there is nobody.

        `at_ms` may be any clock; one that stands still or turns back is taken to have gone on by a millisecond.

        Raises:
            DeviceError: pose_failed.
        """
        if not self._busy.acquire(blocking=False):
            raise RuntimeError("a PoseFinder serves one call at a time")
        try:
            if not self._let_go.alive:
                raise RuntimeError("this PoseFinder is closed")
            return self._find(rgb, at_ms)
        finally:
            self._busy.release()

    def reset(self) -> None:
        """Forget who was followed; costs one frame."""
        self.find(_NOBODY, at_ms=0.0)

    def close(self) -> None:
        """Give the network back; harmless when repeated."""
        with self._busy:
            self._let_go()

    def _find(self, rgb: np.ndarray, at_ms: float) -> Found | None:
        # The tracker refuses a timestamp that is not later than the one before, and it steadies by the time between: it
        # would follow the next stream by inches, were that stream's clock taken to stand still until it catches up.
        self._last_ms += max(1, round(at_ms - self._given_ms))
        self._given_ms = at_ms
        hw = rgb.shape[:2]
        shrink = _LONG_SIDE_PX / max(hw)
        if shrink < 1.0:
            rgb = cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        try:
            image = mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(rgb))
            result = self._landmarker.detect_for_video(image, self._last_ms)
        except (ValueError, RuntimeError) as error:
            raise DeviceError("pose_failed", "the pose network failed on this frame") from error
        if not result.pose_landmarks:
            return None
        mask = result.segmentation_masks[0].numpy_view()[..., 0]
        # A view points into memory that goes with the result: copy it, one way or the other.
        mask = mask.copy() if mask.shape == hw else cv2.resize(mask, hw[::-1], interpolation=cv2.INTER_LINEAR)
        return Found(_pose(result.pose_landmarks[0], hw), mask)


class PosePool:
    """Lends finders to streams and keeps them warm in between. May be used from any thread."""

    def __init__(self, weights_path: str | Path, *, most: int = 16, spare: int = 2) -> None:
        """At most `most` are lent at once; of those that come back `spare` are kept."""
        self._weights_path = weights_path
        self._most = most
        self._spare = spare
        self._idle: list[PoseFinder] = []
        self._lent = 0
        self._closed = False
        self._lock = threading.Lock()

    def lend(self) -> LentFinder:
        """A finder that follows nobody. Closing it gives it back.

        Raises:
            CapacityError: too_many_people, if all of them are lent.
            ConfigError: weights_unusable.
        """
        with self._lock:
            if self._closed or self._lent >= self._most:
                raise CapacityError("too_many_people", "as many people are followed as this server can follow")
            self._lent += 1
            finder = self._idle.pop() if self._idle else None
        try:
            return LentFinder(finder or PoseFinder(self._weights_path), self._take_back)
        except ConfigError:
            with self._lock:
                self._lent -= 1
            raise

    def make(self) -> LentFinder:
        """A finder of its own that has never seen anybody, and is not kept (80 ms and more).

        Raises:
            ConfigError: weights_unusable.
        """
        return LentFinder(PoseFinder(self._weights_path), _close_aside)

    def close(self) -> None:
        """Close what is idle; what is lent is closed when it comes back. Harmless when repeated."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for finder in idle:
            finder.close()

    def _take_back(self, finder: PoseFinder) -> None:
        try:
            finder.reset()  # or the next stream would be searched where this one's person was
            usable = True
        except DeviceError:
            usable = False
        with self._lock:
            self._lent -= 1
            keep = usable and not self._closed and len(self._idle) < self._spare
            if keep:
                self._idle.append(finder)
        if not keep:
            finder.close()


class LentFinder:
    """A finder out of a pool."""

    def __init__(self, finder: PoseFinder, give_back: Callable[[PoseFinder], None]) -> None:
        self._finder: PoseFinder | None = finder
        self._give_back = give_back

    def find(self, rgb: np.ndarray, *, at_ms: float) -> Found | None:
        """As PoseFinder.find."""
        if self._finder is None:
            raise RuntimeError("this PoseFinder was given back")
        return self._finder.find(rgb, at_ms=at_ms)

    def close(self) -> None:
        """Give it back; harmless when repeated."""
        finder, self._finder = self._finder, None
        if finder is not None:
            self._give_back(finder)


def _close_aside(finder: PoseFinder) -> None:
    """Close without keeping anybody waiting: on a network that swallows MediaPipe's usage report it takes seconds."""
    threading.Thread(target=finder.close, name="pose-close", daemon=True).start()


def _pose(landmarks: list, hw: tuple[int, int]) -> Pose:
    height, width = hw
    rows = np.array([(mark.x, mark.y, mark.z, mark.visibility) for mark in landmarks], np.float32)
    return Pose(
        xy=rows[:, :2] * np.array([width, height], np.float32),
        z=rows[:, 2] * np.float32(width),
        visibility=np.clip(rows[:, 3], 0.0, 1.0),
    )
