"""The weights of the diffusion engines: which they are, where they lie, what they may be used for, how they come here.

Owns the table data/checkpoints.json and the folder of fetched models; must not import torch. A model is named by a hub
id ("name/model", "name/model@revision") or is a folder. Fetches only when asked to, by
`python -m models.weights fetch --engine all`.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal

from models.engines import layout
from models.engines.settings import CONTROLS, EngineSettings
from utils.digests import sha256_of
from utils.errors import ConfigError

TABLE = Path(__file__).resolve().parent.parent / "data" / "checkpoints.json"
ENGINES = ("turbo", "inpaint")
FETCHED = "diffusion"
"""Where fetched models lie in the folder of all weights."""

Role = Literal["pipeline", "unet", "taesd", "vae", "controlnet", "ip_adapter"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")
_PIPELINE_FILES = (
    *("model_index.json", "scheduler/*.json", "tokenizer/*", "tokenizer_2/*"),
    *("text_encoder/config.json", "text_encoder_2/config.json", "unet/config.json", "vae/config.json"),
)
_PIPELINE_PARTS = ("unet/", "vae/", "text_encoder/", "text_encoder_2/")


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

    role: Role
    model: str
    name: str
    """What messages call it; of a ControlNet, the kind of maps that it reads."""
    channels: int = 0
    """Of a pipeline's UNet."""
    network: str = ""
    """Class of a single network."""
    file: str = ""
    """A file inside the model that is wanted rather than the model."""

    @property
    def optional(self) -> bool:
        """Whether the engine can do without it."""
        return self.role == "ip_adapter"


def known(path: Path = TABLE) -> dict[str, Checkpoint]:
    """Published models by hub id."""
    return {row["model"]: Checkpoint(**row) for row in json.loads(path.read_text("utf-8"))["checkpoints"]}


def wanted(settings: EngineSettings, *, engines: Sequence[str] = ENGINES) -> list[Wanted]:
    """Everything that these engines load."""
    found = []
    if "turbo" in engines:
        found.append(Wanted("pipeline", settings.turbo, "the keyframe model", channels=4))
        if settings.turbo_unet:
            found.append(_inside("unet", settings.turbo_unet, "the distilled UNet"))
        if not settings.turbo_full_vae:
            found.append(Wanted("taesd", settings.taesd, "the small autoencoder", network="AutoencoderTiny"))
    if "inpaint" in engines:
        found.append(Wanted("pipeline", settings.inpaint, "the capture model", channels=9))
        if settings.vae:
            found.append(Wanted("vae", settings.vae, "the autoencoder of captures", network="AutoencoderKL"))
        found += [_controlnet(kind, model) for kind, model in sorted(settings.controlnets.items())]
        if settings.ip_adapter:
            found.append(_inside("ip_adapter", settings.ip_adapter, "the IP-Adapter"))
    return found


def _controlnet(kind: str, model: str) -> Wanted:
    if kind not in CONTROLS:
        raise ConfigError(
            "control_unknown", f"there are no control maps of kind {kind}", hint=f"kinds are {', '.join(CONTROLS)}"
        )
    return Wanted("controlnet", model, kind, network="ControlNetModel")


def _inside(role: Role, name: str, called: str) -> Wanted:
    """A file in a model, from "model:path/in/it"."""
    model, _, file = name.rpartition(":")
    if not model or not file.endswith(".safetensors"):
        raise ConfigError(
            "weights_misnamed",
            f"{called} has to be named as model:file, and the file must be safetensors",
            hint="for instance h94/IP-Adapter:sdxl_models/ip-adapter_sdxl.safetensors",
        )
    return Wanted(role, model, called, file=file)


def locate(model: str, *, folder: Path) -> Path | None:
    """Where a model lies: it is a folder itself, or was fetched into `folder`, or is in the cache of the hub.

    `folder` may also be the folder of all weights.
    """
    if (path := Path(model).expanduser()).is_dir():
        return path
    if not _HUB_ID.fullmatch(model):
        return None
    for parent in (folder, folder / FETCHED):
        if (path := parent / _folder_name(model)).is_dir():
            return path
    return _cached(model)


def require(asked: Wanted, settings: EngineSettings) -> Path:
    """Where a model lies, once it is known to be whole.

    Raises:
        ConfigError: weights_missing and the codes of models/engines/layout.py.
    """
    path = locate(asked.model, folder=settings.folder)
    if path is None:
        raise ConfigError("weights_missing", f"{asked.name} ({asked.role}) is not here", hint=layout.AGAIN)
    if asked.channels:
        layout.check_pipeline(path, channels=asked.channels, name=asked.name)
    elif asked.network:
        layout.check_network(path, kind=asked.network, name=asked.name)
    else:
        layout.check_file(path / asked.file, name=asked.name)
    if asked.role == "ip_adapter":
        layout.check_tensors(path / image_encoder_folder(asked.file), asked.name)
    return path


def licence_line(asked: Wanted) -> str:
    """What an operator has to know before using this model."""
    checkpoint = known().get(asked.model.partition("@")[0])
    if checkpoint is None:
        return f"{asked.name}: its licence is not known to Lucy, see where it was published"
    line = f"{asked.name}: {checkpoint.model}, {checkpoint.licence}"
    return line if checkpoint.commercial else f"{line}: NO commercial use without an agreement with its maker"


