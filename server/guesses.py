"""How often a secret may be guessed wrong: a few times from one address, and then slowly.

Owns counting, in memory and within bounds; must not know what is guessed, nor HTTP. Whoever has guessed wrong too often
is not listened to at all, right or wrong, so that nothing is learnt meanwhile. Nobody else is kept waiting for that: an
address that has not guessed wrong itself is always listened to.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from utils.errors import CapacityError

PER_ADDRESS = 10  # somebody mistypes a few times, and a page that asks for two things at once is wrong twice each time
FORGIVEN_AFTER_S = 60.0  # one wrong guess of an address
IN_ALL = 100  # more in so short a time is somebody who guesses from many addresses
FORGIVEN_IN_ALL_AFTER_S = 6.0
PER_ADDRESS_UNDER_SIEGE = 1
MOST_REMEMBERED = 10_000  # addresses, some hundred bytes each

Clock = Callable[[], float]


class GuessesSpentError(CapacityError):
    """Too many wrong guesses from here."""

    def __init__(self, *, wait_s: float) -> None:
        super().__init__(
            "too_many_guesses",
            "too many wrong keys have come from this address",
            hint="wait a few minutes, then try again with the right one",
        )
        self.retry_after_s = max(1, math.ceil(wait_s))


class Guesses:
    """Any thread. `clock` is in seconds and never goes back."""

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._all = _Debt(FORGIVEN_IN_ALL_AFTER_S)
        self._by_address: OrderedDict[str, _Debt] = OrderedDict()
        """The one that guessed wrong last comes last."""

    def judge(self, address: str, *, is_right: bool) -> None:
        """Count a guess that was made from `address`.

        Raises:
            GuessesSpentError: it must not be listened to, whether it is right or not.
        """
        with self._lock:
            now_s, home = self._clock(), home_of(address)
            debt = self._by_address.get(home)
            under_siege = self._all.at(now_s) >= IN_ALL
            allowed = PER_ADDRESS_UNDER_SIEGE if under_siege else PER_ADDRESS
            if debt is not None and debt.at(now_s) > allowed - 1:
                raise GuessesSpentError(wait_s=(debt.at(now_s) - (allowed - 1)) * FORGIVEN_AFTER_S)
            if is_right:
                return
            self._all.grow(now_s, most=IN_ALL)
            debt = self._by_address.setdefault(home, _Debt(FORGIVEN_AFTER_S))
            debt.grow(now_s, most=PER_ADDRESS)
            self._by_address.move_to_end(home)
            if len(self._by_address) > MOST_REMEMBERED:
                self._by_address.popitem(last=False)


class _Debt:
    """Wrong guesses that are not forgiven yet; one is, every so often."""

    def __init__(self, forgiven_after_s: float) -> None:
        self._forgiven_after_s = forgiven_after_s
        self._guesses = 0.0
        self._counted_s = 0.0

    def at(self, now_s: float) -> float:
        return max(0.0, self._guesses - (now_s - self._counted_s) / self._forgiven_after_s)

    def grow(self, now_s: float, *, most: float) -> None:
        self._guesses = min(self.at(now_s) + 1.0, most)
        self._counted_s = now_s


def home_of(address: str) -> str:
    """What is counted as one: an IPv4 address, the 64 bits of IPv6 that one customer of a provider has at least."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a socket of this machine, or none
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped is not None else str(ipaddress.IPv6Network((int(found) >> 64 << 64, 64)))
    return str(found)
