"""Errors in groups as something to read: what is new or back, one error in full, and the text of an issue about it."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ktlo.report.charts import (
    COUNT,
    Column,
    Head,
    Heading,
    Part,
    Row,
    Sparkline,
    StackedColumns,
    Table,
)
from ktlo.report.charts.calendar_ticks import minute_label
from ktlo.report.charts.palette import series
from ktlo.report.pieces import Answer, Known
from ktlo.report.services import Href, columns_of, period_word, stretch_text
from ktlo.telemetry.error_verdicts import Judged, Standing
from ktlo.telemetry.errors import EXACT_TRACES, Group, Listed, Sample, Spread
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import Watch
from ktlo.wording import counted

MOST_VERSIONS = 5
_BASIS = {
    "own frames": "type and the application's own frames",
    "frames": "service, type and library frames: none of the application's own is in its stack",
    "message": "service, type and message without its variable parts: no frame could be read",
    "operation": "service, operation and status message: the span failed without saying an exception",
}
_DEFINITION = (
    "An error is an exception that a span or a log record reports, or a span with status error that reports none. Those"
    " with one fingerprint (type and the application's own frames, without line numbers, addresses and generated names)"
    " are one error. Reports are counted: an exception that passes through three spans is reported by each of them."
    " What an agent tells twice, as a span's event and as a log record or a status, is counted once."
)
_BADGES = {
    Standing.REGRESSED: "bad", Standing.NEW: "warn", Standing.OPEN: "", Standing.RESOLVED: "ok",
    Standing.IGNORED: "",
}  # fmt: skip
WORDS = {
    Standing.REGRESSED: "came back", Standing.NEW: "new", Standing.OPEN: "known", Standing.RESOLVED: "resolved",
    Standing.IGNORED: "ignored",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A group in the list: its figures, where it stands in words, and its line of reports over time."""

    listed: Listed
    judged: Judged
    words: str
    badge: str
    sparkline: Markup


def answer_of(lines: Sequence[tuple[Listed, Judged]], of: Interval) -> Answer:
    """First line of the list: what wants a person, then how much there is."""
    reports = sum(listed.occurrences for listed, _ in lines)
    if not lines:
        return Answer("What goes wrong?", "No error was reported", change=stretch_text(of))
    standing = Counter(judged.standing for _, judged in lines)
    wants = [
        f"{standing[one]} {words}"
        for one, words in (
            (Standing.REGRESSED, "came back after being resolved"),
            (Standing.NEW, "never seen before"),
        )
        if standing[one]
    ]
    said = f"{counted(len(lines), 'errors')} in {counted(reports, 'reports')}"
    return Answer("What goes wrong?", ", ".join([said, *wants]), change=stretch_text(of))


def lines_of(lines: Sequence[tuple[Listed, Judged]], of: Interval, seen: Watch) -> list[Line]:
    """The list with its words and sparklines; ``seen`` says since when the services can have reported."""
    return [
        Line(
            listed, judged, WORDS[judged.standing], _BADGES[judged.standing],
            Sparkline(
                Head(f"e{listed.group.fingerprint}", "Reports", ""),
                _whole_buckets(listed.counts, of, _began(listed, of, seen)), COUNT,
            ).svg(),
        )
        for listed, judged in lines
    ]  # fmt: skip


def _began(listed: Listed, of: Interval, seen: Watch) -> dt.datetime:
    """Since when there can be reports: the first record of any service that told one."""
    return min((seen.of(name).start for name in listed.services), default=of.start)


def _whole_buckets(counts: Sequence[int], of: Interval, began: dt.datetime) -> tuple[float | None, ...]:
    """Reports by bucket, ``None`` before there can be any.

    One that is not whole is drawn only where it has as many as the one beside it already.
    """
    width = dt.timedelta(seconds=of.bucket_seconds)
    seen = columns_of(of)
    beside = (counts[1] if len(counts) > 1 else 0, *counts[:-1])
    return tuple(
        None if at not in seen or (seen[at] and n < near) or (not n and at + width <= began) else float(n)
        for at, n, near in zip(of.buckets, counts, beside, strict=True)
    )


def known_of(of: Interval, reports: int) -> Known:
    """What the pages of errors rest on."""
    return Known(
        definition=_DEFINITION,
        sample=f"{counted(reports, 'reports')}, {stretch_text(of)}",
        freshness="what arrived is here within about two seconds",
        missing=("Errors of requests that the services sampled away before they reported them.",),
        source="Exceptions as in OpenTelemetry's semantic conventions; grouping in docs/telemetry-errors.md",
    )


def standing_words(group: Group, judged: Judged) -> str:
    """Where an error stands, in a sentence."""
    verdict, back = judged.verdict, judged.back
    if verdict is None:
        new = (
            "first seen in this stretch"
            if judged.standing is Standing.NEW
            else "nobody has said anything of it"
        )
        return f"It is {WORDS[judged.standing]}: {new}."
    when = f"{verdict.author} on {minute_label(verdict.said_at)}"
    if judged.standing is Standing.IGNORED:
        until = f" until {verdict.until:%-d %b %Y}" if verdict.until else ""
        return f"Ignored{until} by {when}: {verdict.reason}."
    where = f"resolved in version {verdict.version}" if verdict.version else "resolved"
    if back is not None:
        version = f" in version {back.version}" if back.version else ""
        return (
            f"It was called {where} by {when}, and came back on {minute_label(back.at)}{version}:"
            f" {counted(back.occurrences, 'reports')} since."
        )
    still = ""
    if verdict.version and group.last_seen > verdict.said_at:
        still = " What came since is of older versions that still run."
    return f"It is {where}, says {when}.{still}"


