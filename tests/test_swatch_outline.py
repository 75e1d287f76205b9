"""Where a swatch lies in its photo: the true corners of rendered ones, and what a person says of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.scan_measures import corner_error
from bench.swatches import render
from fabric.scanning.edges import Close, follow_sides, straighten, turns
from fabric.scanning.findings import Given
from fabric.scanning.looks import alike, count_colours, describe, evidence_for, explained, is_paper, look_at
from fabric.scanning.outline import check_corners, find_outline, frame_corners
from fabric.scanning.things import find_things
from tests.swatch_photos import gingham, swatch
from utils.errors import InputError

HW = 600, 800
SQUARE = [[100.0, 90.0], [500.0, 100.0], [520.0, 480.0], [90.0, 500.0]]
CARD_PX = 342, 216  # 4 px/mm


def table_with(hw: tuple[int, int] = HW) -> np.ndarray:
    """uint8 (H, W, 3): a grey table with some grain."""
    grain = np.random.default_rng(4).normal(120.0, 3.0, (*hw, 1))
    return np.clip(np.repeat(grain, 3, axis=2), 0, 255).astype(np.uint8)


def cloth_of(hw: tuple[int, int]) -> np.ndarray:
    """uint8 (H, W, 3): blue yarns, some light and some dark."""
    yarns = np.random.default_rng(5).normal(0.0, 22.0, (*hw, 1)) + np.array([40.0, 60.0, 130.0])
    return np.clip(yarns, 0, 255).astype(np.uint8)


def laid(corners: np.ndarray) -> np.ndarray:
    """The table with a quadrilateral of cloth on it."""
    mask = cv2.fillConvexPoly(np.zeros(HW, np.uint8), np.rint(corners).astype(np.int32), 1)[..., None]
    return np.where(mask > 0, cloth_of(HW), table_with())


def card_on_table() -> np.ndarray:
    """A plain table, a bank card with its round corners, and nothing else."""
    photo, (w, h) = table_with(), CARD_PX
    x, y, r = 230, 190, 13
    for box in ((x + r, y, w - 2 * r, h), (x, y + r, w, h - 2 * r)):
        cv2.rectangle(photo, box, (30, 70, 160), cv2.FILLED)
    for centre in ((x + r, y + r), (x + w - r, y + r), (x + r, y + h - r), (x + w - r, y + h - r)):
        cv2.circle(photo, centre, r, (30, 70, 160), cv2.FILLED, cv2.LINE_AA)
    return photo


def marker_on_table() -> np.ndarray:
    photo = table_with()
    photo[170:430, 270:530] = 235
    marker = cv2.aruco.generateImageMarker(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), 7, 180)
    photo[210:390, 310:490] = np.maximum(marker, 20)[..., None]
    return photo


# ---- found


@pytest.mark.parametrize("seed", [5, 10, 23, 32])  # flannel; tweed and a ruler; denim and a card; herringbone on wood
def test_the_corners_are_those_of_the_cloth(seed):
    rendered = swatch(seed)
    outline = find_outline(rendered.photo, Given(), things=find_things(rendered.photo))
    assert outline.source == "found"
    assert corner_error(outline.corners, rendered.corners) < 0.005
    assert outline.confidence > 0.75


@pytest.mark.parametrize("seed", [1, 21, 25, 31, 55, 918])
def test_hard_ones_are_found_too(seed):
    """Dark cloth on a dark table; a ruler of its colour close to it; a card that makes one bright piece with it, twice;
    a highlight on the table that touches it; pale cloth on marble beside a chart."""
    rendered = swatch(seed)
    outline = find_outline(rendered.photo, Given(), things=find_things(rendered.photo))
    assert outline.source == "found"
    assert corner_error(outline.corners, rendered.corners) < 0.007


def test_a_vivid_tartan_is_no_chart_and_a_grey_check_is_not_the_grey_table():
    for seed in (930, 116):
        rendered = swatch(seed)
        outline = find_outline(rendered.photo, Given(), things=find_things(rendered.photo))
        assert corner_error(outline.corners, rendered.corners) < 0.006


def test_a_stripe_of_cloth_that_fills_the_photo_is_no_swatch():
    rendered = swatch(934)
    assert find_outline(rendered.photo, Given(), things=find_things(rendered.photo)).source == "frame"


@pytest.mark.parametrize("side_px", [40, 70])
def test_a_small_swatch_is_seen_at_its_size(side_px):
    """Beside 800 pixels of table it covers less than a hundredth of the photo."""
    x, y = 430, 240
    photo = table_with()
    photo[y : y + side_px, x : x + side_px] = cloth_of((side_px, side_px))
    outline = find_outline(photo, Given())
    assert outline.source == "found"
    true = np.array([[x, y], [x + side_px, y], [x + side_px, y + side_px], [x, y + side_px]])
    assert np.abs(outline.corners - true).max() < 4.0


def test_they_run_clockwise_from_the_top_left():
    corners = find_outline(laid(np.array(SQUARE)), Given()).corners
    assert corners.dtype == np.float32
    assert np.abs(corners - SQUARE).max() < 2.0


def test_a_card_beside_the_cloth_is_not_the_cloth():
    photo = gingham().photo
    outline = find_outline(photo, Given(), things=find_things(photo))
    assert corner_error(outline.corners, gingham().corners) < 0.005


@pytest.mark.parametrize("photo", [card_on_table(), marker_on_table()], ids=["card", "marker"])
def test_a_card_or_a_marker_alone_is_no_cloth(photo):
    assert find_outline(photo, Given()).source == "found"  # where nobody says what it is, it might be a swatch
    assert find_outline(photo, Given(), things=find_things(photo)).source == "frame"


def test_where_all_is_cloth_the_frame_is_its_outline():
    outline = find_outline(cloth_of(HW), Given())
    assert outline.source == "frame"
    assert outline.confidence == 0.5
    np.testing.assert_array_equal(outline.corners, [[0, 0], [799, 0], [799, 599], [0, 599]])


def test_a_close_up_has_no_outline():
    rendered = render(25, close_up=True, hw=(480, 640))
    assert find_outline(rendered.photo, Given(), things=find_things(rendered.photo)).source == "frame"


def test_the_same_photo_has_the_same_corners():
    photo = laid(np.array(SQUARE))
    np.testing.assert_array_equal(find_outline(photo, Given()).corners, find_outline(photo.copy(), Given()).corners)


# ---- given


def test_given_corners_are_taken_as_they_are():
    outline = find_outline(table_with(), Given(corners=np.array(SQUARE)))
    assert (outline.source, outline.confidence) == ("given", 1.0)
    np.testing.assert_allclose(outline.corners, SQUARE)


def test_counter_clockwise_corners_are_turned_round_and_begin_where_they_did():
    corners = check_corners(np.array(SQUARE)[[0, 3, 2, 1]], hw=HW)
    np.testing.assert_allclose(corners, SQUARE)
    np.testing.assert_allclose(check_corners(np.array(SQUARE)[[2, 3, 0, 1]], hw=HW), np.array(SQUARE)[[2, 3, 0, 1]])


def test_the_whole_photo_may_be_given():
    np.testing.assert_array_equal(check_corners(frame_corners(HW), hw=HW), frame_corners(HW))
    pixels_edges = [[-0.5, -0.5], [799.5, -0.5], [799.5, 599.5], [-0.5, 599.5]]
    np.testing.assert_allclose(check_corners(np.array(pixels_edges), hw=HW), pixels_edges)


@pytest.mark.parametrize(
    ("corners", "code"),
    [
        ([[-9.0, 90.0], *SQUARE[1:]], "bad_corners"),
        ([*SQUARE[:2], [520.0, 601.0], SQUARE[3]], "bad_corners"),
        (SQUARE[:3], "bad_corners"),
        ([[0.0, 0.0, 1.0]] * 4, "bad_corners"),
        ([SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]], "bad_corners"),
        ([*SQUARE[:2], [200.0, 200.0], SQUARE[3]], "bad_corners"),
        ([SQUARE[0], SQUARE[0], SQUARE[2], SQUARE[3]], "bad_corners"),
        ([[np.nan, 90.0], *SQUARE[1:]], "bad_corners"),
        ([[np.inf, 90.0], *SQUARE[1:]], "bad_corners"),
        ([[10.0, 10.0], [40.0, 10.0], [40.0, 40.0], [10.0, 40.0]], "swatch_too_small"),
    ],
    ids=["left of it", "below it", "three", "not in the plane", "crossed", "inward", "twice", "nan", "inf", "small"],
)  # fmt: skip
def test_corners_that_make_no_quadrilateral_are_refused(corners, code):
    with pytest.raises(InputError) as refused:
        find_outline(table_with(), Given(corners=np.array(corners)))
    assert refused.value.code == code
    assert refused.value.hint


# ---- looks and edges


def test_cloth_is_told_from_table_by_its_looks():
    look = look_at(laid(np.array(SQUARE)), long_side_px=800)
    at = cv2.fillConvexPoly(np.zeros(HW, np.uint8), np.array(SQUARE).astype(np.int32), 1) > 0
    cloth, table = describe(look, at), describe(look, ~at)
    assert alike(cloth, cloth) == pytest.approx(1.0, abs=1e-4)
    assert alike(cloth, table) < 0.3
    evidence = evidence_for(look, cloth, table)
    assert (evidence[at] > 0).mean() > 0.95
    assert (evidence[~at] < 0).mean() > 0.95
    assert np.abs(evidence).max() <= 4.0


def test_paper_is_bright_smooth_and_grey():
    photo = table_with()
    photo[200:400, 300:500] = 230
    inside = np.zeros(HW, bool)
    inside[210:390, 310:490] = True
    assert is_paper(look_at(photo, long_side_px=800), inside)
    assert not is_paper(look_at(photo, long_side_px=800), ~inside)
    yellow = np.where(inside[..., None], np.array([230, 220, 120], np.uint8), photo)
    assert not is_paper(look_at(yellow, long_side_px=800), inside)


def test_a_chart_has_more_colours_than_cloth():
    everywhere = np.ones(HW, bool)
    patches = np.random.default_rng(1).integers(0, 256, (4, 6, 3), np.uint8)
    chart = cv2.resize(patches, HW[::-1], interpolation=cv2.INTER_NEAREST)
    cloth = count_colours(look_at(cloth_of(HW), long_side_px=800), everywhere)
    assert count_colours(look_at(chart, long_side_px=800), everywhere) > 2 * cloth


@pytest.mark.parametrize("off_px", [-9.0, 6.0])
def test_sides_are_followed_from_a_rough_guess(off_px):
    photo, true = laid(np.array(SQUARE)), np.array(SQUARE)
    rough = true + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * off_px
    corners, agreed = follow_sides(Close.of(photo), rough)
    assert np.abs(corners - true).max() < 1.5
    assert agreed > 0.9


def test_where_there_is_no_edge_none_is_followed():
    photo = cloth_of(HW)
    assert follow_sides(Close.of(photo), np.array(SQUARE)) is None


def test_what_lies_close_by_is_not_taken_for_more_cloth():
    """The same cloth twice, a finger's breadth of table between."""
    photo, true = laid(np.array(SQUARE)), np.array(SQUARE)
    other = np.array([[540.0, 60.0], [700.0, 60.0], [700.0, 520.0], [540.0, 520.0]])
    photo = np.where(cv2.fillConvexPoly(np.zeros(HW, np.uint8), other.astype(np.int32), 1)[..., None] > 0,
                     cloth_of(HW), photo)  # fmt: skip
    rough = true + [[0, 0], [25, 0], [25, 0], [0, 0]]
    corners, _ = follow_sides(Close.of(photo), rough, beside=[other])
    assert np.abs(corners - true).max() < 1.5


