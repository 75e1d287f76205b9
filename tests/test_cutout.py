"""Cutting garments out of photos, on drawings whose silhouette is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from garment.cutout import cut_out
from tests.drawn_garment import Drawn, Sketch, photograph, random_sketch
from utils.errors import InputError

SIZE = 280


def iou(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.minimum(found, true).sum() / np.maximum(found, true).sum())


def at(image: np.ndarray, point: tuple[float, float]) -> float:
    return float(image[round(point[1]), round(point[0])])


def between(drawn: Drawn, first: str, second: str, share: float = 0.5) -> tuple[float, float]:
    a, b = np.array(drawn.points[first]), np.array(drawn.points[second])
    x, y = a + share * (b - a)
    return float(x), float(y)


@pytest.mark.parametrize("seed", range(8))
def test_finds_the_silhouette_on_plain_grounds(seed):
    drawn = photograph(random_sketch(seed), seed=seed, long_side=SIZE)
    cut = cut_out(drawn.rgb)
    assert cut.ground == "plain"
    assert cut.alpha.dtype == np.float32
    assert cut.alpha.shape == drawn.rgb.shape[:2]
    assert iou(cut.alpha, drawn.alpha) > 0.93


def test_edges_stay_where_they_are_when_the_photo_is_large():
    drawn = photograph(Sketch(cloth="checks"), long_side=1000)
    cut = cut_out(drawn.rgb)
    assert iou(cut.alpha, drawn.alpha) > 0.98


def test_a_shadow_beside_the_garment_is_not_garment():
    drawn = photograph(Sketch(shadow=True, sleeves_deg=(30, 30)), long_side=SIZE)
    cut = cut_out(drawn.rgb)
    beside = cv2.dilate(drawn.alpha, np.ones((21, 21))) - cv2.dilate(drawn.alpha, np.ones((5, 5)))
    assert float((cut.alpha * beside).sum() / beside.sum()) < 0.02


def test_a_smooth_grey_garment_on_grey_is_not_taken_for_a_shadow():
    drawn = photograph(Sketch(cloth_rgb=(150, 149, 147), ground_rgb=(225, 224, 222)), long_side=SIZE)
    assert iou(cut_out(drawn.rgb).alpha, drawn.alpha) > 0.93


def test_the_gap_between_sleeve_and_body_is_ground():
    drawn = photograph(Sketch(sleeves_deg=(16, 16), shadow=True), long_side=SIZE)
    gap = between(drawn, "sleeve_left.elbow_inner", "torso.waist_left")
    assert at(drawn.alpha, gap) == 0
    assert at(cut_out(drawn.rgb).alpha, gap) < 0.1


def test_lining_of_the_grounds_own_colour_is_garment():
    sketch = Sketch(lining_rgb=(222, 219, 214), ground_rgb=(222, 219, 214))
    drawn = photograph(sketch, long_side=2 * SIZE)
    assert at(cut_out(drawn.rgb).alpha, drawn.points["torso.neck"]) == 1


def test_light_checks_on_a_light_ground_leave_no_holes():
    sketch = Sketch(cloth="checks", cloth_rgb=(40, 40, 44), ground_rgb=(72, 72, 76), noise=1.0)
    drawn = photograph(sketch, long_side=SIZE)
    assert iou(cut_out(drawn.rgb).alpha, drawn.alpha) > 0.93


def test_a_hanger_is_cut_off():
    drawn = photograph(Sketch(hanger=True), long_side=SIZE)
    cut = cut_out(drawn.rgb)
    top = int(np.flatnonzero((drawn.alpha > 0.5).any(1))[0])
    assert cut.alpha[: top - 4].max() < 0.5
    assert iou(cut.alpha, drawn.alpha) > 0.93


def test_an_own_alpha_channel_wins():
    drawn = photograph(Sketch(), long_side=SIZE)
    rgba = np.dstack([np.full_like(drawn.rgb, 127), np.round(drawn.alpha * 255).astype(np.uint8)])
    cut = cut_out(rgba)
    assert iou(cut.alpha, drawn.alpha) > 0.99
    assert cut.confidence > 0.9


def test_an_alpha_channel_that_says_nothing_is_ignored():
    drawn = photograph(Sketch(), long_side=SIZE)
    opaque = np.dstack([drawn.rgb, np.full(drawn.rgb.shape[:2], 255, np.uint8)])
    np.testing.assert_array_equal(cut_out(opaque).alpha, cut_out(drawn.rgb).alpha)


@pytest.mark.parametrize("seed", range(3))
def test_clutter_is_cut_as_well_as_may_be_and_said_to_be_doubtful(seed):
    sketch = Sketch(ground="cluttered", cloth_rgb=(150, 40, 52), sleeves_deg=(8, 8))
    drawn = photograph(sketch, seed=seed, long_side=SIZE)
    cut = cut_out(drawn.rgb)
    assert cut.ground == "cluttered"
    assert cut.confidence < 0.65
    assert "not plain" in cut.warnings[0]
    assert iou(cut.alpha, drawn.alpha) > 0.6


def test_confidence_falls_with_contrast():
    clear = cut_out(photograph(Sketch(), long_side=SIZE).rgb).confidence
    faint = cut_out(photograph(Sketch(cloth_rgb=(210, 208, 206)), long_side=SIZE).rgb)
    assert clear > 0.85
    assert faint.confidence < 0.5
    assert "hardly stands out" in faint.warnings[0]


def test_touching_the_edge_of_the_picture_is_told():
    drawn = photograph(Sketch(), long_side=SIZE)
    assert not cut_out(drawn.rgb).warnings
    bottom = int(np.flatnonzero((drawn.alpha > 0.5).any(1))[-1])
    cut = cut_out(drawn.rgb[: bottom - 12])
    assert any("edge of the picture" in text for text in cut.warnings)


def test_the_same_photo_is_cut_the_same_way():
    rgb = photograph(random_sketch(5), seed=5, long_side=SIZE).rgb
    np.testing.assert_array_equal(cut_out(rgb).alpha, cut_out(rgb).alpha)


def _nothing() -> np.ndarray:
    return np.full((240, 200, 3), 210, np.uint8)


def _all_cloth() -> np.ndarray:
    stripes = np.where(np.arange(200) % 9 < 4, 60, 120).astype(np.uint8)
    return np.broadcast_to(stripes[None, :, None], (240, 200, 3)).copy()


def _a_crumb() -> np.ndarray:
    picture = _nothing()
    cv2.circle(picture, (100, 120), 7, (30, 30, 60), -1)
    return picture


def _own_alpha_of_a_crumb() -> np.ndarray:
    alpha = np.zeros((240, 200), np.uint8)
    alpha[100:110, 90:100] = 255
    alpha[0, :170] = 255
    alpha[:, 0] = 255
    return np.dstack([_nothing(), alpha])


@pytest.mark.parametrize("draw", [_nothing, _all_cloth, _a_crumb, _own_alpha_of_a_crumb])
def test_what_shows_no_garment_is_refused(draw):
    with pytest.raises(InputError) as refused:
        cut_out(draw())
    assert refused.value.code == "no_garment"
    assert refused.value.hint is not None
