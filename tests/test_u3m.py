"""U3M 1.1: every field of the `.u3m` file by the format's rules, and an archive as strict as the format wants it."""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest

from fabric.draft import Draft, Yarn
from fabric.packages.contents import Contents, of_material
from fabric.packages.u3m import u3m_folder, u3m_zip, u3ma
from fabric.weave import weave
from utils.colour import mean_srgb8
from utils.errors import InputError

# The rules of the format as data: what Vizoo's schema of version 1.1 says of each field, in a notation of our own.
# A dict has exactly these keys; a tuple lists alternatives; a pair of numbers is a range; None is null.

ANY, POSITIVE, UNIT, SIGNED = (-1e9, 1e9), (0.0, 1e9), (0.0, 1.0), (-1.0, 1.0)
UUID4 = re.compile(r"\{?[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\}?", re.IGNORECASE)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
PATH = re.compile(r"([^\x00-\x1f<>:\"/\\|$%]+/)*[^\x00-\x1f<>:\"/\\|]*[^\x00-\x1f<>:\"/\\|. ]")
NAME, TEXT = re.compile(r".+", re.DOTALL), re.compile(r".*", re.DOTALL)


class OneOf(tuple):
    """One of these rules, or exactly one of these words."""


COLOUR = {"r": UNIT, "g": UNIT, "b": UNIT}
VECTOR = {"x": SIGNED, "y": SIGNED, "z": SIGNED}
DPI = {"x": POSITIVE, "y": POSITIVE}
PREVIEW = {"path": PATH, "width": POSITIVE, "height": POSITIVE, "dpi": DPI}
MODES = OneOf(("normal", "mirror_x", "mirror_y", "mirror_xy"))
IMAGE = {**PREVIEW, "repeat": {"rotation": ANY, "mode": MODES}}
BLENDS = OneOf(("add", "subtract", "multiply", "divide", "max", "min", "overlay"))
COLOURED = {
    "constant": COLOUR,
    "texture": OneOf((None, {"mode": BLENDS, "factor": COLOUR, "image": IMAGE})),
}
NORMAL = {"constant": VECTOR, "texture": OneOf((None, {"scale": ANY, "image": IMAGE}))}
SCALAR = OneOf((None, {"factor": ANY, "offset": ANY, "image": IMAGE}))
NUMBER, SHARE = {"constant": ANY, "texture": SCALAR}, {"constant": UNIT, "texture": SCALAR}
SIDE = {
    **dict.fromkeys(("alpha", "anisotropy_rotation", "metalness", "transmission"), SHARE),
    **dict.fromkeys(("anisotropy_value", "clearcoat_value", "clearcoat_roughness", "displacement"), NUMBER),
    **dict.fromkeys(("ior", "roughness", "sheen_value", "sheen_tint", "specular_value", "specular_tint"), NUMBER),
    **dict.fromkeys(("subsurface_radius", "subsurface_value"), NUMBER),
    **dict.fromkeys(("normal", "clearcoat_normal"), NORMAL),
    **dict.fromkeys(("basecolor", "subsurface_color"), COLOURED),
    "shader": OneOf(("principled",)),
    "preview": OneOf((None, PREVIEW)),
}
FILE = {
    "schema": OneOf(("1.1",)),
    "custom": OneOf((None, {})),
    "material": {
        "id": UUID4,
        "name": NAME,
        "description": TEXT,
        "created": MOMENT,
        "modified": MOMENT,
        "front": OneOf((None, SIDE)),
        "back": OneOf((None, SIDE)),
        "side": OneOf((None, SIDE)),
        "physics": None,  # or measurements, of which a photo has none
        "metadata": OneOf((None, {})),
    },
}


def complaints(value: Any, rule: Any, at: str = "") -> list[str]:
    """Where `value` breaks the rule."""
    if isinstance(rule, OneOf):
        tried = [complaints(value, each, at) for each in rule]
        return [] if [] in tried else min(tried, key=len)
    if isinstance(rule, dict):
        if not isinstance(value, dict) or value.keys() != rule.keys():
            return [f"{at}: wants exactly {sorted(rule)}"]
        return [complaint for key in rule for complaint in complaints(value[key], rule[key], f"{at}.{key}")]
    if isinstance(rule, re.Pattern):
        return [] if isinstance(value, str) and rule.fullmatch(value) else [f"{at}: {value!r} is not {rule.pattern}"]
    if isinstance(rule, tuple):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return [] if number and rule[0] <= value <= rule[1] else [f"{at}: {value!r} is not within {rule}"]
    return [] if value == rule and type(value) is type(rule) else [f"{at}: {value!r} is not {rule!r}"]


@cache
def contents() -> Contents:
    ecru, blue = Yarn((("#d8d0c0", 1.0),), 0.0), Yarn((("#203060", 1.0),), 0.0)
    yarns = (("e", ecru), ("b", blue))
    draft = Draft(weave="twill_2_2", yarns=yarns, warp="6b 2e", weft="b", ends_per_cm=20.0, picks_per_cm=16.0, seed=7)
    cloth = weave(draft, 4.0, id="twill", name="Streifen Größe 5 / “blue”")
    return replace(of_material(cloth, made=datetime(2026, 3, 4, 15, 30, 42, tzinfo=UTC)), sheen=0.2)


@cache
def folder() -> dict[str, bytes]:
    return u3m_folder(contents())


def material() -> dict[str, Any]:
    return json.loads(folder()["material.u3m"])["material"]


