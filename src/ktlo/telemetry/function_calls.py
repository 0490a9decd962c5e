"""Single calls that told: the slowest and the newest failed ones of a function, with arguments and result as they came.

They are log records with ``event_name`` ``ktlo.function.call``, redacted where they were made; for functions told by
spans the spans themselves.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from ktlo.store.protocol import Queryable
from ktlo.store.streams.functions import RAISED, named
from ktlo.telemetry.errors import moment
from ktlo.telemetry.functions import Asked
from ktlo.telemetry.interval import Interval

MOST = 20

_WHERE = """service = {service:String} AND ({version:String} = '' OR version = {version:String})
  AND ({environment:String} = '' OR environment = {environment:String})"""

_CALLS = f"""
SELECT logged_at AS at, toString(version) AS version, attributes['ktlo.call.reason'] AS reason,
  toInt64OrZero(attributes['ktlo.call.duration']) AS duration_ns, attributes['ktlo.call.arguments'] AS arguments,
  attributes['ktlo.call.result'] AS result, attributes['ktlo.call.reassigned'] AS reassigned,
  attributes['exception.type'] AS error, attributes['exception.message'] AS message,
  attributes['http.route'] AS route, trace_id, span_id
FROM ktlo.log_records
WHERE {_WHERE} AND event_name = 'ktlo.function.call'
  AND has(mapValues(attributes), {{name:String}}) AND attributes['code.function.name'] = {{name:String}}
  AND logged_at >= {{start:DateTime64(9, 'UTC')}} AND logged_at < {{end:DateTime64(9, 'UTC')}}
  AND ({{route:String}} = '' OR attributes['http.route'] = {{route:String}})"""  # noqa: S608 - no value enters it

_SPANS = f"""
SELECT started_at AS at, toString(version) AS version, 'span' AS reason, duration_ns, '' AS arguments, '' AS result,
  '' AS reassigned, if(status = 'error', {RAISED}, '') AS error,
  if(status_message != '', status_message,
    arrayFirst(m -> m != '', arrayMap(a -> a['exception.message'], event_attributes))) AS message,
  attributes['http.route'] AS route, trace_id, span_id
FROM ktlo.spans
WHERE {_WHERE} AND {named()} = {{name:String}}
  AND started_at >= {{start:DateTime64(9, 'UTC')}} AND started_at < {{end:DateTime64(9, 'UTC')}}
  AND ({{route:String}} = '' OR attributes['http.route'] = {{route:String}})"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        at: when it began or was told.
        version: of the service.
        reason: why it was told: slow, error, first, traced, sampled; ``span`` for a span.
        duration_ns: how long it took.
        arguments: JSON as it came; empty when not told.
        result: likewise.
        reassigned: arguments that the function assigned to, JSON.
        error: type of the exception; empty when it returned.
        message: of the exception.
        route: of the request.
        trace_id: empty when it was in none.
        span_id: likewise.
    """

    at: dt.datetime
    version: str
    reason: str
    duration_ns: int
    arguments: str
    result: str
    reassigned: str
    error: str
    message: str
    route: str
    trace_id: str
    span_id: str


def told_calls(
    store: Queryable, of: Interval, asked: Asked, name: str, origin: str = "instrument"
) -> tuple[list[Call], list[Call]]:
    """The slowest calls that returned, slowest first, and the failed ones, newest first."""
    told = _CALLS if origin == "instrument" else _SPANS
    bound: dict[str, Any] = {**asked.bound(of), "name": name, "most": MOST}

    def read(condition: str, order: str) -> list[Call]:
        sql = f"SELECT * FROM ({told}) WHERE {condition} ORDER BY {order} LIMIT {{most:UInt32}}"  # noqa: S608
        return [Call(**{**row, "at": moment(row["at"])}) for row in store.query(sql, bound).to_pylist()]

    return read("error = ''", "duration_ns DESC, at DESC"), read("error != ''", "at DESC")
