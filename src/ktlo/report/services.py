"""Services and one service as something to read: rate, errors, duration, and what took the time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Event,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    Unit,
    written,
)
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Answer, Known
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.services import NO_CALLS, Moment, Red, operations, series, services

Href = Callable[[str, dict[str, str]], str]
"""Makes a URL of a path and parameters."""

PER_MINUTE = Unit(symbol="per min")
_RED = (
    Heading("Calls a minute", PER_MINUTE),
    Heading("Errors", SHARE),
    Heading("Median", SECONDS),
    Heading("p95", SECONDS),
    Heading("p99", SECONDS),
    Heading("Calls", COUNT),
)
_DEFINITION = (
    "Rate, errors and duration of what a service was asked: its server and consumer spans that began in the stretch;"
    " of a service without any, all its spans. An error is a span whose status is error."
)
_MISSING = (
    "What the services sampled away before they reported it. Roll-ups are by whole minutes, so the first and the last"
    " minute may be counted in part."
)
_SOURCE = "Wilkie, The RED Method, 2018; quantiles by t-digest (Dunning and Ertl, 2019), exact counts"


@dataclass(frozen=True, slots=True)
class View:
    """A page of telemetry.

    Attributes:
        answer: first line.
        table: services or operations.
        charts: over time; none where nothing was reported.
        known: what it rests on.
        is_empty: nothing was reported in the stretch.
    """

    answer: Answer
    table: Table
    charts: tuple[LineChart, ...]
    known: Known
    is_empty: bool


def stretch_text(of: Interval) -> str:
    """``24 Nov 2026 10:00 to 11:00 UTC``."""
    return f"{minute_label(of.start)} to {minute_label(of.end)}"


def all_services(store: Queryable, of: Interval, href: Href) -> View:
    """Every service that reported."""
    found = services(store, of)
    calls, errors = sum(one.red.calls for one in found), sum(one.red.errors for one in found)
    services_said = f"{len(found)} service{'' if len(found) == 1 else 's'}"
    reported = f"{services_said} reported {written(calls, COUNT)} call{'' if calls == 1 else 's'}"
    said = f"{reported}, {_failed(errors, calls)}" if calls else "No service reported anything"
    table = Table(
        (Heading("Service"), *_RED, Heading("Versions")),
        tuple(
            Row(
                (one.name or "(no service.name)", *_cells(one.red, of), ", ".join(one.versions)),
                href("/services/service", {"name": one.name}),
            )
            for one in sorted(found, key=lambda one: (-one.red.total_ns, one.name))
        ),
    )
    return View(
        Answer("How are the services doing?", said, change=stretch_text(of)),
        table,
        (),
        _known(of, calls),
        not found,
    )


def one_service(store: Queryable, of: Interval, name: str, href: Href) -> View:
    """One service: over time, and its operations."""
    found = {one.name: one for one in services(store, of)}.get(name)
    listed = operations(store, of, name)
    moments = series(store, of, name, is_asked=found.is_asked) if found else []
    if found is None:
        said = "It reported nothing"
    else:
        red = found.red
        said = (
            f"Asked {written(red.per_minute(of.seconds), PER_MINUTE)}, {_failed(red.errors, red.calls)};"
            f" half within {_seconds(red.p50_ns)}, 95% within {_seconds(red.p95_ns)}"
        )
    table = Table(
        (Heading("Operation"), Heading("Kind"), *_RED, Heading("Time in all", SECONDS)),
        tuple(
            Row(
                (one.name or "(no name)", one.kind, *_cells(one.red, of), one.red.total_ns / 1e9),
                href("/traces", {"service": name, "operation": one.name}),
            )
            for one in listed
        ),
    )
    return View(
        Answer(f"How is {name or '(no service.name)'} doing?", said, change=stretch_text(of)),
        table,
        red_charts(moments, of, lambda red: trace_href(red, href)) if found else (),
        _known(of, found.red.calls if found else 0),
        found is None,
    )


def red_charts(
    moments: Sequence[Moment], of: Interval, leads_to: Callable[[Red], str], marks: tuple[Event, ...] = ()
) -> tuple[LineChart, ...]:
    """Rate, errors and duration over time.

    Args:
        moments: buckets with calls; those in between are drawn as none, and their durations as a gap.
        of: the stretch.
        leads_to: link of a point; empty for none.
        marks: what happened meanwhile.
    """
    width = of.bucket_seconds
    every = _without_holes(moments, of)

    def line(label: str, value: Callable[[Red], float | None]) -> Line:
        return Line(
            label,
            tuple(
                LinePoint(each.at, value(each.red), sample=each.red.calls, href=leads_to(each.red))
                for each in every
            ),
        )

    told = (
        "A point leads to the trace of its longest call." if any(leads_to(one.red) for one in moments) else ""
    )
    return (
        LineChart(
            Head("rate", "Calls a minute", told),
            (line("calls", lambda red: red.per_minute(width)),),
            PER_MINUTE,
            events=marks,
        ),
        LineChart(
            Head("errors", "Share of calls that failed", told),
            (line("errors", lambda red: red.error_share),),
            SHARE,
            events=marks,
        ),
        LineChart(
            Head("duration", "Duration", told),
            tuple(
                line(label, lambda red, name=name: _in_seconds(getattr(red, name)))  # type: ignore[misc]
                for label, name in (("median", "p50_ns"), ("p95", "p95_ns"), ("p99", "p99_ns"))
            ),
            SECONDS,
            events=marks,
        ),
    )


def _without_holes(moments: Sequence[Moment], of: Interval) -> list[Moment]:
    """A bucket for every step between the first and the last that has calls."""
    if not moments:
        return []
    step = dt.timedelta(seconds=of.bucket_seconds)
    found: list[Moment] = []
    for one in moments:
        while found and one.at - found[-1].at > step:
            found.append(Moment(found[-1].at + step, NO_CALLS))
        found.append(one)
    return found


def trace_href(red: Red, href: Href) -> str:
    """The trace of the longest call; empty when unknown."""
    return href("/trace", {"id": red.longest_trace}) if red.longest_trace else ""


def _cells(red: Red, of: Interval) -> tuple[float | None, ...]:
    return (
        red.per_minute(of.seconds),
        red.error_share,
        _in_seconds(red.p50_ns),
        _in_seconds(red.p95_ns),
        _in_seconds(red.p99_ns),
        red.calls,
    )


def _in_seconds(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9


def _seconds(nanoseconds: float | None) -> str:
    return written(_in_seconds(nanoseconds), SECONDS)


def _failed(errors: int, calls: int) -> str:
    return f"{written(errors / calls, SHARE)} of them failed" if errors else "none of them failed"


def _known(of: Interval, calls: int) -> Known:
    return Known(
        definition=_DEFINITION,
        sample=f"{calls:,} calls, {stretch_text(of)}",
        freshness="what arrived is here within about two seconds",
        missing=(_MISSING,),
        source=_SOURCE,
    )
