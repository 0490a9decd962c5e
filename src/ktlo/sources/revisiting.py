"""Known items, asked for again: most services tell nobody of what was deleted, or moved to where it is not read.

Sources hold what is open against the service once a day. All that is known, ended items included, is too much for that:
every hour some are asked for, in the order of their identifiers, as many as it takes to come round within 30 days.
"""

from __future__ import annotations

import datetime as dt
from math import ceil
from typing import Any

import msgspec

from ktlo.records import TABLES
from ktlo.sources.protocol import Revisits
from ktlo.store.protocol import Store

EVERY = dt.timedelta(hours=1)
ROUND = dt.timedelta(days=30)
"""Within this time every known item is asked for."""
LEAST = 20
"""Items that are asked for in an hour, at least: fewer could not tell a deletion from a lost right (``vanishing``)."""
MOST_REQUESTS = 100
"""Requests that go into it in an hour, at most."""
_BEGAN = {"issues": "created_at", "incidents": "detected_at", "changes": "created_at"}
"""Columns that tell the age of an item."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far the round is.

    Attributes:
        at: when items were last asked for, or the source was read first.
        after: the last identifier that was, by table; a round that has ended begins anew.
    """

    at: dt.datetime
    after: dict[str, str] = {}


def turn_of(saved: Any, now: dt.datetime) -> Turn:
    """The turn that was saved; at the first reading of a source one that begins now."""
    try:
        turn = msgspec.convert(saved, Turn)
    except msgspec.ValidationError:
        return Turn(now)
    return turn if turn.at <= now else Turn(now)  # a clock that was ahead must not stop the round


def drawn(
    revisits: Revisits, source_id: str, store: Store, turn: Turn, now: dt.datetime
) -> tuple[dict[str, list[str]], Turn]:
    """Which items to ask for now.

    Args:
        revisits: which items can be asked for.
        source_id: whose they are.
        store: holds what is known.
        turn: where the round is.
        now: the time.

    Returns:
        Identifiers by table, sorted, none before an hour has passed; and the turn to be saved once they were asked for.
    """
    passed = now - turn.at
    if passed < EVERY or not revisits.at_once:
        return {}, turn
    found, after = {}, dict(turn.after)
    since = _EPOCH if revisits.within is None else now - revisits.within
    for table in revisits.tables:
        known = (
            f"FROM ktlo.`{TABLES[table].name}` WHERE source = {{source:String}}"
            f" AND `{_BEGAN[table]}` >= {{since:DateTime64(6)}}"
        )
        asked = {"source": source_id, "since": since}
        total = store.query(f"SELECT count() AS n {known}", asked)["n"][0].as_py()
        wanted = max(LEAST, revisits.at_once, ceil(total * (passed / ROUND)))
        most = min(wanted, MOST_REQUESTS * revisits.at_once)
        names = [
            str(name)
            for name in store.query(
                f"SELECT external_id {known} AND external_id > {{after:String}}"
                " ORDER BY external_id LIMIT {most:UInt32}",
                {**asked, "after": after.get(table, ""), "most": most},
            )["external_id"].to_pylist()
        ]
        after[table] = names[-1] if len(names) == most else ""
        if names:
            found[table] = names
    return found, Turn(now, after)
