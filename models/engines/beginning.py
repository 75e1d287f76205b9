"""What a trajectory needs before its first step, cut into units that are no longer than a step.

Owns prompts, maps, reference and pictures on their way in; must not know the order of draws, in which engines differ,
nor noise levels. See Trajectory.todo for what a part is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
import torch.nn.functional as F
from diffusers.utils.torch_utils import randn_tensor

from models.engines.codec import FACTOR
from models.engines.contract import Task, is_guided
from models.engines.prompts import Words
from models.engines.sizes import Hw
from models.engines.trajectory import Trajectory
from models.engines.weights import Weights

Part = Callable[[Trajectory], bool]
"""One unit of work; True when this part is over, else it is called again."""


class Beginning:
    """The parts, with the weights that they need."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def prepare(self, trajectory: Trajectory, *, encodings: Sequence[Part]) -> None:
        """Plan everything for a trajectory, `encodings` last, and say what its shape is and what is left out."""
        trajectory.todo.append(self._take_in)
        self._plan_maps(trajectory)
        self._plan_reference(trajectory)
        trajectory.todo += encodings

    # What engines choose from.

    def encode_frame(self, trajectory: Trajectory) -> bool:
        """Block by block."""
        if trajectory.encoding is None:
            trajectory.encoding = self._weights.codec.encoding(trajectory.pixels)
        trajectory.frame = self._next_block(trajectory)
        return trajectory.frame is not None

    def encode_masked_frame(self, trajectory: Trajectory) -> bool:
        """The same for the picture without what is made anew; the noise is drawn before."""
        if trajectory.encoding is None:
            trajectory.noise = self.noise(trajectory)
            trajectory.encoding = self._weights.codec.encoding(trajectory.pixels * (1.0 - trajectory.hole))
        trajectory.masked_frame = self._next_block(trajectory)
        return trajectory.masked_frame is not None

    def noise(self, trajectory: Trajectory) -> torch.Tensor:
        """(1, 4, h, w)"""
        weights, shape = self._weights, (1, 4, *_latent_hw(trajectory.shape.hw))
        return randn_tensor(shape, generator=trajectory.draw, device=weights.device, dtype=weights.dtype)

    def _next_block(self, trajectory: Trajectory) -> torch.Tensor | None:
        """The latents, once that was the last."""
        latents = self._weights.codec.encode(trajectory.encoding, draw=trajectory.draw)
        if latents is not None:
            trajectory.encoding = None
        return latents

    # What they have in common.

    def _take_in(self, trajectory: Trajectory) -> bool:
        """Prompts, most of them known, and pixels."""
        codec, task, hw = self._weights.codec, trajectory.task, trajectory.shape.hw
        trajectory.words = self._words(task)
        trajectory.pixels = codec.picture(task.image, hw)
        trajectory.hole = codec.hard_mask(task.mask, hw)
        trajectory.mask = F.interpolate(trajectory.hole, size=_latent_hw(hw)).to(self._weights.dtype)
        return True

    def _words(self, task: Task) -> tuple[Words, ...]:
        prompts = self._weights.prompts
        words = prompts.read(task.prompt)
        return (prompts.read_negative(task.negative_prompt), words) if is_guided(task.params) else (words,)

    def _plan_maps(self, trajectory: Trajectory) -> None:
        """Control maps, or a note that they cannot be used."""
        task = trajectory.task
        if not task.controls or task.params.control_scale == 0.0:
            return
        known = sorted(kind for kind in task.controls if kind in self._weights.denoiser.controlnets)
        if len(known) < len(task.controls):
            trajectory.notices.append("control_unavailable")
        trajectory.todo += [partial(self._take_in_map, kind=kind) for kind in known]
        trajectory.shape = trajectory.shape._replace(controls=tuple(known))

    def _take_in_map(self, trajectory: Trajectory, *, kind: str) -> bool:
        seen = self._weights.codec.unit(trajectory.task.controls[kind], trajectory.shape.hw)
        trajectory.maps[kind] = seen.to(self._weights.dtype)
        return True

    def _plan_reference(self, trajectory: Trajectory) -> None:
        """The reference, or a note that it cannot be used. A UNet with an adapter is told something in any case."""
        task, adapter = trajectory.task, self._weights.adapter
        asked = task.reference is not None and task.params.reference_scale > 0.0
        if asked and adapter is None:
            trajectory.notices.append("reference_unavailable")
        if adapter is not None:
            trajectory.todo.append(self._take_in_reference)
            trajectory.shape = trajectory.shape._replace(reference_scale=asked * task.params.reference_scale)

    def _take_in_reference(self, trajectory: Trajectory) -> bool:
        seen = trajectory.task.reference if trajectory.shape.reference_scale > 0.0 else None
        trajectory.reference = self._weights.adapter.look(seen)[-trajectory.turns :]
        return True


def _latent_hw(hw: Hw) -> Hw:
    return hw[0] // FACTOR, hw[1] // FACTOR
