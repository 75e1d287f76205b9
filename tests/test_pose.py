"""Finding a person in the one real photo."""

from __future__ import annotations

import os
import subprocess
import sys

import cv2
import numpy as np
import pytest

from models.pose import PosePool
from models.tasks import base_options
from models.weights import ROOT
from utils import pose as joints
from utils.errors import CapacityError, ConfigError

pytestmark = pytest.mark.weights

NOBODY = np.full((120, 160, 3), 128, np.uint8)


@pytest.fixture
def weights_path(weights_dir):
    return weights_dir / "pose_landmarker_full.task"


def moved(photo: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    return cv2.warpAffine(photo, np.float64(matrix), photo.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def test_finds_where_face_and_shoulders_are(finder, astronaut):
    found = finder.find(astronaut, at_ms=0)
    xy = found.pose.xy
    assert np.linalg.norm(xy[joints.NOSE] - (218, 133)) < 12
    assert xy[joints.LEFT_EYE, 0] > xy[joints.RIGHT_EYE, 0]  # the wearer's left is on the right
    assert xy[joints.LEFT_SHOULDER, 0] > 275 > 150 > xy[joints.RIGHT_SHOULDER, 0]
    assert found.pose.seen(joints.NOSE, joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER)
    assert not found.pose.seen(joints.LEFT_HIP)
    assert (xy.dtype, xy.shape, found.pose.z.shape) == (np.float32, (joints.COUNT, 2), (joints.COUNT,))


def test_the_mask_is_the_person(finder, astronaut):
    mask = finder.find(astronaut, at_ms=0).mask
    assert (mask.shape, mask.dtype) == (astronaut.shape[:2], np.float32)
    assert mask.min() >= 0.0
    assert mask.max() <= 1.0
    assert mask[130, 218] > 0.9  # the face
    assert mask[350, 200] > 0.9  # the suit
    assert mask[60, 400] < 0.1  # the space shuttle
    assert mask[100, 30] < 0.1  # the flag


def test_a_mask_outlives_later_frames(finder, astronaut):
    mask = finder.find(astronaut, at_ms=0).mask
    before = mask.copy()
    for i in range(3):
        finder.find(NOBODY, at_ms=100 + i)
    np.testing.assert_array_equal(mask, before)


def test_nobody_is_nobody(finder):
    assert finder.find(NOBODY, at_ms=0) is None


@pytest.mark.parametrize("side", [256, 1024, 2400], ids=lambda side: f"{side}px")
def test_any_size_of_frame_answers_in_its_own_pixels(finder, astronaut, side):
    frame = cv2.resize(astronaut, (side, side), interpolation=cv2.INTER_AREA if side < 512 else cv2.INTER_CUBIC)
    found = finder.find(frame, at_ms=0)
    assert found.mask.shape == (side, side)
    nose = found.pose.xy[joints.NOSE] * 512 / side
    assert np.linalg.norm(nose - (218, 133)) < 14
    assert found.mask[int(0.68 * side), int(0.39 * side)] > 0.9


def test_a_mirrored_view_need_not_be_contiguous(finder, astronaut):
    xy = finder.find(astronaut[:, ::-1], at_ms=0).pose.xy
    assert np.linalg.norm(xy[joints.NOSE] - (511 - 218, 133)) < 12
    assert xy[joints.LEFT_SHOULDER, 0] > xy[joints.RIGHT_SHOULDER, 0]


def test_follows_somebody_who_moves(finder, astronaut):
    for i in range(6):
        frame = moved(astronaut, [[1, 0, 10 * i], [0, 1, 0]])
        found = finder.find(frame, at_ms=33 * i)
    assert np.linalg.norm(found.pose.xy[joints.NOSE] - (218 + 50, 133)) < 12


def test_a_clock_that_stands_still_or_turns_back_is_no_trouble(finder, astronaut):
    for at_ms in (1000.7, 1000.7, 3.0, -5.0):
        assert finder.find(astronaut, at_ms=at_ms) is not None


def test_after_a_reset_nothing_of_the_last_person_is_left(finder, astronaut, weights_path):
    pool = PosePool(weights_path)
    fresh = pool.lend()
    for i in range(3):
        finder.find(moved(astronaut, [[0.5, 0, 250], [0, 0.5, 200]]), at_ms=33 * i)
    finder.reset()
    for i in range(3):
        one, other = (eyes.find(astronaut, at_ms=1000 + 33 * i) for eyes in (finder, fresh))
        np.testing.assert_allclose(one.pose.xy, other.pose.xy, atol=0.01)
        np.testing.assert_allclose(one.mask, other.mask, atol=1e-3)
    fresh.close()
    pool.close()


def test_one_call_at_a_time_and_none_after_closing(finder, astronaut):
    with finder._busy, pytest.raises(RuntimeError, match="one call at a time"):
        finder.find(astronaut, at_ms=0)
    finder.close()
    finder.close()
    with pytest.raises(RuntimeError, match="closed"):
        finder.find(astronaut, at_ms=0)


def test_weights_that_are_none_are_the_operators_business(tmp_path):
    (tmp_path / "bad.task").write_bytes(b"not a bundle")
    for name in ("bad.task", "missing.task"):
        with pytest.raises(ConfigError) as caught:
            PosePool(tmp_path / name).lend()
        assert caught.value.code == "weights_unusable"
        assert str(tmp_path) not in str(caught.value)


def test_a_failed_loan_does_not_count(tmp_path):
    pool = PosePool(tmp_path / "missing.task", most=1)
    for _ in range(2):
        with pytest.raises(ConfigError):
            pool.lend()


def test_a_pool_lends_what_came_back_and_no_more_than_it_may(weights_path, astronaut):
    pool = PosePool(weights_path, most=1)
    lent = pool.lend()
    with pytest.raises(CapacityError) as caught:
        pool.lend()
    assert (caught.value.code, caught.value.retryable) == ("too_many_people", True)
    networks = lent._finder
    lent.close()
    lent.close()
    again = pool.lend()
    assert again._finder is networks
    with pytest.raises(RuntimeError, match="given back"):
        lent.find(astronaut, at_ms=0)
    assert again.find(astronaut, at_ms=0) is not None
    pool.close()
    again.close()
    with pytest.raises(RuntimeError, match="closed"):
        networks.find(astronaut, at_ms=0)


def test_a_pool_keeps_no_more_spares_than_it_should(weights_path, astronaut):
    pool = PosePool(weights_path, spare=0)
    lent = pool.lend()
    networks = lent._finder
    lent.close()
    with pytest.raises(RuntimeError, match="closed"):
        networks.find(astronaut, at_ms=0)
    pool.close()


def test_usage_reports_find_no_authority_to_trust(weights_path):
    assert base_options(weights_path).to_ctypes().ca_bundle_path == os.devnull.encode()


def test_a_program_that_forgets_to_close_ends_quietly(weights_dir):
    code = (
        "import numpy as np, sys; from pathlib import Path\n"
        "from models.pose import PoseFinder; from models.parsing import Parser\n"
        f"folder = Path({str(weights_dir)!r})\n"
        "finder = PoseFinder(folder / 'pose_landmarker_full.task')\n"
        "parser = Parser(folder / 'selfie_multiclass_256x256.tflite')\n"
        "finder.find(np.zeros((64, 64, 3), np.uint8), at_ms=0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr
