"""A made-up garment as surfaces in space, to be turned and lit by whoever shows it.

Owns the depth of a garment, got back from the slopes that it was drawn with; must not know files, bodies or frames.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from garment.flat import hung
from garment.garment import PIECES, Garment, Piece
from garment.relief import unpack

_STEP_MM = 6.0
_DEEP = 0.7  # of the drawn depth: what is turned away from the front is not drawn, and a relief shows less of its lack
_MARGIN_PX = 3
_STEEPEST = 4.0  # a slope that is drawn steeper is the rim's, which 8 bits no longer tell
_APART_MM = 1.5  # by which what lies in front keeps off what it hides, at least
_SOME = 0.45  # of a node's cell is cloth
_WHOLLY, _SEWN = 0.97, 2  # cover, and nodes of torso under a sleeve along its seam
_EVENED_MM = 20.0  # along a sleeve, so that its head does not jump where the torso's edge does
_LEAST_WEIGHT = 1e-3  # of a node without cloth: it hangs on its neighbours
_ROUNDS, _NEAR = 600, 1e-5


@dataclass(frozen=True)
class Surface:
    """One piece. Millimetres from the pit of the neck: +x to the right of the picture, +y up, +z to the viewer."""

    name: str
    positions: np.ndarray
    """float32 (N, 3)."""
    normals: np.ndarray
    """float32 (N, 3), of length 1."""
    tangents: np.ndarray
    """float32 (N, 4): along the picture's x, and 1, for the picture's up is cross(normal, tangent)."""
    uv: np.ndarray
    """float32 (N, 2): (0, 0) is the picture's top left, (1, 1) its bottom right."""
    triangles: np.ndarray
    """int32 (M, 3), counter-clockwise as seen from the front."""
    colour: np.ndarray
    """uint8 (h, w, 4): sRGB reflectance and straight alpha."""
    relief: np.ndarray
    """uint8 (h, w, 3): what the surface leaves out of the drawn normals, in tangent space, as 128 + 127 * (x, y, z)."""
    occlusion: np.ndarray
    """uint8 (h, w): 255 where the sky is open."""


def surfaces(garment: Garment) -> list[Surface]:
    """The pieces in space, from the back to the front: seen from there they look as the garment does lying flat."""
    present = [garment.pieces[name] for name in PIECES if name in garment.pieces]
    shaped = {piece.name: _shape(piece, px_per_mm=garment.px_per_mm) for piece in present}
    torso = shaped["torso"]
    joined = {name: shape if shape is torso else _joined(shape, torso, garment) for name, shape in shaped.items()}
    joined["torso"] = _without_sleeve_heads(joined, garment)
    return [_surface(shape, garment) for shape in joined.values()]


@dataclass(frozen=True)
class _Shape:
    """A piece with a depth on a grid of nodes."""

    piece: Piece
    corner_px: tuple[int, int]
    """Where its picture begins in the piece's."""
    colour: np.ndarray
    normal: np.ndarray
    """float32 (h, w, 3), as drawn, +y up."""
    occlusion: np.ndarray
    nodes_px: tuple[np.ndarray, np.ndarray]
    """x and y of the grid's columns and rows in the picture."""
    covered: np.ndarray
    """float32 (rows, columns) in [0, 1]."""
    depth_mm: np.ndarray
    """float32 (rows, columns), up to a constant."""

    def positions_mm(self, garment: Garment) -> np.ndarray:
        """float32 (rows, columns, 3), the piece hung where it belongs."""
        x, y = np.meshgrid(*self.nodes_px)
        x0, y0 = self.corner_px
        place = hung(garment, self.piece.name)
        points = np.dstack([x + x0, y + y0]) @ place[:, :2].T + place[:, 2] - garment.pieces["torso"].anchors["neck"]
        return np.dstack([points * (1.0, -1.0) / garment.px_per_mm, self.depth_mm]).astype(np.float32)


