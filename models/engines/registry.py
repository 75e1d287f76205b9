"""Engines by name, imported when they are asked for.

Owns the names; must not import torch: whoever only asks which engines there are does not pay for it.
"""

from __future__ import annotations

import importlib

from models.engines.contract import Engine
from models.engines.settings import EngineSettings
from utils.errors import ConfigError

ENGINES = {"turbo": "models.engines.turbo:load", "inpaint": "models.engines.inpaint:load"}
"""module:function, which takes an EngineSettings and returns an Engine that is not warm yet."""


def load_engine(name: str, settings: EngineSettings) -> Engine:
    """In the thread that will own the device.

    Raises:
        ConfigError: engine_unknown, gpu_stack_missing, and whatever keeps the engine from loading.
    """
    if name not in ENGINES:
        raise ConfigError("engine_unknown", f"there are the engines {', '.join(ENGINES)}", hint="choose one of these")
    module, _, function = ENGINES[name].partition(":")
    try:
        load = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise ConfigError(
            "gpu_stack_missing",
            f"the engine {name} needs packages that are not installed",
            hint="run: pip install -r requirements.txt",
        ) from error
    return load(settings)
