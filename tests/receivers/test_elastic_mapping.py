"""What each kind of event becomes: tables in golden/elastic, one file a case, and properties that hold for all.

A file has the events, one a line, then ``=>`` and what becomes of them. ``KTLO_REWRITE=1`` writes the second half anew.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from elastic_streams import AT, METADATA, TRACE, error, kept, metricset, ndjson, span, spans_of, transaction
from google.protobuf.json_format import MessageToDict
from hypothesis import given
from hypothesis import strategies as st

from ktlo.receivers.elastic.batch import Batch, LineError, read_metadata
from ktlo.receivers.elastic.metricsets import TWINS
from ktlo.receivers.elastic.stream import Stream

GOLDEN = Path(__file__).parent / "golden" / "elastic"
NOW = 1_790_000_100_000_000_000


def told(lines: list[str]) -> str:
    """What becomes of events, as text: one paragraph an event, attributes sorted."""
    metadata = METADATA if not lines[0].startswith('{"metadata"') else json.loads(lines.pop(0))
    batch = Batch(read_metadata(json.dumps(metadata).encode()), NOW)
    paragraphs = []
    for line in lines:
        try:
            batch.add(line.encode())
        except LineError as error:
            paragraphs.append(f"rejected: {error.message}")
    for message, items in (
        (batch.traces, ("resource_spans", "scope_spans", "spans")),
        (batch.logs, ("resource_logs", "scope_logs", "log_records")),
        (batch.metrics, ("resource_metrics", "scope_metrics", "metrics")),
    ):
        for of_resource in getattr(message, items[0]):
            if metadata is not METADATA or len(getattr(message, items[0])) > 1:
                paragraphs.append("\n".join(["resource", *described(of_resource.resource)]))
            for of_scope in getattr(of_resource, items[1]):
                paragraphs += ["\n".join([items[2], *described(one)]) for one in getattr(of_scope, items[2])]
    return "\n\n".join(paragraphs) + "\n"


def described(message) -> list[str]:
    """A message's fields, one a line; attributes by name, identifiers as hexadecimal text."""
    return sorted(flat(MessageToDict(message, preserving_proto_field_name=True), ""))


def flat(value, path: str) -> list[str]:
    if isinstance(value, list) and value and all(isinstance(one, dict) and "key" in one for one in value):
        return [
            f"  {path}[{one['key']}] = {json.dumps(next(iter(one.get('value', {}).values()), None))}"
            for one in value
        ]
    if isinstance(value, list):
        return [line for n, one in enumerate(value) for line in flat(one, f"{path}.{n}")]
    if isinstance(value, dict):
        return [line for key, one in value.items() for line in flat(one, f"{path}.{key}" if path else key)]
    if path.rpartition(".")[2] in ("trace_id", "span_id", "parent_span_id"):
        value = base64.b64decode(value).hex()
    return [f"  {path} = {json.dumps(value)}"]


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.txt")), ids=lambda file: file.stem)
def test_an_event_becomes_what_its_table_says(file):
    given_half, _, wanted = file.read_text(encoding="utf-8").partition("\n=>\n")
    lines = [line for line in given_half.splitlines() if line and not line.startswith("#")]
    made = told(lines)
    if os.environ.get("KTLO_REWRITE"):
        file.write_text(f"{given_half}\n=>\n{made}", encoding="utf-8")
    else:
        assert made == wanted


def of(*events, clock=lambda: NOW):
    """Exports and outcome of a stream."""
    exports = kept()
    stream = Stream(exports, clock=clock)
    stream.feed(ndjson(METADATA, *events))
    stream.finish()
    return exports, stream.outcome


@given(
    at=st.integers(0, 9_223_372_036_854_775),
    milliseconds=st.floats(0, 1e9, allow_nan=False),
)
def test_microseconds_and_milliseconds_become_nanoseconds(at, milliseconds):
    exports, outcome = of(transaction(timestamp=at, duration=milliseconds))
    if outcome.accepted:
        (one,) = spans_of(exports)
        assert one.start_time_unix_nano == at * 1000
        assert abs(one.end_time_unix_nano - at * 1000 - milliseconds * 1e6) <= 1
    else:
        assert at * 1000 + milliseconds * 1e6 > (1 << 63) - 2
        assert outcome.status == 400


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(tags=st.dictionaries(st.text(min_size=1), JSON, max_size=5))
def test_any_tag_is_kept_under_its_own_name(tags):
    exports, outcome = of(transaction(context={"tags": tags}))
    assert outcome.status == 202
    (one,) = spans_of(exports)
    kept_tags = {attribute.key for attribute in one.attributes}
    assert {key for key, value in tags.items() if value not in (None, "")} <= kept_tags


