"""What is asked of a fitting and what it answers. Owns the two dataclasses; must not know how the answer is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from garment.wardrobe import Wish


@dataclass(frozen=True)
class Output:
    """How the picture is to be encoded."""

    format: str = "jpeg"
    """jpeg, webp or png."""
    quality: int = 85
    """1-100, for jpeg and webp."""
    long_side: int | None = None
    """Pixels of the longer side at most; None keeps the frame's size."""


@dataclass(frozen=True)
class FitRequest:
    """One frame and what is to be done with it. Everything encoded is untrusted."""

    frame: bytes
    wish: Wish
    layer: bytes | None = None
    """The client's own render, encoded RGBA, aligned with the frame; goes before the wish."""
    landmarks: Sequence[Sequence[float]] | None = None
    """33 x [x, y, z, visibility], normalised; found here when None."""
    output: Output = Output()
    seed: int = 0
    steps: int | None = None
    """UNet evaluations, where an engine makes the picture; None for what the settings say."""
    captured_ms: float | None = None
    include: frozenset[str] = frozenset()
    """Of landmarks, mask, layer: what is to come back beside the picture."""


@dataclass(frozen=True)
class Fitted:
    """The answer to one frame."""

    image: bytes
    media_type: str
    hw: tuple[int, int]
    stage: str
    """enhanced by an engine, composite, or mirror when nobody was dressed."""
    degraded: bool
    """Whether less was shown than was wished for; `reason` says why."""
    reason: str | None
    seed: int
    timings_ms: dict[str, float]
    quality: dict[str, float | None]
    """Self-checks, empty on live frames that were not checked."""
    landmarks: list[list[float]] | None
    extras: dict[str, bytes] = field(default_factory=dict)
    """PNGs asked for by `include`."""
