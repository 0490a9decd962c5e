"""How complete what each source delivered is: days without rows where there were always rows; what rests on it.

Read from the store; shown on the Sources page. A gap is a finding of a test with a
definition (:func:`gaps_in`), not a guess.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.metrics.registry import definitions
from ktlo.store.protocol import Queryable

WATCHED_DAYS = 180
"""Days before the newest collection that are looked at."""

CHANCE = 0.001
"""A quiet stretch is a gap when its probability, given how often the source has rows otherwise, is below this."""

LEAST_DAYS = 30
"""Days with rows below which a source is not judged: too little is known about what is normal."""

_DATED = {
    "commits": "authored_at",
    "issues": "created_at",
    "issue_events": "occurred_at",
    "changes": "created_at",
    "deployments": "started_at",
    "workflow_runs": "started_at",
    "incidents": "detected_at",
    "incident_events": "occurred_at",
    "outages": "started_at",
    "releases": "published_at",
    "reviews": "submitted_at",
    "sla_cycles": "started_at",
    "tags": "tagged_at",
}
"""The instant by which rows of a table are dated: when what they tell happened at the source."""

UNDATED = {
    "on_call_shifts": "a schedule has shifts on every day, also ahead, whether anything happens or not: they would hide"
    " that incidents stay away; times without anybody on call are the rota's gaps",
    "time_off": "it is planned, and lies ahead",
    "file_changes": "they are of the days of their commits",
    "code_samples": "ktlo chooses the days itself",
    "markers": "they are of the days of commits",
    "dependencies": "they are of the days of commits",
    "locked_versions": "they are of the days of commits",
    "findings": "they are dated by the scans that ktlo runs",
    "scans": "ktlo runs them",
    "collections": "they are ktlo's own readings",
    "missing_items": "they are dated by ktlo's own readings",
    "source_checks": "they are dated by ktlo's own looks at its sources",
    "rejections": "they are dated by ktlo's own readings",
    "deliveries": "they are kept for weeks only; what they told is in other tables",
}
"""Tables with a source and times in which a quiet stretch says nothing of the source, and why."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of days without any row of a source.

    Attributes:
        first: first day without rows.
        last: last day without rows.
        chance: probability of a stretch at least as long somewhere in the days watched, had nothing changed.
    """

    first: dt.date
    last: dt.date
    chance: float

    @property
    def days(self) -> int:
        """Its length."""
        return (self.last - self.first).days + 1


def gaps_in(days: Sequence[dt.date], until: dt.date, watched: int = WATCHED_DAYS) -> list[Gap]:
    """Stretches without rows that are too long to be chance, given how often the source has rows.

    Days of the week are told apart: for each, the share of its dates without rows, with one more such date added, so
    that it is never 0. A stretch's probability is the product of the shares of its days, times the number of days
    at which it could have begun (Bonferroni); below 1 in 1,000 it is a gap. The shares are those of the days
    watched outside of the stretch itself, so that a long gap does not hide in the average that it lowers.

    Args:
        days: days that have rows; any order, repeated or not.
        until: last day that the source is known to have been read for; later days are not looked at.
        watched: how many days up to ``until`` are looked at, from the first that has rows.
    """
    present = {day for day in days if until - dt.timedelta(days=watched) < day <= until}
    if len(present) < LEAST_DAYS:
        return []
    first = min(present)
    span = [first + dt.timedelta(days=number) for number in range((until - first).days + 1)]
    gaps: list[Gap] = []
    quiet: list[dt.date] = []
    for day in [*span, None]:
        if day is not None and day not in present:
            quiet.append(day)
            continue
        if quiet:
            chance = _chance_of(quiet, span, present)
            if chance < CHANCE:
                gaps.append(Gap(quiet[0], quiet[-1], chance))
        quiet = []
    return gaps


def _chance_of(quiet: Sequence[dt.date], span: Sequence[dt.date], present: set[dt.date]) -> float:
    inside = set(quiet)
    log = math.log(len(span))
    for day in quiet:
        same = [one for one in span if one.weekday() == day.weekday() and one not in inside]
        log += math.log((1 + sum(one not in present for one in same)) / (len(same) + 1))
    return math.exp(min(log, 0.0))


def find_gaps(store: Queryable) -> dict[str, list[Gap]]:
    """Gaps of every source up to its last collection that was read to its end."""
    parts = " UNION ALL ".join(
        f"SELECT toString(source) AS name, toDate({moment}) AS day FROM ktlo.{table}"  # noqa: S608 - ktlo's own names
        f" WHERE {moment} >= now() - INTERVAL 400 DAY GROUP BY name, day"
        for table, moment in _DATED.items()
    )
    rows = store.query(
        f"SELECT told.name AS name, groupUniqArray(told.day) AS days, any(ended.day) AS until FROM ({parts}) AS told"  # noqa: S608 - ktlo's own names
        " INNER JOIN (SELECT toString(source) AS name, toDate(max(finished_at)) AS day FROM ktlo.collections"
        " WHERE status = 'complete' GROUP BY name) AS ended ON ended.name = told.name GROUP BY name"
    ).to_pylist()
    # The last day is not over: it may be quiet until now.
    return {row["name"]: gaps_in(row["days"], row["until"] - dt.timedelta(days=1)) for row in rows}


def feeds(tables: Sequence[str]) -> list[str]:
    """Titles of the metrics that rest on some tables."""
    return [one.title for one in definitions().values() if set(one.tables) & set(tables)]
