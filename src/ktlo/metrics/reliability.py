"""Reliability: how fast things are restored, how often they break, how often they come back.

Rows are incidents; durations are right-censored at the moment of asking (or when an export was last able to
know, ``observed_until``), so that open incidents count instead of vanishing. Estimators: ``survival``,
``intervals``, ``proportions``. Downtime is in ``downtime``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ktlo.effort.episodes import INCIDENT_BASIS
from ktlo.metrics import members, survival
from ktlo.metrics.clocks import BusinessClock
from ktlo.metrics.comparison import Comparison, compare_durations, compare_proportions, compare_rates
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.intervals import rate
from ktlo.metrics.proportions import wilson
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Comparer, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Floats, Rows

WEEK = 7 * 86400.0
_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SEVERITY, Dimension.SOURCE)
KAPLAN_MEIER = (
    "Kaplan and Meier, JASA 1958; bands on the log(-log) scale with Greenwood's variance; intervals of"
    " quantiles by Brookmeyer and Crowley, Biometrics 1982; the mean is restricted to the longest time seen"
)
CENSORED = (
    "Open ones count as lasting at least until now (or until the export they came from was made), instead of"
    " being left out, which would make the number too small."
)

PHASES = """
  SELECT source, item_id, basis, count() AS episodes, any(is_adjusted) AS is_adjusted,
    anyIf(phases.state, is_last) AS state,
    anyIf(phases.acknowledged_at, episode = 1) AS acknowledged_at,
    anyIf(phases.mitigated_at, is_last) AS mitigated_at,
    anyIf(phases.resolved_at, is_last) AS resolved_at,
    anyIf(phases.resolved_at, episode = 1) AS first_resolved_at
  FROM ktlo.phases"""
"""Phases of each item: acknowledged in its first episode, mitigated and resolved in its last."""

INCIDENTS = f"""
WITH {members.MEMBERS}
SELECT
  i.source AS source, i.external_id AS external_id, i.title AS title, i.url AS url,
  if(ph.episodes > 0, ph.state, toString(i.state)) AS state,
  {members.service("i")} AS service, i.repository AS repository,
  if(i.team != '', toString(i.team), {members.team()}) AS team,
  i.severity AS severity,
  if(ph.is_adjusted, toInt64(ph.episodes) - 1, greatest(i.reopen_count, toInt64(ph.episodes) - 1)) AS reopen_count,
  i.started_at AS started_at, i.detected_at AS at,
  if(ph.episodes > 0, ph.acknowledged_at, i.acknowledged_at) AS acknowledged_at,
  if(ph.episodes > 0, ph.mitigated_at, i.mitigated_at) AS mitigated_at,
  if(ph.episodes > 0, ph.resolved_at, i.resolved_at) AS resolved_at,
  coalesce(least(mitigated_at, resolved_at), mitigated_at, resolved_at) AS restored_at,
  if(ph.episodes > 0, ph.first_resolved_at, first.at) AS first_resolved_at,
  state != 'open' OR resolved_at IS NOT NULL AS is_over,
  least(coalesce(i.observed_until, {{now:DateTime64(6, 'UTC')}}), {{now:DateTime64(6, 'UTC')}}) AS known_until
FROM ktlo.incidents AS i
{members.joins("i")}
LEFT JOIN ({PHASES}
  WHERE item_kind = 'incident' GROUP BY source, item_id, basis
) AS ph ON ph.source = i.source AND ph.item_id = i.external_id AND ph.basis = {INCIDENT_BASIS}
LEFT JOIN (
  SELECT source, incident_id, toNullable(min(occurred_at)) AS at
  FROM ktlo.incident_events WHERE kind = 'resolved' GROUP BY source, incident_id
) AS first ON first.source = i.source AND first.incident_id = i.external_id
WHERE state != 'cancelled'
  AND i.detected_at >= {{start:DateTime64(6, 'UTC')}} AND i.detected_at < {{end:DateTime64(6, 'UTC')}}
