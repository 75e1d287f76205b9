"""The strictest zip file: what every reader understands, and U3M's archives demand.

Owns the bytes of the archive; must not know what is in it. Python's own writer marks files with attributes, the local
time and, for large ones, zip64; here are none of them: no extra fields, no comments, names in UTF-8 and said to be, no
attributes, times in UTC, stored or deflated. The same files make the same bytes.
APPNOTE.TXT 6.3 of PKWARE; the restrictions are those of U3M 1.1.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_MADE_BY = 0x003F  # FAT, version 6.3
_NEEDED = 20  # version 2.0: deflate
_UTF8 = 1 << 11
_STORED, _DEFLATED = 0, 8
_WORTH = 0.95  # deflated where at least this much is saved: PNG and JPEG are packed already
_MOST_FILES, _MOST_BYTES = 0xFFFE, 0xFFFFFFFE  # beyond lies zip64
_SAFE = re.compile(r"(?:[0-9A-Za-z_-][0-9A-Za-z._-]*/)*[0-9A-Za-z_-][0-9A-Za-z._-]*(?<!\.)")
_RESERVED = re.compile(r"(?:^|/)(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.[^/]*)?(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class _Entry:
    """A file in the archive."""

    name: bytes
    facts: bytes
    """From the version needed to the length of the extra field: the same in both places where a zip says it."""
    offset: int


def pack(files: Mapping[str, bytes], *, made: datetime) -> bytes:
    """A zip of files by their relative POSIX paths, each dated `made` (with its time zone).

    Raises:
        ValueError: a path that some system cannot hold, or more than a zip without zip64 has room for.
    """
    if len(files) > _MOST_FILES:
        raise ValueError("too many files for a plain zip")
    stamp = _dos_time(made)
    parts: list[bytes] = []
    entries: list[_Entry] = []
    offset = 0
    for path, data in files.items():
        name = _name(path)
        method, packed = _packed(data)
        sizes = zlib.crc32(data), len(packed), len(data), len(name), 0
        facts = struct.pack("<HHHHHIIIHH", _NEEDED, _UTF8, method, *stamp, *sizes)
        entries.append(_Entry(name, facts, offset))
        parts += [b"PK\x03\x04", facts, name, packed]
        offset += 4 + len(facts) + len(name) + len(packed)
    directory = b"".join(map(_directory_entry, entries))
    if offset + len(directory) > _MOST_BYTES:
        raise ValueError("too much for a plain zip")
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, len(entries), len(entries), len(directory), offset, 0)
    return b"".join([*parts, directory, end])


def _directory_entry(entry: _Entry) -> bytes:
    """No comment, first disk, neither internal nor external attributes."""
    made_by = struct.pack("<4sH", b"PK\x01\x02", _MADE_BY)
    return made_by + entry.facts + struct.pack("<HHHII", 0, 0, 0, 0, entry.offset) + entry.name


def _name(path: str) -> bytes:
    if not _SAFE.fullmatch(path) or _RESERVED.search(path):
        raise ValueError("not a portable relative path")
    return path.encode()


def _packed(data: bytes) -> tuple[int, bytes]:
    """The method, and the bytes as they lie in the archive."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    sample = deflate.compress(data[:65536]) + deflate.flush()
    if len(sample) > _WORTH * min(len(data), 65536):
        return _STORED, data
    deflate = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _DEFLATED, deflate.compress(data) + deflate.flush()


def _dos_time(moment: datetime) -> tuple[int, int]:
    """(time, date) in UTC, to two seconds. The calendar of DOS begins with 1980."""
    if moment.tzinfo is None:
        raise ValueError("a moment without its time zone")
    utc = max(moment.astimezone(UTC), datetime(1980, 1, 1, tzinfo=UTC))
    time = utc.hour << 11 | utc.minute << 5 | utc.second // 2
    return time, (utc.year - 1980) << 9 | utc.month << 5 | utc.day
