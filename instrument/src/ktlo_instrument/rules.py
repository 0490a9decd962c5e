"""Rules of the ktlo server, fetched while the application runs: what to leave out, how much to tell, what to hide.

`GET …/api/v1/instrument/rules?service=…` gives JSON with names of `Settings`; asked with the ETag of the
answer before. Whatever else comes is nonsense, and the rules stay as they are.
"""

from __future__ import annotations

import json
import urllib.parse
from typing import Any

from ktlo_instrument.sending import ask
from ktlo_instrument.settings import Settings, changed

EVERY_SECONDS = 30.0
ALLOWED = (
    "packages", "exclude", "detail", "quiet", "sample", "slow_quantile", "slow_factor", "slow_floor_ms",
    "details_per_second", "redact", "redact_emails", "open_types",
)  # fmt: skip
"""What the server may say; where we report to and what it costs stays with the one who runs the application."""


class Rules:
    """The rules of one service.

    Args:
        base: settings of this process, which rules are laid over.
        service: its name.
    """

    def __init__(self, base: Settings, service: str) -> None:
        self.base = base
        self.service = service
        self.answered = 0
        self._tag = ""

    def fetch(self) -> Settings | None:
        """Settings with new rules; `None` when there are none."""
        if not self.base.rules:
            return None
        query = urllib.parse.urlencode({"service": self.service})
        url = f"{self.base.rules.rstrip('/')}/api/v1/instrument/rules?{query}"
        headers = {"accept": "application/json"}
        if self._tag:
            headers["if-none-match"] = self._tag
        answer = ask("GET", url, 3.0, self.base.key, None, headers)
        if answer is None or answer[0] != 200:
            return None
        said = understood(answer[2])
        if said is None:
            return None
        self.answered += 1
        self._tag = answer[1].get("etag", "")[:200]
        # Secrets that are known here stay secret whatever the server says.
        said["redact"] = [*self.base.redact, *said.get("redact", ())]
        return changed(self.base, said, "rules of the server")


def understood(body: bytes) -> dict[str, Any] | None:
    """What an answer says, with the names we know; `None` when it is no JSON object."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    known = {name: value for name, value in said.items() if name in ALLOWED and value is not None}
    redact = known.get("redact", [])
    if not isinstance(redact, list) or not all(isinstance(each, str) for each in redact):
        known["redact"] = []
    return known
