"""Which of two webhooks about one thing is the later one, where GitHub's time of change is the same second.

GitHub's times are whole seconds, and opening an issue with labels sends several webhooks at once, in no order. What a
thing goes through only forwards (opened, running, ended) tells the order first; then the identifier of the delivery,
which in GitHub's published examples is a UUID of version 1 (RFC 9562) and so holds when it was made. What is read later
outranks every webhook of its second.
"""

from __future__ import annotations

import datetime as dt
import uuid
from dataclasses import replace

from ktlo.sources.rest.rows import Row, microseconds

_SECOND = 1_000_000
_STAGE = 240_000
"""Room for the webhooks of one stage within a second: 24 seconds by tenths of a millisecond."""
_GREGORIAN = dt.datetime(1582, 10, 15, tzinfo=dt.UTC)
"""Where the time in a UUID begins."""

_STAGES = {
    "opened": 0, "created": 0, "requested": 0,
    "pending": 1, "queued": 1, "waiting": 1,
    "in_progress": 2,
    "success": 3, "failure": 3, "error": 3, "completed": 3, "merged": 3,
}  # fmt: skip


def ranked(row: Row, stage: str, delivery: str) -> Row:
    """The row with its place among the webhooks of the same second.

    Args:
        row: its version is GitHub's time of change.
        stage: action or state that it tells.
        delivery: identifier of the delivery.
    """
    if row.is_removal:
        return row
    changed = row.version // _SECOND * _SECOND
    place = _STAGES.get(stage, 1) * _STAGE + min(max(_made_at(delivery) - changed, 0) // 100, _STAGE - 1)
    return replace(row, version=changed - _SECOND + 1 + place)


def _made_at(delivery: str) -> int:
    """Microseconds since 1970 at which a delivery was made; 0 where its identifier does not tell."""
    try:
        said = uuid.UUID(delivery)
    except ValueError:
        return 0
    return microseconds(_GREGORIAN + dt.timedelta(microseconds=said.time // 10)) if said.version == 1 else 0
