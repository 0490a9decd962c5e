"""What keeping the lights on will ask for: arrivals, hours and waiting by kind of work, and whether prevention helps.

Words and pictures for a :class:`~ktlo.planning.load.summary.LoadSummary`; the arithmetic is in ``planning/load``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.remembering import Remembering
from ktlo.planning.demand import WorkClass
from ktlo.planning.load.asking import ask_load, remembered_load
from ktlo.planning.load.classes import CATEGORY_OF, NOUNS
from ktlo.planning.load.fitting import ClassLoad
from ktlo.planning.load.summary import ClassSummary, LoadSummary
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Curve,
    Head,
    Heading,
    Interval,
    Line,
    LineChart,
    LinePoint,
    Row,
    Step,
    StepChart,
    Table,
    Unit,
    unit_named,
    written,
    written_interval,
)
from ktlo.report.charts.calendar_ticks import day_label
from ktlo.report.pieces import Answer, Card, Known, Nothing
from ktlo.report.prevention import prevention_listing
from ktlo.report.sections import Asking, Figure, Links, Listing, Section
from ktlo.settings import Settings
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

HOURS = unit_named("h")
_PAST = 104
"""Past weeks that a picture shows."""
_MOST_PLACES = 12
_PICTURES, _ENOUGH = 3, 10
"""Kinds of work that are drawn, those that ask for most; with fewer items than that a picture says nothing."""
_DEFINITION = (
    "Work that arrives by itself: incidents, bugs, vulnerabilities, dependency updates and requests. One piece of work"
    " counts once, whether its issue, its change or its commits tell of it. Arrivals of a week are counted and"
    " followed as a level that drifts, with damped trend, a season where two years or more show one, and more spread"
    " than chance alone; hours are those that the effort model traced, followed alike. Intervals hold four of five"
    " outcomes (80%)."
)
_SOURCE = (
    "Gamma-Poisson filter: West and Harrison 1997, ch. 14; Bayesian model averaging: Hoeting et al. 1999; damped"
    " trend: Gardner and McKenzie 1985; hours of items: Kaplan-Meier with a Dirichlet process prior, Susarla and Van"
    " Ryzin 1976"
)


def load(
    store: Queryable, question: Question, settings: Settings, links: Links, *, weeks: int, seed: int
) -> Section:
    """Answer what keeping the lights on will ask for.

    Args:
        store: where the records are.
        question: filters, and its end; its start does not matter.
        settings: hours of a person-day, severities that mean down.
        links: where parts lead.
        weeks: how many weeks ahead.
        seed: of the draws.
    """
    # Grouped or not, a load is made of the same rows: they are read once a page.
    store = Remembering(store)
    whole = replace(question, by=None, grain=None)
    found = ask_load(store, whole, settings, weeks=weeks, seed=seed)
    fitted = remembered_load(store, whole, settings, weeks=weeks, seed=seed)
    asking = Asking(store, whole, links)
    known = asking.known("person_days", _sample(found), missing=found.notes)
    classes = sorted(found.classes, key=lambda each: -(each.hours_per_week.value or 0.0))
    by_class = {each.demand.work_class: each for each in fitted.classes}
    nothing = None
    if not classes:
        nothing = Nothing(
            "Nothing that arrives by itself",
            "No bug, incident, vulnerability, dependency update or request is recorded in a complete week.",
            command="ktlo sources add csv FILE",
            button="Add a source",
            href="/sources/add",
        )
    return Section(
        key="load",
        title="Load",
        answer=_answer(found),
        cards=_cards(found, links) if classes else (),
        figures=tuple(
            figure
            for each in [each for each in classes if each.items >= _ENOUGH][:_PICTURES]
            for figure in (_arrivals(each, links), _hours(each, by_class[each.work_class]))
            if figure is not None
        ),
        listings=(
            _arriving(classes, links),
            *_places(store, whole, settings, links, weeks, seed),
            *_prevention(classes),
        )
        if classes
        else (),
        known=Known(
            definition=_DEFINITION,
            sample=known.sample,
            freshness=known.freshness,
            missing=(*found.notes, *(note for each in classes for note in each.notes)),
            source=_SOURCE,
        ),
        nothing=nothing,
    )


def said(found: LoadSummary) -> str:
    """The answer in one sentence, without its interval."""
    if found.demanded.value is None:
        return "What keeping the lights on will ask for cannot be told"
    return (
        f"Work that arrives by itself will ask for {written(found.demanded.value, HOURS)} a week"
        f" in the {counted(found.weeks_ahead, 'weeks')} from {day_label(found.start)}"
    )


def _answer(found: LoadSummary) -> Answer:
    share, hours = found.demanded_share, found.hours_per_week
    more = found.demanded.reason
    if found.demanded.value is not None:
        more = "How much that is of all hours cannot be told: no effort is recorded in recent weeks"
    if share.value is not None and hours.value is not None:
        more = (
            f"That is {_shown(share, SHARE)} of the {written(hours.value, HOURS)} a week of which work leaves a trace;"
            f" over the last quarter it took {written(found.spent_per_week, HOURS)} a week"
        )
    if found.caution:
        more = f"{found.caution} {more}"
    return Answer(
        question="What will keeping the lights on ask for?",
        said=said(found),
        interval=_interval(found.demanded, HOURS),
        change=more,
    )


def _interval(estimate: Estimate, unit: Unit = HOURS) -> str:
    return f"80%: {_between(estimate, unit)}" if _between(estimate, unit) else ""


def _shown(estimate: Estimate, unit: Unit) -> str:
    """``31% (27% to 36%)``."""
    between = _between(estimate, unit)
    return f"{written(estimate.value, unit)} ({between})" if between else written(estimate.value, unit)


def _sample(found: LoadSummary) -> str:
    items = sum(each.items for each in found.classes)
    since = f" from {day_label(found.history_start)}" if found.history_weeks else ""
    return f"{counted(items, 'pieces of work')} in {counted(found.history_weeks, 'complete weeks')}{since}"


def _cards(found: LoadSummary, links: Links) -> tuple[Card, ...]:
    weeks = counted(found.history_weeks, "weeks")
    cards = [
        Card(
            "Hours a week ahead",
            written(found.demanded.value, HOURS),
            interval=_interval(found.demanded),
            sample=weeks,
        ),
        Card(
            "Share of all hours",
            written(found.demanded_share.value, SHARE) if found.demanded_share.value is not None else "",
            interval=_interval(found.demanded_share, SHARE) or found.demanded_share.reason,
            sample=weeks,
        ),
        Card(
            "Hours a week there are",
            written(found.hours_per_week.value, HOURS) if found.hours_per_week.value is not None else "",
            links.page("effort", {}),
            _interval(found.hours_per_week) or found.hours_per_week.reason,
            "1 person in a usual week" if found.people == 1 else f"{found.people} people in a usual week",
        ),
    ]
    down = [
        _downtime(each, links)
        for each in found.classes
        if each.work_class is WorkClass.INCIDENT and each.downtime_probability.value is not None
    ]
    return (*cards, *down)


def _downtime(each: ClassSummary, links: Links) -> Card:
    chance = each.downtime_probability
    return Card(
        "Incidents that bring downtime",
        f"{chance.value:.0%}",
        links.page("reliability", {}),
        f"80%: {chance.low:.0%} to {chance.high:.0%}; {_shown(each.downtime_hours, HOURS)} each",
        counted(each.items, "incidents"),
    )


def _rows(each: ClassSummary, links: Links, first: dt.date | None = None) -> str:
    """The effort rows behind a class: of all time, or of one week."""
    category = {"category": CATEGORY_OF[each.work_class].value}
    if first is None:
        return links.rows("person_days", {**category, "from": "all"})
    last = first + dt.timedelta(days=6)
    return links.rows("person_days", {**category, "from": first.isoformat(), "to": last.isoformat()})


def _arrivals(each: ClassSummary, links: Links) -> Figure:
    noun = NOUNS[each.work_class]
    past = [week for week in each.weeks if week.seen is not None][-_PAST:]
    ahead = [week for week in each.weeks if week.seen is None]
    expected = tuple(
        LinePoint(week.start, week.mean, Interval(week.low, week.high)) for week in (*past, *ahead)
    )
    seen = tuple(
        LinePoint(week.start, float(week.seen or 0), href=_rows(each, links, week.start)) for week in past
    )
    first = f", from {day_label(ahead[0].start)} on" if ahead else ""
    return Figure(
        LineChart(
            Head(
                f"arrivals-{each.work_class.value}",
                f"{noun.capitalize()} a week",
                f"{noun.capitalize()} that arrived each week, what was expected of the week before it began, and the"
                f" weeks ahead{first}.",
            ),
            (Line("arrived", seen), Line("expected, then ahead", expected)),
            COUNT,
            interval_of="80%: of the expected rate in the past, of the items in the weeks ahead",
        ),
        f"{_shown(each.per_week, COUNT)} a week ahead; {written(each.recent_per_week, COUNT)} a week arrived over the"
        " last quarter. A giant week moves the expectation no more than a high one would.",
    )


def _hours(each: ClassSummary, fitted: ClassLoad) -> Figure | None:
    from ktlo.metrics.survival import kaplan_meier

    kept = fitted.amounts.weights > 0
    values, known = fitted.amounts.values[kept], fitted.amounts.is_known[kept]
    if values.size < _ENOUGH or not (values > 0).any():
        return None
    noun = NOUNS[each.work_class]
    drawn = kaplan_meier(values * 3600.0, known).drawn(120)
    steps = tuple(
        Step(float(x), float(y), Interval(float(low), float(high)))
        for x, y, low, high in zip(drawn.times, drawn.survival, drawn.low, drawn.high, strict=True)
    )
    return Figure(
        StepChart(
            Head(
                f"hours-{each.work_class.value}",
                f"Hours of work on one of the {noun}",
                f"Share of {noun} that took more than so many hours of traced work (Kaplan-Meier), with its 95% band.",
            ),
            (Curve(noun, steps),),
            SECONDS,
            "took longer",
        ),
        f"Open ones count as at least what they took so far. A mean of {_shown(each.hours_each, HOURS)} is expected of"
        " the ones ahead, hours that name none of them spread over all.",
    )


_COLUMNS = (
    Heading("Kind"),
    Heading("Items", COUNT),
    Heading("Open", COUNT),
    Heading("A week, last quarter", COUNT),
    Heading("A week ahead", COUNT),
    Heading("80%"),
    Heading("Hours each", HOURS),
    Heading("Hours a week, last quarter", HOURS),
    Heading("Hours a week ahead", HOURS),
    Heading("80%"),
    Heading("Half ended within", SECONDS),
    Heading("Nine in ten within", SECONDS),
)


def _between(estimate: Estimate, unit: Unit) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    if unit is COUNT:  # arrivals of a week: a hundredth of an item is as fine as anybody reads
        return written_interval(round(estimate.low, 2), round(estimate.high, 2), unit)
    return written_interval(estimate.low, estimate.high, unit)


def _hundredths(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _arriving(classes: Sequence[ClassSummary], links: Links) -> Listing:
    rows = tuple(
        Row(
            (
                NOUNS[each.work_class],
                each.items,
                each.still_open,
                _hundredths(each.recent_per_week),
                _hundredths(each.per_week.value),
                _between(each.per_week, COUNT),
                each.hours_each.value,
                each.spent_per_week,
                each.hours_per_week.value,
                _between(each.hours_per_week, HOURS),
                each.waiting_half.value,
                each.waiting_most.value,
            ),
            _rows(each, links),
        )
        for each in classes
    )
    return Listing(
        "arriving",
        "What arrives",
        Table(_COLUMNS, rows).shown(),
        "Hours are corrected for what the classification is known to get wrong, and unattributed effort is shared out."
        " Times to the end count open ones; they are known where a tracker tells them.",
    )


def _places(
    store: Queryable, question: Question, settings: Settings, links: Links, weeks: int, seed: int
) -> tuple[Listing, ...]:
    """The same by service, else by repository, where there are several."""
    for dimension in (Dimension.SERVICE, Dimension.REPOSITORY):
        found = ask_load(store, replace(question, by=dimension), settings, weeks=weeks, seed=seed)
        names = {each.service for each in found.classes if each.service}
        if len(names) > 1:
            return (_by_place(found, dimension, links),)
    return ()


def _by_place(found: LoadSummary, dimension: Dimension, links: Links) -> Listing:
    ranked = sorted(found.classes, key=lambda each: -(each.hours_per_week.value or 0.0))
    shown = [each for each in ranked if each.service][: _MOST_PLACES * 2]
    left_out = len(ranked) - len(shown)
    rows = tuple(
        Row(
            (
                each.service,
                NOUNS[each.work_class],
                each.items,
                _hundredths(each.per_week.value),
                _between(each.per_week, COUNT),
                each.hours_per_week.value,
                _between(each.hours_per_week, HOURS),
            ),
            links.page("plan/load", {dimension.value: each.service}),
        )
        for each in shown
    )
    headings = (
        Heading(dimension.value.capitalize()),
        Heading("Kind"),
        Heading("Items", COUNT),
        Heading("A week ahead", COUNT),
        Heading("80%"),
        Heading("Hours a week ahead", HOURS),
        Heading("80%"),
    )
    more = f" The {left_out} smallest are not shown." if left_out > 0 else ""
    return Listing(
        f"by-{dimension}",
        f"By {dimension}",
        Table(headings, rows),
        f"A small {dimension} is believed to be like the others until it shows otherwise, so that three quiet weeks do"
        f" not look like peace.{more}",
    )


def _prevention(classes: Sequence[ClassSummary]) -> tuple[Listing, ...]:
    tried = [each for each in classes if each.effect is not None]
    return (prevention_listing(tried),) if tried else ()
