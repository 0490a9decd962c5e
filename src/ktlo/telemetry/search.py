"""Traces found by what any of their spans says: service, operation, time, duration, status, and any tag.

A tag matches wherever it sits: on the span, its events, its links, its scope or its resource. With or without a
service. All conditions hold for one and the same span, as people expect of Jaeger and Tempo.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ktlo.errors import UsageError
from ktlo.store.protocol import Queryable
from ktlo.store.streams.traces import ANY_KEY, ANY_VALUE
from ktlo.telemetry.interval import Interval
from ktlo.wording import counted

MOST = 200
MOST_TAGS = 10
_FIRST_LOOK, _GROWS = dt.timedelta(minutes=1), 5


@dataclass(frozen=True, slots=True)
class Tag:
    """A key and the value that it must have; an empty value asks only that the key is there."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a span must be. Empty and ``None`` leave a thing open.

    Attributes:
        service: exact name.
        operation: exact name.
        shortest_ns: least duration.
        longest_ns: greatest duration.
        only_errors: only spans with status error.
        tags: all of them.
        environment: exact name of that in which the span was reported.
    """

    service: str = ""
    operation: str = ""
    shortest_ns: int | None = None
    longest_ns: int | None = None
    only_errors: bool = False
    tags: tuple[Tag, ...] = ()
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A trace that was found.

    Attributes:
        trace_id: it.
        started_at: when its first span began.
        duration_ns: from its first span's beginning to its last one's end.
        root_service: service of its root; empty while that has not arrived.
        root_name: operation of its root.
        spans: spans so far.
        errors: of them, with status error.
        services: that took part.
        matched: spans that are what was wanted.
    """

    trace_id: str
    started_at: dt.datetime
    duration_ns: int
    root_service: str
    root_name: str
    spans: int
    errors: int
    services: tuple[str, ...]
    matched: int


def tags_from(text: str) -> tuple[Tag, ...]:
    """Read tags as people write them: ``http.route=/cart user.id=7``, values with spaces in double quotes.

    Raises:
        UsageError: a quote that is not closed, a part without a key, or too many.
    """
    import shlex

    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"the tags cannot be read: {error}", fix='Write key=value key="two words"'
        ) from error
    tags = []
    for part in parts:
        key, _, value = part.partition("=")
        if not key:
            raise UsageError(f"{part[:60]!r} has no key", fix="Write key=value")
        tags.append(Tag(key, value))
    if len(tags) > MOST_TAGS:
        raise UsageError(f"{counted(len(tags), 'tags')} are too many", fix=f"Give at most {MOST_TAGS}")
    return tuple(tags)


_HITS = """
SELECT s.trace_id AS trace_id, max(s.started_at) AS newest
FROM ktlo.spans AS s
WHERE s.started_at >= {start:DateTime64(9, 'UTC')} AND s.started_at < {end:DateTime64(9, 'UTC')}"""

_MATCHED = """
SELECT s.trace_id AS trace_id, count() AS matched
FROM ktlo.spans AS s
WHERE s.started_at >= {start:DateTime64(9, 'UTC')} AND s.started_at < {end:DateTime64(9, 'UTC')}
  AND s.trace_id IN {ids:Array(String)}"""

_SUMMARIES = """
SELECT t.trace_id AS trace_id, t.started_at AS started_at, t.root_service AS root_service,
  t.root_name AS root_name, t.spans AS spans, t.errors AS errors, t.services AS services,
  dateDiff('nanosecond', t.started_at, t.ended_at) AS duration_ns
FROM ktlo.trace_summaries AS t WHERE t.trace_id IN {ids:Array(String)}"""


