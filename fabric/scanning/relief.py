"""What the flat cloth is like at each point: its colour, how high it lies, how rough it is.

Owns reading relief from a picture; must not know tiles. A picture shows relief in two ways, and colour is in the way of
both. In cloth of one colour light that falls between threads is soaked up: the darker, the deeper. In cloth of several
colours lightness tells which yarn lies on top; but where one yarn comes up between others it rises from its outline to
its middle, so its outline is enough. Where only some places differ in colour they are stripes or prints, and not a
relief. All slopes are per pixel, so that relief does not depend on the scale, which may not be known. How steep cloth
is on the whole cannot be seen at all; it is set to what woven cloth of known relief has, less where threads are too
fine for the picture.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from fabric.scanning.findings import Even, Flat, Kind, Lattice, Sheet
from utils.colour import luminance

_AROUND_PX = 10.0
_CONTRAST = 4.0  # of lightness, from half of which on yarns of two colours are told apart
_MOST_FLOAT_PX = 12.0
_LARGE_FLOAT_PX = 6.0
_FLOAT_SEEN_PX = 1.8, 4.3  # half width of a float from which its roundness survives the lens, and from which all of it
_ROUND = 1.0
_WOVEN = 0.6, 0.85  # share of the cloth where colours differ from which on they are yarns, and no stripes or prints
_DEEP = ((1.0, 0.3), (2.0, 0.35), (4.0, 0.5))
"""Deviation of each band of detail in pixels, and how much of its darkness is depth."""
_MOST_SHADE = 0.5  # of the logarithm of light: what is darker or lighter is a speck
_STEEP = {"periodic": 0.24, "stochastic": 0.09, "plain": 0.05}  # deviation of the slope
_GRAIN_SEEN_PX = 2.7, 4.2  # size of the grain from which threads are seen, and from which quite
_MOST_GAIN = 3.0
_THREAD_MM = 0.42  # pitch of a worsted's threads, taken where nothing is known of the size
_ROUGH, _ROUGH_SWING = 0.82, 0.05


def read_sheet(even: Even, flat: Flat, lattice: Lattice) -> Sheet:
    """Albedo, height in millimetres and roughness of the evenly lit cloth."""
    height_px = read_relief(even.linear, lattice.kind)
    spread = max(float(height_px.std()), 1e-3)
    roughness = _ROUGH - _ROUGH_SWING * np.tanh(height_px / np.float32(2 * spread))
    height = height_px / np.float32(relief_px_per_mm(flat))
    return Sheet(albedo=even.linear, height=height, roughness=roughness.astype(np.float32))


def relief_px_per_mm(flat: Flat) -> float:
    """Scale that heights are stated at: the true one, or one at which the threads are those of a worsted."""
    if flat.px_per_mm is not None:
        return flat.px_per_mm
    return 2.0 * grain_px(flat.linear) / _THREAD_MM


def read_relief(linear: np.ndarray, kind: Kind) -> np.ndarray:
    """float32 (H, W): height in pixels, mean about 0, of linear reflectance (H, W, 3)."""
    light = np.maximum(luminance(linear), np.float32(1e-3))
    low, high = _GRAIN_SEEN_PX
    steep = _STEEP[kind] * min(max((grain_px(linear) - low) / (high - low), 0.1), 1.0)
    if kind != "periodic":
        depth = _depth(np.log(light))
        return depth * np.float32(_gain(depth, steep))
    floats, coloured = _floats(np.cbrt(light) * np.float32(116.0))
    depth = _depth(np.log(light)) * (np.float32(1.0) - coloured)
    # The more a pattern takes of the picture, the less is known of the threads between.
    between = max(0.3, 1.0 - 1.5 * float(coloured.mean()))
    return floats + depth * np.float32(_gain(depth, steep * between))


def _gain(height: np.ndarray, steep: float) -> float:
    """The factor that makes a height as steep as that, within reason: noise is not to be blown up."""
    dy, dx = np.diff(height, axis=0), np.diff(height, axis=1)
    slope = math.sqrt(float((dx * dx).mean() + (dy * dy).mean()))
    return min(steep / max(slope, 1e-6), _MOST_GAIN)


def grain_px(linear: np.ndarray) -> float:
    """Size of the texture's grains: from the ratio of its contrast to that of its gradient."""
    h, w = linear.shape[:2]
    piece = luminance(linear[h // 4 : h // 4 + 512, w // 4 : w // 4 + 512])
    level = np.log(np.maximum(piece, 1e-3))
    rough = level - cv2.GaussianBlur(level, (0, 0), 8.0)
    slope = float(np.sqrt(np.mean(np.diff(rough, axis=0) ** 2) + np.mean(np.diff(rough, axis=1) ** 2)))
    return float(np.clip(math.pi * rough.std() / max(slope, 1e-6), 1.0, 32.0))


def _depth(level: np.ndarray) -> np.ndarray:
    """Height in pixels of cloth of one colour from the logarithm of its light, band by band."""
    height, finer = np.zeros_like(level), level
    for sigma, share in _DEEP:
        coarser = cv2.GaussianBlur(level, (0, 0), sigma)
        height += np.clip(finer - coarser, -_MOST_SHADE, _MOST_SHADE) * np.float32(2.0 * sigma * share)
        finer = coarser
    return height


def _floats(lightness: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Height in pixels of yarns that come up between others of another colour, and where there are such, in [0, 1]."""
    h, w = lightness.shape
    for factor in (1, 2, 4):
        view = (
            cv2.resize(lightness, (w // factor, h // factor), interpolation=cv2.INTER_AREA) if factor > 1 else lightness
        )
        inward, coloured, half = _outlines(view)
        if half < _LARGE_FLOAT_PX:
            break  # else threads are so large that they are better seen from farther away
    woven = (float(coloured.mean()) - _WOVEN[0]) / (_WOVEN[1] - _WOVEN[0])
    low, high = _FLOAT_SEEN_PX
    share = _ROUND * min(max((half * factor - low) / (high - low), 0.0), 1.0) * min(max(woven, 0.0), 1.0)
    if share == 0.0:
        return np.zeros_like(lightness), cv2.resize(coloured, (w, h), interpolation=cv2.INTER_LINEAR)
    from_middle = np.maximum(np.float32(1.0) - inward / np.float32(half), 0.0)
    dome = np.sqrt(np.float32(1.0) - from_middle * from_middle) * coloured
    dome = cv2.GaussianBlur(dome, (0, 0), max(0.6, 0.25 * half)) * np.float32(half * share)
    dome = (dome - _wide_blur(dome, 3.0 * half + 4.0)) * np.float32(factor)
    return tuple(cv2.resize(part, (w, h), interpolation=cv2.INTER_CUBIC) for part in (dome, coloured))


def _outlines(lightness: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """How far each place is from the nearest outline of a float, where colours differ at all, and a float's half width,
    all in pixels of this view."""
    seen = cv2.GaussianBlur(lightness, (0, 0), 0.7)
    apart = seen - _wide_blur(seen, _AROUND_PX)
    coloured = np.clip(cv2.GaussianBlur(np.abs(apart), (0, 0), 2.0) / np.float32(_CONTRAST) - 0.5, 0.0, 1.0)
    above = (apart > 0).astype(np.uint8)
    inward = np.maximum(*(cv2.distanceTransform(side, cv2.DIST_L2, 3) for side in (above, 1 - above)))
    return inward, coloured, _half_width(inward, coloured)


def _half_width(inward: np.ndarray, coloured: np.ndarray) -> float:
    """Typical distance from a float's middle to its outline in pixels, the clear ones counting most."""
    middle = (inward >= cv2.dilate(inward, np.ones((3, 3), np.uint8))) & (inward >= 1.0)
    widths, says = inward[middle], coloured[middle]
    if float(says.sum()) < 50.0:
        return 0.0
    order = np.argsort(widths)
    total = np.cumsum(says[order])
    return float(np.clip(widths[order][np.searchsorted(total, total[-1] / 2)], 1.0, _MOST_FLOAT_PX))


def _wide_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian, on a picture made as small as it allows."""
    factor = max(1, int(sigma / 2.5))
    if factor == 1:
        return cv2.GaussianBlur(image, (0, 0), sigma)
    h, w = image.shape
    small = cv2.resize(image, (max(2, w // factor), max(2, h // factor)), interpolation=cv2.INTER_AREA)
    return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / factor), (w, h), interpolation=cv2.INTER_LINEAR)