def images(side: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every picture that a side refers to."""
    found = {
        field: about["texture"]["image"]
        for field, about in side.items()
        if (about or {}) and "texture" in about and about["texture"]
    }
    return {**found, "preview": side["preview"]}


def pixels(path: str) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(folder()[path], np.uint8), cv2.IMREAD_UNCHANGED)[..., ::-1]


def test_every_field_keeps_the_rules_of_the_format():
    assert complaints(json.loads(folder()["material.u3m"]), FILE) == []


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda m: m.pop("physics"), ".material: wants exactly"),
        (lambda m: m.update(licence="x"), ".material: wants exactly"),
        (lambda m: m["front"]["alpha"].update(constant=1.5), ".material.front"),
        (lambda m: m.update(id="1234"), ".material.id"),
        (lambda m: m["front"]["normal"]["texture"]["image"].update(width=None), ".material.front"),
    ],
)
def test_the_rules_can_be_broken(broken, said):
    content = json.loads(folder()["material.u3m"])
    broken(content["material"])
    assert complaints(content, FILE)[0].startswith(said)


def test_pictures_are_there_in_a_form_that_every_reader_must_know():
    side = material()["front"]
    assert {image["path"] for image in images(side).values()} == set(folder()) - {"material.u3m"}
    assert images(side).keys() == {"basecolor", "normal", "roughness", "displacement", "preview"}
    for field, image in images(side).items():
        picture = pixels(image["path"])
        assert picture.shape[2] == 3, "grey pictures are not among the formats that every reader must know"
        assert picture.dtype == (np.uint16 if field == "displacement" else np.uint8)


def test_size_resolution_and_pictures_agree():
    for field, image in images(material()["front"]).items():
        height, width = pixels(image["path"]).shape[:2]
        if field != "preview":
            assert (image["width"], image["height"]) == pytest.approx(contents().size_mm, abs=1e-3)
            assert image["repeat"] == {"mode": "normal", "rotation": 0.0}
        assert image["dpi"]["x"] == pytest.approx(25.4 * width / image["width"], rel=1e-4)
        assert image["dpi"]["y"] == pytest.approx(25.4 * height / image["height"], rel=1e-4)
        per_metre = struct.unpack_from(">II", folder()[image["path"]], folder()[image["path"]].index(b"pHYs") + 4)
        assert [count * 0.0254 for count in per_metre] == pytest.approx(list(image["dpi"].values()), rel=1e-3)


def test_displacement_comes_out_in_millimetres():
    texture = material()["front"]["displacement"]["texture"]
    unit = pixels(texture["image"]["path"]).mean(axis=2) / 65535.0
    assert np.abs(texture["offset"] + unit * texture["factor"] - contents().height_mm).max() < 2e-5


def test_normals_decode_to_ours_and_roughness_to_itself():
    raw = pixels(material()["front"]["normal"]["texture"]["image"]["path"]) / 255.0
    vectors = raw * 2.0 - 1.0
    vectors /= np.linalg.norm(vectors, axis=2, keepdims=True)
    assert (vectors * contents().normal).sum(axis=2).min() > 0.9999
    rough = pixels(material()["front"]["roughness"]["texture"]["image"]["path"]).mean(axis=2) / 255.0
    assert np.abs(rough - contents().roughness).max() <= 0.51 / 255.0


def test_constants_stand_in_for_their_textures():
    side = material()["front"]
    colour = [round(255 * side["basecolor"]["constant"][channel]) for channel in "rgb"]
    assert colour == mean_srgb8(contents().albedo).tolist()
    assert side["roughness"]["constant"] == pytest.approx(contents().roughness.mean(), abs=1e-3)
    assert side["sheen_value"]["constant"] == 0.2
    assert side["alpha"]["constant"] == 1.0
    assert side["metalness"]["constant"] == 0.0


def test_the_name_is_kept_as_it_is_written_and_the_id_is_the_cloths_own():
    assert material()["name"] == "Streifen Größe 5 / “blue”"
    assert material()["created"] == material()["modified"] == "2026-03-04T15:30:42Z"
    other = json.loads(u3m_folder(replace(contents(), name="another"))["material.u3m"])["material"]
    assert u3m_folder(contents()) == folder()
    assert other["id"] != material()["id"]


def test_without_a_size_there_is_no_u3m_and_the_reason_is_said_plainly():
    for make in (u3ma, u3m_zip, u3m_folder):
        with pytest.raises(InputError) as refused:
            make(replace(contents(), size_mm=None))
        assert refused.value.code == "scale_unknown"
        assert "true size" in refused.value.message
        assert "millimetres" in refused.value.hint


def test_the_archive_and_the_zip_hold_the_folder():
    with zipfile.ZipFile(io.BytesIO(u3ma(contents()))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == folder()
        for entry in archive.infolist():
            assert (entry.flag_bits, entry.create_version, entry.create_system) == (1 << 11, 63, 0)
            assert (entry.extract_version, entry.extra, entry.comment) == (20, b"", b"")
            assert (entry.external_attr, entry.internal_attr) == (0, 0)
            assert entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            assert entry.date_time == (2026, 3, 4, 15, 30, 42)
    with zipfile.ZipFile(io.BytesIO(u3m_zip(contents()))) as archive:
        top = "streifen-grosse-5-blue-u3m/"
        assert {name: archive.read(name) for name in archive.namelist()} == {
            top + path: data for path, data in folder().items()
        }
