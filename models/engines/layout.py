"""Whether a folder holds a model in the layout of diffusers: all of it, as safetensors, and of the kind that is needed.

Owns names of files and what is said when they are not there; must not import torch: an operator who asks whether the
weights are whole gets the answer in a second. Nothing that could be a pickle is ever opened.
"""

from __future__ import annotations

import json
from pathlib import Path

from utils.errors import ConfigError

_SCHEDULER = ("scheduler_config.json",)
_STEMS = ("diffusion_pytorch_model", "model")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_VARIANTS = ("", ".fp16")
_NEEDED = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


def check_pipeline(folder: Path, *, channels: int, role: str) -> None:
    """`folder` holds a whole SDXL pipeline whose UNet takes `channels` channels. `role` is what messages call it.

    Raises:
        ConfigError: weights_incomplete, weights_pickled, weights_broken, weights_wrong_unet.
    """
    if not (folder / "model_index.json").is_file():
        raise _incomplete(role, ["model_index.json"])
    faults = [fault for part in _NEEDED for fault in _part_faults(folder / part)]
    if faults:
        raise _incomplete(role, faults)
    for part in _NEEDED:
        if not part.startswith(("tokenizer", "scheduler")):
            check_model(folder / part, role=role)
    _check_unet(read_config(folder / "unet", role), channels, role)


def check_model(folder: Path, *, role: str) -> None:
    """`folder` holds one network.

    Raises:
        ConfigError: weights_incomplete, weights_pickled, weights_broken.
    """
    if faults := _network_faults(folder):
        raise _incomplete(role, faults)
    for path in weight_files(folder):
        if not is_whole(path):
            raise ConfigError(
                "weights_broken",
                f"{role}: {folder.name}/{path.name} is cut off or no safetensors file",
                hint="fetch it again: python -m models.weights fetch --engine all",
            )


def has_variant(folder: Path, variant: str) -> bool:
    """Whether any part of a pipeline, or a single network, comes in this variant ("fp16")."""
    return any(folder.glob(f"*/*.{variant}*.safetensors")) or any(folder.glob(f"*.{variant}*.safetensors"))


def has_plain(folder: Path) -> bool:
    """Whether a single network comes in no variant."""
    return any((folder / f"{stem}.safetensors{ending}").is_file() for stem in _STEMS for ending in ("", ".index.json"))


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one network, shards included; of every variant that is there."""
    found = []
    for stem in _STEMS:
        for variant in _VARIANTS:
            found += [path] if (path := folder / f"{stem}{variant}.safetensors").is_file() else []
            found += [folder / name for name in _shards(folder / f"{stem}.safetensors.index{variant}.json")]
    return found


def is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its own header says."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= 100_000_000:
                return False
            header = json.loads(file.read(length))
        end = max((row["data_offsets"][1] for name, row in header.items() if name != "__metadata__"), default=0)
        return path.stat().st_size == 8 + length + end
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def read_config(folder: Path, role: str) -> dict:
    """A network's config.json.

    Raises:
        ConfigError: weights_broken.
    """
    try:
        return json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError("weights_broken", f"{role}: {folder.name}/config.json cannot be read") from error


def _check_unet(config: dict, channels: int, role: str) -> None:
    if config.get("addition_embed_type") != "text_time":
        raise ConfigError(
            "weights_wrong_unet", f"{role}: this UNet is not of the SDXL family", hint="choose SDXL weights"
        )
    if config.get("in_channels") != channels:
        kind = {4: "an image-to-image model such as SDXL-Turbo", 9: "an inpainting model"}
        raise ConfigError(
            "weights_wrong_unet",
            f"{role}: its UNet takes {config.get('in_channels')} channels, and {channels} are needed",
            hint=f"choose {kind[channels]}",
        )
    if config.get("time_cond_proj_dim") is not None:
        raise ConfigError(
            "weights_wrong_unet", f"{role}: this UNet wants guidance as an input", hint="choose weights without that"
        )


def _part_faults(folder: Path) -> list[str]:
    """What is missing of one part of a pipeline."""
    if folder.name.startswith("tokenizer"):
        spelt_out = (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()
        return (
            [] if spelt_out or (folder / "tokenizer.json").is_file() else [f"{folder.name}/vocab.json and merges.txt"]
        )
    if folder.name == "scheduler":
        return [f"scheduler/{name}" for name in _SCHEDULER if not (folder / name).is_file()]
    return _network_faults(folder)


def _network_faults(folder: Path) -> list[str]:
    faults = [] if (folder / "config.json").is_file() else [f"{folder.name}/config.json"]
    files = weight_files(folder)
    if not files and any(path.suffix in _PICKLES for path in folder.glob("*")):
        raise ConfigError(
            "weights_pickled",
            f"{folder.name} comes as a pickle only, and a pickle can run any program when it is opened",
            hint="choose a model that is published as safetensors, or convert it yourself where you trust it",
        )
    if not files:
        faults.append(f"{folder.name}/*.safetensors")
    return faults + [f"{folder.name}/{path.name}" for path in files if not path.is_file()]


def _shards(index: Path) -> list[str]:
    try:
        return sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError("weights_broken", f"{index.parent.name}/{index.name} cannot be read") from error


def _incomplete(role: str, faults: list[str]) -> ConfigError:
    return ConfigError(
        "weights_incomplete",
        f"{role}: missing {', '.join(faults)}",
        hint="fetch it again: python -m models.weights fetch --engine all",
    )
