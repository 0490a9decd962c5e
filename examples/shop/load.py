"""Load for the shop: the same requests in the same order on every run, at times of a Poisson process.

What is asked follows from a seed alone, so that two runs under two agents can be compared call by call; only the
pauses between the requests depend on the clock.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

WEIGHTS = {
    "shelf": 20,
    "product": 25,
    "search": 15,
    "cart": 12,
    "checkout": 16,
    "orders": 8,
    "coupon": 3,
    "report": 1,
}


@dataclass(frozen=True)
class Call:
    """One request to the storefront."""

    method: str
    path: str
    body: bytes = b""


def calls(count: int, seed: int = 4) -> Iterator[Call]:
    """The first ``count`` requests of the shop's customers."""
    draw = random.Random(seed)  # noqa: S311 - a shop's customers, not a secret
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    for _ in range(count):
        kind = draw.choices(kinds, weights)[0]
        customer, number = draw.randint(1, 100), draw.randint(1, 61)
        if kind == "shelf":
            yield Call("GET", "/?fresh" if draw.random() < 0.1 else "/")
        elif kind == "product":
            yield Call("GET", f"/products/{number}")  # 61 does not exist
        elif kind == "search":
            yield Call("GET", f"/search?q={draw.choice(('lamp', 'no', '42', 'nothing'))}")
        elif kind == "cart":
            yield Call("GET", f"/cart/{customer}")
        elif kind == "checkout":
            said = {"customer": customer, "product": min(number, 60)}
            yield Call("POST", "/checkout", json.dumps(said).encode())
        elif kind == "orders":
            yield Call("GET", f"/customers/{customer}/orders")
        elif kind == "coupon":
            yield Call("GET", f"/coupons/{draw.choice(('SPRING', 'LAMP', 'AUTUMN'))}")
        else:
            yield Call("GET", "/reports/daily")


class Load:
    """Sends calls to a storefront.

    Args:
        port: of the storefront on this machine.
        rate: calls a second.
        threads: calls at once, at most.
    """

    def __init__(self, port: int, rate: float, threads: int = 16) -> None:
        self.answers: Counter[int] = Counter()
        self._port = port
        self._rate = rate
        self._local = threading.local()
        self._pool = ThreadPoolExecutor(threads)
        self._pauses = random.Random(7)  # noqa: S311 - pauses between customers

    def send(self, wanted: list[Call]) -> None:
        """Send calls at the rate; returns when all are answered."""
        at = time.monotonic()
        waiting = []
        for call in wanted:
            at += self._pauses.expovariate(self._rate)
            time.sleep(max(0.0, at - time.monotonic()))
            waiting.append(self._pool.submit(self._one, call))
        for one in waiting:
            self.answers[one.result()] += 1

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def _one(self, call: Call) -> int:
        """The status of a call's answer; 0 when there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            connection.request(
                call.method, call.path, call.body or None, {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            answer.read()
        except OSError:
            return 0
        finally:
            connection.close()
        return answer.status
