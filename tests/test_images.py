"""Pictures from strangers: what is read, how it comes out, and what is refused with which code."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.bad_pictures import bomb, saved
from tests.serving import PATIENCE_S
from utils.errors import InputError
from utils.image_header import read_image_header
from utils.images import CAPTURE_LIMITS, LIVE_LIMITS, ImageLimits, fit_long_side, read_image, shrink_to, write_image

ROOT = Path(__file__).parents[1]


def scene(hw: tuple[int, int] = (48, 64)) -> np.ndarray:
    """uint8 RGB, smooth, with a red top left and a blue bottom right, so that every turn shows."""
    height, width = hw
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return np.stack([220 - 180 * x, 60 + 60 * y, 40 + 160 * (x + y) / 2], axis=-1).round().astype(np.uint8)


def close(pixels: np.ndarray, expected: np.ndarray, *, by: float) -> bool:
    """Mean absolute difference in levels."""
    return pixels.shape == expected.shape and np.abs(pixels.astype(float) - expected).mean() <= by


def refused(data: bytes, limits: ImageLimits = LIVE_LIMITS, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_image(data, limits=limits, **options)
    return caught.value.code


@pytest.mark.parametrize(("format", "by"), [("JPEG", 1.5), ("PNG", 0), ("WEBP", 2.5)])
def test_a_plain_picture_comes_out_as_it_went_in(format, by):
    pixels = read_image(saved(Image.fromarray(scene()), format, quality=95), limits=LIVE_LIMITS)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous
    assert close(pixels, scene(), by=by)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "I;16"])
def test_every_kind_of_png_becomes_rgb_or_rgba(mode):
    grey = scene()[..., 0]
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(scene()).convert(mode)
    data = saved(image, "PNG")
    expected = np.dstack([grey] * 3) if mode == "I;16" else np.asarray(image.convert("RGB"))
    assert close(read_image(data, limits=LIVE_LIMITS), expected, by=0.51)
    assert read_image(data, limits=LIVE_LIMITS, alpha=True).shape == (48, 64, 4)


def test_sixteen_bits_a_channel_are_rounded_to_eight():
    deep = cv2.imencode(".png", cv2.cvtColor(scene(), cv2.COLOR_RGB2BGR).astype(np.uint16) * 257)[1].tobytes()
    assert close(read_image(deep, limits=LIVE_LIMITS), scene(), by=0)
    rgba = np.dstack([scene()[..., ::-1], np.full((48, 64), 128, np.uint8)]).astype(np.uint16) * 257
    deep = cv2.imencode(".png", rgba)[1].tobytes()
    assert close(read_image(deep, limits=LIVE_LIMITS, alpha=True)[..., :3], scene(), by=0)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_alpha_is_kept_when_asked_for_and_laid_on_white_when_not(format):
    rgba = np.dstack([scene(), np.full((48, 64), 255, np.uint8)])
    rgba[:, :32, 3] = 0
    data = saved(Image.fromarray(rgba), format, lossless=True, exact=True)
    with_alpha = read_image(data, limits=LIVE_LIMITS, alpha=True)
    assert np.array_equal(with_alpha[..., 3], rgba[..., 3])
    flat = read_image(data, limits=LIVE_LIMITS)
    assert (flat[:, :32] == 255).all()
    assert np.array_equal(flat[:, 32:], rgba[:, 32:, :3])


def test_a_palette_with_a_transparent_colour_has_alpha():
    image = Image.fromarray(scene()).convert("P", palette=Image.Palette.ADAPTIVE, colors=8)
    data = saved(image, "PNG", transparency=0)
    alpha = read_image(data, limits=LIVE_LIMITS, alpha=True)[..., 3]
    assert np.array_equal(alpha == 0, np.asarray(image) == 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_orientation_is_undone(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    turned = scene().transpose(1, 0, 2)
    stored = {
        1: scene(), 2: scene()[:, ::-1], 3: scene()[::-1, ::-1], 4: scene()[::-1],
        5: turned, 6: np.rot90(scene(), 1), 7: np.rot90(turned, 2), 8: np.rot90(scene(), -1),
    }[orientation]  # fmt: skip
    data = saved(Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif, quality=95)
    assert close(read_image(data, limits=LIVE_LIMITS), scene(), by=2.5)


def test_cmyk_becomes_rgb():
    data = saved(Image.fromarray(scene()).convert("CMYK"), "JPEG", quality=95)
    assert close(read_image(data, limits=LIVE_LIMITS), scene(), by=3)
    assert read_image(data, limits=LIVE_LIMITS, alpha=True).shape == (48, 64, 4)


def display_p3() -> bytes:
    """A profile with Display P3's primaries, made from sRGB's by replacing the colorant tags."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    colorants = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    (count,) = struct.unpack_from(">I", profile, 128)
    for entry in range(count):
        tag, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if tag in colorants:
            struct.pack_into(">3i", profile, offset + 8, *(round(v * 65536) for v in colorants[tag]))
        if tag == b"desc":
            profile[offset + 8 :] = profile[offset + 8 :].replace(
                "sRGB".encode("utf-16-be"), "P3  ".encode("utf-16-be")
            )
    return bytes(profile)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_wide_gamut_profile_is_converted_to_srgb(format):
    """Pure P3 orange-brown (180, 90, 60) is more saturated than the same numbers in sRGB."""
    flat = Image.fromarray(np.full((32, 32, 3), (180, 90, 60), np.uint8))
    pixels = read_image(saved(flat, format, icc_profile=display_p3(), quality=98), limits=LIVE_LIMITS)
    # Worked out once by hand: linearise, P3 to XYZ to sRGB with the published matrices, encode.
    assert np.abs(pixels.reshape(-1, 3).mean(0) - (193.5, 83.4, 50.5)).max() < 3


