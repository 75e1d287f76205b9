"""What lies around a piece, under alpha 0: cloth that goes on with its pattern, or at least its colour.

Owns the pixels outside the silhouette; must not know what a sheet shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GOES_ON_MM = 50.0
"""As far as a draper may carry cloth on over what sticks out from under it."""
_BLEED_MM = 16.0
SOLID = 0.02
_TURN = 0.6  # slope that the cloth has gained where it ends
_OPENING_MM = 40.0  # over this it comes out of the shadow that the edge lies in


@dataclass(frozen=True)
class Rim:
    """The empty pixels near a silhouette; all arrays are (n,)."""

    to: np.ndarray
    """int32 flat indices."""
    source: np.ndarray
    """int32 flat indices of the nearest covered pixels."""
    away_mm: np.ndarray
    """float32 distance from them."""

    def bleed(self, goes_on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where only a colour is wanted, and whence: near the silhouette, and not where bool (n,) `goes_on`."""
        only = ~goes_on & (self.away_mm < _BLEED_MM)
        return self.to[only], self.source[only]

    def turn_away(self, slope: np.ndarray, shade: np.ndarray, goes_on: np.ndarray) -> None:
        """Where cloth goes on, continue float32 (H, W, 2) `slope` and (H, W) `shade` from the edge, as on a form that
        rounds off in an open light."""
        to, source, away = self.to[goes_on], self.source[goes_on], self.away_mm[goes_on]
        width = slope.shape[1]
        outwards = np.column_stack([to % width - source % width, to // width - source // width]).astype(np.float32)
        outwards /= np.maximum(np.hypot(outwards[:, 0], outwards[:, 1]), 1e-6)[:, None]
        gained = _TURN * (away / GOES_ON_MM) ** 2
        flat, dark = slope.reshape(-1, 2), shade.reshape(-1)
        flat[to] = flat[source] - outwards * gained[:, None]
        dark[to] = dark[source] + (1.0 - dark[source]) * np.minimum(away / _OPENING_MM, 1.0)


def rim_of(alpha: np.ndarray, *, px_per_mm: float) -> Rim:
    """The pixels around float32 (H, W) coverage as far as cloth can go on."""
    solid = alpha > SOLID
    distance, labels = cv2.distanceTransformWithLabels(
        (~solid).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.empty(int(labels.max()) + 1, np.int32)
    source[labels[solid]] = np.flatnonzero(solid)
    to = np.flatnonzero(~solid & (distance < GOES_ON_MM * px_per_mm)).astype(np.int32)
    return Rim(to, source[labels.ravel()[to]], distance.ravel()[to] / np.float32(px_per_mm))