def group_answer(group: Group, listed: Listed | None, of: Interval) -> Answer:
    """First line of one error's page."""
    n = listed.occurrences if listed else 0
    said = f"{group.title}: {counted(n, 'reports')}"
    if listed and listed.traces:
        about = "about " if listed.traces > EXACT_TRACES else ""
        said += f" in {about}{counted(listed.traces, 'traces')}"
    first = f"first seen {minute_label(group.first_seen)}"
    if group.first_version:
        first += f" in version {group.first_version}"
    last = f"last {minute_label(group.last_seen)}"
    return Answer("What is this error?", said, change=f"{stretch_text(of)} · {first}, {last}")


def chart_of(
    of: Interval, versions: dict[str, tuple[int, ...]], href: Href, fingerprint: str
) -> StackedColumns:
    """Reports over time, by version."""
    ordered = sorted(versions, key=lambda version: (-sum(versions[version]), version))
    shown, rest = ordered[:MOST_VERSIONS], ordered[MOST_VERSIONS:]
    swatches = {version: series(i, version or "(no version)") for i, version in enumerate(shown)}
    other = series(MOST_VERSIONS, counted(len(rest), "other versions"))
    width = dt.timedelta(seconds=of.bucket_seconds)
    columns = []
    seen = columns_of(of)
    for place, at in enumerate(of.buckets[: len(seen)]):
        parts = [Part(swatches[version], versions[version][place]) for version in shown]
        if rest:
            parts.append(Part(other, sum(versions[version][place] for version in rest)))
        within = {"fingerprint": fingerprint, "since": at.isoformat(), "until": (at + width).isoformat()}
        columns.append(
            Column(at, tuple(p for p in parts if p.value), href=href("/errors/error", within), only=seen[at])
        )
    return StackedColumns(
        Head("reports", "Reports over time", "By version; a column leads to its stretch of time."),
        tuple(columns),
        COUNT,
        period_word(of),
    )


def spread_table(it: Group, rows: Sequence[Spread], href: Href) -> Table:
    """Where it occurs; a row leads to the requests in which it did."""

    def requests(one: Spread) -> str:
        if it.basis == "operation" or not it.type:
            return href("/traces", {"service": one.service, "operation": one.operation, "errors": "1"})
        return href("/traces", {"service": one.service, "tags": f'"exception.type={it.type}"'})

    return Table(
        (
            Heading("Operation"), Heading("Service"), Heading("Version"), Heading("Environment"),
            Heading("Reports", COUNT), Heading("Traces", COUNT), Heading("First"), Heading("Last"),
        ),
        tuple(
            Row(
                (
                    one.operation or "(none)", one.service, one.version, one.environment, one.occurrences, one.traces,
                    one.first_seen, one.last_seen,
                ),
                requests(one),
            )
            for one in rows
        ),
    )  # fmt: skip


def samples_table(rows: Sequence[Sample], href: Href) -> Table:
    """Newest reports, each leading to its span in its trace."""
    return Table(
        (
            Heading("When"), Heading("Message"), Heading("Operation"), Heading("Service"), Heading("Version"),
            Heading("Instance"), Heading("Trace"),
        ),
        tuple(
            Row(
                (
                    f"{one.occurred_at:%-d %b %H:%M:%S}", one.message[:300], one.operation, one.service, one.version,
                    one.instance, one.trace_id[:12] or "(none)",
                ),
                href("/trace", {"id": one.trace_id, "span": one.span_id}) if one.trace_id else "",
            )
            for one in rows
        ),
    )  # fmt: skip


def issue_title(group: Group) -> str:
    """Title of an issue about an error."""
    where = f" in {group.culprit}" if group.culprit else ""
    return f"{group.title}{where}"[:200]


def issue_text(
    group: Group, listed: Listed | None, stack: str, rows: Sequence[Sample], of: Interval, address: str
) -> str:
    """Text of an issue about an error, in Markdown.

    Args:
        group: the error.
        listed: its figures in the stretch; ``None`` when it did not occur.
        stack: of its newest report.
        rows: newest reports.
        of: the stretch.
        address: of the error's page.
    """
    # A fence longer than any run of backticks inside it cannot be closed by what services report.
    fence = "`" * max(
        3, 1 + max((len(run) for run in re.findall(r"`+", f"{stack} {group.message}")), default=0)
    )
    lines = [
        f"**{_plain(group.title)}**", "", fence, group.message[:2000] or "(no message)", fence, "",
        f"- First seen: {minute_label(group.first_seen)}"
        + (f" in version {_plain(group.first_version)}" if group.first_version else ""),
        f"- Last seen: {minute_label(group.last_seen)}"
        + (f" in version {_plain(group.last_version)}" if group.last_version else ""),
        f"- Reports: {listed.occurrences if listed else 0:,} ({stretch_text(of)}), {group.total:,} in all",
        f"- Services: {_plain(', '.join(group.services))}"
        + (f" and {group.reporting - len(group.services):,} more" if group.reporting > len(group.services) else ""),
    ]  # fmt: skip
    if listed and listed.versions:
        lines.append(f"- Versions: {_plain(', '.join(listed.versions[:20]))}")
    lines += [f"- Error: {address}", ""]
    traces = list(dict.fromkeys(one.trace_id for one in rows if one.trace_id))[:3]
    lines += [f"- Trace: `{one}`" for one in traces]
    if stack:
        lines += ["", fence, stack[:4000].rstrip(), fence]
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """A name in Markdown without what would format it."""
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", " ".join(text.split()))


def basis_words(group: Group) -> str:
    """What the group rests on, in words."""
    return _BASIS.get(group.basis, group.basis)
