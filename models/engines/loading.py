"""From names in the settings to networks on the device.

Owns the loading, by diffusers itself, out of whole folders of safetensors; must not know how pictures are made.
Whatever is wrong with the weights is a ConfigError that says what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, StableDiffusionXLInpaintPipeline
from diffusers.utils import logging as diffusers_logging
from safetensors.torch import load_file
from transformers.utils import logging as transformers_logging

from models import checkpoints
from models.checkpoints import Role, Wanted
from models.engines import layout
from models.engines.acceleration import check_switches, choose_device, compiler, latent_dtype, place, vae_dtype
from models.engines.adapter import Adapter
from models.engines.codec import FACTOR, Codec
from models.engines.denoise import Denoiser
from models.engines.prompts import Prompts
from models.engines.settings import EngineSettings
from models.engines.weights import Weights
from utils.errors import ConfigError

log = logging.getLogger(__name__)

_TROUBLE = (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, NotImplementedError)
"""What diffusers, transformers and safetensors raise over weights that are not what they should be."""


def load_weights(engine: str, settings: EngineSettings) -> Weights:
    """Everything that `engine` needs, checked, loaded and placed.

    Raises:
        ConfigError: what models/checkpoints.py, layout.py and acceleration.py say; weights_unreadable.
    """
    device = choose_device(settings.device)
    check_switches(settings, device)
    return _Loading(engine, settings, device).weights()


class _Loading:
    """The weights of one engine while they are loaded. Everything is looked at before anything is loaded."""

    def __init__(self, engine: str, settings: EngineSettings, device: torch.device) -> None:
        self._settings, self._device = settings, device
        self._dtype = latent_dtype(settings, device)
        self._batches = settings.turbo_batches if engine == "turbo" else settings.inpaint_batches
        self._wanted = checkpoints.wanted(settings, engines=(engine,))
        self._paths = {one: checkpoints.require(one, settings) for one in self._wanted if not one.optional}
        for one in self._wanted:
            log.info("%s", checkpoints.licence_line(one))

    def weights(self) -> Weights:
        _quiet()
        pipeline = self._pipeline()
        vae = self._placed(pipeline.vae, dtype=vae_dtype(pipeline.vae, self._device, self._dtype))
        unet = self._placed(pipeline.unet)
        for encoder in (pipeline.text_encoder, pipeline.text_encoder_2):
            encoder.to(self._device, self._dtype).eval().requires_grad_(False)
        adapter = self._adapter(pipeline)
        controlnets = {one.name: self._placed(self._network(one, ControlNetModel)) for one in self._of("controlnet")}
        return Weights(
            denoiser=Denoiser(
                unet, controlnets, compile=compiler(self._settings, self._device), batch_sizes=self._batches
            ),
            codec=Codec(vae, device=self._device, latent_dtype=self._dtype),
            prompts=Prompts(pipeline, device=self._device, dtype=self._dtype),
            scheduler=pipeline.scheduler,
            device=self._device,
            dtype=self._dtype,
            adapter=adapter,
        )

    def _pipeline(self) -> Any:
        (model,) = self._of("pipeline")
        own = [self._network(one, AutoencoderTiny) for one in self._of("taesd")]
        own += [self._network(one, AutoencoderKL) for one in self._of("vae")]
        pipeline = self._read(
            model,
            StableDiffusionXLInpaintPipeline.from_pretrained,
            self._paths[model] / "unet",
            add_watermarker=False,
            **({"vae": own[0]} if own else {}),
        )
        for one in self._of("unet"):
            self._exchange(pipeline.unet, one)
        if pipeline.vae_scale_factor != FACTOR or pipeline.scheduler.order != 1:
            raise ConfigError(
                "weights_unsupported",
                f"{model.name}: only autoencoders of factor {FACTOR} and schedulers of one evaluation per step will do",
                hint="take the autoencoder and the scheduler that the model was published with",
            )
        return pipeline

    def _network(self, asked: Wanted, kind: type) -> Any:
        return self._read(asked, kind.from_pretrained, self._paths[asked])

    def _read(self, asked: Wanted, read: Callable[..., Any], tensors: Path, **more: Any) -> Any:
        """What diffusers makes of a folder. `tensors` is where to look whether there are fp16 files."""
        folder = self._paths[asked]
        halves = layout.has_halves(tensors) and (self._dtype == torch.float16 or not layout.has_plain(tensors))
        try:
            return read(
                folder,
                dtype=self._dtype,
                variant="fp16" if halves else None,
                use_safetensors=True,
                local_files_only=True,
                **more,
            )
        except _TROUBLE as error:
            raise _unreadable(asked) from error

    def _exchange(self, unet: Any, asked: Wanted) -> None:
        """Give the UNet a distilled one's weights."""
        try:
            unet.load_state_dict(load_file(self._paths[asked] / asked.file))
        except _TROUBLE as error:
            raise _unreadable(asked) from error

    def _placed(self, network: Any, *, dtype: torch.dtype | None = None) -> Any:
        if any(parameter.is_meta for parameter in network.parameters()):  # diffusers only warns
            raise ConfigError(
                "weights_broken", f"the file of {type(network).__name__} lacks some of its tensors", hint=layout.AGAIN
            )
        return place(network, self._settings, device=self._device, dtype=dtype or self._dtype)

    def _adapter(self, pipeline: Any) -> Adapter | None:
        """The IP-Adapter, or nothing: captures can do without, and say so in a notice."""
        for one in self._of("ip_adapter"):
            attention = dict(pipeline.unet.attn_processors)
            try:
                self._load_adapter(pipeline, one)
            except (ConfigError, *_TROUBLE) as error:
                log.warning("captures go without a reference: the IP-Adapter cannot be loaded (%s)", error)
                pipeline.unet.set_attn_processor(attention)
                pipeline.unet.encoder_hid_proj = None
                pipeline.unet.register_to_config(encoder_hid_dim_type=None)
                return None
            return Adapter(pipeline, device=self._device, dtype=self._dtype)
        return None

    def _load_adapter(self, pipeline: Any, asked: Wanted) -> None:
        folder = checkpoints.require(asked, self._settings)
        subfolder, _, file = asked.file.rpartition("/")
        pipeline.load_ip_adapter(
            str(folder),
            subfolder=subfolder or ".",
            weight_name=file,
            image_encoder_folder=checkpoints.image_encoder_folder(asked.file),
            local_files_only=True,
        )
        pipeline.image_encoder.to(self._device, self._dtype).eval().requires_grad_(False)
        pipeline.unet.to(self._device, self._dtype).requires_grad_(False)

    def _of(self, role: Role) -> list[Wanted]:
        return [one for one in self._wanted if one.role == role]


def _unreadable(asked: Wanted) -> ConfigError:
    return ConfigError("weights_unreadable", f"{asked.name} cannot be loaded", hint=layout.AGAIN)


def _quiet() -> None:
    """No bars and no advice in the log of a server."""
    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
