"""How a network is run: attention, memory layout, compilation.

Owns the switches of EngineSettings that change speed and not results; must not know what the network is for.
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from models.engines.settings import EngineSettings
from utils.errors import ConfigError

_RECOMPILES = 256
"""torch gives up on a function after 8 versions; here each bucket and batch is one, on purpose."""


def choose_device(name: str) -> torch.device:
    """The device that auto, cpu, cuda or cuda:1 stands for.

    Raises:
        ConfigError: device_unavailable, device_unknown.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    wanted = "cuda" if name == "auto" else name
    kind, _, index = wanted.partition(":")
    if kind != "cuda" or (index and not index.isdigit()):
        raise ConfigError("device_unknown", "the device must be auto, cpu, cuda or cuda:<number>")
    if not torch.cuda.is_available():
        raise ConfigError(
            "device_unavailable",
            "a CUDA device is asked for and none can be used",
            hint="check nvidia-smi and that torch is a CUDA build, or set the device to auto or cpu",
        )
    if int(index or 0) >= torch.cuda.device_count():
        raise ConfigError(
            "device_unavailable", f"there are only {torch.cuda.device_count()} CUDA devices", hint="count from 0"
        )
    return torch.device("cuda", int(index or 0))


def check_switches(settings: EngineSettings, device: torch.device) -> None:
    """Refuse what cannot work here, before anything is loaded.

    Raises:
        ConfigError: xformers_unavailable, attention_conflict, compile_unavailable.
    """
    if settings.enable_attention_slicing and (settings.enable_xformers or settings.ip_adapter):
        raise ConfigError(
            "attention_conflict",
            "attention slicing works neither with xformers nor with an IP-Adapter",
            hint="leave attention slicing out, unless memory is short",
        )
    if settings.enable_xformers and (importlib.util.find_spec("xformers") is None or device.type != "cuda"):
        raise ConfigError(
            "xformers_unavailable",
            "xformers is asked for, and it is not installed or there is no CUDA device",
            hint="pip install -r requirements.txt on a machine with a GPU, or leave it out: PyTorch's own is as fast",
        )
    if settings.enable_torch_compile and not _can_compile(device):
        raise ConfigError(
            "compile_unavailable",
            "torch.compile is asked for, and it needs a C compiler and, on CUDA, triton",
            hint="install gcc and triton, or leave it out",
        )


def latent_dtype(settings: EngineSettings, device: torch.device) -> torch.dtype:
    """Of the UNet: half precision where it is fast and wanted."""
    return torch.float16 if settings.use_fp16 and device.type == "cuda" else torch.float32


def vae_dtype(vae: Any, device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """Of the autoencoder: that of the UNet, unless its numbers grow beyond fp16."""
    if dtype != torch.float16 or not vae.config.force_upcast:
        return dtype
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32


def place(network: Any, settings: EngineSettings, *, device: torch.device, dtype: torch.dtype) -> Any:
    """`network` on its device, ready for evaluation and with the attention that was asked for."""
    network = network.to(device=device, dtype=dtype).eval().requires_grad_(False)
    if device.type == "cuda":
        network = network.to(memory_format=torch.channels_last)
    if settings.enable_xformers:
        network.enable_xformers_memory_efficient_attention()
    if settings.enable_attention_slicing and hasattr(network, "set_attention_slice"):
        network.set_attention_slice("auto")
    return network


def compiler(settings: EngineSettings, device: torch.device) -> Callable[[Any], Any] | None:
    """What makes a network faster, once per shape and for minutes; None where that is not asked for."""
    if not settings.enable_torch_compile:
        return None
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, _RECOMPILES)
    torch._dynamo.config.accumulated_recompile_limit = 8 * _RECOMPILES
    return partial(
        torch.compile,
        mode="reduce-overhead" if device.type == "cuda" else "default",  # the former replays CUDA graphs
        fullgraph=not settings.enable_xformers,  # xformers' kernels break the graph
        dynamic=False,
    )


def _can_compile(device: torch.device) -> bool:
    compiler = any(shutil.which(name) for name in ("cc", "gcc", "g++", "clang"))
    return compiler and (device.type != "cuda" or importlib.util.find_spec("triton") is not None)
