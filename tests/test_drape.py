from __future__ import annotations

import numpy as np
import pytest

from garment.body import Body, read_body
from garment.build import Build
from garment.drape import drape
from garment.layer import Layer
from garment.pyramid import Pyramid
from garment.warp import shrink_layer
from tests.figures import HW, box_jacket, figure
from utils import pose as at
from utils.pose import Pose

ARMS = {
    "hanging": {},
    "out": {"left_elbow": (0.8, 0.1), "left_wrist": (1.5, 0.1), "right_elbow": (-0.8, 0.1), "right_wrist": (-1.5, 0.1)},
    "bent": {
        "left_elbow": (0.2, 0.8),
        "left_wrist": (0.1, 0.1),
        "right_elbow": (-0.2, 0.8),
        "right_wrist": (-0.1, 0.1),
    },
    "crossed": {
        "left_elbow": (0.1, 0.8),
        "left_wrist": (-0.7, 0.6),
        "right_elbow": (-0.1, 0.8),
        "right_wrist": (0.7, 0.7),
    },
}


def body_of(pose: Pose) -> Body:
    body = read_body(pose)
    assert body is not None
    return body


def part(layer: Layer, name: str) -> np.ndarray:
    """Opacity of one part over the whole frame."""
    alpha = np.zeros(layer.hw, np.float32)
    for each in layer.parts:
        if each.name == name:
            x, y = each.xy
            h, w = each.rgba.shape[:2]
            alpha[y : y + h, x : x + w] = each.rgba[..., 3] / 255
    return alpha


def test_shoulder_anchors_lie_on_the_shoulder_points() -> None:
    pose = figure()
    body = body_of(pose)
    draped = drape(Pyramid(box_jacket()), body, hw=HW, build=Build())
    for side in ("left", "right"):
        off = np.hypot(*(draped.anchors[f"shoulder_{side}"] - body.shoulder_points[side]))
        assert off <= 0.03 * 130
    torso = part(draped.layer, "torso")
    for side, joint in (("left", at.LEFT_SHOULDER), ("right", at.RIGHT_SHOULDER)):
        edge = body.shoulder_points[side]
        inwards = edge + 0.15 * (pose.xy[joint] - edge) + (0, 6)
        outside = edge + (edge - body.neck) * 0.08
        assert torso[round(float(inwards[1])), round(float(inwards[0]))] > 0.9
        assert torso[round(float(outside[1])), round(float(outside[0]))] == 0


@pytest.mark.parametrize("arms", ARMS)
def test_sleeves_cover_the_arm_from_shoulder_to_wrist(arms: str) -> None:
    pose = figure(**ARMS[arms])
    layer = drape(Pyramid(box_jacket()), body_of(pose), hw=HW, build=Build()).layer
    for side, (joint, elbow, wrist) in {"left": (11, 13, 15), "right": (12, 14, 16)}.items():
        sleeve = 1 - (1 - part(layer, f"upper_{side}")) * (1 - part(layer, f"fore_{side}"))
        for a, b in ((joint, elbow), (elbow, wrist)):
            for share in np.linspace(0.1, 0.95, 12):
                x, y = np.round(pose.xy[a] + (pose.xy[b] - pose.xy[a]) * share).astype(int)
                assert sleeve[y, x] > 0.8, (side, a, share)
        beyond = pose.xy[wrist] + (pose.xy[wrist] - pose.xy[elbow]) * 0.3
        x, y = np.round(beyond).astype(int)
        assert part(layer, f"fore_{side}")[y, x] == 0


def test_the_elbow_shows_no_gap_however_far_it_bends() -> None:
    for angle in np.linspace(0.0, 2.6, 9):
        end = np.array([0.15, 0.75]) + 0.65 * np.array([np.sin(-angle), np.cos(angle)])
        pose = figure(left_elbow=(0.15, 0.75), left_wrist=tuple(end))
        layer = drape(Pyramid(box_jacket()), body_of(pose), hw=HW, build=Build()).layer
        sleeve = 1 - (1 - part(layer, "upper_left")) * (1 - part(layer, "fore_left"))
        x, y = np.round(pose.xy[at.LEFT_ELBOW]).astype(int)
        assert sleeve[y - 3 : y + 4, x - 3 : x + 4].min() > 0.85, angle


def test_an_arm_behind_the_back_is_drawn_behind_the_torso() -> None:
    names = [p.name for p in drape(Pyramid(box_jacket()), body_of(figure()), hw=HW, build=Build()).layer.parts]
    assert names.index("torso") < names.index("upper_left") < names.index("fore_left")
    behind = body_of(figure(wrist_depth=-0.8))
    names = [p.name for p in drape(Pyramid(box_jacket()), behind, hw=HW, build=Build()).layer.parts]
    assert names.index("torso") > names.index("fore_left")


def test_the_nearer_of_two_crossing_forearms_is_on_top() -> None:
    pose = figure(**ARMS["crossed"])
    pose.z[at.RIGHT_WRIST] -= 60
    names = [p.name for p in drape(Pyramid(box_jacket()), body_of(pose), hw=HW, build=Build()).layer.parts]
    assert names.index("fore_right") > names.index("fore_left")


