"""Who may send telemetry: everybody on this machine, and with an ingest key everybody who has it.

The key is compared in constant time and never logged.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest key; empty lets everybody in who can reach the port.

    Attributes:
        key: what senders give as ``Authorization: Bearer KEY``.
    """

    key: str = ""

    def admits(self, authorization: str) -> bool:
        """Whether a header Authorization carries the key (``Bearer`` or Elastic's ``ApiKey``)."""
        if not self.key:
            return True
        scheme, _, given = authorization.partition(" ")
        known = scheme.lower() in ("bearer", "apikey")
        return known and hmac.compare_digest(given.strip().encode(), self.key.encode())
