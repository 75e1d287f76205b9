"""Moving pictures of people as a kiosk's camera would send them, encoded before any clock runs.

Owns the photos, the motion and the camera's noise; must not know servers or what is measured.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

from utils.images import CAPTURE_LIMITS, read_image, write_image

HW = (480, 640)
FPS = 30
LOOP_S = 4.0
NOISE = 3.0
"""Standard deviation of the camera's noise in each channel, 0-255."""
_JPEG_QUALITY = 85
_ZOOM, _SWAY, _ROLL = 0.025, 0.03, 1.2  # share of the size, share of the width, degrees
_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def load_people(folder: Path | None) -> dict[str, np.ndarray]:
    """Photos by file name, uint8 (H, W, 3) RGB; the astronaut where there is no folder."""
    if folder is None:
        return {"astronaut": np.ascontiguousarray(astronaut())}
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no photos in {folder}")
    return {path.name: read_image(path.read_bytes(), limits=CAPTURE_LIMITS) for path in files}


def film(photo: np.ndarray, *, turn: float, noise: np.random.Generator, hw: tuple[int, int] = HW) -> np.ndarray:
    """The photo as a camera sees it at `turn` in [0, 1) of one slow sway: uint8 (H, W, 3)."""
    phase = 2 * math.pi * turn
    view = framed(photo.shape[:2], hw)
    lean = cv2.getRotationMatrix2D((hw[1] / 2, hw[0] / 2), _ROLL * math.sin(phase), 1 + _ZOOM * math.sin(2 * phase))
    lean[0, 2] += _SWAY * hw[1] * math.sin(phase)
    move = (np.vstack([lean, [0, 0, 1]]) @ np.vstack([view, [0, 0, 1]]))[:2]
    return take(photo, move, noise=noise, hw=hw)


def framed(photo_hw: tuple[int, int], hw: tuple[int, int] = HW) -> np.ndarray:
    """(2, 3) from the photo's pixels to a frame that shows all of its height; its middle stands in the middle."""
    scale = hw[0] / photo_hw[0]
    return np.array([[scale, 0, (hw[1] - scale * photo_hw[1]) / 2], [0, scale, 0]])


def take(photo: np.ndarray, move: np.ndarray, *, noise: np.random.Generator, hw: tuple[int, int] = HW) -> np.ndarray:
    """One noisy exposure, uint8 (H, W, 3), of the photo moved by (2, 3); beyond its edges their colours go on."""
    shrinking = math.hypot(*move[:, 0]) < 0.7
    photo = cv2.GaussianBlur(photo, (0, 0), 0.4 / math.hypot(*move[:, 0])) if shrinking else photo
    clean = cv2.warpAffine(photo, move, hw[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grain = noise.standard_normal(clean.shape, np.float32) * np.float32(NOISE)
    return np.clip(clean + grain + np.float32(0.5), 0, 255).astype(np.uint8)


def camera_loop(folder: Path | None, *, seconds: float = LOOP_S, seed: int = 1) -> list[bytes]:
    """JPEGs at FPS frames a second that can be played over and over: each photo moves for `seconds`."""
    noise = np.random.default_rng(seed)
    count = max(2, round(seconds * FPS))
    return [
        write_image(film(photo, turn=index / count, noise=noise), format="jpeg", quality=_JPEG_QUALITY)
        for photo in load_people(folder).values()
        for index in range(count)
    ]
