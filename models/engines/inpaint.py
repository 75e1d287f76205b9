"""Captures: SDXL inpainting, many steps with guidance.

Owns what a UNet of 9 channels needs: besides the latents it sees the mask and the frame with its masked part
blotted out.
"""

from __future__ import annotations

import torch

from models.engines.checking import Limits
from models.engines.loading import load_weights
from models.engines.sdxl import SdxlEngine
from models.engines.settings import EngineSettings
from models.engines.trajectory import Trajectory


class InpaintEngine(SdxlEngine):
    """See contract.Engine."""

    name = "inpaint"
    limits = Limits(max_steps=100)

    def _encode(self, trajectory: Trajectory, picture: torch.Tensor, mask: torch.Tensor) -> None:
        codec = self.weights.codec
        if trajectory.task.params.strength < 1.0:
            trajectory.frame = codec.encode(picture, draw=trajectory.draw)
        trajectory.noise = self._noise(trajectory)
        trajectory.masked_frame = codec.encode(picture * (1.0 - mask), draw=trajectory.draw)

    def _extra(self, trajectory: Trajectory) -> torch.Tensor:
        return torch.cat([trajectory.mask, trajectory.masked_frame], dim=1)


def load(settings: EngineSettings) -> InpaintEngine:
    """The engine, ready but for its warm-up.

    Raises:
        ConfigError: see models/engines/loading.py.
    """
    return InpaintEngine(load_weights("inpaint", settings), settings)
