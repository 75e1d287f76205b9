"""A garment photo taken apart into pieces that can be draped.

Owns the way from photo, alpha and anchors to a Garment; must not know how the anchors were found, files or bodies.

    stand upright -> take the photo's own light out -> find the opening of the neck
    torso   what lies between the armholes; what a sleeve hid is continued from beside it
    sleeves each straightened along the arm's line, with a tongue of the torso's cloth that fades beyond the armhole
    back    what shows through the neck, down to the pit of the neck
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from garment.bleed import bleed, mirror_across, shrink
from garment.garment import TORSO_ANCHORS, Garment, Piece
from garment.landmarks import SIDES, Landmarks
from garment.lining import line_neck
from garment.neckline import find_opening
from utils.geometry import round_corner

_SHOULDERS_MM = 460.0  # across the shoulders of a jacket of middle size: what the scale is guessed from
_MARGIN_MM = 12.0
_ARM_IN_MM, _ARM_DOWN_MM = 44.0, 34.0  # where the arm's joint lies, from the shoulder point
_TONGUE_MM = 52.0  # how far a sleeve reaches into the torso, fading
_HIDDEN_HALF = 0.455  # of the shoulder width: half a torso below the armhole, where a sleeve hides its side
_TUCK_MM = 10.0  # the strip beside a sleeve that lies in its shadow
_FLATTEN = 0.6  # of the photo's own slow light is taken out
_GAIN = (0.75, 1.35)  # of lightness while doing so


@dataclass(frozen=True)
class _Photo:
    """An upright photo with a margin."""

    rgb: np.ndarray
    alpha: np.ndarray
    points: dict[str, np.ndarray]
    px_per_mm: float

    @property
    def sides(self) -> tuple[str, ...]:
        return tuple(side for side in SIDES if f"sleeve_{side}.cuff" in self.points)


def make_garment(rgb: np.ndarray, alpha: np.ndarray, landmarks: Landmarks, *, id: str) -> Garment:
    """Take uint8 (h, w, 3) with float32 (h, w) alpha apart along its anchors."""
    photo = _upright(rgb, alpha, landmarks)
    opening = find_opening(photo.rgb, photo.alpha, photo.points, width=_SHOULDERS_MM * photo.px_per_mm)
    cloth = photo.alpha if opening is None else photo.alpha * (1 - opening.mask)
    colour = _flattened(photo.rgb, cloth, sigma_px=55.0 * photo.px_per_mm)
    sleeves = _sleeve_regions(photo)
    pieces = {"torso": _torso(photo, colour, cloth, sleeves)}
    if opening is not None:
        lining, shape = line_neck(photo.rgb, photo.alpha, opening, photo.points, px_per_mm=photo.px_per_mm)
        pieces["back"] = _piece("back", lining, shape, photo, bulge=-0.5)
    for side, region in sleeves.items():
        pieces[f"sleeve_{side}"] = _sleeve(photo, colour, cloth, side, region)
    kept = (*TORSO_ANCHORS, "elbow", "cuff")
    confidence = {key: trust for key, trust in landmarks.confidence.items() if key.split(".")[1] in kept}
    return Garment(id, pieces, photo.px_per_mm, confidence, closed_front=opening is None)


def _upright(rgb: np.ndarray, alpha: np.ndarray, landmarks: Landmarks) -> _Photo:
    """Turn everything until the centre front hangs straight, and leave a margin around the garment."""
    points = {name: np.asarray(xy, np.float64) for name, xy in landmarks.points.items()}
    across = points["torso.shoulder_left"] - points["torso.shoulder_right"]
    down = points["torso.hem_centre"] - (points["torso.shoulder_left"] + points["torso.shoulder_right"]) / 2
    px_per_mm = float(np.hypot(*across)) / _SHOULDERS_MM
    angle = 0.6 * np.arctan2(-down[0], down[1]) + 0.4 * np.arctan2(across[1], across[0])
    cosine, sine = np.cos(-angle), np.sin(-angle)
    linear = np.array([[cosine, -sine], [sine, cosine]]) if abs(angle) > 0.006 else np.eye(2)
    extent = np.argwhere(alpha > 0.02)[:, ::-1] @ linear.T
    margin = round(_MARGIN_MM * px_per_mm) + 2
    low, high = np.floor(extent.min(0)) - margin, extent.max(0) + margin
    matrix = np.column_stack([linear, -low])
    wh = [int(v) for v in np.ceil(high - low) + 1]
    turned = cv2.warpAffine(rgb, matrix, wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    turned_alpha = np.clip(cv2.warpAffine(alpha, matrix, wh), 0, 1)
    return _Photo(turned, turned_alpha, {key: linear @ p - low for key, p in points.items()}, px_per_mm)


def _flattened(rgb: np.ndarray, alpha: np.ndarray, *, sigma_px: float) -> np.ndarray:
    """Without most of the photo's slow changes of lightness; the mean colour stays."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    lightness = lab[..., 0]
    step = 1 / max(1, round(sigma_px / 6))
    weight = cv2.resize(alpha, None, fx=step, fy=step, interpolation=cv2.INTER_AREA)
    light = cv2.resize(lightness * alpha, None, fx=step, fy=step, interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(weight, (0, 0), sigma_px * step)
    slow = cv2.GaussianBlur(light, (0, 0), sigma_px * step) / np.maximum(near, 1e-3)
    area = max(float(alpha.sum()), 1.0)
    mean = float((lightness * alpha).sum()) / area
    gain = np.clip((mean / np.maximum(slow, 1.0)) ** _FLATTEN, *_GAIN)
    lightness *= cv2.resize(gain, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    lightness *= mean / max(float((lightness * alpha).sum()) / area, 1.0)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255 + 0.5, 0, 255).astype(np.uint8)


def _sleeve_regions(photo: _Photo) -> dict[str, np.ndarray]:
    """uint8 (h, w) per side: what is the sleeve's. Crumbs on the torso's side of the cut are given back to it."""
    regions = {side: _at_the_gap(photo, _sleeve_region(photo, side), side) for side in photo.sides}
    rest = photo.alpha.copy()
    for region in regions.values():
        rest[region > 0] = 0
    crumbs = ((rest > 0.3) & (_whole(rest) == 0)).astype(np.uint8)
    columns = np.arange(rest.shape[1]) - photo.points["torso.neck"][0]
    for side, region in regions.items():
        region |= crumbs * (columns > 0 if side == "left" else columns < 0)
    return regions


def _at_the_gap(photo: _Photo, region: np.ndarray, side: str) -> np.ndarray:
    """The region with its border moved into the gap between sleeve and body, where ground shows through near by."""
    sign, mm, width = 1 if side == "left" else -1, photo.px_per_mm, region.shape[1]
    ys, edge = _edge_rows(photo, side)
    steps = np.arange(-45, 31) * mm  # towards the body first
    xs = np.clip((edge[:, None] + sign * steps).astype(int), 0, width - 1)
    seen = photo.alpha[ys[:, None], xs]
    found = seen.min(1) < 0.4
    nearest = np.argmin(np.abs(steps) + 60.0 * mm * seen, axis=1)
    border = edge + sign * steps[nearest]
    beyond = sign * np.arange(width) >= (sign * border)[:, None]
    near = np.abs(np.arange(width) - edge[:, None]) <= 46 * mm
    region[ys] = np.where(near & found[:, None], beyond, region[ys])
    return region


def _edge_rows(photo: _Photo, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows from the armpit to the cuff, int (N,), and the inseam's x in each."""
    inseam = _inseam(photo, side)
    top, bottom = max(int(inseam[0, 1]), 0), min(int(inseam[-1, 1]), photo.alpha.shape[0])
    ys = np.arange(top, max(bottom, top))
    return ys, np.interp(ys, inseam[:, 1], inseam[:, 0])


def _sleeve_region(photo: _Photo, side: str) -> np.ndarray:
    """uint8 (h, w): everything outwards of armhole and inseam, whether or not the garment is there."""
    p, sign = photo.points, 1.0 if side == "left" else -1.0
    shoulder, inseam = p[f"torso.shoulder_{side}"], _inseam(photo, side)
    cuff, elbow = p[f"sleeve_{side}.cuff"], p[f"sleeve_{side}.elbow"]
    along = (cuff - elbow) / max(float(np.hypot(*(cuff - elbow))), 1e-6)
    beyond = along * 20.0 * photo.px_per_mm
    far = float(max(photo.alpha.shape))
    away, up = np.array([sign * far, 0.0]), np.array([0.0, -far])
    end = p[f"sleeve_{side}.cuff_outer"] + beyond
    polygon = [shoulder + up, shoulder, *inseam, inseam[-1] + beyond, end, end + away, shoulder + up + away]
    return _filled(np.array(polygon), photo.alpha.shape)


def _inseam(photo: _Photo, side: str) -> np.ndarray:
    """(N, 2): the sleeve's edge towards the body, from the armpit to the cuff."""
    p = photo.points
    armpit, elbow, cuff = (
        p[f"torso.armpit_{side}"],
        p[f"sleeve_{side}.elbow_inner"],
        p[f"sleeve_{side}.cuff_inner"],
    )
    return round_corner(armpit, elbow, cuff, reach=150.0 * photo.px_per_mm, samples=24).astype(np.float64)


def _filled(polygon: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon * 16).astype(np.int32)], 1, shift=4)
    return mask


