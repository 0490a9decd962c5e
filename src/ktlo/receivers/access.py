"""Who may send telemetry: everybody on this machine, or whoever has an ingest key; and for which services.

A key may be for certain services only; what it says of others is rejected. Keys are compared in constant time and never
logged.
"""

from __future__ import annotations

import base64
import fnmatch
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends.

    Attributes:
        name: of the key; empty without one.
        services: patterns of ``service.name`` it may speak for (``*`` and ``?`` stand for any); empty for all.
        address: of its connection; empty when unknown.
    """

    name: str = ""
    services: tuple[str, ...] = ()
    address: str = ""

    def at(self, address: str) -> Sender:
        """The same with the address of its connection."""
        return replace(self, address=address)

    def speaks_for(self, service: str) -> bool:
        """Whether it may report as this service."""
        return not self.services or any(fnmatch.fnmatchcase(service, pattern) for pattern in self.services)

    def refusal(self, service: str) -> str:
        """Why what it says of a service is not kept."""
        said = f"service {service[:80]!r}" if service else "a resource without service.name"
        return f"the ingest key {self.name!r} may not speak for {said}"


ANYBODY = Sender()
"""A sender without limits."""


@dataclass(frozen=True, slots=True)
class Key:
    """An ingest key.

    Attributes:
        sender: whom it makes known.
        secret: what the sender gives.
    """

    sender: Sender
    secret: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest keys; none lets everybody in who can reach the port.

    Attributes:
        key: one that may speak for every service; empty for none.
        keys: those of single services.
    """

    key: str = ""
    keys: Sequence[Key] = ()

    @property
    def is_open(self) -> bool:
        """True when no key is needed."""
        return not self.key and not self.keys

    def sender(self, authorization: str) -> Sender | None:
        """Who sends, by the header Authorization (``Bearer``, or Elastic's ``ApiKey``); None when nobody is known."""
        if self.is_open:
            return ANYBODY
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() not in ("bearer", "apikey"):
            return None
        told = given.strip().encode()
        tries = (told, _secret_of(told)) if scheme.lower() == "apikey" else (told,)
        known = [Key(ANYBODY, self.key)] if self.key else []
        found = [
            one.sender
            for one in (*known, *self.keys)
            if any(hmac.compare_digest(said, one.secret.encode()) for said in tries)
        ]
        return found[0] if found else None

    def admits(self, authorization: str) -> bool:
        """Whether a header Authorization carries a key."""
        return self.sender(authorization) is not None


def _secret_of(api_key: bytes) -> bytes:
    """The second half of an API key as Elasticsearch writes them: base64 of ``id:secret``."""
    try:
        return base64.b64decode(api_key, validate=True).partition(b":")[2]
    except ValueError:
        return b""
