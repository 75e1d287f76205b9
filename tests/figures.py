"""Drawn people: poses with known joints, so that tests know the right answer. Nobody is photographed here."""

from __future__ import annotations

import cv2
import numpy as np

from garment.garment import SLEEVE_ANCHORS, TORSO_ANCHORS, Garment, Piece
from garment.occlusion import Classes
from utils import pose as at
from utils.pose import Pose

HW = (480, 640)


def figure(
    *,
    centre: tuple[float, float] = (320.0, 190.0),
    shoulders_px: float = 130.0,
    left_elbow: tuple[float, float] = (0.16, 0.78),
    left_wrist: tuple[float, float] = (0.2, 1.42),
    right_elbow: tuple[float, float] = (-0.16, 0.78),
    right_wrist: tuple[float, float] = (-0.2, 1.42),
    turn_depth: float = 0.0,
    wrist_depth: float = 0.2,
) -> Pose:
    """Somebody who faces the camera. Elbows and wrists are offsets from their own shoulder in shoulder widths."""
    s = shoulders_px
    xy = np.zeros((33, 2))
    z = np.zeros(33)
    c = np.array(centre)
    xy[at.LEFT_SHOULDER], xy[at.RIGHT_SHOULDER] = c + (s / 2, 0), c - (s / 2, 0)
    xy[at.LEFT_HIP], xy[at.RIGHT_HIP] = c + (0.31 * s, 1.43 * s), c + (-0.31 * s, 1.43 * s)
    head = c + (0, -0.72 * s)
    xy[:11] = head
    xy[2], xy[5] = head + (0.09 * s, -0.06 * s), head + (-0.09 * s, -0.06 * s)
    xy[at.LEFT_EAR], xy[at.RIGHT_EAR] = head + (0.22 * s, 0), head - (0.22 * s, 0)
    xy[at.MOUTH_LEFT], xy[at.MOUTH_RIGHT] = head + (0.08 * s, 0.16 * s), head + (-0.08 * s, 0.16 * s)
    for joint, elbow, wrist, reach, end in (
        (at.LEFT_SHOULDER, at.LEFT_ELBOW, at.LEFT_WRIST, left_elbow, left_wrist),
        (at.RIGHT_SHOULDER, at.RIGHT_ELBOW, at.RIGHT_WRIST, right_elbow, right_wrist),
    ):
        xy[elbow] = xy[joint] + np.array(reach) * s
        xy[wrist] = xy[joint] + np.array(end) * s
        fore = (xy[wrist] - xy[elbow]) / max(np.hypot(*(xy[wrist] - xy[elbow])), 1e-6)
        for finger, across in ((wrist + 2, -0.05), (wrist + 4, 0.05), (wrist + 6, 0.08)):
            xy[finger] = xy[wrist] + fore * 0.22 * s + np.array([-fore[1], fore[0]]) * across * s
        z[wrist] = -wrist_depth * s
    z[at.LEFT_SHOULDER] = turn_depth * s
    xy[25:] = c + (0, 3 * s)
    visibility = np.ones(33)
    visibility[25:] = 0.1
    return Pose(xy=xy.astype(np.float32), z=z.astype(np.float32), visibility=visibility.astype(np.float32))


def silhouette(pose: Pose, hw: tuple[int, int] = HW) -> np.ndarray:
    """float32 (H, W): a trunk, a head and limbs around the joints."""
    s = float(np.hypot(*(pose.xy[at.LEFT_SHOULDER] - pose.xy[at.RIGHT_SHOULDER])))
    mask = np.zeros(hw, np.uint8)
    trunk = [at.LEFT_SHOULDER, at.LEFT_HIP, at.RIGHT_HIP, at.RIGHT_SHOULDER]
    middle = pose.xy[trunk].mean(0)
    wide = middle + (pose.xy[trunk] - middle) * (1.2, 1.05)
    cv2.fillConvexPoly(mask, np.round(wide).astype(np.int32), 1)
    for joint, elbow, wrist in ((11, 13, 15), (12, 14, 16)):
        line = np.round(pose.xy[[joint, elbow, wrist]]).astype(np.int32)
        cv2.polylines(mask, [line], False, 1, max(2, round(0.26 * s)))
    head = pose.xy[[at.LEFT_EAR, at.RIGHT_EAR]].mean(0)
    cv2.ellipse(mask, (tuple(map(float, head)), (0.5 * s, 0.72 * s), 0.0), 1, -1)
    neck = np.round([head, pose.xy[[11, 12]].mean(0)]).astype(np.int32)
    cv2.polylines(mask, [neck], False, 1, max(2, round(0.3 * s)))
    return mask.astype(np.float32)


