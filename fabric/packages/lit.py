"""The cloth as people see it: on a ball and hanging in folds, under one lamp, its texture at true scale.

Owns the two shapes and the light; must not know photos or pages. All is computed at twice the size and averaged.
Light: a lamp from the upper left that creeps around fibres, soft light from above and a little from below, a highlight
as broad as the roughness, and the glow of fuzz and lustre towards the rim (KHR_materials_sheen's terms, simplified).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from fabric.packages.contents import Contents
from utils.colour import linear_to_srgb8, srgb_to_linear

BALL_MM, BALL_VIEW_MM, HANGING_MM = 100.0, 122.0, 170.0
"""Diameter of the ball, and what the two pictures are wide."""
NOMINAL_MM = 50.0
"""Width of a tile of unknown size, so that there is something to be seen."""
_OVER = 2
_LAMP = (-0.52, 0.58, 0.63)
_WRAP, _FROM_LAMP, _FROM_ABOVE, _FROM_BELOW = 0.25, 0.60, 0.36, 0.15
_FUZZ = 0.05  # of the glow that every cloth has
_PLASTIC = 0.04  # what fibre reflects where it is seen square on
_BACKDROP = (236, 233, 228), (214, 209, 202)  # top and bottom
_MARCH = 28  # steps towards the lamp in search of a fold that stands in its way


@dataclass(frozen=True)
class _Shape:
    """What is seen at each pixel: float32 (H, W) and (H, W, 3)."""

    u_mm: np.ndarray
    """On the cloth, to the right."""
    v_mm: np.ndarray
    """On the cloth, downwards."""
    normal: np.ndarray
    right: np.ndarray
    """Direction in which u grows."""
    up: np.ndarray
    """Direction in which v shrinks."""
    lamp: np.ndarray | float
    """Share of the lamp that is seen."""
    sky: np.ndarray | float
    """Share of the soft light."""


def ball(contents: Contents, size_px: int) -> np.ndarray:
    """uint8 (size, size, 3) sRGB: the cloth drawn over a ball, on a light backdrop."""
    side = size_px * _OVER
    line = ((np.arange(side, dtype=np.float32) + 0.5) / side - 0.5) * np.float32(BALL_VIEW_MM)
    x, y = np.meshgrid(line, -line)
    away = np.hypot(x, y) / np.float32(BALL_MM / 2.0)
    inside = np.minimum(away, 0.9995)
    deep = np.sqrt(1.0 - inside * inside)
    along, across = x / np.maximum(np.hypot(x, y), 1e-6), y / np.maximum(np.hypot(x, y), 1e-6)
    # Lengths from the middle are kept: the cloth is laid on there and smoothed down towards the rim.
    reach = np.arcsin(inside) * np.float32(BALL_MM / 2.0)
    outward = np.dstack([along * deep, across * deep, -inside])
    around = np.dstack([-across, along, np.zeros_like(along)])
    shape = _Shape(
        u_mm=along * reach,
        v_mm=-across * reach,
        normal=np.dstack([along * inside, across * inside, deep]),
        right=along[..., None] * outward - across[..., None] * around,
        up=across[..., None] * outward + along[..., None] * around,
        lamp=1.0,
        sky=1.0,
    )
    lit = _shade(contents, shape, px_per_mm=side / BALL_VIEW_MM)
    back = _backdrop(side)
    # A soft shadow, down and away from the lamp.
    gone = np.hypot(x - 0.07 * BALL_MM, y + 0.09 * BALL_MM) / np.float32(BALL_MM / 2.0)
    back *= (1.0 - 0.45 * np.clip((1.16 - gone) / 0.32, 0.0, 1.0) ** 1.5)[..., None]
    edge = np.clip((1.0 - away) * np.float32(side / BALL_VIEW_MM * BALL_MM / 2.0) + 0.5, 0.0, 1.0)[..., None]
    return _shown(lit * edge + back * (1.0 - edge), size_px)


def hanging(contents: Contents, size_px: int) -> np.ndarray:
    """uint8 (size, size, 3) sRGB: the cloth hanging in folds that gather above the left."""
    side = size_px * _OVER
    px_per_mm = side / HANGING_MM
    line = (np.arange(side, dtype=np.float32) + 0.5) / np.float32(px_per_mm)
    x, y = np.meshgrid(line, line)
    z = _folds(x, y)
    dx, dy = np.gradient(z)[::-1]
    dx, dy = dx * np.float32(px_per_mm), dy * np.float32(px_per_mm)
    # Along the cloth a step is longer than it looks where the fold leads away from the eye.
    u_mm = np.cumsum(np.sqrt(1.0 + dx * dx), axis=1) / np.float32(px_per_mm)
    v_mm = np.cumsum(np.sqrt(1.0 + dy * dy), axis=0) / np.float32(px_per_mm)
    one = np.ones_like(z)
    normal = _unit(np.dstack([-dx, dy, one]))
    right = _unit(np.dstack([one, np.zeros_like(z), dx]))
    shape = _Shape(
        u_mm=u_mm - u_mm[:, side // 2 : side // 2 + 1],
        v_mm=v_mm,
        normal=normal,
        right=right,
        up=np.cross(normal, right),
        lamp=_unshaded(z, px_per_mm),
        sky=1.0 / (1.0 + np.maximum(cv2.GaussianBlur(z, (0, 0), 12.0 * px_per_mm / 4) - z, 0.0) / 5.0),
    )
    return _shown(_shade(contents, shape, px_per_mm=px_per_mm), size_px)


def contents_size_mm(contents: Contents) -> tuple[float, float]:
    """What the tile is drawn as large as: its size, or a guess that is as good as any."""
    width, height = contents.size_px
    return contents.size_mm or (NOMINAL_MM, NOMINAL_MM * height / width)


def _folds(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float32 millimetres towards the eye; `x` and `y` in millimetres from the top left."""
    from_x, from_y = x + 40.0, y + 150.0
    turn = np.arctan2(from_x, from_y)
    reach = np.hypot(from_x, from_y) / 260.0
    turn += 0.035 * np.sin(y / 46.0 + 0.8)
    wave = 9.0 * np.sin(19.0 * turn + 0.6) + 4.2 * np.sin(41.0 * turn + 2.1 + y / 120.0)
    return (wave * np.clip(reach, 0.0, 1.35) ** 1.3).astype(np.float32)


