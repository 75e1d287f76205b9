"""Colour carried to where a photo has none. Owns the filling; must not know garments or anchors."""

from __future__ import annotations

import cv2
import numpy as np


def bleed(rgb: np.ndarray, known: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3) with each pixel where bool (h, w) `known` is False in the colour of the nearest known one."""
    if known.all() or not known.any():
        return rgb
    unknown = (~known).astype(np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[known]] = rgb[known]
    filled = colours[labels]
    # The nearest pixel's colour runs away from the edge in streaks; further out only its mean matters.
    soft = cv2.blur(filled, (9, 9))
    far = cv2.erode(unknown, np.ones((9, 9), np.uint8))[..., None] > 0
    return np.where(far, soft, filled)


def shrink(mask: np.ndarray, pixels: int) -> np.ndarray:
    """bool (h, w) without a rim of `pixels`; beyond the picture nothing is inside."""
    if pixels < 1:
        return mask
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.erode(mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0) > 0


def mirror_across(rgb: np.ndarray, edge_x: np.ndarray, rows: np.ndarray, *, sign: int, reach: int) -> np.ndarray:
    """Copy uint8 (h, w, 3) and, in int (N,) `rows`, continue cloth beyond float (N,) `edge_x` by its mirror image.

    `sign` is +1 where beyond is to the right; `reach` pixels are filled.
    """
    out = rgb.copy()
    width = rgb.shape[1]
    beyond = np.arange(reach)
    xs = np.round(edge_x).astype(int)[:, None] + sign * beyond
    source = np.round(edge_x).astype(int)[:, None] - sign * (beyond + 1)
    ys = np.broadcast_to(rows[:, None], xs.shape)
    inside = (xs >= 0) & (xs < width) & (source >= 0) & (source < width)
    out[ys[inside], xs[inside]] = rgb[ys[inside], source[inside]]
    return out
