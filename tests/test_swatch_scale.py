"""How large the cloth is, and how it is laid flat: things of known size in rendered photos, and known homographies."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from bench.scan_measures import corner_error
from bench.scan_steps import true_outline
from bench.swatches import Rendered, scale_at
from fabric.scanning import scale as scaling
from fabric.scanning.findings import Given, Outline, Scale
from fabric.scanning.outline import frame_corners
from fabric.scanning.rectify import apply, aspect_of, rectify
from fabric.scanning.ruler import Ruler, find_ruler
from fabric.scanning.scale import MARKERS_MM, read_scale
from fabric.scanning.sides import settle
from fabric.scanning.things import CARD_MM, beside, covers, find_things, has_cards_corners, is_card
from tests.swatch_photos import gingham, swatch
from utils.colour import linear_to_srgb8, srgb_to_linear
from utils.errors import InputError

HW = 600, 800
CORNERS = np.array([[150.0, 110.0], [640.0, 90.0], [690.0, 500.0], [110.0, 470.0]])
NOTHING_KNOWN = Scale(None, None, 0.0)


def scale_of(rendered: Rendered, given: Given | None = None, outline: Outline | None = None) -> Scale:
    outline = outline or true_outline(rendered)
    things = beside(find_things(rendered.photo), outline)
    return read_scale(rendered.photo, outline, given or Given(), things=things)


def error_of(scale: Scale, rendered: Rendered) -> float:
    """How far the scale in the cloth's middle is off, as a share."""
    middle = rendered.corners.mean(axis=0)
    return abs(scale_at(scale.to_mm, middle) / scale_at(rendered.to_mm, middle) - 1.0)


def seen(drawing: np.ndarray) -> np.ndarray:
    """As a camera has it: a little blurred, with some noise."""
    noise = np.random.default_rng(8).normal(0.0, 2.0, drawing.shape)
    return np.clip(cv2.GaussianBlur(drawing, (0, 0), 0.7) + noise, 0, 255).astype(np.uint8)


def outlined(corners: np.ndarray = CORNERS) -> Outline:
    return Outline(corners.astype(np.float32), "given", 1.0)


# ---- scale


@pytest.mark.parametrize(
    ("seed", "source", "within"),
    [
        (23, "card", 0.005), (25, "card", 0.005), (22, "card", 0.006), (57, "card", 0.006), (39, "marker", 0.01),
        (33, "ruler", 0.005), (49, "ruler", 0.005),
    ],
)  # fmt: skip
def test_a_thing_of_known_size_gives_the_scale(seed, source, within):
    scale = scale_of(swatch(seed))
    assert scale.source == source
    assert error_of(scale, swatch(seed)) < within
    assert scale.confidence > 0.4


def test_the_scale_does_not_need_the_corners_where_a_marker_lies_in_view():
    photo = swatch(39).photo
    frame = Outline(frame_corners(photo.shape[:2]), "frame", 0.5)
    scale = read_scale(photo, frame, Given(), things=find_things(photo))
    assert scale.source == "marker"
    assert error_of(scale, swatch(39)) < 0.06  # its own perspective is all there is


@pytest.mark.parametrize("make", [lambda: swatch(37), lambda: swatch(32), lambda: swatch(16)],
                         ids=["paper", "nothing", "chart"])  # fmt: skip
def test_a_scale_is_never_invented(make):
    scale = scale_of(make())
    assert (scale.to_mm, scale.source, scale.confidence) == (None, None, 0.0)


def test_a_check_is_no_ruler():
    # The only lines in the photo are those of the cloth, at one period.
    rendered = gingham()
    whole = np.diag([1.0, 1.0, 1.0])
    assert find_ruler(rendered.photo, true_outline(rendered), whole) is None
    stripes = np.full((*HW, 3), 90, np.uint8)
    stripes[240:300, ::8] = 220  # as long as a ruler, as regular, and no fives or tens
    stripes = seen(stripes)
    assert find_ruler(stripes, outlined(np.array([[9, 9], [99, 9], [99, 99], [9, 99]])), whole) is None


METRIC = {5: 30, 10: 40}
INCH = {2: 24, 4: 29, 8: 35, 16: 44}
NO_SWATCH = np.array([[9, 9], [99, 9], [99, 99], [9, 99]])


