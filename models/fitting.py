"""The heart: a frame comes in, a picture of the same person in another jacket goes out.

Owns the recipe decode -> perceive -> drape -> compose -> restore -> encode in its two variants, live and premium; must
not know HTTP, WebSocket or who asks. Everything here blocks and belongs into a worker thread.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from garment.dressing import LIVE, PREMIUM, Dressed, Dresser, Finish, Sight
from garment.occlusion import Classes
from garment.pyramid import Pyramid
from garment.quality import cloth_delta_e, coverage, face_change, outside_change, uncovered
from garment.wardrobe import Wardrobe, Wish
from models.enhancer import Progress
from models.enhancing import Enhancing, Outcome, Wanted, enhance_capture, enhance_live
from models.parsing import Parsing
from models.perception import Percept, Perception, carry
from models.request import FitRequest, Fitted, Output
from models.vision import Vision
from utils.errors import CapacityError, InputError
from utils.images import CAPTURE_LIMITS, LIVE_LIMITS, ImageLimits, fit_long_side, read_image, write_image
from utils.pose import Pose, pose_from_wire
from utils.timing import Stopwatch

__all__ = ["FitRequest", "Fitted", "Fitting", "LiveFitting", "Output", "Wish"]

_LOOK_MS = 40.0  # between two looks at a still picture
_CHECK_EVERY = 60  # live frames between two self-checks
_MEDIA_TYPES = {"jpeg": "image/jpeg", "webp": "image/webp", "png": "image/png"}


class Fitting:
    """Everything that one program needs to dress people. Thread-safe."""

    def __init__(
        self,
        *,
        vision: Vision,
        wardrobe: Wardrobe,
        max_live: int = 64,
        live_limits: ImageLimits = LIVE_LIMITS,
        capture_limits: ImageLimits = CAPTURE_LIMITS,
        enhancing: Enhancing | None = None,
    ) -> None:
        """Without `enhancing` every picture is a composite. Whoever made its device closes it."""
        self._vision = vision
        self._enhancing = enhancing
        self.wardrobe = wardrobe
        self._max_live = max_live
        self._live_limits = live_limits
        self._premium = _Variant(capture_limits, PREMIUM, looks=3, check=True)
        self._live: set[LiveFitting] = set()

    def open_live(self) -> LiveFitting:
        """What one kiosk's stream is answered with.

        Raises:
            CapacityError: busy.
        """
        if len(self._live) >= self._max_live:
            raise CapacityError("busy", "all places are taken", hint="try again in a minute")
        live = LiveFitting(
            self._vision.perception(),
            self.wardrobe,
            limits=self._live_limits,
            enhancing=self._enhancing,
            leave=self._live.discard,
        )
        self._live.add(live)
        return live

    def capture(
        self,
        request: FitRequest,
        *,
        on_progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Fitted:
        """The premium variant at the frame's full resolution (about a second on two cores, and what an engine takes).

        `on_progress` is told the engine's steps from another thread; setting `cancel` calls the engine off.

        Raises:
            InputError: see utils/images.py, bad_landmarks, bad_layer, unknown_garment, unknown_fabric, unknown_cut.
            DeviceError: pose_failed, parsing_failed; the engine's own.
            CapacityError: busy, late.
            CancelledError: of concurrent.futures.
        """
        perception = self._vision.fresh_perception()
        try:
            fit = _Fit(perception, Dresser(), self.wardrobe.garment(request.wish))
            if self._enhancing is not None:
                enhancing, session = self._enhancing, uuid.uuid4().hex
                fit.enhance = lambda dressed, percept: enhance_capture(
                    enhancing,
                    _wanted(request, dressed, percept, self.wardrobe, session=session, swatch=True),
                    on_progress=on_progress,
                    cancel=cancel,
                )
            return fit.run(request, self._premium)
        finally:
            perception.close()

    def prepare(self, wish: Wish) -> None:
        """Have the wish's garment at hand.

        Raises:
            InputError: unknown_garment, unknown_fabric, fabric_retired, unknown_cut.
        """
        self.wardrobe.garment(wish)

    def warm(self) -> None:
        """Make what the first customer will ask for (a few seconds). Meant for a quiet moment after the start."""
        self.wardrobe.warm()

    def readiness(self) -> dict[str, Any]:
        """What works: {"pose", "parsing", "engine", "missing", "hint"}."""
        return {
            "pose": self._vision.poses is not None,
            "parsing": self._vision.desk is not None,
            "engine": self._engine(),
            "missing": list(self._vision.missing),
            "hint": self._vision.hint,
        }

    def _engine(self) -> dict[str, Any]:
        if self._enhancing is None:
            return {"name": "compositor", "stage": "composite", "device": "cpu", "state": "ready"}
        found = dict(self._enhancing.enhancer.readiness())
        found["warming"] = found.pop("stage", None)
        stage = "enhanced" if found.get("state") == "ready" else "composite"
        return {"name": "+".join(sorted(self._enhancing.engines)), "stage": stage, **found}

    def close(self) -> None:
        """Close what is still open and give the networks back."""
        for live in list(self._live):
            live.close()
        self._vision.close()


class LiveFitting:
    """One kiosk's stream. One call at a time, from any thread."""

    def __init__(
        self,
        perception: Perception,
        wardrobe: Wardrobe,
        *,
        limits: ImageLimits,
        enhancing: Enhancing | None,
        leave: Callable[[LiveFitting], None],
    ) -> None:
        self._perception = perception
        self._wardrobe = wardrobe
        self._limits = limits
        self._enhancing = enhancing
        self._session = uuid.uuid4().hex
        self._leave = leave
        self._dresser = Dresser()
        self._wearing: Pyramid | None = None  # held, so that the wardrobe keeps it while it is worn
        self._frames = 0

    def fit(self, request: FitRequest) -> Fitted:
        """Answer one frame.

        Raises:
            InputError: see utils/images.py, bad_landmarks, bad_layer, unknown_garment, unknown_fabric, unknown_cut.
            DeviceError: pose_failed, parsing_failed.
        """
        checked = self._frames % _CHECK_EVERY == 0
        self._frames += 1
        self._wearing = self._wardrobe.garment(request.wish, is_worn=True)
        fit = _Fit(self._perception, self._dresser, self._wearing)
        if self._enhancing is not None:
            enhancing = self._enhancing
            fit.enhance = lambda dressed, percept: enhance_live(
                enhancing, _wanted(request, dressed, percept, self._wardrobe, session=self._session, swatch=False)
            )
        return fit.run(request, _Variant(self._limits, LIVE, looks=1, check=checked))

    def close(self) -> None:
        """Forget the wearer. Harmless when repeated."""
        self._perception.close()
        self._leave(self)


