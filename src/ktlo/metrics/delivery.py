"""Delivery: how often something is deployed, how often that fails, and how old the change is by then (DORA).

Rows are deployments into production: those that sources told, and those that only telemetry saw (a version that
replaced another, ``telemetry_deployments``). One that both saw is one row: same service, within six hours, versions
that agree or are not told. Every row says who told it. Definitions: Forsgren, Humble and Kim, Accelerate, 2018.
"""

from __future__ import annotations

import numpy as np

from ktlo.metrics import members, survival
from ktlo.metrics.comparison import compare_proportions, compare_rates
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.intervals import rate
from ktlo.metrics.proportions import wilson
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.reliability import KAPLAN_MEIER
from ktlo.metrics.rows import Rows

WEEK = 7 * 86400.0
_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SOURCE)
_TELEMETRY = (
    "Versions that only telemetry saw arrive (service.version) count too, where nothing else told of them; the"
    " statistic from_telemetry says how many those are."
)

_ELSEWHERE = (
    "('staging', 'stage', 'stg', 'dev', 'development', 'test', 'testing', 'qa', 'uat', 'preview', 'preprod', 'sandbox',"
    " 'local')"
)


def _bare(version: str) -> str:
    return f"replaceRegexpOne(lower({version}), '^v', '')"


def _agree(one: str, two: str) -> str:
    """SQL: two names of a version mean the same; a commit and its beginning, with or without v."""
    return (
        f"({one} != '' AND {two} != '' AND ({_bare(one)} = {_bare(two)}"
        f" OR (length({one}) >= 7 AND startsWith({_bare(two)}, {_bare(one)}))"
        f" OR (length({two}) >= 7 AND startsWith({_bare(one)}, {_bare(two)}))))"
    )


DEPLOYED = f"""
WITH {members.MEMBERS},
told AS (
  SELECT toString(d.source) AS source, d.external_id AS external_id, d.url AS url, {members.service("d")} AS service,
    toString(d.repository) AS repository, toString({members.team()}) AS team, d.version AS version, d.sha AS sha,
    coalesce(d.finished_at, d.started_at) AS at, toUInt8(0) AS is_rollback, toUInt8(0) AS from_telemetry
  FROM ktlo.deployments AS d
  {members.joins("d")}
  WHERE d.status IN ('success', 'inactive', 'unknown') AND lower(toString(d.environment)) NOT IN {_ELSEWHERE}
),
known AS (SELECT service, groupArray((at, version, sha)) AS deployed FROM told GROUP BY service),
seen AS (
  SELECT if(m.service != '', toString(m.service), toString(t.service)) AS service, toString(m.team) AS team,
    toString(t.version) AS version, t.is_rollback AS is_rollback, coalesce(t.finished_at, t.started_at) AS at,
    toString(t.environment) AS environment
  FROM ktlo.telemetry_deployments AS t
  LEFT JOIN members AS m ON m.kind = 'telemetry' AND m.member = t.service
  WHERE t.outcome = 'complete' AND lower(toString(t.environment)) NOT IN {_ELSEWHERE}
),
deployed AS (
  SELECT * FROM told
  UNION ALL
  SELECT 'telemetry' AS source, concat(s.service, ' ', s.version, ' ', toString(s.at)) AS external_id, '' AS url,
    s.service AS service, '' AS repository, s.team AS team, s.version AS version,
    if(match(s.version, '^[0-9a-f]{{7,40}}$'), s.version, '') AS sha, s.at AS at, toUInt8(s.is_rollback) AS is_rollback,
    toUInt8(1) AS from_telemetry
  FROM seen AS s LEFT JOIN known AS k ON k.service = s.service
  WHERE NOT arrayExists(x -> abs(dateDiff('second', tupleElement(x, 1), s.at)) <= 21600
    AND ((tupleElement(x, 2) = '' AND tupleElement(x, 3) = '') OR {_agree("tupleElement(x, 2)", "s.version")}
      OR {_agree("tupleElement(x, 3)", "s.version")}), k.deployed)
),
harmed AS (
  SELECT {members.service("i")} AS service,
    groupArray(coalesce(least(i.started_at, i.detected_at), i.detected_at)) AS begun
  FROM ktlo.incidents AS i
  {members.joins("i")}
  WHERE i.state != 'cancelled' GROUP BY service
),
followed AS (
  SELECT *, leadInFrame(at, 1, toDateTime64('2261-01-01', 6, 'UTC')) OVER w AS next_at,
    leadInFrame(is_rollback, 1, toUInt8(0)) OVER w AS next_is_rollback
  FROM deployed
  WINDOW w AS (PARTITION BY service, repository ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
),
made AS (
  SELECT substring(m.sha, 1, 7) AS beginning, any(m.sha) AS whole, any(m.repository) AS held_in,
    min(m.authored_at) AS authored
  FROM ktlo.commits AS m GROUP BY beginning HAVING uniqExact(m.sha) = 1
)
SELECT f.source AS source, f.external_id AS external_id, concat(f.service, ' ', f.version) AS title, f.url AS url,
  f.service AS service, if(f.repository != '', f.repository, toString(c.held_in)) AS repository, f.team AS team,
  f.version AS version, f.at AS at, f.is_rollback AS is_rollback, f.from_telemetry AS from_telemetry,
  (f.next_is_rollback = 1 AND f.next_at < f.at + INTERVAL 1 DAY)
    OR (f.service != '' AND arrayExists(t -> t >= f.at AND t < least(f.next_at, f.at + INTERVAL 1 DAY), h.begun))
    AS is_failed,
  if(c.whole != '', c.authored, NULL) AS authored_at
FROM followed AS f
LEFT JOIN harmed AS h ON h.service = f.service
LEFT JOIN made AS c ON f.sha != '' AND c.beginning = substring(lower(f.sha), 1, 7)
WHERE f.at >= {{start:DateTime64(6, 'UTC')}} AND f.at < {{end:DateTime64(6, 'UTC')}}
  AND f.at <= {{now:DateTime64(6, 'UTC')}}
ORDER BY at DESC"""  # noqa: S608 - no value enters the text


