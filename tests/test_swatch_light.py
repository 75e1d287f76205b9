"""Light, white and what is refused: known lamps are taken out, known whites found, and what is no cloth turned away."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from bench.scan_steps import true_outline
from bench.swatch_bad import folded
from bench.swatches import Rendered
from fabric.periodic import smooth_noise
from fabric.scanning.blur import edge_blur_px
from fabric.scanning.cloth import refuse_unusable, unlikeness
from fabric.scanning.falloff import Surface, shared, terms
from fabric.scanning.findings import Even, Flat, Given, Lattice, Outline, Scale
from fabric.scanning.light import even_out, even_out_again
from fabric.scanning.outline import frame_corners
from fabric.scanning.rectify import rectify
from fabric.scanning.table import look_at_table
from fabric.scanning.things import beside, find_things
from fabric.scanning.white import CHART_LUMINANCES, PAPER, White, find_white, white_of_chart
from tests.laid_cloth import draft, lay, pictured
from tests.swatch_photos import swatch
from utils.colour import linear_to_srgb8, srgb_to_linear
from utils.errors import InputError

HW = 400, 520


def lamp(hw: tuple[int, int] = HW, *, ratio: float = 3.0) -> np.ndarray:
    """float32 (H, W): a lamp near the left upper corner, `ratio` brightest to darkest, mean 1."""
    y, x = np.mgrid[: hw[0], : hw[1]].astype(np.float32)
    away = ((x / hw[1] + 0.3) ** 2 + (y / hw[0] + 0.2) ** 2 + 0.7) ** -1.5
    level = np.log(away)
    level = (level - level.min()) / np.ptp(level) * np.log(ratio)
    light = np.exp(level)
    return (light / light.mean()).astype(np.float32)


def plain(hw: tuple[int, int] = HW, colour: tuple[float, float, float] = (0.25, 0.2, 0.3)) -> np.ndarray:
    """float32 (H, W, 3): cloth of one colour with some grain."""
    grain = smooth_noise(np.random.default_rng(3), hw, cells=(hw[0] // 3, hw[1] // 3))
    return ((1.0 + np.float32(0.08) * grain)[..., None] * np.array(colour, np.float32)).astype(np.float32)


def check(cell_px: int = 40, hw: tuple[int, int] = HW) -> np.ndarray:
    """float32 (H, W, 3): cloth of dark and light squares."""
    y, x = np.mgrid[: hw[0], : hw[1]]
    dark = ((x // (cell_px // 2) + y // (cell_px // 2)) % 2).astype(np.float32)
    return plain(hw) * (0.35 + dark)[..., None]


def blocks(ratio: np.ndarray) -> np.ndarray:
    """Means over an 8 x 8 grid, over their own mean."""
    h, w = ratio.shape
    means = ratio[: h // 8 * 8, : w // 8 * 8].reshape(8, h // 8, 8, w // 8).mean(axis=(1, 3))
    return means / means.mean()


def lattice_of(a: tuple[float, float], b: tuple[float, float]) -> Lattice:
    return Lattice("periodic", np.array(a), np.array(b), None, None, 0.0, 1.0, "found", (5.0, 5.0))


# ---- light


@pytest.mark.parametrize(("cloth", "within"), [(plain(), 0.03), (check(), 0.06)], ids=["plain", "check"])
def test_a_fall_off_of_three_to_one_is_taken_out(cloth, within):
    flat, _ = pictured(cloth * lamp()[..., None])
    even = even_out(flat)
    left = blocks((even.linear / cloth).mean(axis=2))
    assert np.abs(left - 1.0).max() < within
    assert np.abs(blocks(lamp()) - 1.0).max() > 0.4  # what there was
    assert even.light_ratio == pytest.approx(3.0, rel=0.12)
    assert even.light.mean() == pytest.approx(1.0, rel=1e-3)
    assert (even.white_source, even.confidence) == ("camera", 0.2)


def test_the_mean_is_kept():
    flat, _ = pictured(plain() * lamp(ratio=2.0)[..., None])
    colour = even_out(flat).linear.mean(axis=(0, 1))
    np.testing.assert_allclose(colour, plain().mean(axis=(0, 1)), rtol=0.05)


def test_even_light_is_left_alone():
    flat, _ = pictured(plain())
    even = even_out(flat)
    assert even.light_ratio < 1.05
    np.testing.assert_allclose(even.linear, flat.linear, rtol=0.05)


def test_what_is_burnt_out_says_nothing_of_the_light():
    seen = plain() * lamp()[..., None]
    glare = np.zeros(HW, bool)
    glare[40:120, 60:150] = True
    seen[glare] = 1.0
    even = even_out(Flat(seen, np.eye(3), None, glare, 1.0))
    assert np.abs(blocks(np.where(glare, 1.0, (even.linear / plain()).mean(axis=2)))[4:] - 1.0).max() < 0.06


@pytest.mark.parametrize("turned", [False, True])
def test_a_large_pattern_is_not_swallowed_where_its_repeat_is_known(turned):
    # A broad stripe, 2.6 repeats in view: to a polynomial it might be a lamp.
    y, x = np.mgrid[: HW[0], : HW[1]]
    along, period = (y, 150.0) if turned else (x, 200.0)
    stripe = (1.0 + 0.5 * np.sin(2 * np.pi * along / period)).astype(np.float32)
    cloth = plain() * stripe[..., None]
    flat, _ = pictured(cloth * lamp(ratio=2.0)[..., None])
    a, b = ((37.0, 0.0), (0.0, period)) if turned else ((period, 0.0), (0.0, 37.0))
    even = even_out_again(flat, lattice_of(a, b))
    left = blocks((even.linear / cloth).mean(axis=2))
    assert np.abs(left - 1.0).max() < 0.06


def test_the_light_of_woven_cloth_is_told_by_its_lattice():
    cloth = draft(warp="8k 8w", weft="8k 8w")
    flat, _, sheet, lattice = lay(cloth, px_per_mm=6.0, wh=(700, 600), light=0.0)
    lit = Flat(flat.linear * lamp((600, 700))[..., None], flat.from_photo, 6.0, flat.clipped, 1.0)
    even = even_out_again(lit, lattice_of(*lattice))
    assert np.abs(blocks((even.linear / np.maximum(sheet.albedo, 0.01)).mean(axis=2)) - 1.0).max() < 0.05


def test_without_a_lattice_the_second_look_is_the_first():
    flat, _ = pictured(plain() * lamp()[..., None])
    none = Lattice("plain", None, None, None, None, 0.0, 0.5, "found", (0.0, 0.0))
    too_large = lattice_of((500.0, 0.0), (0.0, 390.0))  # no two places in view are a repeat apart
    for lattice in (none, too_large):
        np.testing.assert_array_equal(even_out_again(flat, lattice).linear, even_out(flat).linear)


def test_a_white_gives_the_reflectance():
    # The lamp is yellowish and dim; a paper of 0.9 beside the middle of the cloth shows how much.
    tint = np.array([0.7, 0.6, 0.4])
    flat, _ = pictured(plain() * tint.astype(np.float32))
    white = White(PAPER * tint, PAPER, np.array([HW[1] / 2, HW[0] / 2]), "patch", 0.9)
    even = even_out(flat, white=white)
    np.testing.assert_allclose(even.linear.mean(axis=(0, 1)), plain().mean(axis=(0, 1)), rtol=0.02)
    assert even.white_source == "patch"
    assert even.confidence == pytest.approx(0.7 * 0.9)


def test_a_white_in_the_dark_corner_is_taken_for_as_dark_as_it_lies():
    light = lamp(ratio=2.5)
    flat, _ = pictured(plain() * light[..., None])
    at = np.array([HW[1] - 30.0, HW[0] - 30.0])
    white = White(np.full(3, PAPER) * light[-30, -30], PAPER, at, "given", 1.0)
    np.testing.assert_allclose(
        even_out(flat, white=white).linear.mean(axis=(0, 1)), plain().mean(axis=(0, 1)), rtol=0.08
    )


def test_the_table_tells_how_much_less_light_a_white_gets():
    # The cloth fills a quarter of a photo; the paper lies in its far corner, where cubic terms of the cloth's own light
    # say next to nothing.
    hw = 600, 800
    light = lamp(hw, ratio=12.0)
    photo = np.full((*hw, 3), 0.35, np.float32) * light[..., None]
    cloth = slice(150, 450), slice(100, 500)
    photo[cloth] = check(60, (300, 400)) * light[cloth][..., None]
    at = np.array([720.0, 520.0])
    white = White(np.full(3, PAPER) * light[520, 720], PAPER, at, "given", 1.0)
    flat = Flat(photo[cloth], np.array([[1.0, 0, -100], [0, 1.0, -150], [0, 0, 1.0]]), None, np.zeros((300, 400)), 1.0)
    outline = Outline(np.array([[100, 150], [500, 150], [500, 450], [100, 450]], np.float32), "given", 1.0)
    table = look_at_table(linear_to_srgb8(photo / 1.3), outline)
    colour = check(60, (300, 400)).mean(axis=(0, 1))
    alone, seen = (even_out(flat, white=replace(white, table=t)).linear.mean(axis=(0, 1)) for t in (None, table))
    np.testing.assert_allclose(seen, colour, rtol=0.04)
    assert np.abs(alone / colour - 1.0).min() > 0.08  # what there was to be won


def test_the_table_is_all_but_the_cloth_and_what_lies_there():
    photo = np.full((600, 800, 3), 120, np.uint8)
    photo[100:400, 100:400] = 30
    photo[420:520, 500:700] = 240
    photo[0:60, 700:800] = 255  # burnt out
    outline = Outline(np.array([[100, 100], [399, 100], [399, 399], [100, 399]], np.float32), "found", 0.9)
    table = look_at_table(photo, outline, things=beside(find_things(photo), outline))
    assert table is not None
    np.testing.assert_allclose(np.exp(table.level), srgb_to_linear(np.uint8(120)), rtol=0.01)
    assert len(table.level) > 1500
    assert look_at_table(photo, Outline(frame_corners((600, 800)), "frame", 0.5)) is None


def test_what_is_dark_is_no_witness_of_the_lamp():
    # The same lamp over a grey cloth and a black table, on which a highlight is all that is seen.
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, 20), np.linspace(-1, 1, 20)))
    level, shine = 0.3 * x + 0.1 * y, np.exp(-((x - 2.0) ** 2))
    cloth = Surface(x, y, level + 0.01 * np.cos(40 * x), np.ones(400))
    table = Surface(2.0 * x, 2.0 * y, np.log(0.02 * np.exp(2.0 * level) + 0.5 * shine), np.ones(400), unsure=1.0)
    there = terms(np.array([1.4]), np.array([0.0]))
    assert (there @ shared([cloth, table]))[0] == pytest.approx(0.42, abs=0.05)
    assert (there @ shared([cloth, replace(table, unsure=0.0)]))[0] > 0.6


# ---- white


def test_light_that_lies_over_a_chart_is_told_from_its_greys():
    known = np.array(CHART_LUMINANCES)
    places = np.stack(np.meshgrid(np.arange(6) * 30.0, np.arange(4) * 30.0), axis=-1).reshape(-1, 2)
    falls = 1.0 + 0.003 * (places[:, 0] - 75.0) - 0.002 * (places[:, 1] - 90.0)  # one in the middle of the greys
    tint, veil = np.array([0.9, 0.8, 0.6]), np.array([0.05, 0.04, 0.03])
    light = (known * falls)[:, None] * tint + veil
    white = white_of_chart(light, places, burnt=np.zeros(24, bool))
    assert white is not None
    np.testing.assert_allclose(white.linear, tint, rtol=0.01)
    np.testing.assert_allclose(white.veil, veil, atol=0.002)
    np.testing.assert_allclose(white.at_photo, [75.0, 90.0])
    assert white_of_chart(light, places, burnt=np.arange(24) > 19) is None


@pytest.mark.parametrize("veil", [0.0, 0.06])
def test_light_that_lies_over_a_marker_is_told_from_its_black(veil):
    marker = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), 7, 180)
    scene = np.full((600, 800), 0.25, np.float32)
    scene[80:332, 500:752] = PAPER
    scene[116:296, 536:716] = np.where(marker > 127, PAPER, 0.04)
    scene[150:500, 60:440] = 0.03
    photo = cv2.merge([linear_to_srgb8(0.8 * (scene + np.float32(veil)))] * 3)
    outline = Outline(np.array([[60, 150], [440, 150], [440, 500], [60, 500]], np.float32), "given", 1.0)
    white = find_white(photo, outline, Given(), things=beside(find_things(photo), outline))
    assert white is not None
    np.testing.assert_allclose(white.linear, 0.8 * PAPER, rtol=0.02)
    np.testing.assert_allclose(white.veil, 0.8 * veil, atol=0.004)
    flat = rectify(photo, outline, Scale(None, None, 0.0), Given())
    np.testing.assert_allclose(even_out(flat, white=white).linear.mean(axis=(0, 1)), 0.03, rtol=0.15)


def white_of(rendered: Rendered) -> White | None:
    outline = true_outline(rendered)
    return find_white(rendered.photo, outline, Given(), things=beside(find_things(rendered.photo), outline))


@pytest.mark.parametrize(("seed", "source"), [(37, "patch"), (39, "patch"), (16, "chart")],
                         ids=["paper", "marker", "chart"])  # fmt: skip
def test_what_is_white_is_found(seed, source):
    rendered = swatch(seed)
    white = white_of(rendered)
    assert white is not None
    assert white.source == source
    x0, y0, x1, y1 = rendered.white.astype(int)
    seen = srgb_to_linear(rendered.photo[y0:y1, x0:x1]).mean(axis=(0, 1))
    np.testing.assert_allclose(white.linear / white.reflectance, seen / PAPER, rtol=0.08)
    thing = next(iter(rendered.references.values()))
    assert np.hypot(*(white.at_photo - thing.mean(axis=0))) < 0.7 * np.ptp(thing, axis=0).max()


@pytest.mark.parametrize("seed", [32, 23], ids=["nothing", "card"])
def test_nothing_else_is_taken_for_white(seed):
    white = white_of(swatch(seed))
    assert white is None or np.allclose(white.linear / white.linear.mean(), 1.0, atol=0.5)
    if seed == 32:
        assert white is None


def test_a_given_white_wins():
    rendered = swatch(16)
    white = find_white(rendered.photo, true_outline(rendered), Given(white=(300.0, 300.0, 330.0, 320.0)))
    assert white is not None
    assert (white.source, white.confidence, white.reflectance) == ("given", 1.0, PAPER)
    np.testing.assert_allclose(
        white.linear, srgb_to_linear(rendered.photo[300:320, 300:330]).mean(axis=(0, 1)), rtol=1e-5
    )
    np.testing.assert_allclose(white.at_photo, [315.0, 310.0])


@pytest.mark.parametrize(
    "box",
    [
        (-5.0, 10.0, 40.0, 40.0),
        (700.0, 10.0, 801.0, 40.0),
        (10.0, 590.0, 40.0, 601.0),
        (40.0, 10.0, 10.0, 40.0),
        (10.0, 10.0, 12.0, 40.0),
        (float("nan"), 10.0, 40.0, 40.0),
        (100.0, 100.0, 200.0, 200.0),
    ],
    ids=["left of it", "right of it", "below it", "turned", "narrow", "nan", "burnt out"],
)
def test_a_white_that_says_nothing_is_refused(box):
    photo = np.full((600, 800, 3), 120, np.uint8)
    photo[90:210, 90:210] = 255
    with pytest.raises(InputError) as refused:
        find_white(photo, Outline(frame_corners((600, 800)), "frame", 0.5), Given(white=box))
    assert refused.value.code == "bad_white"
    assert refused.value.hint


# ---- cloth


def flat_of(photo: np.ndarray, outline: Outline | None = None) -> tuple[Flat, Even]:
    outline = outline or Outline(frame_corners(photo.shape[:2]), "frame", 0.5)
    flat = rectify(photo, outline, Scale(None, None, 0.0), Given(), long_side_px=1024)
    return flat, even_out(flat)


def refused_for(photo: np.ndarray) -> str:
    with pytest.raises(InputError) as refused:
        refuse_unusable(*flat_of(photo))
    assert refused.value.hint
    return refused.value.code


def photo_of(linear: np.ndarray) -> np.ndarray:
    return np.clip(np.cbrt(linear) * 255, 0, 255).astype(np.uint8)


def test_a_person_is_no_cloth():
    assert refused_for(data.astronaut()) == "not_cloth"


@pytest.mark.parametrize("blur_px", [0.8, 4.0, 8.0, 16.0])
def test_a_photo_out_of_focus_is_refused_however_noisy(blur_px):
    soft = cv2.GaussianBlur(check(80, (600, 800)), (0, 0), blur_px)
    noise = np.random.default_rng(2).normal(0.0, 2.0, soft.shape)
    photo = np.clip(photo_of(soft) + noise, 0, 255).astype(np.uint8)
    if blur_px < 1.0:
        refuse_unusable(*flat_of(photo))
    else:
        assert refused_for(photo) == "blurred"


def photographed(cloth: np.ndarray, *, blur_px: float) -> np.ndarray:
    """A swatch in linear light on a grey table, through a lens, with noise that is as sharp as ever."""
    scene = np.full((900, 1200, 3), 0.5, np.float32)
    h, w = cloth.shape[:2]
    scene[150 : 150 + h, 200 : 200 + w] = cloth
    coded = linear_to_srgb8(cv2.GaussianBlur(scene, (0, 0), blur_px))
    return np.clip(coded + np.random.default_rng(4).normal(0.0, 2.5, coded.shape), 0, 255).astype(np.uint8)


FINE_WEAVE = plain((600, 800)) * (1.0 + 0.15 * np.cos(np.pi * np.add(*np.mgrid[:600, :800]) / 2.0))[..., None]
SMOOTH = np.full((600, 800, 3), 0.2, np.float32)
SIDES = np.array([[199.5, 149.5], [999.5, 149.5], [999.5, 749.5], [199.5, 749.5]])


@pytest.mark.parametrize("blur_px", [0.8, 1.5, 3.0, 4.5])
@pytest.mark.parametrize("cloth", [FINE_WEAVE.astype(np.float32), SMOOTH], ids=["fine weave", "smooth"])
def test_how_blurred_a_photo_is_shows_at_the_edges(cloth, blur_px):
    photo = photographed(cloth, blur_px=blur_px)
    assert edge_blur_px(photo, [SIDES]) == pytest.approx(blur_px, rel=0.22, abs=0.15)
    assert edge_blur_px(photo, []) is None
    assert edge_blur_px(photo, [SIDES * 0.01]) is None


@pytest.mark.parametrize("blur_px", [0.8, 3.5])
def test_fine_weave_out_of_focus_is_refused_by_its_edges(blur_px):
    photo = photographed(FINE_WEAVE.astype(np.float32), blur_px=blur_px)
    flat, even = flat_of(photo, Outline(SIDES.astype(np.float32), "found", 0.9))
    refuse_unusable(flat, even)  # by the cloth alone nobody can tell: noise looks like grain
    if blur_px < 1.0:
        refuse_unusable(flat, even, edges_px=edge_blur_px(photo, [SIDES]))
        return
    with pytest.raises(InputError) as refused:
        refuse_unusable(flat, even, edges_px=edge_blur_px(photo, [SIDES]))
    assert refused.value.code == "blurred"


def test_a_photo_that_is_burnt_out_or_black_is_refused():
    assert refused_for(photo_of(9.0 * plain())) == "overexposed"
    assert refused_for(np.zeros((600, 800, 3), np.uint8)) == "underexposed"


@pytest.mark.parametrize(
    "cloth",
    [plain(), check(), check(160), plain() * lamp()[..., None], check(130) * lamp()[..., None]],
    ids=["plain", "check", "large check", "unevenly lit", "large check unevenly lit"],
)
def test_cloth_is_cloth(cloth):
    refuse_unusable(*flat_of(photo_of(cloth)))


@pytest.mark.parametrize("seed", [918, 2], ids=["herringbone on marble", "houndstooth on marble"])
def test_a_clear_pattern_is_not_taken_for_folds(seed):
    flat, even = flat_of(swatch(seed).photo, true_outline(swatch(seed)))
    refuse_unusable(flat, even)
    assert unlikeness(even) < 0.4


def test_folds_are_told_from_other_things():
    assert refused_for(folded(3, (600, 800))) == "not_flat"
