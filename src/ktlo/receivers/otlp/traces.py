"""What of a trace request is kept: bytes in, bytes that the store's engine can read out.

A request that is not protobuf is refused as a whole. Of one that is, a span with an impossible identifier is
rejected and the others are kept; arrays and maps among the values become JSON text, because the engine's columns
have no type that nests without end. A request without either is passed on byte by byte as it came.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

MOST_ATTRIBUTES = 1_000
"""Attributes of one span, event, link, scope or resource that are kept; the specification's default is 128."""
MOST_VALUE = 64 << 10
"""Characters of one attribute's value that are kept."""
_TRACE, _SPAN = 16, 8
_DEEPEST = 32
_LATEST = (1 << 63) - 1
"""Last nanosecond since 1970 that the engine's instants hold (11 April 2262)."""


class MalformedError(ValueError):
    """The request is not what it says it is; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is kept of a request.

    Attributes:
        body: an ExportTraceServiceRequest for the spool; empty when nothing is kept.
        items: spans in it.
        rejected: spans that are not.
        reason: why, in words; empty when all are kept.
    """

    body: bytes
    items: int
    rejected: int
    reason: str


def accept(body: bytes) -> Accepted:
    """Check a request in protobuf.

    Raises:
        MalformedError: it is no ExportTraceServiceRequest.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise MalformedError("the body is not an ExportTraceServiceRequest in protobuf") from error
    return keep(request, body)


def keep(request: ExportTraceServiceRequest, body: bytes = b"") -> Accepted:
    """Check a request that was read; ``body`` is its serialized form, if there is one.

    The request is changed to what is kept.
    """
    kept = rejected = 0
    reasons: dict[str, int] = {}
    # The engine's own reader refuses what protobuf allows: groups, fields of another wire type, a true that is not 1.
    # What is kept is therefore written anew, without what nobody knows.
    request.DiscardUnknownFields()
    for of_resource in request.resource_spans:
        _flatten(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            _flatten(of_scope.scope.attributes)
            bad = []
            for place, span in enumerate(of_scope.spans):
                reason = _impossible(span)
                if reason:
                    bad.append(place)
                    reasons[reason] = reasons.get(reason, 0) + 1
                    continue
                kept += 1
                _flatten(span.attributes)
                for event in span.events:
                    _flatten(event.attributes)
                for link in span.links:
                    _flatten(link.attributes)
            if bad:
                rejected += len(bad)
                for place in reversed(bad):
                    del of_scope.spans[place]
    if not kept:
        return Accepted(b"", 0, rejected, _said(reasons))
    written = request.SerializeToString()
    return Accepted(body if written == body else written, kept, rejected, _said(reasons))


def _impossible(span: Any) -> str:
    """Why a span cannot be kept; empty when it can."""
    trace, own, parent = span.trace_id, span.span_id, span.parent_span_id
    if len(trace) != _TRACE:
        return f"trace_id has {len(trace)} bytes instead of {_TRACE}"
    if len(own) != _SPAN:
        return f"span_id has {len(own)} bytes instead of {_SPAN}"
    if parent and len(parent) != _SPAN:
        return f"parent_span_id has {len(parent)} bytes instead of {_SPAN}"
    if not any(trace):
        return "trace_id is all zeros"
    if not any(own):
        return "span_id is all zeros"
    if max(span.start_time_unix_nano, span.end_time_unix_nano) > _LATEST:
        return "a time is after the year 2262"
    return ""


def _said(reasons: dict[str, int]) -> str:
    return "; ".join(
        f"{n} spans: {reason}" if n > 1 else f"1 span: {reason}" for reason, n in reasons.items()
    )


def _flatten(attributes: Any) -> None:
    """Turn arrays and maps into JSON text, cut what is too long and too many."""
    if len(attributes) > MOST_ATTRIBUTES:
        del attributes[MOST_ATTRIBUTES:]
    for attribute in attributes:
        value = attribute.value
        kind = value.WhichOneof("value")
        if kind == "string_value":
            if len(value.string_value) > MOST_VALUE:
                value.string_value = value.string_value[:MOST_VALUE]
        elif kind in ("array_value", "kvlist_value"):
            value.string_value = json.dumps(_plain(value, 0), ensure_ascii=False)[:MOST_VALUE]
        elif kind == "bytes_value" and len(value.bytes_value) > MOST_VALUE:
            value.bytes_value = value.bytes_value[:MOST_VALUE]
        elif kind is None:
            # An absent value is legal and means empty; the engine would read it as empty bytes.
            value.string_value = ""


def _plain(value: Any, depth: int) -> Any:
    """An AnyValue as JSON has it; what nests deeper than is sensible is named, not followed."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if depth > _DEEPEST:
        return "…"
    if kind == "array_value":
        return [_plain(each, depth + 1) for each in value.array_value.values]
    if kind == "kvlist_value":
        return {each.key: _plain(each.value, depth + 1) for each in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    return getattr(value, kind)
