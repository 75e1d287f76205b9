"""Which GPU of this machine a name of CUDA's stands for.

Owns what CUDA_VISIBLE_DEVICES does to names; must not read the environment, nor load torch or call the driver.
`cuda:1` of two programs is two GPUs where each sees its own: a lock has to know the GPU itself. See "CUDA environment
variables" in CUDA's programming guide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from utils.errors import ConfigError

_DRIVER = Path("/proc/driver/nvidia/gpus")  # a folder for each GPU, named after its place on the bus
_UUID = re.compile(r"^GPU UUID:\s*(GPU-[0-9a-fA-F-]+)\s*$", re.M)

_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"GPU-[0-9a-f][0-9a-f-]*|MIG-[0-9a-f][0-9a-f-]*|MIG-GPU-[0-9a-f-]+/\d+/\d+", re.I)
_END = re.compile(r"|-\d+|NoDevFiles", re.I)
"""From here on CUDA sees nothing: nothing at all, -1 as people write it, and what Slurm writes."""


def physical_gpu(device: str, *, visible: str | None, installed: Sequence[str] = ()) -> str:
    """What `cuda` or `cuda:1` stands for: the UUID of a GPU or of a part of one (MIG), in small letters; or
    cuda:<number>, counted over the whole machine, where the UUID is not known.

    `visible` is CUDA_VISIBLE_DEVICES, None where it is not set; `installed` are the UUIDs of the GPUs in the order in
    which the driver counts them.

    Raises:
        ConfigError: device_unavailable where there is no such GPU to be seen, bad_visible_devices.
    """
    number = int(device.partition(":")[2] or 0)
    if visible is None:
        return _known(str(number), installed)
    seen = visible_gpus(visible)
    if number >= len(seen):
        raise ConfigError(
            "device_unavailable",
            f"CUDA_VISIBLE_DEVICES shows {len(seen) or 'no'} GPU{'s' * (len(seen) != 1)}, and {device} is asked for",
            hint="devices are counted from 0 among those shown; unset CUDA_VISIBLE_DEVICES, or set DEVICE to cpu",
        )
    return _known(seen[number], installed)


def visible_gpus(visible: str) -> tuple[str, ...]:
    """The numbers or UUIDs that CUDA_VISIBLE_DEVICES lists, up to the first that hides the rest.

    Raises:
        ConfigError: bad_visible_devices where CUDA would ignore a part of it without a word.
    """
    found: list[str] = []
    for entry in (part.strip() for part in visible.split(",")):
        if _END.fullmatch(entry):
            break
        found.append(str(int(entry)) if _NUMBER.fullmatch(entry) else entry)
    kinds = {"number" if _NUMBER.fullmatch(entry) else entry[:4].upper() for entry in found}
    odd = [entry for entry in found if not (_NUMBER.fullmatch(entry) or _NAME.fullmatch(entry))]
    if odd or len(kinds) > 1 or len(set(map(str.lower, found))) < len(found):
        raise ConfigError(
            "bad_visible_devices",
            "CUDA_VISIBLE_DEVICES cannot be understood",
            hint="it is a list like 0,1 or GPU-<uuid> or MIG-<uuid>, of one kind and each but once",
        )
    return tuple(found)


def installed_gpus(driver: Path = _DRIVER) -> tuple[str, ...]:
    """UUIDs of this machine's GPUs in the order of their places on the bus; empty where the driver does not say."""
    try:
        told = [(folder / "information").read_text("utf-8") for folder in sorted(driver.iterdir())]
    except OSError:
        return ()
    found = [_UUID.search(text) for text in told]
    return tuple(match[1].lower() for match in found if match) if all(found) else ()


def _known(entry: str, installed: Sequence[str]) -> str:
    if _NUMBER.fullmatch(entry):
        number = int(entry)
        return installed[number] if number < len(installed) else f"cuda:{number}"
    # A UUID may be shortened for as long as one GPU alone fits it.
    fitting = [uuid for uuid in installed if uuid.startswith(entry.lower())]
    return fitting[0] if len(fitting) == 1 else entry.lower()
