"""Shoulders are drawn with a known corner: a line that falls from the neck, and an arm that hangs from its end. Necks
are drawn upright and as broad as asked."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from garment.body import NECK_HALF_MM, SHOULDER_OUT_MM, SHOULDER_UP_MM, Body, read_body
from garment.build import Build, Measured, read_build
from garment.drape import drape
from garment.dressing import Dresser, Sight
from garment.outline import find_corner, find_neck
from garment.pyramid import Pyramid
from tests.figures import HW, box_jacket, classes, figure, frame_of
from utils import pose as at
from utils.pose import Pose

_FALL, _SPLAY = np.radians(20.0), np.radians(8.0)


def body_of(pose: Pose) -> Body:
    body = read_body(pose)
    assert body is not None
    return body


def sloping(
    body: Body, corner_mm: tuple[float, float], *, splay: float = _SPLAY, round_mm: float = 12.0, bow_mm: float = 0.0
) -> np.ndarray:
    """float32 (H, W): a silhouette whose shoulders turn into arms so far outwards of and above the joints.
    Their line is bowed up by so much half-way to where a collar leaves the neck."""
    outline = []
    for side in ("left", "right"):
        axes, joint = body.shoulder_axes(side), body.arms[side].joint
        corner = np.array(corner_mm)
        neck = corner + 130.0 * np.array([-np.cos(_FALL), np.sin(_FALL)])
        hand = corner + 600.0 * np.array([np.sin(splay), -np.cos(splay)])
        collar = (body.neck_sides[side] - joint) @ np.linalg.inv(axes) if bow_mm else neck
        along = np.linspace(0.0, 1.0, 9 if bow_mm else 2)[:, None]
        shoulder = collar + (corner - collar) * along + (0.0, 4.0 * bow_mm) * along * (1.0 - along)
        line = joint + np.vstack([shoulder, hand]) @ axes
        outline += [line] if side == "left" else [line[::-1]]
    mask = np.zeros(HW, np.uint8)
    cv2.fillPoly(mask, [np.round(np.vstack(outline) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), round_mm * body.px_per_mm)


def wavering(mask: np.ndarray, *, px: float, seed: int) -> np.ndarray:
    """The mask with its outline pushed about by some `px`, in waves of a dozen pixels."""
    rng = np.random.default_rng(seed)
    small = rng.normal(0.0, px, (mask.shape[0] // 12, mask.shape[1] // 12, 2)).astype(np.float32)
    dx, dy = cv2.split(cv2.resize(small, mask.shape[::-1], interpolation=cv2.INTER_CUBIC))
    ys, xs = np.mgrid[: mask.shape[0], : mask.shape[1]].astype(np.float32)
    return cv2.remap(mask, xs + dx, ys + dy, cv2.INTER_LINEAR)


@pytest.mark.parametrize("corner_mm", [(30.0, 20.0), (50.0, 30.0), (62.0, 5.0)])
@pytest.mark.parametrize("lean", [-0.15, 0.0, 0.15])
def test_the_corner_is_found_where_the_shoulder_turns_into_the_arm(corner_mm: tuple, lean: float) -> None:
    pose = figure()
    turn = np.array([[np.cos(lean), np.sin(lean)], [-np.sin(lean), np.cos(lean)]])
    body = body_of(replace(pose, xy=((pose.xy - (320, 190)) @ turn + (320, 190)).astype(np.float32)))
    mask = sloping(body, corner_mm)
    for side in ("left", "right"):
        corner = find_corner(mask, body, side)
        assert corner is not None
        assert corner.trust == 1.0
        assert corner.mm == pytest.approx(corner_mm, abs=8.0)
        assert np.hypot(*corner.facing) == pytest.approx(1.0)


def test_an_outline_that_trembles_moves_the_corner_hardly_more_than_itself() -> None:
    body = body_of(figure(shoulders_px=170.0))
    mask = sloping(body, (45.0, 25.0))
    found = [find_corner(wavering(mask, px=0.8, seed=seed), body, "left") for seed in range(12)]
    places = np.array([corner.mm for corner in found if corner is not None]) * body.px_per_mm
    assert len(places) == len(found)
    assert np.hypot(*places.std(axis=0)) < 1.2


@pytest.mark.parametrize("corner_mm", [(90.0, 40.0), (4.0, 2.0)])
def test_what_is_too_far_out_or_in_to_be_a_shoulder_is_not_trusted(corner_mm: tuple) -> None:
    body = body_of(figure())
    corner = find_corner(sloping(body, corner_mm), body, "left")
    assert corner is None or corner.slim * corner.trust == 0.0


def test_sleeves_are_puffed_on_both_arms_or_on_none() -> None:
    body = body_of(figure())
    mask = sloping(body, (30.0, 30.0))
    puffed = mask.copy()
    half = HW[1] // 2
    puffed[:, :half] = sloping(body, (90.0, 40.0))[:, :half]
    slim, bulky = read_build(mask, body), read_build(puffed, body)
    assert slim.trust["out_left"] == 1.0
    assert bulky.trust["out_left"] == 0.0


def raised(degrees: float) -> Body:
    """The left arm so far from hanging, stretched out."""
    elbow = (0.76 * np.sin(np.radians(degrees)), 0.76 * np.cos(np.radians(degrees)))
    return body_of(figure(left_elbow=elbow, left_wrist=(2 * elbow[0], 2 * elbow[1])))


def test_a_raised_arm_that_carries_the_shoulder_on_shows_no_corner() -> None:
    trust = []
    for degrees in (10.0, 35.0, 80.0):
        body = raised(degrees)
        corner = find_corner(sloping(body, (44.0, 22.0), splay=np.radians(degrees)), body, "left")
        assert corner is not None
        trust.append(corner.trust)
    assert trust[0] == 1.0
    assert 0.0 < trust[1] < 1.0
    assert trust[2] == 0.0


def dropping(body: Body, drop_mm: tuple[float, float], *, lean: float = 0.3) -> np.ndarray:
    """float32 (H, W): a raised left arm on to which the level line of a jacket's shoulder drops with its middle so far
    outwards of the joint and above it."""
    axes, joint = body.shoulder_axes("left"), body.arms["left"].joint
    middle = np.array(drop_mm)
    top, foot = middle + (-14.0, 14.0), middle + (14.0, -14.0)
    along = np.array([np.cos(lean), -np.sin(lean)])
    line = np.array([top - (130.0, 0.0), top, foot, foot + 300.0 * along, foot + 300.0 * along - (0.0, 90.0)])
    below = np.array([[-130.0, -300.0]])
    mask = np.zeros(HW, np.uint8)
    cv2.fillPoly(mask, [np.round((joint + np.vstack([line, below]) @ axes) * 16).astype(np.int32)], 255, shift=4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), 6.0 * body.px_per_mm)


@pytest.mark.parametrize("drop_mm", [(15.0, 50.0), (40.0, 40.0), (60.0, 30.0)])
def test_on_a_raised_arm_the_shoulder_ends_where_it_drops(drop_mm: tuple) -> None:
    body = raised(70.0)
    corner = find_corner(dropping(body, drop_mm), body, "left")
    assert corner is not None
    assert corner.trust == 1.0
    assert corner.mm == pytest.approx(drop_mm, abs=9.0)


def test_what_hides_the_outline_is_not_taken_for_it() -> None:
    body = body_of(figure())
    mask = sloping(body, (44.0, 22.0))
    plain = find_corner(mask, body, "left")
    joint, mm = body.arms["left"].joint, body.px_per_mm
    hair = (slice(None, int(joint[1] - 15 * mm)), slice(int(joint[0] - 120 * mm), int(joint[0] + 10 * mm)))
    assert plain is not None
    for hides, matters in ((1.0, True), (np.nan, False)):
        mask[hair] = hides
        hidden = find_corner(mask, body, "left")
        assert hidden is not None
        assert (np.hypot(*(hidden.mm - plain.mm)) > 20.0) == matters
        assert matters or hidden.mm == pytest.approx(plain.mm, abs=2.0)


def test_an_arm_that_points_at_the_camera_is_taken_to_hang() -> None:
    sideways = body_of(figure(left_elbow=(0.05, -0.05), left_wrist=(0.1, 0.1)))
    hanging = body_of(figure(left_elbow=(0.76 * np.sin(_SPLAY), 0.76 * np.cos(_SPLAY))))
    mask = sloping(hanging, (44.0, 22.0))
    foreshortened, plain = find_corner(mask, sideways, "left"), find_corner(mask, hanging, "left")
    assert foreshortened is not None
    assert plain is not None
    assert foreshortened.mm == pytest.approx(plain.mm, abs=1.0)


def test_a_shoulder_out_of_the_frame_says_nothing() -> None:
    body = body_of(figure(centre=(580.0, 190.0)))
    mask = np.ones(HW, np.float32)
    assert find_corner(mask, body, "left") is None
    measured = read_build(mask, body)
    assert (measured.out_left, measured.up_left) == (None, None)


def test_the_jacket_ends_where_the_shoulder_does() -> None:
    body = body_of(figure())
    mask = sloping(body, (30.0, 30.0))
    build = Build().settled(read_build(mask, body), weight=1.0)
    draped = drape(Pyramid(box_jacket()), body, hw=HW, build=build)
    for side in ("left", "right"):
        out_mm, up_mm = build.shoulder_mm(side)
        assert out_mm == pytest.approx(30.0 - SHOULDER_OUT_MM, abs=8.0)
        assert up_mm == pytest.approx(30.0 - SHOULDER_UP_MM, abs=8.0)
        corner = body.arms[side].joint + np.array([30.0, 30.0]) @ body.shoulder_axes(side)
        assert draped.anchors[f"shoulder_{side}"] == pytest.approx(corner, abs=8.0 * body.px_per_mm)


@pytest.mark.parametrize("bow_mm", [-4.0, 4.0, 12.0])
def test_the_shoulder_line_is_bowed_as_the_wearers_is(bow_mm: float) -> None:
    body = body_of(figure(shoulders_px=170.0))
    mask = sloping(body, (SHOULDER_OUT_MM, SHOULDER_UP_MM), bow_mm=bow_mm, round_mm=4.0)
    measured = read_build(mask, body)
    build = Build(bow_left=measured.bow_left, bow_right=measured.bow_right)
    plain, laid = (drape(Pyramid(box_jacket()), body, hw=HW, build=which) for which in (Build(), build))
    for side in ("left", "right"):
        assert build.bow_mm(side) == pytest.approx(bow_mm, abs=6.0)
        assert laid.anchors[f"shoulder_{side}"] == pytest.approx(plain.anchors[f"shoulder_{side}"], abs=0.01)
        middle = (laid.anchors[f"shoulder_{side}"] + laid.anchors[f"collar_{side}"]) / 2
        up = body.shoulder_axes(side)[1]
        torso = next(part for part in laid.layer.parts if part.name == "torso")
        for above_mm, covered in ((build.bow_mm(side) - 6.0, True), (build.bow_mm(side) + 6.0, False)):
            x, y = np.round(middle + above_mm * up).astype(int) - torso.xy
            assert (torso.rgba[y, x, 3] > 128) == covered


def test_arms_that_are_raised_leave_the_shoulders_where_they_were_seen() -> None:
    lowered = body_of(figure())
    build = Build().settled(read_build(sloping(lowered, (30.0, 30.0)), lowered), weight=1.0)
    pose = figure(left_elbow=(0.76, 0.0), left_wrist=(1.4, 0.0))
    pose.xy[at.LEFT_SHOULDER] += (0.5, -0.5)
    raised = body_of(pose)
    after = build.settled(read_build(sloping(raised, (44.0, 40.0), splay=np.pi / 2), raised), weight=1.0)
    assert after.shoulder_mm("left") == pytest.approx(build.shoulder_mm("left"), abs=1e-6)


def with_neck(body: Body, left_mm: float, right_mm: float) -> np.ndarray:
    """A silhouette of a neck between a head and shoulders, each side so far from the neck's middle."""
    mask = sloping(body, (44.0, 22.0))
    left, right = body.neck_sides["left"], body.neck_sides["right"]
    middle, mm = (left + right) / 2, body.px_per_mm
    corners = [(left_mm, 90.0), (left_mm, -60.0), (-right_mm, -60.0), (-right_mm, 90.0)]
    neck = np.array([middle + (x * mm, -y * mm) for x, y in corners])
    cv2.fillPoly(mask, [np.round(neck * 16).astype(np.int32)], 1.0, cv2.LINE_AA, shift=4)
    centre, axes = (float(middle[0]), float(middle[1] - 150.0 * mm)), (80.0 * mm, 110.0 * mm)
    return cv2.ellipse(mask, (centre, (2 * axes[0], 2 * axes[1]), 0.0), 1.0, -1)