def fetch(asked: Wanted, settings: EngineSettings, *, out: IO[str] | None = None) -> Path:
    """Bring a model from the hub into the folder of fetched models, going on from what lies there.

    Raises:
        ConfigError: weights_unreachable, gpu_stack_missing; what `require` says of what has come.
    """
    out = out or sys.stderr
    name, _, revision = asked.model.partition("@")
    if not _HUB_ID.fullmatch(asked.model):
        raise ConfigError("weights_missing", f"{asked.name} is neither a folder nor a name on the hub")
    target = settings.folder / _folder_name(asked.model)
    hub = _hub()
    where = {"revision": revision or None, "local_dir": target}
    print(f"lucy: {licence_line(asked)}", file=out, flush=True)
    try:
        offered = [file.filename for file in hub.snapshot_download(name, dry_run=True, **where)]
        hub.snapshot_download(name, allow_patterns=files_of(asked, offered, half=settings.use_fp16), **where)
    except (OSError, ValueError, hub.errors.HTTPError) as error:
        raise ConfigError(
            "weights_unreachable",
            f"{asked.name} could not be fetched ({type(error).__name__})",
            hint="check the network and the name, or put a folder in the layout of diffusers there yourself",
        ) from error
    return require(asked, settings)


def files_of(asked: Wanted, offered: Sequence[str], *, half: bool) -> list[str]:
    """Which of a repository's files to bring: one precision of each network, and nothing but safetensors."""
    if asked.role == "unet":
        return [asked.file]
    if asked.role == "ip_adapter":
        encoder = image_encoder_folder(asked.file)
        return [asked.file, f"{encoder}/config.json", f"{encoder}/model.safetensors"]
    chosen = list(_PIPELINE_FILES) if asked.channels else ["config.json"]
    for part in _PIPELINE_PARTS if asked.channels else ("",):
        inside = [name for name in offered if name.startswith(part) and "/" not in name[len(part) :]]
        # Only what diffusers would look for: some repositories hold other programs' files beside them.
        tensors = [name for name in inside if layout.is_weights(name[len(part) :])]
        halves = [name for name in tensors if ".fp16." in name]
        plain = [name for name in tensors if name not in halves]
        chosen += (halves or plain) if half else (plain or halves)
    return chosen


def image_encoder_folder(file: str) -> str:
    """Where the image encoder of an IP-Adapter lies in its model: those named vit-h use that of SD 1.5."""
    return "models/image_encoder" if "vit-h" in file else f"{file.rpartition('/')[0] or '.'}/image_encoder"


def _folder_name(model: str) -> str:
    return model.replace("/", "--")


def _cached(model: str) -> Path | None:
    name, _, revision = model.partition("@")
    try:
        return Path(_hub().snapshot_download(name, revision=revision or None, local_files_only=True))
    except (ConfigError, OSError, ValueError):
        return None


def _hub() -> Any:
    """huggingface_hub, which comes with diffusers: on a machine without it, whoever only fits in 2D pays nothing.

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


# What `python -m models.weights` does with --engine.


def chosen(settings: EngineSettings, choices: Sequence[str]) -> EngineSettings:
    """`settings` with models exchanged: "turbo=name/model", "edge=name/controlnet", ...

    Raises:
        ConfigError: weights_misnamed, control_unknown.
    """
    for choice in choices:
        name, _, model = choice.partition("=")
        if name in ("turbo", "turbo_unet", "taesd", "inpaint", "vae", "ip_adapter"):
            settings = replace(settings, **{name: model})
        elif model:
            settings = replace(settings, controlnets={**settings.controlnets, name: model})
        else:
            raise ConfigError("weights_misnamed", "a model is chosen as name=model", hint="for instance turbo=folder")
    return settings


def run(command: str, settings: EngineSettings, *, engines: Sequence[str], out: IO[str] | None = None) -> None:
    """list, fetch or verify the models of these engines.

    Raises:
        ConfigError: from fetch and verify.
    """
    out = out or sys.stdout
    for asked in wanted(settings, engines=engines):
        if command == "list":
            print(f"{_state(asked, settings):10} {asked.model:48} {licence_line(asked)}", file=out)
        elif command == "verify":
            _verify(asked, settings, out)
        elif _state(asked, settings) != "here":
            fetch(asked, settings)


def _verify(asked: Wanted, settings: EngineSettings, out: IO[str]) -> None:
    """Hash what came from the hub; of other folders, only whether files are as long as they say they are."""
    hashes = _published_hashes(path := require(asked, settings))
    if altered := [file for file, digest in hashes.items() if sha256_of(path / file) != digest]:
        raise ConfigError(
            "weights_broken",
            f"{asked.name}: {', '.join(altered)} is not what was published",
            hint="delete it and run: python -m models.weights fetch --engine all",
        )
    print(f"{asked.name}: whole, {len(hashes)} files hashed", file=out)


def _published_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 by file, as huggingface_hub noted it down beside what it fetched: commit, hash and time, a line each."""
    notes = folder / ".cache" / "huggingface" / "download"
    found = {}
    for note in sorted(notes.rglob("*.metadata")):
        file = note.relative_to(notes).as_posix().removesuffix(".metadata")
        digest = note.read_text("utf-8").splitlines()[1:2]
        if digest and re.fullmatch("[0-9a-f]{64}", digest[0]) and (folder / file).is_file():
            found[file] = digest[0]
    return found


def _state(asked: Wanted, settings: EngineSettings) -> str:
    try:
        require(asked, settings)
    except ConfigError as error:
        return "missing" if error.code == "weights_missing" else "not whole"
    return "here"
