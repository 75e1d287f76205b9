"""Lucy's server with engines that go wrong when they are told to: `python -m tests.faulty_server folder seconds`.

Owns how the device is altered for that; must not know what is tested. Orders lie in the folder, see
tests/faulty_engine.py; a step that takes longer than the seconds counts as one that hangs.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from bench.engine_server import small
from models.device_config import DeviceConfig
from server.__main__ import main as serve


def faulty(config: DeviceConfig, *, orders: Path, patience_s: float) -> DeviceConfig:
    """The server's device with such engines, and with as much patience as a test has."""
    config = small(config, hw=(256, 256))
    engines = {
        name: replace(
            spec,
            factory="tests.faulty_engine:load",
            options={"factory": spec.factory, "options": spec.options, "orders": orders},
        )
        for name, spec in config.engines.items()
    }
    return replace(config, engines=engines, silence_s=patience_s, backoff_s=0.1, steady_s=1.0)


def main(orders: str, patience_s: str) -> int:
    """Serve until told to stop."""
    return serve(lambda config: faulty(config, orders=Path(orders), patience_s=float(patience_s)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
