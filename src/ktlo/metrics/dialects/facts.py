"""The rows that all dialects read: deployments, incidents, changes with their commits, and bugs, whatever the period.

From the store, once for a question and with its filters; a dialect decides which of them count. Times are seconds
since 1970. The rows that ktlo itself counts come from its own definitions, so that its number here is its number there.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from ktlo.metrics import members
from ktlo.metrics.ask import fetch, filtered, parameters
from ktlo.metrics.bugs import BUGS
from ktlo.metrics.dialects.recipe import Counted
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.metrics.rows import Rows
from ktlo.store.protocol import Queryable

DIMENSIONS = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SOURCE)
"""By what every dialect can be narrowed."""

_EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ELSEWHERE = frozenset(
    (
        "staging",
        "stage",
        "stg",
        "dev",
        "development",
        "test",
        "testing",
        "qa",
        "uat",
        "preview",
        "preprod",
        "sandbox",
        "local",
    )
)

_DEPLOYMENTS = f"""
WITH {members.MEMBERS}
SELECT toString(d.source) AS source, d.external_id AS external_id, d.url AS url, d.version AS version, d.sha AS sha,
  {members.service("d")} AS service, toString(d.repository) AS repository, toString({members.team()}) AS team,
  lower(toString(d.environment)) AS environment, toString(d.status) AS status, d.started_at AS started_at,
  d.finished_at AS finished_at
FROM ktlo.deployments AS d
{members.joins("d")}
WHERE d.started_at <= {{now:DateTime64(6, 'UTC')}}"""  # noqa: S608 - no value enters the text

_INCIDENTS = f"""
WITH {members.MEMBERS}
SELECT toString(i.source) AS source, i.external_id AS external_id, i.title AS title, i.url AS url,
  {members.service("i")} AS service, toString(i.repository) AS repository,
  if(i.team != '', toString(i.team), toString({members.team()})) AS team, toString(i.state) AS state,
  i.detected_at AS detected_at, i.mitigated_at AS mitigated_at, i.resolved_at AS resolved_at, i.closed_at AS closed_at,
  i.caused_by AS caused_by,
  least(coalesce(i.observed_until, {{now:DateTime64(6, 'UTC')}}), {{now:DateTime64(6, 'UTC')}}) AS known_until
FROM ktlo.incidents AS i
{members.joins("i")}
WHERE i.detected_at <= {{now:DateTime64(6, 'UTC')}}"""  # noqa: S608 - no value enters the text

_CHANGES = f"""
WITH {members.MEMBERS}
SELECT toString(c.source) AS source, c.external_id AS external_id, c.title AS title, c.url AS url,
  held.service AS service, toString(c.repository) AS repository, toString(held.team) AS team,
  c.created_at AS created_at, c.merged_at AS merged_at, c.merge_sha AS merge_sha, c.commits AS commits,
  r.first_at AS reviewed_at, r.approved_at AS approved_at
FROM ktlo.changes AS c
LEFT JOIN members AS held ON held.kind = 'repository' AND held.member = c.repository
LEFT JOIN (
  SELECT v.source AS source, v.repository AS repository, v.change_id AS change_id,
    toNullable(min(v.submitted_at)) AS first_at,
    if(countIf(v.state = 'approved') > 0, minIf(v.submitted_at, v.state = 'approved'), NULL) AS approved_at
  FROM ktlo.reviews AS v
  INNER JOIN ktlo.changes AS o ON o.source = v.source AND o.external_id = v.change_id AND o.repository = v.repository
  WHERE v.reviewer != o.author GROUP BY source, repository, change_id
) AS r ON r.source = c.source AND r.change_id = c.external_id AND r.repository = c.repository
WHERE c.merged_at IS NOT NULL AND c.merged_at <= {{now:DateTime64(6, 'UTC')}}"""  # noqa: S608 - no value enters the text

_COMMITS = """
SELECT m.sha AS sha, min(m.authored_at) AS authored_at, min(m.committed_at) AS committed_at
FROM ktlo.commits AS m GROUP BY sha"""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment, as told by a source or deduced by ktlo.

    Attributes:
        source: identifier of the source.
        external_id: identifier there.
        title: for people.
        url: outside; empty when nowhere.
        repository: empty when none.
        version: empty when unknown.
        sha: commit in lower case; empty when unknown.
        status: as the source tells it; ``success`` for those that ktlo deduced.
        is_production: True unless its environment is named like a stage before production.
        is_told: True when a source told it as a deployment; False when ktlo deduced it (telemetry).
        started_at: seconds since 1970.
        finished_at: seconds since 1970; ``None`` while running or not told.
        counts: True when ktlo's own metric counts it.
        at: the instant by which ktlo counts it.
        is_failed: by ktlo's own definition.
        authored_at: of its commit, where ktlo's own metric uses it; else ``None``.
    """

    source: str
    external_id: str
    title: str
    url: str
    repository: str
    version: str
    sha: str
    status: str
    is_production: bool
    is_told: bool
    started_at: float
    finished_at: float | None
    counts: bool
    at: float
    is_failed: bool
    authored_at: float | None

    @property
    def succeeded(self) -> bool:
        """A source says that it succeeded; superseded (inactive) and degraded ones had."""
        return (
            self.is_told
            and self.status in ("success", "degraded", "inactive")
            and self.finished_at is not None
        )


