"""Woven cloth laid flat under a camera, for tests of the scanner: what it finds is held against the draft."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from bench.swatch_cloth import in_mm, pattern_lattice
from fabric.draft import Draft, draft_from_dict
from fabric.scanning.findings import Even, Flat, Sheet
from fabric.weave import weave
from utils.colour import srgb_to_linear

_BOOK = json.loads((Path(__file__).parent.parent / "data/catalog/catalog.json").read_text())
DRAFTS: dict[str, Draft] = {
    colour["id"]: draft_from_dict({**family["draft"], **colour.get("draft", {})})
    for family in _BOOK["families"]
    for colour in family["colours"]
    if "draft" in colour
}


def draft(**changes: object) -> Draft:
    """A black and white cloth, a 2/2 twill of white ends on black picks unless told otherwise."""
    yarns = {"k": {"fibres": [["#141416", 1.0]]}, "w": {"fibres": [["#d8d5ce", 1.0]]}}
    spec = {"weave": "twill_2_2", "yarns": yarns, "warp": "w", "weft": "k", "ends_per_cm": 20, "picks_per_cm": 18}
    return draft_from_dict({**spec, "seed": 5, **changes})


@cache
def _woven(cloth: Draft, px_per_mm: float, span_mm: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    material = weave(cloth, px_per_mm, span_mm=span_mm)
    scale = np.array(material.height.shape[::-1]) / material.size_mm
    return srgb_to_linear(material.albedo), material.height, material.roughness, scale


def lay(
    cloth: Draft, *, px_per_mm: float, wh: tuple[int, int], turn_deg: float = 0.0, blur_px: float = 0.7,
    noise: float = 0.004, light: float = 0.1,
) -> tuple[Flat, Even, Sheet, np.ndarray]:  # fmt: skip
    """(flat picture, evened picture, sheet, true lattice in pixels (2, 2)) of cloth turned clockwise by `turn_deg`."""
    span_mm = 1.02 * math.hypot(*wh) / px_per_mm
    albedo, height, roughness, scale = _woven(cloth, px_per_mm, span_mm)
    turn = math.radians(turn_deg)
    to_cloth = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    middle = np.array(wh) / 2.0
    at = np.stack(np.meshgrid(np.arange(wh[0]), np.arange(wh[1])), axis=-1) - middle
    tile_hw = np.array(height.shape)
    place = ((at @ to_cloth.T) * (scale / px_per_mm) + tile_hw[::-1] / 2.0).astype(np.float32)
    seen = [
        cv2.remap(part, place, None, cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_WRAP)
        for part in (albedo, height, roughness)
    ]
    picture = cv2.GaussianBlur(np.maximum(seen[0], np.float32(0.0)), (0, 0), blur_px)
    picture *= (1.0 + light * (at[..., :1] / wh[0] + 0.6 * at[..., 1:] / wh[1])).astype(np.float32)
    rng = np.random.default_rng(9)
    picture += rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(noise)
    picture = np.clip(picture, 0.0, 1.0)
    flat, even = pictured(picture, px_per_mm=px_per_mm)
    sheet = Sheet(albedo=picture, height=seen[1], roughness=np.clip(seen[2], 0.0, 1.0))
    return flat, even, sheet, in_mm(pattern_lattice(cloth), cloth) * px_per_mm @ to_cloth


def pictured(picture: np.ndarray, *, px_per_mm: float | None = None) -> tuple[Flat, Even]:
    """A linear picture as if it had been rectified and evened out."""
    clipped = np.zeros(picture.shape[:2], bool)
    flat = Flat(picture, from_photo=np.eye(3), px_per_mm=px_per_mm, clipped=clipped, sharpness_px=1.0)
    light = np.ones((4, 4), np.float32)
    return flat, Even(picture, light=light, light_ratio=1.0, white_source="camera", confidence=0.5)
