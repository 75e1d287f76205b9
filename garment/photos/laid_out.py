"""A garment's photo made ready for taking apart: upright, to scale, in even light.

Owns what every piece is cut from; must not know pieces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from garment.landmarks import SIDES, Landmarks

SHOULDERS_MM = 460.0
"""Across the shoulders of a jacket of middle size: what a photo's scale is guessed from."""
MARGIN_MM = 12.0
"""Of transparent pixels around a piece."""
_FLATTEN = 0.6  # of the photo's own slow light is taken out
_GAIN = (0.75, 1.35)  # of lightness while doing so
_SLOW_MM = 55.0  # what changes more slowly than this is light, what changes faster is cloth


@dataclass(frozen=True)
class LaidOut:
    """An upright photo of a garment with a margin."""

    rgb: np.ndarray
    """uint8 (h, w, 3)."""
    alpha: np.ndarray
    """float32 (h, w)."""
    points: dict[str, np.ndarray]
    """As in Landmarks, float64 (2,), pixels of this photo."""
    px_per_mm: float

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides that have a sleeve."""
        return tuple(side for side in SIDES if f"sleeve_{side}.cuff" in self.points)


def lay_out(rgb: np.ndarray, alpha: np.ndarray, landmarks: Landmarks) -> LaidOut:
    """Turn photo and anchors until the centre front hangs straight."""
    points = {name: np.asarray(xy, np.float64) for name, xy in landmarks.points.items()}
    across = points["torso.shoulder_left"] - points["torso.shoulder_right"]
    down = points["torso.hem_centre"] - (points["torso.shoulder_left"] + points["torso.shoulder_right"]) / 2
    px_per_mm = max(float(np.hypot(*across)), 8.0) / SHOULDERS_MM
    angle = 0.6 * np.arctan2(-down[0], down[1]) + 0.4 * np.arctan2(across[1], across[0])
    cosine, sine = np.cos(-angle), np.sin(-angle)
    linear = np.array([[cosine, -sine], [sine, cosine]]) if abs(angle) > 0.006 else np.eye(2)
    seen = (alpha > 0.02).astype(np.uint8)
    outlines, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    extent = np.vstack([outline[:, 0] for outline in outlines]) @ linear.T
    margin = round(MARGIN_MM * px_per_mm) + 2
    low, high = np.floor(extent.min(0)) - margin, extent.max(0) + margin
    matrix = np.column_stack([linear, -low])
    wh = [int(v) for v in np.ceil(high - low) + 1]
    turned = cv2.warpAffine(rgb, matrix, wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    turned_alpha = np.clip(cv2.warpAffine(alpha, matrix, wh), 0, 1)
    return LaidOut(turned, turned_alpha, {key: linear @ p - low for key, p in points.items()}, px_per_mm)


def in_even_light(photo: LaidOut, cloth: np.ndarray) -> LaidOut:
    """Without most of the slow changes of lightness over float32 (h, w) `cloth`, whose mean colour stays."""
    lab = cv2.cvtColor(photo.rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lightness = lab[..., 0]
    sigma_px = _SLOW_MM * photo.px_per_mm
    step = 1 / max(1, round(sigma_px / 6))
    weight = cv2.resize(cloth, None, fx=step, fy=step, interpolation=cv2.INTER_AREA)
    light = cv2.resize(lightness * cloth, None, fx=step, fy=step, interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(weight, (0, 0), sigma_px * step)
    slow = cv2.GaussianBlur(light, (0, 0), sigma_px * step) / np.maximum(near, 1e-3)
    area = max(float(cloth.sum()), 1.0)
    mean = float((lightness * cloth).sum()) / area
    gain = np.clip((mean / np.maximum(slow, 1.0)) ** _FLATTEN, *_GAIN)
    lightness *= cv2.resize(gain, cloth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    lightness *= mean / max(float((lightness * cloth).sum()) / area, 1.0)
    rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255 + 0.5, 0, 255).astype(np.uint8)
    return replace(photo, rgb=rgb)


def filled(polygon: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """uint8 (h, w): 1 inside the polygon (N, 2)."""
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 1, shift=4)
    return mask


def whole(alpha: np.ndarray, *, thin_px: float = 0.0) -> np.ndarray:
    """Only what hangs together with the largest part by more than a thread: cutting something off leaves crumbs."""
    solid = (alpha > 0.3).astype(np.uint8)
    if thin_px >= 2:
        thread = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (round(thin_px) | 1,) * 2)
        alpha = alpha * cv2.dilate(cv2.morphologyEx(solid, cv2.MORPH_OPEN, thread), np.ones((5, 5), np.uint8))
        solid = (alpha > 0.3).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    if count < 3:
        return alpha
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return alpha * cv2.dilate((labels == largest).astype(np.uint8), np.ones((3, 3), np.uint8))
