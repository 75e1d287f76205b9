"""What one network, one picture and one batch take on a device.

Owns the measuring and its rows; must not know goals or how rows are shown. Times are medians; the device is waited for.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from diffusers import StableDiffusionXLInpaintPipeline
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from bench.device_models import Networks, scheduler
from models.engines.contract import Params, Task, begin_whole

STEPS, CAPTURE_STEPS, GUIDANCE = 4, 25, 6.0


@dataclass(frozen=True)
class Row:
    """One figure. `tflop` is the work of the whole row, None where it was not counted."""

    what: str
    size: str
    batch: int
    mode: str
    ms: float
    tflop: float | None = None
    plain_ms: float | None = None
    """What the plain pipeline takes for the same in the same run."""


class Clock:
    """Measures calls on one device until `deadline_s` of time.monotonic(); then there is nothing more to measure."""

    def __init__(self, device: torch.device, *, deadline_s: float, patience_s: float = 1.5) -> None:
        self.device = device
        self._deadline_s = deadline_s
        self._patience_s = patience_s

    @property
    def left_s(self) -> float:
        return self._deadline_s - time.monotonic()

    def ms(self, call: Callable[[], Any], *, warm: int = 2, most: int = 30) -> float:
        """Median over `most` calls, or fewer if they take longer than the patience lasts."""
        for _ in range(warm):
            call()
        taken, until_s = [], time.monotonic() + self._patience_s
        while len(taken) < most and (len(taken) < 2 or time.monotonic() < until_s):
            self.wait()
            began = time.perf_counter()
            call()
            self.wait()
            taken.append(1e3 * (time.perf_counter() - began))
        return statistics.median(taken)

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def matmul_tflops(clock: Clock, dtype: torch.dtype) -> float:
    """What the device reaches in one large product: the floor that times are held against."""
    side = 8192 if clock.device.type == "cuda" else 768
    left, right = (torch.randn(side, side, device=clock.device, dtype=dtype) for _ in range(2))
    return 2 * side**3 / clock.ms(lambda: left @ right, warm=5) / 1e9


def tflop_of(call: Callable[[], Any]) -> float:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / 1e12


# Single networks.


@torch.no_grad()
def unet_rows(
    clock: Clock,
    networks: Networks,
    *,
    hw: tuple[int, int],
    batches: Sequence[int],
    mode: str,
    channels: int = 4,
    run: Callable[..., Any] | None = None,
) -> Iterator[Row]:
    """One evaluation per batch. `run` is the UNet in another form, compiled for instance."""
    unet = networks.unets[channels]
    for batch in batches:
        given, told = unet_inputs(networks, hw, batch, channels=channels)
        tflop = tflop_of(partial(unet, *given, **told))
        took_ms = clock.ms(partial(run or unet, *given, **told), warm=3)
        yield Row(f"UNet, {channels} channels", _by(hw), batch, mode, took_ms, tflop)


def unet_inputs(networks: Networks, hw: tuple[int, int], batch: int, *, channels: int = 4) -> tuple[tuple, dict]:
    like = {"device": networks.device, "dtype": networks.dtype}
    words = networks.words(0)
    return (
        torch.randn(batch, channels, hw[0] // 8, hw[1] // 8, **like),
        torch.full((batch,), 500.0, device=networks.device),
    ), {
        "encoder_hidden_states": words.tokens.repeat(batch, 1, 1),
        "added_cond_kwargs": {
            "text_embeds": words.pooled.repeat(batch, 1),
            "time_ids": torch.tensor([[*hw, 0, 0, *hw]] * batch, **like),
        },
        "return_dict": False,
    }


@torch.no_grad()
def other_rows(clock: Clock, networks: Networks) -> Iterator[Row]:
    """Autoencoders and the ControlNet."""
    like = {"device": networks.device, "dtype": networks.dtype}
    for hw in (networks.size.live_hw, networks.size.capture_hw):
        latents = torch.randn(1, 4, hw[0] // 8, hw[1] // 8, **like)
        picture = torch.rand(1, 3, *hw, **like)
        given, told = unet_inputs(networks, hw, 1)
        seen = {"controlnet_cond": picture, "conditioning_scale": 0.5}
        calls = {
            "TAESD encode": partial(networks.taesd.encode, picture),
            "TAESD decode": partial(networks.taesd.decode, latents),
            "VAE encode": partial(networks.vae.encode, picture),
            "VAE decode": partial(networks.vae.decode, latents),
            "ControlNet": partial(networks.control, *given, **seen, **told),
        }
        for what, call in calls.items():
            yield Row(what, _by(hw), 1, "eager", clock.ms(call), tflop_of(call))


# Whole pictures.


def task_for(engine: str, hw: tuple[int, int], *, number: int = 0, steps: int | None = None) -> Task:
    """Noise with a mask over its middle; as many steps as are usual, or `steps`."""
    image = np.random.default_rng(number).integers(0, 256, (*hw, 3), dtype=np.uint8)
    mask = np.zeros(hw, np.uint8)
    mask[hw[0] // 4 :, hw[1] // 4 : -hw[1] // 4] = 255
    params = Params(steps=steps or STEPS, strength=0.5, seed=number)
    if engine == "inpaint":
        params = Params(steps=steps or CAPTURE_STEPS, strength=1.0, guidance=GUIDANCE, seed=number)
    return Task(str(number), engine, image, mask, "a jacket", params)


def make(engine: Any, *tasks: Task) -> None:
    """All of them, sharing every step."""
    trajectories = [begin_whole(engine, task) for task in tasks]
    while todo := [one for one in trajectories if one.step_index < one.steps_total]:
        engine.step(todo)
    for one in trajectories:
        while not engine.decode(one):
            pass
        engine.finish(one)


def plain_ms(clock: Clock, networks: Networks, engine: str, *, small: bool = True) -> float:
    """The pipeline of diffusers as its documentation calls it, with the same networks."""
    live = engine == "turbo"
    pipeline = StableDiffusionXLInpaintPipeline(
        vae=networks.taesd if live and small else networks.vae,
        text_encoder=None,
        text_encoder_2=None,
        tokenizer=None,
        tokenizer_2=None,
        unet=networks.unets[4 if live else 9],
        scheduler=scheduler(engine),
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    task = task_for(engine, networks.size.live_hw if live else networks.size.capture_hw)
    words, without = networks.words(1), networks.words(2)
    height, width = task.mask.shape

    def call() -> None:
        pipeline(
            image=Image.fromarray(task.image),
            mask_image=Image.fromarray(task.mask),
            height=height,
            width=width,
            strength=task.params.strength,
            num_inference_steps=int(task.params.steps / task.params.strength),
            guidance_scale=task.params.guidance,
            generator=torch.Generator().manual_seed(0),
            prompt_embeds=words.tokens,
            pooled_prompt_embeds=words.pooled,
            negative_prompt_embeds=without.tokens,
            negative_pooled_prompt_embeds=without.pooled,
        )

    return clock.ms(call, warm=1, most=10)


def _by(hw: tuple[int, int]) -> str:
    return f"{hw[1]}x{hw[0]}"
