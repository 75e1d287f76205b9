"""The usual recipe for a material from a photo of cloth, to measure the scanner against.

Four corners by Canny and the largest contour, a perspective warp, CLAHE on the lightness, a cut from the middle whose
edges are mirrored or cross-faded, normals by Sobel on the luminance, roughness from the local variance: step by step
what tutorials and scripts do, at their settings, and without mistakes of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from utils.images import shrink_to

SOBEL_STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
DEFAULT_STRENGTH = 1.0
"""On luminance from 0 to 1; scripts have 1 to 5. The bench also tells the best of all, which no script could know."""
_FIND_PX = 1000  # photos are shrunk to it before edges are looked for
_FADED = 0.15  # of the cut, on each side


@dataclass(frozen=True)
class Maps:
    """What comes out, all (H, W)."""

    albedo: np.ndarray
    """uint8 (H, W, 3), sRGB."""
    normal: np.ndarray
    """float32 (H, W, 3), OpenGL."""
    roughness: np.ndarray
    """float32 in [0, 1]."""


def usual_scan(photo: np.ndarray, *, size_px: int = 1024, edges: Literal["mirror", "fade"] = "fade") -> Maps:
    """The whole recipe on uint8 RGB (H, W, 3)."""
    return usual_maps(usual_warp(photo, usual_corners(photo)), size_px=size_px, edges=edges)


def usual_corners(photo: np.ndarray) -> np.ndarray:
    """float64 (4, 2), clockwise from the top left: the largest contour of a Canny picture that has four corners, else
    the smallest rectangle around the largest; the whole photo where there is none."""
    small, scale = shrink_to(photo, _FIND_PX)
    grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (5, 5), 0)
    edges = cv2.dilate(cv2.Canny(grey, 50, 150), np.ones((3, 3), np.uint8), iterations=2)
    contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contours = sorted(contours, key=cv2.contourArea, reverse=True)[:5]
    if not contours:
        h, w = photo.shape[:2]
        return np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float64)
    for contour in contours:
        quad = cv2.approxPolyDP(contour, 0.02 * cv2.arcLength(contour, True), True)
        if len(quad) == 4 and cv2.contourArea(quad) > 0.05 * grey.size:
            break
    else:
        quad = cv2.boxPoints(cv2.minAreaRect(contours[0]))
    return (_ordered(np.asarray(quad, np.float64).reshape(4, 2)) + 0.5) / scale - 0.5


def usual_warp(photo: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3): the quadrilateral as a rectangle whose sides are the longer ones of the photo."""
    wh = usual_size(corners)
    return cv2.warpPerspective(photo, warp_matrix(corners, wh), wh, flags=cv2.INTER_LINEAR)


def usual_size(corners: np.ndarray) -> tuple[int, int]:
    """(width, height) of it, pixels."""
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return max(8, round(max(sides[0], sides[2]))), max(8, round(max(sides[1], sides[3])))


def warp_matrix(corners: np.ndarray, wh: tuple[int, int]) -> np.ndarray:
    """float64 (3, 3) from the photo to the warped picture."""
    w, h = wh
    target = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
    return cv2.getPerspectiveTransform(corners.astype(np.float32), target)


def usual_maps(flat: np.ndarray, *, size_px: int, edges: Literal["mirror", "fade"]) -> Maps:
    """Tile and maps from the warped picture."""
    tile = usual_tile(usual_albedo(flat), size_px=size_px, edges=edges)
    return Maps(tile, usual_normals(tile, strength=DEFAULT_STRENGTH), usual_roughness(tile))


def usual_albedo(flat: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3): CLAHE on L of Lab, limit 2, 8 x 8 tiles."""
    lab = cv2.cvtColor(flat, cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(np.ascontiguousarray(lab[..., 0]))
    return cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)


def usual_tile(albedo: np.ndarray, *, size_px: int, edges: Literal["mirror", "fade"]) -> np.ndarray:
    """uint8 (size_px, size_px, 3): the largest square of the middle, made to wrap around."""
    h, w = albedo.shape[:2]
    side = int(min(h, w) * 0.9)
    top, left = (h - side) // 2, (w - side) // 2
    cut = albedo[top : top + side, left : left + side]
    if edges == "mirror":
        half = cv2.resize(cut, (size_px // 2, size_px // 2), interpolation=cv2.INTER_AREA)
        row = np.hstack([half, half[:, ::-1]])
        return np.vstack([row, row[::-1]])
    cut = _faded(_faded(cut.astype(np.float32)).swapaxes(0, 1)).swapaxes(0, 1)
    return np.rint(cv2.resize(cut, (size_px, size_px), interpolation=cv2.INTER_AREA)).astype(np.uint8)


def usual_normals(picture: np.ndarray, *, strength: float) -> np.ndarray:
    """float32 (H, W, 3): Sobel on the luminance as if bright were high."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    slope = np.dstack([-dx * strength, dy * strength, np.ones_like(grey)])
    return slope / np.linalg.norm(slope, axis=2, keepdims=True)


def usual_roughness(picture: np.ndarray) -> np.ndarray:
    """float32 (H, W): from the local variance of the luminance, stretched over the whole range."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255.0
    variance = cv2.blur(grey * grey, (15, 15)) - np.square(cv2.blur(grey, (15, 15)))
    variance = np.maximum(variance, 0.0)
    return (0.4 + 0.6 * variance / max(float(variance.max()), 1e-6)).astype(np.float32)


def _faded(cut: np.ndarray) -> np.ndarray:
    """Its right margin cross-faded into what lies left of its left margin, and cut off there."""
    band = max(2, int(cut.shape[1] * _FADED))
    share = np.linspace(0.0, 1.0, band, dtype=np.float32)[None, :, None]
    kept = cut[:, :-band].copy()
    kept[:, :band] = share * cut[:, :band] + (1.0 - share) * cut[:, -band:]
    return kept


def _ordered(quad: np.ndarray) -> np.ndarray:
    """Clockwise from the top left, by sums and differences of the coordinates."""
    total, difference = quad.sum(axis=1), quad[:, 1] - quad[:, 0]
    return quad[[total.argmin(), difference.argmin(), total.argmax(), difference.argmax()]]