def _unshaded(z: np.ndarray, px_per_mm: float) -> np.ndarray:
    """float32 (H, W): share of the lamp that no fold hides, found by going towards it at a quarter of the size."""
    h, w = z.shape
    small = cv2.resize(z, (w // 4, h // 4), interpolation=cv2.INTER_AREA)
    step_mm = 1.6
    step_px = step_mm * px_per_mm / 4.0
    lamp = np.array(_LAMP) / np.hypot(_LAMP[0], _LAMP[1])
    hidden = np.zeros_like(small)
    for count in range(1, _MARCH):
        move = np.float32([[1, 0, -lamp[0] * step_px * count], [0, 1, lamp[1] * step_px * count]])
        there = cv2.warpAffine(small, move, small.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
        hidden = np.maximum(hidden, (there - small - lamp[2] * step_mm * count) / (0.6 + 0.12 * step_mm * count))
    soft = cv2.GaussianBlur(np.clip(1.0 - hidden, 0.0, 1.0), (0, 0), 2.0)
    return cv2.resize(soft, (w, h), interpolation=cv2.INTER_LINEAR)


def _shade(contents: Contents, shape: _Shape, *, px_per_mm: float) -> np.ndarray:
    """float32 (H, W, 3), linear light."""
    colours, relief = _sampled(contents, shape, px_per_mm=px_per_mm)
    albedo, occlusion, roughness = colours[..., :3], colours[..., 3], np.maximum(relief[..., 2], 0.2)
    normal = _unit(shape.normal + relief[..., :1] * shape.right + relief[..., 1:2] * shape.up)
    lamp = _unit(np.float32(_LAMP)[None, None])[0, 0]
    facing, seen = normal @ lamp, np.maximum(normal[..., 2], 0.02)
    diffuse = np.maximum(facing + _WRAP, 0.0) * np.float32(_FROM_LAMP / (1.0 + _WRAP) / 0.72) * shape.lamp
    soft = (0.5 + 0.5 * normal[..., 1]) * (_FROM_ABOVE - _FROM_BELOW) + _FROM_BELOW
    light = diffuse * (0.5 + 0.5 * occlusion) + soft * occlusion * shape.sky
    halfway = _unit((lamp + np.float32([0, 0, 1]))[None, None])[0, 0]
    power = roughness**4
    toward = np.maximum(normal @ halfway, 0.0) ** 2 * (power - 1.0) + 1.0
    gloss = _PLASTIC * power / (4.0 * toward * toward) * np.maximum(facing, 0.0) * shape.lamp * occlusion
    glow = (_FUZZ + 0.5 * contents.sheen) * (1.0 - seen) ** 3 * shape.sky
    glow *= 0.35 + 0.65 * np.maximum(facing + 0.4, 0.0)
    mirrored = gloss * np.float32(1.0 + 2.0 * contents.sheen)
    return albedo * light[..., None] + np.sqrt(albedo) * glow[..., None] + mirrored[..., None]


def _sampled(contents: Contents, shape: _Shape, *, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """float32 (H, W, 4) of linear albedo and openness, and of slopes to the right and up and roughness."""
    size_mm, wh = contents_size_mm(contents), contents.size_px
    fitting = (max(8, round(length * px_per_mm)) for length in size_mm)
    smaller = tuple(min(have, want) for have, want in zip(wh, fitting, strict=True))

    def fit(field: np.ndarray) -> np.ndarray:
        """Averaged down to the picture's own pixels, or fine weaves would shimmer."""
        return field if smaller == wh else cv2.resize(field, smaller, interpolation=cv2.INTER_AREA)

    z = np.maximum(contents.normal[..., 2], 0.05)
    slopes = (fit(contents.normal[..., axis] / z) for axis in (0, 1))
    colours = np.dstack([fit(srgb_to_linear(contents.albedo)), fit(contents.occlusion)])
    relief = np.dstack([*slopes, fit(contents.roughness)])
    x = np.mod(shape.u_mm, np.float32(size_mm[0])) * np.float32(smaller[0] / size_mm[0]) - np.float32(0.5)
    y = np.mod(shape.v_mm, np.float32(size_mm[1])) * np.float32(smaller[1] / size_mm[1]) - np.float32(0.5)
    colours, relief = (
        cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP) for tile in (colours, relief)
    )
    return colours, relief


def _backdrop(side: int) -> np.ndarray:
    """float32 (side, side, 3), linear light."""
    top, bottom = (srgb_to_linear(np.uint8(colour)) for colour in _BACKDROP)
    down = np.linspace(0.0, 1.0, side, dtype=np.float32)[:, None, None]
    return np.broadcast_to(top * (1.0 - down) + bottom * down, (side, side, 3)).copy()


def _shown(linear: np.ndarray, size_px: int) -> np.ndarray:
    return linear_to_srgb8(cv2.resize(linear, (size_px, size_px), interpolation=cv2.INTER_AREA))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.sqrt(np.einsum("hwc,hwc->hw", vectors, vectors))[..., None]
