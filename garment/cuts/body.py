"""The body that every built-in jacket is drawn on: a men's size 50 (UK 40) seen from the front.

Owns proportions, anchors and the large form under the cloth; must not know panels. Millimetres, see curves.py.
Widths are those of the view from the front: a chest of 112 cm in the jacket is an oval 42 cm wide.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.cuts.curves import join, through, x_at
from garment.cuts.folds import Fold, add_folds, places, unrest
from garment.cuts.pile import Form, spread_out
from garment.cuts.table import Table
from garment.relief import crevices

TORSO_TABLE = Table(size_mm=(568.0, 796.0), corner_mm=(-284.0, -128.0))

NECK_POINT = (75.0, -73.0)
SHOULDER = (230.0, -11.0)
ARMPIT = (211.0, 162.0)
WAIST = (188.0, 336.0)
HEM = (209.0, 634.0)
HEM_CENTRE = (0.0, 650.0)

SHOULDER_LINE = through((77.0, -72.5), (92.0, -66.0), (110.0, -58.0), (160.0, -39.0), (205.0, -21.5), SHOULDER)
SIDE = through(
    SHOULDER, (225.0, 30.0), (215.0, 95.0), ARMPIT, (199.0, 245.0), WAIST, (192.5, 420.0), (203.0, 530.0), HEM
)
_TRUNK = through(
    (196.0, -200.0), (206.0, 0.0), (210.0, 90.0), ARMPIT, (199.0, 245.0), WAIST, (192.5, 420.0), (203.0, 530.0), HEM
)
_DEPTH = through((92.0, -180.0), (100.0, 0.0), (112.0, 140.0), (100.0, 336.0), (106.0, 470.0), (100.0, 760.0))
_PROFILE = through(
    (-66.0, -180.0), (-52.0, -90.0), (-27.0, -20.0), (-7.0, 60.0), (0.0, 140.0), (-8.0, 240.0), (-18.0, 335.0),
    (-9.0, 425.0), (-4.0, 520.0), (-6.0, 640.0), (-10.0, 760.0),
)  # fmt: skip
_STEP_MM = 2.0  # of the grid that forms and folds are drawn on


def anchors() -> dict[str, tuple[float, float]]:
    """TORSO_ANCHORS in millimetres."""
    pairs = {"collar": NECK_POINT, "shoulder": SHOULDER, "armpit": ARMPIT, "waist": WAIST, "hem": HEM}
    out = {"neck": (0.0, 0.0), "hem_centre": HEM_CENTRE}
    for name, (x, y) in pairs.items():
        out[f"{name}_left"] = (x, y)
        out[f"{name}_right"] = (-x, y)
    return out


def half_width(y: np.ndarray) -> np.ndarray:
    """Half of the trunk's width at each y, smooth through the armhole."""
    return x_at(_TRUNK, y)


def outline_of_half() -> np.ndarray:
    """Shoulder line and side of the wearer's left half, from the neck to the hem's corner."""
    return join(SHOULDER_LINE, SIDE[1:])


def torso_form(folds: tuple[Fold, ...]) -> Form:
    """Chest, waist and shoulders as large round forms, the folds of a worn jacket on them."""
    width, height = (int(mm / _STEP_MM) for mm in TORSO_TABLE.size_mm)
    x, y = places((height, width), corner_mm=TORSO_TABLE.corner_mm, step_mm=_STEP_MM)
    body = (_trunk(x, y) + _muscles(x, y) - _shoulder_fall(x, y)).astype(np.float32)
    body = cv2.GaussianBlur(body, (0, 0), 5.0 / _STEP_MM)
    cloth = np.zeros_like(body)
    add_folds(cloth, folds, corner_mm=TORSO_TABLE.corner_mm, step_mm=_STEP_MM)
    cloth += _unevenness(y)
    dz_dy, dz_dx = np.gradient(body + cloth, _STEP_MM)
    shade = crevices(cloth, reach_px=9.0 / _STEP_MM, strength=0.22) * _arm_shadow(x, y)
    return spread_out(np.dstack([dz_dx, dz_dy]), shade, TORSO_TABLE.hw)


def _trunk(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    t = np.clip(np.abs(x) / (half_width(y[:, :1]) * 1.05), 0.0, 0.999)
    return x_at(_DEPTH, y[:, :1]) * (1.0 - t**2.35) ** 0.55 + x_at(_PROFILE, y[:, :1])


def _muscles(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = np.abs(x)
    chest = 9.0 * np.exp(-(((side - 98.0) / 62.0) ** 2) - ((y - 105.0) / 85.0) ** 2)
    blade = -5.0 * np.exp(-(((side - 165.0) / 34.0) ** 2) - ((y - 60.0) / 70.0) ** 2)
    hip = 5.0 * np.exp(-(((side - 125.0) / 70.0) ** 2) - ((y - 500.0) / 90.0) ** 2)
    return chest + blade + hip


def _shoulder_fall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    below = np.maximum(y - x_at(SHOULDER_LINE[:, ::-1], np.abs(x[:1])), 0.0)
    return 30.0 * np.exp(-below / 30.0)


def _unevenness(y: np.ndarray) -> np.ndarray:
    """Canvas keeps the chest calm; the skirt below the waist is free to move."""
    free = np.clip((y - 60.0) / 420.0, 0.15, 1.0)
    broad = unrest(y.shape, step_mm=_STEP_MM, wave_mm=(95.0, 170.0), seed=11)
    fine = unrest(y.shape, step_mm=_STEP_MM, wave_mm=(34.0, 60.0), seed=12)
    return free * (2.1 * broad + 0.36 * fine)


def _arm_shadow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A hanging arm keeps the sky from the trunk beside it."""
    beside = np.clip((np.abs(x) - half_width(y[:, :1]) + 42.0) / 42.0, 0.0, 1.0)
    along = np.clip((y - 20.0) / 120.0, 0.0, 1.0) * np.clip((620.0 - y) / 260.0, 0.25, 1.0)
    return 1.0 - 0.42 * along * beside**1.5
