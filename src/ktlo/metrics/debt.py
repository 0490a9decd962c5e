"""Debt indicators: how old declared dependencies and admitted to-dos are, whether the code gets harder.

Rows come from the current tree (``dependencies``, ``markers``) and from quarterly samples of its past
(``code_samples``). Indicators, not a sum of money: a register with principal and interest is planning's.
"""

from __future__ import annotations

import numpy as np

from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.rows import Floats, Rows, stamp
from ktlo.metrics.trend import trend

_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM)
_YEAR = 365.25 * 86400.0

# A repository that two sources read counts once: LIMIT 1 BY what it is, whoever delivered it.
_MEMBERS = """
WITH members AS (
  SELECT member, any(service) AS service, any(team) AS team FROM ktlo.service_members
  WHERE kind = 'repository' GROUP BY member
)"""

_DEPENDENCIES = f"""{_MEMBERS}
SELECT d.repository AS repository, m.service AS service, m.team AS team, d.manifest AS manifest,
  d.ecosystem AS ecosystem, d.name AS name, d.requirement AS requirement, d.changed_at AS at
FROM ktlo.dependencies AS d LEFT JOIN members AS m ON m.member = d.repository
ORDER BY at, repository, manifest, name LIMIT 1 BY repository, manifest, name"""  # noqa: S608 - no value enters

_MARKERS = f"""{_MEMBERS}
SELECT t.repository AS repository, m.service AS service, m.team AS team, t.path AS path, t.line AS line,
  t.word AS word, t.text AS text, t.author_email AS author, t.introduced_at AS at
FROM ktlo.markers AS t LEFT JOIN members AS m ON m.member = t.repository
ORDER BY at, repository, path, line LIMIT 1 BY repository, path, line"""  # noqa: S608 - no value enters

_SAMPLES = f"""{_MEMBERS}
SELECT s.repository AS repository, m.service AS service, m.team AS team, s.sampled_at AS at, s.sha AS sha,
  s.files AS files, s.lines AS lines, s.complexity AS complexity, s.markers AS markers,
  if(s.lines > 0, s.complexity / s.lines, NULL) AS complexity_per_line
FROM ktlo.code_samples AS s LEFT JOIN members AS m ON m.member = s.repository
ORDER BY at, repository LIMIT 1 BY repository, at"""  # noqa: S608 - no value enters


def _ages(rows: Rows, window: Window) -> Floats:
    begun = rows.seconds("at")
    ages: Floats = (stamp(window.now) - begun[~np.isnan(begun)]) / 86400.0
    return np.maximum(ages, 0.0)


def _age_statistics(rows: Rows, window: Window, nothing: str) -> Statistics:
    ages = _ages(rows, window)
    count = Estimate(float(len(rows)), None, None, len(rows))
    if not ages.size:
        none = not_estimable(nothing if not len(rows) else "the age of none of them is known", len(rows))
        return {"p50": none, "p90": none, "count": count}
    return {
        "p50": Estimate(float(np.quantile(ages, 0.5)), None, None, int(ages.size)),
        "p90": Estimate(float(np.quantile(ages, 0.9)), None, None, int(ages.size)),
        "count": count,
    }


@metric(
    title="Age of dependency declarations",
    family=Family.DEBT,
    unit=Unit.DAYS,
    definition="Days since the line that declares a dependency in a manifest of the current tree was last"
    " changed.",
    reading="Not how far behind the newest version it is: a range written long ago may still admit it. Old pins"
    " are where upgrades pile up.",
    source="git blame of manifests",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("dependencies",),
    sql=_DEPENDENCIES,
    counts="dependencies",
    snapshot=True,
)
def dependency_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of days since dependencies were last touched."""
    return _age_statistics(rows, window, "no manifest declares a dependency")


@metric(
    title="Age of to-dos",
    family=Family.DEBT,
    unit=Unit.DAYS,
    definition="Days since the lines with TODO, FIXME, HACK or XXX in the current tree were last changed.",
    reading="Debt that its author admitted. What is older than a year will not be done by itself.",
    source="git blame of the lines",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("markers",),
    sql=_MARKERS,
    counts="to-dos",
    snapshot=True,
)
def marker_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of days since to-dos were written."""
    return _age_statistics(rows, window, "no TODO, FIXME, HACK or XXX in the tree")


@metric(
    title="Complexity trend",
    family=Family.DEBT,
    unit=Unit.LEVELS_PER_YEAR,
    definition="Change per year of the indentation of the average source line, by Theil and Sen's slope over"
    " quarterly samples of the tree; over several repositories, of all their code together.",
    reading="Above zero the code gets more nested as it grows; the interval must exclude zero to say so.",
    source="Sen, JASA 1968; Mann 1945; complexity after Hindle, Godfrey and Holt, ICPC 2008",
    dimensions=_BY,
    headline="slope",
    better=Better.LOWER,
    tables=("code_samples",),
    sql=_SAMPLES,
    counts="quarters",
    snapshot=True,
)
def complexity_trend(rows: Rows, window: Window) -> Statistics:
    """Slope of complexity per line."""
    del window  # the samples have their own span
    moments, place = np.unique(rows.seconds("at"), return_inverse=True)
    lines = np.bincount(place, weights=rows.numbers("lines"), minlength=moments.size)
    levels = np.bincount(place, weights=rows.numbers("complexity"), minlength=moments.size)
    mean = np.divide(levels, lines, out=np.full(moments.size, np.nan), where=lines > 0)
    return {"slope": trend(moments / _YEAR, mean).slope}
