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
    before_all = _to_8bit(cv2.max(front.head, front.hands))
    on_person = None if person is None else _to_8bit(person)
    ground = lamp = None
    if body is not None:
        lamp = Lamp(light, body, hw=layer.hw)
        if on_person is not None:
            ground = _Ground(on_person, before_all, body=body, light=light)
    for part in layer.parts:
        box = _box(part)
        alpha = cv2.extractChannel(part.rgba, 3)
        if on_person is not None and part.spread is not None:
            alpha = _carried_on(alpha, part.spread, on_person[box], covered[box])
        hidden = before_all[box] if part.name != "back" else cv2.max(before_all[box], _to_8bit(front.neck[box]))
        cover = cv2.multiply(alpha, cv2.bitwise_not(hidden), scale=1 / 255)
        if ground is not None and part.name.startswith(_CASTS):
            ground.darken(image, part, covered)
        lit = cv2.cvtColor(part.rgba, cv2.COLOR_RGBA2RGB) if lamp is None or part.relief is None else lamp.shade(part)
        image[box] = _blend(image[box], lit, cover)
        covered[box] = cv2.max(covered[box], cover)
    return Composite(image=image, alpha=covered, shaded=None if ground is None else ground.shaded)


class Lamp:
    """A light over one picture, with what all parts share."""

    def __init__(self, light: Light, body: Body, *, hw: tuple[int, int]) -> None:
        self._toward = light.toward
        self._curve = _tone_curve(light)
        self._slow = field(light, body, hw=hw, gamma=2.2)

    def shade(self, part: LayerPart) -> np.ndarray:
        """The part's colours as the light shows them: uint8 (h, w, 3) RGB. A surface that faces the camera at the
        middle of the torso in a light of gain 1 keeps its albedo."""
        assert part.relief is not None
        tone = cv2.LUT(self._facing(part.relief), self._curve)
        occlusion = cv2.LUT(cv2.extractChannel(part.relief, 3), _OCCLUSION_CURVE)
        tone = cv2.multiply(tone, occlusion, scale=1 / 255)
        tone = cv2.multiply(tone, self._slow[_box(part)], dtype=cv2.CV_8U)
        rgb = cv2.cvtColor(part.rgba, cv2.COLOR_RGBA2RGB)
        return cv2.multiply(rgb, _thrice(tone), dst=rgb, scale=1 / _UNIT)

    def _facing(self, relief: np.ndarray) -> np.ndarray:
        """uint8 (h, w): cosine between normal and light, encoded as the normals are. In two sums of bytes, which take a
        third of the time of cv2.transform; neither can leave their range."""
        x, y, z = self._toward
        right, up, out = (cv2.extractChannel(relief, channel) for channel in range(3))
        across = cv2.addWeighted(right, x, up, y, 128.0 * (1.0 - x - y))
        return cv2.addWeighted(across, 1.0, out, z, -128.0 * z)


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


_SURE = np.clip((np.arange(256) / 255.0 - 0.35) / 0.4 * 255.0 + 0.5, 0, 255).astype(np.uint8)
"""How surely a pixel is the person's, for an 8-bit value of the silhouette."""
_BARE = np.clip(4 * (255 - np.arange(256)), 0, 255).astype(np.uint8)
"""What may be laid over garment of an 8-bit opacity: all but where it is nearly closed, since where two halves of a
sleeve each cover a half a quarter of the old one would show."""


def _carried_on(alpha: np.ndarray, spread: np.ndarray, person: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """uint8 (h, w): opacity carried on over the person where `spread` lets it and nothing else lies yet."""
    free = cv2.min(cv2.multiply(spread, cv2.LUT(person, _SURE), scale=1 / 255), cv2.LUT(covered, _BARE))
    return cv2.max(alpha, free)


class _Ground:
    """What shadows may fall on, prepared once per picture: the person and clothes already drawn, never the wall or a
    face. Shadows are soft, so they are made at a quarter of the size."""

    def __init__(self, person: np.ndarray, before_all: np.ndarray, *, body: Body, light: Light) -> None:
        self.shaded = np.zeros(person.shape, np.uint8)
        self._person = person
        self._spared = before_all
        self._soft_px = max(2.0, 13.0 * body.px_per_mm)
        self._toward = light.toward

    def darken(self, image: np.ndarray, part: LayerPart, covered: np.ndarray) -> None:
        """Darken what lies just beneath the part's edges, in place."""
        reach = math.ceil(2.2 * self._soft_px)
        height, width = covered.shape
        x, y = part.xy
        h, w = part.rgba.shape[:2]
        # Whole quarters, which are averaged several times as fast as pieces of pixels.
        x0, y0 = max(x - reach, 0) // 4 * 4, max(y - reach, 0) // 4 * 4
        x1, y1 = min(-(-(x + w + reach) // 4) * 4, width), min(-(-(y + h + reach) // 4) * 4, height)
        box = (slice(y0, y1), slice(x0, x1))
        alpha = np.zeros((y1 - y0, x1 - x0), np.uint8)
        alpha[y - y0 : y - y0 + h, x - x0 : x - x0 + w] = cv2.extractChannel(part.rgba, 3)
        ground = cv2.max(self._person[box], covered[box])
        keep = cv2.resize(self._shadow(alpha, ground), (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        keep = cv2.max(keep, self._spared[box])
        keep = cv2.max(keep, cv2.max(cv2.compare(ground, 8, cv2.CMP_LT), cv2.compare(keep, 252, cv2.CMP_GT)))
        image[box] = cv2.multiply(image[box], _thrice(keep), scale=1 / 255)
        self.shaded[box] = cv2.max(self.shaded[box], cv2.bitwise_not(keep))

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
    """under + (over - under) * cover; where `cover` is 0 nothing changes. In bytes, each half rounded on its own."""
    shown = cv2.multiply(over, _thrice(cover), scale=1 / 255)
    left = cv2.multiply(under, _thrice(cv2.bitwise_not(cover)), scale=1 / 255)
    return cv2.add(shown, left, dst=shown)


def _thrice(plane: np.ndarray) -> np.ndarray:
    return cv2.merge([plane, plane, plane])


def _to_8bit(matte: np.ndarray) -> np.ndarray:
    """uint8 of a float matte in [0, 1]."""
    return cv2.convertScaleAbs(matte, alpha=255.0)


def _box(part: LayerPart) -> tuple[slice, slice]:
    x, y = part.xy
    h, w = part.rgba.shape[:2]
    return slice(y, y + h), slice(x, x + w)
