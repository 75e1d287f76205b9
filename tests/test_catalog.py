"""The tailor's book: reading it, looking cloth up, weaving it once, and what a customer is shown."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

import fabric.book as book_module
import fabric.cloth as cloth_module
from fabric.book import USES, Fabric, Family
from fabric.catalog import load_catalog
from fabric.cloth import Woven
from fabric.listing import NEAR_DELTA_E, Index, Query
from fabric.swatch import swatch
from fabric.weave import weave
from utils.colour import delta_e00, mean_srgb8, srgb_to_lab
from utils.errors import ConfigError, InputError

BOOK = Path(__file__).parent.parent / "data/catalog/catalog.json"


def small_book(**colour) -> dict:
    draft = {"weave": "plain", "warp": "a", "weft": "a", "ends_per_cm": 20, "picks_per_cm": 20}
    entry = {"id": "blue", "name": "Blue", "code": "1", "colour": "#203050", "draft": {"yarns": {"a": "#203050"}}}
    family = {"id": "plain", "name": "Plain", "use": "suiting", "composition": "100 % wool", "weight_g_m2": 250}
    return {"version": 1, "mill": "Mill", "families": [{**family, "draft": draft, "colours": [{**entry, **colour}]}]}


def load(book: object, folder: Path):
    path = folder / "catalog.json"
    path.write_text(json.dumps(book), "utf-8")
    return load_catalog(path)


@pytest.fixture(scope="module")
def book():
    return load_catalog(BOOK)


def test_the_book_has_what_a_tailor_asks_for(book):
    fabrics = book.fabrics()
    suitings = [fabric for fabric in fabrics if fabric.use == "suiting"]
    assert len(suitings) >= 14
    assert len({fabric.family for fabric in suitings}) >= 6
    assert {fabric.use for fabric in fabrics} == set(USES)
    for fabric_id in ("plain-navy", "twill-charcoal", "herringbone-grey", "houndstooth-black-white", "pinstripe-navy"):
        assert book.get(fabric_id).status == "active"
    assert all(fabric.code and fabric.composition and fabric.tags for fabric in fabrics)
    assert (
        len({fabric.code for fabric in fabrics}) == len({fabric.cloth.draft.seed for fabric in fabrics}) == len(fabrics)
    )


def test_families_and_fabrics_refer_to_each_other(book):
    for family in book.families():
        assert all(fabric.family == family.id and fabric.use == family.use for fabric in family.fabrics)


def test_an_unknown_and_a_retired_fabric_are_refused(book):
    with pytest.raises(InputError) as unknown:
        book.get("purple-velvet")
    with pytest.raises(InputError) as retired:
        book.material("twill-sand")
    assert (unknown.value.code, retired.value.code) == ("unknown_fabric", "fabric_retired")


def test_what_is_public_can_be_sent_and_is_true(book):
    public = json.loads(json.dumps([family.to_public() for family in book.families()]))
    shown = {fabric["id"]: fabric for family in public for fabric in family["fabrics"]}
    assert list(shown) == [fabric.id for fabric in book.fabrics()]
    assert shown["twill-sand"]["status"] == "retired"
    material = book.material("houndstooth-black-white")
    check = shown["houndstooth-black-white"]
    assert check["size_mm"] == pytest.approx(material.size_mm, abs=1e-3)
    assert check["roughness"] == pytest.approx(material.roughness.mean(), abs=0.01)
    hexed = np.frombuffer(bytes.fromhex(check["mean_hex"][1:]), np.uint8)
    assert delta_e00(srgb_to_lab(hexed), srgb_to_lab(mean_srgb8(material.albedo))) < 1.5
    assert (check["sheen"], check["metalness"]) == (material.sheen, material.metalness)


def test_a_material_carries_its_fabrics_name_and_cannot_be_written_to(book):
    material = book.material("repp-burgundy", 2.0)
    assert (material.id, material.name) == ("repp-burgundy", "Burgundy repp stripe")
    for array in (material.albedo, material.normal, material.height, material.roughness):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 0


@pytest.mark.parametrize("px_per_mm", [0.0, 0.4, 33.0, float("nan")])
def test_a_scale_that_cannot_be_woven_is_refused(book, px_per_mm):
    with pytest.raises(InputError) as caught:
        book.material("plain-navy", px_per_mm)
    assert caught.value.code == "bad_scale"


def test_threads_that_ask_at_once_have_it_woven_once(tmp_path, monkeypatch):
    asked, woven = threading.Barrier(6), []

    def slowly(*args, **kwargs):
        woven.append(threading.get_ident())
        return weave(*args, **kwargs)

    def ask(_) -> object:
        asked.wait(10)
        return catalog.material("blue", 8.0)

    monkeypatch.setattr(cloth_module, "weave", slowly)
    catalog = load(small_book(), tmp_path)
    with ThreadPoolExecutor(6) as pool:
        materials = list(pool.map(ask, range(6)))
    assert len(woven) == 1
    assert all(material is materials[0] for material in materials)
    assert catalog.material("blue", 4.0) is not materials[0]
    assert len(woven) == 2


def test_the_store_of_materials_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(book_module, "_MOST_KEPT", 2)
    catalog = load(small_book(), tmp_path)
    first = catalog.material("blue", 1.0)
    assert catalog.material("blue", 1.0) is first
    for px_per_mm in (1.5, 2.0, 2.5):
        catalog.material("blue", px_per_mm)
    assert catalog.material("blue", 1.0) is not first


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"colour": None}, ("fabric blue", "colour")),
        ({"id": "Blue Serge"}, ("slug",)),
        ({"id": 7}, ("fabric 7", "text")),
        ({"status": "sold out"}, ("fabric blue", "status")),
        ({"weight_g_m2": "250"}, ("fabric blue", "weight_g_m2")),
        ({"price": 100}, ("family plain", "unknown keys: price")),
        ({"tags": "blue"}, ("fabric blue", "tags")),
        ({"draft": {"yarns": {"b": "#203050"}}}, ("fabric blue", "yarn")),
        ({"draft": []}, ("fabric blue", "draft")),
        ({"draft": {"yarns": {"a": "#203050"}, "knit": 1}}, ("fabric blue", "knit")),
    ],
)
def test_a_wrong_colour_is_named_with_what_is_wrong(tmp_path, change, words):
    with pytest.raises(ConfigError) as caught:
        load(small_book(**change), tmp_path)
    assert caught.value.code == "bad_catalog"
    assert all(word in caught.value.message for word in words)


def test_a_wrong_book_is_refused(tmp_path):
    good = small_book()
    family = good["families"][0]
    twice = {**family, "colours": family["colours"] * 2}
    wrong = {
        "version": {**good, "version": 2},
        "missing keys: mill": {"version": 1, "families": []},
        "object": [],
        "families": {**good, "families": {}},
        "use must": {**good, "families": [{**family, "use": "curtain"}]},
        "at least one": {**good, "families": [{**family, "colours": []}]},
        "fabric blue: this id": {**good, "families": [twice]},
        "family plain: this id": {
            **good,
            "families": [family, {**family, "colours": [{**family["colours"][0], "id": "b"}]}],
        },
    }
    for word, content in wrong.items():
        with pytest.raises(ConfigError, match=word):
            load(content, tmp_path)
    with pytest.raises(ConfigError, match="read"):
        load_catalog(tmp_path / "nowhere.json")
    (tmp_path / "torn.json").write_text('{"version": 1,')
    with pytest.raises(ConfigError, match="read"):
        load_catalog(tmp_path / "torn.json")


@pytest.mark.parametrize("fabric_id", ["plain-navy", "houndstooth-black-white", "linen-ivory", "poplin-white"])
def test_a_swatch_has_the_colour_of_the_cloth_and_a_light_upon_it(book, fabric_id):
    material = book.material(fabric_id, 8.0)
    picture = swatch(material, size_px=300, mm=40.0)
    assert picture.shape == (300, 300, 3)
    assert picture.dtype == np.uint8
    assert delta_e00(srgb_to_lab(mean_srgb8(picture)), srgb_to_lab(mean_srgb8(material.albedo))) < 2.0
    level = picture.astype(float).mean(axis=2)
    # The same place of the pattern, nearer to the lamp and farther from it.
    repeats = np.array(book.get(fabric_id).cloth.draft.repeat_mm()) * 300 / 40.0
    x, y = (int(np.ceil(150 / side) * side) for side in repeats)
    assert level[: 300 - y, : 300 - x].mean() > level[y:, x:].mean()


@pytest.mark.parametrize(("mm", "size_px"), [(60.0, 480), (60.0, 300), (24.0, 400)])
def test_a_swatch_is_true_to_scale(book, mm, size_px):
    draft = book.get("pinstripe-navy").cloth.draft
    picture = swatch(book.material("pinstripe-navy", 8.0), size_px=size_px, mm=mm)
    scale, end_mm = size_px / mm, 10.0 / draft.ends_per_cm
    columns = cv2.GaussianBlur(picture.mean(axis=(0, 2))[None], (0, 0), 0.5 * end_mm * scale)[0]
    for expected in np.arange(35.5 * end_mm, mm, 36 * end_mm) * scale:  # the stripe is the last of 36 ends
        low = int(expected - 4.0 * scale)
        found = low + int(np.argmax(columns[low : int(expected + 4.0 * scale)])) + 0.5
        assert found == pytest.approx(expected, abs=0.5 * end_mm * scale + 1.0)


def test_relief_shows_in_a_swatch(book):
    material = book.material("hopsack-navy", 8.0)
    flat = type(material)(
        **{
            **vars(material),
            "normal": np.broadcast_to(np.float32([0, 0, 1]), material.normal.shape),
            "height": material.height * 0,
        }
    )
    pictures = (cv2.cvtColor(swatch(one, size_px=320, mm=40.0), cv2.COLOR_RGB2GRAY) for one in (material, flat))
    raised, level = (cv2.Laplacian(picture, cv2.CV_64F).std() for picture in pictures)
    assert raised > 1.25 * level


# --- Turning pages


def a_book(families: dict[str, list[tuple[str, str]]]) -> tuple[Family, ...]:
    """Families of (id, colour); an id that ends in -old is retired."""

    def fabric(id: str, colour: str, family: str) -> Fabric:
        status = "retired" if id.endswith("-old") else "active"
        cloth = Woven.of({"yarns": {"a": colour}, **small_book()["families"][0]["draft"]})
        about = {
            "composition": "Wolle 100 %",
            "weight_g_m2": 280,
            "mill": "Mühle",
            "code": id.upper(),
            "tags": (family,),
        }
        return Fabric(
            id, id.title(), family, "suiting", status=status, colour=colour, cloth=cloth, measured=colour, **about
        )

    return tuple(
        Family(id, id.title(), "suiting", "", tuple(fabric(*one, id) for one in fabrics))
        for id, fabrics in families.items()
    )


GREYS = [(f"grey-{level:02x}", f"#{level:02x}{level:02x}{level:02x}") for level in range(0x20, 0xE0, 0x20)]
INDEX = Index(a_book({"flannel": GREYS, "twill": [("navy", "#203050"), ("navy-old", "#203050")], "bare": []}))


def found(**query) -> list[str]:
    return [fabric.id for fabric in INDEX.matching(Query(**query))]


def test_what_is_asked_for_is_found_in_the_order_of_the_book():
    assert found() == [*dict(GREYS), "navy"]
    assert found(status=None) == [*dict(GREYS), "navy", "navy-old"]
    assert found(status="retired") == ["navy-old"]
    assert found(family="twill") == found(q="TWILL nav") == found(q="nAVY mühLE") == ["navy"]
    assert found(family="velvet") == found(use="tie") == found(mill="mühle") == found(q="grey navy") == []
    assert found(mill="Mühle", tag="TWILL", use="suiting") == ["navy"]


def test_cloths_near_a_colour_are_those_that_the_eye_finds_near():
    everything = INDEX.matching(Query(status=None))
    for colour in ("#203050", "#808080", "#000000", "#ffffff", "#ff0000"):
        wanted = srgb_to_lab(np.frombuffer(bytes.fromhex(colour[1:]), np.uint8))
        labs = [srgb_to_lab(np.frombuffer(bytes.fromhex(fabric.mean_hex[1:]), np.uint8)) for fabric in everything]
        near = [
            fabric.id for fabric, lab in zip(everything, labs, strict=True) if delta_e00(lab, wanted) <= NEAR_DELTA_E
        ]
        assert found(colour=colour, status=None) == near
    assert found(colour="#808080") == ["grey-80", "grey-a0"]


def test_pages_go_on_in_the_middle_of_a_family_and_end():
    pages = [INDEX.turn_to(Query(per_page=4, page=number)) for number in (1, 2, 3)]
    shown = [[(family.id, len(fabrics)) for family, fabrics in page.sections] for page in pages]
    assert shown == [[("flannel", 4)], [("flannel", 2), ("twill", 1)], []]
    assert {(page.pages, page.total) for page in pages} == {(2, 7)}
    assert INDEX.turn_to(Query(q="velvet")).pages == 0
