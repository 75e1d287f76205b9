"""How a thing in the picture has moved from one frame to the next, told by the picture itself.

Owns the followed corners and the similarity they agree on; must not know what the thing is, nor what it is for.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SIDE_PX = 320
"""Frames are shrunk to this long side: their corners can still be found again to a hundredth of a pixel."""
_CORNERS, _BESIDE = 48, 24
_APART_PX = 6
_QUALITY = 0.02  # of the best corner's: noise makes corners too
_BLOCK_PX = 5
_WINDOW_WH = (11, 11)
_LEVELS = 3
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.02)
_RETURNS_PX = 0.4  # who is followed there and back again has to arrive where it set out
_AGREES_PX = 0.8
_LOST_PX = 1.0  # a corner that is lost has been covered or has turned away: it counts as gone astray by so much
_FEWEST, _LEAST_SHARE = 12, 0.5  # of the corners have to agree
_TIRED_SHARE = 0.7
_LEAST_SPREAD_PX = 6.0  # standard deviation of the corners that agree: closer together they do not tell a turn
_FARTHEST_TURN = 0.06  # radians, or share of the size: beyond, corners no longer look as they did


@dataclass(frozen=True)
class Motion:
    """From the frame before to this one."""

    matrix: np.ndarray
    """float64 (2, 3): the similarity that the thing has gone through, in pixels of the frame."""
    points: np.ndarray
    """float64 (N, 2): where the followed corners are now, those that were lost where they were, in pixels."""
    astray: np.ndarray
    """float64 (N,): how far off what `matrix` says each has gone since the frame before, in pixels."""


STANDSTILL = Motion(np.eye(3)[:2], np.zeros((1, 2)), np.zeros(1))
"""The motion between two looks at one picture."""


class Flow:
    """Follows one thing by its corners. One call at a time.

    Pyramidal Lucas-Kanade (Bouguet 2001), checked there and back (Kalal 2010), and RANSAC for the similarity. Corners
    are followed from a key frame to every later one, not from frame to frame, where errors would add up: what has
    come back is measured to be back, and a still thing does not drift. Whoever follows picks a new key when `tired`.
    """

    def __init__(self) -> None:
        self._grey: np.ndarray | None = None  # the last frame, small
        self._shrink = 1.0
        self._key: _Key | None = None  # None while nothing is followed
        self.tired = True
        """Whether corners should be picked in the frame that was seen last."""

    def follow(self, rgb: np.ndarray) -> Motion | None:
        """Take the next frame, uint8 (H, W, 3), of the same size as the last; None where the picture does not tell."""
        self._shrink = min(1.0, SIDE_PX / max(rgb.shape[:2]))
        self._grey = _small_grey(rgb, self._shrink)
        seen = self._key.find(self._grey) if self._key is not None else None
        if self._key is None or seen is None:
            self._key, self.tired = None, True
            return None
        before, self._key.seen = self._key.seen, seen
        turned = abs(complex(seen.matrix[0, 0], seen.matrix[1, 0]) - 1.0)
        self.tired = turned > _FARTHEST_TURN or seen.share < _TIRED_SHARE
        return _motion(before, seen, shrink=self._shrink)

    def pick(self, region: np.ndarray, beside: np.ndarray) -> None:
        """Make the last frame the key. The masks are uint8 (h, w) of any size, not 0 where the thing lies, and what
        hangs on it: corners there are followed as well, but not asked how the thing has moved."""
        if self._grey is None:
            return
        corners = self._corners(region, _CORNERS)
        enough = len(corners) >= _FEWEST
        self._key = _Key(self._grey, corners, self._corners(beside, _BESIDE)) if enough else None
        self.tired = not enough

    def _corners(self, region: np.ndarray, most: int) -> np.ndarray:
        region = cv2.resize(region, self._grey.shape[::-1], interpolation=cv2.INTER_NEAREST)
        found = cv2.goodFeaturesToTrack(self._grey, most, _QUALITY, _APART_PX, mask=region, blockSize=_BLOCK_PX)
        return found.reshape(-1, 2) if found is not None else np.zeros((0, 2), np.float32)

    def reset(self) -> None:
        """Follow nothing."""
        self._key, self._grey, self.tired = None, None, True


@dataclass(frozen=True)
class _Seen:
    """A key's corners in a later frame, in small pixels."""

    places: np.ndarray  # float32 (N, 2)
    astray: np.ndarray  # float64 (N, 2): from where the matrix carries them to their places
    alive: np.ndarray  # bool (N,): found in this frame and in all before it
    share: float  # of the thing's own corners, those that agree
    matrix: np.ndarray  # float64 (2, 3) from the key to the frame


