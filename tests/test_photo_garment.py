"""From a photo to pieces: anchors where they were drawn, pieces that keep the contract of garment/garment.py."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest

from garment.cutout import cut_out
from garment.garment import SLEEVE_ANCHORS, TORSO_ANCHORS, Garment
from garment.landmarks import ANCHORS, Landmarks, find_landmarks, merge_corrections
from garment.photo import make_garment
from garment.photos.outline import quarter_turns
from tests.drawn_garment import Drawn, Sketch, photograph, random_sketch
from utils.errors import InputError

SIZE = 360
CORNERS = ("shoulder", "hem", "cuff_outer", "collar")
GUESSED = ("waist", "armpit", "elbow", "elbow_inner", "cuff_inner")  # where a sleeve lies on the body


def errors(found: Landmarks, drawn: Drawn) -> dict[str, float]:
    """Distance from the truth per anchor, in shoulder widths."""
    return {
        name: float(np.hypot(*np.subtract(found.points[name], true))) / drawn.width_px
        for name, true in drawn.points.items()
    }


def spread_out(seed: int) -> Sketch:
    """Sleeves that lie apart from the body, as they do in a flat-lay."""
    rng = np.random.default_rng(seed + 1000)
    spread = float(rng.uniform(16, 75))
    sleeves = (spread + float(rng.uniform(-6, 6)), spread + float(rng.uniform(-6, 6)))
    return replace(random_sketch(seed), sleeves_deg=sleeves)


def hanging(seed: int) -> Sketch:
    """Sleeves that lie against the body, as they do on a hanger."""
    rng = np.random.default_rng(seed + 2000)
    return replace(
        random_sketch(seed), sleeves_deg=tuple(rng.uniform(4, 9, 2)), turn_deg=float(rng.uniform(-5, 5)), length=1.7
    )


@lru_cache(maxsize=12)
def jacket(vee: float = 0.75, sleeves_deg: float = 24.0, cloth: str = "plain", long_side: int = 520) -> Drawn:
    sketch = Sketch(vee=vee, sleeves_deg=(sleeves_deg, sleeves_deg), cloth=cloth, noise=1.0)
    return photograph(sketch, long_side=long_side)


@lru_cache(maxsize=16)
def made_from(drawn: Drawn) -> Garment:
    return make_garment(drawn.rgb, drawn.alpha, truth(drawn), id="drawn")


def truth(drawn: Drawn) -> Landmarks:
    return Landmarks(drawn.points, dict.fromkeys(drawn.points, 1.0))


def lab_of(rgb: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(np.atleast_3d(rgb).astype(np.float32) / 255, cv2.COLOR_RGB2Lab)


@pytest.mark.parametrize("seed", range(30))
def test_anchors_of_spread_garments_lie_where_they_were_drawn(seed):
    drawn = photograph(spread_out(seed), seed=seed, long_side=SIZE)
    found = errors(find_landmarks(drawn.alpha, drawn.rgb), drawn)
    assert np.mean([*found.values()]) < 0.045
    assert max(value for name, value in found.items() if "waist" not in name) < 0.13
    assert max(value for name, value in found.items() if "waist" in name) < 0.35  # a straight flank has no waist


@pytest.mark.parametrize("seed", range(12))
def test_corners_of_hanging_garments_lie_where_they_were_drawn(seed):
    drawn = photograph(hanging(seed), seed=seed, long_side=SIZE)
    landmarks = find_landmarks(drawn.alpha, drawn.rgb)
    found = errors(landmarks, drawn)
    assert max(value for name, value in found.items() if name.split(".")[1].startswith(CORNERS)) < 0.16
    assert np.mean([*found.values()]) < 0.09


@pytest.mark.parametrize("seed", range(6))
def test_anchors_survive_the_cut_out(seed):
    drawn = photograph(spread_out(seed + 50), seed=seed, long_side=SIZE)
    found = errors(find_landmarks(cut_out(drawn.rgb).alpha, drawn.rgb), drawn)
    assert np.mean([*found.values()]) < 0.055


def test_all_anchors_are_named_and_trusted_between_nothing_and_everything():
    drawn = jacket()
    landmarks = find_landmarks(drawn.alpha, drawn.rgb)
    assert set(landmarks.points) == set(landmarks.confidence) == set(ANCHORS)
    assert all(0 < trust < 1 for trust in landmarks.confidence.values())


def test_what_is_hidden_is_trusted_less_than_what_is_seen():
    seen, hidden = jacket(sleeves_deg=30.0), jacket(sleeves_deg=3.0)
    clear = find_landmarks(seen.alpha, seen.rgb).confidence
    guess = find_landmarks(hidden.alpha, hidden.rgb).confidence
    for name in ("torso.armpit_left", "torso.waist_right", "sleeve_left.elbow_inner"):
        assert guess[name] < clear[name] - 0.1
    assert guess["torso.shoulder_left"] > guess["torso.armpit_left"]


def test_left_is_the_wearers_left():
    points = find_landmarks(jacket().alpha, jacket().rgb).points
    assert points["torso.shoulder_left"][0] > points["torso.shoulder_right"][0]
    assert points["sleeve_left.cuff"][0] > points["sleeve_right.cuff"][0]


def test_a_sleeve_that_is_not_there_has_no_anchors():
    drawn = photograph(Sketch(sleeves_deg=None), long_side=SIZE)
    landmarks = find_landmarks(drawn.alpha, drawn.rgb)
    assert not [name for name in landmarks.points if name.startswith("sleeve")]
    garment = make_garment(drawn.rgb, drawn.alpha, landmarks, id="waistcoat")
    assert set(garment.pieces) == {"back", "torso"}


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("seed", [1, 2, 7])
def test_a_photo_on_its_side_is_seen_to_be(seed, turns):
    mask = (photograph(spread_out(seed), seed=seed, long_side=240).alpha > 0.5).astype(np.uint8)
    assert quarter_turns(np.ascontiguousarray(np.rot90(mask, turns))) == -turns % 4


@pytest.mark.parametrize("shape", ["bust", "pole", "triangle"])
def test_what_has_not_the_shape_of_a_garment_is_refused(shape):
    alpha = np.zeros((300, 300), np.float32)
    if shape == "bust":
        cv2.ellipse(alpha, (150, 80), (40, 50), 0, 0, 360, 1.0, -1)
        alpha[120:180, 130:170] = 1.0
        cv2.ellipse(alpha, (150, 290), (130, 140), 0, 180, 360, 1.0, -1)
    elif shape == "pole":
        alpha[20:280, 130:170] = 1.0
    else:
        cv2.fillPoly(alpha, [np.array([[150, 30], [280, 280], [20, 280]])], 1.0)
    with pytest.raises(InputError) as refused:
        find_landmarks(alpha, np.zeros((300, 300, 3), np.uint8))
    assert refused.value.code == "no_garment"


@pytest.mark.parametrize("sleeves_deg", [4.0, 24.0, 60.0])
def test_pieces_keep_the_contract(sleeves_deg):
    drawn = jacket(sleeves_deg=sleeves_deg)
    garment = made_from(drawn)
    assert set(garment.pieces) == {"back", "torso", "sleeve_left", "sleeve_right"}
    assert garment.px_per_mm == pytest.approx(drawn.width_px / 460, rel=0.02)
    for name, piece in garment.pieces.items():
        h, w = piece.albedo.shape[:2]
        assert piece.name == name
        assert piece.albedo.dtype == piece.relief.dtype == np.uint8
        assert piece.albedo.shape == piece.relief.shape == (h, w, 4)
        border = np.ones((h, w), bool)
        border[1:-1, 1:-1] = False
        assert piece.albedo[border, 3].max() == 0
        assert set(piece.anchors) == set(SLEEVE_ANCHORS if name.startswith("sleeve") else TORSO_ANCHORS)
        length = np.linalg.norm((piece.relief[..., :3].astype(float) - 128) / 127, axis=-1)
        assert np.abs(length - 1).max() < 0.03
    known = {"torso.neck", "torso.hem_left", "sleeve_left.elbow", "sleeve_right.cuff"}
    assert known <= set(garment.confidence)
    assert not [name for name in garment.confidence if "cuff_" in name]


def test_torso_and_back_lie_on_one_canvas():
    pieces = made_from(jacket()).pieces
    torso, back = pieces["torso"].anchors, pieces["back"].anchors
    shift = np.subtract(torso["neck"], back["neck"])
    for name in TORSO_ANCHORS:
        np.testing.assert_allclose(np.subtract(torso[name], back[name]), shift, atol=1e-6)


def test_the_torso_stands_upright_whatever_the_photo_did():
    drawn = photograph(Sketch(turn_deg=11.0), long_side=640)
    anchors = made_from(drawn).pieces["torso"].anchors
    across = np.subtract(anchors["shoulder_left"], anchors["shoulder_right"])
    down = np.subtract(anchors["hem_centre"], anchors["neck"])
    assert abs(np.degrees(np.arctan2(across[1], across[0]))) < 0.5
    assert abs(np.degrees(np.arctan2(down[0], down[1]))) < 0.5


@pytest.mark.parametrize("sleeves_deg", [10.0, 35.0, 70.0])
def test_sleeves_hang_straight_down_at_their_own_length(sleeves_deg):
    drawn = jacket(sleeves_deg=sleeves_deg)
    garment = made_from(drawn)
    for side in ("left", "right"):
        piece = garment.pieces[f"sleeve_{side}"]
        shoulder, elbow, cuff = (np.array(piece.anchors[name]) for name in SLEEVE_ANCHORS)
        assert shoulder[0] == elbow[0] == cuff[0]
        true = [np.array(drawn.points[f"sleeve_{side}.{name}"]) for name in ("elbow", "cuff")]
        assert cuff[1] - elbow[1] == pytest.approx(float(np.hypot(*(true[1] - true[0]))), rel=0.02)
        forearm = piece.albedo[round(elbow[1]) : round(cuff[1]) - 3, :, 3] > 128
        middle = (forearm.argmax(1) + forearm.shape[1] - 1 - forearm[:, ::-1].argmax(1)) / 2
        assert np.abs(middle - elbow[0]).max() < 0.05 * drawn.width_px


def test_the_left_sleeve_is_made_from_the_right_of_the_photo():
    drawn = jacket()
    rgb = drawn.rgb.copy()
    x, y = (round(v) for v in drawn.points["sleeve_left.elbow"])
    cv2.circle(rgb, (x, y), 9, (255, 255, 0), -1)
    pieces = make_garment(rgb, drawn.alpha, truth(drawn), id="marked").pieces
    yellow = {side: _is_yellow(pieces[f"sleeve_{side}"].albedo).sum() for side in ("left", "right")}
    assert yellow["left"] > 100
    assert yellow["right"] == 0
    ys, xs = np.nonzero(_is_yellow(pieces["sleeve_left"].albedo))
    np.testing.assert_allclose((xs.mean(), ys.mean()), pieces["sleeve_left"].anchors["elbow"], atol=6)


def _is_yellow(rgba: np.ndarray) -> np.ndarray:
    return (rgba[..., 0] > 180) & (rgba[..., 1] > 180) & (rgba[..., 2] < 90)


def test_sleeve_and_torso_overlap_at_the_armhole_and_the_sleeve_fades():
    drawn = jacket()
    strip = made_from(drawn).pieces["sleeve_left"]
    x, y = strip.anchors["shoulder"]
    row = strip.albedo[round(y + 0.2 * drawn.width_px), :, 3].astype(int)
    inner = row[: round(x)]
    first = int(np.flatnonzero(inner > 0)[0])
    rise = np.diff(row[first - 1 : first + round(0.05 * drawn.width_px)])
    assert rise.max() < 60
    assert x - first > 0.15 * drawn.width_px


def test_what_a_sleeve_hid_of_the_torso_is_filled_with_cloth():
    drawn = jacket(sleeves_deg=2.0, cloth="plain")
    torso = made_from(drawn).pieces["torso"]
    neck = np.array(torso.anchors["neck"])
    y = round(neck[1] + 0.75 * drawn.width_px)
    solid = np.flatnonzero(torso.albedo[y, :, 3] > 200)
    for edge in (neck[0] - solid[0], solid[-1] - neck[0]):
        assert edge > 0.4 * drawn.width_px
    patch = torso.albedo[y - 5 : y + 5, solid[0] + 4 : solid[0] + 20, :3]
    cloth = np.median(lab_of(patch), axis=(0, 1))
    expected = lab_of(np.full((1, 1, 3), (52, 62, 92), np.uint8))[0, 0]
    assert np.linalg.norm(cloth - expected) < 8


def test_a_narrow_torso_is_let_out_to_cover_its_wearer():
    drawn = photograph(Sketch(jitter={"waist": -4.0, "hem": -3.0}, noise=1.0), long_side=520)
    garment = made_from(drawn)
    torso, mm = garment.pieces["torso"], garment.px_per_mm
    for name, least_mm in (("armpit", 200), ("waist", 178), ("hem", 190)):
        left, right = torso.anchors[f"{name}_left"], torso.anchors[f"{name}_right"]
        assert (left[0] - right[0]) / 2 / mm > least_mm
        row = np.flatnonzero(torso.albedo[round(left[1]) - 6, :, 3] > 128)
        assert row[-1] == pytest.approx(left[0], abs=8)
    shoulders = np.subtract(torso.anchors["shoulder_left"], torso.anchors["shoulder_right"])
    assert shoulders[0] / mm == pytest.approx(460, abs=6)


@pytest.mark.parametrize("cloth", ["plain", "stripes"])
def test_the_cloth_keeps_its_colour(cloth):
    drawn = jacket(cloth=cloth)
    torso = made_from(drawn).pieces["torso"].albedo
    x0, y0 = (round(v) for v in drawn.points["torso.waist_right"])
    x1 = round(drawn.points["torso.waist_left"][0])
    seen = lab_of(drawn.rgb[y0 - 40 : y0 + 80, x0 + 20 : x1 - 20]).mean((0, 1))
    made = lab_of(torso[..., :3])[torso[..., 3] > 250].mean(0)
    assert np.linalg.norm(made - seen) < 4


def test_the_photos_own_light_is_evened_out():
    drawn = jacket(long_side=480)
    ramp = np.linspace(0.62, 1.25, drawn.rgb.shape[1])[None, :, None]
    lit = np.clip(drawn.rgb * ramp, 0, 255).astype(np.uint8)

    def unevenness(rgb: np.ndarray) -> float:
        lightness = lab_of(rgb)[..., 0]
        width = lightness.shape[1]
        return abs(float(lightness[:, : width // 4].mean() - lightness[:, -width // 4 :].mean()))

    y = round(drawn.points["torso.waist_left"][1])
    x0, x1 = (round(drawn.points[f"torso.waist_{side}"][0]) for side in ("right", "left"))
    before = unevenness(lit[y : y + 60, x0 + 8 : x1 - 8])
    torso = make_garment(lit, drawn.alpha, truth(drawn), id="lit").pieces["torso"]
    y = round(torso.anchors["waist_left"][1])
    x0, x1 = (round(torso.anchors[f"waist_{side}"][0]) for side in ("right", "left"))
    after = unevenness(torso.albedo[y : y + 60, x0 + 8 : x1 - 8, :3])
    assert after < 0.65 * before


def test_colour_is_bled_so_that_no_ground_shows_at_the_edge():
    drawn = jacket(sleeves_deg=35.0)
    ground, cloth = (lab_of(np.full((1, 1, 3), c, np.uint8))[0, 0] for c in ((222, 219, 214), (52, 62, 92)))
    for name in ("torso", "sleeve_left", "sleeve_right"):
        rgba = made_from(drawn).pieces[name].albedo
        solid = (rgba[..., 3] > 250).astype(np.uint8)
        rim = (cv2.dilate(solid, np.ones((5, 5), np.uint8)) > 0) & (solid == 0)
        lab = lab_of(rgba[..., :3])[rim]
        nearer_ground = np.linalg.norm(lab - ground, axis=1) < np.linalg.norm(lab - cloth, axis=1)
        assert nearer_ground.mean() < 0.01


def test_the_neck_is_open_where_lining_shows():
    drawn = jacket(vee=0.75)
    garment = made_from(drawn)
    torso = garment.pieces["torso"]
    x, y = torso.anchors["neck"]
    assert not garment.closed_front
    for down in (0.0, 0.15, 0.3):
        assert torso.albedo[round(y + down * drawn.width_px), round(x), 3] == 0
    assert torso.albedo[round(y + 0.75 * drawn.width_px), round(x), 3] > 250


def test_lining_is_not_drawn_over_the_wearers_chest():
    garment = made_from(jacket(vee=0.75))
    back = garment.pieces["back"]
    _, y = back.anchors["neck"]
    below = back.albedo[round(y + 20 * garment.px_per_mm) :, :, 3]
    assert back.albedo[: round(y - 25 * garment.px_per_mm), :, 3].max() > 200
    assert not below.size or below.max() == 0


def test_a_closed_front_stays_closed_and_the_neck_still_comes_out():
    drawn = photograph(Sketch(lining_rgb=(52, 62, 92), noise=1.0), long_side=640)
    garment = made_from(drawn)
    torso = garment.pieces["torso"]
    x, y = torso.anchors["neck"]
    assert garment.closed_front
    assert torso.albedo[round(y + 0.1 * drawn.width_px), round(x), 3] > 250
    assert torso.albedo[round(torso.anchors["collar_left"][1]), round(x), 3] == 0


def test_corrections_replace_anchors_and_are_trusted():
    drawn = jacket()
    found = find_landmarks(drawn.alpha, drawn.rgb)
    hw = drawn.rgb.shape[:2]
    corrected = merge_corrections(found, {"torso.waist_left": [300, 250.5]}, hw=hw)
    assert corrected.points["torso.waist_left"] == (300.0, 250.5)
    assert corrected.confidence["torso.waist_left"] == 1.0
    assert corrected.points["torso.neck"] == found.points["torso.neck"]
    assert found.confidence["torso.waist_left"] < 1.0


def test_corrected_shoulders_change_the_scale():
    drawn = jacket()
    x, y = drawn.points["torso.shoulder_left"]
    wider = merge_corrections(truth(drawn), {"torso.shoulder_left": [x + 20, y]}, hw=drawn.rgb.shape[:2])
    before = made_from(drawn).px_per_mm
    after = make_garment(drawn.rgb, drawn.alpha, wider, id="wider").px_per_mm
    assert after == pytest.approx(before * (drawn.width_px + 20) / drawn.width_px, rel=0.01)


@pytest.mark.parametrize(
    ("corrections", "told"),
    [
        ({"torso.nose": [10, 10]}, "not an anchor"),
        ({"torso.neck": [float("nan"), 10]}, "torso.neck"),
        ({"torso.neck": [10, float("inf")]}, "torso.neck"),
        ({"torso.neck": [10]}, "torso.neck"),
        ({"torso.neck": ["10", 10]}, "torso.neck"),
        ({"torso.neck": None}, "torso.neck"),
        ({"torso.neck": [-1, 10]}, "torso.neck"),
        ({"torso.hem_left": [100, 100_000]}, "torso.hem_left"),
        ({"sleeve_left.cuff": [5, 300]}, "sleeve_left.cuff"),
        ({"torso.shoulder_right": [500, 150]}, "torso.shoulder_right"),
    ],
)
def test_bad_corrections_are_refused_by_name(corrections, told):
    drawn = jacket()
    with pytest.raises(InputError) as refused:
        merge_corrections(truth(drawn), corrections, hw=drawn.rgb.shape[:2])
    assert refused.value.code == "bad_anchors"
    assert told in refused.value.message


def test_a_refused_name_is_not_repeated():
    with pytest.raises(InputError) as refused:
        merge_corrections(truth(jacket()), {"<script>": [1, 1]}, hw=(600, 600))
    assert "script" not in refused.value.message + (refused.value.hint or "")


@pytest.mark.parametrize("seed", range(4))
def test_any_corrections_still_make_a_garment(seed):
    drawn = jacket(long_side=320)
    rng = np.random.default_rng(seed)
    hw = drawn.rgb.shape[:2]
    moved = {
        name: [float(np.clip(v + rng.normal(0, 25), 1, limit - 1)) for v, limit in zip(xy, hw[::-1], strict=True)]
        for name, xy in drawn.points.items()
    }
    wild = Landmarks({name: (xy[0], xy[1]) for name, xy in moved.items()}, dict.fromkeys(moved, 1.0))
    garment = make_garment(drawn.rgb, drawn.alpha, wild, id="wild")
    assert garment.pieces["torso"].albedo[..., 3].any()
