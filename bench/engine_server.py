"""Lucy's server with its engines, altered where a comparison needs it: `python -m bench.engine_server`.

    --policy    who gets the device next, as module:callable; the scheduler if nothing is said
    --small     pictures of 384 px, for tiny models on a CPU

Owns what is altered; must not know what is measured.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from models.device_config import DeviceConfig
from server.__main__ import main as serve

SMALL_HW = (384, 384)
_TILE_PX, _OVERLAP_PX = 256, 64


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine_server", description=__doc__.splitlines()[0])
    parser.add_argument("--policy", default=DeviceConfig.policy)
    parser.add_argument("--small", action="store_true")
    asked = parser.parse_args(argv)

    def change(config: DeviceConfig) -> DeviceConfig:
        config = replace(config, policy=asked.policy, canary_s=600.0)  # none in the middle of a measurement
        return small(config) if asked.small else config

    return serve(change)


def small(config: DeviceConfig, *, hw: tuple[int, int] = SMALL_HW) -> DeviceConfig:
    """One size for both engines; its decode takes several tiles, as a large capture's does."""
    given = next(iter(config.engines.values())).options["settings"]
    settings = replace(
        given,
        turbo_buckets=(hw,),
        inpaint_buckets=(hw,),
        decode_tile_px=_TILE_PX,
        decode_overlap_px=_OVERLAP_PX,
    )
    engines = {
        name: replace(spec, options={"settings": settings}, canary_hw=hw) for name, spec in config.engines.items()
    }
    return replace(config, engines=engines)


if __name__ == "__main__":
    sys.exit(main())
