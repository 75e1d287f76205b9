"""What the places of a photo look like: telling one stuff from another.

Owns the description of places by the colours and the contrast of their texture; must not know shapes. A description is
made of histograms, so it says what there is and not where.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from utils.images import shrink_to

LEAST_PX = 60
"""Of a place, that describe it."""
_BINS, _HUES = 24, 48  # of lightness and texture, of a and b
_LEAST_RANGES = 1.0, 48.0, 48.0  # of lightness (octaves), a and b that the bins span: below it all is noise
_LIGHTNESS_AT_NONE = 41  # added to lightness, it is the cube root of light, times a factor
_SMOOTH_TEXTURE = 52  # of a sheet of paper


@dataclass(frozen=True)
class Look:
    """What a photo's places look like."""

    lab: np.ndarray
    """uint8 (H, W, 3)."""
    texture: np.ndarray
    """uint8 (H, W): local contrast on a logarithmic scale."""
    bins: np.ndarray
    """uint8 (H, W, 3): lightness, a, b in bins that span what there is in this photo, so that dark stuffs differ."""


def look_at(photo: np.ndarray, *, long_side_px: int) -> Look:
    """What uint8 RGB (H, W, 3) looks like, at a size no larger than that."""
    lab = cv2.cvtColor(shrink_to(photo, long_side_px)[0], cv2.COLOR_RGB2Lab)
    lightness = lab[..., 0].astype(np.float32)
    rough = lightness - cv2.GaussianBlur(lightness, (0, 0), 1.5)
    contrast = np.sqrt(cv2.GaussianBlur(rough * rough, (0, 0), 3.0))
    texture = np.clip(np.log2(contrast + 0.5) * 32.0 + 32.0, 0, 255).astype(np.uint8)
    soft = cv2.GaussianBlur(lab, (0, 0), 1.0)
    return Look(soft, texture, _binned(soft))


def _binned(lab: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3)."""
    binned = np.empty_like(lab)
    for channel, (count, least) in enumerate(zip((_BINS, _HUES, _HUES), _LEAST_RANGES, strict=True)):
        plane = lab[..., channel].astype(np.float32)
        if channel == 0:
            plane = np.log2(plane + np.float32(_LIGHTNESS_AT_NONE))
        low, high = np.percentile(plane, [0.5, 99.5])
        spare = max(0.0, 0.5 * (least - (high - low)))
        scale = count / (high - low + 2.0 * spare)
        binned[..., channel] = np.clip((plane - np.float32(low - spare)) * np.float32(scale), 0, count - 1)
    return binned


def describe(look: Look, at: np.ndarray) -> list[np.ndarray]:
    """How often each colour and each contrast occurs there: float32 histograms that sum to one."""
    where = at.astype(np.uint8)
    sizes = [_BINS, _HUES]
    a, b = (cv2.calcHist([look.bins], [0, k], where, sizes, [0, _BINS, 0, _HUES]) for k in (1, 2))
    texture = cv2.calcHist([look.texture], [0], where, [_BINS], [0, 256])
    smooth = [cv2.GaussianBlur(hist, (0, 0), 0.8) for hist in (a, b)]
    smooth.append(cv2.GaussianBlur(texture, (1, 5), 0.8))
    return [hist / max(float(hist.sum()), 1.0) for hist in smooth]


def evidence_for(look: Look, cloth: list[np.ndarray], table: list[np.ndarray]) -> np.ndarray:
    """float32 (h, w): log-likelihood ratio of cloth over table, bounded so that no single pixel decides."""
    floor = 2e-4
    ratios = [np.log((c + floor) / (t + floor)).astype(np.float32) for c, t in zip(cloth, table, strict=True)]
    light, a, b = cv2.split(look.bins)
    total = ratios[0][light, a] + ratios[1][light, b]
    total += 0.5 * ratios[2].ravel()[(look.texture.astype(np.int32) * _BINS) >> 8]
    return np.clip(total, -4.0, 4.0)


def alike(cloth: list[np.ndarray], table: list[np.ndarray]) -> float:
    """Bhattacharyya overlap of the two descriptions: 1 for one and the same cloth."""
    overlaps = [float(np.sqrt(c * t).sum()) for c, t in zip(cloth, table, strict=True)]
    return min(overlaps)


def explained(look: Look, part: np.ndarray, rest: np.ndarray) -> float:
    """Share of the places of `part` that have their like in colour and contrast among those of `rest`, one each."""
    mine, other = ([hist * where.sum() for hist in describe(look, where)] for where in (part, rest))
    shares = (np.minimum(a, b).sum() / max(float(a.sum()), 1.0) for a, b in zip(mine, other, strict=True))
    return min(float(share) for share in shares)


def is_paper(look: Look, inside: np.ndarray) -> bool:
    """Whether a place is neutral, without texture, and as bright as anything in the photo."""
    lab = look.lab[inside].astype(np.float32)
    neutral = float(np.hypot(*(np.median(lab[:, 1:], axis=0) - 128.0))) < 8.0
    smooth = float(np.median(look.texture[inside])) < _SMOOTH_TEXTURE
    return neutral and smooth and float(np.median(lab[:, 0])) > 0.85 * float(np.percentile(look.lab[..., 0], 99.0))


def count_colours(look: Look, inside: np.ndarray) -> float:
    """How many hues there are, by the entropy of their histogram: a colour chart has more than most cloth."""
    hues = _hues(look, inside)
    share = hues[hues > 0] / hues.sum()
    return float(2.0 ** -(share * np.log2(share)).sum())


def same_hues(look: Look, one: np.ndarray, two: np.ndarray) -> float:
    """Overlap of the hues of two places: 1 for the same ones, as often."""
    first, second = (cv2.GaussianBlur(_hues(look, where), (0, 0), 1.0) for where in (one, two))
    return float(np.sqrt(first * second).sum() / max(float(np.sqrt(first.sum() * second.sum())), 1.0))


def _hues(look: Look, where: np.ndarray) -> np.ndarray:
    return cv2.calcHist([look.lab], [1, 2], where.astype(np.uint8), [32, 32], [0, 256, 0, 256])
