"""Whether a task can be made at all.

Owns the limits of an engine and the refusals; must not import torch or know how pictures are made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.engines.contract import Params, Task
from utils.errors import InputError

MIN_SIDE_PX, MAX_SIDE_PX = 16, 8192
MAX_GUIDANCE = 30.0
MAX_SCALE = 2.0


@dataclass(frozen=True)
class Limits:
    """What one engine can do."""

    max_steps: int
    max_levels: int = 500
    """Many steps at little strength ask for a fine division of the 1000 noise levels that models are trained on."""


def check_task(task: Task, limits: Limits) -> None:
    """Refuse what cannot be made.

    Raises:
        InputError: bad_steps, bad_strength, bad_guidance, bad_scale, bad_mask, bad_size, bad_control.
    """
    _check_params(task.params, limits)
    _check_image(task.image, code="bad_size", what="the picture")
    hw = task.image.shape[:2]
    _check_mask(task.mask, hw)
    for control in task.controls.values():
        _check_image(control, code="bad_control", what="a control map")
        if control.shape[:2] != hw:
            raise InputError("bad_control", "a control map must be as large as the picture")
    if task.reference is not None:
        _check_image(task.reference, code="bad_size", what="the reference")


def _check_params(params: Params, limits: Limits) -> None:
    if not 1 <= params.steps <= limits.max_steps:
        raise InputError("bad_steps", f"steps must be from 1 to {limits.max_steps}")
    if not 0.0 < params.strength <= 1.0:  # false for NaN too
        raise InputError("bad_strength", "strength must be above 0 and at most 1")
    if params.steps / params.strength > limits.max_levels:
        raise InputError("bad_strength", "so little strength cannot be divided into so many steps")
    if not 0.0 <= params.guidance <= MAX_GUIDANCE:
        raise InputError("bad_guidance", f"guidance must be from 0 to {MAX_GUIDANCE:g}")
    for scale in (params.control_scale, params.reference_scale):
        if not (math.isfinite(scale) and 0.0 <= scale <= MAX_SCALE):
            raise InputError("bad_scale", f"a scale must be from 0 to {MAX_SCALE:g}")


def _check_image(image: np.ndarray, *, code: str, what: str) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise InputError(code, f"{what} must be 8-bit RGB")
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in image.shape[:2]):
        raise InputError(code, f"{what} must measure {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels each way")


def _check_mask(mask: np.ndarray, hw: tuple[int, ...]) -> None:
    if mask.dtype != np.uint8 or mask.shape != hw:
        raise InputError("bad_mask", "the mask must be 8-bit grey and as large as the picture")
    if mask.max() < 128:
        raise InputError("bad_mask", "the mask leaves nothing to be made anew")
