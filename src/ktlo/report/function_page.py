"""One function as something to read: its distribution, callers and callees, calls that told, code and history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Bin,
    Chart,
    Distribution,
    Event,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Row,
    Table,
    written,
)
from ktlo.report.charts.distribution import Line as Quantiles
from ktlo.report.functions import LEVELS, SINCE, View, error_words, known_of, since_words
from ktlo.report.pieces import Answer
from ktlo.report.service_page import Listing
from ktlo.report.services import PER_MINUTE, Href, in_seconds, seconds_words, stretch_text
from ktlo.telemetry.function_calls import Call
from ktlo.telemetry.function_changes import Since
from ktlo.telemetry.function_graph import Edge
from ktlo.telemetry.function_sketch import Sketch
from ktlo.telemetry.function_source import Item, Place, Touch
from ktlo.telemetry.functions import Function, Moment
from ktlo.telemetry.interval import Interval


@dataclass(frozen=True, slots=True)
class Parts:
    """What is known of one function.

    Attributes:
        found: its figures.
        moments: over time.
        callers: who calls it.
        callees: what it calls.
        slow: slowest calls told.
        failed: failed calls told.
        since: what the last deployment changed; ``None`` when there was none.
        place: its file; ``None`` when none is known.
        unplaced: why none is known.
        touches: who changed it last.
        touched: ``lines`` or ``file``.
        items: incidents and bugs.
    """

    found: Function
    moments: tuple[Moment, ...]
    callers: tuple[Edge, ...]
    callees: tuple[Edge, ...]
    slow: tuple[Call, ...]
    failed: tuple[Call, ...]
    since: Since | None
    place: Place | None
    unplaced: str
    touches: tuple[Touch, ...]
    touched: str
    items: tuple[Item, ...]


def function_view(parts: Parts, of: Interval, href: Href) -> View:
    """One function in full."""
    one = parts.found
    quantiles = {label: one.wall.quantile(level) for label, level in LEVELS}
    half, most = quantiles["median"], quantiles["p95"]
    raised = written(one.errors, COUNT) if one.errors else "none"
    often = "once" if one.calls == 1 else f"{written(one.calls, COUNT)} times"
    said = f"Called {often}, {raised} of them raised"
    if half and most:
        said += f"; half within {seconds_words(half.value)}, 95% within {seconds_words(most.value)}"
    interval = f"p95 lies between {seconds_words(most.low)} and {seconds_words(most.high)}" if most else ""
    change = stretch_text(of)
    if one.self_share is not None:
        change += (
            f" · self time {seconds_words(one.self_ns)}, {written(one.self_share, SHARE)} of the service's"
        )
    deployed = parts.since
    if deployed is not None:
        named = deployed.deployment.label
        change += f" · since {named} ({deployed.deployment.at:%d %b %H:%M}): {since_words(one, deployed)}"
    return View(
        Answer(f"What does {one.name} do in production?", said, interval=interval, change=change),
        _charts(parts, of),
        tuple(
            each
            for each in (
                _failures(one),
                _neighbours("callers", "Called by", parts.callers, one, href),
                _neighbours("callees", "Calls", parts.callees, one, href),
                _calls("slowest", "Slowest calls that were told", parts.slow, href),
                _calls("failed", "Failed calls that were told, newest first", parts.failed, href),
                _touches(parts),
                _items(parts),
            )
            if each is not None
        ),
        known_of(of, [one], SINCE),
    )


def _charts(parts: Parts, of: Interval) -> tuple[Chart, ...]:
    one = parts.found
    marks: tuple[Event, ...] = ()
    if parts.since is not None and of.start <= parts.since.deployment.at < of.end:
        marks = (Event(parts.since.deployment.at, parts.since.deployment.label, parts.since.deployment.url),)
    found: list[Chart] = [
        _distribution("distribution", "How long calls took", one.wall),
    ]
    if one.own.n:
        found.append(_distribution("self-distribution", "How long its own part took", one.own))
    found.append(
        LineChart(
            Head("rate", "Calls a minute", "Calls by minute of the report."),
            (
                Line(
                    "calls",
                    tuple(
                        LinePoint(m.at, m.per_minute, sample=m.calls)
                        for m in parts.moments
                        if m.per_minute is not None
                    ),
                ),
            ),
            PER_MINUTE,
            events=marks,
        )
    )
    found.append(
        LineChart(
            Head("duration", "Duration", f"Quantiles, {error_words([one])}."),
            tuple(
                Line(
                    label,
                    tuple(
                        LinePoint(m.at, _seconds(m, level), sample=m.calls)
                        for m in parts.moments
                        if m.seconds
                    ),
                )
                for label, level in LEVELS
            ),
            SECONDS,
            events=marks,
        )
    )
    return tuple(found)


def _seconds(one: Moment, level: float) -> float | None:
    found = one.wall.quantile(level)
    return in_seconds(found.value) if found else None


def _distribution(name: str, title: str, sketch: Sketch) -> Distribution:
    lines = []
    for label, level in LEVELS:
        found = sketch.quantile(level)
        if found:
            lines.append(Quantiles(label, found.value / 1e9, found.low / 1e9, found.high / 1e9))
    return Distribution(
        Head(
            name,
            title,
            f"A histogram on a logarithmic axis; quantiles are up to {written(sketch.error, SHARE)} off.",
        ),
        tuple(Bin(each.low / 1e9, each.high / 1e9, each.count) for each in sketch.buckets()),
        tuple(lines),
    )


def _failures(one: Function) -> Listing | None:
    if not one.failed:
        return None
    rows = tuple(
        Row((kind or "(no type)", count, count / one.calls if one.calls else None))
        for kind, count in one.failed
    )
    table = Table((Heading("Exception"), Heading("Calls", COUNT), Heading("Of all", SHARE)), rows)
    return Listing("errors", "Errors by type", table, "")


def _neighbours(anchor: str, title: str, edges: Sequence[Edge], one: Function, href: Href) -> Listing:
    total = sum(each.calls for each in edges) or 1
    rows = []
    for each in edges[:100]:
        other = each.caller if anchor == "callers" else each.function
        leads = (
            href("/functions/function", {"service": one.service, "name": other})
            if other not in ("", "_OTHER")
            else ""
        )
        rows.append(Row((other or "(code that is not counted)", each.calls, each.calls / total), leads))
    table = Table((Heading("Function"), Heading("Calls", COUNT), Heading("Of these", SHARE)), tuple(rows))
    empty = "Nothing that is counted." if anchor == "callees" else "Not told."
    return Listing(anchor, title, table, empty)


def _calls(anchor: str, title: str, calls: Sequence[Call], href: Href) -> Listing:
    failed = anchor == "failed"
    headings = (
        Heading("When"), Heading("Took", SECONDS), Heading("Told because"), Heading("Arguments"),
        Heading("Raised" if failed else "Result"), Heading("Route"), Heading("Version"),
    )  # fmt: skip
    rows = tuple(
        Row(
            (
                f"{one.at:%d %b %H:%M:%S}", in_seconds(one.duration_ns), one.reason,
                shown(one.arguments), f"{one.error}: {one.message}"[:300] if failed else shown(one.result), one.route,
                one.version[:12],
            ),
            href("/trace", {"id": one.trace_id}) if one.trace_id else "",
        )
        for one in calls
    )  # fmt: skip
    note = "A time leads to the trace. Arguments and results are as the application's side redacted them."
    return Listing(anchor, title, Table(headings, rows), "None was told in this stretch.", note)


def shown(told: str, most: int = 300) -> str:
    """Arguments or a result on one line: ``a = 1, b = "x"``; the JSON as it came where it is no map."""
    if not told:
        return ""
    try:
        read = json.loads(told)
    except ValueError:
        return told[:most]
    if isinstance(read, dict) and read:
        line = ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in read.items())
    else:
        line = json.dumps(read, ensure_ascii=False) if read != {} else "(none)"
    return line if len(line) <= most else f"{line[:most]}…"


def _touches(parts: Parts) -> Listing | None:
    if parts.place is None:
        return None
    rows = tuple(Row((one.subject, one.author, one.at, one.sha[:12])) for one in parts.touches)
    headings = (Heading("Change"), Heading("By"), Heading("When"), Heading("Commit"))
    what = "the function's lines" if parts.touched == "lines" else "its file"
    return Listing(
        "changes",
        "Who changed it last",
        Table(headings, rows),
        "No commit is known.",
        f"Commits that touched {what}.",
    )


def _items(parts: Parts) -> Listing:
    headings = (Heading("What"), Heading("Kind"), Heading("When"), Heading("How it belongs"))
    rows = tuple(
        Row(
            (
                one.title or one.id, "incident" if one.kind == "incident" else "bug or issue", one.at,
                _belongs(one),
            ),
            one.url,
        )
        for one in parts.items
    )  # fmt: skip
    return Listing(
        "items", "Incidents and bugs", Table(headings, rows), "None is known of its file or its service."
    )


def _belongs(one: Item) -> str:
    if one.is_cause:
        return "a commit to its file is named as the cause"
    return "of its service" if one.kind == "incident" else "a commit to its file names it"