def drawn_ruler(
    spacing_px: float, longer: dict[int, int], *, shortest_px: int = 20, ground: int = 215, ink: int = 20
) -> np.ndarray:
    """Photo of a ruler, 1000 px of ticks; `longer`: the length in pixels of every so-many-th."""
    photo = np.full((600, 1200, 3), 90, np.uint8)
    photo[400:500, 60:1140] = ground
    for tick in range(int(1000 / spacing_px) + 1):
        length = max([shortest_px] + [px for every, px in longer.items() if tick % every == 0])
        x = round(90 + tick * spacing_px)
        photo[400 : 400 + length, x : x + 2] = ink
    return seen(photo)


@pytest.mark.parametrize(
    ("photo", "px_per_mm"),
    [
        (drawn_ruler(8.5, METRIC), 8.5),
        (drawn_ruler(5.1, METRIC, ground=60, ink=200), 5.1),
        (drawn_ruler(5.0, {2: 20, 10: 30, 20: 40}, shortest_px=13), 10.0),
        (drawn_ruler(9.0, INCH), 9.0 * 16 / 25.4),
    ],
    ids=["millimetres", "steel", "half millimetres", "sixteenths"],
)
def test_a_drawn_ruler_is_read_to_a_thousandth(photo, px_per_mm):
    ruler = find_ruler(photo, outlined(NO_SWATCH), np.eye(3))
    assert ruler is not None
    assert ruler.units_per_mm == pytest.approx(px_per_mm, rel=0.002)
    assert 0.5 <= ruler.confidence <= 0.9


def test_a_ruler_is_trusted_less_where_the_lens_decides_how_long_the_swatch_is(monkeypatch):
    # Seen from straight above any lens shows the same; tilted about one side, only its length tells by how much.
    monkeypatch.setattr(scaling, "find_ruler", lambda *_: Ruler(1.0, 0.9))
    photo = np.zeros((*HW, 3), np.uint8)
    above = outlined(np.array([[300.0, 40.0], [800.0, 40.0], [800.0, 340.0], [300.0, 340.0]]))
    tilted = outlined(np.array([[350.0, 40.0], [750.0, 40.0], [820.0, 340.0], [280.0, 340.0]]))
    sure, unsure = (read_scale(photo, outline, Given()) for outline in (above, tilted))
    assert (sure.source, unsure.source) == ("ruler", "ruler")
    assert sure.confidence > 0.8
    assert 0.2 < unsure.confidence < 0.7


@pytest.mark.parametrize(
    "longer",
    [{}, {7: 40}, {4: 30, 12: 40}, {10: 40}, {2: 24, 4: 28, 8: 32, 16: 36, 32: 44}],
    ids=["alike", "sevenths", "twelfths", "tenths", "thirty-seconds of an inch"],
)
def test_ticks_that_make_no_unit_are_not_read(longer):
    assert find_ruler(drawn_ruler(8.5, longer), outlined(NO_SWATCH), np.eye(3)) is None


def test_a_short_row_of_ticks_is_not_read():
    photo = drawn_ruler(8.5, METRIC)
    photo[:, 270:] = 90  # two centimetres of it are left
    assert find_ruler(photo, outlined(NO_SWATCH), np.eye(3)) is None


def test_the_given_size_wins():
    rendered = swatch(23)
    scale = scale_of(rendered, Given(swatch_mm=(200.0, 150.0)))
    assert (scale.source, scale.confidence, scale.to_mm) == ("given", 1.0, None)
    flat = rectify(rendered.photo, true_outline(rendered), scale, Given(swatch_mm=(200.0, 150.0)))
    h, w = flat.linear.shape[:2]
    assert w / flat.px_per_mm == pytest.approx(200.0, rel=0.005)
    assert h / flat.px_per_mm == pytest.approx(150.0, rel=0.005)


def test_a_marker_says_its_own_size():
    assert {MARKERS_MM[number] for number in range(25)} == {30.0}
    assert {MARKERS_MM[number] for number in range(25, 50)} == {50.0}


# ---- things


