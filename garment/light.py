"""The light of the scene, as far as a frame tells. Owns its estimate; must not know the garment that it will fall on.

Exposure, direction and a slow gradient over the body may follow the scene; the hue of the cloth may not, so the light
is white. What the wearer's own clothes show of pattern and folds is kept out by a robust fit of a plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from garment.body import Body

SHRINK = 8
SHADE_RANGE = (0.6, 1.5)
_REACH_MM = 300.0
_REFERENCE_KEY = 0.22  # linear luminance that a well exposed picture averages to
_TO_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@dataclass(frozen=True)
class Light:
    """A directional light, an ambient one, and how both vary over the body."""

    toward: tuple[float, float, float] = (-0.34, 0.44, 0.83)
    """Unit vector to the light: x to the right of the frame, y up, z to the camera."""
    ambient: float = 0.22
    """Share of the light that comes from everywhere."""
    gain: float = 1.0
    """Exposure relative to a well exposed picture, linear."""
    slope: tuple[float, float] = (0.0, 0.0)
    """Natural logarithm of the change of luminance per 300 mm to the right and downwards."""


def estimate_light(frame: np.ndarray, clothes: np.ndarray | None, body: Body) -> Light:
    """Light from a frame (uint8 RGB) and the wearer's own clothes (float32 (H, W), None when not known)."""
    height, width = frame.shape[:2]
    wh = (max(1, width // SHRINK), max(1, height // SHRINK))
    small = _TO_LINEAR[cv2.cvtColor(cv2.resize(frame, wh, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)]
    gain = float(np.clip((small.mean() / _REFERENCE_KEY) ** 0.3, 0.72, 1.08))
    if abs(gain - 1.0) < 0.06:
        gain = 1.0
    if clothes is None:
        return Light(gain=gain)
    mask = cv2.resize(clothes, wh, interpolation=cv2.INTER_AREA)
    slope = _fit_plane(small, mask, body)
    plain = Light().toward
    across = float(np.clip(plain[0] + 1.2 * slope[0], -0.6, 0.6))
    up = float(np.clip(plain[1] - 0.4 * slope[1], 0.2, 0.6))
    norm = float(np.sqrt(across**2 + up**2 + plain[2] ** 2))
    return Light(toward=(across / norm, up / norm, plain[2] / norm), gain=gain, slope=slope)


def settle(before: Light | None, now: Light, *, weight: float) -> Light:
    """Move from the light before to the one now by `weight` in [0, 1]."""
    if before is None:
        return now
    mixed = [(1 - weight) * a + weight * b for a, b in zip(before.toward, now.toward, strict=True)]
    norm = float(np.linalg.norm(mixed))
    return replace(
        now,
        toward=(mixed[0] / norm, mixed[1] / norm, mixed[2] / norm),
        gain=(1 - weight) * before.gain + weight * now.gain,
        slope=(
            (1 - weight) * before.slope[0] + weight * now.slope[0],
            (1 - weight) * before.slope[1] + weight * now.slope[1],
        ),
    )


def field(light: Light, body: Body, *, hw: tuple[int, int], gamma: float = 1.0) -> np.ndarray:
    """The light's slow change over a frame, float32 (H, W), 1 at the middle of the torso.

    A linear factor, or for `gamma` 2.2 the factor on display values. It is slow enough to be worked out at 1 / SHRINK
    of the size.
    """
    height, width = hw
    middle = body.place(np.array([[0.0, 260.0]], np.float32))[0]
    unit = _REACH_MM * body.px_per_mm
    rows, columns = -(-height // SHRINK), -(-width // SHRINK)
    x = ((np.arange(columns) + 0.5) * SHRINK - 0.5 - middle[0]) / unit * light.slope[0]
    y = ((np.arange(rows) + 0.5) * SHRINK - 0.5 - middle[1]) / unit * light.slope[1]
    # The exponents are scaled instead of the product raised to a power: the same, and quick.
    low, high = (limit ** (1 / gamma) for limit in SHADE_RANGE)
    factor = np.exp(np.clip(y, -1, 1) / gamma)[:, None] * np.exp(np.clip(x, -1, 1) / gamma)[None]
    coarse = np.clip(factor, low, high).astype(np.float32)
    return cv2.resize(coarse, (columns * SHRINK, rows * SHRINK), interpolation=cv2.INTER_LINEAR)[:height, :width]


def _fit_plane(luminance: np.ndarray, mask: np.ndarray, body: Body) -> tuple[float, float]:
    rows, columns = np.nonzero(mask > 0.7)
    if len(rows) < 40:
        return 0.0, 0.0
    middle = body.place(np.array([[0.0, 260.0]], np.float32))[0] / SHRINK
    unit = _REACH_MM * body.px_per_mm / SHRINK
    x, y = (columns - middle[0]) / unit, (rows - middle[1]) / unit
    near = (np.abs(x) < 1.1) & (np.abs(y) < 0.75)  # above the trousers, which are another cloth
    if near.sum() < 40:
        return 0.0, 0.0
    design = np.column_stack([np.ones(near.sum()), x[near], y[near]])
    value = np.log(luminance[rows, columns][near] + 0.01)
    weight = np.ones(len(value))
    solution = np.zeros(3)
    for _ in range(4):
        root = np.sqrt(weight)[:, None]
        # The ridge keeps a printed shirt from being taken for a light.
        ridge = np.diag([1e-6, 0.05, 0.05]) * len(value) * 0.1
        weighted = design * root
        solution = np.linalg.solve(weighted.T @ weighted + ridge, weighted.T @ (value * root[:, 0]))
        residual = np.abs(value - design @ solution)
        scale = 1.5 * float(np.median(residual)) + 1e-3
        weight = 1.0 / (1.0 + (residual / scale) ** 2)
    slope = np.clip(0.6 * solution[1:], -0.2, 0.2)
    return float(slope[0]), float(slope[1])
