"""`python -m server`: settings, the heart, the app, and a server around them.

Owns the order in which the program is put together; must not know how any part works.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

# Ahead of everything that loads OpenCV, which reads it once: a second fence behind the one in utils/images.py.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(32 << 20))

from pydantic import ValidationError

from fabric.book import Book
from garment.rack import Rack
from garment.wardrobe import Wardrobe
from models.fitting import Fitting
from models.vision import open_vision
from server.app import create_app
from server.catalog.shop import open_shop
from server.engines import Change, Engines, start_engines
from server.listener import make_server
from server.settings import Settings
from utils.errors import ConfigError, LucyError

logger = logging.getLogger("lucy")


def make_fitting(settings: Settings, book: Book, engines: Engines | None = None) -> Fitting:
    """The heart, with everything that it needs from disk. Raises ConfigError."""
    wardrobe = Wardrobe(catalog=book, rack=Rack(settings.garments_dir))
    # Twice the places: who has just left is still being closed while the next one is opened.
    max_live = 2 * settings.max_sessions
    vision = open_vision(settings.weights_dir, most_sessions=max_live + settings.max_captures)
    return Fitting(
        vision=vision,
        wardrobe=wardrobe,
        max_live=max_live,
        enhancing=engines.enhancing if engines is not None else None,
    )


def warm(fitting: Fitting) -> None:
    """Have at hand what the first customer asks for, while the server answers already."""
    try:
        fitting.warm()
    except LucyError as error:
        logger.warning("not warmed: %s", error)


def pass_on(settings: Settings) -> None:
    """Tell the processes that are started from here what they read in their environment: CUDA knows no .env file."""
    if settings.cuda_visible_devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = settings.cuda_visible_devices


def main(change: Change | None = None) -> int:
    """Serve until told to stop. Returns the exit status. `change`: see server/engines.py."""
    try:
        settings = Settings()
        logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(name)s: %(message)s")
        pass_on(settings)
        shop = open_shop(settings)
        engines = start_engines(settings, change=change)
        fitting = make_fitting(settings, shop.book, engines)
    except ValidationError as error:
        for wrong in error.errors():
            print(f"lucy: {'.'.join(map(str, wrong['loc'])).upper()}: {wrong['msg']}", file=sys.stderr)
        return 2
    except ConfigError as error:
        print(f"lucy: {error.message}; {error.hint or 'see docs/settings.md'}", file=sys.stderr)
        return 2
    readiness = fitting.readiness()
    for name in readiness["missing"]:
        logger.warning("missing: %s (%s)", name, readiness["hint"])
    threading.Thread(target=warm, args=(fitting,), name="lucy-warm", daemon=True).start()
    try:
        make_server(create_app(settings, fitting, shop=shop), settings).run()
    except KeyboardInterrupt:
        return 0
    finally:
        if engines is not None:
            engines.device.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
