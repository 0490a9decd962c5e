"""Of a log request every record is kept: what it says is worth more than what it is tied to."""

from __future__ import annotations

import json
import math

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from otlp_requests import TEN
from signal_requests import log, logs

from ktlo.receivers.otlp import json_form, signals
from ktlo.receivers.otlp.accepting import MOST_ATTRIBUTES, MOST_VALUE, Reasons
from ktlo.receivers.otlp.exchange import keep
from ktlo.receivers.otlp.logs import MOST_BODY


def kept(made: ExportLogsServiceRequest):
    """What of a request with one record is kept, and what is told of it."""
    reasons = Reasons()
    items, body = keep(signals.LOGS, made, reasons)
    read = ExportLogsServiceRequest()
    read.ParseFromString(body)
    assert items == 1
    return read.resource_logs[0].scope_logs[0].log_records[0], reasons.said("log record")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"trace_id": b"x" * 15}, "1 log record: trace_id has 15 bytes instead of 16; kept without it"),
        ({"span_id": b"x"}, "1 log record: span_id has 1 bytes instead of 8; kept without it"),
        ({"trace_id": bytes(16), "span_id": bytes(8)}, ""),
    ],
)
def test_a_record_with_an_impossible_identifier_keeps_its_text_and_the_sender_is_told(said, told):
    record, message = kept(logs("shop", log("declined", **said)))
    assert (record.body.string_value, record.trace_id, record.span_id) == ("declined", b"", b"")
    assert message == told


def test_a_record_beyond_the_year_2262_keeps_its_text_and_the_time_it_was_observed():
    said = log("late", time_unix_nano=1 << 63, observed_time_unix_nano=TEN)
    record, message = kept(logs("shop", said))
    assert (record.time_unix_nano, record.observed_time_unix_nano) == (0, TEN)
    assert "after the year 2262" in message


@pytest.mark.parametrize("body", [["a", 1, None, {"b": [True]}], {"user": {"id": 7}, "tags": ["x"]}])
def test_a_body_that_is_an_array_or_a_map_becomes_json(body):
    record, _ = kept(logs("shop", log(body)))
    assert json.loads(record.body.string_value) == body


def test_numbers_that_json_cannot_say_are_text_in_it():
    record, _ = kept(logs("shop", log([math.nan, math.inf, 0.5])))
    assert json.loads(record.body.string_value) == ["nan", "inf", 0.5]


def test_a_body_of_a_megabyte_and_ten_thousand_attributes_are_cut_and_what_is_cut_is_counted():
    said = log("x" * (1 << 20), attributes={f"k{n}": "v" * (MOST_VALUE + 1) for n in range(3)})
    record, _ = kept(logs("shop", said))
    assert len(record.body.string_value) == MOST_BODY
    assert {len(one.value.string_value) for one in record.attributes} == {MOST_VALUE}
    record, _ = kept(logs("shop", log(attributes={f"k{n}": "v" for n in range(10_000)})))
    assert (len(record.attributes), record.dropped_attributes_count) == (MOST_ATTRIBUTES, 9_000)


def test_a_record_without_a_body_is_kept():
    made = logs("shop", log())
    made.resource_logs[0].scope_logs[0].log_records[0].ClearField("body")
    record, message = kept(made)
    assert (record.HasField("body"), message) == (False, "")


def test_logs_in_json_have_hexadecimal_identifiers_and_severities_as_integers():
    said = {"timeUnixNano": str(TEN), "severityNumber": 17, "traceId": "0AF7651916CD43DD8448EB211C80319C"}
    body = json.dumps(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{**said, "body": {"intValue": "7"}}]}]}]}
    )
    record, _ = kept(json_form.read(body.encode(), ExportLogsServiceRequest()))
    assert (record.severity_number, record.trace_id.hex()) == (17, "0af7651916cd43dd8448eb211c80319c")
    assert record.body.int_value == 7