ORDER BY at DESC"""  # noqa: S608 - no value enters the text


def durations(
    rows: Rows, begin: str, finish: str, clock: BusinessClock | None = None
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Seconds from one instant to another (of business time, with a clock), and whether the end was seen.

    An end that is missing is censored when the source last knew. Left out, because they have no duration:
    rows without a beginning, rows that end before it, and rows that are over although the source does not
    tell when this end came (or whether it did).
    """
    first, last, known = rows.seconds(begin), rows.seconds(finish), rows.seconds("known_until")
    seen = ~np.isnan(last) & (last <= known)
    length = np.where(seen, last, known) - first
    untold = np.isnan(last) & (rows.numbers("is_over") > 0)
    usable = ~np.isnan(length) & (length >= 0) & ~untold
    if clock is not None:
        length = clock.between(rows.text("service"), first, np.where(seen, last, known))
    return length[usable], seen[usable]


def counted(sql: str, begin: str, finish: str) -> str:
    """The rows of a SELECT that :func:`durations` uses."""
    return f"""SELECT * FROM (
{sql}
) WHERE {begin} IS NOT NULL AND ({finish} IS NOT NULL OR NOT is_over)
  AND if({finish} <= known_until, {finish}, known_until) >= {begin}"""  # noqa: S608 - no value enters the text


def phase(begin: str, finish: str) -> Callable[[Rows, Window], survival.SurvivalCurve]:
    """Curve of the time between two instants, of the incidents detected in a window."""

    def curve(rows: Rows, window: Window) -> survival.SurvivalCurve:
        return survival.kaplan_meier(*durations(rows.within(window), begin, finish, window.clock))

    return curve


def compared(begin: str, finish: str, noun: str = "incidents") -> Comparer:
    """Whether the time between two instants differs between two windows."""

    def compare(before: Rows, earlier: Window, after: Rows, later: Window) -> Comparison:
        return compare_durations(
            *durations(before.within(earlier), begin, finish, earlier.clock),
            *durations(after.within(later), begin, finish, later.clock),
            noun=noun,
        )

    return compare


def _lasting(rows: Rows, window: Window, begin: str, finish: str) -> Statistics:
    return survival.summarise(*durations(rows.within(window), begin, finish, window.clock))


@metric(
    title="Time to restore",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from the detection of an incident until service was back: until it was mitigated or"
    f" resolved, whichever came first. Incidents detected in the period. {CENSORED}",
    reading="p50 is the time within which half of the incidents were restored. Times have heavy tails: one long"
    " incident moves the mean and leaves p50. This is the honest form of MTTR; the mean is given because people"
    " ask for it.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    detail=counted(INCIDENTS, "at", "restored_at"),
    counts="incidents",
    curve=phase("at", "restored_at"),
    is_clocked=True,
    compare=compared("at", "restored_at"),
)
def time_to_restore(rows: Rows, window: Window) -> Statistics:
    """Quantiles of detection to restoration."""
    return _lasting(rows, window, "at", "restored_at")


@metric(
    title="Time to acknowledge",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from the detection of an incident until a person first took it. Incidents detected in the"
    f" period that were acknowledged, or are still open. {CENSORED}",
    reading="Long times mean that nobody looks, or that the record is made later than the work.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    detail=counted(INCIDENTS, "at", "acknowledged_at"),
    counts="incidents",
    curve=phase("at", "acknowledged_at"),
    is_clocked=True,
    compare=compared("at", "acknowledged_at"),
)
def time_to_acknowledge(rows: Rows, window: Window) -> Statistics:
    """Quantiles of detection to acknowledgement; incidents resolved without one say nothing about it."""
    return _lasting(rows, window, "at", "acknowledged_at")


@metric(
    title="Time to mitigate",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from the detection of an incident until its harm ended, where the source tells that apart"
    " from the resolution. Incidents detected in the period that were mitigated, or are still open."
    f" {CENSORED}",
    reading="Not estimable where the source has no mitigation; then time to restore uses the resolution.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    detail=counted(INCIDENTS, "at", "mitigated_at"),
    counts="incidents",
    curve=phase("at", "mitigated_at"),
    is_clocked=True,
)
def time_to_mitigate(rows: Rows, window: Window) -> Statistics:
    """Quantiles of detection to mitigation; incidents resolved without one say nothing about it."""
    return _lasting(rows, window, "at", "mitigated_at")


