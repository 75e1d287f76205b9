"""Things of known size or colour that people lay beside a swatch.

Owns how a card, a marker, a ruler, a sheet of paper and a colour chart look; must not know where they lie in a photo.
A thing is drawn in its own millimetres, its middle at the origin, and then laid on the table.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from bench.swatch_camera import through
from bench.swatch_scene import Thing
from utils.colour import hex_to_srgb8, srgb_to_linear

CARD_MM = (85.60, 53.98)
CARD_CORNER_MM = 3.18
PAPER = 0.90
"""Linear reflectance of plain white paper, of what markers are printed on, and of a chart's white patch."""
_PX_PER_MM = 14.0

# The classic chart of 24 patches in sRGB, rows from the top.
CHART_SRGB = (
    "#735244", "#c29682", "#627a9d", "#576c43", "#8580b1", "#67bdaa",
    "#d67e2c", "#505ba6", "#c15a63", "#5e3c6c", "#9dbc40", "#e0a32e",
    "#383d96", "#469449", "#af363c", "#e7c71f", "#bb5695", "#0885a1",
    "#f3f3f2", "#c8c8c8", "#a0a0a0", "#7a7a79", "#555555", "#343434",
)  # fmt: skip
CHART_PATCH_MM, CHART_GAP_MM = 12.0, 1.6


def card(rng: np.random.Generator) -> Thing:
    """A bank card with a print of its own."""
    base, other = (rng.uniform(0.05, 0.8, 3).astype(np.float32) for _ in range(2))
    print_ = _sheet(CARD_MM, base)
    h, w = print_.shape[:2]
    sweep = np.linspace(0.0, 1.0, w, dtype=np.float32)[None, :, None]
    print_ += sweep * (other - base) * np.float32(0.8)
    chip = (slice(int(0.36 * h), int(0.56 * h)), slice(int(0.10 * w), int(0.23 * w)))
    print_[chip] = srgb_to_linear(hex_to_srgb8("#c9a94f"))
    ink = (0.85, 0.85, 0.85) if base.mean() < 0.4 else (0.05, 0.05, 0.06)
    _write(print_, "4921 7713 0058 2264", (int(0.09 * w), int(0.74 * h)), size=h / 420.0, bold=3, ink=ink)
    _write(print_, "M. WEAVER", (int(0.09 * w), int(0.90 * h)), size=h / 600.0, bold=2, ink=ink)
    return _thing("card", CARD_MM, print_, outline=_rounded(CARD_MM, CARD_CORNER_MM), thick_mm=0.76)


def marker(rng: np.random.Generator) -> Thing:
    """An ArUco marker (4 x 4, 50 in the set) on white paper with a quiet zone; its black square has a known side."""
    side_mm = float(rng.choice([30.0, 50.0]))
    number = int(rng.integers(25)) + 25 * (side_mm > 40.0)  # the number says the size, see fabric/scanning/scale.py
    cells = cv2.aruco.generateImageMarker(
        cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50), number, round(side_mm * _PX_PER_MM)
    )
    size = (side_mm * 1.4, side_mm * 1.4)
    print_ = _sheet(size, (PAPER, PAPER, PAPER))
    start = (print_.shape[0] - cells.shape[0]) // 2
    inked = np.where(cells > 127, np.float32(PAPER), np.float32(0.03))
    print_[start : start + cells.shape[0], start : start + cells.shape[1]] = inked[..., None]
    return _thing(f"marker {side_mm:g} mm", size, print_, thick_mm=0.15)


