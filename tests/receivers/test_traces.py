"""What of a trace request is kept: the good part, byte for byte where nothing had to change."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from otlp_requests import Said, request, set_value

from ktlo.receivers.otlp import json_form, signals
from ktlo.receivers.otlp.accepting import MOST_ATTRIBUTES, MOST_VALUE, MalformedError, Reasons
from ktlo.receivers.otlp.exchange import keep, parse
from ktlo.receivers.spool import length_prefix
from ktlo.store.streams import TRACES


@dataclass(frozen=True)
class Accepted:
    body: bytes
    items: int
    rejected: int
    reason: str


def accept(body: bytes) -> Accepted:
    made = ExportTraceServiceRequest()
    parse(body, made)
    return kept_of(made, body)


def kept_of(made: ExportTraceServiceRequest, body: bytes = b"") -> Accepted:
    reasons = Reasons()
    items, written = keep(signals.TRACES, made, reasons, body)
    return Accepted(written, items, sum(reasons.rejected.values()), reasons.said("span"))


def spans_of(body: bytes):
    made = ExportTraceServiceRequest()
    made.ParseFromString(body)
    return [span for r in made.resource_spans for s in r.scope_spans for span in s.spans]


def test_a_good_request_is_passed_on_as_it_came():
    body = request("shop", Said("1" * 16, "x", attributes={"a": "b", "n": 1})).SerializeToString()
    accepted = accept(body)
    assert accepted.body is body
    assert (accepted.items, accepted.rejected, accepted.reason) == (1, 0, "")


@given(st.binary(max_size=300))
def test_no_bytes_break_it(body):
    try:
        accepted = accept(body)
    except MalformedError:
        return
    assert accepted.items == len(spans_of(accepted.body))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("trace_id", b"", "trace_id has 0 bytes instead of 16"),
        ("trace_id", b"x" * 15, "trace_id has 15 bytes instead of 16"),
        ("trace_id", bytes(16), "trace_id is all zeros"),
        ("span_id", b"x" * 9, "span_id has 9 bytes instead of 8"),
        ("span_id", bytes(8), "span_id is all zeros"),
        ("parent_span_id", b"x", "parent_span_id has 1 bytes instead of 8"),
    ],
)
def test_a_span_with_an_impossible_identifier_is_rejected_and_its_neighbours_stay(field, value, said):
    made = request("shop", *(Said(f"{n}" * 16, f"s{n}") for n in (1, 2, 3)))
    setattr(made.resource_spans[0].scope_spans[0].spans[1], field, value)
    accepted = accept(made.SerializeToString())
    assert [span.name for span in spans_of(accepted.body)] == ["s1", "s3"]
    assert (accepted.items, accepted.rejected, accepted.reason) == (2, 1, f"1 span: {said}")


def test_nothing_to_keep_is_an_empty_body():
    made = request("shop", Said("1" * 16, "x"))
    made.resource_spans[0].scope_spans[0].spans[0].trace_id = b"short"
    assert accept(made.SerializeToString()).body == b""
    assert accept(b"").body == b""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.lists(VALUES, min_size=1, max_size=3)
    | st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=3)
)
def test_arrays_and_maps_become_json_text_that_says_the_same(value):
    accepted = accept(request("shop", Said("1" * 16, "x", attributes={"v": value})).SerializeToString())
    (span,) = spans_of(accepted.body)
    assert json.loads(span.attributes[0].value.string_value) == value


def test_a_value_that_nests_a_thousand_deep_is_bounded():
    made = request("shop", Said("1" * 16, "x"))
    value = made.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="deep").value
    for _ in range(90):  # protobuf itself refuses beyond a hundred levels
        value = value.array_value.values.add()
    (span,) = spans_of(kept_of(made).body)
    assert "…" in span.attributes[0].value.string_value


def test_ten_thousand_attributes_and_a_value_of_a_megabyte_are_cut():
    made = request("shop", Said("1" * 16, "x", attributes={f"k{n}": "v" for n in range(10_000)}))
    made.resource_spans[0].scope_spans[0].spans[0].attributes[0].value.string_value = "x" * 1_000_000
    (span,) = spans_of(accept(made.SerializeToString()).body)
    assert len(span.attributes) == MOST_ATTRIBUTES
    assert len(span.attributes[0].value.string_value) == MOST_VALUE
    assert span.dropped_attributes_count == 10_000 - MOST_ATTRIBUTES


def in_json(**span) -> bytes:
    whole = {"traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174", "name": "x", **span}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [whole]}]}]}).encode()


def read(body: bytes):
    made = json_form.read(body, ExportTraceServiceRequest())
    return made.resource_spans[0].scope_spans[0].spans[0]


def test_identifiers_in_json_are_hexadecimal_in_either_case():
    span = read(in_json())
    assert span.trace_id.hex() == "5b8efff798038103d269b633813fc60c"
    assert span.span_id.hex() == "eee19b7ec3c1b174"


def test_integers_of_64_bits_are_numbers_or_text_and_enumerations_numbers():
    span = read(in_json(kind=2, startTimeUnixNano="1544712660000000001", endTimeUnixNano=1544712660000000002))
    assert (span.kind, span.start_time_unix_nano, span.end_time_unix_nano) == (
        2, 1544712660000000001, 1544712660000000002,
    )  # fmt: skip


def test_unknown_keys_and_keys_in_snake_case_are_ignored():
    span = read(in_json(futureField={"a": 1}, start_time_unix_nano="7"))
    assert span.start_time_unix_nano == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"{", "not JSON"),
        (b'{"resourceSpans": 7}', "not OTLP"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"kind": NaN}]}]}]}', "not JSON"),
        (in_json(kind="SPAN_KIND_SERVER"), "integers"),
        (in_json(traceId=12), "not hexadecimal text"),
        (in_json(traceId="xyz"), "not hexadecimal"),
        (b"[" * 5000, "not JSON"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nests deeper"),
    ],
)
def test_what_is_not_otlp_in_json_is_refused_with_the_reason(body, said):
    with pytest.raises(MalformedError, match=said):
        json_form.read(body, ExportTraceServiceRequest())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=6),
        lambda i: (
            st.lists(i, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["resourceSpans", "scopeSpans", "spans", "traceId", "attributes", "key", "value", "kind"]
                ),
                i,
                max_size=3,
            )
        ),
        max_leaves=15,
    )
)
def test_no_json_breaks_it(value):
    try:
        json_form.read(json.dumps(value).encode(), ExportTraceServiceRequest())
    except MalformedError:
        return


def test_set_value_of_the_tests_makes_what_it_says():
    made = request("shop", Said("1" * 16, "x", attributes={"m": {"a": [1]}}))
    value = made.resource_spans[0].scope_spans[0].spans[0].attributes[0].value
    assert value.kvlist_value.values[0].value.array_value.values[0].int_value == 1
    set_value(value, None)


SPAN = request("shop", Said("1" * 16, "x")).resource_spans[0].scope_spans[0].spans[0]


def with_bytes(extra: bytes) -> bytes:
    """A request whose only span has further bytes at its end."""

    def part(field: int, body: bytes) -> bytes:
        return bytes([field << 3 | 2]) + length_prefix(len(body)) + body

    return part(1, part(2, part(2, SPAN.SerializeToString() + extra)))


@pytest.mark.parametrize(
    "extra",
    [
        b"\xc3\x3e\x08\x05\xc4\x3e",  # a group, which protobuf has to skip
        b"\xc0\x3e\x85\x80\x80\x80\x80\x80\x80\x80\x80\x00",  # a number longer than it needs to be
        b"\x38\x05",  # start_time as a varint
        b"\x7a\x02\x18\x02\x7a\x03\x12\x01a",  # a status in two parts
        b"\x30" + b"\xff" * 9 + b"\x01",  # a kind that is none
        b"\x4a\x07\x0a\x01k\x12\x02\x10\x05",  # an attribute that is true, said as 5
    ],
)
def test_what_protobuf_allows_and_the_engine_refuses_does_not_reach_the_engine(extra, store, tmp_path):
    accepted = accept(with_bytes(extra))
    file = tmp_path / "one.segment"
    file.write_bytes(length_prefix(len(accepted.body)) + accepted.body)
    store.load(TRACES, file, extra.hex())  # raises where the engine cannot read it
    assert [span.name for span in spans_of(accepted.body)] == ["x"]


def test_a_span_beyond_what_instants_hold_is_rejected_because_the_engine_would_refuse_its_neighbours_too():
    made = request("shop", Said("1" * 16, "x"), Said("2" * 16, "y"))
    made.resource_spans[0].scope_spans[0].spans[0].start_time_unix_nano = 1 << 63
    made.resource_spans[0].scope_spans[0].spans[0].end_time_unix_nano = (1 << 63) + 5
    accepted = accept(made.SerializeToString())
    assert (accepted.items, accepted.reason) == (1, "1 span: a time is after the year 2262")
