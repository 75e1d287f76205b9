"""How still a garment hangs on somebody who stands still. Owns the measurement, on the live path."""

from __future__ import annotations

import numpy as np

from bench.streams import FPS, framed, take
from garment.dressing import LIVE, Dressed, Dresser
from garment.pyramid import Pyramid
from models.fitting import sight_of
from models.perception import Perception

SETTLING = 15
_ANCHORS = ("shoulder_left", "shoulder_right", "hem_left", "hem_right")


def jitter_px(photo: np.ndarray, perception: Perception, pyramid: Pyramid, *, frames: int) -> dict[str, float]:
    """RMS distance from the mean, in pixels of a 640 x 480 picture, over `frames` frames that differ in noise alone.

    For the shoulders' anchors, the hem's, and the centroid of the garment's opacity in the picture.
    """
    noise = np.random.default_rng(3)
    dresser, places = Dresser(), []
    view = framed(photo.shape[:2])
    for index in range(SETTLING + frames):
        frame = take(photo, view, noise=noise)
        percept = perception.look(frame, at_ms=index * 1e3 / FPS)
        dressed = dresser.dress(frame, sight_of(percept), pyramid, finish=LIVE) if percept is not None else None
        if dressed is None or dressed.drape is None:
            raise RuntimeError("nobody could be dressed in a frame of a still film")
        if index >= SETTLING:
            places.append(_places(dressed))
    away = np.linalg.norm(np.array(places) - np.mean(places, axis=0), axis=2)
    rms = np.sqrt((away**2).mean(axis=0))
    return {"shoulders": float(rms[:2].max()), "hem": float(rms[2:4].max()), "centroid": float(rms[4])}


def _places(dressed: Dressed) -> np.ndarray:
    """(5, 2): the anchors, then the centroid."""
    assert dressed.drape is not None
    alpha = dressed.composite.alpha.astype(np.float64)
    y, x = (alpha.sum(axis=axis) @ np.arange(alpha.shape[1 - axis]) / alpha.sum() for axis in (1, 0))
    return np.array([*(dressed.drape.anchors[name] for name in _ANCHORS), (x, y)])
