"""What every engine promises, held against all of them; and what only the real ones can do wrong."""

from __future__ import annotations

import gc
import importlib.util
import math
import os
import subprocess
import sys
import weakref
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from models.engines.contract import Params, Task, begin_whole
from tests.fake_engine import FakeEngine
from utils.errors import ConfigError, DeviceError, InputError

if importlib.util.find_spec("torch") is None and os.environ.get("CI") != "true":
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from diffusers import EulerAncestralDiscreteScheduler, EulerDiscreteScheduler
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from models.engines import acceleration, inpaint, turbo
from models.engines.blocks import BlockEncode, blocks_of
from models.engines.schedule import Schedule
from models.engines.settings import INPAINT_BUCKETS, TURBO_BUCKETS
from models.engines.sizes import bucket_for
from models.engines.tiles import TiledDecode, starts
from tests import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

REAL = ("turbo", "inpaint")
ALL = (*REAL, "fake")
LOAD = {"turbo": turbo.load, "inpaint": inpaint.load}
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return tiny_models.settings(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def engines(settings) -> dict:
    return {"turbo": turbo.load(settings), "inpaint": inpaint.load(settings), "fake": FakeEngine()}


def task_for(engine: str, *, hw=(64, 128), number: int = 0, **params) -> Task:
    """A task whose picture no other number has, with a soft-edged mask. Its arrays cannot be written to."""
    image = np.random.default_rng(number).integers(0, 256, (*hw, 3), dtype=np.uint8)
    mask = np.zeros(hw, np.uint8)
    mask[10:50, 20:60], mask[10:50, 60:64] = 255, 90
    image.flags.writeable = mask.flags.writeable = False
    usual = {"steps": 3, "strength": 0.6, "seed": number + 1, "guidance": 4.0 if engine == "inpaint" else 0.0}
    return Task(f"task-{number}", engine, image, mask, "a grey wool jacket", Params(**{**usual, **params}))


def make(engine, *tasks: Task) -> list[np.ndarray]:
    """All of them, sharing every step."""
    trajectories = [begin_whole(engine, task) for task in tasks]
    while unfinished := [one for one in trajectories if one.step_index < one.steps_total]:
        engine.step(unfinished)
    for one in trajectories:
        while not engine.decode(one):
            pass
    return [engine.finish(one) for one in trajectories]


# The contract.


@pytest.mark.parametrize("name", ALL)
def test_a_picture_is_as_large_as_its_task_and_untouched_outside_the_mask(engines, name):
    task = task_for(name, hw=(90, 150))
    (picture,) = make(engines[name], task)
    assert picture.dtype == np.uint8
    assert picture.shape == task.image.shape
    assert np.array_equal(picture[task.mask == 0], task.image[task.mask == 0])
    assert not np.array_equal(picture[task.mask == 255], task.image[task.mask == 255])


@pytest.mark.parametrize("name", ALL)
def test_a_seed_means_one_picture(engines, name):
    first, again, other = (make(engines[name], task_for(name, seed=seed))[0] for seed in (5, 5, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", ALL)
def test_company_changes_nothing(engines, name):
    tasks = [task_for(name, number=number, steps=1 + number) for number in range(3)]
    alone = [make(engines[name], task)[0] for task in tasks]
    shared = make(engines[name], *tasks)
    for one, other in zip(alone, shared, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("name", ALL)
def test_what_is_known_of_a_trajectory_is_known_before_it_is_encoded(engines, name):
    trajectory = engines[name].begin(task_for(name))
    early = (trajectory.shape, trajectory.steps_total, trajectory.step_index)
    while not trajectory.encoded:
        engines[name].encode(trajectory)
    assert (trajectory.shape, trajectory.steps_total, trajectory.step_index) == early


def test_a_capture_is_encoded_in_units_and_may_wait_between_any_two_of_them(engines):
    engine, task, other = engines["inpaint"], task_for("inpaint"), task_for("inpaint", number=1)
    expected, units = make(engine, task)[0], 1
    trajectory = engine.begin(task)
    while not trajectory.encoded:
        make(engine, other)
        engine.encode(trajectory)
        units += 1
    assert units == 1 + 2 * 3  # prompt and pixels, then the picture and what is left of it, in three parts each
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
    while not engine.decode(trajectory):
        pass
    assert np.array_equal(engine.finish(trajectory), expected)


def test_a_capture_that_is_dropped_while_it_begins_holds_nothing(engines):
    """At once, not when rubbish is collected next."""
    engine, reached = engines["inpaint"], True
    gc.disable()
    try:
        for units in range(7):
            trajectory = engine.begin(task_for("inpaint"))
            for _ in range(units):
                engine.encode(trajectory)
            tensors = [value for value in vars(trajectory).values() if isinstance(value, torch.Tensor)]
            held = [weakref.ref(trajectory), *map(weakref.ref, tensors)]
            reached &= trajectory.encoded == (units == 6)
            del trajectory, tensors
            assert [ref() for ref in held] == [None] * len(held)
    finally:
        gc.enable()
    assert reached


@pytest.mark.parametrize("name", ["turbo", "inpaint"])
def test_cut_between_its_blocks_an_autoencoder_computes_the_same(engines, name):
    vae = engines[name].weights.codec.vae
    picture = torch.rand(1, 3, 72, 136, generator=torch.Generator().manual_seed(1)) * 2 - 1
    encoding, blocks, found = BlockEncode(picture, blocks_of(vae)), 0, None
    with torch.no_grad():
        while found is None:
            found, blocks = encoding.advance(), blocks + 1
        encoded = vae.encode(picture)
    assert blocks == (3 if name == "inpaint" else 1)
    assert torch.equal(found, encoded.latent_dist.parameters if name == "inpaint" else encoded.latents)


@pytest.mark.parametrize("name", ALL)
def test_steps_are_counted_one_call_each(engines, name):
    engine, calls = engines[name], 0
    trajectory = begin_whole(engine, task_for(name))
    assert trajectory.step_index == 0
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
        calls += 1
    assert calls == trajectory.steps_total == (6 if name == "inpaint" else 3)  # with guidance two per level


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [1, 2])
def test_cut_short_is_as_if_fewer_steps_had_been_asked_for(engines, name, steps):
    engine = engines[name]
    trajectory = begin_whole(engine, task_for(name, guidance=0.0))
    engine.cut_short(trajectory, steps=steps)
    assert trajectory.steps_total == steps
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
    while not engine.decode(trajectory):
        pass
    assert np.array_equal(engine.finish(trajectory), make(engine, task_for(name, guidance=0.0, steps=steps))[0])


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("steps", [0, -1, 1000])
def test_steps_that_no_engine_makes_are_refused(engines, name, steps):
    with pytest.raises(InputError) as caught:
        engines[name].check(task_for(name, steps=steps))
    assert caught.value.code == "bad_steps"


@pytest.mark.parametrize("name", ALL)
def test_warming_up_tells_how_far_it_is(engines, name):
    told = []
    engines[name].warm_up(lambda what, share: told.append((what, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(what for what, _ in told)


# What only engines that look at parameters and pictures refuse.

BAD_PARAMS = [
    ({"strength": 0.0}, "bad_strength"),
    ({"strength": 2.0}, "bad_strength"),
    ({"strength": math.nan}, "bad_strength"),
    ({"strength": 1e-9}, "bad_strength"),
    ({"steps": 40, "strength": 0.01}, "bad_strength"),
    ({"guidance": math.nan}, "bad_guidance"),
    ({"guidance": -1.0}, "bad_guidance"),
    ({"guidance": math.inf}, "bad_guidance"),
    ({"control_scale": math.nan}, "bad_scale"),
    ({"reference_scale": -0.1}, "bad_scale"),
]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(("params", "code"), BAD_PARAMS, ids=str)
def test_bad_parameters_are_refused(engines, name, params, code):
    with pytest.raises(InputError) as caught:
        engines[name].check(task_for(name, **params))
    assert caught.value.code == code


def bad_pictures():
    """What to exchange in a task, and the code that it is refused with."""
    grey = np.zeros((64, 128), np.uint8)
    return {
        "empty mask": ({"mask": grey}, "bad_mask"),
        "faint mask": ({"mask": grey + 127}, "bad_mask"),
        "mask of another size": ({"mask": np.full((64, 64), 255, np.uint8)}, "bad_mask"),
        "mask of numbers": ({"mask": np.ones((64, 128), np.float32)}, "bad_mask"),
        "mask in colour": ({"mask": np.full((64, 128, 3), 255, np.uint8)}, "bad_mask"),
        "grey picture": ({"image": grey}, "bad_size"),
        "picture of numbers": ({"image": np.zeros((64, 128, 3), np.float32)}, "bad_size"),
        "tiny picture": ({"image": np.zeros((4, 128, 3), np.uint8)}, "bad_size"),
        "map of another size": ({"controls": {"edge": np.zeros((32, 32, 3), np.uint8)}}, "bad_control"),
        "grey map": ({"controls": {"edge": grey}}, "bad_control"),
        "grey reference": ({"reference": grey}, "bad_size"),
    }


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("case", bad_pictures())
def test_bad_pictures_are_refused(engines, name, case):
    changes, code = bad_pictures()[case]
    with pytest.raises(InputError) as caught:
        engines[name].check(replace(task_for(name), **changes))
    assert caught.value.code == code


@pytest.mark.parametrize("name", REAL)
def test_the_whole_picture_may_be_made_anew(engines, name):
    task = replace(task_for(name), mask=np.full((64, 128), 255, np.uint8))
    engines[name].check(task)
    (picture,) = make(engines[name], task)
    assert picture.std() > 0


@pytest.mark.parametrize("name", REAL)
def test_what_cannot_be_used_is_left_out_and_said(engines, name):
    plain = task_for(name, reference_scale=0.5)
    asked = replace(plain, controls={"pose": plain.image}, reference=plain.image)
    engines[name].check(asked)
    trajectory = begin_whole(engines[name], asked)
    assert trajectory.notices == ["control_unavailable", "reference_unavailable"]
    assert np.array_equal(make(engines[name], asked)[0], make(engines[name], plain)[0])


@pytest.mark.parametrize("name", REAL)
def test_a_trajectory_under_way_cannot_be_cut_short(engines, name):
    trajectory = begin_whole(engines[name], task_for(name))
    engines[name].step([trajectory])
    with pytest.raises(ValueError, match="under way"):
        engines[name].cut_short(trajectory, steps=1)


@pytest.mark.parametrize("name", REAL)
def test_a_trajectory_cannot_be_made_longer(engines, name):
    trajectory = begin_whole(engines[name], task_for(name, guidance=0.0))
    engines[name].cut_short(trajectory, steps=9)
    assert trajectory.steps_total == 3


@pytest.mark.parametrize(("granted", "levels"), [(5, 3), (4, 2), (2, 1), (1, 1)])
def test_guided_steps_are_cut_evaluation_by_evaluation(engines, granted, levels):
    engine, calls = engines["inpaint"], 0
    trajectory = begin_whole(engine, task_for("inpaint"))
    engine.cut_short(trajectory, steps=granted)
    assert trajectory.schedule.steps == levels
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
        calls += 1
    assert calls == granted
    if granted == 2:
        same = begin_whole(engine, task_for("inpaint", steps=1))
        engine.step([same])
        engine.step([same])
        assert torch.equal(trajectory.latents, same.latents)


@pytest.mark.parametrize("name", REAL)
def test_a_finished_trajectory_holds_no_tensors(engines, name):
    engine = engines[name]
    trajectory = begin_whole(engine, task_for(name))
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
    while not engine.decode(trajectory):
        pass
    engine.finish(trajectory)
    held = {key: value for key, value in vars(trajectory).items() if isinstance(value, torch.Tensor)}
    assert held == {}
    assert trajectory.maps == {}


# The gate at the end.


def ready(engine, task: Task):
    """A trajectory that is decoded and not finished."""
    trajectory = begin_whole(engine, task)
    while trajectory.step_index < trajectory.steps_total:
        engine.step([trajectory])
    while not engine.decode(trajectory):
        pass
    return trajectory


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    ("value", "code"), [(math.nan, "not_finite"), (math.inf, "not_finite"), (-1.0, "black_picture")]
)
def test_what_cannot_be_shown_never_is(engines, name, value, code):
    trajectory = ready(engines[name], task_for(name))
    trajectory.picture[:] = value
    with pytest.raises(DeviceError) as caught:
        engines[name].finish(trajectory)
    assert caught.value.code == code


def test_a_dark_cloth_on_a_dark_picture_is_not_a_black_picture(engines):
    task = task_for("turbo")
    trajectory = ready(engines["turbo"], replace(task, image=task.image // 32))
    trajectory.picture[:] = -1.0
    assert engines["turbo"].finish(trajectory)[task.mask == 255].max() == 0


def test_a_picture_lost_in_half_precision_is_decoded_once_more_in_full(engines):
    engine, codec = engines["inpaint"], engines["inpaint"].weights.codec
    task = task_for("inpaint")
    (expected,) = make(engine, task)
    trajectory = ready(engine, task)
    decode, seen = codec.decode, []
    codec.vae.to(torch.bfloat16)
    try:
        codec.decode = lambda latents: seen.append(codec.vae.dtype) or decode(latents)
        trajectory.picture[:] = math.nan
        picture = engine.finish(trajectory)
    finally:
        del codec.decode
        codec.vae.to(torch.float32)
    assert seen == [torch.float32]
    assert np.abs(picture.astype(int) - expected).mean() < 3  # the weights went through bf16


# Parts.


@effort(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 100),
    strength=st.floats(0.01, 1.0),
    spacing=st.sampled_from(["trailing", "leading"]),
    ancestral=st.booleans(),
)
def test_every_strength_takes_exactly_the_steps_that_were_asked_for(steps, strength, spacing, ancestral):
    if steps / strength > 500:
        return  # refused by check
    kind = EulerAncestralDiscreteScheduler if ancestral else EulerDiscreteScheduler
    template = kind(**BETAS, timestep_spacing=spacing)
    schedule = Schedule(template, steps=steps, strength=strength, device=torch.device("cpu"))
    told = [schedule.timestep(step).item() for step in range(steps)]
    assert schedule.timestep(steps).numel() == 0
    assert told == sorted(set(told), reverse=True)
    assert told[-1] >= 0
    if spacing == "trailing":  # leading leaves out the highest levels
        # One division of the levels is as near as a whole number of steps can come to the strength; up to two numbers
        # of levels in a row cannot be had, see Schedule, and cost another each.
        assert abs(told[0] / 1000 - strength) <= 3 * strength / steps + 0.002


def test_buckets_keep_proportions_and_cover_what_cameras_and_phones_send():
    for buckets in (TURBO_BUCKETS, INPAINT_BUCKETS):
        assert all(side % 64 == 0 for hw in buckets for side in hw)
        for hw in ((480, 640), (720, 1280), (1280, 720), (1080, 1920), (640, 480), (1000, 1000)):
            found = bucket_for(hw, buckets=buckets)
            assert abs(math.log((found[0] / found[1]) / (hw[0] / hw[1]))) < 0.03


@effort(max_examples=80, deadline=None)
@given(side=st.integers(1, 300), tile=st.integers(2, 100), share=st.floats(0.0, 0.9))
def test_tiles_cover_a_side_with_their_overlap(side, tile, share):
    overlap = int(tile * share)
    begins = starts(side, tile=tile, overlap=overlap)
    size = min(tile, side)
    assert begins[0] == 0
    assert begins[-1] + size == side
    for before, after in pairwise(begins):
        assert 0 < after - before <= tile - overlap


def decoded(latents, decode, *, tile: int, overlap: int):
    """The picture and how many calls it took."""
    decoding, calls, picture = TiledDecode(latents, tile=tile, overlap=overlap), 0, None
    while picture is None:
        picture, calls = decoding.advance(decode), calls + 1
    return picture, calls


def test_tiles_of_a_decoder_that_only_looks_at_single_latents_add_up_to_the_whole():
    latents = torch.randn(1, 3, 20, 13, generator=torch.Generator().manual_seed(0))
    enlarge = torch.nn.Upsample(scale_factor=8)
    whole, _ = decoded(latents, enlarge, tile=50, overlap=4)
    tiled, calls = decoded(latents, enlarge, tile=8, overlap=3)
    assert torch.equal(whole, enlarge(latents))
    assert calls == 4 * 2
    assert (tiled - whole).abs().max() <= 1e-5


def test_a_large_picture_is_decoded_one_tile_a_call_and_seams_do_not_show(settings):
    engine = inpaint.load(replace(settings, decode_tile_px=80, decode_overlap_px=32, controlnets={}))
    whole = inpaint.load(replace(settings, controlnets={}))
    trajectory = begin_whole(engine, task_for("inpaint", hw=(128, 64), steps=1))
    latents, calls, sizes = trajectory.latents, 0, []
    decode = engine.weights.codec.decode
    engine.weights.codec.decode = lambda tile: sizes.append(tuple(tile.shape[-2:])) or decode(tile)
    done = False
    while not done:
        done, calls = engine.decode(trajectory), calls + 1
        assert len(sizes) == calls
    assert sizes == [(10, 8)] * 2
    step = (trajectory.picture[:, :, 1:] - trajectory.picture[:, :, :-1]).abs().mean(dim=(0, 1, 3))
    expected = whole.weights.codec.decode(latents)
    usual = (expected[:, :, 1:] - expected[:, :, :-1]).abs().mean(dim=(0, 1, 3))
    assert step.max() <= 1.5 * usual.max()


# Switches.


@pytest.mark.parametrize("switch", ["enable_attention_slicing"])
def test_attention_that_saves_memory_makes_the_same_picture(settings, engines, switch):
    sliced = turbo.load(replace(settings, **{switch: True}))
    task = task_for("turbo")
    assert "Sliced" in str(sliced.weights.denoiser.unet.attn_processors)
    assert np.abs(make(sliced, task)[0].astype(int) - make(engines["turbo"], task)[0]).max() <= 1


def test_compiled_engines_make_the_same_picture_and_never_compile_while_serving(settings, engines, monkeypatch):
    traced = torch.compile  # tracing is what can go wrong here; making machine code of it takes minutes
    monkeypatch.setattr(torch, "compile", lambda *args, **given: traced(*args, **{**given, "backend": "eager"}))
    narrow = replace(settings, enable_torch_compile=True, turbo_buckets=((64, 64),), turbo_batches=(2,))
    engine = turbo.load(narrow)
    engine.warm_up(lambda what, share: None)
    tasks = [task_for("turbo", hw=(64, 64), number=number) for number in range(3)]
    expected = [make(engines["turbo"], task)[0] for task in tasks]
    for one, other in zip(make(engine, *tasks), expected, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1

    engine.buckets = ((64, 128),)
    unprepared = begin_whole(engine, task_for("turbo"))
    with pytest.raises(DeviceError) as caught:
        engine.step([unprepared])
    assert caught.value.code == "shape_not_warmed"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"device": "cuda"}, "device_unavailable"),
        ({"device": "cuda:1"}, "device_unavailable"),
        ({"device": "tpu"}, "device_unknown"),
        ({"device": "cuda:x"}, "device_unknown"),
        ({"enable_xformers": True}, "xformers_unavailable"),
        ({"enable_xformers": True, "enable_attention_slicing": True}, "attention_conflict"),
        ({"enable_attention_slicing": True, "ip_adapter": "a/b:c.safetensors"}, "attention_conflict"),
    ],
    ids=str,
)
def test_what_this_machine_cannot_do_is_said_before_anything_is_loaded(settings, changes, code):
    with pytest.raises(ConfigError) as caught:
        inpaint.load(replace(settings, inpaint="/nowhere", **changes))
    assert caught.value.code == code
    assert caught.value.message


def test_compiling_without_a_compiler_is_refused(settings, monkeypatch):
    monkeypatch.setattr(acceleration.shutil, "which", lambda name: None)
    with pytest.raises(ConfigError) as caught:
        turbo.load(replace(settings, enable_torch_compile=True))
    assert caught.value.code == "compile_unavailable"


def test_half_precision_is_for_cuda_and_the_stock_autoencoder_never_runs_in_fp16(settings, engines, monkeypatch):
    assert engines["turbo"].weights.dtype == torch.float32
    cuda, half = torch.device("cuda"), torch.float16
    assert acceleration.latent_dtype(settings, cuda) == half
    assert acceleration.latent_dtype(replace(settings, use_fp16=False), cuda) == torch.float32
    stock = tiny_models.vae()
    assert stock.config.force_upcast
    for supported, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda supported=supported: supported)
        assert acceleration.vae_dtype(stock, cuda, half) == expected
    stock.register_to_config(force_upcast=False)
    assert acceleration.vae_dtype(stock, cuda, half) == half


# On a GPU.


@pytest.fixture
def on_gpu(settings):
    """Settings for the first CUDA device."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    return replace(settings, device="cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("name", REAL)
def test_a_gpu_makes_the_picture_that_a_cpu_makes(on_gpu, engines, name):
    engine = LOAD[name](replace(on_gpu, use_fp16=False))
    task = task_for(name)
    difference = make(engine, task)[0].astype(int) - make(engines[name], task)[0]
    assert np.abs(difference).mean() < 1


@pytest.mark.gpu
@pytest.mark.parametrize("name", REAL)
def test_half_precision_makes_about_the_same_picture(on_gpu, engines, name):
    engine = LOAD[name](on_gpu)
    assert engine.weights.dtype == torch.float16
    task = task_for(name)
    (picture,) = make(engine, task)
    assert np.array_equal(picture[task.mask == 0], task.image[task.mask == 0])
    assert np.abs(picture.astype(int) - make(engines[name], task)[0]).mean() < 8


@pytest.mark.gpu
def test_a_unit_of_work_is_over_when_the_device_is_done(on_gpu):
    engine = turbo.load(on_gpu)
    trajectory = begin_whole(engine, task_for("turbo"))
    assert torch.cuda.current_stream().query()
    engine.step([trajectory])
    assert torch.cuda.current_stream().query()


@pytest.mark.gpu
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # what compilers say is their own affair
def test_compiled_steps_replay_graphs_without_mixing_pictures(on_gpu):
    narrow = replace(on_gpu, turbo_buckets=((64, 64),), turbo_batches=(1, 2))
    compiled, eager = turbo.load(replace(narrow, enable_torch_compile=True)), turbo.load(narrow)
    compiled.warm_up(lambda what, share: None)
    tasks = [task_for("turbo", hw=(64, 64), number=number, steps=1 + number) for number in range(4)]
    for one, other in zip(make(compiled, *tasks), [make(eager, task)[0] for task in tasks], strict=True):
        assert np.abs(one.astype(int) - other).mean() < 8


# What the server may import.


def test_settings_contract_and_weights_do_without_torch():
    names = "models.engines.settings, models.engines.contract, models.weights"
    light = f"import sys, {names}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", light], check=True, cwd=Path(__file__).parents[1])