def _shape(piece: Piece, *, px_per_mm: float) -> _Shape:
    h, w = piece.albedo.shape[:2]
    x0, y0, x1, y1 = piece.drawn
    x0, y0, x1, y1 = max(x0 - _MARGIN_PX, 0), max(y0 - _MARGIN_PX, 0), min(x1 + _MARGIN_PX, w), min(y1 + _MARGIN_PX, h)
    colour = piece.albedo[y0:y1, x0:x1]
    normal, _ = unpack(piece.relief[y0:y1, x0:x1])
    nodes = [np.linspace(0.0, n - 1.0, max(3, round(n / (_STEP_MM * px_per_mm)) + 1)) for n in (x1 - x0, y1 - y0)]
    wh = len(nodes[0]), len(nodes[1])
    alpha = colour[..., 3].astype(np.float32) / np.float32(255)
    slope = np.clip(normal[..., :2] / np.maximum(normal[..., 2:], 0.1), -_STEEPEST, _STEEPEST) * alpha[..., None]
    covered = cv2.resize(alpha, wh, interpolation=cv2.INTER_AREA)
    slope = cv2.resize(slope, wh, interpolation=cv2.INTER_AREA) / np.maximum(covered, 1e-3)[..., None]
    steps_mm = [(axis[1] - axis[0]) / px_per_mm for axis in nodes]
    depth = _DEEP * _integrated(-slope[..., 0] * steps_mm[0], slope[..., 1] * steps_mm[1], covered)
    return _Shape(
        piece=piece,
        corner_px=(x0, y0),
        colour=colour,
        normal=normal,
        occlusion=piece.relief[y0:y1, x0:x1, 3],
        nodes_px=(nodes[0], nodes[1]),
        covered=covered,
        depth_mm=depth,
    )


