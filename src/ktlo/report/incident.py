"""An incident as telemetry shows it, to read: figures before, during and after, errors, operations, traces and logs."""

from __future__ import annotations

from collections.abc import Callable

from ktlo.report.charts import COUNT, SECONDS, SHARE, Heading, Row, Table, Unit, written
from ktlo.report.charts.calendar_ticks import minute_label, moment_label
from ktlo.report.pieces import Answer, Known, Nothing
from ktlo.report.sections import Listing, Section
from ktlo.telemetry.colours import without_colours
from ktlo.telemetry.images import short
from ktlo.telemetry.incident import Evidence
from ktlo.telemetry.services import Red
from ktlo.wording import counted

Href = Callable[[str, dict[str, str]], str]
"""Makes a URL of a path and parameters."""

PER_MINUTE = Unit(symbol="per min")
_DEFINITION = (
    "Spans, errors and logs of the incident's service and of the services that it calls, from the beginning of the harm"
    " (else its detection) to the mitigation or resolution, held against the same length of time before (at least 30"
    " minutes). An error is new when its group occurred for the first time during the incident."
)


def incident_section(found: Evidence, href: Href) -> Section:
    """What telemetry shows of an incident.

    Args:
        found: it.
        href: makes links.
    """
    of = found.subject
    nothing = None
    if not of.names:
        what = (
            f"{of.service} has no name in telemetry yet"
            if of.service
            else "The source names no service for it"
        )
        nothing = Nothing(
            what,
            "Traces and logs are shown once ktlo knows which service of telemetry it is.",
            command=f"ktlo services NAME --is {of.service}" if of.service else "",
            button="Say which service it is",
            href="/services/names",
        )
    elif not found.has_reports:
        nothing = Nothing(
            "Nothing was reported around this incident",
            f"{' and '.join(of.names)} sent nothing then, or it is older than what is kept (telemetry.keep_days).",
        )
    end = minute_label(of.window.end) if of.is_over else f"{minute_label(of.window.end)} (it is open)"
    return Section(
        key="incident",
        title=of.title or of.external_id,
        answer=Answer(
            question=f"What does telemetry show of {of.title or of.external_id}?",
            said=_said(found),
            interval=_because(found),
            change=f"{minute_label(of.window.start)} to {end}",
        ),
        cards=(),
        figures=(),
        listings=() if nothing else _listings(found, href),
        known=Known(
            definition=_DEFINITION,
            sample=_sample(found),
            freshness="what arrived is here within about two seconds",
            missing=(
                "What services sampled away before they reported it, and what is older than it is kept.",
                "That two things happened at one time does not make one the cause of the other.",
            ),
            source="Wilkie, The RED Method, 2018; joined by the catalogue of services (docs/telemetry-work.md)",
        ),
        nothing=nothing,
    )


def _own(found: Evidence) -> tuple[Red | None, Red | None]:
    """Before and during, of the incident's own service with most calls."""
    own = [one for one in found.around if one.is_own]
    if not own:
        return None, None
    most = max(
        own, key=lambda one: (one.during.calls if one.during else 0) + (one.before.calls if one.before else 0)
    )
    return most.before, most.during


def _said(found: Evidence) -> str:
    before, during = _own(found)
    if not found.subject.names:
        return "Nothing yet: its service is not joined to telemetry"
    if during is None and before is None:
        return "Nothing was reported"
    if during is None:
        return "Its service reported nothing while it lasted, although it had before"
    if during.errors:
        share = written(during.error_share, SHARE)
        was = f", {written(before.error_share, SHARE)} before" if before and before.calls else ""
        return f"{share} of the calls failed{was}; p95 {_duration(during)}{_was(before)}"
    return f"No call failed; p95 {_duration(during)}{_was(before)}"


def _was(before: Red | None) -> str:
    return f", {_duration(before)} before" if before and before.calls else ""


def _because(found: Evidence) -> str:
    parts = []
    if found.fresh:
        parts.append(counted(len(found.fresh), "new errors"))
    if found.deployed:
        parts.append(f"{counted(len(found.deployed), 'deployments')} in the day before and during it")
    elif found.has_reports:
        parts.append("no deployment is known in the day before")
    return "; ".join(parts)


def _duration(red: Red) -> str:
    return written(None if red.p95_ns is None else red.p95_ns / 1e9, SECONDS)


def _sample(found: Evidence) -> str:
    calls = sum(one.during.calls for one in found.around if one.during)
    return f"{counted(len(found.around), 'services')}, {counted(calls, 'calls')} while it lasted"


def _listings(found: Evidence, href: Href) -> tuple[Listing, ...]:
    made = (
        _deployed(found, href), _around(found, href), _fresh(found, href), _other(found, href),
        _slow(found, href), _traces(found, href), _volume(found), _logs(found, href),
    )  # fmt: skip
    return tuple(one for one in made if one.table.rows)


def _deployed(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (
                minute_label(mark.at), service, mark.label, short(mark.previous), mark.environment,
                _ago(found, mark.at), mark.known_from, mark.outcome.replace("_", " "),
            ),
            mark.url or href("/services/service", {"name": service}),
        )
        for service, mark in found.deployed
    )  # fmt: skip
    headings = (
        Heading("When"), Heading("Service"), Heading("What"), Heading("Before it"), Heading("Environment"),
        Heading("Against the incident"), Heading("Told by"), Heading("Outcome"),
    )  # fmt: skip
    return Listing(
        "deployments",
        "Deployments from a day before until its end",
        Table(headings, rows),
        "Of its service and of what that calls, newest first. Versions that telemetry alone saw are among them.",
    )


