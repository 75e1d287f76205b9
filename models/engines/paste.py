"""The last step: whether what was made can be shown, and putting it into the picture it was made for.

Owns the gate and the paste; must not know the models. Pixels that the mask leaves out come back bit for bit.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from models.engines.contract import Task

_BLACK = 4.0
"""Mean of 255 below which a picture counts as black, if it was started from one that was brighter than _LIT."""
_LIT = 16.0


def fault(made: torch.Tensor, task: Task) -> str | None:
    """What is wrong with a picture, float (1, 3, h, w) in [-1, 1] of any size: not_finite, black_picture or nothing."""
    if not torch.isfinite(made).all():
        return "not_finite"
    inside = _there(task.mask, made) >= 128
    after = to_bytes(made, hw=task.mask.shape)[inside].float().mean()
    before = _there(task.image, made)[inside].float().mean()
    return "black_picture" if after < _BLACK and before > _LIT else None


def to_bytes(made: torch.Tensor, *, hw: tuple[int, ...]) -> torch.Tensor:
    """uint8 (H, W, 3) at size `hw`."""
    if tuple(made.shape[-2:]) != tuple(hw):
        made = F.interpolate(made, size=tuple(hw), mode="bicubic", antialias=True, align_corners=False)
    return ((made[0] + 1.0) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)


def paste(made: torch.Tensor, task: Task) -> np.ndarray:
    """uint8 (H, W, 3): what was made where the mask is 255, the task's picture where it is 0, between them a mix."""
    share = _there(task.mask, made)[..., None].int()
    mixed = to_bytes(made, hw=task.mask.shape) * share + _there(task.image, made) * (255 - share)
    return ((mixed + 127) // 255).to(torch.uint8).cpu().numpy()


def _there(array: np.ndarray, made: torch.Tensor) -> torch.Tensor:
    """A copy where `made` lies; a task's arrays may be read-only."""
    return torch.tensor(array, device=made.device)