@pytest.mark.parametrize(("left_mm", "right_mm"), [(58.0, 58.0), (78.0, 78.0), (62.0, 80.0)])
def test_the_collar_leaves_the_neck_at_its_sides(left_mm: float, right_mm: float) -> None:
    body = body_of(figure(shoulders_px=150.0))
    mask = with_neck(body, left_mm, right_mm)
    neck = find_neck(mask, body)
    assert neck is not None
    assert neck.trust == 1.0
    assert neck.sides_mm == pytest.approx({"left": left_mm, "right": right_mm}, abs=3.0)
    build = Build().settled(read_build(mask, body), weight=1.0)
    draped = drape(Pyramid(box_jacket()), body, hw=HW, build=build)
    middle = (body.neck_sides["left"] + body.neck_sides["right"]) / 2
    for side, mm in (("left", left_mm), ("right", right_mm)):
        away_mm = abs(draped.anchors[f"collar_{side}"][0] - middle[0]) / body.px_per_mm
        assert away_mm == pytest.approx(mm, abs=6.0)


@pytest.mark.parametrize("half_mm", [35.0, 105.0, 200.0])
def test_long_hair_a_hood_or_a_hole_is_no_neck(half_mm: float) -> None:
    body = body_of(figure(shoulders_px=150.0))
    assert find_neck(with_neck(body, half_mm, half_mm), body) is None


