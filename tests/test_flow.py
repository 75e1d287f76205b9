"""Following a thing by its corners: exact in motion, without drift at rest, and silent where the picture is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from utils.flow import STANDSTILL, Flow

HW = (480, 640)
BOX = (slice(60, 420), slice(120, 520))


def picture(seed: int = 0) -> np.ndarray:
    """float32 (480, 640): blobs as large as a shirt's folds."""
    rng = np.random.default_rng(seed)
    blobs = cv2.GaussianBlur(rng.normal(0, 1, HW).astype(np.float32), (0, 0), 5)
    return 128 + 40 * blobs / blobs.std()


def exposed(
    scene: np.ndarray, move: np.ndarray | None = None, *, noise: np.random.Generator | None = None
) -> np.ndarray:
    """uint8 (480, 640, 3)."""
    if move is not None:
        scene = cv2.warpAffine(scene, move, HW[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    rgb = np.repeat(scene[..., None], 3, axis=2)
    rgb = rgb + noise.normal(0, 3, rgb.shape) if noise else rgb
    return np.clip(rgb + 0.5, 0, 255).astype(np.uint8)


def region(box: tuple[slice, slice] = BOX) -> np.ndarray:
    mask = np.zeros(HW, np.uint8)
    mask[box] = 255
    return mask


def moved(dx: float = 0.0, dy: float = 0.0, *, degrees: float = 0.0, scale: float = 1.0) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((320, 240), degrees, scale)
    matrix[:, 2] += (dx, dy)
    return matrix


def started(frame: np.ndarray, where: np.ndarray, beside: np.ndarray | None = None) -> Flow:
    flow = Flow()
    assert flow.follow(frame) is None
    assert flow.tired
    flow.pick(where, np.zeros_like(where) if beside is None else beside)
    return flow


@pytest.mark.parametrize(
    "move",
    [moved(14, -6), moved(degrees=2.5), moved(3, 3, degrees=-1.5, scale=1.04)],
    ids=["shift", "turn", "all"],
)
def test_a_known_motion_is_found_to_a_tenth_of_a_pixel(move):
    scene, noise = picture(), np.random.default_rng(1)
    flow = started(exposed(scene, noise=noise), region())
    motion = flow.follow(exposed(scene, move, noise=noise))
    corners = np.array([[150.0, 100.0], [500.0, 100.0], [320.0, 400.0]])
    found, true = (corners @ matrix[:, :2].T + matrix[:, 2] for matrix in (motion.matrix, move))
    assert np.abs(found - true).max() < 0.15
    assert np.median(motion.astray) < 0.3


def test_noise_alone_never_drifts_and_what_comes_back_is_back():
    scene, noise = picture(), np.random.default_rng(2)
    flow, way = started(exposed(scene, noise=noise), region()), np.eye(3)
    for index in range(1, 61):
        phase = 2 * np.pi * index / 20
        move = moved(25 * np.sin(phase)) if 20 < index <= 40 else None
        motion = flow.follow(exposed(scene, move, noise=noise))
        way = np.vstack([motion.matrix, [0, 0, 1]]) @ way
        if index % 20 == 0:
            assert np.abs(way[:2, 2] + way[:2, :2] @ (320, 240) - (320, 240)).max() < 0.05


def test_a_motion_that_never_ends_is_followed_over_many_keys():
    scene, flow, way = picture(), Flow(), np.eye(3)
    for index in range(30):
        motion = flow.follow(exposed(scene, moved(scale=1.0 - 0.008 * index)))
        if index:
            way = np.vstack([motion.matrix, [0, 0, 1]]) @ way
        if flow.tired:
            flow.pick(region(), np.zeros(HW, np.uint8))
    assert way[0, 0] == pytest.approx(1.0 - 0.008 * 29, abs=0.003)


def test_what_hangs_on_the_thing_is_followed_but_has_no_say():
    scene, other = picture(), picture(7)
    hanging = (slice(60, 420), slice(540, 640))

    def frame(way_px: int) -> np.ndarray:
        both = scene.copy()
        both[hanging] = other[60:420, 540 - way_px : 640 - way_px]
        return exposed(both)

    flow = started(frame(0), region(), region(hanging))
    motion = flow.follow(frame(4))
    np.testing.assert_allclose(motion.matrix, STANDSTILL.matrix, atol=0.05)
    beside = motion.points[:, 0] > 550
    assert beside.sum() >= 5
    assert np.median(motion.astray[beside]) == pytest.approx(4.0, abs=0.3)
    assert np.median(motion.astray[~beside]) < 0.1


def test_a_corner_that_is_covered_counts_as_gone_astray():
    scene = picture()
    flow = started(exposed(scene), region())
    covered = scene.copy()
    covered[60:200, 120:320] = 128
    motion = flow.follow(exposed(covered))
    hidden = (motion.points[:, 0] < 300) & (motion.points[:, 1] < 180)
    assert hidden.any()
    assert np.median(motion.astray[hidden]) > 1.0
    assert np.median(motion.astray[~hidden]) < 0.1


def test_another_scene_a_plain_one_and_a_reset_tell_nothing():
    noise = np.random.default_rng(5)
    flow = started(exposed(picture()), region())
    assert flow.follow(exposed(picture(9))) is None
    assert flow.tired
    plain = np.full((*HW, 3), 128, np.uint8)
    flow.pick(region(), region())
    assert flow.follow(plain) is None
    flow.pick(region(), region())
    assert flow.tired  # there is nothing to pick
    flow = started(exposed(picture(), noise=noise), region())
    flow.reset()
    assert flow.follow(exposed(picture(), noise=noise)) is None
