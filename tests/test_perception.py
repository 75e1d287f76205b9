"""One session's eyes: steadying, new people, and parsing off the critical path.

The rules are tested with a finder and a desk that do as they are told; the last tests use the real networks.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from models.parsing import CATEGORIES, SIDE, Crop, Parsing
from models.parsing_desk import ParsingDesk
from models.perception import Perception, carry, dressed_box, jumped
from models.pose import Found, PosePool
from models.steadier import Steadier, body_unit
from utils import pose as joints
from utils.errors import DeviceError
from utils.flow import Motion
from utils.pose import Pose

HW = (480, 640)
FRAME = np.full((*HW, 3), 128, np.uint8)
SHOULDERS = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]


def standing(x: float = 320.0, y: float = 200.0, *, unit: float = 120.0, visibility: float = 1.0) -> Pose:
    """Somebody from the front, the middle of the shoulders at (x, y), arms hanging."""
    xy = np.zeros((joints.COUNT, 2), np.float32)
    xy[: joints.MOUTH_RIGHT + 1] = (0.0, -0.6)
    xy[joints.LEFT_EAR], xy[joints.RIGHT_EAR] = (0.2, -0.65), (-0.2, -0.65)
    for side, sign in ((0, 1.0), (1, -1.0)):
        xy[joints.LEFT_SHOULDER + side] = (0.5 * sign, 0.0)
        xy[joints.LEFT_ELBOW + side] = (0.6 * sign, 0.7)
        xy[[joints.LEFT_WRIST + side, joints.LEFT_PINKY + side]] = (0.65 * sign, 1.3)
        xy[[joints.LEFT_INDEX + side, joints.LEFT_THUMB + side]] = (0.65 * sign, 1.35)
        xy[joints.LEFT_HIP + side :: 2] = (0.3 * sign, 1.4)
    return Pose(
        xy=xy * np.float32(unit) + np.float32([x, y]),
        z=np.zeros(joints.COUNT, np.float32),
        visibility=np.full(joints.COUNT, visibility, np.float32),
    )


def changed(pose: Pose, **parts: np.ndarray) -> Pose:
    return Pose(**{"xy": pose.xy, "z": pose.z, "visibility": pose.visibility} | parts)


def parsing_of(piece: Crop) -> Parsing:
    """A parsing that says clothes everywhere in the crop."""
    soft = np.zeros((len(CATEGORIES), SIDE, SIDE), np.float32)
    soft[CATEGORIES.index("clothes")] = 1.0
    return Parsing(soft, piece.box_xyxy, piece.hw)


@dataclass
class ToldFinder:
    """Finds whatever it is told to find."""

    pose: Pose | None = None
    closed: int = 0

    def find(self, rgb: np.ndarray, *, at_ms: float) -> Found | None:
        return Found(self.pose, np.ones(rgb.shape[:2], np.float32)) if self.pose else None

    def close(self) -> None:
        self.closed += 1


@dataclass
class ToldDesk:
    """Delivers when it is told to."""

    waiting: list = field(default_factory=list)
    at_once: int = 0
    fails: bool = False
    others: int = 0
    """Jobs of other sessions."""

    def submit(self, customer, piece, *, done) -> None:
        self.waiting.append((piece, done))

    def parse_now(self, customer, piece, *, done, patience_s) -> bool:
        if self.fails:
            raise DeviceError("parsing_failed", "told to")
        self.at_once += 1
        done(parsing_of(piece))
        return True

    def load(self) -> int:
        return self.others

    def quiet(self) -> bool:
        return self.others == 0

    def withdraw(self, customer) -> None:
        self.waiting.clear()

    def deliver(self) -> None:
        for piece, done in self.waiting:
            done(parsing_of(piece))
        self.waiting.clear()


@pytest.fixture
def finder() -> ToldFinder:
    return ToldFinder(standing())


@pytest.fixture
def desk() -> ToldDesk:
    return ToldDesk()


@pytest.fixture
def eyes(finder, desk) -> Perception:
    return Perception(lambda: finder, desk)


def test_the_first_frame_is_taken_as_it_is(eyes, finder):
    percept = eyes.look(FRAME, at_ms=0.0)
    assert percept.is_new_person
    np.testing.assert_allclose(percept.pose.xy, finder.pose.xy, atol=1e-3)
    assert percept.raw_pose is finder.pose
    assert percept.mask.shape == HW
    assert percept.pose.xy.dtype == percept.pose.visibility.dtype == np.float32


def test_nobody_is_none_and_back_soon_is_the_same_person(eyes, finder):
    eyes.look(FRAME, at_ms=0.0)
    pose, finder.pose = finder.pose, None
    assert eyes.look(FRAME, at_ms=300.0) is None
    finder.pose = pose
    assert not eyes.look(FRAME, at_ms=600.0).is_new_person


@pytest.mark.parametrize(
    ("after", "at_ms"),
    [
        (standing(), 5100.0),  # in a stream that had stopped
        (standing(500.0), 33.0),  # at once somewhere else
        (standing(unit=60.0), 33.0),  # at once half as large
    ],
    ids=["stopped", "elsewhere", "smaller"],
)
def test_somebody_else_starts_fresh(eyes, finder, after, at_ms):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = after
    percept = eyes.look(FRAME, at_ms=at_ms)
    assert percept.is_new_person
    np.testing.assert_allclose(percept.pose.xy, after.xy, atol=1e-3)
    assert percept.parsing_age_ms == 0.0


def test_where_many_want_a_parsing_nobody_waits_and_nothing_piles_up(eyes, desk):
    eyes.look(FRAME, at_ms=0.0)
    desk.others = 1
    assert eyes.look(FRAME, at_ms=1500.0).parsing_age_ms == 1500.0
    assert desk.waiting == []
    desk.others = 0
    assert eyes.look(FRAME, at_ms=4500.0).parsing_age_ms == 0.0
    assert desk.at_once == 2


def test_who_comes_into_an_empty_picture_is_somebody_else(eyes, finder):
    eyes.look(FRAME, at_ms=0.0)
    pose, finder.pose = finder.pose, None
    assert eyes.look(FRAME, at_ms=400.0) is None
    finder.pose = pose
    assert eyes.look(FRAME, at_ms=800.0).is_new_person


def test_a_slow_stream_shows_the_same_person_all_the_time(eyes, finder):
    eyes.look(FRAME, at_ms=0.0)
    for i in range(1, 5):
        assert not eyes.look(FRAME, at_ms=1500.0 * i).is_new_person


def test_another_size_of_frame_starts_fresh(eyes, finder):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = standing(640.0, 400.0, unit=130.0)
    percept = eyes.look(np.zeros((960, 1280, 3), np.uint8), at_ms=33.0)
    assert percept.is_new_person
    assert percept.parsing.hw == (960, 1280)


def test_walking_turning_and_bending_are_no_reason_to_start_fresh(eyes, finder):
    eyes.look(FRAME, at_ms=0.0)
    for i in range(1, 30):
        pose = standing(320.0 + 12.0 * i, 200.0 + 3.0 * i)  # three shoulder widths a second
        narrow = pose.xy.copy()
        narrow[SHOULDERS, 0] = pose.xy[SHOULDERS, 0].mean() + np.float32([60, -60]) * np.cos(i / 18)
        finder.pose = changed(pose, xy=narrow)
        assert not eyes.look(FRAME, at_ms=33.3 * i).is_new_person


def test_jumped_grants_more_the_longer_nobody_looked():
    before, after = standing(), standing(480.0)
    assert jumped(before, after, gap_ms=33.0)
    assert not jumped(before, after, gap_ms=500.0)
    assert not jumped(before, before, gap_ms=-50.0)


def test_landmarks_of_the_client_go_before_those_found(eyes, finder):
    finder.pose = None
    percept = eyes.look(FRAME, at_ms=0.0, landmarks=standing(300.0))
    assert percept.raw_pose.xy[SHOULDERS, 0].mean() == pytest.approx(300.0)
    inside, outside = percept.mask[300, 300], percept.mask[470, 5]
    assert (inside, outside) == (1.0, 0.0)  # the mask comes from the parsing


def test_without_networks_landmarks_still_serve():
    blind = Perception(None, None)
    assert blind.look(FRAME, at_ms=0.0) is None
    percept = blind.look(FRAME, at_ms=33.0, landmarks=standing())
    assert percept.mask is percept.parsing is percept.parsing_pose is percept.parsing_age_ms is None


def test_a_mask_from_an_older_parsing_is_carried_along(eyes):
    eyes.look(FRAME, at_ms=0.0, landmarks=standing(250.0, unit=60.0))
    before = eyes.look(FRAME, at_ms=33.0, landmarks=standing(250.0, unit=60.0)).mask
    for i in range(2, 60):  # long enough for the filter to arrive
        after = eyes.look(FRAME, at_ms=33.0 * i, landmarks=standing(270.0, 190.0, unit=60.0)).mask
    overlap = np.minimum(before[10:, :-20], after[:-10, 20:]).sum() / before[10:, :-20].sum()
    assert overlap > 0.99
    assert after.sum() == pytest.approx(before.sum(), rel=0.03)


def test_the_outline_comes_from_a_parsing_of_this_very_frame_and_else_from_the_tracker(eyes, finder, desk):
    percept = eyes.look(FRAME, at_ms=0.0)
    parsed = 1.0 - percept.parsing.mask("background")
    assert np.array_equal(percept.mask, parsed)
    tracked = eyes.look(FRAME, at_ms=33.0)
    assert tracked.parsing is percept.parsing
    assert not np.array_equal(tracked.mask, parsed)
    assert np.array_equal(eyes.look(FRAME, at_ms=66.0, wait_parsing=True).mask, parsed)


def test_a_person_is_parsed_at_once_and_then_now_and_then_elsewhere(eyes, finder, desk):
    first = eyes.look(FRAME, at_ms=0.0)
    assert (desk.at_once, first.parsing_age_ms) == (1, 0.0)
    handed_in = []
    for i in range(1, 31):
        finder.pose = standing(320.0 + 4.0 * i)
        percept = eyes.look(FRAME, at_ms=33.0 * i)
        if desk.waiting:
            handed_in.append(33.0 * i)
            assert percept.parsing is not None
            desk.deliver()
    assert desk.at_once == 1
    assert np.diff([0.0, *handed_in]).min() >= 250.0
    assert len(handed_in) == 3


def test_a_result_is_taken_up_with_the_pose_of_its_own_frame(eyes, finder, desk):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = standing(340.0)
    then = eyes.look(FRAME, at_ms=250.0)
    assert then.parsing_age_ms == 250.0
    desk.deliver()
    finder.pose = standing(345.0)
    percept = eyes.look(FRAME, at_ms=300.0)
    assert percept.parsing_age_ms == 50.0
    np.testing.assert_array_equal(percept.parsing_pose.xy, then.pose.xy)


def test_somebody_at_rest_is_parsed_less_often(eyes, desk):
    handed_in = []
    for i in range(60):
        eyes.look(FRAME, at_ms=33.0 * i)
        if desk.waiting:
            handed_in.append(33.0 * i)
            desk.deliver()
    assert np.diff([0.0, *handed_in]).min() >= 800.0
    assert len(handed_in) == 2


def test_a_slow_stream_waits_for_its_own_parsing(eyes, desk):
    for i in range(3):
        assert eyes.look(FRAME, at_ms=650.0 * i).parsing_age_ms == 0.0
    assert desk.at_once == 3
    assert not desk.waiting


def test_who_waits_for_parsing_gets_this_very_frame(eyes, finder, desk):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = standing(330.0)
    percept = eyes.look(FRAME, at_ms=33.0, wait_parsing=True)
    assert percept.parsing_age_ms == 0.0
    np.testing.assert_array_equal(percept.parsing_pose.xy, percept.pose.xy)


def test_a_late_result_of_somebody_else_is_not_taken_up(eyes, finder, desk):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = standing(330.0)
    eyes.look(FRAME, at_ms=250.0)
    (piece, done), desk.waiting = desk.waiting[0], []  # under way
    finder.pose = standing(600.0)
    assert eyes.look(FRAME, at_ms=283.0).is_new_person
    done(parsing_of(piece))
    assert eyes.look(FRAME, at_ms=316.0).parsing_age_ms == 33.0  # the new person's own


def test_a_failed_parsing_is_told_only_to_who_waited_for_it(eyes, desk):
    desk.fails = True
    assert eyes.look(FRAME, at_ms=0.0).parsing is None
    with pytest.raises(DeviceError):
        eyes.look(FRAME, at_ms=33.0, wait_parsing=True)


def test_closing_gives_everything_back_once(eyes, finder, desk):
    eyes.look(FRAME, at_ms=0.0)
    finder.pose = standing(340.0)
    eyes.look(FRAME, at_ms=250.0)
    eyes.close()
    eyes.close()
    assert finder.closed == 1
    assert not desk.waiting


def test_the_box_holds_hair_hands_and_hem():
    pose = standing(320.0, 200.0, unit=100.0)
    x0, y0, x1, y1 = dressed_box(pose)
    assert x0 < pose.xy[joints.RIGHT_INDEX, 0] - 30
    assert x1 > pose.xy[joints.LEFT_INDEX, 0] + 30
    assert y0 < pose.xy[joints.NOSE, 1] - 60  # above the hair
    assert y1 > pose.xy[joints.LEFT_HIP, 1] + 40  # below the hem


def test_the_box_does_not_follow_a_hand_that_nobody_sees():
    pose = standing()
    xy, visibility = pose.xy.copy(), pose.visibility.copy()
    xy[joints.LEFT_WRIST], visibility[joints.LEFT_WRIST] = (5000.0, 5000.0), 0.1
    assert dressed_box(changed(pose, xy=xy, visibility=visibility))[2] < 640.0


@pytest.mark.parametrize(("turn", "scale", "shift"), [(0.0, 1.0, (30.0, -8.0)), (0.3, 1.25, (-40.0, 12.0))])
def test_carry_is_the_movement_of_the_body(turn, scale, shift):
    before = standing()
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    after = changed(before, xy=(before.xy @ matrix.T + shift).astype(np.float32))
    found = carry(before, after)
    np.testing.assert_allclose(found[:, :2], matrix, atol=1e-4)
    np.testing.assert_allclose(found[:, 2], shift, atol=0.05)


def test_carry_of_a_pose_without_extent_is_a_shift():
    point = Pose(np.zeros((33, 2), np.float32), np.zeros(33, np.float32), np.zeros(33, np.float32))
    moved = changed(point, xy=point.xy + np.float32(5))
    np.testing.assert_allclose(carry(point, moved), [[1, 0, 5], [0, 1, 5]])


def test_the_body_unit_survives_turning_sideways():
    front, side = standing(), standing()
    xy = side.xy.copy()
    xy[SHOULDERS, 0] = xy[SHOULDERS, 0].mean()
    assert body_unit(changed(side, xy=xy)) == pytest.approx(body_unit(front), rel=0.45)


def test_at_rest_the_tremble_of_half_a_pixel_becomes_a_fifth():
    rng = np.random.default_rng(2)
    steadier, pose = Steadier(), standing()
    out = []
    for i in range(150):
        noisy = changed(pose, xy=pose.xy + rng.normal(0, 0.35, pose.xy.shape).astype(np.float32))
        out.append(steadier.step(noisy, 33.3 * i).xy)
    rest = np.array(out[45:]) - pose.xy
    assert np.sqrt((rest**2).sum(axis=2).mean()) < 0.2


def test_a_swinging_wrist_trails_by_less_than_a_frame():
    steadier, pose = Steadier(), standing()
    truth, out = [], []
    for i in range(90):
        xy = pose.xy.copy()
        xy[joints.LEFT_WRIST, 0] += 60.0 * np.sin(2 * np.pi * 0.7 * i / 30)  # up to 2.2 shoulder widths a second
        truth.append(xy[joints.LEFT_WRIST, 0])
        out.append(steadier.step(changed(pose, xy=xy), 1000 / 30 * i).xy[joints.LEFT_WRIST, 0])
    behind = np.abs(np.array(truth) - np.array(out))[15:]
    assert behind.max() < 2 * np.pi * 0.7 * 60.0 / 30  # the way of one frame at full speed
    assert behind.max() < 0.03 * 120.0


def test_a_landmark_that_nobody_sees_goes_along_with_the_body():
    steadier, rng = Steadier(), np.random.default_rng(4)
    hips = [joints.LEFT_HIP, joints.RIGHT_HIP]
    error = []
    for i in range(60):
        pose = standing(200.0 + 4.0 * i)
        visibility, xy = pose.visibility.copy(), pose.xy.copy()
        visibility[hips] = 0.2
        xy[hips] += rng.normal(0, 10.0, (2, 2))
        error.append(steadier.step(changed(pose, xy=xy, visibility=visibility), 33.3 * i).xy[hips] - pose.xy[hips])
    error = np.array(error)[20:]
    assert np.abs(error.mean(axis=0)).max() < 3.0  # not left behind, though the body went on by 160 pixels
    assert error.std() < 5.0  # and calmer than it was measured


def test_while_the_picture_stands_still_a_guess_that_leaps_moves_nothing():
    steadier = Steadier()
    wrist, pose = joints.LEFT_WRIST, standing()
    visibility, leapt = pose.visibility.copy(), pose.xy.copy()
    visibility[wrist] = 0.2
    leapt[wrist, 1] -= 0.4 * body_unit(pose)
    still = Motion(np.eye(3)[:2], pose.xy.astype(np.float64), np.zeros(len(pose.xy)))
    before = None
    for i in range(60):
        raw = changed(pose, xy=leapt if i >= 50 else pose.xy, visibility=visibility)
        out = steadier.step(raw, 33.3 * i, motion=still).xy[wrist]
        if i >= 49:
            before = out if before is None else before
            assert np.abs(out - before).max() < 0.02 * body_unit(pose)


def test_a_landmark_at_the_brink_of_being_seen_does_not_flicker():
    steadier = Steadier()
    for i in range(30):
        pose = standing()
        visibility, xy = pose.visibility.copy(), pose.xy.copy()
        visibility[joints.LEFT_WRIST] = 0.47 if i % 2 else 0.55
        xy[joints.LEFT_WRIST, 0] += 3.0 if i % 2 else -3.0
        out = steadier.step(changed(pose, xy=xy, visibility=visibility), 33.3 * i)
        if i > 15:
            assert abs(out.xy[joints.LEFT_WRIST, 0] - pose.xy[joints.LEFT_WRIST, 0]) < 2.5
            assert out.visibility[joints.LEFT_WRIST] == pytest.approx(0.51, abs=0.02)


class GatedParser:
    """Parses when the test lets it."""

    def __init__(self) -> None:
        self.began: list[Crop] = []
        self.gate = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)
        self.closed = False

    def parse_crop(self, piece: Crop) -> Parsing:
        self.began.append(piece)
        self.entered.release()
        assert self.gate.acquire(timeout=30)
        if piece.box_xyxy[0] < 0:
            raise DeviceError("parsing_failed", "told to")
        return parsing_of(piece)

    def close(self) -> None:
        self.closed = True


def piece(number: int) -> Crop:
    return Crop(np.zeros((SIDE, SIDE, 3), np.uint8), (float(number), 0.0, 10.0, 10.0), HW)


@pytest.fixture
def gated():
    gated = GatedParser()
    yield gated
    gated.gate.release(100)


def test_the_desk_keeps_the_newest_of_each_and_takes_turns(gated):
    desk, order = ParsingDesk(gated), []
    all_done = threading.Event()

    def done(parsing: Parsing) -> None:
        order.append(int(parsing.box_xyxy[0]))
        if len(order) == 3:
            all_done.set()

    desk.submit("a", piece(1), done=done)
    assert gated.entered.acquire(timeout=30)
    for customer, number in (("b", 2), ("a", 3), ("b", 4), ("b", 5)):
        desk.submit(customer, piece(number), done=done)
    gated.gate.release(10)
    assert all_done.wait(30)
    assert order == [1, 5, 3]  # b had its turn before a's second, and only b's newest was parsed
    desk.close()


def test_the_desk_survives_a_failure(gated, caplog):
    desk, done = ParsingDesk(gated), threading.Event()
    gated.gate.release(10)
    desk.submit("a", piece(-1), done=lambda parsing: pytest.fail("there is no result"))
    desk.submit("b", piece(2), done=lambda parsing: done.set())
    assert done.wait(30)
    assert "a parsing failed" in caplog.text
    desk.close()


def test_a_closed_desk_leaves_nothing_running(gated):
    desk, delivered = ParsingDesk(gated), []
    desk.submit("a", piece(1), done=delivered.append)
    assert gated.entered.acquire(timeout=30)
    desk.submit("b", piece(2), done=delivered.append)
    gated.gate.release(10)
    desk.close()
    desk.close()
    desk.submit("c", piece(3), done=delivered.append)
    assert gated.closed
    assert len(gated.began) == len(delivered) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "parsing"]


def test_what_is_wanted_now_is_parsed_before_what_waits(gated):
    desk, order = ParsingDesk(gated), []
    desk.submit("a", piece(1), done=lambda parsing: order.append(1))
    assert gated.entered.acquire(timeout=30)
    desk.submit("b", piece(2), done=lambda parsing: order.append(2))
    assert desk.load() == 2
    queue = desk.submit

    def submit(*job, **how) -> None:
        queue(*job, **how)
        gated.gate.release(10)  # not before it is in the queue

    desk.submit = submit
    assert desk.parse_now("c", piece(3), done=lambda parsing: order.append(3), patience_s=30)
    assert order[:2] == [1, 3]
    desk.close()


def test_nobody_waits_longer_than_their_patience_and_the_parsing_still_comes(gated):
    desk, done = ParsingDesk(gated), threading.Event()
    assert not desk.parse_now("a", piece(1), done=lambda parsing: done.set(), patience_s=0.01)
    gated.gate.release(10)
    assert done.wait(30)
    with pytest.raises(DeviceError):
        desk.parse_now("a", piece(-1), done=lambda parsing: None, patience_s=30)
    desk.close()


def test_withdrawing_leaves_the_others(gated):
    desk, done = ParsingDesk(gated), threading.Event()
    desk.submit("a", piece(1), done=lambda parsing: None)
    assert gated.entered.acquire(timeout=30)
    desk.submit("b", piece(2), done=lambda parsing: pytest.fail("was withdrawn"))
    desk.submit("c", piece(3), done=lambda parsing: done.set())
    desk.withdraw("b")
    desk.withdraw("nobody")
    gated.gate.release(10)
    assert done.wait(30)
    desk.close()


@pytest.mark.weights
def test_a_real_person_before_a_noisy_camera(weights_dir, parser, astronaut):
    pool, rng = PosePool(weights_dir / "pose_landmarker_full.task"), np.random.default_rng(0)
    eyes = Perception(pool.lend, _InlineDesk(parser))
    raw, steady = [], []
    for i in range(50):
        frame = np.clip(astronaut + rng.normal(0, 3, astronaut.shape), 0, 255).astype(np.uint8)
        percept = eyes.look(frame, at_ms=33.3 * i)
        assert percept.is_new_person == (i == 0)
        raw.append(percept.raw_pose.xy[[joints.NOSE, *SHOULDERS]])
        steady.append(percept.pose.xy[[joints.NOSE, *SHOULDERS]])
    eyes.close()
    pool.close()
    trembles = [np.diff(np.array(track)[15:], axis=0).std() for track in (raw, steady)]
    assert trembles[1] < 0.65 * trembles[0]  # from one frame to the next
    face = percept.parsing.mask("face_skin", carry=carry(percept.parsing_pose, percept.pose))
    assert face[130, 215] > 0.8
    assert percept.parsing_age_ms <= 850.0  # at rest that is enough


class _InlineDesk:
    """A desk without a thread, so that the test does not depend on timing."""

    def __init__(self, parser) -> None:
        self._parser = parser

    def submit(self, customer, piece, *, done) -> None:
        done(self._parser.parse_crop(piece))

    def parse_now(self, customer, piece, *, done, patience_s) -> bool:
        done(self._parser.parse_crop(piece))
        return True

    def load(self) -> int:
        return 0

    def quiet(self) -> bool:
        return True

    def withdraw(self, customer) -> None:
        pass


def seen_to_move(dx: float = 0.0, *, astray: float = 0.0) -> Motion:
    """What the picture says: the trunk went by `dx` pixels, and the corners by its joints `astray` pixels off that."""
    matrix = np.array([[1.0, 0.0, dx], [0.0, 1.0, 0.0]])
    return Motion(matrix, standing().xy[11:25].astype(np.float64), np.full(14, astray))


def hunted(pose: Pose, i: int) -> Pose:
    """As a tracker hunts around somebody: 4 % of the shoulder width, about once a second."""
    xy = pose.xy.copy()
    xy[11:25] += np.float32([5.0 * np.sin(0.21 * i), 4.0 * np.cos(0.17 * i)])
    return changed(pose, xy=xy)


def test_who_is_seen_to_stand_still_is_held_still_and_without_a_picture_nothing_changes():
    held, alone, told_nothing = Steadier(), Steadier(), Steadier()
    out = []
    for i in range(150):
        out.append(held.step(hunted(standing(), i), 33.3 * i, motion=seen_to_move()).xy[SHOULDERS])
        a, b = (steadier.step(hunted(standing(), i), 33.3 * i) for steadier in (alone, told_nothing))
        np.testing.assert_array_equal(a.xy, b.xy)
    assert np.std(out[40:], axis=0).max() < 0.5
    assert np.abs(out[-1] - standing().xy[SHOULDERS]).max() < 3.0


def test_what_the_picture_says_is_followed_at_once_though_the_tracker_is_late():
    steadier = Steadier()
    for i in range(90):
        x, late = (320.0 + 5.0 * np.clip(i - delay - 30, 0, 30) for delay in (0, 3))
        pose = steadier.step(standing(late), 33.3 * i, motion=seen_to_move(5.0 if 30 < i <= 60 else 0.0))
        assert pose.xy[SHOULDERS, 0].mean() == pytest.approx(x, abs=1.8)  # while the tracker is off by 15


def test_who_is_seen_to_turn_is_followed_by_her_landmarks():
    steadier, behind = Steadier(), []
    for i in range(90):
        xy = standing().xy.copy()
        half = 60.0 * np.cos(0.02 * np.clip(i - 30, 0, 40))
        xy[SHOULDERS, 0] = 320.0 + np.array([half, -half])
        motion = seen_to_move(astray=0.6 if 30 < i <= 70 else 0.0)
        out = steadier.step(changed(standing(), xy=xy), 33.3 * i, motion=motion)
        behind.append(np.abs(out.xy[SHOULDERS, 0] - xy[SHOULDERS, 0]).max())
    assert max(behind) < 0.06 * 120.0  # the slack of a tracker that hunts
    assert behind[-1] < 0.03 * 120.0