def classes(pose: Pose, hw: tuple[int, int] = HW) -> Classes:
    """A parsing of the drawn person without mistakes."""
    mask = silhouette(pose, hw)
    s = float(np.hypot(*(pose.xy[at.LEFT_SHOULDER] - pose.xy[at.RIGHT_SHOULDER])))
    ys, xs = np.mgrid[: hw[0], : hw[1]]
    head = pose.xy[[at.LEFT_EAR, at.RIGHT_EAR]].mean(0)
    on_head = (((xs - head[0]) / (0.25 * s)) ** 2 + ((ys - head[1]) / (0.36 * s)) ** 2 <= 1) & (mask > 0)
    hair = on_head & (ys < head[1] - 0.16 * s)
    face = on_head & ~hair
    shoulders = pose.xy[[11, 12]].mean(0)
    neck = (mask > 0) & ~on_head & (ys < shoulders[1] - 0.05 * s) & (np.abs(xs - shoulders[0]) < 0.16 * s)
    hands = np.zeros(hw, np.uint8)
    for wrist in (at.LEFT_WRIST, at.RIGHT_WRIST):
        line = np.round(pose.xy[[wrist, wrist + 4]]).astype(np.int32)
        cv2.polylines(hands, [line], False, 1, max(2, round(0.16 * s)))
    skin = neck | (hands > 0)
    clothes = (mask > 0) & ~on_head & ~skin
    masks = (hair, face, skin, clothes, np.zeros(hw, bool))
    return Classes(*(m.astype(np.float32) for m in masks))


def frame_of(pose: Pose, hw: tuple[int, int] = HW, *, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """uint8 (H, W, 3): the drawn person in a grey shirt before a patterned wall."""
    rng = np.random.default_rng(seed)
    parts = classes(pose, hw)
    ys, xs = np.mgrid[: hw[0], : hw[1]]
    wall = 150 + 25 * (((xs // 32) + (ys // 32)) % 2)
    image = np.stack([wall, wall + 8, wall + 4], -1).astype(np.float32)
    for where, colour in (
        (parts.clothes, (128, 128, 132)),
        (parts.skin, (205, 160, 135)),
        (parts.face, (210, 165, 140)),
        (parts.hair, (60, 42, 30)),
    ):
        image = np.where(where[..., None] > 0.5, np.array(colour, np.float32), image)
    if noise:
        image = image + rng.normal(0, noise, image.shape)
    return np.clip(image, 0, 255).astype(np.uint8)


def box_jacket(*, px_per_mm: float = 1.0, colour: tuple[int, int, int] = (40, 52, 92)) -> Garment:
    """A jacket of plain rectangles with known anchors, one flat colour and normals that face the camera."""

    def piece(name: str, size_mm: tuple[float, float], outline: list, anchors: dict) -> Piece:
        w, h = (round(v * px_per_mm) for v in size_mm)
        albedo = np.zeros((h, w, 4), np.uint8)
        albedo[..., :3] = colour
        alpha = np.zeros((h, w), np.uint8)
        cv2.fillPoly(alpha, [np.round(np.array(outline) * px_per_mm).astype(np.int32)], 255)
        albedo[..., 3] = alpha
        relief = np.full((h, w, 4), (128, 128, 255, 255), np.uint8)
        return Piece(name, albedo, relief, {k: (x * px_per_mm, y * px_per_mm) for k, (x, y) in anchors.items()})

    cx, top = 320.0, 150.0
    pairs = {
        "collar": (75, -76),
        "shoulder": (230, -18),
        "armpit": (250, 160),
        "waist": (225, 370),
        "hem": (255, 640),
    }
    anchors = {"neck": (cx, top), "hem_centre": (cx, top + 640)}
    for name, (x, y) in pairs.items():
        anchors[f"{name}_left"], anchors[f"{name}_right"] = (cx + x, top + y), (cx - x, top + y)
    assert set(anchors) == set(TORSO_ANCHORS)
    order = ("collar", "shoulder", "armpit", "waist", "hem")
    outline = [anchors[f"{n}_right"] for n in order] + [anchors[f"{n}_left"] for n in reversed(order)]
    pieces = {"torso": piece("torso", (640, 860), outline, anchors)}
    sleeve = {"shoulder": (130.0, 60.0), "elbow": (130.0, 390.0), "cuff": (130.0, 690.0)}
    assert tuple(sleeve) == SLEEVE_ANCHORS
    for side, inwards in (("left", -1), ("right", 1)):
        tube = [
            (130 + inwards * 110, 60),
            (130 - inwards * 40, 60),
            (130 - inwards * 50, 690),
            (130 + inwards * 60, 690),
        ]
        pieces[f"sleeve_{side}"] = piece(f"sleeve_{side}", (260, 740), tube, sleeve)
    return Garment(id="box", pieces=pieces, px_per_mm=px_per_mm)
