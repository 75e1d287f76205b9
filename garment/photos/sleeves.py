"""The sleeves of a photographed garment. Owns their borders and their straightening; must not know the torso's piece.

A sleeve is cut off along armhole and inseam and straightened along the arm's line: joint, elbow, cuff. That undoes
exactly what draping does to it. Beyond the armhole it keeps a tongue of the chest that fades out, so that no seam
shows while the arm hangs, and no gap when it is lifted.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.garment import JOINT_DOWN_MM, JOINT_IN_MM, Piece
from garment.photos.barrel import barrel
from garment.photos.bleed import bleed, shrink
from garment.photos.laid_out import LaidOut, filled, whole
from utils.geometry import round_corner

_BEND_MM = 70.0  # the arm's line is rounded over this length before and after the elbow
_HALF_MM, _ABOVE_MM, _BELOW_MM = 125.0, 60.0, 24.0  # of the strip: half its width, and beyond shoulder and cuff
_TONGUE_MM = 52.0
_HEAD_MM = (-5.0, 95.0)  # a hanging sleeve's outer edge leaves the shoulder here and is upright there, below its point
_ARM_MM, _MOST = 58.0, 1.2  # from the arm's line to an upper sleeve's outer edge at least, and how far to widen one
_SHADOW_MM = 3.0  # a sleeve that lies on the body is dark along its edge
_SEARCH_MM = (45, 31)  # how far towards the body and away from it ground is looked for beside the inseam


def sleeve_regions(photo: LaidOut) -> dict[str, np.ndarray]:
    """uint8 (h, w) per side: what is the sleeve's. Crumbs on the torso's side of the cut are given back to it."""
    regions = {side: _at_the_gap(photo, _region(photo, side), side) for side in photo.sides}
    rest = photo.alpha.copy()
    for region in regions.values():
        rest[region > 0] = 0
    crumbs = ((rest > 0.3) & (whole(rest) == 0)).astype(np.uint8)
    columns = np.arange(rest.shape[1]) - photo.points["torso.neck"][0]
    for side, region in regions.items():
        region |= crumbs * (columns > 0 if side == "left" else columns < 0)
    return regions


def inseam_rows(photo: LaidOut, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the armpit to the cuff, int (N,), and the x of the sleeve's edge towards the body in each."""
    inseam = _inseam(photo, side)
    top, bottom = max(int(inseam[0, 1]), 0), min(int(inseam[-1, 1]), photo.alpha.shape[0])
    ys = np.arange(top, max(bottom, top))
    return ys, np.interp(ys, inseam[:, 1], inseam[:, 0])


