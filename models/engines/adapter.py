"""A picture as part of the prompt: the IP-Adapter.

Owns the image encoder and how much it counts; must not know what the picture shows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from PIL import Image

Pair = tuple[torch.Tensor, torch.Tensor]


class Adapter:
    """The IP-Adapter of a pipeline that has loaded one."""

    def __init__(self, pipeline: Any, *, device: torch.device, dtype: torch.dtype) -> None:
        self._pipeline = pipeline
        self._device, self._dtype = device, dtype
        self._blank: Pair | None = None
        self._scale: float | None = None

    @torch.no_grad()
    def look(self, image: np.ndarray | None) -> Pair:
        """What the UNet is told without and with the picture; both empty for None."""
        if image is not None:
            return self._encode(image)
        if self._blank is None:
            empty, _ = self._encode(np.zeros((32, 32, 3), np.uint8))
            self._blank = (empty, empty)
        return self._blank

    def set_scale(self, scale: float) -> None:
        """How much the picture counts from now on; at 0 the UNet leaves it out."""
        if scale != self._scale:
            self._pipeline.set_ip_adapter_scale(scale)
            self._scale = scale

    def _encode(self, image: np.ndarray) -> Pair:
        (both,) = self._pipeline.prepare_ip_adapter_image_embeds(
            Image.fromarray(image), None, self._device, 1, do_classifier_free_guidance=True
        )
        without, seen = both.to(self._dtype).chunk(2)
        return without, seen
