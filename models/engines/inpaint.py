"""Captures: SDXL inpainting, many steps with guidance.

Owns what a UNet of 9 channels needs: besides the latents it sees the mask and the frame with its masked part
blotted out.
"""

from __future__ import annotations

import torch

from models.engines.beginning import Part
from models.engines.checking import Limits
from models.engines.contract import Task
from models.engines.loading import load_weights
from models.engines.sdxl import SdxlEngine
from models.engines.settings import EngineSettings
from models.engines.trajectory import Trajectory


class InpaintEngine(SdxlEngine):
    """See contract.Engine."""

    name = "inpaint"
    limits = Limits(max_steps=100)

    def _encodings(self, task: Task) -> list[Part]:
        beginning = self.beginning
        frame = [beginning.encode_frame] if task.params.strength < 1.0 else []
        return [*frame, beginning.encode_masked_frame]

    def _extra(self, trajectory: Trajectory) -> torch.Tensor:
        return torch.cat([trajectory.mask, trajectory.masked_frame], dim=1)


def load(settings: EngineSettings) -> InpaintEngine:
    """The engine, ready but for its warm-up.

    Raises:
        ConfigError: see models/engines/loading.py.
    """
    return InpaintEngine(load_weights("inpaint", settings), settings)
