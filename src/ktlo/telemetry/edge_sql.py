"""The statements that make the edges of some minutes from the ends of their calls.

How a call is counted: by its caller where that reports, with the caller's duration; failed when either side says so.
A caller without an answering service calls what it names (database, cache, host). Of two nested client spans of one
service the one that says more is counted. A producer calls a queue; a consumer is called by the queue its producer
named (found by parent or link), else by the one it names itself. A server span whose parent is no client span at all
but belongs to another service is a call of that service, counted by its answer. Only parents and children are looked
at, never chains, so that circles and duplicates do no harm: an identifier that stands twice is two calls. A span into
which an agent put several calls counts as those.
"""

from __future__ import annotations

from ktlo.store.streams.traces import each_call

_IN_MINUTES = "e.minute IN {minutes:Array(DateTime64(6, 'UTC'))}"

_ANSWERS_BY_PARENT = f"""
SELECT e.parent AS span,
  maxMapIf([toString(e.service)], [1 + toUInt8(e.is_error)], e.side = 'answer' AND e.kind = 'rpc') AS answered,
  groupUniqArrayIf(toString(e.service), e.side = 'caller') AS nested
FROM ktlo.call_ends AS e
WHERE e.side != 'inner' AND e.parent != e.span
  AND e.parent IN (SELECT e.span FROM ktlo.call_ends AS e WHERE {_IN_MINUTES} AND e.side = 'caller')
GROUP BY e.parent"""  # noqa: S608 - no value enters the text

_ENDS = "groupUniqArray((toString(e.service), toString(e.side), toString(e.kind), toString(e.node)))"

_PARENTS = f"""
SELECT e.span AS span, {_ENDS} AS ends FROM ktlo.call_ends AS e
WHERE e.span IN (SELECT e.parent FROM ktlo.call_ends AS e WHERE {_IN_MINUTES} AND e.side != 'inner' AND e.parent != 0)
GROUP BY e.span"""  # noqa: S608

_LINKED = f"""
SELECT l.links AS links, {_ENDS} AS ends
FROM (
  SELECT DISTINCT cityHash64(e.links) AS links, arrayJoin(e.links) AS span FROM ktlo.call_ends AS e
  WHERE {_IN_MINUTES} AND e.kind = 'messaging' AND notEmpty(e.links)
) AS l
INNER JOIN (
  SELECT * FROM ktlo.call_ends AS e WHERE e.side = 'caller' AND e.span IN (
    SELECT arrayJoin(e.links) FROM ktlo.call_ends AS e
    WHERE {_IN_MINUTES} AND e.kind = 'messaging' AND notEmpty(e.links))
) AS e ON e.span = l.span
GROUP BY l.links"""  # noqa: S608

_BY_CALLERS = f"""
SELECT e.minute AS minute, toString(e.service) AS client, 'service' AS client_kind,
  target.1 AS server, target.2 AS server_kind, toString(e.kind) AS kind, toString(e.environment) AS environment,
  false AS is_receive, e.also + 1 AS calls_of, e.duration_ns AS duration_ns, e.is_error OR target.3 = 2 AS is_error
FROM ktlo.call_ends AS e
LEFT JOIN ({_ANSWERS_BY_PARENT}) AS a ON a.span = e.span
LEFT JOIN ({_PARENTS}) AS p ON p.span = e.parent
ARRAY JOIN multiIf(
  e.kind = 'messaging', if(e.node = '', [], [(toString(e.node), 'queue', toUInt64(1))]),
  notEmpty(a.answered.1), arrayMap((service, said) -> (service, 'service', toUInt64(said)), a.answered.1, a.answered.2),
  (e.kind = 'rpc' AND has(a.nested, toString(e.service)))
    OR arrayExists(x -> x.1 = e.service AND x.2 = 'caller' AND x.3 != 'rpc', p.ends), [],
  [(if(e.node = '', '(not named)', toString(e.node)), if(e.kind = 'rpc', 'host', toString(e.kind)), toUInt64(1))]
) AS target
WHERE {_IN_MINUTES} AND e.side = 'caller'"""  # noqa: S608

