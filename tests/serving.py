"""A real server for tests: uvicorn on a port of its own, in a thread, with whatever fitting is given.

Owns starting and stopping; must not know what is tested.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.app import create_app
from server.catalog.shop import Shop
from server.listener import Server, make_server
from server.services import Services
from server.settings import Settings
from tests.fakes import FakeFitting

PATIENCE_S = 10.0 * float(os.environ.get("LUCY_TEST_PATIENCE", "1"))
"""How long anything may take that ought to happen at once. The one constant to raise on a slow machine."""


@dataclass(frozen=True)
class Running:
    """A server that answers."""

    host: str
    services: Services
    server: Server
    thread: threading.Thread

    def url(self, path: str, *, scheme: str = "http") -> str:
        """An address on this server."""
        return f"{scheme}://{self.host}{path}"


def settings_for_tests(**changes: Any) -> Settings:
    """Defaults, whatever the environment says; no `.env` is read."""
    return Settings(_env_file=None, **{"port": 0, "log_level": "warning", **changes})


@contextmanager
def run_server(
    fitting: Any, *, shop: Shop | None = None, pages: Path | None = None, **changes: Any
) -> Iterator[Running]:
    """Serve `fitting` with some settings changed; stop it in the end and wait until it has."""
    settings = settings_for_tests(**changes)
    app = create_app(settings, fitting, shop=shop, pages=pages)
    server = make_server(app, settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            eventually(lambda: server.started or not thread.is_alive())
            assert server.started
            port = listener.getsockname()[1]
            yield Running(f"127.0.0.1:{port}", app.state.services, server, thread)
        finally:
            server.should_exit = True
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def eventually(condition: Callable[[], Any], *, within_s: float = PATIENCE_S) -> Any:
    """Poll until `condition` holds and return its value; fail when it does not in time."""
    deadline_s = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.005)


def serve_for_ever() -> None:
    """For a process of its own: print the port, serve the fake, stop on a signal."""
    settings = settings_for_tests()
    server = make_server(create_app(settings, FakeFitting()), settings)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        server.run(sockets=[listener])
