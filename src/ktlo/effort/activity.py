"""Who did what when: every trace of work in the records, one row each, with the work item it belongs to.

One query over commits, changes, reviews, issue events and incidents; its rows go to
:mod:`ktlo.effort.attribution`. Work that left several traces is counted once: copies of a commit (forks,
cherry-picks, rebases), and a squash commit whose branch is known. Defined for readers in docs/effort.md.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ktlo.effort.paths import NOT_BY_HAND
from ktlo.store import Store


class Activity(enum.StrEnum):
    """What somebody did, in the words of the ``activities`` column of ``effort``."""

    COMMIT = "commit"
    CO_AUTHOR = "co-author"
    AUTHORED = "change written"
    MERGE = "merge"
    OPENED = "change opened"
    REVIEW = "review"
    COMMENT = "comment"
    TRIAGE = "triage"
    INCIDENT = "incident step"
    RESPONDED = "incident response"


COLUMNS = (
    "who", "source", "item_kind", "item_id", "repository", "service", "activity", "at", "day", "lines",
    "category", "layer",
)  # fmt: skip
"""Columns of a table of activities. ``who`` is text of the source: ``Name <mail>``, a login, a mail, a name;
``day`` is in the author's own time zone for commits and in UTC otherwise; ``lines`` counts lines written by
hand, for commits and written changes only."""

_TRACES = """
WITH
known AS (SELECT repository, sha, is_merge FROM ktlo.commits WHERE sha IN (
  SELECT arrayJoin(arrayConcat([merge_sha, head_sha], commits)) FROM ktlo.changes
)),
squashed AS (
  SELECT repository, merge_sha FROM ktlo.changes
  WHERE merge_sha != '' AND merge_sha != head_sha AND NOT has(commits, merge_sha)
    AND (repository, head_sha) IN (SELECT repository, sha FROM known)
),
dated AS (
  SELECT source, repository, sha, concat(author_name, ' <', author_email, '>') AS author, co_authors, subject,
         is_merge, committed_at, cityHash64(paths) AS touched_paths,
         if(dated_by = 'committer', committed_at, authored_at) AS at,
         toDate32(addMinutes(at, authored_offset)) AS day, lines_added + lines_deleted AS touched
  FROM ktlo.commits
  WHERE dated_by != 'none' AND at >= {since:DateTime64(6, 'UTC')} AND at < {until:DateTime64(6, 'UTC')}
  ORDER BY sha, source, repository LIMIT 1 BY sha
),
written AS (
  SELECT * FROM dated WHERE is_merge OR (repository, sha) NOT IN squashed
  ORDER BY committed_at, sha LIMIT 1 BY lower(author), at, subject, touched_paths
),
not_by_hand AS (
  SELECT source, repository, sha, sum(lines_added + lines_deleted) AS lines FROM ktlo.file_changes
  WHERE authored_at >= {since:DateTime64(6, 'UTC')} AND authored_at < {until:DateTime64(6, 'UTC')}
    AND match(path, {not_by_hand:String})
  GROUP BY source, repository, sha
),
event AS (
  SELECT e.source AS source, e.issue_id AS id, e.kind AS kind, e.actor AS actor, e.occurred_at AS at,
         if(e.repository = '', issues.repository, e.repository) AS place, issues.service AS service,
         (e.source, e.issue_id) IN (SELECT source, external_id FROM ktlo.changes) AS on_change
  FROM ktlo.issue_events AS e
  LEFT ANY JOIN ktlo.issues AS issues ON issues.source = e.source AND issues.external_id = e.issue_id
),
trace AS (
  SELECT credit.1 AS who, source, 'commit' AS item_kind, sha AS item_id, repository, '' AS service,
         credit.2 AS activity, at, day, lines
  FROM (
    SELECT w.source AS source, w.repository AS repository, w.sha AS sha, w.at AS at, w.day AS day,
           if(w.is_merge, 0, greatest(0, w.touched - n.lines)) AS lines,
           arrayJoin(arrayConcat(
             [(w.author, if(w.is_merge, 'merge', 'commit'))],
             arrayMap(name -> (name, 'co-author'), if(w.is_merge, [], w.co_authors))
           )) AS credit
    FROM written AS w
    LEFT JOIN not_by_hand AS n ON n.source = w.source AND n.repository = w.repository AND n.sha = w.sha
  )
  UNION ALL
  SELECT done.1, source, 'change', external_id, repository, '', done.2, done.3, toDate32(done.3), done.4
  FROM (
    SELECT source, external_id, repository, arrayJoin([
      (author, 'change opened', created_at, toInt64(0)),
      (
        if(arrayExists(s -> (repository, s) IN (SELECT repository, sha FROM known),
                       arrayConcat([merge_sha, head_sha], commits)), '', author),
        'change written', created_at, ifNull(lines_added, 0) + ifNull(lines_deleted, 0)
      ),
      (
        if((repository, merge_sha) IN (SELECT repository, sha FROM known WHERE is_merge), '', merged_by),
        'merge', ifNull(merged_at, updated_at), toInt64(0)
      )
    ]) AS done
    FROM ktlo.changes
  )
  UNION ALL
  SELECT r.reviewer, r.source, 'change', r.change_id, r.repository, '',
         if(r.reviewer = changes.author, 'comment', 'review'), r.submitted_at, toDate32(r.submitted_at), 0
  FROM ktlo.reviews AS r
  LEFT ANY JOIN ktlo.changes AS changes ON changes.source = r.source AND changes.external_id = r.change_id
  UNION ALL
  SELECT actor, source, if(on_change, 'change', 'issue'), id, place, if(on_change, '', service),
         if(kind = 'commented', 'comment', 'triage'), at, toDate32(at), 0
  FROM event WHERE kind != 'referenced' AND NOT (on_change AND kind IN ('opened', 'closed'))
  UNION ALL
  SELECT author, source, 'issue', external_id, repository, service, 'triage', created_at,
         toDate32(created_at), 0
  FROM ktlo.issues
  WHERE (source, external_id) NOT IN (SELECT source, issue_id FROM ktlo.issue_events WHERE kind = 'opened')
  UNION ALL
  SELECT e.actor, e.source, 'incident', e.incident_id, incidents.repository, incidents.service,
         if(e.kind IN ('detected', 'closed'), 'triage', 'incident step'), e.occurred_at,
         toDate32(e.occurred_at), 0
  FROM ktlo.incident_events AS e
  LEFT ANY JOIN ktlo.incidents AS incidents
    ON incidents.source = e.source AND incidents.external_id = e.incident_id
  LIMIT 1 BY e.source, e.incident_id, e.actor, e.kind, toDate32(e.occurred_at)
  UNION ALL
  SELECT arrayJoin(responders) AS responder, source, 'incident', external_id, repository, service,
         'incident response', ifNull(acknowledged_at, detected_at) AS responded_at, toDate32(responded_at), 0
  FROM ktlo.incidents
  WHERE (source, external_id, responder) NOT IN (SELECT source, incident_id, actor FROM ktlo.incident_events)
)
SELECT trace.who AS who, trace.source AS source, trace.item_kind AS item_kind, trace.item_id AS item_id,
       trace.repository AS repository, trace.service AS service, trace.activity AS activity, trace.at AS at,
       trace.day AS day, trace.lines AS lines,
       if(v.category = '', 'unattributed', v.category) AS category, if(v.layer = '', 'none', v.layer) AS layer
