"""Pictures that no server should trip over, each with the code it must be refused with. Used live and over HTTP."""

from __future__ import annotations

import io
import struct
import zlib

import cv2
import numpy as np
from PIL import Image

from tests.fakes import jpeg


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    """`image` as Pillow writes it."""
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def photo(hw: tuple[int, int] = (48, 64)) -> Image.Image:
    """Noise, so that nothing compresses away."""
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (*hw, 3), np.uint8))


def bomb(width: int, height: int) -> bytes:
    """A PNG of this size that weighs next to nothing: its rows are missing."""

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


def whole_bomb() -> bytes:
    """A true PNG of 20,000 x 20,000 black pixels with all its rows: 400 million pixels in 50 kilobytes."""
    packer = zlib.compressobj(9)
    row = bytes(1 + 20_000 // 8)  # one bit a pixel
    packed = b"".join(packer.compress(row) for _ in range(20_000)) + packer.flush()

    def chunk(kind: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def mpo() -> bytes:
    """Two pictures in one JPEG, as many phones write them."""
    return saved(photo(), "MPO", save_all=True, append_images=[photo()])


def refused_everywhere() -> dict[str, tuple[bytes, str]]:
    """Name: the bytes and the code."""
    whole, other = jpeg(), photo().transpose(Image.Transpose.ROTATE_180)
    return {
        "empty": (b"", "bad_image"),
        "truncated": (whole[: len(whole) // 2], "image_truncated"),
        "truncated in the header": (whole[:12], "image_truncated"),
        "a bomb by its header": (bomb(20_000, 20_000), "image_too_large"),
        "a bomb with all its rows": (whole_bomb(), "image_too_large"),
        "wrong magic": (b"BM" + whole[2:], "unsupported_format"),
        "not a picture": (b"hello, world" * 100, "unsupported_format"),
        "animated PNG": (saved(photo(), "PNG", save_all=True, append_images=[other]), "image_animated"),
        "animated WebP": (saved(photo(), "WEBP", save_all=True, append_images=[other]), "image_animated"),
        "a GIF": (saved(photo(), "GIF"), "unsupported_format"),
        "1 x 1": (saved(photo((1, 1)), "PNG"), "image_too_small"),
        "a PNG with a broken inside": (_flipped(saved(photo(), "PNG")), "bad_image"),
    }


def read_everywhere() -> dict[str, bytes]:
    """Name: unusual pictures that must be understood; all 48 x 64 once upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    deep = np.asarray(photo()).astype(np.uint16) * 257
    return {
        "CMYK": saved(photo().convert("CMYK"), "JPEG"),
        "16-bit": cv2.imencode(".png", deep)[1].tobytes(),
        "EXIF-rotated": saved(photo((64, 48)), "JPEG", exif=exif),
        "grey": saved(photo().convert("L"), "JPEG"),
        "palette": saved(photo().convert("P"), "PNG"),
        "1-bit": saved(photo().convert("1"), "PNG"),
        "grey with alpha": saved(photo().convert("LA"), "PNG"),
        "progressive": saved(photo(), "JPEG", progressive=True),
    }


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]
