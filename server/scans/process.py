"""The scanning process: `python -m server.scans.process`, started by server/scans/desk.py and by nobody else.

Owns the child's side of the pipe: takes an order, scans or packs, answers, waits for the next. It gives way
to everything else on the machine, so that a kiosk's pictures do not wait for a scan. It keeps and writes nothing.
"""

from __future__ import annotations

import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np

from fabric.packages.contents import of_surface
from fabric.packages.pictures import code_maps
from fabric.scan import Scan, scan
from server.scans.findings import findings_of
from server.scans.messages import Began, Done, Order, Packed, PackOrder, Ready, failed_by
from server.scans.packages import make_package
from utils.colour import linear_to_srgb8, srgb_to_linear
from utils.errors import CapacityError, DeviceError, InputError, LucyError
from utils.images import CAPTURE_LIMITS, fit_long_side, read_image, write_image
from utils.timing import Stopwatch

PREVIEW_LONG_SIDE = 2400
_PHOTO_QUALITY, _PREVIEW_QUALITY = 95, 88
_PHOTO_HINT = "take a photo of the swatch and send that: a JPEG, PNG or WebP picture, whatever its file is called"
_NICE = 10  # a tenth of the share of a live picture on a core that both want; less, and scans would starve
_SHEEN = 0.05  # of a worsted; a photo from one side does not show it

log = logging.getLogger(__name__)


def main(pipe: Connection, memory_mb: int) -> int:
    """Serve until the server hangs up. Returns the exit status."""
    # A terminal or a service manager that stops the server tells every process of it. This one ends when the server
    # hangs up. (Handlers and not SIG_IGN, which whatever is started from here would inherit.)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)
    _give_way(memory_mb)
    try:
        pipe.send(Ready())
        while True:
            pipe.send(_answer(pipe.recv(), lambda stage: pipe.send(Began(stage))))
    except (EOFError, OSError):  # nobody is there any more: in the middle of a scan, its next stage finds out
        return 0


def _give_way(memory_mb: int) -> None:
    """Others first; and rather fail than have the machine run out of memory."""
    os.nice(_NICE)
    cv2.setNumThreads(1)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_mb << 20, memory_mb << 20))


def _answer(order: Order | PackOrder, on_stage: Callable[[str], None]) -> Any:
    """Done, Packed or Failed. Raises OSError when nobody listens to the stages."""
    try:
        return Packed(make_package(order)) if isinstance(order, PackOrder) else _scan(order, on_stage)
    except LucyError as error:
        return failed_by(error)
    except OSError:
        raise
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            return _bug()
        return failed_by(
            CapacityError(
                "scan_memory",
                "this scan takes more memory than the server may use for it",
                hint="ask for smaller maps, or send a smaller photo",
                retryable=False,
            )
        )
    except Exception:  # one scan is one unit of work
        return _bug()


def _bug() -> Any:
    log.exception("a scan failed")
    hint = "try again; if it fails again, take the photo anew"
    return failed_by(DeviceError("scan_failed", "the scan failed", hint=hint))


def _scan(order: Order, on_stage: Callable[[str], None]) -> Done:
    watch = Stopwatch()
    on_stage("read")
    with watch.stage("read"):
        photo = _read(order.photo)
    found = scan(photo, order.given, size_px=order.size_px, on_stage=on_stage)
    on_stage("save")
    with watch.stage("save"):
        contents = of_surface(found.surface, name="", made=datetime.now(timezone.utc), size_mm=found.size_mm)
        maps, photos = code_maps(contents), _code_photo(photo)
    timings_ms = {"read": watch.stages_ms["read"], **found.stages_ms, "save": watch.stages_ms["save"]}
    findings = findings_of(found, order.given, photo_hw=photo.shape[:2])
    return Done(
        maps,
        photos,
        figures={
            "size_mm": found.size_mm and tuple(map(float, found.size_mm)),
            "height_range_mm": contents.height_range_mm,
            **_look(found),
        },
        findings={**findings, "timings_ms": {name: round(spent, 1) for name, spent in timings_ms.items()}},
    )


def _read(photo: bytes) -> np.ndarray:
    """uint8 RGB (H, W, 3), upright."""
    try:
        return read_image(photo, limits=CAPTURE_LIMITS)
    except InputError as error:
        raise InputError(error.code, error.message, hint=error.hint or _PHOTO_HINT) from error


def _code_photo(photo: np.ndarray) -> dict[str, bytes]:
    """JPEG files without metadata: the whole photo, to be scanned again, and one that fits a screen."""
    preview = fit_long_side(photo, PREVIEW_LONG_SIDE)
    return {
        "photo": write_image(photo, format="jpeg", quality=_PHOTO_QUALITY),
        "preview": write_image(preview, format="jpeg", quality=_PREVIEW_QUALITY),
    }


def _look(found: Scan) -> dict[str, Any]:
    """What the cloth is from afar."""
    mean = srgb_to_linear(found.surface.albedo).reshape(-1, 3).mean(axis=0)
    red, green, blue = linear_to_srgb8(mean[None, None])[0, 0]
    roughness = float(found.surface.roughness.mean())
    return {"roughness": roughness, "metalness": 0.0, "sheen": _SHEEN, "mean_hex": f"#{red:02x}{green:02x}{blue:02x}"}


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s scanner: %(message)s")
    sys.exit(main(Connection(int(sys.argv[1])), int(sys.argv[2])))