@dataclass(frozen=True)
class _Variant:
    limits: ImageLimits
    finish: Finish
    looks: int
    """How often a frame is looked at: the tracker finds a person more exactly where it has just seen her."""
    check: bool
    """Whether the picture is checked."""


class _Fit:
    """One frame on its way."""

    def __init__(self, perception: Perception, dresser: Dresser, garment: Pyramid | None) -> None:
        self._perception = perception
        self._dresser = dresser
        self._garment = garment
        self._watch = Stopwatch()
        self.enhance: Callable[[Dressed, Percept], Outcome] | None = None
        """What an engine makes of the composite; None for nothing."""

    def run(self, request: FitRequest, variant: _Variant) -> Fitted:
        watch = self._watch
        with watch.stage("decode"):
            frame = read_image(request.frame, limits=variant.limits)
            hw = frame.shape[:2]
            layer = _read_layer(request.layer, hw=hw, limits=variant.limits)
            given = pose_from_wire(request.landmarks, hw=hw) if request.landmarks is not None else None
        with watch.stage("perceive"):
            percept = self._look(frame, given, looks=variant.looks)
        with watch.stage("compose"):
            dressed, reason = self._dress(frame, layer, percept, variant.finish)
        stage, notices = "mirror" if dressed is None else "composite", ()
        if dressed is not None and percept is not None and layer is None and self.enhance is not None:
            outcome = self._enhanced(dressed, percept)
            dressed, notices = replace(dressed, composite=outcome.composite), outcome.notices
            stage = "enhanced" if outcome.enhanced else "composite"
            # Why it stayed a composite says more than what the composite had to do without.
            reason = outcome.reason or reason or (notices[0] if notices else None)
        with watch.stage("restore"):
            quality = _quality(frame, dressed, percept) if variant.check else {}
        with watch.stage("encode"):
            picture = frame if dressed is None else dressed.composite.image
            if request.output.long_side is not None:
                picture = fit_long_side(picture, request.output.long_side)
            image = write_image(picture, format=request.output.format, quality=request.output.quality)
            extras = _extras(dressed, request.include)
        return Fitted(
            image=image,
            media_type=_MEDIA_TYPES[request.output.format],
            hw=(picture.shape[0], picture.shape[1]),
            stage=stage,
            degraded=reason is not None,
            reason=reason,
            seed=request.seed,
            timings_ms=self._timings(),
            quality=quality,
            landmarks=percept.pose.to_wire(hw=hw) if percept is not None else None,
            extras=extras,
        )

    def _enhanced(self, dressed: Dressed, percept: Percept) -> Outcome:
        assert self.enhance is not None
        with self._watch.stage("restore"):
            outcome = self.enhance(dressed, percept)
        stages = self._watch.stages_ms
        stages["queue"], stages["enhance"] = outcome.queue_ms, outcome.enhance_ms
        # What was not spent waiting and being enhanced went into sending there and bringing back.
        stages["restore"] = max(0.0, stages["restore"] - outcome.queue_ms - outcome.enhance_ms)
        return outcome

    def _look(self, frame: np.ndarray, given: Pose | None, *, looks: int) -> Percept | None:
        if looks == 1:
            return self._perception.look(frame, at_ms=time.monotonic() * 1e3, landmarks=given)
        # A still picture is looked at on a clock of its own, so that the same picture gives the same result.
        for look in range(looks - 1):
            self._perception.look(frame, at_ms=look * _LOOK_MS, landmarks=given)
        return self._perception.look(frame, at_ms=looks * _LOOK_MS, landmarks=given, wait_parsing=True)

    def _dress(
        self, frame: np.ndarray, layer: np.ndarray | None, percept: Percept | None, finish: Finish
    ) -> tuple[Dressed | None, str | None]:
        """The dressed frame, and why it is less than was wished for."""
        sight = sight_of(percept) if percept is not None else None
        if layer is not None:
            return self._dresser.wear_render(frame, layer, sight), None if sight is not None else "no_person"
        if self._garment is None:
            return None, None
        if sight is None:
            return None, "no_person"
        dressed = self._dresser.dress(frame, sight, self._garment, finish=finish)
        if dressed is None:
            return None, "no_body"
        self._watch.stages_ms |= dressed.timings_ms
        if sight.mask is None:
            return dressed, "no_parsing"
        return dressed, None

    def _timings(self) -> dict[str, float]:
        stages = dict.fromkeys(("decode", "perceive", "drape", "compose", "queue", "enhance", "restore", "encode"), 0.0)
        stages |= self._watch.stages_ms
        # The drape was timed inside the composing.
        stages["compose"] = max(0.0, stages["compose"] - stages["drape"])
        stages["total"] = self._watch.total_ms()
        return {name: round(value, 2) for name, value in stages.items()}