def test_a_card_is_told_by_its_round_corners():
    photo = gingham().photo
    cards = [thing for thing in find_things(photo) if is_card(thing, photo.shape[:2])]
    assert cards
    true = gingham().references["card"]
    assert all(np.hypot(*(card.quad.mean(axis=0) - true.mean(axis=0))) < 6.0 for card in cards)


def test_a_card_that_fades_into_the_table_is_found():
    # Its print runs from blue to the table's own grey, but for its lower right corner, which is blue again.
    photo = np.full((*HW, 3), 150, np.uint8)
    sweep = np.linspace(0.0, 1.0, 343)[None, :, None] * np.linspace(1.0, 0.0, 216)[:, None, None] ** 0.2
    card = np.array([60, 90, 190]) + sweep * np.array([90, 60, -40])
    mask = np.zeros((216, 343), np.uint8)
    cv2.rectangle(mask, (13, 13), (329, 202), 1, 27)
    cv2.rectangle(mask, (13, 13), (329, 202), 1, cv2.FILLED)
    photo[150:366, 200:543] = np.where(mask[..., None] > 0, card, 150)
    cards = [thing for thing in find_things(seen(photo)) if is_card(thing, HW)]
    assert cards
    corners = np.array([[200, 150], [542, 150], [542, 365], [200, 365]])
    assert min(corner_error(card.quad, corners) for card in cards) < 0.004


def test_a_sheet_of_paper_is_no_card():
    photo = np.full((*HW, 3), 90, np.uint8)
    cv2.rectangle(photo, (200, 150, 343, 216), (230, 230, 230), cv2.FILLED)  # of a card's size, with sharp corners
    things = find_things(photo)
    assert things
    assert not any(has_cards_corners(thing) for thing in things)
    outline = outlined(np.array([[600.0, 400.0], [760.0, 400.0], [760.0, 560.0], [600.0, 560.0]]))
    assert read_scale(photo, outline, Given(), things=things).source is None


def test_a_thing_covers_what_it_is_and_nothing_else():
    photo = np.full((*HW, 3), 90, np.uint8)
    cv2.rectangle(photo, (200, 150, 343, 216), (230, 230, 230), cv2.FILLED)
    thing = find_things(photo)[0]
    assert corner_error(thing.quad, np.array([[200, 150], [542, 150], [542, 365], [200, 365]])) < 0.004
    assert covers(thing, thing.quad)
    assert not covers(thing, CORNERS)
    assert beside((thing,), outlined(thing.quad)) == ()
    assert beside((thing,), outlined(np.array([[0, 0], [90, 0], [90, 90], [0, 90]]))) == (thing,)


def test_known_sizes():
    assert CARD_MM == (85.60, 53.98)


@pytest.mark.parametrize("off_px", [-2.0, 0.0, 1.5])
@pytest.mark.parametrize(("inside", "outside"), [(20, 235), (235, 20), (150, 90)])
def test_sides_settle_on_the_edge_however_dark_it_is(inside, outside, off_px):
    # Drawn in linear light, eight times as fine, so that the edge lies where it is said to.
    true = CORNERS / 2.0
    fine = np.full((HW[0] * 4, HW[1] * 4), outside, np.uint8)
    cv2.fillConvexPoly(fine, np.rint((true + 0.5) * 8 - 0.5).astype(np.int32), inside)
    light = cv2.GaussianBlur(srgb_to_linear(fine), (0, 0), 8.0)
    photo = cv2.merge([linear_to_srgb8(cv2.resize(light, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA))] * 3)
    rough = true + np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * off_px
    assert np.abs(settle(photo, rough, reach_px=4.0) - true).max() < 0.3


