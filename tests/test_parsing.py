"""Telling hair, skin and clothes apart; and finding the way from the crop back to the frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from models.parsing import CATEGORIES, SIDE, Parser, Parsing, crop
from utils.errors import ConfigError, DeviceError

HW = (480, 640)


def dotted(col: int, row: int, box: tuple[float, float, float, float], category: str = "hair") -> Parsing:
    """A parsing that saw one category in one of its cells, and background in all others."""
    soft = np.zeros((len(CATEGORIES), SIDE, SIDE), np.float32)
    soft[0] = 1.0
    soft[CATEGORIES.index(category), row, col] = 1.0
    soft[0, row, col] = 0.0
    return Parsing(soft, box, HW)


def centre(mask: np.ndarray) -> tuple[float, float]:
    """The mask's centre of gravity (x, y), with pixel centres at whole numbers."""
    rows, cols = np.mgrid[: mask.shape[0], : mask.shape[1]]
    return (mask * cols).sum() / mask.sum(), (mask * rows).sum() / mask.sum()


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union."""
    return float(np.minimum(one, other).sum() / np.maximum(one, other).sum())


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((300, 100, 400, 260), (270, 100, 430, 260)),  # a square around it
        ((0, 200, 40, 400), (0, 200, 200, 400)),  # moved in from the left
        ((600, 300, 700, 500), (440, 280, 640, 480)),  # moved in from the lower right
        ((-50, -50, 650, 650), (0, 0, 640, 480)),  # cut off where nothing fits
        ((320, 240, 322, 242), (305, 225, 337, 257)),  # never smaller than 32
    ],
)
def test_the_square_lies_in_the_frame(box, inside):
    piece = crop(np.zeros((*HW, 3), np.uint8), box=box)
    assert piece.box_xyxy == inside
    assert (piece.rgb.shape, piece.hw) == ((SIDE, SIDE, 3), HW)


def test_the_crop_shows_what_was_in_the_box():
    frame = np.zeros((*HW, 3), np.uint8)
    frame[100:260, 270:430] = (10, 200, 90)
    assert (crop(frame, box=(300, 100, 400, 260)).rgb == (10, 200, 90)).all()


@pytest.mark.parametrize(("box", "cell"), [((100, 50, 356, 306), (40, 60)), ((64, 0, 576, 480), (100, 7))])
def test_a_cell_comes_back_to_its_place(box, cell):
    x, y = centre(dotted(*cell, box).mask("hair"))
    wide, high = (box[2] - box[0]) / SIDE, (box[3] - box[1]) / SIDE
    assert x == pytest.approx(box[0] + (cell[0] + 0.5) * wide - 0.5, abs=0.05)
    assert y == pytest.approx(box[1] + (cell[1] + 0.5) * high - 0.5, abs=0.05)


def test_another_size_shows_the_same_picture():
    parsing = dotted(100, 150, (64, 0, 576, 480))
    x, y = centre(parsing.mask("hair"))
    large_x, large_y = centre(parsing.mask("hair", hw=(960, 1280)))
    assert (large_x + 0.5, large_y + 0.5) == pytest.approx((2 * x + 1, 2 * y + 1), abs=0.1)


def test_what_was_parsed_is_carried_along():
    parsing = dotted(100, 150, (64, 0, 576, 480))
    x, y = centre(parsing.mask("hair"))
    onward = np.array([[0.0, -1.0, 500.0], [1.0, 0.0, 20.0]])  # a quarter turn and a shift
    assert centre(parsing.mask("hair", carry=onward)) == pytest.approx((500 - y, 20 + x), abs=0.1)


def test_outside_the_crop_is_background():
    parsing = dotted(0, 0, (100, 50, 356, 306))
    background = parsing.mask("background")
    assert background[10, 10] == background[470, 630] == 1.0
    assert parsing.mask("hair")[10, 10] == 0.0
    assert background[200, 200] == 1.0
    assert parsing.mask("hair", "clothes")[50, 100] == parsing.mask("hair")[50, 100] > 0.5


@pytest.fixture(scope="module")
def parsed(parser, astronaut) -> Parsing:
    return parser.parse(astronaut)


@pytest.mark.weights
def test_knows_hair_face_suit_and_sky(parsed):
    assert parsed.categories.shape == (SIDE, SIDE)
    named = {name: parsed.mask(name) for name in CATEGORIES}
    for name, row, col in (
        ("hair", 40, 220),
        ("face_skin", 130, 215),
        ("clothes", 350, 200),
        ("background", 60, 400),
        ("background", 250, 505),
    ):
        assert named[name][row, col] > 0.8, (name, row, col)
    np.testing.assert_allclose(sum(named.values()), 1.0, atol=1e-3)
    assert named["hair"].dtype == np.float32


@pytest.mark.weights
def test_somebody_far_away_is_seen_better_through_the_box(parser, parsed, astronaut):
    frame = np.full((1080, 1920, 3), (150, 160, 170), np.uint8)
    small = cv2.resize(astronaut, (240, 240), interpolation=cv2.INTER_AREA)
    frame[500:740, 1200:1440] = small
    near = parser.parse(frame, box=(1200, 500, 1440, 740))
    assert near.box_xyxy == (1200, 500, 1440, 740)
    assert near.hw == (1080, 1920)
    far = parser.parse(frame)
    for names in (("hair",), ("face_skin",), ("clothes",)):
        truth = cv2.resize(parsed.mask(*names), (240, 240), interpolation=cv2.INTER_AREA)
        through_box, whole = (p.mask(*names)[500:740, 1200:1440] for p in (near, far))
        assert overlap(through_box, truth) > 0.9
        assert overlap(through_box, truth) > overlap(whole, truth)


@pytest.mark.weights
def test_does_not_remember(parser, parsed, astronaut):
    parser.parse(np.full((64, 64, 3), 128, np.uint8))
    np.testing.assert_array_equal(parser.parse(astronaut).soft, parsed.soft)


@pytest.mark.weights
def test_a_closed_parser_says_so(weights_dir, astronaut):
    parser = Parser(weights_dir / "selfie_multiclass_256x256.tflite")
    parser.close()
    parser.close()
    with pytest.raises(DeviceError) as caught:
        parser.parse(astronaut)
    assert caught.value.code == "parsing_failed"


def test_weights_that_are_none_are_the_operators_business(tmp_path):
    (tmp_path / "bad.tflite").write_bytes(b"not a model")
    for name in ("bad.tflite", "missing.tflite"):
        with pytest.raises(ConfigError) as caught:
            Parser(tmp_path / name)
        assert caught.value.code == "weights_unusable"
