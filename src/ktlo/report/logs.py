"""Logs as something to read: how many records by severity over time, and what they say most."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from ktlo.report.charts import COUNT, Column, Head, Heading, Part, Row, StackedColumns, Table
from ktlo.report.charts.palette import Swatch, Texture
from ktlo.report.pieces import Answer, Known
from ktlo.report.services import Href, columns_of, period_word, stretch_text
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.log_query import quoted
from ktlo.telemetry.logs import MOST_READ, Pattern, Record, Volume
from ktlo.wording import counted

SWATCHES = {
    "fatal": Swatch("fatal", "fatal", "--bad", Texture.DOTS), "error": Swatch("error", "error", "--bad"),
    "warn": Swatch("warn", "warn", "--warn", Texture.RISING), "info": Swatch("info", "info", "--s-1"),
    "debug": Swatch("debug", "debug", "--s-3", Texture.LEVEL),
    "trace": Swatch("trace", "trace", "--axis", Texture.LEVEL), "": Swatch("none", "does not say", "--axis"),
}  # fmt: skip
"""From the worst; drawn from the ground up."""
BADGES = {"fatal": "bad", "error": "bad", "warn": "warn"}


def answer_of(volumes: Sequence[Volume], of: Interval, query: str) -> Answer:
    """First line: how many records, and how many of them are bad."""
    sums: Counter[str] = Counter()
    for one in volumes:
        sums[one.severity] += one.records
    total = sum(sums.values())
    asked = "What do the logs say?"
    if not total:
        said = "No record is like that" if query else "Nothing was logged"
        return Answer(asked, said, change=stretch_text(of))
    said = counted(total, "records")
    bad = [f"{sums[name]:,} {name}" for name in ("fatal", "error", "warn") if sums[name]]
    return Answer(asked, f"{said}{', ' if bad else ''}{', '.join(bad)}", change=stretch_text(of))


def volume_chart(volumes: Sequence[Volume], of: Interval, href: Href, query: str) -> StackedColumns:
    """Records over time by severity, the worst at the ground; a column leads to its stretch."""
    counts = {(one.at, one.severity): one.records for one in volumes}
    width = dt.timedelta(seconds=of.bucket_seconds)
    columns = []
    for at, only in columns_of(of).items():
        within = {"q": query, "since": at.isoformat(), "until": (at + width).isoformat()}
        parts = [
            Part(swatch, float(counts[at, name]), href("/logs", {**within, "q": _narrowed(query, name)}))
            for name, swatch in SWATCHES.items()
            if counts.get((at, name))
        ]
        columns.append(Column(at, tuple(parts), href=href("/logs", within), only=only))
    head = Head(
        "volume", "Records over time", "By severity, the worst at the ground; a part leads to its records."
    )
    return StackedColumns(head, tuple(columns), COUNT, period_word(of))


def _narrowed(query: str, severity: str) -> str:
    return f"{query} severity:{severity or 'none'}".strip()


def patterns_table(found: Sequence[Pattern], query: str, href: Href) -> Table:
    """What the records say; a row leads to the records that contain its longest fixed part."""
    return Table(
        (
            Heading("What they say"), Heading("Records", COUNT), Heading("Worst"), Heading("Services"),
            Heading("First"), Heading("Last"),
        ),
        tuple(
            Row(
                (
                    one.template[:300] or "(nothing)", one.records, one.severity or "does not say",
                    ", ".join(one.services), one.first_at, one.last_at,
                ),
                href("/logs", {"q": f"{query} {quoted(fixed)}".strip()}) if (fixed := fixed_part(one)) else "",
            )
            for one in found
        ),
    )  # fmt: skip


def fixed_part(one: Pattern) -> str:
    """The longest stretch of a pattern's sample that no mask replaced; empty when there is none worth asking for."""
    parts = [part.strip() for part in one.template.replace('"…"', "\0").replace("0", "\0").split("\0")]
    # Spaces were made alike in the template: a part counts only if the sample has it as it is.
    known = [part for part in parts if len(part) > 2 and part in one.sample]
    return max(known, key=len, default="")


def known_of(of: Interval, total: int, *, patterns: bool) -> Known:
    """What the page rests on."""
    missing = ["What the services did not send: their loggers' levels decide that before ktlo does."]
    if patterns:
        missing.append(f"Patterns are made of the newest {MOST_READ:,} records of the stretch.")
    return Known(
        definition=(
            "Log records by when they were logged, the service's clock; by arrival where a record does not say."
            " Severity is the number's range in OpenTelemetry's log data model, else the word that the logger used."
        ),
        sample=f"{counted(total, 'records')}, {stretch_text(of)}; of whole minutes where counts by"
        " minute can tell",
        freshness="what arrived is here within about two seconds",
        missing=tuple(missing),
        source="OpenTelemetry, Logs Data Model; the language of the search: docs/telemetry-logs.md",
    )


def around_answer(records: Sequence[Record], at_ns: int) -> Answer:
    """First line of what stands around a record."""
    before = sum(1 for one in records if one.logged_ns < at_ns)
    after = sum(1 for one in records if one.logged_ns > at_ns)
    at = dt.datetime.fromtimestamp(at_ns // 1000 / 1e6, dt.UTC)
    return Answer(
        "What was logged around it?",
        f"{counted(before, 'records')} before and {after} after it",
        change=f"{at:%-d %b %Y %H:%M:%S.%f} UTC, newest first",
    )
