"""A cloth packed for others: the pictures say what they are, material.json tells the truth, zips are strict, and the
contact sheet shows the cloth."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import time
import zipfile
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from fabric.book import Fabric
from fabric.draft import Draft, Yarn
from fabric.material import Material
from fabric.packages import sheet as page
from fabric.packages.archive import pack
from fabric.packages.contents import Contents, of_fabric, of_material, of_pictures, of_surface
from fabric.packages.lit import ball, hanging
from fabric.packages.paper import Page
from fabric.packages.parcels import PARCELS, material_zip
from fabric.packages.photo import freest_corner, loupe, marked
from fabric.packages.pictures import CODINGS, code_map, code_maps
from fabric.scan import scan
from fabric.scanned import Scanned
from fabric.scanning.findings import Given
from fabric.weave import weave
from server.app import create_app
from tests.fakes import FakeFitting
from tests.serving import settings_for_tests
from utils.colour import delta_e00, mean_srgb8, srgb_to_lab
from utils.errors import ConfigError, InputError

ABOUT = {"status": "active", "composition": "wool", "weight_g_m2": 300, "mill": "Mill", "code": "1", "tags": ()}
MADE = datetime(2026, 3, 4, 15, 30, 42, tzinfo=UTC)


def twill(px_per_mm: float = 6.0) -> Material:
    black, white = Yarn((("#101012", 1.0),), 0.0), Yarn((("#dcdad4", 1.0),), 0.0)
    draft = Draft(
        weave="twill_2_2",
        yarns=(("k", black), ("w", white)),
        warp="2k 2w",
        weft="w",
        ends_per_cm=20.0,
        picks_per_cm=16.0,
        seed=7,
    )
    return weave(draft, px_per_mm, id="twill", name="Tweed 4417")


@cache
def contents() -> Contents:
    return of_material(twill(), made=MADE)


def findings(**changes) -> dict:
    """What a scanner may have said of a swatch whose middle lies at 400, 300 of the photo, seen square on."""
    found = {
        "class": "periodic",
        "outline": {
            "corners": [[200, 100], [600, 100], [600, 500], [200, 500]],
            "source": "found",
            "confidence": 0.9,
        },
        "scale": {"source": "card", "confidence": 0.8},
        "light": {"ratio": 1.4, "white_source": "patch", "confidence": 0.7},
        "lattice": {
            "kind": "periodic",
            "a": [80.0, 0.0],
            "b": [0.0, 40.0],
            "a_mm": 8.0,
            "b_mm": 4.0,
            "fine_a": None,
            "fine_b": None,
            "angle_deg": 1.5,
            "confidence": 0.6,
            "source": "found",
            "repeats": [10.0, 20.0],
        },
        "flat": {"size": [800, 800], "to_photo": [[0.5, 0, 200], [0, 0.5, 100], [0, 0, 1]], "px_per_mm": 10.0},
        "tile": {"corners_flat": [[80, 80], [400, 80], [400, 400], [80, 400]], "cells": [4, 8], "method": "seams"},
        "quality": {"overall": 0.9, "seam_ratio": 1.0},
        "warnings": ["the light falls off strongly: turn the swatch"],
    }
    return {**found, **changes}


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Type and data of a PNG's chunks, their sums checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length)[0] == zlib.crc32(kind + data)
        found.append((kind, data))
        at += 12 + length
    return found


def pixels(png: bytes) -> np.ndarray:
    read = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    return read if read.ndim == 2 else read[..., ::-1]


# Pictures.


@pytest.mark.parametrize("name", CODINGS)
def test_a_picture_holds_its_map_and_nothing_more_is_lost_than_its_bits(name):
    given, coding = contents(), CODINGS[name]
    picture = pixels(code_map(given, name))
    assert picture.dtype == (np.uint16 if coding.bits == 16 else np.uint8)
    assert picture.shape == given.albedo.shape[: 3 if coding.channels == "RGB" else 2]
    low, high = given.height_range_mm
    flat = np.ones_like(given.roughness)
    expected = {
        "albedo": given.albedo / 255.0,
        "normal": (given.normal + 1.0) / 2.0,
        "height": (given.height_mm - low) / (high - low),
        "roughness": given.roughness,
        "ao": given.occlusion,
        "metalness": 0.0 * flat,
        "opacity": flat,
        "orm": np.dstack([given.occlusion, given.roughness, 0.0 * flat]),
    }[name]
    assert np.abs(picture / (2.0**coding.bits - 1) - expected).max() <= 0.51 / (2.0**coding.bits - 1)


def test_only_colour_is_said_to_be_srgb_and_every_picture_knows_its_scale():
    given = contents()
    per_metre = tuple(round(1000 * value) for value in given.px_per_mm)
    for name, png in code_maps(given).items():
        kinds = dict(chunks(png))
        assert (b"sRGB" in kinds, b"gAMA" in kinds) == (name == "albedo",) * 2
        assert struct.unpack(">IIB", kinds[b"pHYs"]) == (*per_metre, 1)
    assert dict(chunks(code_map(given, "albedo")))[b"gAMA"] == struct.pack(">I", 45455)
    unknown = code_map(replace(given, size_mm=None), "albedo")
    assert [kind for kind, _ in chunks(unknown)][:3] == [b"IHDR", b"sRGB", b"gAMA"]
    assert b"pHYs" not in dict(chunks(unknown))


def test_directx_turns_green_over_and_nothing_else():
    ours, theirs = (pixels(code_map(contents(), "normal", directx=directx)) for directx in (False, True))
    assert np.array_equal(ours[..., 1], 255 - theirs[..., 1])
    assert np.array_equal(ours[..., [0, 2]], theirs[..., [0, 2]])
    # A slope that faces up the picture is brighter in OpenGL's green.
    facing_up = contents().normal[..., 1] > 0.1
    assert ours[..., 1][facing_up].min() > 128


def test_a_cloth_without_relief_still_has_a_height_map():
    flat = replace(contents(), height_mm=np.zeros_like(contents().height_mm))
    assert not pixels(code_map(flat, "height")).any()
    assert flat.height_range_mm[1] > flat.height_range_mm[0]


def test_the_set_is_quick_enough_to_be_made_while_somebody_waits():
    side = 1024
    given = contents()
    large = {name: cv2.resize(getattr(given, name), (side, side)) for name in ("albedo", "normal", "roughness")}
    large |= {name: cv2.resize(getattr(given, name), (side, side)) for name in ("height_mm", "occlusion")}
    given = replace(given, **large)
    spent_ms = []
    for _ in range(3):
        begin_s = time.thread_time()
        code_maps(given)
        spent_ms.append(1e3 * (time.thread_time() - begin_s))
    assert min(spent_ms) < 500  # 250 on a quiet machine


def test_stored_pictures_come_back_as_they_were():
    given = contents()
    maps = code_maps(given)
    facts = {"name": given.name, "made": MADE, "size_mm": given.size_mm, "height_range_mm": given.height_range_mm}
    for roughness in (None, float(given.roughness.mean())):
        assert code_maps(of_pictures(maps, **facts, roughness=roughness)) == maps
    least = of_pictures({name: maps[name] for name in ("albedo", "height", "roughness")}, **facts)
    assert (least.normal * given.normal).sum(axis=2).min() > 0.999
    assert np.abs(least.occlusion - given.occlusion).max() < 0.01
    rougher = of_pictures(maps, **facts, roughness=0.5)
    assert rougher.roughness.mean() == pytest.approx(0.5, abs=0.02)
    for broken in ({**maps, "height": b""}, {**maps, "albedo": b"no picture"}, {"albedo": maps["albedo"]}):
        with pytest.raises(ConfigError) as refused:
            of_pictures(broken, **facts)
        assert refused.value.code == "maps_missing"


@pytest.mark.parametrize(("said", "kept"), [("", "Unnamed cloth"), (" two\nlines\t", "two lines")])
def test_a_name_is_one_line_and_never_empty(said, kept):
    named = of_pictures(
        code_maps(contents()), name=said, made=MADE, size_mm=contents().size_mm, height_range_mm=(-0.1, 0.1)
    )
    assert named.name == kept


# material.json and the zip around it.


def test_material_json_describes_the_files_beside_it():
    given = contents()
    with zipfile.ZipFile(io.BytesIO(material_zip(given))) as archive:
        said = json.loads(archive.read("material.json"))
        for name, about in said["maps"].items():
            data = archive.read(about["file"])
            assert hashlib.sha256(data).hexdigest() == about["sha256"], name
        assert set(archive.namelist()) == {"material.json", *(about["file"] for about in said["maps"].values())}
    assert said["maps"].keys() == CODINGS.keys()
    assert said["name"] == "Tweed 4417"
    assert said["licence"] is None
    assert said["made"] == "2026-03-04T15:30:42Z"
    assert said["size_mm"] == pytest.approx(given.size_mm, abs=1e-4)
    assert said["px_per_mm"] == pytest.approx(given.px_per_mm, abs=1e-4)
    assert said["maps"]["height"]["range_mm"] == pytest.approx(given.height_range_mm)
    assert said["maps"]["height"]["depth_known"] is True
    assert said["maps"]["normal"]["convention"] == "OpenGL (+Y up)"
    assert said["maps"]["albedo"]["colour_space"] == "sRGB"
    assert {said["maps"][name]["colour_space"] for name in CODINGS if name != "albedo"} == {None}
    assert (said["source"], said["class"], said["lattice"], said["quality"]) == ("catalog", None, None, None)


def test_material_json_of_a_scan_says_how_sure_it_is_and_never_makes_up_a_size():
    given = replace(contents(), size_mm=None, findings=findings())
    with zipfile.ZipFile(io.BytesIO(material_zip(given, directx=True))) as archive:
        said = json.loads(archive.read("material.json"))
    assert said["size_mm"] is None
    assert said["px_per_mm"] is None
    assert said["maps"]["height"]["depth_known"] is False
    assert said["maps"]["normal"]["convention"] == "DirectX (+Y down)"
    assert said["class"] == "periodic"
    assert said["confidence"] == {"outline": 0.9, "scale": 0.8, "colour": 0.7, "repeat": 0.6}
    assert said["lattice"]["a_mm"] == 8.0
    assert said["warnings"] == findings()["warnings"]


@pytest.mark.parametrize("name", [name for name in PARCELS if name != "sheet.png"])
def test_the_same_cloth_makes_the_same_bytes_wherever_it_is_packed(name):
    elsewhere = MADE.astimezone(timezone(timedelta(hours=9)))
    assert PARCELS[name].make(contents()) == PARCELS[name].make(replace(contents(), made=elsewhere))


# The strict zip, byte by byte.


def test_a_zip_has_what_every_reader_understands_and_nothing_else():
    noise = np.random.default_rng(3).bytes(5000)
    files = {"words.txt": b"warp and weft " * 200, "maps/noise.bin": noise, "nothing.txt": b""}
    data = pack(files, made=datetime(2026, 3, 4, 16, 30, 43, tzinfo=timezone(timedelta(hours=1))))
    at, offsets = 0, []
    for name, content in files.items():
        offsets.append(at)
        signature, *facts = struct.unpack_from("<4sHHHHHIIIHH", data, at)
        needed, flags, method, clock, day, crc, packed, size, name_length, extra = facts
        assert signature == b"PK\x03\x04"
        assert (needed, flags, extra) == (20, 1 << 11, 0)
        assert (clock >> 11, clock >> 5 & 63, clock & 31) == (15, 30, 21)
        assert ((day >> 9) + 1980, day >> 5 & 15, day & 31) == (2026, 3, 4)
        assert (crc, size) == (zlib.crc32(content), len(content))
        assert data[at + 30 : at + 30 + name_length] == name.encode()
        body = data[at + 30 + name_length : at + 30 + name_length + packed]
        assert method == (8 if name == "words.txt" else 0)
        assert (zlib.decompress(body, -zlib.MAX_WBITS) if method else body) == content
        at += 30 + name_length + packed
    directory = at
    for name, offset in zip(files, offsets, strict=True):
        signature, made_by, *facts = struct.unpack_from("<4sHHHHHHIIIHHHHHII", data, at)
        *same, name_length, extra, comment, disk, internal, external, local = facts
        assert (signature, made_by) == (b"PK\x01\x02", 0x003F)
        assert (extra, comment, disk, internal, external, local) == (0, 0, 0, 0, 0, offset)
        assert struct.pack("<HHHHHIIIHH", *same, name_length, 0) == data[offset + 4 : offset + 30]
        assert data[at + 46 : at + 46 + name_length] == name.encode()
        at += 46 + name_length
    end = struct.unpack_from("<4sHHHHIIH", data, at)
    assert end == (b"PK\x05\x06", 0, 0, 3, 3, at - directory, directory, 0)
    assert at + 22 == len(data)


def test_python_reads_the_zip_back():
    files = {"a/b.txt": b"x" * 70000, "c.bin": bytes(range(256))}
    with zipfile.ZipFile(io.BytesIO(pack(files, made=MADE))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 3, 4, 15, 30, 42)}


@pytest.mark.parametrize(
    "path", ["", "/a", "../a", "a/../b", "./a", "a//b", "a\\b", "aux.png", "x/CON/y", "a.", "a b", "b\u00fc", "a/"]
)
def test_a_path_that_some_system_cannot_hold_is_refused(path):
    with pytest.raises(ValueError, match="portable"):
        pack({path: b""}, made=MADE)


def test_a_moment_needs_its_zone_and_dos_knows_none_before_1980():
    with pytest.raises(ValueError, match="zone"):
        pack({}, made=datetime(2026, 1, 1))
    with zipfile.ZipFile(io.BytesIO(pack({"a": b""}, made=datetime(1970, 1, 1, tzinfo=UTC)))) as archive:
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


# The contact sheet.


def test_the_sheet_is_a_page_with_margins_that_shows_the_cloth():
    picture = pixels(PARCELS["sheet.png"].make(contents()))
    assert picture.shape[1] == 2400
    paper = picture[0, 0]
    for strip in (picture[:80], picture[-40:], picture[:, :90], picture[:, -90:]):
        assert (strip == paper).all()
    tiled = picture[-1400:-760, 100:700]
    assert delta_e00(srgb_to_lab(mean_srgb8(tiled)), srgb_to_lab(mean_srgb8(contents().albedo))) < 1.5


def test_the_sheet_of_a_scan_differs_by_its_photo_and_takes_every_answer_of_the_scanner(monkeypatch):
    for shape in ("ball", "hanging"):  # fakes: grey squares, that are not what is asked for here
        monkeypatch.setattr(page, shape, lambda _, size_px: np.full((size_px, size_px, 3), 128, np.uint8))
    given = replace(contents(), findings=findings())
    photo = np.full((600, 800, 3), 90, np.uint8)
    with_photo, without = pixels(page.sheet(given, photo)), pixels(page.sheet(given))
    assert (with_photo != without).any()
    nothing = findings(
        **{"class": "plain"}, scale={"source": None, "confidence": 0.0}, warnings=["mind this " * 30] * 9
    )
    nothing["lattice"] = {**nothing["lattice"], "kind": "plain", **dict.fromkeys(("a", "b", "a_mm", "b_mm"))}
    picture = pixels(page.sheet(replace(given, size_mm=None, findings=nothing), photo))
    paper = picture[0, 0]
    assert (picture[:, -90:] == paper).all(), "no word runs over the margin"
    assert (picture[1240:1300] == paper).all(), "no warning runs into the pictures below"


@pytest.mark.parametrize("letters", "\u00df\u00e4\u0142\u00e9\u0416\u4e2d\u2014\u00d7")
def test_names_are_written_in_the_letters_of_their_language(letters):
    written = []
    for words in (letters, "?", ""):
        blank = Page(80, 80)
        blank.text((20, 60), words, size=40)
        written.append(blank.pixels)
    assert not np.array_equal(written[0], written[1])
    assert not np.array_equal(written[0], written[2])


def test_long_words_are_cut_and_long_sentences_broken():
    blank = Page(400, 300)
    blank.text((20, 60), "herringbone " * 20, size=30, most_px=300)
    blank.paragraph((20, 120), "lay a sheet of white paper beside the swatch " * 2, size=24, wide_px=300)
    blank.text((320, 290), "right", size=30, right=True)
    inked = np.any(blank.pixels != blank.pixels[0, 0], axis=2)
    assert inked[:70].any()
    assert inked[100:250].any(axis=1).sum() > 60, "more than one line"
    assert not inked[:, 325:].any()


def test_marks_lie_where_things_were_found():
    photo = np.full((600, 800, 3), 90, np.uint8)
    bare = findings()
    bare["lattice"] = {**bare["lattice"], "a": None, "b": None}
    plain, drawn = (marked(photo, found, wh=(800, 600)) for found in (bare, findings()))
    # Shown whole: 480 pixels of the photo fill the 600 rows, so everything is a quarter larger.
    for x, y in ((0, 0), (500, 0), (500, 500), (0, 500)):
        assert plain[50 + y, 150 + x].min() > 240, "a white dot on each corner"
    assert (plain[50 + 120, 150 + 50 + 100] == (255, 150, 60)).sum() < 3
    tile_left = 150 + 0.5 * 80 * 1.25
    assert tuple(plain[200, round(tile_left)]) == (255, 150, 60)
    lattice = np.any(drawn != plain, axis=2)
    assert not lattice[:45].any(), "nothing is drawn outside of the cloth"
    columns = lattice[60:540].mean(axis=0)
    assert columns[round(tile_left + 0.5 * 80 * 1.25)] > 0.95
    assert columns[round(tile_left + 0.25 * 80 * 1.25)] < 0.3


def test_the_loupe_shows_a_few_repeats_and_covers_no_cloth():
    photo = np.full((600, 800, 3), 90, np.uint8)
    small = loupe(photo, findings(), side_px=320)
    span = 4.0 * np.sqrt(80.0 * 40.0)  # pixels of the flat picture, four repeats by the mean of their lengths
    for axis, step in ((0, 80.0), (1, 40.0)):
        lines = np.flatnonzero(np.any(small != 90, axis=2).mean(axis=axis) > 0.95)
        starts = lines[np.diff(lines, prepend=-9) > 1]
        assert np.diff(starts) == pytest.approx(step * 320 / span, abs=1.5)
    aside = findings()
    aside["outline"] = {**aside["outline"], "corners": [[350, 50], [780, 50], [780, 580], [350, 580]]}
    assert freest_corner(aside, (600, 800), wh=(800, 600), side_px=250)[0] == 0


@pytest.mark.parametrize("draw", [ball, hanging])
def test_cloth_in_use_keeps_its_colour_and_its_scale(draw):
    given = contents()
    red = replace(given, albedo=np.full_like(given.albedo, (150, 30, 30)))
    middle = draw(red, 240)[80:160, 80:160].reshape(-1, 3).mean(axis=0)
    assert middle[0] > 3.0 * middle[1]
    assert middle[1] == pytest.approx(middle[2], abs=8)
    # Twice as large a tile: half as many stripes are crossed.
    stripes = np.zeros_like(given.albedo)
    stripes[:, : stripes.shape[1] // 2] = 255
    crossed = []
    for size_mm in ((10.0, 10.0), (20.0, 20.0)):
        row = draw(replace(given, albedo=stripes, size_mm=size_mm), 480)[240, 120:360, 1]
        crossed.append(np.count_nonzero(np.diff((row > row.mean()).astype(int))))
    assert crossed[0] == pytest.approx(2 * crossed[1], abs=3)


# From the catalog.


def test_a_scanned_fabric_of_the_catalog_is_packed_from_its_stored_maps():
    given = contents()
    maps = code_maps(given)
    cloth = Scanned(
        maps=tuple((name, name) for name in maps),
        size_mm=given.size_mm,
        height_range_mm=given.height_range_mm,
        colour="#808080",
        roughness=float(given.roughness.mean()),
        metalness=0.0,
        sheen=0.3,
        read=maps.__getitem__,
    )
    fabric = Fabric("tweed", "Tweed", "tweeds", "suiting", cloth=cloth, colour="#808080", measured="#808080", **ABOUT)
    packed = of_fabric(fabric, made=MADE)
    assert (packed.name, packed.size_mm, packed.sheen) == ("Tweed", given.size_mm, 0.3)
    assert code_maps(packed) == maps


@pytest.fixture(scope="module")
def http():
    with TestClient(create_app(settings_for_tests(), FakeFitting())) as client:
        yield client


@pytest.mark.parametrize("file", ["material.zip", "material.glb", "material.u3ma"])
def test_a_woven_fabric_of_the_catalog_can_be_downloaded(http, file):
    answer = http.get(f"/api/fabric/navy-twill/{file}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == PARCELS[file].media_type
    assert answer.headers["content-disposition"] == f'attachment; filename="navy-twill{file[8:]}"'
    if file == "material.glb":
        assert answer.content.startswith(b"glTF")
    else:
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
    again = http.get(f"/api/fabric/navy-twill/{file}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert http.get(f"/api/fabric/nope/{file}").json()["code"] == "unknown_fabric"


# From a photo.


def test_a_scanned_swatch_can_be_taken_home():
    material = twill(8.0)
    photo = np.tile(material.albedo, (2, 2, 1))[:720, :720]
    h, w = photo.shape[:2]
    corners = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
    given = Given(corners=corners, swatch_mm=((w - 1) / 8.0, (h - 1) / 8.0))
    found = scan(photo, given, size_px=512)
    packed = of_surface(found.surface, name="Tweed", made=MADE, size_mm=found.size_mm)
    for name in ("material.zip", "material.glb", "material.u3ma", "u3m.zip"):
        assert PARCELS[name].make(packed), name
    unknown = replace(packed, size_mm=None)
    assert PARCELS["material.zip"].make(unknown)
    with pytest.raises(InputError) as refused:
        PARCELS["material.u3ma"].make(unknown)
    assert refused.value.code == "scale_unknown"
    assert "millimetres" in refused.value.hint
