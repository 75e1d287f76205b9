"""A try-on server as they are usually written, to measure Lucy's architecture against.

Base64 in JSON over WebSocket, and everything inline in the handler: read a message, decode, look, dress, encode,
answer, read the next. Nothing is ever dropped, so what comes faster than it is worked off waits in line, first in,
first out. Perception, draping and composing are Lucy's own, call for call (`LiveFitting.fit`), and nothing is slowed
down on purpose: the architecture is the only difference.

Run it with `PORT=5050 python -m bench.naive`. It speaks as much of lucy.json.v1 as a kiosk needs.
"""

from __future__ import annotations

import base64
import json
import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

from models.fitting import FitRequest, Fitting, Wish
from server.__main__ import make_fitting
from server.catalog.shop import open_shop
from server.settings import Settings


def make_app(fitting: Fitting) -> FastAPI:
    """The whole server."""
    app = FastAPI()

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "alive"}

    @app.websocket("/ws")
    async def try_on(websocket: WebSocket) -> None:
        await websocket.accept()
        live, wish = fitting.open_live(), Wish()
        try:
            while True:
                message = json.loads(await websocket.receive_text())
                if message["type"] == "wish":
                    wish = Wish(fabric_id=message["fabric_id"], cut=message["cut"])
                    fitting.prepare(wish)
                    answer = {"type": "notice", "code": "wearing"}
                else:
                    frame = base64.b64decode(message["frame"])
                    fitted = live.fit(FitRequest(frame, wish))
                    answer = {
                        "type": "enhanced",
                        "seq": message["seq"],
                        "image": base64.b64encode(fitted.image).decode(),
                        "stage": fitted.stage,
                        "timings_ms": fitted.timings_ms,
                    }
                await websocket.send_text(json.dumps(answer))
        except WebSocketDisconnect:
            pass
        finally:
            live.close()

    return app


def main() -> int:
    """Serve until told to stop. Returns the exit status."""
    settings = Settings()
    shop = open_shop(settings)
    fitting = make_fitting(settings, shop.book)
    try:
        uvicorn.run(make_app(fitting), host=settings.host, port=settings.port, log_level=settings.log_level)
    finally:
        fitting.close()
        shop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
