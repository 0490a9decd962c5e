"""Transactions and spans of an Elastic agent as OTLP spans.

A transaction is the span by which a service is entered (server, consumer, or internal for jobs); a span is what it did.
The kind of call, its system and its address are spread over several fields in intake v2; here they get the names of the
semantic conventions for HTTP, databases, RPC and messaging.
"""

from __future__ import annotations

import math
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as OtlpSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from ktlo.receivers.elastic.attributes import put, put_all, put_context
from ktlo.receivers.elastic.calls import kind_of_call, put_call
from ktlo.receivers.elastic.events import Link, Otel, Span, Transaction
from ktlo.receivers.elastic.moments import identifier, instant, later
from ktlo.receivers.elastic.stacks import text_of

_KINDS = {
    "INTERNAL": OtlpSpan.SPAN_KIND_INTERNAL,
    "SERVER": OtlpSpan.SPAN_KIND_SERVER,
    "CLIENT": OtlpSpan.SPAN_KIND_CLIENT,
    "PRODUCER": OtlpSpan.SPAN_KIND_PRODUCER,
    "CONSUMER": OtlpSpan.SPAN_KIND_CONSUMER,
}
_OF_TRANSACTIONS = {
    "request": OtlpSpan.SPAN_KIND_SERVER,
    "messaging": OtlpSpan.SPAN_KIND_CONSUMER,
    "celery": OtlpSpan.SPAN_KIND_CONSUMER,
}
_HAS_IS_REMOTE, _IS_REMOTE, _SAMPLED = 0x100, 0x200, 0x1


def put_transaction(into: OtlpSpan, event: Transaction, received: int) -> None:
    """Fill a span from a transaction.

    Raises:
        UnfitError: it cannot be kept.
    """
    into.trace_id = identifier(event.trace_id, 32, "trace_id")
    into.span_id = identifier(event.id, 16, "id")
    is_sampled = event.sampled is not False
    into.flags = _HAS_IS_REMOTE | (_SAMPLED if is_sampled else 0)
    if event.parent_id:
        into.parent_span_id = identifier(event.parent_id, 16, "parent_id")
        into.flags |= _IS_REMOTE
    _times(into, instant(event.timestamp, received), event.duration)
    context, put_here = event.context, into.attributes
    into.kind = _kind(event.otel, _OF_TRANSACTIONS.get(event.type, OtlpSpan.SPAN_KIND_INTERNAL))
    into.name = (
        event.name or (context and context.request and context.request.method) or event.type or "unnamed"
    )
    put(put_here, "elastic.transaction.type", event.type)
    put(put_here, "elastic.transaction.result", event.result)
    if not is_sampled:
        put(put_here, "elastic.sampled", False)
    _rate(put_here, event.sample_rate)
    if context is not None:
        put_context(put_here, context)
    if event.session is not None:
        put(put_here, "session.id", event.session.id)
    if event.faas is not None:
        put(put_here, "faas.name", event.faas.name)
        put(put_here, "faas.version", event.faas.version)
        put(put_here, "faas.coldstart", event.faas.coldstart)
        put(put_here, "faas.invocation_id", event.faas.execution)
        put(put_here, "faas.trigger", event.faas.trigger and event.faas.trigger.type)
        put(put_here, "cloud.resource_id", event.faas.id)
    if event.span_count.dropped:
        put(put_here, "elastic.span_count.dropped", event.span_count.dropped)
    put(put_here, "elastic.dropped_spans_stats", event.dropped_spans_stats or None)
    status = context.response.status_code if context is not None and context.response is not None else None
    # No message where the status code says it all (semantic conventions for HTTP spans, "Status").
    _outcome(into, event.outcome, status is not None and status >= 500, "" if status else event.result or "")
    _bridge(into, event.otel)
    _links(into, event.links)
    _marks(into, event.marks)