def test_an_srgb_or_broken_profile_changes_nothing():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"not a profile", srgb[:200]):
        data = saved(Image.fromarray(scene()), "PNG", icc_profile=profile)
        assert np.array_equal(read_image(data, limits=LIVE_LIMITS), scene())


def test_a_profile_keeps_alpha_and_serves_grey():
    rgba = np.dstack([scene(), np.full((48, 64), 77, np.uint8)])
    pixels = read_image(saved(Image.fromarray(rgba), "PNG", icc_profile=display_p3()), limits=LIVE_LIMITS, alpha=True)
    assert (pixels[..., 3] == 77).all()
    grey = saved(Image.fromarray(scene()[..., 0]), "PNG", icc_profile=display_p3())
    assert close(read_image(grey, limits=LIVE_LIMITS), np.dstack([scene()[..., 0]] * 3), by=1)


def mpo() -> bytes:
    second = Image.fromarray(scene()[::-1].copy())
    return saved(Image.fromarray(scene()), "MPO", save_all=True, append_images=[second], quality=95)


def test_several_pictures_in_a_file_are_refused_live_and_give_the_first_in_an_upload():
    assert refused(mpo()) == "image_animated"
    assert close(read_image(mpo(), limits=CAPTURE_LIMITS), scene(), by=1.5)


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize("limits", [LIVE_LIMITS, CAPTURE_LIMITS])
def test_animations_are_refused(format, limits):
    second = Image.fromarray(scene()[::-1].copy())
    data = saved(Image.fromarray(scene()), format, save_all=True, append_images=[second])
    assert refused(data, limits) == "image_animated"


def test_formats_that_are_not_read_are_named_so():
    assert refused(saved(Image.fromarray(scene()), "GIF")) == "unsupported_format"
    assert refused(saved(Image.fromarray(scene()), "BMP")) == "unsupported_format"
    assert refused(saved(Image.fromarray(scene()), "TIFF")) == "unsupported_format"
    assert refused(b"\0\0\0\x18ftypheic" + bytes(100)) == "unsupported_format"
    assert refused(b"<svg xmlns='http://www.w3.org/2000/svg'/>") == "unsupported_format"
    assert refused(b"x" * 1000) == "unsupported_format"
    assert refused(b"") == "bad_image"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95, 0.999])
def test_a_picture_that_is_cut_off_is_refused_not_half_decoded(format, share):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), format, quality=90)
    assert refused(data[: int(len(data) * share)]) in ("image_truncated", "bad_image", "unsupported_format")


