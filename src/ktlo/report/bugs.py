"""How bugs are resolved: rate, age, flow and what comes back."""

from __future__ import annotations

from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.report.charts import COUNT, Head, Line, LineChart, LinePoint, written
from ktlo.report.durations import curve_chart, quantiles_by
from ktlo.report.grain import fitting_grain, narrowed_to
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.sections import (
    Asking,
    Figure,
    Links,
    Section,
    change_text,
    interval_text,
    sample_text,
)
from ktlo.report.words import unit_of
from ktlo.store.protocol import Queryable


def bugs(store: Queryable, question: Question, links: Links) -> Section:
    """Answer how bugs were resolved in the period."""
    asking = Asking(store, question, links)
    defined = definition("bug_resolution_rate")
    rate = asking.answer("bug_resolution_rate").headline(defined)
    flow = asking.answer("bug_net_flow")
    statistics = flow.figures[0].statistics
    change, _ = change_text(flow.comparison, definition("bug_net_flow").better)
    is_empty = not statistics["net"].n and not asking.answer("bug_age").figures[0].statistics["open"].n
    nothing = None
    if is_empty:
        nothing = Nothing(
            "No bug in this period",
            "Bugs are issues of a tracker that their type, labels, rules or the model call bugs.",
            command="ktlo sources add github OWNER/NAME",
            button="Show the whole period",
            href=links.page("bugs", {"from": "all", "to": ""}),
        )
    said = (
        f"{written(rate.value, unit_of(defined.unit, 'share'))} of bugs are closed within 30 days"
        if rate.value is not None
        else f"How many bugs are closed within 30 days is not estimable: {rate.reason}"
    )
    return Section(
        key="bugs",
        title="Bugs",
        answer=Answer(
            question="How fast are bugs resolved?",
            said=said,
            interval=interval_text(rate, defined.unit, "share") if rate.value is not None else "",
            change=_flow_said(statistics["opened"].n, statistics["closed"].n)
            + (f". {change}" if change else ""),
        ),
        cards=(
            asking.card("bug_resolution_rate"),
            asking.card("bug_time_to_close", "Time to close, median"),
            asking.card("bug_age", "Age of open bugs, median"),
            asking.card("bug_net_flow"),
            asking.card("bug_reopen_rate"),
        ),
        figures=() if nothing else _figures(asking),
        listings=(),
        known=asking.known(
            "bug_resolution_rate",
            sample_text(rate, "bugs opened in the period"),
            (
                "Bugs that nobody reported, and reports that the classification takes for something else.",
                *asking.turned_away("bug_resolution_rate"),
            ),
        ),
        nothing=nothing,
    )


def _flow_said(opened: int, closed: int) -> str:
    return f"{opened:,} opened and {closed:,} closed in the period"


def _figures(asking: Asking) -> tuple[Figure, ...]:
    figures = [
        curve_chart(asking, "bug_time_to_close", "Share of bugs not yet closed"),
        _flow(asking),
        *(
            quantiles_by(asking, "bug_time_to_close", "Time to close a bug", by, "bugs")
            for by in (Dimension.REPOSITORY, Dimension.SERVICE, Dimension.SEVERITY)
        ),
    ]
    return tuple(figure for figure in figures if figure is not None)


def _flow(asking: Asking) -> Figure:
    grain = fitting_grain(asking.question)
    answer = asking.answer("bug_net_flow", grain=grain)
    lines = tuple(
        Line(
            name,
            tuple(
                LinePoint(
                    figure.start.date(),
                    figure.statistics[name].value,
                    None,
                    figure.statistics[name].n,
                    asking.links.rows("bug_net_flow", narrowed_to(figure.start, figure.end)),
                )
                for figure in answer.figures
            ),
        )
        for name in ("opened", "closed")
    )
    return Figure(
        LineChart(
            Head(
                "bug-flow",
                f"Bugs opened and closed by {grain}",
                "The pile grows where opened lies above closed.",
            ),
            lines,
            COUNT,
        ),
        definition("bug_net_flow").definition,
        asking.links.data("bug_net_flow", {}, "csv"),
        asking.links.data("bug_net_flow", {"grain": grain.value}, "json"),
    )