def put_span(into: OtlpSpan, event: Span, received: int, language: str) -> None:
    """Fill a span from a span of a transaction.

    Args:
        into: empty.
        event: the span.
        received: now, in nanoseconds; the time of a span that tells none.
        language: the agent's name, by which a stack is written.

    Raises:
        UnfitError: it cannot be kept.
    """
    into.trace_id = identifier(event.trace_id, 32, "trace_id")
    into.span_id = identifier(event.id, 16, "id")
    into.parent_span_id = identifier(event.parent_id, 16, "parent_id")
    into.flags = _HAS_IS_REMOTE | _SAMPLED
    start = instant(event.timestamp, received)
    if event.timestamp is None and event.start is not None:
        start = later(start, event.start)
    _times(into, start, event.duration)
    into.name = event.name or event.type or "unnamed"
    kind, subtype, action = event.type, event.subtype, event.action
    if subtype is None and action is None:
        # Agents of the first years wrote all three into one: db.postgresql.query
        kind, _, rest = kind.partition(".")
        subtype, _, action = rest.partition(".")
    into.kind = _kind(event.otel, kind_of_call(kind, action or "", event.context))
    put_here = into.attributes
    put(put_here, "elastic.span.type", kind)
    put(put_here, "elastic.span.subtype", subtype)
    put(put_here, "elastic.span.action", action)
    _rate(put_here, event.sample_rate)
    if event.composite is not None:
        put(put_here, "elastic.composite.count", event.composite.count)
        put(put_here, "elastic.composite.sum_ms", float(event.composite.sum))
        put(put_here, "elastic.composite.compression_strategy", event.composite.compression_strategy)
    put_call(put_here, event.name, kind, subtype or "", action or "", event.context)
    if event.context is not None:
        put_all(put_here, event.context.tags)
        put_all(put_here, event.context.custom, "elastic.custom.")
    if event.stacktrace:
        put(put_here, "code.stacktrace", text_of(event.stacktrace, language))
    http = event.context.http if event.context is not None else None
    status = None
    if http is not None:
        status = http.status_code if http.response is None else http.response.status_code or http.status_code
    _outcome(into, event.outcome, status is not None and status >= 400, "")
    _bridge(into, event.otel)
    _links(into, event.links)
    for child in event.child_ids or ():
        # The agent found out later that these are below: a link, as its own OpenTelemetry exporter writes them.
        link = into.links.add(trace_id=into.trace_id, span_id=identifier(child, 16, "child_ids"))
        put(link.attributes, "elastic.is_child", True)


def _times(into: OtlpSpan, start: int, milliseconds: float) -> None:
    into.start_time_unix_nano = start
    into.end_time_unix_nano = later(start, milliseconds)


def _kind(otel: Otel | None, otherwise: OtlpSpan.SpanKind.ValueType) -> OtlpSpan.SpanKind.ValueType:
    if otel is None or not otel.span_kind:
        return otherwise
    return _KINDS.get(otel.span_kind.upper().removeprefix("SPAN_KIND_"), otherwise)


def _rate(into: Any, rate: float | None) -> None:
    if rate is not None and math.isfinite(rate) and rate != 1:
        put(into, "elastic.sample_rate", float(rate))


def _outcome(into: OtlpSpan, outcome: str | None, is_failure_by_status: bool, message: str) -> None:
    """Failure is an error; success leaves the status unset, as OpenTelemetry's instrumentations do."""
    if outcome == "failure" or (outcome is None and is_failure_by_status):
        into.status.code = Status.STATUS_CODE_ERROR
        into.status.message = message


def _bridge(into: OtlpSpan, otel: Otel | None) -> None:
    if otel is not None:
        put_all(into.attributes, otel.attributes)


def _links(into: OtlpSpan, links: list[Link] | None) -> None:
    for link in links or ():
        into.links.add(
            trace_id=identifier(link.trace_id, 32, "links.trace_id"),
            span_id=identifier(link.span_id, 16, "links.span_id"),
        )


def _marks(into: OtlpSpan, marks: dict[str, Any] | None) -> None:
    """Moments within a transaction, told in milliseconds after its start, as span events."""
    for group, named in (marks or {}).items():
        if not isinstance(named, dict):
            continue
        for name, milliseconds in named.items():
            if isinstance(milliseconds, int | float) and not isinstance(milliseconds, bool):
                into.events.add(
                    name=f"{group}.{name}", time_unix_nano=later(into.start_time_unix_nano, milliseconds)
                )
