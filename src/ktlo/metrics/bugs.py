"""Bugs: how fast they are resolved, how old the open ones are, whether their number grows, which come back.

Rows are issues that the classification calls a bug fix (``verdicts``). Ages and times are right-censored, so
that open bugs count. Estimators: ``survival``, ``proportions``, ``intervals``.
"""

from __future__ import annotations

import numpy as np

from ktlo.effort.coding import key_sql
from ktlo.effort.episodes import ISSUE_BASIS
from ktlo.metrics import members, survival
from ktlo.metrics.backlog import age_quantiles, net_flow, no_ages
from ktlo.metrics.comparison import compare_proportions, compare_rates
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.proportions import wilson
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.reliability import CENSORED, KAPLAN_MEIER, compared, counted, durations, phase
from ktlo.metrics.rows import Rows, stamp

_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.SEVERITY, Dimension.SOURCE)
_BUG = (
    "A bug is an issue that the classification calls a bug fix, by its type and labels, the team's rules, the"
    " model, or a person's correction."
)
RESOLVED_WITHIN = 30 * 86400.0
"""Seconds within which a bug should be closed to count in the resolution rate."""

BUGS = f"""
WITH {members.MEMBERS}
SELECT
  i.source AS source, i.external_id AS external_id, i.title AS title, i.url AS url,
  multiIf(ph.episodes = 0, toString(i.state), ph.state = 'open', 'open', 'closed') AS state,
  {members.service("i")} AS service, i.repository AS repository, {members.team()} AS team,
  i.severity AS severity, i.closed_as AS closed_as, v.layer AS layer, v.confidence AS confidence,
  i.created_at AS at, if(ph.episodes > 0, ph.resolved_at, i.closed_at) AS closed_at,
  toInt64(ph.episodes) - 1 AS again_here,
  if(ph.is_adjusted, again_here, greatest(toInt64(again.times), again_here)) AS reopened,
  state = 'closed' OR closed_at IS NOT NULL AS is_over,
  least(coalesce(i.observed_until, {{now:DateTime64(6, 'UTC')}}), {{now:DateTime64(6, 'UTC')}}) AS known_until
FROM (
  SELECT *, {key_sql("source", "external_id")} AS item FROM ktlo.issues
  WHERE created_at < {{end:DateTime64(6, 'UTC')}}
) AS i
INNER JOIN (
  SELECT {key_sql("source", "item_id")} AS item, layer, confidence FROM ktlo.verdicts
  WHERE item_kind = 'issue' AND category = 'bug_fix'
) AS v ON v.item = i.item
{members.joins("i")}
LEFT JOIN (
  SELECT {key_sql("source", "item_id", "basis")} AS item, episode AS episodes, is_adjusted, state, resolved_at
  FROM ktlo.phases WHERE item_kind = 'issue' AND is_last
) AS ph ON ph.item = {key_sql("i.item", ISSUE_BASIS)}
LEFT JOIN (
  SELECT {key_sql("source", "issue_id")} AS item, count() AS times FROM ktlo.issue_events
  WHERE kind = 'reopened' GROUP BY source, issue_id
) AS again ON again.item = i.item
WHERE closed_at IS NULL OR closed_at >= {{start:DateTime64(6, 'UTC')}} OR i.created_at >= {{start:DateTime64(6, 'UTC')}}
ORDER BY at DESC"""  # noqa: S608 - no value enters the text
_COUNTED = f"""
SELECT source, service, repository, team, severity, at, closed_at, reopened, is_over, known_until FROM (
{BUGS}
)"""  # noqa: S608 - no value enters the text
"""What estimators see: of half a million rows, most of the bytes are text that only people read."""
_OPENED = "at >= {start:DateTime64(6, 'UTC')}"
_CLOSED = "closed_at >= {start:DateTime64(6, 'UTC')} AND closed_at < {end:DateTime64(6, 'UTC')}"
_TIMED = f"{counted(BUGS, 'at', 'closed_at')} AND {_OPENED}"
_OPEN_AT_END = f"""SELECT * FROM (
{BUGS}
) WHERE (closed_at >= {{end:DateTime64(6, 'UTC')}} OR closed_at IS NULL AND NOT is_over)
  AND {{start:DateTime64(6, 'UTC')}} < {{now:DateTime64(6, 'UTC')}} AND known_until >= at"""  # noqa: S608
_MOVED = f"""SELECT * FROM (
  SELECT *, 'opened' AS moved FROM (
{BUGS}
  ) WHERE {_OPENED}
  UNION ALL SELECT *, 'closed' AS moved FROM (
{BUGS}
  ) WHERE {_CLOSED}
) ORDER BY if(moved = 'opened', at, closed_at) DESC"""  # noqa: S608 - no value enters the text

_WILSON = "Wilson, JASA 1927"


@metric(
    title="Bug resolution rate",
    family=Family.BUGS,
    unit=Unit.SHARE,
    definition="Of the bugs opened in the period, the share that is closed within 30 days of being opened,"
    f" whatever the reason for closing. {CENSORED} {_BUG}",
    reading="Read from the Kaplan-Meier curve at 30 days, so bugs opened last week do not count as failures.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="share",
    better=Better.HIGHER,
    tables=("issues",),
    sql=_COUNTED,
    detail=_TIMED,
    counts="bugs",
)
def bug_resolution_rate(rows: Rows, window: Window) -> Statistics:
    """Share closed within 30 days."""
    curve = survival.kaplan_meier(*durations(rows.within(window), "at", "closed_at"))
    return {"share": _ended_by(curve, RESOLVED_WITHIN)}


