"""Pictures in memory that two processes see."""

from __future__ import annotations

import os

import numpy as np
import pytest

from models.frames import Frames, make_frames
from utils.errors import ConfigError, DeviceError, InputError


@pytest.fixture
def frames():
    frames = make_frames(slots=2, slot_bytes=4096)
    yield frames
    frames.close()


def arrays() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    return {
        "image": random.integers(0, 256, (20, 30, 3), np.uint8),
        "mask": random.integers(0, 256, (20, 30), np.uint8),
        "control:edge": np.asfortranarray(random.integers(0, 256, (7, 5, 3), np.uint8)),
    }


def test_what_is_written_is_read_on_the_other_side(frames):
    placed = [frames.write(slot, {name: array + slot for name, array in arrays().items()}) for slot in range(2)]
    other = Frames(os.dup(frames.fd), slots=2, slot_bytes=4096)
    for slot in range(2):
        read = other.read(slot, placed[slot])
        assert read.keys() == arrays().keys()
        assert all(np.array_equal(read[name], array + slot) for name, array in arrays().items())
        assert all(view.flags.c_contiguous and not view.flags.writeable for view in read.values())
    other.close()


def test_an_answer_takes_the_place_of_the_question(frames):
    placed = frames.write(1, arrays())
    frames.write(1, {"image": 255 - arrays()["image"]})
    assert np.array_equal(frames.read(1, placed)["image"], 255 - arrays()["image"])
    assert np.array_equal(frames.read(1, placed)["mask"], arrays()["mask"])


def test_what_does_not_fit_is_refused_and_nothing_is_written(frames):
    placed = frames.write(0, arrays())
    with pytest.raises(InputError, match="too_large_for_device"):
        frames.write(0, {"image": np.zeros((40, 40, 3), np.uint8)})
    assert np.array_equal(frames.read(0, placed)["image"], arrays()["image"])


def test_only_bytes_are_carried(frames):
    with pytest.raises(TypeError, match="mask"):
        frames.write(0, {"mask": np.zeros((4, 4), np.float32)})


def test_a_view_outlives_the_frames(frames):
    view = frames.read(0, frames.write(0, arrays()))["image"]
    frames.close()
    assert np.array_equal(view, arrays()["image"])
    with pytest.raises(DeviceError, match="engine_closed"):
        frames.write(0, arrays())
    frames.close()


def test_it_has_no_name_and_leaves_no_file_open():
    before = set(os.listdir("/proc/self/fd")), set(os.listdir("/dev/shm"))
    frames = make_frames(slots=2, slot_bytes=1 << 20)
    assert set(os.listdir("/dev/shm")) == before[1]
    frames.close()
    assert set(os.listdir("/proc/self/fd")) == before[0]


def test_memory_is_only_taken_when_it_is_written_to():
    frames = make_frames(slots=64, slot_bytes=1 << 30)
    frames.write(63, arrays())
    assert os.fstat(frames.fd).st_blocks * 512 <= 1 << 20
    frames.close()


def test_without_memory_the_operator_is_told_what_to_do():
    with pytest.raises(ConfigError, match="shared_memory") as raised:
        make_frames(slots=1 << 20, slot_bytes=1 << 42)
    assert "MiB" in raised.value.hint
