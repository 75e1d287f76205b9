"""The phone that takes the picture: where it stands, its lens, its sensor and its file.

Owns the pinhole, blur, vignette, exposure, white balance, noise and JPEG; must not know what lies on the table.
The table is the plane z = 0 with x to the right, y towards the photographer and millimetres as its unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from utils.colour import linear_to_srgb8

_FULL_FRAME_MM = 43.27  # diagonal that "35 mm equivalent" refers to
_MARGIN = 0.015  # of the photo's sides, kept free around what must be in view


@dataclass(frozen=True)
class Camera:
    """One way of taking a picture."""

    hw: tuple[int, int]
    focal_mm: float
    """35 mm equivalent."""
    tilt_deg: float
    """0 looks straight down."""
    azimuth_deg: float
    """From where on the table it looks; 90 is from the photographer's side."""
    roll_deg: float
    blur_px: float
    """Deviation of the lens's blur in the middle; at the corners it is `1 + blur_growth` times as large."""
    blur_growth: float
    vignette: float
    """Share of light that is lost in the corners."""
    exposure: float
    """1 is what a meter would choose."""
    balance: np.ndarray
    """float (3,): what is left of the lamp's colour after the camera's white balance."""
    noise: float
    """Deviation at mid grey, in shares of full scale."""
    jpeg: int
    """Quality."""


