"""Reads a history out of the store: issues, incidents, outages, and effort spread over pieces of work.

Asks ``issues``, ``incidents``, ``outages``, ``verdicts`` and ``effort``; gives a
:class:`~ktlo.planning.load.history.History`. One piece of work is one item, however many records tell of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ktlo.effort.coding import key_sql
from ktlo.effort.items import ItemKey, WorkItem
from ktlo.errors import UsageError
from ktlo.metrics import members
from ktlo.metrics.question import Dimension, Question
from ktlo.planning.load.assembling import Assembly
from ktlo.planning.load.classes import CLASS_OF, PLACE, PREVENTIVE
from ktlo.planning.load.filed import Filed, Flags, Floats, Ints, Named, Parts, key_of, keys_column
from ktlo.planning.load.history import Days, History
from ktlo.planning.load.linking import Roots, roots_of
from ktlo.planning.load.unfiled import Outage
from ktlo.planning.load.weeks import day_of, weeks_of_days
from ktlo.records.effort import Category, ItemKind
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable

PLACES = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)
"""By what a load can be grouped and filtered."""

_KEY = ("kind", "source", "item_id")

_KNOWN = "least(coalesce(i.observed_until, {end:DateTime64(6, 'UTC')}), {end:DateTime64(6, 'UTC')})"

_TRACKED = f"""
WITH {members.MEMBERS}
SELECT 'issue' AS kind, i.source AS source, i.external_id AS item_id, i.repository AS repository,
  {members.service("i")} AS service, {members.team()} AS team, v.category AS category,
  i.created_at AS at, i.closed_at AS ended_at, i.state = 'closed' OR i.closed_at IS NOT NULL AS is_over,
  {_KNOWN} AS known_until, i.closed_as = 'duplicate' AS is_duplicate, false AS is_down
FROM (SELECT *, {key_sql("source", "external_id")} AS item FROM ktlo.issues) AS i
INNER JOIN (
  SELECT {key_sql("source", "item_id")} AS item, category FROM ktlo.verdicts WHERE item_kind = 'issue'
) AS v ON v.item = i.item
{members.joins("i")}
WHERE i.created_at < {{end:DateTime64(6, 'UTC')}}
UNION ALL
SELECT 'incident', i.source, i.external_id, i.repository,
  {members.service("i")}, if(i.team != '', toString(i.team), {members.team()}),
  if(v.category = '', 'incident', toString(v.category)),
  i.detected_at, coalesce(least(i.mitigated_at, i.resolved_at), i.mitigated_at, i.resolved_at),
  i.state != 'open' OR i.resolved_at IS NOT NULL,
  {_KNOWN}, false, has({{downtime_severities:Array(String)}}, toString(i.severity))
FROM ktlo.incidents AS i
LEFT JOIN ktlo.verdicts AS v
  ON v.item_kind = 'incident' AND v.source = i.source AND v.item_id = i.external_id
{members.joins("i")}
WHERE i.state != 'cancelled' AND i.detected_at < {{end:DateTime64(6, 'UTC')}}
"""  # noqa: S608 - no value enters the text

_OUTAGES = f"""
WITH {members.MEMBERS}
SELECT i.source AS source, i.external_id AS item_id, i.repository AS repository,
  {members.service("i")} AS service, {members.team()} AS team, i.started_at AS at, i.ended_at AS ended_at,
  {_KNOWN} AS known_until, i.incident_id AS incident_id
FROM (SELECT *, '' AS repository FROM ktlo.outages) AS i
{members.joins("i")}
WHERE NOT i.is_planned AND i.started_at < {{end:DateTime64(6, 'UTC')}}
"""  # noqa: S608 - no value enters the text

_EFFORT = "SELECT * FROM ktlo.effort WHERE day < toDate32({end:DateTime64(6, 'UTC')})"

_PARTS = """
SELECT day, item_kind, source, item_id, any(e.category) AS category, any(e.repository) AS repository,
  any(e.service) AS service, team, sum(e.person_days) AS person_days
FROM (EFFORT) AS e WHERE has({categories:Array(String)}, toString(e.category))
GROUP BY day, item_kind, source, item_id, team
"""

_DAYS = """
SELECT day, repository, service, team, sum(e.person_days) AS person_days,
  sumIf(e.person_days, has({preventive:Array(String)}, toString(e.category))) AS preventive,
  uniqExactIf(e.item_id, e.category = 'feature') AS chosen