def _torso(photo: _Photo, colour: np.ndarray, cloth: np.ndarray, sleeves: Mapping[str, np.ndarray]) -> Piece:
    """The trunk between the armholes, its hidden sides continued."""
    beside = np.zeros(cloth.shape, np.uint8)
    for region in sleeves.values():
        beside |= region
    own = _whole(cloth * (1 - beside))
    rgb, flanks = colour, np.zeros(cloth.shape, np.uint8)
    for side in sleeves:
        rgb, own, flank = _with_hidden_flank(photo, rgb, own, side)
        flanks |= flank
    solid = (own > 0.95) | ((flanks > 0) & (cloth > 0.95))
    shape = np.maximum(own, cv2.GaussianBlur(flanks * np.float32(1), (0, 0), 0.8) * (cloth > 0.5))
    return _piece("torso", bleed(rgb, shrink(solid, 1)), shape, photo, bulge=0.5)


def _whole(alpha: np.ndarray) -> np.ndarray:
    """Only what hangs together with the middle: cutting off a sleeve leaves crumbs."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.3).astype(np.uint8), connectivity=4)
    if count < 3:
        return alpha
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    near = cv2.dilate((labels == largest).astype(np.uint8), np.ones((3, 3), np.uint8))
    return alpha * near


def _with_hidden_flank(
    photo: _Photo, rgb: np.ndarray, own: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The torso's side where the sleeve lies on it: colour continued from beside the sleeve, what is its own without
    what proves to be sleeve, and uint8 (h, w) what is continued."""
    p, sign, mm = photo.points, 1 if side == "left" else -1, photo.px_per_mm
    shoulder, armpit = (p[f"torso.{name}_{side}"] for name in ("shoulder", "armpit"))
    width = own.shape[1]
    ys, edge = _edge_rows(photo, side)
    beside = np.clip((edge[:, None] - sign * np.arange(3, 45, 3) * mm).astype(int), 0, width - 1)
    touching = own[ys[:, None], beside].min(1) > 0.5
    reached = armpit
    flank = np.zeros(own.shape, np.uint8)
    if touching.sum() > 60.0 * mm:
        rgb = mirror_across(rgb, (edge - sign * _TUCK_MM * mm)[touching], ys[touching], sign=sign, reach=round(80 * mm))
        half = _HIDDEN_HALF * _SHOULDERS_MM * mm
        axis = p["torso.neck"][0]
        reached = np.array([axis + sign * max(half, sign * (armpit[0] - axis)), armpit[1]])
        end = int(ys[touching][-1])
        line = np.interp(ys, [armpit[1], end], [reached[0], _visible_edge(own, end, sign, rows=round(25 * mm))])
        xs = np.arange(width)
        between = (sign * xs >= sign * edge[:, None] - _TUCK_MM * mm) & (sign * xs <= sign * line[:, None])
        flank[ys] = between & touching[:, None]
        own = own.copy()
        own[ys] *= ~(touching[:, None] & (sign * xs > sign * line[:, None]))
    # Under the sleeve head the photo's own cloth goes on a little, so that a lifted arm bares no gap.
    bulge = (shoulder + reached) / 2 + [sign * 14.0 * mm, 0.0]
    return rgb, own, flank | _filled(np.array([shoulder, bulge, reached, armpit]), own.shape)


