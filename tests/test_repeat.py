"""The repeat: the true cell of every weave, turned or not, and no repeat where there is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from fabric.scanning import repeat
from fabric.scanning.contrast import measure
from fabric.scanning.findings import Given, Lattice
from fabric.scanning.repeat import find_repeat
from tests.laid_cloth import DRAFTS, draft, lay, pictured
from utils.errors import InputError

# Cloths whose repeat a camera sees; of the others see below.
PATTERNED = [
    *("herringbone-grey", "houndstooth-black-white", "windowpane-brown", "pinstripe-navy"),
    *("hopsack-navy", "twill-sand", "plain-navy", "bengal-stripe-blue", "tweed-tan-herringbone"),
]
CHECK = draft(warp="6*(4k 4w) 6*(2k 2w)", weft="6*(4k 4w) 6*(2k 2w)")


def same_lattice(found: Lattice, truth: np.ndarray, *, within: float = 0.01) -> bool:
    """Each spans the other, to `within` of the found vectors' lengths."""
    basis = np.array([found.a, found.b])
    times = np.rint(basis @ np.linalg.inv(truth))
    off = np.linalg.norm(basis - times @ truth, axis=1) / np.linalg.norm(basis, axis=1)
    return bool(abs(round(np.linalg.det(times))) == 1 and (off < within).all())


def scale_for(cloth) -> float:
    """Pixels per millimetre that show the threads, and two and a half repeats."""
    threads = np.clip(1000.0 / (2.6 * max(cloth.repeat())), 3.0, 6.0)
    return float(threads * max(cloth.ends_per_cm, cloth.picks_per_cm) / 10.0)


@pytest.mark.parametrize("turn_deg", [0.0, 11.0])
@pytest.mark.parametrize("name", PATTERNED)
def test_the_cell_of_every_weave_is_found(name, turn_deg):
    cloth = DRAFTS[name]
    flat, even, _, truth = lay(cloth, px_per_mm=scale_for(cloth), wh=(1000, 850), turn_deg=turn_deg)
    found = find_repeat(even, flat, Given())
    assert found.kind == "periodic"
    assert same_lattice(found, truth)
    assert found.confidence > 0.3
    assert found.angle_deg == pytest.approx(turn_deg, abs=0.5)


@pytest.mark.parametrize("turn_deg", [-25.0, -3.0, 4.0, 30.0])
def test_a_twill_is_found_at_any_angle(turn_deg):
    flat, even, _, truth = lay(draft(), px_per_mm=10.0, wh=(800, 700), turn_deg=turn_deg)
    assert same_lattice(find_repeat(even, flat, Given()), truth)


def test_a_check_is_not_taken_for_the_blocks_it_is_made_of():
    flat, even, _, truth = lay(CHECK, px_per_mm=8.0, wh=(900, 860))
    found = find_repeat(even, flat, Given())
    assert same_lattice(found, truth)
    assert min(np.linalg.norm(found.a), np.linalg.norm(found.b)) == pytest.approx(72 / 20 * 10 * 8.0, rel=0.01)


def test_weave_and_pattern_are_two_lattices():
    cloth = draft(warp="38k 2w", weft="w")
    flat, even, _, truth = lay(cloth, px_per_mm=14.0, wh=(1400, 1100), blur_px=0.5)
    found = find_repeat(even, flat, Given())
    assert same_lattice(found, truth)
    assert found.fine_a is not None
    fine = np.array([found.fine_a, found.fine_b])
    assert 4.0 * abs(np.linalg.det(fine)) < abs(np.linalg.det(truth))
    times = np.array([found.a, found.b]) @ np.linalg.inv(fine)
    assert np.abs(times - np.rint(times)).max() < 0.2


def test_colours_of_equal_lightness_repeat_too():
    x = np.arange(700) // 35 % 2
    stripes = np.where(x[None, :, None] == 1, [0.30, 0.12, 0.10], [0.08, 0.178, 0.30]).astype(np.float32)
    picture = np.repeat(stripes, 600, axis=0)
    picture += np.random.default_rng(1).standard_normal(picture.shape).astype(np.float32) * np.float32(0.01)
    flat, even = pictured(picture)
    found = find_repeat(even, flat, Given())
    assert found.a[0] == pytest.approx(70.0, rel=0.01)
    assert found.repeats == (pytest.approx(10.0, rel=0.02), 0.0)  # alike all along the stripes


@pytest.mark.parametrize("name", ["flannel-mid-grey", "flannel-camel"])
def test_flannel_never_repeats(name):
    flat, even, _, _ = lay(DRAFTS[name], px_per_mm=14.0, wh=(1100, 900))
    found = find_repeat(even, flat, Given())
    assert found.kind == "stochastic"
    assert found.a is None
    assert found.b is None
    assert found.repeats == (0.0, 0.0)


@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_next_to_nothing_to_see_is_plain(noise):
    picture = np.full((700, 800, 3), 0.85, np.float32)
    picture += np.random.default_rng(2).standard_normal(picture.shape, dtype=np.float32) * np.float32(noise)
    assert find_repeat(*pictured(picture)[::-1], Given()).kind == "plain"


