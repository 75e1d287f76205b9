"""Relief, surface and judgement: what a tile's maps say of cloth whose relief and faults are known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fabric.periodic import gradient, smooth_noise
from fabric.scanning.blur import estimate_blur_px, measure_blur
from fabric.scanning.findings import Flat, Given, Lattice, Outline, Scale, Sheet, Tile
from fabric.scanning.judge import band_excess, drift_delta_e, judge, lightness, repeat_excess, seam_ratio, sharpness
from fabric.scanning.relief import grain_px, read_relief, read_sheet, relief_px_per_mm
from fabric.scanning.surface import ambient_occlusion, finish_surface, integrate, pack_orm, smooth_relief
from tests.laid_cloth import draft, lay, pictured

PX_PER_MM = 8.0
NO_LATTICE = Lattice("stochastic", None, None, None, None, 0.0, 0.9, "found", (0.0, 0.0))
LATTICE = replace(NO_LATTICE, kind="periodic", a=np.array([32.0, 0.0]), b=np.array([0.0, 32.0]), repeats=(8.0, 8.0))
GREY = np.ones(3, np.float32)


def threads(hw: tuple[int, int] = (384, 384), *, pitch_px: float = 8.0) -> np.ndarray:
    """float32 (H, W): light of a plain weave of one colour: bright on the yarns, dark in the gaps."""
    y, x = np.mgrid[: hw[0], : hw[1]].astype(np.float32) * np.float32(2 * np.pi / pitch_px)
    return np.float32(0.2) * (1 + np.float32(0.35) * np.cos(x) * np.cos(y))


def grainy(size: int = 256, *, cells: int = 85) -> np.ndarray:
    """float32 (size, size, 3): a tile of cloth without a fault: it wraps around, and no place of it stands out."""
    fine = smooth_noise(np.random.default_rng(1), (size, size), cells=(cells, cells))
    return (np.float32(0.25) * (1 + np.float32(0.12) * fine))[..., None] * GREY


def tile_of(albedo: np.ndarray, *, cells: tuple[int, int] = (0, 0), height: np.ndarray | None = None) -> Tile:
    """A mixed tile that spans as many pixels as it has, with relief."""
    size = albedo.shape[0]
    if height is None:
        noise = smooth_noise(np.random.default_rng(2), (size, size), cells=(size // 4, size // 4))
        height = (noise * 0.02).astype(np.float32)
    box = np.array([[0, 0], [size, 0], [size, size], [0, size]]) - 0.5
    sheet = Sheet(albedo, height, np.full(height.shape, 0.8, np.float32))
    return Tile(sheet, box, (float(size), float(size)), cells, "blend")


def judged(tile: Tile, *, lattice: Lattice = NO_LATTICE, given: Given | None = None, source=None, **changes):
    """The verdict of a tile, all else at its best but what is changed."""
    flat, even = pictured(tile.sheet.albedo if source is None else source, px_per_mm=PX_PER_MM)
    sheet = replace(tile.sheet, albedo=flat.linear, height=np.zeros(flat.linear.shape[:2], np.float32))
    flat = replace(flat, sharpness_px=changes.pop("blur_px", 0.5), clipped=changes.pop("clipped", flat.clipped))
    even = replace(even, white_source=changes.pop("white", "given"), light_ratio=changes.pop("light", 1.2))
    outline = Outline(np.zeros((4, 2), np.float32), changes.pop("outline", "found"), changes.pop("sure", 1.0))
    scale = Scale(None, changes.pop("scale", "given"), 1.0)
    assert not changes
    return judge(
        tile, sheet, outline=outline, scale=scale, flat=flat, even=even, lattice=lattice, given=given or Given()
    )


# ---- relief


def slopes(height: np.ndarray) -> np.ndarray:
    dx, dy = gradient(height)
    return np.hypot(dx, dy)[4:-4, 4:-4]


def test_in_cloth_of_one_colour_what_is_dark_lies_deep():
    light = threads()
    height = read_relief(light[..., None] * GREY, "periodic")
    assert height.shape == light.shape
    assert np.corrcoef(height[8:-8, 8:-8].ravel(), light[8:-8, 8:-8].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("dark", [0.04, 0.12])
def test_a_printed_stripe_leaves_no_step(dark):
    light = threads()
    light[:, 160:224] *= np.float32(dark / 0.2)
    height = read_relief(light[..., None] * GREY, "periodic")
    level = cv2.blur(cv2.blur(height, (1, 383))[191:192], (8, 1))[0]  # threads average out, a step would stay
    assert abs(level[170:214].mean() - level[60:150].mean()) < 0.02 * np.ptp(height)
    assert np.ptp(level[100:284]) < 0.3 * np.ptp(height[100:110, 60:70])


def test_yarns_of_another_colour_bulge():
    # A hopsack of black and white: what lies on top is round, so that the height falls towards its outline.
    y, x = np.mgrid[:480, :480] // 12
    white = (x + y) % 2 == 0
    light = cv2.GaussianBlur(np.where(white, np.float32(0.6), np.float32(0.03)), (0, 0), 0.8)
    height = read_relief(light[..., None] * GREY, "periodic")
    inside = np.minimum(np.abs(np.arange(480) % 12 - 5.5)[:, None], 6) + 0 * x
    aside = np.abs(np.arange(480) % 12 - 5.5)[None] + 0 * y
    middle, rim = (inside < 2) & (aside < 2), (inside > 4) & (aside > 4)
    assert height[middle].mean() - height[rim].mean() > 0.5
    # Black yarns bulge as white ones do: colour is no height.
    assert abs(height[middle & white].mean() - height[middle & ~white].mean()) < 0.2


def test_the_relief_is_the_same_from_half_as_far():
    # Seen at twice the size, slopes are the same as long as the threads were seen at all.
    near, far = (threads((960, 960), pitch_px=pitch)[..., None] * GREY for pitch in (24.0, 12.0))
    assert slopes(read_relief(near, "periodic")).std() == pytest.approx(
        slopes(read_relief(far, "periodic")).std(), rel=0.25
    )


@pytest.mark.parametrize(("kind", "most"), [("periodic", 0.26), ("stochastic", 0.10), ("plain", 0.06)])
def test_no_relief_is_steeper_than_cloth(kind, most):
    noise = np.random.default_rng(3).uniform(0.02, 0.9, (300, 300)).astype(np.float32)
    for light in (noise, threads((300, 300))):
        height = read_relief(light[..., None] * GREY, kind)
        dx, dy = np.diff(height, axis=1), np.diff(height, axis=0)
        assert np.sqrt((dx**2).mean() + (dy**2).mean()) <= most


def test_cloth_without_contrast_has_no_relief_and_black_is_no_number_less():
    for value in (0.0, 0.3, 1.0):
        assert np.abs(read_relief(np.full((200, 200, 3), value, np.float32), "plain")).max() < 1e-3


def test_a_sheet_states_its_height_in_millimetres():
    flat, even = pictured(threads()[..., None] * GREY, px_per_mm=PX_PER_MM)
    sheet = read_sheet(even, flat, LATTICE)
    finer = read_sheet(even, replace(flat, px_per_mm=2 * PX_PER_MM), LATTICE)
    np.testing.assert_allclose(finer.height, sheet.height / 2, rtol=1e-5)
    assert np.ptp(sheet.height) < 0.6  # no cloth of 20 threads a centimetre is thicker
    assert sheet.roughness.min() > 0.7
    assert sheet.roughness.max() < 0.9
    deep, high = np.quantile(sheet.height, [0.1, 0.9])
    rough = sheet.roughness
    assert rough[sheet.height < deep].mean() > rough[sheet.height > high].mean()  # what is rubbed is smoother


def test_where_no_size_is_known_threads_are_those_of_a_worsted():
    flat, _ = pictured(threads(pitch_px=8.0)[..., None] * GREY)
    assert grain_px(flat.linear) == pytest.approx(4.0, rel=0.35)  # half a pitch
    assert relief_px_per_mm(flat) == pytest.approx(8.0 / 0.42, rel=0.35)
    assert relief_px_per_mm(replace(flat, px_per_mm=3.0)) == 3.0


def test_the_relief_of_woven_cloth_leans_as_it_does():
    _, even, true, _ = lay(draft(warp="k", weft="k"), px_per_mm=24.0, wh=(600, 600), blur_px=0.5, light=0.0)
    found = read_relief(even.linear, "periodic")
    (dx, dy), (tx, ty) = gradient(found), gradient(cv2.GaussianBlur(true.height, (0, 0), 1.0))
    agree = [np.corrcoef(a[9:-9, 9:-9].ravel(), b[9:-9, 9:-9].ravel())[0, 1] for a, b in ((dx, tx), (dy, ty))]
    assert min(agree) > 0.3


# ---- surface


def field(size: tuple[int, int] = (96, 128)) -> np.ndarray:
    return smooth_noise(np.random.default_rng(6), size, cells=(size[0] // 6, size[1] // 6))


@pytest.mark.parametrize("hw", [(96, 128), (97, 64), (65, 65)])
def test_a_field_is_integrated_from_its_own_slopes(hw):
    whole = field(hw)
    back = integrate(*gradient(whole))
    assert back.dtype == np.float32
    assert abs(float(back.mean())) < 1e-5
    seen = [a - b for a, b in zip(gradient(back), gradient(whole), strict=True)]
    assert max(np.abs(part).max() for part in seen) < 1e-4
    if all(side % 2 for side in hw):  # of even sizes central differences do not see the checkerboard
        np.testing.assert_allclose(back, whole - whole.mean(), atol=1e-4 * np.ptp(whole))


def test_slopes_are_bounded_and_a_jump_is_spread():
    height = np.zeros((128, 128), np.float32)
    height[:, 64:] = 3.0  # mm, at 8 px/mm: a wall
    whole, normal = smooth_relief(height, px_per_mm=(8.0, 8.0))
    assert np.abs(np.diff(whole, axis=1)).max() * 8.0 < 0.7 * 3.0 * 8.0
    assert (normal[..., 2] > 0.25).all()
    calm = field((128, 128)) * np.float32(0.02)
    np.testing.assert_allclose(smooth_relief(calm, px_per_mm=(8.0, 8.0))[0], calm - calm.mean(), atol=2e-3)


def test_normals_are_unit_periodic_and_point_up_the_opengl_way():
    y = np.mgrid[:64, :64][0].astype(np.float32)
    height = np.float32(0.1) * np.sin(2 * np.pi * y / 64)  # rises downwards over the first quarter
    _, normal = smooth_relief(height, px_per_mm=(8.0, 8.0))
    np.testing.assert_allclose(np.linalg.norm(normal, axis=2), 1.0, atol=1e-5)
    assert normal[0, 0, 1] > 0  # it leans up, away from what rises below it
    assert abs(normal[0, 0, 0]) < 1e-4
    _, rolled = smooth_relief(np.roll(height, 20, axis=0), px_per_mm=(8.0, 8.0))
    np.testing.assert_allclose(rolled, np.roll(normal, 20, axis=0), atol=1e-5)
    _, sideways = smooth_relief(np.ascontiguousarray(height.T), px_per_mm=(8.0, 8.0))
    assert sideways[0, 0, 0] < 0  # +X to the right: it leans left, away from what rises there


def test_a_hollow_sees_less_of_the_sky():
    height = np.zeros((128, 128), np.float32)
    height[60:68, 60:68] = -0.4
    sky = ambient_occlusion(height, px_per_mm=(8.0, 8.0))
    assert sky.min() >= 0.0
    assert sky.max() <= 1.0
    assert sky[64, 64] < 0.5
    assert sky[5, 5] > 0.98
    np.testing.assert_allclose(
        ambient_occlusion(np.roll(height, 64, axis=0), px_per_mm=(8.0, 8.0)), np.roll(sky, 64, axis=0), atol=1e-5
    )


def test_a_surface_has_all_its_maps_and_packs_three_of_them():
    surface = finish_surface(tile_of(grainy(128)), px_per_mm=(8.0, 8.0))
    assert surface.albedo.dtype == np.uint8
    assert surface.albedo.shape == (128, 128, 3)
    assert surface.height_mm.shape == surface.roughness.shape == surface.occlusion.shape == (128, 128)
    packed = pack_orm(surface, metalness=0.25)
    assert packed.dtype == np.uint8
    for channel, values in enumerate((surface.occlusion, surface.roughness, np.full((128, 128), 0.25))):
        np.testing.assert_allclose(packed[..., channel] / 255.0, values, atol=0.5 / 255 + 1e-6)


# ---- judge


def test_a_tile_without_a_fault_is_praised_and_nothing_is_said():
    verdict = judged(tile_of(grainy()))
    assert verdict.warnings == ()
    assert verdict.quality > 0.9
    assert verdict.seam_ratio < 1.15
    assert verdict.band_excess < 1.25
    assert verdict.drift_delta_e < 0.01
    assert verdict.repeat_excess < 0.2


def test_a_step_at_the_wrap_is_a_seam():
    torn = tile_of(grainy()[:, :-11].repeat(2, axis=0)[:245])
    assert torn.sheet.albedo.shape[0] == torn.sheet.albedo.shape[1]
    verdict = judged(torn)
    assert verdict.seam_ratio > 1.3
    assert any("edges" in word for word in verdict.warnings)
    assert verdict.quality < judged(tile_of(grainy())).quality - 0.1


def checks(cell: int = 32, cells: int = 8, *, lines: int = 0) -> np.ndarray:
    """A grainy tile with a pale line of 4 px at each cell's start, `lines` pixels further on."""
    albedo = grainy(cell * cells)
    at = (np.arange(cell * cells) - lines) % cell < 4
    albedo[:, at] *= 2.0
    albedo[at] *= 2.0
    return albedo