def test_a_wearer_half_out_of_the_frame_is_draped_as_far_as_she_shows() -> None:
    pose = figure(centre=(20.0, 190.0))
    layer = drape(Pyramid(box_jacket()), body_of(pose), hw=HW, build=Build()).layer
    for each in layer.parts:
        x, y = each.xy
        h, w = each.rgba.shape[:2]
        assert min(x, y) >= 0
        assert x + w <= HW[1]
        assert y + h <= HW[0]
    assert layer.alpha()[240, 5] > 0.9
    away = drape(Pyramid(box_jacket()), body_of(figure(centre=(-900.0, 190.0))), hw=HW, build=Build())
    assert away.layer.parts == ()


def test_half_a_pixel_of_body_is_half_a_pixel_of_cloth() -> None:
    pyramid = Pyramid(box_jacket())

    def middle(shift: float) -> float:
        pose = figure(centre=(320.0 + shift, 190.0))
        alpha = part(drape(pyramid, body_of(pose), hw=HW, build=Build()).layer, "torso")
        return float((alpha * np.arange(HW[1])).sum() / alpha.sum())

    assert middle(0.5) - middle(0.0) == pytest.approx(0.5, abs=0.05)
    assert middle(8.0) - middle(0.0) == pytest.approx(8.0, abs=0.1)


def test_supersampling_keeps_place_and_colour() -> None:
    pyramid, body = Pyramid(box_jacket()), body_of(figure())
    plain = drape(pyramid, body, hw=HW, build=Build()).layer
    large = drape(pyramid, body.scaled(2), hw=(HW[0] * 2, HW[1] * 2), build=Build(), sharpness=1.0).layer
    small = shrink_layer(large, 2)
    assert small.hw == HW
    assert np.abs(small.alpha() - plain.alpha()).mean() < 0.01
    solid = small.alpha() > 0.99
    assert np.abs(small.flattened()[solid][:, :3].astype(int) - (40, 52, 92)).max() <= 2


def test_levels_keep_colour_and_anchors() -> None:
    pyramid = Pyramid(box_jacket(px_per_mm=2.0))
    pyramid.prepare()
    large, small = pyramid.level(1.0), pyramid.level(0.2)
    assert small.px_per_mm < 0.5 * large.px_per_mm
    torso = small.pieces["torso"]
    assert np.abs(torso.albedo[torso.albedo[..., 3] == 255][:, :3].astype(int) - (40, 52, 92)).max() <= 1
    for name, (x, y) in torso.anchors.items():
        x0, y0 = large.pieces["torso"].anchors[name]
        factor = torso.albedo.shape[1] / large.pieces["torso"].albedo.shape[1]
        assert (x, y) == pytest.approx(((x0 + 0.5) * factor - 0.5, (y0 + 0.5) * factor - 0.5), abs=1.0)


def test_a_tremble_of_the_body_never_shifts_the_whole_grid() -> None:
    pyramid, steps = Pyramid(box_jacket()), np.arange(0.0, 1.05, 0.1)

    def drawn(shift: float) -> np.ndarray:
        layer = drape(pyramid, body_of(figure(centre=(320.0 + shift, 190.0 + shift))), hw=HW, build=Build()).layer
        carried_on = np.zeros(HW, np.uint8)
        for each in layer.parts:
            if each.spread is not None:
                x, y = each.xy
                h, w = each.spread.shape
                np.maximum(carried_on[y : y + h, x : x + w], each.spread, out=carried_on[y : y + h, x : x + w])
        return np.dstack([255 * layer.alpha(), carried_on])

    pictures = np.array([drawn(float(shift)) for shift in steps])
    changes = np.abs(np.diff(pictures, axis=0))
    # An edge of 5 mm is 1.7 px wide here: a tenth of a pixel each way may change it by a sixth, and never by more.
    assert changes.max() < 60
    assert changes.mean(axis=(1, 2, 3)).max() < 1.5 * np.median(changes.mean(axis=(1, 2, 3)))


def test_an_edge_narrower_than_the_grid_is_as_sharp_wherever_the_grid_falls() -> None:
    pyramid = Pyramid(box_jacket())

    def edge(shift: int) -> np.ndarray:
        layer = drape(pyramid, body_of(figure(centre=(320.0 + shift, 190.0))), hw=HW, build=Build()).layer
        torso = next(each for each in layer.parts if each.name == "torso")
        assert torso.spread is not None
        row, x = 270 - torso.xy[1], 320 + shift - torso.xy[0]
        return torso.spread[row, x : x + 97].astype(int)

    edges = [edge(shift) for shift in range(7)]
    assert max(np.abs(each - edges[0]).max() for each in edges) < 40
    falls = np.flatnonzero((edges[0] > 20) & (edges[0] < 235))
    assert len(falls[falls > falls.max() - 20]) <= 4  # 8 mm are 2.7 px


def test_cloth_is_carried_on_above_the_shoulders_but_not_beside_the_collar_where_a_hood_lies() -> None:
    body = body_of(figure(shoulders_px=170.0))
    draped = drape(Pyramid(box_jacket()), body, hw=HW, build=Build())
    torso = next(each for each in draped.layer.parts if each.name == "torso")
    assert torso.spread is not None
    for side in ("left", "right"):
        collar, shoulder = (draped.anchors[f"{name}_{side}"] for name in ("collar", "shoulder"))
        for share, carried_on in ((0.2, False), (0.75, True)):
            place = collar + share * (shoulder - collar) + 10.0 * body.shoulder_axes(side)[1]
            x, y = np.round(place).astype(int) - torso.xy
            assert (torso.spread[y, x] > 128) == carried_on, (side, share)
