"""Pictures of scans for people: where the cloth was found, how it was taken to repeat, and what was made of it.

Owns the drawing; must not know figures.
"""

from __future__ import annotations

import cv2
import numpy as np

from bench.swatch_camera import through
from bench.swatches import Rendered
from fabric.scan import Scan
from utils.colour import linear_to_srgb8

_SIDE_PX = 480
_TRUE, _FOUND = (20, 200, 60), (235, 40, 40)


def case(rendered: Rendered, done: Scan | None, *, title: str) -> np.ndarray:
    """uint8 (h, w, 3): the photo with true (green) and found (red) corners and lattice, the cloth laid flat, the tile
    three by three, the normals."""
    views = [_photo(rendered, done)]
    if done is not None:
        flat = np.clip(done.even.linear, 0.0, 1.0)
        views += [linear_to_srgb8(flat), np.tile(done.surface.albedo, (3, 3, 1)), _normal_view(done.surface.normal)]
    return _strip(views, title)


def real(photo: np.ndarray, done: Scan | None, *, title: str) -> np.ndarray:
    """The same of a photo of which nothing is known."""
    view = photo.copy()
    views = [view]
    if done is not None:
        _outline(view, done.outline.corners, _FOUND)
        flat = linear_to_srgb8(np.clip(done.even.linear, 0.0, 1.0))
        if done.lattice.a is not None and done.lattice.b is not None:
            middle = np.array(flat.shape[1::-1]) / 2.0
            for vector in (done.lattice.a, done.lattice.b):
                _arrow(flat, middle, middle + vector, _FOUND)
        views += [flat, np.tile(done.surface.albedo, (3, 3, 1)), _normal_view(done.surface.normal)]
    return _strip(views, title)


def _photo(rendered: Rendered, done: Scan | None) -> np.ndarray:
    view = rendered.photo.copy()
    to_photo = np.linalg.inv(rendered.to_mm)
    middle = np.array(rendered.size_mm) / 2.0
    _outline(view, rendered.corners, _TRUE)
    for vector in rendered.lattice_mm if rendered.lattice_mm is not None else ():
        _arrow(view, *through(to_photo, np.array([middle, middle + vector])), _TRUE)
    if done is not None:
        _outline(view, done.outline.corners, _FOUND)
        if done.lattice.a is not None and done.lattice.b is not None:
            from_flat = np.linalg.inv(done.flat.from_photo)
            h, w = done.flat.linear.shape[:2]
            centre = np.array([w, h]) / 2.0
            for vector in (done.lattice.a, done.lattice.b):
                _arrow(view, *through(from_flat, np.array([centre, centre + vector])), _FOUND)
    return view


def _strip(views: list[np.ndarray], title: str) -> np.ndarray:
    cells = []
    for view in views:
        scale = _SIDE_PX / max(view.shape[:2])
        small = cv2.resize(view, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cell = np.full((_SIDE_PX, _SIDE_PX, 3), 255, np.uint8)
        cell[: small.shape[0], : small.shape[1]] = small
        cells.append(cell)
    cells += [np.full_like(cells[0], 255)] * (4 - len(cells))
    strip = np.vstack([np.hstack(cells), np.full((26, 4 * _SIDE_PX, 3), 255, np.uint8)])
    cv2.putText(strip, title, (6, _SIDE_PX + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return strip


def _normal_view(normal: np.ndarray) -> np.ndarray:
    return np.rint((normal + 1.0) * 127.5).astype(np.uint8)


def _outline(view: np.ndarray, corners: np.ndarray, colour: tuple[int, int, int]) -> None:
    thick = max(1, max(view.shape[:2]) // 400)
    cv2.polylines(view, [np.rint(corners).astype(np.int32)], True, colour, thick, cv2.LINE_AA)


def _arrow(view: np.ndarray, start: np.ndarray, end: np.ndarray, colour: tuple[int, int, int]) -> None:
    thick = max(1, max(view.shape[:2]) // 400)
    points = [tuple(int(v) for v in np.rint(p)) for p in (start, end)]
    cv2.arrowedLine(view, points[0], points[1], colour, thick, cv2.LINE_AA, tipLength=0.25)