def _read_layer(data: bytes | None, *, hw: tuple[int, int], limits: ImageLimits) -> np.ndarray | None:
    if data is None:
        return None
    layer = read_image(data, limits=limits, alpha=True)
    if layer.shape[:2] != hw:
        raise InputError(
            "layer_size", "the layer is not as large as the frame", hint="render the layer at the frame's size"
        )
    return layer


def _wanted(
    request: FitRequest, dressed: Dressed, percept: Percept, wardrobe: Wardrobe, *, session: str, swatch: bool
) -> Wanted:
    return Wanted(
        id=uuid.uuid4().hex,
        session=session,
        dressed=dressed,
        pose=percept.pose,
        person=percept.mask,
        words=wardrobe.words(request.wish),
        seed=request.seed,
        steps=request.steps,
        swatch=wardrobe.swatch(request.wish) if swatch else None,
    )


def sight_of(percept: Percept) -> Sight:
    """A percept as the dresser wants it."""
    parsing = percept.parsing
    return Sight(
        pose=percept.pose,
        mask=percept.mask,
        classes=(lambda: _classes(parsing)) if parsing is not None else None,
        classes_pose=percept.parsing_pose,
        is_new_person=percept.is_new_person,
    )


def _classes(parsing: Parsing) -> Classes:
    return Classes(
        hair=parsing.mask("hair"),
        face=parsing.mask("face_skin"),
        skin=parsing.mask("body_skin"),
        clothes=parsing.mask("clothes"),
        other=parsing.mask("other"),
    )


def _quality(frame: np.ndarray, dressed: Dressed | None, percept: Percept | None) -> dict[str, float | None]:
    if dressed is None or percept is None:
        return {}
    composite = dressed.composite
    quality: dict[str, float | None] = {
        "outside_change": outside_change(frame, composite),
        "cloth_delta_e": cloth_delta_e(dressed.layer, composite),
        "coverage": coverage(composite),
        "face_change": None,
        "uncovered": None,
    }
    if percept.parsing is not None and percept.parsing_pose is not None:
        onward = carry(percept.parsing_pose, percept.pose)
        quality["face_change"] = face_change(frame, composite, percept.parsing.mask("face_skin", carry=onward))
        if dressed.drape is not None and dressed.body is not None:
            clothes = percept.parsing.mask("clothes", carry=onward)
            quality["uncovered"] = uncovered(composite, clothes, dressed.body)
    return {name: None if value is None else round(value, 4) for name, value in quality.items()}


def _extras(dressed: Dressed | None, include: frozenset[str]) -> dict[str, bytes]:
    extras: dict[str, bytes] = {}
    if dressed is None:
        return extras
    if "mask" in include:
        extras["mask"] = write_image(cv2.cvtColor(dressed.composite.alpha, cv2.COLOR_GRAY2RGB), format="png")
    if "layer" in include:
        extras["layer"] = write_image(dressed.layer.flattened(), format="png")
    return extras
