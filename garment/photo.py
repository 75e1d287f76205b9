"""A garment photo taken apart into pieces that can be draped.

Owns the way from photo, alpha and anchors to a Garment; must not know how the anchors were found, files or bodies.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from garment.garment import TORSO_ANCHORS, Garment, Piece
from garment.landmarks import SIDES, Landmarks
from utils.geometry import round_corner

_SHOULDERS_MM = 460.0  # across the shoulders of a jacket of middle size: what the scale is guessed from
_MARGIN = 0.06  # of the shoulder width: transparent pixels around each piece
_OVERLAP = 0.10  # of the shoulder width: how far a sleeve reaches into the torso, fading
_FLATTEN = 0.6  # of the photo's own low-frequency light is taken out


def make_garment(rgb: np.ndarray, alpha: np.ndarray, landmarks: Landmarks, *, id: str) -> Garment:
    """Take uint8 (h, w, 3) with float32 (h, w) alpha apart along its anchors."""
    points = {name: np.asarray(xy, np.float64) for name, xy in landmarks.points.items()}
    width = float(np.hypot(*(points["torso.shoulder_left"] - points["torso.shoulder_right"])))
    rgb, alpha, points = _upright(rgb, alpha, points, margin=round(_MARGIN * width) + 2)
    colour = _bleed(_flatten(rgb, alpha, sigma=0.12 * width), alpha > 0.97, reach=2)
    sleeves = {side: _sleeve_mask(alpha, points, side) for side in SIDES if f"sleeve_{side}.cuff" in points}
    pieces = {"torso": _torso(colour, alpha, points, sleeves)}
    for side in sleeves:
        pieces[f"sleeve_{side}"] = _sleeve(colour, alpha, points, side, width)
    confidence = {k: v for k, v in landmarks.confidence.items() if k.split(".")[1] in (*TORSO_ANCHORS, "elbow", "cuff")}
    return Garment(id, pieces, width / _SHOULDERS_MM, confidence)


def _upright(
    rgb: np.ndarray, alpha: np.ndarray, points: Mapping[str, np.ndarray], *, margin: int
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Turn everything until the centre front hangs straight, and leave a margin around the garment."""
    top = (points["torso.shoulder_left"] + points["torso.shoulder_right"]) / 2
    down = points["torso.hem_centre"] - top
    across = points["torso.shoulder_left"] - points["torso.shoulder_right"]
    angle = np.arctan2(-down[0], down[1]) * 0.6 + np.arctan2(across[1], across[0]) * 0.4
    cosine, sine = np.cos(-angle), np.sin(-angle)
    linear = np.array([[cosine, -sine], [sine, cosine]]) if abs(angle) > 0.008 else np.eye(2)
    outline = np.argwhere(alpha > 0.02)[:, ::-1] @ linear.T
    low, high = outline.min(0) - margin, outline.max(0) + margin
    matrix = np.column_stack([linear, -low])
    wh = tuple(int(v) for v in np.ceil(high - low) + 1)
    turned = cv2.warpAffine(rgb, matrix, wh, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    turned_alpha = np.clip(cv2.warpAffine(alpha, matrix, wh), 0, 1)
    return turned, turned_alpha, {k: linear @ p - low for k, p in points.items()}


def _flatten(rgb: np.ndarray, alpha: np.ndarray, *, sigma: float) -> np.ndarray:
    """Take most of the photo's slow changes of lightness out; the mean colour stays."""
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    step = max(1, round(sigma / 6))
    weight = cv2.resize(alpha, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    light = cv2.resize(lab[..., 0] * alpha, None, fx=1 / step, fy=1 / step, interpolation=cv2.INTER_AREA)
    slow = cv2.GaussianBlur(light, (0, 0), sigma / step) / np.maximum(
        cv2.GaussianBlur(weight, (0, 0), sigma / step), 1e-3
    )
    slow = cv2.resize(slow, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    mean = float((lab[..., 0] * alpha).sum() / max(float(alpha.sum()), 1.0))
    gain = np.clip((mean / np.maximum(slow, 1.0)) ** _FLATTEN, 0.6, 1.7)
    lab[..., 0] *= gain
    lab[..., 0] *= mean / max(float((lab[..., 0] * alpha).sum() / max(float(alpha.sum()), 1.0)), 1.0)
    return np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB) * 255 + 0.5, 0, 255).astype(np.uint8)


def _bleed(rgb: np.ndarray, known: np.ndarray, *, reach: int) -> np.ndarray:
    """Give every pixel that is not well inside `known` the colour of the nearest one that is."""
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    inside = cv2.erode(known.astype(np.uint8), kernel, borderValue=0)
    if not inside.any():
        return rgb
    _, labels = cv2.distanceTransformWithLabels(1 - inside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[inside > 0]] = rgb[inside > 0]
    return colours[labels]


def _sleeve_mask(alpha: np.ndarray, points: Mapping[str, np.ndarray], side: str) -> np.ndarray:
    """uint8 (h, w): everything outwards of armhole and inseam, whether or not the garment is there."""
    sign = 1.0 if side == "left" else -1.0
    shoulder, armpit = points[f"torso.shoulder_{side}"], points[f"torso.armpit_{side}"]
    elbow, inner = points[f"sleeve_{side}.elbow"], points[f"sleeve_{side}.elbow_inner"]
    outer, cuff_inner = points[f"sleeve_{side}.cuff_outer"], points[f"sleeve_{side}.cuff_inner"]
    along = points[f"sleeve_{side}.cuff"] - elbow
    along = along / max(float(np.hypot(*along)), 1e-6)
    beyond = along * 0.25 * np.hypot(*(outer - cuff_inner))
    away = np.array([sign, 0.0]) * alpha.shape[1]
    up = np.array([0.0, -0.2]) * alpha.shape[1]
    polygon = [shoulder + up, shoulder, armpit, inner, cuff_inner + beyond, outer + beyond]
    polygon += [outer + beyond + away + along * alpha.shape[0], shoulder + up + away]
    mask = np.zeros(alpha.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(polygon) * 16).astype(np.int32)], 1, shift=4)
    return mask


