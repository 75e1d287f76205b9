"""Photographs of garments that never were: drawn from a seed, so that every anchor is known.

Lengths are in shoulder widths, u outwards from the axis and y down from the shoulders' neck end, until `photograph`
turns them into pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

Points = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A photograph and the truth about it. Hashed by identity, so that what is made of it can be cached."""

    rgb: np.ndarray
    alpha: np.ndarray
    """float32 (h, w): where the garment is, sleeves included, hanger not."""
    points: dict[str, tuple[float, float]]
    """As garment.landmarks names them, in pixels."""
    width_px: float
    """Across the shoulders."""


@dataclass(frozen=True)
class Sketch:
    """What is drawn. Angles in degrees from hanging straight down, outwards positive: (wearer's left, right)."""

    sleeves_deg: tuple[float, float] | None = (18.0, 18.0)
    bend_deg: float = 0.0
    length: float = 1.55
    sleeve_length: float = 1.25
    turn_deg: float = 0.0
    vee: float = 0.75
    ground: str = "plain"
    cloth: str = "plain"
    cloth_rgb: tuple[int, int, int] = (52, 62, 92)
    ground_rgb: tuple[int, int, int] = (222, 219, 214)
    lining_rgb: tuple[int, int, int] = (150, 140, 132)
    hanger: bool = False
    shadow: bool = False
    noise: float = 2.0
    jitter: dict[str, float] = field(default_factory=dict)


def photograph(sketch: Sketch, *, seed: int = 0, long_side: int = 420) -> Drawn:
    """Draw the sketch in the middle of a picture."""
    rng = np.random.default_rng(seed)
    torso = _torso(sketch)
    sleeves = {} if sketch.sleeves_deg is None else {s: _sleeve(sketch, torso, i) for i, s in enumerate(_SIDES)}
    extent = np.vstack([*torso["outline"], *[line for sleeve in sleeves.values() for line in sleeve["outline"]]])
    turn = _rotation(sketch.turn_deg)
    low, high = (extent @ turn.T).min(0), (extent @ turn.T).max(0)
    scale = 0.8 * long_side / float((high - low).max())
    wh = np.ceil((high - low) * scale + 0.2 * long_side).astype(int)
    offset = wh / 2 - (low + high) / 2 * scale

    def px(points: np.ndarray) -> np.ndarray:
        return np.atleast_2d(points) @ turn.T * scale + offset

    hw = (int(wh[1]), int(wh[0]))
    shapes = [px(np.array(torso["outline"]))] + [px(np.array(s["outline"])) for s in sleeves.values()]
    alpha = np.max([_filled(shape, hw) for shape in shapes], axis=0)
    rgb = _ground(sketch, hw, rng)
    if sketch.shadow:
        soft = cv2.GaussianBlur(np.roll(alpha, (5, 6), axis=(0, 1)), (0, 0), 5)[..., None]
        rgb *= 1 - 0.35 * soft
    if sketch.hanger:
        hook = px(np.array([[0.0, -0.02], [0.0, -0.3], [0.05, -0.36], [0.1, -0.3]]))
        cv2.polylines(rgb, [np.round(hook).astype(np.int32)], False, (90, 80, 70), 2, cv2.LINE_AA)
    _paint(rgb, shapes[0], _cloth(sketch, hw, px, rng))
    _paint(rgb, px(np.array(torso["opening"])), np.broadcast_to(np.float32(sketch.lining_rgb), (*hw, 3)))
    for shape in shapes[1:]:
        _paint(rgb, shape, _cloth(sketch, hw, px, rng) * 0.96)
        cv2.polylines(rgb, [np.round(shape).astype(np.int32)], True, _darker(sketch.cloth_rgb), 1, cv2.LINE_AA)
    rgb += rng.normal(0, sketch.noise, rgb.shape)
    named = {f"torso.{k}": v for k, v in torso.items() if k not in ("outline", "opening")}
    for side, sleeve in sleeves.items():
        named |= {f"sleeve_{side}.{k}": v for k, v in sleeve.items() if k != "outline"}
    points = {k: tuple(float(x) for x in px(v)[0]) for k, v in named.items()}
    return Drawn(np.clip(rgb, 0, 255).astype(np.uint8), alpha, points, scale)


