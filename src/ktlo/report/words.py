"""Numbers and verdicts in words, the same on pages, in reports and in the terminal.

Takes the estimates of metrics; formatting of a bare number is in ``charts/quantity``.
"""

from __future__ import annotations

import datetime as dt

from ktlo.metrics.estimate import Estimate
from ktlo.report.charts.quantity import Unit, unit_named, written, written_interval

_COUNTS = frozenset(
    {
        "count",
        "open",
        "outages",
        "services",
        "opened",
        "closed",
        "net",
        "files",
        "fixed",
        "critical",
        "high",
        "medium",
        "low",
        "unknown",
    }
)
_SHARES = frozenset({"share", "share_of_top_ten", "unattributed_share"})

STATISTICS = {
    "p50": "half within",
    "p75": "three quarters within",
    "p90": "nine in ten within",
    "mean": "mean",
    "count": "how many",
    "open": "still open",
    "share": "share",
    "as_classified": "before correction",
    "if_none": "if none of the unattributed",
    "if_all": "if all of the unattributed",
    "unattributed": "unattributed",
    "per_week": "a week",
    "total": "in all",
    "net": "opened minus closed",
    "opened": "opened",
    "closed": "closed",
    "outages": "outages",
    "services": "services",
    "files": "files",
    "share_of_top_ten": "share of the ten hottest",
    "slope": "a year",
    "fixed": "fixed",
    "critical": "critical",
    "high": "high",
    "medium": "medium",
    "low": "low",
    "unknown": "of unknown level",
}
"""How a statistic is called beside its number."""


def unit_of(unit: str, statistic: str) -> Unit:
    """Unit of one statistic of a metric whose main unit is given.

    Args:
        unit: the metric's unit, as in its definition.
        statistic: name of the statistic.
    """
    if statistic in _COUNTS:
        return unit_named("count")
    if statistic in _SHARES and not unit.startswith("share"):
        return unit_named("share")
    if statistic == "per_week":
        return unit_named("per week")
    return unit_named(unit)


def estimate_text(estimate: Estimate, unit: str, statistic: str) -> str:
    """``61 h (55 h to 70 h)``, ``61 h (no interval: …)``, or ``not estimable: …``, with the reason."""
    shown = unit_of(unit, statistic)
    if estimate.value is None:
        return f"not estimable: {estimate.reason}"
    value = written(estimate.value, shown)
    if estimate.low is None and estimate.high is None:
        return f"{value} (no interval: {estimate.reason})" if estimate.reason else value
    return f"{value} ({written_interval(estimate.low, estimate.high, shown)})"


def ago(moment: dt.datetime | None, now: dt.datetime) -> str:
    """``never``, ``just now``, ``12 min ago``, ``3 d ago``."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    if seconds < 60:
        return "just now"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min ago"
    return f"{written(seconds, unit_named('s'))} ago"


def period_text(start: dt.datetime, end: dt.datetime) -> str:
    """``24 Aug to 22 Nov 2026``; the last day is the last one inside."""
    last = end - dt.timedelta(microseconds=1)
    first = f"{start.day} {start:%b}" + ("" if start.year == last.year else f" {start.year}")
    return f"{first} to {last.day} {last:%b} {last.year}"
