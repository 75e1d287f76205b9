"""The garments that were uploaded as photos, kept on disk.

Owns the folder: one picture and one record per garment; must not know HTTP. A garment is rebuilt from both when it is
asked for, so that a better way to take photos apart reaches old uploads too.

    <id>.png    the photo, upright, scaled and re-encoded without metadata; its alpha is the cut-out
    <id>.json   the record, written last: without one there is no garment
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import threading
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from garment.cutout import CutOut, cut_out
from garment.garment import Garment
from garment.landmarks import ANCHORS, Landmarks, find_landmarks, merge_corrections
from garment.photo import make_garment
from garment.photos.bleed import bleed, shrink
from garment.photos.outline import quarter_turns
from utils.errors import CapacityError, InputError
from utils.images import fit_long_side, write_image
from utils.kept import Kept

VERSION = 1
"""Of the record's layout; records of another version are not listed."""
LONG_SIDE_PX = 1600
_THUMBNAIL_PX = 320
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*-[0-9a-f]{12}")
_DOUBTFUL = 0.45  # confidence below which a person is asked to look


@dataclass(frozen=True)
class GarmentRecord:
    """What is known of an uploaded garment without taking it apart."""

    id: str
    name: str
    hw: tuple[int, int]
    """Of the stored picture: what the landmarks' pixels refer to."""
    points: dict[str, tuple[float, float]]
    confidence: dict[str, float]
    """Per anchor, as in Landmarks."""
    outline_confidence: float
    ground: str
    """plain or cluttered."""
    warnings: tuple[str, ...]
    """Sentences for people."""
    version: int = VERSION

    def landmarks(self) -> Landmarks:
        """The anchors as garment/ passes them around."""
        return Landmarks(dict(self.points), dict(self.confidence))


class Rack:
    """A folder of uploaded garments. Safe to share between threads; one process at a time."""

    def __init__(self, folder: Path, *, max_garments: int = 200, max_cached: int = 8) -> None:
        self._folder = folder
        self._max_garments = max_garments
        self._writing = threading.Lock()  # one change at a time; a record is replaced, never changed
        self._records = _read_records(folder)  # by id; whole entries are swapped under the lock above
        self._garments: Kept[str, Garment] = Kept(most=max_cached)
        self._thumbnails: Kept[str, bytes] = Kept(most=64)

    def add(self, rgb: np.ndarray, *, name: str) -> GarmentRecord:
        """Cut out, landmark and keep uint8 (h, w, 3 or 4). The same picture twice is one garment.

        Raises:
            InputError: no_garment. CapacityError: rack_full.
        """
        rgb = np.ascontiguousarray(fit_long_side(rgb, LONG_SIDE_PX))
        digest = hashlib.sha256(repr(rgb.shape).encode() + rgb.tobytes()).hexdigest()[:12]
        known = [record for record in self.list() if record.id.endswith(digest)]
        if known:
            return known[0]
        self._refuse_full()
        cut, turns = _upright(cut_out(rgb))
        rgb = np.ascontiguousarray(np.rot90(rgb[..., :3], turns))
        landmarks = find_landmarks(cut.alpha, rgb)
        record = GarmentRecord(
            id=f"{_slug(name)}-{digest}",
            name=" ".join(name.split())[:80] or "garment",
            hw=(rgb.shape[0], rgb.shape[1]),
            points=landmarks.points,
            confidence=landmarks.confidence,
            outline_confidence=cut.confidence,
            ground=cut.ground,
            warnings=(*cut.warnings, *_warnings(turns, landmarks)),
        )
        picture = write_image(np.dstack([rgb, np.round(cut.alpha * 255).astype(np.uint8)]), format="png")
        with self._writing:
            self._refuse_full()
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._path(record.id, "png"), picture)
            self._put(record)
        return record

    def correct(self, id: str, corrections: Mapping[str, Sequence[float]]) -> GarmentRecord:
        """Put some anchors elsewhere, in pixels of the stored picture.

        Raises:
            InputError: unknown_garment, bad_anchors.
        """
        with self._writing:
            record = self.record(id)
            merged = merge_corrections(record.landmarks(), corrections, hw=record.hw)
            record = replace(record, points=merged.points, confidence=merged.confidence)
            self._put(record)
        self._garments.forget(id)
        return record

    def list(self) -> list[GarmentRecord]:
        """Every garment, by name."""
        return sorted(self._records.copy().values(), key=lambda record: (record.name.lower(), record.id))

    def record(self, id: str) -> GarmentRecord:
        """What is known of one garment.

        Raises:
            InputError: unknown_garment.
        """
        found = self._records.get(id)
        if found is None:
            raise InputError("unknown_garment", "there is no garment with this id", hint="GET /api/garments lists them")
        return found

    def get(self, id: str) -> Garment:
        """The garment ready to be draped (up to two seconds the first time).

        Raises:
            InputError: unknown_garment.
        """
        self.record(id)
        return self._garments.get(id, lambda: self._make(id))

    def thumbnail(self, id: str) -> bytes:
        """A small WebP of the garment cut out.

        Raises:
            InputError: unknown_garment.
        """
        record = self.record(id)
        return self._thumbnails.get(id, lambda: _thumbnail(self._picture(record)))

    def _make(self, id: str) -> Garment:
        record = self.record(id)
        rgba = self._picture(record)
        alpha = rgba[..., 3].astype(np.float32) / 255
        return make_garment(np.ascontiguousarray(rgba[..., :3]), alpha, record.landmarks(), id=id)

    def _picture(self, record: GarmentRecord) -> np.ndarray:
        try:
            data = np.frombuffer(self._path(record.id, "png").read_bytes(), np.uint8)
        except OSError as error:
            raise _picture_gone() from error
        bgra = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
        if bgra is None or bgra.shape != (*record.hw, 4):
            raise _picture_gone()
        return cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGBA)

    def _put(self, record: GarmentRecord) -> None:
        text = json.dumps(asdict(record), ensure_ascii=False, indent=1)
        _write(self._path(record.id, "json"), text.encode())
        self._records[record.id] = record

    def _path(self, id: str, kind: str) -> Path:
        return self._folder / f"{id}.{kind}"

    def _refuse_full(self) -> None:
        if len(self._records) >= self._max_garments:
            raise CapacityError("rack_full", "no more garments can be kept", hint="an operator has to make room")


