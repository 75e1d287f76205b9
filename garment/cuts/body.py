"""The body that every built-in jacket is drawn on: a men's size 50 (UK 40) seen from the front.

Owns proportions, anchors and the large form under the cloth; must not know panels. Millimetres, see curves.py.
"""

from __future__ import annotations

import cv2
import numpy as np

from garment.cuts.curves import join, mirrored, through, x_at
from garment.cuts.table import Table

TORSO_TABLE = Table(size_mm=(640.0, 900.0), corner_mm=(-320.0, -160.0))

NECK_POINT = (75.0, -76.0)
SHOULDER = (230.0, -18.0)
ARMPIT = (224.0, 162.0)
WAIST = (206.0, 338.0)
HEM = (233.0, 636.0)
HEM_CENTRE = (0.0, 648.0)

SHOULDER_LINE = through((70.0, -80.0), (110.0, -63.5), (160.0, -45.0), (205.0, -28.0), SHOULDER)
SIDE = through(
    SHOULDER, (222.0, 30.0), (215.0, 95.0), ARMPIT, (214.0, 240.0), WAIST, (213.0, 430.0), (225.0, 530.0), HEM
)


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
    trunk = through(
        (205.0, -200.0), (218.0, 0.0), (223.0, 100.0), ARMPIT, WAIST, (213.0, 430.0), (225.0, 530.0), (236.0, 760.0)
    )
    return x_at(trunk, y)


def form_slopes(table: Table = TORSO_TABLE) -> np.ndarray:
    """float32 (H, W, 2): slopes of chest, waist and shoulders as large round forms."""
    h, w = table.hw
    coarse = 4
    step = coarse / table.px_per_mm
    x = table.corner_mm[0] + (np.arange(w // coarse, dtype=np.float32) + 0.5) * step
    y = table.corner_mm[1] + (np.arange(h // coarse, dtype=np.float32) + 0.5) * step
    grid_x, grid_y = np.meshgrid(x, y)
    z = _trunk(grid_x, grid_y) + _relief_of_the_body(grid_x, grid_y) - _shoulder_fall(grid_x, grid_y)
    dz_dy, dz_dx = np.gradient(cv2.GaussianBlur(z, (0, 0), 1.5), step)
    small = np.dstack([dz_dx, dz_dy]).astype(np.float32)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)


def _trunk(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    t = np.clip(np.abs(x) / (half_width(y[:, :1]) * 1.07), 0.0, 1.0)
    depth = x_at(
        np.array([(95.0, -160.0), (112.0, 130.0), (100.0, 338.0), (108.0, 470.0), (104.0, 740.0)], np.float32), y[:, :1]
    )
    return depth * (1.0 - t**2.7) ** 0.62


def _relief_of_the_body(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    chest = 15.0 * np.exp(-(((np.abs(x) - 95.0) / 75.0) ** 2) - ((y - 120.0) / 95.0) ** 2)
    hollow = -9.0 * np.exp(-((x / 190.0) ** 2) - ((y - 345.0) / 70.0) ** 2)
    hip = 5.0 * np.exp(-(((np.abs(x) - 120.0) / 80.0) ** 2) - ((y - 500.0) / 90.0) ** 2)
    return chest + hollow + hip


def _shoulder_fall(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    line = x_at(SHOULDER_LINE[:, ::-1], np.abs(x[:1]))
    below = np.maximum(y - line, 0.0)
    return 34.0 * np.exp(-below / 34.0)


def silhouette_side(*, mirror: bool = False) -> np.ndarray:
    """Shoulder line and side seam of one half, from the neck to the hem corner."""
    outline = join(SHOULDER_LINE, SIDE[1:])
    return mirrored(outline) if mirror else outline
