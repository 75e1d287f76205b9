"""What a tailor would check in a finished picture, each as one number.

Owns the measures: the face and the surroundings untouched, the cloth's colour, the shoulders' place. Must not know how
people are found or how results are shown.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from fabric.material import Material
from garment.compose import Composite
from garment.cuts.catalogue import load_cut
from garment.dressing import Dressed
from garment.makeup import make_up
from garment.pyramid import Pyramid
from utils.colour import delta_e00, linear_to_lab, srgb_to_linear
from utils.pose import MOUTH_RIGHT, NOSE, Pose

LABELS = Path(__file__).with_name("labels.json")
_MELTS_MM = 9.0  # over this distance a weave and a check are seen as one colour
_SAMPLES = 20_000


def marker(cut_id: str) -> Pyramid:
    """The cut with white suiting and everything else dark: dressed like any other, it shows where suiting lies."""
    white, black = _plain("white", 255), _plain("black", 0)
    return Pyramid(make_up(load_cut(cut_id), suiting=white, shirting=black, tie=black))


def suiting(marked: Dressed) -> np.ndarray:
    """bool (H, W): where the picture of the marker shows suiting and nothing else."""
    flat = marked.layer.flattened()
    return (flat[..., 3] > 250) & (flat[..., :3].min(axis=2) > 235) & (marked.composite.alpha > 250)


def cloth_delta_e(composite: Composite, where: np.ndarray, cloth: np.ndarray, *, px_per_mm: float) -> float | None:
    """Median deltaE00 between the cloth in the picture and the catalog's albedo, uint8 (h, w, 3), from a step away.

    Both are melted in linear light first: nobody compares the threads of a houndstooth one by one.
    """
    rows, columns = np.nonzero(where)
    if len(rows) == 0:
        return None
    weight = where.astype(np.float32)
    sigma = _MELTS_MM * px_per_mm
    light = cv2.GaussianBlur(srgb_to_linear(composite.image) * weight[..., None], (0, 0), sigma)
    light /= np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma), 1e-4)[..., None]
    picked = np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLES)).astype(int)
    true = linear_to_lab(srgb_to_linear(cloth).reshape(-1, 3).mean(axis=0, dtype=np.float64))
    return float(np.median(delta_e00(linear_to_lab(light[rows[picked], columns[picked]]), true)))


def outside_change(frame: np.ndarray, composite: Composite) -> int:
    """Largest difference (0-255) where neither garment nor shadow lies."""
    return int(cv2.absdiff(frame, composite.image)[~composite.touched].max(initial=0))


def face_change(frame: np.ndarray, composite: Composite, pose: Pose, skin: np.ndarray) -> tuple[float, int]:
    """Mean and largest difference (0-255) over the face: from eyes to mouth to ears, and its skin down to the chin.

    `skin` is float32 (H, W), the parser's face.
    """
    face = (skin > 0.5).astype(np.uint8)
    hull = cv2.convexHull(np.round(pose.xy[NOSE : MOUTH_RIGHT + 1]).astype(np.int32))
    cv2.fillConvexPoly(face, hull, 1)
    difference = cv2.absdiff(frame, composite.image)[face > 0]
    return float(difference.mean()), int(difference.max(initial=0))


def shoulder_offsets(dressed: Dressed, name: str, hw: tuple[int, int]) -> dict[str, tuple[float, float]] | None:
    """Where the garment's shoulder points lie from those a tailor would mark: (outwards, upwards) by side.

    In shares of the marked width, along and across the line between the marks. None where the photo has no labels.
    Labels are set by eye on the outline of what is worn, where the line of the shoulder turns down into the arm; they
    are good to about 1 % of the width on bare shoulders, 2 % on bulky clothes.
    """
    label = json.loads(LABELS.read_text()).get(name)
    if label is None or dressed.drape is None:
        return None
    marks = {side: np.array(label[f"shoulder_{side}"]) * (hw[1], hw[0]) for side in ("left", "right")}
    across = marks["left"] - marks["right"]
    square = float(across @ across)
    up = np.array([across[1], -across[0]])
    offsets = {}
    for side, mark in marks.items():
        offset = dressed.drape.anchors[f"shoulder_{side}"] - mark
        outwards = offset @ across if side == "left" else -(offset @ across)
        offsets[side] = (float(outwards) / square, float(offset @ up) / square)
    return offsets


def _plain(name: str, value: int) -> Material:
    hw = (8, 8)
    normal = np.zeros((*hw, 3), np.float32)
    normal[..., 2] = 1.0
    blank = np.zeros(hw, np.float32)
    return Material(name, name, np.full((*hw, 3), value, np.uint8), normal, blank, blank + 1.0, (8.0, 8.0))
