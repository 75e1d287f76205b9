"""One wearer being dressed, frame after frame: body, mattes, light, drape, composite.

Owns what is remembered of a wearer between frames (build, light, mattes); must not know networks, the wire or files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from garment.body import JOINTS_MM, Body, read_body
from garment.build import Build, read_build
from garment.compose import Composite, compose
from garment.drape import Drape, drape
from garment.layer import Layer, LayerPart
from garment.light import Light, estimate_light, settle
from garment.occlusion import Classes, Front, Mattes, bring_forward, cut_mattes, guess_front, no_front
from garment.pyramid import Pyramid
from garment.silhouette import Silhouette
from garment.warp import shrink_layer
from utils.pose import Pose
from utils.timing import Stopwatch

_SETTLING = 0.1  # share of a new measurement of build and light that is taken up per measurement, once there are many
_MEASURE_EVERY = 10  # frames
_GUESSES = 3  # measurements that are made in any case off the silhouette, where nothing is parsed
_MOVED = 0.12  # share of the shoulder width: who has moved less since the last measurement shows nothing new
_EASING = 0.15  # share of the way to the measured build that a frame goes, lest the garment leap with each measurement


@dataclass(frozen=True)
class Finish:
    """How carefully a picture is made."""

    supersample: int = 1
    """The warp is evaluated at this multiple of the frame's size and averaged down."""
    matte_shrink: int = 2
    """Subsampling of the guided filter."""
    sharpness: float = 1.25
    """Pixels fetched per pixel shown; see Pyramid.level."""


LIVE = Finish()
PREMIUM = Finish(supersample=2, matte_shrink=1, sharpness=2.0)


@dataclass(frozen=True)
class Sight:
    """What is known about the person in a frame."""

    pose: Pose
    mask: np.ndarray | None
    """float32 (H, W) silhouette, None when not known."""
    classes: Callable[[], Classes] | None
    """Unpacks the newest parsing; called once per parsing, since the dresser remembers what it took from it."""
    classes_pose: Pose | None
    """The pose in the frame that was parsed; one object per parsing."""
    is_new_person: bool = False


@dataclass(frozen=True)
class Dressed:
    """A frame's picture and how it came about."""

    composite: Composite
    layer: Layer
    front: Front
    drape: Drape | None
    body: Body | None
    timings_ms: dict[str, float]


@dataclass
class _Wearer:
    """What is remembered of one person from frame to frame."""

    build: Build = field(default_factory=Build)
    """As shown."""
    measured: Build = field(default_factory=Build)
    """What it goes towards."""
    light: Light | None = None
    mattes: Mattes | None = None
    clothes: np.ndarray | None = None
    """float32 (H, W) of the last parsing, not carried along."""
    silhouette: Silhouette = field(default_factory=Silhouette)
    frames: int = 0
    builds: int = 0
    """How often the build has been measured."""
    build_points: np.ndarray | None = None
    """Float (N, 2): where shoulders and arms were then."""


