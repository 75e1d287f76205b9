"""What lies on the table, and the lamp over it.

Owns table tops, things with an outline, the fall-off of the light and how all that is seen through a homography without
aliases; must not know cloth, cameras' faults or what is made of the picture. Millimetres on the table; a lamp's height
counts upwards from it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from fabric.periodic import smooth_noise
from utils.colour import hex_to_srgb8, srgb_to_linear

_TABLE_PX_PER_MM = 4.0
_TABLE_PX = 1400
_BAND_PX = 256  # rows that are worked on at a time
_STEPS = 2  # samples per pixel, each way
_FINER = 2  # outlines are sampled so much finer still
_NEAREST = 0.05  # of the farthest point's distance: of an outline, what is nearer lies beside and behind the camera


@dataclass(frozen=True)
class Thing:
    """Something flat that lies on the table."""

    name: str
    outline: np.ndarray
    """float64 (N, 2), millimetres on the table."""
    print_: np.ndarray
    """float32 (h, w, 3): linear reflectance, or what comes back from it under even light of strength one."""
    to_print: np.ndarray
    """float64 (2, 3): from millimetres on the table to pixels of the print."""
    wraps: bool = False
    thick_mm: float = 0.5


@dataclass(frozen=True)
class Lamp:
    """A lamp at a place, and as much light again from all around as `fill` says."""

    at_mm: np.ndarray
    """float64 (3,): x, y, height."""
    fill: float
    """Share of the light at `aim` that comes from all around."""
    aim: np.ndarray
    """float64 (2,)"""
    gloss: float = 0.0
    """Strength of the highlight on what lies there."""
    gloss_power: float = 12.0

    def direction(self) -> np.ndarray:
        """float64 (3,): unit vector from `aim` to the lamp, x right, y up (away from the photographer), z upwards."""
        to_lamp = np.array([self.at_mm[0] - self.aim[0], self.aim[1] - self.at_mm[1], self.at_mm[2]])
        return to_lamp / np.linalg.norm(to_lamp)

    def field(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Light on the table, 1 at `aim`: the inverse square and the cosine law, and the fill."""
        lit = self._direct(x, y) / self._direct(np.float64(self.aim[0]), np.float64(self.aim[1]))
        return np.float32(self.fill) + np.float32(1.0 - self.fill) * lit.astype(np.float32)

    def _direct(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        away = (x - self.at_mm[0]) ** 2 + (y - self.at_mm[1]) ** 2 + self.at_mm[2] ** 2
        return self.at_mm[2] / (away * np.sqrt(away))


def draw_lamp(rng: np.random.Generator, corners: np.ndarray) -> Lamp:
    """A lamp over the swatch with `corners` (4, 2) mm whose light varies there by no more than 3 to 1."""
    aim = corners.mean(axis=0)
    elevation, azimuth = math.radians(rng.uniform(22.0, 80.0)), float(rng.uniform(0.0, 2.0 * math.pi))
    fill, away_mm = float(rng.uniform(0.2, 0.6)), float(np.exp(rng.uniform(math.log(120.0), math.log(1500.0))))
    shiny = float(rng.choice([0.0, 0.0, 0.0, rng.uniform(0.03, 0.12)]))
    while True:
        flat = away_mm * math.cos(elevation)
        place = [aim[0] + flat * math.cos(azimuth), aim[1] + flat * math.sin(azimuth), away_mm * math.sin(elevation)]
        lamp = Lamp(np.array(place), fill, aim, gloss=shiny, gloss_power=float(rng.uniform(6.0, 30.0)))
        if light_ratio(lamp, corners) <= 3.0:
            return lamp
        away_mm *= 1.1


def light_ratio(lamp: Lamp, corners: np.ndarray) -> float:
    """Brightest to darkest light on the quadrilateral `corners` (4, 2) mm."""
    u, v = np.meshgrid(np.linspace(0.0, 1.0, 24), np.linspace(0.0, 1.0, 24))
    weights = np.dstack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v])
    places = weights @ corners
    field = lamp.field(places[..., 0], places[..., 1])
    return float(field.max() / field.min())


