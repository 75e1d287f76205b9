"""Says what each pixel of a person is: hair, skin, clothes.

Owns MediaPipe's multiclass segmenter, the crop that it looks at and the way back to the frame; must not know poses,
sessions or garments.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import vision

from models.tasks import base_options, let_go_with
from utils.errors import ConfigError, DeviceError

CATEGORIES = ("background", "hair", "body_skin", "face_skin", "clothes", "other")
"""In the order of the network's outputs; "other" is what is worn or held but is no cloth."""

SIDE = 256
"""What the network looks at is SIDE x SIDE."""


@dataclass(frozen=True)
class Crop:
    """The part of a frame that is parsed, and where it was."""

    rgb: np.ndarray
    """uint8 (SIDE, SIDE, 3)."""
    box_xyxy: tuple[float, float, float, float]
    """Pixels of the frame."""
    hw: tuple[int, int]
    """Of the frame."""


@dataclass(frozen=True)
class Parsing:
    """Soft categories of one crop of one frame."""

    soft: np.ndarray
    """float32 (6, SIDE, SIDE): confidence per category, adding up to 1."""
    box_xyxy: tuple[float, float, float, float]
    """Where the crop was, pixels of the frame."""
    hw: tuple[int, int]
    """Of the frame."""

    @functools.cached_property
    def categories(self) -> np.ndarray:
        """uint8 (SIDE, SIDE): index into CATEGORIES."""
        return self.soft.argmax(axis=0).astype(np.uint8)

    def mask(self, *names: str, hw: tuple[int, int] | None = None, carry: np.ndarray | None = None) -> np.ndarray:
        """The sum of these CATEGORIES as float32 (H, W) of the frame; what lies outside the crop is background.

        `hw` asks for another size of the same picture. `carry`, float (2, 3), moves the frame's pixels on to a later
        frame (before any change of size).
        """
        chosen = self.soft[[CATEGORIES.index(name) for name in names]]
        plane = chosen[0] if len(chosen) == 1 else chosen.sum(axis=0)
        outside = 1.0 if "background" in names else 0.0
        height, width = hw or self.hw
        return cv2.warpAffine(
            plane,
            self._to_frame(hw or self.hw, carry),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=outside,
        )

    def _to_frame(self, hw: tuple[int, int], carry: np.ndarray | None) -> np.ndarray:
        """(2, 3) from the crop's pixel centres to those of a frame of size `hw`."""
        x0, y0, x1, y1 = self.box_xyxy
        sx, sy = (x1 - x0) / SIDE, (y1 - y0) / SIDE
        place = np.array([[sx, 0, x0 + 0.5 * sx - 0.5], [0, sy, y0 + 0.5 * sy - 0.5], [0, 0, 1]])
        if carry is not None:
            place = np.vstack([carry, [0, 0, 1]]) @ place
        ky, kx = hw[0] / self.hw[0], hw[1] / self.hw[1]
        return (np.array([[kx, 0, 0.5 * kx - 0.5], [0, ky, 0.5 * ky - 0.5], [0, 0, 1]]) @ place)[:2]


def crop(rgb: np.ndarray, *, box: tuple[float, float, float, float] | None = None) -> Crop:
    """Cut the smallest square around `box` (x0, y0, x1, y1) out of uint8 RGB (H, W, 3), or take all of it.

    The square is moved into the frame where it fits, and cut off where it does not.
    """
    height, width = rgb.shape[:2]
    x0, y0, x1, y1 = _square(box, (height, width)) if box is not None else (0, 0, width, height)
    patch = rgb[y0:y1, x0:x1]
    return Crop(
        cv2.resize(patch, (SIDE, SIDE), interpolation=cv2.INTER_AREA),
        (float(x0), float(y0), float(x1), float(y1)),
        (height, width),
    )


def _square(box: tuple[float, float, float, float], hw: tuple[int, int]) -> tuple[int, int, int, int]:
    side = max(box[2] - box[0], box[3] - box[1], 32.0)
    spans = []
    for low, high, limit in ((box[0], box[2], hw[1]), (box[1], box[3], hw[0])):
        length = min(round(side), limit)
        start = min(max(round((low + high - length) / 2), 0), limit - length)
        spans.append((start, start + length))
    (x0, x1), (y0, y1) = spans
    return x0, y0, x1, y1


class Parser:
    """The network. Calls from several threads wait for each other."""

    def __init__(self, weights_path: str | Path) -> None:
        """Load the network.

        Raises:
            ConfigError: weights_unusable, if the file is missing or not a segmenter.
        """
        options = vision.ImageSegmenterOptions(
            base_options=base_options(weights_path),
            output_confidence_masks=True,
            output_category_mask=False,
        )
        try:
            self._segmenter = vision.ImageSegmenter.create_from_options(options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError("weights_unusable", "the parsing weights cannot be loaded") from error
        self._let_go = let_go_with(self, self._segmenter)
        self._busy = threading.Lock()

    def parse(self, rgb: np.ndarray, *, box: tuple[float, float, float, float] | None = None) -> Parsing:
        """Parse uint8 RGB (H, W, 3), or the square around `box` (x0, y0, x1, y1) of it.

        Raises:
            DeviceError: parsing_failed.
        """
        return self.parse_crop(crop(rgb, box=box))

    def parse_crop(self, piece: Crop) -> Parsing:
        """Parse what `crop` cut out.

        Raises:
            DeviceError: parsing_failed.
        """
        with self._busy:
            if not self._let_go.alive:
                raise DeviceError("parsing_failed", "the parsing network is closed")
            try:
                result = self._segmenter.segment(mp.Image(mp.ImageFormat.SRGB, piece.rgb))
            except (ValueError, RuntimeError) as error:
                raise DeviceError("parsing_failed", "the parsing network failed on this frame") from error
        soft = np.stack([plane.numpy_view()[..., 0] for plane in result.confidence_masks])
        return Parsing(soft, piece.box_xyxy, piece.hw)

    def close(self) -> None:
        """Give the network back; harmless when repeated."""
        with self._busy:
            self._let_go()