def search(store: Queryable, of: Interval, wanted: Wanted, most: int = 50) -> list[Found]:
    """Traces with a span that is what is wanted, newest first.

    Args:
        store: where the spans are.
        of: when the span began.
        wanted: what it must be.
        most: traces, at most :data:`MOST`.
    """
    conditions, values = _conditions(wanted)
    where = "".join(f" AND {condition}" for condition in conditions)
    most = min(most, MOST)
    ids = _newest(store, of, where, values, most)
    summaries = store.query(_SUMMARIES, {"ids": ids}).to_pylist() if ids else []
    if len(summaries) < len(ids):
        # A span is there a moment before the summary of its trace: those before take the place of what has none yet.
        ids = _newest(store, of, where, values, most + len(ids) - len(summaries))
        summaries = store.query(_SUMMARIES, {"ids": ids}).to_pylist()
    if not summaries:
        return []
    known = {row["trace_id"]: row for row in summaries}
    # Spans of these traces lie between the first's beginning and the end; before it nothing has to be read.
    first = min(row["started_at"].to_pydatetime(warn=False) for row in summaries)
    matched = {
        row["trace_id"]: row["matched"]
        for row in store.query(
            f"{_MATCHED}{where} GROUP BY trace_id",
            {"start": max(of.start, first - dt.timedelta(seconds=1)), "end": of.end, "ids": ids, **values},
        ).to_pylist()
    }
    return [
        Found(
            trace_id,
            row["started_at"].to_pydatetime(warn=False),
            row["duration_ns"],
            row["root_service"],
            row["root_name"],
            row["spans"],
            row["errors"],
            tuple(sorted(row["services"])),
            matched.get(trace_id, 1),
        )
        for trace_id in ids
        if (row := known.get(trace_id))
    ][:most]


def _newest(store: Queryable, of: Interval, where: str, values: dict[str, Any], most: int) -> list[str]:
    """Identifiers of the newest traces with a span like that, newest first.

    Looked for in stretches that grow, from the end backwards: what is frequent is found in the last minute, and what is
    rare costs no more than one look at everything.
    """
    found: dict[str, None] = {}
    end, length = of.end, _FIRST_LOOK
    while end > of.start and len(found) < most:
        start = max(of.start, end - length)
        hits = store.query(
            f"{_HITS}{where} GROUP BY trace_id ORDER BY newest DESC, trace_id LIMIT {{most:UInt32}}",
            {"start": start, "end": end, "most": most, **values},
        )
        found.update(dict.fromkeys(str(one) for one in hits["trace_id"].to_pylist()))
        end, length = start, length * _GROWS
    return list(found)[:most]


def _conditions(wanted: Wanted) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for name, column, value in (
        ("service", "service", wanted.service),
        ("operation", "name", wanted.operation),
        ("environment", "environment", wanted.environment),
    ):
        if value:
            conditions.append(f"s.{column} = {{{name}:String}}")
            values[name] = value
    for name, sign, limit in (("shortest", ">=", wanted.shortest_ns), ("longest", "<=", wanted.longest_ns)):
        if limit is not None:
            conditions.append(f"s.duration_ns {sign} {{{name}:Int64}}")
            values[name] = limit
    if wanted.only_errors:
        conditions.append("s.status = 'error'")
    for number, tag in enumerate(wanted.tags):
        key, value = f"key_{number}", f"value_{number}"
        values[key] = tag.key
        if tag.value:
            values[value] = tag.value
        # The engine leaves out what has no such value (key) anywhere, by an index on just this expression.
        some, sought = (ANY_VALUE, value) if tag.value else (ANY_KEY, key)
        conditions.append(f"has({some.replace('{of}', 's.')}, {{{sought}:String}})")
        conditions.append(_anywhere(key, value if tag.value else ""))
    return conditions, values


def _anywhere(key: str, value: str) -> str:
    """The tag on the span, its resource, its scope, one of its events or one of its links."""

    def has(of: str) -> str:
        bound = f"{{{key}:String}}"
        return f"{of}[{bound}] = {{{value}:String}}" if value else f"mapContains({of}, {bound})"

    alone = " OR ".join(has(f"s.{name}") for name in ("attributes", "resource", "scope_attributes"))
    within = " OR ".join(
        f"arrayExists(m -> {has('m')}, s.{name})" for name in ("event_attributes", "link_attributes")
    )
    return f"({alone} OR {within})"
