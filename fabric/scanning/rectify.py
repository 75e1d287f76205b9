"""The cloth seen square on.

Owns the homography from the photo to the flat picture and the resampling; must not know how corners or scale were
found. Where something of known size fixes the plane, the flat picture's pixels are a whole share of its millimetres.
Where nothing does, the swatch is taken for a rectangle, and how long it is for its width follows from how a camera
foreshortens one (Zhang and He 2007, "Whiteboard scanning and image enhancement").
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from fabric.scanning.blur import estimate_blur_px
from fabric.scanning.findings import Flat, Given, Outline, Scale
from utils.colour import srgb_to_linear
from utils.errors import InputError

FOCAL = 0.78  # of a phone's main camera, in long sides of its picture
_FOCAL_RANGE = 0.55, 1.6
_BURNT = 252  # from this code on a channel tells nothing any more
_LEAST_PX = 64  # of the swatch's short side in the photo
_MM_RANGE = 5.0, 5000.0
_FRAYED = 0.015
_SOFTENED = 0.55  # deviation, in pixels of the flat picture, of what it averages: as a pixel and a bit more
_WHOLE = 0.95  # times a whole number smaller, from which on so many pixels are averaged first: far quicker than parts


def rectify(photo: np.ndarray, outline: Outline, scale: Scale, given: Given, *, long_side_px: int = 2048) -> Flat:
    """Lay uint8 RGB `photo` flat, at no more pixels than the photo has of the cloth.

    Raises:
        InputError: swatch_too_small; bad_size, if the swatch is said to be of an impossible size.
    """
    corners = outline.corners.astype(np.float64)
    span_px = _sides_px(corners)
    if min(span_px) < _LEAST_PX:
        raise InputError("swatch_too_small", "the swatch is too small in the photo", hint="go closer to the cloth")
    to_plane, px_per_unit = _plane(outline, scale, given, hw=photo.shape[:2])
    placed = apply(to_plane, corners)
    if outline.source == "frame":  # cloth there is outside of it as well, but nobody knows what it looks like
        low, high = _box_within(placed)
        finest = _fineness(to_plane, (low + high) / 2.0)
    else:
        low, high = _inner_box(placed, inset=_FRAYED if outline.source == "found" else 0.0)
        finest = max(span_px) / max(high - low)
    extent = high - low
    zoom = min(finest, long_side_px / max(extent))
    wh = np.maximum(np.round(extent * zoom).astype(int), 8)
    shrink = np.array([[zoom, 0, -low[0] * zoom - 0.5], [0, zoom, -low[1] * zoom - 0.5], [0, 0, 1.0]])
    from_photo = shrink @ to_plane
    rgb, blur_px = _resample(photo, from_photo, (int(wh[0]), int(wh[1])), reduce=finest / zoom)
    linear = srgb_to_linear(rgb)
    return Flat(
        linear=linear,
        from_photo=from_photo,
        px_per_mm=float(zoom * px_per_unit) if px_per_unit is not None else None,
        clipped=cv2.inRange(rgb, (0, 0, 0), (_BURNT - 1,) * 3) == 0,
        sharpness_px=max(blur_px, estimate_blur_px(linear)),
    )


def apply(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    """float64 (N, 2) points carried over by a homography."""
    there = np.column_stack([points, np.ones(len(points))]) @ homography.T
    return there[:, :2] / there[:, 2:]


def aspect_of(corners: np.ndarray, hw: tuple[int, int], *, usual_focal: float = FOCAL) -> float:
    """Width over height of the rectangle whose corners, float (4, 2) clockwise, are seen in a photo of that size.

    The camera's axis is taken to go through the photo's middle. The focal length follows from the right angle between
    the sides where they converge clearly, else it is a phone's: `usual_focal` long sides of the photo.
    """
    centre = np.array([(hw[1] - 1) / 2, (hw[0] - 1) / 2])
    long_side = float(max(hw))
    m = np.column_stack([(corners - centre) / long_side, np.ones(4)])
    tl, tr, br, bl = m
    k2 = np.cross(tl, br) @ bl / (np.cross(tr, br) @ bl)
    k3 = np.cross(tl, br) @ tr / (np.cross(bl, br) @ tr)
    across, down = k2 * tr - tl, k3 * bl - tl
    focal = usual_focal
    if abs(across[2] * down[2]) > 4e-4:
        squared = -(across[0] * down[0] + across[1] * down[1]) / (across[2] * down[2])
        weight = min(1.0, abs(across[2] * down[2]) / 8e-3)
        if _FOCAL_RANGE[0] ** 2 < squared < _FOCAL_RANGE[1] ** 2:
            focal = usual_focal ** (1 - weight) * math.sqrt(squared) ** weight
    lengths = [math.hypot(v[0] / focal, v[1] / focal, v[2]) for v in (across, down)]
    return lengths[0] / lengths[1]


def _plane(outline: Outline, scale: Scale, given: Given, *, hw: tuple[int, int]) -> tuple[np.ndarray, float | None]:
    """Homography from the photo to the cloth's plane, the swatch upright in it, and units per millimetre if known."""
    corners = outline.corners.astype(np.float64)
    if given.swatch_mm is not None:
        width, height = given.swatch_mm
        if not all(_MM_RANGE[0] <= side <= _MM_RANGE[1] for side in (width, height)):
            raise InputError("bad_size", "a swatch measures 5 to 5000 mm a side", hint="give its size in millimetres")
        return _onto_rectangle(corners, width, height), 1.0
    if scale.to_mm is not None:
        return _upright(scale.to_mm, corners), 1.0
    if outline.to_plane is not None:
        return outline.to_plane, None
    width, height = _sides_px(corners)
    aspect = aspect_of(corners, hw)
    size = math.sqrt(width * height)
    return _onto_rectangle(corners, size * math.sqrt(aspect), size / math.sqrt(aspect)), None


