"""A request that is kept as it is at a glance is one that a look at every attribute would not have changed either."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_requests import Said, request

from ktlo.receivers.otlp import traces
from ktlo.receivers.otlp.accepting import LATEST, MOST_ATTRIBUTES, Reasons
from ktlo.receivers.otlp.glance import as_it_is
from ktlo.receivers.otlp.naming import MOST_NAME


def texts(*lengths: int):
    letters = st.sampled_from("xé\x12\x00")
    return st.builds(lambda letter, length: letter * length, letters, st.sampled_from(lengths)) | st.text(
        max_size=9
    )


TEXTS = texts(0, 1, 100, 127, 128, 129, 300)
ODD_TEXTS = texts(0, 127, 128, MOST_NAME - 1, MOST_NAME, MOST_NAME + 1, 5_000)
VALUES = (
    st.tuples(st.just("string_value"), TEXTS)
    | st.tuples(st.just("bool_value"), st.booleans())
    | st.tuples(st.just("int_value"), st.integers(-(2**63), 2**63 - 1))
    | st.tuples(st.just("double_value"), st.floats())
)
ODD_VALUES = (
    VALUES
    | st.tuples(st.just("string_value"), ODD_TEXTS)
    | st.tuples(st.just("bytes_value"), st.binary(max_size=9))
    | st.sampled_from((("array_value", None), ("kvlist_value", None), ("empty", None), ("absent", None)))
)
KEYS = st.sampled_from(("a", "k" * 100, "é" * 63, "url.full", "service.name"))


def put(attributes, said):
    for key, (kind, value) in said:
        attribute = attributes.add(key=key)
        if kind in ("array_value", "kvlist_value", "empty"):
            attribute.value.SetInParent()
        if kind in ("array_value", "kvlist_value"):
            getattr(attribute.value, kind).SetInParent()
        elif value is not None:
            setattr(attribute.value, kind, value)


@st.composite
def requests(draw):
    """Requests, half of which are as they should be, and the others are not in one thing or other."""
    odd = draw(st.booleans())
    text = ODD_TEXTS if odd else TEXTS
    attributes = st.lists(st.tuples(KEYS | text if odd else KEYS, ODD_VALUES if odd else VALUES), max_size=3)

    def one_of(good, *bad):
        return draw(st.sampled_from((good, *bad)) if odd else st.just(good))

    made = ExportTraceServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        of_resource = made.resource_spans.add()
        put(of_resource.resource.attributes, draw(attributes))
        of_scope = of_resource.scope_spans.add()
        of_scope.scope.name, of_scope.scope.version = draw(text), draw(text)
        put(of_scope.scope.attributes, draw(attributes))
        for _ in range(draw(st.integers(0, 2))):
            span = of_scope.spans.add(name=draw(text), trace_state=draw(text))
            span.trace_id = one_of(b"t" * 16, bytes(16), b"t" * 15, b"")
            span.span_id = one_of(b"s" * 8, bytes(8), b"s" * 9)
            span.parent_span_id = one_of(b"p" * 8, b"", bytes(8), b"p")
            span.start_time_unix_nano = one_of(time.time_ns(), LATEST, 0, LATEST + 1)
            span.end_time_unix_nano = one_of(LATEST, 0, LATEST + 1)
            span.status.message = draw(text)
            put(span.attributes, draw(attributes))
            put(span.events.add(name=draw(text)).attributes, draw(attributes))
            put(span.links.add().attributes, draw(attributes))
    return made


@given(requests())
def test_what_passes_at_a_glance_would_not_have_been_changed(made):
    written = made.SerializeToString()
    items, reasons = as_it_is(written), Reasons()
    kept = traces.keep(made, reasons)
    if items is not None:
        assert (items, made.SerializeToString()) == (kept, written)
        assert not reasons.rejected
        assert not reasons.warned


PLAIN = {"k" * 127: "v", "a": "x" * 900, "b": True, "c": -1, "d": 2.5, "e": "", "http.route": "/orders/{id}"}


def plain() -> ExportTraceServiceRequest:
    made = request("shop", *(Said(f"{n}" * 16, "GET /", n, 5, attributes=PLAIN) for n in (1, 2, 3)))
    span = made.resource_spans[0].scope_spans[0].spans[1]
    span.events.add(name="exception").attributes.add(key="exception.type").value.string_value = "KeyError"
    span.links.add(trace_id=b"t" * 16, span_id=b"s" * 8).attributes.add(key="why").value.int_value = 1
    span.status.message = "no such fish"
    return made


def test_an_ordinary_request_passes_at_a_glance():
    assert as_it_is(plain().SerializeToString()) == 3
    assert as_it_is(b"") == 0


def in_span(change):
    return lambda made: change(made.resource_spans[0].scope_spans[0].spans[1])


@pytest.mark.parametrize(
    "change",
    [
        lambda made: made.resource_spans[0].resource.attributes.add(key="r").value.array_value.SetInParent(),
        lambda made: made.resource_spans[0].scope_spans[0].scope.attributes.add(key="s"),
        lambda made: setattr(made.resource_spans[0].scope_spans[0].scope, "name", "x" * 1_025),
        lambda made: setattr(made.resource_spans[0].scope_spans[0].scope, "version", "x" * 1_025),
        in_span(lambda span: setattr(span, "trace_id", bytes(16))),
        in_span(lambda span: setattr(span, "trace_id", b"short")),
        in_span(lambda span: setattr(span, "span_id", bytes(8))),
        in_span(lambda span: setattr(span, "span_id", b"short")),
        in_span(lambda span: setattr(span, "parent_span_id", b"short")),
        in_span(lambda span: setattr(span, "start_time_unix_nano", LATEST + 1)),
        in_span(lambda span: setattr(span, "start_time_unix_nano", 0)),
        in_span(lambda span: setattr(span, "start_time_unix_nano", LATEST)),
        in_span(lambda span: setattr(span, "end_time_unix_nano", LATEST + 1)),
        in_span(lambda span: setattr(span, "name", "x" * 1_025)),
        in_span(lambda span: setattr(span, "trace_state", "x" * 20_000)),
        in_span(lambda span: setattr(span.status, "message", "x" * 70_000)),
        in_span(lambda span: span.attributes.add(key="x" * 1_025)),
        in_span(lambda span: span.attributes.add(key="nothing")),
        in_span(lambda span: span.attributes.add(key="empty").value.SetInParent()),
        in_span(lambda span: span.attributes.add(key="map").value.kvlist_value.SetInParent()),
        in_span(lambda span: span.attributes.add(key="new").value.MergeFromString(b"\x42\x01x")),
        in_span(lambda span: setattr(span.attributes.add(key="long").value, "string_value", "x" * 1_025)),
        in_span(lambda span: put(span.attributes, [("n", ("int_value", 1))] * MOST_ATTRIBUTES)),
        in_span(lambda span: span.attributes.add(key="\x12\n\n" * 100)),
        in_span(lambda span: setattr(span.events[0], "name", "x" * 1_025)),
        in_span(lambda span: span.events[0].attributes.add(key="nothing")),
        in_span(lambda span: span.links[0].attributes.add(key="nothing")),
    ],
)
def test_what_may_have_to_be_rejected_or_changed_takes_more_than_a_glance(change):
    made = plain()
    change(made)
    assert as_it_is(made.SerializeToString()) is None
