from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from garment.body import read_body
from garment.build import Build
from garment.compose import Lamp, compose
from garment.drape import drape
from garment.garment import Garment
from garment.layer import Layer, LayerPart
from garment.light import Light, estimate_light, field, settle
from garment.matting import contrast, refine
from garment.occlusion import bring_forward, cut_mattes, guess_front, no_front
from garment.pyramid import Pyramid
from garment.quality import cloth_delta_e, coverage, face_change, outside_change, uncovered
from tests.figures import HW, box_jacket, classes, figure, frame_of, silhouette
from utils import pose as at
from utils.colour import delta_e00, srgb_to_lab
from utils.pose import Pose

CROSSED = {"left_elbow": (0.1, 0.8), "left_wrist": (-0.7, 0.6), "right_elbow": (-0.1, 0.8), "right_wrist": (0.4, 1.3)}
NEUTRAL = Light(toward=(0.0, 0.0, 1.0))


def dressed(pose: Pose, *, light: Light = NEUTRAL, garment: Garment | None = None):
    body = read_body(pose)
    assert body is not None
    frame = frame_of(pose)
    layer = drape(Pyramid(garment or box_jacket()), body, hw=HW, build=Build()).layer
    front = bring_forward(cut_mattes(classes(pose), pose, body), pose, frame)
    composite = compose(frame, layer, front=front, light=light, body=body, person=silhouette(pose))
    return frame, body, layer, front, composite


def test_outside_the_garment_and_its_shadow_the_picture_is_the_frame() -> None:
    frame, _, _, _, composite = dressed(figure(**CROSSED), light=Light())
    assert composite.touched.mean() < 0.5
    assert (composite.image == frame)[~composite.touched].all()
    assert outside_change(frame, composite) == 0
    assert coverage(composite) > 0.1


def test_no_shadow_falls_on_the_wall() -> None:
    pose = figure()
    frame, _, _, _, composite = dressed(pose)
    wall = (silhouette(pose) == 0) & (composite.alpha == 0)
    assert (composite.image == frame)[wall].all()


def test_the_face_is_not_touched() -> None:
    pose = figure()
    frame, _, _, _, composite = dressed(pose)
    parts = classes(pose)
    assert face_change(frame, composite, parts.face) == 0
    changed = np.abs(composite.image.astype(int) - frame).max(2)
    assert changed[parts.hair > 0.5].max() == 0


def test_no_collar_and_no_shadow_touches_a_face_that_the_picture_does_not_tell_from_the_shirt() -> None:
    pose = figure()
    body = read_body(pose)
    assert body is not None
    parts = classes(pose)
    # As a network has it: soft at the rim and never quite sure.
    soft = replace(parts, face=0.9 * cv2.GaussianBlur(parts.face, (0, 0), 2.5))
    frame = np.where(parts.clothes[..., None] > 0.5, np.uint8((210, 165, 140)), frame_of(pose, noise=3.0))
    bowed = replace(body, neck_sides={side: xy - (0, 45) for side, xy in body.neck_sides.items()})
    layer = drape(Pyramid(box_jacket()), bowed, hw=HW, build=Build()).layer
    front = bring_forward(cut_mattes(soft, pose, body), pose, frame)
    face = soft.face > 0.5
    over = layer.alpha() > 0.9
    assert (face & over).sum() > 300
    composite = compose(frame, layer, front=front, light=NEUTRAL, body=body, person=silhouette(pose))
    assert (composite.image == frame)[face].all()
    assert (composite.image != frame)[over & (parts.clothes > 0.5)].any(axis=-1).mean() > 0.95


def test_a_hand_before_the_chest_stays_in_front() -> None:
    pose = figure(**CROSSED)
    frame, body, layer, _, composite = dressed(pose)
    tip = np.round(pose.xy[at.LEFT_INDEX]).astype(int)
    assert layer.alpha()[tip[1], tip[0]] > 0.9  # the torso is there
    assert np.abs(composite.image[tip[1], tip[0]].astype(int) - frame[tip[1], tip[0]]).max() <= 3
    bare = compose(frame, layer, front=no_front(HW), light=NEUTRAL, body=body, person=None)
    assert np.abs(bare.image[tip[1], tip[0]].astype(int) - frame[tip[1], tip[0]]).max() > 40


@pytest.mark.parametrize(("seen", "shown"), [(1.0, 1.0), (0.85, 1.0), (0.5, 0.0)])
def test_a_hand_is_before_the_garment_or_it_is_not(seen: float, shown: float) -> None:
    pose = figure(**CROSSED)
    body, parts, frame = read_body(pose), classes(pose), frame_of(pose)
    assert body is not None
    parts = replace(parts, skin=seen * parts.skin)
    hands = bring_forward(cut_mattes(parts, pose, body), pose, frame).hands
    tip = np.round(pose.xy[at.LEFT_INDEX]).astype(int)
    assert hands[tip[1], tip[0]] == pytest.approx(shown, abs=0.05)


