from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from garment.body import Body, read_body
from garment.silhouette import Silhouette
from tests.figures import figure, silhouette
from utils.pose import Pose

SOFT = 1.5


def body_of(pose: Pose) -> Body:
    body = read_body(pose)
    assert body is not None
    return body


def seen(pose: Pose) -> np.ndarray:
    return cv2.GaussianBlur(silhouette(pose), (0, 0), SOFT)


def moved(pose: Pose, x: float, y: float) -> Pose:
    return replace(pose, xy=pose.xy + np.float32((x, y)))


def test_the_tremble_of_an_outline_is_taken_out() -> None:
    pose, rng, steady = figure(), np.random.default_rng(0), Silhouette()
    body, found, shown = body_of(pose), [], []
    for _ in range(30):
        mask = seen(moved(pose, *rng.normal(0, 1.0, 2)))
        found.append(mask)
        shown.append(steady.settle(mask, body).copy())
    rim = (seen(pose) > 0.2) & (seen(pose) < 0.8)
    trembles, rests = (np.abs(np.diff(masks[8:], axis=0))[:, rim].mean() for masks in (found, shown))
    assert trembles > 0.1
    assert rests < 0.35 * trembles


def test_it_goes_along_with_who_walks() -> None:
    pose, steady = figure(), Silhouette()
    for step in range(12):
        now = moved(pose, 5 * step, -2 * step)
        shown = steady.settle(seen(now), body_of(now))
        assert np.abs(shown - seen(now)).max() < 1e-3


def test_an_arm_that_is_raised_counts_at_once() -> None:
    hanging, steady = figure(), Silhouette()
    for _ in range(5):
        steady.settle(seen(hanging), body_of(hanging))
    raised = figure(left_elbow=(0.8, 0.1), left_wrist=(1.5, 0.1))
    assert np.abs(steady.settle(seen(raised), body_of(raised)) - seen(raised)).max() < 1e-6


def test_who_leaves_the_picture_or_comes_in_another_size_leaves_no_trace() -> None:
    pose, steady = figure(), Silhouette()
    steady.settle(seen(pose), body_of(pose))
    away = moved(pose, 2000, 0)
    assert np.abs(steady.settle(np.zeros_like(seen(pose)), body_of(away))).max() == 0
    small = np.full((24, 32), 0.5, np.float32)
    shown = steady.settle(small, body_of(pose))
    assert (shown == small).all()
    shown[:] = 0
    assert (small == 0.5).all()
