"""Parameters of Prometheus' HTTP API: times, durations, limits and names as it writes them."""

from __future__ import annotations

import datetime as dt
import math
import re

from ktlo.telemetry.promql import listing

MOST_ASKED = 200_000
"""Series, names or values of one answer, whatever ``limit`` says."""
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


class BadDataError(Exception):
    """A parameter that cannot be read."""


class Given:
    """Parameters of a request, of its URL and its form."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str, default: str | None = None) -> str:
        """A parameter; raises ``BadDataError`` when it is missing and has no default."""
        found = next((value for key, value in self._pairs if key == name and value), default)
        if found is None:
            raise BadDataError(f"invalid parameter {name!r}: it is missing")
        return found

    def all(self, name: str) -> list[str]:
        """All values of a parameter."""
        return [value for key, value in self._pairs if key == name and value]

    def moment(self, name: str, default: int | None = None) -> int:
        """A time as seconds since 1970 or RFC 3339, in milliseconds."""
        text = self.one(name, "" if default is not None else None)
        if not text and default is not None:
            return default
        try:
            seconds = float(text)
        except ValueError:
            try:
                read = dt.datetime.fromisoformat(text)
                seconds = (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp()
            except ValueError:
                raise BadDataError(f"invalid parameter {name!r}: {text[:60]!r} is no time") from None
        if not math.isfinite(seconds) or not -9e9 < seconds < 9e9:
            raise BadDataError(f"invalid parameter {name!r}: {text[:60]!r} is no time")
        return round(seconds * 1000)

    def duration(self, name: str, default: float | None = None) -> float:
        """A duration as seconds or ``1m30s``, in seconds."""
        text = self.one(name, "" if default is not None else None)
        if not text and default is not None:
            return default
        try:
            seconds = float(text)
        except ValueError:
            parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
            if not parts or "".join(a + b for a, b in parts) != text:
                raise BadDataError(f"invalid parameter {name!r}: {text[:60]!r} is no duration") from None
            seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
        if not math.isfinite(seconds) or not 0 < seconds < 1e10:
            raise BadDataError(f"invalid parameter {name!r}: it is not greater than zero")
        return seconds

    def most(self) -> int:
        """How many entries a list may have: ``limit``; 0 and none are ktlo's own :data:`MOST_LISTED`."""
        text = self.one("limit", "0")
        try:
            limit = int(text)
        except ValueError:
            raise BadDataError(f"invalid parameter 'limit': {text[:60]!r} is no whole number") from None
        if limit < 0:
            raise BadDataError("invalid parameter 'limit': limit must be non-negative")
        return min(limit or listing.MOST_LISTED, MOST_ASKED)


def unescaped(name: str) -> str:
    """A label of Prometheus 3's escaping ``U__http_2e_route``."""
    if not name.startswith("U__"):
        return name
    return re.sub(
        r"_([0-9a-f]{1,6})_", lambda found: chr(min(int(found[1], 16), 0x10FFFF)), name[3:]
    ).replace("__", "_")