_BY_ANSWERS = f"""
SELECT e.minute AS minute, source.1 AS client, source.2 AS client_kind,
  toString(e.service) AS server, 'service' AS server_kind, toString(e.kind) AS kind,
  toString(e.environment) AS environment, e.is_receive AS is_receive, e.also + 1 AS calls_of,
  e.duration_ns AS duration_ns, e.is_error AS is_error
FROM ktlo.call_ends AS e
LEFT JOIN ({_PARENTS}) AS p ON p.span = e.parent
LEFT JOIN ({_LINKED}) AS l ON l.links = cityHash64(e.links)
ARRAY JOIN multiIf(
  e.kind = 'rpc',
    if(arrayExists(x -> x.2 = 'caller', p.ends), [],
      arrayMap(s -> (s, 'service'), arrayDistinct(arrayMap(x -> x.1, arrayFilter(x -> x.1 != e.service, p.ends))))),
  arrayExists(x -> x.2 = 'caller' AND x.3 = 'messaging' AND x.4 != '', arrayConcat(p.ends, l.ends)),
    arrayMap(q -> (q, 'queue'), arrayDistinct(arrayMap(x -> x.4,
      arrayFilter(x -> x.2 = 'caller' AND x.3 = 'messaging' AND x.4 != '', arrayConcat(p.ends, l.ends))))),
  e.node != '', [(toString(e.node), 'queue')],
  arrayMap(s -> (s, 'service'), arrayDistinct(arrayMap(x -> x.1,
    arrayFilter(x -> x.1 != e.service OR x.2 = 'caller', arrayConcat(p.ends, l.ends)))))
) AS source
WHERE {_IN_MINUTES} AND e.side = 'answer'"""  # noqa: S608

_GONE = f"""
SELECT e.minute AS minute, toString(e.client) AS client, toString(e.client_kind) AS client_kind,
  toString(e.server) AS server, toString(e.server_kind) AS server_kind, toString(e.kind) AS kind,
  toString(e.environment) AS environment, false AS is_receive, toInt64(0) AS calls_of, toInt64(0) AS duration_ns,
  false AS is_error
FROM ktlo.service_edges AS e WHERE {_IN_MINUTES}"""  # noqa: S608

EDGES = f"""
SELECT minute, client, client_kind, server, server_kind, kind, environment, calls, errors, total_ns, longest_ns,
  durations, toDateTime64(0, 6, 'UTC') AS arrived_until
FROM (
  SELECT minute, client, client_kind, server, server_kind, kind, environment, is_receive,
    toInt64(sumIf(counted, calls_of > 0)) AS calls, toInt64(countIf(is_error AND number = 0)) AS errors,
    sum(duration_ns * counted) AS total_ns, max(duration_ns) AS longest_ns,
    quantilesTDigestStateIf(0.5, 0.95, 0.99)(duration_ns, calls_of > 0) AS durations
  FROM (SELECT *, {each_call("greatest(calls_of, 1)")}
    FROM ({_BY_CALLERS} UNION ALL {_BY_ANSWERS} UNION ALL {_GONE}))
  GROUP BY minute, client, client_kind, server, server_kind, kind, environment, is_receive
)
ORDER BY calls = 0, is_receive
LIMIT 1 BY minute, client, client_kind, server, server_kind, kind, environment"""  # noqa: S608
"""Every edge of ``{minutes}``, and with no calls those that were there and are no more. Where messages were processed,
spans that only fetched them are not counted beside."""

MARK_MINUTE = "toDateTime64('2100-01-01 00:00:00', 6, 'UTC')"
"""Far ahead, so that the row does not grow old."""

MARK = f"""
SELECT {MARK_MINUTE} AS minute, '' AS client, '' AS client_kind, '' AS server, '' AS server_kind,
  '' AS kind, '' AS environment, toInt64(0) AS calls, toInt64(0) AS errors, toInt64(0) AS total_ns,
  toInt64(0) AS longest_ns, quantilesTDigestStateIf(0.5, 0.95, 0.99)(toInt64(0), false) AS durations,
  {{until:DateTime64(6, 'UTC')}} AS arrived_until
FROM system.one"""  # noqa: S608
"""A row that is no edge: everything that arrived before ``{until}`` is in the edges."""