@metric(
    title="Deployments",
    family=Family.RELIABILITY,
    unit=Unit.COUNT,
    definition="Successful deployments into production in the period, rollbacks included; per week as a rate."
    f" {_TELEMETRY}",
    reading="More deployments of smaller changes usually fail less. What is in no environment counts as production.",
    source="Forsgren, Humble and Kim, Accelerate, 2018; Garwood, Biometrika 1936",
    dimensions=_BY,
    headline="count",
    better=Better.HIGHER,
    tables=("deployments",),
    sql=DEPLOYED,
    counts="deployments",
    compare=lambda before, earlier, after, later: compare_rates(
        len(before.within(earlier)),
        earlier.seconds,
        len(after.within(later)),
        later.seconds,
        noun="deployments",
    ),
)
def deployment_frequency(rows: Rows, window: Window) -> Statistics:
    """How many deployments, how many a week, and how many of them only telemetry saw."""
    inside = rows.within(window)
    count = len(inside)
    seen = float(np.sum(inside.numbers("from_telemetry"))) if count else 0.0
    return {
        "count": Estimate(float(count), None, None, count),
        "per_week": rate(count, window.seconds, WEEK),
        "from_telemetry": Estimate(seen, None, None, count),
    }


@metric(
    title="Change failure rate",
    family=Family.RELIABILITY,
    unit=Unit.SHARE,
    definition="Deployments into production in the period that failed, divided by all of them. One failed when an"
    " incident of its service began within 24 hours after it and before the next one, or when the next one within 24"
    f" hours took it back. {_TELEMETRY}",
    reading="An incident after a deployment need not come from it. Deployments of services without a pager can only"
    " fail by being taken back.",
    source="Forsgren, Humble and Kim, Accelerate, 2018; Wilson, JASA 1927",
    dimensions=_BY,
    headline="share",
    better=Better.LOWER,
    tables=("deployments", "incidents"),
    sql=DEPLOYED,
    counts="deployments",
    compare=lambda before, earlier, after, later: compare_proportions(
        *_failed(before, earlier), *_failed(after, later), noun="deployments"
    ),
)
def change_failure_rate(rows: Rows, window: Window) -> Statistics:
    """Share of deployments that failed."""
    return {"share": wilson(*_failed(rows, window))}


def _failed(rows: Rows, window: Window) -> tuple[int, int]:
    inside = rows.within(window)
    return (int((inside.numbers("is_failed") > 0).sum()), len(inside)) if len(inside) else (0, 0)


@metric(
    title="Age of what is deployed",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from when the deployed commit was authored until it was in production, for deployments in the"
    " period whose commit is known: it was told, or service.version is a commit of a repository that is read. Rollbacks"
    f" are left out. {_TELEMETRY}",
    reading="A lead time for changes by the newest commit of each deployment: the older commits that it carries"
    " waited longer.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("deployments", "commits"),
    sql=DEPLOYED,
    detail=f"SELECT * FROM (\n{DEPLOYED}\n) WHERE authored_at IS NOT NULL AND is_rollback = 0 AND authored_at <= at",  # noqa: S608
    counts="deployments",
)
def deployed_change_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of authored to deployed."""
    inside = rows.within(window)
    authored, at = inside.seconds("authored_at"), inside.seconds("at")
    usable = ~np.isnan(authored) & (inside.numbers("is_rollback") == 0) & (authored <= at)
    length = (at - authored)[usable]
    return survival.summarise(length, np.ones(length.size, dtype=bool))
