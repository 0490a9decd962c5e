"""Functions as something to read: the list, one function, the flame graph, and what never ran."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ktlo.metrics.wording import counted
from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Bin,
    Box,
    Chart,
    Distribution,
    Event,
    Flame,
    Head,
    Heading,
    Line,
    LineChart,
    LinePoint,
    Row,
    Sparkline,
    Table,
    written,
)
from ktlo.report.charts.distribution import Line as Quantiles
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_map import change_words
from ktlo.report.service_page import Listing
from ktlo.report.services import PER_MINUTE, Href, in_seconds, seconds_words, stretch_text
from ktlo.telemetry.coverage import NeverRan, Unrun, Watched
from ktlo.telemetry.function_calls import Call
from ktlo.telemetry.function_changes import Since
from ktlo.telemetry.function_graph import Edge, Frame
from ktlo.telemetry.function_sketch import Sketch
from ktlo.telemetry.function_source import Item, Place, Touch
from ktlo.telemetry.functions import Function, Moment
from ktlo.telemetry.interval import Interval

LEVELS = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))
_DEFINITION = (
    "Calls, errors and times of every function that ktlo-instrument counts, and of spans that name their function"
    " (code.function.name; only what was sampled). Self time is the time from entry to exit without counted functions"
    " called meanwhile and without waiting; its share is of all functions of the service. Quantiles come from"
    " exponential histograms."
)
_SINCE = (
    "A change since the last deployment is named when 99% intervals of the time since and of the same length before, at"
    " most a day each, do not touch, and for the 95th percentile when it moved by more than a bucket."
)
_SOURCE = "opentelemetry-proto 1.x, ExponentialHistogramDataPoint; changes: docs/functions.md"


@dataclass(frozen=True, slots=True)
class View:
    """A page of functions.

    Attributes:
        answer: first line.
        charts: drawn above the tables.
        listings: tables in their order.
        known: what it rests on.
        sparklines: one for each row of the first table; empty for none.
        is_empty: nothing is there to show.
    """

    answer: Answer
    charts: tuple[Chart, ...]
    listings: tuple[Listing, ...]
    known: Known
    sparklines: tuple[Markup, ...] = ()
    is_empty: bool = False


def error_words(found: Sequence[Function]) -> str:
    """How far quantiles can be off at most, in words."""
    wrong = max((one.wall.error for one in found if one.wall.n), default=None)
    return f"up to {written(wrong, SHARE)} off either way (half a bucket)" if wrong is not None else ""


def known_of(of: Interval, found: Sequence[Function], more: str = "") -> Known:
    """How we know."""
    calls = sum(one.calls for one in found)
    sampled = any(one.origin == "spans" for one in found)
    missing = ["Functions of libraries, and modules that were loaded before counting began."]
    if sampled:
        missing.append("Functions told by spans: calls that were sampled away, and their self time.")
    return Known(
        definition=f"{_DEFINITION} {more}".strip(),
        sample=f"{calls:,} calls of {counted(len(found), 'functions')}, {stretch_text(of)}; quantiles {error_words(found)}"
        if found
        else "none",
        freshness="reported every ten seconds, here within about two more",
        missing=tuple(missing),
        source=_SOURCE,
    )


def failed_words(one: Function, most: int = 3) -> str:
    """``ValueError 3, KeyError 1``."""
    said = ", ".join(f"{kind} {count:,}" for kind, count in one.failed[:most])
    more = len(one.failed) - most
    return f"{said} and {more} more" if more > 0 else said


def list_view(
    found: Sequence[Function],
    shown: Sequence[Function],
    moments: Mapping[tuple[str, str], Sequence[Moment]],
    since: Mapping[str, Since],
    of: Interval,
    href: Href,
) -> View:
    """The list.

    Args:
        found: every function that was asked for.
        shown: those of the page, in order.
        moments: over time, by service and name.
        since: what the last deployment changed, by service.
        of: the stretch.
        href: makes links.
    """
    names = sorted({one.service for one in found})
    calls, errors = sum(one.calls for one in found), sum(one.errors for one in found)
    said = "No function was reported"
    change = stretch_text(of)
    if found:
        said = f"{counted(len(found), 'functions')} of {counted(len(names), 'services')} ran {written(calls, COUNT)} times"
        said += f", {written(errors, COUNT)} of them raised" if errors else ", none of them raised"
        measured = [one for one in found if one.self_ns]
        if measured:
            top = max(measured, key=lambda one: one.self_ns or 0)
            change += f" · most self time: {top.name} of {top.service} ({written(top.self_share, SHARE)} of the service's)"
        worse = [one.of.name for each in since.values() for one in each.changed or () if one.is_worse]
        if worse:
            change += f" · worse since the last deployment: {', '.join(list(dict.fromkeys(worse))[:3])}"
    table = Table(
        (
            Heading("Function"), Heading("Service"), Heading("Calls", COUNT), Heading("Errors", SHARE),
            Heading("By type"), Heading("Median", SECONDS), Heading("p95", SECONDS), Heading("p99", SECONDS),
            Heading("Self time", SECONDS), Heading("Of the service's", SHARE), Heading("Since the deployment"),
        ),
        tuple(_row(one, since.get(one.service), href) for one in shown),
    )  # fmt: skip
    sparklines = tuple(
        Sparkline(
            Head(f"calls-{number}", f"{one.name}, calls a minute"),
            tuple(each.calls * 60 / of.bucket_seconds for each in moments.get((one.service, one.name), ())),
            PER_MINUTE,
        ).svg()
        for number, one in enumerate(shown)
    )
    note = f"Quantiles are {error_words(found)}." if found else ""
    return View(
        Answer("Which functions ran, how often and how long?", said, change=change),
        (),
        (Listing("functions", "Functions", table, "None with these filters.", note),),
        known_of(of, found, _SINCE),
        sparklines,
        not found,
    )


def _row(one: Function, since: Since | None, href: Href) -> Row:
    quantiles = [one.wall.quantile(level) for _, level in LEVELS]
    return Row(
        (
            one.name, one.service, one.calls, one.errors / one.calls if one.calls else None, failed_words(one),
            *(in_seconds(each.value) if each else None for each in quantiles),
            in_seconds(one.self_ns), one.self_share, since_words(one, since),
        ),
        href("/functions/function", {"service": one.service, "name": one.name}),
    )  # fmt: skip


def since_words(one: Function, since: Since | None) -> str:
    """What the last deployment changed about a function, in a few words; empty where nothing is known."""
    if since is None:
        return ""
    if since.changed is None:
        return "too fresh to tell"
    return "; ".join(change_words(each) for each in since.of(one.name)) or "no difference beyond chance"


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
        place: its file; ``None`` when no repository of the service has it.
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
    touches: tuple[Touch, ...]
    touched: str
    items: tuple[Item, ...]


def function_view(parts: Parts, of: Interval, href: Href) -> View:
    """One function in full."""
    one = parts.found
    quantiles = {label: one.wall.quantile(level) for label, level in LEVELS}
    half, most = quantiles["median"], quantiles["p95"]
    said = f"Called {written(one.calls, COUNT)} times, {written(one.errors, COUNT) if one.errors else 'none'} of them raised"
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
        known_of(of, [one], _SINCE),
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
    width = of.bucket_seconds
    found.append(
        LineChart(
            Head("rate", "Calls a minute", "Calls by minute of the report."),
            (
                Line(
                    "calls",
                    tuple(LinePoint(m.at, m.calls * 60 / width, sample=m.calls) for m in parts.moments),
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
                    tuple(LinePoint(m.at, _seconds(m, level), sample=m.calls) for m in parts.moments),
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


def flame_view(root: Frame, at: Frame, of: Interval, service: str, route: str, href: Href) -> View:
    """The flame graph, opened at a frame."""

    def box(frame: Frame) -> Box:
        leads = href(
            "/functions/flame", {"service": service, "route": route, "at": json.dumps(list(frame.path))}
        )
        return Box(
            frame.path, frame.total_ns / 1e9, frame.self_ns / 1e9, tuple(map(box, frame.children)), leads
        )

    what = f"{service}, {route}" if route else service
    said = "No self time was reported"
    if root.total_ns:
        widest = max(at.children, key=lambda one: one.total_ns, default=None)
        said = f"{seconds_words(at.total_ns)} of self time in {at.name or what}"
        if widest is not None:
            said += (
                f", {written(widest.total_ns / at.total_ns, SHARE)} of it in {widest.name} and what it calls"
            )
    chart = Flame(
        Head(
            "flame",
            f"Self time of {what}",
            "Boxes are as wide as the time in them and below; callers are above.",
        ),
        box(at),
        what or "everything",
    )
    known = Known(
        definition="Self time of every counted function, divided among its callers by their calls: whole stacks are"
        " not recorded, so every call is taken to cost the function's mean (gprof: Graham, Kessler and McKusick, 1982)."
        " A recursive call stays where it was first entered.",
        sample=f"{seconds_words(root.total_ns)} of self time, {stretch_text(of)}",
        freshness="reported every ten seconds",
        missing=("Functions told by spans: their self time is not measured.",),
        source="Gregg, The Flame Graph, CACM 2016, 59:6",
    )
    return View(
        Answer(f"Where does the time of {what or 'the services'} go?", said, change=stretch_text(of)),
        (chart,) if root.total_ns else (),
        (),
        known,
        is_empty=not root.total_ns,
    )


def never_view(
    versions: Sequence[Watched],
    asked: Watched | None,
    never: Sequence[NeverRan],
    lines: Sequence[Unrun],
    href: Href,
) -> View:
    """What never ran in a version."""
    said, change = "No service tells which functions ran", "turn coverage on in ktlo-instrument"
    if asked is not None:
        share = asked.never / asked.functions if asked.functions else None
        said = (
            f"{written(asked.never, COUNT)} of {counted(asked.functions, 'functions')} of {asked.service}"
            f" {asked.version[:12]} never ran ({written(share, SHARE)})"
        )
        change = f"watched from {asked.since:%d %b %Y %H:%M} to {asked.last_at:%d %b %Y %H:%M} UTC"
    listings = []
    if asked is not None:
        rows = tuple(Row((one.function, one.path, one.line)) for one in never)
        listings.append(
            Listing(
                "never", "Functions that never ran",
                Table((Heading("Function"), Heading("File"), Heading("Line", COUNT)), rows), "Every function ran.",
            )
        )  # fmt: skip
        of_lines = tuple(Row((one.path, one.lines, _ranges(one.ranges), one.processes)) for one in lines)
        if of_lines:
            headings = (
                Heading("File"),
                Heading("Lines", COUNT),
                Heading("Which"),
                Heading("Processes", COUNT),
            )
            listings.append(Listing("lines", "Lines that never ran", Table(headings, of_lines), ""))
        told = tuple(
            Row(
                (
                    one.service, one.version[:12], one.environment, one.functions, one.never, one.since, one.last_at,
                ),
                href("/functions/never", {"service": one.service, "version": one.version, "environment": one.environment}),
            )
            for one in versions
        )  # fmt: skip
        of_version = (
            Heading("Service"), Heading("Version"), Heading("Environment"), Heading("Functions", COUNT),
            Heading("Never ran", COUNT), Heading("Watched from"), Heading("to"),
        )  # fmt: skip
        listings.append(Listing("versions", "Versions that were watched", Table(of_version, told), ""))
    known = Known(
        definition="A function never ran when no process of the version that tells of coverage has run it since it began"
        " to look. A line likewise, in processes that tell of lines.",
        sample=f"{counted(len(versions), 'versions')} watched",
        freshness="by the processes' last report",
        missing=(
            "Modules that no process loaded.",
            "What runs once a month has not run in a day: see the time watched.",
        ),
        source="ktlo.function.coverage, docs/functions.md",
    )
    return View(
        Answer("What never runs?", said, change=change), (), tuple(listings), known, is_empty=asked is None
    )


def _ranges(ranges: Sequence[tuple[int, int]], most: int = 12) -> str:
    said = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in ranges[:most])
    return f"{said} and {len(ranges) - most} more" if len(ranges) > most else said