def _picture_gone() -> InputError:
    return InputError("unknown_garment", "this garment's picture is gone", hint="upload the photo again")


def _upright(cut: CutOut) -> tuple[CutOut, int]:
    """The cut-out with the collar on top, and how many quarter turns that took: phones mislay their orientation."""
    scale = 256 / max(cut.alpha.shape)
    small = cv2.resize(cut.alpha, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    turns = quarter_turns((small > 0.5).astype(np.uint8))
    return replace(cut, alpha=np.ascontiguousarray(np.rot90(cut.alpha, turns))), turns


def _warnings(turns: int, landmarks: Landmarks) -> list[str]:
    found = ["the photo was turned until the collar was on top"] if turns else []
    doubtful = sorted(name for name, trust in landmarks.confidence.items() if trust < _DOUBTFUL)
    if doubtful:
        found.append("some anchors are guesses, check them: " + ", ".join(doubtful))
    if not any(name.startswith("sleeve") for name in landmarks.points):
        found.append("no sleeves were found")
    return found


def _thumbnail(rgba: np.ndarray) -> bytes:
    rgb = bleed(np.ascontiguousarray(rgba[..., :3]), shrink(rgba[..., 3] > 245, 2))
    return write_image(fit_long_side(np.dstack([rgb, rgba[..., 3]]), _THUMBNAIL_PX), format="webp", quality=82)


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "garment"


def _write(path: Path, data: bytes) -> None:
    """All or nothing, also when the power fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
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
        record = GarmentRecord(
            id=str(fields["id"]),
            name=str(fields["name"]),
            hw=(int(fields["hw"][0]), int(fields["hw"][1])),
            points={key: (float(x), float(y)) for key, (x, y) in fields["points"].items()},
            confidence={key: float(value) for key, value in fields["confidence"].items()},
            outline_confidence=float(fields["outline_confidence"]),
            ground=str(fields["ground"]),
            warnings=tuple(str(text) for text in fields["warnings"]),
            version=int(fields["version"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return record if _is_ours(record, path) else None


def _is_ours(record: GarmentRecord, path: Path) -> bool:
    finite = all(math.isfinite(value) for xy in record.points.values() for value in xy)
    torso = {name for name in ANCHORS if name.startswith("torso.")}
    known = torso <= set(record.points) <= set(ANCHORS) and set(record.confidence) == set(record.points)
    return record.version == VERSION and record.id == path.stem and bool(_ID.fullmatch(record.id)) and finite and known
