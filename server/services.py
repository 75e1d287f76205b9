"""What every route may use. Owns the bundle, made once per app; must not know the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from models.fitting import Fitting
from server.live.sessions import Sessions
from server.metrics import Metrics
from server.settings import Settings
from server.workers import Pool, Workers

WARDROBE_THREADS, WARDROBE_QUEUE = 2, 256  # a page asks for every swatch of the catalog at once


_WAITING = 6  # live frames for each thread's worth of cores, where most of a frame's time is spent on a device


@dataclass(frozen=True)
class Services:
    """The program, as its routes see it."""

    settings: Settings
    fitting: Fitting
    metrics: Metrics
    workers: Workers
    sessions: Sessions


def make_services(settings: Settings, fitting: Fitting) -> Services:
    """Nothing is started by this: threads come with the first call."""
    workers = Workers(
        live=Pool("live", threads=live_threads(settings, fitting)),
        captures=Pool("capture", threads=settings.capture_threads, max_inside=settings.max_captures),
        wardrobe=Pool("wardrobe", threads=WARDROBE_THREADS, max_inside=WARDROBE_QUEUE),
    )
    metrics = Metrics()
    sessions = Sessions(settings.max_sessions)
    metrics.sessions.set_function(lambda: len(sessions))
    return Services(settings, fitting, metrics, workers, sessions)


def live_threads(settings: Settings, fitting: Fitting) -> int:
    """A thread that waits for a device takes no core, and a device is quickest with several pictures at a time."""
    waits = fitting.readiness()["engine"].get("name") not in (None, "compositor", "fake")
    return settings.worker_threads * (_WAITING if waits else 1)


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that this request or socket came to."""
    return connection.app.state.services


Use = Annotated[Services, Depends(services_of)]