def test_a_broken_inside_is_refused_where_the_format_can_tell():
    data = bytearray(saved(Image.fromarray(scene()), "PNG"))
    data[len(data) // 2] ^= 0xFF
    assert refused(bytes(data)) == "bad_image"


@pytest.mark.parametrize("limits", [LIVE_LIMITS, CAPTURE_LIMITS])
@pytest.mark.parametrize("size", [(20_000, 20_000), (2**31 - 1, 2**31 - 1), (12_001, 16)])
def test_bombs_are_refused_by_their_header(size, limits):
    began_s = time.process_time()
    assert refused(bomb(*size), limits) == "image_too_large"
    assert time.process_time() - began_s < 0.2


def test_opencv_itself_refuses_what_slips_through():
    """The second fence: the limit that OpenCV reads from the environment when it is loaded by the server."""
    script = """
import server.__main__, cv2, numpy
from tests.bad_pictures import whole_bomb
try:
    assert cv2.imdecode(numpy.frombuffer(whole_bomb(), numpy.uint8), cv2.IMREAD_COLOR) is None
except cv2.error:
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S * 3
    )
    assert done.returncode == 0, done.stderr


def test_a_jpeg_that_claims_to_be_huge_is_refused():
    data = bytearray(saved(Image.fromarray(scene()), "JPEG"))
    at = data.index(b"\xff\xc0")
    struct.pack_into(">HH", data, at + 5, 20_000, 20_000)
    assert refused(bytes(data), CAPTURE_LIMITS) == "image_too_large"


def test_small_large_and_heavy_pictures_are_refused():
    assert refused(saved(Image.fromarray(scene((1, 1))), "PNG")) == "image_too_small"
    assert refused(saved(Image.fromarray(scene((15, 64))), "PNG")) == "image_too_small"
    assert read_image(saved(Image.fromarray(scene((16, 16))), "PNG"), limits=LIVE_LIMITS).shape == (16, 16, 3)
    assert refused(write_image(np.zeros((1600, 1400, 3), np.uint8), format="jpeg")) == "image_too_large"
    assert refused(bytes(LIVE_LIMITS.max_bytes + 1)) == "image_too_large"


def test_a_full_hd_frame_is_live():
    assert read_image(write_image(np.zeros((1080, 1920, 3), np.uint8), format="jpeg"), limits=LIVE_LIMITS).shape == (
        1080,
        1920,
        3,
    )


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_random_damage_is_a_picture_or_a_coded_error(format):
    """Whatever is flipped, cut or doubled: pixels of a legal size or an InputError, never another exception."""
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = saved(Image.fromarray(scene()), format, exif=exif, icc_profile=display_p3())
    rng = np.random.default_rng(7)
    for _ in range(400):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), rng.integers(1, 6)):
            data[at] = rng.integers(0, 256)
        data = data[: rng.integers(len(data) // 2, len(data) + 1)] if rng.random() < 0.3 else data
        try:
            pixels = read_image(bytes(data), limits=LIVE_LIMITS)
        except InputError:
            continue
        assert pixels.dtype == np.uint8
        assert pixels.shape[0] * pixels.shape[1] <= LIVE_LIMITS.max_pixels


@pytest.mark.parametrize("format", ["jpeg", "webp", "png"])
def test_what_is_written_can_be_read(format):
    data = write_image(scene(), format=format, quality=95)
    assert read_image_header(data).format == format
    assert close(read_image(data, limits=LIVE_LIMITS), scene(), by=2.5)


def test_png_and_webp_carry_alpha_out():
    rgba = np.dstack([scene(), np.full((48, 64), 90, np.uint8)])
    assert np.array_equal(read_image(write_image(rgba, format="png"), limits=LIVE_LIMITS, alpha=True), rgba)
    assert (read_image(write_image(rgba, format="webp"), limits=LIVE_LIMITS, alpha=True)[..., 3] == 90).all()


def test_fine_colour_survives_a_high_quality():
    """Red and blue pin stripes of one pixel: at half the colour resolution they would turn purple."""
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2, 0] = stripes[:, 1::2, 2] = 200
    read = read_image(write_image(stripes, format="jpeg", quality=92), limits=LIVE_LIMITS)
    assert np.abs(read.astype(int) - stripes).mean() < 12


def test_fitting_the_long_side_shrinks_and_never_enlarges():
    assert fit_long_side(scene(), 32).shape == (24, 32, 3)
    assert fit_long_side(scene(), 64) is not None
    assert fit_long_side(scene(), 640).shape == (48, 64, 3)
    assert fit_long_side(np.zeros((1000, 2, 3), np.uint8), 16).shape == (16, 1, 3)


def test_judging_costs_next_to_nothing_on_a_live_frame():
    """The budget is 0.3 ms above the bare decode at 640 x 480."""
    data = write_image(scene((480, 640)), format="jpeg")
    spent_ms = []
    for _ in range(50):
        began_s = time.perf_counter()
        read_image_header(data)
        spent_ms.append((time.perf_counter() - began_s) * 1e3)
    assert min(spent_ms) < 0.1


def test_a_shrunk_picture_tells_by_how_much():
    wide = np.zeros((300, 1000, 3), np.uint8)
    wide[149:151, 499:501] = 255
    small, factor = shrink_to(wide, 333)
    assert small.shape == (100, 333, 3)
    assert factor == pytest.approx(0.333)
    y, x = np.argwhere(small[..., 0] == small.max())[0]
    assert (x + 0.5) / factor - 0.5 == pytest.approx(499.5, abs=1.5)
    assert (y + 0.5) / factor - 0.5 == pytest.approx(149.5, abs=1.5)
    same, factor = shrink_to(wide, 1000)
    assert same is wide
    assert factor == 1.0
