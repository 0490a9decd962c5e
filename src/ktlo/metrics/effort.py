"""Effort: the share that keeps the lights on, and person-days by category.

Rows are sums of ``effort`` records by day, layer and category; the share corrects for what the classifier
gets wrong (``share``) and shows the unattributed part beside it instead of hiding it.
"""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ktlo.effort.confusion import Confusion, hand_checked_confusion, held_out_confusion
from ktlo.metrics.comparison import Comparison, compare_shares
from ktlo.metrics.estimate import Estimate, not_estimable
from ktlo.metrics.question import Dimension, Window
from ktlo.metrics.registry import Family, Statistics, Unit, metric
from ktlo.metrics.rows import Rows
from ktlo.metrics.share import Declared, Measured, Reliability, ShareEstimate
from ktlo.metrics.share import ktlo_share as share_of
from ktlo.records.effort import Category, Layer

CATEGORIES = tuple(category for category in Category if category is not Category.UNATTRIBUTED)
_IS_KTLO = np.array([category.is_ktlo for category in CATEGORIES])
_LAYERS = (Layer.CORRECTION, Layer.TEAM_RULE, Layer.BUILT_IN_RULE, Layer.LINKED, Layer.MODEL)
_CATEGORY_NAMES = tuple(category.value for category in CATEGORIES)
_LAYER_NAMES = tuple(layer.value for layer in _LAYERS)
_WEEK = 7 * 86400.0
_MINUTE_OF_A_DAY = 1 / 480
LEAST_DAYS = 1.0
"""Person-days with a category below which there is no share: what is counted is a person's day, and less than one is
a piece of a single sample."""

DECLARED = {
    Layer.CORRECTION: Declared(0.99),
    Layer.TEAM_RULE: Declared(0.95),
    Layer.BUILT_IN_RULE: Declared(0.85),
    Layer.LINKED: Declared(0.80),
}
"""How far verdicts of layers that were not measured are trusted. Labels are wrong more often than people
think: 33.8% of bug reports in five trackers were no bugs (Herzig, Just and Zeller, ICSE 2013)."""

_SUMS = """
SELECT
  toDateTime64(day, 6, 'UTC') AS at, repository, service, team, category, layer,
  sum(person_days) AS person_days, uniqExact(person) AS people, count() AS items
FROM ktlo.effort
WHERE toDateTime64(day, 6, 'UTC') >= {start:DateTime64(6, 'UTC')}
  AND toDateTime64(day, 6, 'UTC') < {end:DateTime64(6, 'UTC')}
GROUP BY day, repository, service, team, category, layer
ORDER BY at"""

_ITEMS = """
SELECT
  toDateTime64(e.day, 6, 'UTC') AS at, e.person AS person, e.team AS team, e.repository AS repository,
  e.service AS service, e.category AS category, e.layer AS layer, e.person_days AS person_days,
  v.title AS title, v.reason AS reason, v.confidence AS confidence, e.activities AS activities,
  e.item_kind AS item_kind, e.source AS source, e.item_id AS item_id
FROM ktlo.effort AS e
LEFT JOIN ktlo.verdicts AS v ON v.item_kind = e.item_kind AND v.source = e.source AND v.item_id = e.item_id
WHERE toDateTime64(e.day, 6, 'UTC') >= {start:DateTime64(6, 'UTC')}
  AND toDateTime64(e.day, 6, 'UTC') < {end:DateTime64(6, 'UTC')}
ORDER BY e.person_days DESC, e.day DESC"""


@functools.cache
def model_reliability() -> Measured:
    """Confusion of the model: hand-checked counts, and held-out ones scaled down to weigh the same.

    The held-out counts are many but their truth is what commit authors declared; the hand-checked ones are
    few but read one by one. Equal weight keeps the interval as wide as the smaller sample deserves.
    """
    checked, held = _square(hand_checked_confusion()), _square(held_out_confusion())
    scale = min(1.0, checked.sum() / max(held.sum(), 1.0)) if checked.sum() else 1.0
    return Measured(checked + held * scale)


def _square(confusion: Confusion) -> npt.NDArray[np.float64]:
    counts = np.zeros((len(CATEGORIES), len(CATEGORIES) + 1))
    columns = [*CATEGORIES, Category.UNATTRIBUTED]
    for row, truth in enumerate(confusion.truth):
        if truth in CATEGORIES:
            for column, verdict in enumerate(confusion.verdict):
                counts[CATEGORIES.index(truth), columns.index(verdict)] += confusion.counts[row, column]
    return counts


