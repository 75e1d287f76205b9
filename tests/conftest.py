"""What several tests need: the one real photo, and the vision weights."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from models import weights
from models.parsing import Parser
from models.pose import PoseFinder


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """uint8 RGB (512, 512, 3): a woman in an orange suit, from the head to the hips."""
    photo = data.astronaut()
    photo.flags.writeable = False
    return photo


@pytest.fixture(scope="session")
def weights_dir() -> Path:
    """The folder with the vision weights. Skips where they are missing; on CI that is a failure."""
    if absent := weights.missing():
        told = f"{', '.join(weight.file for weight in absent)} missing; run: {weights.fetch_command()}"
        if os.environ.get("CI") == "true":
            pytest.fail(told)
        pytest.skip(told)
    return weights.FOLDER


@pytest.fixture(scope="session")
def parser(weights_dir: Path):
    """One parser for all tests: it keeps nothing from one call to the next."""
    parser = Parser(weights_dir / "selfie_multiclass_256x256.tflite")
    yield parser
    parser.close()


@pytest.fixture
def finder(weights_dir: Path):
    """A pose finder that has seen nobody yet."""
    finder = PoseFinder(weights_dir / "pose_landmarker_full.task")
    yield finder
    finder.close()