def _onto_rectangle(corners: np.ndarray, width: float, height: float) -> np.ndarray:
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return cv2.getPerspectiveTransform(corners.astype(np.float32), target)


def _upright(to_mm: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """`to_mm` turned so that the swatch's upper and lower sides lie across, on average."""
    placed = apply(to_mm, corners)
    if cv2.contourArea(placed.astype(np.float32), oriented=True) < 0:  # seen from behind: the plane's y runs upwards
        to_mm = np.diag([1.0, -1.0, 1.0]) @ to_mm
        placed = apply(to_mm, corners)
    across = (placed[1] - placed[0]) + (placed[2] - placed[3])
    down = (placed[3] - placed[0]) + (placed[2] - placed[1])
    across = across + np.array([down[1], -down[0]])  # the down side turned a quarter back
    cos, sin = across / np.hypot(*across)
    return np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1.0]]) @ to_mm


def _inner_box(placed: np.ndarray, *, inset: float) -> tuple[np.ndarray, np.ndarray]:
    """The upright box between the sides' middles, less a share of it along the edges, which fray and are pinked."""
    tl, tr, br, bl = placed
    low = np.array([(tl[0] + bl[0]) / 2, (tl[1] + tr[1]) / 2])
    high = np.array([(tr[0] + br[0]) / 2, (bl[1] + br[1]) / 2])
    margin = inset * float((high - low).max())
    return low + margin, high - margin


