"""Decodes latents piece by piece, so that a keyframe never waits for the whole of a large picture.

Owns where the tiles lie and how they are blended; must not know the autoencoder. All tiles of a picture are of one
size; where they overlap, each counts the less the nearer its edge is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

import torch

Decode = Callable[[torch.Tensor], torch.Tensor]
"""(1, 4, h, w) latents to a (1, 3, 8h, 8w) picture."""


class TiledDecode:
    """One picture on its way out of its latents. `tile` and `overlap` count latents, not pixels."""

    def __init__(self, latents: torch.Tensor, *, tile: int, overlap: int) -> None:
        self._latents = latents
        self._overlap = overlap
        self._hw = tuple(min(tile, side) for side in latents.shape[-2:])
        rows, columns = (starts(side, tile=tile, overlap=overlap) for side in latents.shape[-2:])
        self._todo = list(product(rows, columns))
        self._sum: torch.Tensor | None = None
        self._weight: torch.Tensor | None = None

    def advance(self, decode: Decode) -> torch.Tensor | None:
        """Decode the next tile; the picture, float32 (1, 3, H, W), once that was the last."""
        top, left = self._todo.pop(0)
        height, width = self._hw
        made = decode(self._latents[..., top : top + height, left : left + width]).float()
        if self._hw == tuple(self._latents.shape[-2:]):
            return made
        self._add(made, made.shape[-1] // width, top, left)
        return None if self._todo else self._sum / self._weight

    def _add(self, made: torch.Tensor, factor: int, top: int, left: int) -> None:
        if self._sum is None:
            height, width = (side * factor for side in self._latents.shape[-2:])
            self._sum = made.new_zeros(1, made.shape[1], height, width)
            self._weight = made.new_zeros(1, 1, height, width)
        weight = _ramp(made.shape[-2:], self._overlap * factor, made.device)
        area = (..., slice(top * factor, None), slice(left * factor, None))
        height, width = made.shape[-2:]
        self._sum[area][..., :height, :width] += made * weight
        self._weight[area][..., :height, :width] += weight


def starts(side: int, *, tile: int, overlap: int) -> list[int]:
    """Where tiles begin along a side: as few as cover it with at least `overlap` in common, evenly placed."""
    if side <= tile:
        return [0]
    count = math.ceil((side - overlap) / (tile - overlap))
    return [round(index * (side - tile) / (count - 1)) for index in range(count)]


def _ramp(hw: tuple[int, int], width: int, device: torch.device) -> torch.Tensor:
    """(H, W): 1 inside, falling towards the edges over `width` pixels, never 0."""
    along = [((torch.arange(side, device=device) + 0.5) / max(width, 1)).clamp(max=1.0) for side in hw]
    down, across = (torch.minimum(ramp, ramp.flip(0)) for ramp in along)
    return down[:, None] * across[None, :]
