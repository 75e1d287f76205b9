"""What the UNet is told in words.

Owns the text encoders' output and the memory of it; must not know what a jacket is.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import torch

KEPT = 256
"""Prompts that are remembered, some 0.3 MB each. Wishes repeat: one catalog, a few cuts."""


@dataclass(frozen=True)
class Words:
    """A prompt as the UNet reads it; in the UNet's dtype, on its device."""

    tokens: torch.Tensor
    """(1, 77, D): one vector per token, of both encoders."""
    pooled: torch.Tensor
    """(1, P)"""


class Prompts:
    """The text encoders of a pipeline, with a memory."""

    def __init__(self, pipeline: Any, *, device: torch.device, dtype: torch.dtype) -> None:
        self._pipeline = pipeline
        self._device, self._dtype = device, dtype
        self._known: OrderedDict[str, Words] = OrderedDict()

    def read(self, text: str) -> Words:
        """The words of `text`; what goes beyond 77 tokens is cut off."""
        if text not in self._known:
            self._known[text] = self._encode(text)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(text)
        return self._known[text]

    def read_negative(self, text: str) -> Words:
        """The same; no text is nothing at all where the model was trained so."""
        words = self.read(text)
        if text or not self._pipeline.config.force_zeros_for_empty_prompt:
            return words
        return Words(torch.zeros_like(words.tokens), torch.zeros_like(words.pooled))

    def _encode(self, text: str) -> Words:
        tokens, _, pooled, _ = self._pipeline.encode_prompt(
            text, device=self._device, do_classifier_free_guidance=False
        )
        return Words(tokens.to(self._device, self._dtype), pooled.to(self._device, self._dtype))
