"""From names in the settings to networks on the device.

Owns the loading, by diffusers itself, out of whole folders of safetensors; must not know how pictures are made. Whatever
is wrong with the weights is a ConfigError that says what to do.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, StableDiffusionXLInpaintPipeline
from diffusers.utils import logging as diffusers_logging
from transformers.utils import logging as transformers_logging

from models import checkpoints
from models.checkpoints import Wanted
from models.engines import layout
from models.engines.acceleration import check_switches, choose_device, compiled, latent_dtype, place, vae_dtype
from models.engines.adapter import Adapter
from models.engines.codec import FACTOR, Codec
from models.engines.denoise import Denoiser
from models.engines.prompts import Prompts
from models.engines.sdxl import Weights
from models.engines.settings import EngineSettings
from utils.errors import ConfigError

log = logging.getLogger("lucy.engines")

_LOADING_TROUBLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, EOFError)


def load_weights(engine: str, settings: EngineSettings) -> Weights:
    """Everything that `engine` needs, checked, loaded and placed.

    Raises:
        ConfigError: what models/checkpoints.py, layout.py and acceleration.py say, and weights_unreadable.
    """
    device = choose_device(settings.device)
    check_switches(settings, device)
    dtype = latent_dtype(settings, device)
    asked = checkpoints.wanted(settings, engines=(engine,))
    found = {one: checkpoints.require(one, settings) for one in asked if not one.optional}
    for one in asked:
        log.info("%s", checkpoints.licence_line(one))
    _quiet()

    model = next(one for one in asked if one.channels is not None)
    small = next((one for one in asked if one.role == "small autoencoder"), None)
    other = next((one for one in asked if one.role == "autoencoder"), None)
    own = {}
    if small is not None:
        own["vae"] = _network(AutoencoderTiny, found[small], small, dtype)
    elif other is not None:
        own["vae"] = _network(AutoencoderKL, found[other], other, dtype)
    pipeline = _pipeline(found[model], model, dtype, own)
    return _assemble(pipeline, asked, found, settings, device, dtype)


def _assemble(
    pipeline: Any,
    asked: list[Wanted],
    found: dict[Wanted, Path],
    settings: EngineSettings,
    device: torch.device,
    dtype: torch.dtype,
) -> Weights:
    """Put every part where it runs."""
    for encoder in (pipeline.text_encoder, pipeline.text_encoder_2):
        encoder.to(device).eval().requires_grad_(False)
    vae = place(pipeline.vae, settings, device=device, dtype=vae_dtype(pipeline.vae, device, dtype))
    unet = place(pipeline.unet, settings, device=device, dtype=dtype)
    if pipeline.vae_scale_factor != FACTOR or pipeline.scheduler.order != 1:
        raise ConfigError(
            "weights_unsupported",
            "only autoencoders of factor 8 and schedulers of one evaluation per step can be used",
            hint="take the scheduler that the model was published with",
        )
    adapter = _adapter(pipeline, asked, settings, device, dtype)
    controlnets = {
        kind: place(_network(ControlNetModel, found[one], one, dtype), settings, device=device, dtype=dtype)
        for kind in settings.controlnets
        for one in asked
        if one.role == f"ControlNet ({kind})"
    }
    return Weights(
        denoiser=Denoiser(
            compiled(unet, settings, device=device),
            {kind: compiled(network, settings, device=device) for kind, network in controlnets.items()},
        ),
        codec=Codec(vae, device=device, latent_dtype=dtype),
        prompts=Prompts(pipeline, device=device, dtype=dtype),
        scheduler=pipeline.scheduler,
        device=device,
        dtype=dtype,
        adapter=adapter,
    )


def _pipeline(folder: Path, asked: Wanted, dtype: torch.dtype, own: dict[str, Any]) -> Any:
    variant = "fp16" if layout.has_variant(folder, "fp16") and _halves(dtype, folder / "unet") else None
    try:
        return StableDiffusionXLInpaintPipeline.from_pretrained(
            folder,
            dtype=dtype,
            variant=variant,
            use_safetensors=True,
            local_files_only=True,
            add_watermarker=False,
            **own,
        )
    except _LOADING_TROUBLE as error:
        raise _unreadable(asked) from error


def _network(kind: type, folder: Path, asked: Wanted, dtype: torch.dtype) -> Any:
    try:
        return kind.from_pretrained(
            folder,
            dtype=dtype,
            variant="fp16" if layout.has_variant(folder, "fp16") and _halves(dtype, folder) else None,
            use_safetensors=True,
            local_files_only=True,
        )
    except _LOADING_TROUBLE as error:
        raise _unreadable(asked) from error


def _halves(dtype: torch.dtype, folder: Path) -> bool:
    """Whether the fp16 files are the ones to take: they are wanted, or the only ones."""
    return dtype == torch.float16 or not layout.has_plain(folder)


def _adapter(
    pipeline: Any, asked: list[Wanted], settings: EngineSettings, device: torch.device, dtype: torch.dtype
) -> Adapter | None:
    """The IP-Adapter, or nothing: captures can do without, and say so in a notice."""
    for one in asked:
        if one.role == "IP-Adapter":
            try:
                folder = checkpoints.require(one, settings)
                subfolder, _, name = one.file.rpartition("/")
                pipeline.load_ip_adapter(
                    str(folder),
                    subfolder=subfolder or ".",
                    weight_name=name,
                    image_encoder_folder=checkpoints.image_encoder_folder(one.file),
                    local_files_only=True,
                )
                pipeline.image_encoder.to(device, dtype).eval().requires_grad_(False)
                pipeline.unet.to(device, dtype)
            except (ConfigError, *_LOADING_TROUBLE) as error:
                log.warning("captures go without a reference: the IP-Adapter cannot be loaded (%s)", error)
                return None
            return Adapter(pipeline, device=device, dtype=dtype)
    return None


def _unreadable(asked: Wanted) -> ConfigError:
    return ConfigError(
        "weights_unreadable",
        f"the {asked.role} cannot be loaded",
        hint="fetch it again: python -m models.weights fetch --engine all; the log says what it stumbled over",
    )


def _quiet() -> None:
    """No bars and no advice in the log of a server."""
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
