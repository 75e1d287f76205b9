"""Diffusion around the fitting, with a fake enhancer: where its picture goes, and what happens when there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError

import numpy as np
import pytest

from fabric.catalog import load_catalog
from garment.rack import Rack
from garment.wardrobe import Wardrobe
from models.engines.contract import Task
from models.enhancer import Enhanced, Progress, Refusal
from models.enhancing import Enhancing
from models.fitting import FitRequest, Fitting, Output, Wish
from models.vision import Vision
from tests.figures import figure, frame_of
from tests.test_fitting import CATALOG, pixels_of, png
from utils.errors import CapacityError, DeviceError, LucyError

HW = (480, 640)
CHECK = Wish(fabric_id="glen-check-grey", cut="double_breasted")


class FakeEnhancer:
    """Not a device: it draws a mark on what it is sent, or does what it is told to do instead."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.sessions: list[str] = []
        self.instead: Refusal | LucyError | None = None
        self.state = "ready"
        self.draw: Callable[[np.ndarray], np.ndarray] = mark

    def enhance(self, task: Task, *, session: str, within_ms: float) -> Enhanced | Refusal:
        self.tasks.append(task)
        self.sessions.append(session)
        if isinstance(self.instead, Refusal):
            return self.instead
        return Enhanced(self.draw(task.image), task.params.steps, 3.0, 20.0, ())

    def capture(
        self,
        task: Task,
        *,
        session: str,
        within_ms: float,
        on_progress: Progress | None = None,
        cancel: threading.Event | None = None,
    ) -> Enhanced:
        self.tasks.append(task)
        if isinstance(self.instead, LucyError):
            raise self.instead
        for step in range(task.params.steps):
            if cancel is not None and cancel.is_set():
                raise CancelledError
            if on_progress is not None:
                on_progress(step + 1, task.params.steps)
        return Enhanced(self.draw(task.image), task.params.steps, 5.0, 700.0, ("reference_unavailable",))

    def readiness(self) -> dict:
        return {"state": self.state, "stage": "loading turbo"}


