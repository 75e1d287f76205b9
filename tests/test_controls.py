from __future__ import annotations

import numpy as np
import pytest

from garment.controls import KINDS, control_maps
from garment.dressing import Dressed, Dresser, Sight
from garment.pyramid import Pyramid
from garment.restore import hold_colour
from tests.figures import HW, box_jacket, classes, figure, frame_of, silhouette
from utils import pose as at
from utils.colour import delta_e00, srgb_to_lab
from utils.pose import Pose


@pytest.fixture(scope="module")
def wearer() -> tuple[Pose, np.ndarray, Dressed]:
    pose = figure()
    sight = Sight(pose, silhouette(pose), lambda: classes(pose), pose)
    frame = frame_of(pose)
    garment = box_jacket()
    garment.pieces["torso"].relief[..., :3] = (190, 128, 240)
    dressed = Dresser().dress(frame, sight, Pyramid(garment))
    assert dressed is not None
    return pose, frame, dressed


def test_every_kind_of_map_has_the_frames_size_and_something_on_it(wearer) -> None:
    pose, _, dressed = wearer
    maps = control_maps(KINDS, dressed, pose=pose, person=silhouette(pose))
    assert set(maps) == set(KINDS)
    for kind, image in maps.items():
        assert image.shape == (*HW, 3), kind
        assert image.dtype == np.uint8
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 1, kind


def test_maps_say_what_is_where(wearer) -> None:
    pose, _, dressed = wearer
    maps = control_maps(KINDS, dressed, pose=pose, person=silhouette(pose))
    chest = (300, 320)
    assert (maps["depth"][chest] > maps["depth"][5, 5]).all()
    assert tuple(maps["normal"][5, 5]) == (128, 128, 255)
    assert tuple(maps["normal"][chest]) == (190, 128, 240)
    assert tuple(maps["segmentation"][chest]) == (4, 200, 3)
    assert tuple(maps["segmentation"][5, 5]) == (0, 0, 0)
    elbow = np.round(pose.xy[at.LEFT_ELBOW]).astype(int)
    assert maps["pose"][elbow[1], elbow[0]].max() > 100
    assert maps["pose"][300, 320].max() == 0


def test_only_the_wanted_maps_are_made(wearer) -> None:
    pose, _, dressed = wearer
    assert set(control_maps(("edge",), dressed, pose=pose, person=None)) == {"edge"}


def test_a_generated_jacket_of_another_hue_is_brought_back_to_its_cloth(wearer) -> None:
    _, _, dressed = wearer
    composite, alpha = dressed.composite.image, dressed.composite.alpha
    rng = np.random.default_rng(2)
    tinted = np.clip(composite * np.array([1.5, 0.9, 0.7]) + 12 + rng.normal(0, 6, composite.shape), 0, 255).astype(
        np.uint8
    )
    held = hold_colour(tinted, composite, alpha)
    solid = alpha == 255

    def off(image: np.ndarray) -> float:
        return float(delta_e00(*(np.median(srgb_to_lab(i[solid]), axis=0) for i in (image, composite))))

    assert off(tinted) > 10
    assert off(held) <= 3
    assert held[solid].std(axis=0).mean() > composite[solid].std(axis=0).mean() + 2  # the texture stayed


def test_outside_the_garment_the_composite_comes_back_bit_for_bit(wearer) -> None:
    _, _, dressed = wearer
    composite, alpha = dressed.composite.image, dressed.composite.alpha
    generated = 255 - composite
    held = hold_colour(generated, composite, alpha)
    assert (held[alpha == 0] == composite[alpha == 0]).all()
    assert (hold_colour(generated, composite, np.zeros_like(alpha)) == composite).all()
