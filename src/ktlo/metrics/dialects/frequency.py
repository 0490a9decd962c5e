"""Deployment frequency in every dialect, brought to deployments (or days with one) a week. Rows are deployments."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Callable

from ktlo.metrics.dialects.facts import Facts
from ktlo.metrics.dialects.failing import (
    ANYWHERE,
    BEGUN,
    FINISHED,
    IN_PERIOD,
    OWN,
    TOLD,
    counted_deployments,
)
from ktlo.metrics.dialects.originals import DEVLAKE_COMMIT, FOURKEYS_COMMIT, GITLAB_DOCS, MIDDLEWARE_COMMIT
from ktlo.metrics.dialects.recipe import About, Counted, Dialect, Measured, Recipe, Rule, Shown, Spoken
from ktlo.metrics.dialects.statistics import DAY, interpolated_median, lower_median
from ktlo.metrics.question import Window
from ktlo.metrics.rows import stamp

WEEK = 7 * DAY
RATE = Rule("rate", "deployments divided by the weeks of the period, parts of a week too")
DEPLOYMENT_DAYS = Rule(
    "days, lower median", "days with a deployment in each calendar week from Monday, then their lower median"
)
DEPLOYMENT_DAYS_SUNDAY = Rule(
    "days, median", "days with a deployment in each calendar week from Sunday, then their median"
)
FLOORED = Rule(
    "whole numbers",
    "deployments divided by the calendar weeks that the period touches, cut to a whole number",
)
DAILY_AVERAGE = Rule("a day", "deployments divided by the days that the period touches; times seven here")


def _days(window: Window) -> list[dt.date]:
    """The calendar days (UTC) that the period touches, so far."""
    last = min(window.end, window.now) - dt.timedelta(microseconds=1)
    first = window.start.date()
    return [first + dt.timedelta(days=number) for number in range((last.date() - first).days + 1)]


def _day(moment: float) -> dt.date:
    return dt.datetime.fromtimestamp(moment, dt.UTC).date()


def _week(day: dt.date, first_weekday: int) -> dt.date:
    return day - dt.timedelta(days=(day.weekday() - first_weekday) % 7)


def days_deployed(
    rows: tuple[Counted, ...], window: Window, bucket: Callable[[dt.date], dt.date]
) -> list[int]:
    """How many days with a deployment each calendar bucket of the period has, empty buckets too."""
    found = Counter({bucket(day): 0 for day in _days(window)})
    found.update(bucket(day) for day in {_day(row.at) for row in rows})
    return list(found.values())


def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
    """Deployments, or days with a deployment, a week."""
    rows = tuple(
        Counted(
            "deployment", one.source, one.external_id, one.title, one.url,
            one.started_at if recipe.clock == BEGUN else one.at, 1.0,
        )
        for one in counted_deployments(facts, recipe, window)
    )  # fmt: skip
    seconds = min(stamp(window.end), stamp(window.now)) - stamp(window.start)
    if seconds <= 0:
        return Measured(None, (), "the period has not begun")
    if not rows:
        return Measured(None, (), "no deployment counts by this definition in the period")
    if recipe.statistic == RATE:
        return Measured(len(rows) / (seconds / WEEK), rows)
    if recipe.statistic == DEPLOYMENT_DAYS:
        return Measured(float(lower_median(days_deployed(rows, window, lambda day: _week(day, 0)))), rows)
    if recipe.statistic == DEPLOYMENT_DAYS_SUNDAY:
        return Measured(
            float(interpolated_median(days_deployed(rows, window, lambda day: _week(day, 6)))), rows
        )
    if recipe.statistic == FLOORED:
        return Measured(float(_whole_weekly(rows, window)), rows)
    return Measured(7 * len(rows) / len(_days(window)), rows)


def _whole_weekly(rows: tuple[Counted, ...], window: Window) -> int:
    days = _days(window)
    weeks = len({_week(day, 0) for day in days})
    return max(len(rows) // weeks, 7 * (len(rows) // len(days)))


def _show_own(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("not estimable" if measured.value is None else f"{measured.value:.2f} a week")


def _months(rows: tuple[Counted, ...], window: Window) -> list[int]:
    return days_deployed(rows, window, lambda day: day.replace(day=1))


def _devlake_2023(measured: Measured, window: Window) -> Shown:
    if measured.value is None:
        return Shown("N/A. Please check if you have collected deployments.")
    if measured.value >= 1:
        band = "elite" if measured.value >= 5 else "high"
        return Shown(f"{measured.value:.0f} deployment days per week({band})", band)
    monthly = lower_median(_months(measured.rows, window))
    band = "medium" if monthly >= 1 else "low"
    return Shown(f"{monthly:.0f} deployment days per month({band})", band)


def _devlake_2021(measured: Measured, window: Window) -> Shown:
    if measured.value is None:
        return Shown("N/A. Please check if you have collected deployments.")
    if measured.value >= 5:
        return Shown(f"{measured.value:.0f} deployment days per week(elite)", "elite")
    monthly = lower_median(_months(measured.rows, window))
    if monthly >= 1:
        return Shown(f"{monthly:.0f} deployment days per month(high)", "high")
    return Shown("a count per six months (medium or low)")


def _show_middleware(measured: Measured, window: Window) -> Shown:
    if measured.value is None:
        return Shown("0 a week")
    days = _days(window)
    daily = len(measured.rows) // len(days)
    if daily >= 1:
        return Shown(f"{daily} a day", "elite")
    if measured.value >= 1:
        return Shown(f"{measured.value:.0f} a week", "high")
    monthly = len(measured.rows) // len({day.replace(day=1) for day in days})
    return Shown(f"{monthly} a month", "low" if not monthly else "medium" if monthly == 1 else "high")


def _show_fourkeys(measured: Measured, window: Window) -> Shown:
    if measured.value is None:
        return Shown("Yearly")
    if measured.value >= 3:
        return Shown("Daily")
    weekly = days_deployed(measured.rows, window, lambda day: _week(day, 6))
    if interpolated_median([min(1, days) for days in weekly]) >= 1:
        return Shown("Weekly")
    months: Counter[dt.date] = Counter()
    weeks = sorted({_week(day, 6) for day in _days(window)})
    used = {_week(_day(row.at), 6) for row in measured.rows}
    for week in weeks:
        months[week.replace(day=1)] += week in used
    by_week = [months[week.replace(day=1)] for week in weeks]
    return Shown("Monthly" if interpolated_median(by_week) >= 1 else "Yearly")


def _show_gitlab(measured: Measured, window: Window) -> Shown:
    del window
    if measured.value is None:
        return Shown("0.0 a day")
    return Shown(f"{math.floor(measured.value / 7 * 10 + 0.5) / 10:.1f} a day")


_DEVLAKE_TRAPS = (
    "Days with a deployment are counted, not deployments: ten on one day are 1, and 7 is the most there is.",
    "The week in which the period begins or ends is short and counts like a whole one.",
    "Below one a week the number changes its unit to the month (report 2021: below five).",
)

SPOKEN: dict[Dialect, Spoken] = {
    Dialect.KTLO: Spoken(
        Recipe(OWN, FINISHED, IN_PERIOD, RATE),
        About(
            "Successful deployments into production in the period, a week.",
            "a week", "",
            ("Versions and images that only telemetry saw are counted, where nothing else told of them.",),
            "ktlo, metric deployment_frequency",
        ),
        _show_own,
    ),
    Dialect.DEVLAKE: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DEPLOYMENT_DAYS),
        About(
            "Lower median over the calendar weeks of the days that saw a successful production deployment.",
            "deployment days per week, or per month", "elite from 5 days a week, high from 1, medium from 1 a month",
            _DEVLAKE_TRAPS,
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json",
        ),
        _devlake_2023,
    ),
    Dialect.DEVLAKE_2021: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DEPLOYMENT_DAYS),
        About(
            "The same days; other bands, and months from below five days a week.",
            "deployment days per week, per month or per six months",
            "elite from 5 days a week, high from 1 a month, medium from 1 in six months",
            _DEVLAKE_TRAPS,
            f"{DEVLAKE_COMMIT}: grafana/dashboards/DORA.json",
        ),
        _devlake_2021,
    ),
    Dialect.MIDDLEWARE: Spoken(
        Recipe(TOLD, BEGUN, IN_PERIOD, FLOORED),
        About(
            "Successful deployments divided by the calendar days, weeks or months that the period touches, cut to whole"
            " numbers; a week is at least seven times a day.",
            "a day, a week or a month", "elite from 1 a day, high from 1 a week or 2 a month, medium at 1 a month",
            (
                "Whole numbers: thirteen deployments in seven weeks are 1 a week.",
                "A period from Wednesday to Wednesday touches two weeks and halves the number.",
            ),
            f"{MIDDLEWARE_COMMIT}: backend/analytics_server/mhq/service/deployments/analytics.py, mhq/utils/dict.py",
        ),
        _show_middleware,
    ),
    Dialect.FOURKEYS: Spoken(
        Recipe(ANYWHERE, FINISHED, IN_PERIOD, DEPLOYMENT_DAYS_SUNDAY),
        About(
            "Median over the calendar weeks of the days with a deployment; shown as Daily from three days on.",
            "a word: Daily, Weekly, Monthly, Yearly",
            "Daily from a median of 3 days a week, Weekly from 1, Monthly from 1 week a month",
            (
                "Deployments to every environment count.",
                "A deployment whose commit it never received by push does not exist.",
                "The product always looks at the last three months; here it is asked about the same period.",
            ),
            f"{FOURKEYS_COMMIT}: queries/deployments.sql, dashboard/fourkeys_dashboard.json",
        ),
        _show_fourkeys,
    ),
    Dialect.GITLAB: Spoken(
        Recipe(TOLD, FINISHED, IN_PERIOD, DAILY_AVERAGE),
        About(
            "Successful deployments to the production tier that finished in the period, divided by its days.",
            "a day, one decimal", "",
            (
                "A tier is found by the environment's name unless it is set.",
                "Less than one in twenty days is shown as 0.0.",
            ),
            f"{GITLAB_DOCS}; ee/app/models/dora/deployment_frequency_metric.rb, read in a public copy",
        ),
        _show_gitlab,
    ),
}  # fmt: skip
