"""One service as something to read: over time with its deployments, what changed, operations, neighbours, instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ktlo.report.charts import COUNT, SECONDS, SHARE, Event, Heading, LineChart, Row, Table, written
from ktlo.report.pieces import Answer, Known
from ktlo.report.service_list import APDEX, apdex_said
from ktlo.report.service_map import bounded_words, change_words, edge_table
from ktlo.report.services import (
    PER_MINUTE,
    RED,
    Href,
    cells,
    failed_words,
    in_seconds,
    known_of,
    over_words,
    red_charts,
    seconds_words,
    stretch_text,
    trace_href,
)
from ktlo.telemetry.apdex import Apdex
from ktlo.telemetry.deployments import Mark
from ktlo.telemetry.images import short
from ktlo.telemetry.instances import Instance
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.service_map import Place, ServiceMap
from ktlo.telemetry.services import Moment, Operation, Service
from ktlo.telemetry.since_deploy import Since
from ktlo.wording import counted


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """What is known of one service in a stretch.

    Attributes:
        name: service.name.
        found: its figures; ``None`` when it reported nothing.
        score: its Apdex.
        moments: over time.
        operations: most time first.
        instances: most calls first.
        around: its part of the map.
        deployments: of the stretch.
        since: what changed since the last deployment; ``None`` when there was none of late.
    """

    name: str
    found: Service | None
    score: Apdex | None
    moments: tuple[Moment, ...]
    operations: tuple[Operation, ...]
    instances: tuple[Instance, ...]
    around: ServiceMap
    deployments: tuple[Mark, ...]
    since: Since | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A table with its heading, and what is said when it has no rows."""

    anchor: str
    title: str
    table: Table
    empty: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class ServiceView:
    """The page.

    Attributes:
        answer: first line.
        charts: over time.
        listings: tables in their order.
        known: what it rests on.
        is_empty: nothing was reported.
    """

    answer: Answer
    charts: tuple[LineChart, ...]
    listings: tuple[Listing, ...]
    known: Known
    is_empty: bool


def service_view(parts: ServiceParts, of: Interval, href: Href) -> ServiceView:
    """Make the page of one service."""
    calls = 0
    said = "It reported nothing"
    if parts.found is not None:
        red = parts.found.red
        calls = red.calls
        said = (
            f"Asked {written(red.per_minute, PER_MINUTE)}, {failed_words(red.errors, red.calls)};"
            f" half within {seconds_words(red.p50_ns)}, 95% within {seconds_words(red.p95_ns)}"
        )
    over = over_words(parts.found.red) if parts.found else ""
    versions = f" · rate over {over}" if over else ""
    versions += (
        f" · version {', '.join(parts.found.versions)}" if parts.found and parts.found.versions else ""
    )
    marked = tuple(Event(one.at, one.label, one.url) for one in parts.deployments if one.outcome != "failure")
    return ServiceView(
        Answer(
            f"How is {parts.name or '(no service.name)'} doing?",
            said,
            interval=f"Apdex {apdex_said(parts.score)}" if parts.score else "",
            change=f"{stretch_text(of)}{versions}",
        ),
        red_charts(parts.moments, lambda red: trace_href(red, href), marked) if parts.found else (),
        tuple(
            each
            for each in (
                _changed(parts.since),
                _operations(parts, of, href),
                *_neighbours(parts, of, href),
                _instances(parts.instances, of),
                _deployments(parts.deployments),
            )
            if each is not None
        ),
        known_of(of, calls, APDEX),
        parts.found is None,
    )


def _changed(since: Since | None) -> Listing | None:
    if since is None:
        return None
    deployment = since.deployment
    told = (
        f"{deployment.label} ({deployment.found_in}) · {stretch_text(since.after)} against"
        f" {stretch_text(since.before)}"
    )
    if since.new_errors:
        told += f" · {counted(since.new_errors, 'errors')} first seen since"
    told += (
        ". Sampled traffic counts as it was reported; two changes in the same minutes cannot be told apart."
    )
    return Listing(
        "since",
        "What changed since the last deployment",
        Table(
            (
                Heading("Operation"), Heading("What"), Heading("Before (99%)"), Heading("Since (99%)"),
                Heading("Calls before", COUNT), Heading("Calls since", COUNT),
            ),
            tuple(
                Row(
                    (
                        str(one.of), change_words(one), bounded_words(one.before, one.measure),
                        bounded_words(one.after, one.measure), one.calls_before, one.calls_after,
                    )
                )
                for one in since.changed or ()
            ),
        ),
        "It was deployed less than five minutes ago: too fresh to tell."
        if since.changed is None
        else "No difference of rate, errors or 95th percentile that is more than chance.",
        told,
    )  # fmt: skip


def _operations(parts: ServiceParts, of: Interval, href: Href) -> Listing:
    return Listing(
        "operations",
        "Operations, most time first",
        Table(
            (Heading("Operation"), Heading("Kind"), *RED, Heading("Time in all", SECONDS)),
            tuple(
                Row(
                    (one.name or "(no name)", one.kind, *cells(one.red), one.red.total_ns / 1e9),
                    href("/traces", {"service": parts.name, "operation": one.name}),
                )
                for one in parts.operations
            ),
        ),
        "No operation.",
    )


def _neighbours(parts: ServiceParts, of: Interval, href: Href) -> Sequence[Listing]:
    here = Place("service", parts.name)
    down = [e for e in parts.around.edges if e.way.client == here]
    up = [e for e in parts.around.edges if e.way.server == here]
    return (
        Listing(
            "calls", "What it calls", edge_table(down, href).without("From"), "It calls nothing that is known."
        ),
        Listing("callers", "What calls it", edge_table(up, href).without("To"), "Nothing that reports calls it."),
    )  # fmt: skip


def _instances(given: Sequence[Instance], of: Interval) -> Listing:
    return Listing(
        "instances",
        "Instances",
        Table(
            (
                Heading("Instance"), Heading("Version"), Heading("Environment"), Heading("Last seen"),
                Heading("Calls a minute", PER_MINUTE), Heading("Errors", SHARE), Heading("p95", SECONDS),
                Heading("Calls", COUNT), Heading("Spans", COUNT),
            ),
            tuple(
                Row(
                    (
                        one.name or "(names none)", one.version, one.environment, one.last_minute,
                        one.red.per_minute, one.red.error_share, in_seconds(one.red.p95_ns),
                        one.red.calls, one.spans,
                    )
                )
                for one in given
            ),
        ),
        "No instance reported.",
    )  # fmt: skip


def _deployments(given: Sequence[Mark]) -> Listing:
    return Listing(
        "deployments",
        "Deployments in this stretch",
        Table(
            (
                Heading("Version"), Heading("When"), Heading("Before it"), Heading("Environment"), Heading("Outcome"),
                Heading("Known from"),
            ),
            tuple(
                Row(
                    (
                        short(one.version) or "(unknown)", one.at, short(one.previous), one.environment,
                        f"{one.outcome.replace('_', ' ')}{', a rollback' if one.is_rollback else ''}", one.known_from,
                    ),
                    one.url,
                )
                for one in reversed(given)
            ),
        ),
        "None: neither a source nor a change of service.version or of the image tells of one.",
    )  # fmt: skip
