from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from garment.body import JOINTS_MM, read_body
from garment.build import Build, Measured, Shape, read_build
from tests.figures import HW, figure, silhouette
from utils import pose as at


def test_a_frontal_figure_is_measured_in_millimetres() -> None:
    body = read_body(figure(shoulders_px=130))
    assert body is not None
    assert body.px_per_mm == pytest.approx(130 / JOINTS_MM, rel=0.02)
    assert body.yaw == 0
    assert body.neck == pytest.approx((320, 190 - 12 * body.px_per_mm), abs=0.6)
    left, right = body.shoulder_points["left"], body.shoulder_points["right"]
    assert left[0] + right[0] == pytest.approx(640, abs=0.1)
    assert left[0] > 320 + 65
    assert left[1] < 190


def test_placing_follows_a_tilted_torso() -> None:
    pose = figure()
    turn = np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]])
    tilted = replace(pose, xy=((pose.xy - (320, 190)) @ turn.T + (320, 190)).astype(np.float32))
    upright, leaning = read_body(pose), read_body(tilted)
    assert upright is not None
    assert leaning is not None
    points = np.array([[0.0, 0.0], [200.0, 150.0], [-200.0, 600.0], [0.0, 640.0]])
    expected = (upright.place(points) - (320, 190)) @ turn.T + (320, 190)
    assert leaning.place(points) == pytest.approx(expected, abs=1.0)


def test_a_turned_torso_is_narrower_and_its_front_moves_to_where_it_turns() -> None:
    straight, turned = read_body(figure()), read_body(figure(turn_depth=0.9))
    assert straight is not None
    assert turned is not None
    assert turned.yaw > 0.2
    front = np.array([[0.0, 200.0]])
    assert turned.place(front)[0, 0] > straight.place(front)[0, 0] + 5
    small = read_body(figure(turn_depth=0.2))
    assert small is not None
    assert small.yaw == 0  # less than the depth estimate is worth


@pytest.mark.parametrize("missing", [at.LEFT_SHOULDER, at.RIGHT_SHOULDER])
def test_without_shoulders_or_from_behind_there_is_no_body(missing: int) -> None:
    pose = figure()
    visibility = pose.visibility.copy()
    visibility[missing] = 0.1
    assert read_body(replace(pose, visibility=visibility)) is None
    mirrored = pose.xy.copy()
    mirrored[:, 0] = 640 - mirrored[:, 0]
    assert read_body(replace(pose, xy=mirrored)) is None


def test_an_arm_that_is_not_seen_hangs_down() -> None:
    pose = figure(left_elbow=(2.0, -1.0), left_wrist=(3.0, -2.0))
    visibility = pose.visibility.copy()
    visibility[[at.LEFT_ELBOW, at.LEFT_WRIST]] = 0.05
    body = read_body(replace(pose, visibility=visibility))
    assert body is not None
    arm = body.arms["left"]
    assert not arm.hand_seen
    assert arm.elbow[1] > arm.joint[1] + 80
    assert arm.wrist[1] > arm.elbow[1] + 70
    assert abs(arm.wrist[0] - arm.joint[0]) < 40
    seen = read_body(pose)
    assert seen is not None
    assert seen.arms["left"].elbow == pytest.approx(pose.xy[at.LEFT_ELBOW])


def test_hips_that_come_and_go_do_not_make_the_jacket_jump() -> None:
    pose = figure()
    pose.xy[[at.LEFT_HIP, at.RIGHT_HIP]] += (14, 9)
    points = np.array([[200.0, 160.0], [0.0, 600.0]])
    placed = []
    for seen in np.linspace(0.2, 0.8, 25):
        visibility = pose.visibility.copy()
        visibility[at.LEFT_HIP] = seen
        body = read_body(replace(pose, visibility=visibility))
        assert body is not None
        placed.append(body.place(points))
    steps = np.linalg.norm(np.diff(placed, axis=0), axis=2)
    assert 0 < steps.max() < 2.5


def test_scaling_a_body_is_scaling_its_picture() -> None:
    body = read_body(figure())
    assert body is not None
    points = np.array([[0.0, 0.0], [150.0, 300.0]])
    assert body.scaled(2).place(points) == pytest.approx((body.place(points) + 0.5) * 2 - 0.5, abs=0.01)


def test_a_broad_silhouette_widens_the_build_and_a_slim_one_narrows_it() -> None:
    pose = figure(left_elbow=(0.75, 0.3), left_wrist=(1.4, 0.5), right_elbow=(-0.75, 0.3), right_wrist=(-1.4, 0.5))
    body = read_body(pose)
    assert body is not None
    mask = silhouette(pose)
    normal = read_build(mask, body)
    xs = np.arange(HW[1])
    stretched = mask[:, np.clip(np.round(320 + (xs - 320) / 1.3), 0, HW[1] - 1).astype(int)]
    broad = read_build(stretched, body)
    assert normal.waist is not None
    assert broad.waist is not None
    assert broad.waist > normal.waist * 1.12
    shape = Shape(chest=212.0, waist=190.0, hem=212.0, sleeves=54.0)
    point = np.array([[100.0, 380.0]])
    assert Build().widen(point, shape)[0, 0] == pytest.approx(100)
    assert Build().settled(broad, weight=1.0).widen(point, shape)[0, 0] > 100
    assert Build(waist=209.0).widen(point, shape)[0, 0] == pytest.approx(110)
    assert Build(sleeves=59.4).breadth(shape) == pytest.approx((1.1, 1.1))
    at_armhole, outside = Build(sleeves=300.0).breadth(shape)
    assert at_armhole < 1.3 < outside < 1.7


def test_hanging_arms_are_not_taken_for_the_trunk() -> None:
    pose = figure(left_elbow=(0.05, 0.75), left_wrist=(0.02, 1.4), right_elbow=(-0.05, 0.75), right_wrist=(-0.02, 1.4))
    body = read_body(pose)
    assert body is not None
    measured = read_build(silhouette(pose), body)
    assert measured.chest is None or measured.waist is not None
    assert Build().settled(measured, weight=1.0).chest < 1.25 * Build().chest


def test_settling_moves_part_of_the_way_and_keeps_what_is_not_seen() -> None:
    settled = Build(waist=200.0, hem=220.0).settled(Measured(waist=240.0), weight=0.25)
    assert settled.waist == pytest.approx(210)
    assert settled.hem == 220
    assert settled.chest == Build().chest
