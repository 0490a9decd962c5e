"""Known items, asked for again: most services tell nobody of what was deleted, or moved to where it is not read.

Sources hold what is open against the service once a day. All that is known, ended items included, is too much for that:
every hour some are asked for, in the order of their identifiers, as many as it takes to come round within 30 days.
What was not found is asked for again like all others, and is back when it is there; hidden items come round faster.
"""

from __future__ import annotations

import datetime as dt
from math import ceil
from typing import Any

import msgspec

from ktlo.records import TABLES
from ktlo.records.arrow import EPOCH
from ktlo.sources.missing_items import MissingItems
from ktlo.sources.protocol import Drawn, Revisits
from ktlo.store.ddl import rows_table
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
_NOTED = """ AND external_id IN (
  SELECT external_id FROM ktlo.missing_items WHERE source = {source:String} AND noun = {noun:String}"""
_MISSING, _HIDDEN = f"{_NOTED})", f"{_NOTED} AND NOT is_gone)"


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
    revisits: Revisits, missing: MissingItems, store: Store, turn: Turn, now: dt.datetime
) -> tuple[Drawn, Turn]:
    """Which items to ask for now: those whose turn it is, whether they were found the last time or not.

    Args:
        revisits: which items can be asked for.
        missing: those of the source that were not found; of the hidden ones some are asked for every hour.
        store: holds what is known.
        turn: where the round is.
        now: the time.

    Returns:
        The items, none before an hour has passed; and the turn to be saved once they were asked for.
    """
    passed = now - turn.at
    if passed < EVERY or not revisits.at_once:
        return Drawn({}), turn
    found, after = dict[str, list[str]](), dict(turn.after)
    since = EPOCH if revisits.within is None else now - revisits.within
    least = max(LEAST, revisits.at_once)
    for table in revisits.tables:
        known = (
            f"FROM ktlo.`{rows_table(TABLES[table])}` FINAL WHERE source = {{source:String}}"
            f" AND `{_BEGAN[table]}` >= {{since:DateTime64(6)}}"
        )
        asked = {"source": missing.source_id, "since": since}
        total = store.query(f"SELECT count() AS n {known}", asked)["n"][0].as_py()
        wanted = max(least, ceil(total * (passed / ROUND)))
        names = set[str]()
        for key, which in ((f"hidden {table}", _HIDDEN), (table, "" if revisits.deletes else _MISSING)):
            if which == _HIDDEN and not missing.has_hidden(table):
                after.pop(key, None)
                continue
            most = least if which == _HIDDEN else min(wanted, MOST_REQUESTS * revisits.at_once - len(names))
            rows = store.query(
                f"SELECT external_id {known}{which} AND external_id > {{after:String}}"
                " ORDER BY external_id LIMIT {most:UInt32}",
                {**asked, "noun": table, "after": after.get(key, ""), "most": most},
            )
            part = [str(name) for name in rows["external_id"].to_pylist()]
            after[key] = part[-1] if len(part) == most else ""
            names.update(part)
        if names:
            found[table] = sorted(names)
    before = {table: missing.of(table).intersection(names) for table, names in found.items()}
    return Drawn(found, before), Turn(now, after)
