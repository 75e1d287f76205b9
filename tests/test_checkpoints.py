"""The diffusion weights: what is wanted, whether it is here and whole, what is said where it is not."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import logging
import os
import shutil
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import pytest

from models import checkpoints, weights
from models.checkpoints import Wanted
from models.engines import layout
from models.engines.settings import EngineSettings
from utils.errors import ConfigError

if importlib.util.find_spec("torch") is None and os.environ.get("CI") != "true":
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from safetensors.torch import load_file, save_file

from models.engines import inpaint, turbo
from tests import tiny_models

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> EngineSettings:
    return tiny_models.settings(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def copied(whole, tmp_path) -> EngineSettings:
    """Settings whose models a test may break."""
    for name in ("turbo", "taesd", "inpaint"):
        shutil.copytree(getattr(whole, name), tmp_path / name)
    here = {name: str(tmp_path / name) for name in ("turbo", "taesd", "inpaint")}
    return replace(whole, folder=tmp_path / "fetched", **here)


def refused(call, *args, **given) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        call(*args, **given)
    assert caught.value.message
    assert caught.value.hint
    assert "pytest" not in caught.value.message  # nor any other part of a path of this machine
    return caught.value


# Half a folder, and worse.


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def forget_tensor(path: Path) -> None:
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path, metadata={"format": "pt"})


def rename_to_pickle(path: Path) -> None:
    path.rename(path.with_suffix(".bin"))


BREAKAGE = {
    "no index": ("turbo/model_index.json", Path.unlink, "weights_incomplete", "model_index.json"),
    "no UNet": ("turbo/unet", shutil.rmtree, "weights_incomplete", "unet/config.json"),
    "no tokenizer": ("turbo/tokenizer", shutil.rmtree, "weights_incomplete", "tokenizer/vocab.json"),
    "no scheduler": ("turbo/scheduler", shutil.rmtree, "weights_incomplete", "scheduler_config.json"),
    "no tensors": (
        "turbo/unet/diffusion_pytorch_model.safetensors",
        Path.unlink,
        "weights_incomplete",
        "unet/*.safetensors",
    ),
    "a pickle": ("turbo/unet/diffusion_pytorch_model.safetensors", rename_to_pickle, "weights_pickled", "pickle"),
    "cut off": ("turbo/vae/diffusion_pytorch_model.safetensors", cut_off, "weights_broken", "vae/"),
    "no JSON": ("turbo/unet/config.json", lambda path: path.write_text("{"), "weights_broken", "unet/config.json"),
    "a tensor short": ("turbo/unet/diffusion_pytorch_model.safetensors", forget_tensor, "weights_broken", "UNet"),
    "not a scheduler": (
        "turbo/scheduler/scheduler_config.json",
        lambda path: path.write_text("{"),
        "weights_unreadable",
        "cannot be loaded",
    ),
    "no small autoencoder": ("taesd", shutil.rmtree, "weights_missing", "small autoencoder"),
    "half a small autoencoder": ("taesd/config.json", Path.unlink, "weights_incomplete", "config.json"),
}


@pytest.mark.parametrize("case", BREAKAGE)
def test_what_is_wrong_with_a_folder_is_said(copied, tmp_path, case):
    name, damage, code, mentioned = BREAKAGE[case]
    damage(tmp_path / name)
    error = refused(turbo.load, copied)
    assert error.code == code
    assert mentioned in error.message


def test_an_image_to_image_model_is_no_inpainting_model_nor_the_other_way_round(whole):
    error = refused(inpaint.load, replace(whole, inpaint=whole.turbo))
    assert (error.code, "4 channels, and 9" in error.message) == ("weights_wrong", True)
    error = refused(turbo.load, replace(whole, turbo=whole.inpaint))
    assert (error.code, "9 channels, and 4" in error.message) == ("weights_wrong", True)


def test_an_autoencoder_of_the_other_kind_is_refused(whole):
    error = refused(turbo.load, replace(whole, taesd=f"{whole.turbo}/vae"))
    assert (error.code, "AutoencoderKL" in error.message) == ("weights_wrong", True)
    assert refused(inpaint.load, replace(whole, vae=whole.taesd)).code == "weights_wrong"
    assert refused(inpaint.load, replace(whole, controlnets={"edge": whole.taesd})).code == "weights_wrong"


def test_a_unet_of_another_family_is_refused(copied, tmp_path):
    path = tmp_path / "turbo" / "unet" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "addition_embed_type": None}))
    assert refused(turbo.load, copied).code == "weights_wrong"


def test_shards_are_all_wanted_and_read(copied, tmp_path):
    folder = tmp_path / "turbo" / "unet"
    single = folder / "diffusion_pytorch_model.safetensors"
    tensors = load_file(single)
    expected = tensors["conv_in.weight"].clone()
    single.unlink()
    files = {
        key: f"diffusion_pytorch_model-0000{1 + index % 2}-of-00002.safetensors" for index, key in enumerate(tensors)
    }
    for file in set(files.values()):
        save_file({key: tensors[key] for key in files if files[key] == file}, folder / file, metadata={"format": "pt"})
    index = folder / "diffusion_pytorch_model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": files}))
    assert torch.equal(turbo.load(copied).weights.denoiser.unet.conv_in.weight, expected)

    (folder / files["conv_in.weight"]).unlink()
    error = refused(turbo.load, copied)
    assert (error.code, files["conv_in.weight"] in error.message) == ("weights_incomplete", True)


def test_a_model_that_comes_in_half_precision_only_is_read(copied, tmp_path):
    for path in tmp_path.glob("turbo/*/*.safetensors"):
        path.rename(path.with_suffix(".fp16.safetensors"))
    engine = turbo.load(copied)
    assert engine.weights.denoiser.unet.conv_in.weight.dtype == torch.float32


def test_parts_may_come_in_different_precisions(copied, tmp_path):
    path = tmp_path / "turbo" / "unet" / "diffusion_pytorch_model.safetensors"
    path.rename(path.with_suffix(".fp16.safetensors"))
    assert turbo.load(copied).weights.denoiser.unet.conv_in.weight.dtype == torch.float32


def test_a_distilled_unet_takes_the_place_of_the_published_one(whole, tmp_path):
    other = tiny_models.unet(channels=4, seed=77)
    save_file(other.state_dict(), tmp_path / "four_steps.safetensors")
    engine = turbo.load(replace(whole, turbo_unet=f"{tmp_path}:four_steps.safetensors"))
    assert torch.equal(engine.weights.denoiser.unet.conv_in.weight, other.conv_in.weight)
    assert engine.weights.scheduler.config.timestep_spacing == "trailing"
    error = refused(turbo.load, replace(whole, turbo_unet=f"{tmp_path}:two_steps.safetensors"))
    assert error.code == "weights_incomplete"
    assert refused(turbo.load, replace(whole, turbo_unet=f"{tmp_path}:four_steps.ckpt")).code == "weights_misnamed"
    save_file({"conv_in.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert refused(turbo.load, replace(whole, turbo_unet=f"{tmp_path}:other.safetensors")).code == "weights_unreadable"


@pytest.mark.parametrize("missing", ["file", "encoder", "fit"])
def test_without_its_ip_adapter_the_engine_loads_and_says_so(whole, tmp_path, caplog, missing):
    adapter = tiny_models.ip_adapter(tmp_path / "adapter")
    file = tmp_path / "adapter" / "sdxl_models" / "ip-adapter_sdxl.safetensors"
    if missing == "encoder":
        shutil.rmtree(tmp_path / "adapter" / "sdxl_models" / "image_encoder")
    elif missing == "file":
        file.unlink()
    else:  # the attention fits, what comes before it does not
        tensors = load_file(file)
        save_file({key: value for key, value in tensors.items() if "norm" not in key}, file)
    engine = inpaint.load(replace(whole, ip_adapter=adapter, controlnets={}))
    assert engine.weights.adapter is None
    assert "captures go without a reference" in caplog.text
    engine.warm_up(lambda what, share: None)


# Licences.


def test_at_start_the_log_says_what_may_not_be_used_commercially(whole, caplog):
    for name, model in (("turbo", "stabilityai--sdxl-turbo"), ("taesd", "madebyollin--taesdxl")):
        shutil.copytree(getattr(whole, name), whole.folder / model)
    defaults = EngineSettings()
    caplog.set_level(logging.INFO)
    turbo.load(replace(whole, turbo=defaults.turbo, taesd=defaults.taesd))
    turbo.load(whole)
    said = [record.message for record in caplog.records if record.name.startswith("models.engines")]
    assert "NO commercial use without an agreement" in said[0]
    assert said[1].endswith("MIT")
    assert "not known to Lucy" in said[2]


def test_every_default_model_is_in_the_table_with_its_licence():
    table = checkpoints.known()
    for asked in checkpoints.wanted(EngineSettings()):
        assert table[asked.model].licence
    assert not table["stabilityai/sdxl-turbo"].commercial


# Names and places.


def test_models_are_looked_for_as_folders_then_among_the_fetched(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "fetched" / "some--model@v2").mkdir(parents=True)
    fetched = tmp_path / "fetched"
    assert checkpoints.locate(str(tmp_path / "mine"), folder=fetched) == tmp_path / "mine"
    assert checkpoints.locate("some/model@v2", folder=fetched) == fetched / "some--model@v2"
    assert checkpoints.locate("some/model", folder=fetched) is None
    (fetched / checkpoints.FETCHED / "some--model").mkdir(parents=True)
    assert checkpoints.locate("some/model", folder=fetched) == fetched / checkpoints.FETCHED / "some--model"
    assert checkpoints.locate("no model", folder=fetched) is None


@pytest.mark.parametrize(
    ("name", "weights_file"),
    [
        ("diffusion_pytorch_model.safetensors", True),
        ("diffusion_pytorch_model.fp16.safetensors", True),
        ("model-00001-of-00002.safetensors", True),
        ("model.fp16-00001-of-00002.safetensors", True),
        ("model.safetensors.index.json", True),
        ("model.safetensors.index.fp16.json", True),
        ("sd_xl_turbo_1.0.safetensors", False),
        ("diffusion_pytorch_model.bin", False),
        ("model.onnx", False),
    ],
)
def test_files_that_diffusers_reads_are_told_from_others(name, weights_file):
    assert layout.is_weights(name) is weights_file


OFFERED = [
    *("model_index.json", "README.md", "output.png", "sd_xl_turbo_1.0.safetensors", "sd_xl_turbo_1.0_fp16.safetensors"),
    *("scheduler/scheduler_config.json", "tokenizer/vocab.json", "tokenizer_2/merges.txt"),
    *("text_encoder/config.json", "text_encoder/model.safetensors", "text_encoder/model.fp16.safetensors"),
    *("text_encoder/pytorch_model.bin", "text_encoder_2/model.fp16.safetensors", "unet/config.json"),
    *("unet/diffusion_pytorch_model.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"),
    *("unet/model.onnx", "vae/diffusion_pytorch_model.safetensors", "vae_decoder/model.onnx"),
]


@pytest.mark.parametrize("half", [True, False])
def test_of_a_repository_only_what_is_loaded_is_fetched(half):
    asked = Wanted("pipeline", "a/b", "a model", channels=4)
    patterns = checkpoints.files_of(asked, OFFERED, half=half)
    brought = {name for name in OFFERED if any(fnmatch(name, pattern) for pattern in patterns)}
    ending = "fp16.safetensors" if half else "model.safetensors"
    assert f"unet/diffusion_pytorch_{'model.' if half else ''}{ending}" in brought
    assert {"model_index.json", "tokenizer/vocab.json", "vae/diffusion_pytorch_model.safetensors"} <= brought
    assert "text_encoder_2/model.fp16.safetensors" in brought  # the only one there is
    assert not [name for name in brought if name.endswith((".bin", ".onnx", ".png", ".md")) or name.startswith("sd_")]
    assert len([name for name in brought if name.startswith("unet/") and name.endswith("safetensors")]) == 1


def test_the_image_encoder_of_an_adapter_is_fetched_with_it():
    asked = checkpoints.wanted(
        EngineSettings(ip_adapter="h94/IP-Adapter:sdxl_models/ip-adapter_sdxl_vit-h.safetensors")
    )[-1]
    assert (asked.model, asked.optional) == ("h94/IP-Adapter", True)
    assert checkpoints.files_of(asked, [], half=True) == [
        "sdxl_models/ip-adapter_sdxl_vit-h.safetensors",
        "models/image_encoder/config.json",
        "models/image_encoder/model.safetensors",
    ]
    assert checkpoints.image_encoder_folder("sdxl_models/ip-adapter_sdxl.safetensors") == "sdxl_models/image_encoder"


# Fetching.


class Hub:
    """Stands in for huggingface_hub: repositories are folders."""

    errors = SimpleNamespace(HTTPError=type("HTTPError", (Exception,), {}))

    def __init__(self, repositories: dict[str, str]) -> None:
        self.repositories = repositories
        self.calls: list[str] = []

    def snapshot_download(self, name, *, revision=None, local_dir=None, allow_patterns=None, **asked):
        self.calls.append(name)
        if asked.get("local_files_only"):
            raise FileNotFoundError(name)
        if name not in self.repositories:
            raise self.errors.HTTPError("404")
        source = Path(self.repositories[name])
        files = [path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()]
        if asked.get("dry_run"):
            return [SimpleNamespace(filename=file) for file in files]
        for file in files:
            if any(fnmatch(file, pattern) for pattern in allow_patterns):
                (local_dir / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source / file, local_dir / file)
        return str(local_dir)


def test_what_is_missing_is_fetched_and_can_be_loaded(whole, tmp_path, monkeypatch):
    hub = Hub({"some/turbo": whole.turbo, "some/taesd": whole.taesd})
    monkeypatch.setattr(checkpoints, "_hub", lambda: hub)
    asked = replace(whole, folder=tmp_path, turbo="some/turbo", taesd="some/taesd")
    out = io.StringIO()
    checkpoints.run("list", asked, engines=["turbo"], out=out)
    assert out.getvalue().count("missing") == 2
    assert refused(turbo.load, asked).code == "weights_missing"

    checkpoints.run("fetch", asked, engines=["turbo"])
    checkpoints.run("verify", asked, engines=["turbo"], out=out)
    assert turbo.load(asked).name == "turbo"
    hub.calls.clear()
    checkpoints.run("fetch", asked, engines=["turbo"])
    assert hub.calls == []  # nothing is missing any more


def test_verifying_hashes_what_came_from_the_hub(copied, tmp_path):
    unet = tmp_path / "turbo" / "unet" / "diffusion_pytorch_model.safetensors"
    note = tmp_path / "turbo/.cache/huggingface/download/unet/diffusion_pytorch_model.safetensors.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"abcdef\n{hashlib.sha256(unet.read_bytes()).hexdigest()}\n1700000000.0\n")
    out = io.StringIO()
    checkpoints.run("verify", copied, engines=["turbo"], out=out)
    assert "the keyframe model: whole, 1 files hashed" in out.getvalue()
    unet.write_bytes(unet.read_bytes()[:-1] + b"?")  # as long as before
    error = refused(checkpoints.run, "verify", copied, engines=["turbo"], out=out)
    assert (error.code, unet.name in error.message) == ("weights_broken", True)


def test_a_hub_that_does_not_answer_is_a_clear_error(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "_hub", lambda: Hub({}))
    error = refused(checkpoints.run, "fetch", replace(whole, folder=tmp_path, turbo="some/turbo"), engines=["turbo"])
    assert error.code == "weights_unreachable"


def test_without_the_packages_fetching_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    error = refused(checkpoints.fetch, Wanted("pipeline", "a/b", "a model", channels=4), EngineSettings())
    assert error.code == "gpu_stack_missing"
    assert "requirements.txt" in error.hint


def test_models_are_exchanged_by_name():
    choices = ["turbo=a/b", "vae=", "edge=c/d", "depth=e/f"]
    settings = checkpoints.chosen(EngineSettings(), choices)
    assert (settings.turbo, settings.vae, settings.controlnets) == ("a/b", "", {"edge": "c/d", "depth": "e/f"})
    assert refused(checkpoints.chosen, EngineSettings(), ["edge"]).code == "weights_misnamed"
    unknown = checkpoints.chosen(EngineSettings(), ["canny=a/b"])
    assert refused(checkpoints.wanted, unknown).code == "control_unknown"


def test_the_command_line_takes_other_models(whole, tmp_path, capsys):
    where = ["--dir", str(tmp_path), "--engine", "turbo"]
    models = ["--model", f"turbo={whole.turbo}", "--model", f"taesd={whole.taesd}"]
    assert weights.main(["verify", *where, *models]) == 0
    assert capsys.readouterr().out.count("whole") == 2
    assert weights.main(["verify", *where, *models[:2]]) == 1


def test_the_command_line_speaks_of_an_engine(tmp_path, capsys):
    assert weights.main(["list", "--engine", "turbo", "--dir", str(tmp_path)]) == 0
    assert "stabilityai/sdxl-turbo" in capsys.readouterr().out
    assert weights.main(["verify", "--engine", "all", "--dir", str(tmp_path)]) == 1
    assert "weights_missing" in capsys.readouterr().err
