"""Encodes a picture block by block, so that a keyframe never waits for the whole of a large one.

Owns the order of an encoder's blocks and what lies between two of them; must not know what the latents are for. Tiles
would not do here: norms and attention look at the whole picture. Cut between its blocks, the autoencoder computes what
it always does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

Block = Callable[[torch.Tensor], torch.Tensor]


class BlockEncode:
    """One picture on its way through the blocks."""

    def __init__(self, picture: torch.Tensor, blocks: Sequence[Block]) -> None:
        self._seen = picture
        self._todo = list(blocks)

    def advance(self) -> torch.Tensor | None:
        """Run the next block; what comes out of the encoder, once that was the last."""
        self._seen = self._todo.pop(0)(self._seen)
        return None if self._todo else self._seen


def blocks_of(vae: Any) -> list[Block]:
    """AutoencoderKL's encoder in three parts, each less than a step of the UNet; a small autoencoder's in one.

    The first works at the picture's full size, the last looks from every place at every other.
    """
    encoder = vae.encoder
    if not hasattr(encoder, "down_blocks"):
        return [encoder]
    first, *others = encoder.down_blocks
    last = [encoder.mid_block, encoder.conv_norm_out, encoder.conv_act, encoder.conv_out]
    if vae.quant_conv is not None:
        last.append(vae.quant_conv)
    return [nn.Sequential(encoder.conv_in, first), nn.Sequential(*others), nn.Sequential(*last)]
