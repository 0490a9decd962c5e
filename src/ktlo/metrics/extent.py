"""From when to when there are records, by family: what an empty period is told with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.metrics.registry import Family
from ktlo.store.protocol import Store

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
}


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
