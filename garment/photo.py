"""A garment photo taken apart into pieces that can be draped.

Owns the way from photo, alpha and anchors to a Garment; must not know how the anchors were found, files or bodies.

    lay out   upright and to scale; find the neck's opening; even out the photo's own light
    torso     what lies between the armholes; what a sleeve hid is continued from beside it
    sleeves   each straightened along the arm's line
    back      the collar's ends, which run around the neck, and between them its inside
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from garment.garment import TORSO_ANCHORS, Garment, Piece
from garment.landmarks import Landmarks
from garment.photos.barrel import barrel, under
from garment.photos.bleed import bleed, mirror_across, shrink
from garment.photos.fit import let_out
from garment.photos.laid_out import MARGIN_MM, SHOULDERS_MM, LaidOut, filled, in_even_light, lay_out, whole
from garment.photos.lining import line_neck
from garment.photos.neckline import Opening, find_opening
from garment.photos.sleeves import cut_sleeve, inseam_rows, sleeve_regions

_HIDDEN_HALF_MM = 209.0  # half a torso below the armhole, where a sleeve hides its side
_NECK_HALF_MM, _NECK_DEEP_MM = 64.0, 44.0  # the neck: its half width, and how far below its sides it shows in front
_THREAD_MM = 8.0  # what is thinner is no part of a garment
_TUCK_MM = 10.0  # the strip beside a sleeve that lies in its shadow


def make_garment(rgb: np.ndarray, alpha: np.ndarray, landmarks: Landmarks, *, id: str) -> Garment:
    """Take uint8 (h, w, 3) with float32 (h, w) alpha apart along its anchors."""
    photo = lay_out(rgb, alpha, landmarks)
    opening = find_opening(photo.rgb, photo.alpha, photo.points, width=SHOULDERS_MM * photo.px_per_mm)
    cloth = photo.alpha if opening is None else photo.alpha * (1 - opening.mask)
    even = in_even_light(photo, cloth)
    neck = _neck_hole(photo)
    sleeves = sleeve_regions(photo)
    pieces = {"back": _back(photo, even, opening, neck), "torso": _torso(even, cloth * (1 - neck), sleeves)}
    for side, region in sleeves.items():
        pieces[f"sleeve_{side}"] = cut_sleeve(even, cloth, side, region)
    kept = (*TORSO_ANCHORS, "elbow", "cuff")
    confidence = {key: trust for key, trust in landmarks.confidence.items() if key.split(".")[1] in kept}
    return Garment(id, pieces, photo.px_per_mm, confidence, closed_front=opening is None)


def _torso(photo: LaidOut, cloth: np.ndarray, sleeves: Mapping[str, np.ndarray]) -> Piece:
    """The trunk between the armholes, its hidden sides continued."""
    own = cloth.copy()
    for region in sleeves.values():
        own[region > 0] = 0
    own = whole(own)
    rgb, flanks = photo.rgb, np.zeros(cloth.shape, np.uint8)
    for side in sleeves:
        rgb, own, flank = _with_hidden_flank(photo, rgb, own, side)
        flanks |= flank
    solid = (own > 0.95) | ((flanks > 0) & (cloth > 0.95))
    continued = cv2.GaussianBlur(flanks * np.float32(1), (0, 0), 0.8) * (cloth > 0.5)
    shape = whole(np.maximum(own, continued), thin_px=_THREAD_MM * photo.px_per_mm)
    anchors = {name: photo.points[f"torso.{name}"] for name in TORSO_ANCHORS}
    rgb, shape, anchors = let_out(bleed(rgb, shrink(solid, 1)), shape, anchors, px_per_mm=photo.px_per_mm)
    return _trimmed("torso", rgb, shape, anchors, barrel(shape, bulge=0.5), margin=round(MARGIN_MM * photo.px_per_mm))


def _with_hidden_flank(
    photo: LaidOut, rgb: np.ndarray, own: np.ndarray, side: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The torso's side where the sleeve lies on it: colour continued from beside the sleeve, what is its own without
    what proves to be sleeve, and uint8 (h, w) what is continued."""
    p, sign, mm = photo.points, 1 if side == "left" else -1, photo.px_per_mm
    shoulder, armpit = (p[f"torso.{name}_{side}"] for name in ("shoulder", "armpit"))
    ys, edge = inseam_rows(photo, side)
    columns = (edge[:, None] - sign * np.arange(3, 45, 3) * mm).astype(int)
    touching = own[ys[:, None], np.clip(columns, 0, own.shape[1] - 1)].min(1) > 0.5
    reached, flank = armpit, np.zeros(own.shape, np.uint8)
    if touching.sum() > 60.0 * mm:
        rgb = mirror_across(rgb, (edge - sign * _TUCK_MM * mm)[touching], ys[touching], sign=sign, reach=round(80 * mm))
        axis = p["torso.neck"][0]
        reached = np.array([axis + sign * max(_HIDDEN_HALF_MM * mm, sign * (armpit[0] - axis)), armpit[1]])
        end = int(ys[touching][-1])
        line = np.interp(ys, [armpit[1], end], [reached[0], _visible_edge(own, end, sign, rows=round(25 * mm))])
        beyond_edge = sign * (np.arange(own.shape[1]) - edge[:, None])
        beyond_line = sign * (np.arange(own.shape[1]) - line[:, None])
        flank[ys] = (beyond_edge >= -_TUCK_MM * mm) & (beyond_line <= 0) & touching[:, None]
        own = own.copy()
        own[ys] *= ~(touching[:, None] & (beyond_line > 0))
    # Under the sleeve head the photo's own cloth goes on a little, so that a lifted arm bares no gap.
    bulge = (shoulder + reached) / 2 + [sign * 14.0 * mm, 0.0]
    return rgb, own, flank | filled(np.array([shoulder, bulge, reached, armpit]), own.shape)


