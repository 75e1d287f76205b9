"""The whole recipe: from a photo to a material, in order, the same every time, and stopped whenever somebody wants."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from skimage import data

from bench.swatch_bad import BAD
from fabric.scan import SIZES_PX, STAGES, Scan, scan
from fabric.scanning.findings import Given
from tests.swatch_photos import REPEAT_MM, gingham, swatch
from utils.errors import InputError


def told() -> Given:
    """All that a person can say of the gingham."""
    return Given(corners=gingham().corners, swatch_mm=gingham().size_mm)


@cache
def scanned() -> Scan:
    """The gingham, with nothing said of it."""
    return scan(gingham().photo, size_px=512)


@cache
def scanned_as_told() -> Scan:
    return scan(gingham().photo, told(), size_px=512)


def code_of(photo: np.ndarray, given: Given | None = None, **options: object) -> str:
    with pytest.raises(InputError) as refused:
        scan(photo, given, **options)
    return refused.value.code


# ---- what comes of it


def test_a_photo_becomes_maps():
    maps = scanned().surface
    assert maps.albedo.shape == (512, 512, 3)
    assert maps.albedo.dtype == np.uint8
    for plane in (maps.height_mm, maps.roughness, maps.occlusion):
        assert plane.shape == (512, 512)
        assert plane.dtype == np.float32
        assert np.isfinite(plane).all()
    np.testing.assert_allclose(np.linalg.norm(maps.normal, axis=2), 1.0, atol=1e-4)


def test_what_was_found_is_true():
    found = scanned()
    assert (found.outline.source, found.scale.source, found.lattice.kind) == ("found", "card", "periodic")
    per_cell = [side / count for side, count in zip(found.size_mm, found.tile.cells, strict=True)]
    assert per_cell == pytest.approx([REPEAT_MM, REPEAT_MM], rel=0.02)
    assert found.verdict.quality > 0.7
    assert found.verdict.seam_ratio < 1.2
    assert found.verdict.drift_delta_e < 2.0


def test_sizes_are_plain_numbers():
    found = scanned()
    assert all(type(side) is float for side in found.size_mm)
    assert type(found.px_per_mm) is float
    verdict = found.verdict
    figures = (verdict.seam_ratio, verdict.band_excess, verdict.repeat_excess, verdict.drift_delta_e, verdict.quality)
    assert all(type(figure) is float for figure in (*figures, verdict.sharpness, verdict.clipped, verdict.relief))
    assert 0.0 <= verdict.quality <= 1.0


def test_a_scan_is_a_material():
    material = scanned().material(id="x-1", name="Check")
    assert (material.id, material.name) == ("x-1", "Check")
    assert material.size_mm == scanned().size_mm
    assert material.height.shape == material.roughness.shape == (512, 512)
    assert scanned().material(id="x", name="y", size_mm=(40.0, 50.0)).size_mm == (40.0, 50.0)


def test_a_material_has_a_size_or_is_none():
    rendered = swatch(32)  # nothing of known size lies beside it
    found = scan(rendered.photo, size_px=512)
    assert (found.size_mm, found.px_per_mm, found.scale.source) == (None, None, None)
    assert any("true size" in word for word in found.verdict.warnings)
    with pytest.raises(InputError) as refused:
        found.material(id="x", name="y")
    assert refused.value.code == "scale_unknown"
    assert found.material(id="x", name="y", size_mm=(40.0, 50.0)).size_mm == (40.0, 50.0)


# ---- how it comes about


def test_the_stages_come_in_order():
    seen: list[str] = []
    found = scan(gingham().photo, told(), size_px=512, on_stage=seen.append)
    assert tuple(seen) == STAGES
    assert tuple(found.stages_ms) == STAGES
    assert all(ms >= 0.0 for ms in found.stages_ms.values())


@pytest.mark.parametrize("stage", ["outline", "light", "judge"])
def test_what_a_stage_raises_ends_the_scan(stage):
    class Enough(Exception):
        pass

    seen: list[str] = []

    def stop(name: str) -> None:
        seen.append(name)
        if name == stage:
            raise Enough

    with pytest.raises(Enough):
        scan(gingham().photo[::2, ::2], size_px=512, on_stage=stop)
    assert seen == list(STAGES[: STAGES.index(stage) + 1])


def test_the_same_photo_is_the_same_material_bit_for_bit():
    first, again = scanned_as_told().surface, scan(gingham().photo.copy(), told(), size_px=512).surface
    for name in ("albedo", "height_mm", "normal", "roughness", "occlusion"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))


def test_the_photo_is_left_as_it_was():
    photo = gingham().photo.copy()
    scan(photo, told(), size_px=512)
    np.testing.assert_array_equal(photo, gingham().photo)


def test_only_the_seed_changes_how_cloth_without_a_repeat_is_mixed():
    photo = swatch(10).photo
    first, again, other = (scan(photo, size_px=512, seed=seed) for seed in (1, 1, 2))
    assert first.lattice.kind in swatch(10).appears.kinds
    np.testing.assert_array_equal(first.surface.albedo, again.surface.albedo)
    assert (first.surface.albedo != other.surface.albedo).any()


# ---- what is asked of it


@pytest.mark.parametrize("size_px", [511, 4097, 0, -512])
def test_a_size_out_of_reach_is_refused(size_px):
    assert code_of(gingham().photo, size_px=size_px) == "bad_size"
    assert SIZES_PX == (512, 4096)


def test_the_smallest_and_a_larger_size_show_the_same_cloth():
    small, large = scanned_as_told(), scan(gingham().photo, told(), size_px=1280)
    assert large.surface.albedo.shape == (1280, 1280, 3)
    assert large.surface.albedo.mean() == pytest.approx(small.surface.albedo.mean(), abs=3.0)
    slopes = [np.hypot(*found.surface.normal[..., :2].transpose(2, 0, 1)).mean() for found in (small, large)]
    assert slopes[1] == pytest.approx(slopes[0], rel=0.5)


# ---- what is said wins


def test_given_corners_and_sizes_win():
    found = scanned_as_told()
    assert (found.outline.source, found.scale.source) == ("given", "given")
    np.testing.assert_allclose(found.outline.corners, gingham().corners, atol=1e-3)
    twice = scan(gingham().photo, Given(gingham().corners, tuple(2 * side for side in gingham().size_mm)), size_px=512)
    assert twice.px_per_mm == pytest.approx(found.px_per_mm / 2, rel=1e-3)


def test_a_given_repeat_wins():
    given = Given(gingham().corners, gingham().size_mm, repeat_mm=(2 * REPEAT_MM, REPEAT_MM))
    found = scan(gingham().photo, given, size_px=512)
    assert found.lattice.source == "given"
    assert np.linalg.norm(found.lattice.a) / found.px_per_mm == pytest.approx(2 * REPEAT_MM, rel=0.03)
    assert np.linalg.norm(found.lattice.b) / found.px_per_mm == pytest.approx(REPEAT_MM, rel=0.03)


def test_a_given_white_wins():
    h, w = gingham().photo.shape[:2]
    x, y = gingham().corners.mean(axis=0)
    found = scan(gingham().photo, Given(gingham().corners, white=(x - 90, y - 90, x + 90, y + 90)), size_px=512)
    assert found.even.white_source == "given"
    assert found.even.confidence > scanned().even.confidence
    assert found.even.linear.mean() == pytest.approx(0.9, abs=0.1)  # as if the cloth itself were paper
    assert code_of(gingham().photo, Given(white=(w - 5, h - 5, w + 9, h + 9))) == "bad_white"


# ---- what it is no use for


@pytest.mark.parametrize("reason", ["folded", "blurred", "overexposed"])
def test_a_bad_photo_is_refused_for_its_reason(reason):
    assert code_of(BAD[reason](8, (480, 640))) == {"folded": "not_flat"}.get(reason, reason)


@pytest.mark.parametrize("seed", [2, 7, 11, 12])
def test_a_swatch_far_away_is_too_small_not_cloth_of_the_tables_kind(seed):
    """Houndstooth on dark wood, satin on grey, herringbone on wood, a dotted one on marble: 40 pixels each."""
    with pytest.raises(InputError) as refused:
        scan(BAD["tiny"](seed))
    assert refused.value.code == "swatch_too_small"
    assert refused.value.hint


def test_cloth_in_waves_is_said_to_lie_so():
    """A gingham that is pushed aside by a sixth of its repeat, over half the swatch."""
    rendered = gingham()
    h, w = rendered.photo.shape[:2]
    y, x = np.mgrid[:h, :w].astype(np.float32)
    push = 0.16 * REPEAT_MM * rendered.px_per_mm * np.sin(y * (2.0 * np.pi / (0.4 * h)))
    wavy = cv2.remap(rendered.photo, x + push.astype(np.float32), y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    told = {name: scan(photo, Given(rendered.corners), size_px=512).verdict.warnings
            for name, photo in (("flat", rendered.photo), ("wavy", wavy))}  # fmt: skip
    assert not any("does not lie flat" in words for words in told["flat"])
    assert any("does not lie flat" in words for words in told["wavy"])


@pytest.mark.parametrize("seed", [0, 7, 12])
def test_a_fold_is_not_taken_for_the_swatch(seed):
    assert code_of(BAD["folded"](seed, (750, 1000))) == "not_flat"


def test_a_person_is_no_cloth():
    assert code_of(data.astronaut()) in ("not_cloth", "not_flat")


def test_a_black_photo_is_refused():
    assert code_of(np.zeros((600, 800, 3), np.uint8)) == "underexposed"


def test_a_photo_of_one_colour_makes_a_plain_material():
    paint = np.full((600, 800, 3), (40, 60, 130), np.uint8)
    found = scan(paint, size_px=512)
    assert found.lattice.kind == "plain"
    assert np.abs(found.surface.albedo.astype(int) - paint[0, 0]).max() <= 3


@pytest.mark.parametrize("hw", [(80, 80), (90, 300), (150, 100)])
def test_the_smallest_photos_make_a_material_too(hw):
    (x, y), (h, w) = swatch(10).corners.mean(axis=0).astype(int), hw
    photo = swatch(10).photo[y - h // 2 : y + h // 2, x - w // 2 : x + w // 2]
    assert scan(photo, size_px=512).surface.albedo.shape == (512, 512, 3)


def test_a_photo_too_small_to_show_cloth_is_refused():
    assert code_of(gingham().photo[:60, :60]) == "swatch_too_small"