FROM trace
LEFT ANY JOIN ktlo.verdicts AS v
  ON v.item_kind = trace.item_kind AND v.source = trace.source AND v.item_id = trace.item_id
WHERE trace.who != '' AND trace.day >= {first:Date32} AND trace.day <= {last:Date32}
"""

_MONTHS = """
SELECT month, sum(traces) AS traces FROM (
  SELECT toYYYYMM(if(dated_by = 'committer', committed_at, authored_at)) AS month, count() AS traces
  FROM ktlo.commits WHERE dated_by != 'none' GROUP BY month
  UNION ALL SELECT toYYYYMM(created_at) AS month, 3 * count() FROM ktlo.changes GROUP BY month
  UNION ALL SELECT toYYYYMM(assumeNotNull(merged_at)) AS month, count() FROM ktlo.changes
    WHERE merged_at IS NOT NULL GROUP BY month
  UNION ALL SELECT toYYYYMM(submitted_at) AS month, count() FROM ktlo.reviews GROUP BY month
  UNION ALL SELECT toYYYYMM(created_at) AS month, count() FROM ktlo.issues GROUP BY month
  UNION ALL SELECT toYYYYMM(occurred_at) AS month, count() FROM ktlo.issue_events GROUP BY month
  UNION ALL SELECT toYYYYMM(occurred_at) AS month, count() FROM ktlo.incident_events GROUP BY month
  UNION ALL SELECT toYYYYMM(ifNull(acknowledged_at, detected_at)) AS month, count() FROM ktlo.incidents
    GROUP BY month
) GROUP BY month ORDER BY month
"""

TRACES_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True)
class Days:
    """A range of days, both included."""

    first: dt.date
    last: dt.date


def periods(store: Store) -> Iterator[Days]:
    """Whole months that together cover all activity, few enough traces in each to hold in memory.

    A day lies in one period only, so that each can be attributed on its own.
    """
    first: dt.date | None = None
    held = 0
    last = dt.date.min
    for row in store.query(_MONTHS).to_pylist():
        traces, last = row["traces"], dt.date(row["month"] // 100, row["month"] % 100, 1)
        if first is not None and held + traces > TRACES_AT_ONCE:
            yield Days(first, last - dt.timedelta(days=1))
            first, held = last, 0
        # The first moment of a month may be last month's in its zone, the last one the next month's.
        first = last - dt.timedelta(days=2) if first is None else first
        held += traces
    if first is not None:
        yield Days(first, last + dt.timedelta(days=33))


def activities(store: Store, days: Days) -> pa.Table:
    """Every trace of work in a range of days.

    Args:
        store: holds the records and the verdicts.
        days: the range.

    Returns:
        A table with COLUMNS, in no particular order.
    """
    start = dt.datetime.combine(days.first, dt.time(), dt.UTC)
    end = dt.datetime.combine(days.last, dt.time(), dt.UTC)
    return store.query(
        _TRACES,
        {
            "since": start - dt.timedelta(days=2),
            "until": end + dt.timedelta(days=2),
            "first": days.first,
            "last": days.last,
            "not_by_hand": NOT_BY_HAND,
        },
    )


def activities_on(store: Store, moments: Sequence[dt.date]) -> pa.Table:
    """Every trace of work on some days, which may lie far apart."""
    tables = [activities(store, Days(day, day)) for day in sorted(set(moments))]
    return pa.concat_tables(tables) if tables else pa.table({name: pa.array([]) for name in COLUMNS})
