"""The weights of the diffusion engines: which they are, where they lie, what they may be used for, how they come here.

Owns the table data/checkpoints.json and the folder of fetched models; must not import torch. A model is named by a hub
id ("name/model", "name/model@revision") or is a folder. Fetches only when asked to, by
`python -m models.weights fetch --engine all`.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.engines import layout
from models.engines.settings import EngineSettings
from utils.errors import ConfigError

log = logging.getLogger("lucy.weights")

TABLE = Path(__file__).resolve().parent.parent / "data" / "checkpoints.json"
ENGINES = ("turbo", "inpaint")

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_PIPELINE_FILES = (
    "model_index.json",
    "scheduler/*.json",
    "tokenizer*/*",
    "text_encoder*/config.json",
    "unet/config.json",
    "vae/config.json",
)
_NETWORK_FILES = ("config.json",)


@dataclass(frozen=True)
class Checkpoint:
    """What is known about a published model."""

    model: str
    licence: str
    commercial: bool
    needed_for: str
    gigabytes: float


@dataclass(frozen=True)
class Wanted:
    """One model that the settings ask for."""

    role: str
    """What messages call it."""
    model: str
    channels: int | None = None
    """Of the UNet, for a whole pipeline; None for a single network."""
    optional: bool = False
    """Whether the engine can do without it."""
    file: str = ""
    """A file inside the model that is wanted rather than the model."""


def known(path: Path = TABLE) -> dict[str, Checkpoint]:
    """Published models by hub id."""
    return {row["model"]: Checkpoint(**row) for row in json.loads(path.read_text("utf-8"))["checkpoints"]}


def wanted(settings: EngineSettings, *, engines: Sequence[str] = ENGINES) -> list[Wanted]:
    """Everything that these engines load."""
    found = []
    if "turbo" in engines:
        found.append(Wanted("turbo model", settings.turbo, channels=4))
        if not settings.turbo_full_vae:
            found.append(Wanted("small autoencoder", settings.taesd))
    if "inpaint" in engines:
        found.append(Wanted("inpainting model", settings.inpaint, channels=9))
        found += [Wanted("autoencoder", settings.vae)] if settings.vae else []
        found += [Wanted(f"ControlNet ({kind})", model) for kind, model in sorted(settings.controlnets.items())]
        if settings.ip_adapter:
            model, file = split_file(settings.ip_adapter)
            found.append(Wanted("IP-Adapter", model, optional=True, file=file))
    return found


def locate(model: str, *, folder: Path) -> Path | None:
    """Where a model lies: it is a folder itself, or was fetched into `folder`, or is in the cache of the hub."""
    if (path := Path(model).expanduser()).is_dir():
        return path
    if not _HUB_ID.fullmatch(model):
        return None
    if (path := folder / folder_name(model)).is_dir():
        return path
    return _cached(model)


def require(asked: Wanted, settings: EngineSettings) -> Path:
    """Where a model lies, once it is known to be whole.

    Raises:
        ConfigError: weights_missing and the codes of models/engines/layout.py.
    """
    path = locate(asked.model, folder=settings.folder)
    if path is None:
        raise ConfigError(
            "weights_missing",
            f"the {asked.role} is not here",
            hint="run: python -m models.weights fetch --engine all, or name a folder that holds it",
        )
    if asked.channels is not None:
        layout.check_pipeline(path, channels=asked.channels, role=asked.role)
    elif not asked.file:
        layout.check_model(path, role=asked.role)
    elif not layout.is_whole(path / asked.file):
        raise ConfigError("weights_incomplete", f"the {asked.role} lacks {asked.file}, as a safetensors file")
    return path


def licence_line(asked: Wanted) -> str:
    """What an operator has to know about using this model."""
    checkpoint = known().get(asked.model.partition("@")[0])
    if checkpoint is None:
        return f"{asked.role}: licence unknown to Lucy; see the model's own page"
    line = f"{asked.role}: {checkpoint.model}, {checkpoint.licence}"
    return line if checkpoint.commercial else f"{line}: NO commercial use without an agreement with its maker"


def fetch(asked: Wanted, settings: EngineSettings) -> Path:
    """Bring a model from the hub into the folder of fetched models, going on from what lies there.

    Raises:
        ConfigError: weights_unreachable, gpu_stack_missing.
    """
    hub = _hub()
    name, _, revision = asked.model.partition("@")
    target = settings.folder / folder_name(asked.model)
    try:
        where = {"revision": revision or None, "local_dir": target}
        listed = [file.filename for file in hub.snapshot_download(name, dry_run=True, **where)]
        hub.snapshot_download(name, allow_patterns=patterns(asked, listed, half=settings.use_fp16), **where)
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        raise ConfigError(
            "weights_unreachable",
            f"the {asked.role} could not be fetched ({type(error).__name__})",
            hint="check the network and the name, or put a folder in the layout of diffusers there yourself",
        ) from error
    return target


def patterns(asked: Wanted, listed: Sequence[str], *, half: bool) -> list[str]:
    """Which of a repository's files are wanted: one precision, safetensors, nothing that pictures the model."""
    if asked.file:
        encoder = f"{image_encoder_folder(asked.file)}/"
        return [asked.file, f"{encoder}config.json", f"{encoder}model.safetensors"]
    parts = ("unet/", "vae/", "text_encoder/", "text_encoder_2/") if asked.channels is not None else ("",)
    chosen = list(_PIPELINE_FILES if asked.channels is not None else _NETWORK_FILES)
    for part in parts:
        inside = [name for name in listed if name.startswith(part) and "/" not in name[len(part) :]]
        tensors = [name for name in inside if ".safetensors" in name]
        halves = [name for name in tensors if ".fp16" in name]
        chosen += halves if half and halves else [name for name in tensors if name not in halves] or halves
    return chosen


def image_encoder_folder(file: str) -> str:
    """Where the image encoder of an IP-Adapter lies in its model: the one named vit-h uses that of SD 1.5."""
    return "models/image_encoder" if "vit-h" in file else f"{file.rpartition('/')[0] or '.'}/image_encoder"


def split_file(name: str) -> tuple[str, str]:
    """A model and a file inside it, from "model:path/in/it"."""
    model, _, file = name.rpartition(":")
    if not model or not file.endswith(".safetensors"):
        raise ConfigError(
            "weights_misnamed",
            "the IP-Adapter is named as model:file, and the file as safetensors",
            hint="for instance h94/IP-Adapter:sdxl_models/ip-adapter_sdxl.safetensors",
        )
    return model, file


def folder_name(model: str) -> str:
    """A hub id as the name of a folder."""
    return model.replace("/", "--")


def _cached(model: str) -> Path | None:
    if importlib.util.find_spec("huggingface_hub") is None:
        return None
    hub = _hub()
    name, _, revision = model.partition("@")
    try:
        return Path(hub.snapshot_download(name, revision=revision or None, local_files_only=True))
    except (OSError, ValueError):
        return None


def _hub():
    """huggingface_hub, which comes with diffusers.

    Raises:
        ConfigError: gpu_stack_missing.
    """
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise ConfigError(
            "gpu_stack_missing",
            "the diffusion engines need packages that are not installed",
            hint="run: pip install -r requirements.txt",
        ) from error
