"""Colour: sRGB, linear light, CIE Lab and the distance between two colours.

Owns the conversions and CIEDE2000; must not know cloth, people or cameras. RGB is sRGB with its own primaries and the
white point D65 throughout. "Linear" is proportional to light: averages and filters belong there, and nowhere else.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from utils.errors import InputError

# IEC 61966-2-1 primaries; the white is the sum of each row, so that RGB (1, 1, 1) is exactly L* 100, a* b* 0.
_XYZ_OF_RGB = np.array(
    [[0.4123908, 0.3575843, 0.1804808], [0.2126390, 0.7151687, 0.0721923], [0.0193308, 0.1191948, 0.9505322]]
)
_WHITE = _XYZ_OF_RGB.sum(axis=1)
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Share of each linear primary in how bright it looks."""
_LAB_OF_XYZ = np.array([[0.0, 116.0, 0.0], [500.0, -500.0, 0.0], [0.0, 200.0, -200.0]])
_LAB_OFFSET = np.array([16.0, 0.0, 0.0])
_EPSILON = 216 / 24389
_KAPPA = 24389 / 27
_FULL_SCALE = 65535


def srgb_to_linear(rgb: np.ndarray) -> np.ndarray:
    """float32 linear light in [0, 1] from sRGB of any shape: uint8, or floating point in [0, 1]."""
    if rgb.dtype == np.uint8:
        return _look_up(rgb, _linear_of_byte())
    return _decode(np.asarray(rgb, np.float32))


def linear_to_srgb(linear: np.ndarray) -> np.ndarray:
    """float32 sRGB in [0, 1] from linear light of any shape, clipped to the gamut."""
    light = np.clip(np.asarray(linear, np.float32), 0.0, 1.0)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def linear_to_srgb8(linear: np.ndarray) -> np.ndarray:
    """uint8 sRGB from linear light of any shape, clipped to the gamut; at most half a code from exact, and quick."""
    scaled = np.clip(np.asarray(linear, np.float32), 0.0, 1.0)
    scaled *= np.float32(_FULL_SCALE)
    scaled += np.float32(0.5)
    return _look_up(np.asarray(scaled, np.uint16), _byte_of_linear())


def luminance(linear: np.ndarray) -> np.ndarray:
    """(...,) of floating linear RGB (..., 3), in its own precision."""
    return linear @ LUMINANCE.astype(linear.dtype)


def linear_to_lab(linear: np.ndarray) -> np.ndarray:
    """float64 (..., 3) CIE Lab (D65) from linear RGB (..., 3)."""
    xyz = np.asarray(linear, np.float64) @ (_XYZ_OF_RGB / _WHITE[:, None]).T
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16.0) / 116.0)
    return f @ _LAB_OF_XYZ.T - _LAB_OFFSET


def lab_to_linear(lab: np.ndarray) -> np.ndarray:
    """float64 (..., 3) linear RGB from CIE Lab (D65); outside [0, 1] where sRGB has no such colour."""
    f = (np.asarray(lab, np.float64) + _LAB_OFFSET) @ np.linalg.inv(_LAB_OF_XYZ).T
    xyz = np.where(f**3 > _EPSILON, f**3, (116.0 * f - 16.0) / _KAPPA)
    return (xyz * _WHITE) @ np.linalg.inv(_XYZ_OF_RGB).T


def srgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """float64 (..., 3) CIE Lab (D65) from sRGB (..., 3): uint8, or floating point in [0, 1]."""
    return linear_to_lab(srgb_to_linear(rgb))


def lab_to_srgb8(lab: np.ndarray) -> np.ndarray:
    """uint8 (..., 3) sRGB from CIE Lab (D65), clipped to the gamut."""
    return linear_to_srgb8(lab_to_linear(lab))


