"""The time to close a bug in the dialects that show one. Rows are bugs, as ktlo classifies issues."""

from __future__ import annotations

import numpy as np

from ktlo.metrics.dialects.durations import AS_IS, EXACT, MEAN, MIDDLE, MINUTE, MINUTES_DOWN, TENTH_DAYS
from ktlo.metrics.dialects.facts import Facts
from ktlo.metrics.dialects.originals import DEVLAKE_COMMIT
from ktlo.metrics.dialects.recipe import About, Counted, Dialect, Measured, Recipe, Rule, Shown, Spoken
from ktlo.metrics.dialects.statistics import (
    DAY,
    half_up,
    interpolated_median,
    kaplan_meier_median,
    mean,
    whole,
)
from ktlo.metrics.question import Window
from ktlo.metrics.rows import stamp

ALL = Rule("all", "every bug; an open one lasts at least until now")
CLOSED = Rule("closed", "only bugs that are closed; open ones are left out")
LIFE = Rule("life", "opened to the last closing")
OPENED_IN = Rule("opened", "the opening")
CLOSED_IN = Rule("closed", "the closing")
KAPLAN_MEIER = Rule("Kaplan-Meier", "median of the Kaplan-Meier curve, which open bugs are part of")


def measure(facts: Facts, recipe: Recipe, window: Window) -> Measured:
    """Time to close a bug by a recipe, in seconds."""
    rules = (recipe.population, recipe.window, recipe.rounding, window)
    if rules not in facts.made:
        facts.made[rules] = _rows(facts, recipe, window)
    return _figure(facts.made[rules], recipe)


def _rows(facts: Facts, recipe: Recipe, window: Window) -> tuple[Counted, ...]:
    start, end, now = stamp(window.start), min(stamp(window.end), stamp(window.now)), stamp(window.now)
    # A tracker may hold half a million: which of them count is found in columns, and only those become rows.
    opened = np.array([bug.opened_at for bug in facts.bugs], dtype=np.float64)
    closed = np.array([bug.closed_at for bug in facts.bugs], dtype=np.float64)
    known = np.array([bug.known_until for bug in facts.bugs], dtype=np.float64)
    is_over = np.array([bug.is_over for bug in facts.bugs], dtype=np.bool_)
    counts_all = recipe.population == ALL
    seen = closed <= (known if counts_all else now)
    finish = np.where(seen, closed, known)
    at = opened if recipe.window == OPENED_IN else finish
    length = finish - opened
    chosen = (at >= start) & (at < end) & ~(np.isnan(closed) & is_over)
    chosen &= length >= 0 if counts_all else seen
    places = np.flatnonzero(chosen)
    moments, amounts, is_open = at[places].tolist(), length[places].tolist(), (~seen[places]).tolist()
    if recipe.rounding == MINUTES_DOWN:
        amounts = [whole(amount, MINUTE) for amount in amounts]
    bugs = [facts.bugs[place] for place in places.tolist()]
    return tuple(
        Counted("issue", bug.source, bug.external_id, bug.title, bug.url, moment, amount, still)
        for bug, moment, amount, still in zip(bugs, moments, amounts, is_open, strict=True)
    )


def _figure(rows: tuple[Counted, ...], recipe: Recipe) -> Measured:
    if not rows:
        return Measured(None, (), "no bug counts by this definition in the period")
    lengths = [row.amount for row in rows]
    if recipe.statistic == KAPLAN_MEIER:
        median = kaplan_meier_median(rows)
        if median.value is None:
            return Measured(None, rows, median.reason)
        value = median.value
    else:
        value = mean(lengths) if recipe.statistic == MEAN else interpolated_median(lengths)
    return Measured(half_up(value / DAY, 0.1) * DAY if recipe.shown == TENTH_DAYS else value, rows)


def _show(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("not estimable" if measured.value is None else f"{measured.value / DAY:.2f} days")


def _show_devlake(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("No data" if measured.value is None else f"{measured.value / DAY:.1f} days")


def _show_gitlab(measured: Measured, window: Window) -> Shown:
    del window
    return Shown("-" if measured.value is None else f"{measured.value / DAY:.1f} days")


SPOKEN: dict[Dialect, Spoken] = {
    Dialect.KTLO: Spoken(
        Recipe(ALL, LIFE, OPENED_IN, KAPLAN_MEIER, rounding=EXACT, shown=AS_IS),
        About(
            "Median time from opening to closing of the bugs opened in the period, open ones included as far as they"
            " have lasted.",
            "seconds", "", ("Not estimable where fewer than half are closed.",), "ktlo, metric bug_time_to_close",
        ),
        _show,
    ),
    Dialect.DEVLAKE: Spoken(
        Recipe(CLOSED, LIFE, CLOSED_IN, MEAN, rounding=MINUTES_DOWN, shown=AS_IS),
        About(
            "Mean lead time of the bugs resolved in the period, from whole minutes.",
            "days", "",
            (
                "Cleaning up old bugs makes the number worse in the week of the cleaning.",
                "Which issues are bugs is said by the team's own patterns there; here it is ktlo's classification.",
                "The panel itself shows the week before; here it is asked about the whole period.",
            ),
            f"{DEVLAKE_COMMIT}: grafana/dashboards/WeeklyBugRetro.json",
        ),
        _show_devlake,
    ),
    Dialect.GITLAB: Spoken(
        Recipe(CLOSED, LIFE, CLOSED_IN, MIDDLE, rounding=EXACT, shown=TENTH_DAYS),
        About(
            "Value stream analytics' lead time: median time from the creation of an issue to its closing, for issues"
            " closed in the period.",
            "days, one decimal", "",
            ("GitLab shows it for all issues; a filter by label makes it one of bugs. Here it is of bugs.",),
            "GitLab documentation, Value stream analytics (doc/user/group/value_stream_analytics), Lead time",
        ),
        _show_gitlab,
    ),
}  # fmt: skip
