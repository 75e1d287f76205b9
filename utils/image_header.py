"""What an encoded picture says of itself before a single pixel is decoded.

Owns reading the headers of JPEG, PNG and WebP files from strangers; must not know limits or decoders. Every length in
the file is checked before it is believed, and nothing is allocated from what a header claims.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from utils.errors import InputError

_MAX_ICC_BYTES = 4 << 20
_HEIC = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


@dataclass(frozen=True)
class ImageHeader:
    """Facts of the file. `hw` is as stored: before `orientation` is applied."""

    format: str
    """jpeg, png or webp."""
    hw: tuple[int, int]
    channels: int
    """Colour channels as stored: 1 grey, 3 RGB or palette, 4 CMYK. Alpha is not counted."""
    has_alpha: bool
    orientation: int
    """EXIF, 1 to 8."""
    icc: bytes | None
    pictures: str
    """one; first_of_many (MPO: a photo, then a depth or gain map); animated."""
    is_whole: bool
    """Whether the file goes on to its end mark."""


def read_image_header(data: bytes) -> ImageHeader:
    """Read the facts.

    Raises:
        InputError: bad_image, image_truncated, unsupported_format.
    """
    try:
        if data[:3] == b"\xff\xd8\xff":
            return _read_jpeg(data)
        if data[:8] == b"\x89PNG\r\n\x1a\n":
            return _read_png(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _read_webp(data)
    except (struct.error, IndexError):
        raise InputError("image_truncated", "the picture ends in the middle of its header") from None
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC:
        hint = "on an iPhone: Settings, Camera, Formats, Most Compatible"
        raise InputError("unsupported_format", "HEIC and AVIF are not read here: send JPEG, PNG or WebP", hint=hint)
    raise InputError("unsupported_format", "the picture is not a JPEG, PNG or WebP file")


# --- JPEG: ITU T.81 -----------------------------------------------------------------------------------------------


def _read_jpeg(data: bytes) -> ImageHeader:
    frame: tuple[int, int, int, int] | None = None  # precision, height, width, components
    orientation, pictures = 1, "one"
    icc: dict[int, bytes] = {}
    scan_at = 0
    for marker, start, end in _jpeg_segments(data):
        scan_at = start
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = struct.unpack_from(">BHHB", data, start)
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
            orientation = _exif_orientation(data[start + 6 : end])
        elif marker == 0xE2 and data[start : start + 4] == b"MPF\0":
            pictures = "first_of_many"
        elif marker == 0xE2 and data[start : start + 12] == b"ICC_PROFILE\0":
            icc[data[start + 12]] = data[start + 14 : end]
    if frame is None:
        raise InputError("bad_image", "the JPEG has no frame header")
    precision, height, width, components = frame
    if precision != 8 or components not in (1, 3, 4):
        raise InputError("unsupported_format", "only JPEG with 8 bits and 1, 3 or 4 channels is read here")
    return ImageHeader(
        format="jpeg",
        hw=(height, width),
        channels=components,
        has_alpha=False,
        orientation=orientation,
        icc=b"".join(icc[i] for i in sorted(icc)) or None,
        pictures=pictures,
        is_whole=data.rfind(b"\xff\xd9", scan_at) >= 0,
    )


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of every segment's payload up to and with the first start of scan."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise InputError("bad_image", "the JPEG has a broken segment")
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        if length < 2 or marker in (0xD8, 0xD9):
            raise InputError("bad_image", "the JPEG has a broken segment")
        yield marker, at + 4, at + 2 + length
        if marker == 0xDA:
            return
        at += 2 + length


def _exif_orientation(tiff: bytes) -> int:
    """The orientation tag of the first directory; 1 where it is missing or broken."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", tiff, 4)
        (count,) = struct.unpack_from(order + "H", tiff, at)
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", tiff, at + 2 + 12 * entry)
            if tag == 0x0112:
                return value if kind == 3 and 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


# --- PNG: W3C, third edition --------------------------------------------------------------------------------------


def _read_png(data: bytes) -> ImageHeader:
    header: tuple[int, int, int, int] | None = None  # width, height, depth, colour type
    has_alpha, orientation, pictures, is_whole = False, 1, "one", False
    icc: bytes | None = None
    for kind, start, end in _png_chunks(data):
        if kind == b"IHDR":
            header = struct.unpack_from(">IIBB", data, start)
            has_alpha = header[3] in (4, 6)
        elif kind == b"tRNS":
            has_alpha = True
        elif kind == b"acTL":
            pictures = "animated"
        elif kind == b"eXIf":
            orientation = _exif_orientation(data[start:end])
        elif kind == b"iCCP":
            icc = _png_icc(data[start:end])
        is_whole = kind == b"IEND"
    if header is None:
        raise InputError("bad_image", "the PNG has no header")
    width, height, _, colour = header
    return ImageHeader(
        format="png",
        hw=(height, width),
        channels=1 if colour in (0, 4) else 3,
        has_alpha=has_alpha,
        orientation=orientation,
        icc=icc,
        pictures=pictures,
        is_whole=is_whole,
    )


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of every chunk that is all there."""
    at = 8
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield kind, at + 8, at + 8 + length
        if kind == b"IEND":
            return
        at += 12 + length


def _png_icc(chunk: bytes) -> bytes | None:
    name, _, packed = chunk.partition(b"\0")
    if not name or packed[:1] != b"\0":
        return None
    try:
        profile = zlib.decompressobj().decompress(packed[1:], _MAX_ICC_BYTES)
    except zlib.error:
        return None
    return profile or None


# --- WebP: RFC 9649 -----------------------------------------------------------------------------------------------


def _read_webp(data: bytes) -> ImageHeader:
    (size,) = struct.unpack_from("<I", data, 4)
    hw: tuple[int, int] | None = None
    has_alpha, orientation, pictures = False, 1, "one"
    icc: bytes | None = None
    for kind, start, end in _webp_chunks(data):
        if kind == b"VP8X":
            flags, wide, high = data[start], data[start + 4 : start + 7], data[start + 7 : start + 10]
            hw = (int.from_bytes(high, "little") + 1, int.from_bytes(wide, "little") + 1)
            has_alpha = bool(flags & 0x10)
        elif kind == b"VP8 ":
            width, height = struct.unpack_from("<HH", data, start + 6)
            hw = hw or (height & 0x3FFF, width & 0x3FFF)
        elif kind == b"VP8L":
            (bits,) = struct.unpack_from("<I", data, start + 1)
            hw = hw or ((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1)
            has_alpha = has_alpha or bool(bits >> 28 & 1)
        elif kind == b"ICCP":
            icc = data[start:end] or None
        elif kind == b"EXIF":
            orientation = _exif_orientation(data[start:end].removeprefix(b"Exif\0\0"))
        elif kind in (b"ANIM", b"ANMF"):
            pictures = "animated"
    if hw is None:
        raise InputError("bad_image", "the WebP has no picture")
    return ImageHeader(
        format="webp",
        hw=hw,
        channels=3,
        has_alpha=has_alpha,
        orientation=orientation,
        icc=icc,
        pictures=pictures,
        is_whole=size + 8 <= len(data),
    )


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of every chunk; the last may be cut off."""
    at = 12
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        yield kind, at + 8, min(at + 8 + length, len(data))
        at += 8 + length + (length & 1)
