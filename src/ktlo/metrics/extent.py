"""From when to when there are records, by family or table: what an empty or old period is told with.

A record's moments are those at which something happened (a commit's by ``dated_by``), not when it was read.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from ktlo.metrics.registry import Family
from ktlo.store.protocol import Queryable, Store

_EFFORT = "SELECT toDateTime64(day, 6, 'UTC') AS at FROM ktlo.effort"
_INCIDENTS = "SELECT detected_at AS at FROM ktlo.incidents"
_OUTAGES = "SELECT started_at AS at FROM ktlo.outages"
_ISSUES = "SELECT created_at AS at FROM ktlo.issues"
_COMMITS = "SELECT authored_at AS at FROM ktlo.commits WHERE dated_by = 'author'"

_MOMENTS = {
    Family.EFFORT: _EFFORT,
    Family.RELIABILITY: f"{_INCIDENTS} UNION ALL {_OUTAGES}",
    Family.BUGS: _ISSUES,
    Family.HOTSPOTS: _COMMITS,
    Family.DEBT: _COMMITS,
    Family.FINDINGS: "SELECT opened_at AS at FROM ktlo.findings UNION ALL SELECT started_at AS at FROM ktlo.scans",
}

_HAPPENED = {
    "commits": "if(dated_by = 'author', authored_at, committed_at) AS at FROM ktlo.commits{log}"
    " WHERE dated_by != 'none'",
    "file_changes": "authored_at AS at FROM ktlo.file_changes{log} WHERE true",
    "deployments": "started_at AS at FROM ktlo.deployments{log} WHERE true",
    "changes": "arrayJoin([created_at, merged_at, closed_at]) AS at FROM ktlo.changes{log} WHERE true",
    "incidents": "arrayJoin([detected_at, mitigated_at, resolved_at]) AS at FROM ktlo.incidents{log} WHERE true",
    "issues": "arrayJoin([created_at, closed_at]) AS at FROM ktlo.issues{log} WHERE true",
    "findings": "arrayJoin([opened_at, resolved_at]) AS at FROM ktlo.findings{log} WHERE true",
    "outages": "arrayJoin([started_at, ended_at]) AS at FROM ktlo.outages{log} WHERE true",
}
"""When what a table records happened; other tables describe a state and have no such moment."""

EVENTS = ("commits", "deployments", "incidents", "issues", "outages")
"""Tables that say whether anything happened lately."""


@dataclass(frozen=True, slots=True)
class Extent:
    """First and last record, and how many there are."""

    first: dt.datetime
    last: dt.datetime
    records: int


def extent(store: Store, *families: Family) -> Extent | None:
    """When the records of families happened; of all of them when none is named, ``None`` without any."""
    parts = " UNION ALL ".join(dict.fromkeys(_MOMENTS[family] for family in families or Family))
    answer = store.query(f"SELECT min(at) AS first, max(at) AS last, count() AS n FROM ({parts})")  # noqa: S608
    if answer.num_rows == 0 or not answer["n"][0].as_py():
        return None
    return Extent(answer["first"][0].as_py(), answer["last"][0].as_py(), answer["n"][0].as_py())


def _newest(store: Queryable, tables: Iterable[str], now: dt.datetime, log: str) -> dt.datetime | None:
    parts = [_HAPPENED[name].format(log=log) for name in tables if name in _HAPPENED]
    if not parts:
        return None
    moments = " UNION ALL ".join(f"SELECT {part} AND at <= {{now:DateTime64(6, 'UTC')}}" for part in parts)
    answer = store.query(f"SELECT max(at) AS newest, count() AS n FROM ({moments})", {"now": now})  # noqa: S608
    if answer.num_rows == 0 or not answer["n"][0].as_py():
        return None
    newest: dt.datetime = answer["newest"][0].as_py()
    return newest


def newest_record(store: Queryable, tables: Iterable[str], now: dt.datetime) -> dt.datetime | None:
    """When the newest thing happened that some tables record; ``None`` where they record no happening.

    Args:
        store: where the records are.
        tables: nouns such as ``commits``; those that describe a state are passed over.
        now: what is dated later is a mistake or a plan, and left aside.
    """
    return _newest(store, tables, now, "")


def newest_if_before(store: Queryable, since: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """The newest commit, incident, issue or outage when nothing has happened since a moment; else ``None``.

    Every default period asks this. All versions of the records answer it without being put together; only
    where even they are old do the present versions say how old.
    """
    newest = _newest(store, EVENTS, now, "_log")
    if newest is None or newest >= since:
        return None
    return _newest(store, EVENTS, now, "")
