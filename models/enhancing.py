"""From a dressed frame to an enhanced one: what the device is asked for, and how its answer is brought back.

Owns the task's window, size and words, and the restoring of place and colour; must not know engines or processes.

The device works on a window around the garment at the size its engine was trained for. What comes back is applied as a
difference: picture = composite + (enhanced - what was sent), enlarged. So a large capture keeps the threads that the
composite has and the device never saw.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace

import cv2
import numpy as np

from garment.compose import Composite
from garment.controls import control_maps
from garment.dressing import Dressed
from garment.restore import hold_colour
from models.engines.contract import Params, Task
from models.enhancer import Enhanced, Enhancer, Progress, Refusal
from utils.errors import DeviceError
from utils.pose import Pose

NEGATIVE = "deformed, extra buttons, extra lapels, text, watermark, blurry, cartoon"
_LATENT = np.ones((17, 17), np.uint8)
_MARGIN = 0.1  # of the garment's larger side, around it: the engine has to see what it is to fit in with
_PICTURE_CODES = ("not_finite", "black_picture")
"""Errors that one picture met: its composite is shown. With any other the device is gone: a capture is refused."""


@dataclass(frozen=True)
class Enhancing:
    """A device and what is asked of it."""

    enhancer: Enhancer
    engines: frozenset[str] = frozenset({"turbo", "inpaint"})
    """turbo makes keyframes, inpaint captures; without one of them its pictures stay composites."""
    fast_steps: int = 4
    quality_steps: int = 25
    live_within_ms: float = 350.0
    capture_within_ms: float = 55_000.0
    live_strength: float = 0.45
    capture_strength: float = 0.55
    guidance: float = 5.0
    live_px: int = 512
    """Longer side of what keyframes are made at."""
    capture_px: int = 1024
    control_kinds: tuple[str, ...] = ()
    """Maps for which the engine has a ControlNet."""
    reference_scale: float = 0.0
    """Of the IP-Adapter; 0 where there is none."""


@dataclass(frozen=True)
class Wanted:
    """One picture to be enhanced."""

    id: str
    session: str
    dressed: Dressed
    pose: Pose
    person: np.ndarray | None
    words: str
    """The garment in words."""
    seed: int
    steps: int | None = None
    swatch: np.ndarray | None = None
    """uint8 (h, w, 3): the cloth, for an IP-Adapter."""


@dataclass(frozen=True)
class Outcome:
    """An enhanced picture, or the composite and the reason why it stayed one."""

    composite: Composite
    enhanced: bool
    reason: str | None
    queue_ms: float = 0.0
    enhance_ms: float = 0.0
    notices: tuple[str, ...] = ()


def enhance_live(enhancing: Enhancing, wanted: Wanted) -> Outcome:
    """A keyframe. Raises nothing: what cannot be made in time stays a composite."""
    composite = wanted.dressed.composite
    window = _window(composite.alpha)
    if "turbo" not in enhancing.engines or window is None:
        return Outcome(composite, enhanced=False, reason=None)
    params = Params(steps=wanted.steps or enhancing.fast_steps, strength=enhancing.live_strength, seed=wanted.seed)
    task = _task(enhancing, wanted, window, engine="turbo", params=params, longer_px=enhancing.live_px)
    answer = enhancing.enhancer.enhance(task, session=wanted.session, within_ms=enhancing.live_within_ms)
    if isinstance(answer, Refusal):
        return Outcome(composite, enhanced=False, reason=answer.reason)
    return _applied(composite, window, task, answer)


def enhance_capture(
    enhancing: Enhancing, wanted: Wanted, *, on_progress: Progress | None, cancel: threading.Event | None
) -> Outcome:
    """A capture.

    Raises:
        InputError: what the engine says about the wish.
        CapacityError: busy, late.
        DeviceError: the device is not ready or failed; worth another try.
        CancelledError: of concurrent.futures, when `cancel` was set.
    """
    composite = wanted.dressed.composite
    window = _window(composite.alpha)
    if "inpaint" not in enhancing.engines or window is None:
        return Outcome(composite, enhanced=False, reason=None)
    params = Params(
        steps=wanted.steps or enhancing.quality_steps,
        strength=enhancing.capture_strength,
        guidance=enhancing.guidance,
        seed=wanted.seed,
        reference_scale=enhancing.reference_scale if wanted.swatch is not None else 0.0,
    )
    task = _task(enhancing, wanted, window, engine="inpaint", params=params, longer_px=enhancing.capture_px)
    task = _steered(enhancing, wanted, window, task)
    try:
        answer = enhancing.enhancer.capture(
            task,
            session=wanted.session,
            within_ms=enhancing.capture_within_ms,
            on_progress=_in_steps(on_progress, params.steps) if on_progress is not None else None,
            cancel=cancel,
        )
    except DeviceError as error:
        if error.code in _PICTURE_CODES:
            return Outcome(composite, enhanced=False, reason=error.code)
        raise
    return _applied(composite, window, task, answer)


def _in_steps(on_progress: Progress, steps: int) -> Progress:
    """Engines count evaluations, of which a guided step takes two; people count steps."""

    def tell(done: int, total: int) -> None:
        each = max(1, round(total / steps))
        if done % each == 0:
            on_progress(done // each, total // each)

    return tell


def _window(alpha: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns around the garment; None where it hardly shows."""
    x, y, w, h = cv2.boundingRect((alpha > 8).astype(np.uint8))
    if w < 16 or h < 16:
        return None
    margin = round(_MARGIN * max(w, h))
    height, width = alpha.shape
    rows = slice(max(y - margin, 0), min(y + h + margin, height))
    return rows, slice(max(x - margin, 0), min(x + w + margin, width))


