"""How fast things are restored and how long they were down: the reliability section."""

from __future__ import annotations

import datetime as dt

import numpy as np

from ktlo.metrics.ask import fetch
from ktlo.metrics.clocks import Clock
from ktlo.metrics.downtime import down
from ktlo.metrics.estimate import Estimate
from ktlo.metrics.question import Dimension, Question
from ktlo.metrics.registry import definition
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    Bar,
    BarChart,
    Column,
    Head,
    Heading,
    OutageStrips,
    Part,
    Row,
    Span,
    StackedColumns,
    Strip,
    Table,
    series,
    written,
)
from ktlo.report.durations import curve_chart, quantiles_by, quantiles_over_time
from ktlo.report.grain import fitting_grain, narrowed_to
from ktlo.report.pieces import Answer, Nothing
from ktlo.report.sections import (
    Asking,
    Figure,
    Links,
    Listing,
    Section,
    change_text,
    interval_text,
    sample_text,
)
from ktlo.report.service_levels import levels_listing
from ktlo.report.words import STATISTICS, estimate_text
from ktlo.store.protocol import Queryable
from ktlo.wording import counted

_PHASES = ("time_to_acknowledge", "time_to_mitigate", "time_to_restore", "time_to_resolve", "time_reopened")
_MOST_STRIPS = 25


def reliability(store: Queryable, question: Question, links: Links) -> Section:
    """Answer how fast things were restored in the period."""
    asking = Asking(store, question, links)
    defined = definition("time_to_restore")
    answer = asking.answer("time_to_restore")
    median = answer.headline(defined)
    outages = asking.answer("downtime")
    incidents = asking.answer("incidents").figures[0].statistics["count"].n
    has_incidents, has_outages = incidents > 0, outages.figures[0].statistics["total"].value is not None
    change, _ = change_text(answer.comparison, defined.better)
    nothing = None
    if not has_incidents and not has_outages:
        nothing = Nothing(
            "No incident and no outage in this period",
            "Incidents come from a pager, a service desk or a file.",
            command="ktlo sources add csv incidents.csv",
            button="Show the whole period",
            href=links.page("reliability", {"from": "all", "to": ""}),
        )
    return Section(
        key="reliability",
        title="Reliability",
        answer=Answer(
            question="How fast are things restored?",
            said=_said(median, incidents, question.clock),
            interval=interval_text(median, defined.unit, "p50") if median.value is not None else "",
            change=change,
        ),
        cards=(
            asking.card("time_to_restore", "Time to restore, median"),
            asking.card("incidents"),
            asking.card("incident_reopen_rate"),
            asking.card("downtime"),
            asking.card("availability"),
            asking.card("time_between_failures"),
        ),
        figures=() if nothing else _figures(asking, has_incidents=has_incidents, has_outages=has_outages),
        listings=(*(() if nothing else (_phases(asking),)), *levels_listing(asking)),
        known=asking.known(
            "time_to_restore",
            sample_text(median, "incidents"),
            (
                *_missing(asking, median),
                *_not_ended(outages.figures[0].statistics["outages"].censored),
                *asking.turned_away("time_to_restore", "downtime"),
            ),
        ),
        nothing=nothing,
    )


def restored_text(median: Estimate) -> str:
    """How fast incidents were restored, as a part of a sentence; there is at least one."""
    if median.n == 1:
        if median.value is None:
            return "the only incident is still open"
        return f"the only incident was restored within {written(median.value, SECONDS)}"
    if median.value is not None:
        return f"half of the incidents were restored within {written(median.value, SECONDS)}"
    return "fewer than half of the incidents have been restored, so the median is not estimable yet"


def _said(median: Estimate, incidents: int, clock: Clock) -> str:
    if median.n:
        said = restored_text(median)
        if clock is Clock.BUSINESS and median.value == 0:
            said = "half of the incidents were over before the next working hours began"
        elif clock is Clock.BUSINESS and median.value is not None:
            said += " of business time"
        return said[0].upper() + said[1:]
    if incidents:
        return f"How fast {counted(incidents, 'incidents')} ended is not recorded"
    return "No incident was detected in this period"


def _missing(asking: Asking, median: Estimate) -> tuple[str, ...]:
    rows = fetch(asking.store, definition("time_to_restore"), asking.narrowed("time_to_restore"))
    if not len(rows):
        return ()
    missing = []
    lacks = [
        (words, int(np.isnan(rows.seconds(column)).sum()))
        for words, column in (("no acknowledgement", "acknowledged_at"), ("no mitigation", "mitigated_at"))
    ]
    missing += [
        f"{count:,} of {counted(len(rows), 'incidents')} {'has' if count == 1 else 'have'} {words}."
        for words, count in lacks
        if count
    ]
    untold = int((np.isnan(rows.seconds("restored_at")) & (rows.numbers("is_over") > 0)).sum())
    if untold:
        missing.append(f"{counted(untold, 'incidents')} ended nobody knows when, left out of durations.")
    impossible = int((rows.seconds("restored_at") < rows.seconds("at")).sum())
    if impossible:
        missing.append(
            f"{counted(impossible, 'incidents')} with an end before the detection, left out of durations."
        )
    if asking.question.clock is Clock.BUSINESS:
        missing.append("Durations are business time; downtime, availability and rates stay in wall time.")
    if median.censored:
        missing.append(
            f"{counted(median.censored, 'incidents')} still open when last seen, counted as at least that long."
        )
    return tuple(missing)


