"""Real servers for measurements: a program on a free port, with empty folders of its own, stopped in the end.

Owns starting, waiting and stopping; must not know what is asked of the server.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_ROOT = Path(__file__).parents[1]
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Served:
    """A server that answers."""

    ws_url: str
    pid: int | None
    """None when it was there already."""

    @property
    def http_url(self) -> str:
        return "http" + self.ws_url.removeprefix("ws").removesuffix("/ws")


@contextmanager
def running(module: str, *arguments: str, settings: Mapping[str, str] = MappingProxyType({})) -> Iterator[Served]:
    """`python -m module` with PORT and `settings` in its environment; it must answer GET /health."""
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="lucy-bench-") as scratch:
        folders = {name: str(Path(scratch) / name) for name in ("FABRIC_DIR", "GARMENTS_DIR", "RESULTS_DIR")}
        environment = {**os.environ, **folders, "HOST": "127.0.0.1", "PORT": str(port), "LOG_LEVEL": "warning"}
        environment |= {"DATABASE_URL": f"sqlite:///{Path(scratch) / 'catalog.db'}", **settings}
        command, log = [sys.executable, "-m", module, *arguments], Path(scratch) / "log"
        with log.open("wb") as told:
            server = subprocess.Popen(command, cwd=_ROOT, env=environment, stderr=told, stdout=told)
        try:
            _wait_for(server, f"http://127.0.0.1:{port}/health", log)
            yield Served(f"ws://127.0.0.1:{port}/ws", server.pid)
        finally:
            _stop(server)


def already_running(url: str) -> Served:
    """A server somewhere, by its http(s) address; nothing is known of its processor and memory."""
    return Served("ws" + url.removeprefix("http").rstrip("/") + "/ws", None)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def _wait_for(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s and server.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(5)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
