"""A dashboard with its numbers: each panel asked and drawn; one that cannot be says why and leaves the others be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ktlo.errors import KtloError, UserError
from ktlo.report.charts import Heading, LineChart, Row, Table, written
from ktlo.report.charts.calendar_ticks import moment_label
from ktlo.report.charts.chart import Head
from ktlo.report.pieces import Card
from ktlo.report.promql import MOST_LINES, Shown, chart, how_many, series_table, shown, unit_named
from ktlo.report.services import Href, service_charts
from ktlo.store.protocol import Queryable
from ktlo.telemetry.dashboards.files import with_windows
from ktlo.telemetry.dashboards.model import ALL, Dashboard, Panel, PanelKind, Variable, filled
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import quoted
from ktlo.telemetry.log_query import read as read_search
from ktlo.telemetry.logs import search
from ktlo.telemetry.promql.asking import ask, selector_from, since_1970
from ktlo.telemetry.promql.completing import unit_of
from ktlo.telemetry.promql.listing import label_values
from ktlo.telemetry.promql.question import Asked

MOST_CHOICES = 500
MOST_SERIES = 20
"""Series of one expression that a panel shows; Explore has more."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A variable with its choices.

    Attributes:
        variable: as declared.
        value: chosen.
        options: what may be chosen, (value, words).
        problem: why there are no choices; empty when there are.
    """

    variable: Variable
    value: str
    options: tuple[tuple[str, str], ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PanelView:
    """One panel, answered.

    Attributes:
        name: anchor.
        panel: as declared, variables filled in.
        charts: pictures.
        table: rows; ``None`` for none.
        card: a number at a glance.
        paragraphs: of a text.
        href: where more is.
        empty: words where there is nothing to show.
        problem: what is wrong; the fix with it.
        marked: the expression with the place marked.
    """

    name: str
    panel: Panel
    charts: tuple[LineChart, ...] = ()
    table: Table | None = None
    card: Card | None = None
    paragraphs: tuple[str, ...] = ()
    href: str = ""
    empty: str = ""
    problem: str = ""
    marked: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """What panels are drawn with.

    Attributes:
        store: asked.
        of: the stretch of time.
        step_ms: between the steps of lines.
        values: of the variables.
        href: makes URLs.
        metric: a ktlo metric at a glance, for a panel.
    """

    store: Queryable
    of: Interval
    step_ms: int
    values: dict[str, str]
    href: Href
    metric: Callable[[Panel], Card]


def choices(store: Queryable, dashboard: Dashboard, of: Interval, given: dict[str, str]) -> list[Choice]:
    """The variables of a dashboard with what may be chosen; one may rest on those before it."""
    found: list[Choice] = []
    values: dict[str, str] = {}
    for variable in dashboard.variables:
        options, problem = list(variable.values), ""
        if variable.from_label:
            try:
                selectors = [selector_from(filled(variable.of, values))] if variable.of else []
                options += label_values(
                    store, variable.from_label, selectors, since_1970(of.start), since_1970(of.end)
                ).values[:MOST_CHOICES]
            except UserError as error:
                problem = str(error)
        worded = [(ALL, "all")] if variable.all else []
        worded += [(each, each) for each in dict.fromkeys(options)]
        value = given.get(variable.name) or variable.default or (worded[0][0] if worded else "")
        if value and value not in dict(worded):
            worded.append((value, value))
        values[variable.name] = value
        found.append(Choice(variable, value, tuple(worded), problem))
    return found


def drawn(panel: Panel, name: str, on: Drawing) -> PanelView:
    """One panel, answered; never raises for what a person wrote."""
    told = {each: filled(getattr(panel, each), on.values) for each in ("title", "service", "query", "text")}
    panel = panel.model_copy(update=told)
    view = PanelView(name, panel)
    try:
        return _KINDS[panel.kind](view, on)
    except KtloError as error:
        marked = error.marked() if hasattr(error, "marked") else ""
        return replace(view, problem=str(error), marked=marked)


def _promql(view: PanelView, on: Drawing) -> PanelView:
    panel = view.panel
    series: list[Shown] = []
    expressions, among = [], 0
    end = since_1970(on.of.end)
    for query in panel.queries:
        text = with_windows(filled(query.expr, on.values), on.step_ms / 1000, on.of.seconds)
        expressions.append(text)
        last = end // on.step_ms * on.step_ms
        start = last if panel.show == "number" else -(-since_1970(on.of.start) // on.step_ms) * on.step_ms
        answered = ask(on.store, Asked(text, min(start, last), last, on.step_ms))
        series += shown(answered, filled(query.legend, on.values), text, MOST_SERIES)
        among += how_many(answered)
    unit = unit_named(panel.unit or unit_of(expressions[0]))
    href = _explorer(on, expressions)
    if not any(each.finite for each in series):
        return replace(view, href=href, empty="Nothing has this value in this stretch.")
    if panel.show == "number":
        first = series[0]
        more = f"the largest of {among:,}: {first.name}" if among > 1 else ""
        value = written(first.finite[-1], unit) if first.finite else ""
        return replace(view, href=href, card=Card(panel.title, value, href, sample=more))
    if panel.show == "table":
        note = f"The table has {len(series)} of {among:,} series, the largest." if among > len(series) else ""
        return replace(view, href=href, table=series_table(series, unit), empty=note)
    head = Head(f"{view.name}-chart", panel.title or expressions[0][:120], panel.description)
    drawn = min(len(series), MOST_LINES)
    note = f"The {drawn} largest of {among:,} series are drawn." if among > drawn else ""
    picture = chart(head, series, unit, on.step_ms / 1000)
    return replace(view, href=href, charts=(picture,), empty=note)


def _explorer(on: Drawing, expressions: list[str]) -> str:
    return on.href("/metrics", {"q": expressions})  # type: ignore[dict-item]


def _metric(view: PanelView, on: Drawing) -> PanelView:
    return replace(view, card=on.metric(view.panel))


def _red(view: PanelView, on: Drawing) -> PanelView:
    drawn = service_charts(on.store, on.of, view.panel.service, on.href)
    href = on.href("/services/service", {"name": view.panel.service})
    if not drawn:
        return replace(
            view, href=href, empty=f"{view.panel.service or 'No service'} reported nothing in this stretch."
        )
    charts = tuple(
        replace(each, head=Head(f"{view.name}-{each.head.name}", each.head.title, "")) for each in drawn
    )
    return replace(view, href=href, charts=charts)


def _logs(view: PanelView, on: Drawing) -> PanelView:
    panel = view.panel
    terms = [f"service:{quoted(panel.service)}"] if panel.service and panel.service != ALL else []
    terms += [f"severity:{panel.severity}+"] if panel.severity else []
    text = " ".join([*terms, panel.query]).strip()
    href = on.href("/logs", {"q": text})
    found = search(on.store, on.of, read_search(text), panel.most).records
    if not found:
        return replace(view, href=href, empty="No record like that in this stretch.")
    rows = tuple(
        Row(
            (moment_label(each.logged_at), each.severity, each.service, each.said[:500]),
            on.href("/trace", {"id": each.trace_id}) if each.trace_id else "",
        )
        for each in found
    )
    headings = (Heading("When, UTC"), Heading("Severity"), Heading("Service"), Heading("Message"))
    return replace(view, href=href, table=Table(headings, rows))


def _text(view: PanelView, on: Drawing) -> PanelView:
    del on
    paragraphs = tuple(part.strip() for part in view.panel.text.split("\n\n") if part.strip())
    return replace(view, paragraphs=paragraphs)


_KINDS: dict[PanelKind, Callable[[PanelView, Drawing], PanelView]] = {
    PanelKind.PROMQL: _promql,
    PanelKind.METRIC: _metric,
    PanelKind.RED: _red,
    PanelKind.LOGS: _logs,
    PanelKind.TEXT: _text,
}