def test_the_cameras_grain_does_not_eat_a_hands_rim_before_a_shirt_of_nearly_its_colour() -> None:
    pose = figure(**CROSSED)
    body, parts = read_body(pose), classes(pose)
    assert body is not None
    frame = np.full((*HW, 3), (196, 158, 128), np.float32)
    frame[parts.skin > 0.5] = (202, 162, 134)
    mattes = cut_mattes(parts, pose, body)
    grain = np.random.default_rng(5).normal(0.0, 3.0, frame.shape)
    clean, grainy = (
        bring_forward(mattes, pose, np.clip(picture + 0.5, 0, 255).astype(np.uint8)).hands
        for picture in (frame, frame + grain)
    )
    rim = (clean > 0.02) & (clean < 0.98)
    assert rim.sum() > 100
    assert np.abs(grainy - clean)[rim].mean() < 0.09
    speckle = np.abs(cv2.Laplacian(grainy, cv2.CV_32F)).sum()
    assert speckle < 2.0 * np.abs(cv2.Laplacian(clean, cv2.CV_32F)).sum()


def test_mattes_are_carried_along_with_head_and_hand() -> None:
    before = figure(**CROSSED)
    moved = replace(before, xy=before.xy + np.float32((23, -11)))
    body = read_body(before)
    assert body is not None
    frame = frame_of(moved)
    front = bring_forward(cut_mattes(classes(before), before, body), moved, frame)
    truth = classes(moved)
    head = np.maximum(truth.hair, truth.face) > 0.5
    assert (front.head[head] > 0.5).mean() > 0.97
    assert (front.head[~head] > 0.5).mean() < 0.003
    x, y = np.round(moved.xy[at.LEFT_INDEX]).astype(int)
    assert front.hands[y, x] > 0.8


def test_without_a_parsing_head_and_hands_are_guessed() -> None:
    pose = figure(**CROSSED)
    front = guess_front(pose, silhouette(pose), frame_of(pose))
    face = classes(pose).face > 0.5
    assert (front.head[face] > 0.5).mean() > 0.95
    x, y = np.round(pose.xy[at.LEFT_INDEX]).astype(int)
    assert front.hands[y, x] > 0.5
    assert (front.head > 0.5).mean() < 0.1


def test_in_neutral_light_the_cloth_keeps_its_colour() -> None:
    _, _, layer, _, composite = dressed(figure())
    assert cloth_delta_e(layer, composite) == pytest.approx(0, abs=1.0)
    solid = composite.alpha == 255
    lab = np.median(srgb_to_lab(composite.image[solid]), axis=0)
    assert delta_e00(lab, srgb_to_lab(np.array([40, 52, 92], np.uint8))) <= 3


@pytest.mark.parametrize("gain", [0.75, 1.0, 1.08])
def test_exposure_changes_lightness_and_not_hue(gain: float) -> None:
    _, _, _, _, composite = dressed(figure(), light=replace(NEUTRAL, gain=gain))
    lab = np.median(srgb_to_lab(composite.image[composite.alpha == 255]), axis=0)
    true = srgb_to_lab(np.array([40, 52, 92], np.uint8))
    hue, true_hue = np.arctan2(lab[2], lab[1]), np.arctan2(true[2], true[1])
    assert hue == pytest.approx(true_hue, abs=0.05)
    assert (lab[0] - true[0]) * (gain - 1.0) >= 0 or abs(lab[0] - true[0]) < 0.6


def test_a_surface_that_turns_from_the_light_is_darker() -> None:
    rgba = np.full((4, 3, 4), 200, np.uint8)
    relief = np.full((4, 3, 4), 255, np.uint8)
    for column, (x, z) in enumerate(((-0.7, 0.7), (0.0, 1.0), (0.7, 0.7))):
        relief[:, column, :3] = (128 + 127 * x, 128, 128 + 127 * z)
    body = read_body(figure())
    assert body is not None
    lamp = Lamp(Light(toward=(-0.6, 0.0, 0.8)), body, hw=HW)
    lit = lamp.shade(LayerPart("torso", (300, 300), rgba, relief))
    assert lit[0, 0, 0] > lit[0, 1, 0] > lit[0, 2, 0]
    relief[..., 3] = 90
    dark = lamp.shade(LayerPart("torso", (300, 300), rgba, relief))
    assert (dark < lit).all()


def test_light_from_one_side_is_found_and_a_printed_shirt_is_not_taken_for_one() -> None:
    pose = figure()
    body = read_body(pose)
    assert body is not None
    cloth = classes(pose).clothes
    frame = frame_of(pose).astype(np.float32)
    ramp = np.linspace(1.3, 0.7, HW[1], dtype=np.float32)[None, :, None]
    lit = estimate_light(np.clip(frame * ramp, 0, 255).astype(np.uint8), cloth, body)
    assert lit.slope[0] < -0.05
    assert lit.toward[0] < Light().toward[0]
    even = estimate_light(frame.astype(np.uint8), cloth, body)
    assert abs(even.slope[0]) < 0.02
    printed = frame.copy()
    printed[230:260, 330:360] = (250, 250, 250)
    assert abs(estimate_light(printed.astype(np.uint8), cloth, body).slope[0]) < 0.05


