"""However trajectories are interleaved and batched, each comes out as from the plain pipeline alone."""

from __future__ import annotations

import importlib.util
import os
import random
from dataclasses import replace

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
from PIL import Image
from torch.nn import functional

from models.engines import inpaint, turbo
from models.engines.contract import Params, Task
from models.engines.settings import EngineSettings
from tests import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

TOLERANCE = 1e-4
PROMPTS = ("a grey wool jacket", "navy linen, double-breasted", "green tweed")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> EngineSettings:
    return tiny_models.settings(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engines(settings) -> dict:
    return {"turbo": turbo.load(settings), "inpaint": inpaint.load(settings)}


@pytest.fixture(scope="module")
def pipeline_for(settings):
    """The plain pipeline for an engine and kinds of control maps."""
    made = {}

    def find(engine: str, kinds: tuple[str, ...]):
        if (engine, kinds) not in made:
            own = {"vae": AutoencoderTiny.from_pretrained(settings.taesd)} if engine == "turbo" else {}
            kind = StableDiffusionXLInpaintPipeline
            if kinds:
                kind = StableDiffusionXLControlNetInpaintPipeline
                own["controlnet"] = [ControlNetModel.from_pretrained(settings.controlnets[name]) for name in kinds]
            made[engine, kinds] = kind.from_pretrained(getattr(settings, engine), **own)
        return made[engine, kinds]

    return find


def plain(pipeline, task: Task, hw: tuple[int, int], **extra):
    """What the pipeline makes of a task alone: latents after the last step, and the picture in [0, 1]."""
    params, kinds, last = task.params, tuple(sorted(task.controls)), {}
    if kinds:
        extra["control_image"] = [picture_of(task.controls[name], hw) for name in kinds]
        extra["controlnet_conditioning_scale"] = [params.control_scale] * len(kinds)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
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


def picture_of(array: np.ndarray, hw: tuple[int, int]) -> torch.Tensor:
    """(1, C, H, W) in [0, 1] at the size that diffusion works at; the pipelines' own resizing is not the question."""
    whole = torch.tensor(array).permute(2, 0, 1)[None] / 255
    resized = functional.interpolate(whole, hw, mode="bicubic", antialias=True).clamp(0, 1)
    return whole if whole.shape[-2:] == hw else resized


def task_of(engine: str, rng: random.Random) -> Task:
    """A task of random size, mask, prompt and parameters."""
    hw = rng.choice((*tiny_models.SIZES, (70, 136), (100, 100)))
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
    """Step random groups of what may share a step until all are done; some begin late, and pause while they do."""
    waiting, live, done = list(tasks), [], []
    while waiting or live:
        if waiting and (not live or rng.random() < 0.3):
            live.append(engine.begin(waiting.pop(0)))
        first = rng.choice(live)
        if not first.encoded:
            engine.encode(first)
            continue
        ready = [one for one in live if one.encoded and one.shape == first.shape and one is not first]
        company = [one for one in ready if rng.random() < 0.7]
        batch = [first, *company]
        rng.shuffle(batch)
        engine.step(batch)
        done += [one for one in live if one.step_index == one.steps_total]
        live = [one for one in live if one.step_index < one.steps_total]
    return sorted(done, key=lambda one: tasks.index(one.task))


def differences(engine, trajectory, expected) -> tuple[float, float]:
    """Largest absolute differences of the latents and of the picture."""
    latents, picture = expected
    while not engine.decode(trajectory):
        pass
    mine = (trajectory.picture / 2 + 0.5).clamp(0, 1)
    return (trajectory.latents - latents).abs().max().item(), (mine - picture).abs().max().item()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("engine", ["turbo", "inpaint"])
def test_a_mix_gives_each_what_the_plain_pipeline_gives_it_alone(engines, pipeline_for, engine, seed):
    rng = random.Random(seed)
    tasks = [task_of(engine, rng) for _ in range(7)]
    for trajectory in run_mixed(engines[engine], tasks, rng):
        task = trajectory.task
        expected = plain(pipeline_for(engine, tuple(sorted(task.controls))), task, trajectory.shape.hw)
        assert max(differences(engines[engine], trajectory, expected)) <= TOLERANCE


def test_keyframes_through_the_full_autoencoder_draw_as_the_pipeline_draws(settings):
    engine = turbo.load(replace(settings, turbo_full_vae=True))
    rng = random.Random(5)
    tasks = [task_of("turbo", rng) for _ in range(3)]
    pipeline = StableDiffusionXLInpaintPipeline.from_pretrained(settings.turbo)
    for trajectory in run_mixed(engine, tasks, rng):
        expected = plain(pipeline, trajectory.task, trajectory.shape.hw)
        assert max(differences(engine, trajectory, expected)) <= TOLERANCE


def test_a_reference_counts_as_in_the_plain_pipeline_and_only_for_its_own_task(settings, tmp_path):
    adapter = tiny_models.ip_adapter(tmp_path / "adapter")
    engine = inpaint.load(replace(settings, ip_adapter=adapter, controlnets={}))
    rng = random.Random(6)
    swatch = np.random.default_rng(6).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    tasks = [replace(task_of("inpaint", rng), controls={}) for _ in range(4)]
    for number, scale in ((0, 0.6), (2, 0.3)):
        params = replace(tasks[number].params, reference_scale=scale)
        tasks[number] = replace(tasks[number], reference=swatch, params=params)

    pipeline = StableDiffusionXLInpaintPipeline.from_pretrained(settings.inpaint)
    pipeline.load_ip_adapter(adapter.partition(":")[0], "sdxl_models", "ip-adapter_sdxl.safetensors")
    without = StableDiffusionXLInpaintPipeline.from_pretrained(settings.inpaint)
    for trajectory in run_mixed(engine, tasks, rng):
        task, hw = trajectory.task, trajectory.shape.hw
        pipeline.set_ip_adapter_scale(task.params.reference_scale)
        seen = task.reference is not None
        expected = (
            plain(pipeline, task, hw, ip_adapter_image=Image.fromarray(swatch)) if seen else plain(without, task, hw)
        )
        assert max(differences(engine, trajectory, expected)) <= TOLERANCE
        assert trajectory.notices == []
