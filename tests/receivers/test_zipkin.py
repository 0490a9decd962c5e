"""Zipkin's spans, as OTLP has them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ktlo.receivers.otlp.accepting import MalformedError
from ktlo.receivers.zipkin.translation import translate

SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c", "id": "b7ad6b7169203331", "name": "get /cart", "kind": "SERVER",
    "timestamp": 1_790_000_000_000_000, "duration": 1500, "localEndpoint": {"serviceName": "shop", "ipv4": "10.0.0.1"},
}  # fmt: skip


def one(**said: Any) -> Any:
    made, rejected = translate(json.dumps([{**SPAN, **said}]).encode())
    assert not rejected
    return made.resource_spans[0].scope_spans[0].spans[0]


def attributes(span: Any) -> dict[str, str]:
    return {each.key: each.value.string_value or str(each.value.int_value) for each in span.attributes}


def test_a_span_arrives_with_its_times_in_nanoseconds():
    span = one(parentId="00f067aa0ba902b7")
    assert (span.trace_id.hex(), span.span_id.hex()) == (SPAN["traceId"], SPAN["id"])
    assert (span.parent_span_id.hex(), span.name, span.kind) == ("00f067aa0ba902b7", "get /cart", 2)
    assert span.end_time_unix_nano - span.start_time_unix_nano == 1_500_000


def test_spans_are_grouped_by_the_service_of_their_local_endpoint():
    made, _ = translate(json.dumps([SPAN, {**SPAN, "localEndpoint": {"serviceName": "pay"}}, SPAN]).encode())
    services = [each.resource.attributes[0].value.string_value for each in made.resource_spans]
    assert services == ["shop", "pay"]
    assert len(made.resource_spans[0].scope_spans[0].spans) == 2


def test_identifiers_of_64_bits_are_filled_up():
    assert one(traceId="8448eb211c80319c").trace_id.hex() == "0" * 16 + "8448eb211c80319c"


@pytest.mark.parametrize(
    ("tags", "code", "message"),
    [
        ({"error": "timeout"}, 2, "timeout"), ({"error": "true"}, 2, ""), ({"error": ""}, 2, ""),
        ({"error": "false"}, 0, ""), ({}, 0, ""), ({"otel.status_code": "OK", "error": "x"}, 1, ""),
        ({"otel.status_code": "ERROR", "otel.status_description": "declined"}, 2, "declined"),
    ],
)  # fmt: skip
def test_the_status_follows_from_the_tags(tags, code, message):
    span = one(tags=tags)
    assert (span.status.code, span.status.message) == (code, message)


def test_endpoints_tags_and_annotations_become_attributes_and_events():
    span = one(
        tags={"http.method": "GET", "otel.scope.name": "flask"},
        remoteEndpoint={"serviceName": "browser", "ipv6": "::1", "port": 9},
        annotations=[
            {"timestamp": 1_790_000_000_000_001, "value": "ws"},
            {"timestamp": 1_790_000_000_000_002, "value": '{"exception": {"exception.type": "E", "n": 1}}'},
        ],
    )
    assert attributes(span) == {
        "http.method": "GET", "peer.service": "browser", "network.peer.address": "::1", "network.peer.port": "9",
        "network.local.address": "10.0.0.1",
    }  # fmt: skip
    assert [event.name for event in span.events] == ["ws", "exception"]
    assert {each.key: each.value.string_value for each in span.events[1].attributes} == {
        "exception.type": "E", "n": "1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [
        {"traceId": 12}, {"traceId": "xyz"}, {"id": ""}, {"id": "1" * 17}, {"traceId": "1" * 33}, {"timestamp": "soon"},
        {"tags": {"a": 1}}, {"tags": []}, {"parentId": "q"}, {"annotations": [{"value": "x"}]},
    ],
)  # fmt: skip
def test_a_span_that_is_none_is_rejected_with_its_reason_and_its_neighbours_stay(bad):
    made, rejected = translate(json.dumps([SPAN, {**SPAN, **bad}, SPAN]).encode())
    assert sum(rejected.values()) == 1
    assert all(rejected)
    assert len(made.resource_spans[0].scope_spans[0].spans) == 2


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"7", b"\xff", b"[" * 100_000])
def test_what_is_no_list_of_spans_is_malformed(body):
    with pytest.raises(MalformedError):
        translate(body)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([*SPAN, "tags", "annotations", "remoteEndpoint", "parentId", "shared"]),
            st.none()
            | st.integers()
            | st.text(max_size=20)
            | st.dictionaries(st.text(max_size=4), st.text(max_size=4)),
            max_size=6,
        ),
        max_size=3,
    )
)
def test_no_json_breaks_it(said):
    made, rejected = translate(json.dumps(said).encode())
    kept = sum(len(scope.spans) for each in made.resource_spans for scope in each.scope_spans)
    assert kept + sum(rejected.values()) == len(said)