def drawn_at(corners: np.ndarray) -> np.ndarray:
    """float32 (H, W): how much of each pixel a quadrilateral covers."""
    fine = np.zeros((HW[0] * 8, HW[1] * 8), np.uint8)
    cv2.fillConvexPoly(fine, np.rint((corners + 0.5) * 8 - 0.5).astype(np.int32), 255)
    return cv2.resize(fine, HW[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0


@pytest.mark.parametrize("card", [(0.12, 0.24, 0.25), (0.40, 0.30, 0.10)], ids=["as light as its shadow", "lighter"])
def test_a_shadow_is_not_taken_for_the_side(card):
    # The card's shadow lies to the left of it and below, where its outline was read first.
    true = np.array([[200.0, 150.0], [542.0, 160.0], [540.0, 375.0], [196.0, 368.0]])
    cover, shade = (drawn_at(corners) for corners in (true, true + [-5.0, 5.0]))
    light = np.array([0.33, 0.32, 0.30]) * (1.0 - 0.45 * cv2.GaussianBlur(shade, (0, 0), 2.0))[..., None]
    light += cv2.GaussianBlur(cover, (0, 0), 0.7)[..., None] * (np.array(card) - light)
    read = true + np.array([[-5, 0], [0, 0], [0, 5], [-5, 5]])
    assert np.abs(settle(linear_to_srgb8(light), read, reach_px=2.5) - true).max() < 1.0


def test_where_there_is_no_edge_a_side_stays():
    noise = np.random.default_rng(1).integers(100, 140, (*HW, 3), np.uint8)
    assert np.abs(settle(noise, CORNERS, reach_px=2.5) - CORNERS).max() < 0.01


# ---- rectify


def dots(size_mm: tuple[float, float] = (120.0, 90.0)) -> tuple[np.ndarray, np.ndarray]:
    """A photo of a grid of dots in the quadrilateral, and where they lie in mm (N, 2)."""
    w, h = size_mm
    target = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    to_photo = cv2.getPerspectiveTransform(target, CORNERS.astype(np.float32))
    at = np.stack(np.meshgrid(np.arange(10.0, w, 10.0), np.arange(10.0, h, 10.0)), axis=-1).reshape(-1, 2)
    sheet = np.full((1800, 2400, 3), 200, np.uint8)
    for x, y in at:
        cv2.circle(sheet, (round(x * 20), round(y * 20)), 50, (20, 20, 20), cv2.FILLED)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # the sheet's pixels are 1/20 mm, to their middles
    photo = cv2.warpPerspective(sheet, to_photo @ np.diag([0.05, 0.05, 1.0]) @ half, HW[::-1], flags=cv2.INTER_AREA)
    return photo, at


def test_a_known_homography_is_undone():
    photo, at_mm = dots()
    given = Given(swatch_mm=(120.0, 90.0))
    flat = rectify(photo, outlined(), NOTHING_KNOWN, given)
    expected = at_mm * flat.px_per_mm - 0.5
    dark = (flat.linear[..., 1] < 0.15).astype(np.uint8)
    _, _, stats, centres = cv2.connectedComponentsWithStats(dark)
    found = centres[1:][stats[1:, cv2.CC_STAT_AREA] > 30]
    assert len(found) == len(expected)
    nearest = np.linalg.norm(expected[:, None] - found[None], axis=2).min(axis=1)
    assert nearest.max() < 1.0
    corners = apply(flat.from_photo, CORNERS)
    h, w = flat.linear.shape[:2]
    np.testing.assert_allclose(corners, np.array([[0, 0], [w, 0], [w, h], [0, h]]) - 0.5, atol=1.0)


def test_a_plane_in_millimetres_is_laid_upright():
    # The same plane from any origin, turned by any angle: the swatch stands upright in the flat picture.
    photo, _ = dots()
    target = np.array([[0, 0], [120, 0], [120, 90], [0, 90]], np.float32)
    plane = cv2.getPerspectiveTransform(CORNERS.astype(np.float32), target)
    turned = np.array([[0.0, -1.0, 37.0], [1.0, 0.0, -400.0], [0, 0, 1.0]]) @ plane
    straight, other = (rectify(photo, outlined(), Scale(to_mm, "marker", 0.9), Given()) for to_mm in (plane, turned))
    assert straight.px_per_mm == pytest.approx(other.px_per_mm, rel=1e-3)
    assert abs(straight.linear.shape[1] - other.linear.shape[1]) <= 1
    np.testing.assert_allclose(apply(straight.from_photo, CORNERS), apply(other.from_photo, CORNERS), atol=0.6)


@pytest.mark.parametrize("tilt_deg", [0.0, 20.0, 38.0])
@pytest.mark.parametrize("aspect", [0.7, 1.0, 1.6])
def test_the_shape_follows_from_the_perspective(aspect, tilt_deg):
    focal, h, w = 0.78 * 1600, 1200, 1600
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [aspect, 1.0] * 0.5
    turn = np.radians(25.0)
    x, y = (half @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])).T
    tilt = np.radians(tilt_deg)
    depth = 2.2 + y * np.sin(tilt)
    at = np.column_stack([x, y * np.cos(tilt)]) / depth[:, None] * focal + [(w - 1) / 2, (h - 1) / 2]
    assert aspect_of(at, (h, w)) == pytest.approx(aspect, rel=0.02)


