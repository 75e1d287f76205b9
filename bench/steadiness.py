"""How still a garment hangs on somebody who stands still, and how well it goes along with somebody who moves.

Owns both measurements, on the live path; must not know people or goals. One alone is easily met: by a garment that is
nailed down, or by one that trembles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from bench.streams import FPS, HW, framed, take
from garment.dressing import LIVE, Dressed, Dresser
from garment.pyramid import Pyramid
from models.fitting import sight_of
from models.perception import Perception

SETTLING = 15
_REFERENCE = 15  # frames before she moves, over which her place is averaged
_ANCHORS = ("shoulder_left", "shoulder_right", "hem_left", "hem_right")
_STEP_S, _STEP = 0.6, 0.1  # share of the frame's width
_SWAY_S, _SWAY, _ROLL = 2.5, 0.05, 2.0  # seconds a sway, share of the width, degrees
_NEARER_S, _NEARER = 3.0, -0.18  # share of the size
_CREEP = 0.012  # share of the width a second


def jitter_px(photo: np.ndarray, perception: Perception, pyramid: Pyramid, *, frames: int) -> dict[str, float]:
    """RMS distance from the mean, in pixels of a 640 x 480 picture, over `frames` frames that differ in noise alone.

    For the shoulders' anchors, the hem's, and the centroid of the garment's opacity in the picture.
    """
    film = _film(photo, [np.eye(3)[:2]] * (SETTLING + frames))
    places = np.array([_places(dressed) for dressed in _dressed(film, perception, pyramid)])[SETTLING:]
    away = np.linalg.norm(places - places.mean(axis=0), axis=2)
    rms = np.sqrt((away**2).mean(axis=0))
    return {"shoulders": float(rms[:2].max()), "hem": float(rms[2:4].max()), "centroid": float(rms[4])}


def left_behind(
    photo: np.ndarray, perception: Perception, pyramid: Pyramid, *, motion: str, frames: int
) -> dict[str, float]:
    """How far the shoulders' anchors are from where they belong while the picture goes through one of MOTIONS.

    They belong where the motion, which is known, has carried the places they had before it began. RMS and largest
    distance over both shoulders and `frames` frames, in shares of the distance between the anchors.
    """
    still = SETTLING + _REFERENCE
    moves = [np.eye(3)[:2]] * still + [MOTIONS[motion]((index + 1) / FPS) for index in range(frames)]
    places = np.array([_places(dressed)[:2] for dressed in _dressed(_film(photo, moves), perception, pyramid)])
    before = places[SETTLING:still].mean(axis=0)
    belong = np.array([before @ move[:, :2].T + move[:, 2] for move in moves[still:]])
    away = np.linalg.norm(places[still:] - belong, axis=2) / np.linalg.norm(before[0] - before[1])
    return {"rms": float(np.sqrt((away**2).mean())), "worst": float(away.max())}


def _step(at_s: float) -> np.ndarray:
    """To the side, and stay."""
    share = 0.5 - 0.5 * math.cos(math.pi * min(at_s / _STEP_S, 1.0))
    return _moved(across=_STEP * share)


def _sway(at_s: float) -> np.ndarray:
    phase = 2 * math.pi * at_s / _SWAY_S
    return _moved(across=_SWAY * math.sin(phase), roll=_ROLL * math.sin(phase))


def _back_and_forth(at_s: float) -> np.ndarray:
    return _moved(larger=_NEARER * (0.5 - 0.5 * math.cos(2 * math.pi * at_s / _NEARER_S)))


def _creep(at_s: float) -> np.ndarray:
    """So slowly that it might be taken for the tracker's wandering."""
    return _moved(across=_CREEP * at_s)


MOTIONS: dict[str, Callable[[float], np.ndarray]] = {
    "step": _step,
    "sway": _sway,
    "back and forth": _back_and_forth,
    "creep": _creep,
}
"""By name: (2, 3) from the still frame to the one that many seconds later, for frames of HW."""


def _moved(*, across: float = 0.0, roll: float = 0.0, larger: float = 0.0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((HW[1] / 2, HW[0] / 2), roll, 1.0 + larger)
    matrix[0, 2] += across * HW[1]
    return matrix


def _film(photo: np.ndarray, moves: list[np.ndarray]) -> Iterator[np.ndarray]:
    noise = np.random.default_rng(3)
    view = np.vstack([framed(photo.shape[:2]), [0, 0, 1]])
    return (take(photo, move @ view, noise=noise) for move in moves)


def _dressed(film: Iterator[np.ndarray], perception: Perception, pyramid: Pyramid) -> Iterator[Dressed]:
    dresser = Dresser()
    for index, frame in enumerate(film):
        percept = perception.look(frame, at_ms=index * 1e3 / FPS)
        dressed = dresser.dress(frame, sight_of(percept), pyramid, finish=LIVE) if percept is not None else None
        if dressed is None or dressed.drape is None:
            raise RuntimeError("nobody could be dressed in a frame of a film")
        yield dressed


def _places(dressed: Dressed) -> np.ndarray:
    """(5, 2): the anchors, then the centroid."""
    assert dressed.drape is not None
    alpha = dressed.composite.alpha.astype(np.float64)
    y, x = (alpha.sum(axis=axis) @ np.arange(alpha.shape[1 - axis]) / alpha.sum() for axis in (1, 0))
    return np.array([*(dressed.drape.anchors[name] for name in _ANCHORS), (x, y)])