def test_a_bowed_head_hides_the_neck() -> None:
    pose = figure()
    pose.xy[:11] += (0.0, 55.0)
    body = body_of(pose)
    assert body.chin_mm < body_of(figure()).chin_mm - 100.0
    assert find_neck(with_neck(body, 66.0, 66.0), body) is None


def test_what_is_half_trusted_counts_half() -> None:
    now = Measured(neck_left=80.0, waist=200.0, trust={"neck_left": 0.5})
    settled = Build(waist=190.0, out_left=10.0).settled(now, weight=0.4)
    assert settled.neck_left == pytest.approx(NECK_HALF_MM + 0.2 * (80.0 - NECK_HALF_MM))
    assert settled.neck_right == NECK_HALF_MM
    assert settled.waist == pytest.approx(194.0)
    assert settled.out_left == 10.0


def test_a_shoulder_point_is_taken_up_sooner_than_a_waist() -> None:
    settled = Build(waist=200.0).settled(Measured(out_left=10.0, waist=210.0), weight=0.3)
    assert settled.out_left == pytest.approx(5.1)
    assert settled.waist == pytest.approx(203.0)
    assert Build().settled(Measured(out_left=10.0), weight=1.0).out_left == 10.0


def test_shoulders_are_read_off_what_is_parsed_and_not_off_hair_or_a_silhouette_that_is_wrong() -> None:
    pose = figure(shoulders_px=150.0)
    body, parts = body_of(pose), classes(pose)
    joint, mm = body.arms["left"].joint, body.px_per_mm
    hair = (slice(None, int(joint[1] - 15 * mm)), slice(int(joint[0] - 90 * mm), int(joint[0] + 10 * mm)))
    clothes, hairy = sloping(body, (30.0, 30.0)), np.zeros(HW, np.float32)
    hairy[hair], clothes[hair] = 1.0, 0.0
    parts = replace(parts, clothes=clothes, hair=hairy)
    wrong = sloping(body, (60.0, 45.0))
    sight = Sight(pose=pose, mask=wrong, classes=lambda: parts, classes_pose=pose)
    dressed = Dresser().dress(frame_of(pose), sight, Pyramid(box_jacket()))
    assert dressed is not None
    assert dressed.drape is not None
    corner = joint + np.array([30.0, 30.0]) @ body.shoulder_axes("left")
    assert dressed.drape.anchors["shoulder_left"] == pytest.approx(corner, abs=7.0 * mm)