def test_an_edge_of_the_pattern_at_the_wrap_is_no_seam():
    picture = lightness(checks())
    assert seam_ratio(picture) > 2.0  # as bare steps have it
    assert seam_ratio(picture, cells=(8, 8)) < 1.15
    whole = judged(tile_of(checks(), cells=(8, 8)), lattice=LATTICE)
    assert whole.quality > 0.85
    assert not whole.warnings


def test_half_a_cell_too_few_is_a_seam_in_spite_of_the_pattern():
    cut = lightness(checks())[:, :-14]  # the wrap now lies where the cloth is plain
    assert seam_ratio(np.where(np.arange(cut.shape[1]) < 3, cut + 9.0, cut), cells=(8, 8)) > 1.3


def test_a_single_cell_is_held_to_the_cloth_it_was_cut_from():
    cloth = np.tile(checks(128, 1), (3, 3, 1))
    box = np.array([[128, 128], [256, 128], [256, 256], [128, 256]]) - 0.5
    one = replace(tile_of(checks(128, 1), cells=(1, 1)), box=box, method="seams")
    verdict = judged(one, lattice=LATTICE, source=cloth)
    assert seam_ratio(lightness(one.sheet.albedo)) > 2.0
    assert verdict.seam_ratio < 1.15
    assert verdict.band_excess < 1.25