def mean_srgb8(rgb: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """uint8 (3,): the colour that sRGB pixels (..., 3) melt into from afar, averaged in linear light.

    `weights` has the shape of `rgb` without its last axis and need not sum to one.
    """
    pixels = srgb_to_linear(rgb).reshape(-1, 3)
    flat = None if weights is None else np.asarray(weights, np.float64).ravel()
    return linear_to_srgb8(np.average(pixels.astype(np.float64), axis=0, weights=flat))


def hex_to_srgb8(text: str) -> np.ndarray:
    """uint8 (3,) from "#rrggbb".

    Raises:
        InputError: bad_colour, if it is not a hash and six hexadecimal digits.
    """
    digits = text[1:] if isinstance(text, str) and text.startswith("#") else ""
    if len(digits) != 6 or not set(digits) <= set("0123456789abcdefABCDEF"):
        raise InputError("bad_colour", "a colour is written #rrggbb")
    return np.frombuffer(bytes.fromhex(digits), np.uint8)


def srgb8_to_hex(rgb: np.ndarray) -> str:
    """ "#rrggbb" from uint8 (3,)."""
    return "#" + bytes(np.asarray(rgb, np.uint8)).hex()


def delta_e00(lab: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float64 (...,) CIEDE2000 distances between Lab colours (..., 3), which broadcast.

    Sharma, Wu and Dalal 2005, "The CIEDE2000 color-difference formula: implementation notes", k_L = k_C = k_H = 1.
    """
    l1, c1, h1, l2, c2, h2 = _adjusted(np.asarray(lab, np.float64), np.asarray(other, np.float64))
    grey = c1 * c2 == 0.0
    turn = np.where(grey, 0.0, (h2 - h1 + 180.0) % 360.0 - 180.0)
    d_hue = 2.0 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2.0))
    lightness, chroma = (l1 + l2) / 2.0, (c1 + c2) / 2.0
    hue = np.where(grey, h1 + h2, _mean_hue(h1, h2))

    def wave(factor: float, offset_deg: float) -> np.ndarray:
        return np.cos(np.radians(factor * hue + offset_deg))

    t = 1.0 - 0.17 * wave(1, -30) + 0.24 * wave(2, 0) + 0.32 * wave(3, 6) - 0.20 * wave(4, -63)
    s_l = 1.0 + 0.015 * (lightness - 50.0) ** 2 / np.sqrt(20.0 + (lightness - 50.0) ** 2)
    l_term = (l2 - l1) / s_l
    c_term = (c2 - c1) / (1.0 + 0.045 * chroma)
    h_term = d_hue / (1.0 + 0.015 * chroma * t)
    rotation = -2.0 * _saturation(chroma) * np.sin(np.radians(60.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2))))
    return np.sqrt(l_term**2 + c_term**2 + h_term**2 + rotation * c_term * h_term)


def _adjusted(lab: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, ...]:
    """Lightness, chroma and hue (degrees) of both, with a* stretched near the grey axis."""
    c_mean = (np.hypot(lab[..., 1], lab[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2.0
    stretch = 1.5 - 0.5 * _saturation(c_mean)
    parts: list[np.ndarray] = []
    for colour in (lab, other):
        a, b = colour[..., 1] * stretch, colour[..., 2]
        parts += [colour[..., 0], np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0]
    return tuple(parts)


def _saturation(chroma: np.ndarray) -> np.ndarray:
    return np.sqrt(chroma**7 / (chroma**7 + 25.0**7))


def _mean_hue(h1: np.ndarray, h2: np.ndarray) -> np.ndarray:
    total = h1 + h2
    across = np.where(total < 360.0, total + 360.0, total - 360.0)
    return np.where(np.abs(h1 - h2) <= 180.0, total, across) / 2.0


def _decode(rgb: np.ndarray) -> np.ndarray:
    bright = ((np.maximum(rgb, 0.0) + 0.055) / 1.055) ** 2.4
    return np.where(rgb <= 0.04045, rgb / 12.92, bright).astype(rgb.dtype)


def _look_up(codes: np.ndarray, table: np.ndarray) -> np.ndarray:
    """What a table says for codes of any shape, uint8 or uint16 as it is long: NumPy takes several times as long."""
    if not codes.size:
        return np.take(table, codes)
    return cv2.LUT(codes.reshape(codes.shape[0] if codes.ndim else 1, -1), table).reshape(codes.shape)


@cache
def _linear_of_byte() -> np.ndarray:
    table = _decode(np.arange(256, dtype=np.float64) / 255.0).astype(np.float32)
    table.flags.writeable = False
    return table


@cache
def _byte_of_linear() -> np.ndarray:
    edges = _decode((np.arange(255, dtype=np.float64) + 0.5) / 255.0)
    table = np.searchsorted(edges, np.arange(_FULL_SCALE + 1) / _FULL_SCALE).astype(np.uint8)
    table.flags.writeable = False
    return table