def random_sketch(seed: int) -> Sketch:
    """A jacket, shirt or jumper laid down or hung up somehow."""
    rng = np.random.default_rng(seed)
    grounds = [(222, 219, 214), (245, 245, 245), (176, 160, 140), (120, 140, 128), (60, 58, 56)]
    cloths = [(52, 62, 92), (40, 40, 44), (150, 60, 62), (196, 178, 150), (88, 100, 70), (235, 232, 226)]
    ground = grounds[int(rng.integers(len(grounds)))]
    far = [c for c in cloths if np.abs(np.subtract(c, ground)).sum() > 130]
    spread = float(rng.uniform(6, 70) if rng.random() < 0.7 else rng.uniform(0, 6))
    return Sketch(
        sleeves_deg=(spread + float(rng.uniform(-6, 6)), spread + float(rng.uniform(-6, 6))),
        bend_deg=float(rng.uniform(-4, 12)),
        length=float(rng.uniform(1.3, 1.85)),
        sleeve_length=float(rng.uniform(1.12, 1.35)),
        turn_deg=float(rng.uniform(-12, 12)),
        vee=float(rng.uniform(0.2, 0.9)),
        ground=str(rng.choice(["plain", "plain", "tiles", "lit"])),
        cloth=str(rng.choice(["plain", "stripes", "checks"])),
        cloth_rgb=far[int(rng.integers(len(far)))],
        ground_rgb=ground,
        hanger=bool(rng.random() < 0.3),
        shadow=bool(rng.random() < 0.4),
        noise=float(rng.uniform(0.5, 4)),
        jitter={k: float(rng.uniform(-1, 1)) for k in ("slope", "waist", "hem", "collar", "armhole", "cuff")},
    )


_SIDES = ("left", "right")


def _torso(sketch: Sketch) -> dict:
    j = {"slope": 0.0, "waist": 0.0, "hem": 0.0, "collar": 0.0, "armhole": 0.0, "cuff": 0.0} | sketch.jitter
    collar = np.array([0.185 + 0.015 * j["collar"], 0.0])
    shoulder = np.array([0.5, 0.16 + 0.04 * j["slope"]])
    armpit = np.array([0.47, shoulder[1] + 0.47 + 0.03 * j["armhole"]])
    hem = np.array([0.51 + 0.05 * j["hem"], sketch.length])
    waist = np.array([0.44 + 0.02 * j["waist"], 0.45 * armpit[1] + 0.55 * hem[1]])
    hem_centre = np.array([0.0, sketch.length + 0.03])
    flank = _curve([armpit, waist, hem])
    right = [collar * (0.72, 0) + (0, -0.1), collar, shoulder, *flank]
    left = [p * (-1, 1) for p in right]
    opening = [(0.0, -0.075), (0.11, -0.06), (0.13, 0.0), (0.0, sketch.vee), (-0.13, 0.0), (-0.11, -0.06)]
    points = {"neck": np.array([0.0, 0.15]), "hem_centre": hem_centre}
    for name, p in (("collar", collar), ("shoulder", shoulder), ("armpit", armpit), ("waist", waist), ("hem", hem)):
        points |= {f"{name}_left": p, f"{name}_right": p * (-1, 1)}
    return points | {"outline": [*right, hem_centre, *left[::-1]], "opening": opening}