def test_a_band_of_blurred_cloth_within_the_tile_is_seen():
    albedo = grainy()
    albedo[:, 90:110] = cv2.GaussianBlur(albedo, (0, 0), 3.0)[:, 90:110]
    assert band_excess(lightness(albedo)) > 1.5
    verdict = judged(tile_of(albedo))
    assert any("joint" in word for word in verdict.warnings)
    assert verdict.quality < 0.75


def test_a_joint_within_the_tile_is_seen():
    albedo = grainy()
    albedo[100:104] *= np.array([1.25, 0.8, 1.25, 0.8], np.float32)[:, None, None]
    assert band_excess(lightness(albedo)) > 1.5


def test_bands_are_whole_cells_where_there_are_cells():
    assert band_excess(lightness(checks())) > 2.0  # a line of the pattern fills some bands
    assert band_excess(lightness(checks()), cells=(8, 8)) < 1.15


def test_a_blotch_stands_out():
    y, x = np.mgrid[:256, :256]
    blotch = np.exp(-((x - 90) ** 2 + (y - 120) ** 2) / (2 * 30.0**2)).astype(np.float32)
    spoilt = grainy() * (1 + np.float32(0.4) * blotch)[..., None]
    assert repeat_excess(lightness(spoilt)) > 4 * repeat_excess(lightness(grainy()))
    assert any("stands out" in word for word in judged(tile_of(spoilt)).warnings)


