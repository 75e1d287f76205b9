"""What an operator may choose about the diffusion engines.

Owns names and defaults; must not import torch, so that the server can speak of engines on a machine without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Hw = tuple[int, int]

CONTROLS = ("edge", "depth", "normal", "pose", "segmentation")
"""Kinds of control maps that the fitting can make."""

TURBO_BUCKETS: tuple[Hw, ...] = ((512, 512), (512, 384), (384, 512), (576, 320), (320, 576))
"""Around 512 px: square, and 3:4 and 9:16 as cameras have it, standing and lying. A picture is made in the bucket whose
proportions are nearest to its own."""

INPAINT_BUCKETS: tuple[Hw, ...] = (
    *((1024, 1024), (1024, 768), (768, 1024), (1152, 768), (768, 1152), (1152, 640), (640, 1152)),
)
"""The same around 1024 px, and 2:3 as photos have it."""


@dataclass(frozen=True)
class EngineSettings:
    """Models are hub ids ("name/model", "name/model@revision") or folders in the layout of diffusers."""

    device: str = "auto"
    """auto, cpu, cuda or cuda:1. auto takes the GPU where there is one."""
    folder: Path = Path("data/weights/diffusion")
    """Where fetched models lie; the cache of huggingface_hub is looked at as well."""

    turbo: str = "stabilityai/sdxl-turbo"
    turbo_unet: str = ""
    """Model and file of a distilled UNet for it: ByteDance/SDXL-Lightning:sdxl_lightning_4step_unet.safetensors."""
    taesd: str = "madebyollin/taesdxl"
    """Small autoencoder that keyframes are encoded and decoded with."""
    turbo_full_vae: bool = False
    """Keyframes through the model's own autoencoder: truer, and some 15 times the work."""
    inpaint: str = "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"
    vae: str = "madebyollin/sdxl-vae-fp16-fix"
    """Autoencoder of captures; empty for the model's own, which overflows in fp16 and runs in bf16 or fp32 instead."""
    controlnets: Mapping[str, str] = field(default_factory=dict)
    """Model by kind of map, see CONTROLS."""
    ip_adapter: str = ""
    """Model and file, e.g. h94/IP-Adapter:sdxl_models/ip-adapter_sdxl.safetensors; empty for none."""

    use_fp16: bool = True
    """Half precision, on CUDA only; a CPU always runs in fp32."""
    enable_xformers: bool = False
    enable_attention_slicing: bool = False
    """Less memory, more time. Without either, attention is PyTorch's own (SDPA)."""
    enable_torch_compile: bool = False

    turbo_buckets: tuple[Hw, ...] = TURBO_BUCKETS
    inpaint_buckets: tuple[Hw, ...] = INPAINT_BUCKETS
    turbo_batches: tuple[int, ...] = (1, 2, 4, 8)
    """How many keyframes share a step; the last is the most. Only these are compiled: one in between is filled up."""
    inpaint_batches: tuple[int, ...] = (1,)
    """At 1024 px one picture fills the device; a second one saves nothing."""
    decode_tile_px: int = 640
    """Larger pictures leave the full autoencoder in tiles of this size."""
    decode_overlap_px: int = 256
