"""Findings of ``ktlo check``: how many are open, how old they are, how fast they are fixed, whether they pile up.

Rows are episodes of findings (``records/findings``), of one source a repository and check: the server's own look at
history before what CI reported. Times are right-censored, so that open findings count. Estimators: ``survival``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ktlo.metrics import members, survival
from ktlo.metrics.backlog import age_quantiles, net_flow, no_ages
from ktlo.metrics.comparison import compare_rates
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Better, Family, Statistics, Unit, metric
from ktlo.metrics.reliability import CENSORED, KAPLAN_MEIER, compared, counted, durations, phase
from ktlo.metrics.rows import Floats, Rows, stamp

LEVELS = ("critical", "high", "medium", "low", "unknown")
"""Levels, worst first."""
_BY = (Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM, Dimension.LEVEL, Dimension.CHECK)
_FINDING = (
    "A finding is one rule about one thing in one file (a vulnerability of one package in one lock file); it opens"
    " when the vulnerable version is there and the advisory is published, whichever is later, or with the first"
    " scan that has it. What policy tolerates is left out."
)

FINDINGS = f"""
WITH {members.MEMBERS}, chosen AS (
  SELECT repository AS r, check AS c, argMin(source, startsWith(source, 'check:')) AS s
  FROM ktlo.findings GROUP BY repository, check
)
SELECT
  f.rule AS name, f.check AS check, f.level AS level, f.package AS package, f.version AS version,
  f.fixed_version AS fixed_version, held.service AS service, f.repository AS repository, held.team AS team,
  f.path AS path, f.relation AS relation, f.scope AS scope, f.opened_at AS at, f.resolved_at AS resolved_at,
  f.introduced_at AS introduced_at, f.introduced_sha AS introduced_sha, f.resolved_sha AS resolved_sha,
  f.message AS message, f.fingerprint AS fingerprint, f.episode AS episode,
  f.resolved_at IS NOT NULL AS is_over, {{now:DateTime64(6, 'UTC')}} AS known_until
FROM ktlo.findings AS f
INNER JOIN chosen ON chosen.r = f.repository AND chosen.c = f.check AND chosen.s = f.source
LEFT JOIN members AS held ON held.kind = 'repository' AND held.member = f.repository
WHERE f.tolerated = '' AND f.opened_at < {{end:DateTime64(6, 'UTC')}}
  AND (f.resolved_at IS NULL OR f.resolved_at >= {{start:DateTime64(6, 'UTC')}}
    OR f.opened_at >= {{start:DateTime64(6, 'UTC')}})
ORDER BY at DESC, name, path"""  # noqa: S608 - no value enters the text
_OPENED = "at >= {start:DateTime64(6, 'UTC')}"
_RESOLVED = "resolved_at >= {start:DateTime64(6, 'UTC')} AND resolved_at < {end:DateTime64(6, 'UTC')}"
_OPEN_AT_END = f"""SELECT * FROM (
{FINDINGS}
) WHERE (resolved_at IS NULL OR resolved_at >= {{end:DateTime64(6, 'UTC')}})
  AND {{start:DateTime64(6, 'UTC')}} < {{now:DateTime64(6, 'UTC')}}