class Dresser:
    """Dresses one person at a time. Not thread-safe; one call at a time."""

    def __init__(self) -> None:
        self._wearer = _Wearer()

    def dress(self, frame: np.ndarray, sight: Sight, pyramid: Pyramid, *, finish: Finish = LIVE) -> Dressed | None:
        """Put the garment on the person in uint8 RGB (H, W, 3); None when no body to hang it on can be made out."""
        body = self._take_in(frame, sight)
        if body is None:
            return None
        watch = Stopwatch()
        with watch.stage("drape"):
            draped = _drape(pyramid, body, self._wearer.build, hw=frame.shape[:2], finish=finish)
        front = self._front(frame, sight, finish)
        light = self._wearer.light or Light()
        person = None if sight.mask is None else self._wearer.silhouette.settle(sight.mask, body)
        composite = compose(frame, draped.layer, front=front, light=light, body=body, person=person)
        return Dressed(composite, draped.layer, front, draped, body, watch.stages_ms)

    def wear_render(self, frame: np.ndarray, render: np.ndarray, sight: Sight | None) -> Dressed:
        """Put on the client's own render, uint8 RGBA (H, W, 4), which is aligned and lit already."""
        hw = frame.shape[:2]
        layer = Layer(hw=hw, parts=(LayerPart(name="render", xy=(0, 0), rgba=render, relief=None),))
        body = self._take_in(frame, sight) if sight is not None else None
        front = self._front(frame, sight, LIVE) if sight is not None and body is not None else no_front(hw)
        composite = compose(frame, layer, front=front, light=Light(), body=body, person=None)
        return Dressed(composite, layer, front, None, body, {})

    def _take_in(self, frame: np.ndarray, sight: Sight) -> Body | None:
        if sight.is_new_person:
            self._wearer = _Wearer()
        body = read_body(sight.pose)
        if body is None:
            return None
        self._take_parsing(sight)
        if self._wearer.frames % _MEASURE_EVERY == 0:
            self._measure_light(frame, body)
            mask = sight.mask
            if self._wearer.mattes is None and mask is not None:
                self._measure_build(lambda: mask, body, at_least=_GUESSES)
        share = _EASING if self._wearer.frames else 1.0
        self._wearer.build = _eased(self._wearer.build, self._wearer.measured, share)
        self._wearer.frames += 1
        return body

    def _take_parsing(self, sight: Sight) -> None:
        if sight.classes is None or sight.classes_pose is None:
            return
        if self._wearer.mattes is not None and self._wearer.mattes.pose is sight.classes_pose:
            return
        body = read_body(sight.classes_pose)
        if body is not None:
            classes = sight.classes()
            if self._wearer.mattes is None:
                self._wearer.builds = 0  # what was guessed from the silhouette, hair and all, is measured now
            self._wearer.mattes = cut_mattes(classes, sight.classes_pose, body)
            self._wearer.clothes = classes.clothes
            self._measure_build(classes.without_hair, body)

    def _measure_light(self, frame: np.ndarray, body: Body) -> None:
        """It changes slowly, so it is measured now and then and taken up little by little."""
        weight = max(_SETTLING, 1.0 / (1 + self._wearer.frames / _MEASURE_EVERY))
        self._wearer.light = settle(
            self._wearer.light, estimate_light(frame, self._wearer.clothes, body), weight=weight
        )

    def _measure_build(self, silhouette: Callable[[], np.ndarray], body: Body, *, at_least: int = 1) -> None:
        """From the same posture the same silhouette comes back, with other noise: it is measured when she has moved."""
        wearer = self._wearer
        points = np.array([point for arm in body.arms.values() for point in (arm.joint, arm.elbow)])
        if wearer.builds >= at_least and wearer.build_points is not None:
            moved = np.linalg.norm(points - wearer.build_points, axis=1).max()
            if moved < _MOVED * JOINTS_MM * body.px_per_mm:
                return
        wearer.builds, wearer.build_points = wearer.builds + 1, points
        weight = max(_SETTLING, 1.0 / wearer.builds)
        wearer.measured = wearer.measured.settled(read_build(silhouette(), body), weight=weight)

    def _front(self, frame: np.ndarray, sight: Sight, finish: Finish) -> Front:
        if self._wearer.mattes is None:
            return guess_front(sight.pose, sight.mask, frame)
        return bring_forward(self._wearer.mattes, sight.pose, frame, shrink=finish.matte_shrink)


def _eased(build: Build, towards: Build, share: float) -> Build:
    return replace(build, **{name: mm + share * (getattr(towards, name) - mm) for name, mm in vars(build).items()})


def _drape(pyramid: Pyramid, body: Body, build: Build, *, hw: tuple[int, int], finish: Finish) -> Drape:
    n = finish.supersample
    if n == 1:
        return drape(pyramid, body, hw=hw, build=build, sharpness=finish.sharpness)
    large = drape(pyramid, body.scaled(n), hw=(hw[0] * n, hw[1] * n), build=build, sharpness=1.0)
    anchors = {name: (point + 0.5) / n - 0.5 for name, point in large.anchors.items()}
    return replace(large, layer=shrink_layer(large.layer, n), anchors=anchors)
