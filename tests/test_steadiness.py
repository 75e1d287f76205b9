"""A jacket on somebody who stands still before a noisy camera, and on somebody who moves; with the real networks."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.steadiness import jitter_px, left_behind
from fabric.catalog import load_catalog
from garment.pyramid import Pyramid
from garment.rack import Rack
from garment.wardrobe import Wardrobe, Wish
from models.perception import Perception
from models.pose import PosePool

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def pyramid(tmp_path_factory) -> Pyramid:
    catalog = load_catalog(Path(__file__).parents[1] / "data" / "catalog" / "catalog.json")
    wardrobe = Wardrobe(catalog=catalog, rack=Rack(tmp_path_factory.mktemp("rack")))
    return wardrobe.garment(Wish(fabric_id="pinstripe-navy", cut="single_breasted"))


@pytest.fixture
def eyes(weights_dir):
    pool = PosePool(weights_dir / "pose_landmarker_full.task")
    eyes = Perception(pool.lend, None)
    yield eyes
    eyes.close()
    pool.close()


def test_on_somebody_who_stands_still_it_hangs_still(astronaut, eyes, pyramid):
    found = jitter_px(astronaut, eyes, pyramid, frames=50)
    assert {name: px for name, px in found.items() if px > 0.5} == {}


@pytest.mark.parametrize("motion", ["step", "creep"])
def test_it_goes_along_with_who_moves(astronaut, eyes, pyramid, motion):
    found = left_behind(astronaut, eyes, pyramid, motion=motion, frames=40)
    assert found["rms"] < 0.01
    assert found["worst"] < 0.02