def _box_within(placed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest upright box, to a 64th of its width, that lies within a convex quadrilateral (4, 2)."""
    x = np.linspace(placed[:, 0].min(), placed[:, 0].max(), 65)
    starts, sides = placed, np.roll(placed, -1, axis=0) - placed
    with np.errstate(divide="ignore", invalid="ignore"):
        along = (x[:, None] - starts[:, 0]) / sides[:, 0]
        y = np.where((along >= -1e-9) & (along <= 1.0 + 1e-9), starts[:, 1] + along * sides[:, 1], np.nan)
    low, high = np.nanmin(y, axis=1), np.nanmax(y, axis=1)
    heights = np.minimum.outer(high, high) - np.maximum.outer(low, low)
    left, right = np.unravel_index(np.argmax(heights * np.subtract.outer(-x, -x)), heights.shape)
    return np.array([x[left], max(low[left], low[right])]), np.array([x[right], min(high[left], high[right])])


def _fineness(to_plane: np.ndarray, place: np.ndarray) -> float:
    """Pixels of the photo to a unit of the plane at a place of it, mean of both directions."""
    around = apply(np.linalg.inv(to_plane), place + np.array([[0.0, 0.0], [1e-3, 0.0], [0.0, 1e-3]]))
    return math.sqrt(abs(np.linalg.det(around[1:] - around[0]))) * 1e3


def _sides_px(corners: np.ndarray) -> tuple[float, float]:
    """Mean width and height of a quadrilateral."""
    tl, tr, br, bl = corners
    width = (np.hypot(*(tr - tl)) + np.hypot(*(br - bl))) / 2
    height = (np.hypot(*(bl - tl)) + np.hypot(*(br - tr))) / 2
    return float(width), float(height)


def _resample(
    photo: np.ndarray, from_photo: np.ndarray, wh: tuple[int, int], *, reduce: float
) -> tuple[np.ndarray, float]:
    """uint8 RGB of size `wh`, and the deviation of the blur that this resampling adds, in its pixels.

    Where the flat picture is smaller than the photo by `reduce`, the photo is softened first: no fine weave may turn
    into a coarse one. Only as much of the photo is touched as is seen.
    """
    border = cv2.BORDER_REPLICATE
    if reduce <= 1.05:
        return cv2.warpPerspective(photo, from_photo, wh, flags=cv2.INTER_CUBIC, borderMode=border), 0.4
    left, top, right, bottom = _seen(from_photo, wh, photo.shape[:2], rim=math.ceil(4.0 * reduce))
    part = photo[top:bottom, left:right]
    whole = max(1, int(reduce / _WHOLE))
    if whole > 1:
        h, w = (side // whole * whole for side in part.shape[:2])
        part = cv2.resize(part[:h, :w], (w // whole, h // whole), interpolation=cv2.INTER_AREA)
    # What the average of whole pixels and linear interpolation blur by themselves is enough, or nearly.
    soft = (_SOFTENED * reduce / whole) ** 2 - (1.0 - whole**-2) / 12.0 - 1.0 / 6.0
    if soft > 0.0:
        part = _soften(part, soft)
    middle = (whole - 1) / 2.0
    back = np.array([[whole, 0, left + middle], [0, whole, top + middle], [0, 0, 1.0]])
    return cv2.warpPerspective(part, from_photo @ back, wh, flags=cv2.INTER_LINEAR, borderMode=border), _SOFTENED


def _soften(photo: np.ndarray, variance: float) -> np.ndarray:
    """Blurred by so many square pixels. Of a narrow Gaussian three samples are taken, spread as wide as it is."""
    if variance >= 0.5:
        return cv2.GaussianBlur(photo, (0, 0), math.sqrt(variance))
    return cv2.GaussianBlur(photo, (3, 3), math.sqrt(-0.5 / math.log(variance / (2.0 - 2.0 * variance))))


def _seen(from_photo: np.ndarray, wh: tuple[int, int], hw: tuple[int, int], *, rim: int) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what the flat picture shows of a photo of (H, W), with a rim around it."""
    w, h = wh
    corners = apply(np.linalg.inv(from_photo), np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], float))
    low = np.clip(np.floor(corners.min(axis=0)).astype(int) - rim, 0, [hw[1] - 16, hw[0] - 16])
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + rim + 1, low + 16, [hw[1], hw[0]])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
