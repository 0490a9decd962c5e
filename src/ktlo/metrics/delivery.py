"""Delivery: how often something is deployed, how often that fails, and how old the change is by then (DORA).

Rows are deployments into production, each once, the changes in them, and the incidents linked to them, as
``ktlo.delivery`` derives them (``service_deployments``, ``deployed_changes``, ``incident_links``; docs/deployments.md).
Definitions: Forsgren, Humble and Kim, Accelerate, 2018; failed deployment recovery time: DORA, 2023 report.
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
from ktlo.metrics.rows import Floats, Rows

WEEK = 7 * 86400.0
_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SOURCE)
_TELEMETRY = (
    "Versions that only telemetry saw arrive (service.version or the image) count too, where nothing else told of them;"
    " the statistic from_telemetry says how many those are."
)

DEPLOYED = """
WITH linked AS (
  SELECT l.deployment_id AS deployment_id, count() AS incidents, countIf(l.ended_at IS NULL) AS open,
    max(l.ended_at) AS ended_at, max(l.confidence) AS confidence
  FROM ktlo.incident_links AS l WHERE l.is_counted GROUP BY deployment_id
),
made AS (
  SELECT c.sha AS sha, min(c.authored_at) AS authored FROM ktlo.commits AS c
  WHERE c.sha IN (SELECT sha FROM ktlo.service_deployments WHERE sha != '') GROUP BY sha
)
SELECT toString(d.source) AS source, d.external_id AS external_id, concat(d.service, ' ', d.version) AS title,
  d.url AS url, toString(d.service) AS service, toString(d.repository) AS repository, toString(d.team) AS team,
  d.version AS version, d.at AS at, d.deployment_id AS deployment_id, toUInt8(d.is_rollback) AS is_rollback,
  toUInt8(d.basis = 'telemetry') AS from_telemetry, l.incidents AS incidents,
  toUInt8(l.incidents > 0 OR d.rolled_back_at IS NOT NULL OR d.status = 'degraded') AS is_failed,
  toUInt8(l.incidents = 0 AND d.rolled_back_at IS NULL AND d.status = 'degraded') AS is_end_unknown,
  multiIf(l.open > 0, NULL, l.incidents > 0, l.ended_at, d.rolled_back_at) AS recovered_at,
  if(m.sha != '', m.authored, NULL) AS authored_at
FROM ktlo.service_deployments AS d
LEFT JOIN linked AS l ON l.deployment_id = d.deployment_id
LEFT JOIN made AS m ON d.sha != '' AND m.sha = d.sha
WHERE d.is_production AND d.status IN ('success', 'degraded', 'unknown')
  AND d.at >= {start:DateTime64(6, 'UTC')} AND d.at < {end:DateTime64(6, 'UTC')}
  AND d.at <= {now:DateTime64(6, 'UTC')}
ORDER BY at DESC"""

ATTEMPTED = """
SELECT toString(d.source) AS source, d.external_id AS external_id, concat(d.service, ' ', d.version) AS title,
  d.url AS url, toString(d.service) AS service, toString(d.repository) AS repository, toString(d.team) AS team,
  d.version AS version, d.at AS at, toUInt8(d.status = 'failure') AS is_failed
FROM ktlo.service_deployments AS d
WHERE d.is_production AND d.status IN ('success', 'degraded', 'unknown', 'failure')
  AND d.at >= {start:DateTime64(6, 'UTC')} AND d.at < {end:DateTime64(6, 'UTC')}
  AND d.at <= {now:DateTime64(6, 'UTC')}
ORDER BY at DESC"""

BROUGHT = """
SELECT toString(d.source) AS source, substring(c.sha, 1, 12) AS external_id, c.subject AS title, d.url AS url,
  toString(d.service) AS service, toString(d.repository) AS repository, toString(d.team) AS team,
  d.version AS version, d.deployment_id AS deployment_id, d.at AS at, c.authored_at AS authored_at,
  c.first_at AS first_at, c.merged_at AS merged_at, c.change_id AS change_id
FROM ktlo.deployed_changes AS c
INNER JOIN ktlo.service_deployments AS d ON d.deployment_id = c.deployment_id
WHERE d.is_production AND NOT c.is_again AND c.first_at <= d.at
  AND d.at >= {start:DateTime64(6, 'UTC')} AND d.at < {end:DateTime64(6, 'UTC')}
  AND d.at <= {now:DateTime64(6, 'UTC')}
ORDER BY at DESC, external_id"""

ATTRIBUTED = f"""
WITH {members.MEMBERS},
deploying AS (SELECT DISTINCT toString(service) AS service FROM ktlo.service_deployments WHERE is_production),
counted AS (
  SELECT l.incident_source AS source, l.incident_id AS external_id, max(toUInt8(l.is_counted)) AS is_attributed,
    max(l.confidence) AS confidence
  FROM ktlo.incident_links AS l GROUP BY source, external_id
)
SELECT toString(i.source) AS source, i.external_id AS external_id, i.title AS title, i.url AS url,
  {members.service("i")} AS service, toString(i.repository) AS repository, toString({members.team()}) AS team,
  toString(i.severity) AS severity, coalesce(least(i.started_at, i.detected_at), i.detected_at) AS at,
  k.is_attributed AS is_attributed, k.confidence AS confidence
