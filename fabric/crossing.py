"""Threads over and under each other: which one lies on top at each point of the cloth, and how high.

Owns the geometry of warp and weft; must not know colours, pixels of the finished map or light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.draft import Draft
from fabric.periodic import blur, smooth_noise

_CRIMP = 0.30  # amplitude of a thread's way up and down, in yarn diameters
_ROUND = 0.31  # rise of a yarn's section from edge to ridge, in yarn diameters: pressed in the finish
_STRAY = 0.10  # how far a hand-spun thread wanders from its place, in threads
_HAIR = 0.03  # how far fibres stand out of a thread's outline, in threads


@dataclass(frozen=True)
class Face:
    """What lies on top at each sample: all float32 (h, w)."""

    height_mm: np.ndarray
    crown: np.ndarray
    """1 on the ridge of the thread, 0 where it dives beside its neighbour."""
    thread: np.ndarray
    """Row in the thread tables: ends first, then picks."""
    along: np.ndarray
    """Column in the thread tables, sheared so that it is constant along the yarn's striations."""


@dataclass(frozen=True)
class _Laid:
    """Warp or weft by itself at each sample: all float32 (h, w)."""

    height: np.ndarray
    """Yarn diameters."""
    crown: np.ndarray
    thread: np.ndarray
    """Counted within its own set."""
    along: np.ndarray


def cross(
    draft: Draft, girth: np.ndarray, rng: np.random.Generator, *, counts: tuple[int, int], hw: tuple[int, int]
) -> Face:
    """Lay `counts` (ends, picks) over each other on `hw` samples and keep what is on top.

    `girth` is float32 (ends + picks, steps), the thickness of each thread along its length, about 1.
    """
    ends, picks = counts
    end, pick = _places(draft, rng, counts=counts, hw=hw)
    plan = draft.plan()
    lift = np.tile(plan, (picks // plan.shape[0], ends // plan.shape[1]))
    warp_up = np.where(lift, np.float32(1.0), np.float32(-1.0))
    pitch_mm = 10.0 / draft.ends_per_cm, 10.0 / draft.picks_per_cm
    slant = (1.0 if draft.twist == "Z" else -1.0) / math.tan(math.radians(draft.twist_deg))
    warp = _lay(draft, warp_up.T, girth[:ends], at=(end, pick), slant=slant * pitch_mm[0] / pitch_mm[1])
    weft = _lay(draft, -warp_up, girth[ends:], at=(pick, end), slant=-slant * pitch_mm[1] / pitch_mm[0])
    weft_height = weft.height - np.float32(draft.warp_proud)
    over = warp.height >= weft_height
    return Face(
        height_mm=np.maximum(warp.height, weft_height) * np.float32(min(pitch_mm) * draft.cover * draft.relief),
        crown=np.where(over, warp.crown, weft.crown),
        thread=np.where(over, warp.thread, weft.thread + np.float32(ends)),
        along=np.where(over, warp.along, weft.along),
    )


def _places(
    draft: Draft, rng: np.random.Generator, *, counts: tuple[int, int], hw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Which end and which pick lie at each sample, as fractional numbers: threads stray, and their outline is hairy."""
    ends, picks = counts
    end = ((np.arange(hw[1]) + 0.5) * (ends / hw[1])).astype(np.float32)
    pick = ((np.arange(hw[0]) + 0.5) * (picks / hw[0])).astype(np.float32)[:, None]
    stray = np.float32(_STRAY * (0.3 + draft.slub))
    warp_stray = smooth_noise(rng, hw, cells=(max(4, picks // 10), max(4, ends // 2)))
    weft_stray = smooth_noise(rng, hw, cells=(max(4, picks // 2), max(4, ends // 10)))
    hair = blur(rng.standard_normal(hw, dtype=np.float32), 0.7)
    hair *= np.float32(_HAIR * (0.5 + 2.0 * draft.slub)) / hair.std()
    elsewhere = np.roll(hair, (hw[0] // 3, hw[1] // 2), axis=(0, 1))
    return end + stray * warp_stray + hair, pick + stray * weft_stray + elsewhere


def _lay(draft: Draft, up: np.ndarray, girth: np.ndarray, *, at: tuple[np.ndarray, np.ndarray], slant: float) -> _Laid:
    """Lay the ends or the picks.

    `up` is float32 (threads, crossings), 1 where the thread lies on top and -1 where it lies below. `at` says of each
    sample which thread lies there, its fraction how far across, and how far along, counted in threads crossed. `slant`
    is how far, in threads crossed, a striation runs along while it crosses the yarn.
    """
    place, progress = at
    number = np.floor(place)
    across = place - number - np.float32(0.5)
    z = _swing(up, progress, number)
    number = np.mod(number, np.float32(up.shape[0]))
    steps_per_crossing = np.float32(girth.shape[1] / up.shape[1])
    along = progress * steps_per_crossing
    thick = cv2.remap(girth, along, number, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    # A float spreads, a thread held down is squeezed.
    half = np.float32(0.5 * draft.cover) * thick * (np.float32(1.0) + np.float32(0.10) * z)
    crown = np.maximum(np.float32(1.0) - np.square(across / half), np.float32(0.0))
    height = np.float32(_CRIMP) * z + np.float32(_ROUND) * crown
    return _Laid(height, crown, number, along + across * (np.float32(slant) * steps_per_crossing))


def _swing(up: np.ndarray, progress: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Height of a thread's centre line in [-1, 1]: from one crossing to the next it swings as half a cosine."""
    crossing = np.floor(progress)
    offset = progress - crossing - np.float32(0.5)
    eased = np.float32(0.5) - np.float32(0.5) * np.cos(np.float32(np.pi) * offset)
    return cv2.remap(up, crossing + np.sign(offset) * eased, number, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
