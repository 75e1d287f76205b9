"""Where files are kept that the catalog refers to: maps of scanned cloth, pictures of swatches.

Owns the port, and the local disk behind it; must not know what the files are or who refers to them. A key is made of
the content's own hash: what has been stored never changes, the same content twice is stored once, and whoever has a
key may keep what it leads to for ever. Another kind of storage (S3) has to offer this port and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from utils.errors import CapacityError, InputError

URL_PREFIX = "/api/objects/"
_KEY = re.compile(r"[a-z]{1,16}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9]{1,8}")
_KIND, _SUFFIX = re.compile(r"[a-z]{1,16}"), re.compile(r"\.[a-z0-9]{1,8}")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TORN_AFTER_S = 3600.0  # a file that is still being written after this long never will be


class Storage(Protocol):
    """Blocking; any thread."""

    def put(self, data: bytes, *, kind: str, suffix: str) -> str:
        """Keep `data` and return its key, which starts with `kind`. Raises CapacityError: storage_full."""

    def open(self, key: str) -> BinaryIO:
        """What is kept there. Raises InputError: unknown_object."""

    def url(self, key: str) -> str:
        """Where a client gets it."""

    def delete(self, key: str) -> None:
        """Forget it; harmless where there is nothing."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts so, in no order."""

    def tidy(self, *, now_s: float | None = None) -> int:
        """Remove what a crash has left half written. Returns how much that was."""


def is_key(text: str) -> bool:
    """Whether it could be one of our keys. Nothing else ever becomes a path."""
    return _KEY.fullmatch(text) is not None


def key_of(data: bytes, *, kind: str, suffix: str) -> str:
    """The key of this content. `kind` is a short word, `suffix` an ending like ".png"."""
    if not _KIND.fullmatch(kind) or not _SUFFIX.fullmatch(suffix):
        raise ValueError("a kind is a word of small letters, a suffix a dot and a word")
    digest = hashlib.sha256(data).hexdigest()
    return f"{kind}/{digest[:2]}/{digest}{suffix}"


def unknown_object() -> InputError:
    """There is nothing under a key."""
    return InputError("unknown_object", "there is no such file", hint="it may have expired; upload it again")


def is_full(error: OSError) -> bool:
    """Whether it was for want of room that something could not be written."""
    return error.errno in _FULL


def storage_full() -> CapacityError:
    """There is no room on the disk, and nothing was kept of what was to be written."""
    return CapacityError(
        "storage_full",
        "there is no room left to save this; nothing was changed",
        hint="ask whoever runs the server to make room, then save again",
    )


class LocalStorage:
    """A folder on this machine's disk. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes, *, kind: str, suffix: str) -> str:
        """See Storage. A crash or a full disk leaves the file whole or not at all."""
        key = key_of(data, kind=kind, suffix=suffix)
        path = self._folder / key
        if path.is_file() and path.stat().st_size == len(data):
            return key
        part = path.parent / f".{secrets.token_hex(8)}.part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
            _settle(path.parent)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            if is_full(error):
                raise storage_full() from error
            raise
        return key

    def open(self, key: str) -> BinaryIO:
        """See Storage."""
        if not is_key(key):
            raise unknown_object()
        try:
            return (self._folder / key).open("rb")
        except FileNotFoundError:
            raise unknown_object() from None

    def url(self, key: str) -> str:
        """See Storage."""
        return URL_PREFIX + key

    def delete(self, key: str) -> None:
        """See Storage."""
        if is_key(key):
            (self._folder / key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        """See Storage."""
        for path in self._folder.glob("*/*/*"):
            key = path.relative_to(self._folder).as_posix()
            if key.startswith(prefix) and is_key(key):
                yield key

    def tidy(self, *, now_s: float | None = None) -> int:
        """See Storage. What is younger than an hour may still be being written."""
        before_s = (time.time() if now_s is None else now_s) - _TORN_AFTER_S
        torn = [path for path in self._folder.glob("*/*/.*.part") if path.stat().st_mtime < before_s]
        for path in torn:
            path.unlink(missing_ok=True)
        return len(torn)


def _settle(folder: Path) -> None:
    """Have the disk know the new name too, where the system lets folders be synchronised."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
