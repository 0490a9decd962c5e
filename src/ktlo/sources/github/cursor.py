"""Everything a later run must know, as one JSON object that the collector commits with the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import msgspec

from ktlo.sources.rest.walks import NewestState, OldestState

FORMAT = 1


class OpenState(msgspec.Struct, omit_defaults=True):
    """Which numbers are open, to notice those that vanished.

    Attributes:
        numbers: open issues and pull requests as last told.
        compared_at: when they were last held against GitHub's whole list.
        walk: the comparison under way, and in ``seen`` what it met so far.
    """

    numbers: set[int] = msgspec.field(default_factory=set)
    compared_at: dt.datetime | None = None
    walk: OldestState | None = None
    seen: set[int] = msgspec.field(default_factory=set)


class Cursor(msgspec.Struct, omit_defaults=True):
    """How far each list was read.

    Attributes:
        since: horizon of the first run; an earlier one asked for later starts all lists again.
        full_name: what GitHub calls the repository now.
        open_count: open issues and pull requests by GitHub's own count.
        etag: of the repository.
        oldest, newest: states of the walks by name of their list.
    """

    since: dt.datetime
    format: int = FORMAT
    full_name: str = ""
    open_count: int = 0
    etag: str = ""
    oldest: dict[str, OldestState] = msgspec.field(default_factory=dict)
    newest: dict[str, NewestState] = msgspec.field(default_factory=dict)
    open: OpenState = msgspec.field(default_factory=OpenState)


def load(saved: Mapping[str, Any], since: dt.datetime) -> Cursor:
    """The cursor to go on from; a fresh one when there is none, or more history is wanted than before."""
    try:
        cursor = msgspec.convert(dict(saved), Cursor)
    except msgspec.ValidationError:
        # Of another version of ktlo, or empty: reading again changes nothing in the store.
        return Cursor(since=since)
    if cursor.format != FORMAT or since < cursor.since:
        return Cursor(since=since)
    return cursor


def dump(cursor: Cursor) -> dict[str, Any]:
    """As JSON types."""
    said: dict[str, Any] = msgspec.to_builtins(cursor)
    # Defaults are left out above, but the format must be told.
    return {**said, "format": FORMAT}
