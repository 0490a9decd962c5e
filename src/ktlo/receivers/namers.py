"""Which client sends how many names of services: what a person is told when there are too many.

A broken client gives every process a name of its own. Kept in memory since midnight (UTC) or the start of the process
and bounded: only so many names are told apart, and so many clients.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ktlo.receivers.access import Sender

MOST_TOLD_APART = 100_000
"""Names that are told apart, of all clients together; those beyond are not counted."""
MOST_CLIENTS = 200
_DAY = 86_400
_LONGEST = 80


@dataclass(frozen=True, slots=True, order=True)
class Client:
    """Who sent.

    Attributes:
        address: of its connection; empty when it has none (ktlo itself).
        key: name of its ingest key; empty without one.
        agent: the SDK it names, with its language; empty when it names none.
    """

    address: str
    key: str
    agent: str

    def __str__(self) -> str:
        told = (
            self.agent,
            f"at {self.address}" if self.address else "",
            f"with the key {self.key}" if self.key else "",
        )
        return " ".join(filter(None, told)) or "a client that says nothing of itself"


OTHERS = Client("", "", "other clients")
"""Clients beyond :data:`MOST_CLIENTS`."""


@dataclass(frozen=True, slots=True)
class Namer:
    """A client with the names it sent.

    Attributes:
        client: who.
        names: different names of services since midnight, or the start.
        example: the last new one.
        host: that went with it, ``host.name``; empty when none.
    """

    client: Client
    names: int
    example: str
    host: str


class Namers:
    """Counts names by client.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._day = 0
        self._seen: set[int] = set()
        self._names: Counter[Client] = Counter()
        self._last: dict[Client, tuple[str, str]] = {}

    def add(self, sender: Sender, service: str, resource: Any) -> None:
        """Count a name.

        Args:
            sender: who sent it.
            service: its service.name.
            resource: an OTLP resource, which says what runs there; read only when the name is new.
        """
        mark = hash((sender.address, sender.name, service))
        day = int(self._clock() // _DAY)
        if day == self._day and mark in self._seen:
            return
        with self._guard:
            if day != self._day:
                self._day = day
                self._seen.clear()
                self._names.clear()
                self._last.clear()
            if mark in self._seen or len(self._seen) >= MOST_TOLD_APART:
                return
            self._seen.add(mark)
            client, host = _client(sender, resource)
            if client not in self._names and len(self._names) >= MOST_CLIENTS:
                client = OTHERS
            self._names[client] += 1
            self._last[client] = (service[:_LONGEST], host)

    def most(self, number: int = 3) -> tuple[Namer, ...]:
        """Clients that sent most names, the first first."""
        with self._guard:
            ordered = sorted(self._names.items(), key=lambda pair: (-pair[1], pair[0]))
            return tuple(Namer(client, names, *self._last[client]) for client, names in ordered[:number])

    @property
    def is_full(self) -> bool:
        """Whether there were more names than are told apart."""
        return len(self._seen) >= MOST_TOLD_APART


def _client(sender: Sender, resource: Any) -> tuple[Client, str]:
    """Who sent, and the host it says it runs on."""
    said = {
        one.key: one.value.string_value[:_LONGEST]
        for one in resource.attributes
        if one.key in ("telemetry.sdk.name", "telemetry.sdk.language", "host.name")
    }
    agent = " ".join(filter(None, (said.get("telemetry.sdk.name"), said.get("telemetry.sdk.language"))))
    return Client(sender.address, sender.name, agent), said.get("host.name", "")
