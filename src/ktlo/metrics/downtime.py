"""Downtime: how long services were down, and how long they run between failures.

Rows are outages, and incidents of the severities that ``downtime_severities`` in ktlo.yaml says mean down.
Overlaps of one service count once (``intervals.union``); planned maintenance is shown and not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ktlo.metrics import intervals, members
from ktlo.metrics.comparison import compare_rates
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Rows, stamp

_BY = (Dimension.SERVICE, Dimension.TEAM, Dimension.SEVERITY, Dimension.SOURCE)
_NONE = (
    "no outage is recorded in this period: nothing was down, or nothing that knows of outages is connected, or"
    " ktlo.yaml does not say which incident severities mean down"
)

OUTAGES = f"""
WITH {members.MEMBERS}
SELECT
  o.source AS source, o.external_id AS external_id, o.title AS title, '' AS url,
  {members.service("o")} AS service, {members.team()} AS team, o.severity AS severity,
  o.started_at AS at, o.ended_at AS ended_at, o.is_planned AS is_planned,
  least(coalesce(o.observed_until, {{now:DateTime64(6, 'UTC')}}), {{now:DateTime64(6, 'UTC')}}) AS known_until
FROM (
  SELECT source, external_id, title, service, '' AS repository, severity, started_at, ended_at, is_planned,
    observed_until
  FROM ktlo.outages
  UNION ALL
  SELECT source, external_id, title, service, repository, severity, coalesce(started_at, detected_at),
    coalesce(least(mitigated_at, resolved_at), mitigated_at, resolved_at), false, observed_until
  FROM ktlo.incidents
  WHERE state != 'cancelled' AND has({{downtime_severities:Array(String)}}, toString(severity))
) AS o
{members.joins("o")}
WHERE o.started_at < {{end:DateTime64(6, 'UTC')}}
  AND coalesce(o.ended_at, known_until) > {{start:DateTime64(6, 'UTC')}}
ORDER BY at DESC"""  # noqa: S608 - no value enters the text


@dataclass(frozen=True, slots=True, eq=False)
class Down:
    """Time down of several services in one window.

    Attributes:
        seconds: summed over services, each service's overlaps counted once.
        failures: how many stretches began in the window.
        services: how many services had any.
        spans: the stretches of each service.
        open: how many stretches hold an outage that had not ended when last known.
    """

    seconds: float
    failures: int
    services: int
    spans: dict[str, intervals.Spans]
    open: int


def down(rows: Rows, window: Window) -> Down:
    """Union the unplanned outages of each service inside a window."""
    unplanned = rows.where(rows.numbers("is_planned") == 0)
    spans = {}
    seconds, failures, still_open = 0.0, 0, 0
    start, end, now = stamp(window.start), stamp(window.end), stamp(window.now)
    for name, own in unplanned.groups("service").items():
        ended, known = own.seconds("ended_at"), own.seconds("known_until")
        closed = np.where(np.isnan(ended), known, np.minimum(ended, known))
        usable = closed >= own.seconds("at")
        endless = np.isnan(ended)[usable]
        begun, ended = own.seconds("at")[usable], closed[usable]
        merged = intervals.union(begun, ended, start, end, now)
        if len(merged):
            spans[name] = merged
            seconds += intervals.total_length(merged)
            # Not cut off at the start, a stretch that began before it can be told from one that began at it.
            whole = intervals.union(begun, ended, min(start, float(begun.min())), end, now)
            failures += int(np.count_nonzero(whole.starts >= start))
            still_open += sum(
                bool(np.any(endless & (begun < last) & (ended > first)))
                for first, last in zip(merged.starts, merged.ends, strict=True)
            )
    return Down(seconds, failures, len(spans), spans, still_open)


def _all_spans(found: Down) -> intervals.Spans:
    """Stretches of all services laid end to end in a window that is as many times as long."""
    starts = np.concatenate([spans.starts for spans in found.spans.values()] or [np.zeros(0)])
    ends = np.concatenate([spans.ends for spans in found.spans.values()] or [np.zeros(0)])
    return intervals.Spans(starts, ends)


@metric(
    title="Downtime",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="Time in the period during which a service was down: the union of its unplanned outages, summed"
    " over services. An outage that has not ended counts until it was last known: now, or the end of the"
    " export that tells of it. Incidents count where ktlo.yaml says that"
    " their severity means down.",
    reading="A sum over services can be longer than the period. The time down is counted, not estimated: the"
    " interval is not about it, but says how much another such period could bring, were outages as frequent and"
    " as long.",
    source="Union of intervals; Fay and Feuer, Statistics in Medicine 1997",
    dimensions=_BY,
    headline="total",
    better=Better.LOWER,
    tables=("outages", "incidents"),
    sql=OUTAGES,
    counts="outages",
    compare=lambda before, earlier, after, later: compare_rates(
        down(before, earlier).failures,
        earlier.seconds,
        down(after, later).failures,
        later.seconds,
        noun="outages",
    ),
)
def downtime(rows: Rows, window: Window) -> Statistics:
    """Summed time down, how many outages, how many services."""
    found = down(rows, window)
    exposure = window.seconds * max(found.services, 1)
    total = intervals.downtime(_all_spans(found), exposure) if len(rows) else not_estimable(_NONE)
    return {
        "total": replace(total, censored=found.open),
        "outages": Estimate(float(found.failures), None, None, found.failures, found.open),
        "services": Estimate(float(found.services), None, None, found.services),
    }


@metric(
    title="Availability",
    family=Family.RELIABILITY,
    unit=Unit.SHARE_OF_TIME,
    definition="Share of the period during which a service was not down, by the union of its unplanned outages;"
    " over several services, the mean over those that had an outage.",
    reading="By service it is the service's own. Services that are not known to have ever been down are not"
    " among them.",
    source="Google, Site Reliability Engineering, chapter 4; Fay and Feuer 1997 for the interval",
    dimensions=_BY,
    headline="share",
    better=Better.HIGHER,
    tables=("outages", "incidents"),
    sql=OUTAGES,
    counts="outages",
)
def availability(rows: Rows, window: Window) -> Statistics:
    """Share of time up."""
    found = down(rows, window)
    if not len(rows):
        return {"share": not_estimable(_NONE)}
    return {"share": intervals.availability(_all_spans(found), window.seconds * max(found.services, 1))}


@metric(
    title="Time between failures",
    family=Family.RELIABILITY,
    unit=Unit.SECONDS,
    definition="MTBF: time in operation divided by the number of outages that began in the period, over the"
    " services that had an outage; overlapping outages of one service are one failure.",
    reading="Exact Poisson interval: with few failures it is wide, and should be.",
    source="Garwood, Biometrika 1936",
    dimensions=_BY,
    headline="mean",
    better=Better.HIGHER,
    tables=("outages", "incidents"),
    sql=OUTAGES,
    counts="outages",
)
def time_between_failures(rows: Rows, window: Window) -> Statistics:
    """Mean time between failures."""
    found = down(rows, window)
    if not len(rows):
        return {"mean": not_estimable(_NONE)}
    operating = window.seconds * max(found.services, 1) - found.seconds
    return {"mean": intervals.mean_between_failures(found.failures, max(operating, 0.0))}
