"""One evaluation of the UNet for several trajectories at once.

Owns the batch: a row per trajectory, each with its own timestep, prompt, conditions and maps. Must not know schedules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from utils.errors import DeviceError

UNET = "unet"

Maps = dict[str, torch.Tensor]


@dataclass
class Row:
    """What the UNet is asked for one trajectory; the first dimension of each tensor is 1. See Trajectory."""

    latents: torch.Tensor
    """(1, 4, h, w), scaled for the timestep."""
    extra: torch.Tensor | None
    """(1, 5, h, w): mask and masked frame, for a UNet of 9 channels."""
    timestep: torch.Tensor
    tokens: torch.Tensor
    pooled: torch.Tensor
    sizes: torch.Tensor
    control_scale: torch.Tensor
    maps: Maps = field(default_factory=dict)
    reference: torch.Tensor | None = None


class Denoiser:
    """A UNet with its ControlNets. Compiled, they only see batches of `batch_sizes`, filled up as needed."""

    def __init__(
        self,
        unet: Any,
        controlnets: Mapping[str, Any],
        *,
        compile: Callable[[Any], Any] | None = None,
        batch_sizes: Sequence[int] = (),
    ) -> None:
        self.unet = unet
        self.controlnets = dict(controlnets)
        self._batch_sizes = tuple(sorted(batch_sizes))
        self._eager = {UNET: unet, **self.controlnets}
        self.networks = {name: compile(network) for name, network in self._eager.items()} if compile else self._eager
        """As they are called, by UNET and kind of map."""
        self.is_compiled = compile is not None
        self._frozen = False

    def freeze(self) -> None:
        """Compile nothing from now on: a new shape is an error, not a pause of minutes."""
        self._frozen = True

    @torch.no_grad()
    def __call__(self, rows: Sequence[Row], *, eager: bool = False) -> torch.Tensor:
        """(B, 4, h, w): the noise seen in each row. `eager` leaves what is compiled aside.

        Raises:
            DeviceError: shape_not_warmed.
        """
        if eager or not self.is_compiled:
            return self._evaluate(rows, self._eager)
        fitting = (size for size in self._batch_sizes if size >= len(rows))
        filled = [*rows, *[rows[-1]] * (min(fitting, default=len(rows)) - len(rows))]
        try:
            if rows[0].latents.is_cuda:
                torch.compiler.cudagraph_mark_step_begin()
            with torch.compiler.set_stance("fail_on_recompile" if self._frozen else "default"):
                # A copy: the next replay of a CUDA graph writes over its output.
                return self._evaluate(filled, self.networks)[: len(rows)].clone()
        except RuntimeError as error:
            if "fail_on_recompile" not in str(error):
                raise
        raise DeviceError("shape_not_warmed", "this size was not prepared for when the engine started")

    def _evaluate(self, rows: Sequence[Row], networks: Mapping[str, Any]) -> torch.Tensor:
        latents, timesteps, tokens = _cat(rows, "latents"), _cat(rows, "timestep"), _cat(rows, "tokens")
        conditions: dict[str, Any] = {"text_embeds": _cat(rows, "pooled"), "time_ids": _cat(rows, "sizes")}
        told = {"encoder_hidden_states": tokens, "return_dict": False}
        residuals = {}
        if rows[0].maps:
            residuals = self._residuals(rows, networks, (latents, timesteps), {**told, "added_cond_kwargs": conditions})
        if rows[0].reference is not None:
            conditions = {**conditions, "image_embeds": [_cat(rows, "reference")]}
        seen = latents if rows[0].extra is None else torch.cat([latents, _cat(rows, "extra")], dim=1)
        return networks[UNET](seen, timesteps, added_cond_kwargs=conditions, **told, **residuals)[0]

    def _residuals(self, rows: Sequence[Row], networks: Mapping[str, Any], given: tuple, told: dict) -> dict:
        """What the ControlNets add inside the UNet, summed over the kinds of maps."""
        scale = _cat(rows, "control_scale")
        total: list[torch.Tensor] = []
        for kind in rows[0].maps:
            seen = torch.cat([row.maps[kind] for row in rows])
            down, middle = networks[kind](*given, controlnet_cond=seen, conditioning_scale=scale, **told)
            # A copy, as above: the UNet's replay comes before these are read.
            parts = [part.clone() for part in (*down, middle)] if self.is_compiled else [*down, middle]
            total = [before + part for before, part in zip(total, parts, strict=True)] if total else parts
        return {"down_block_additional_residuals": tuple(total[:-1]), "mid_block_additional_residual": total[-1]}


def _cat(rows: Sequence[Row], name: str) -> torch.Tensor:
    return torch.cat([getattr(row, name) for row in rows])
