"""Incidents and maintenance that were deleted: pages are silent about them. Pure.

What was on a list and should still be is gone when two readings in a row miss it: lists come through caches, which may
be behind, and a removal is for good. What merely grew too old for a list of the newest is left as it is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import msgspec

NEWEST = 50
"""So many the public API lists."""
PAST_EVERY = dt.timedelta(days=1)
"""How often the whole past is read, where there is a key for it."""


class Known(msgspec.Struct, omit_defaults=True):
    """An incident or maintenance that a list had.

    Attributes:
        at: when it was created; lists of the newest go by that.
        rows: tables and identifiers of its rows.
        is_missed: the last reading did not have it.
    """

    at: dt.datetime
    rows: list[tuple[str, str]] = []
    is_missed: bool = False


class Cursor(msgspec.Struct, omit_defaults=True):
    """What was read.

    Attributes:
        past_at: when the whole past was read.
        known: what each list had, by its path and the identifier.
    """

    past_at: dt.datetime | None = None
    known: dict[str, dict[str, Known]] = msgspec.field(default_factory=dict)


def compared(
    known: Mapping[str, Known], found: Mapping[str, Known], *, is_whole: bool
) -> tuple[dict[str, Known], list[tuple[str, str]]]:
    """What is known after a reading, and the tables and identifiers of rows that are gone.

    Args:
        known: before it.
        found: what the list has now.
        is_whole: the list is not cut to the newest.
    """
    after, gone = dict(found), list[tuple[str, str]]()
    oldest = min((one.at for one in found.values()), default=dt.datetime.max.replace(tzinfo=dt.UTC))
    for name in known.keys() - found.keys():
        one = known[name]
        if not is_whole and one.at <= oldest:
            continue
        if one.is_missed:
            gone += one.rows
        else:
            after[name] = msgspec.structs.replace(one, is_missed=True)
    return after, sorted(gone)
