"""Finds one person's landmarks and silhouette in a stream of frames.

Owns MediaPipe's pose landmarker and its life; must not know sessions, smoothing or what the pose is for.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from pathlib import Path

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision

from utils.errors import ConfigError, DeviceError
from utils.pose import Pose


@dataclass(frozen=True)
class Found:
    """Somebody in a frame."""

    pose: Pose
    mask: np.ndarray
    """float32 (H, W) in [0, 1]: the person's silhouette."""


class PoseFinder:
    """Follows one person from frame to frame. One stream per finder; one call at a time."""

    def __init__(self, weights_path: str | Path) -> None:
        """Load the network (tens to hundreds of milliseconds).

        Raises:
            ConfigError: weights_unusable, if the file is missing or not a pose bundle.
        """
        options = vision.PoseLandmarkerOptions(
            base_options=BaseOptions(model_asset_path=str(weights_path)),
            running_mode=vision.RunningMode.VIDEO,
            num_poses=1,
            output_segmentation_masks=True,
        )
        try:
            landmarker = vision.PoseLandmarker.create_from_options(options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError("weights_unusable", "the pose weights cannot be loaded") from error
        self._landmarker = landmarker
        self._busy = threading.Lock()
        self._last_ms = -1
        # MediaPipe's own __del__ fails when the interpreter is already going down.
        self._finalizer = weakref.finalize(self, landmarker.close)

    def find(self, rgb: np.ndarray, *, at_ms: float) -> Found | None:
        """Find the person in uint8 RGB (H, W, 3) taken at `at_ms`, None if there is nobody.

        Raises:
            DeviceError: pose_failed.
        """
        if not self._busy.acquire(blocking=False):
            raise AssertionError("a PoseFinder serves one call at a time")
        try:
            # The tracker refuses a timestamp that is not later than the last one.
            self._last_ms = max(self._last_ms + 1, int(at_ms))
            image = mp.Image(mp.ImageFormat.SRGB, np.ascontiguousarray(rgb))
            result = self._landmarker.detect_for_video(image, self._last_ms)
        except (ValueError, RuntimeError) as error:
            raise DeviceError("pose_failed", "the pose network failed on this frame") from error
        finally:
            self._busy.release()
        if not result.pose_landmarks:
            return None
        # A view would point into memory that MediaPipe frees together with the result.
        mask = result.segmentation_masks[0].numpy_view()[..., 0].copy()
        return Found(_pose(result.pose_landmarks[0], rgb.shape[:2]), mask)

    def close(self) -> None:
        """Give the network back; harmless when repeated."""
        self._finalizer()


def _pose(landmarks: list, hw: tuple[int, int]) -> Pose:
    height, width = hw
    rows = np.array([(m.x, m.y, m.z, m.visibility) for m in landmarks], np.float32)
    return Pose(
        xy=rows[:, :2] * np.float32([width, height]),
        z=rows[:, 2] * np.float32(width),
        visibility=np.clip(rows[:, 3], 0.0, 1.0),
    )