def test_the_flat_picture_has_no_more_pixels_than_the_photo_shows():
    photo, _ = dots()
    longest = max(np.hypot(*(CORNERS[k] - CORNERS[k - 1])) for k in range(4))
    wide = rectify(photo, outlined(), NOTHING_KNOWN, Given(swatch_mm=(120.0, 90.0)), long_side_px=8192)
    assert max(wide.linear.shape) <= longest + 1
    small = rectify(photo, outlined(), NOTHING_KNOWN, Given(swatch_mm=(120.0, 90.0)), long_side_px=200)
    assert max(small.linear.shape) == 200


def test_where_nothing_is_known_the_scale_is_not_either():
    photo, _ = dots()
    flat = rectify(photo, outlined(), NOTHING_KNOWN, Given())
    assert flat.px_per_mm is None
    assert flat.linear.dtype == np.float32
    assert flat.clipped.shape == flat.linear.shape[:2]


@pytest.mark.parametrize("times_smaller", [1.2, 1.96, 2.6, 4.1])
def test_the_smaller_picture_lies_where_the_homography_says(times_smaller):
    y, x = np.mgrid[0:600, 0:800]
    spot = np.exp(-((x - 431.3) ** 2 + (y - 290.6) ** 2) / (2 * (5 * times_smaller) ** 2))
    photo = np.repeat(np.rint(250 * spot).astype(np.uint8)[..., None], 3, axis=2)
    corners = np.array([[150, 60], [700, 60], [700, 540], [150, 540]], np.float32)
    given = Outline(corners, "given", 1.0)
    flat = rectify(photo, given, NOTHING_KNOWN, Given(swatch_mm=(55.0, 48.0)), long_side_px=round(550 / times_smaller))
    light = flat.linear[..., 1].astype(np.float64)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    found = np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()
    assert found == pytest.approx(apply(flat.from_photo, np.array([[431.3, 290.6]]))[0], abs=0.03)


@pytest.mark.parametrize("long_side_px", [401, 640, 850])
def test_fine_weave_is_averaged_and_not_turned_into_a_coarse_one(long_side_px):
    fine = np.full((900, 1200, 3), 20, np.uint8)
    fine[:, ::2] = 235
    corners = frame_corners((900, 1200))
    flat = rectify(fine, Outline(corners, "frame", 0.5), NOTHING_KNOWN, Given(), long_side_px=long_side_px)
    assert flat.linear[20:-20, 20:-20, 1].std() < 0.2 * srgb_to_linear(fine)[..., 1].std()


def test_what_is_burnt_out_is_known():
    photo, _ = dots()
    photo[250:350, 300:400] = 255
    flat = rectify(photo, outlined(), NOTHING_KNOWN, Given(swatch_mm=(120.0, 90.0)))
    assert 0.03 < flat.clipped.mean() < 0.08


@pytest.mark.parametrize("size_mm", [(0.0, 90.0), (120.0, 1e9), (float("nan"), 90.0), (-120.0, 90.0), (4.0, 4.0)])
def test_an_impossible_size_is_refused(size_mm):
    with pytest.raises(InputError) as refused:
        rectify(np.zeros((*HW, 3), np.uint8), outlined(), NOTHING_KNOWN, Given(swatch_mm=size_mm))
    assert refused.value.code == "bad_size"


def test_a_swatch_of_a_few_pixels_is_refused():
    tiny = outlined(np.array([[100.0, 100.0], [150.0, 100.0], [150.0, 400.0], [100.0, 400.0]]))
    with pytest.raises(InputError) as refused:
        rectify(np.zeros((*HW, 3), np.uint8), tiny, NOTHING_KNOWN, Given())
    assert refused.value.code == "swatch_too_small"
