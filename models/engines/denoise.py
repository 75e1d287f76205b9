"""One evaluation of the UNet for several trajectories at once.

Owns the batch: a row per trajectory, each with its own timestep, prompt, conditions and maps. Must not know schedules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

Maps = dict[str, torch.Tensor]


@dataclass
class Row:
    """What the UNet is asked for one trajectory; the first dimension of each tensor is 1."""

    latents: torch.Tensor
    """(1, 4, h, w), scaled for the timestep."""
    extra: torch.Tensor | None
    """(1, 5, h, w): mask and masked frame, for a UNet of 9 channels."""
    timestep: torch.Tensor
    tokens: torch.Tensor
    pooled: torch.Tensor
    sizes: torch.Tensor
    """(1, 6): the size that the picture is said to have had, its crop, its target."""
    control_scale: torch.Tensor
    """(1, 1, 1, 1)"""
    maps: Maps = field(default_factory=dict)
    reference: torch.Tensor | None = None


class Denoiser:
    """A UNet with its ControlNets. `batch_sizes`, if any, are the only ones it is called with."""

    def __init__(self, unet: Any, controlnets: Mapping[str, Any], *, batch_sizes: Sequence[int] = ()) -> None:
        self.unet = unet
        self.controlnets = dict(controlnets)
        self._batch_sizes = tuple(batch_sizes)

    @torch.no_grad()
    def __call__(self, rows: Sequence[Row]) -> torch.Tensor:
        """(B, 4, h, w): the noise seen in each row."""
        count = len(rows)
        rows = [*rows, *[rows[-1]] * (self._filled(count) - count)]
        given = {name: torch.cat([getattr(row, name) for row in rows]) for name in ("latents", "timestep", "tokens")}
        conditions = {"text_embeds": _cat(rows, "pooled"), "time_ids": _cat(rows, "sizes")}
        residuals = self._residuals(rows, given, conditions)
        if rows[0].reference is not None:
            conditions["image_embeds"] = [_cat(rows, "reference")]
        sample = given["latents"]
        if rows[0].extra is not None:
            sample = torch.cat([sample, _cat(rows, "extra")], dim=1)
        predicted = self.unet(
            sample,
            given["timestep"],
            encoder_hidden_states=given["tokens"],
            added_cond_kwargs=conditions,
            return_dict=False,
            **residuals,
        )[0]
        return predicted[:count].clone()  # the next replay of a CUDA graph writes over it

    def _filled(self, count: int) -> int:
        """The smallest compiled batch that `count` rows fit into."""
        return min((size for size in self._batch_sizes if size >= count), default=count)

    def _residuals(self, rows: Sequence[Row], given: dict, conditions: dict) -> dict:
        """What the ControlNets add to the UNet, summed over the kinds of maps."""
        total: list[torch.Tensor] = []
        scale = _cat(rows, "control_scale")
        for kind in rows[0].maps:
            *down, middle = _flat(
                self.controlnets[kind](
                    given["latents"],
                    given["timestep"],
                    encoder_hidden_states=given["tokens"],
                    controlnet_cond=torch.cat([row.maps[kind] for row in rows]),
                    conditioning_scale=scale,
                    added_cond_kwargs=dict(conditions),
                    return_dict=False,
                )
            )
            parts = [*down, middle]
            total = [before + part for before, part in zip(total, parts, strict=True)] if total else parts
        if not total:
            return {}
        return {"down_block_additional_residuals": tuple(total[:-1]), "mid_block_additional_residual": total[-1]}


def _cat(rows: Sequence[Row], name: str) -> torch.Tensor:
    return torch.cat([getattr(row, name) for row in rows])


def _flat(output: tuple) -> list[torch.Tensor]:
    down, middle = output
    return [*down, middle]
