"""Photos that no material can be made of, each for one reason. Owns how they come about; must not know the scanner."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from bench.swatches import Rendered, render

_TINY_PX = 40
_BLUR = 0.009  # deviation, of the photo's width
_HW = 1200, 1600


def folded(seed: int, hw: tuple[int, int] = _HW) -> np.ndarray:
    """uint8 (H, W, 3): the cloth lies in waves, so that its lines bend and its sides are in the shade."""
    rendered = render(seed, reference="none", hw=hw)
    photo = rendered.photo
    h, w = photo.shape[:2]
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    wave = math.dist(*rendered.corners[[0, 2]]) / 3.5
    along = (x * np.float32(0.9) + y * np.float32(0.45)) / np.float32(wave) * np.float32(2 * math.pi)
    along += np.float32(1.2) * np.sin(y / np.float32(0.7 * wave)) + np.float32(rng.uniform(0.0, 6.0))
    push = np.float32(0.11 * wave) * np.sin(along)
    bent = cv2.remap(photo, x + push, y - push, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillConvexPoly(inside, np.rint(rendered.corners).astype(np.int32), 255)
    inside = cv2.remap(inside, x + push, y - push, cv2.INTER_LINEAR).astype(np.float32)[..., None] / 255.0
    shade = (np.float32(0.72) + np.float32(0.45) * np.cos(along))[..., None]
    return np.clip(bent * (1.0 + inside * (shade - 1.0)), 0, 255).astype(np.uint8)


def blurred(seed: int, hw: tuple[int, int] = _HW) -> np.ndarray:
    """uint8 (H, W, 3): focused on something else."""
    return render(seed, reference="none", hw=hw, blur_px=_BLUR * hw[1], jpeg=90).photo


def overexposed(seed: int, hw: tuple[int, int] = _HW) -> np.ndarray:
    """uint8 (H, W, 3): burnt out, whatever the cloth's colour."""
    usual = render(seed, reference="none", hw=hw)
    lightness = usual.photo[_inside(usual)].mean() / 255.0
    return render(seed, reference="none", hw=hw, exposure=8.0 / max(lightness, 0.02) ** 2.2).photo


def tiny(seed: int, hw: tuple[int, int] = (480, 640)) -> np.ndarray:
    """uint8 (H, W, 3): taken from across the room; the swatch is some 40 pixels wide."""
    near = render(seed, reference="none", room=0.0, hw=hw)
    side = np.hypot(*(near.corners[1] - near.corners[0]))
    return render(seed, reference="none", room=float(side) / _TINY_PX - 1.0, hw=hw).photo


def _inside(rendered: Rendered) -> np.ndarray:
    mask = np.zeros(rendered.photo.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.rint(rendered.corners).astype(np.int32), 1)
    return mask > 0


BAD: dict[str, Callable[..., np.ndarray]] = {
    "folded": folded,
    "blurred": blurred,
    "overexposed": overexposed,
    "tiny": tiny,
}
"""Each by its reason; takes a seed and, if wanted, the photo's size."""