class _Key:
    """A frame and its corners, and how they were seen last."""

    def __init__(self, grey: np.ndarray, corners: np.ndarray, beside: np.ndarray) -> None:
        self._grey = grey
        self._own = len(corners)
        self._corners = np.vstack([corners, beside])
        everyone = np.ones(len(self._corners), bool)
        self.seen = _Seen(self._corners, np.zeros(self._corners.shape), everyone, 1.0, np.eye(3)[:2])

    def find(self, grey: np.ndarray) -> _Seen | None:
        """Look for the corners in another frame; None if they do not agree on where they are."""
        start = _carried(self._corners, self.seen.matrix).astype(np.float32)
        places, found = _lucas_kanade(self._grey, grey, self._corners, start)
        back, returned = _lucas_kanade(grey, self._grey, places, self._corners)
        alive = self.seen.alive & found & returned & (np.abs(back - self._corners).max(axis=1) < _RETURNS_PX)
        own = np.flatnonzero(alive[: self._own])
        if len(own) < _FEWEST:
            return None
        matrix, chosen = cv2.estimateAffinePartial2D(
            self._corners[own], places[own], ransacReprojThreshold=_AGREES_PX, maxIters=300
        )
        if matrix is None:
            return None
        agreeing = own[chosen[:, 0] > 0]
        if len(agreeing) < max(_FEWEST, _LEAST_SHARE * self._own):
            return None
        if places[agreeing].std(axis=0).max() < _LEAST_SPREAD_PX:
            return None
        return _Seen(places, places - _carried(self._corners, matrix), alive, len(agreeing) / self._own, matrix)


def _motion(before: _Seen, now: _Seen, *, shrink: float) -> Motion:
    back = cv2.invertAffineTransform(before.matrix)
    linear = now.matrix[:, :2] @ back[:, :2]
    shift = now.matrix[:, :2] @ back[:, 2] + now.matrix[:, 2]
    # From small pixels to the frame's, whose centres lie at (x + 0.5) / shrink - 0.5.
    middle = np.full(2, 0.5)
    shift = (shift + middle - linear @ middle) / shrink - middle + linear @ middle
    places = np.where(now.alive[:, None], now.places, before.places)[before.alive]
    astray = np.linalg.norm(now.astray - before.astray, axis=1)
    astray = np.where(now.alive, astray, _LOST_PX)[before.alive]
    return Motion(np.column_stack([linear, shift]), (places + 0.5) / shrink - 0.5, astray / shrink)


def _carried(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]


def _lucas_kanade(
    source: np.ndarray, target: np.ndarray, points: np.ndarray, guess: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where points (N, 2) of one picture lie in the other, float32 (N, 2), and which of them were found."""
    places, found, _ = cv2.calcOpticalFlowPyrLK(
        source,
        target,
        points,
        guess.copy(),
        winSize=_WINDOW_WH,
        maxLevel=_LEVELS,
        criteria=_STOP,
        flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )
    return places, found[:, 0] > 0


def _small_grey(rgb: np.ndarray, shrink: float) -> np.ndarray:
    height, width = rgb.shape[:2]
    if shrink < 1.0:
        wh = (max(1, round(width * shrink)), max(1, round(height * shrink)))
        rgb = cv2.resize(rgb, wh, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
