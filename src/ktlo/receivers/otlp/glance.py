"""Whether a request of spans is kept as it is: seen at a glance, without a look into its attributes one by one.

Most requests are. The same bytes are read a second time by descriptors in which whatever needs no look is ``bytes``
(Protocol Buffers, "Updating A Message Type": bytes and embedded messages are written alike), so that an attribute is
one object, and one that was seen before is one look into a set. What is not plain goes to ``traces.keep``, which
judges.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from ktlo.receivers.otlp.accepting import LATEST, MOST_ATTRIBUTES, SPAN_BYTES, TRACE_BYTES, plausible
from ktlo.receivers.otlp.naming import MOST_NAME

_FIELDS = {
    "Event": {"name": (2, "bytes"), "attributes": (3, "bytes*")},
    "Link": {"attributes": (4, "bytes*")},
    "Span": {
        "trace_id": (1, "bytes"),
        "span_id": (2, "bytes"),
        "trace_state": (3, "bytes"),
        "parent_span_id": (4, "bytes"),
        "name": (5, "bytes"),
        "start_time_unix_nano": (7, "fixed64"),
        "end_time_unix_nano": (8, "fixed64"),
        "attributes": (9, "bytes*"),
        "events": (11, "Event*"),
        "links": (13, "Link*"),
        "status": (15, "bytes"),
    },
    "Scope": {"name": (1, "bytes"), "version": (2, "bytes"), "attributes": (3, "bytes*")},
    "ScopeSpans": {"scope": (1, "Scope"), "spans": (2, "Span*")},
    "Resource": {"attributes": (1, "bytes*")},
    "ResourceSpans": {"resource": (1, "Resource"), "scope_spans": (2, "ScopeSpans*")},
    "Traces": {"resource_spans": (1, "ResourceSpans*")},
}
"""Messages by name: fields with their numbers of opentelemetry-proto 1.x and their types here, ``*`` for repeated."""

_KEY, _VALUE = 1 << 3 | 2, 2 << 3 | 2
"""The bytes that the two fields of a KeyValue begin with."""
_PLAIN_KINDS = frozenset((1 << 3 | 2, 2 << 3, 3 << 3, 4 << 3 | 1))
"""The byte that an AnyValue begins with: of a text, a bool, an integer, a double."""
_ONE_BYTE = 0x7F
"""The longest length that is written in one byte."""
_NO_TRACE, _NO_SPAN = bytes(TRACE_BYTES), bytes(SPAN_BYTES)
_MOST_SEEN, _LONGEST_SEEN = 4_096, 128


def _message_class() -> Any:
    file = FileDescriptorProto(name="ktlo/glance.proto", package="glance", syntax="proto3")
    scalars = {"bytes": FieldDescriptorProto.TYPE_BYTES, "fixed64": FieldDescriptorProto.TYPE_FIXED64}
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, said) in fields.items():
            kind = said.rstrip("*")
            label = (
                FieldDescriptorProto.LABEL_REPEATED if kind != said else FieldDescriptorProto.LABEL_OPTIONAL
            )
            made = message.field.add(name=field, number=number, label=label)
            made.type = scalars.get(kind, FieldDescriptorProto.TYPE_MESSAGE)
            if kind not in scalars:
                made.type_name = f".glance.{kind}"
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName("glance.Traces"))


_TRACES = _message_class()
_seen: set[bytes] = set()


def as_it_is(written: bytes) -> int | None:
    """How many spans a request has of which nothing is rejected or changed.

    Args:
        written: an ExportTraceServiceRequest as protobuf itself writes it, without unknown fields.

    Returns:
        ``None`` when something may have to be: :func:`ktlo.receivers.otlp.traces.keep` decides.
    """
    spans, (earliest, latest) = 0, plausible()
    for of_resource in _TRACES.FromString(written).resource_spans:
        if not _are_plain(of_resource.resource.attributes):
            return None
        for of_scope in of_resource.scope_spans:
            scope = of_scope.scope
            if (
                len(scope.name) > MOST_NAME
                or len(scope.version) > MOST_NAME
                or not _are_plain(scope.attributes)
            ):
                return None
            spans += len(of_scope.spans)
            for span in of_scope.spans:
                trace, own, parent = span.trace_id, span.span_id, span.parent_span_id
                if (
                    len(trace) != TRACE_BYTES
                    or len(own) != SPAN_BYTES
                    or (parent and len(parent) != SPAN_BYTES)
                    or trace == _NO_TRACE
                    or own == _NO_SPAN
                    or not earliest <= span.start_time_unix_nano <= latest
                    or span.end_time_unix_nano > LATEST
                    or len(span.name) > MOST_NAME
                    or len(span.status) > MOST_NAME
                    or len(span.trace_state) > MOST_NAME
                    or not _are_plain(span.attributes)
                ):
                    return None
                for event in span.events:
                    if len(event.name) > MOST_NAME or not _are_plain(event.attributes):
                        return None
                for link in span.links:
                    if not _are_plain(link.attributes):
                        return None
    return spans


def _are_plain(attributes: Any) -> bool:
    """Whether nothing about a list of KeyValue, each as bytes, is to be changed."""
    if len(attributes) > MOST_ATTRIBUTES:
        return False
    for attribute in attributes:
        if attribute not in _seen:
            if not _is_plain(attribute):
                return False
            if len(attribute) <= _LONGEST_SEEN:
                if len(_seen) >= _MOST_SEEN:
                    _seen.clear()
                _seen.add(attribute)
    return True


def _is_plain(attribute: bytes) -> bool:
    """Whether a KeyValue has a key, a value that is one text, bool or number, and nothing longer than a name may be."""
    if len(attribute) > MOST_NAME or not attribute or attribute[0] != _KEY or attribute[1] > _ONE_BYTE:
        return False
    value = 2 + attribute[1]
    if len(attribute) <= value + 2 or attribute[value] != _VALUE:
        return False
    kind = value + (2 if attribute[value + 1] <= _ONE_BYTE else 3)
    return kind < len(attribute) and attribute[kind] in _PLAIN_KINDS