@given(st.sampled_from(["transaction", "span", "error", "metricset", "log"]), JSON)
def test_no_event_whatever_breaks_the_stream_or_its_neighbours(kind, anything):
    exports, outcome = of(transaction(), {kind: anything}, transaction(id="1" * 16))
    assert len(spans_of(exports)) >= 2
    assert outcome.accepted + len(outcome.errors) == 3
    assert outcome.status == (400 if outcome.errors else 202)


@given(st.dictionaries(st.sampled_from(sorted(transaction()["transaction"])), JSON, min_size=1))
def test_a_field_of_any_type_is_taken_or_refused_with_its_reason(fields):
    exports, outcome = of(transaction(**fields))
    assert len(spans_of(exports)) == outcome.accepted
    if not outcome.accepted:
        assert outcome.errors[0]["message"].startswith("transaction")


def test_a_time_that_is_missing_is_the_time_of_arrival():
    event = transaction()
    del event["transaction"]["timestamp"]
    late = span(start=40.0)
    del late["span"]["timestamp"]
    exports, _ = of(event, late)
    first, second = spans_of(exports)
    assert first.start_time_unix_nano == NOW
    assert second.start_time_unix_nano == NOW + 40_000_000


def test_a_service_of_its_own_in_an_event_gets_a_resource_of_its_own():
    exports, _ = of(
        transaction(), transaction(context={"service": {"name": "plugin", "version": "2"}}), transaction()
    )
    (request,) = exports.traces.requests
    services = [
        {one.key: one.value.string_value for one in part.resource.attributes}["service.name"]
        for part in request.resource_spans
    ]
    assert services == ["storefront", "plugin"]
    assert [len(part.scope_spans[0].spans) for part in request.resource_spans] == [2, 1]


@pytest.mark.parametrize("name", sorted(TWINS))
def test_a_metric_with_a_twin_is_told_under_its_opentelemetry_name(name):
    exports, _ = of(metricset(samples={name: {"value": 8}}))
    (metric,) = exports.metrics.requests[0].resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == (TWINS[name].name, TWINS[name].unit)
    assert metric.gauge.data_points[0].as_double == 8 * TWINS[name].factor
    assert metric.gauge.data_points[0].time_unix_nano == AT * 1000


def test_what_decides_about_an_event_is_checked():
    for event, said in (
        (transaction(trace_id="0" * 32), "all zeros"),
        (transaction(trace_id=TRACE[:-1]), "32 hexadecimal"),
        (transaction(id=12), "$.transaction.id"),
        (transaction(id="x" * 16), "16 hexadecimal"),
        (transaction(timestamp=-1), "1970"),
        (transaction(timestamp=10**17), "1970"),
        (transaction(duration="long"), "duration"),
        (span(parent_id=""), "parent_id"),
        (span(links=[{"trace_id": "x", "span_id": "y"}]), "links.trace_id"),
        (metricset(samples={"x": {}}), "neither"),
        (metricset(samples={"x": {"values": [1, 2], "counts": [1]}}), "2 values and 1 counts"),
        (metricset(samples={"x": {"values": [2, 1], "counts": [1, 1]}}), "do not grow"),
        ({"error": {"id": "1"}}, "'exception' or 'log'"),
    ):
        exports, outcome = of(transaction(), event, error(), metricset())
        assert (outcome.status, outcome.accepted) == (400, 3)
        assert said in outcome.errors[0]["message"]
        # Nothing of the bad event is left among the good ones.
        assert len(spans_of(exports)) == 1
        assert len(exports.logs.requests[0].resource_logs[0].scope_logs[0].log_records) == 1
        assert len(exports.metrics.requests[0].resource_metrics[0].scope_metrics[0].metrics) == 1
