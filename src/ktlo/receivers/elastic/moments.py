"""Times and identifiers of events, as OTLP has them: nanoseconds since 1970, and bytes."""

from __future__ import annotations

import math

LATEST = (1 << 63) - 1
"""Last nanosecond that ktlo's instants hold (11 April 2262)."""


class UnfitError(ValueError):
    """An event cannot be kept; says why."""


def instant(microseconds: int | None, received: int) -> int:
    """When something was, in nanoseconds; when it was received if the event does not say.

    Raises:
        UnfitError: it is before 1970 or after 2262.
    """
    if microseconds is None:
        return received
    if not 0 <= microseconds <= LATEST // 1000:
        raise UnfitError(
            f"the timestamp {microseconds} is not in microseconds between the years 1970 and 2262"
        )
    return microseconds * 1000


def later(start: int, milliseconds: float) -> int:
    """An instant some milliseconds after another, in nanoseconds.

    Raises:
        UnfitError: the distance is not a number of this world.
    """
    if not math.isfinite(milliseconds):
        raise UnfitError("a duration is not a finite number")
    end = start + round(milliseconds * 1e6)
    if end > LATEST:
        raise UnfitError("a time is after the year 2262")
    return max(end, 0)


def identifier(said: str, digits: int, name: str) -> bytes:
    """An identifier as bytes.

    Raises:
        UnfitError: it has another length, is not hexadecimal, or zero.
    """
    try:
        made = bytes.fromhex(said)
    except ValueError:
        made = b""
    if len(said) != digits or len(made) * 2 != digits:
        raise UnfitError(f"{name} {said[:40]!r} is not {digits} hexadecimal digits")
    if not any(made):
        raise UnfitError(f"{name} is all zeros")
    return made