def estimate_share(rows: Rows, window: Window) -> ShareEstimate:
    """The corrected share and person-days of one window, in weekly blocks from its start."""
    inside = rows.within(window)
    weeks = ((inside.seconds("at") - window.start.timestamp()) // _WEEK).astype(np.int64)
    days = np.zeros((int(weeks.max()) + 1 if weeks.size else 1, len(_LAYERS), len(CATEGORIES) + 1))
    category = inside.placed("category", _CATEGORY_NAMES, len(CATEGORIES))
    # Effort that no layer decided is unattributed; it rides on the model's layer, whose last column it is.
    layer = inside.placed("layer", _LAYER_NAMES, len(_LAYERS) - 1)
    if weeks.size:
        np.add.at(days, (np.maximum(weeks, 0), layer, category), inside.numbers("person_days"))
    reliabilities: list[Reliability] = [DECLARED.get(each) or model_reliability() for each in _LAYERS]
    return share_of(days, reliabilities, _IS_KTLO)


def _told(rows: Rows, window: Window) -> ShareEstimate:
    """As :func:`estimate_share`, without a share where there are less than :data:`LEAST_DAYS`."""
    found = estimate_share(rows, window)
    if not 0 < found.attributed < LEAST_DAYS:
        return found
    why = f"only {found.attributed:.2g} person-days have a category: a share needs {LEAST_DAYS:.0f}"
    return replace(found, share=not_estimable(why), naive=None, if_none=None, if_all=None)


def _compare(before: Rows, earlier: Window, after: Rows, later: Window) -> Comparison:
    return compare_shares(_told(before, earlier), _told(after, later))


def _visible(estimate: Estimate) -> Estimate:
    """What the correction leaves of a category is never exactly nothing; under a minute it is."""
    if estimate.value is None or estimate.value > _MINUTE_OF_A_DAY:
        return estimate
    high = estimate.high if estimate.high is not None and estimate.high > _MINUTE_OF_A_DAY else 0.0
    return Estimate(0.0, 0.0, high, estimate.n, estimate.censored, estimate.reason)


def _plain(value: float | None, n: int, reason: str) -> Estimate:
    return not_estimable(reason, n) if value is None else Estimate(value, None, None, n)


@metric(
    title="KTLO share",
    family=Family.EFFORT,
    unit=Unit.SHARE,
    definition="Person-days that kept the lights on (bug fixes, security, performance, dependencies, incidents,"
    " infrastructure, debt, support) divided by all person-days that have a category. A person's day counts at"
    " most once and is spread over that day's work; see docs/effort.md. Corrected for the mistakes that the"
    " classification is known to make.",
    reading="`as_classified` is the share before that correction; `if_none` and `if_all` are what it would be if"
    " none or all of the unattributed effort kept the lights on. The interval covers the classifier's mistakes"
    " and the change from week to week, not work that leaves no trace; one week alone has none. Less than one"
    " person-day with a category tells no share.",
    source="Saerens, Latinne and Decaestecker, Neural Computation 2002; block bootstrap over weeks",
    dimensions=(Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM),
    headline="share",
    tables=("commits", "changes", "issues", "incidents"),
    sql=_SUMS,
    detail=_ITEMS,
    counts="person-days",
    compare=_compare,
)
def ktlo_share(rows: Rows, window: Window) -> Statistics:
    """The share with its interval, and its bounds."""
    found = _told(rows, window)
    n, why = found.share.n, found.share.reason or "no effort in this period"
    everything = found.attributed + found.unattributed
    unattributed = found.unattributed / everything if everything else None
    return {
        "share": found.share,
        "as_classified": _plain(found.naive, n, why),
        "if_none": _plain(found.if_none, n, why),
        "if_all": _plain(found.if_all, n, why),
        "unattributed": _plain(unattributed, n, why),
    }


@metric(
    title="Effort by category",
    family=Family.EFFORT,
    unit=Unit.PERSON_DAYS,
    definition="Person-days by category, corrected for the mistakes that the classification is known to make;"
    " `total` includes the unattributed ones.",
    reading="Categories add up to the attributed total. For what the classification itself says, ask person_days"
    " by category.",
    source="As KTLO share",
    dimensions=(Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM),
    headline="total",
    tables=("commits", "changes", "issues", "incidents"),
    sql=_SUMS,
    detail=_ITEMS,
    counts="person-days",
)
def effort_by_category(rows: Rows, window: Window) -> Statistics:
    """Corrected person-days of each category."""
    found = estimate_share(rows, window)
    n = found.share.n
    statistics = {
        category.value: _visible(estimate)
        for category, estimate in zip(CATEGORIES, found.categories, strict=True)
    }
    return {
        "total": Estimate(found.attributed + found.unattributed, None, None, n),
        **statistics,
        "unattributed": Estimate(found.unattributed, None, None, n),
    }


@metric(
    title="Person-days",
    family=Family.EFFORT,
    unit=Unit.PERSON_DAYS,
    definition="Person-days as classified, without correction: at most one a person and day, spread over the"
    " day's work items in proportion to estimated hours.",
    reading="A model of effort from traces of work, the same for everybody; good for shares and trends, not for"
    " judging a person.",
    source="docs/effort.md",
    dimensions=(Dimension.CATEGORY, Dimension.SERVICE, Dimension.REPOSITORY, Dimension.TEAM),
    headline="total",
    tables=("commits", "changes", "issues", "incidents"),
    sql=_SUMS,
    detail=_ITEMS,
    counts="parts of a day",
)
def person_days(rows: Rows, window: Window) -> Statistics:
    """Sum of person-days."""
    inside = rows.within(window)
    items = int(inside.numbers("items").sum()) if len(inside) else 0
    return {"total": Estimate(float(inside.numbers("person_days").sum()), None, None, items)}