def cut_sleeve(photo: LaidOut, cloth: np.ndarray, side: str, region: np.ndarray) -> Piece:
    """The piece sleeve_<side> from an evenly lit photo and float32 (h, w) `cloth`."""
    p, mm, inward = photo.points, photo.px_per_mm, -1.0 if side == "left" else 1.0
    shoulder, elbow, cuff = p[f"torso.shoulder_{side}"], p[f"sleeve_{side}.elbow"], p[f"sleeve_{side}.cuff"]
    joint = shoulder + np.array([inward * JOINT_IN_MM, JOINT_DOWN_MM]) * mm
    arm = round_corner(joint, elbow, cuff, reach=_BEND_MM * mm, samples=65).astype(np.float64)
    upper, fore = (max(float(np.hypot(*d)), 2.0) for d in (elbow - joint, cuff - elbow))
    x, y = _HALF_MM * mm, _ABOVE_MM * mm
    heights = (y + JOINT_DOWN_MM * mm, y + JOINT_DOWN_MM * mm + upper, y + JOINT_DOWN_MM * mm + upper + fore)
    anchors = {"shoulder": (x, y), "elbow": (x, heights[1]), "cuff": (x, heights[2])}
    wh = (round(2 * x), round(heights[2] + _BELOW_MM * mm))
    start_x, reach = x + inward * JOINT_IN_MM * mm, _with_tongue(photo, cloth, region, side)
    maps = _straightening(arm, heights, start_x=start_x, x=x, wh=wh)
    reached = cv2.remap(reach, *maps, cv2.INTER_LINEAR, borderValue=0)
    ease = _ease(reached, heights, x, outward=-inward, mm=mm)
    if ease > 1.01:
        maps = _straightening(arm, heights, start_x=start_x, x=x, wh=wh, ease=ease)
        reached = cv2.remap(reach, *maps, cv2.INTER_LINEAR, borderValue=0)
    strip = cv2.remap(photo.rgb, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shape = np.clip(reached, 0, 1) * _frame((wh[1], wh[0]), soft_px=6.0 * mm)
    shape *= _head(shape, (x, y), outward=-inward, mm=mm)
    solid = cv2.remap(cloth, *maps, cv2.INTER_LINEAR, borderValue=0) > 0.95
    rgb = bleed(strip, shrink(solid & (shape > 0.02), 1))
    armpit_y = y + float(np.hypot(*(p[f"torso.armpit_{side}"] - shoulder)))
    relief = barrel(shape, bulge=0.75, calm=_calm(wh[1], armpit_y, side, mm))
    return Piece(f"sleeve_{side}", np.dstack([rgb, np.round(shape * 255).astype(np.uint8)]), relief, anchors)


def _inseam(photo: LaidOut, side: str) -> np.ndarray:
    """(N, 2): the sleeve's edge towards the body, from the armpit to the cuff."""
    p = photo.points
    ends = (p[f"torso.armpit_{side}"], p[f"sleeve_{side}.elbow_inner"], p[f"sleeve_{side}.cuff_inner"])
    return round_corner(*ends, reach=150.0 * photo.px_per_mm, samples=25).astype(np.float64)


def _region(photo: LaidOut, side: str) -> np.ndarray:
    """uint8 (h, w): everything outwards of armhole and inseam, whether or not the garment is there."""
    p, sign = photo.points, 1.0 if side == "left" else -1.0
    shoulder, inseam = p[f"torso.shoulder_{side}"], _inseam(photo, side)
    along = p[f"sleeve_{side}.cuff"] - p[f"sleeve_{side}.elbow"]
    beyond = along / max(float(np.hypot(*along)), 1e-6) * 20.0 * photo.px_per_mm
    far = float(max(photo.alpha.shape))
    away, up = np.array([sign * far, 0.0]), np.array([0.0, -far])
    end = p[f"sleeve_{side}.cuff_outer"] + beyond
    polygon = [shoulder + up, shoulder, *inseam, inseam[-1] + beyond, end, end + away, shoulder + up + away]
    return filled(np.array(polygon), photo.alpha.shape)


def _at_the_gap(photo: LaidOut, region: np.ndarray, side: str) -> np.ndarray:
    """The region with its border moved into the gap between sleeve and body, or out of the shadow where none shows."""
    sign, mm, width = 1 if side == "left" else -1, photo.px_per_mm, region.shape[1]
    ys, edge = inseam_rows(photo, side)
    if not len(ys):
        return region
    steps = np.arange(-_SEARCH_MM[0], _SEARCH_MM[1]) * mm
    xs = np.clip((edge[:, None] + sign * steps).astype(int), 0, width - 1)
    seen = photo.alpha[ys[:, None], xs]
    found = seen.min(1) < 0.4
    nearest = np.argmin(np.abs(steps) + 60.0 * mm * seen, axis=1)
    border = edge + sign * np.where(found, steps[nearest], _SHADOW_MM * mm)
    beyond = sign * np.arange(width) >= (sign * border)[:, None]
    near = np.abs(np.arange(width) - edge[:, None]) <= (_SEARCH_MM[0] + 1) * mm
    region[ys] = np.where(near, beyond, region[ys])
    return region


def _straightening(
    arm: np.ndarray,
    heights: tuple[float, float, float],
    *,
    start_x: float,
    x: float,
    wh: tuple[int, int],
    ease: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the strip lies in the photo: float32 maps of x and y.

    `heights` are the rows of joint, elbow and cuff; the arm's line starts at `start_x` and is at `x` from the elbow on.
    `ease` is by how much the strip is wider than the sleeve in the photo.
    """
    joint, elbow, cuff = heights
    rows = np.arange(wh[1], dtype=np.float64)
    middle = np.interp(rows, [joint, elbow], [start_x, x])
    at = np.interp(rows, [joint, elbow, cuff], [0, len(arm) // 2, len(arm) - 1])
    tangent = np.gradient(arm, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-6)[:, None]
    index = np.arange(len(arm))
    point, way = (np.column_stack([np.interp(at, index, a[:, i]) for i in (0, 1)]) for a in (arm, tangent))
    past = np.minimum(rows - joint, 0) + np.maximum(rows - cuff, 0)
    point = point + way * past[:, None]
    across = (np.arange(wh[0]) - middle[:, None]) / ease
    map_x = point[:, :1] + way[:, 1:] * across
    map_y = point[:, 1:] - way[:, :1] * across
    return map_x.astype(np.float32), map_y.astype(np.float32)


def _ease(shape: np.ndarray, heights: tuple[float, float, float], x: float, *, outward: float, mm: float) -> float:
    """How much wider the upper sleeve has to be to cover the arm of the wearer whom the canonical garment fits."""
    joint, elbow, _ = heights
    ys = np.arange(int(joint + 0.3 * (elbow - joint)), int(joint + 0.8 * (elbow - joint)))
    middle = np.interp(ys, [joint, elbow], [x - outward * JOINT_IN_MM * mm, x])
    columns = np.arange(shape.shape[1])
    beyond = np.where(shape[ys] > 0.5, outward * (columns - middle[:, None]), 0.0).max(axis=1, initial=0.0)
    half = float(np.median(beyond)) if len(ys) else 0.0
    return float(np.clip(_ARM_MM * mm / half, 1.0, _MOST)) if half > 0 else 1.0


def _with_tongue(photo: LaidOut, cloth: np.ndarray, region: np.ndarray, side: str) -> np.ndarray:
    """float32 (h, w): the sleeve, and beyond the armhole the fading tongue."""
    mm = photo.px_per_mm
    away = cv2.distanceTransform(1 - region, cv2.DIST_L2, 5)
    tongue = np.clip(1.6 * (1 - away / (_TONGUE_MM * mm)), 0, 1)
    ys = np.arange(cloth.shape[0], dtype=np.float32)[:, None]
    above = np.clip((photo.points[f"torso.armpit_{side}"][1] - ys) / (40.0 * mm), 0, 1)
    soft = cv2.GaussianBlur(region * np.float32(1), (0, 0), 0.7)
    return whole(cloth * np.maximum(soft, tongue * above))


def _head(shape: np.ndarray, shoulder: tuple[float, float], *, outward: float, mm: float) -> np.ndarray:
    """float32 (h, w): 0 above the sleeve's head as it is when the arm hangs.

    The cloth there is slack in a sleeve that was spread out; turned down with the sleeve, it would stand up.
    """
    x, y = shoulder
    ys, across = np.arange(shape.shape[0])[:, None], outward * (np.arange(shape.shape[1]) - x)
    rows = shape[round(y + 70 * mm) : round(y + 130 * mm)] > 0.5
    outer = np.where(rows, across, 0.0).max(axis=1, initial=0.0)
    breadth = max(float(np.median(outer)) if len(outer) else 0.0, 12.0 * mm)
    drop = 1 - np.sqrt(np.clip(1 - (across / breadth) ** 2, 0, 1))
    edge = y + (_HEAD_MM[0] + (_HEAD_MM[1] - _HEAD_MM[0]) * np.where(across > 0, drop, 0)) * mm
    beyond = (across > breadth) & (ys < y + _HEAD_MM[1] * mm)
    return np.where(beyond, 0, np.clip(ys - edge + 0.5, 0, 1)).astype(np.float32)


def _frame(hw: tuple[int, int], *, soft_px: float) -> np.ndarray:
    """float32 (h, w): 0 at the border of the strip, 1 from `soft_px` inwards."""
    ys, xs = (np.minimum(np.arange(n), np.arange(n)[::-1]) - 1.0 for n in hw)
    return np.clip(np.minimum(ys[:, None], xs) / max(soft_px, 1.0), 0, 1).astype(np.float32)


def _calm(height: int, armpit_y: float, side: str, mm: float) -> np.ndarray:
    """(h, 2): above the armpit the sleeve's inner half lies on the chest and faces where the chest faces."""
    above = np.clip((armpit_y + 30.0 * mm - np.arange(height)) / (70.0 * mm), 0, 1)
    still = np.zeros(height)
    return np.column_stack([above, still] if side == "left" else [still, above])