def _ended_by(curve: survival.SurvivalCurve, seconds: float) -> Estimate:
    if curve.n == 0:
        return not_estimable("no bug was opened in this period")
    if curve.last < seconds and (curve.survival.size == 0 or curve.survival[-1] > 0):
        reason = "none of the bugs of this period that are open is 30 days old yet"
        return not_estimable(reason, curve.n, curve.censored)
    before = int(np.searchsorted(curve.times, seconds, side="right"))
    if before == 0:
        return Estimate(0.0, 0.0, None, curve.n, curve.censored, "none was closed within 30 days")
    at = before - 1
    return Estimate(
        1 - float(curve.survival[at]),
        1 - float(curve.high[at]),
        1 - float(curve.low[at]),
        curve.n,
        curve.censored,
    )


@metric(
    title="Time to close a bug",
    family=Family.BUGS,
    unit=Unit.SECONDS,
    definition=f"Time from opening to the last closing, of the bugs opened in the period. {CENSORED} {_BUG}",
    reading="Not estimable where fewer than half were closed: then p50 lies beyond everything seen so far.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("issues",),
    sql=_COUNTED,
    detail=_TIMED,
    counts="bugs",
    curve=phase("at", "closed_at"),
    is_clocked=True,
    compare=compared("at", "closed_at", "bugs"),
)
def bug_time_to_close(rows: Rows, window: Window) -> Statistics:
    """Quantiles of opening to closing."""
    return survival.summarise(*durations(rows.within(window), "at", "closed_at", window.clock))


@metric(
    title="Age of open bugs",
    family=Family.BUGS,
    unit=Unit.SECONDS,
    definition="Age at the end of the period, or now where it has not ended, of the bugs that were open then;"
    f" one that was reopened counts as open until its last closing. {_BUG}",
    reading="Quantiles of a full count: no interval is needed. Old bugs that nobody will mend are better closed.",
    source="Order statistics",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("issues",),
    sql=_COUNTED,
    detail=_OPEN_AT_END,
    counts="open bugs",
)
def bug_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of the age of open bugs."""
    moment = min(stamp(window.end), stamp(window.now))
    if window.start >= window.now:
        reason = "the period has not begun"
        return {**no_ages(reason), "open": not_estimable(reason)}
    opened, closed, known = rows.seconds("at"), rows.seconds("closed_at"), rows.seconds("known_until")
    # What is closed at the first moment after the period is the next period's closing.
    is_open = np.where(np.isnan(closed), rows.numbers("is_over") == 0, closed >= moment) & (opened < moment)
    ages = np.minimum(moment, known[is_open]) - opened[is_open]
    ages = ages[ages >= 0]
    n = int(ages.size)
    return {**age_quantiles(ages, "no bug is open"), "open": Estimate(float(n), None, None, n)}


@metric(
    title="Net flow of bugs",
    family=Family.BUGS,
    unit=Unit.COUNT,
    definition="Bugs opened minus bugs closed in the period; one that was reopened counts as closed at its last"
    f" closing only. {_BUG}",
    reading="Above zero the pile grows. The interval is that of the difference of two Poisson counts: when it"
    " holds zero, growth is not shown.",
    source="Difference of two Poisson counts, normal approximation",
    dimensions=_BY,
    headline="net",
    better=Better.LOWER,
    tables=("issues",),
    sql=_COUNTED,
    detail=_MOVED,
    counts="openings or closings",
    compare=lambda before, earlier, after, later: compare_rates(
        len(before.within(earlier)),
        earlier.seconds,
        len(after.within(later)),
        later.seconds,
        noun="bugs opened",
    ),
)
def bug_net_flow(rows: Rows, window: Window) -> Statistics:
    """Opened minus closed."""
    opened, closed = len(rows.within(window)), len(rows.within(window, "closed_at"))
    return net_flow(opened, closed, "closed", "no bug was opened or closed")


@metric(
    title="Bugs reopened",
    family=Family.BUGS,
    unit=Unit.SHARE,
    definition="Of the bugs opened in the period and closed at least once, the share that was reopened at least"
    f" once. {_BUG}",
    reading="Fixes that did not hold. Needs a source with history; bugs closed lately have had less time to"
    " come back.",
    source=_WILSON,
    dimensions=_BY,
    headline="share",
    better=Better.LOWER,
    tables=("issues", "issue_events"),
    sql=_COUNTED,
    detail=f"SELECT * FROM (\n{BUGS}\n) WHERE (reopened > 0 OR is_over) AND {_OPENED}",  # noqa: S608 - no value
    counts="closed bugs",
    compare=lambda before, earlier, after, later: compare_proportions(
        *_reopened(before, earlier), *_reopened(after, later), noun="closed bugs"
    ),
)
def bug_reopen_rate(rows: Rows, window: Window) -> Statistics:
    """Share of closed bugs that were reopened."""
    return {"share": wilson(*_reopened(rows, window))}


def _reopened(rows: Rows, window: Window) -> tuple[int, int]:
    inside = rows.within(window)
    again = inside.numbers("reopened") > 0
    ever = again | (inside.numbers("is_over") > 0)
    return int(again.sum()), int(ever.sum())