@metric(
    title="Time to resolve",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from the detection of an incident until its last resolution: an incident that was reopened"
    f" ends when it was resolved for good. Incidents detected in the period. {CENSORED}",
    reading="Longer than time to restore where clean-up follows mitigation, or incidents are reopened. The"
    " closing of the record is paperwork and not used.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    detail=counted(INCIDENTS, "at", "resolved_at"),
    counts="incidents",
    curve=phase("at", "resolved_at"),
    is_clocked=True,
    compare=compared("at", "resolved_at"),
)
def time_to_resolve(rows: Rows, window: Window) -> Statistics:
    """Quantiles of detection to last resolution."""
    return _lasting(rows, window, "at", "resolved_at")


@metric(
    title="Time reopened",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time from an incident's first resolution to its last one, of the incidents detected in the"
    f" period that were reopened. {CENSORED}",
    reading="What a resolution that did not hold costs. Needs a source with history.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("incidents", "incident_events"),
    sql=INCIDENTS,
    detail=f"{counted(INCIDENTS, 'first_resolved_at', 'resolved_at')} AND reopen_count > 0",
    counts="reopened incidents",
    is_clocked=True,
)
def time_reopened(rows: Rows, window: Window) -> Statistics:
    """Quantiles of first to last resolution of reopened incidents."""
    inside = rows.within(window)
    reopened = inside.where(
        (inside.numbers("reopen_count") > 0) & ~np.isnan(inside.seconds("first_resolved_at"))
    )
    return survival.summarise(*durations(reopened, "first_resolved_at", "resolved_at", window.clock))


@metric(
    title="Incidents reopened",
    family=Family.RELIABILITY,
    unit=Unit.SHARE,
    definition="Incidents detected in the period that were reopened at least once, divided by those that were"
    " resolved at least once.",
    reading="Resolutions that did not hold. Recent incidents have had less time to be reopened.",
    source="Wilson, JASA 1927",
    dimensions=_BY,
    headline="share",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    detail=f"SELECT * FROM (\n{INCIDENTS}\n) WHERE reopen_count > 0 OR is_over",  # noqa: S608 - no value
    counts="resolved incidents",
    compare=lambda before, earlier, after, later: compare_proportions(
        *_reopened(before, earlier), *_reopened(after, later), noun="resolved incidents"
    ),
)
def incident_reopen_rate(rows: Rows, window: Window) -> Statistics:
    """Share of resolved incidents that were reopened."""
    return {"share": wilson(*_reopened(rows, window))}


def _reopened(rows: Rows, window: Window) -> tuple[int, int]:
    inside = rows.within(window)
    again = inside.numbers("reopen_count") > 0
    ever = again | (inside.numbers("is_over") > 0)
    return int(again.sum()), int(ever.sum())


@metric(
    title="Incidents",
    family=Family.RELIABILITY,
    unit=Unit.COUNT,
    definition="Incidents detected in the period, cancelled ones left out; per week as a rate.",
    reading="More incidents may mean worse service or better detection. The interval is that of a Poisson rate.",
    source="Garwood, Biometrika 1936",
    dimensions=_BY,
    headline="count",
    better=Better.LOWER,
    tables=("incidents",),
    sql=INCIDENTS,
    counts="incidents",
    compare=lambda before, earlier, after, later: compare_rates(
        len(before.within(earlier)), earlier.seconds, len(after.within(later)), later.seconds
    ),
)
def incidents(rows: Rows, window: Window) -> Statistics:
    """How many incidents, and how many a week."""
    inside = rows.within(window)
    unresolved = int((np.isnan(inside.seconds("restored_at")) & (inside.numbers("is_over") == 0)).sum())
    return {
        "count": Estimate(float(len(inside)), None, None, len(inside), unresolved),
        "per_week": rate(len(inside), window.seconds, WEEK),
    }
