"""Sleeves on arms: sewn to the armhole, round at the elbow, whole in every pose."""

from __future__ import annotations

import numpy as np
import pytest

from fabric.material import Material
from garment.armline import BENDS, ELBOW, arm_line
from garment.body import Body, read_body
from garment.build import Build
from garment.cuts.catalogue import load_cut
from garment.drape import Drape, drape
from garment.layer import LayerPart
from garment.makeup import make_up
from garment.pyramid import Pyramid
from tests.figures import HW, figure
from utils import pose as at
from utils.pose import Pose

UPPER, FORE = 0.78, 0.66
"""Lengths of upper arm and forearm, in shoulder widths."""


@pytest.fixture(scope="module")
def jacket() -> Pyramid:
    """In a cloth with a soft stripe every 40 mm."""
    tone = 110 + 60 * np.sin(np.arange(80) * 2 * np.pi / 80)
    albedo = np.broadcast_to(tone[None, :, None], (16, 80, 3)).astype(np.uint8)
    up = np.zeros((16, 80, 3), np.float32)
    up[..., 2] = 1.0
    flat = np.zeros((16, 80), np.float32)
    cloth = Material("stripe", "stripe", albedo, up, flat, flat, (40.0, 8.0))
    return Pyramid(make_up(load_cut("single_breasted"), suiting=cloth, shirting=cloth, tie=cloth, px_per_mm=1.0))


def posed(upper_degrees: float, fore_degrees: float) -> Pose:
    """Both arms turned outwards from hanging by so much."""
    ends = {}
    for side, sign in (("left", 1), ("right", -1)):
        a, b = np.radians((upper_degrees, fore_degrees))
        elbow = UPPER * np.array([sign * np.sin(a), np.cos(a)])
        ends[f"{side}_elbow"] = tuple(elbow)
        ends[f"{side}_wrist"] = tuple(elbow + FORE * np.array([sign * np.sin(b), np.cos(b)]))
    return figure(centre=(320.0, 220.0), **ends)


def worn(jacket: Pyramid, pose: Pose) -> Drape:
    body = read_body(pose)
    assert body is not None
    return drape(jacket, body, hw=HW, build=Build())


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_bulky_sleeve_is_covered_along_the_outside_alone(jacket: Pyramid, side: str) -> None:
    body = read_body(posed(15, 15))
    assert body is not None
    for share, widened in ((0.1, 1.0), (0.9, 1.25)):
        inner, outer = halves_mm(jacket, body, side, 51.0, share)
        inner_bulky, outer_bulky = halves_mm(jacket, body, side, 100.0, share)
        assert outer_bulky == pytest.approx(widened * outer, rel=0.1)
        assert inner_bulky == pytest.approx(inner, abs=1.0)


def halves_mm(jacket: Pyramid, body: Body, side: str, sleeves: float, share: float) -> tuple[float, float]:
    """How wide the upper sleeve is drawn so far down the upper arm, towards the body and away from it."""
    part = part_of(drape(jacket, body, hw=HW, build=Build(sleeves=sleeves)), f"upper_{side}")
    alpha = whole_frame(part, part.rgba[..., 3])
    arm = body.arms[side]
    bone = (arm.elbow - arm.joint) / np.hypot(*(arm.elbow - arm.joint))
    out = np.array([bone[1], -bone[0]]) * (1.0 if side == "left" else -1.0)
    reach_mm = np.arange(0.0, 140.0, 1.0)[:, None]
    halves = []
    for way in (-out, out):
        x, y = np.round(arm.joint + share * (arm.elbow - arm.joint) + reach_mm * way * body.px_per_mm).astype(int).T
        halves.append(float((alpha[y, x] > 128).sum()))
    return halves[0], halves[1]


def part_of(draped: Drape, name: str) -> LayerPart:
    return next(part for part in draped.layer.parts if part.name == name)


def whole_frame(part: LayerPart, plane: np.ndarray) -> np.ndarray:
    """A part's map on the frame, 0 elsewhere."""
    full = np.zeros((*HW, *plane.shape[2:]), np.float32)
    (x, y), (h, w) = part.xy, plane.shape[:2]
    full[y : y + h, x : x + w] = plane
    return full


def opacity(draped: Drape, *names: str) -> np.ndarray:
    """float32 (H, W) of these parts together."""
    clear = np.ones(HW, np.float32)
    for name in names:
        part = part_of(draped, name)
        clear *= 1.0 - whole_frame(part, part.rgba[..., 3]) / 255
    return 1.0 - clear


@pytest.mark.parametrize("degrees", [30, 60, 90])
def test_the_seam_stays_on_the_armhole_when_the_arm_is_raised(jacket: Pyramid, degrees: float) -> None:
    hanging, raised = worn(jacket, posed(8, 8)), worn(jacket, posed(degrees, degrees))
    shoulder, armpit = hanging.anchors["shoulder_left"], hanging.anchors["armpit_left"]
    for share in (0.3, 0.5, 0.7):
        y = round(float(shoulder[1] + share * (armpit[1] - shoulder[1])))
        seams = [int(np.argmax(opacity(draped, "upper_left")[y] > 0.5)) for draped in (hanging, raised)]
        assert seams[1] == pytest.approx(seams[0], abs=5)


