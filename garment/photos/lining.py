"""What lies behind a wearer's neck: the inside of the collar, and the lining below it.

Owns its making from the garment's own cloth and lining; must not know pieces. A photo shows hangers and labels there
instead, so only colours and the outline are taken from it.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.photos.laid_out import LaidOut
from garment.photos.neckline import Opening

_COLLAR_MM = 40.0  # height of the collar's inside at the back of the neck
_FADE_MM = (-18.0, 14.0)  # around the pit of the neck: below it the wearer's own clothes begin


def line_neck(photo: LaidOut, opening: Opening) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (h, w, 3) and float32 (h, w) alpha of what shows through the opening."""
    alpha, px_per_mm = photo.alpha, photo.px_per_mm
    pit = float(photo.points["torso.neck"][1])
    start, end = (pit + mm * px_per_mm for mm in _FADE_MM)
    rows = min(max(int(end) + 1, 1), alpha.shape[0])
    ys, top = np.arange(rows, dtype=np.float32)[:, None], _collar_edge(alpha, opening)
    seen = cv2.dilate(opening.mask[:rows], np.ones((5, 5), np.uint8))
    seen *= np.clip(ys - top + 0.5, 0, 1) * np.clip((end - ys) / (end - start), 0, 1)
    below = (ys - top) / (_COLLAR_MM * px_per_mm)
    collar = np.clip((1 - below) * 12, 0, 1)[..., None]
    seam = 1 - 0.35 * np.exp(-(((below - 1.04) / 0.05) ** 2))[..., None]  # the collar's edge shades the lining
    made = (_patch(photo)[:rows] * collar + _lining(photo, opening) * (1 - collar)) * seam
    rgb, shape = photo.rgb.copy(), np.zeros(alpha.shape, np.float32)
    rgb[:rows], shape[:rows] = np.clip(made + 0.5, 0, 255), seen
    return rgb, shape


def _collar_edge(alpha: np.ndarray, opening: Opening) -> np.ndarray:
    """float32 (w,): the collar's upper edge across the opening, as if no hanger stuck out of it."""
    width = alpha.shape[1]
    columns = np.flatnonzero(((opening.mask > 0.5) & (alpha > 0.5)).any(0))
    if len(columns) < 8:
        return np.zeros(width, np.float32)
    edge = (alpha > 0.5).argmax(0)[columns].astype(np.float64)
    x = (columns - columns.mean()) / max(np.ptp(columns), 1)
    keep = np.ones(len(x), bool)
    for _ in range(3):
        curve = np.polyfit(x[keep], edge[keep], 2 if keep.sum() > 12 else 1)
        off = edge - np.polyval(curve, x)
        keep = np.abs(off) <= max(2.0 * float(np.median(np.abs(off[keep]))), 1.0)
    beyond = np.clip((np.arange(width) - columns.mean()) / max(np.ptp(columns), 1), -0.55, 0.55)
    return np.polyval(curve, beyond).astype(np.float32)


def _patch(photo: LaidOut) -> np.ndarray:
    """uint8 (h, w, 3): the calmest piece of one chest, laid side by side with its mirror image over the photo."""
    colour, alpha, px_per_mm = photo.rgb, photo.alpha, photo.px_per_mm
    h, w = alpha.shape
    axis, top = photo.points["torso.neck"][0], photo.points["torso.shoulder_left"][1]
    side = max(round(44 * px_per_mm), 8)
    slow = cv2.GaussianBlur(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), (0, 0), max(4 * px_per_mm, 0.8))
    found = []
    for across in (100, 120, 140, -100, -120, -140):
        for down in (60, 100, 140, 180, 220, 260):
            x, y = (int(v) for v in (axis + across * px_per_mm - side / 2, top + down * px_per_mm))
            x, y = min(max(x, 0), max(w - side, 0)), min(max(y, 0), max(h - side, 0))
            box = (slice(y, y + side), slice(x, x + side))
            found.append((float(slow[box].std()) + 255 * float((alpha[box] < 0.9).mean()), box))
    patch = colour[min(found, key=lambda f: f[0])[1]]
    double = np.vstack([np.hstack([patch, patch[:, ::-1]]), np.hstack([patch[::-1], patch[::-1, ::-1]])])
    rows, columns = -(-h // double.shape[0]), -(-w // double.shape[1])
    return np.tile(double, (rows, columns, 1))[:h, :w]


def _lining(photo: LaidOut, opening: Opening) -> np.ndarray:
    """float (3,): what most of the lower half of the opening shows."""
    rgb, alpha = photo.rgb, photo.alpha
    ys, xs = np.nonzero((opening.mask > 0.95) & (alpha > 0.95))
    if not len(ys):
        return np.median(rgb[alpha > 0.5], axis=0)
    lower = ys > np.quantile(ys, 0.4)
    return np.median(rgb[ys[lower], xs[lower]], axis=0)
