"""What both SDXL engines have in common: the way of a trajectory from a task to a picture.

Owns the order of things; must not know which UNet it has: what differs (what the UNet sees besides the latents, what
happens outside the mask) lies in turbo.py and inpaint.py. The mathematics are those of diffusers' SDXL inpainting
pipelines, taken apart into steps; tests hold each result against those pipelines.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import torch

from models.engines.beginning import Beginning, Part
from models.engines.checking import Limits, check_task
from models.engines.codec import FACTOR
from models.engines.contract import Task, is_guided
from models.engines.denoise import Row
from models.engines.paste import fault, paste
from models.engines.schedule import Schedule
from models.engines.settings import EngineSettings
from models.engines.sizes import bucket_for
from models.engines.tiles import TiledDecode
from models.engines.trajectory import Shape, Trajectory
from models.engines.warming import make_all, warm_up_tasks
from models.engines.weights import Weights
from utils.errors import DeviceError


class SdxlEngine(ABC):
    """See contract.Engine."""

    name: str
    limits: Limits

    def __init__(self, weights: Weights, settings: EngineSettings) -> None:
        self.weights = weights
        self.beginning = Beginning(weights)
        self.buckets = getattr(settings, f"{self.name}_buckets")
        self.batches = getattr(settings, f"{self.name}_batches")
        self.max_batch = max(self.batches)
        self._tile = settings.decode_tile_px // FACTOR
        self._overlap = settings.decode_overlap_px // FACTOR

    def check(self, task: Task) -> None:
        check_task(task, self.limits)

    # What the two engines differ in.

    @abstractmethod
    def _encodings(self, task: Task) -> list[Part]:
        """What fills in `frame`, `noise` and what else the engine needs, drawing in the order of the pipelines."""

    def _extra(self, trajectory: Trajectory) -> torch.Tensor | None:
        """What the UNet sees besides the latents."""
        return None

    def _settle(self, trajectory: Trajectory, latents: torch.Tensor) -> torch.Tensor:
        """The latents as they go into the next step."""
        return latents

    # The way of a trajectory.

    def begin(self, task: Task) -> Trajectory:
        hw = bucket_for(task.image.shape[:2], buckets=self.buckets)
        like = {"device": self.weights.device, "dtype": self.weights.dtype}
        turns = 2 if is_guided(task.params) else 1
        trajectory = Trajectory(
            task=task,
            shape=Shape(hw),
            draw=torch.Generator().manual_seed(task.params.seed & (2**63 - 1)),
            turns=turns,
            steps_total=task.params.steps * turns,
            sizes=torch.tensor([[*hw, 0, 0, *hw]], **like),
            control_scale=torch.full((1, 1, 1, 1), task.params.control_scale, **like),
        )
        self.beginning.prepare(trajectory, encodings=self._encodings(task))
        self.encode(trajectory)
        return trajectory

    @torch.no_grad()
    def encode(self, trajectory: Trajectory) -> None:
        if trajectory.todo[0](trajectory):
            trajectory.todo.popleft()
        if trajectory.encoded:
            trajectory.pixels = trajectory.hole = None
            self._plan(trajectory, evaluations=trajectory.steps_total)
        self._wait()

    def _plan(self, trajectory: Trajectory, *, evaluations: int) -> None:
        """Lay out the levels that so many evaluations pass, and noise the latents for the first of them."""
        trajectory.schedule = Schedule(
            self.weights.scheduler,
            steps=-(-evaluations // trajectory.turns),
            strength=trajectory.task.params.strength,
            device=self.weights.device,
        )
        trajectory.steps_total = evaluations
        trajectory.latents = trajectory.schedule.first(trajectory.frame, trajectory.noise)

    def cut_short(self, trajectory: Trajectory, *, steps: int) -> None:
        if trajectory.step_index:
            raise ValueError("a trajectory that is under way cannot be cut short")
        if 1 <= steps < trajectory.steps_total:
            self._plan(trajectory, evaluations=steps)

    @torch.no_grad()
    def step(self, trajectories: Sequence[Trajectory]) -> None:
        for start in range(0, len(trajectories), self.max_batch):
            batch = trajectories[start : start + self.max_batch]
            scale = batch[0].shape.reference_scale
            if self.weights.adapter is not None:
                self.weights.adapter.set_scale(scale)
            # A compiled UNet has the scale built in, and that is 0.
            predicted = self.weights.denoiser([self._row(trajectory) for trajectory in batch], eager=scale > 0.0)
            for trajectory, noise in zip(batch, predicted.split(1), strict=True):
                self._advance(trajectory, noise)
        self._wait()

    def _row(self, trajectory: Trajectory) -> Row:
        words = trajectory.words[trajectory.turn]
        return Row(
            latents=trajectory.schedule.scaled(trajectory.latents, trajectory.step).to(self.weights.dtype),
            extra=self._extra(trajectory),
            timestep=trajectory.schedule.timestep(trajectory.step),
            tokens=words.tokens,
            pooled=words.pooled,
            sizes=trajectory.sizes,
            control_scale=trajectory.control_scale,
            maps=trajectory.maps,
            reference=trajectory.reference[trajectory.turn] if trajectory.reference else None,
        )

    def _advance(self, trajectory: Trajectory, predicted: torch.Tensor) -> None:
        """One evaluation further; with guidance, the first of two is kept for the second."""
        if trajectory.turn < trajectory.turns - 1:
            trajectory.unguided = predicted
        else:
            if trajectory.unguided is not None:
                predicted = self._guided(trajectory, predicted)
            latents = trajectory.schedule.next(predicted, trajectory.latents, trajectory.step, draw=trajectory.draw)
            trajectory.latents, trajectory.unguided = self._settle(trajectory, latents), None
        trajectory.step_index += 1

    def _guided(self, trajectory: Trajectory, predicted: torch.Tensor) -> torch.Tensor:
        """Further away from what the negative prompt would have."""
        without = trajectory.unguided
        return without + trajectory.task.params.guidance * (predicted - without)

    def decode(self, trajectory: Trajectory) -> bool:
        if trajectory.decoding is None:
            trajectory.decoding = TiledDecode(trajectory.latents, tile=self._tile, overlap=self._overlap)
        trajectory.picture = trajectory.decoding.advance(self.weights.codec.decode)
        self._wait()
        return trajectory.picture is not None

    @torch.no_grad()
    def finish(self, trajectory: Trajectory) -> np.ndarray:
        task, latents, made = trajectory.task, trajectory.latents, trajectory.picture
        trajectory.release()
        wrong = fault(made, task)
        if wrong and self.weights.codec.may_overflow and torch.isfinite(latents).all():
            made = self._decode_again(latents)
            wrong = fault(made, task)
        if wrong:
            raise DeviceError(wrong, _FAULTS[wrong])
        return paste(made, task)

    def _decode_again(self, latents: torch.Tensor) -> torch.Tensor:
        """In higher precision and in one go: rare, and the last chance of the picture."""
        decoding, made = TiledDecode(latents, tile=self._tile, overlap=self._overlap), None
        while made is None:
            made = decoding.advance(self.weights.codec.decode_precisely)
        return made

    def close(self) -> None:
        self.weights = self.beginning = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def warm_up(self, report: Callable[[str, float], None]) -> None:
        for done, (what, tasks) in enumerate(rounds := list(warm_up_tasks(self)), start=1):
            make_all(self, tasks)
            report(what, done / len(rounds))
        self.weights.denoiser.freeze()

    def _wait(self) -> None:
        """A unit of work is over when the device has done it: only then is its time known, and another's turn."""
        if self.weights.device.type == "cuda":
            torch.cuda.synchronize(self.weights.device)


_FAULTS = {
    "not_finite": "the picture came out as no numbers",
    "black_picture": "the picture came out black",
}