def test_a_raised_sleeve_leaves_the_chest_alone_and_closes_the_armpit(jacket: Pyramid) -> None:
    pose = posed(90, 90)
    draped, body = worn(jacket, pose), read_body(pose)
    assert body is not None
    sleeve, joint = opacity(draped, "upper_left"), pose.xy[at.LEFT_SHOULDER]
    chest = [joint + np.array([-along, down]) * body.px_per_mm for along in (40, 90) for down in (-20, 30, 90)]
    for x, y in np.round(chest).astype(int):
        assert sleeve[y, x] == 0
    # The underside runs from the armpit out to the elbow: deep at the body, slender further out.
    depth_mm = []
    for along in (60, 120, 220):
        x = round(float(joint[0] + along * body.px_per_mm))
        rows = np.flatnonzero(sleeve[:, x] > 0.5)
        assert np.diff(rows).max() == 1
        depth_mm.append((rows.max() - joint[1]) / body.px_per_mm)
    assert 60 < depth_mm[0] < 134  # the grid's cells may fall by half a pixel, 1.5 mm, either way
    assert depth_mm[0] > depth_mm[1] > depth_mm[2] > 38


@pytest.mark.parametrize("fore_degrees", [-30, -75, -120, -165, 90, 150, 186])
def test_a_bent_elbow_is_round_and_whole(jacket: Pyramid, fore_degrees: float) -> None:
    pose = posed(15, fore_degrees)
    draped, body = worn(jacket, pose), read_body(pose)
    assert body is not None
    sleeve, elbow = opacity(draped, "upper_left", "fore_left"), pose.xy[at.LEFT_ELBOW]
    half_px = jacket.shape.sleeves * body.px_per_mm
    bones = [pose.xy[at.LEFT_SHOULDER] - elbow, pose.xy[at.LEFT_WRIST] - elbow]
    outwards = -sum(bone / np.hypot(*bone) for bone in bones)
    outwards /= np.hypot(*outwards)
    reach = []
    for turn in np.radians(np.arange(-50, 51, 10)):
        cos, sin = np.cos(turn), np.sin(turn)
        way = np.array([cos * outwards[0] - sin * outwards[1], sin * outwards[0] + cos * outwards[1]])
        along = np.arange(0.0, 2.2 * half_px, 0.5)
        x, y = np.round(elbow[:, None] + way[:, None] * along).astype(int)
        covered = sleeve[y, x]
        edge = int(np.argmax(covered < 0.5))
        assert covered[: max(edge - 6, 1)].min() > 0.9, "a gap"
        assert covered[edge + 4 :].max() < 0.1, "a splinter"
        reach.append(along[edge] / half_px)
    assert min(reach) > 0.55
    assert max(reach) < 1.5


def test_cloth_turns_round_the_elbow(jacket: Pyramid) -> None:
    """Just inside the sleeve's outer edge its surface faces away from the elbow, all the way round."""
    pose = posed(5, -85)
    draped, body = worn(jacket, pose), read_body(pose)
    assert body is not None
    elbow, half_px = pose.xy[at.LEFT_ELBOW], jacket.shape.sleeves * body.px_per_mm
    for degrees in (0, 30, 60, 90):  # from the right of the picture to below
        way = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        x, y = np.round(elbow + way * 0.45 * half_px).astype(int)
        normal = np.zeros(3, np.float32)
        for name in ("upper_left", "fore_left"):
            part = part_of(draped, name)
            if whole_frame(part, part.rgba[..., 3])[y, x] > 200:
                normal = whole_frame(part, part.relief)[y - 2 : y + 3, x - 2 : x + 3, :3].mean((0, 1)) - 128
        assert normal[0] * way[0] - normal[1] * way[1] > 15, degrees


def test_stripes_run_through_the_elbow_of_a_straight_arm(jacket: Pyramid) -> None:
    pose = posed(8, 8)
    draped = worn(jacket, pose)
    leans = []
    for name, a, b in (("upper_left", at.LEFT_SHOULDER, at.LEFT_ELBOW), ("fore_left", at.LEFT_WRIST, at.LEFT_ELBOW)):
        part = part_of(draped, name)
        x, y = np.round(0.2 * pose.xy[a] + 0.8 * pose.xy[b]).astype(int)
        dy, dx = np.gradient(whole_frame(part, part.rgba[..., 1])[y - 8 : y + 9, x - 8 : x + 9])
        leans.append(np.degrees(np.arctan(-(dx * dy).sum() / (dx * dx).sum())))
    assert leans[0] == pytest.approx(leans[1], abs=5.5)


def test_folds_are_deeper_about_a_bent_elbow(jacket: Pyramid) -> None:
    def unevenness(fore_degrees: float) -> float:
        pose = posed(8, fore_degrees)
        part = part_of(worn(jacket, pose), "upper_left")
        relief = whole_frame(part, part.relief)
        x, y = np.round(pose.xy[at.LEFT_ELBOW] * 0.85 + pose.xy[at.LEFT_SHOULDER] * 0.15).astype(int)
        return float(relief[y - 14 : y + 8, x - 5 : x + 6, 1].std())

    assert unevenness(-100) > 1.3 * unevenness(8)


def test_places_along_an_arm_run_on_round_its_bend() -> None:
    pose = posed(0, -90)
    body = read_body(pose)
    assert body is not None
    line = arm_line(body.arms["left"], scale=body.px_per_mm)
    elbow = line.points[ELBOW]
    degrees = np.radians(np.arange(-10.0, 101.0, 2.0))
    ring = elbow + 30.0 * np.column_stack([np.cos(degrees), np.sin(degrees)])
    along, across = line.beside(ring, 0, len(line.points) - 1)
    way = np.interp(along, BENDS, line.way_px(outside_px=20.0))
    assert (np.diff(way) > 0).all()
    assert np.diff(way).max() < 3.0 * np.median(np.diff(way))
    assert (np.sign(across) == np.sign(across[0])).all()
    turn = line.turn(along)
    assert (np.diff(turn) <= 1e-6).all()
    assert 1.2 < turn[0] - turn[-1] < np.pi / 2 + 0.01
    assert line.bend == pytest.approx(np.pi / 2, abs=0.02)
