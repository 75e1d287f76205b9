"""Pictures into latents and back.

Owns an autoencoder, the full one or the small one (TAESD), and its precision; must not know what the latents are for.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from models.engines.blocks import BlockEncode, blocks_of

FACTOR = 8
"""Pixels per latent, each way."""


class Codec:
    """`latent_dtype` is that of the UNet; the autoencoder may have another."""

    def __init__(self, vae: Any, *, device: torch.device, latent_dtype: torch.dtype) -> None:
        self.vae = vae
        self._blocks = blocks_of(vae)
        self._device = device
        self._latent_dtype = latent_dtype

    @property
    def draws(self) -> bool:
        """Whether encoding takes a draw: the full autoencoder gives a distribution, the small one a point."""
        return hasattr(self.vae, "quant_conv")

    @property
    def may_overflow(self) -> bool:
        """Whether a second try in higher precision can help."""
        return self.vae.dtype != torch.float32

    def encoding(self, picture: torch.Tensor) -> BlockEncode:
        """A float (1, 3, H, W) picture in [-1, 1], about to be encoded."""
        return BlockEncode(picture.to(self.vae.dtype), self._blocks)

    @torch.no_grad()
    def encode(self, encoding: BlockEncode, *, draw: torch.Generator) -> torch.Tensor | None:
        """Run the next block; the (1, 4, h, w) latents, once that was the last."""
        found = encoding.advance()
        if found is None:
            return None
        latents = DiagonalGaussianDistribution(found).sample(draw) if self.draws else found
        return latents.to(self._latent_dtype) * self.vae.config.scaling_factor

    @torch.no_grad()
    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """(1, 3, 8h, 8w), about [-1, 1]."""
        return self.vae.decode(latents.to(self.vae.dtype) / self.vae.config.scaling_factor, return_dict=False)[0]

    def decode_precisely(self, latents: torch.Tensor) -> torch.Tensor:
        """The same in fp32. The weights come back as they were: every half-precision number is one of fp32."""
        dtype = self.vae.dtype
        self.vae.to(torch.float32)
        try:
            return self.decode(latents)
        finally:
            self.vae.to(dtype)

    def picture(self, image: np.ndarray, hw: tuple[int, int]) -> torch.Tensor:
        """float32 (1, 3, H, W) in [-1, 1] at size `hw`, from uint8 RGB."""
        return self.unit(image, hw) * 2.0 - 1.0

    def unit(self, image: np.ndarray, hw: tuple[int, int]) -> torch.Tensor:
        """float32 (1, 3, H, W) in [0, 1] at size `hw`, from uint8 RGB."""
        pixels = torch.tensor(image, device=self._device).permute(2, 0, 1)[None].float() / 255.0
        return _resized(pixels, hw)

    def hard_mask(self, mask: np.ndarray, hw: tuple[int, int]) -> torch.Tensor:
        """float32 (1, 1, H, W), 1 where the picture is made anew, 0 elsewhere: latents know no halves."""
        shares = torch.tensor(mask, device=self._device)[None, None].float() / 255.0
        return (_resized(shares, hw) >= 0.5).float()


def _resized(picture: torch.Tensor, hw: tuple[int, int]) -> torch.Tensor:
    """On the device: a processor would take longer over it than the autoencoder. Proportions are not kept."""
    if tuple(picture.shape[-2:]) == tuple(hw):
        return picture
    return F.interpolate(picture, size=hw, mode="bicubic", antialias=True, align_corners=False).clamp(0.0, 1.0)
