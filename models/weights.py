"""The learned weights that Lucy does not carry with it: which, where from, whether they are here and whole.

Owns the manifest data/weights.json and the folder that the weights lie in; must not know the networks. Fetches only
when asked to (`python -m models.weights fetch`), never at import.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from models import checkpoints
from models.engines.settings import EngineSettings
from models.sources import SourceError, bring, origin
from utils.digests import sha256_of
from utils.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
MANIFEST = ROOT / "data" / "weights.json"
FOLDER = ROOT / "data" / "weights"
"""Where weights lie unless the settings say otherwise."""

_STAMP = ".verified.json"
_LOCK = ".fetching.lock"
_LOCAL_TROUBLE = {
    errno.ENOSPC: ("weights_no_space", "the disk is full"),
    errno.EDQUOT: ("weights_no_space", "the disk quota is used up"),
    errno.EACCES: ("weights_unwritable", "the folder for the weights may not be written"),
    errno.EPERM: ("weights_unwritable", "the folder for the weights may not be written"),
    errno.EROFS: ("weights_unwritable", "the folder for the weights is read-only"),
}


@dataclass(frozen=True)
class Weight:
    """One file of the manifest."""

    name: str
    file: str
    bytes: int
    sha256: str
    licence: str
    needed_for: str
    sources: tuple[str, ...]
    """Tried in this order; see models/sources.py."""


def load_manifest(path: Path = MANIFEST) -> tuple[Weight, ...]:
    """Every weight that Lucy can use."""
    rows = json.loads(path.read_text("utf-8"))["weights"]
    return tuple(Weight(**{**row, "sources": tuple(row["sources"])}) for row in rows)


def missing(folder: Path = FOLDER, *, weights: Sequence[Weight] | None = None) -> list[Weight]:
    """The weights that are not in `folder`, or not as they should be. Hashes only what has changed since last time."""
    wanted = load_manifest() if weights is None else weights
    stamps = _read_stamps(folder)
    absent = [weight for weight in wanted if not _is_whole(folder, weight, stamps)]
    if stamps != _read_stamps(folder):
        _write_stamps(folder, stamps)
    return absent


def require(folder: Path = FOLDER, *, weights: Sequence[Weight] | None = None) -> dict[str, Path]:
    """The path of every weight, by name.

    Raises:
        ConfigError: weights_missing, with all that is missing and the command that fetches it.
    """
    wanted = load_manifest() if weights is None else weights
    if absent := missing(folder, weights=wanted):
        listed = "; ".join(f"{weight.file} ({weight.needed_for})" for weight in absent)
        raise ConfigError("weights_missing", f"weights are missing: {listed}", hint=f"run: {fetch_command(folder)}")
    return {weight.name: folder / weight.file for weight in wanted}


def fetch_command(folder: Path = FOLDER) -> str:
    """What an operator types to get what is missing."""
    return "python -m models.weights fetch" + ("" if folder.resolve() == FOLDER else " --dir $MODEL_PATH")


def fetch(
    folder: Path = FOLDER,
    *,
    weights: Sequence[Weight] | None = None,
    out: IO[str] | None = None,
    patience_s: float = 4.0,
) -> None:
    """Get what is missing. Two processes at once fetch once: the second waits and finds the work done.

    Raises:
        ConfigError: weights_unreachable, if no source had some file; weights_no_space; weights_unwritable.
    """
    wanted = load_manifest() if weights is None else weights
    out = out or sys.stderr
    if not missing(folder, weights=wanted):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, out):
            absent = missing(folder, weights=wanted)
            silent: set[str] = set()
            failed = [weight for weight in absent if not _fetch_one(folder, weight, silent, out, patience_s)]
            missing(folder, weights=wanted)  # leaves stamps behind, so that the next start need not hash
    except OSError as error:
        if error.errno not in _LOCAL_TROUBLE:
            raise
        raise ConfigError(*_LOCAL_TROUBLE[error.errno], hint="make room or set MODEL_PATH") from error
    if failed:
        listed = ", ".join(weight.file for weight in failed)
        raise ConfigError(
            "weights_unreachable",
            f"no source delivered {listed}",
            hint=f"check the network, or put the files there yourself, then run: {fetch_command(folder)}",
        )


@contextmanager
def _alone(folder: Path, out: IO[str]) -> Iterator[None]:
    """Keep other processes from fetching into `folder`."""
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("lucy: another process is fetching the weights; waiting for it", file=out, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch_one(folder: Path, weight: Weight, silent: set[str], out: IO[str], patience_s: float) -> bool:
    """Try the sources in order. `silent` gathers origins that cannot be reached: nobody waits for them twice."""
    part = folder / f"{weight.file}.part"
    for source in weight.sources:
        if origin(source) in silent:
            continue
        headway = _Headway(weight.file, weight.bytes, out=out)
        try:
            _bring_whole(source, part, weight, headway, patience_s)
        except SourceError as error:
            if error.unreachable:
                silent.add(origin(source))
            print(f"lucy: {weight.file}: {origin(source)}: {error}", file=out, flush=True)
            continue
        finally:
            headway.close()
        os.replace(part, folder / weight.file)
        print(f"lucy: {weight.file}: {weight.bytes / 1e6:.1f} MB from {origin(source)}, verified", file=out)
        return True
    return False


def _bring_whole(source: str, part: Path, weight: Weight, advance: Callable[[int], None], patience_s: float) -> None:
    """Bring and verify. What was resumed onto a bad beginning is fetched once more from its first byte."""
    resumed = part.exists()
    for _ in range(2 if resumed else 1):
        bring(source, part, size_bytes=weight.bytes, advance=advance, patience_s=patience_s)
        if sha256_of(part) == weight.sha256:
            return
        part.unlink()
    raise SourceError("sent another file (sha256 differs)")


def _is_whole(folder: Path, weight: Weight, stamps: dict[str, list]) -> bool:
    """Whether the file has the right hash, as remembered for its size and time or else as computed now."""
    path = folder / weight.file
    try:
        stat = path.stat()
    except OSError:
        stamps.pop(weight.file, None)
        return False
    stamp = [stat.st_size, stat.st_mtime_ns, weight.sha256]
    if stamps.get(weight.file) == stamp:
        return True
    whole = stat.st_size == weight.bytes and sha256_of(path) == weight.sha256
    if whole:
        stamps[weight.file] = stamp
    else:
        stamps.pop(weight.file, None)
    return whole


def _read_stamps(folder: Path) -> dict[str, list]:
    try:
        return json.loads((folder / _STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def _write_stamps(folder: Path, stamps: dict[str, list]) -> None:
    """Remember for the next start. In a folder that may not be written every start verifies again."""
    fresh = folder / f"{_STAMP}.{os.getpid()}"
    try:
        fresh.write_text(json.dumps(stamps), "utf-8")
        os.replace(fresh, folder / _STAMP)
    except OSError:
        fresh.unlink(missing_ok=True)


class _Headway:
    """Shows how far a file has come: a bar on a terminal, else a line every two seconds."""

    def __init__(self, name: str, size_bytes: int, *, out: IO[str], every_s: float = 2.0) -> None:
        self._name, self._size_bytes, self._out, self._every_s = name, size_bytes, out, every_s
        self._said_s = time.monotonic()
        self._bar = None
        if out.isatty():
            from tqdm import tqdm  # here, so that a start with nothing to fetch does not pay for it

            self._bar = tqdm(total=size_bytes, desc=name, unit="B", unit_scale=True, file=out, leave=False)

    def __call__(self, have_bytes: int) -> None:
        now_s = time.monotonic()
        if self._bar is not None:
            self._bar.update(have_bytes - self._bar.n)
        elif now_s - self._said_s >= self._every_s:
            self._said_s = now_s
            print(f"lucy: {self._name}: {have_bytes / 1e6:.1f} of {self._size_bytes / 1e6:.1f} MB", file=self._out)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models.weights", description="Lucy's weights")
    parser.add_argument("command", choices=_COMMANDS, nargs="?", default="list", help="default: list")
    parser.add_argument("name", nargs="?", help="for path: pose or parsing")
    parser.add_argument("--dir", type=Path, default=FOLDER, help="where the weights lie (MODEL_PATH)")
    parser.add_argument("--engine", choices=(*checkpoints.ENGINES, "all"), help="those of a diffusion engine")
    parser.add_argument("--model", action="append", default=[], help="another for it: turbo=org/model, edge=folder")
    asked = parser.parse_args(argv)
    try:
        if asked.engine and asked.command != "path":
            engines = checkpoints.ENGINES if asked.engine == "all" else (asked.engine,)
            settings = checkpoints.chosen(EngineSettings(folder=asked.dir / checkpoints.FETCHED), asked.model)
            checkpoints.run(asked.command, settings, engines=engines)
        else:
            _COMMANDS[asked.command](asked)
    except ConfigError as error:
        print(f"lucy: {error}" + (f"\nlucy: {error.hint}" if error.hint else ""), file=sys.stderr)
        return 1
    return 0


def _list(asked: argparse.Namespace) -> None:
    absent = missing(asked.dir)
    for weight in load_manifest():
        state = "missing" if weight in absent else "here"
        print(f"{weight.name:8} {weight.bytes / 1e6:5.1f} MB  {state:8} {weight.licence}  {weight.needed_for}")


def _fetch(asked: argparse.Namespace) -> None:
    fetch(asked.dir)


def _verify(asked: argparse.Namespace) -> None:
    """Hash every file again, whatever is remembered of it."""
    (asked.dir / _STAMP).unlink(missing_ok=True)
    require(asked.dir)
    print("every weight is whole")


def _path(asked: argparse.Namespace) -> None:
    chosen = [weight for weight in load_manifest() if weight.name == asked.name]
    if not chosen:
        raise ConfigError("weights_unknown", "the manifest has no weight of this name", hint="see: list")
    print(require(asked.dir, weights=chosen)[asked.name])


_COMMANDS = {"list": _list, "fetch": _fetch, "verify": _verify, "path": _path}

if __name__ == "__main__":
    sys.exit(main())
