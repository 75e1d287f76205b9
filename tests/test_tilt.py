"""The tilt of cloth that fills the photo is read off the cloth, and nothing is made up where it does not tell."""

from __future__ import annotations

import math
from functools import cache

import cv2
import numpy as np
import pytest

from fabric.draft import Draft
from fabric.scan import Scan, scan
from fabric.scanning.findings import Given, Outline, Scale
from fabric.scanning.light import even_out
from fabric.scanning.outline import frame_corners
from fabric.scanning.rectify import FOCAL, apply, rectify
from fabric.scanning.repeat import find_repeat
from fabric.scanning.tilt import find_vanishing, in_its_plane, plane_of, see_tilt
from tests.laid_cloth import DRAFTS, draft, lay
from utils.colour import linear_to_srgb8

HW = 768, 1024
FRAME = Outline(frame_corners(HW), "frame", 0.5)
TILTS = [np.array([0.35, -0.2]), np.array([-0.1, 0.75]), np.array([0.0, 0.0])]


@cache
def cloth_of(cloth: Draft, px_per_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (H, W, 3) of cloth seen square on, twice as large as a photo; its lattice in pixels."""
    flat, _, _, lattice = lay(cloth, px_per_mm=px_per_mm, wh=(2 * HW[1], 2 * HW[0]), turn_deg=4.0)
    return linear_to_srgb8(flat.linear), lattice


def seen(cloth: np.ndarray, vanishing: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 (*HW, 3): a photo of the middle of flat cloth, whose plane vanishes there, and the way from the cloth."""
    middle = np.array([[1.0, 0.0, -(cloth.shape[1] - HW[1]) / 2], [0.0, 1.0, -(cloth.shape[0] - HW[0]) / 2], [0, 0, 1]])
    to_photo = np.linalg.inv(plane_of(vanishing, HW)) @ np.diag([0.6, 0.6, 1.0]) @ centred(-1.0) @ middle
    photo = cv2.warpPerspective(cloth, to_photo, HW[::-1], flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    noise = np.random.default_rng(8).normal(0.0, 2.0, photo.shape)
    return np.clip(photo + noise, 0, 255).astype(np.uint8), to_photo


def centred(sign: float) -> np.ndarray:
    """Moves a photo's middle to the origin."""
    return np.array([[1.0, 0.0, sign * (HW[1] - 1) / 2], [0.0, 1.0, sign * (HW[0] - 1) / 2], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("vanishing", TILTS, ids=str)
@pytest.mark.parametrize("name", ["hopsack-forest-green", "houndstooth-black-white"])
def test_the_line_where_the_cloth_vanishes_is_found(name, vanishing):
    photo, _ = seen(cloth_of(DRAFTS[name], 9.0)[0], vanishing)
    assert find_vanishing(photo) == pytest.approx(vanishing, abs=0.02)


def test_a_tilted_close_up_is_laid_flat_and_its_repeat_found():
    cloth, lattice = cloth_of(draft(warp="8k 8w", weft="8k 8w"), 5.0)
    photo, to_photo = seen(cloth, np.array([0.4, 0.5]))
    flat = rectify(photo, see_tilt(photo, FRAME), Scale(None, None, 0.0), Given())
    found = find_repeat(even_out(flat), flat, Given())
    h, w = flat.linear.shape[:2]
    around = np.array([w, h]) / 2.0 + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    on_cloth = apply(np.linalg.inv(flat.from_photo @ to_photo), around)
    times = np.array([found.a, found.b]) @ (on_cloth[1:] - on_cloth[0]) @ np.linalg.inv(lattice)
    assert times == pytest.approx(np.rint(times), abs=0.01)
    assert abs(round(np.linalg.det(times))) == 1


@pytest.mark.parametrize("name", ["mottle", "blocks", "waves"])
def test_no_tilt_is_made_up(name):
    rng = np.random.default_rng(7)
    noise = rng.normal(0.0, 1.0, (*HW, 3))
    if name == "mottle":
        photo = 128.0 + 200.0 * cv2.GaussianBlur(noise, (0, 0), 3.0)
    elif name == "blocks":  # a JPEG's own are the same all over the photo, however the cloth lies
        seen_at = np.clip(128.0 + 6.0 * noise, 0, 255).astype(np.uint8)
        photo = cv2.imdecode(cv2.imencode(".jpg", seen_at, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
    else:  # cloth in folds: another weave here than there, on no plane
        y, x = np.indices(HW)
        photo = 128.0 + 80.0 * np.sin(x * 0.4 + 40.0 * np.sin(y / 90.0) + 30.0 * np.sin(x / 70.0))[..., None] + noise
    assert find_vanishing(np.clip(photo, 0, 255).astype(np.uint8)) is None
    outline = see_tilt(np.clip(photo, 0, 255).astype(np.uint8), FRAME)
    assert outline.to_plane is None


def test_a_photo_too_small_for_windows_tells_nothing():
    assert find_vanishing(np.full((300, 400, 3), 128, np.uint8)) is None


def test_an_outline_that_was_found_is_left_alone():
    photo, _ = seen(cloth_of(DRAFTS["twill-sand"], 9.0)[0], TILTS[0])
    outline = Outline(frame_corners(HW) * 0.5 + 50.0, "found", 0.9)
    assert see_tilt(photo, outline) is outline


def test_the_plane_is_seen_square_on_and_as_large_as_in_the_photo():
    tilt = math.radians(35.0)
    to_plane = plane_of(np.array([math.tan(tilt) / FOCAL, 0.0]), HW)
    middle = (np.array(HW[::-1]) - 1.0) / 2.0
    steps = apply(to_plane, middle + np.array([[0.0, 0.0], [1e-3, 0.0], [0.0, 1e-3]]))
    across, down = (steps[1:] - steps[0]) * 1e3
    assert np.linalg.norm(across) / np.linalg.norm(down) == pytest.approx(1.0 / math.cos(tilt), rel=1e-3)
    assert abs(np.linalg.det([across, down])) == pytest.approx(1.0, rel=1e-3)


@pytest.mark.parametrize("vanishing", TILTS, ids=str)
def test_nothing_beyond_the_photo_is_laid_flat(vanishing):
    outline = Outline(FRAME.corners, "frame", 0.5, to_plane=plane_of(vanishing, HW))
    flat = rectify(np.zeros((*HW, 3), np.uint8), outline, Scale(None, None, 0.0), Given())
    h, w = flat.linear.shape[:2]
    corners = apply(np.linalg.inv(flat.from_photo), frame_corners((h, w)))
    assert (corners > -1.0).all()
    assert (corners < np.array(HW[::-1])).all()
    assert h * w > 0.3 * HW[0] * HW[1]


def test_a_scale_counts_only_if_it_was_measured_in_the_cloths_plane():
    true, other = (plane_of(np.array(line), HW) for line in ((0.6, 0.1), (-0.2, 0.5)))
    millimetres = np.array([[0.3, -0.1, 5.0], [0.1, 0.3, 7.0], [0.0, 0.0, 1.0]])  # any turn, size and place
    card = Scale(millimetres @ true, "card", 0.9)
    cloth = Outline(FRAME.corners, "frame", 0.5, to_plane=true)
    assert in_its_plane(card, cloth, HW) is card
    assert in_its_plane(Scale(millimetres @ other, "card", 0.9), cloth, HW) == Scale(None, None, 0.0)
    assert in_its_plane(card, FRAME, HW) is card


def test_only_a_tilt_that_is_not_known_is_warned_of():
    photo, _ = seen(cloth_of(DRAFTS["houndstooth-black-white"], 9.0)[0], TILTS[0])
    assert not warned(scan(photo, size_px=512))
    mottle = cv2.GaussianBlur(np.random.default_rng(7).normal(0.0, 1.0, (*HW, 3)), (0, 0), 3.0)
    assert warned(scan(np.clip(128.0 + 200.0 * mottle, 0, 255).astype(np.uint8), size_px=512))


def warned(done: Scan) -> bool:
    return any("tilt" in warning for warning in done.verdict.warnings)