def draw_camera(rng: np.random.Generator, *, wide: bool) -> Camera:
    """A phone in somebody's hand, mostly held as what there is to see is `wide` or high."""
    megapixels = float(rng.choice([1.2, 2.0, 2.4, 3.1, 12.0], p=[0.1, 0.3, 0.3, 0.23, 0.07]))
    long_px = 4 * round(math.sqrt(megapixels * 1e6 * 4 / 3) / 4)
    hw = (long_px * 3 // 4, long_px) if wide != (rng.random() < 0.2) else (long_px, long_px * 3 // 4)
    sharper = 1.35 if megapixels > 10.0 else 1.0  # a photo in its full size is softer per pixel
    return Camera(
        hw=hw,
        focal_mm=float(rng.uniform(24.0, 35.0)),
        tilt_deg=float(rng.uniform(0.0, 40.0)),
        azimuth_deg=float(rng.uniform(0.0, 360.0)),
        roll_deg=float(rng.normal(0.0, 8.0)),
        blur_px=sharper * float(rng.uniform(0.45, 0.95)),
        blur_growth=float(rng.uniform(0.1, 0.8)),
        vignette=float(rng.uniform(0.05, 0.3)),
        exposure=float(2.0 ** rng.uniform(-0.4, 0.1)),
        balance=left_of_lamp(float(rng.uniform(2800.0, 7500.0)), corrected=float(rng.uniform(0.75, 1.02))),
        noise=float(rng.uniform(0.003, 0.014)),
        jpeg=int(rng.integers(75, 96)),
    )


def stand(camera: Camera, must_see: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the camera stands so that all of `must_see` (N, 2), mm, just fits.

    Returns the homography float64 (3, 3) from table mm to photo px, and the place float64 (3,): x, y, height in mm.
    """
    h, w = camera.hw
    lens = camera.focal_mm / _FULL_FRAME_MM * math.hypot(h, w)
    aim = (must_see.min(axis=0) + must_see.max(axis=0)) / 2.0
    away = 0.4 * float(np.ptp(must_see, axis=0).max()) * lens / min(h, w)
    room = np.array([w, h]) * (1.0 - 2.0 * _MARGIN)
    for _ in range(200):
        for _ in range(6):  # what is near looms larger: aim at the middle of what is seen, not of the table
            to_photo, place = _look_at(camera, aim, away)
            seen = through(to_photo, must_see)
            middle = (seen.min(axis=0) + seen.max(axis=0)) / 2.0
            aim = through(np.linalg.inv(to_photo), middle[None])[0]
        to_photo, place = _look_at(camera, aim, away)
        seen = through(to_photo, must_see)
        inside = np.abs(seen - (np.array([w, h]) - 1.0) / 2.0).max(axis=0) <= room / 2.0
        if inside.all():
            return to_photo, place * (1.0, 1.0, -1.0)
        away *= 1.03
    raise RuntimeError("the camera cannot see all of it from any distance")


def through(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float64 (N, 2): where a homography takes `points` (N, 2)."""
    mapped = np.column_stack([points, np.ones(len(points))]) @ np.asarray(homography, np.float64).T
    return mapped[:, :2] / mapped[:, 2:]


def photograph(radiance: np.ndarray, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """uint8 (H, W, 3) sRGB from linear radiance float32 (H, W, 3), which is used up."""
    seen = _lens(radiance, camera)
    seen *= camera.balance.astype(np.float32)
    some = seen[::7, ::7]
    brightest = np.percentile(some.max(axis=2), 99.5)  # what is white must not burn out, as long as it is not a glare
    seen *= np.float32(camera.exposure * min(0.88 / brightest, 0.42 / some.mean()))
    noise = cv2.GaussianBlur(rng.standard_normal(seen.shape, dtype=np.float32), (0, 0), 0.6)
    seen += noise * np.float32(camera.noise / 0.45) * np.sqrt(np.maximum(seen, 0.0) + np.float32(0.004))
    coded = linear_to_srgb8(seen)
    quality = [cv2.IMWRITE_JPEG_QUALITY, camera.jpeg]
    return cv2.imdecode(cv2.imencode(".jpg", coded[..., ::-1], quality)[1], cv2.IMREAD_COLOR_RGB)


def left_of_lamp(kelvin: float, *, corrected: float) -> np.ndarray:
    """float64 (3,), green 1: a lamp's colour after a white balance that shifts by `corrected` of what it should."""
    lamp = _planck(kelvin) / _planck(6500.0)
    return (lamp / lamp[1]) ** (1.0 - corrected)


def _look_at(camera: Camera, centre: np.ndarray, away: float) -> tuple[np.ndarray, np.ndarray]:
    tilt, azimuth, roll = (math.radians(a) for a in (camera.tilt_deg, camera.azimuth_deg, camera.roll_deg))
    from_there = np.array([math.sin(tilt) * math.cos(azimuth), math.sin(tilt) * math.sin(azimuth), -math.cos(tilt)])
    place = np.array([*centre, 0.0]) + away * from_there
    ahead = -from_there
    down = np.array([0.0, 1.0, 0.0]) - ahead[1] * ahead
    down /= np.linalg.norm(down)
    right = np.cross(down, ahead)
    turned = [math.cos(roll) * right + math.sin(roll) * down, -math.sin(roll) * right + math.cos(roll) * down, ahead]
    rotation = np.array(turned)
    h, w = camera.hw
    lens = camera.focal_mm / _FULL_FRAME_MM * math.hypot(h, w)
    inner = np.array([[lens, 0.0, (w - 1) / 2.0], [0.0, lens, (h - 1) / 2.0], [0.0, 0.0, 1.0]])
    to_photo = inner @ np.column_stack([rotation[:, 0], rotation[:, 1], -rotation @ place])
    return to_photo / abs(to_photo[2, 2]), place  # the sign says what lies before the camera


def _lens(radiance: np.ndarray, camera: Camera) -> np.ndarray:
    """Blur that grows towards the corners, and the light that is lost there."""
    h, w = radiance.shape[:2]
    x = (np.arange(w, dtype=np.float32) - (w - 1) / 2) / (math.hypot(h, w) / 2)
    y = (np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2) / (math.hypot(h, w) / 2)
    outward = (x * x + y * y)[..., None]
    middle = cv2.GaussianBlur(radiance, (0, 0), camera.blur_px)
    corner = cv2.GaussianBlur(radiance, (0, 0), camera.blur_px * (1.0 + camera.blur_growth))
    corner -= middle
    corner *= outward
    middle += corner
    middle *= 1.0 - np.float32(camera.vignette) * outward
    return middle


def _planck(kelvin: float) -> np.ndarray:
    """Of a black body at the wavelengths of sRGB's primaries, any scale."""
    wavelength_m = np.array([611e-9, 549e-9, 464e-9])
    return wavelength_m**-5 / np.expm1(1.4388e-2 / (wavelength_m * kelvin))
