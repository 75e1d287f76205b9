"""Photos of swatches of which everything is known: the truth that the scanner is measured against.

Owns what is drawn from a seed and what is stated of it; must not know the scanner. A swatch is cut from a woven draft,
lies on a table beside things of known size and colour, and is photographed. Millimetres on the table start at the
swatch's top left corner, x to the right and y down along its edges.

A pinked edge counts as the straight line halfway between the teeth's tips and their valleys.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from bench.swatch_camera import Camera, draw_camera, photograph, stand, through
from bench.swatch_cloth import Lot, draw_cloth
from bench.swatch_scene import Lamp, Thing, draw_lamp, draw_table, light_ratio, places, see
from bench.swatch_things import REFERENCES, beside, coarser, white_in_photo
from bench.swatch_truth import Appearance, appearance
from fabric.material import Material
from fabric.weave import tile_size_mm, weave
from utils.colour import srgb_to_linear

_MOST_SAMPLES = 12_000_000
_FINER = 1.3  # the cloth is woven at so many pixels per pixel of the photo
_NEIGHBOURS = {"card": 0.18, "marker": 0.18, "ruler": 0.12, "paper": 0.14, "chart": 0.14}  # the rest: nothing
_PINKED, _CLOSE_UP = 0.25, 0.08  # share of swatches
_PSF_PX = 0.6  # deviation that a pixel's own square and the file add to the lens's blur


@dataclass(frozen=True)
class Rendered:
    """A photo of a swatch, and the truth about it."""

    seed: int
    lot: Lot
    photo: np.ndarray
    """uint8 (H, W, 3), sRGB."""
    size_mm: tuple[float, float]
    """(width, height) of the swatch."""
    to_mm: np.ndarray
    """float64 (3, 3): from the photo's pixels, centres at whole numbers, to millimetres on the table."""
    corners: np.ndarray
    """float64 (4, 2): in the photo, clockwise from the top left; outside of it in a close-up."""
    close_up: bool
    """No edge of the swatch is in view."""
    grain_deg: float
    """How far the warp is turned from the swatch's vertical, clockwise."""
    to_cloth: np.ndarray
    """float64 (2, 3): from millimetres on the table to millimetres on the woven tile, which wraps around."""
    material: Material
    """The tile, at `cloth_px_per_mm`."""
    cloth_px_per_mm: tuple[float, float]
    """(x, y) of the material."""
    appears: Appearance
    """Kind and lattices, as far as they can be seen at this scale."""
    camera: Camera
    lamp: Lamp
    table: str
    references: dict[str, np.ndarray]
    """Name of each thing of known size or colour, and its outline in the photo, float64 (N, 2)."""
    white: np.ndarray | None
    """float64 (4,): x0, y0, x1, y1 in the photo, inside something white of reflectance 0.90; None without any."""

    @property
    def px_per_mm(self) -> float:
        """Of the photo at the swatch's centre, mean of both directions."""
        return scale_at(np.linalg.inv(self.to_mm), np.array(self.size_mm) / 2.0)

    @property
    def light_ratio(self) -> float:
        """Brightest to darkest light on the swatch."""
        return light_ratio(self.lamp, _box(self.size_mm))

    @property
    def lattice_mm(self) -> np.ndarray | None:
        """float64 (2, 2) or (1, 2): rows are the shortest translations on the table that leave the cloth as it looks;
        one row for stripes that are alike all along. None unless periodic."""
        return self.on_table(self.appears.lattice_mm)

    def on_table(self, cloth_mm: np.ndarray | None) -> np.ndarray | None:
        """Vectors (N, 2) on the cloth, turned as it lies."""
        return None if cloth_mm is None else cloth_mm @ np.linalg.inv(self.to_cloth[:, :2]).T

    @cached_property
    def albedo(self) -> np.ndarray:
        """float32 (h, w, 3): linear reflectance of the tile."""
        return srgb_to_linear(self.material.albedo)

    @cached_property
    def slopes(self) -> np.ndarray:
        """float32 (h, w, 2): height gained per millimetre to the right and downwards on the tile."""
        normal = self.material.normal
        return np.dstack([-normal[..., 0], normal[..., 1]]) / normal[..., 2:]

    def flat_albedo(self, from_mm: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
        """float32 (H, W, 3): the true reflectance in a picture of `hw` into which `from_mm` (3, 3) maps the table."""
        return self._flat(self.albedo, from_mm, hw, finest=scale_at(from_mm, np.array(self.size_mm) / 2.0))

    def flat_normals(self, from_mm: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
        """float32 (H, W, 3): unit normals (+X right, +Y up) there, of the relief averaged over a pixel of the photo."""
        finest = min(self.px_per_mm, scale_at(from_mm, np.array(self.size_mm) / 2.0))
        on_cloth = self._flat(self.slopes, from_mm, hw, finest=finest)
        # A slope is so much per mm along the cloth's axes: turn it to the table's, then to the picture's.
        turn = self.to_cloth[:, :2] @ _directions(from_mm, np.array(self.size_mm) / 2.0)
        slope = on_cloth @ turn.astype(np.float32)
        normal = np.dstack([-slope[..., 0], slope[..., 1], np.ones(hw, np.float32)])
        return normal / np.linalg.norm(normal, axis=2, keepdims=True)

    def _flat(self, field: np.ndarray, from_mm: np.ndarray, hw: tuple[int, int], *, finest: float) -> np.ndarray:
        """A field of the tile, averaged down to `finest` px/mm, where the picture's pixels lie."""
        h, w = field.shape[:2]
        shrink = [min(1.0, finest / scale) for scale in self.cloth_px_per_mm]
        level = cv2.resize(field, (round(w * shrink[0]), round(h * shrink[1])), interpolation=cv2.INTER_AREA)
        scale = np.array([[level.shape[1] / self.material.size_mm[0]], [level.shape[0] / self.material.size_mm[1]]])
        m = (scale * self.to_cloth).astype(np.float32)
        x, y = places(np.linalg.inv(from_mm), np.arange(hw[0]), np.arange(hw[1]))
        at_x, at_y = (row[0] * x + row[1] * y + (row[2] - np.float32(0.5)) for row in m)
        return cv2.remap(level, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def render(
    seed: int,
    *,
    lot: Lot | None = None,
    reference: str | None = None,
    close_up: bool | None = None,
    room: float | None = None,
    **changes: object,
) -> Rendered:
    """The photo of one seed.

    What is given wins over what is drawn: the cloth; what lies beside it, a name or "none"; whether the whole photo is
    cloth; how much table is left around, in shares of what must be seen; and `changes` of the camera's fields.

    Everything is drawn from the seed, in one order: two calls give the same photo, bit for bit.
    """
    rng = np.random.default_rng(seed)
    drawn = draw_cloth(rng)
    lot = lot or drawn
    size = _draw_size(lot, rng)
    drawn_close_up = rng.random() < _CLOSE_UP
    close_up = (drawn_close_up and reference is None) if close_up is None else close_up
    neighbour = None if close_up else _draw_neighbour(size, rng, reference)
    outline = _pinked(size, rng) if rng.random() < _PINKED else _cut(size, rng)
    must_see = _box(size) if close_up else np.vstack([outline, *([neighbour.outline] if neighbour else [])])
    wide = float(np.ptp(must_see[:, 0])) > float(np.ptp(must_see[:, 1]))
    camera = dataclasses.replace(draw_camera(rng, wide=wide), **changes)
    drawn_room = float(rng.uniform(0.02, 0.25))
    to_photo, eye_mm = _framed(camera, must_see, room=drawn_room if room is None else room, close_up=close_up)
    lamp = draw_lamp(rng, _box(size))
    grain_deg = float(rng.normal(0.0, 1.2))
    px_per_mm = scale_at(to_photo, np.array(size) / 2.0)
    material = _woven(lot, px_per_mm, span_mm=1.1 * max(size))
    to_cloth = _grain(grain_deg, rng)
    table_name, table = draw_table(rng)
    rendered = Rendered(
        seed=seed,
        lot=lot,
        photo=np.empty((0, 0, 3), np.uint8),
        size_mm=size,
        to_mm=np.linalg.inv(to_photo),
        corners=through(to_photo, _box(size)),
        close_up=close_up,
        grain_deg=grain_deg,
        to_cloth=to_cloth,
        material=material,
        cloth_px_per_mm=tuple(n / mm for n, mm in zip(material.height.shape[::-1], material.size_mm, strict=True)),
        appears=appearance(lot, material, px_per_mm=px_per_mm, blur_px=math.hypot(camera.blur_px, _PSF_PX)),
        camera=camera,
        lamp=lamp,
        table=table_name,
        references={neighbour.name: through(to_photo, neighbour.outline)} if neighbour else {},
        white=white_in_photo(neighbour, to_photo) if neighbour else None,
    )
    things = [_lit(rendered, outline), *([coarser(neighbour, px_per_mm)] if neighbour else [])]
    radiance = see(things, table, lamp, to_photo=to_photo, eye_mm=eye_mm, hw=camera.hw)
    return dataclasses.replace(rendered, photo=photograph(radiance, camera, rng))


def scale_at(from_mm: np.ndarray, place_mm: np.ndarray) -> float:
    """Pixels per millimetre there, mean of both directions."""
    return math.sqrt(abs(float(np.linalg.det(_jacobian(from_mm, place_mm)))))


def _woven(lot: Lot, px_per_mm: float, *, span_mm: float) -> Material:
    """A tile so large that nothing comes back within the swatch but what truly repeats."""
    area_mm2 = math.prod(tile_size_mm(lot.draft, span_mm=span_mm))
    finest = math.sqrt(_MOST_SAMPLES / area_mm2)
    return weave(lot.draft, min(_FINER * px_per_mm, finest), span_mm=span_mm, most_samples=_MOST_SAMPLES)


def _lit(rendered: Rendered, outline: np.ndarray) -> Thing:
    """The swatch as it comes back from the lamp: each thread's slope towards it, and what comes from all around.

    As a whole it gives back what its albedo says: a cloth's reflectance is measured with its relief.
    """
    x, y, z = rendered.lamp.direction()
    turn = rendered.to_cloth[:, :2]
    x, minus_y = turn @ (x, -y)  # the lamp as the cloth's own axes see it, y downwards
    normal, fill = rendered.material.normal, np.float32(rendered.lamp.fill)
    facing = normal @ np.array([x, -minus_y, z], np.float32) / np.float32(z)
    lit = rendered.albedo * (fill + (1 - fill) * np.maximum(facing, np.float32(0.0)))[..., None]
    lit *= rendered.albedo.mean(axis=(0, 1)) / lit.mean(axis=(0, 1))
    scale = np.array(rendered.cloth_px_per_mm)
    to_print = rendered.to_cloth * scale[:, None]
    to_print[:, 2] -= 0.5
    return Thing("swatch", outline, lit, to_print, wraps=True)


def _draw_size(lot: Lot, rng: np.random.Generator) -> tuple[float, float]:
    """(width, height) in mm: a mill's swatch, large enough to show the pattern twice over where that is usual."""
    reach = 2.4 * np.abs(lot.pattern_mm).max(axis=0)
    width = float(np.exp(rng.uniform(math.log(60.0), math.log(150.0))))
    height = width * float(np.exp(rng.uniform(-0.35, 0.35)))
    return tuple(round(float(np.clip(side, max(60.0, min(need, 200.0)), 200.0)), 1)
                 for side, need in zip((width, height), reach, strict=True))  # fmt: skip


def _draw_neighbour(size_mm: tuple[float, float], rng: np.random.Generator, given: str | None) -> Thing | None:
    names = [*_NEIGHBOURS, "none"]
    shares = [*_NEIGHBOURS.values(), 1.0 - sum(_NEIGHBOURS.values())]
    drawn = str(rng.choice(names, p=shares))
    name = given or drawn
    return beside(REFERENCES[name](rng), size_mm, rng) if name != "none" else None


def _cut(size_mm: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """(N, 2): cut along straight lines with shears; threads stand out a little."""
    return _edges(size_mm, lambda n: rng.normal(0.0, 0.10, n), step_mm=0.5)


def _pinked(size_mm: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """(N, 2): cut with pinking shears, about the straight edge."""
    tooth_mm = float(rng.uniform(2.2, 4.0))
    deep = 0.25 * tooth_mm
    return _edges(size_mm, lambda n: deep * np.where(np.arange(n) % 2, 1.0, -1.0), step_mm=tooth_mm / 2.0)


def _edges(size_mm: tuple[float, float], aside, *, step_mm: float) -> np.ndarray:
    """The way around the swatch, clockwise; `aside(n)` says how far each of a side's n points stands out."""
    parts, box = [], _box(size_mm)
    for start, end in zip(box, np.roll(box, -1, axis=0), strict=True):
        way = end - start
        length = float(np.hypot(*way))
        count = 2 * max(2, round(length / step_mm / 2.0))
        at = (np.arange(count) + 0.5) / count
        outward = np.array([way[1], -way[0]]) / length
        parts.append(start + at[:, None] * way + aside(count)[:, None] * outward)
        parts.append(end[None])
    return np.vstack(parts)


def _framed(camera: Camera, must_see: np.ndarray, *, room: float, close_up: bool) -> tuple[np.ndarray, np.ndarray]:
    """The way to the photo and the camera's place: some room around what must be seen, or so near that cloth is all."""
    middle = (must_see.min(axis=0) + must_see.max(axis=0)) / 2.0
    if not close_up:
        return stand(camera, middle + (1.0 + room) * (must_see - middle))
    h, w = camera.hw
    frame = np.array([[0, 0], [w, 0], [w, h], [0, h]]) - 0.5
    share = 0.8
    while True:
        to_photo, eye_mm = stand(camera, middle + share * (must_see - middle))
        seen = through(np.linalg.inv(to_photo), frame)
        if (seen > must_see.min(axis=0) + 1.0).all() and (seen < must_see.max(axis=0) - 1.0).all():
            return to_photo, eye_mm
        share *= 0.95


def _grain(grain_deg: float, rng: np.random.Generator) -> np.ndarray:
    """(2, 3): table mm to cloth mm, the warp turned clockwise by `grain_deg`, from any place of the cloth."""
    c, s = math.cos(math.radians(grain_deg)), math.sin(math.radians(grain_deg))
    return np.column_stack([[[c, s], [-s, c]], rng.uniform(0.0, 200.0, 2)])


def _box(size_mm: tuple[float, float]) -> np.ndarray:
    return np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) * size_mm


def _jacobian(homography: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(2, 2): how the mapped point moves as the point does."""
    mapped = homography @ (*place, 1.0)
    at = mapped[:2] / mapped[2]
    return (homography[:2, :2] - np.outer(at, homography[2, :2])) / mapped[2]


def _directions(homography: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(2, 2): from a gradient (as a row) on the table to one of equal steepness along the picture's axes."""
    jacobian = _jacobian(homography, place)
    return np.linalg.inv(jacobian) * math.sqrt(abs(float(np.linalg.det(jacobian))))