def _sleeve(sketch: Sketch, torso: dict, index: int) -> dict:
    side = _SIDES[index]
    shoulder, armpit = np.array(torso["shoulder_left"]), np.array(torso["armpit_left"])
    half_cuff = 0.14 + 0.015 * sketch.jitter.get("cuff", 0.0)
    first = np.radians(sketch.sleeves_deg[index])
    second = first - np.radians(sketch.bend_deg)
    down = [np.array([np.sin(a), np.cos(a)]) for a in (first, second)]
    across = [np.array([np.cos(a), -np.sin(a)]) for a in (first, second)]
    head = shoulder - across[0] * 0.19 * np.cos(first) + np.array([0.19, 0.0]) * np.cos(first)
    elbow = head + down[0] * 0.5 * sketch.sleeve_length
    cuff = elbow + down[1] * 0.5 * sketch.sleeve_length
    mitre = (across[0] + across[1]) / 2
    outer = _curve([shoulder, elbow + mitre * 0.175, cuff + across[1] * half_cuff])
    inner = [cuff - across[1] * half_cuff, elbow - mitre * 0.175, armpit]
    tuck = [armpit * (0.9, 1.0), shoulder * (0.9, 1.0) + (0, 0.05)]
    found = {"elbow": elbow, "cuff": cuff, "cuff_outer": outer[-1], "cuff_inner": inner[0]}
    found["elbow_inner"] = inner[1]
    mirror = (1, 1) if side == "left" else (-1, 1)
    mirrored = {k: v * mirror for k, v in found.items()}
    return mirrored | {"outline": [np.array(p) * mirror for p in [*outer, *inner, *tuck]]}


def _curve(points: list[np.ndarray]) -> list[np.ndarray]:
    """A quadratic curve through three points."""
    a, b, c = points
    control = 2 * b - (a + c) / 2
    return [(1 - t) ** 2 * a + 2 * t * (1 - t) * control + t * t * c for t in np.linspace(0, 1, 13)]


def _rotation(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s], [s, c]])


def _filled(shape: np.ndarray, hw: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(hw, np.uint8)
    cv2.fillPoly(mask, [np.round(shape * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return mask.astype(np.float32) / 255


def _paint(rgb: np.ndarray, shape: np.ndarray, colour: np.ndarray) -> None:
    alpha = _filled(shape, rgb.shape[:2])[..., None]
    rgb[:] = rgb * (1 - alpha) + colour * alpha


def _ground(sketch: Sketch, hw: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    rgb = np.broadcast_to(np.float32(sketch.ground_rgb), (*hw, 3)).copy()
    ys, xs = np.mgrid[0 : 1 : hw[0] * 1j, 0 : 1 : hw[1] * 1j].astype(np.float32)
    if sketch.ground == "lit":
        rgb *= (0.85 + 0.2 * (xs + ys) / 2)[..., None]
    if sketch.ground == "tiles":
        for at in rng.uniform(0.1, 0.9, 3):
            a, b = (int(at * hw[1]), 0), (int((1 - at) * hw[1]), hw[0])
            cv2.line(rgb, a, b, _darker(sketch.ground_rgb), 2, cv2.LINE_AA)
    if sketch.ground == "cluttered":
        for _ in range(80):
            x, y, w, h = rng.uniform(-0.1, 1, 4) * (hw[1], hw[0], hw[1] / 3, hw[0] / 3)
            tone = tuple(float(v) for v in rng.uniform(20, 235, 3))
            cv2.rectangle(rgb, (int(x), int(y)), (int(x + w), int(y + h)), tone, -1)
    return rgb


def _cloth(sketch: Sketch, hw: tuple[int, int], px, rng: np.random.Generator) -> np.ndarray:
    colour = np.broadcast_to(np.float32(sketch.cloth_rgb), (*hw, 3)).copy()
    ys, xs = np.mgrid[0 : hw[0], 0 : hw[1]].astype(np.float32)
    light = np.float32(0.86 if min(sketch.cloth_rgb) > 120 else 1.25)
    if sketch.cloth in ("stripes", "checks"):
        colour[(xs % 9) < 1.5] *= light
    if sketch.cloth == "checks":
        colour[(ys % 9) < 1.5] *= light
    folds = 1 + 0.06 * np.sin(xs / 23 + ys / 41)
    return colour * folds[..., None]


def _darker(rgb: tuple[int, int, int]) -> tuple[float, float, float]:
    return tuple(0.55 * v for v in rgb)
