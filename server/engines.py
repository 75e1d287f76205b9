"""From settings to a running device, or to none.

Owns which engines are wanted and whether this machine can have them; must not know how they work, nor load torch.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from models import checkpoints
from models.device import Device
from models.device_config import DeviceConfig, EngineSpec
from models.engines.contract import Params
from models.engines.settings import CONTROLS, EngineSettings
from models.enhancing import Enhancing
from models.gpus import installed_gpus, physical_gpu, visible_gpus
from server.settings import Settings
from utils.errors import ConfigError

logger = logging.getLogger("lucy")

Change = Callable[[DeviceConfig], DeviceConfig]

_FACTORIES = {"turbo": "models.engines.turbo:load", "inpaint": "models.engines.inpaint:load"}
_CANARIES = {"turbo": (512, 512), "inpaint": (1024, 1024)}


@dataclass(frozen=True)
class Engines:
    """A device that is warming up, and what to ask of it. Whoever has it closes the device."""

    device: Device
    enhancing: Enhancing


def start_engines(settings: Settings, *, change: Change | None = None) -> Engines | None:
    """Start the device process where engines are wanted and can be had; None where pictures stay composites.

    `change` has the last word about the device: measurements and tests alter what no setting does.

    Raises:
        ConfigError: gpu_stack_missing, device_unavailable, bad_visible_devices, bad_controlnets, device_in_use,
            shared_memory.
    """
    wanted = engine_settings(settings)
    names = _chosen(settings)
    if not names:
        return None
    if absent := missing_models(wanted, names):
        logger.warning("pictures stay composites, since models are missing: %s", "; ".join(absent))
        logger.warning("run: python -m models.weights fetch --engine all")
        return None
    config = DeviceConfig(
        engines={
            name: EngineSpec(_FACTORIES[name], {"settings": wanted}, Params(steps=1), _CANARIES[name])
            for name in names
        },
        device=_gpu(settings) or "cpu",
        trace=Path(settings.device_trace) if settings.device_trace else None,
        log_level=settings.log_level.upper(),
    )
    device = Device(change(config) if change is not None else config)
    device.start()
    enhancing = Enhancing(
        device,
        engines=frozenset(names),
        fast_steps=settings.fast_inference_steps,
        quality_steps=settings.quality_inference_steps,
        live_within_ms=float(settings.live_deadline_ms),
        capture_within_ms=max(settings.capture_timeout_s - 5.0, 1.0) * 1e3,
        control_kinds=tuple(wanted.controlnets),
        reference_scale=0.5 if wanted.ip_adapter else 0.0,
    )
    return Engines(device, enhancing)


def engine_settings(settings: Settings) -> EngineSettings:
    """What the engines are told. Raises ConfigError: bad_controlnets."""
    return EngineSettings(
        device=settings.device,
        folder=Path(settings.model_path) if settings.model_path else settings.weights_dir / "diffusion",
        turbo=settings.turbo_model,
        turbo_unet=settings.turbo_unet,
        taesd=settings.taesd_model,
        inpaint=settings.inpaint_model,
        vae=settings.vae_model,
        controlnets=_controlnets(settings.controlnets),
        ip_adapter=settings.ip_adapter,
        use_fp16=settings.use_fp16,
        enable_xformers=settings.enable_xformers,
        enable_attention_slicing=settings.enable_attention_slicing,
        enable_torch_compile=settings.enable_torch_compile,
    )


def missing_models(settings: EngineSettings, names: tuple[str, ...]) -> list[str]:
    """What of the engines' models is not on this machine, in words."""
    found = []
    for asked in checkpoints.wanted(settings, engines=names):
        try:
            checkpoints.require(asked, settings)
        except ConfigError as error:
            if not asked.optional:
                found.append(error.message)
    return found


def gpu_visible() -> bool:
    """Whether the machine shows an NVIDIA GPU; says nothing about whether torch can use it."""
    return Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi") is not None


def _gpu(settings: Settings) -> str | None:
    """The GPU itself that engines run on; None where they run on the CPU. See models/gpus.py for what is raised."""
    if settings.device == "cpu" or not gpu_visible():
        return None
    visible = settings.cuda_visible_devices
    if settings.device == "auto" and visible is not None and not visible_gpus(visible):
        return None
    return physical_gpu(settings.device.replace("auto", "cuda"), visible=visible, installed=installed_gpus())


def _chosen(settings: Settings) -> tuple[str, ...]:
    if settings.engines == "none":
        return ()
    installed = all(importlib.util.find_spec(name) is not None for name in ("torch", "diffusers"))
    if settings.engines == "auto":
        if settings.device.startswith("cuda") and _gpu(settings) is None:
            raise ConfigError(
                "device_unavailable",
                "a CUDA device is asked for and this machine shows none",
                hint="check nvidia-smi, or set DEVICE to auto or cpu",
            )
        return tuple(_FACTORIES) if installed and _gpu(settings) is not None else ()
    if not installed:
        raise ConfigError(
            "gpu_stack_missing",
            "engines are asked for and their packages are not installed",
            hint="pip install -r requirements.txt, or set ENGINES to none",
        )
    return tuple(dict.fromkeys(settings.engines.split(",")))


def _controlnets(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        kind, _, model = (part.strip() for part in pair.partition("="))
        if kind not in CONTROLS or not model:
            raise ConfigError(
                "bad_controlnets",
                "CONTROLNETS is a list of kind=model",
                hint=f"kinds are {', '.join(CONTROLS)}",
            )
        found[kind] = model
    return found
