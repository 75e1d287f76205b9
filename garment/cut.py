"""A cut: one jacket pattern drawn once, before any cloth is chosen.

Owns the maps that making up needs, cropped per panel; must not know materials, how the maps are drawn, or bodies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

CLOTHS = ("suiting", "facing", "shirting", "tie", "horn", "pearl", "thread")
"""What a panel can be made of. The first four are the client's choice; the others follow from the suiting."""


UV_STEPS_PER_MM, SLOPE_STEPS, GRAIN_PX = 32, 1024, 8
"""How finely a cut is kept: tens of megabytes otherwise go into digits that nobody sees."""


@dataclass(frozen=True)
class Panel:
    """One piece of cloth (or a button) as seen from the front, cropped to its own rectangle of the piece."""

    name: str
    cloth: str
    """One of CLOTHS."""
    xy: tuple[int, int]
    """Top left corner in the piece, pixels."""
    alpha: np.ndarray
    """uint8 (h, w): coverage of the pixel by this panel."""
    uv: np.ndarray
    """int16 (h, w, 2): along weft and warp of the cloth, in the frame of the panel's own grain, in UV_STEPS_PER_MM."""
    grain: np.ndarray
    """float32 (h', w', 2): cosine and sine of the turn from the picture's axes to the panel's grain, which changes so
    slowly that one value for GRAIN_PX pixels each way is enough."""
    tone: np.ndarray | None = None
    """uint8 (h, w): shading that is part of the thing itself (the figure of horn), 128 = none."""
    beyond: np.ndarray | None = None
    """uint8 (h, w), 0 or 255: where the cloth goes on with its pattern outside the silhouette, under alpha 0."""


@dataclass(frozen=True)
class CutPiece:
    """One separately moving part, as large as the `garment.garment.Piece` that will be made from it."""

    name: str
    panels: tuple[Panel, ...]
    """From the bottom up."""
    alpha: np.ndarray
    """uint8 (H, W): the silhouette."""
    slope: np.ndarray
    """int16 (H, W, 2): dz/dx and dz/dy of the surface, y down, without the cloth's own texture, in SLOPE_STEPS."""
    occlusion: np.ndarray
    """uint8 (H, W): 255 where the sky is open, less under lapels, flaps and folds."""
    anchors: dict[str, tuple[float, float]]
    """Pixels of this piece."""
    bleed: tuple[np.ndarray, np.ndarray]
    """int32 (n,) flat indices: empty pixels near the silhouette, and the nearest covered pixel of each. Panels that
    go on beyond it have no part in this."""


@dataclass(frozen=True)
class Cut:
    """A jacket pattern in its canonical front view."""

    id: str
    name: str
    """What a customer calls it."""
    pieces: dict[str, CutPiece]
    px_per_mm: float