def ruler(rng: np.random.Generator) -> Thing:
    """A ruler with millimetre ticks and numbers."""
    length_mm = float(rng.choice([100.0, 150.0]))
    size = (length_mm + 8.0, 28.0)
    ground = [(0.80, 0.78, 0.72), (0.55, 0.42, 0.22), (0.58, 0.59, 0.60)][int(rng.integers(3))]
    print_ = _sheet(size, ground)
    ink = (0.02, 0.02, 0.02)
    for mm in range(int(length_mm) + 1):
        tick_mm = 8.0 if mm % 10 == 0 else 6.0 if mm % 5 == 0 else 4.0
        x0, x1 = (round((4.0 + mm + aside) * _PX_PER_MM) for aside in (-0.09, 0.09))
        print_[: round(tick_mm * _PX_PER_MM), x0 : x1 + 1] = ink
        if mm % 10 == 0:
            at = (round((4.0 + mm - 1.6) * _PX_PER_MM), round(12.5 * _PX_PER_MM))
            _write(print_, str(mm // 10), at, size=_PX_PER_MM / 9.0, bold=3, ink=ink)
    return _thing("ruler", size, print_, thick_mm=1.2)


def paper(rng: np.random.Generator) -> Thing:
    """A piece of white paper."""
    size = (float(rng.uniform(40.0, 70.0)), float(rng.uniform(30.0, 60.0)))
    return _thing("paper", size, _sheet(size, (PAPER, PAPER, PAPER)), thick_mm=0.12)


def chart(rng: np.random.Generator) -> Thing:
    """The classic colour chart of 24 patches on black."""
    pitch = CHART_PATCH_MM + CHART_GAP_MM
    size = (6 * pitch + CHART_GAP_MM, 4 * pitch + CHART_GAP_MM)
    print_ = _sheet(size, (0.035, 0.035, 0.035))
    for index, colour in enumerate(CHART_SRGB):
        row, column = divmod(index, 6)
        x, y = (round((CHART_GAP_MM + pitch * n) * _PX_PER_MM) for n in (column, row))
        side = round(CHART_PATCH_MM * _PX_PER_MM)
        print_[y : y + side, x : x + side] = srgb_to_linear(hex_to_srgb8(colour))
    return _thing("chart", size, print_, thick_mm=0.8)


REFERENCES = {"card": card, "marker": marker, "ruler": ruler, "paper": paper, "chart": chart}
WHITE = ("marker", "paper", "chart")
"""Which of them show something that is known to be white."""


def beside(thing: Thing, swatch_mm: tuple[float, float], rng: np.random.Generator) -> Thing:
    """The thing laid beside a swatch whose top left corner is the origin: slightly turned, and never over it."""
    turn_deg = float(rng.normal(0.0, 7.0)) + (90.0 if rng.random() < 0.3 else 0.0)
    c, s = math.cos(math.radians(turn_deg)), math.sin(math.radians(turn_deg))
    turn = np.array([[c, -s], [s, c]])
    half = np.abs((thing.outline - thing.outline.mean(axis=0)) @ turn.T).max(axis=0)
    gap = float(rng.uniform(6.0, 14.0))
    w, h = swatch_mm
    along_x, along_y = float(rng.uniform(0.3, 0.7)) * w, float(rng.uniform(0.3, 0.7)) * h
    places = ((w + gap + half[0], along_y), (-gap - half[0], along_y), (along_x, h + gap + half[1]))
    place = np.array([*places, (along_x, -gap - half[1])][int(rng.integers(4))])
    back = thing.to_print[:, :2] @ turn.T
    to_print = np.column_stack([back, thing.to_print[:, 2] - back @ place])
    return Thing(thing.name, thing.outline @ turn.T + place, thing.print_, to_print, thick_mm=thing.thick_mm)


def white_in_photo(thing: Thing, to_photo: np.ndarray) -> np.ndarray | None:
    """float64 (4,), x0, y0, x1, y1: a box of the photo inside what is white of the thing; None if nothing is."""
    if not thing.name.startswith(WHITE):
        return None
    h, w = thing.print_.shape[:2]
    if thing.name == "paper":
        inside = np.array([[0.25, 0.25], [0.75, 0.75]]) * (w, h)
    elif thing.name == "chart":
        inside = np.array([[0.05, 0.80], [0.13, 0.92]]) * (w, h)
    else:
        inside = np.array([[0.30, 0.04], [0.70, 0.10]]) * (w, h)
    (x0, y0), (x1, y1) = inside
    ring = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    back = np.linalg.inv(thing.to_print[:, :2])
    seen = through(to_photo, (ring - thing.to_print[:, 2]) @ back.T)
    middle = seen.mean(axis=0)
    half = np.maximum(0.7 * np.abs(seen - middle).min(axis=0), 1.0)
    return np.concatenate([middle - half, middle + half])


def coarser(thing: Thing, px_per_mm: float) -> Thing:
    """Its print at about two pixels per pixel of the photo, so that it can be sampled without aliases."""
    h, w = thing.print_.shape[:2]
    size = thing.outline.max(axis=0) - thing.outline.min(axis=0)
    factor = min(1.0, 2.0 * px_per_mm * float(size.max()) / max(h, w))
    wh = (max(8, round(w * factor)), max(8, round(h * factor)))
    print_ = cv2.resize(thing.print_, wh, interpolation=cv2.INTER_AREA)
    scale = np.array([[wh[0] / w], [wh[1] / h]])
    to_print = thing.to_print * scale
    to_print[:, 2:] += 0.5 * scale - 0.5
    return dataclasses.replace(thing, print_=print_, to_print=to_print)


def _thing(
    name: str, size_mm: tuple[float, float], print_: np.ndarray, *, thick_mm: float, outline: np.ndarray | None = None
) -> Thing:
    w, h = size_mm
    box = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2.0
    scale = print_.shape[1] / w, print_.shape[0] / h
    to_print = np.array([[scale[0], 0.0, scale[0] * w / 2 - 0.5], [0.0, scale[1], scale[1] * h / 2 - 0.5]])
    return Thing(name, box if outline is None else outline, print_, to_print, thick_mm=thick_mm)


def _write(
    print_: np.ndarray, text: str, at: tuple[int, int], *, size: float, bold: int, ink: tuple[float, float, float]
) -> None:
    mask = np.zeros(print_.shape[:2], np.uint8)
    cv2.putText(mask, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, bold, cv2.LINE_AA)
    print_ += (mask.astype(np.float32) / np.float32(255.0))[..., None] * (np.asarray(ink, np.float32) - print_)


def _sheet(size_mm: tuple[float, float], colour: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    hw = round(size_mm[1] * _PX_PER_MM), round(size_mm[0] * _PX_PER_MM)
    return np.ones((*hw, 3), np.float32) * np.asarray(colour, np.float32)


def _rounded(size_mm: tuple[float, float], radius_mm: float) -> np.ndarray:
    """(N, 2): a rectangle with round corners, clockwise from the top left."""
    w, h = size_mm[0] / 2 - radius_mm, size_mm[1] / 2 - radius_mm
    angles = np.radians(np.linspace(180.0, 270.0, 12))
    arc = radius_mm * np.column_stack([np.cos(angles), np.sin(angles)])
    quarter = [arc @ np.array([[c, s], [-s, c]]) for c, s in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    middles = np.array([[-w, -h], [w, -h], [w, h], [-w, h]])
    return np.vstack([part + middle for part, middle in zip(quarter, middles, strict=True)])
