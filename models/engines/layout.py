"""Whether a folder holds a model in the layout of diffusers: all of it, as safetensors, and of the kind that is needed.

Owns names of files and what is said when they are not there; must not import torch: an operator who asks whether the
weights are whole gets the answer in a second. Nothing that could be a pickle is ever opened.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from utils.errors import ConfigError

AGAIN = "run: python -m models.weights fetch --engine all, or name a folder in the layout of diffusers"

_WEIGHTS = re.compile(
    r"(diffusion_pytorch_model|model)(\.fp16)?(-\d+-of-\d+)?(\.fp16)?\.safetensors"
    r"|(diffusion_pytorch_model|model)\.safetensors\.index(\.fp16)?\.json"
)
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_NETWORKS = ("unet", "vae", "text_encoder", "text_encoder_2")
_TOKENIZERS = ("tokenizer", "tokenizer_2")
_LONGEST_HEADER = 100_000_000  # bytes; safetensors' own limit


def check_pipeline(folder: Path, *, channels: int, name: str) -> None:
    """`folder` holds a whole SDXL pipeline whose UNet takes `channels` channels. `name` is what messages call it.

    Raises:
        ConfigError: weights_incomplete, weights_pickled, weights_broken, weights_wrong.
    """
    _say_missing(name, [file for file in _pipeline_files(folder) if not (folder / file).is_file()])
    for part in _NETWORKS:
        check_tensors(folder / part, name)
    _check_unet(_config(folder / "unet", name), channels, name)


def check_network(folder: Path, *, kind: str, name: str) -> None:
    """`folder` holds one network of the class `kind`.

    Raises:
        ConfigError: as check_pipeline.
    """
    _say_missing(name, [] if (folder / "config.json").is_file() else ["config.json"])
    check_tensors(folder, name)
    if (found := _config(folder, name).get("_class_name")) != kind:
        raise ConfigError("weights_wrong", f"{name} is a {found}, and a {kind} is needed", hint="choose another model")


def check_tensors(folder: Path, name: str) -> None:
    """Every safetensors file of a network is there and whole.

    Raises:
        ConfigError: weights_incomplete, weights_pickled, weights_broken.
    """
    found = {path.name for path in folder.glob("*") if is_weights(path.name)}
    if not found and any(path.suffix in _PICKLES for path in folder.glob("*")):
        raise ConfigError(
            "weights_pickled",
            f"{name}: {folder.name} comes as a pickle only, and opening a pickle can run any program",
            hint="choose a model that is published as safetensors, or convert it yourself where you trust it",
        )
    shards = {shard for file in found if ".index." in file for shard in _shards(folder / file, name)}
    _say_missing(name, [f"{folder.name}/{file}" for file in sorted(shards - found)])
    tensors = sorted(file for file in found if file.endswith(".safetensors"))
    _say_missing(name, [] if tensors else [f"{folder.name}/*.safetensors"])
    if cut := [f"{folder.name}/{file}" for file in tensors if not is_whole(folder / file)]:
        raise _broken(name, cut)


def check_file(path: Path, *, name: str) -> None:
    """`path` is a whole safetensors file.

    Raises:
        ConfigError: weights_incomplete, weights_broken.
    """
    _say_missing(name, [] if path.is_file() else [path.name])
    if not is_whole(path):
        raise _broken(name, [path.name])


def is_weights(file: str) -> bool:
    """Whether diffusers would read a file of this name as a network's weights."""
    return _WEIGHTS.fullmatch(file) is not None


def has_halves(folder: Path) -> bool:
    """Whether a network comes as fp16."""
    return any(".fp16." in path.name for path in folder.glob("*.safetensors*"))


def has_plain(folder: Path) -> bool:
    """Whether a network comes as no variant."""
    return any(is_weights(path.name) and ".fp16." not in path.name for path in folder.glob("*.safetensors*"))


def is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its own header says."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= _LONGEST_HEADER:
                return False
            header = json.loads(file.read(length))
        end = max((row["data_offsets"][1] for key, row in header.items() if key != "__metadata__"), default=0)
        return path.stat().st_size == 8 + length + end
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _pipeline_files(folder: Path) -> list[str]:
    """What every pipeline has, but for the weights."""
    spelt = {part: (folder / part / "tokenizer.json").is_file() for part in _TOKENIZERS}
    tokens = [f"{part}/{file}" for part in _TOKENIZERS if not spelt[part] for file in ("vocab.json", "merges.txt")]
    configs = [f"{part}/config.json" for part in _NETWORKS]
    return ["model_index.json", "scheduler/scheduler_config.json", *tokens, *configs]


def _check_unet(config: dict, channels: int, name: str) -> None:
    if config.get("addition_embed_type") != "text_time" or config.get("time_cond_proj_dim") is not None:
        raise ConfigError("weights_wrong", f"{name} has a UNet of another family", hint="choose an SDXL model")
    if config.get("in_channels") != channels:
        other = {4: "SDXL-Turbo or another distilled SDXL model", 9: "an SDXL inpainting model"}[channels]
        raise ConfigError(
            "weights_wrong",
            f"{name} has a UNet of {config.get('in_channels')} channels, and {channels} are needed",
            hint=f"choose {other}",
        )


def _config(folder: Path, name: str) -> dict:
    try:
        return dict(json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _broken(name, [f"{folder.name}/config.json"]) from error


def _shards(index: Path, name: str) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise _broken(name, [f"{index.parent.name}/{index.name}"]) from error


def _say_missing(name: str, files: list[str]) -> None:
    if files:
        raise ConfigError("weights_incomplete", f"{name} lacks {', '.join(files)}", hint=AGAIN)


def _broken(name: str, files: list[str]) -> ConfigError:
    return ConfigError("weights_broken", f"{name}: {', '.join(files)} cut off or not readable", hint=AGAIN)
