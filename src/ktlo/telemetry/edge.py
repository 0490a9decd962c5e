"""One edge of the map: over time, and the calls that are worth looking at, with their traces."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from ktlo.store.protocol import Queryable
from ktlo.telemetry.interval import Interval
from ktlo.telemetry.observed import watch
from ktlo.telemetry.service_map import Way, edge_statement, observed_of, red_of, services_of
from ktlo.telemetry.services import Moment, moments

MOST_EXAMPLES = 20

_CALLS = """
SELECT e.span FROM ktlo.call_ends AS e
WHERE e.minute >= {start:DateTime64(6, 'UTC')} AND e.minute < {end:DateTime64(6, 'UTC')}
  AND ({environment:String} = '' OR e.environment = {environment:String})
  AND if({from_queue:Bool},
    e.side = 'answer' AND e.service = {server:String} AND e.node = {client:String},
    e.side = 'caller' AND e.service = {client:String} AND (e.node = {server:String} OR ({to_service:Bool}
      AND e.span IN (
        SELECT a.parent FROM ktlo.call_ends AS a WHERE a.side = 'answer' AND a.service = {server:String}))))
ORDER BY e.is_error DESC, e.duration_ns DESC LIMIT {most:UInt32}"""

_EXAMPLES = f"""
SELECT s.trace_id AS trace_id, s.span_id AS span_id, s.name AS name, s.started_at AS started_at,
  s.duration_ns AS duration_ns, s.status AS status
FROM ktlo.spans AS s
WHERE s.started_at >= {{start:DateTime64(9, 'UTC')}} AND s.started_at < {{end:DateTime64(9, 'UTC')}}
  AND s.service = {{reporter:String}} AND reinterpretAsInt64(sipHash64(s.trace_id, s.span_id)) IN ({_CALLS})
ORDER BY s.status = 'error' DESC, s.duration_ns DESC LIMIT {{most:UInt32}}"""  # noqa: S608 - no value enters the text


@dataclass(frozen=True, slots=True)
class Example:
    """A call along an edge.

    Attributes:
        trace_id: its trace.
        span_id: its span.
        name: operation, as who reported it names it.
        started_at: when it began.
        duration_ns: how long it took.
        is_error: whether it failed.
    """

    trace_id: str
    span_id: str
    name: str
    started_at: dt.datetime
    duration_ns: int
    is_error: bool


def edge_series(store: Queryable, of: Interval, way: Way, environment: str = "") -> list[Moment]:
    """An edge over time: every bucket of the stretch in which there can be calls, those without any too."""
    statement, asked = edge_statement(store, of, way, environment)
    observed = observed_of(watch(store, of, services_of([way]), environment), way)
    rows = store.query(statement, asked).to_pylist()
    return moments(of, observed, {row["at"]: red_of(row, observed) for row in rows})


def edge_examples(store: Queryable, of: Interval, way: Way, environment: str = "") -> list[Example]:
    """Calls along an edge: those that failed first, then the longest."""
    from_queue = way.client.kind == "queue"
    asked = {
        "start": of.start,
        "end": of.end,
        "environment": environment,
        "client": way.client.name,
        "server": way.server.name,
        "from_queue": from_queue,
        "to_service": way.server.kind == "service",
        "reporter": way.server.name if from_queue else way.client.name,
        "most": MOST_EXAMPLES,
    }
    return [
        Example(
            row["trace_id"],
            row["span_id"],
            row["name"],
            row["started_at"].to_pydatetime(warn=False),
            row["duration_ns"],
            row["status"] == "error",
        )
        for row in store.query(_EXAMPLES, asked).to_pylist()
    ]
