"""Encoded pictures in and out: the one place where bytes of strangers become pixels.

Owns limits, decoding, upright orientation, colour profiles and encoding; must not know what is in the picture. The
header is judged before any pixel is decoded. Pixels are RGB (or RGBA) uint8 in sRGB, C-contiguous.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageCms

from utils.errors import InputError
from utils.image_header import ImageHeader, read_image_header

SHARP_QUALITY = 90
"""From this JPEG quality on, colour is stored at full resolution: weave is fine coloured detail."""


@dataclass(frozen=True)
class ImageLimits:
    """What a picture may be."""

    max_bytes: int
    max_pixels: int
    min_side: int = 16
    max_side: int = 12_000
    first_of_many: bool = False
    """Whether a file with several pictures (MPO, as many phones write) is taken for its first one."""


LIVE_LIMITS = ImageLimits(max_bytes=4 << 20, max_pixels=2 << 20)
CAPTURE_LIMITS = ImageLimits(max_bytes=25 << 20, max_pixels=24 << 20, first_of_many=True)


def read_image(data: bytes, *, limits: ImageLimits, alpha: bool = False) -> np.ndarray:
    """Decode a JPEG, PNG or WebP file: upright, in sRGB, uint8 (H, W, 3).

    With `alpha` it is (H, W, 4), straight, 255 everywhere where the file has none. Without, a picture that has some is
    laid on white.

    Raises:
        InputError: bad_image, image_truncated, image_animated, image_too_small, image_too_large, unsupported_format.
    """
    header = _judge(data, limits)
    pixels = _decode_cmyk(data, header) if header.channels == 4 else _decode(data, header)
    if header.icc is not None and header.channels != 4:
        pixels = _to_srgb(pixels, header)
    pixels = _upright(pixels, header.orientation)
    if alpha and pixels.shape[2] == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2RGBA)
    elif not alpha and pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    return np.ascontiguousarray(pixels)


def write_image(pixels: np.ndarray, *, format: str, quality: int = 85) -> bytes:
    """Encode uint8 (H, W, 3) RGB as jpeg, webp or png; (H, W, 4) RGBA as webp or png. `quality` is not for png."""
    options = {
        "jpeg": _jpeg_options(quality),
        "webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
        "png": [cv2.IMWRITE_PNG_COMPRESSION, 3],
    }[format]
    swap = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    done, data = cv2.imencode(f".{format}", cv2.cvtColor(pixels, swap), options)
    if not done:
        raise ValueError(f"{format} cannot hold an array of shape {pixels.shape}")
    return data.tobytes()


def fit_long_side(pixels: np.ndarray, long_side: int) -> np.ndarray:
    """Shrink so that the longer side has `long_side` pixels at most. Never enlarges."""
    height, width = pixels.shape[:2]
    scale = long_side / max(height, width)
    if scale >= 1:
        return pixels
    wh = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, wh, interpolation=cv2.INTER_AREA)


def shrink_to(pixels: np.ndarray, long_side_px: float) -> tuple[np.ndarray, float]:
    """The picture with a longer side of about that at most, and its size over the former's, the same in both axes.

    For carrying points over: a place p lies at (p + 0.5) * factor - 0.5, to a fraction of a pixel.
    """
    factor = min(1.0, long_side_px / max(pixels.shape[:2]))
    if factor == 1.0:
        return pixels, factor
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor


def _judge(data: bytes, limits: ImageLimits) -> ImageHeader:
    """Refuse by the header alone whatever is not to be decoded."""
    if not data:
        raise InputError("bad_image", "the picture is empty")
    if len(data) > limits.max_bytes:
        raise InputError("image_too_large", f"a picture may have {limits.max_bytes} bytes here")
    header = read_image_header(data)
    height, width = header.hw
    if min(height, width) < limits.min_side:
        raise InputError("image_too_small", f"a picture must have {limits.min_side} pixels a side")
    if max(height, width) > limits.max_side or height * width > limits.max_pixels:
        raise InputError("image_too_large", f"a picture may have {limits.max_pixels} pixels here", hint="scale it down")
    if header.pictures == "animated" or (header.pictures == "first_of_many" and not limits.first_of_many):
        raise InputError("image_animated", "the file holds more than one picture", hint="send a single picture")
    if not header.is_whole:
        raise InputError("image_truncated", "the picture is cut off")
    return header


def _decode(data: bytes, header: ImageHeader) -> np.ndarray:
    """The quick way, for all but CMYK. uint8 (H, W, 3 or 4), neither turned nor in sRGB yet."""
    flags = cv2.IMREAD_UNCHANGED if header.has_alpha else cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None or pixels.shape[:2] != header.hw:
        raise InputError("bad_image", "the picture cannot be decoded")
    if not header.has_alpha:
        return pixels
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    swaps = {1: cv2.COLOR_GRAY2RGBA, 3: cv2.COLOR_BGR2RGBA, 4: cv2.COLOR_BGRA2RGBA}
    return cv2.cvtColor(pixels, swaps[pixels.shape[2] if pixels.ndim == 3 else 1])


def _decode_cmyk(data: bytes, header: ImageHeader) -> np.ndarray:
    """Pillow takes CMYK as Adobe writes it, inverted, and applies its profile. uint8 (H, W, 3), sRGB."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.size != header.hw[::-1] or image.mode != "CMYK":
                raise InputError("bad_image", "the picture contradicts its header")
            image.load()
            transform = _transform(header.icc, "CMYK") if header.icc is not None else None
            rgb = ImageCms.applyTransform(image, transform) if transform is not None else image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError("bad_image", "the picture cannot be decoded") from None
    return np.asarray(rgb)


def _to_srgb(pixels: np.ndarray, header: ImageHeader) -> np.ndarray:
    """Out of the file's colour profile. Alpha stays; a profile that cannot be used is ignored, as browsers do."""
    mode = "L" if header.channels == 1 else "RGB"
    transform = _transform(header.icc, mode)
    if transform is None:
        return pixels
    colour = pixels[..., 0] if mode == "L" else pixels[..., :3]
    converted = np.asarray(ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(colour)), transform))
    return np.dstack([converted, pixels[..., 3]]) if pixels.shape[2] == 4 else converted


@lru_cache(maxsize=16)
def _transform(icc: bytes | None, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From this profile to sRGB; None where nothing is to be done or the profile is broken."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
        if mode == "RGB" and "srgb" in ImageCms.getProfileDescription(profile).lower():
            return None
        return ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo what the EXIF orientation says."""
    if orientation in (5, 7):
        pixels = cv2.transpose(pixels)
    turns = {3: cv2.ROTATE_180, 6: cv2.ROTATE_90_CLOCKWISE, 7: cv2.ROTATE_180, 8: cv2.ROTATE_90_COUNTERCLOCKWISE}
    if orientation in turns:
        return cv2.rotate(pixels, turns[orientation])
    flips = {2: 1, 4: 0}
    return cv2.flip(pixels, flips[orientation]) if orientation in flips else pixels


def _on_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def _jpeg_options(quality: int) -> list[int]:
    full = quality >= SHARP_QUALITY
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    return [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
