"""Freshness of dependencies: how long locked versions have stood, and how far behind the newest they are.

Rows come from lock files of the default branch (``locked_versions``) and, where an index is asked, from release dates
(``freshness``). Libyears after Cox, Bouwers, van Eekelen and Visser, ICSE 2015.
"""

from __future__ import annotations

import numpy as np

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Rows, stamp

_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)
_MEMBERS = """
WITH members AS (
  SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
  WHERE kind = 'repository' GROUP BY member
)"""
_LOCKED = f"""{_MEMBERS}
SELECT l.package AS name, l.version AS version, l.ecosystem AS ecosystem, l.repository AS repository,
  m.service AS service, m.team AS team, l.path AS path, l.relation AS relation, l.scope AS scope,
  l.since_at AS at, l.since_sha AS since_sha
FROM ktlo.locked_versions AS l LEFT JOIN members AS m ON m.member = l.repository
WHERE l.until_at IS NULL
ORDER BY at, repository, path, name LIMIT 1 BY repository, path, ecosystem, name, version"""  # noqa: S608
_FRESHNESS = f"""{_MEMBERS}
SELECT f.package AS name, f.version AS version, f.newest AS newest, f.behind AS behind, f.libyears AS libyears,
  f.ecosystem AS ecosystem, f.repository AS repository, m.service AS service, m.team AS team, f.path AS path,
  f.relation AS relation, f.scope AS scope, f.released_at AS released_at, f.newest_at AS newest_at,
  f.unknown AS unknown, f.asked_at AS at
FROM ktlo.freshness AS f LEFT JOIN members AS m ON m.member = f.repository
ORDER BY libyears DESC, repository, path, name"""  # noqa: S608 - no value enters the text


@metric(
    title="Age of locked versions",
    family=Family.FINDINGS,
    unit=Unit.DAYS,
    definition="Days since each version that lock files of the default branch hold now came into them.",
    reading="Known without asking anybody. Not how far behind: a package without newer versions ages as well.",
    source="git history of lock files",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("locked_versions",),
    sql=_LOCKED,
    counts="locked versions",
    snapshot=True,
)
def locked_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of days since versions were taken in."""
    ages = np.maximum((stamp(window.now) - rows.seconds("at")) / 86400.0, 0.0)
    n = int(ages.size)
    count = Estimate(float(n), None, None, n)
    if n == 0:
        none = not_estimable("no lock file is known")
        return {"p50": none, "p90": none, "count": count}
    return {f"p{p}": Estimate(float(np.quantile(ages, p / 100)), None, None, n) for p in (50, 90)} | {
        "count": count
    }


@metric(
    title="Libyears behind",
    family=Family.FINDINGS,
    unit=Unit.YEARS,
    definition="For each locked version the years between its release and that of the newest stable version, at"
    " least zero; added up over all dependencies whose release dates are known.",
    reading="Grows by one a year for each dependency that is left alone and maintained. Packages that are no"
    " longer released do not grow it: it is no measure of abandonment.",
    source="Cox, Bouwers, van Eekelen and Visser, Measuring Dependency Freshness in Software Systems, ICSE 2015",
    dimensions=_BY,
    headline="total",
    better=Better.LOWER,
    tables=("locked_versions",),
    sql=_FRESHNESS,
    counts="dependencies with known dates",
    snapshot=True,
)
def libyears(rows: Rows, window: Window) -> Statistics:
    """Sum and median of years behind, and the share that is up to date."""
    del window  # the present, whatever the period
    years, behind = rows.numbers("libyears"), rows.numbers("behind")
    known = ~np.isnan(years)
    n = int(known.sum())
    if n == 0:
        why = "no index was asked for release dates (guard.indexes)" if not len(rows) else "no date is known"
        none = not_estimable(why)
        return {"total": none, "p50": none, "share": none}
    up_to_date = behind[known] == 0
    return {
        "total": Estimate(float(years[known].sum()), None, None, n),
        "p50": Estimate(float(np.quantile(years[known], 0.5)), None, None, n),
        "share": Estimate(float(up_to_date.mean()), None, None, n),
    }