def test_the_field_is_one_at_the_middle_and_bounded() -> None:
    body = read_body(figure())
    assert body is not None
    x, y = np.round(body.place(np.array([[0.0, 260.0]]))[0]).astype(int)
    values = field(Light(slope=(0.9, -0.9)), body, hw=HW)
    assert values[y, x] == pytest.approx(1, abs=0.02)
    assert values.min() >= 0.6
    assert values.max() <= 1.5


def test_light_settles_instead_of_flickering() -> None:
    before, now = Light(gain=1.0, slope=(0.1, 0.0)), Light(gain=0.8, slope=(-0.1, 0.0))
    mixed = settle(before, now, weight=0.1)
    assert mixed.gain == pytest.approx(0.98)
    assert mixed.slope[0] == pytest.approx(0.08)
    assert np.linalg.norm(mixed.toward) == pytest.approx(1)
    assert settle(None, now, weight=0.1) == now


def test_uncovered_counts_old_clothes_that_still_show() -> None:
    pose = figure()
    _, body, _, _, composite = dressed(pose)
    cloth = classes(pose).clothes
    assert (uncovered(composite, cloth, body) or 0) < 0.2
    nothing = replace(composite, alpha=np.zeros_like(composite.alpha))
    assert uncovered(nothing, cloth, body) == 1
    assert uncovered(composite, np.zeros_like(cloth), body) is None


def test_a_render_that_is_lit_already_is_shown_as_it_is() -> None:
    frame = frame_of(figure())
    rgba = np.zeros((*HW, 4), np.uint8)
    rgba[200:300, 250:390] = (10, 200, 30, 255)
    layer = Layer(hw=HW, parts=(LayerPart("render", (0, 0), rgba, None),))
    composite = compose(frame, layer, front=no_front(HW), light=Light(), body=None, person=None)
    assert (composite.image[200:300, 250:390] == (10, 200, 30)).all()
    untouched = rgba[..., 3] == 0
    assert (composite.image == frame)[untouched].all()


def test_where_the_halves_of_a_sleeve_are_carried_on_nothing_old_shows_between_them() -> None:
    frame = np.full((*HW, 3), (250, 110, 20), np.uint8)
    upper, fore = (np.zeros((*HW, 4), np.uint8) for _ in range(2))
    upper[...] = (30, 40, 80, 0)
    upper[..., 3] = np.linspace(255, 0, HW[1]).astype(np.uint8)
    fore[..., :3] = (30, 40, 80)
    spread = np.full(HW, 255, np.uint8)
    parts = (LayerPart("upper_left", (0, 0), upper, None), LayerPart("fore_left", (0, 0), fore, None, spread))
    person = np.ones(HW, np.float32)
    layer = Layer(hw=HW, parts=parts)
    composite = compose(frame, layer, front=no_front(HW), light=Light(), body=None, person=person)
    old = (composite.image[..., 0].astype(float) - 30) / (250 - 30)
    assert old[:, HW[1] // 4 :].max() < 0.02
    assert old.max() < 0.08  # a quarter where each half gave way to the other


def test_refining_snaps_a_rough_mask_to_the_edge() -> None:
    guide = np.zeros((80, 80), np.float32)
    guide[:, 40:] = 0.8
    rough = np.zeros_like(guide)
    rough[:, 43:] = 1.0
    for shrink in (1, 2):
        refined = refine(rough, guide, radius_px=8, shrink=shrink)
        assert np.abs(refined[20:60, 41] - 1).max() < 0.45
        assert refined[20:60, 38].max() < 0.25


def test_contrast_finds_the_mixture_of_channels_that_tells_skin_from_shirt() -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    image[:, :40], image[:, 40:] = (200, 150, 120), (190, 210, 70)  # as bright as each other
    image = np.clip(image + np.random.default_rng(0).normal(0, 4, image.shape), 0, 255).astype(np.uint8)
    rough = np.zeros((60, 80), np.float32)
    rough[:, :44] = 1.0
    guide = contrast(image, rough)
    assert guide[:, 5:35].mean() - guide[:, 48:75].mean() > 0.4
    grey = image.mean(2).astype(np.float32) / 255
    by_colour, by_grey = (refine(rough, g, radius_px=6, eps=1e-3, shrink=1)[10:50] for g in (guide, grey))
    assert by_colour[:, 42].mean() < by_grey[:, 42].mean() - 0.05  # the shirt beside the hand
    assert by_colour[:, 36].mean() > 0.85
    assert contrast(image, np.ones((60, 80), np.float32)).shape == (60, 80)  # nothing outside: grey
