"""One picture on its way through the device.

Owns its state and nothing that is shared; must not know the models. Made by SdxlEngine.begin, freed by finish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from models.engines.blocks import BlockEncode
from models.engines.contract import Task
from models.engines.prompts import Words
from models.engines.schedule import Schedule
from models.engines.tiles import TiledDecode


class Shape(NamedTuple):
    """What trajectories must have in common to share a step."""

    hw: tuple[int, int]
    """Of the picture on the device, in pixels."""
    controls: tuple[str, ...] = ()
    reference_scale: float = 0.0
    """Set for the whole UNet at once, so it cannot differ within a batch."""


@dataclass(eq=False)
class Trajectory:
    """See contract.Trajectory. Latents are (1, 4, h, w), an eighth of the picture, in the UNet's dtype."""

    task: Task
    shape: Shape
    draw: torch.Generator
    """On the CPU, so that a seed means the same picture on every device."""
    turns: int = 1
    """Evaluations per level: with guidance two."""
    todo: deque[Callable[[Trajectory], bool]] = field(default_factory=deque)
    """What comes before the first step, each called once per unit of work until it says that it is over. None of them
    may hold on to the trajectory: one that is dropped gives its memory back at once."""
    notices: list[str] = field(default_factory=list)

    sizes: torch.Tensor | None = None
    """(1, 6): the size that the picture is said to have had, its crop, its target."""
    control_scale: torch.Tensor | None = None
    """(1, 1, 1, 1)"""
    words: tuple[Words, ...] = ()
    """The prompt; before it, with guidance, the negative prompt."""
    pixels: torch.Tensor | None = None
    """float32 (1, 3, H, W) in [-1, 1]: the task's picture, until it is encoded."""
    hole: torch.Tensor | None = None
    """float32 (1, 1, H, W): 1 where `pixels` is made anew."""
    encoding: BlockEncode | None = None
    """What is on its way into latents."""

    step_index: int = 0
    steps_total: int = 0
    schedule: Schedule | None = None
    latents: torch.Tensor | None = None
    noise: torch.Tensor | None = None
    frame: torch.Tensor | None = None
    """Latents of the task's picture; None where pure noise is started from."""
    mask: torch.Tensor | None = None
    """(1, 1, h, w): 1 where the picture is made anew."""
    masked_frame: torch.Tensor | None = None
    """Latents of the picture with its masked part blotted out, for a UNet that looks at them."""
    maps: dict[str, torch.Tensor] = field(default_factory=dict)
    """(1, 3, H, W) in [0, 1] by kind."""
    reference: tuple[torch.Tensor, ...] = ()
    """What the IP-Adapter sees, one per entry of `words`."""
    unguided: torch.Tensor | None = None
    """What the negative prompt predicted for the step under way, until the prompt has its say."""
    decoding: TiledDecode | None = None
    picture: torch.Tensor | None = None
    """float32 (1, 3, H, W) in [-1, 1]."""

    @property
    def encoded(self) -> bool:
        return not self.todo

    @property
    def step(self) -> int:
        """Which level of the schedule is under way."""
        return self.step_index // self.turns

    @property
    def turn(self) -> int:
        """Which entry of `words` is next to be evaluated. An odd one out at the end goes without guidance."""
        alone = self.step_index == self.steps_total - 1 and self.step_index % self.turns == 0
        return self.turns - 1 if alone else self.step_index % self.turns

    def release(self) -> None:
        """Let go of what lies on the device, whoever may still hold the trajectory."""
        for name, value in list(vars(self).items()):
            if isinstance(value, (torch.Tensor, Schedule, BlockEncode, TiledDecode)):
                setattr(self, name, None)
        self.words, self.reference, self.maps = (), (), {}
        self.todo.clear()