def _not_ended(outages: int) -> tuple[str, ...]:
    if not outages:
        return ()
    has, it = ("has", "it") if outages == 1 else ("have", "each")
    return (f"{counted(outages, 'outages')} {has} not ended; {it} counts until it was last known.",)


def _figures(asking: Asking, *, has_incidents: bool, has_outages: bool) -> tuple[Figure, ...]:
    figures: list[Figure | None] = []
    if has_incidents:
        figures += [
            curve_chart(asking, "time_to_restore", "Share of incidents not yet restored"),
            curve_chart(asking, "time_to_restore", "Share of incidents not yet restored", Dimension.SEVERITY),
            quantiles_over_time(asking, "time_to_restore", "Time to restore"),
            _incident_counts(asking),
            *(
                quantiles_by(asking, "time_to_restore", "Time to restore", by, "reliability")
                for by in (Dimension.SEVERITY, Dimension.SERVICE, Dimension.TEAM, Dimension.REPOSITORY)
            ),
        ]
    if has_outages:
        figures += [_strips(asking), _downtime_by_service(asking)]
    return tuple(figure for figure in figures if figure is not None)


def _incident_counts(asking: Asking) -> Figure:
    grain = fitting_grain(asking.question)
    answer = asking.answer("incidents", grain=grain)
    detected = series(0, "Incidents")
    columns = []
    for figure in answer.figures:
        count = figure.statistics["count"].value
        href = asking.links.rows("incidents", narrowed_to(figure.start, figure.end))
        columns.append(Column(figure.start.date(), (Part(detected, count, href),) if count else ()))
    return Figure(
        StackedColumns(
            Head("incidents-over-time", f"Incidents by {grain}", "How many were detected."),
            tuple(columns),
            COUNT,
            grain.value,
        ),
        definition("incidents").definition,
        asking.links.data("incidents", {}, "csv"),
        asking.links.data("incidents", {"grain": grain.value}, "json"),
    )


def _strips(asking: Asking) -> Figure:
    question = asking.question
    rows = fetch(asking.store, definition("downtime"), asking.narrowed("downtime"))
    found = down(rows, question.window)
    start, end = question.start, min(question.end, question.now)
    named = sorted(found.spans.items(), key=lambda pair: -float((pair[1].ends - pair[1].starts).sum()))
    strips = tuple(
        Strip(
            service or "no service",
            tuple(
                Span(
                    dt.datetime.fromtimestamp(float(first), dt.UTC),
                    dt.datetime.fromtimestamp(float(last), dt.UTC),
                    href=asking.links.rows(
                        "downtime",
                        {
                            "service": service,
                            **narrowed_to(
                                dt.datetime.fromtimestamp(float(first), dt.UTC),
                                dt.datetime.fromtimestamp(float(last) + 1, dt.UTC),
                            ),
                        },
                    ),
                )
                for first, last in zip(spans.starts, spans.ends, strict=True)
            ),
            asking.links.page("reliability", {"service": service}),
        )
        for service, spans in named[:_MOST_STRIPS]
    )
    return Figure(
        OutageStrips(
            Head("outages", "When services were down", "Unplanned outages, overlaps joined."),
            strips,
            start,
            end,
        ),
        definition("downtime").definition,
        asking.links.data("downtime", {}, "csv"),
        asking.links.data("downtime", {"by": "service"}, "json"),
    )


def _downtime_by_service(asking: Asking) -> Figure:
    answer = asking.answer("downtime", by=Dimension.SERVICE)
    bars = tuple(
        Bar(
            figure.group or "no service",
            figure.statistics["total"].value,
            None,
            figure.statistics["total"].n,
            None,
            asking.links.rows("downtime", {"service": figure.group}),
        )
        for figure in sorted(answer.figures, key=lambda f: -(f.statistics["total"].value or 0.0))[:20]
    )
    return Figure(
        BarChart(
            Head("downtime-by-service", "Downtime by service", "Time down, overlaps counted once."),
            bars,
            SECONDS,
        ),
        definition("downtime").definition,
        asking.links.data("downtime", {}, "csv"),
        asking.links.data("downtime", {"by": "service"}, "json"),
    )


def _phases(asking: Asking) -> Listing:
    rows = []
    for metric in _PHASES:
        defined = definition(metric)
        statistics = asking.answer(metric).figures[0].statistics
        rows.append(
            Row(
                (
                    defined.title,
                    *(
                        estimate_text(statistics[name], defined.unit, name)
                        for name in ("p50", "p75", "p90", "mean")
                    ),
                    statistics["p50"].n,
                    statistics["p50"].censored,
                ),
                asking.links.rows(metric, {}),
            )
        )
    return Listing(
        "phases",
        "Phases of an incident",
        Table(
            (
                Heading("Phase"),
                *(Heading(STATISTICS[name].capitalize()) for name in ("p50", "p75", "p90", "mean")),
                Heading("Sample", COUNT),
                Heading("Still open", COUNT),
            ),
            tuple(rows),
        ),
        "Times with 95% intervals. The mean is restricted to the longest time seen; prefer the median.",
    )