def test_a_tile_of_another_colour_than_the_cloth_has_drifted():
    verdict = judged(tile_of(grainy() * np.array([1.2, 1.0, 0.85], np.float32)), source=grainy())
    assert verdict.drift_delta_e > 4.0
    assert verdict.quality < 0.7


def test_cloth_of_the_same_colour_has_not_drifted_however_large_its_picture():
    cloth = np.repeat(0.3 + 0.02 * np.random.default_rng(0).random((1500, 2000, 1), dtype=np.float32), 3, axis=2)
    assert drift_delta_e(cloth[:500, :500], cloth) < 0.01


def test_a_flat_or_speckled_relief_lowers_the_quality():
    good = judged(tile_of(grainy()))
    level = judged(tile_of(grainy(), height=np.zeros((256, 256), np.float32)))
    assert (level.relief, level.specks) == (0.0, 1.0)
    assert level.quality < good.quality - 0.15
    assert any("relief" in word for word in level.warnings)
    specks = tile_of(grainy())
    specks.sheet.height[100, 50] = 3.0
    spoilt = judged(specks)
    assert spoilt.specks > 6.0 > 2.5 > good.specks
    assert spoilt.quality < good.quality - 0.15
    assert any("specks" in word for word in spoilt.warnings)


BURNT = np.zeros((256, 256), bool)
BURNT[:40] = True


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"blur_px": 2.5}, "blurred"),
        ({"clipped": BURNT}, "burnt out"),
        ({"white": "camera"}, "white paper"),
        ({"scale": None}, "true size"),
        ({"light": 3.0}, "falls off"),
        ({"sure": 0.6}, "corners are uncertain"),
        ({"outline": "frame"}, "no edge"),
        ({"lattice": replace(LATTICE, repeats=(2.0, 8.0))}, "fewer than 3 repeats"),
        ({"lattice": replace(LATTICE, confidence=0.3)}, "repeat is uncertain"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_fault_is_told_in_words_and_nothing_else(changes, word):
    verdict = judged(tile_of(grainy()), **changes)
    assert len(verdict.warnings) == 1
    assert word in verdict.warnings[0]


@pytest.mark.parametrize(
    ("worse", "bad"), [({"blur_px": 1.5}, {"blur_px": 2.5}), ({"sure": 0.7}, {"sure": 0.3})], ids=["blur", "corners"]
)
def test_the_quality_falls_as_things_get_worse(worse, bad):
    qualities = [judged(tile_of(grainy()), **changes).quality for changes in ({}, worse, bad)]
    assert qualities[0] > qualities[1] > qualities[2]


def test_given_corners_are_not_doubted():
    corners = np.zeros((4, 2), np.float32)
    assert judged(tile_of(grainy()), outline="frame", given=Given(corners=corners)).warnings == ()


def test_blur_is_measured_on_the_picture():
    noise = np.random.default_rng(7).uniform(0.0, 1.0, (200, 200)).astype(np.float32)
    blurs = [measure_blur(cv2.GaussianBlur(noise, (0, 0), sigma)) for sigma in (1.0, 2.0, 4.0)]
    colours = np.repeat(noise[..., None] + np.float32(0.5), 3, axis=2)
    estimates = [estimate_blur_px(cv2.GaussianBlur(colours, (0, 0), sigma)) for sigma in (1.0, 2.0, 4.0)]
    assert estimates == sorted(estimates)
    assert estimates[2] > 2.0 * estimates[0]
    assert blurs == sorted(blurs)
    assert blurs[1] == pytest.approx(2.0, rel=0.5)
    flat = Flat(np.zeros((4, 4, 3), np.float32), np.eye(3), None, np.zeros((4, 4), bool), 0.5)
    assert [sharpness(replace(flat, sharpness_px=px)) for px in (0.5, 2.6, 9.0)] == [1.0, 0.0, 0.0]


def test_the_size_of_a_tile_does_not_change_its_verdict():
    small, large = (judged(tile_of(grainy(size, cells=340))) for size in (1024, 2048))
    assert large.band_excess == pytest.approx(small.band_excess, abs=0.1)
    assert large.quality == pytest.approx(small.quality, abs=0.1)
