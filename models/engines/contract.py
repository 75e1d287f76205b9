"""What every diffusion engine is and does, as the scheduler and the device loop see it.

Owns the contract; must not import torch, so that the parent process and the scheduler can speak of engines without it.

A *task* is what is asked for. An engine turns it into a *trajectory*, which holds all state of one picture on its way:
its latents, its own noise scheduler, its step. The device loop decides what comes next and calls, always from the one
thread that owns the device:

    begin(task)          a trajectory, with a first part of what it needs    one unit of work
    encode(t)            another part: prompt, maps, picture into latents     one unit of work, until it is encoded
    step([t1, t2, ...])  one UNet evaluation for all, each at its own step    one unit of work
    decode(t)            one tile of the picture                              one unit of work, until it says done
    finish(t)            the picture, checked; frees what the trajectory held

Units are short, so that a keyframe that comes in the middle of a capture waits for one of them at most. Each returns
when its work is done, not when it is queued.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Params:
    """How a picture is to be made. Validated by the engine, see Engine.check."""

    steps: int
    """Noise levels to pass, one UNet evaluation each without guidance; the ladder may grant fewer to live frames."""
    strength: float = 0.5
    """How far the picture is taken back to noise, in (0, 1]."""
    guidance: float = 0.0
    """Classifier-free guidance; at or below 1 the UNet runs once per step, above it twice, in two units of work."""
    seed: int = 0
    control_scale: float = 0.5
    reference_scale: float = 0.0
    """Of the IP-Adapter; 0 leaves it out."""


@dataclass(frozen=True)
class Task:
    """One picture to be made. Arrays are contiguous; none of them is changed."""

    id: str
    engine: str
    """The engine's name."""
    image: np.ndarray
    """uint8 (H, W, 3) RGB: the composite that diffusion starts from."""
    mask: np.ndarray
    """uint8 (H, W): 255 where the picture may be made anew, 0 where it stays, soft in between."""
    prompt: str
    params: Params
    negative_prompt: str = ""
    controls: Mapping[str, np.ndarray] = field(default_factory=dict)
    """uint8 (H, W, 3) maps by kind (edge, depth, normal, pose, segmentation), for engines with a ControlNet."""
    reference: np.ndarray | None = None
    """uint8 (h, w, 3): swatch or garment, for engines with an IP-Adapter."""


class Trajectory(Protocol):
    """One picture on its way. Owned by its engine; the device loop reads these and touches nothing."""

    task: Task
    shape: Hashable
    """Trajectories of one engine and one shape may share a step."""
    encoded: bool
    """Whether it can make its steps; until then `encode` is called. What is above and below is known from the start."""
    step_index: int
    """UNet evaluations done."""
    steps_total: int
    """UNet evaluations that this picture takes, which is how often `step` is called; `cut_short` may lower it."""
    notices: list[str]
    """Codes of what was left out, e.g. reference_unavailable."""


class Engine(Protocol):
    """Loaded weights and what can be done with them. Every call comes from the thread that owns the device."""

    name: str
    max_batch: int
    """Trajectories that one evaluation takes at most; a larger group is evaluated in parts."""

    def check(self, task: Task) -> None:
        """Refuse what cannot be made.

        Raises:
            InputError: bad_steps, bad_strength, bad_guidance, bad_scale, bad_mask, bad_size, bad_control.
        """

    def warm_up(self, report: Callable[[str, float], None]) -> None:
        """Run every shape once; `report` is told what is done and the share of it in [0, 1]."""

    def begin(self, task: Task) -> Any:
        """The trajectory at step 0, encoded as far as one unit goes."""

    def encode(self, trajectory: Any) -> None:
        """One unit further, for a trajectory that is not `encoded`."""

    def cut_short(self, trajectory: Any, *, steps: int) -> None:
        """Lower steps_total to `steps` for a trajectory that has not made a step yet; it is never raised."""

    def step(self, trajectories: Sequence[Any]) -> None:
        """One UNet evaluation for all of them: same engine, same shape, each at its own step, none at its end.

        Raises:
            DeviceError: shape_not_warmed, where a compiled engine meets a shape that warm_up did not know.
        """

    def decode(self, trajectory: Any) -> bool:
        """Decode one tile; True when that was the last."""

    def finish(self, trajectory: Any) -> np.ndarray:
        """uint8 (H, W, 3) RGB at the task's size, unmasked pixels pasted back.

        Raises:
            DeviceError: not_finite, black_picture.
        """

    def close(self) -> None:
        """Give the memory back."""


def is_guided(params: Params) -> bool:
    """Whether the UNet runs twice per step."""
    return params.guidance > 1.0


def begin_whole(engine: Engine, task: Task) -> Any:
    """A trajectory that can make its steps at once: for who has the device to themselves."""
    trajectory = engine.begin(task)
    while not trajectory.encoded:
        engine.encode(trajectory)
    return trajectory