ORDER BY indexOf(['critical', 'high', 'medium', 'low', 'unknown'], toString(level)), at, name, path"""  # noqa: S608
_TIMED = f"{counted(FINDINGS, 'at', 'resolved_at')} AND {_OPENED}"
_MOVED = f"""SELECT * FROM (
  SELECT *, 'opened' AS moved FROM (
{FINDINGS}
  ) WHERE {_OPENED}
  UNION ALL SELECT *, 'fixed' AS moved FROM (
{FINDINGS}
  ) WHERE {_RESOLVED}
) ORDER BY if(moved = 'opened', at, resolved_at) DESC"""  # noqa: S608 - no value enters the text


def _open_at(rows: Rows, window: Window) -> tuple[npt.NDArray[np.bool_], float]:
    """Which rows were open at the end of a window, or now; and that moment."""
    moment = min(stamp(window.end), stamp(window.now))
    opened, resolved = rows.seconds("at"), rows.seconds("resolved_at")
    return (opened < moment) & (np.isnan(resolved) | (resolved >= moment)), moment


@metric(
    title="Open findings",
    family=Family.FINDINGS,
    unit=Unit.COUNT,
    definition=f"Findings that are open at the end of the period, or now where it has not ended. {_FINDING}",
    reading="A full count, so no interval is needed. The same vulnerability in two lock files counts twice: two"
    " places have to be mended.",
    source="Count",
    dimensions=_BY,
    headline="open",
    better=Better.LOWER,
    tables=("findings",),
    sql=FINDINGS,
    detail=_OPEN_AT_END,
    counts="open findings",
)
def open_findings(rows: Rows, window: Window) -> Statistics:
    """How many are open, by level."""
    if window.start >= window.now:
        none = not_estimable("the period has not begun")
        return dict.fromkeys(("open", *LEVELS), none)
    if not len(rows):
        none = not_estimable("no finding is on record; scans tell whether anybody looked")
        return dict.fromkeys(("open", *LEVELS), none)
    still, _ = _open_at(rows, window)
    level = rows.text("level")[still]
    n = int(still.sum())
    by_level = {name: int((level == name).sum()) for name in LEVELS}
    return {
        "open": Estimate(float(n), None, None, n),
        **{name: Estimate(float(count), None, None, count) for name, count in by_level.items()},
    }


@metric(
    title="Age of open findings",
    family=Family.FINDINGS,
    unit=Unit.SECONDS,
    definition="Age at the end of the period, or now where it has not ended, of the findings that are open then."
    f" {_FINDING}",
    reading="Quantiles of a full count. What is old and has a fixed version waits for somebody; what has none"
    " waits for its maintainers.",
    source="Order statistics",
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("findings",),
    sql=FINDINGS,
    detail=_OPEN_AT_END,
    counts="open findings",
)
def finding_age(rows: Rows, window: Window) -> Statistics:
    """Quantiles of the age of open findings."""
    if window.start >= window.now:
        return no_ages("the period has not begun")
    still, moment = _open_at(rows, window)
    ages: Floats = moment - rows.seconds("at")[still]
    return age_quantiles(ages, "no finding is open")


@metric(
    title="Time to fix",
    family=Family.FINDINGS,
    unit=Unit.SECONDS,
    definition="Time from the opening of a finding until it was gone, of the findings that opened in the period."
    f" {CENSORED} {_FINDING}",
    reading="p50 is the time within which half were fixed. Not estimable where fewer than half were: then it lies"
    " beyond everything seen so far. A lock file that was removed counts as fixed.",
    source=KAPLAN_MEIER,
    dimensions=_BY,
    headline="p50",
    better=Better.LOWER,
    tables=("findings",),
    sql=FINDINGS,
    detail=_TIMED,
    counts="findings",
    curve=phase("at", "resolved_at"),
    compare=compared("at", "resolved_at", "findings"),
)
def finding_time_to_fix(rows: Rows, window: Window) -> Statistics:
    """Quantiles of opening to fix."""
    return survival.summarise(*durations(rows.within(window), "at", "resolved_at"))


@metric(
    title="Net flow of findings",
    family=Family.FINDINGS,
    unit=Unit.COUNT,
    definition=f"Findings that opened minus findings that were fixed in the period. {_FINDING}",
    reading="Above zero the pile grows. The interval is that of the difference of two Poisson counts; findings of"
    " one advisory come together, so that it is rather too narrow.",
    source="Difference of two Poisson counts, normal approximation",
    dimensions=_BY,
    headline="net",
    better=Better.LOWER,
    tables=("findings",),
    sql=FINDINGS,
    detail=_MOVED,
    counts="openings or fixes",
    compare=lambda before, earlier, after, later: compare_rates(
        len(before.within(earlier)),
        earlier.seconds,
        len(after.within(later)),
        later.seconds,
        noun="findings opened",
    ),
)
def finding_net_flow(rows: Rows, window: Window) -> Statistics:
    """Opened minus fixed."""
    opened, fixed = len(rows.within(window)), len(rows.within(window, "resolved_at"))
    return net_flow(opened, fixed, "fixed", "none opened or was fixed")