def _integrated(rise_x: np.ndarray, rise_y: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """float32 (rows, columns): heights whose rises from node to node, to the right and down, come closest to the given
    ones where there is cloth, by weighted least squares (conjugate gradients on the normal equations)."""
    weight_x = np.maximum(np.minimum(covered[:, 1:], covered[:, :-1]), _LEAST_WEIGHT)
    weight_y = np.maximum(np.minimum(covered[1:], covered[:-1]), _LEAST_WEIGHT)
    has_cloth = covered > 0.0
    flat_x, flat_y = np.where(has_cloth, rise_x, 0.0), np.where(has_cloth, rise_y, 0.0)

    def gathered(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        out = np.zeros(covered.shape)
        out[:, 1:] += x
        out[:, :-1] -= x
        out[1:] += y
        out[:-1] -= y
        return out

    def applied(height: np.ndarray) -> np.ndarray:
        return gathered(weight_x * np.diff(height, axis=1), weight_y * np.diff(height, axis=0))

    between_x, between_y = (flat_x[:, 1:] + flat_x[:, :-1]) / 2.0, (flat_y[1:] + flat_y[:-1]) / 2.0
    left = gathered(weight_x * between_x, weight_y * between_y)
    height, towards = np.zeros(covered.shape), left.copy()
    power = first = float((left**2).sum())
    for _ in range(_ROUNDS):
        if power <= first * _NEAR**2:
            break
        pushed = applied(towards)
        pace = power / float((towards * pushed).sum())
        height += pace * towards
        left -= pace * pushed
        before, power = power, float((left**2).sum())
        towards = left + power / before * towards
    return height.astype(np.float32)


def _joined(shape: _Shape, torso: _Shape, garment: Garment) -> _Shape:
    """The piece where it belongs: the back just behind the torso wherever both are, a sleeve just before it along their
    seam, so that it hangs from the shoulder and its head is sewn in."""
    gap = _gaps_mm(shape, torso, garment)
    met = np.flatnonzero(np.isfinite(gap).any(axis=1))
    if not met.size:
        return shape
    if shape.piece.name == "back":
        return replace(shape, depth_mm=shape.depth_mm + np.float32(np.nanmin(gap) - _APART_MM))
    gap = gap if shape.piece.name == "sleeve_left" else gap[:, ::-1]  # the seam with the torso comes first
    seam = gap[met, np.isfinite(gap[met]).argmax(axis=1)]
    ahead = np.interp(np.arange(len(gap)), met, seam).astype(np.float32)[:, None]
    ahead = cv2.GaussianBlur(ahead, (1, 0), sigmaX=0.1, sigmaY=_EVENED_MM / _STEP_MM, borderType=cv2.BORDER_REPLICATE)
    return replace(shape, depth_mm=shape.depth_mm + ahead + np.float32(_APART_MM))


def _without_sleeve_heads(shapes: Mapping[str, _Shape], garment: Garment) -> _Shape:
    """The torso without what a sleeve hides above the armpit: the shoulder's end would stick out behind its head."""
    torso = shapes["torso"]
    kept = torso.covered.copy()
    for name, shape in shapes.items():
        if not name.startswith("sleeve"):
            continue
        hidden = cv2.remap(shape.covered, *_places_in(shape, torso, garment), cv2.INTER_LINEAR) > _WHOLLY
        armpit = torso.piece.anchors[name.replace("sleeve", "armpit")][1] - torso.corner_px[1]
        hidden[torso.nodes_px[1] > armpit] = False
        # From a little beyond the seam outwards.
        inwards = hidden if name == "sleeve_left" else hidden[:, ::-1]
        beyond = np.cumsum(inwards, axis=1) > _SEWN
        kept[beyond if name == "sleeve_left" else beyond[:, ::-1]] = 0.0
    return replace(torso, covered=kept)


def _places_in(other: _Shape, shape: _Shape, garment: Garment) -> tuple[np.ndarray, np.ndarray]:
    """x and y, float32 (rows, columns): where a piece's nodes lie in the grid of the other, to look things up there."""
    own = shape.positions_mm(garment)[..., :2].reshape(-1, 2) * (1.0, -1.0) * garment.px_per_mm
    back = cv2.invertAffineTransform(hung(garment, other.piece.name))
    points = (own + garment.pieces["torso"].anchors["neck"]) @ back[:, :2].T + back[:, 2] - other.corner_px
    x, y = (
        ((points[:, n] - axis[0]) / (axis[1] - axis[0])).astype(np.float32).reshape(shape.depth_mm.shape)
        for n, axis in enumerate(other.nodes_px)
    )
    return x, y


def _gaps_mm(shape: _Shape, torso: _Shape, garment: Garment) -> np.ndarray:
    """float32 (rows, columns): how far the torso is before each node of the piece; NaN where not both have cloth."""
    places = _places_in(torso, shape, garment)
    below = cv2.remap(torso.depth_mm, *places, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    both = np.minimum(cv2.remap(torso.covered, *places, cv2.INTER_LINEAR), shape.covered) > _SOME
    return np.where(both, below - shape.depth_mm, np.float32(np.nan))


def _surface(shape: _Shape, garment: Garment) -> Surface:
    steps = [(axis[1] - axis[0]) / garment.px_per_mm for axis in shape.nodes_px]
    fall, across = np.gradient(shape.depth_mm, steps[1], steps[0])
    normals = _unit(np.dstack([-across, fall, np.ones_like(fall)]))
    tangents = _unit(np.dstack([np.ones_like(fall), np.zeros_like(fall), across]))
    # A texture's corner is a pixel's corner, a node is a pixel's middle.
    sides = zip(shape.nodes_px, shape.colour.shape[1::-1], strict=True)
    uv = np.stack(np.meshgrid(*((axis + 0.5) / side for axis, side in sides)), axis=-1)
    turn = np.eye(3)
    place = hung(garment, shape.piece.name)[:, :2]
    turn[:2, :2] = place * ((1.0, -1.0), (-1.0, 1.0))
    return Surface(
        name=shape.piece.name,
        positions=shape.positions_mm(garment).reshape(-1, 3),
        normals=(normals.reshape(-1, 3) @ turn.T).astype(np.float32),
        tangents=np.pad(tangents.reshape(-1, 3) @ turn.T, ((0, 0), (0, 1)), constant_values=1.0).astype(np.float32),
        uv=uv.reshape(-1, 2).astype(np.float32),
        triangles=_triangles(shape.covered > 0.0),
        colour=shape.colour,
        relief=_residual(shape, normals, tangents),
        occlusion=shape.occlusion,
    )


def _triangles(has_cloth: np.ndarray) -> np.ndarray:
    """Two for each cell of the grid with cloth at a corner."""
    rows, columns = has_cloth.shape
    near = cv2.dilate(has_cloth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    used = near[1:, 1:] & near[1:, :-1] & near[:-1, 1:] & near[:-1, :-1]
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1))[used]
    below = corner + columns
    return np.concatenate(
        [np.stack([corner, below, corner + 1], axis=1), np.stack([corner + 1, below, below + 1], axis=1)]
    ).astype(np.int32)


def _residual(shape: _Shape, normals: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """The drawn normals as seen from the surface's own."""
    wh = shape.colour.shape[1::-1]
    rows, columns = shape.depth_mm.shape
    x = np.linspace(0.0, columns - 1.0, wh[0], dtype=np.float32)
    y = np.linspace(0.0, rows - 1.0, wh[1], dtype=np.float32)
    maps = np.broadcast_to(x, wh[::-1]).copy(), np.broadcast_to(y[:, None], wh[::-1]).copy()
    up = _unit(cv2.remap(normals.astype(np.float32), *maps, cv2.INTER_LINEAR))
    along = cv2.remap(tangents.astype(np.float32), *maps, cv2.INTER_LINEAR)
    along = _unit(along - up * (along * up).sum(axis=2, keepdims=True))
    seen = [(shape.normal * axis).sum(axis=2) for axis in (along, np.cross(up, along), up)]
    return np.clip(np.rint(128.0 + 127.0 * np.dstack(seen)), 0, 255).astype(np.uint8)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-6)
