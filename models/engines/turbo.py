"""Keyframes: a few steps of SDXL-Turbo (or another distilled SDXL) over the composite.

Owns what a UNet of 4 channels needs: outside the mask the latents are the frame's own at every step.
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


class TurboEngine(SdxlEngine):
    """Masked image-to-image; see contract.Engine."""

    name = "turbo"
    limits = Limits(max_steps=50)

    def begin(self, task: Task) -> Trajectory:
        """In one unit: all of it takes less than a step."""
        trajectory = super().begin(task)
        while not trajectory.encoded:
            self.encode(trajectory)
        return trajectory

    def _encodings(self, task: Task) -> list[Part]:
        return [self.beginning.encode_frame, self._draw_noise]

    def _draw_noise(self, trajectory: Trajectory) -> bool:
        trajectory.noise = self.beginning.noise(trajectory)
        if self.weights.codec.draws:
            self.beginning.noise(trajectory)  # the pipeline draws for a masked frame that this UNet never sees
        return True

    def _settle(self, trajectory: Trajectory, latents: torch.Tensor) -> torch.Tensor:
        kept = trajectory.schedule.noised(trajectory.frame, trajectory.noise, trajectory.step)
        return (1 - trajectory.mask) * kept + trajectory.mask * latents


def load(settings: EngineSettings) -> TurboEngine:
    """The engine, ready but for its warm-up.

    Raises:
        ConfigError: see models/engines/loading.py.
    """
    weights = load_weights("turbo", settings)
    weights.scheduler.register_to_config(timestep_spacing="trailing")  # few steps must begin at full noise
    return TurboEngine(weights, settings)
