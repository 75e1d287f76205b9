"""Woven cloth: seamless, true to scale and colour, and built as a weaver would build it."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fabric.catalog import load_catalog
from fabric.draft import Draft, Yarn, draft_from_dict, expand_order
from fabric.material import Material
from fabric.weave import tile_size_mm, tile_threads, weave
from utils.colour import delta_e00, hex_to_srgb8, mean_srgb8, srgb_to_lab, srgb_to_linear
from utils.errors import ConfigError, InputError

CATALOG = load_catalog(Path(__file__).parent.parent / "data/catalog/catalog.json")
FABRICS = {fabric.id: fabric for fabric in CATALOG.fabrics()}
BLACK, WHITE = Yarn((("#101012", 1.0),), 0.0), Yarn((("#dcdad4", 1.0),), 0.0)


def piece(**changes) -> Draft:
    """A black and white cloth of 30 x 25 threads per cm; a 2/2 twill of white ends unless told otherwise."""
    spec = {"weave": "twill_2_2", "yarns": (("k", BLACK), ("w", WHITE)), "warp": "w", "weft": "w"}
    return Draft(**{**spec, "ends_per_cm": 30.0, "picks_per_cm": 25.0, "seed": 7, **changes})


def luminance(albedo: np.ndarray) -> np.ndarray:
    return srgb_to_linear(albedo) @ np.array([0.2126, 0.7152, 0.0722])


@cache
def woven(fabric_id: str) -> Material:
    return weave(FABRICS[fabric_id].cloth.draft, 4.0)


def seam_ratio(field: np.ndarray, percentile: float) -> float:
    """The worse axis: mean step across the wrap over that percentile of the steps between neighbouring lines."""
    field = field.reshape(*field.shape[:2], -1).astype(np.float64)
    ratios = []
    for axis in (0, 1):
        lines = np.moveaxis(field, axis, 0)
        steps = np.abs(np.diff(lines, axis=0)).mean(axis=(1, 2))
        ratios.append(np.abs(lines[0] - lines[-1]).mean() / np.percentile(steps, percentile))
    return max(ratios)


def period_mm(field: np.ndarray, length_mm: float, *, axis: int, near_mm: float, repeats: int) -> float:
    """From the peak of the circular autocorrelation near `repeats` periods of `near_mm`, refined by a parabola."""
    spectrum = np.abs(np.fft.rfft(field - field.mean(), axis=axis)) ** 2
    likeness = np.fft.irfft(spectrum.mean(axis=1 - axis), n=field.shape[axis])
    scale = length_mm / field.shape[axis]
    low, high = int((repeats - 0.4) * near_mm / scale), int(np.ceil((repeats + 0.4) * near_mm / scale))
    top = low + int(np.argmax(likeness[low : high + 1]))
    before, at, after = likeness[top - 1 : top + 2]
    return (top + 0.5 * (before - after) / (before - 2 * at + after)) * scale / repeats


@pytest.mark.parametrize("fabric_id", FABRICS)
def test_every_cloth_of_the_catalog_tiles_without_a_seam(fabric_id):
    material = woven(fabric_id)
    # Where a stripe ends at the wrap the step is as large as at the stripe's other edge, and no larger.
    assert seam_ratio(material.albedo, 100) <= 1.1
    assert seam_ratio(material.height, 100) <= 1.1
    assert material.albedo.dtype == np.uint8
    assert material.albedo.shape[:2] == material.height.shape == material.roughness.shape == material.normal.shape[:2]
    assert min(material.size_mm) >= 36.0
    assert 0.0 <= material.roughness.min() <= material.roughness.max() <= 1.0


@pytest.mark.parametrize("fabric_id", ["plain-navy", "twill-charcoal", "flannel-mid-grey", "linen-ivory"])
def test_the_wrap_is_like_any_other_place_seen_closely(fabric_id):
    material = weave(FABRICS[fabric_id].cloth.draft, 12.0)
    assert seam_ratio(material.albedo, 95) <= 1.1
    assert seam_ratio(material.height, 95) <= 1.1
    assert seam_ratio(material.height[:-8, :-8], 95) > 1.1  # the measure does see a tile that was cut too short


@pytest.mark.parametrize("px_per_mm", [2.0, 4.0, 9.0])
def test_houndstooth_repeats_after_eight_threads(px_per_mm):
    material = weave(piece(warp="4k 4w", weft="4k 4w"), px_per_mm)
    light = luminance(material.albedo)
    for axis, apart_mm in ((1, 8 / 3.0), (0, 8 / 2.5)):
        found_mm = period_mm(light, material.size_mm[1 - axis], axis=axis, near_mm=apart_mm, repeats=5)
        assert found_mm == pytest.approx(apart_mm, rel=0.01)


def test_pinstripes_stand_where_the_draft_puts_them():
    draft = FABRICS["pinstripe-navy"].cloth.draft
    material = weave(draft, 3.0)
    apart_mm = 36 * 10.0 / draft.ends_per_cm
    found_mm = period_mm(luminance(material.albedo), material.size_mm[0], axis=1, near_mm=apart_mm, repeats=1)
    assert found_mm == pytest.approx(apart_mm, rel=0.01)


def test_size_is_the_drafts_own_at_any_resolution():
    draft = piece(warp="5k 4w", slub=0.0)
    assert tile_threads(draft) == (108, 92)
    for px_per_mm in (1.0, 3.7, 12.0):
        material = weave(draft, px_per_mm)
        assert material.size_mm == tile_size_mm(draft) == pytest.approx((36.0, 36.8))
        assert material.albedo.shape[1] == round(36.0 * px_per_mm)


def test_a_mottled_cloth_has_a_longer_tile_but_a_long_repeat_is_not_doubled():
    assert min(tile_size_mm(piece(slub=1.0))) >= 60.0
    assert tile_threads(piece(slub=1.0, warp="55k 55w"))[0] == 220
    assert tile_threads(piece(warp="110k 14w"))[0] == 124


def test_more_pixels_than_can_be_held_are_refused():
    with pytest.raises(InputError) as caught:
        weave(piece(), 120.0)
    assert caught.value.code == "bad_scale"


def test_houndstooth_has_its_four_teeth():
    """In the 8 x 8 threads: a solid 4 x 4 of each colour, and two quarters of twill lines that join them."""
    draft = piece(warp="4k 4w", weft="4k 4w", slub=0.0)
    light = luminance(weave(draft, 24.0, span_mm=3.0).albedo)
    ends, picks = tile_threads(draft, span_mm=3.0)
    rows = ((np.arange(8) + 0.5) * light.shape[0] / picks).astype(int)
    columns = ((np.arange(8) + 0.5) * light.shape[1] / ends).astype(int)
    white = light[np.ix_(rows, columns)] > 0.3
    assert not white[:4, :4].any()
    assert white[4:, 4:].all()
    assert white[:4, 4:].sum() == white[4:, :4].sum() == 8


def test_the_twill_rises_to_the_right():
    draft = piece(warp="w", weft="k", slub=0.1)
    light = luminance(weave(draft, 8.0).albedo)
    spectrum = np.abs(np.fft.fft2(light - light.mean()))
    ends, picks = tile_threads(draft)
    # A line that rises to the right, in a picture whose rows count downwards, has both frequencies of one sign.
    rising, falling = spectrum[picks // 4, ends // 4], spectrum[-(picks // 4), ends // 4]
    assert rising > 20.0 * falling


def test_herringbone_turns_every_rib_and_is_cut_where_it_turns():
    plan = piece(weave="herringbone", rib_ends=12).plan()
    assert plan.shape == (4, 24)
    for end in range(24):
        up, beside = plan[:, end], plan[:, (end + 1) % 24]
        assert up.sum() == 2
        if end % 12 == 11:
            assert (up != beside).all()
        else:
            assert (beside == np.roll(up, -1 if end < 12 else 1)).all()


def test_glen_check_has_four_kinds_of_blocks():
    draft = FABRICS["glen-check-grey"].cloth.draft
    material = weave(draft, 8.0)
    light = luminance(material.albedo)
    half = light.shape[0] // 2, light.shape[1] // 2

    def bold(rows: slice, columns: slice, axis: int) -> float:
        """Strength of the eight-thread rhythm, of which half a tile has ten."""
        lines = np.moveaxis(light[rows, columns], axis, -1) * np.hanning(half[axis])
        return float(np.abs(np.fft.rfft(lines)).mean(axis=0)[10])

    near, far = slice(half[0]), slice(half[0], 2 * half[0])
    left, right = slice(half[1]), slice(half[1], 2 * half[1])
    assert draft.repeat() == (160, 160)
    for rows in (near, far):
        assert bold(rows, left, 1) > 2.0 * bold(rows, right, 1)
    for columns in (left, right):
        assert bold(near, columns, 0) > 2.0 * bold(far, columns, 0)


@pytest.mark.parametrize("fabric_id", FABRICS)
def test_a_cloth_has_the_colour_that_the_book_states(fabric_id):
    fabric = FABRICS[fabric_id]
    measured = srgb_to_lab(mean_srgb8(woven(fabric_id).albedo))
    assert delta_e00(measured, srgb_to_lab(hex_to_srgb8(fabric.colour))) <= 1.5
    assert delta_e00(measured, srgb_to_lab(hex_to_srgb8(fabric.mean_hex))) <= 1.5


def test_a_solid_cloth_has_its_yarns_mean_colour():
    blend = Yarn((("#1d2c52", 3.0), ("#8a93a8", 1.0)), melange=0.9)
    wanted = np.average([srgb_to_linear(hex_to_srgb8(h)) for h, _ in blend.fibres], axis=0, weights=[3.0, 1.0])
    for changes in ({}, {"weave": "plain", "slub": 0.8}, {"fuzz": 0.8}):
        material = weave(piece(yarns=(("w", blend),), **changes), 4.0)
        np.testing.assert_allclose(srgb_to_linear(material.albedo).mean(axis=(0, 1)), wanted, rtol=0.06)


def test_known_lightness_of_the_business_colours():
    lightness = {key: srgb_to_lab(mean_srgb8(woven(key).albedo))[0] for key in FABRICS}
    assert 14.0 <= lightness["plain-navy"] <= 22.0
    assert 24.0 <= lightness["twill-charcoal"] <= 30.0
    assert lightness["barathea-black"] <= 12.0
    assert lightness["linen-ivory"] >= 80.0


def test_averaging_happens_in_linear_light():
    """Hairline of black and white seen from afar: the grey of half the light, not of half the code."""
    draft = piece(weave="plain", warp="1k 1w", weft="1k 1w", slub=0.0, relief=0.0)
    fine, coarse = weave(draft, 16.0), weave(draft, 1.0)
    np.testing.assert_allclose(
        luminance(coarse.albedo).mean(), luminance(fine.albedo).mean(), rtol=0.02
    )  # and no pattern is left, where nothing finer than two pixels can be shown
    assert luminance(coarse.albedo).std() < 0.08 * luminance(fine.albedo).std()


def test_normals_are_unit_and_follow_the_height():
    material = weave(piece(weave="herringbone"), 8.0)
    np.testing.assert_allclose(np.linalg.norm(material.normal, axis=2), 1.0, atol=1e-5)
    assert material.normal[..., 2].min() > 0.0
    right = np.roll(material.height, -1, axis=1) - np.roll(material.height, 1, axis=1)
    below = np.roll(material.height, -1, axis=0) - np.roll(material.height, 1, axis=0)
    scale = material.height.shape[1] / material.size_mm[0], material.height.shape[0] / material.size_mm[1]
    slope = material.normal[..., :2] / material.normal[..., 2:]
    np.testing.assert_allclose(slope[..., 0], -right * scale[0] / 2, atol=1e-4)
    np.testing.assert_allclose(slope[..., 1], below * scale[1] / 2, atol=1e-4)
    assert abs(float(material.height.mean())) < 1e-4
    assert 0.02 < np.ptp(material.height) < 0.4


def test_a_draft_weaves_the_same_cloth_twice_and_another_seed_another():
    one, again, other = (weave(piece(seed=seed, warp="3k 5w"), 4.0) for seed in (3, 3, 4))
    for name in ("albedo", "normal", "height", "roughness"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
    assert (one.albedo != other.albedo).mean() > 0.5
    assert delta_e00(srgb_to_lab(mean_srgb8(one.albedo)), srgb_to_lab(mean_srgb8(other.albedo))) < 0.5


def test_fuzz_hides_the_weave():
    def weave_contrast(fuzz: float) -> float:
        draft = piece(warp="w", weft="k", fuzz=fuzz)
        light = luminance(weave(draft, 8.0).albedo)
        ends, picks = tile_threads(draft)
        return float(np.abs(np.fft.fft2(light))[picks // 4, ends // 4]) / light.size

    assert weave_contrast(0.0) > 1.5 * weave_contrast(0.5) > 3.0 * weave_contrast(1.0)


def test_melange_spreads_the_colours_of_the_fibres():
    def spread(melange: float) -> float:
        yarn = Yarn((("#1d1d20", 1.0), ("#a0a0a4", 1.0)), melange)
        return float(luminance(weave(piece(yarns=(("w", yarn),), relief=0.0), 12.0).albedo).std())

    assert spread(0.9) > 1.5 * spread(0.3) > 1.5 * spread(0.0)


@pytest.mark.parametrize(
    ("order", "threads"),
    [("4k 4w", "kkkkwwww"), ("k", "k"), ("2*(2k w) b", "kkwkkwb"), ("2*(a 2*(b 2c))", "abccbccabccbcc")],
)
def test_colour_orders_are_written_out(order, threads):
    assert expand_order(order) == threads


@pytest.mark.parametrize(
    "order", ["", "4", "4K", "4k,4w", "3*(2k", "0k", "2000k", "99*(99*(99k))", "999*(999*(999*(999*(k))))", "4k (2w)"]
)
def test_a_colour_order_that_cannot_be_read_is_refused(order):
    with pytest.raises(ConfigError) as caught:
        expand_order(order)
    assert caught.value.code == "bad_draft"


GOOD = {
    "weave": "plain", "yarns": {"a": "#101010"}, "warp": "a", "weft": "a", "ends_per_cm": 30, "picks_per_cm": 25
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weave": "knitted"}, "weave"),
        ({"weave": "x./x"}, "weave"),
        ({"warp": "3a 1b"}, "yarn"),
        ({"warp": 7}, "type"),
        ({"yarns": {"a": "red"}}, "yarn a"),
        ({"yarns": {"a": {"fibres": [["#101010", -1]]}}}, "yarn a"),
        ({"yarns": {"a": {"fibres": [["#101010", 1]], "mélange": 1}}}, "type"),
        ({"yarns": {"a": {"melange": 0.5}}}, "fibres"),
        ({"yarns": {"ab": "#101010"}}, "letters"),
        ({"yarns": None}, "yarns"),
        ({"ends_per_cm": 400}, "ends_per_cm"),
        ({"ends_per_cm": "30"}, "type"),
        ({"ends_per_cm": float("nan")}, "ends_per_cm"),
        ({"weave": "herringbone", "rib_ends": 7}, "rib_ends"),
        ({"twist": "N"}, "twist"),
        ({"colour": "blue"}, "colour"),
        ({"warp": "997a", "weave": "twill_2_2"}, "mm"),
    ],
)
def test_a_draft_that_cannot_be_woven_says_why(change, word):
    with pytest.raises(ConfigError) as caught:
        draft_from_dict({**GOOD, **change})
    assert caught.value.code == "bad_draft"
    assert word in caught.value.message


def test_a_draft_reads_back_as_it_was_written():
    spec = {**GOOD, "yarns": {"a": {"fibres": [["#101010", 2], ["#202020", 1]], "melange": 0.5}}, "fuzz": 0.2}
    draft = draft_from_dict(spec)
    assert draft.yarns == (("a", Yarn((("#101010", 2.0), ("#202020", 1.0)), 0.5)),)
    assert (draft.fuzz, draft.ends_per_cm) == (0.2, 30)
    assert hash(draft) == hash(draft_from_dict(spec))
