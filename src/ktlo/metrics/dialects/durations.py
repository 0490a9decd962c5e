"""Durations in every dialect: the statistics and roundings that products show of lead times and times to restore."""

from __future__ import annotations

from ktlo.metrics.dialects.recipe import Counted, Measured, Recipe, Rule, Shown
from ktlo.metrics.dialects.statistics import (
    DAY,
    half_up,
    interpolated_median,
    kaplan_meier_median,
    lower_median,
    mean,
    median_of_daily_medians,
)
from ktlo.metrics.question import Window

MINUTE, HOUR = 60.0, 3600.0

LOWER = Rule("lower median", "lower median: the smaller of the two middle ones")
MEAN = Rule("mean", "mean")
MIDDLE = Rule("median", "median, the mean of the two middle ones")
DAILY = Rule("daily medians", "median of the medians of each day: a day with one weighs like a day with ten")
AS_IS = Rule("as it is", "none")
EXACT = Rule("exact", "none")
MINUTES_DOWN = Rule("minutes down", "down to whole minutes")
TENTH_HOURS = Rule("0.1 h", "tenths of an hour")
TENTH_DAYS = Rule("0.1 d", "tenths of a day")


def figure(rows: tuple[Counted, ...], recipe: Recipe, curve: Rule, nothing: str) -> Measured:
    """The number of a recipe over counted durations, with the number before it is rounded for display.

    Args:
        rows: what counts; amounts in seconds.
        recipe: which statistic, and how its result is rounded.
        curve: the statistic that is the median of the Kaplan-Meier curve; each metric words its own.
        nothing: why there is no number when no row counts.
    """
    if not rows:
        return Measured(None, (), nothing)
    lengths = [row.amount for row in rows]
    if recipe.statistic == curve:
        median = kaplan_meier_median(rows)
        if median.value is None:
            return Measured(None, rows, median.reason)
        value = median.value
    elif recipe.statistic == MEAN:
        value = mean(lengths)
    elif recipe.statistic == DAILY:
        value = median_of_daily_medians(lengths, [row.at for row in rows])
    else:
        value = (lower_median if recipe.statistic == LOWER else interpolated_median)(lengths)
    unrounded = value
    if recipe.shown == TENTH_HOURS:
        value = half_up(value / HOUR, 0.1) * HOUR
    elif recipe.shown == TENTH_DAYS:
        value = half_up(value / DAY, 0.1) * DAY
    return Measured(value, rows, unrounded=unrounded)


def show_own(measured: Measured, window: Window) -> Shown:
    """Ktlo's own way to show a duration: hours with two decimals."""
    del window
    return Shown("not estimable" if measured.value is None else f"{measured.value / HOUR:.2f} h")
