"""Rendered swatches: what is stated of a photo is what can be measured in it."""

from functools import cache

import cv2
import numpy as np
import pytest

from bench.swatch_bad import BAD
from bench.swatch_camera import through
from bench.swatch_cloth import FAMILIES, cloth_of, lot_of, pattern_lattice, shortest_basis, weave_lattice
from bench.swatch_scene import draw_lamp, light_ratio
from bench.swatch_things import CARD_MM
from bench.swatches import Rendered, render
from fabric.draft import Draft, Yarn
from utils.colour import srgb_to_linear

BLACK, WHITE = Yarn((("#161618", 1.0),), 0.0), Yarn((("#dcdad4", 1.0),), 0.0)


def piece(weave: str, warp: str, weft: str, count: float, **finish) -> Draft:
    """A cloth of black and white yarn."""
    yarns = (("k", BLACK), ("w", WHITE))
    return Draft(weave, yarns, warp, weft, ends_per_cm=count, picks_per_cm=count, seed=3, **finish)


GINGHAM = lot_of("gingham", piece("plain", "12k 12w", "12k 12w", 20.0))
TWILL = lot_of("twill", piece("twill_2_2", "w", "k", 14.0))
RIBBED = lot_of("ribbed", piece("hopsack", "w", "w", 8.0))


@cache
def photo_of(seed: int, cloth: str, reference: str = "none") -> Rendered:
    lots = {"gingham": GINGHAM, "twill": TWILL, "ribbed": RIBBED}
    return render(seed, lot=lots[cloth], reference=reference, close_up=False, hw=(600, 800))