def test_mottle_alone_is_not_taken_for_a_repeat():
    rng = np.random.default_rng(3)
    mottle = cv2.GaussianBlur(rng.standard_normal((900, 1100), dtype=np.float32), (0, 0), 4.0)
    picture = np.clip(0.3 + 0.1 * mottle / mottle.std(), 0.02, 1.0)
    flat, even = pictured(np.dstack([picture] * 3).astype(np.float32))
    assert find_repeat(even, flat, Given()).kind == "stochastic"


# ---- what a person gives


def test_a_given_repeat_wins_and_is_made_exact():
    cloth = draft(warp="4k 4w", weft="4k 4w")
    flat, even, _, _ = lay(cloth, px_per_mm=12.0, wh=(900, 800))
    two = (2 * 8 / 2.0, 2 * 8 / 1.8)  # millimetres: two repeats each way, which nobody would find by himself
    found = find_repeat(even, flat, Given(repeat_mm=(two[0] * 1.02, two[1] * 0.985)))
    assert found.source == "given"
    assert found.confidence == 1.0
    assert np.abs(found.a) == pytest.approx([two[0] * 12.0, 0.0], abs=1.0)
    assert np.abs(found.b) == pytest.approx([0.0, two[1] * 12.0], abs=1.0)


def test_a_given_repeat_is_believed_where_nothing_is_found():
    flat, even = pictured(np.full((400, 500, 3), 0.5, np.float32), px_per_mm=5.0)
    found = find_repeat(even, flat, Given(repeat_mm=(20.0, 30.0)))
    assert found.kind == "periodic"
    assert found.a == pytest.approx([100.0, 0.0])
    assert found.b == pytest.approx([0.0, 150.0])


@pytest.mark.parametrize(
    ("repeat_mm", "px_per_mm", "word"),
    [
        ((150.0, 20.0), 5.0, "larger than the cloth"),
        ((20.0, 20.0), None, "scale of the photo"),
        ((0.0, 20.0), 5.0, "above zero"),
        ((float("nan"), 20.0), 5.0, "above zero"),
        ((0.1, 0.1), 5.0, "finer than the photo"),
    ],
)
def test_a_repeat_that_cannot_be_is_refused(repeat_mm, px_per_mm, word):
    flat, even = pictured(np.full((400, 500, 3), 0.5, np.float32), px_per_mm=px_per_mm)
    with pytest.raises(InputError, match=word) as refused:
        find_repeat(even, flat, Given(repeat_mm=repeat_mm))
    assert refused.value.code == "bad_repeat"


def test_the_same_picture_gives_the_same_lattice():
    flat, even, _, _ = lay(draft(), px_per_mm=10.0, wh=(600, 500))
    one, other = (find_repeat(even, flat, Given()) for _ in range(2))
    assert np.array_equal(one.a, other.a)
    assert np.array_equal(one.b, other.b)


@pytest.mark.parametrize("hw", [(64, 64), (97, 501), (40, 900)])
def test_small_and_narrow_pictures_are_looked_at_without_harm(hw):
    picture = np.random.default_rng(4).random((*hw, 3), dtype=np.float32)
    assert find_repeat(*pictured(picture)[::-1], Given()).kind in ("periodic", "stochastic", "plain")


def test_the_two_ribs_of_a_herringbone_are_not_taken_for_one():
    cloth = DRAFTS["herringbone-grey"]
    flat, even, _, truth = lay(cloth, px_per_mm=16.0, wh=(1300, 1000), turn_deg=5.0)
    assert same_lattice(find_repeat(even, flat, Given()), truth)


@pytest.mark.parametrize("px_per_mm", [6.0, 11.0])
def test_ends_up_are_not_taken_for_ends_down_in_a_plain_weave_of_one_colour(px_per_mm):
    yarns = {"a": {"fibres": [["#a2a6ad", 35], ["#bec3cc", 45], ["#e0e6f0", 20]], "melange": 0.2}}
    counts = {"ends_per_cm": 9.53, "picks_per_cm": 8.88, "slub": 0.31, "warp_proud": 0.04, "cover": 0.96, "seed": 7}
    cloth = draft(weave="plain", yarns=yarns, warp="a", weft="a", **counts)
    flat, even, _, truth = lay(cloth, px_per_mm=px_per_mm, wh=(900, 800))
    assert same_lattice(find_repeat(even, flat, Given()), truth)


def test_cells_that_explain_no_more_than_chance_are_no_repeat(monkeypatch):
    monkeypatch.setattr(repeat, "judge", lambda lines, bases: (np.zeros(len(bases)), np.full(len(bases), -1.0)))
    flat, even, _, _ = lay(DRAFTS["twill-sand"], px_per_mm=12.0, wh=(900, 800))
    assert find_repeat(even, flat, Given()).a is None


def test_a_trace_of_colour_that_repeats_does_not_hide_the_mottle_that_does_not():
    rng = np.random.default_rng(6)
    mottle = cv2.GaussianBlur(rng.standard_normal((700, 800), dtype=np.float32), (0, 0), 4.0)
    picture = np.dstack([0.3 + 0.05 * mottle / mottle.std()] * 3)
    picture[..., 2] *= 1.0 + 0.003 * np.sin(np.arange(800, dtype=np.float32) * np.float32(np.pi / 8.0))  # as JPEGs have
    seen = measure(picture.astype(np.float32), np.array([[16.0, 0.0], [0.0, 16.0]]))
    assert seen.irregular > 3.0
