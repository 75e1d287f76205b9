"""Compositing: a layer, lit like the scene, goes over the frame and behind what is in front of it.

Owns shading, contact shadows and the final blend; must not know where the layer or the mattes came from. Outside the
garment and its soft shadow the result is the frame, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from garment.body import Body
from garment.layer import Layer, LayerPart
from garment.light import Light, field
from garment.occlusion import Front

_UNIT = 170  # the 8-bit value that stands for a shade of 1, so that 1.5 still fits
_SHADOW = 0.42
_CASTS = ("torso", "upper", "fore", "sleeve")


@dataclass(frozen=True)
class Composite:
    """The picture, and what was done to it."""

    image: np.ndarray
    """uint8 (H, W, 3) RGB."""
    alpha: np.ndarray
    """uint8 (H, W): opacity of the garment in the picture."""
    shaded: np.ndarray | None
    """uint8 (H, W): not 0 where a contact shadow fell; None where none could."""

    @property
    def touched(self) -> np.ndarray:
        """bool (H, W): where the picture may differ from the frame (garment or shadow)."""
        garment = self.alpha > 0
        return garment if self.shaded is None else garment | (self.shaded > 0)


def compose(
    frame: np.ndarray,
    layer: Layer,
    *,
    front: Front,
    light: Light,
    body: Body | None,
    person: np.ndarray | None,
) -> Composite:
    """Put the layer on the frame.

    Args:
        frame: uint8 (H, W, 3) RGB; not changed.
        front: what stays before the garment.
        body: where the wearer is, for the light's gradient and the size of shadows; None when the layer is lit already.
        person: float32 (H, W) silhouette, on which shadows may fall; None throws none.
    """
    image = frame.copy()
    covered = np.zeros(frame.shape[:2], np.uint8)
    before_all = np.maximum(front.head, front.hands)
    ground = None
    if body is not None and person is not None:
        ground = _Ground(person, before_all, body=body, light=light)
    for part in layer.parts:
        box = _box(part)
        alpha = part.rgba[..., 3] if person is None else _spread(part, person[box], covered[box])
        cover = _visible(alpha, before_all[box], front.neck[box] if part.name == "back" else None)
        if ground is not None and part.name.startswith(_CASTS):
            ground.darken(image, part, covered)
        lit = part.rgba[..., :3] if part.relief is None or body is None else shade(part, light=light, body=body)
        image[box] = _blend(image[box], lit, cover)
        np.maximum(covered[box], cover, out=covered[box])
    return Composite(image=image, alpha=covered, shaded=None if ground is None else ground.shaded)


def shade(part: LayerPart, *, light: Light, body: Body) -> np.ndarray:
    """The part's colours as the light shows them: uint8 (h, w, 3) RGB. A surface that faces the camera at the middle of
    the torso in a light of gain 1 keeps its albedo."""
    relief = part.relief
    assert relief is not None
    x, y, z = light.toward
    facing = cv2.transform(relief, np.array([[x, y, z, 0.0, 128.0 - 128.0 * (x + y + z)]]))
    tone = cv2.LUT(facing, _tone_curve(light))
    occlusion = cv2.LUT(np.ascontiguousarray(relief[..., 3]), _OCCLUSION_CURVE)
    px0, py0 = part.xy
    height, width = part.rgba.shape[:2]
    slow = field(light, body, (px0, py0, px0 + width, py0 + height), gamma=2.2)
    cv2.multiply(tone, occlusion, dst=tone, scale=1 / 255)
    tone = cv2.multiply(tone, slow, dtype=cv2.CV_8U)
    rgb = cv2.cvtColor(part.rgba, cv2.COLOR_RGBA2RGB)
    return cv2.multiply(rgb, cv2.merge([tone, tone, tone]), dst=rgb, scale=1 / _UNIT)


_OCCLUSION_CURVE = (255.0 * (np.arange(256) / 255.0) ** (1 / 2.2) + 0.5).astype(np.uint8)


def _tone_curve(light: Light) -> np.ndarray:
    """uint8 (256,): shade (in display gamma, _UNIT = 1) for the 8-bit cosine between normal and light."""
    cosine = (np.arange(256) - 128.0) / 127.0
    # Wrapped diffuse: cloth is fuzzy and scatters, so its terminator is soft.
    wrap = 0.1
    diffuse = np.clip((cosine + wrap) / (1 + wrap), 0, None)
    # What faces the camera is a little lighter than its albedo, since most of a jacket turns away a little.
    straight = 0.93 * (light.toward[2] + wrap) / (1 + wrap)
    linear = light.gain * (light.ambient + (1 - light.ambient) * diffuse / straight)
    return np.clip(_UNIT * np.clip(linear, 0.02, 2.2) ** (1 / 2.2), 0, 255).astype(np.uint8)


def _spread(part: LayerPart, person: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """uint8 (h, w): the part's opacity, carried on over the person where it may be and nothing else lies yet."""
    alpha = np.ascontiguousarray(part.rgba[..., 3])
    if part.spread is None:
        return alpha
    sure = np.clip((person - np.float32(0.35)) * np.float32(1 / 0.4), 0.0, 1.0)
    free = cv2.min(cv2.multiply(part.spread, sure, dtype=cv2.CV_8U), cv2.bitwise_not(covered))
    return cv2.max(alpha, free)


