"""Calls between services, and what each instance of a service was asked.

Filled from spans: ends of calls, instances and addresses by the store itself, edges by
``telemetry/pairing``. Attribute names are OpenTelemetry's semantic conventions, stable ones before older ones.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated

from ktlo.records.schema import Field, Life, record


@record(
    "call_ends",
    key=("span",),
    order=("minute", "span"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnd:
    """What one span says of a call: the caller's end, the answering end, or neither (it may still be a parent)."""

    span: Annotated[int, Field("Digest of the trace and the span")]
    parent: Annotated[int, Field("Digest of the trace and the parent span; 0 for a root")]
    minute: Annotated[dt.datetime, Field("The minute in which the span began")]
    service: Annotated[str, Field("Who reports it", label=True)]
    environment: Annotated[str, Field("Environment of who reports it", label=True)]
    side: Annotated[str, Field("caller, answer or inner", label=True)]
    kind: Annotated[str, Field("rpc, database, cache or messaging; empty for inner", label=True)]
    node: Annotated[
        str, Field("What is called as the span names it: a database, a queue, host:port", label=True)
    ]
    is_receive: Annotated[bool, Field("Whether it only fetched messages that another span may process")]
    also: Annotated[
        int, Field("Calls beyond the first that it stands for, where an agent put several into one span")
    ]
    duration_ns: Annotated[int, Field("How long it took; of several calls, one of them", unit="ns")]
    is_error: Annotated[bool, Field("Whether its status is error")]
    received_at: Annotated[dt.datetime, Field("When it was stored")]


@record(
    "service_edges",
    key=("minute", "client", "client_kind", "server", "server_kind", "kind", "environment"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEdge:
    """Calls from one node to another in one minute. A minute is computed anew whenever late spans change it."""

    minute: Annotated[dt.datetime, Field("The minute in which the calls began")]
    client: Annotated[str, Field("Who called: a service or a queue", label=True)]
    client_kind: Annotated[str, Field("service or queue", label=True)]
    server: Annotated[str, Field("What was called", label=True)]
    server_kind: Annotated[str, Field("service, database, cache, queue or host", label=True)]
    kind: Annotated[str, Field("rpc, database, cache or messaging", label=True)]
    environment: Annotated[str, Field("Environment of who reported the call", label=True)]
    calls: Annotated[int, Field("Calls, each counted once", unit="calls")]
    errors: Annotated[int, Field("Of them, failed by the word of either side", unit="calls")]
    total_ns: Annotated[int, Field("Durations added up, as the caller saw them where it reports", unit="ns")]
    longest_ns: Annotated[int, Field("Longest duration", unit="ns")]


@record(
    "instance_minutes",
    key=("minute", "service", "environment", "version", "instance"),
    order=("service", "minute", "environment", "version", "instance"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceMinute:
    """What one instance of a service was asked in one minute; a roll-up of spans."""

    minute: Annotated[dt.datetime, Field("The minute in which the spans began")]
    service: Annotated[str, Field("Service", label=True)]
    environment: Annotated[str, Field("Environment", label=True)]
    version: Annotated[str, Field("Version", label=True)]
    instance: Annotated[str, Field("service.instance.id, else host.name", label=True)]
    spans: Annotated[int, Field("Spans of any kind", unit="spans")]
    asked: Annotated[int, Field("Of them, server and consumer spans", unit="spans")]
    errors: Annotated[int, Field("Of those, with status error", unit="spans")]
    total_ns: Annotated[int, Field("Durations of those added up", unit="ns")]


@record(
    "service_addresses",
    key=("day", "address", "service"),
    life=Life.STREAMED,
)
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAddress:
    """Under which addresses a service was asked, by its own server spans; resolves callers whose pair is missing."""

    day: Annotated[dt.datetime, Field("Midnight of the day, UTC")]
    address: Annotated[str, Field("server.address and server.port, as host:port")]
    service: Annotated[str, Field("Service", label=True)]
    spans: Annotated[int, Field("Server spans", unit="spans")]