@dataclass(frozen=True, slots=True)
class Harm:
    """An incident. Times are seconds since 1970, ``None`` when not (yet) there."""

    source: str
    external_id: str
    title: str
    url: str
    state: str
    detected_at: float
    mitigated_at: float | None
    resolved_at: float | None
    closed_at: float | None
    caused_by: str
    known_until: float


@dataclass(frozen=True, slots=True)
class Merged:
    """A change that was merged, with its first commit and reviews. Times are seconds since 1970."""

    source: str
    external_id: str
    title: str
    url: str
    repository: str
    created_at: float
    merged_at: float
    merge_sha: str
    commits: tuple[str, ...]
    first_commit_at: float | None
    reviewed_at: float | None
    approved_at: float | None


class Solved(msgspec.Struct, frozen=True):
    """A bug or another issue. Times are seconds since 1970."""

    source: str
    external_id: str
    title: str
    url: str
    opened_at: float
    closed_at: float | None
    is_over: bool
    known_until: float


@dataclass(frozen=True, slots=True)
class Facts:
    """All rows of one question; a metric reads those that it needs and leaves the others empty."""

    deployments: tuple[Deployed, ...] = ()
    incidents: tuple[Harm, ...] = ()
    changes: tuple[Merged, ...] = ()
    committed: dict[str, float] | None = None
    """When each commit was made, by its sha."""
    bugs: tuple[Solved, ...] = ()
    made: dict[Hashable, tuple[Counted, ...]] = field(default_factory=dict, compare=False, repr=False)
    """What was made of them, by the rules and the period: statistics over the same rows need them made once."""


def _moment(value: Any) -> float | None:
    return None if value is None else float(value.timestamp())


def _asked(store: Queryable, sql: str, question: Question) -> pa.Table:
    bound: dict[str, Any] = {"now": question.now}
    for dimension, kept in question.only.items():
        if kept:
            bound[dimension] = list(kept)
    return store.query(filtered(sql, question), bound)


def narrowed(question: Question) -> Question:
    """The question with the filters that every dialect has, ungrouped."""
    only = {name: values for name, values in question.only.items() if name in DIMENSIONS}
    return replace(question, only=only, by=None, grain=None)


def read_deployments(store: Queryable, question: Question, metric: str) -> tuple[Deployed, ...]:
    """Every deployment until now, with what a metric of ktlo makes of it.

    Args:
        store: where the records are.
        question: its filters and moment; not its period.
        metric: the metric of ktlo whose rows say which of them it counts.
    """
    ever = replace(question, start=_EVER, end=question.now)
    own = {
        (str(row["source"]), str(row["external_id"])): row
        for row in fetch(store, definition(metric), ever).table.to_pylist()
    }
    found = []
    for row in _asked(store, _DEPLOYMENTS, question).to_pylist():
        told = own.pop((row["source"], row["external_id"]), None)
        found.append(_deployed(row, told, is_told=True))
    found.extend(
        _deployed(
            {
                **row,
                "started_at": row["at"],
                "finished_at": row["at"],
                "environment": "",
                "status": "success",
            },
            row,
            is_told=False,
        )
        for row in own.values()
    )
    return tuple(sorted(found, key=lambda one: (one.at, one.source, one.external_id)))