FROM ktlo.incidents AS i
{members.joins("i")}
LEFT JOIN counted AS k ON k.source = i.source AND k.external_id = i.external_id
WHERE i.state != 'cancelled' AND service IN (SELECT deploying.service FROM deploying)
  AND at >= {{start:DateTime64(6, 'UTC')}} AND at < {{end:DateTime64(6, 'UTC')}}
  AND at <= {{now:DateTime64(6, 'UTC')}}
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
    tables=("deployments", "releases", "tags", "workflow_runs"),
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
    " incident is linked to it with at least the confidence `delivery.threshold` (0.5), or a person says that it caused"
    " one, when the next one within 24 hours took it back, or when its tool says that it ran and was degraded. An"
    " incident counts for its likeliest deployment only."
    f" {_TELEMETRY}",
    reading="An incident after a deployment need not come from it: see the links with their reasons, and reject what is"
    " wrong. Incidents that no deployment explains are counted by unattributed_incidents. Deployments of services"
    " without a pager can only fail by being taken back.",
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
    " period whose commit is known: it was told, or service.version or the image's tag is a commit"
    " of a repository that is read. Rollbacks"
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


@metric(
    title="Lead time for changes",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from the first commit of a change until it was in production, for every commit that a deployment"
    " in the period brought there for the first time (merge commits are left out). The first commit is that of its pull"
    " request; where the request's commits are not known, when it was opened; without a request, the commit itself."
    " `from_commit` begins with the commit itself, `from_merge` with the merge.",
    reading="Squashing hides when work began: give ktlo the pull requests too. What was never deployed is not in it.",
    source=f"Forsgren, Humble and Kim, Accelerate, 2018; {KAPLAN_MEIER}",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("deployments", "commits", "changes", "tags"),
    sql=BROUGHT,
    counts="commits",
)
def lead_time_for_changes(rows: Rows, window: Window) -> Statistics:
    """Quantiles of first commit to production; medians from the commit and from the merge beside."""
    inside = rows.within(window)
    at = inside.seconds("at")

    def lengths(name: str) -> Floats:
        length = at - inside.seconds(name)
        kept: Floats = length[~np.isnan(length) & (length >= 0)]
        return kept

    def summary(length: Floats) -> Statistics:
        return survival.summarise(length, np.ones(length.size, dtype=bool))

    return {
        **summary(lengths("first_at")),
        "from_commit": summary(lengths("authored_at"))["p50"],
        "from_merge": summary(lengths("merged_at"))["p50"],
    }


@metric(
    title="Failed deployment recovery time",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from a failed deployment into production until service was restored: until the last incident"
    " linked to it was mitigated or resolved; where it was only taken back, until that was in force. What is not"
    " over is counted as lasting at least until now. A degraded deployment with neither is left out: its"
    " end is unknown.",
    reading="It begins with the deployment, so it holds the time until somebody noticed.",
    source=f"DORA, State of DevOps 2023; {KAPLAN_MEIER}",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("deployments", "incidents"),
    sql=DEPLOYED,
    detail=f"SELECT * FROM (\n{DEPLOYED}\n) WHERE is_failed AND NOT is_end_unknown",  # noqa: S608
    counts="failed deployments",
)
def failed_deployment_recovery_time(rows: Rows, window: Window) -> Statistics:
    """Quantiles of deployed to restored, of those that failed."""
    inside = rows.within(window)
    failed = inside
    if len(inside):
        failed = inside.where((inside.numbers("is_failed") > 0) & (inside.numbers("is_end_unknown") == 0))
    at, recovered, now = failed.seconds("at"), failed.seconds("recovered_at"), window.now.timestamp()
    is_over = ~np.isnan(recovered) & (recovered <= now)
    length = np.maximum(np.where(is_over, recovered, now) - at, 0.0)
    return survival.summarise(length, is_over)


@metric(
    title="Incidents that no deployment explains",
    family=Family.RELIABILITY,
    unit=Unit.SHARE,
    definition="Incidents in the period of services that are deployed, without a link to a deployment that reaches"
    " `delivery.threshold` or that a person made, divided by all of those incidents.",
    reading="Not every incident comes from a deployment. When it is high and people know the causes, confirm or add"
    " links; the change failure rate is too low by what is missing here.",
    source="Wilson, JASA 1927",
    dimensions=(*_BY, Dimension.SEVERITY),
    headline="share",
    better=Better.NEITHER,
    tables=("incidents", "deployments"),
    sql=ATTRIBUTED,
    detail=f"SELECT * FROM (\n{ATTRIBUTED}\n) WHERE is_attributed = 0",  # noqa: S608
    counts="incidents",
)
def unattributed_incidents(rows: Rows, window: Window) -> Statistics:
    """Share of incidents without a deployment."""
    inside = rows.within(window)
    missing = int((inside.numbers("is_attributed") == 0).sum()) if len(inside) else 0
    return {"share": wilson(missing, len(inside))}


@metric(
    title="Deployments that did not get through",
    family=Family.RELIABILITY,
    unit=Unit.SHARE,
    definition="Attempts to deploy into production in the period that ended in failure, divided by all attempts that"
    " ended. They never came into force, so they are in no other number.",
    reading="These are failures of the pipeline, not of the change: they cost time, not service.",
    source="Wilson, JASA 1927",
    dimensions=_BY,
    headline="share",
    better=Better.LOWER,
    tables=("deployments", "workflow_runs"),
    sql=ATTEMPTED,
    counts="attempts",
)
def failed_attempts(rows: Rows, window: Window) -> Statistics:
    """Share of attempts that failed."""
    return {"share": wilson(*_failed(rows, window))}
