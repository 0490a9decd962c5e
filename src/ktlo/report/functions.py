"""Functions as something to read: the list, one function, the flame graph, and what never ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ktlo.report.charts import (
    COUNT,
    SECONDS,
    SHARE,
    Chart,
    Head,
    Heading,
    Row,
    Sparkline,
    Table,
    written,
)
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_map import change_words
from ktlo.report.service_page import Listing
from ktlo.report.services import PER_MINUTE, Href, in_seconds, stretch_text
from ktlo.telemetry.function_changes import Since
from ktlo.telemetry.functions import Function, Moment
from ktlo.telemetry.interval import Interval
from ktlo.wording import counted, named

LEVELS = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))
_DEFINITION = (
    "Calls, errors and times of every function that ktlo-instrument counts, and of spans that name their function"
    " (code.function.name; only what was sampled). Self time is the time from entry to exit without counted functions"
    " called meanwhile and without what coroutines and generators wait; a thread that waits for a lock, a queue or a"
    " socket in a function spends self time there. Its share is of all functions of the service. Quantiles come from"
    " exponential histograms."
)
SINCE = (
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
        sample=f"{counted(calls, 'calls')} of {counted(len(found), 'functions')}, {stretch_text(of)};"
        f" quantiles {error_words(found)}"
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
        said = f"{counted(len(found), 'functions')} of {counted(len(names), 'services')} ran"
        said += f" {written(calls, COUNT)} {named(calls, 'times')}"
        said += f", {written(errors, COUNT)} of them raised" if errors else ", none of them raised"
        measured = [one for one in found if one.self_ns]
        if measured:
            top = max(measured, key=lambda one: one.self_ns or 0)
            share = written(top.self_share, SHARE)
            change += f" · most self time: {top.name} of {top.service} ({share} of the service's)"
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
            tuple(each.per_minute for each in moments.get((one.service, one.name), ())),
            PER_MINUTE,
        ).svg()
        for number, one in enumerate(shown)
    )
    note = f"Quantiles are {error_words(found)}." if found else ""
    return View(
        Answer("Which functions ran, how often and how long?", said, change=change),
        (),
        (Listing("functions", "Functions", table, "None with these filters.", note),),
        known_of(of, found, SINCE),
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
