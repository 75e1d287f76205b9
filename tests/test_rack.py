"""The rack: what it keeps, what it survives, what it leaves on disk."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from garment import rack as rack_module
from garment.garment import Garment
from garment.rack import LONG_SIDE_PX, Rack
from tests.drawn_garment import Sketch, photograph
from utils.errors import CapacityError, InputError


def drawing(seed: int = 0, **changes) -> np.ndarray:
    """A small photo; another one for every seed."""
    return photograph(Sketch(**{"length": 1.4 + 0.05 * seed, **changes}), seed=seed, long_side=260).rgb


@pytest.fixture
def rack(tmp_path: Path) -> Rack:
    return Rack(tmp_path / "garments", max_garments=4, max_cached=2)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids in the order in which garments were taken apart."""
    ids: list[str] = []
    original = rack_module.make_garment

    def counted(rgb: np.ndarray, alpha: np.ndarray, landmarks, *, id: str) -> Garment:
        ids.append(id)
        return original(rgb, alpha, landmarks, id=id)

    monkeypatch.setattr(rack_module, "make_garment", counted)
    return ids


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_photo_becomes_a_garment(rack):
    record = rack.add(drawing(), name="Navy blazer")
    assert record.id.startswith("navy-blazer-")
    assert record.name == "Navy blazer"
    assert record.ground == "plain"
    assert record.outline_confidence > 0.8
    garment = rack.get(record.id)
    assert garment.id == record.id
    assert {"torso", "sleeve_left", "sleeve_right"} <= set(garment.pieces)
    assert garment.confidence["torso.neck"] == record.confidence["torso.neck"]


def test_the_same_photo_twice_is_one_garment(rack, tmp_path):
    first = rack.add(drawing(), name="Navy blazer")
    again = rack.add(drawing(), name="Something else")
    assert again == first
    assert rack.list() == [first]
    assert files(tmp_path / "garments") == [f"{first.id}.json", f"{first.id}.png"]


def test_records_survive_a_restart(rack, tmp_path):
    records = [rack.add(drawing(seed), name=name) for seed, name in ((1, "b"), (2, "Änne's À"))]
    reopened = Rack(tmp_path / "garments")
    assert reopened.list() == sorted(records, key=lambda record: (record.name.lower(), record.id))
    assert reopened.get(records[0].id).px_per_mm == rack.get(records[0].id).px_per_mm