def _task(
    enhancing: Enhancing,
    wanted: Wanted,
    window: tuple[slice, slice],
    *,
    engine: str,
    params: Params,
    longer_px: int,
) -> Task:
    composite = wanted.dressed.composite
    image, mask = composite.image[window], composite.alpha[window]
    height, width = mask.shape
    scale = min(1.0, longer_px / max(height, width))
    wh = (max(64, round(width * scale)), max(64, round(height * scale)))
    # Latents are 8 px wide, and the engine's mask is hard: one more all round lets it reach the garment's edge. What it
    # makes beyond does not come back.
    grown = cv2.dilate(cv2.resize(mask, wh, interpolation=cv2.INTER_AREA), _LATENT)
    return Task(
        id=wanted.id,
        engine=engine,
        image=cv2.resize(image, wh, interpolation=cv2.INTER_AREA),
        mask=grown,
        prompt=f"photo of a person wearing {wanted.words}, tailored, natural folds, fine cloth, soft light",
        negative_prompt=NEGATIVE if params.guidance > 1 else "",
        params=params,
    )


def _steered(enhancing: Enhancing, wanted: Wanted, window: tuple[slice, slice], task: Task) -> Task:
    """With the maps and the reference that the engine can take."""
    height, width = task.mask.shape
    maps = control_maps(enhancing.control_kinds, wanted.dressed, pose=wanted.pose, person=wanted.person)
    controls = {
        kind: cv2.resize(np.ascontiguousarray(image[window]), (width, height), interpolation=cv2.INTER_AREA)
        for kind, image in maps.items()
    }
    reference = wanted.swatch if task.params.reference_scale > 0 else None
    return replace(task, controls=controls, reference=reference)


def _applied(composite: Composite, window: tuple[slice, slice], task: Task, answer: Enhanced) -> Outcome:
    before = composite.image[window]
    height, width = before.shape[:2]
    change = answer.image.astype(np.float32) - task.image
    if change.shape[:2] != (height, width):
        change = cv2.resize(change, (width, height), interpolation=cv2.INTER_CUBIC)
    changed = np.clip(before + change + 0.5, 0, 255).astype(np.uint8)
    image = composite.image.copy()
    image[window] = hold_colour(changed, before, np.ascontiguousarray(composite.alpha[window]))
    return Outcome(
        replace(composite, image=image),
        enhanced=True,
        reason=None,
        queue_ms=answer.queue_ms,
        enhance_ms=answer.enhance_ms,
        notices=answer.notices,
    )
