"""What every route may use. Owns the bundle, made once per app; must not know the routes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from models.fitting import Fitting
from server.catalog.listings import Listings
from server.catalog.shop import Shop
from server.guesses import Guesses
from server.live.sessions import Sessions
from server.metrics import Metrics
from server.scans.desk import Desk
from server.settings import Settings
from server.workers import Pool, Workers

WARDROBE_THREADS, WARDROBE_QUEUE = 2, 256  # a page asks for every swatch of the catalog at once
CATALOG_THREADS, CATALOG_QUEUE = 2, 64
PACKING_QUEUE = 16

_WAITING = 6  # live frames for each thread's worth of cores, where most of a frame's time is spent on a device
_IN_TURN = 3  # captures likewise: one is composed, one is on the device, one is restored and encoded


@dataclass(frozen=True)
class Services:
    """The program, as its routes see it."""

    settings: Settings
    fitting: Fitting
    metrics: Metrics
    workers: Workers
    sessions: Sessions
    listings: Listings
    shop: Shop | None
    """The catalog's database; None where the book cannot be changed."""
    scanner: Desk
    guesses: Guesses
    """At the admin key."""


def make_services(settings: Settings, fitting: Fitting, shop: Shop | None = None) -> Services:
    """Nothing is started by this: threads and the scanning process come with the first call."""
    workers = Workers(
        live=Pool("live", threads=live_threads(settings, fitting)),
        captures=Pool("capture", threads=capture_threads(settings, fitting), max_inside=settings.max_captures),
        wardrobe=Pool("wardrobe", threads=WARDROBE_THREADS, max_inside=WARDROBE_QUEUE),
        catalog=Pool("catalog", threads=CATALOG_THREADS, max_inside=CATALOG_QUEUE),
        scans=Pool("scan", threads=1, max_inside=settings.max_scans),
        packing=Pool("packing", threads=1, max_inside=PACKING_QUEUE),
    )
    metrics = Metrics()
    sessions = Sessions(settings.max_sessions)
    metrics.sessions.set_function(lambda: len(sessions))
    scanner = Desk(memory_mb=settings.scan_memory_mb)
    return Services(settings, fitting, metrics, workers, sessions, Listings(), shop, scanner, Guesses())


def live_threads(settings: Settings, fitting: Fitting) -> int:
    """A thread that waits for a device takes no core, and a device is quickest with several pictures at a time."""
    return settings.worker_threads * (_WAITING if _waits_for_a_device(fitting) else 1)


def capture_threads(settings: Settings, fitting: Fitting) -> int:
    """A device would stand idle while the only capture is composed."""
    return settings.capture_threads * (_IN_TURN if _waits_for_a_device(fitting) else 1)


def _waits_for_a_device(fitting: Fitting) -> bool:
    return fitting.readiness()["engine"].get("name") not in (None, "compositor", "fake")


def services_of(connection: HTTPConnection) -> Services:
    """The services of the app that this request or socket came to."""
    return connection.app.state.services


Use = Annotated[Services, Depends(services_of)]