def _torso(
    colour: np.ndarray, alpha: np.ndarray, points: Mapping[str, np.ndarray], sleeves: Mapping[str, np.ndarray]
) -> Piece:
    own = alpha.copy()
    hidden = np.zeros(alpha.shape, np.uint8)
    for side, mask in sleeves.items():
        own[mask > 0] = 0
        flank = [points[f"torso.{name}_{side}"] for name in ("shoulder", "armpit", "waist", "hem", "hem")]
        flank[-1] = np.array([points["torso.neck"][0], flank[-1][1]])
        polygon = np.array([*flank, points["torso.neck"]])
        region = np.zeros(alpha.shape, np.uint8)
        cv2.fillPoly(region, [np.round(polygon * 16).astype(np.int32)], 1, shift=4)
        hidden |= region & mask
    filled = _bleed(colour, own > 0.97, reach=1)
    shape = np.maximum(own, cv2.GaussianBlur(hidden * alpha, (0, 0), 1.0))
    anchors = {name: tuple(float(v) for v in points[f"torso.{name}"]) for name in TORSO_ANCHORS}
    rgba = np.dstack([filled, np.round(shape * 255).astype(np.uint8)])
    return Piece("torso", rgba, _relief(shape, bulge=0.75), anchors)


def _sleeve(colour: np.ndarray, alpha: np.ndarray, points: Mapping[str, np.ndarray], side: str, width: float) -> Piece:
    """The sleeve along its centre line, straightened into a strip that hangs down."""
    shoulder, elbow, cuff = (
        points[f"torso.shoulder_{side}"],
        points[f"sleeve_{side}.elbow"],
        points[f"sleeve_{side}.cuff"],
    )
    line = round_corner(shoulder, elbow, cuff, reach=0.3 * width, samples=64).astype(np.float64)
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    above, below, half = 0.25 * width, 0.08 * width, 0.36 * width
    rows = np.arange(-above, lengths[-1] + below)
    inside = np.clip(rows, 0, lengths[-1])
    tangent = np.gradient(line, lengths, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    t = np.column_stack([np.interp(inside, lengths, tangent[:, i]) for i in (0, 1)])
    p = np.column_stack([np.interp(inside, lengths, line[:, i]) for i in (0, 1)]) + t * (rows - inside)[:, None]
    across = np.arange(-half, half)
    map_x = (p[:, :1] + t[:, 1:] * across).astype(np.float32)
    map_y = (p[:, 1:] - t[:, :1] * across).astype(np.float32)
    reached = _reaching_in(alpha, points, side, width)
    strip = cv2.remap(colour, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    shape = cv2.remap(reached, map_x, map_y, cv2.INTER_LINEAR, borderValue=0)
    anchors = {
        "shoulder": (half, above),
        "elbow": (half, above + float(lengths[len(line) // 2])),
        "cuff": (half, above + float(lengths[-1])),
    }
    rgba = np.dstack([_bleed(strip, shape > 0.6, reach=1), np.round(shape * 255).astype(np.uint8)])
    return Piece(f"sleeve_{side}", rgba, _relief(shape, bulge=0.9), anchors)


def _reaching_in(alpha: np.ndarray, points: Mapping[str, np.ndarray], side: str, width: float) -> np.ndarray:
    """float32 (h, w): the sleeve, fading out over an overlap with the torso at the armhole."""
    mask = _sleeve_mask(alpha, points, side)
    away = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    fade = np.clip(1 - away / (_OVERLAP * width), 0, 1)
    armpit = points[f"torso.armpit_{side}"]
    ys = np.arange(alpha.shape[0], dtype=np.float32)[:, None]
    above = np.clip((armpit[1] - ys) / (0.08 * width), 0, 1)  # only at the armhole, not along the inseam
    return (alpha * np.maximum(mask, fade * above)).astype(np.float32)


def _relief(shape: np.ndarray, *, bulge: float) -> np.ndarray:
    """A gentle cylinder about the vertical: what the photo's own light has not told about the form."""
    h, w = shape.shape
    solid = shape > 0.5
    any_row = solid.any(1)
    first = np.where(any_row, solid.argmax(1), w * 0.4).astype(np.float32)
    last = np.where(any_row, w - solid[:, ::-1].argmax(1), w * 0.6).astype(np.float32)
    first, last = (cv2.GaussianBlur(v[:, None], (1, 0), sigmaX=0.1, sigmaY=max(h / 30, 1)) for v in (first, last))
    s = np.clip((np.arange(w)[None] - (first + last) / 2) / np.maximum((last - first) / 2, 1), -1, 1)
    x = np.sin(s * bulge)
    z = np.sqrt(np.maximum(1 - x * x, 0))
    normal = np.dstack([x, np.zeros_like(x), z]) * 127 + 128
    occlusion = 255 - 50 * s**4
    return np.round(np.dstack([normal, occlusion])).astype(np.uint8)