def _visible_edge(own: np.ndarray, y: int, sign: int, *, rows: int) -> float:
    """x of the torso's outer edge just below row y."""
    below = own[y + 2 : y + 2 + rows] > 0.5
    seen = below[below.any(1)]
    if not len(seen):
        seen = own[y : y + 1] > 0.5
    outermost = seen.shape[1] - 1 - seen[:, ::-1].argmax(1) if sign > 0 else seen.argmax(1)
    return float(np.median(outermost))


def _piece(name: str, rgb: np.ndarray, shape: np.ndarray, photo: _Photo, *, bulge: float) -> Piece:
    """Trimmed to what is seen of it, and a margin."""
    margin = round(_MARGIN_MM * photo.px_per_mm)
    x, y, w, h = cv2.boundingRect((shape > 0.02).astype(np.uint8))
    x0, y0, x1, y1 = max(x - margin, 0), max(y - margin, 0), x + w + margin, y + h + margin
    box = (slice(y0, y1), slice(x0, x1))
    rgba = np.dstack([rgb[box], np.round(shape[box] * 255).astype(np.uint8)])
    anchors = {
        key: (float(photo.points[f"torso.{key}"][0] - x0), float(photo.points[f"torso.{key}"][1] - y0))
        for key in TORSO_ANCHORS
    }
    return Piece(name, rgba, _relief(shape[box], bulge=bulge), anchors)


