"""How much of requests is in memory at once; beyond it senders are told to come again.

Bodies as they come are counted; decompressing and reading them takes turns, so that only a few are there as a whole.
"""

from __future__ import annotations

from starlette.requests import Request

from ktlo.receivers.otlp.exchange import NoRoomError

MOST_HELD = 256 << 20
"""Bytes of bodies that all requests together hold in memory; four of the largest."""
AT_ONCE = 8
"""Requests that are decompressed and read at the same time."""


class Held:
    """Bytes of bodies in memory, of all requests together: whoever would go beyond is told to come again.

    Used by one event loop, so nothing has to be locked.
    """

    def __init__(self, most: int = MOST_HELD) -> None:
        self._most = most
        self._by: dict[int, int] = {}

    def add(self, request: Request, size: int) -> None:
        """Count bytes of a request.

        Raises:
            NoRoomError: there are too many of all requests.
        """
        if sum(self._by.values()) + size > self._most:
            raise NoRoomError(f"{self._most >> 20} MiB of requests are being received; come again")
        self._by[id(request)] = self._by.get(id(request), 0) + size

    def release(self, request: Request) -> None:
        """Forget a request that is over."""
        self._by.pop(id(request), None)
