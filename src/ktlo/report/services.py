"""What pages of services have in common: rate, errors and duration as cells, as charts and in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

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
    Unit,
    written,
)
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.pieces import Known
from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Observed, Since
from ktlo.telemetry.services import Moment, Red, series, services
from ktlo.wording import counted

Href = Callable[[str, dict[str, str]], str]
"""Makes a URL of a path and parameters."""

PER_MINUTE = Unit(symbol="per min")
RED = (
    Heading("Calls a minute", PER_MINUTE),
    Heading("Errors", SHARE),
    Heading("Median", SECONDS),
    Heading("p95", SECONDS),
    Heading("p99", SECONDS),
    Heading("Calls", COUNT),
)
_DEFINITION = (
    "Rate, errors and duration of what a service was asked: its server and consumer spans that began in the stretch;"
    " of a service without any, its client and producer spans, or its internal ones where it has only these."
    " An error is a span whose status is error. Calls a minute are over the"
    " part of the stretch in which there can be data: since the service's first record, at least a minute; of one that"
    " has been silent for longer than it ran (a job that ran once), since the store's first record."
)
_MISSING = (
    "What the services sampled away before they reported it. Roll-ups are by whole minutes: a stretch begins with its"
    " first whole one. Over time, a rate of less than a minute is not drawn."
)
_SOURCE = "Wilkie, The RED Method, 2018; quantiles by t-digest (Dunning and Ertl, 2019), exact counts"


def stretch_text(of: Interval) -> str:
    """``24 Nov 2026 10:00 to 11:00 UTC``."""
    return f"{minute_label(of.start)} to {minute_label(of.end)}"


def period_word(of: Interval) -> str:
    """What a bucket of a stretch is called: ``minute``, ``15 minutes``, ``day``."""
    width = of.bucket_seconds
    for size, word in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if width % size == 0:
            return word if width == size else f"{width // size} {word}s"
    return "stretch"


def columns_of(of: Interval, now: dt.datetime | None = None) -> dict[dt.datetime, str]:
    """Beginnings of the buckets until now; of one that is not whole what part of it is: ``20 s``."""
    parts = Observed(
        of.start, min(of.end, max(now or dt.datetime.now(dt.UTC), of.start)), Since.STRETCH
    ).parts(of)
    return {
        at: written(part.seconds, SECONDS) if part.seconds < of.bucket_seconds else ""
        for at, part in parts.items()
    }


def red_charts(
    moments: Sequence[Moment], leads_to: Callable[[Red], str], marks: tuple[Event, ...] = ()
) -> tuple[LineChart, ...]:
    """Rate, errors and duration over time.

    Args:
        moments: buckets in which there can be data; the rate of one that less than a minute of could have is not drawn.
        leads_to: link of a point; empty for none.
        marks: what happened meanwhile.
    """

    def line(label: str, value: Callable[[Red], float | None], of: Sequence[Moment] = moments) -> Line:
        return Line(
            label,
            tuple(
                LinePoint(each.at, value(each.red), sample=each.red.calls, href=leads_to(each.red))
                for each in of
            ),
        )

    rated = [each for each in moments if each.red.per_minute is not None]

    told = (
        "A point leads to the trace of its longest call." if any(leads_to(one.red) for one in moments) else ""
    )
    return (
        LineChart(
            Head("rate", "Calls a minute", told),
            (line("calls", lambda red: red.per_minute, rated),),
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
                line(label, lambda red, name=name: in_seconds(getattr(red, name)))  # type: ignore[misc]
                for label, name in (("median", "p50_ns"), ("p95", "p95_ns"), ("p99", "p99_ns"))
            ),
            SECONDS,
            events=marks,
        ),
    )


def service_charts(store: Queryable, of: Interval, name: str, href: Href) -> tuple[LineChart, ...]:
    """Rate, errors and duration of a service over time; none where it reported nothing."""
    found = {one.name: one for one in services(store, of, names=[name])}.get(name)
    if found is None:
        return ()
    moments = series(store, of, name, judged_by=found.judged_by)
    return red_charts(moments, lambda red: trace_href(red, href))


def trace_href(red: Red, href: Href) -> str:
    """The trace of the longest call; empty when unknown."""
    return href("/trace", {"id": red.longest_trace}) if red.longest_trace else ""


def cells(red: Red) -> tuple[float | None, ...]:
    """Cells under :data:`RED`."""
    return (
        red.per_minute,
        red.error_share,
        in_seconds(red.p50_ns),
        in_seconds(red.p95_ns),
        in_seconds(red.p99_ns),
        red.calls,
    )


_OVER = {Since.FIRST_RECORD: "since its first record", Since.STORE: "since the store's first record"}


def over_words(red: Red) -> str:
    """What calls a minute are over, where that is not the whole stretch: ``10 min, since its first record``."""
    if red.observed is None or red.observed.since is Since.STRETCH:
        return ""
    return f"{written(red.observed.seconds, SECONDS)}, {_OVER[red.observed.since]}"


def rate_words(red: Red) -> str:
    """``12 per min``, and over what where that is not the whole stretch."""
    over = over_words(red)
    return f"{written(red.per_minute, PER_MINUTE)}{f' (over {over})' if over else ''}"


def in_seconds(nanoseconds: float | None) -> float | None:
    """Nanoseconds as seconds."""
    return None if nanoseconds is None else nanoseconds / 1e9


def seconds_words(nanoseconds: float | None) -> str:
    """A duration in words."""
    return written(in_seconds(nanoseconds), SECONDS)


def failed_words(errors: int, calls: int) -> str:
    """How many failed, in words."""
    return f"{written(errors / calls, SHARE)} of them failed" if errors else "none of them failed"


def known_of(of: Interval, calls: int, more: str = "") -> Known:
    """How we know; ``more`` is said after the definition of rate, errors and duration."""
    return Known(
        definition=f"{_DEFINITION} {more}".strip(),
        sample=f"{counted(calls, 'calls')}, {stretch_text(of)}",
        freshness="what arrived is here within about two seconds",
        missing=(_MISSING,),
        source=_SOURCE,
    )
