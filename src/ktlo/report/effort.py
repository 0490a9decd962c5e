"""How much effort keeps the lights on: the share with its interval, by category, over time, by place."""

from __future__ import annotations

import datetime as dt

from ktlo.metrics.ask import Figure as MetricFigure
from ktlo.metrics.ask import fetch
from ktlo.metrics.effort import CATEGORIES
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.items import heaviest_items
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.records.effort import Category, Layer
from ktlo.report.charts import (
    PERSON_DAYS,
    SHARE,
    Bar,
    BarChart,
    Column,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Part,
    Range,
    RangeChart,
    Row,
    StackedColumns,
    Table,
    category,
    written,
)
from ktlo.report.grain import coarse_grain, fitting_grain, narrowed_to
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.sections import (
    Asking,
    Figure,
    Links,
    Listing,
    Section,
    change_text,
    interval_of,
    interval_text,
    sample_text,
)
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

_ITEMS_SHOWN = 25
_PLACES = 20


def effort(store: Queryable, question: Question, links: Links) -> Section:
    """Answer where effort went in the period."""
    asking = Asking(store, question, links)
    defined = definition("ktlo_share")
    answer = asking.answer("ktlo_share")
    share = answer.headline(defined)
    days = asking.answer("person_days")
    total = days.figures[0].statistics["total"]
    change, _ = change_text(answer.comparison, defined.better)
    said = (
        f"{written(share.value, SHARE)} of effort kept the lights on"
        if share.value is not None
        else "How much effort kept the lights on cannot be told for this period"
    )
    nothing = None
    if not total.value:
        nothing = Nothing(
            "No effort in this period",
            "No commit, review, issue or incident of a person falls into it.",
            command="ktlo sources add git PATH",
            button="Show the whole period",
            href=links.page("effort", {"from": "all", "to": ""}),
        )
    statistics = answer.figures[0].statistics
    unattributed = statistics["unattributed"].value
    missing = [
        "Work that leaves no trace in the connected tools: meetings, calls, thinking, unrecorded support."
    ]
    if unattributed and statistics["if_none"].value is not None and statistics["if_all"].value is not None:
        missing.append(
            f"{written(unattributed, SHARE)} of person-days could not be given a category: the share of all effort"
            f" lies between {written(statistics['if_none'].value, SHARE)} (none of it kept the lights on) and"
            f" {written(statistics['if_all'].value, SHARE)} (all of it did)."
        )
    missing += asking.turned_away("ktlo_share")
    return Section(
        key="effort",
        title="Effort",
        answer=Answer(
            question="How much effort keeps the lights on?",
            said=said,
            interval=interval_text(share, defined.unit, defined.headline),
            change=change or share.reason,
        ),
        cards=(
            asking.card("ktlo_share"),
            asking.card("person_days", "Person-days of work"),
        ),
        figures=() if nothing else _figures(asking),
        listings=() if nothing else (_largest(asking), _layers(asking)),
        known=asking.known("ktlo_share", worked_text(share, total), tuple(missing)),
        nothing=nothing,
    )


def worked_text(share: Estimate, days: Estimate) -> str:
    """``42 person-days with a category``; of less than one, how many there are at all: never none where some are."""
    if share.n or not days.value:
        return sample_text(share, "person-days with a category")
    return f"{days.value:.2g} person-days of {counted(days.n, 'items')}"


def _figures(asking: Asking) -> tuple[Figure, ...]:
    links = asking.links
    figures = [
        Figure(
            weekly_effort(asking),
            definition("person_days").definition,
            links.data("person_days", {}, "csv"),
            links.data("person_days", {"by": "category"}, "json"),
        ),
        Figure(
            by_category(asking),
            definition("effort_by_category").definition,
            links.data("effort_by_category", {}, "csv"),
            links.data("effort_by_category", {}, "json"),
        ),
        Figure(
            share_over_time(asking),
            definition("ktlo_share").definition,
            links.data("ktlo_share", {}, "csv"),
            links.data("ktlo_share", {"grain": coarse_grain(asking.question).value}, "json"),
        ),
    ]
    for dimension in (Dimension.REPOSITORY, Dimension.SERVICE, Dimension.TEAM):
        answer = asking.answer("ktlo_share", by=dimension, most_groups=_PLACES)
        named = [figure for figure in answer.figures if figure.group]
        if len(named) > 1:
            figures.append(
                Figure(
                    _by_place(asking, dimension, named),
                    f"The share of each {dimension}, with its 95% interval; the line is the share over all.",
                    links.data("ktlo_share", {}, "csv"),
                    links.data("ktlo_share", {"by": dimension.value}, "json"),
                )
            )
    return tuple(figures)


