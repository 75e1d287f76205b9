"""The noise levels of one picture, from the first step to the last.

Owns one diffusers scheduler: its timesteps and its step index. Must not know the models. Schedulers keep state from
step to step, so every trajectory has its own.
"""

from __future__ import annotations

import copy
import inspect
from typing import Any

import torch


class Schedule:
    """Exactly `steps` evaluations, from as much noise as `strength` says down to none.

    The image-to-image pipelines of diffusers take `n` levels and skip the first `n - int(n * strength)`; here `n` is
    chosen so that `steps` are left.
    """

    def __init__(self, template: Any, *, steps: int, strength: float, device: torch.device) -> None:
        self.steps = steps
        self.levels = 0  # into which the whole way from pure noise is divided
        self._scheduler = copy.deepcopy(template)
        self._pure_noise = strength == 1.0
        begin = self._divide(strength)
        self._scheduler.set_begin_index(begin)
        self._timesteps = self._scheduler.timesteps[begin:]
        self._device_timesteps = self._timesteps.to(device)
        self._takes = inspect.signature(self._scheduler.step).parameters

    def _divide(self, strength: float) -> int:
        """Set the scheduler up; returns the index of the first level."""
        self.levels = max(self.steps, int(self.steps / strength))
        while True:
            self._scheduler.set_timesteps(self.levels, device="cpu")
            # Trailing spacing makes one level too many out of some numbers, 61 for instance, and that one is negative.
            if len(self._scheduler.timesteps) == self.levels and int(self.levels * strength) >= self.steps:
                return self.levels - self.steps
            self.levels += 1

    def timestep(self, step: int) -> torch.Tensor:
        """What the UNet is told about the noise, (1,) on the device."""
        return self._device_timesteps[step : step + 1]

    def first(self, latents: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """What the first step starts from: the frame's latents with noise, or noise alone."""
        if self._pure_noise:
            return noise * self._scheduler.init_noise_sigma
        return self._scheduler.add_noise(latents, noise, self._timesteps[:1])

    def scaled(self, latents: torch.Tensor, step: int) -> torch.Tensor:
        """`latents` as the UNet wants them."""
        return self._scheduler.scale_model_input(latents, self._timesteps[step])

    def next(self, predicted: torch.Tensor, latents: torch.Tensor, step: int, *, draw: torch.Generator) -> torch.Tensor:
        """One level down. May draw from `draw`, as ancestral sampling does."""
        extra = {"generator": draw} if "generator" in self._takes else {}
        return self._scheduler.step(predicted, self._timesteps[step], latents, return_dict=False, **extra)[0]

    def noised(self, latents: torch.Tensor, noise: torch.Tensor, step: int) -> torch.Tensor:
        """`latents` with as much noise as is left after `step`; none after the last."""
        if step + 1 == self.steps:
            return latents
        return self._scheduler.add_noise(latents, noise, self._timesteps[step + 1 : step + 2])
