"""What was found in a photo of a swatch, drawn onto it: its corners, the tile, the repeat.

Owns the marks; must not know how anything was found, nor the page they go to. Findings are as docs/scanner.md has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from fabric.packages.paper import LINE, path

Findings = Mapping[str, Any]
_OUTLINE, _TILE, _GRID = (255, 255, 255), (255, 150, 60), (120, 220, 255)
_AROUND = 0.10  # of the swatch's size, left around it
_FINEST_PX = 16.0  # between two lines of the lattice: finer, and the cloth would not be seen any more
_REPEATS_IN_LOUPE = 4.0
_MOST_LINES = 400


def marked(photo: np.ndarray, findings: Findings, *, wh: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3): the swatch as large as fits, its corners, the tile that was cut from it, and the lattice where
    it is coarse enough to be drawn."""
    corners = np.array(findings["outline"]["corners"], np.float64)
    view = _view(corners, photo.shape[:2], wh=wh)
    # Shrinking by more than half needs an average over pixels, which a warp does not do.
    shrink = min(1.0, 2.0 * np.linalg.norm(view[:, 0]))
    small = photo if shrink >= 1.0 else cv2.resize(photo, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    to_small = np.array([[shrink, 0, (shrink - 1) / 2], [0, shrink, (shrink - 1) / 2], [0, 0, 1]])
    to_view = np.vstack([view, [0, 0, 1]])
    pixels = cv2.warpAffine(small, (to_view @ np.linalg.inv(to_small))[:2], wh, borderValue=LINE)
    from_flat = to_view @ np.array(findings["flat"]["to_photo"], np.float64)
    outline = through(to_view, corners)
    _draw_lattice(pixels, findings, from_flat, within=outline)
    path(pixels, through(from_flat, findings["tile"]["corners_flat"]), _TILE, thick_px=3, closed=True)
    if findings["outline"]["source"] != "frame":
        path(pixels, outline, _OUTLINE, thick_px=3, closed=True)
        for place in outline:
            centre = tuple(int(value) for value in np.round(place * 16.0))
            cv2.circle(pixels, centre, 11 * 16, (40, 40, 40), -1, cv2.LINE_AA, 4)
            cv2.circle(pixels, centre, 8 * 16, _OUTLINE, -1, cv2.LINE_AA, 4)
    return pixels


def loupe(photo: np.ndarray, findings: Findings, *, side_px: int) -> np.ndarray | None:
    """uint8 (side, side, 3): a few repeats from the middle of the cloth, square on, with the lattice; None without."""
    steps = _steps(findings)
    if steps is None:
        return None
    short, long = sorted(float(np.linalg.norm(step)) for step in steps)
    span = max(_REPEATS_IN_LOUPE * np.sqrt(short * long), 1.4 * long)
    height, width = findings["flat"]["size"]
    span = min(span, 0.9 * min(height, width))
    scale = side_px / span
    left, top = (side_px / 2.0 - scale * (length - 1) / 2.0 for length in (width, height))
    from_flat = np.array([[scale, 0.0, left], [0.0, scale, top], [0.0, 0.0, 1.0]])
    from_photo = from_flat @ np.linalg.inv(np.array(findings["flat"]["to_photo"], np.float64))
    pixels = cv2.warpPerspective(photo, from_photo, (side_px, side_px), flags=cv2.INTER_CUBIC)
    frame = np.array([[0, 0], [side_px, 0], [side_px, side_px], [0, side_px]], np.float64)
    _draw_lattice(pixels, findings, from_flat, within=frame)
    return pixels


def freest_corner(findings: Findings, hw: tuple[int, int], *, wh: tuple[int, int], side_px: int) -> tuple[int, int]:
    """(x, y) of the corner of `marked`'s picture where a square of `side_px` hides least of the swatch."""
    corners = np.array(findings["outline"]["corners"], np.float64)
    view = np.vstack([_view(corners, hw, wh=wh), [0, 0, 1]])
    cloth = np.zeros((wh[1], wh[0]), np.uint8)
    cv2.fillPoly(cloth, [np.round(through(view, corners)).astype(np.int32)], 1)
    places = [(x, y) for y in (wh[1] - side_px, 0) for x in (wh[0] - side_px, 0)]
    return min(places, key=lambda at: int(cloth[at[1] : at[1] + side_px, at[0] : at[0] + side_px].sum()))


def through(homography: np.ndarray, points: Any) -> np.ndarray:
    """float64 (N, 2) points seen through a homography."""
    return cv2.perspectiveTransform(np.array(points, np.float64).reshape(1, -1, 2), homography)[0]


def _view(corners: np.ndarray, hw: tuple[int, int], *, wh: tuple[int, int]) -> np.ndarray:
    """float64 (2, 3): from the photo's pixels to those of a picture `wh` of the swatch and a little around it."""
    low = np.maximum(corners.min(axis=0), 0.0)
    high = np.minimum(corners.max(axis=0), [hw[1] - 1.0, hw[0] - 1.0])
    room = (high - low) * (1.0 + 2.0 * _AROUND)
    scale = float(min(wh[0] / room[0], wh[1] / room[1]))
    scale = max(scale, min(wh[0] / hw[1], wh[1] / hw[0]))  # never smaller than the whole photo needs
    span, photo_wh = np.array(wh) / scale, np.array([hw[1], hw[0]])
    # Not beyond the photo's edges while there is photo left, and in the middle where it does not fill the picture.
    spare = photo_wh - span
    start = np.where(spare > 0.0, np.clip((low + high - span) / 2.0, 0.0, np.maximum(spare, 0.0)), spare / 2.0)
    return np.array([[scale, 0.0, -scale * start[0]], [0.0, scale, -scale * start[1]]])


def _steps(findings: Findings) -> tuple[np.ndarray, np.ndarray] | None:
    lattice = findings["lattice"]
    return None if lattice["a"] is None else (np.array(lattice["a"]), np.array(lattice["b"]))


def _draw_lattice(pixels: np.ndarray, findings: Findings, from_flat: np.ndarray, *, within: np.ndarray) -> None:
    """Lines through the repeats, from the tile's corner on, inside the polygon `within`."""
    steps = _steps(findings)
    if steps is None:
        return
    a, b = steps
    start = np.array(findings["tile"]["corners_flat"][0])
    near = through(from_flat, [start, start + a, start + b])
    if min(np.linalg.norm(near[1:] - near[0], axis=1)) < _FINEST_PX:
        return
    height, width = findings["flat"]["size"]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - start
    across, down = np.linalg.solve(np.stack([a, b], axis=1), corners.T)
    drawn = pixels.copy()
    if np.ptp(across) + np.ptp(down) > _MOST_LINES:
        return
    for column in range(int(np.floor(across.min())), int(np.ceil(across.max())) + 1):
        ends = [start + column * a + down.min() * b, start + column * a + down.max() * b]
        path(drawn, through(from_flat, ends), _GRID, thick_px=1, closed=False)
    for row in range(int(np.floor(down.min())), int(np.ceil(down.max())) + 1):
        ends = [start + row * b + across.min() * a, start + row * b + across.max() * a]
        path(drawn, through(from_flat, ends), _GRID, thick_px=1, closed=False)
    inside = np.zeros(pixels.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(within).astype(np.int32)], 1)
    mixed = cv2.addWeighted(drawn, 0.75, pixels, 0.25, 0.0)
    pixels[:] = np.where(inside[..., None] > 0, mixed, pixels)
