"""Pictures on their way between two processes: a bounded pool of slots in memory that both see.

Owns the memory and what lies where in a slot; must not know whose pictures they are. The memory has no name in any file
system, so nothing is left behind however either side ends, and a small /dev/shm does not limit it. Pages are taken when
they are first written.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from utils.errors import ConfigError, DeviceError, InputError

_ALIGNED = 64  # bytes


@dataclass(frozen=True)
class Placed:
    """Where an array of uint8 lies in its slot."""

    name: str
    shape: tuple[int, ...]
    offset: int


class Frames:
    """`slots` slots of `slot_bytes`. Whoever holds a slot may use it from any thread; nobody else may."""

    def __init__(self, fd: int, *, slots: int, slot_bytes: int) -> None:
        """The memory behind an open file, which is this object's from now on."""
        self.fd = fd
        self._slot_bytes = slot_bytes
        self._bytes: np.ndarray | None = np.frombuffer(mmap.mmap(fd, slots * slot_bytes), np.uint8)

    def write(self, slot: int, arrays: Mapping[str, np.ndarray]) -> tuple[Placed, ...]:
        """Copy arrays of uint8 into a slot.

        Raises:
            InputError: too_large_for_device.
        """
        placed, offset = [], 0
        for name, array in arrays.items():
            if array.dtype != np.uint8:
                raise TypeError(f"{name} is {array.dtype}, not uint8")
            placed.append(Placed(name, array.shape, offset))
            offset += -(-array.nbytes // _ALIGNED) * _ALIGNED
        if offset > self._slot_bytes:
            raise InputError("too_large_for_device", "the picture and what belongs to it are too large for the device")
        for place in placed:
            np.copyto(self._view(slot, place), arrays[place.name])
        return tuple(placed)

    def read(self, slot: int, placed: Sequence[Placed]) -> dict[str, np.ndarray]:
        """The arrays where they lie: read-only, and good for as long as the slot is held."""
        views = {place.name: self._view(slot, place) for place in placed}
        for view in views.values():
            view.flags.writeable = False
        return views

    def close(self) -> None:
        """Give the memory back, once nobody looks at a slot any more. Harmless when repeated."""
        if self._bytes is not None:
            self._bytes = None
            os.close(self.fd)

    def _view(self, slot: int, place: Placed) -> np.ndarray:
        if self._bytes is None:
            raise DeviceError("engine_closed", "the device was closed")
        start = slot * self._slot_bytes + place.offset
        size = int(np.prod(place.shape))
        return self._bytes[start : start + size].reshape(place.shape)


def make_frames(*, slots: int, slot_bytes: int) -> Frames:
    """New memory; another process gets it by inheriting `fd`.

    Raises:
        ConfigError: shared_memory.
    """
    fd = None
    try:
        fd = _open_nameless()
        os.ftruncate(fd, slots * slot_bytes)
        return Frames(fd, slots=slots, slot_bytes=slot_bytes)
    except OSError as error:
        if fd is not None:
            os.close(fd)
        raise ConfigError(
            "shared_memory",
            f"there is no memory for the device's pictures ({error.strerror})",
            hint=f"{slots * slot_bytes >> 20} MiB are asked for: give the server more, or allow fewer pictures at once",
        ) from None


def _open_nameless() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lucy-frames", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
