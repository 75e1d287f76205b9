"""However trajectories are interleaved and batched, each comes out as from the plain pipeline alone."""

from __future__ import annotations

import importlib.util
import os
import random

import pytest

if importlib.util.find_spec("torch") is None and os.environ.get("CI") != "true":
    pytest.skip("torch is not installed", allow_module_level=True)

import numpy as np
import torch
from diffusers import (
    AutoencoderTiny,
    ControlNetModel,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
)
from torch.nn import functional

from models.engines import inpaint, turbo
from models.engines.contract import Params, Task
from models.engines.settings import EngineSettings
from tests import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TOLERANCE = 1e-4
SIZES = ((64, 64), (64, 128), (128, 64))
PROMPTS = ("a grey wool jacket", "navy linen, double-breasted", "green tweed")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> EngineSettings:
    folder = tmp_path_factory.mktemp("tiny")
    return EngineSettings(
        device="cpu",
        turbo=str(tiny_models.turbo(folder / "turbo")),
        taesd=str(tiny_models.taesd(folder / "taesd")),
        inpaint=str(tiny_models.inpainting(folder / "inpaint")),
        vae="",
        controlnets={
            "edge": str(tiny_models.controlnet(folder / "edge", seed=5)),
            "depth": str(tiny_models.controlnet(folder / "depth", seed=6)),
        },
        turbo_buckets=SIZES,
        inpaint_buckets=SIZES,
        inpaint_batches=(8,),
    )


@pytest.fixture(scope="module")
def engines(settings) -> dict:
    return {"turbo": turbo.load(settings), "inpaint": inpaint.load(settings)}


@pytest.fixture(scope="module")
def plain(settings):
    """Calls the plain pipeline for a task; latents after the last step, and the picture in [0, 1]."""
    pipelines = {}

    def pipeline_for(engine: str, kinds: tuple[str, ...]):
        if (engine, kinds) not in pipelines:
            own = {"vae": AutoencoderTiny.from_pretrained(settings.taesd)} if engine == "turbo" else {}
            kind = StableDiffusionXLInpaintPipeline
            if kinds:
                kind = StableDiffusionXLControlNetInpaintPipeline
                own["controlnet"] = [ControlNetModel.from_pretrained(settings.controlnets[name]) for name in kinds]
            made = kind.from_pretrained(getattr(settings, engine), **own)
            made.set_progress_bar_config(disable=True)
            pipelines[engine, kinds] = made
        return pipelines[engine, kinds]

    def call(task: Task, hw: tuple[int, int]):
        params, kinds, last = task.params, tuple(sorted(task.controls)), {}
        extra = {}
        if kinds:
            extra["control_image"] = [picture_of(task.controls[name], hw) for name in kinds]
            extra["controlnet_conditioning_scale"] = [params.control_scale] * len(kinds)
        made = pipeline_for(task.engine, kinds)(
            task.prompt,
            negative_prompt=task.negative_prompt or None,
            image=picture_of(task.image, hw),
            mask_image=picture_of(task.mask[..., None], hw),
            height=hw[0],
            width=hw[1],
            strength=params.strength,
            num_inference_steps=next(n for n in range(1, 999) if int(n * params.strength) == params.steps),
            guidance_scale=params.guidance,
            generator=torch.Generator().manual_seed(params.seed),
            callback_on_step_end=lambda pipe, step, at, given: last.update(given) or {},
            output_type="pt",
            **extra,
        )
        return last["latents"], made.images

    return call


def picture_of(array: np.ndarray, hw: tuple[int, int]) -> torch.Tensor:
    """(1, C, H, W) in [0, 1] at the size that diffusion works at; the pipelines' own resizing is not the question."""
    whole = torch.tensor(array).permute(2, 0, 1)[None] / 255
    resized = functional.interpolate(whole, hw, mode="bicubic", antialias=True).clamp(0, 1)
    return whole if whole.shape[-2:] == hw else resized


def task_of(engine: str, rng: random.Random) -> Task:
    """A task of random size, mask, prompt and parameters."""
    hw = rng.choice((*SIZES, (70, 136), (100, 100)))
    noise = np.random.default_rng(rng.randrange(10**6))
    mask = np.zeros(hw, np.uint8)
    mask[rng.randrange(20) : 40 + rng.randrange(20), rng.randrange(20) : 40 + rng.randrange(20)] = 255
    mask[5:9] = 100
    kinds = rng.choice(((), (), ("edge",), ("depth", "edge"))) if engine == "inpaint" else ()
    return Task(
        id=str(rng.random()),
        engine=engine,
        image=noise.integers(0, 255, (*hw, 3), dtype=np.uint8),
        mask=mask,
        prompt=rng.choice(PROMPTS),
        negative_prompt=rng.choice(("", "blurred")),
        params=Params(
            steps=rng.choice((1, 2, 4, 5)),
            strength=rng.choice((0.3, 0.5, 0.77, 1.0)),
            guidance=rng.choice((0.0, 1.0, 3.5)),
            seed=rng.randrange(2**32),
            control_scale=rng.choice((0.3, 0.8)),
        ),
        controls={kind: noise.integers(0, 255, (*hw, 3), dtype=np.uint8) for kind in kinds},
    )


def run_mixed(engine, tasks: list[Task], rng: random.Random) -> list:
    """Step random groups of what may share a step until all are done; some begin late."""
    waiting, live, done = list(tasks), [], []
    while waiting or live:
        if waiting and (not live or rng.random() < 0.3):
            live.append(engine.begin(waiting.pop(0)))
        first = rng.choice(live)
        company = [one for one in live if one.shape == first.shape and one is not first and rng.random() < 0.7]
        batch = [first, *company]
        rng.shuffle(batch)
        engine.step(batch)
        done += [one for one in live if one.step_index == one.steps_total]
        live = [one for one in live if one.step_index < one.steps_total]
    return sorted(done, key=lambda one: tasks.index(one.task))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ["turbo", "inpaint"])
def test_a_mix_gives_each_what_the_plain_pipeline_gives_it_alone(engines, plain, engine, seed):
    rng = random.Random(seed)
    tasks = [task_of(engine, rng) for _ in range(7)]
    for trajectory in run_mixed(engines[engine], tasks, rng):
        latents, picture = plain(trajectory.task, trajectory.shape.hw)
        assert (trajectory.latents - latents).abs().max() <= TOLERANCE
        while not engines[engine].decode(trajectory):
            pass
        assert ((trajectory.picture / 2 + 0.5).clamp(0, 1) - picture).abs().max() <= TOLERANCE
