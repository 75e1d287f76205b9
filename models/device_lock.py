"""Keeps two servers of one machine off one device.

Owns the lock file; must not know what the device is used for. The lock is the kernel's: it goes with the last process
that holds the file open, however that ends. The file itself stays; it is empty.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import tempfile
import time
from pathlib import Path

from utils.errors import ConfigError

log = logging.getLogger(__name__)

_RETRY_S = 0.05


def lock_device(device: str, *, folder: Path | None, wait_s: float) -> int | None:
    """Take the device, which has to be named as every server of this machine names it (see models/gpus.py); returns the
    open file that holds it.

    None for the processor, which everybody may use, and where no file can be written.

    Raises:
        ConfigError: device_in_use, if somebody else holds it for longer than `wait_s`.
    """
    if device == "cpu":
        return None
    in_use = ConfigError(
        "device_in_use",
        f"another server on this machine holds {device}",
        hint="stop it, or give this one another DEVICE or CUDA_VISIBLE_DEVICES; DEVICE=cpu does without",
    )
    name = re.sub(r"[^a-z0-9]+", "-", "cuda:0" if device == "cuda" else device.lower())
    try:
        path = (folder or Path(tempfile.gettempdir())) / f"lucy-device-{name}.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    except PermissionError as error:
        raise in_use from error  # the file is another user's
    except OSError as error:
        log.warning("no lock on %s, for there is no place for its file: %s", device, error.strerror)
        return None
    give_up_s = time.monotonic() + wait_s
    while not _is_taken(fd):
        if time.monotonic() >= give_up_s:
            os.close(fd)
            raise in_use
        time.sleep(_RETRY_S)
    return fd


def _is_taken(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