def mark(image: np.ndarray) -> np.ndarray:
    """Fine stripes, which are texture and not colour, and a new hue, which is colour."""
    out = image.astype(int) + np.array([40, 0, -20])
    out[:, ::4] += 24
    out[:, 2::4] -= 24
    return np.clip(out, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Wardrobe:
    return Wardrobe(catalog=load_catalog(CATALOG), rack=Rack(tmp_path_factory.mktemp("rack")))


@pytest.fixture
def enhancer() -> FakeEnhancer:
    return FakeEnhancer()


@pytest.fixture
def fitting(wardrobe: Wardrobe, enhancer: FakeEnhancer) -> Fitting:
    vision = Vision(poses=None, desk=None, missing=(), hint=None)
    return Fitting(vision=vision, wardrobe=wardrobe, enhancing=Enhancing(enhancer, control_kinds=("edge", "depth")))


def request(**change) -> FitRequest:
    pose = figure()
    given = {"landmarks": pose.to_wire(hw=HW), "output": Output(format="png"), "seed": 11}
    return FitRequest(png(frame_of(pose)), CHECK, **{**given, **change})


def plain(wardrobe: Wardrobe) -> np.ndarray:
    vision = Vision(poses=None, desk=None, missing=(), hint=None)
    live = Fitting(vision=vision, wardrobe=wardrobe).open_live()
    return pixels_of(live.fit(request()).image).astype(int)


def test_a_keyframe_is_enhanced_inside_the_garment_alone(fitting, enhancer, wardrobe) -> None:
    fitted = fitting.open_live().fit(request())
    assert fitted.stage == "enhanced"
    assert (fitted.timings_ms["queue"], fitted.timings_ms["enhance"]) == (3.0, 20.0)
    assert fitted.quality["outside_change"] == 0
    composite, picture = plain(wardrobe), pixels_of(fitted.image).astype(int)
    changed = np.abs(picture - composite).max(2)
    assert changed[300, 250:390].max() > 8  # the texture that was drawn has come through
    assert (changed[:100] == 0).all()  # her face
    assert np.abs((picture - composite)[280:330, 280:360].mean((0, 1))).max() < 6  # and the hue has not


def test_the_device_gets_a_window_at_its_own_size_and_words_from_the_catalog(fitting, enhancer) -> None:
    fitting.open_live().fit(request(steps=2))
    task = enhancer.tasks[-1]
    assert task.engine == "turbo"
    assert (task.params.steps, task.params.seed, task.params.guidance) == (2, 11, 0.0)
    assert max(task.mask.shape) <= 512
    assert task.image.shape[:2] == task.mask.shape
    assert task.mask.max() == 255
    assert "glen check" in task.prompt
    assert "double-breasted" in task.prompt


@pytest.mark.parametrize("reason", ["late", "busy", "engine_restarting", "not_finite"])
def test_a_refused_keyframe_is_its_composite_and_says_why(fitting, enhancer, wardrobe, reason) -> None:
    live = fitting.open_live()
    enhancer.instead = Refusal(reason)
    fitted = live.fit(request())
    assert (fitted.stage, fitted.degraded) == ("composite", True)
    assert fitted.reason == reason
    assert (pixels_of(fitted.image) == plain(wardrobe)).all()
    enhancer.instead = None
    assert live.fit(request()).stage == "enhanced"


def test_sessions_are_kept_apart(fitting, enhancer) -> None:
    for live in (fitting.open_live(), fitting.open_live()):
        live.fit(request())
        live.fit(request())
    first, again, second, _ = enhancer.sessions
    assert first == again != second


def test_nobody_and_no_wish_are_not_sent_to_the_device(fitting, enhancer) -> None:
    live = fitting.open_live()
    assert live.fit(request(landmarks=None)).stage == "mirror"
    assert live.fit(FitRequest(request().frame, Wish(), landmarks=request().landmarks)).stage == "mirror"
    assert enhancer.tasks == []


def test_a_capture_runs_the_inpainting_engine_with_maps_and_reports_its_steps(fitting, enhancer) -> None:
    steps: list[tuple[int, int]] = []
    fitted = fitting.capture(request(), on_progress=lambda done, total: steps.append((done, total)))
    assert fitted.stage == "enhanced"
    task = enhancer.tasks[-1]
    assert task.engine == "inpaint"
    assert task.params.steps == 25
    assert steps == [(k, 25) for k in range(1, 26)]
    assert set(task.controls) == {"edge", "depth"}
    assert all(image.shape[:2] == task.mask.shape for image in task.controls.values())
    assert task.negative_prompt
    assert max(task.mask.shape) <= 1024


def test_a_large_capture_keeps_the_threads_that_the_device_never_saw(wardrobe, enhancer) -> None:
    enhancer.draw = lambda image: image
    vision = Vision(poses=None, desk=None, missing=(), hint=None)
    small = Fitting(vision=vision, wardrobe=wardrobe, enhancing=Enhancing(enhancer, capture_px=128))
    bare = Fitting(vision=vision, wardrobe=wardrobe)
    enhanced, composite = (pixels_of(f.capture(request()).image).astype(int) for f in (small, bare))
    assert np.abs(enhanced - composite).max() <= 2


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (DeviceError("engine_restarting", "gone"), True),
        (CapacityError("busy", "full"), True),
        (DeviceError("black_picture", "black"), False),
        (DeviceError("not_finite", "nan"), False),
    ],
)
def test_a_capture_ends_in_a_picture_or_a_retryable_error(fitting, enhancer, wardrobe, error, raised) -> None:
    enhancer.instead = error
    if raised:
        with pytest.raises(LucyError) as caught:
            fitting.capture(request())
        assert caught.value.retryable
        return
    fitted = fitting.capture(request())
    assert (fitted.stage, fitted.degraded) == ("composite", True)
    assert fitted.reason == error.code


def test_a_capture_is_called_off(fitting) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(CancelledError):
        fitting.capture(request(), cancel=cancel)


def test_readiness_says_what_stage_the_device_is_good_for(fitting, enhancer) -> None:
    engine = fitting.readiness()["engine"]
    assert (engine["name"], engine["stage"], engine["state"]) == ("inpaint+turbo", "enhanced", "ready")
    assert engine["warming"] == "loading turbo"
    enhancer.state = "warming"
    assert fitting.readiness()["engine"]["stage"] == "composite"


def test_an_engine_that_is_not_there_leaves_its_pictures_composites(wardrobe, enhancer) -> None:
    vision = Vision(poses=None, desk=None, missing=(), hint=None)
    only_turbo = Fitting(vision=vision, wardrobe=wardrobe, enhancing=Enhancing(enhancer, engines=frozenset({"turbo"})))
    assert only_turbo.capture(request()).stage == "composite"
    assert only_turbo.open_live().fit(request()).stage == "enhanced"
