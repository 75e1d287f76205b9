"""Whether a photo shows flat cloth that can be scanned at all.

Owns refusing what is none, each with what to do instead; must not know how cloth is scanned. Cloth, patterned or not,
is the same all over: every piece of it looks like some other pieces. A face, a room or a heap of folds does not.
"""

from __future__ import annotations

import cv2
import numpy as np

from fabric.scanning.blur import measure_blur
from fabric.scanning.findings import Even, Flat
from utils.colour import linear_to_lab, luminance
from utils.errors import InputError
from utils.images import shrink_to

_BURNT_SHARE, _BLACK_SHARE = 0.35, 0.9
_BLACK = 0.03  # of perceived lightness
_LOOK_PX, _LIKE_PX = 768, 360
_BLURRED_PX = 3.2
_BLURRED_EDGES_PX = 2.4  # a phone's lens, its file and a reduced copy make 1.2 at most; threads are 2 to 5 px wide
_LEAST_CONTRAST = 0.004  # of lightness in [0, 1]: below it there is nothing to be blurred
_LEAST_FINE = 0.3
_BLOCKS = 6
_LIKENESSES = 3  # other pieces that a piece has to be like
_UNLIKE = 0.72
_ONE_COLOUR = 0.45
_SCALES = np.array([8.0, 4.0, 4.0])  # L*, a*, b* that make two pieces differ by one


def refuse_unusable(flat: Flat, even: Even, *, edges_px: float | None = None) -> None:
    """Refuse what would make no material; `edges_px` is how blurred edges are in a photo of at most 2000 px, if known.

    Raises:
        InputError: overexposed, underexposed, blurred, not_flat, not_cloth.
    """
    if float(flat.clipped.mean()) > _BURNT_SHARE:
        hint = "take the photo darker, or away from the lamp"
        raise InputError("overexposed", "most of the cloth is burnt out", hint=hint)
    lightness = _lightness(flat)
    if float((lightness < _BLACK).mean()) > _BLACK_SHARE:
        raise InputError("underexposed", "the photo is nearly black", hint="put more light on the cloth")
    if (edges_px is not None and edges_px > _BLURRED_EDGES_PX) or _is_blurred(lightness):
        raise InputError("blurred", "the photo is blurred", hint="tap the cloth to focus and hold the phone still")
    if unlikeness(even) > _UNLIKE:
        if _hues_differ(even) < _ONE_COLOUR:
            hint = "lay it flat, smooth it out, and take it from straight above"
            raise InputError("not_flat", "the cloth lies in folds", hint=hint)
        hint = "let one piece of flat cloth fill most of the photo"
        raise InputError("not_cloth", "this does not look like one piece of cloth", hint=hint)


def unlikeness(even: Even) -> float:
    """How far the pieces of a picture are from those that they are most like, by median; about 0.1 to 0.6 for cloth."""
    return _apart(_describe(even))


def _hues_differ(even: Even) -> float:
    return _apart(_describe(even)[:, 1:3])


def _apart(pieces: np.ndarray) -> float:
    apart = np.linalg.norm(pieces[:, None] - pieces[None], axis=2)
    row, column = np.divmod(np.arange(_BLOCKS**2), _BLOCKS)
    beside = (np.abs(row[:, None] - row) <= 1) & (np.abs(column[:, None] - column) <= 1)
    apart[beside] = np.inf  # neighbours are alike in any picture
    return float(np.median(np.sort(apart, axis=1)[:, :_LIKENESSES].mean(axis=1)))


def _describe(even: Even) -> np.ndarray:
    """float64 (pieces, 7): colour, contrast at two sizes, and which way the texture runs, each in units of a clear
    difference."""
    small, _ = shrink_to(even.linear, _LIKE_PX)
    lab = linear_to_lab(np.clip(small / max(4.0 * float(small.mean()), 1e-6), 0.0, 1.0)).astype(np.float32)
    lightness = lab[..., 0]
    soft = cv2.GaussianBlur(lightness, (0, 0), 1.5)
    bands = lightness - soft, soft - cv2.GaussianBlur(soft, (0, 0), 4.0)
    dx, dy = cv2.Sobel(lightness, cv2.CV_32F, 1, 0), cv2.Sobel(lightness, cv2.CV_32F, 0, 1)
    pieces = []
    for place in _places(lightness.shape):
        xx, yy, xy = (float(product[place].mean()) for product in (dx * dx, dy * dy, dx * dy))
        run = 1.5 * np.array([xx - yy, 2.0 * xy]) / (xx + yy + 1e-6)
        contrast = [2.0 * np.log(band[place].std() + 0.7) for band in bands]
        pieces.append([*(lab[place].mean(axis=(0, 1)) / _SCALES), *contrast, *run])
    return np.array(pieces)


def _places(hw: tuple[int, int]) -> list[tuple[slice, slice]]:
    ys, xs = (np.linspace(0, side, _BLOCKS + 1).astype(int) for side in hw)
    return [(slice(ys[i], ys[i + 1]), slice(xs[j], xs[j + 1])) for i in range(_BLOCKS) for j in range(_BLOCKS)]


def _lightness(flat: Flat) -> np.ndarray:
    """float32 (h, w), about perceptual, at most 768 px."""
    small, _ = shrink_to(luminance(flat.linear), _LOOK_PX)
    return np.cbrt(np.maximum(small, 0.0))


def _is_blurred(lightness: np.ndarray) -> bool:
    """Whether there is contrast, but none of it fine. The sharpest part of the picture decides."""
    h, w = lightness.shape
    rows, columns = ([slice(k * side // 3, (k + 1) * side // 3) for k in range(3)] for side in (h, w))
    pieces = [lightness[y, x] for y in rows for x in columns]
    blurs = [measure_blur(piece) for piece in pieces if float(piece.std()) > _LEAST_CONTRAST]
    shares = [share for share in map(_fine_share, pieces) if share is not None]
    return bool(blurs and min(blurs) > _BLURRED_PX) or bool(shares and max(shares) < _LEAST_FINE)


def _fine_share(piece: np.ndarray) -> float | None:
    """Contrast of the fine over that of the coarse, about half for a sharp edge; None where there is none to compare.

    Each is seen through a band that leaves the camera's noise out, which is fine however blurred the cloth.
    """
    soft = [cv2.GaussianBlur(piece, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0, 8.0)]
    fine, coarse = float((soft[0] - soft[1]).std()), float((soft[2] - soft[3]).std())
    return fine / coarse if coarse > _LEAST_CONTRAST else None
