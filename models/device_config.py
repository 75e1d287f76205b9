"""How the device process is set up. Owns names and defaults; must not know engines or processes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.engines.contract import Engine, Params
from models.scheduler_jobs import Rules
from utils.errors import ConfigError


@dataclass(frozen=True)
class EngineSpec:
    """One engine: where it is found and how it proves that it works."""

    factory: str
    """module:callable, e.g. models.engines.turbo:load. Loaded in the device process alone."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What the factory is called with, by keyword. Has to be picklable."""
    canary: Params = field(default_factory=lambda: Params(steps=1))
    """How the small picture is made that an engine has to get done to be trusted."""
    canary_hw: tuple[int, int] = (512, 512)


@dataclass(frozen=True)
class DeviceConfig:
    """Times in seconds are how long something may take before it counts as broken."""

    engines: Mapping[str, EngineSpec]
    """By name, as tasks call them."""
    device: str = "cpu"
    """Only to keep two servers off one device: whatever is not cpu is held by one server of this machine. A GPU goes by
    its own name, see models/gpus.py."""
    rules: Rules = field(default_factory=Rules)
    """`batch` is filled in from the engines."""
    policy: str = "models.scheduler:Policy"
    """module:callable, called with the rules; another one only to be compared with it."""
    trace: Path | None = None
    """File for one line about every unit of work, see models/device_trace.py; None for none."""
    slot_bytes: int = 32 << 20
    """Most that one task and its picture take; enough for 1024 px with three control maps twice over."""

    silence_s: float | None = None
    """Nothing done for so long while there is work: the process hangs and is killed. None for what suits the device."""
    load_silence_s: float = 900.0
    """The same while engines are loaded and compiled."""
    canary_s: float = 30.0
    """An engine that nobody has used for so long makes its canary again."""
    close_s: float = 3.0
    """For the process to end by itself when the device is closed."""

    backoff_s: float = 0.5
    """Before the first restart; doubled for each that follows at once, up to `backoff_most_s`."""
    backoff_most_s: float = 60.0
    steady_s: float = 60.0
    """Who was ready for so long starts again without a grudge."""
    failed_after: int = 5
    """Starts in a row that never came to be ready, after which the device counts as failed; it is tried on."""

    lock_dir: Path | None = None
    """Where servers see that a device is taken; None for the system's folder of temporary files."""
    lock_s: float = 3.0
    """For another process to let go of the device: one that was killed a moment ago takes that long to vanish."""
    log_level: str = "INFO"

    @property
    def slots(self) -> int:
        return self.rules.most_live + self.rules.most_captures

    @property
    def patience_s(self) -> float:
        """`silence_s`, or many times the longest unit: part of a second on a GPU, half a minute on a processor."""
        if self.silence_s is not None:
            return self.silence_s
        return 300.0 if self.device == "cpu" else 10.0


def load_engine(name: str, spec: EngineSpec) -> Engine:
    """Import the factory and call it.

    Raises:
        ConfigError: engine_unknown, and whatever the factory raises.
    """
    try:
        factory = look_up(spec.factory)
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            "engine_unknown",
            f"the engine {name} cannot be loaded: {error}",
            hint="install requirements.txt, or take the engine out of the settings",
        ) from error
    return factory(**spec.options)


def look_up(name: str) -> Any:
    """What "module:attribute" names. Raises ImportError, AttributeError."""
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
