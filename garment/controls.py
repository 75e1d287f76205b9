"""Maps that steer a diffusion model, made from what the fitting knows anyway.

Owns how each kind of map looks to the ControlNets that were trained on it; must not know diffusion. All maps are uint8
(H, W, 3) RGB at the frame's size.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from garment.dressing import Dressed
from utils import pose as at
from utils.pose import Pose

KINDS = ("edge", "depth", "normal", "pose", "segmentation")

_FLAT = (128, 128, 255)  # a normal that faces the camera
_PART_COLOURS = {"torso": (4, 200, 3), "back": (120, 120, 70), "sleeve": (204, 5, 255), "person": (150, 5, 61)}
_BONES = (
    (at.LEFT_SHOULDER, at.RIGHT_SHOULDER, (255, 0, 0)),
    (at.RIGHT_SHOULDER, at.RIGHT_ELBOW, (255, 170, 0)),
    (at.RIGHT_ELBOW, at.RIGHT_WRIST, (255, 255, 0)),
    (at.LEFT_SHOULDER, at.LEFT_ELBOW, (85, 255, 0)),
    (at.LEFT_ELBOW, at.LEFT_WRIST, (0, 255, 0)),
    (at.RIGHT_SHOULDER, at.RIGHT_HIP, (0, 255, 170)),
    (at.LEFT_SHOULDER, at.LEFT_HIP, (0, 170, 255)),
    (at.NOSE, at.LEFT_EAR, (255, 0, 170)),
    (at.NOSE, at.RIGHT_EAR, (170, 0, 255)),
)
"""Limbs as stick figures; colours go round the wheel as in the maps that pose ControlNets were trained on."""


def control_maps(
    kinds: tuple[str, ...], dressed: Dressed, *, pose: Pose, person: np.ndarray | None
) -> dict[str, np.ndarray]:
    """The wanted maps by kind. `person` is the silhouette, float32 (H, W), None when not known."""
    hw = dressed.layer.hw
    makers: dict[str, Callable[[], np.ndarray]] = {
        "edge": lambda: _edges(dressed.composite.image),
        "depth": lambda: _depth(dressed, person),
        "normal": lambda: _normals(dressed),
        "pose": lambda: _stick_figure(pose, hw),
        "segmentation": lambda: _segments(dressed, person),
    }
    return {kind: makers[kind]() for kind in kinds}


def _edges(image: np.ndarray) -> np.ndarray:
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (0, 0), 1.2)
    return cv2.cvtColor(cv2.Canny(grey, 60, 140), cv2.COLOR_GRAY2RGB)


def _normals(dressed: Dressed) -> np.ndarray:
    """x to the right is red, y up is green, towards the camera is blue."""
    out = np.full((*dressed.layer.hw, 3), _FLAT, np.uint8)
    for part in dressed.layer.parts:
        if part.relief is not None:
            x, y = part.xy
            h, w = part.rgba.shape[:2]
            solid = part.rgba[..., 3] > 127
            out[y : y + h, x : x + w][solid] = part.relief[..., :3][solid]
    return out


def _depth(dressed: Dressed, person: np.ndarray | None) -> np.ndarray:
    """Near is light: background, person, then the parts in their order, each rounded by its own normals."""
    out = np.zeros(dressed.layer.hw, np.float32)
    if person is not None:
        out = np.maximum(out, 110.0 * person)
    for step, part in enumerate(dressed.layer.parts):
        x, y = part.xy
        h, w = part.rgba.shape[:2]
        facing = part.relief[..., 2] - np.float32(128) if part.relief is not None else np.full((h, w), 127, np.float32)
        near = 130.0 + 12.0 * step + 0.35 * facing
        alpha = part.rgba[..., 3] * np.float32(1 / 255)
        box = out[y : y + h, x : x + w]
        box += (near - box) * alpha
    soft = cv2.GaussianBlur(np.clip(out, 0, 255), (0, 0), 1.5)
    return cv2.cvtColor(soft.astype(np.uint8), cv2.COLOR_GRAY2RGB)


def _segments(dressed: Dressed, person: np.ndarray | None) -> np.ndarray:
    out = np.zeros((*dressed.layer.hw, 3), np.uint8)
    if person is not None:
        out[person > 0.5] = _PART_COLOURS["person"]
    for part in dressed.layer.parts:
        kind = part.name if part.name in _PART_COLOURS else "sleeve"
        x, y = part.xy
        h, w = part.rgba.shape[:2]
        out[y : y + h, x : x + w][part.rgba[..., 3] > 127] = _PART_COLOURS[kind]
    return out


def _stick_figure(pose: Pose, hw: tuple[int, int]) -> np.ndarray:
    out = np.zeros((*hw, 3), np.uint8)
    thick = max(2, round(min(hw) / 128))
    for a, b, colour in _BONES:
        if pose.seen(a, b):
            start, end = (tuple(int(v) for v in np.clip(pose.xy[k], -9999, 9999)) for k in (a, b))
            cv2.line(out, start, end, colour, thick, cv2.LINE_AA)
    return out
