"""The axis about which a garment's left mirrors its right. Owns its search; must not know what garments consist of."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_TILT_DEG = 24  # photos are taken no more askew than this
_SMALL_PX = 112


@dataclass(frozen=True)
class Upright:
    """A silhouette turned until its axis of symmetry is the column `axis`."""

    mask: np.ndarray
    """uint8 (h, w), 0 or 1."""
    axis: float
    matrix: np.ndarray
    """float64 (2, 3): from the given mask's pixels to these."""

    def back(self, points: np.ndarray) -> np.ndarray:
        """(N, 2) of these pixels into those of the mask it was made from."""
        return (points - self.matrix[:, 2]) @ np.linalg.inv(self.matrix[:, :2]).T


def stand_upright(mask: np.ndarray) -> Upright:
    """Turn uint8 (h, w) about its centre until left mirrors right best."""
    shrunk = _SMALL_PX / max(mask.shape)
    small = cv2.resize(mask * np.float32(1), None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
    best = 0.0
    for angles in (np.arange(-_TILT_DEG, _TILT_DEG + 1, 3.0), np.arange(-2.5, 2.6, 0.5)):
        best = max(best + angles, key=lambda angle: _mirror_score(small, angle)[0])
    turned, matrix = _turned(mask * np.uint8(255), best)
    x, y, w, h = cv2.boundingRect((turned > 127).astype(np.uint8))
    matrix[:, 2] -= (x - 3, y - 3)
    turned = np.pad((turned > 127)[y : y + h, x : x + w], 3).astype(np.uint8)
    return Upright(turned, _mirror_score(turned * np.float32(1), 0.0)[1], matrix)


def _turned(image: np.ndarray, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Turned by `angle` degrees about its centre, on a canvas that holds all of it, and the way there."""
    h, w = image.shape
    side = int(np.hypot(h, w)) + 4
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1.0)
    matrix[:, 2] += (side / 2 - w / 2, side / 2 - h / 2)
    return cv2.warpAffine(image, matrix, (side, side)), matrix


def _mirror_score(mask: np.ndarray, angle: float) -> tuple[float, float]:
    """How well the mask, turned by `angle` degrees, mirrors itself, and about which column."""
    if angle:
        mask = _turned(mask, angle)[0]
    thick = 0.15 * mask.shape[1]
    depth = cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    weight = mask * (0.35 + np.minimum(depth / thick, 1))  # the torso is thick and symmetric, sleeves lie as they fell
    spectrum = np.fft.rfft(weight, 2 * weight.shape[1], axis=1)
    overlap = np.fft.irfft((spectrum * spectrum).sum(0))
    peak = int(np.argmax(overlap))
    return float(overlap[peak] / max(float((weight * weight).sum()), 1e-6)) - 2e-5 * angle * angle, peak / 2