def _visible_edge(own: np.ndarray, y: int, sign: int, *, rows: int) -> float:
    """x of the torso's outer edge just below row y."""
    below = own[y + 2 : y + 2 + rows] > 0.5
    seen = below[below.any(1)]
    if not len(seen):
        seen = own[y : y + 1] > 0.5
    outermost = seen.shape[1] - 1 - seen[:, ::-1].argmax(1) if sign > 0 else seen.argmax(1)
    return float(np.median(outermost))


def _neck_hole(photo: LaidOut) -> np.ndarray:
    """float32 (h, w): where the wearer's neck comes out, whatever the photo shows there; everything above it too."""
    mm, p = photo.px_per_mm, photo.points
    x, y = float(p["torso.neck"][0]), float(p["torso.collar_left"][1] + p["torso.collar_right"][1]) / 2
    h, w = photo.alpha.shape
    xs, ys = np.arange(w) - x, (np.arange(h) - y)[:, None]
    radius = np.hypot(xs / (_NECK_HALF_MM * mm), np.maximum(ys, 0) / (_NECK_DEEP_MM * mm))
    return np.clip((1 - radius) * _NECK_DEEP_MM * mm + 0.5, 0, 1).astype(np.float32)


def _back(photo: LaidOut, even: LaidOut, opening: Opening | None, neck: np.ndarray) -> Piece:
    shape, rgb = photo.alpha * neck, even.rgb
    if opening is not None:
        lining, seen = line_neck(photo, opening)
        cloth = bleed(even.rgb, photo.alpha * (1 - opening.mask) > 0.95)
        rgb = np.where(opening.mask[..., None] > 0.5, lining, cloth)
        shape = np.maximum(shape * (1 - opening.mask), seen)
    else:
        rgb = bleed(rgb, photo.alpha > 0.95)
    shape = shape * _arch(photo, shape)
    anchors = {name: photo.points[f"torso.{name}"] for name in TORSO_ANCHORS}
    return _trimmed("back", rgb, shape, anchors, under(shape.shape), margin=round(MARGIN_MM * photo.px_per_mm))


def _arch(photo: LaidOut, shape: np.ndarray) -> np.ndarray:
    """float32 (h, w): 0 above the collar's upper edge as it looks on a neck: it comes down to the sides."""
    mm, p = photo.px_per_mm, photo.points
    x, low = float(p["torso.neck"][0]), float(p["torso.collar_left"][1] + p["torso.collar_right"][1]) / 2 - 6.0 * mm
    middle = np.flatnonzero(shape[:, int(np.clip(x, 0, shape.shape[1] - 1))] > 0.5)
    top = min(float(middle[0]), low) if len(middle) else low
    across = np.clip((np.arange(shape.shape[1]) - x) / ((_NECK_HALF_MM + 6.0) * mm), -1, 1)
    edge = low - (low - top) * (1 - across**2)
    return np.clip(np.arange(shape.shape[0])[:, None] - edge + 0.5, 0, 1).astype(np.float32)


def _trimmed(
    name: str, rgb: np.ndarray, shape: np.ndarray, points: Mapping[str, np.ndarray], relief: np.ndarray, *, margin: int
) -> Piece:
    """A piece cropped to what is seen of it, and a margin."""
    h, w = shape.shape
    clear = margin + 1
    rgba = np.dstack([rgb, np.round(shape * 255).astype(np.uint8)])
    x, y, width, height = cv2.boundingRect((shape > 0.002).astype(np.uint8))
    x0, y0 = x - clear, y - clear
    box = (slice(max(y0, 0), y + height + clear), slice(max(x0, 0), x + width + clear))
    # Where the canvas ends before the margin does, its colour goes on.
    pad = (max(-y0, 0), max(y + height + clear - h, 0), max(-x0, 0), max(x + width + clear - w, 0))
    albedo = cv2.copyMakeBorder(rgba[box], *pad, cv2.BORDER_REPLICATE)
    albedo[..., 3] = cv2.copyMakeBorder(rgba[..., 3][box], *pad, cv2.BORDER_CONSTANT, value=0)
    anchors = {key: (float(point[0]) - x0, float(point[1]) - y0) for key, point in points.items()}
    return Piece(name, albedo, cv2.copyMakeBorder(relief[box], *pad, cv2.BORDER_REPLICATE), anchors)
