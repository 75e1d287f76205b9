"""Cheap self-checks of a finished picture. Owns the measures; must not know how the picture was made."""

from __future__ import annotations

import cv2
import numpy as np

from garment.body import Body
from garment.compose import Composite
from garment.layer import Layer
from utils.colour import delta_e00, srgb_to_lab

HEM_MM = 560.0
"""Old clothes below this are trousers; a little above the hem, since people are not all alike."""
_SAMPLES = 600


def outside_change(frame: np.ndarray, composite: Composite) -> float:
    """Largest difference (0-255) between picture and frame where neither garment nor shadow lies; 0 is right."""
    difference = cv2.absdiff(frame, composite.image).max(axis=2)
    difference[composite.touched] = 0
    return float(difference.max())


def face_change(frame: np.ndarray, composite: Composite, face: np.ndarray) -> float:
    """Mean difference (0-255) over the face, which is float32 (H, W) in [0, 1] as parsed; 0 is right."""
    skin = face > 0.5  # a network is seldom surer than 0.95, and least so at the chin, where collars are
    if not skin.any():
        return 0.0
    return float(cv2.absdiff(frame, composite.image)[skin].mean())


def cloth_delta_e(layer: Layer, composite: Composite) -> float | None:
    """Median deltaE00 between the garment in the picture and its albedo, over what is fully covered.

    It contains the light of the scene, so it is 0 only in a light that changes nothing.
    """
    picture, cloth = [], []
    for part in layer.parts:
        if part.name == "back":
            continue
        x, y = part.xy
        h, w = part.rgba.shape[:2]
        solid = (part.rgba[..., 3] == 255) & (composite.alpha[y : y + h, x : x + w] == 255)
        rows, columns = np.nonzero(solid)
        if len(rows):
            picked = np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLES)).astype(int)
            cloth.append(part.rgba[rows[picked], columns[picked], :3])
            picture.append(composite.image[rows[picked] + y, columns[picked] + x])
    if not cloth:
        return None
    # Threads and checks move under a pixel of jitter between the two, so the parts' medians are compared.
    seen = np.stack([np.median(srgb_to_lab(p), axis=0) for p in picture])
    true = np.stack([np.median(srgb_to_lab(c), axis=0) for c in cloth])
    return float(np.median(delta_e00(seen, true)))


def coverage(composite: Composite) -> float:
    """Share of the picture that the garment takes, in [0, 1]."""
    return float(composite.alpha.mean() / 255)


def uncovered(composite: Composite, clothes: np.ndarray, body: Body) -> float | None:
    """Share of the old clothes above the hem that still shows, in [0, 1].

    `clothes` is float32 (H, W) in [0, 1], of this frame; None when there are none.
    """
    height, width = clothes.shape
    corners = np.array([[-700.0, -160.0], [700.0, -160.0], [700.0, HEM_MM], [-700.0, HEM_MM]], np.float32)
    zone = np.zeros((height, width), np.uint8)
    cv2.fillConvexPoly(zone, np.round(body.place(corners)).astype(np.int32), 1)
    old = (clothes > 0.5) & (zone > 0)
    total = int(old.sum())
    if total == 0:
        return None
    return float((old & (composite.alpha < 128)).sum() / total)