@pytest.mark.parametrize("darker", [1.0, 0.12])
def test_dark_cloth_is_followed_on_a_dark_table(darker):
    """Two greys that are a few codes apart in the dark."""
    true = np.array(SQUARE)
    inside = cv2.fillConvexPoly(np.zeros(HW, np.uint8), np.rint(true).astype(np.int32), 1)[..., None] > 0
    stuff = np.where(inside, [74.0, 80.0, 92.0], [110.0, 96.0, 84.0]) * darker
    photo = np.clip(stuff + np.random.default_rng(2).normal(0.0, 1.5, stuff.shape), 0, 255).astype(np.uint8)
    corners, agreed = follow_sides(Close.of(photo), true + [[-8, 5], [9, -7], [6, 8], [-5, -4]])
    assert np.abs(corners - true).max() < 1.5
    assert agreed > 0.9


def test_a_tab_does_not_move_the_side_it_stands_on():
    mask = cv2.fillConvexPoly(np.zeros(HW, np.uint8), np.array(SQUARE, np.int32), 1)
    mask[200:260, 500:545] = 1
    around = np.array([[100.0, 90.0], [560.0, 100.0], [560.0, 480.0], [90.0, 500.0]])
    assert np.abs(straighten(mask > 0, around) - SQUARE).max() < 4.0


def test_a_patterns_part_has_its_like_elsewhere_and_a_card_has_not():
    photo = laid(np.array(SQUARE))
    photo[200:260, 200:300] = 220
    look = look_at(photo, long_side_px=800)
    at = cv2.fillConvexPoly(np.zeros(HW, np.uint8), np.array(SQUARE, np.int32), 1) > 0
    card, patch = np.zeros(HW, bool), np.zeros(HW, bool)
    card[205:255, 205:295] = patch[305:355, 205:295] = True
    assert explained(look, card, at & ~card) < 0.2
    assert explained(look, patch, at & ~patch) > 0.8


def test_a_convex_polygon_turns_one_way():
    sides = np.roll(SQUARE, -1, axis=0) - SQUARE
    assert (turns(sides) > 0).all()
    assert (turns(-sides[::-1]) < 0).all()
