"""How blurred a picture of cloth is. Owns the estimates; must not know what they are used for.

Cloth by itself is a poor witness: fine weave out of focus looks like plain cloth in focus, with the camera's noise for
grain. A cut edge, or the side of a card, is a step, and how wide it has become is the blur.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from utils.colour import luminance, srgb_to_linear

_OF_MEASURED = 0.6  # cloth has less of the finest detail than noise: by so much sharp photos of it seem more blurred
_FINE, _COARSE = 1.2, 3.6  # deviations in pixels of the two looks at an edge
_WINDOW_PX, _STEP_PX = 12.0, 0.5  # on either side of where an edge was found
_PLACES, _ALONG_PX = 48, 1.5  # on each side of a thing, and how far off the neighbours are that each is averaged with
_MOST_THINGS = 6  # the largest
_CLEAR = 0.12  # of the light there: an edge that is fainter is lost in noise
_LEAST_SIDE_PX, _LEAST_EDGES = 60.0, 24
_SHARPEST = 15.0  # per cent of all edges: others are frayed, rounded or a shadow's
_MOST_PX = 8.0


def estimate_blur_px(linear: np.ndarray) -> float:
    """Deviation in pixels of the blur of linear RGB (H, W, 3), read off its middle."""
    h, w = linear.shape[:2]
    middle = luminance(linear[h // 4 : 3 * h // 4, w // 4 : 3 * w // 4])
    return _OF_MEASURED * measure_blur(np.cbrt(np.maximum(middle, 0.0)))


def measure_blur(grey: np.ndarray) -> float:
    """Deviation in pixels of the blur of a textured picture, float32 (H, W): what it loses when it is blurred again.

    After Crete et al. 2007: a sharp picture changes a lot, a blurred one hardly. Calibrated on white noise, so it is an
    upper bound on cloth, which has less of the finest detail than noise.
    """
    again = cv2.GaussianBlur(grey, (0, 0), 1.0)
    fine = float(np.abs(np.diff(grey, axis=1)).mean() + np.abs(np.diff(grey, axis=0)).mean())
    kept = float(np.abs(np.diff(again, axis=1)).mean() + np.abs(np.diff(again, axis=0)).mean())
    share = np.clip(kept / max(fine, 1e-6), 0.05, 0.999)
    # Noise of blur s: its gradient falls as (s^2 + 1/4)^-1 when blurred by s more.
    return float(np.sqrt(max(share / (1.0 - share), 0.0)))


def edge_blur_px(photo: np.ndarray, quads: Iterable[np.ndarray]) -> float | None:
    """Deviation in pixels of the blur of uint8 RGB `photo`, read off the sharpest parts of the sides of things in it,
    float (4, 2) each; None where too little of them is seen.

    After Elder and Zucker 1998: blurred further, a sharp edge loses more of its steepness than one that was blurred.
    """
    found: list[np.ndarray] = []
    by_size = sorted(quads, key=lambda quad: -cv2.contourArea(np.asarray(quad, np.float32)))
    for quad in by_size[:_MOST_THINGS]:
        for start, end in zip(quad, np.roll(quad, -1, axis=0), strict=True):
            if np.hypot(*(end - start)) >= _LEAST_SIDE_PX:
                found.append(_across(photo, np.asarray(start, np.float64), np.asarray(end, np.float64)))
    edges = np.concatenate(found) if found else np.zeros(0)
    return float(np.percentile(edges, _SHARPEST)) if len(edges) >= _LEAST_EDGES else None


def _across(photo: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """float64 (N,): the blur of the clear ones of the edges on lines across a side."""
    along = (end - start) / np.hypot(*(end - start))
    steps = np.arange(-_WINDOW_PX, _WINDOW_PX + _STEP_PX, _STEP_PX)
    places = start + (end - start) * np.linspace(0.08, 0.92, _PLACES)[:, None]
    places = places[:, None] + along * np.array([-_ALONG_PX, 0.0, _ALONG_PX])[:, None]
    grid = (places[:, :, None] + np.array([along[1], -along[0]]) * steps[:, None]).astype(np.float32)
    grid = grid.reshape(-1, len(steps), 2)
    seen = cv2.remap(photo, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    light = luminance(srgb_to_linear(seen)).reshape(_PLACES, 3, -1).mean(axis=1)
    fine, coarse = (np.abs(np.diff(cv2.GaussianBlur(light, (0, 0), sigma / _STEP_PX, sigmaY=0.01), axis=1)) / _STEP_PX
                    for sigma in (_FINE, _COARSE))  # fmt: skip
    steepest = fine.max(axis=1)
    ratio = np.square(steepest / np.maximum(coarse[np.arange(_PLACES), fine.argmax(axis=1)], 1e-9))
    blur = np.sqrt(np.clip((_COARSE**2 - ratio * _FINE**2) / np.maximum(ratio - 1.0, 1e-3), 0.0, _MOST_PX**2))
    clear = steepest * np.sqrt(2.0 * np.pi) * np.hypot(_FINE, blur) > _CLEAR * np.maximum(light.max(axis=1), 0.01)
    return blur[clear]