def _ago(found: Evidence, at: object) -> str:
    seconds = (found.subject.window.start - at).total_seconds()  # type: ignore[operator]
    return f"{written(abs(seconds), SECONDS)} {'before it' if seconds >= 0 else 'after it began'}"


def _around(found: Evidence, href: Href) -> Listing:
    rows = []
    for one in found.around:
        stretches = (("before", found.before, one.before), ("during", found.subject.window, one.during))
        for word, of, red in (*stretches, *((("after", found.after, one.after),) if found.after else ())):
            assert of is not None  # noqa: S101 - after is checked above
            rows.append(
                Row(
                    (
                        one.service + ("" if one.is_own else " (called by it)"),
                        word,
                        red.per_minute if red else 0.0,
                        red.error_share if red else None,
                        None if red is None or red.p50_ns is None else red.p50_ns / 1e9,
                        None if red is None or red.p95_ns is None else red.p95_ns / 1e9,
                        red.calls if red else 0,
                    ),
                    href("/services/service", {"name": one.service}),
                )
            )
    headings = (
        Heading("Service"), Heading("When"), Heading("Calls a minute", PER_MINUTE), Heading("Errors", SHARE),
        Heading("Median", SECONDS), Heading("p95", SECONDS), Heading("Calls", COUNT),
    )  # fmt: skip
    note = "Its service first, then the services that it calls, directly or through others."
    return Listing("red", "Before, during and after", Table(headings, tuple(rows)), note)


def _fresh(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (
                one.group.title, one.group.message[:200], ", ".join(one.services), one.occurrences,
                minute_label(one.group.first_seen), one.group.first_version[:12],
            ),
            href("/errors/error", {"fingerprint": one.group.fingerprint}),
        )
        for one in found.fresh
    )  # fmt: skip
    headings = (
        Heading("Error"), Heading("Message"), Heading("Services"), Heading("Reports", COUNT), Heading("First seen"),
        Heading("In version"),
    )  # fmt: skip
    note = "Never seen before this incident, in all that is kept."
    return Listing("new-errors", "Errors that are new", Table(headings, rows), note)


def _other(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (one.group.title, one.group.message[:200], ", ".join(one.services), before, one.occurrences),
            href("/errors/error", {"fingerprint": one.group.fingerprint}),
        )
        for one, before in found.other
    )
    headings = (
        Heading("Error"), Heading("Message"), Heading("Services"), Heading("Reports before", COUNT),
        Heading("Reports during", COUNT),
    )  # fmt: skip
    before, during = (
        written(seconds, SECONDS) for seconds in (found.before.seconds, found.subject.window.seconds)
    )
    note = f"Those first that occurred more often than before it. Before: {before}; during: {during}."
    return Listing("errors", "Errors that had occurred before", Table(headings, rows), note)


def _slow(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (
                one.name or "(no name)", one.service, one.kind,
                None if one.before is None or one.before.p95_ns is None else one.before.p95_ns / 1e9,
                None if one.during.p95_ns is None else one.during.p95_ns / 1e9,
                one.during.error_share, one.during.calls,
            ),
            href("/trace", {"id": one.during.longest_trace}) if one.during.longest_trace else "",
        )
        for one in found.slow
    )  # fmt: skip
    headings = (
        Heading("Operation"), Heading("Service"), Heading("Kind"), Heading("p95 before", SECONDS),
        Heading("p95 during", SECONDS), Heading("Errors", SHARE), Heading("Calls", COUNT),
    )  # fmt: skip
    note = "Those first that added most time. A row leads to the trace of the longest call while it lasted."
    return Listing("operations", "Operations", Table(headings, rows), note)


def _traces(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (
                one.root_name or one.trace_id[:12], one.root_service, moment_label(one.started_at),
                one.duration_ns / 1e9, one.errors, one.spans, ", ".join(one.services),
            ),
            href("/trace", {"id": one.trace_id}),
        )
        for one in found.traces
    )  # fmt: skip
    headings = (
        Heading("Trace"), Heading("Begun by"), Heading("When, UTC"), Heading("Duration", SECONDS),
        Heading("Errors", COUNT), Heading("Spans", COUNT), Heading("Services"),
    )  # fmt: skip
    note = "Some that failed while it lasted; where none failed, some of the others."
    return Listing("traces", "Traces", Table(headings, rows), note)


def _volume(found: Evidence) -> Listing:
    rows = tuple(
        Row(
            (
                severity or "(none)",
                before / found.before.seconds * 60,
                during / found.subject.window.seconds * 60,
                during,
            )
        )
        for severity, (before, during) in found.logs.items()
    )
    headings = (
        Heading("Severity"), Heading("Records a minute before", PER_MINUTE),
        Heading("Records a minute during", PER_MINUTE), Heading("Records during", COUNT),
    )  # fmt: skip
    return Listing("log-volume", "Logs by severity", Table(headings, rows))


def _logs(found: Evidence, href: Href) -> Listing:
    rows = tuple(
        Row(
            (moment_label(one.logged_at), one.service, one.severity, without_colours(one.body)),
            href("/trace", {"id": one.trace_id}) if one.trace_id else "",
        )
        for one in found.said
    )
    headings = (Heading("When, UTC"), Heading("Service"), Heading("Severity"), Heading("What it says"))
    return Listing(
        "logs", "Newest error logs", Table(headings, rows), "A row leads to its trace, where it has one."
    )