def weekly_effort(asking: Asking) -> StackedColumns:
    """Person-days as classified, by category, stacked over time."""
    question = asking.question
    grain = fitting_grain(question)
    answer = asking.answer("person_days", by=Dimension.CATEGORY, grain=grain)
    parts: dict[dt.datetime, list[Part]] = {}
    for figure in answer.figures:
        value = figure.statistics["total"].value
        column = parts.setdefault(figure.start, [])
        if value:
            narrowed = {**narrowed_to(figure.start, figure.end), "category": figure.group}
            column.append(Part(category(figure.group), value, asking.links.rows("person_days", narrowed)))
    return StackedColumns(
        Head(
            "effort-over-time",
            f"Effort by {grain}",
            "Person-days of each category, as classified, stacked; what keeps the lights on lies at the bottom.",
        ),
        tuple(Column(start.date(), tuple(found)) for start, found in sorted(parts.items())),
        PERSON_DAYS,
        grain.value,
    )


def by_category(asking: Asking) -> BarChart:
    """Person-days of each category with the interval that the classifier's mistakes leave."""
    answer = asking.answer("effort_by_category")
    statistics = answer.figures[0].statistics
    bars = []
    for each in (*CATEGORIES, Category.UNATTRIBUTED):
        estimate = statistics[each.value]
        swatch = category(each.value)
        rows = asking.links.rows("person_days", {"category": each.value})
        bars.append(Bar(swatch.label, estimate.value, interval_of(estimate), None, swatch, rows))
    bars.sort(key=lambda bar: -(bar.value or 0.0))
    return BarChart(
        Head(
            "effort-by-category",
            "Effort by category",
            "Person-days of each category after correcting for the classifier's known mistakes.",
        ),
        tuple(bars),
        PERSON_DAYS,
    )


def share_over_time(asking: Asking) -> LineChart:
    """The share in each month or quarter."""
    grain = coarse_grain(asking.question)
    answer = asking.answer("ktlo_share", grain=grain)
    points = tuple(
        LinePoint(
            figure.start.date(),
            figure.statistics["share"].value,
            interval_of(figure.statistics["share"]),
            figure.statistics["share"].n,
            asking.links.rows("ktlo_share", narrowed_to(figure.start, figure.end)),
        )
        for figure in answer.figures
    )
    return LineChart(
        Head("share-over-time", f"KTLO share by {grain}", "The corrected share with its 95% interval."),
        (Line("KTLO share", points),),
        SHARE,
    )


def _by_place(asking: Asking, dimension: Dimension, figures: list[MetricFigure]) -> RangeChart:
    overall = asking.answer("ktlo_share").figures[0].statistics["share"].value
    ranges = tuple(
        Range(
            figure.group,
            figure.statistics["share"].value,
            figure.statistics["share"].low,
            figure.statistics["share"].high,
            figure.statistics["share"].n,
            asking.links.page("effort", {dimension.value: figure.group}),
        )
        for figure in figures
    )
    return RangeChart(
        Head(f"share-by-{dimension}", f"KTLO share by {dimension}", f"Corrected share of each {dimension}."),
        ranges,
        SHARE,
        reference=overall,
        reference_label="all",
    )


def _largest(asking: Asking) -> Listing:
    """The work that took most effort."""
    items = heaviest_items(asking.store, asking.narrowed("person_days"), _ITEMS_SHOWN).to_pylist()
    return Listing(
        "largest-items",
        "Where the days went",
        Table(
            (
                Heading("Work item"),
                Heading("Kind"),
                Heading("Repository"),
                Heading("Category"),
                Heading("Decided by"),
                Heading("Person-days", PERSON_DAYS),
            ),
            tuple(
                Row(
                    (
                        item["title"][:120] or item["item_id"][:12],
                        item["item_kind"],
                        item["repository"],
                        category(item["category"]).label,
                        item["layer"].replace("_", " "),
                        round(item["spent"], 2),
                    ),
                    asking.links.page("item", {key: item[key] for key in ("item_kind", "source", "item_id")}),
                )
                for item in items
            ),
        ),
        "The items that took most effort; open one to see why it has its category, and to correct it.",
        asking.links.data("person_days", {}, "csv"),
    )


def _layers(asking: Asking) -> Listing:
    """How categories were decided, by layer."""
    defined = definition("person_days")
    rows = fetch(asking.store, defined, asking.narrowed("person_days")).within(asking.question.window)
    days = rows.numbers("person_days")
    # What the model was asked about and could not tell was decided by nobody.
    decided = rows.text("category") != Category.UNATTRIBUTED.value
    sums = {
        layer: float(days[decided & (rows.text("layer") == layer)].sum())
        for layer in rows.groups("layer")
        if layer != Layer.NONE.value
    }
    sums["none: unattributed"] = float(days[~decided].sum())
    whole = sum(sums.values()) or 1.0
    return Listing(
        "decided-by",
        "How categories were decided",
        Table(
            (Heading("Layer"), Heading("Person-days", PERSON_DAYS), Heading("Share", SHARE)),
            tuple(
                Row((layer.replace("_", " "), round(spent, 1), spent / whole))
                for layer, spent in sorted(sums.items(), key=lambda pair: -pair[1])
                if spent
            ),
        ),
        "Explicit rules come before the model; what none could decide is unattributed. Corrections come first.",
    )
