"""A camera for browsers in tests: one real photo that sways and breathes, as a y4m file that Chromium plays in a loop.

Owns the file's format and the motion; must not know pages or servers.
"""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from skimage.data import astronaut

WH = (640, 480)
FPS = 15
SECONDS = 4


def write_camera(path: Path, *, seconds: float = SECONDS) -> Path:
    """Write the film to `path`. First and last frame meet, so that the loop has no jump."""
    photo = np.ascontiguousarray(astronaut())
    count = round(FPS * seconds)
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{WH[0]} H{WH[1]} F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for index in range(count):
            film.write(b"FRAME\n")
            film.write(cv2.cvtColor(frame_at(photo, index / count), cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


def frame_at(photo: np.ndarray, turn: float) -> np.ndarray:
    """RGB uint8 (480, 640, 3): the photo at `turn` in [0, 1) of one slow sway with two breaths."""
    scale = 1.36 * (1 + 0.012 * math.sin(4 * math.pi * turn))
    sway_px = 22 * math.sin(2 * math.pi * turn)
    across = WH[0] / 2 + sway_px - scale * photo.shape[1] * 0.455
    move = np.float32([[scale, 0, across], [0, scale, 0]])
    return cv2.warpAffine(photo, move, WH, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