def test_the_picture_on_disk_is_the_photo_with_its_cut_out(rack, tmp_path):
    rgb = drawing()
    record = rack.add(rgb, name="x")
    bgra = cv2.imread(str(tmp_path / "garments" / f"{record.id}.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(cv2.cvtColor(bgra, cv2.COLOR_BGRA2RGB), rgb)
    assert record.hw == rgb.shape[:2]
    assert 0.1 < (bgra[..., 3] > 128).mean() < 0.6


def test_large_photos_are_scaled_down(rack):
    rgb = cv2.resize(drawing(), None, fx=9, fy=9, interpolation=cv2.INTER_CUBIC)
    assert max(rack.add(rgb, name="large").hw) == LONG_SIDE_PX


def test_a_photo_on_its_side_is_stored_upright_and_says_so(rack):
    rgb = drawing(turn_deg=3.0)
    record = rack.add(np.ascontiguousarray(np.rot90(rgb)), name="sideways")
    assert record.hw == rgb.shape[:2]
    assert any("turned" in text for text in record.warnings)
    assert record.points["torso.neck"][1] < record.points["torso.hem_centre"][1]


def test_an_own_alpha_channel_is_kept(rack):
    drawn = photograph(Sketch(), long_side=260)
    rgba = np.dstack([drawn.rgb, np.round(drawn.alpha * 255).astype(np.uint8)])
    assert rack.add(rgba, name="cut").outline_confidence > 0.9


def test_guesses_are_told(rack):
    record = rack.add(drawing(sleeves_deg=(5, 5), length=1.75), name="hanging")
    told = " ".join(record.warnings)
    assert "guesses" in told
    assert "waist" in told


def test_corrections_reach_record_garment_and_disk(rack, tmp_path):
    record = rack.add(drawing(), name="x")
    before = rack.get(record.id)
    x, y = record.points["torso.shoulder_left"]
    corrected = rack.correct(record.id, {"torso.shoulder_left": [x + 12, y]})
    assert corrected.points["torso.shoulder_left"] == (x + 12, y)
    assert corrected.confidence["torso.shoulder_left"] == 1.0
    assert rack.record(record.id) == corrected
    assert rack.get(record.id).px_per_mm > before.px_per_mm
    assert Rack(tmp_path / "garments").list() == [corrected]


def test_bad_corrections_change_nothing(rack):
    record = rack.add(drawing(), name="x")
    with pytest.raises(InputError, match="bad_anchors"):
        rack.correct(record.id, {"torso.neck": [5.0, 5.0], "torso.shoulder_left": [float("nan"), 1.0]})
    assert rack.record(record.id) == record


@pytest.mark.parametrize("call", ["record", "get", "thumbnail", "correct"])
@pytest.mark.parametrize("id", ["nothing-000000000000", "../../etc/passwd", ""])
def test_an_unknown_id_is_refused(rack, call, id):
    with pytest.raises(InputError) as refused:
        getattr(rack, call)(*((id, {}) if call == "correct" else (id,)))
    assert refused.value.code == "unknown_garment"


def test_a_full_rack_says_so_and_still_knows_what_it_has(tmp_path):
    rack = Rack(tmp_path, max_garments=1)
    first = rack.add(drawing(1), name="first")
    with pytest.raises(CapacityError, match="rack_full"):
        rack.add(drawing(2), name="second")
    assert rack.add(drawing(1), name="first") == first
    assert len(files(tmp_path)) == 2


def test_what_is_no_garment_leaves_nothing_behind(rack, tmp_path):
    with pytest.raises(InputError, match="no_garment"):
        rack.add(np.full((200, 200, 3), 200, np.uint8), name="wall")
    assert files(tmp_path / "garments") == []


def test_a_write_that_fails_leaves_no_half_files(rack, tmp_path, monkeypatch):
    def broken(source: str, target: str) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(rack_module.os, "replace", broken)
        with pytest.raises(OSError, match="disk full"):
            rack.add(drawing(), name="x")
    assert files(tmp_path / "garments") == []
    assert rack.list() == []
    assert rack.add(drawing(), name="x") in rack.list()


def test_foreign_and_half_written_files_are_ignored(rack, tmp_path):
    folder = tmp_path / "garments"
    good = rack.add(drawing(1), name="good")
    half = rack.add(drawing(2), name="half")
    orphan = rack.add(drawing(3), name="orphan")
    text = (folder / f"{half.id}.json").read_text()
    (folder / f"{half.id}.json").write_text(text[: len(text) // 2])
    (folder / f"{orphan.id}.png").unlink()
    fields = json.loads((folder / f"{good.id}.json").read_text())
    strangers = {
        "notes.json": "[]",
        "list-0123456789ab.json": json.dumps([1, 2]),
        "old-0123456789ab.json": json.dumps(fields | {"id": "old-0123456789ab", "version": 0}),
        "nan-0123456789ab.json": json.dumps(fields | {"id": "nan-0123456789ab", "points": {"torso.neck": [1, 2]}}),
        "name-0123456789ab.json": json.dumps(fields),
        f".{good.id}.png.1.part": "half",
        "readme.txt": "mine",
    }
    for name, content in strangers.items():
        (folder / name).write_text(content)
        if name.endswith(".json"):
            (folder / name).with_suffix(".png").write_bytes(b"")
    assert Rack(folder).list() == [good]


def test_a_picture_that_is_gone_or_broken_is_told(rack, tmp_path):
    record = rack.add(drawing(), name="x")
    path = tmp_path / "garments" / f"{record.id}.png"
    for damage in (lambda: path.write_bytes(path.read_bytes()[:2000]), lambda: path.write_bytes(b""), path.unlink):
        damage()
        with pytest.raises(InputError, match="unknown_garment"):
            rack.get(record.id)


def test_a_garment_is_made_once_however_many_ask(rack, made):
    record = rack.add(drawing(), name="x")
    together = threading.Barrier(6)

    def ask(_: int) -> Garment:
        together.wait(timeout=20)
        return rack.get(record.id)

    with ThreadPoolExecutor(6) as pool:
        garments = list(pool.map(ask, range(6)))
    assert made == [record.id]
    assert all(garment is garments[0] for garment in garments)


def test_only_the_last_used_are_kept(rack, made):
    ids = [rack.add(drawing(seed), name=f"g{seed}").id for seed in range(3)]
    for id in (ids[0], ids[1], ids[0], ids[2], ids[0], ids[1]):
        rack.get(id)
    assert made == [ids[0], ids[1], ids[2], ids[1]]


def test_the_same_photo_from_many_threads_is_one_garment(rack, tmp_path):
    rgb = drawing()
    with ThreadPoolExecutor(4) as pool:
        records = list(pool.map(lambda _: rack.add(rgb, name="x"), range(4)))
    assert len({record.id for record in records}) == 1
    assert len(rack.list()) == 1
    assert len(files(tmp_path / "garments")) == 2


def test_a_thumbnail_is_small_and_clear_around_the_garment(rack):
    webp = rack.thumbnail(rack.add(drawing(), name="x").id)
    bgra = cv2.imdecode(np.frombuffer(webp, np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgra.shape[2] == 4
    assert max(bgra.shape[:2]) <= 320
    assert bgra[0, :, 3].max() == 0
    assert bgra[..., 3].max() == 255


def test_names_are_made_into_ids_that_are_file_names(rack):
    record = rack.add(drawing(), name="../../ Çà: «Blazer» \x00 №5 ")
    assert record.id.rsplit("-", 1)[0] == "ca-blazer-no5"
