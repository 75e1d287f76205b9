"""Who may change the catalog: whoever has the key. Owns asking for it; must not know what is changed, nor how often it
may be guessed wrong (server/guesses.py)."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import Depends, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request

from server.catalog.shop import Shop
from server.services import Use
from utils.errors import InputError

BEARER = HTTPBearer(auto_error=False, scheme_name="admin key", description="ADMIN_KEY of the server")


def shop_for_admin(
    request: Request, services: Use, given: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None
) -> Shop:
    """The shop, for whoever has the key.

    Raises:
        InputError: admin_disabled, admin_key. CapacityError: too_many_guesses.
    """
    key = services.settings.admin_key.get_secret_value()
    if not key or services.shop is None:
        raise InputError(
            "admin_disabled",
            "the catalog cannot be changed on this server",
            hint="whoever runs it has to set ADMIN_KEY and start it again",
        )
    if given is None:  # nobody has guessed
        raise _wrong_key()
    # In constant time: how long it takes must not tell how much of a guess was right.
    is_right = hmac.compare_digest(given.credentials.encode(), key.encode())
    services.guesses.judge(request.client.host if request.client is not None else "", is_right=is_right)
    if not is_right:
        raise _wrong_key()
    return services.shop


def _wrong_key() -> InputError:
    return InputError(
        "admin_key", "the admin key is missing or wrong", hint="send it as Authorization: Bearer <ADMIN_KEY>"
    )


Admin = Annotated[Shop, Depends(shop_for_admin)]
ADMIN_CODES = (
    *("admin_disabled", "admin_key", "too_many_guesses"),
    *("catalog_away", "busy", "timeout", "invalid_request"),
)