def see(
    things: list[Thing], table: np.ndarray, lamp: Lamp, *, to_photo: np.ndarray, eye_mm: np.ndarray, hw: tuple[int, int]
) -> np.ndarray:
    """float32 (H, W, 3): linear light that comes from the table to each pixel, before the lens.

    `eye_mm` is where the camera stands: x, y and its height.
    """
    picture = np.empty((*hw, 3), np.float32)
    to_mm = np.linalg.inv(to_photo)
    for top in range(0, hw[0], _BAND_PX):
        rows = slice(top, min(top + _BAND_PX, hw[0]))
        band = picture[rows]
        x, y = places(to_mm, np.arange(rows.start, rows.stop, dtype=np.float32), np.arange(hw[1], dtype=np.float32))
        scale = np.float32(_TABLE_PX_PER_MM)
        band[:] = cv2.remap(table, x * scale, y * scale, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        for thing in things:
            _shade_under(band, thing, lamp, to_photo, top)
            _lay(band, thing, to_photo=to_photo, to_mm=to_mm, top=top)
        band *= lamp.field(x, y)[..., None]
        if lamp.gloss > 0.0:
            band += _gloss(lamp, eye_mm, x, y)[..., None]
    return picture


def places(to_mm: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Table x and y, float32 (rows, columns), under a grid of photo points."""
    m = to_mm.astype(np.float64)
    rows, columns = rows.astype(np.float64)[:, None], columns.astype(np.float64)[None, :]
    depth = m[2, 0] * columns + (m[2, 1] * rows + m[2, 2])
    x = (m[0, 0] * columns + (m[0, 1] * rows + m[0, 2])) / depth
    y = (m[1, 0] * columns + (m[1, 1] * rows + m[1, 2])) / depth
    return x.astype(np.float32), y.astype(np.float32)


def draw_table(rng: np.random.Generator) -> tuple[str, np.ndarray]:
    """A name and a wrapping linear texture of 4 px/mm."""
    kind = str(rng.choice(["wood", "grey", "white cloth", "marble", "dark"]))
    return kind, table_top(kind, rng)


def table_top(kind: str, rng: np.random.Generator) -> np.ndarray:
    """float32 (1400, 1400, 3): one kind of table, as a wrapping linear texture of 4 px/mm."""
    hw = (_TABLE_PX, _TABLE_PX)
    grain = cv2.blur(rng.standard_normal(hw, dtype=np.float32), (3, 3), borderType=cv2.BORDER_REFLECT)
    if kind == "wood":
        flow = smooth_noise(rng, hw, cells=(14, 4))
        fibre = smooth_noise(rng, hw, cells=(500, 8))
        rings = np.sin(np.linspace(0, 2 * np.pi * 24, hw[0], dtype=np.float32)[:, None] + 2.2 * flow)
        tone = 1.0 + 0.12 * rings + 0.10 * fibre + 0.03 * grain
        colour = str(rng.choice(["#a9794a", "#8a5a35", "#c39a6b", "#5b3a24"]))
    elif kind == "marble":
        veins = sum(smooth_noise(rng, hw, cells=(n, n)) / n for n in (6, 12, 24, 48)) * 6.0
        tone = 1.0 - 0.16 * np.exp(-np.square(veins / 0.09)) + 0.05 * smooth_noise(rng, hw, cells=(20, 20))
        colour = "#dcdad6"
    elif kind == "white cloth":
        at = np.arange(hw[0], dtype=np.float32) * np.float32(np.pi / 2.0)  # a coarse plain weave, 1 mm a thread
        threads = np.sin(at)[:, None] * np.sin(at)[None, :]
        tone = 1.0 + 0.03 * threads + 0.02 * grain + 0.04 * smooth_noise(rng, hw, cells=(9, 9))
        colour = "#e4e2dc"
    else:
        tone = 1.0 + 0.04 * grain + 0.03 * smooth_noise(rng, hw, cells=(12, 12))
        colour = str(rng.choice(["#8d8f92", "#77797a", "#a3a29d"] if kind == "grey" else ["#1d1d20", "#2b2622"]))
    return (np.clip(tone, 0.05, 1.3)[..., None] * srgb_to_linear(hex_to_srgb8(colour))).astype(np.float32)


def _lay(band: np.ndarray, thing: Thing, *, to_photo: np.ndarray, to_mm: np.ndarray, top: int) -> None:
    """Put a thing into a band of rows that starts at `top`: sampled finely, then averaged."""
    outline = _in_photo(thing.outline, to_photo) - (0.0, top)
    box = _box(outline, band.shape[:2])
    if box is None:
        return
    rows, columns = box
    sub = (np.arange(_STEPS, dtype=np.float32) + 0.5) / _STEPS - 0.5
    fine_rows = (np.arange(rows.start, rows.stop)[:, None] + sub).ravel() + top
    fine_columns = (np.arange(columns.start, columns.stop)[:, None] + sub).ravel()
    x, y = places(to_mm, fine_rows, fine_columns)
    m = thing.to_print.astype(np.float32)
    u, v = m[0, 0] * x + m[0, 1] * y + m[0, 2], m[1, 0] * x + m[1, 1] * y + m[1, 2]
    border = cv2.BORDER_WRAP if thing.wraps else cv2.BORDER_REPLICATE
    fine = cv2.remap(thing.print_, u, v, cv2.INTER_LINEAR, borderMode=border)
    alpha = _coverage(outline - (columns.start, rows.start), fine.shape[:2])
    wh = (columns.stop - columns.start, rows.stop - rows.start)
    seen = cv2.resize(fine * alpha[..., None], wh, interpolation=cv2.INTER_AREA)
    cover = cv2.resize(alpha, wh, interpolation=cv2.INTER_AREA)
    part = band[rows, columns]
    part *= 1.0 - cover[..., None]
    part += seen


def _coverage(outline: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    """float32 (h, w): how much of each fine sample the outline, in pixels of the photo, covers."""
    finer = np.zeros((hw[0] * _FINER, hw[1] * _FINER), np.uint8)
    scale = _STEPS * _FINER
    points = (outline + 0.5) * scale - 0.5
    cv2.fillPoly(finer, [np.rint(points * 16.0).astype(np.int32)], 255, shift=4)
    return cv2.resize(finer, (hw[1], hw[0]), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255.0)


def _shade_under(band: np.ndarray, thing: Thing, lamp: Lamp, to_photo: np.ndarray, top: int) -> None:
    """The soft edge of shadow beside something that lies a little above the table."""
    x, y, z = lamp.direction()
    aside = thing.thick_mm * np.array([-x, y]) / max(z, 0.2)
    outline = _in_photo(thing.outline + aside, to_photo)
    soft_px = max(0.7, 0.5 * thing.thick_mm * _scale_at(to_photo, lamp.aim))
    reach = math.ceil(3 * soft_px)
    mask = np.zeros((band.shape[0] + 2 * reach, band.shape[1]), np.uint8)
    points = outline - (0.0, top - reach)
    cv2.fillPoly(mask, [np.rint(points * 16.0).astype(np.int32)], 255, shift=4)
    if not mask.any():
        return
    dark = cv2.GaussianBlur(mask, (0, 0), soft_px)[reach:-reach].astype(np.float32)
    band *= 1.0 - dark[..., None] * np.float32(0.65 * (1.0 - lamp.fill) / 255.0)


def _gloss(lamp: Lamp, eye_mm: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The highlight on the table's plane (Blinn 1977)."""
    to_lamp = [np.float32(a) - b for a, b in zip(lamp.at_mm, (x, y, np.float32(0.0)), strict=True)]
    to_eye = [np.float32(a) - b for a, b in zip(eye_mm, (x, y, np.float32(0.0)), strict=True)]
    halves = [p / _length(to_lamp) + q / _length(to_eye) for p, q in zip(to_lamp, to_eye, strict=True)]
    return np.float32(lamp.gloss) * (halves[2] / _length(halves)) ** np.float32(lamp.gloss_power)


def _scale_at(to_photo: np.ndarray, place: np.ndarray) -> float:
    """px/mm there, mean of both directions."""
    around = place + np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    at = _in_photo(around, to_photo)
    return math.sqrt(abs(float(np.linalg.det(at[1:] - at[0]))))


def _in_photo(outline: np.ndarray, to_photo: np.ndarray) -> np.ndarray:
    """The part of an outline that lies before the camera: next to a close-up some of the swatch lies behind it."""
    mapped = np.column_stack([outline, np.ones(len(outline))]) @ to_photo.T
    least = _NEAREST * np.abs(mapped[:, 2]).max()
    if (mapped[:, 2] < least).any():
        mapped = _cut_off(mapped, least)
    return mapped[:, :2] / mapped[:, 2:]


def _cut_off(mapped: np.ndarray, least: float) -> np.ndarray:
    """A polygon of homogeneous points (N, 3) without what is nearer than `least` (Sutherland and Hodgman 1974)."""
    kept = []
    for start, end in zip(mapped, np.roll(mapped, -1, axis=0), strict=True):
        if start[2] >= least:
            kept.append(start)
        if (start[2] >= least) != (end[2] >= least):
            kept.append(start + (end - start) * (least - start[2]) / (end[2] - start[2]))
    return np.array(kept)


def _box(points: np.ndarray, hw: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of the pixels that an outline can touch."""
    low = np.maximum(np.floor(points.min(axis=0)) - 1, 0).astype(int)
    high = np.minimum(np.ceil(points.max(axis=0)) + 2, hw[::-1]).astype(int)
    return None if (low >= high).any() else (slice(low[1], high[1]), slice(low[0], high[0]))


def _length(vector: list[np.ndarray]) -> np.ndarray:
    return np.sqrt(sum(part * part for part in vector))