def _visible(alpha: np.ndarray, before_all: np.ndarray, neck: np.ndarray | None) -> np.ndarray:
    """uint8 (h, w): the opacity that is left once what is in front is taken away."""
    hidden = before_all if neck is None else np.maximum(before_all, neck)
    return cv2.multiply(alpha, 1.0 - hidden, dtype=cv2.CV_8U)


class _Ground:
    """What shadows may fall on, prepared once per picture: the person and clothes already drawn, never the wall or a
    face. Shadows are soft, so they are made at a quarter of the size."""

    def __init__(self, person: np.ndarray, before_all: np.ndarray, *, body: Body, light: Light) -> None:
        self.shaded = np.zeros(person.shape, np.uint8)
        self._person = cv2.convertScaleAbs(person, alpha=255.0)
        self._spared = cv2.convertScaleAbs(before_all, alpha=255.0)
        self._soft_px = max(2.0, 13.0 * body.px_per_mm)
        self._toward = light.toward

    def darken(self, image: np.ndarray, part: LayerPart, covered: np.ndarray) -> None:
        """Darken what lies just beneath the part's edges, in place."""
        reach = math.ceil(2.2 * self._soft_px)
        height, width = covered.shape
        x, y = part.xy
        h, w = part.rgba.shape[:2]
        x0, y0, x1, y1 = max(x - reach, 0), max(y - reach, 0), min(x + w + reach, width), min(y + h + reach, height)
        box = (slice(y0, y1), slice(x0, x1))
        alpha = np.zeros((y1 - y0, x1 - x0), np.uint8)
        alpha[y - y0 : y - y0 + h, x - x0 : x - x0 + w] = part.rgba[..., 3]
        ground = cv2.max(self._person[box], covered[box])
        keep = cv2.resize(self._shadow(alpha, ground), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        keep = cv2.max(keep, self._spared[box])
        keep[(ground < 8) | (keep > 252)] = 255
        image[box] = cv2.multiply(image[box], cv2.merge([keep, keep, keep]), scale=1 / 255)
        self.shaded[box] |= keep < 255

    def _shadow(self, alpha: np.ndarray, ground: np.ndarray) -> np.ndarray:
        """What is left of the light, uint8 at a quarter of the size, 255 for all."""
        wh = (max(1, alpha.shape[1] // 4), max(1, alpha.shape[0] // 4))
        soft = cv2.GaussianBlur(cv2.resize(alpha, wh, interpolation=cv2.INTER_AREA), (0, 0), self._soft_px / 4)
        shift = np.array([[1, 0, -self._toward[0] * self._soft_px / 3], [0, 1, self._soft_px / 5]], np.float32)
        falls = cv2.multiply(
            cv2.warpAffine(soft, shift, wh), cv2.resize(ground, wh, interpolation=cv2.INTER_AREA), scale=_SHADOW / 255
        )
        return cv2.bitwise_not(falls)


def _blend(under: np.ndarray, over: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """under + (over - under) * cover; where `cover` is 0 nothing changes."""
    weight = cover.astype(np.float32) * np.float32(1 / 255)
    return cv2.blendLinear(np.ascontiguousarray(over), np.ascontiguousarray(under), weight, 1.0 - weight)


def _box(part: LayerPart) -> tuple[slice, slice]:
    x, y = part.xy
    h, w = part.rgba.shape[:2]
    return slice(y, y + h), slice(x, x + w)