def _deployed(row: dict[str, Any], own: dict[str, Any] | None, *, is_told: bool) -> Deployed:
    started, finished = _moment(row["started_at"]), _moment(row["finished_at"])
    assert started is not None  # noqa: S101 - a deployment has its beginning
    at = _moment(own["at"]) if own else finished
    authored = _moment(own.get("authored_at")) if own and not own.get("is_rollback") else None
    return Deployed(
        source=str(row["source"]),
        external_id=str(row["external_id"]),
        title=" ".join(filter(None, (row["service"] or row["repository"], row["version"])))
        or row["external_id"],
        url=str(row["url"]),
        repository=str(row["repository"]),
        version=str(row["version"]),
        sha=str(row.get("sha") or "").lower(),
        status=str(row["status"]),
        is_production=row["environment"] not in _ELSEWHERE,
        is_told=is_told,
        started_at=started,
        finished_at=finished,
        counts=own is not None,
        at=started if at is None else at,
        is_failed=bool(own and own.get("is_failed")),
        authored_at=authored,
    )


def read_incidents(store: Queryable, question: Question) -> tuple[Harm, ...]:
    """Every incident until now, cancelled ones too."""
    return tuple(
        Harm(
            source=row["source"],
            external_id=row["external_id"],
            title=row["title"] or row["external_id"],
            url=row["url"],
            state=row["state"],
            detected_at=row["detected_at"].timestamp(),
            mitigated_at=_moment(row["mitigated_at"]),
            resolved_at=_moment(row["resolved_at"]),
            closed_at=_moment(row["closed_at"]),
            caused_by=row["caused_by"].strip().lower(),
            known_until=row["known_until"].timestamp(),
        )
        for row in sorted(
            _asked(store, _INCIDENTS, question).to_pylist(),
            key=lambda row: (row["detected_at"], row["source"], row["external_id"]),
        )
    )


def read_changes(store: Queryable, question: Question) -> tuple[tuple[Merged, ...], dict[str, float]]:
    """Every change that was merged until now, and when each commit of the repositories was made."""
    commits = store.query(_COMMITS).to_pylist()
    authored = {row["sha"]: row["authored_at"].timestamp() for row in commits}
    committed = {row["sha"]: row["committed_at"].timestamp() for row in commits}
    changes = tuple(
        Merged(
            source=row["source"],
            external_id=row["external_id"],
            title=row["title"] or row["external_id"],
            url=row["url"],
            repository=row["repository"],
            created_at=row["created_at"].timestamp(),
            merged_at=row["merged_at"].timestamp(),
            merge_sha=row["merge_sha"].lower(),
            commits=tuple(row["commits"]),
            first_commit_at=min((authored[sha] for sha in row["commits"] if sha in authored), default=None),
            reviewed_at=_moment(row["reviewed_at"]),
            approved_at=_moment(row["approved_at"]),
        )
        for row in sorted(
            _asked(store, _CHANGES, question).to_pylist(),
            key=lambda row: (row["merged_at"], row["source"], row["repository"], row["external_id"]),
        )
    )
    return changes, committed


def read_bugs(store: Queryable, question: Question) -> tuple[Solved, ...]:
    """Bugs that were open at some time in the period, or were opened in it."""
    bound = parameters(definition("bug_time_to_close"), question)
    rows = Rows(store.query(filtered(BUGS, question), bound))
    texts = [
        rows.table[name].cast(pa.string()).to_pylist() for name in ("source", "external_id", "title", "url")
    ]
    opened, closed, known = (rows.seconds(name).tolist() for name in ("at", "closed_at", "known_until"))
    over = rows.numbers("is_over") > 0
    return tuple(
        Solved(
            source,
            external_id,
            title or external_id,
            url,
            at,
            None if math.isnan(end) else end,
            is_over,
            until,
        )
        for source, external_id, title, url, at, end, is_over, until in zip(
            *texts, opened, closed, over.tolist(), known, strict=True
        )
    )