FROM (EFFORT) AS e GROUP BY day, repository, service, team
"""

_PEOPLE = """
SELECT DISTINCT toMonday(day) AS week, person FROM (EFFORT)
"""

_COMMITS = """
SELECT 'commit' AS kind, source, sha AS item_id, repository, subject AS title, body, '' AS branch,
  CAST([], 'Array(String)') AS shas, if(dated_by = 'committer', committed_at, authored_at) AS at,
  CAST(NULL, 'Nullable(DateTime64(6, \\'UTC\\'))') AS ended_at
FROM ktlo.commits
WHERE dated_by != 'none' AND (source, sha) IN (
  SELECT source, item_id FROM ktlo.verdicts
  WHERE item_kind = 'commit' AND has({categories:Array(String)}, toString(category)))
"""

_CHANGES = """
SELECT 'change' AS kind, source, external_id AS item_id, repository, title, body, branch,
  arrayFilter(sha -> sha != '', arrayDistinct(arrayConcat([merge_sha, head_sha], commits))) AS shas,
  created_at AS at, closed_at AS ended_at
FROM ktlo.changes
"""


def _narrowed(sql: str, question: Question, dimensions: Iterable[Dimension] = PLACES) -> str:
    conditions = [
        f"has({{{dimension}:Array(String)}}, toString({dimension}))"
        for dimension in dimensions
        if question.only.get(dimension)
    ]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT * FROM (\n{sql}\n){where}"  # noqa: S608 - both parts are ktlo's own, values are bound


def _checked(question: Question) -> None:
    unknown = [name for name, kept in question.only.items() if kept and name not in PLACES]
    if question.by is not None and question.by not in PLACES:
        unknown.append(question.by)
    if unknown:
        raise UsageError(
            f"a load cannot be narrowed or grouped by {' or '.join(unknown)}",
            fix=f"It can be by: {', '.join(PLACES)}",
        )


def read_history(store: Queryable, question: Question, settings: Settings) -> History:
    """Read all that is known until the end of the question's period; its start does not matter.

    Args:
        store: where the records are.
        question: its end, filters and grouping by service, repository or team are used.
        settings: hours of a person-day, severities that mean down.

    Raises:
        UsageError: a filter or grouping that a load does not have.
    """
    _checked(question)
    values: dict[str, Any] = {
        "end": min(question.end, question.now),
        "downtime_severities": list(question.downtime_severities or settings.downtime_severities),
        "categories": [category.value for category in CLASS_OF],
        "preventive": [category.value for category in PREVENTIVE],
        **{name.value: list(kept) for name, kept in question.only.items() if kept},
    }

    def rows(sql: str, order: str) -> pa.Table:
        return store.query(f"{_narrowed(sql, question)} ORDER BY {order}", values)

    def effort(sql: str, order: str) -> pa.Table:
        narrowed = sql.replace("EFFORT", _narrowed(_EFFORT, question))
        return store.query(f"{narrowed} ORDER BY {order}", values)

    by = question.by.value if question.by else ""
    # The engine gives rows in any order, and draws from the same seed would follow it.
    told = rows(_TRACKED, "kind, source, item_id")
    tracked = _tracked(told, by)
    outages = [_outage(row, by) for row in rows(_OUTAGES, "at, item_id, source").to_pylist()]
    parts = _parts(effort(_PARTS, "day, item_kind, source, item_id, team"), by, settings.effort.hours_per_day)
    changes = [_item(row) for row in store.query(_CHANGES).to_pylist()]
    commits = [_item(row) for row in store.query(_COMMITS, values).to_pylist()]
    linked = [item for item, _ in (*changes, *commits)]
    roots: Mapping[ItemKey, ItemKey] = {}
    if linked:
        # A fix may belong to an issue of another team or service: links are looked up among all of them.
        everything = told if not any(question.only.values()) else store.query(_TRACKED, values)
        keys = map(key_of, keys_column(everything, _KEY).to_pylist())
        named: Iterable[tuple[ItemKey, Any]] = zip(keys, everything["repository"].to_pylist(), strict=True)
        roots = roots_of(linked, Roots(named, (item for item, _ in changes)))
    assembly = Assembly(
        tracked=tracked,
        outages=outages,
        parts=parts,
        roots=roots,
        began={item.key: item.occurred_at.timestamp() for item in linked},
        ended={item.key: float("nan") if end > values["end"].timestamp() else end for item, end in changes},
        known_downtime=bool(outages) or bool(tracked.is_down.any()),
    )
    days = effort(_DAYS, "day, repository, service, team").to_pylist()
    people = effort(_PEOPLE, "week, person").to_pylist()
    return assembly.history(*_totals(days, people, by, settings.effort.hours_per_day))


def _seconds(moment: dt.datetime | None) -> float:
    return float("nan") if moment is None else moment.timestamp()


def _moments(column: Any) -> Floats:
    """Seconds since 1970 of a column of instants; NaN where there is none."""
    whole = column.combine_chunks()
    micros = whole.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    seconds: Floats = micros.fill_null(0).to_numpy(zero_copy_only=False) / 1e6
    return np.where(whole.is_null().to_numpy(zero_copy_only=False), np.nan, seconds)


def _flags(column: Any) -> Flags:
    whole = column.combine_chunks().cast(pa.bool_())
    flags: Flags = whole.fill_null(False).to_numpy(zero_copy_only=False)
    return flags


def _classes(column: Any) -> Ints:
    """Places of categories in ``classes.ORDER``; -1 for those that a team chooses."""
    said = Named.of(column)
    classes = [CLASS_OF.get(Category(name)) for name in said.names]
    return np.array([-1 if one is None else PLACE[one] for one in classes], dtype=np.int64)[said.place]


def _group(table: pa.Table, by: str) -> Named:
    return Named.of(table[by]) if by else Named.same(table.num_rows)


def _tracked(table: pa.Table, by: str) -> Filed:
    known, ended = _moments(table["known_until"]), _moments(table["ended_at"])
    later = ended > known  # closed after the moment that is asked about: still open then
    return Filed(
        keys=keys_column(table, _KEY),
        repository=Named.of(table["repository"]),
        service=Named.of(table["service"]),
        group=_group(table, by),
        work_class=_classes(table["category"]),
        arrived=_moments(table["at"]),
        ended=np.where(later, np.nan, ended),
        known_until=known,
        is_over=_flags(table["is_over"]) & ~later,
        is_duplicate=_flags(table["is_duplicate"]),
        is_down=_flags(table["is_down"]),
    )


def _outage(row: Mapping[str, Any], by: str) -> Outage:
    known = _seconds(row["known_until"])
    ended = _seconds(row["ended_at"])
    return Outage(
        key=ItemKey(ItemKind.INCIDENT, row["source"], f"outage {row['item_id']}"),
        incident_id=row["incident_id"],
        service=row["service"],
        group=row[by] if by else "",
        start=_seconds(row["at"]),
        end=ended if ended <= known else float("nan"),
        known_until=known,
    )


def _parts(table: pa.Table, by: str, hours_per_day: float) -> Parts:
    days = table["day"].combine_chunks().cast(pa.int32()).to_numpy(zero_copy_only=False)
    return Parts(
        keys=keys_column(table, ("item_kind", "source", "item_id")),
        day=days.astype(np.int64),
        work_class=_classes(table["category"]),
        repository=Named.of(table["repository"]),
        service=Named.of(table["service"]),
        group=_group(table, by),
        hours=table["person_days"].to_numpy() * hours_per_day,
    )


def _item(row: Mapping[str, Any]) -> tuple[WorkItem, float]:
    item = WorkItem(
        item_kind=ItemKind(row["kind"]),
        source=row["source"],
        item_id=row["item_id"],
        repository=row["repository"],
        title=row["title"],
        body=row["body"],
        branch=row["branch"],
        shas=tuple(row["shas"]),
        occurred_at=row["at"],
    )
    return item, _seconds(row["ended_at"])


def _totals(
    days: list[dict[str, Any]], people: list[dict[str, Any]], by: str, hours_per_day: float
) -> tuple[Days, list[str], dict[int, int]]:
    """All effort by day, the names of its groups, and persons by week."""
    names = sorted({row[by] for row in days}) if by else [""]
    place = {name: index for index, name in enumerate(names)}
    seen: dict[int, set[str]] = {}
    for row in people:
        seen.setdefault(int(weeks_of_days(day_of(row["week"]))), set()).add(row["person"])
    table = Days(
        day=np.array([day_of(row["day"]) for row in days], dtype=np.int64),
        group=np.array([place[row[by]] if by else 0 for row in days], dtype=np.int64),
        hours=np.array([row["person_days"] * hours_per_day for row in days], dtype=np.float64),
        preventive=np.array([row["preventive"] * hours_per_day for row in days], dtype=np.float64),
        chosen=np.array([row["chosen"] for row in days], dtype=np.float64),
    )
    return table, names, {week: len(names) for week, names in seen.items()}
