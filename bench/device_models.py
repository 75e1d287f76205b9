"""SDXL with random weights, full size or tiny, built from configurations: time does not depend on what weights say.

Owns the sizes and the filling; must not know what is measured. Nothing is downloaded or read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    ControlNetModel,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    UNet2DConditionModel,
)

from models.engines.acceleration import compiler, place
from models.engines.codec import Codec
from models.engines.denoise import Denoiser
from models.engines.prompts import Words
from models.engines.settings import EngineSettings
from models.engines.weights import Weights

_BLOCKS = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
}
_UP = {"up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")}
_VAE = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "steps_offset": 1}


@dataclass(frozen=True)
class Size:
    """Configurations of the networks, and what is made with them."""

    name: str
    unet: dict[str, Any]
    vae: dict[str, Any]
    taesd: dict[str, Any]
    control: dict[str, Any]
    pooled: int
    """Width of the second text encoder's summary."""
    live_hw: tuple[int, int]
    capture_hw: tuple[int, int]


FULL = Size(
    name="SDXL",
    unet={
        "block_out_channels": (320, 640, 1280),
        "layers_per_block": 2,
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 2048,
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    },
    vae={"block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "sample_size": 1024},
    taesd={},
    control={"conditioning_embedding_out_channels": (16, 32, 96, 256)},
    pooled=1280,
    live_hw=(512, 512),
    capture_hw=(1024, 1024),
)
TINY = Size(
    name="tiny",
    unet={
        "block_out_channels": (8, 16, 16),
        "layers_per_block": 1,
        "transformer_layers_per_block": (1, 1, 1),
        "attention_head_dim": (1, 2, 2),
        "cross_attention_dim": 32,
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": 64,
        "norm_num_groups": 4,
    },
    vae={"block_out_channels": (8, 8, 8, 8), "layers_per_block": 1, "norm_num_groups": 4, "sample_size": 256},
    taesd={"encoder_block_out_channels": (8,) * 4, "decoder_block_out_channels": (8,) * 4},
    control={"conditioning_embedding_out_channels": (4, 4, 8, 8)},
    pooled=16,
    live_hw=(128, 128),
    capture_hw=(256, 256),
)


class Networks:
    """Every network once, on `device`. Nobody is asked to hold two precisions of one."""

    def __init__(self, size: Size, *, device: torch.device, dtype: torch.dtype) -> None:
        self.size, self.device, self.dtype = size, device, dtype
        self.unets = {channels: self._make(lambda c=channels: _unet(size, c)) for channels in (4, 9)}
        self.vae = self._make(lambda: AutoencoderKL(**_VAE, **size.vae, scaling_factor=0.13025, force_upcast=False))
        self.taesd = self._make(lambda: AutoencoderTiny(**size.taesd))
        self.control = self._make(lambda: ControlNetModel(in_channels=4, **_BLOCKS, **size.unet, **size.control))

    def _make(self, make: Callable[[], Any]) -> Any:
        """Filled on the device: a CPU takes half a minute to draw SDXL's numbers."""
        with torch.device("meta"):
            network = make().to(self.dtype)
        network = network.to_empty(device=self.device)
        draw = torch.Generator(self.device).manual_seed(0)
        with torch.no_grad():
            for parameter in network.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(std=parameter[0].numel() ** -0.5, generator=draw)
                else:
                    parameter.zero_()
            for module in network.modules():
                if isinstance(module, (torch.nn.GroupNorm, torch.nn.LayerNorm)):
                    module.weight.fill_(1.0)
        return place(network, EngineSettings(), device=self.device, dtype=self.dtype)

    def weights(self, engine: str, settings: EngineSettings, *, compiled: bool = False, small: bool = True) -> Weights:
        """What an engine is made of; `small` takes TAESD for keyframes."""
        settings = replace(settings, enable_torch_compile=compiled)
        live = engine == "turbo"
        return Weights(
            denoiser=Denoiser(
                self.unets[4 if live else 9],
                {},
                compile=compiler(settings, self.device),
                batch_sizes=settings.turbo_batches if live else settings.inpaint_batches,
            ),
            codec=Codec(self.taesd if live and small else self.vae, device=self.device, latent_dtype=self.dtype),
            prompts=_RandomWords(self),
            scheduler=scheduler(engine),
            device=self.device,
            dtype=self.dtype,
        )

    def words(self, seed: int) -> Words:
        """As if a text encoder had said so."""
        draw = torch.Generator().manual_seed(seed)
        like = {"device": self.device, "dtype": self.dtype}
        tokens = torch.randn(1, 77, self.size.unet["cross_attention_dim"], generator=draw).to(**like)
        return Words(tokens, torch.randn(1, self.size.pooled, generator=draw).to(**like))


def scheduler(engine: str) -> Any:
    """As the models were published."""
    if engine == "turbo":
        return EulerAncestralDiscreteScheduler(**_BETAS, timestep_spacing="trailing")
    return EulerDiscreteScheduler(**_BETAS, timestep_spacing="leading")


def _unet(size: Size, channels: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(in_channels=channels, out_channels=4, **_BLOCKS, **_UP, **size.unet)


class _RandomWords:
    """In the place of models.engines.prompts.Prompts."""

    def __init__(self, networks: Networks) -> None:
        self._positive, self._negative = networks.words(1), networks.words(2)

    def read(self, text: str) -> Words:
        return self._positive

    def read_negative(self, text: str) -> Words:
        return self._negative
