"""What an engine is made of. Owns the bundle; must not know how it is loaded (loading.py) or used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from models.engines.adapter import Adapter
from models.engines.codec import Codec
from models.engines.denoise import Denoiser
from models.engines.prompts import Prompts


@dataclass(frozen=True)
class Weights:
    """Everything an engine is made of, loaded and on its device."""

    denoiser: Denoiser
    codec: Codec
    prompts: Prompts
    scheduler: Any
    """A diffusers scheduler; every trajectory gets a copy."""
    device: torch.device
    dtype: torch.dtype
    """Of the UNet and of the latents."""
    adapter: Adapter | None = None