def laid_flat(rendered: Rendered, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Linear picture (H, W, 3) of the swatch, a little inside its edges, and the homography from millimetres to it."""
    w, h = (int(px_per_mm * (side - 10.0)) for side in rendered.size_mm)
    from_mm = np.array([[px_per_mm, 0, -5 * px_per_mm - 0.5], [0, px_per_mm, -5 * px_per_mm - 0.5], [0, 0, 1.0]])
    flat = cv2.warpPerspective(srgb_to_linear(rendered.photo), from_mm @ rendered.to_mm, (w, h), flags=cv2.INTER_LINEAR)
    return flat, from_mm


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def test_a_seed_always_gives_the_same_photo_and_another_another():
    first, again = (render(3, hw=(240, 320)) for _ in range(2))
    assert np.array_equal(first.photo, again.photo)
    assert np.array_equal(first.corners, again.corners)
    assert first.photo.shape == (240, 320, 3)
    assert first.photo.dtype == np.uint8
    assert not np.array_equal(first.photo, render(2, hw=(240, 320)).photo)


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_the_sides_lie_where_the_corners_say(seed):
    rendered = photo_of(seed, "gingham")
    lightness = cv2.cvtColor(rendered.photo, cv2.COLOR_RGB2LAB).astype(np.float32)
    offsets = []
    for start, end in zip(rendered.corners, np.roll(rendered.corners, -1, axis=0), strict=True):
        outward = np.array([end[1] - start[1], start[0] - end[0]]) / np.hypot(*(end - start))
        at = start + np.linspace(0.1, 0.9, 200)[:, None] * (end - start)
        away = np.linspace(-8.0, 8.0, 65)
        rays = (at[:, None] + away[None, :, None] * outward).astype(np.float32)
        profile = cv2.remap(lightness, rays[..., 0], rays[..., 1], cv2.INTER_LINEAR).mean(axis=0)
        offsets.append(away[1:][np.linalg.norm(np.diff(profile, axis=0), axis=1).argmax()])
    # Pinked edges count as the middle of their teeth, and beside the darker sides lies a shadow.
    assert np.median(np.abs(offsets)) < 1.3


def test_the_homography_takes_corners_to_the_swatch_in_millimetres():
    rendered = photo_of(2, "gingham")
    w, h = rendered.size_mm
    assert np.allclose(through(rendered.to_mm, rendered.corners), [[0, 0], [w, 0], [w, h], [0, h]], atol=1e-6)
    a, b = through(np.linalg.inv(rendered.to_mm), np.array([[w / 2 - 0.5, h / 2], [w / 2 + 0.5, h / 2]]))
    c, d = through(np.linalg.inv(rendered.to_mm), np.array([[w / 2, h / 2 - 0.5], [w / 2, h / 2 + 0.5]]))
    area = abs((b - a)[0] * (d - c)[1] - (b - a)[1] * (d - c)[0])
    assert rendered.px_per_mm == pytest.approx(np.sqrt(area), rel=1e-3)


def test_a_card_has_the_size_of_every_bank_card():
    rendered = photo_of(4, "gingham", "card")
    outline = through(rendered.to_mm, rendered.references["card"]).astype(np.float32)
    _, sides, _ = cv2.minAreaRect(outline)
    assert sorted(sides) == pytest.approx(sorted(CARD_MM), abs=0.02)
    assert rendered.white is None


@pytest.mark.parametrize("seed", [4, 6])
def test_a_marker_in_the_photo_is_read_and_has_the_side_its_number_says(seed):
    rendered = render(seed, lot=GINGHAM, reference="marker", hw=(900, 1200))
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50))
    found, ids, _ = detector.detectMarkers(cv2.cvtColor(rendered.photo, cv2.COLOR_RGB2GRAY))
    assert len(found) == 1
    corners = through(rendered.to_mm, found[0].reshape(4, 2).astype(np.float64))
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    assert sides == pytest.approx([30.0 if ids.ravel()[0] < 25 else 50.0] * 4, rel=0.03)


@pytest.mark.parametrize("reference", ["paper", "chart", "marker"])
def test_what_is_said_to_be_white_is_the_same_pale_tone_all_over(reference):
    rendered = photo_of(5, "gingham", reference)
    x0, y0, x1, y1 = np.rint(rendered.white).astype(int)
    patch = rendered.photo[y0 : y1 + 1, x0 : x1 + 1].reshape(-1, 3).astype(float)
    assert patch.mean() > np.percentile(rendered.photo.mean(axis=2), 60)
    assert patch.std(axis=0).max() < 12.0


def test_the_lattice_is_the_one_that_the_photo_repeats_by():
    rendered = photo_of(3, "gingham")
    flat, _ = laid_flat(rendered, 5.0)
    for vector in rendered.lattice_mm:
        assert np.hypot(*vector) == pytest.approx(12.0, rel=1e-6)
        alike = []
        for share in (1.0, 0.5):
            move = np.float32([[1, 0, *(-5.0 * share * vector)[:1]], [0, 1, *(-5.0 * share * vector)[1:]]])
            moved = cv2.warpAffine(flat, move, flat.shape[1::-1])
            rows, columns = (slice(70, side - 70) for side in flat.shape[:2])
            alike.append(likeness(moved[rows, columns].mean(axis=2), flat[rows, columns].mean(axis=2)))
        assert alike[0] > 0.85
        assert alike[1] < 0.3


def test_the_true_albedo_lies_on_the_cloth_in_the_photo():
    rendered = photo_of(3, "gingham")
    flat, from_mm = laid_flat(rendered, 4.0)
    true = rendered.flat_albedo(from_mm, flat.shape[:2])
    assert likeness(true.mean(axis=2), flat.mean(axis=2)) > 0.9
    assert likeness(np.roll(true, 12, axis=1).mean(axis=2), flat.mean(axis=2)) < 0.8


def test_the_true_normals_explain_where_the_cloth_catches_the_light():
    rendered = photo_of(8, "ribbed")
    flat, from_mm = laid_flat(rendered, rendered.px_per_mm)
    albedo = cv2.GaussianBlur(rendered.flat_albedo(from_mm, flat.shape[:2]), (0, 0), 1.0).mean(axis=2)
    normals = rendered.flat_normals(from_mm, flat.shape[:2])
    assert np.allclose(np.linalg.norm(normals, axis=2), 1.0, atol=1e-5)
    shading = flat.mean(axis=2) / albedo
    shading /= cv2.GaussianBlur(shading, (0, 0), 12.0)
    lamp = rendered.lamp.direction()
    assert likeness(normals @ lamp, shading) > 0.35
    assert likeness(normals @ (lamp * (-1, -1, 1)), shading) < 0.0


@pytest.mark.parametrize(
    ("lot", "kinds"),
    [
        (TWILL, {"periodic"}),
        (cloth_of("solid", np.random.default_rng(1)), {"plain"}),
        (cloth_of("boucle", np.random.default_rng(1)), {"stochastic"}),
        (lot_of("fine", piece("twill_2_2", "w", "k", 60.0)), {"plain"}),
    ],
    ids=["twill", "solid", "boucle", "twill too fine to be seen"],
)
def test_the_kind_is_what_can_be_seen(lot, kinds):
    rendered = render(7, lot=lot, reference="none", close_up=False, hw=(480, 640))
    assert rendered.appears.kind in kinds
    assert (rendered.lattice_mm is None) == (kinds != {"periodic"})


def test_stripes_seen_from_too_far_for_their_weave_have_one_period():
    stripes = lot_of("stripe", piece("plain", "30k 10w", "k", 40.0))
    rendered = render(7, lot=stripes, reference="none", close_up=False, hw=(480, 640))
    assert rendered.lattice_mm.shape == (1, 2)
    assert np.hypot(*rendered.lattice_mm[0]) == pytest.approx(10.0, rel=1e-6)


@pytest.mark.parametrize(
    ("draft", "threads"),
    [
        (piece("plain", "k", "w", 20.0), 2),
        (piece("twill_2_2", "k", "w", 20.0), 4),
        (piece("satin_5", "k", "w", 20.0), 5),
        (piece("hopsack", "k", "w", 20.0), 8),
        (piece("twill_2_2", "4k 4w", "4k 4w", 20.0), 64),
        (piece("pin_dot", "k", "w", 50.0), 2250),
    ],
    ids=["plain", "twill", "satin", "hopsack", "houndstooth", "pin dot"],
)
def test_the_smallest_cell_has_as_many_crossings_as_a_weaver_counts(draft, threads):
    assert abs(round(np.linalg.det(pattern_lattice(draft)))) == threads


def test_the_weave_of_a_check_repeats_before_its_colours_do():
    draft = piece("twill_2_2", "4k 4w", "4k 4w", 20.0)
    assert abs(round(np.linalg.det(weave_lattice(draft)))) == 4


def test_a_basis_is_made_as_short_as_it_can_be():
    across, down = shortest_basis(np.array([[10.0, 0.0], [27.0, 4.0]]))
    assert across == pytest.approx([7.0, 4.0])
    assert down == pytest.approx([-3.0, 4.0])


def test_light_never_falls_off_by_more_than_three_to_one():
    corners = np.array([[0.0, 0.0], [200.0, 0.0], [200.0, 160.0], [0.0, 160.0]])
    ratios = [light_ratio(draw_lamp(np.random.default_rng(seed), corners), corners) for seed in range(40)]
    assert max(ratios) <= 3.0
    assert max(ratios) > 2.0
    assert min(ratios) < 1.3


@pytest.mark.parametrize("family", [name for kinds in FAMILIES.values() for name in kinds])
def test_every_family_can_be_drawn_again_and_again(family):
    lots = [cloth_of(family, np.random.default_rng(seed)) for seed in range(6)]
    assert len({lot.draft for lot in lots}) == 6
    assert all(np.abs(np.linalg.det(lot.pattern_mm)) > 0.01 for lot in lots)


def test_bad_photos_are_bad_for_the_reason_they_give():
    photos = {name: make(8, (360, 480)) for name, make in BAD.items()}
    sharp = {name: cv2.Laplacian(photo, cv2.CV_32F).std() for name, photo in photos.items()}
    assert sharp["blurred"] < 0.2 * sharp["folded"]
    assert (photos["overexposed"] >= 254).all(axis=2).mean() > 0.5
    assert (photos["folded"] >= 254).all(axis=2).mean() < 0.01


def test_a_close_up_shows_cloth_though_its_swatch_reaches_behind_the_camera():
    rendered = render(28, lot=GINGHAM, close_up=True, hw=(544, 408))
    box = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * rendered.size_mm
    depth = np.column_stack([box, np.ones(4)]) @ np.linalg.inv(rendered.to_mm)[2]
    assert depth.min() < 0.0 < depth.max()
    assert (rendered.photo.reshape(8, 68, 408, 3).std(axis=(1, 2)).max(axis=1) > 20.0).all()
