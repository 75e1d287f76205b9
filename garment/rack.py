"""The garments that were uploaded as photos, kept on disk.

Owns the folder: one picture (source, upright, without metadata) and one record (JSON) per garment; must not know HTTP.
A garment is rebuilt from both when it is asked for, so that a better way to take photos apart reaches old uploads too.

    <id>.png    what was uploaded, scaled and re-encoded; its alpha is the cut-out
    <id>.json   the record, written last: a garment without one does not exist
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from garment.cutout import cut_out
from garment.garment import Garment
from garment.landmarks import Landmarks, find_landmarks, merge_corrections
from garment.photo import make_garment
from utils.errors import CapacityError, InputError

VERSION = 1
"""Of the record's layout; records of another version are not listed."""
LONG_SIDE_PX = 1600
_THUMBNAIL_PX = 320
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{12}")


@dataclass(frozen=True)
class GarmentRecord:
    """What is known of an uploaded garment without taking it apart."""

    id: str
    name: str
    hw: tuple[int, int]
    """Of the stored picture: what the landmarks' pixels refer to."""
    points: dict[str, tuple[float, float]]
    confidence: dict[str, float]
    outline_confidence: float
    ground: str
    warnings: tuple[str, ...]
    version: int = VERSION

    def landmarks(self) -> Landmarks:
        """The anchors as garment/ passes them around."""
        return Landmarks(dict(self.points), dict(self.confidence))


class Rack:
    """A folder of uploaded garments. Safe to share between threads."""

    def __init__(self, folder: Path, *, max_garments: int = 200, max_cached: int = 8) -> None:
        self._folder = folder
        self._max_garments = max_garments
        self._max_cached = max_cached
        self._lock = threading.Lock()  # guards the three below; never held while a picture is worked on
        self._records = _read_records(folder)
        self._cached: OrderedDict[str, Garment] = OrderedDict()  # least recently asked for first
        self._making: dict[str, Future[Garment]] = {}  # by id: whoever comes second waits for the first

    def add(self, rgb: np.ndarray, *, name: str) -> GarmentRecord:
        """Cut out, landmark and keep uint8 (h, w, 3 or 4). The same picture twice is one garment.

        Raises:
            InputError: no_garment. CapacityError: rack_full.
        """
        rgb = _scaled(rgb)
        key = _slug(name) + "-" + hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()[:12]
        with self._lock:
            if key in self._records:
                return self._records[key]
        self._refuse_full()
        cut = cut_out(rgb)
        landmarks = find_landmarks(cut.alpha, rgb[..., :3])
        record = GarmentRecord(
            id=key,
            name=name.strip()[:80] or "garment",
            hw=(rgb.shape[0], rgb.shape[1]),
            points=landmarks.points,
            confidence=landmarks.confidence,
            outline_confidence=cut.confidence,
            ground=cut.ground,
            warnings=cut.warnings,
        )
        rgba = np.dstack([rgb[..., :3], np.round(cut.alpha * 255).astype(np.uint8)])
        self._keep(record, picture=_encode(rgba, ".png"))
        return record

    def correct(self, id: str, corrections: Mapping[str, Sequence[float]]) -> GarmentRecord:
        """Put some anchors elsewhere, in pixels of the stored picture.

        Raises:
            InputError: unknown_garment, bad_anchors.
        """
        record = self.record(id)
        merged = merge_corrections(record.landmarks(), corrections, hw=record.hw)
        record = replace(record, points=merged.points, confidence=merged.confidence)
        self._keep(record, picture=None)
        return record

    def list(self) -> list[GarmentRecord]:
        """Every garment, by name."""
        with self._lock:
            return sorted(self._records.values(), key=lambda r: (r.name.lower(), r.id))

    def record(self, id: str) -> GarmentRecord:
        """What is known of one garment.

        Raises:
            InputError: unknown_garment.
        """
        with self._lock:
            found = self._records.get(id)
        if found is None:
            raise InputError("unknown_garment", "there is no garment with this id", hint="GET /api/garments lists them")
        return found

    def get(self, id: str) -> Garment:
        """The garment ready to be draped. Made once, however many ask at the same time.

        Raises:
            InputError: unknown_garment.
        """
        record = self.record(id)
        with self._lock:
            if id in self._cached:
                self._cached.move_to_end(id)
                return self._cached[id]
            future = self._making.get(id)
            mine = future is None
            if future is None:
                future = self._making[id] = Future()
        if mine:
            self._make(record, future)
        return future.result()

    def thumbnail(self, id: str) -> bytes:
        """A small WebP of the cut-out garment on nothing.

        Raises:
            InputError: unknown_garment.
        """
        rgba = self._picture(self.record(id))
        scale = min(1.0, _THUMBNAIL_PX / max(rgba.shape[:2]))
        return _encode(cv2.resize(rgba, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), ".webp")

    def _make(self, record: GarmentRecord, future: Future[Garment]) -> None:
        try:
            rgba = self._picture(record)
            alpha = rgba[..., 3].astype(np.float32) / 255
            garment = make_garment(rgba[..., :3], alpha, record.landmarks(), id=record.id)
        except BaseException as error:
            with self._lock:
                self._making.pop(record.id, None)
            future.set_exception(error)
            return
        with self._lock:
            if self._making.pop(record.id, None) is future and self._records.get(record.id) is record:
                self._cached[record.id] = garment
                while len(self._cached) > self._max_cached:
                    self._cached.popitem(last=False)
        future.set_result(garment)

    def _picture(self, record: GarmentRecord) -> np.ndarray:
        bgra = cv2.imread(str(self._folder / f"{record.id}.png"), cv2.IMREAD_UNCHANGED)
        if bgra is None or bgra.shape[:2] != tuple(record.hw) or bgra.ndim != 3 or bgra.shape[2] != 4:
            raise InputError("unknown_garment", "this garment's picture is gone", hint="upload the photo again")
        return cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA)

    def _refuse_full(self) -> None:
        with self._lock:
            full = len(self._records) >= self._max_garments
        if full:
            raise CapacityError("rack_full", "no more garments can be kept", retryable=False)

    def _keep(self, record: GarmentRecord, *, picture: bytes | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if picture is not None:
            _write(self._folder / f"{record.id}.png", picture)
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        _write(self._folder / f"{record.id}.json", text.encode())
        with self._lock:
            self._records[record.id] = record
            self._cached.pop(record.id, None)
            self._making.pop(record.id, None)


def _scaled(rgb: np.ndarray) -> np.ndarray:
    scale = LONG_SIDE_PX / max(rgb.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(rgb)
    return cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "garment"


def _encode(rgba: np.ndarray, suffix: str) -> bytes:
    options = [cv2.IMWRITE_WEBP_QUALITY, 82] if suffix == ".webp" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    _, data = cv2.imencode(suffix, cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), options)
    return data.tobytes()


def _write(path: Path, data: bytes) -> None:
    """All or nothing, also when the power fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _read_records(folder: Path) -> dict[str, GarmentRecord]:
    """Every whole record with its picture; anything else in the folder is none of ours."""
    found = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else []:
        record = _read_record(path)
        if record is not None and path.with_suffix(".png").is_file():
            found[record.id] = record
    return found


def _read_record(path: Path) -> GarmentRecord | None:
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if fields["version"] != VERSION or fields["id"] != path.stem or not _ID.fullmatch(path.stem):
            return None
        points = {str(k): (float(x), float(y)) for k, (x, y) in fields["points"].items()}
        tidy = {"hw": tuple(fields["hw"]), "points": points, "warnings": tuple(fields["warnings"])}
        return GarmentRecord(**(fields | tidy))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