def _sleeve(photo: _Photo, colour: np.ndarray, cloth: np.ndarray, side: str, region: np.ndarray) -> Piece:
    """The sleeve along the arm's line, straightened into a strip that hangs down."""
    p, mm, sign = photo.points, photo.px_per_mm, 1.0 if side == "left" else -1.0
    shoulder, elbow, cuff = p[f"torso.shoulder_{side}"], p[f"sleeve_{side}.elbow"], p[f"sleeve_{side}.cuff"]
    joint = shoulder + np.array([-sign * _ARM_IN_MM, _ARM_DOWN_MM]) * mm
    arm = round_corner(joint, elbow, cuff, reach=70.0 * mm, samples=64).astype(np.float64)
    half_px, above, below = 125.0 * mm, 60.0 * mm, 24.0 * mm
    upper, fore = (float(np.hypot(*d)) for d in (elbow - joint, cuff - elbow))
    anchors = {
        "shoulder": (half_px, above),
        "elbow": (half_px, above + _ARM_DOWN_MM * mm + upper),
        "cuff": (half_px, above + _ARM_DOWN_MM * mm + upper + fore),
    }
    maps = _straightening(arm, anchors, wh=(round(2 * half_px), round(anchors["cuff"][1] + below)), inward=-sign, mm=mm)
    reached = _with_tongue(photo, cloth, region, side)
    strip = cv2.remap(colour, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shape = np.clip(cv2.remap(reached, *maps, cv2.INTER_LINEAR, borderValue=0), 0, 1)
    solid = cv2.remap(cloth, *maps, cv2.INTER_LINEAR, borderValue=0) > 0.95
    rgba = np.dstack([bleed(strip, shrink(solid & (shape > 0.02), 1)), np.round(shape * 255).astype(np.uint8)])
    return Piece(f"sleeve_{side}", rgba, _relief(shape, bulge=0.8), anchors)


def _straightening(
    arm: np.ndarray, anchors: Mapping[str, tuple[float, float]], *, wh: tuple[int, int], inward: float, mm: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel of the strip lies in the photo: the drape's own way of bending a sleeve, backwards."""
    (x, top), (_, elbow), (_, cuff) = anchors["shoulder"], anchors["elbow"], anchors["cuff"]
    joint = top + _ARM_DOWN_MM * mm
    rows = np.arange(wh[1], dtype=np.float64)
    middle = np.interp(rows, [joint, elbow], [x + inward * _ARM_IN_MM * mm, x])
    at = np.interp(rows, [joint, elbow, cuff], [0, len(arm) // 2, len(arm) - 1])
    tangent = np.gradient(arm, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-6)[:, None]
    index = np.arange(len(arm))
    point, way = (np.column_stack([np.interp(at, index, a[:, i]) for i in (0, 1)]) for a in (arm, tangent))
    past = np.minimum(rows - joint, 0) + np.maximum(rows - cuff, 0)
    point = point + way * past[:, None]
    across = np.arange(wh[0]) - middle[:, None]
    map_x = point[:, :1] + way[:, 1:] * across
    map_y = point[:, 1:] - way[:, :1] * across
    return map_x.astype(np.float32), map_y.astype(np.float32)


def _with_tongue(photo: _Photo, cloth: np.ndarray, region: np.ndarray, side: str) -> np.ndarray:
    """float32 (h, w): the sleeve, and beyond the armhole a tongue of the chest that fades out."""
    mm = photo.px_per_mm
    away = cv2.distanceTransform(1 - region, cv2.DIST_L2, 5)
    tongue = np.clip(1.6 * (1 - away / (_TONGUE_MM * mm)), 0, 1)
    ys = np.arange(cloth.shape[0], dtype=np.float32)[:, None]
    above = np.clip((photo.points[f"torso.armpit_{side}"][1] - ys) / (40.0 * mm), 0, 1)
    soft = cv2.GaussianBlur(region * np.float32(1), (0, 0), 0.7)
    return _whole(cloth * np.maximum(soft, tongue * above))


def _relief(shape: np.ndarray, *, bulge: float) -> np.ndarray:
    """A gentle barrel: the photo has light of its own, so this only turns the sides a little out of the new one."""
    h, w = shape.shape
    solid = shape > 0.5
    rows = solid.any(1)
    if not rows.any():
        return np.broadcast_to(np.uint8([128, 128, 255, 255]), (h, w, 4)).copy()
    ys = np.arange(h)
    first, last = (np.interp(ys, ys[rows], v[rows]) for v in (solid.argmax(1), w - 1 - solid[:, ::-1].argmax(1)))
    smooth = max(h / 25, 1.0)
    first, last = (
        cv2.GaussianBlur(v.astype(np.float32)[:, None], (1, 0), sigmaX=0.1, sigmaY=smooth) for v in (first, last)
    )
    s = np.clip((np.arange(w)[None] - (first + last) / 2) / np.maximum((last - first) / 2, 1), -1, 1)
    x = bulge * s * np.abs(s)
    z = np.sqrt(1 - x * x)
    occlusion = 255 - 40 * s**6
    return np.round(np.dstack([128 + 127 * x, np.full_like(x, 128), 128 + 127 * z, occlusion])).astype(np.uint8)
